"""Processes that stay, and what is looked at before they do."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the run.")] = False,
    members: Annotated[int, typer.Option(help="How many members the made-up site has.", min=200)] = 2000,
    as_json: AsJson = False,
) -> None:
    """The whole main job on a made-up site, through the sandbox. Example: huifang demo --exit"""
    from bot.commands import demo as command

    run(lambda: command.run_demo(members=members, stay=not exit_, as_json=as_json))


@app.command()
def up(
    exit_: Annotated[bool, typer.Option("--exit", help="End when every message has its fate.")] = False,
    as_json: AsJson = False,
) -> None:
    """Web, worker and, without credentials, the sandbox in one process. Example: huifang up"""
    from bot.commands import serving as command

    run(lambda: command.run_up(settings(), until_done=exit_, as_json=as_json))


@app.command()
def web(as_json: AsJson = False) -> None:
    """Web alone; needs REDIS_URL. Example: huifang web"""
    from bot.commands import serving as command

    run(lambda: command.run_web(settings(), as_json=as_json))


@app.command()
def worker(
    processes: Annotated[int, typer.Option(help="How many; one keeps one core busy.", min=1, max=64)] = 1,
    as_json: AsJson = False,
    parent: Annotated[int, typer.Option(hidden=True, help="End when this process is no longer the parent.")] = 0,
) -> None:
    """Worker alone; needs REDIS_URL. Example: huifang worker --processes 2"""
    from bot.commands import working as command

    if processes == 1:
        run(lambda: command.run_worker_alone(settings(), as_json=as_json, parent=parent))
    else:
        run(lambda: command.run_workers(settings(), processes, as_json=as_json))


@app.command()
def sandbox(
    as_json: AsJson = False,
    port: Annotated[int, typer.Option(help="Port of the side door; 0 is any.")] = 0,
    ledger: Annotated[Path | None, typer.Option(help="Append everything accepted to this file.")] = None,
    faults: Annotated[
        int | None, typer.Option(metavar="SEED", help="A fifth of all requests meets a fault, which ones by this seed.")
    ] = None,
) -> None:
    """The stand-ins alone, for any client. Example: huifang sandbox --json"""
    from bot.commands import serving as command

    run(lambda: command.run_sandbox(settings(), as_json=as_json, port=port, ledger=ledger, faults=faults))


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema up to date. Example: huifang migrate"""
    from bot.commands import asking as command

    print_found(
        run(lambda: command.migrate(settings())), as_json, lambda found: [f"数据库是最新的：{found['database']}"]
    )


@app.command()
def doctor(
    open_: Annotated[str, typer.Option("--open", metavar="CHANNEL", help="Let a closed channel send again.")] = "",
    as_json: AsJson = False,
) -> None:
    """What is set up, what is missing, and how to mend it. Example: huifang doctor"""
    from bot.commands import deciding

    if open_:
        run(lambda: deciding.open_channel(settings(), open_))
    from bot.commands import doctor as command

    found = run(lambda: command.examine(settings()))
    print_found(found, as_json, command.lines)
    if not found["ok"]:
        raise typer.Exit(1)

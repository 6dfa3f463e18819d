"""What and when: campaigns."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What and when: campaigns.")

Key = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A folder under templates/, such as unread_resumes.")]


@app.command("list")
def campaign_list(as_json: AsJson = False) -> None:
    """Every campaign and its state. Example: huifang campaign list"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    print_found(run(lambda: command.listing(settings())), as_json, printing.campaign_table)


@app.command("show")
def campaign_show(key: Key, as_json: AsJson = False) -> None:
    """Definition and words, filled with the sample facts. Example: huifang campaign show unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    print_found(run(lambda: command.show(settings(), key)), as_json, printing.campaign_lines)


@app.command("lint")
def campaign_lint(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[CAMPAIGN…]", help="All of them when none is named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What is wrong with a campaign folder. Example: huifang campaign lint unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    found = run(lambda: command.lint(settings(), keys or []))
    print_found(found, as_json, printing.lint_lines)
    if found["problems"]:
        raise typer.Exit(1)


@app.command("preview")
def campaign_preview(key: Key, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """What starting it now would do: fates and reasons. Example: huifang campaign preview unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    print_found(run(lambda: command.preview(settings(), key, moment(as_of))), as_json, printing.preview_lines)


@app.command("approve")
def campaign_approve(
    key: Key,
    by: Annotated[str, typer.Option(help="Who approves.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bind a campaign to its words as they stand. Example: huifang campaign approve unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    print_found(run(lambda: command.approve(settings(), key, by)), as_json, printing.approved_lines)


@app.command("start")
def campaign_start(key: Key, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Plan it and let it run; `huifang up` sends. Example: huifang campaign start unread_resumes"""
    from bot.commands import campaigning as command
    from bot.commands import printing

    print_found(run(lambda: command.start(settings(), key, moment(as_of))), as_json, printing.start_lines)


@app.command("pause")
def campaign_pause(key: Key, as_json: AsJson = False) -> None:
    """Stop the wire; what waits stays. Example: huifang campaign pause unread_resumes"""
    _change(key, "pause", as_json)


@app.command("resume")
def campaign_resume(key: Key, as_json: AsJson = False) -> None:
    """Go on. Example: huifang campaign resume unread_resumes"""
    _change(key, "resume", as_json)


@app.command("cancel")
def campaign_cancel(key: Key, as_json: AsJson = False) -> None:
    """End it; what waits is not sent. Example: huifang campaign cancel unread_resumes"""
    _change(key, "cancel", as_json)


@app.command("status")
def campaign_status(
    key: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow it till nothing is due: how far, how fast, how long still.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What was planned, what became of it, what came back. Example: huifang campaign status unread_resumes --watch"""
    from bot.commands import campaigning as command
    from bot.commands import printing, watching

    if watch:
        run(lambda: watching.watch(settings(), key, as_json=as_json))
        return
    print_found(run(lambda: command.status(settings(), key)), as_json, printing.status_lines)


def _change(key: str, what: str, as_json: bool) -> None:
    from bot.commands import campaigning as command

    found = run(lambda: command.change(settings(), key, what))
    print_found(found, as_json, lambda found: [f"{found['campaign']}：{found['state']}"])

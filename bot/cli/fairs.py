"""Fairs and joint recruiting."""

from datetime import datetime
from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(rich_markup_mode=None, help="Fairs and joint recruiting: who is alike, who is invited, who comes.")
By = Annotated[str, typer.Option(help="Who does it.")]
Fair = Annotated[int, typer.Argument(metavar="FAIR", min=1, help="The fair's number.")]


@app.callback(invoke_without_command=True)
def fairs(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Without a command: the fairs there are. Example: huifang fairs --json"""
    if ctx.invoked_subcommand is None:
        from bot.commands import fairs as command

        print_found(run(lambda: command.listing(settings())), as_json, command.fair_lines)


@app.command("clusters")
def fair_clusters(as_json: AsJson = False) -> None:
    """Companies that look for the same, by trade, place and occupation. Example: huifang fairs clusters"""
    from bot.commands import fairs as command

    print_found(run(lambda: command.clusters(settings())), as_json, command.cluster_lines)


@app.command("show")
def fair_show(fair: Fair, as_json: AsJson = False) -> None:
    """Who is invited, what they answered, who came. Example: huifang fairs show 1"""
    from bot.commands import fairs as command

    print_found(run(lambda: command.show(settings(), fair)), as_json, command.show_lines)


@app.command("make")
def fair_make(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day, 2026-12-12.")],
    place: Annotated[str, typer.Option(help="Where.")] = "",
    cluster: Annotated[str, typer.Option(help="The key of a group from huifang fairs clusters.")] = "",
    capacity: Annotated[int | None, typer.Option(help="At most so many companies.", min=1)] = None,
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """A fair, or a joint recruiting of a group. Example: huifang fairs make 厨师专场 --on 2026-12-12"""
    from bot.commands import fairs as command

    found = run(lambda: command.make(settings(), name, on.date(), place, cluster, capacity, by))
    print_found(found, as_json, command.show_lines)


@app.command("invite")
def fair_invite(
    fair: Fair,
    members: Annotated[list[str], typer.Argument(metavar="MEMBER…", help="The members' numbers on the site.")],
    message: Annotated[bool, typer.Option("--message", help="Invite them by a message of ours.")] = False,
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Write down that members were invited, by telephone or in person. Example: huifang fairs invite 1 Q200001

    With --message they are invited by one, who can be written to.
    """
    from bot.commands import fairs as command

    found = run(lambda: command.invite(settings(), fair, members, by, message=message))
    print_found(found, as_json, command.show_lines)


@app.command("answer")
def fair_answer(
    fair: Fair,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member's number on the site.")],
    said: Annotated[str, typer.Argument(metavar="SAID", help="yes, no, maybe; attended or absent from its day on.")],
    note: Annotated[str, typer.Option(help="In a few words.")] = "",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """What a company answered, and whether it came. Example: huifang fairs answer 1 Q200001 yes --note 来三个人"""
    from bot.commands import fairs as command

    found = run(lambda: command.answer(settings(), fair, member, said, note, by))
    print_found(found, as_json, command.show_lines)


@app.command("end")
def fair_end(
    fair: Fair,
    state: Annotated[str, typer.Argument(metavar="STATE", help="held, or called_off: invitations that wait stop.")],
    as_json: AsJson = False,
) -> None:
    """A fair took place, or does not take place. Example: huifang fairs end 1 called_off"""
    from bot.commands import fairs as command

    print_found(run(lambda: command.end(settings(), fair, state)), as_json, command.show_lines)

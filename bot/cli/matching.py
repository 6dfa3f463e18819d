"""Job seekers for members' postings."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)
Number = Annotated[str, typer.Argument(metavar="MEMBER", help="The member's number on the site.")]


@app.command()
def match(
    number: Number,
    most: Annotated[int, typer.Option(help="At most so many.", min=1, max=1_000)] = 20,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """New job seekers who fit a member's live postings, with reasons. Example: huifang match Q200001 --json"""
    from bot.commands import matching as command

    found = run(lambda: command.match_member(settings(), number, moment(as_of), most))
    print_found(found, as_json, command.match_lines)


@app.command()
def introduce(
    number: Number,
    seekers: Annotated[list[str], typer.Argument(metavar="SEEKER…", help="The seekers' numbers on the site.")],
    by: Annotated[str, typer.Option(help="Who introduces them.")] = "命令行",
    as_json: AsJson = False,
) -> None:
    """Introduce seekers to a member in one message. Example: huifang introduce Q200001 J17 J40"""
    from bot.commands import matching as command

    found = run(lambda: command.introduce_seekers(settings(), number, seekers, by))
    print_found(found, as_json, command.introduced_lines)

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


introductions = typer.Typer(rich_markup_mode=None, help="Seekers introduced to a member, and what came of it.")
By = Annotated[str, typer.Option(help="Who does it.")]


@introductions.command("list")
def introduction_list(number: Number, as_json: AsJson = False) -> None:
    """Who was proposed and introduced to a member. Example: huifang introductions list Q200001 --json"""
    from bot.commands import introductions as command

    print_found(run(lambda: command.listed(settings(), number)), as_json, command.list_lines)


@introductions.command("change")
def introduction_change(
    introduction: Annotated[int, typer.Argument(metavar="ID", min=1, help="Its number in the list.")],
    what: Annotated[str, typer.Argument(metavar="WHAT", help="told (the seeker knows), refused or withdrawn.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """What came of an introduction. Example: huifang introductions change 7 refused --reason 太远"""
    from bot.commands import introductions as command

    found = run(lambda: command.change(settings(), introduction, what, reason, by))
    print_found(found, as_json, command.list_lines)


@introductions.command("ask")
def introduction_ask(
    number: Number,
    seeker: Annotated[str, typer.Argument(metavar="SEEKER", help="The seeker's number on the site.")],
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """A task: ask a seeker for consent to this member. Example: huifang introductions ask Q200001 J17"""
    from bot.commands import introductions as command

    print_found(run(lambda: command.ask(settings(), number, seeker, by)), as_json, command.list_lines)


@introductions.command("consent")
def introduction_consent(
    seeker: Annotated[str, typer.Argument(metavar="SEEKER", help="The seeker's number on the site.")],
    said: Annotated[str, typer.Argument(metavar="SAID", help="yes or no.")],
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Whether a seeker agrees to be introduced. Example: huifang introductions consent J17 yes"""
    from bot.commands import introductions as command

    print_found(run(lambda: command.consent(settings(), seeker, said, by)), as_json, command.consent_lines)

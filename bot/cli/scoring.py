"""How alive accounts are, and in which tier members are."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)


@app.command()
def score(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Columns id, frequency, recency, age (or T), in one unit of time."),
    ] = None,
    horizon: Annotated[float, typer.Option(help="How far `expected` looks ahead, in the file's unit of time.")] = 39.0,
    at_least: Annotated[
        int, typer.Option(help="Fewer rows with frequency above 0 are not fitted: the shipped parameters stay.", min=1)
    ] = 200,
    unit: Annotated[
        str, typer.Option(help="The file's unit: day, week or month. Only the shipped parameters ask for it.")
    ] = "week",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Who still comes, by the MBG/NBD: of a file, or, without one, of our members. Example: huifang score visits.csv

    Without FILE every member is scored on its logins and the scores are kept, as every night; the options before
    --as-of are for a file alone.
    """
    from bot.commands import scoring as command

    if file is None:
        found = run(lambda: command.score_members(settings(), moment(as_of), quiet=as_json))
        print_found(found, as_json, command.member_lines)
        return
    print_found(command.score_file(file, horizon, at_least, unit), as_json, command.file_lines)


@app.command()
def tiers(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Place every member in its tier, as every night. Example: huifang tiers --json"""
    from bot.commands import tiering as command

    print_found(run(lambda: command.place_members(settings(), moment(as_of))), as_json, command.tier_lines)

"""How alive accounts are."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found

app = typer.Typer(rich_markup_mode=None)


@app.command()
def score(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Columns id, frequency, recency, age (or T), in one unit of time.")
    ],
    horizon: Annotated[float, typer.Option(help="How far `expected` looks ahead, in the file's unit of time.")] = 39.0,
    at_least: Annotated[
        int, typer.Option(help="Fewer rows with frequency above 0 are not fitted: the shipped parameters stay.", min=1)
    ] = 200,
    unit: Annotated[
        str, typer.Option(help="The file's unit: day, week or month. Only the shipped parameters ask for it.")
    ] = "week",
    as_json: AsJson = False,
) -> None:
    """Fit the MBG/NBD to a file: who is still there, who is expected how often. Example: huifang score members.csv"""
    from bot.commands import scoring as command

    print_found(command.score_file(file, horizon, at_least, unit), as_json, command.file_lines)

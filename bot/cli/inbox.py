"""The inbox: replies whose sender nobody knows."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What customers said.")


@app.callback()
def inbox() -> None:
    """What customers said."""


@app.command("unknown")
def unknown(
    page: Annotated[int, typer.Option(min=1, max=10_000, help="The first has the newest.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Replies whose sender nobody knows, newest first. Example: huifang inbox unknown --json"""
    from bot.commands import strangers as command

    print_found(run(lambda: command.unknown(settings(), page)), as_json, command.unknown_lines)

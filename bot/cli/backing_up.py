"""A backup, its restore, and the word that lets a restored copy go on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)


BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@app.command()
def backup(
    path: BackupFile,
    force: Annotated[bool, typer.Option("--force", help="Write over the file that is there.")] = False,
    with_secret: Annotated[
        bool, typer.Option("--secret/--no-secret", help="With the signing secret that lies in HUIFANG_VAR.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """The whole database in one file, while campaigns run. Example: huifang backup huifang-1123.zip"""
    from bot.commands import backing_up as command

    found = run(lambda: command.backup(settings(), path, replace=force, with_secret=with_secret, quiet=as_json))
    print_found(found, as_json, command.backup_lines)


@app.command()
def restore(path: BackupFile, as_json: AsJson = False) -> None:
    """Fill an empty database from a backup; it stays paused. Example: huifang restore huifang-1123.zip"""
    from bot.commands import backing_up as command

    print_found(run(lambda: command.restore(settings(), path, quiet=as_json)), as_json, command.restore_lines)


@app.command()
def release(
    list_: Annotated[
        bool, typer.Option("--list", help="Only show what it would send and what it cannot know.")
    ] = False,
    uncertain: Annotated[
        Literal["mail", "none", "all"],
        typer.Option(
            help="What may have been sent since the backup. mail: service mail once more under its Message-ID, the "
            "rest never; none: nothing again; all: nothing was sent since, go on as if it had not happened."
        ),
    ] = "mail",
    as_json: AsJson = False,
) -> None:
    """Let a restored copy plan and send again. Example: huifang release"""
    from bot.commands import backing_up as command

    if list_:
        print_found(run(lambda: command.show_held(settings())), as_json, command.held_lines)
        return
    print_found(run(lambda: command.release(settings(), uncertain)), as_json, command.release_lines)

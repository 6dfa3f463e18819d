"""Signing our own mail: the key and its DNS record."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Sign our own mail: the key and its DNS record.")


class Kind(StrEnum):
    RSA = "rsa"
    ED25519 = "ed25519"


@app.command("new")
def new(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain that signs: mail.example.com")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is written.")],
    selector: Annotated[str, typer.Option(help="Another for each key.")] = "huifang",
    kind: Annotated[Kind, typer.Option(help="Not every receiver knows ed25519.")] = Kind.RSA,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its record. Example: huifang dkim new mail.example.com dkim.pem --selector s2026"""
    from bot.commands import signing as command

    print_found(command.new_key(kind, domain, selector, file), as_json, command.record_lines)


@app.command("show")
def show(as_json: AsJson = False) -> None:
    """The DNS record for the key in the settings. Example: huifang dkim show"""
    from bot.commands import signing as command

    print_found(command.shown_record(settings()), as_json, command.record_lines)


@app.command("check")
def check(as_json: AsJson = False) -> None:
    """Whether the record that is published is that of our key. Example: huifang dkim check"""
    from bot.commands import signing as command

    found = run(lambda: command.check_record(settings()))
    print_found(found, as_json, lambda found: [f"{found['name']} 对得上 (the published record is that of our key)"])

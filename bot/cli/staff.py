"""Staff accounts, for whoever runs the machine: the first ones, and the way back in for an administrator."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings
from campaigns.rights import Role

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may log in to the pages.")


@app.command("add")
def add(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="2 to 64 of a-z 0-9 . _ -")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in the owner column of the members.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.AGENT,
    department: Annotated[str, typer.Option(help="Whose members the person sees beside the own.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an account and print its one-time password. Example: huifang staff add lin 林晓芸 --role marketer"""
    from bot.commands import staffing as command

    print_found(run(lambda: command.add(settings(), login, name, role, department)), as_json, command.password_lines)


@app.command("list")
def everybody(as_json: AsJson = False) -> None:
    """Everybody who may log in, and as what. Example: huifang staff list"""
    from bot.commands import staffing as command

    print_found(run(lambda: command.everybody(settings())), as_json, command.staff_lines)


@app.command("reset")
def reset(login: Annotated[str, typer.Argument(metavar="LOGIN")], as_json: AsJson = False) -> None:
    """A new one-time password; the second step is off. Example: huifang staff reset admin"""
    from bot.commands import staffing as command

    print_found(run(lambda: command.reset(settings(), login)), as_json, command.password_lines)

"""The WeChat Official Account: its menu."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The WeChat Official Account.")
menu_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The menu at the foot of the account.")
app.add_typer(menu_app, name="menu")


@menu_app.command("show")
def menu_show(as_json: AsJson = False) -> None:
    """The menu as WeChat has it. Example: huifang wechat menu show"""
    from bot.commands import official_account as command

    print_found(run(lambda: command.show_menu(settings())), as_json, command.menu_lines)


@menu_app.command("set")
def menu_set(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make it that of templates/wechat_menu.toml. Example: huifang wechat menu set --yes"""
    from bot.commands import official_account as command

    print_found(run(lambda: command.set_menu(settings(), really=yes)), as_json, command.change_lines)

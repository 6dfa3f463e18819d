"""Other programs: tokens for the REST interface, and webhooks that tell what happened."""

from enum import StrEnum
from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings
from campaigns.webhooks import WebhookKind

api_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The REST interface (docs/api.md).")
token_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys for programs.")
api_app.add_typer(token_app, name="token")
hook_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Programs that are told what happened.")


class TokenScope(StrEnum):
    READ = "read"
    WRITE = "write"
    EVENTS = "events"


@token_app.command("add")
def token_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it.")],
    scope: Annotated[list[TokenScope], typer.Option(help="What it may do; can be given several times.")],
    addresses: Annotated[bool, typer.Option("--addresses", help="It reads addresses in full.")] = False,
    department: Annotated[str, typer.Option(help="It reads this department's members alone.")] = "",
    per_minute: Annotated[int, typer.Option(help="How many requests it may make in a minute.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once. Example: huifang api token add 招聘网站 --scope write --scope events"""
    from bot.commands import programs as command

    found = run(
        lambda: command.add_token(settings(), name, scope, addresses=addresses, department=department, most=per_minute)
    )
    print_found(found, as_json, command.secret_lines)


@token_app.command("list")
def token_list(as_json: AsJson = False) -> None:
    """Every token and what it may do. Example: huifang api token list"""
    from bot.commands import programs as command

    print_found(run(lambda: command.list_tokens(settings())), as_json, command.token_lines)


@token_app.command("revoke")
def token_revoke(name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False) -> None:
    """Good for nothing from now on. Example: huifang api token revoke 招聘网站"""
    from bot.commands import programs as command

    found = run(lambda: command.revoke_token(settings(), name))
    print_found(found, as_json, lambda found: [f"{found['name']} 作废了 (revoked)"])


@hook_app.command("add")
def hook_add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it listens.")],
    kind: Annotated[list[WebhookKind] | None, typer.Option(help="What it is told; left out: everything.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add one and print its secret, once. Example: huifang webhook add https://site.example/huifang --kind reply"""
    from bot.commands import programs as command

    found = run(lambda: command.add_webhook(settings(), url, kind or list(WebhookKind)))
    print_found(found, as_json, command.secret_lines)


@hook_app.command("list")
def hook_list(as_json: AsJson = False) -> None:
    """Every webhook, what waits for it and what did not arrive. Example: huifang webhook list --json"""
    from bot.commands import programs as command

    print_found(run(lambda: command.list_webhooks(settings())), as_json, command.webhook_lines)


@hook_app.command("test")
def hook_test(
    number: Annotated[int, typer.Argument(metavar="ID", help="From huifang webhook list.")], as_json: AsJson = False
) -> None:
    """Call it now, and say what it answered. Example: huifang webhook test 1"""
    from bot.commands import programs as command

    found = run(lambda: command.test_webhook(settings(), number))
    print_found(found, as_json, command.test_lines)
    if not found["taken"]:
        raise typer.Exit(1)

"""Who: rules that select members."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who: rules that select members.")


Rule = Annotated[str, typer.Argument(metavar="RULE", help="Such as: idle_days >= 90 and tier in (优质, 高端)")]


@app.command("fields")
def segment_fields(as_json: AsJson = False) -> None:
    """What a rule may ask about. Example: huifang segment fields"""
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(command.fields(), as_json, printing.field_lines)


@app.command("explain")
def segment_explain(rule: Rule, as_json: AsJson = False) -> None:
    """Say a rule in words. Example: huifang segment explain "idle_days >= 90" """
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(command.explain(rule), as_json, printing.pairs)


@app.command("count")
def segment_count(rule: Rule, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """How many members a rule selects. Example: huifang segment count "unread_resumes >= 3" --as-of 2026-11-21"""
    from bot.commands import asking as command

    found = run(lambda: command.count(settings(), rule, moment(as_of)))
    print_found(found, as_json, lambda found: [f"{found['count']:,}家"])


@app.command("list")
def segment_list(
    rule: Rule,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """The members a rule selects. Example: huifang segment list "never logged" --limit 20"""
    from bot.commands import asking as command
    from bot.commands import printing

    print_found(run(lambda: command.listing(settings(), rule, moment(as_of), limit)), as_json, printing.member_table)

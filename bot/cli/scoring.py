"""How alive accounts are, and in which tier members are."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)
tiers_app = typer.Typer(rich_markup_mode=None)
Member = Annotated[str, typer.Argument(metavar="MEMBER", help="会员编号")]
By = Annotated[str, typer.Option(metavar="STAFF", help="The colleague who decided it.")]


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


@tiers_app.callback(invoke_without_command=True)
def tiers(ctx: typer.Context, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Place every member in its tier, as every night. Example: huifang tiers --json"""
    if ctx.invoked_subcommand is None:
        from bot.commands import tiering as command

        print_found(run(lambda: command.place_members(settings(), moment(as_of))), as_json, command.tier_lines)


@tiers_app.command("try")
def try_weights(
    weight: Annotated[
        list[str],
        typer.Option(metavar="NAME=VALUE", help="payments, activity, hiring, standing or response; 100 together."),
    ],
    as_json: AsJson = False,
) -> None:
    """Who would move by other weights; saves nothing.

    Example: huifang tiers try --weight payments=20 --weight response=20
    """
    from bot.commands import tiers_by_hand as command

    print_found(run(lambda: command.try_weights(settings(), weight)), as_json, command.tried_lines)


@tiers_app.command("set")
def set_tier(
    number: Member,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="高端, 优质, 一般 or 低端.")],
    reason: Annotated[str, typer.Option(help="Why, in a line.")],
    until: Annotated[str, typer.Option(metavar="DATE", help="Its last day: 2026-12-31; at most a year ahead.")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give a member a tier by hand. Example: huifang tiers set Q1 高端 --reason 招聘会大客户 --until 2026-12-31"""
    from bot.commands import tiers_by_hand as command

    found = run(lambda: command.give_tier(settings(), number, tier, reason, until, by))
    print_found(found, as_json, command.given_lines)


@tiers_app.command("end")
def end_tier(number: Member, by: By = "", as_json: AsJson = False) -> None:
    """Back to the tier of the score. Example: huifang tiers end Q1 --json"""
    from bot.commands import tiers_by_hand as command

    print_found(run(lambda: command.end_tier(settings(), number, by)), as_json, command.ended_lines)

"""The visit calendar: planned and listed; intensive care; absences."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The visit calendar: who is visited when.")
care_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Intensive care of a member.")
absence_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Days on which a colleague visits nobody.")

MemberNo = Annotated[str, typer.Argument(metavar="MEMBER", help="Its number on the site.")]
Owner = Annotated[str, typer.Option("--owner", help="One colleague's alone.")]
Day = Annotated[str, typer.Option(metavar="DATE", help="As 2026-12-01.")]
By = Annotated[str, typer.Option("--by", help="Who does it, for the audit.")]


@app.command("plan")
def plan(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Plan anew and open today's tasks, as every night; what can stay stays. Example: huifang visits plan"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.plan(settings(), moment(as_of))), as_json, command.plan_lines)


@app.command("list")
def listed(
    owner: Owner = "",
    days: Annotated[int, typer.Option(min=1, max=400, help="From today on.")] = 14,
    as_json: AsJson = False,
) -> None:
    """What is planned, and which rules lost. Example: huifang visits list --owner 程雪"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.listed(settings(), owner, days)), as_json, command.list_lines)


@app.command("move")
def move(
    visit: Annotated[int, typer.Argument(metavar="VISIT", help="Its number, as `visits list` has it.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="As 2026-12-01.")],
    yes: Annotated[bool, typer.Option("--yes", help="Also where it breaks a rule that a person may break.")] = False,
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Put a visit on a day, where it stays; --yes against a rule. Example: huifang visits move 12 2026-12-01"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.move(settings(), visit, day, by, yes=yes)), as_json, command.move_lines)


@app.command("capacity")
def capacity(
    owner: Annotated[str, typer.Argument(metavar="OWNER")],
    a_day: Annotated[int, typer.Argument(metavar="NUMBER", help="Visits a day.")],
    as_json: AsJson = False,
) -> None:
    """How many visits a day this colleague makes. Example: huifang visits capacity 程雪 6"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.capacity(settings(), owner, a_day)), as_json, command.capacity_lines)


@care_app.command("open")
def care_open(
    member: MemberNo, until: Day, reason: Annotated[str, typer.Option()], by: By = "命令行", as_json: AsJson = False
) -> None:
    """From today to a last day. Example: huifang care open Q100001 --until 2026-12-20 --reason 新开通"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.open_care(settings(), member, until, reason, by)), as_json, command.care_lines)


@care_app.command("close")
def care_close(member: MemberNo, by: By = "命令行", as_json: AsJson = False) -> None:
    """Before its last day. Example: huifang care close Q100001"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.close_care(settings(), member, by)), as_json, command.care_lines)


@absence_app.command("add")
def absence_add(
    owner: Annotated[str, typer.Argument(metavar="OWNER")],
    first: Annotated[str, typer.Option("--from", metavar="DATE")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Both days belong to it.")],
    reason: Annotated[str, typer.Option()] = "",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Example: huifang absence add 程雪 --from 2026-12-01 --to 2026-12-04"""
    from bot.commands import visiting as command

    found = run(lambda: command.add_absence(settings(), owner, first, last, reason, by))
    print_found(found, as_json, command.absence_lines)


@absence_app.command("list")
def absence_list(owner: Owner = "", as_json: AsJson = False) -> None:
    """Those of today and to come. Example: huifang absence list --owner 程雪"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.absences(settings(), owner)), as_json, command.absence_lines)


@absence_app.command("remove")
def absence_remove(
    absence: Annotated[int, typer.Argument(metavar="ABSENCE", min=1, help="Its number, as `absence list` has it.")],
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """One of today or to come. Example: huifang absence remove 3"""
    from bot.commands import visiting as command

    print_found(run(lambda: command.remove_absence(settings(), absence, by)), as_json, command.removed_lines)

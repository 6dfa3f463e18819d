"""Outcomes: a contact recorded, problems, promises, hiring plans."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

visit_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What came of a contact.")
problems_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What stands in members' ways.")
promises_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was promised to members.")
plans_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What companies mean to hire.")

By = Annotated[str, typer.Option("--by", help="Who does it, for the audit.")]
_RESULTS_HELP = (
    "phone, visit: talked, later, no_answer, wrong_number; qq: talked, no_answer; "
    "post, gift: sent, received, returned; event: came, absent; each: refused."
)
Page = Annotated[int, typer.Option(min=1, max=1_000_000, help="Fifty lines each.")]
Member = Annotated[str, typer.Option("--member", help="One member's alone, by its number.")]


@visit_app.callback()
def visit() -> None:
    """What came of a contact."""


@visit_app.command("record")
def record(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="Its number on the site.")],
    result: Annotated[str, typer.Option(help=_RESULTS_HELP)],
    medium: Annotated[str, typer.Option(help="phone, visit, qq, post, gift, event.")] = "phone",
    note: Annotated[str, typer.Option(help="What was talked about.")] = "",
    said: Annotated[str, typer.Option(help="The customer's own words, read as a reply.")] = "",
    used: Annotated[str, typer.Option(help="yes, partly, no.")] = "",
    effect: Annotated[str, typer.Option(help="good, fair, none.")] = "",
    mood: Annotated[str, typer.Option(help="glad, calm, annoyed.")] = "",
    problem: Annotated[list[str] | None, typer.Option(help="A category, by key or name; may be repeated.")] = None,
    cause: Annotated[str, typer.Option(help="Of the first problem.")] = "",
    fault: Annotated[str, typer.Option(help="site, member, market; else as the category says.")] = "",
    promise: Annotated[str, typer.Option(help="What was promised.")] = "",
    due: Annotated[str, typer.Option(metavar="DATE", help="Until when: 2026-12-01.")] = "",
    plan: Annotated[
        list[str] | None, typer.Option(metavar="ROLE:HEADS:MONTH", help="普工:5:2027-03; repeated.")
    ] = None,
    next_on: Annotated[str, typer.Option("--next", metavar="DATE", help="The next contact.")] = "",
    next_step: Annotated[str, typer.Option(help="What to do then.")] = "",
    task: Annotated[int | None, typer.Option(min=1, help="The task it belongs to.")] = None,
    settled: Annotated[
        str, typer.Option(help="Of a promise: kept, broken; of a problem: solved; still: the task stays open.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="--next also in the last days before a renewal.")] = False,
    key: Annotated[str, typer.Option(help="The same key counts once.")] = "",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Example: huifang visit record Q100001 --result talked --problem 简历少 --plan 普工:5:2027-03"""
    from bot.commands import results as command

    given = {
        "result": result, "medium": medium, "note": note, "said": said, "used": used, "effect": effect, "mood": mood,
        "cause": cause, "fault": fault, "promise": promise, "promise_on": due, "next_on": next_on,
        "next_step": next_step, "settled": settled, "anyway": "1" if yes else "",
    }  # fmt: skip
    found = run(lambda: command.record(settings(), member, given, problem or [], plan or [], task, key, by))
    print_found(found, as_json, command.record_lines)


@problems_app.command("list")
def list_problems(
    state: Annotated[str, typer.Option(help="open, solved, untold (solved, the member not told yet).")] = "",
    category: Annotated[str, typer.Option(help="By its key.")] = "",
    fault: Annotated[str, typer.Option(help="site, member, market.")] = "",
    tier: str = "",
    trade: str = "",
    staff: Annotated[str, typer.Option(help="Who heard of it.")] = "",
    month: Annotated[str, typer.Option(help="When it was heard of: 2026-11.")] = "",
    member: Member = "",
    page: Page = 1,
    as_json: AsJson = False,
) -> None:
    """The open ones first. Example: huifang problems list --state open --category login"""
    from bot.commands import results as command

    asked = {
        "state": state, "category": category, "fault": fault, "tier": tier, "trade": trade, "staff": staff,
        "month": month, "number": member,
    }  # fmt: skip
    print_found(run(lambda: command.list_problems(settings(), asked, page)), as_json, command.problem_lines)


@problems_app.command("solve")
def solve(
    problems: Annotated[list[int] | None, typer.Argument(metavar="NUMBER…", min=1)] = None,
    category: Annotated[str, typer.Option(help="Every open one of it.")] = "",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """With their tasks; all or none. Example: huifang problems solve 3 4"""
    from bot.commands import results as command

    print_found(run(lambda: command.solve(settings(), problems or [], category, by)), as_json, command.solve_lines)


@problems_app.command("tell")
def tell(
    category: Annotated[str, typer.Option(help="Of one category alone.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Without it only the numbers are shown.")] = False,
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Members are told that faults of the site are mended, once. Example: huifang problems tell --category login"""
    from bot.commands import results as command

    print_found(run(lambda: command.tell(settings(), category, by, yes=yes)), as_json, command.tell_lines)


@problems_app.command("figures")
def figures(as_json: AsJson = False) -> None:
    """Of the last twelve months. Example: huifang problems figures --json"""
    from bot.commands import results as command

    print_found(run(lambda: command.figures(settings())), as_json, command.figure_lines)


@promises_app.command("list")
def list_promises(
    which: Annotated[str, typer.Option(help="open, overdue, kept, broken.")] = "open",
    member: Member = "",
    page: Page = 1,
    as_json: AsJson = False,
) -> None:
    """Example: huifang promises list --which overdue"""
    from bot.commands import results as command

    print_found(run(lambda: command.list_promises(settings(), which, member, page)), as_json, command.promise_lines)


@promises_app.command("settle")
def settle(
    promise: Annotated[int, typer.Argument(metavar="NUMBER", min=1)],
    state: Annotated[str, typer.Option(help="kept, broken, open.")] = "kept",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """Kept or broken, with its task; or open again. Example: huifang promises settle 3 --state kept"""
    from bot.commands import results as command

    print_found(run(lambda: command.settle(settings(), promise, state, by)), as_json, command.settle_lines)


@plans_app.command("list")
def list_plans(
    state: Annotated[str, typer.Option(help="open, hired, dropped.")] = "open",
    member: Member = "",
    page: Page = 1,
    as_json: AsJson = False,
) -> None:
    """Of this month and later. Example: huifang plans list --member Q100001"""
    from bot.commands import hiring as command

    print_found(run(lambda: command.list_plans(settings(), state, member, page)), as_json, command.plan_lines)


@plans_app.command("close")
def close_plan(
    plan: Annotated[int, typer.Argument(metavar="NUMBER", min=1)],
    state: Annotated[str, typer.Option("--as", help="hired or dropped; open opens it again.")] = "hired",
    by: By = "命令行",
    as_json: AsJson = False,
) -> None:
    """They found them (hired) or gave up (dropped), with its task. Example: huifang plans close 3 --as dropped"""
    from bot.commands import hiring as command

    print_found(run(lambda: command.close_plan(settings(), plan, state, by)), as_json, command.closed_lines)

"""Festival gifts: the store, a plan within a budget, its approval, the hand-over."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Festival gifts: the store and the plans.")

Number = Annotated[str, typer.Argument(metavar="MEMBER", help="Its number on the site.")]
Note = Annotated[str, typer.Option(help="Who took it, or why not.")]
PlanId = Annotated[int, typer.Argument(metavar="PLAN", help="Its number, as `gift plans` lists it.")]


@app.command("store")
def store(as_json: AsJson = False) -> None:
    """What lies in store, and what of it is promised. Example: huifang gift store"""
    from bot.commands import gifting as command

    print_found(run(lambda: command.store(settings())), as_json, command.store_lines)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    value: Annotated[int | None, typer.Option(help="Whole yuan.")] = None,
    stock: Annotated[int | None, typer.Option(help="Pieces in store.")] = None,
    taste: Annotated[list[str] | None, typer.Option(help="A kind of it, as 茶; may be given again.")] = None,
    house: Annotated[bool | None, typer.Option("--house/--no-house", help="The gift of a first visit.")] = None,
    active: Annotated[bool | None, typer.Option("--give/--retire", help="Whether it is still given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a gift into the store; of one that is there only what is given changes.

    Example: huifang gift add 汾酒 --value 280 --stock 20
    """
    from bot.commands import gifting as command

    found = run(lambda: command.add(settings(), name, value, stock, taste, house, active))
    print_found([found], as_json, command.store_lines)


@app.command("plan")
def plan(
    festival: Annotated[str, typer.Argument(metavar="FESTIVAL", help="As 春节, the next one.")],
    budget: Annotated[int, typer.Option(help="Whole yuan; never exceeded.")],
    rule: Annotated[str, typer.Option(help="Who: a rule as in segments.")] = "",
    level: Annotated[list[str] | None, typer.Option(help="The most of a tier, as 高端=300; may be repeated.")] = None,
    manner: Annotated[
        list[str] | None, typer.Option(help="How a tier is greeted, as 优质=visit, call or message; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Reckon a draft; nothing is settled.

    Example: huifang gift plan 春节 --budget 10000 --level 高端=300 --manner 一般=call
    """
    from bot.commands import gifting as command

    found = run(lambda: command.plan(settings(), festival, budget, rule, level or [], manner or []))
    print_found(found, as_json, command.plan_lines)


@app.command("plans")
def plans(as_json: AsJson = False) -> None:
    """All plans, the latest festival first. Example: huifang gift plans"""
    from bot.commands import gifting as command

    print_found(run(lambda: command.plans(settings())), as_json, command.plans_lines)


@app.command("show")
def show(plan: PlanId, as_json: AsJson = False) -> None:
    """Who gets what and why. Example: huifang gift show 1"""
    from bot.commands import gifting as command

    print_found(run(lambda: command.show(settings(), plan)), as_json, command.plan_lines)


@app.command("approve")
def approve(plan: PlanId, as_json: AsJson = False) -> None:
    """Settle a draft: the gifts are set aside, visits and calls become tasks. Example: huifang gift approve 1"""
    from bot.commands import gifting as command

    print_found(run(lambda: command.approve(settings(), plan)), as_json, command.plan_lines)


@app.command("hand-over")
def hand_over(
    plan: PlanId,
    number: Number,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """It was brought and taken: a touch, its task done. Example: huifang gift hand-over 1 Q1 --note 张总收的"""
    _end_line(plan, number, "handed", note, as_json)


@app.command("not-taken")
def not_taken(
    plan: PlanId,
    number: Number,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """It was brought and not taken: it stays in the store. Example: huifang gift not-taken 1 Q1 --note 有规定"""
    _end_line(plan, number, "refused", note, as_json)


@app.command("drop")
def drop(
    plan: PlanId,
    number: Number,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Take a member out of a draft; the reason is asked for. Example: huifang gift drop 1 Q1 --note 老板换人了"""
    _end_line(plan, number, "dropped", note, as_json)


@app.command("take-back")
def take_back(
    plan: PlanId,
    number: Number,
    as_json: AsJson = False,
) -> None:
    """Take a dropped member in again; the draft is reckoned anew. Example: huifang gift take-back 1 Q1"""
    _end_line(plan, number, "taken_back", "", as_json)


def _end_line(plan: int, number: str, what: str, note: str, as_json: bool) -> None:
    from bot.commands import gift_lines as command
    from bot.commands.gifting import plan_lines

    print_found(run(lambda: command.end_line(settings(), plan, number, what, note)), as_json, plan_lines)


@app.command("call-off")
def call_off(plan: PlanId, as_json: AsJson = False) -> None:
    """End a plan: what was not handed over is owed no more, its tasks close. Example: huifang gift call-off 1"""
    from bot.commands import gift_lines as command
    from bot.commands.gifting import plan_lines

    print_found(run(lambda: command.call_off(settings(), plan)), as_json, plan_lines)


@app.command("tastes")
def tastes(
    number: Number,
    like: Annotated[list[str] | None, typer.Option(help="A kind they like, as 茶; may be repeated.")] = None,
    dislike: Annotated[list[str] | None, typer.Option(help="A kind they do not take; may be repeated.")] = None,
    takes_none: Annotated[bool | None, typer.Option("--takes-none/--takes", help="Their rules forbid it.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a member likes and had; with options it is changed. Example: huifang gift tastes Q1 --like 茶"""
    from bot.commands import gift_lines as command

    found = run(lambda: command.tastes(settings(), number, like, dislike, takes_none))
    print_found(found, as_json, command.taste_lines)


@app.command("sheet")
def sheet(
    plan: PlanId,
    as_csv: Annotated[bool, typer.Option("--csv", help="As a table file on stdout.")] = False,
    numbers: Annotated[bool, typer.Option("--numbers", help="Whole telephone numbers; this is written down.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who brings what to whom. Example: huifang gift sheet 1 --csv > sheet.csv"""
    from bot.commands import gift_lines as command

    found = run(lambda: command.sheet(settings(), plan, numbers=numbers))
    if as_csv:
        typer.echo(command.sheet_csv(found), nl=False)
        return
    print_found(found, as_json, command.sheet_lines)

"""Festival gifts: the store, a plan within a budget, its approval, the hand-over."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, print_found, run, settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Festival gifts: the store and the plans.")

PlanId = Annotated[int, typer.Argument(metavar="PLAN", help="Its number, as `gift plans` lists it.")]


@app.command("store")
def store(as_json: AsJson = False) -> None:
    """What lies in store, and what of it is promised. Example: huifang gift store"""
    from bot.commands import gifting as command

    print_found(run(lambda: command.store(settings())), as_json, command.store_lines)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    value: Annotated[int, typer.Option(help="Whole yuan.")],
    stock: Annotated[int, typer.Option(help="Pieces in store.")],
    taste: Annotated[list[str] | None, typer.Option(help="A kind of it, as 茶; may be given again.")] = None,
    house: Annotated[bool, typer.Option("--house", help="The gift of a first visit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a gift into the store, or change it by its name. Example: huifang gift add 汾酒 --value 280 --stock 20"""
    from bot.commands import gifting as command

    found = run(lambda: command.add(settings(), name, value, stock, taste or [], house=house))
    print_found([found], as_json, command.store_lines)


@app.command("plan")
def plan(
    festival: Annotated[str, typer.Argument(metavar="FESTIVAL", help="As 春节, the next one.")],
    budget: Annotated[int, typer.Option(help="Whole yuan; never exceeded.")],
    rule: Annotated[str, typer.Option(help="Who: a rule as in segments.")] = "",
    as_json: AsJson = False,
) -> None:
    """Reckon a draft; nothing is settled. Example: huifang gift plan 春节 --budget 10000"""
    from bot.commands import gifting as command

    print_found(run(lambda: command.plan(settings(), festival, budget, rule)), as_json, command.plan_lines)


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

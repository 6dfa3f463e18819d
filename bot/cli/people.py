"""Who cares for whom: members handed over, how far they came, what is to be reached, what to do next."""

from typing import Annotated

import typer

from bot.cli.parts import AsJson, AsOf, moment, print_found, run, settings

app = typer.Typer(rich_markup_mode=None)


@app.command()
def transfer(
    from_: Annotated[str, typer.Option("--from", metavar="OWNER", help="Whose members; - are those nobody has.")] = "",
    to: Annotated[str, typer.Option(metavar="OWNER", help="A colleague or a department; - is nobody.")] = "",
    member: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only these members.")] = None,
    undo: Annotated[int, typer.Option(metavar="N", help="Take transfer N back.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Hand members over with all that is under way, or list what was. Example: huifang transfer --from 甲 --to 乙"""
    from bot.commands import caring as command

    if undo:
        print_found(run(lambda: command.undo(settings(), undo)), as_json, command.undone_lines)
    elif to:
        found = run(lambda: command.transfer(settings(), from_, to, member or []))
        print_found(found, as_json, command.transfer_lines)
    else:
        print_found(run(lambda: command.transfers_made(settings())), as_json, command.transfer_lines)


@app.command()
def funnel(
    tier: Annotated[str, typer.Option(help="高端, 优质, 一般 or 低端.")] = "",
    owner: Annotated[str, typer.Option(help="Whose members.")] = "",
    department: Annotated[str, typer.Option(help="Whose members.")] = "",
    trade: Annotated[str, typer.Option(help="行业")] = "",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """How far members came, from registration to renewal. Example: huifang funnel --tier 高端 --json"""
    from bot.commands import caring as command

    narrowed = {"tier": tier, "owner": owner, "trade": trade}
    found = run(lambda: command.funnel(settings(), narrowed, department, moment(as_of)))
    print_found(found, as_json, command.funnel_lines)


@app.command()
def targets(
    month: Annotated[str, typer.Option(metavar="MONTH", help="2026-11; left out: the present one.")] = "",
    who: Annotated[str, typer.Option("--set", metavar="NAME", help="Of whom a target is set.")] = "",
    department: Annotated[bool, typer.Option("--department", help="NAME is a department.")] = False,
    kind: Annotated[str, typer.Option(help="visits, returns or renewals.")] = "visits",
    goal: Annotated[int, typer.Option(help="0 takes it away.")] = 0,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """What is to be reached in a month, and how far it is. Example: huifang targets --set 林晓芸 --goal 40"""
    from bot.commands import caring as command

    asked = (who, department, kind, goal) if who else None
    found = run(lambda: command.targets_of(settings(), month, asked, moment(as_of)))
    print_found(found, as_json, command.target_lines)


@app.command()
def advice(
    number: Annotated[str, typer.Argument(metavar="MEMBER", help="会员编号")],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """The next best thing to do for a member, and why. Example: huifang advice Q100042 --json"""
    from bot.commands import caring as command

    found = run(lambda: command.advise(settings(), number, moment(as_of)))
    print_found(found, as_json, command.advice_lines)

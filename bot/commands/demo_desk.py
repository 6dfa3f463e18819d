"""The demo's staff at their desk: who they are, what came of their visits, what they are to reach, gifts to bring."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from bot.runtime import Runtime
from bot.sandbox.site import OWNERS
from bot.web.passwords import keep_password, make_password
from campaigns import gift_ledger, gift_store, gifting, problems, promises, staff, targets, transfers
from campaigns.members.browse import UNOWNED, Sieve, ids_of_list
from campaigns.problems import ProblemSieve
from campaigns.promises import PromiseState, WhichPromises
from campaigns.replies.results import record_visit_result, settle_promise, solve_problem
from campaigns.results import Effect, Fault, Medium, Mood, NewPlan, NewProblem, NewPromise, Result, Used, VisitResult
from campaigns.rights import Role
from campaigns.targets import Kind
from campaigns.terms import SHANGHAI

_COLLEAGUES = tuple(zip(("cheng", "shi", "meng", "qiao"), filter(None, OWNERS), strict=True))
_DEPARTMENTS = ("大客户部", "会员部")
_GOALS = {Kind.VISITS: 20, Kind.RETURNS: 3, Kind.RENEWALS: 2}
_LATELY = (14, 9, 17, 6)  # visits of the last days, of each colleague
_VISITS_OF_EACH = 9
_VISITED_BEFORE = (40, 170)  # days: long enough ago to weigh on nobody's caps of today
_LEFT_LYING = timedelta(days=60)  # longer than that nothing was left undone
_HANDED_ON = 12
_STORE = (
    ("明前绿茶", 168, 30, ("茶",), False),
    ("坚果礼盒", 128, 40, ("零食",), False),
    ("台历", 39, 80, ("文具",), False),
    ("保温杯", 88, 40, ("文具",), False),
    ("招聘网抱枕", 45, 60, ("家居",), True),
)
_BUDGET = 6_000
_HEARD: tuple[tuple[NewProblem, str], ...] = (
    (NewProblem("few_applicants", "工资比同行低"), "把同行的薪资表发过去"),
    (NewProblem("login", "换了手机，收不到验证码", Fault.SITE), "让技术把登录手机换掉"),
    (NewProblem("hard_to_use", "不知道简历在哪儿看", Fault.MEMBER), "发一份图文说明"),
    (NewProblem("poor_match", "推来的人不在本地", Fault.SITE), "发五个本地的候选人"),
    (NewProblem("no_show", "约了三个，来了一个"), "教一下怎么发面试提醒"),
)
_PLANNED = (NewPlan("数控操作工", 6, date(2027, 3, 1)), NewPlan("服务员", 4, date(2027, 2, 1)))


async def furnish_desk(runtime: Runtime) -> None:
    """Before the first campaign: colleagues, the visits of half a year, members handed on, a plan of gifts."""
    await _hire(runtime.clock())
    await _visit(runtime)
    await transfers.transfer(
        Sieve(owner=UNOWNED, ids=tuple(await ids_of_list(Sieve(owner=UNOWNED), _HANDED_ON))),
        _COLLEAGUES[-1][1],
        by=_COLLEAGUES[0][1],
        now=runtime.clock(),
    )
    await _plan_gifts(runtime)


async def set_targets(runtime: Runtime) -> None:
    """Of the month in which the demo stands still, and some visits of its last days, so that there is a way to go."""
    now = runtime.clock()
    await _visit_lately(runtime)
    month, (_, manager) = targets.month_of(now, runtime.rulebook.calendar), _COLLEAGUES[0]
    for _, name in _COLLEAGUES:
        for kind, goal in _GOALS.items():
            await targets.set_target(month, name, kind, goal, by=manager, now=now)
    for department in _DEPARTMENTS:
        await targets.set_target(month, department, Kind.VISITS, 40, is_department=True, by=manager, now=now)


async def desk_counts(runtime: Runtime) -> Mapping[str, int]:
    """What stands on the desk, for the demo's document."""
    now = runtime.clock()
    month, promised = (
        targets.month_of(now, runtime.rulebook.calendar),
        await promises.count_promises(now.astimezone(SHANGHAI).date()),
    )
    return {
        "problems": await problems.count_problems(ProblemSieve()),
        "promises": sum(n for which, n in promised.items() if which is not WhichPromises.OVERDUE),
        "targets": sum(one.goal > 0 for one in await targets.read_progress(month)),
        "transfers": len(await transfers.list_transfers()),
        "gift_plans": len(await gift_ledger.list_plans()),
    }


async def _hire(now: datetime) -> None:
    """Nobody knows their password: the demo is entered by its link."""
    kept = await keep_password(make_password())
    for number, (login, name) in enumerate(_COLLEAGUES):
        role = Role.MANAGER if number == 0 else Role.AGENT
        department = _DEPARTMENTS[number % len(_DEPARTMENTS)]
        await staff.add_staff(login=login, name=name, role=role, password=kept, now=now, department=department)


async def _visit(runtime: Runtime) -> None:
    """Each colleague some of their members. What they promised is mostly kept, what stood in the way mostly mended."""
    dice = random.Random("desk")
    for _, name in _COLLEAGUES:
        for member_id in await ids_of_list(Sieve(owner=name), _VISITS_OF_EACH):
            at = runtime.clock() - timedelta(days=dice.randint(*_VISITED_BEFORE))
            result = _heard(dice, at.astimezone(SHANGHAI).date())
            key = f"demo:{member_id}"
            await record_visit_result(member_id, result, key=key, by=name, now=at, calendar=runtime.rulebook.calendar)
    await _work_off(dice, runtime.clock())


async def _visit_lately(runtime: Runtime) -> None:
    """Members whom nobody visited yet: of each colleague another number of them, on the days before today."""
    now, dice = runtime.clock(), random.Random("lately")
    for number, (_, name) in enumerate(_COLLEAGUES):
        nobodys = await ids_of_list(Sieve(owner=name), _VISITS_OF_EACH + _LATELY[number])
        for member_id in nobodys[_VISITS_OF_EACH:]:
            at = now - timedelta(days=dice.randint(1, 6))
            heard = VisitResult(Result.TALKED, Medium.PHONE, text="聊了年前的用工，候选人看了几份。")
            key = f"demo:lately:{member_id}"
            await record_visit_result(member_id, heard, key=key, by=name, now=at, calendar=runtime.rulebook.calendar)


def _heard(dice: random.Random, today: date) -> VisitResult:
    problem, promised = dice.choice(_HEARD)
    return VisitResult(
        Result.TALKED,
        dice.choice((Medium.PHONE, Medium.PHONE, Medium.VISIT, Medium.QQ)),
        text=f"聊了用得怎么样。{problem.cause}",
        used=dice.choice(tuple(Used)),
        effect=dice.choice(tuple(Effect)),
        mood=dice.choice(tuple(Mood)),
        problems=(problem,) if dice.random() < 0.7 else (),
        promise=NewPromise(promised, today + timedelta(days=3)) if dice.random() < 0.6 else None,
        plans=(dice.choice(_PLANNED),) if dice.random() < 0.3 else (),
    )


async def _work_off(dice: random.Random, now: datetime) -> None:
    for problem in await problems.browse_problems(ProblemSieve()):
        if dice.random() < 0.7 or problem.opened_at < now - _LEFT_LYING:
            await solve_problem(
                problem.id, by=problem.owner, now=problem.opened_at + timedelta(days=dice.randint(1, 9))
            )
    for promise in await promises.browse_promises(WhichPromises.OPEN, now.astimezone(SHANGHAI).date()):
        if dice.random() < 0.8 or promise.made_at < now - _LEFT_LYING:
            state = PromiseState.KEPT if dice.random() < 0.8 else PromiseState.BROKEN
            await settle_promise(promise.id, state, by=promise.owner, now=promise.made_at + timedelta(days=2))


async def _plan_gifts(runtime: Runtime) -> None:
    for name, value, stock, kinds, house in _STORE:
        await gift_store.save_item(name, value, stock, kinds, house=house)
    usual = gifting.default_wish("春节")
    wish = gifting.Wish(usual.festival, usual.rule, _BUDGET, usual.levels, usual.manners)
    made = await gifting.reckon_plan(wish, runtime.rulebook.calendar, by=_COLLEAGUES[0][1], now=runtime.clock())
    await gifting.approve_plan(made.plan.id, runtime.rulebook.calendar, by=_COLLEAGUES[0][1], now=runtime.clock())

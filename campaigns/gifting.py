"""Festival care from the list of members to the hand-over: reckoned, approved, brought, each gift a touch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from tortoise.transactions import in_transaction

from campaigns import gift_ledger, gift_store, statements, touches, visits
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError, StateError
from campaigns.gift_ledger import Plan, PlanLine
from campaigns.gift_store import Taste
from campaigns.gifts import Candidate, GiftRules, Kept, Manner, allot
from campaigns.gifts.values import HANDED, LEVELS, PLANNED
from campaigns.members.find import select_audience
from campaigns.results import SPOKEN
from campaigns.segments import parse_segment
from campaigns.terms import SHANGHAI, Direction, Tier, TouchKind
from campaigns.visits import VisitTask

MANNERS: Mapping[Tier, Manner] = {
    Tier.TOP: Manner.VISIT, Tier.GOOD: Manner.VISIT, Tier.STANDARD: Manner.CALL, Tier.LOW: Manner.MESSAGE,
}  # fmt: skip
RULE = "tier in (高端, 优质) or renewal_days <= 90"
CATEGORY, MEDIUM = "gift", "gift"
_SPOKEN = frozenset(str(one) for one in SPOKEN)
_NAMED = 5  # members in one sentence
_AHEAD = {Manner.VISIT: 8, Manner.CALL: 2}  # worked days before the festival on which it is due
_MOST = 20_000
_REFUSED = "SELECT s.member_id FROM suppressions s WHERE s.channel IS NULL AND s.until IS NULL AND s.lifted_at IS NULL"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan is asked for. `festival` as the calendar has it, in the year of `after` or the next."""

    festival: str
    rule: str
    budget: int
    levels: Mapping[Tier, int]
    manners: Mapping[Tier, Manner]


@dataclass(frozen=True, slots=True)
class Reckoned:
    """`takes_none`, `refused`: members of the rule who are left out of it, and why."""

    plan: Plan
    takes_none: int
    refused: int


@dataclass(frozen=True, slots=True)
class Bearer:
    """One member of a plan, with what the sheet for handing over says of it."""

    line: PlanLine
    no: str
    name: str
    city: str
    owner: str
    contact: str
    mobile: str


def festival_day(name: str, calendar: WorkCalendar, now: datetime) -> date:
    """The next one of that name. InputError for a name that is none."""
    today = now.astimezone(SHANGHAI).date()
    this_year = calendar.festival_date(name, today.year)
    return this_year if this_year >= today else calendar.festival_date(name, today.year + 1)


def default_wish(festival: str, before: Plan | None = None) -> Wish:
    """The figures of the last plan, or those we begin with."""
    if before:
        return Wish(festival, before.rule, before.rules.budget, before.rules.levels, before.manners)
    return Wish(festival, RULE, 10_000, LEVELS, MANNERS)


async def reckon_plan(wish: Wish, calendar: WorkCalendar, *, by: str, now: datetime) -> Reckoned:
    """A draft for everybody the rule selects. InputError for a wish that cannot be, StateError for an approved plan."""
    day = festival_day(wish.festival, calendar, now)
    return await _reckon(wish, f"{wish.festival}-{day.year}", day, by=by, now=now)


async def _reckon(wish: Wish, key: str, day: date, *, by: str, now: datetime) -> Reckoned:
    chosen = await select_audience(parse_segment(wish.rule), now)
    if not 0 < len(chosen) <= _MOST:
        raise InputError(f"这个条件选出{len(chosen)}家，要1到{_MOST}家 (the rule selects {len(chosen)} members)")
    known = await gift_store.tastes_of(chosen)
    refused = await _refused(chosen)
    takes_none = {one for one, taste in known.items() if taste.takes_none} - refused
    rules = GiftRules(budget=wish.budget, day=day, levels=wish.levels)
    gifts = [item.gift for item in await gift_store.list_items(active=True)]
    if not gifts:
        raise InputError("礼品库是空的，先添礼品 (there are no gifts in store; add some first)")
    stay = await gift_ledger.kept_lines(key)
    out = refused | takes_none | {line.member_id for line in stay}
    candidates = await _candidates([one for one in chosen if one not in out], known, wish.manners)
    kept = [Kept(line.member_id, line.tier, line.value) for line in stay if line.state == HANDED]
    found = allot(candidates, gifts, rules, kept)
    plan = await gift_ledger.save_plan(key, wish.rule, rules, wish.manners, found, by=by, now=now)
    return Reckoned(plan, len(takes_none), len(refused))


async def _refused(ids: Collection[int]) -> set[int]:
    return {row["member_id"] for row in await statements.query(_REFUSED)} & set(ids)


async def _candidates(
    ids: Collection[int], known: Mapping[int, Taste], manners: Mapping[Tier, Manner]
) -> list[Candidate]:
    """In a few queries, however many they are."""
    db = statements.connection()
    had = await gift_ledger.had_of(ids, promised=True)
    been = await statements.query(
        f"SELECT DISTINCT member_id FROM touches WHERE kind = 'visit' AND medium IN ('visit', '{MEDIUM}') "
        f"AND member_id {statements.ids_in(db, '$1')}",
        statements.id_list(db, ids),
    )
    visited = {row["member_id"] for row in been}
    rows = await statements.query(
        f"SELECT id, tier, tier_score FROM members WHERE id {statements.ids_in(db, '$1')}", statements.id_list(db, ids)
    )
    return [
        Candidate(
            row["id"],
            Tier(row["tier"]),
            rank=float(row["tier_score"]),
            visited=row["id"] in visited,
            likes=frozenset(known.get(row["id"], Taste()).likes),
            dislikes=frozenset(known.get(row["id"], Taste()).dislikes),
            manner=manners.get(Tier(row["tier"]), Manner.MESSAGE),
            had=had.get(row["id"], {}),
        )
        for row in rows
    ]


async def approve_plan(plan_id: int, calendar: WorkCalendar, *, by: str, now: datetime) -> int:
    """The pieces are promised, each visit and call becomes a task; how many tasks. All of it or nothing."""
    async with in_transaction():
        await gift_ledger.approve_plan(plan_id, by=by, now=now)
        plan = await _plan(plan_id)
        await _check_repeats(plan)
        names = {item.id: item.name for item in await gift_store.list_items()}
        opened = 0
        for line in await gift_ledger.lines_of(plan_id):
            if line.state != PLANNED or line.manner is Manner.MESSAGE:
                continue
            await visits.open_visit(
                line.member_id,
                category=CATEGORY,
                cause=_cause(line),
                opened_at=now,
                due_at=_due(line.manner, plan.rules.day, calendar, now),
                note=_note(plan, line, names),
            )
            opened += 1
    return opened


async def _check_repeats(plan: Plan) -> None:
    """Another plan may have given or promised them the same meanwhile. Raises StateError that names them."""
    lines = await gift_ledger.repeats_of(plan)
    if not lines:
        return
    who = await _heads([line.member_id for line in lines[:_NAMED]])
    named = "、".join(who[line.member_id]["name"] for line in lines[:_NAMED])
    raise StateError(
        f"两年里送过或者别的计划已经要送同样礼品的有{len(lines)}家：{named}{'等' if len(lines) > _NAMED else ''}。"
        "改了重算再批 (the same gift twice in two years; reckon anew)"
    )


async def call_off(plan_id: int, *, by: str, now: datetime) -> None:
    """The plan is over; tasks of it that are still open close with it."""
    async with in_transaction():
        await gift_ledger.close_plan(plan_id)
        for line in await gift_ledger.lines_of(plan_id):
            if line.state == PLANNED:
                await _close_task(line, {"result": "called_off"}, by, now)


async def hand_over(line_id: int, note: str, *, taken: bool, by: str, now: datetime) -> PlanLine:
    """It was brought: out of the store, into the timeline, the task done. All of it or nothing.

    Where an outcome of its task told of it already, there is no second touch. A greeting by message is not brought.
    """
    async with in_transaction():
        await _check_brought(line_id)
        line = await gift_ledger.hand_line(line_id, note, taken=taken, by=by, now=now)
        names = {item.id: item.name for item in await gift_store.list_items()}
        what = "、".join(names[gift] for gift in line.gifts) or "问候"
        text = f"{'送出' if taken else '没有收下'}：{what}" + (f"。{note}" if note else "")
        if not await _told(line):
            await touches.record_touch(
                line.member_id, at=now, direction=Direction.OUT, kind=TouchKind.VISIT, medium=MEDIUM, text=text, by=by
            )
        await _close_task(line, {"result": "reached", "text": text}, by, now)
    return line


async def _check_brought(line_id: int) -> None:
    line = await gift_ledger.find_line(line_id)
    if line and line.manner is Manner.MESSAGE:
        raise StateError("这一家由节日问候活动发消息，没有要送的 (the greeting campaign writes to them)")


async def _told(line: PlanLine) -> bool:
    return any(task.state == "done" and (task.outcome or {}).get("result") in _SPOKEN for task in await _tasks_of(line))


async def drop_line(line_id: int, note: str, *, by: str, now: datetime) -> PlanLine:
    """Out of a draft by hand. A reason is asked for: the sheet shows it."""
    if not note.strip():
        raise InputError("写一句为什么不送 (say why)")
    return await gift_ledger.drop_line(line_id, note.strip(), by=by, now=now)


async def take_back(line_id: int, *, by: str, now: datetime) -> Reckoned:
    """A member who was taken out by hand comes into the draft again, which is reckoned anew for it."""
    async with in_transaction():
        line = await gift_ledger.undrop_line(line_id)
        plan = await _plan(line.plan_id)
        wish = default_wish(plan.festival, plan)
        return await _reckon(wish, plan.festival, plan.rules.day, by=by, now=now)


async def bearers(plan_id: int, owners: Collection[str] | None = None) -> list[Bearer]:
    """The lines of a plan, of these people's members where given; with the primary contact."""
    lines = await gift_ledger.lines_of(plan_id)
    db = statements.connection()
    rows = await statements.query(
        f"""
        SELECT m.id, m.no, m.name, m.city, m.owner, c.name AS contact, c.mobile
        FROM members m LEFT JOIN contacts c ON c.id =
          (SELECT x.id FROM contacts x WHERE x.member_id = m.id AND x.active ORDER BY x.is_primary DESC, x.id LIMIT 1)
        WHERE m.id {statements.ids_in(db, "$1")}
        """,
        statements.id_list(db, [line.member_id for line in lines]),
    )
    who = {row["id"]: row for row in rows if owners is None or row["owner"] in owners}
    return [_bearer(line, who[line.member_id]) for line in lines if line.member_id in who]


def _bearer(line: PlanLine, row: Mapping[str, str | None]) -> Bearer:
    no, name, city, owner, contact, mobile = (
        row[key] or "" for key in ("no", "name", "city", "owner", "contact", "mobile")
    )
    return Bearer(line, no, name, city, owner, contact, mobile)


async def _heads(member_ids: Collection[int]) -> Mapping[int, Mapping[str, str]]:
    db = statements.connection()
    rows = await statements.query(
        f"SELECT id, no, name FROM members WHERE id {statements.ids_in(db, '$1')}", statements.id_list(db, member_ids)
    )
    return {row["id"]: row for row in rows}


def _cause(line: PlanLine) -> str:
    """With the line: a plan called off and made anew makes new tasks."""
    return f"{gift_ledger.CAUSE}:{line.plan_id}:{line.member_id}:{line.id}"


async def _tasks_of(line: PlanLine) -> list[VisitTask]:
    """The first tasks were made without their line."""
    causes = _cause(line), _cause(line).rpartition(":")[0]
    return [task for task in await visits.visits_of(line.member_id) if task.cause in causes]


def _due(manner: Manner, day: date, calendar: WorkCalendar, now: datetime) -> datetime:
    due = day
    for _ in range(_AHEAD[manner]):
        due = calendar.last_workday_before(due)
    return max(datetime.combine(due, time(9), SHANGHAI), now + timedelta(hours=1))


def _note(plan: Plan, line: PlanLine, names: Mapping[int, str]) -> str:
    given = "、".join(names[gift] for gift in line.gifts)
    how = "上门" if line.manner is Manner.VISIT else "电话"
    return f"{plan.festival}{how}问候" + (f"，带{given}（{line.value}元）" if given else "")


async def _close_task(line: PlanLine, outcome: Mapping[str, object], by: str, now: datetime) -> None:
    for task in await _tasks_of(line):
        if task.state == "open":
            await visits.close_visit(task.id, outcome=outcome, at=now, by=by)


async def _plan(plan_id: int) -> Plan:
    found = await gift_ledger.find_plan(plan_id)
    if found is None:
        raise StateError("没有这个计划 (no such plan)")
    return found

"""huifang visits, care, absence: the visit calendar from the machine itself."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from bot.commands.printing import Shown, pairs, table
from bot.database import open_database
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from bot.visit_limits import usual_visits
from bot.visit_words import conflict_line, kind_words, rule_words
from campaigns import audit, planned_lists, visit_calendar, visit_moves, visit_planning
from campaigns.audit import Action
from campaigns.errors import InputError, StateError
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.terms import SHANGHAI


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Runtime, date]]:
    async with open_database(settings), open_runtime(settings) as runtime:
        yield runtime, runtime.clock().astimezone(SHANGHAI).date()


async def plan(settings: Settings, as_of: datetime | None = None) -> dict[str, Any]:
    async with _opened(settings) as (runtime, _):
        now = as_of or runtime.clock()
        found = await visit_planning.plan_calendar(
            runtime.rulebook.calendar, usual_visits(settings, runtime.rulebook.policy), now
        )
    return asdict(found)


async def listed(settings: Settings, owner: str, days: int) -> dict[str, Any]:
    owners = frozenset({owner}) if owner else None
    async with _opened(settings) as (_, today):
        visits = await planned_lists.browse_planned(today, today + timedelta(days=days - 1), owners)
        conflicts = await planned_lists.browse_conflicts(owners)
    told = [{**asdict(one), "why": conflict_line(one.lost, one.won, one.figures)} for one in conflicts]
    return {"visits": [asdict(one) for one in visits], "conflicts": told}


async def move(settings: Settings, visit_id: int, day: str, by: str, *, yes: bool) -> dict[str, Any]:
    async with _opened(settings) as (runtime, _):
        entry, on = await visit_calendar.find_entry(visit_id), _day(day)
        if entry is None:
            raise InputError(f"没有{visit_id}号拜访，看 huifang visits list (no such visit)")
        given = (runtime.rulebook.calendar, usual_visits(settings, runtime.rulebook.policy))
        broken = await visit_moves.check_move(entry, on, *given, runtime.clock())
        if broken and not yes:
            said = "、".join(rule_words(rule) for rule in broken)
            raise StateError(f"会违反：{said}。确定就加 --yes (a rule would break; --yes where it may)")
        await visit_moves.move_visit(entry, on, *given, by=by, now=runtime.clock())
        head = await find.find_head_by_id(entry.member_id)
        await _record(runtime, f"member/{head.no if head else entry.member_id}", by, what="moved", day=str(on))
    return {"visit": visit_id, "was": entry.day, "day": on, "broken": broken}


async def capacity(settings: Settings, owner: str, a_day: int) -> dict[str, int]:
    async with _opened(settings) as (runtime, _):
        await visit_calendar.set_capacity(owner, a_day)
        await _record(runtime, "visits", "命令行", what="capacity", owner=owner, a_day=a_day)
        return dict(await visit_calendar.capacities())


async def open_care(settings: Settings, number: str, until: str, reason: str, by: str) -> list[dict[str, Any]]:
    async with _opened(settings) as (runtime, today):
        head = await _head(number)
        await visit_calendar.open_care(head.id, today, _day(until), reason, by=by, now=runtime.clock())
        await _record(runtime, f"member/{head.no}", by, what="care", until=until)
        return await _care(head, today)


async def close_care(settings: Settings, number: str, by: str) -> list[dict[str, Any]]:
    async with _opened(settings) as (runtime, today):
        head = await _head(number)
        spans = await visit_calendar.care_of(head.id, today)
        if not spans:
            raise StateError(f"{number} 不在重点关注 (not in care)")
        await visit_calendar.close_care(spans[0].id, head.id, today, by=by, now=runtime.clock())
        await _record(runtime, f"member/{head.no}", by, what="care over")
        return await _care(head, today)


async def add_absence(
    settings: Settings, owner: str, first: str, last: str, reason: str, by: str
) -> list[dict[str, Any]]:
    async with _opened(settings) as (runtime, today):
        await visit_calendar.add_absence(owner, _day(first), _day(last), reason, by=by, now=runtime.clock())
        await _record(runtime, "visits", by, what="absence", owner=owner, until=last)
        return [asdict(one) for one in await visit_calendar.absences_from(today)]


async def remove_absence(settings: Settings, absence_id: int, by: str) -> dict[str, Any]:
    async with _opened(settings) as (runtime, today):
        found = next((one for one in await visit_calendar.absences_from(today) if one.id == absence_id), None)
        if found is None or not await visit_calendar.remove_absence(found.id, found.owner):
            raise InputError(f"没有{absence_id}号请假，看 huifang absence list (no such absence)")
        await _record(runtime, "visits", by, what="absence gone", owner=found.owner)
    return asdict(found)


async def absences(settings: Settings, owner: str) -> list[dict[str, Any]]:
    async with _opened(settings) as (_, today):
        found = await visit_calendar.absences_from(today, [owner] if owner else None)
        return [asdict(one) for one in found]


async def _record(runtime: Runtime, subject: str, who: str, **detail: object) -> None:
    await audit.record_audit(Action.VISITS_CHANGED, at=runtime.clock(), who=who, subject=subject, detail=detail)


async def _head(number: str) -> Head:
    head = await find.find_head(number)
    if head is None:
        raise InputError(f"没有编号是{number}的企业会员 (no such member)")
    return head


async def _care(head: Head, today: date) -> list[dict[str, Any]]:
    return [
        {"member": head.no, "name": head.name, **asdict(one)} for one in await visit_calendar.care_of(head.id, today)
    ]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text}：写成 2026-12-01 这样 (a date is expected)") from None


# ---- for people ----------------------------------------------------------------------------------------------------


def plan_lines(found: Mapping[str, Any]) -> list[Shown]:
    change = found["change"]
    return [
        f"有负责人的会员 {found['members']:,}家，排了 {found['visits']:,}次拜访，{found['conflicts']:,}处排不开",
        f"没动 {change['stayed']:,}次，新排 {change['added']:,}次，去掉 {change['removed']:,}次；"
        f"今天开了 {found['opened']:,}个任务，{found['missed']:,}个过了日子没有人办，重新排",
    ]


def list_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [
        [
            one["id"],
            one["day"],
            one["owner"],
            one["tier"],
            one["no"],
            one["name"],
            kind_words(one["kind"]),
            one["pinned_by"],
        ]
        for one in found["visits"]
    ]
    lost = [[one["day"], one["owner"], one["no"], one["name"], one["why"]] for one in found["conflicts"]]
    shown: list[Shown] = [table(("号", "日期", "负责人", "分级", "编号", "企业", "为什么", "谁定的"), rows)]
    return [*shown, table(("日期", "负责人", "编号", "企业", "排不开"), lost)] if lost else shown


def move_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['visit']}号：{found['was']} → {found['day']}，以后不再自动改"]


def capacity_lines(found: Mapping[str, int]) -> list[Shown]:
    return pairs(found)


def care_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    if not found:
        return ["没有重点关注"]
    rows = [[one["member"], one["name"], one["starts_on"], one["ends_on"], one["reason"], one["by"]] for one in found]
    return [table(("编号", "企业", "从", "到", "为什么", "谁开的"), rows)]


def removed_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['owner']} {found['starts_on']}到{found['ends_on']}的请假去掉了 (removed)"]


def absence_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [[one["id"], one["owner"], one["starts_on"], one["ends_on"], one["reason"]] for one in found]
    return [table(("号", "同事", "从", "到", "为什么"), rows)] if rows else ["没有人请假"]

"""huifang visit record, problems, promises: outcomes from the machine itself."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from bot.commands.printing import Shown, pairs, table
from bot.console.results.form import read_result
from bot.console.results.taking import answers_to
from bot.console.tasks.days import ANYWAY, day_faults
from bot.database import open_database
from bot.problem_categories import categories_in_force
from bot.recording import record_result
from bot.result_words import (
    EFFECTS,
    FAULTS,
    MEDIA,
    MOODS,
    PROMISE_STATES,
    RESULT_WORDS,
    SETTLED_PROBLEM,
    SETTLED_PROMISE,
    USED,
    took_words,
)
from bot.runtime import Runtime, open_runtime
from bot.sender import mending
from bot.settings import Settings
from campaigns import audit, problem_figures, problems, promises, visits
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.problem_figures import Share
from campaigns.problem_file import Categories
from campaigns.problems import ProblemLine, sieve_from
from campaigns.promises import PromiseLine, PromiseState, WhichPromises
from campaigns.replies import results
from campaigns.results import OPEN_STILL, NewPlan, NewProblem
from campaigns.terms import SHANGHAI
from campaigns.visits import VisitTask

_HERE = "命令行"
_TABLES = {
    "result": RESULT_WORDS, "medium": MEDIA, "used": USED, "effect": EFFECTS, "mood": MOODS, "fault": FAULTS,
    "settled": {**SETTLED_PROMISE, **SETTLED_PROBLEM},
}  # fmt: skip


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Runtime, Categories, date]]:
    async with open_database(settings), open_runtime(settings) as runtime:
        categories = await categories_in_force(settings.huifang_templates)
        yield runtime, categories, runtime.clock().astimezone(SHANGHAI).date()


async def record(
    settings: Settings,
    number: str,
    given: Mapping[str, str],
    said_problems: Sequence[str],
    said_plans: Sequence[str],
    task_id: int | None,
    key: str,
    by: str,
) -> dict[str, Any]:
    """`given` are the fields of the form. The same key counts once."""
    async with _opened(settings) as (runtime, categories, today):
        head = await find.find_head(number)
        if head is None:
            raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
        task = await _task(task_id, head)
        form = {name: _key(name, value) for name, value in given.items() if value}
        form |= {"problem": _category(said_problems[0], categories)} if said_problems else {}
        answers = answers_to(await results.matter_of(task)) if task else None
        read, faults = read_result(form, today, categories, task.contact_id if task else None, answers)
        if read and task and read.result in OPEN_STILL and read.next_on:
            faults = await day_faults(runtime, task, read.next_on, "next", anyway=ANYWAY in form)
        if read is None or faults:
            faults.pop(ANYWAY, None)
            raise InputError("；".join(f"--{name}: {words}" for name, words in faults.items()))
        more = [categories.by_key[_category(one, categories)] for one in said_problems[1:]]
        result = replace(
            read,
            problems=[*read.problems, *(NewProblem(one.key, "", one.fault) for one in more)],
            plans=[_plan(one, today, categories) for one in said_plans],
        )
        name = f"cli:{key or uuid4().hex}"[:160]
        recorded = await record_result(runtime, head, result, key=name, by=by, came_from=_HERE, task=task)
    return {"member": head.no, "name": head.name, "task": task.id if task else None, **asdict(recorded)}


async def _task(task_id: int | None, head: Head) -> VisitTask | None:
    if task_id is None:
        return None
    found = await visits.find_visit(task_id)
    if found is None or found.member_id != head.id:
        raise InputError(f"这家企业没有编号是 {task_id} 的任务 (no such task of this member)")
    return found


def _key(name: str, said: str) -> str:
    """The word of the code, or as staff read it."""
    return next((str(key).rpartition(":")[2] for key, words in _TABLES.get(name, {}).items() if words == said), said)


def _category(said: str, categories: Categories) -> str:
    found = categories.by_key.get(said) or categories.called(said)
    if found is None:
        names = "、".join(f"{one.name} ({one.key})" for one in categories.all)
        raise InputError(f"--problem {said[:40]}：没有这一类，有 {names} (no such category)")
    return found.key


def _plan(said: str, today: date, categories: Categories) -> NewPlan:
    role, _, rest = said.partition(":")
    heads, _, month = rest.partition(":")
    form = {"result": "talked", "role": role, "heads": heads, "month": month}
    read, faults = read_result(form, today, categories)
    if read is None or not read.plans:
        why = "；".join(faults.values()) or "什么也没写"
        raise InputError(f"--plan {said[:40]}：{why}，写成 普工:5:2027-03 (role:heads:month)")
    return read.plans[0]


# ---- problems -------------------------------------------------------------------------------------------------------


async def list_problems(settings: Settings, asked: Mapping[str, str], page: int) -> dict[str, Any]:
    async with _opened(settings) as (_, categories, _today):
        sieve = sieve_from(asked)
        found = await problems.browse_problems(sieve, page=page)
        total = await problems.count_problems(sieve)
    return {"total": total, "problems": [_problem(one, categories) for one in found]}


async def solve(settings: Settings, ids: Sequence[int], category: str, by: str) -> dict[str, Any]:
    """Those of these numbers, or every open one of a category; all or none."""
    async with _opened(settings) as (runtime, categories, _today):
        if bool(ids) == bool(category):
            raise InputError("写问题的编号，或者 --category 一类，只写一样 (numbers, or a category)")
        which = sieve_from({"category": _category(category, categories)}) if category else None
        solved = await problems.open_ids(which) if which else list(ids)
        await results.solve_problems(solved, by=by, now=runtime.clock())
        await _log(Action.PROBLEM_CHANGED, "problems", by, what="solved", count=len(solved), kind=category)
        untold = [one.id for one in await problems.mended_untold(sieve_from({})) if one.id in solved]
    return {"solved": solved, "to_tell": untold}


async def tell(settings: Settings, category: str, by: str, *, yes: bool) -> dict[str, Any]:
    """The numbers; with `yes` it happens."""
    async with _opened(settings) as (runtime, categories, _today):
        given = {"category": _category(category, categories)} if category else {}
        weighed = await mending.weigh(runtime, await problems.mended_untold(sieve_from(given)))
        left_out = {str(reason): n for reason, n in weighed.left_out.items()}
        numbers = {"messages": len(weighed.reached), "tasks": len(weighed.called), "left_out": left_out}
        if yes:
            told = await mending.tell(runtime, weighed.lines, by=by)
            numbers |= asdict(told)
            await _log(Action.PROBLEM_CHANGED, "problems", by, what="told", count=told.messages, tasks=told.tasks)
    return {"done": yes, "by_channel": dict(weighed.by_channel), **numbers}


async def figures(settings: Settings) -> dict[str, Any]:
    async with _opened(settings) as (runtime, _, _today):
        found = await problem_figures.problem_figures(runtime.clock())
    shares = ("by_month", "by_category", "by_fault", "by_tier", "by_trade", "by_staff")
    cells = [{"month": month, "category": key, "n": n} for (month, key), n in sorted(found.cells.items())]
    parts = {name: [_share(one) for one in getattr(found, name)] for name in shares}
    return {"months": list(found.months), "whole": _share(found.whole), **parts, "cells": cells}


# ---- promises -------------------------------------------------------------------------------------------------------


async def list_promises(settings: Settings, which: str, number: str, page: int) -> dict[str, Any]:
    if which not in list(WhichPromises):
        raise InputError(f"--which {which[:20]}：只能是 {' / '.join(WhichPromises)} (one of these)")
    async with _opened(settings) as (_, _categories, today):
        counts = await promises.count_promises(today, number=number)
        found = await promises.browse_promises(WhichPromises(which), today, page=page, number=number)
    return {"counts": {str(one): n for one, n in counts.items()}, "promises": [_promise(one, today) for one in found]}


async def settle(settings: Settings, promise_id: int, state: str, by: str) -> dict[str, Any]:
    if state not in list(PromiseState):
        raise InputError(f"--state {state[:20]}：只能是 {' / '.join(PromiseState)} (one of these)")
    async with _opened(settings) as (runtime, _, today):
        found = await promises.find_promise(promise_id)
        if found is None:
            raise InputError(f"没有编号是 {promise_id} 的答应的事 (no such promise)")
        await results.settle_promise(promise_id, PromiseState(state), by=by, now=runtime.clock())
        await _log(Action.PROMISE_CHANGED, f"member/{found.member_no}", by, promise=promise_id, state=state)
        settled = await promises.find_promise(promise_id)
        assert settled is not None
    return _promise(settled, today)


# ---- lines ----------------------------------------------------------------------------------------------------------


def record_lines(found: Mapping[str, Any]) -> list[Shown]:
    if not found["new"]:
        return ["这一条以前记过，没有再记 (recorded before)"]
    told = {"企业": found["name"] or found["member"], "问题": found["problems"], "用工计划": found["plans"]}
    return ["记下了 (recorded)", *pairs(told)]


def problem_lines(found: Mapping[str, Any]) -> list[Shown]:
    columns = ("编号", "企业", "类别", "原因", "责任在", "听说", "解决", "负责人")
    rows = [
        [
            one["id"], one["member"], one["name"], one["cause"], FAULTS.get(one["fault"], one["fault"]),
            one["opened_at"], one["solved_at"], one["owner"],
        ]
        for one in found["problems"]
    ]  # fmt: skip
    return (
        [f"{found['total']}个问题 (problems)", table(columns, rows)] if rows else ["没有这样的问题 (no such problem)"]
    )


def solve_lines(found: Mapping[str, Any]) -> list[Shown]:
    lines: list[Shown] = [f"解决了{len(found['solved'])}个 (solved)"]
    if found["to_tell"]:
        lines.append(f"{len(found['to_tell'])}个是网站的问题，告诉客户：huifang problems tell (tell the members)")
    return lines


def tell_lines(found: Mapping[str, Any]) -> list[Shown]:
    said = "告诉了" if found["done"] else "可以告诉，加 --yes 就发"
    told = {"发消息": found["messages"], "开任务": found["tasks"], "现在不告诉": sum(found["left_out"].values())}
    return [said, *pairs(told)]


def figure_lines(found: Mapping[str, Any]) -> list[Shown]:
    titles = {"by_category": "按类别", "by_fault": "按责任", "by_tier": "按分级", "by_trade": "按行业",
              "by_staff": "按谁听说的", "by_month": "按月"}  # fmt: skip
    columns = ("", "问题", "没解决", "解决用时（小时）")
    shown: list[Shown] = [f"近12个月{found['whole']['n']}个问题，没解决{found['whole']['open']}个"]
    for name, title in titles.items():
        rows = [[one["key"] or "—", one["n"], one["open"], one["median_hours"]] for one in found[name]]
        shown.append(table(columns, rows, title))
    return shown


def promise_lines(found: Mapping[str, Any]) -> list[Shown]:
    counts = "  ".join(f"{PROMISE_STATES[name]} {n}" for name, n in found["counts"].items())
    columns = ("编号", "企业", "答应了什么", "哪天", "状态", "负责人")
    rows = [[one["id"], one["member"], one["what"], one["due_on"], one["state"], one["owner"]]
            for one in found["promises"]]  # fmt: skip
    return [counts, table(columns, rows)] if rows else [counts]


def settle_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['what']}：{PROMISE_STATES.get(found['state'], found['state'])}"]


def _problem(one: ProblemLine, categories: Categories) -> dict[str, Any]:
    moments = {name: moment.isoformat() if (moment := getattr(one, name)) else None
               for name in ("opened_at", "solved_at", "told_at")}  # fmt: skip
    known = categories.by_key.get(one.category)
    told = {name: value for name, value in asdict(one).items() if name not in ("member_id", "member", "member_no")}
    return {**told, **moments, "member": one.member_no, "company": one.member, "name": known.name if known else ""}


def _promise(one: PromiseLine, today: date) -> dict[str, Any]:
    return {
        "id": one.id,
        "member": one.member_no,
        "company": one.member,
        "task": one.visit_id,
        "what": one.what,
        "due_on": one.due_on.isoformat(),
        "overdue": one.state == PromiseState.OPEN and one.due_on < today,
        "owner": one.owner,
        "state": one.state,
        "settled_at": one.settled_at.isoformat() if one.settled_at else None,
        "settled_by": one.settled_by,
    }


def _share(one: Share) -> dict[str, Any]:
    hours = round(one.median.total_seconds() / 3600, 1) if one.median is not None else None
    return {"key": one.key, "n": one.n, "open": one.open, "median_hours": hours, "took_zh": took_words(one.median)}


async def _log(action: Action, subject: str, by: str, **detail: object) -> None:
    await audit.record_audit(action, at=datetime.now(UTC), who=by, subject=subject, detail=detail, came_from=_HERE)

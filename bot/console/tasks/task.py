"""One task: who it is about, why, whom to call, what was said last. The brief of a return visit has its place here."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from bot.console import threads
from bot.console.results.taking import answers_to, choices, pressure
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.result_words import result_words
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.pages import masked
from campaigns import gift_ledger, problems, promises, staff, visit_outcomes, visits
from campaigns.audit import Action
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.replies.results import matter_of
from campaigns.results import Medium
from campaigns.rights import Right
from campaigns.terms import SHANGHAI
from campaigns.visits import VisitTask

_LAST = 6  # things said that stand beside a task


async def task(request: Request) -> Response:
    return await show(request)


async def numbers(request: Request) -> Response:
    """The page with the phone numbers in full; who saw them is written down."""
    found = await own_task(request)
    if found is None:
        return await no_task(request)
    await log(request, Action.NUMBERS_SEEN, f"member/{found[1].no}", task=found[0].id)
    return await show(request, whole=True)


async def show(
    request: Request,
    *,
    whole: bool = False,
    faults: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """`faults` and `typed` are of an outcome that cannot be taken as it was filled in."""
    runtime: Runtime = request.app.state.runtime
    found = await own_task(request)
    if found is None:
        return await no_task(request)
    one, head = found
    if not whole:
        await log(request, Action.MEMBER_SEEN, f"member/{head.no}", task=one.id)
    described = await find.describe_member(head.no)
    today = runtime.clock().astimezone(SHANGHAI).date()
    outcome = await visit_outcomes.outcome_of_visit(one.id)
    said, _ = await threads.read_thread(runtime, head.id)
    return await staff_page(
        request,
        "tasks/task.html",
        here="tasks",
        status_code=422 if faults else 200,
        task=one,
        member=described,
        contacts=_callable(described or {}, one.contact_id),
        address=str if whole else masked,
        whole=whole,
        said=said[-_LAST:][::-1],
        **await choices(runtime, today),
        pressure=await pressure(runtime, head),
        medium_first=Medium.GIFT if one.category == gift_ledger.CAUSE else Medium.PHONE,
        outcome=outcome,
        came_of_it=result_words(outcome.medium if outcome else "", str((one.outcome or {}).get("result", ""))),
        problem=await problems.problem_of_visit(one.id),
        promise=await promises.promise_of_visit(one.id),
        settling=[(key, say(label)) for key, label in answers_to(await matter_of(one)).items()],
        nonce=(typed or {}).get("nonce") or uuid4().hex,
        colleagues=await _colleagues(head),
        faults=defaultdict(str, faults or {}),
        typed=defaultdict(str, typed or {}),
        done=request.query_params.get("done", ""),
        today=today,
        may=visitor_of(request).may(Right.ANSWER),
        may_see_numbers=visitor_of(request).may(Right.ADDRESSES),
    )


async def own_task(request: Request) -> tuple[VisitTask, Head] | None:
    """The task of the address and its member, where the one who asks sees that member."""
    found = await visits.find_visit(request.path_params["id"])
    head = await find.find_head_by_id(found.member_id) if found else None
    if found is None or head is None or not visitor_of(request).staff.sees_owner(head.owner):
        return None
    return found, head


async def no_task(request: Request) -> Response:
    return await not_found(request, here="tasks", what=say("没有这个任务"))


async def _colleagues(head: Head) -> list[str]:
    """Who could do it: those who may answer and see this member."""
    return [
        one.name
        for one in await staff.list_staff()
        if one.active and one.may(Right.ANSWER) and one.sees_owner(head.owner)
    ]


def _callable(described: Mapping[str, Any], contact_id: int | None) -> list[Mapping[str, Any]]:
    """The people who are still there, first the one it is about."""
    there = [one for one in described.get("contacts", ()) if one["active"]]
    return sorted(there, key=lambda one: one["id"] != contact_id)


routes = [
    StaffRoute("/tasks/{id:int}", task, right=Right.SEE),
    StaffRoute("/tasks/{id:int}/numbers", numbers, right=Right.ADDRESSES, methods=["POST"]),
]

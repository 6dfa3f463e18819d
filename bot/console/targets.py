"""目标: what colleagues and departments are to reach in a month, how far they are, and where a manager sets it."""

import contextlib

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.advice_words import target_words
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words
from campaigns import staff, targets
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right
from campaigns.targets import Kind

_DEPARTMENT = "department:"


async def page(request: Request) -> Response:
    return await _page(request, request.query_params.get("month", "")[:7])


async def save(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form, visitor = await read_form(request), visitor_of(request).staff
    typed = {name: str(form.get(name, "")).strip()[:80] for name in ("month", "who", "kind", "goal")}
    who, is_department = typed["who"].removeprefix(_DEPARTMENT), typed["who"].startswith(_DEPARTMENT)
    if not visitor.sees_owner(who):
        return await _page(request, typed["month"], typed=typed, faults={"who": say("选一位员工或一个部门")})
    if typed["kind"] not in list(Kind):
        return await _page(request, typed["month"], typed=typed, faults={"kind": say("选一种目标")})
    if not (typed["goal"].isascii() and typed["goal"].isdigit() and len(typed["goal"]) < 7):
        return await _page(request, typed["month"], typed=typed, faults={"goal": say("目标写整数，0是取消")})
    try:
        month = targets.month_of(runtime.clock(), runtime.rulebook.calendar, typed["month"])
        await targets.set_target(
            month, who, Kind(typed["kind"]), int(typed["goal"]), is_department=is_department, by=visitor.name,
            now=runtime.clock(),
        )  # fmt: skip
    except InputError as exc:
        beside = "goal" if _is_month(runtime, typed["month"]) else "month"
        return await _page(request, "", typed=typed, faults={beside: fault_words(exc)})
    detail = {"to": who, "kind": typed["kind"], "count": int(typed["goal"]), "on": month.name}
    await log(request, Action.TARGET_SET, "targets", **detail)
    return RedirectResponse(f"/targets?month={month.name}&done=saved", status_code=303)


def _is_month(runtime: Runtime, name: str) -> bool:
    with contextlib.suppress(InputError):
        return bool(targets.month_of(runtime.clock(), runtime.rulebook.calendar, name))
    return False


async def _page(
    request: Request, name: str, *, typed: dict[str, str] | None = None, faults: dict[str, str] | None = None
) -> Response:
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    faults = dict(faults or {})
    try:
        month = targets.month_of(runtime.clock(), runtime.rulebook.calendar, name)
    except InputError as exc:
        faults["month"] = fault_words(exc)
        month = targets.month_of(runtime.clock(), runtime.rulebook.calendar)
    found = await targets.read_progress(month, visitor.staff.owners)
    everybody = [one for one in await staff.list_staff() if one.active and visitor.staff.sees_owner(one.name)]
    return await staff_page(
        request,
        "targets.html",
        here="targets",
        status_code=422 if faults else 200,
        month=month,
        lines=[one for one in found if one.goal],
        kinds={kind: target_words(kind) for kind in Kind},
        people=sorted(one.name for one in everybody),
        departments=sorted({one.department for one in everybody if one.department}),
        department=_DEPARTMENT,
        typed={"month": month.name, "who": "", "kind": "", "goal": "", **(typed or {})},
        faults={"who": "", "kind": "", "goal": "", "month": "", **faults},
        may_set=visitor.may(Right.ASSIGN),
        done=request.query_params.get("done", ""),
    )


routes = [
    StaffRoute("/targets", page, right=Right.SEE),
    StaffRoute("/targets", save, right=Right.ASSIGN, methods=["POST"]),
]

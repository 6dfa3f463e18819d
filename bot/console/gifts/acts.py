"""What is done with gifts: the store filled, a plan reckoned, approved, called off, its lines handed over."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.gifts.form import read_number, read_wish, read_words
from bot.console.gifts.pages import gifts_page, no_plan, plan_page, wish_page
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words
from campaigns import gift_ledger, gift_store, gifting
from campaigns.audit import Action
from campaigns.errors import InputError, StateError
from campaigns.gift_store import Taste
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.rights import Right


async def save_item(request: Request) -> Response:
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    faults: dict[str, str] = {}
    value, stock = read_number(form, "value", faults), read_number(form, "stock", faults)
    if not faults:
        try:
            made = await gift_store.save_item(
                form.get("name", "")[:200],
                value,
                stock,
                read_words(form.get("tastes", "")),
                house="house" in form,
                active="gone" not in form,
            )
        except InputError as exc:
            faults["name"] = fault_words(exc)
        else:
            await log(request, Action.GIFTS_CHANGED, f"gift/{made.name}", value=made.value, stock=made.stock)
            return RedirectResponse("/gifts?done=saved#store", status_code=303)
    return await gifts_page(request, faults=faults, typed=form)


async def reckon(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    wish, faults = read_wish(form)
    if wish is None:
        return await wish_page(request, form, faults)
    who = visitor_of(request).staff.name
    try:
        found = await gifting.reckon_plan(wish, runtime.rulebook.calendar, by=who, now=runtime.clock())
    except (InputError, StateError) as exc:
        return await wish_page(request, form, {"rule": fault_words(exc)})
    await log(request, Action.GIFTS_CHANGED, f"gifts/{found.plan.festival}", what="reckoned", budget=wish.budget)
    left = f"{found.takes_none}-{found.refused}"
    return RedirectResponse(f"/gifts/{found.plan.id}?done=reckoned&left={left}", status_code=303)


async def approve(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    who, now, plan_id = visitor_of(request).staff.name, runtime.clock(), request.path_params["id"]

    async def act() -> None:
        await gifting.approve_plan(plan_id, runtime.rulebook.calendar, by=who, now=now)

    return await _done(request, plan_id, act, "approved")


async def call_off(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    who, now, plan_id = visitor_of(request).staff.name, runtime.clock(), request.path_params["id"]
    return await _done(request, plan_id, lambda: gifting.call_off(plan_id, by=who, now=now), "called_off")


async def drop(request: Request) -> Response:
    return await _line(request, "dropped")


async def take_back(request: Request) -> Response:
    return await _line(request, "taken_back")


async def hand(request: Request) -> Response:
    return await _line(request, "handed")


async def not_taken(request: Request) -> Response:
    return await _line(request, "refused")


async def _line(request: Request, what: str) -> Response:
    """Only of a member the reader may see."""
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    line = await gift_ledger.find_line(request.path_params["id"])
    head = await find.find_head_by_id(line.member_id) if line else None
    if line is None or head is None or not visitor.staff.sees_owner(head.owner):
        return await no_plan(request)
    note = str((await read_form(request)).get("note", ""))[:255].strip()
    who, now = visitor.staff.name, runtime.clock()

    async def act() -> None:
        if what == "dropped":
            await gifting.drop_line(line.id, note, by=who, now=now)
        elif what == "taken_back":
            await gifting.take_back(line.id, by=who, now=now)
        else:
            await gifting.hand_over(line.id, note, taken=what == "handed", by=who, now=now)

    return await _done(request, line.plan_id, act, what, subject=f"member/{head.no}")


async def _done(
    request: Request, plan_id: int, act: Callable[[], Awaitable[object]], what: str, subject: str = ""
) -> Response:
    plan = await gift_ledger.find_plan(plan_id)
    if plan is None:
        return await no_plan(request)
    try:
        await act()
    except (InputError, StateError) as exc:
        return await plan_page(request, plan.id, fault_words(exc))
    await log(request, Action.GIFTS_CHANGED, subject or f"gifts/{plan.festival}", what=what, plan=plan.festival)
    return RedirectResponse(f"/gifts/{plan.id}?done={what}", status_code=303)


# ---- what a member likes --------------------------------------------------------------------------------------------


async def taste(request: Request) -> Response:
    head = await _member(request)
    if head is None:
        return await _no_member(request)
    known = (await gift_store.tastes_of([head.id])).get(head.id, Taste())
    typed = {"likes": "、".join(known.likes), "dislikes": "、".join(known.dislikes)}
    return await _taste_page(request, head, typed, takes_none=known.takes_none)


async def save_taste(request: Request) -> Response:
    head = await _member(request)
    if head is None:
        return await _no_member(request)
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    takes_none = "takes_none" in form
    likes, dislikes = read_words(form.get("likes", "")), read_words(form.get("dislikes", ""))
    try:
        await gift_store.save_taste(head.id, likes, dislikes, takes_none=takes_none)
    except InputError as exc:
        return await _taste_page(request, head, form, takes_none=takes_none, fault=fault_words(exc))
    await log(request, Action.GIFTS_CHANGED, f"member/{head.no}", what="taste", takes_none=takes_none)
    return RedirectResponse(f"/gifts/tastes/{head.no}?done=saved", status_code=303)


async def _taste_page(
    request: Request, head: Head, typed: dict[str, str], *, takes_none: bool, fault: str = ""
) -> Response:
    had = (await gift_ledger.had_of([head.id])).get(head.id, {})
    names = {item.id: item.name for item in await gift_store.list_items()}
    return await staff_page(
        request,
        "gifts/taste.html",
        here="gifts",
        status_code=422 if fault else 200,
        head=head,
        typed=typed,
        takes_none=takes_none,
        fault=fault,
        had=sorted(((day, names[gift]) for gift, day in had.items()), reverse=True),
        may_change=visitor_of(request).may(Right.ANSWER),
        done=request.query_params.get("done", ""),
    )


async def _member(request: Request) -> Head | None:
    head = await find.find_head(request.path_params["number"][:64])
    return head if head and visitor_of(request).staff.sees_owner(head.owner) else None


async def _no_member(request: Request) -> Response:
    return await not_found(request, here="gifts", what=say("没有这家企业会员"))


routes = [
    StaffRoute("/gifts/store", save_item, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/gifts/new", reckon, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/gifts/tastes/{number:path}", taste, right=Right.SEE),
    StaffRoute("/gifts/tastes/{number:path}", save_taste, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/gifts/{id:int}/approve", approve, right=Right.APPROVE, methods=["POST"]),
    StaffRoute("/gifts/{id:int}/call-off", call_off, right=Right.APPROVE, methods=["POST"]),
    StaffRoute("/gifts/lines/{id:int}/drop", drop, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/gifts/lines/{id:int}/take-back", take_back, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/gifts/lines/{id:int}/hand", hand, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/gifts/lines/{id:int}/not-taken", not_taken, right=Right.ANSWER, methods=["POST"]),
]

"""记一次联系: a call, a visit, a gift or a talk at an event written down without a task."""

from collections import defaultdict
from datetime import date
from urllib.parse import quote
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.results.form import read_result
from bot.console.results.taking import choices, pressure, take
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.problem_categories import categories_in_force
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, read_form, visitor_of
from campaigns.cells import parse_key
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.rights import Right
from campaigns.terms import SHANGHAI


async def new_contact(request: Request) -> Response:
    number = request.query_params.get("member", "").strip()[:64]
    head = await _seen(request, number)
    if number and head is None:
        return await not_found(request, here="members", what=say("没有这个编号的企业会员"))
    return await _form(request, {"member": number}, {}, head)


async def add_contact(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    head = await _seen(request, form.get("member", "").strip()[:64])
    categories = await categories_in_force(runtime.settings.huifang_templates)
    contact = await _contact(head, form.get("contact", ""))
    result, faults = read_result(form, _today(request), categories, contact, answers={})
    if head is None:
        faults["member"] = say("没有这个编号的企业会员。编号在会员列表里")
    if head is None or result is None:
        return await _form(request, form, faults, head)
    await take(request, head, result, key=f"form:{form.get('nonce', '')[:40] or uuid4().hex}")
    return RedirectResponse(f"/members/{quote(head.no, safe='')}?done=visited", status_code=303)


async def _form(request: Request, typed: dict[str, str], faults: dict[str, str], head: Head | None) -> Response:
    runtime: Runtime = request.app.state.runtime
    today = _today(request)
    return await staff_page(
        request,
        "results/new.html",
        here="members",
        status_code=422 if faults else 200,
        typed=defaultdict(str, typed),
        faults=defaultdict(str, faults),
        head=head,
        people=await find.contact_names(head.id) if head else {},
        pressure=await pressure(runtime, head) if head else None,
        nonce=typed.get("nonce") or uuid4().hex,
        today=today,
        **await choices(runtime, today),
    )


async def _seen(request: Request, number: str) -> Head | None:
    head = await find.find_head(parse_key(number) or number) if number else None
    return head if head and visitor_of(request).staff.sees_owner(head.owner) else None


async def _contact(head: Head | None, given: str) -> int | None:
    """Only one of this member's."""
    people = await find.contact_names(head.id) if head else {}
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    return number if number in people else None


def _today(request: Request) -> date:
    runtime: Runtime = request.app.state.runtime
    return runtime.clock().astimezone(SHANGHAI).date()


routes = [
    StaffRoute("/visits/new", new_contact, right=Right.ANSWER),
    StaffRoute("/visits/new", add_contact, right=Right.ANSWER, methods=["POST"]),
]

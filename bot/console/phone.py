"""手机: the sandbox's phone beside what we know of the customer whose it is; only where the sandbox runs."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import touches
from campaigns.members import find
from campaigns.members.browse import MemberLine, Sieve, browse_members
from campaigns.rights import Right

_LINES = ("sms", "email", "wechat", "wecom", "wecom_staff")
_SHOWN = 20
_LONGEST_SEARCH = 255
_LONGEST_NUMBER = 64


async def phone(request: Request) -> Response:
    """With addresses on to the sandbox's own page; without, who to play and the phone of the one who is chosen."""
    runtime: Runtime = request.app.state.runtime
    if not runtime.sandboxed:
        return await not_found(request, here="today", what=say("演练环境没有开，看不了客户的手机"))
    asked = request.query_params
    if any(asked.get(name) for name in _LINES):
        return RedirectResponse(f"{runtime.site_url}/phone?{request.url.query}", status_code=307)
    text, number = asked.get("q", "").strip()[:_LONGEST_SEARCH], asked.get("member", "")
    member = await _member(request, number) if number else None
    if number and member is None:
        return await not_found(request, here="phone", what=say("没有编号是 {no} 的企业会员").format(no=number))
    contacts = _contacts(member) if member else []
    chosen = next((one for one in contacts if str(one["id"]) == asked.get("contact")), None)
    chosen = chosen or next(iter(contacts), None)
    return await staff_page(
        request,
        "phone/page.html",
        here="phone",
        text=text,
        found=await _found(request, text),
        member=member,
        contacts=contacts,
        chosen=chosen,
        frame=f"{runtime.site_url}/phone?{urlencode(_addresses(chosen))}" if chosen else "",
        everybody=f"{runtime.site_url}/phone",
        pick=lambda no, contact=0: _address(text, no, contact),
        may_see_numbers=visitor_of(request).may(Right.ADDRESSES),
    )


async def _found(request: Request, text: str) -> Sequence[MemberLine]:
    runtime: Runtime = request.app.state.runtime
    owners, now = visitor_of(request).staff.owners, runtime.clock()
    latest = () if text else await touches.latest_members(_SHOWN)
    if latest and (found := (await browse_members(Sieve(ids=latest, owners=owners, now=now), 1)).lines):
        return sorted(found, key=lambda one: latest.index(one.id))
    return (await browse_members(Sieve(text=text, owners=owners, now=now), 1)).lines[:_SHOWN]


async def _member(request: Request, number: str) -> dict[str, Any] | None:
    found = await find.describe_member(number) if len(number) <= _LONGEST_NUMBER else None
    return found if found and visitor_of(request).staff.sees_owner(found["owner"]) else None


def _contacts(member: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those who can get anything, the main one first."""
    reached = [one for one in member["contacts"] if _addresses(one)]
    return sorted(reached, key=lambda one: not one["is_primary"])


def _addresses(contact: Mapping[str, Any]) -> dict[str, str]:
    given = {
        "sms": contact["mobile"],
        "email": contact["email"],
        "wechat": contact["openid"],
        "wecom": contact.get("external_userid"),
    }
    return {name: value for name, value in given.items() if value}


def _address(text: str, number: str, contact: int) -> str:
    asked = {"q": text, "member": number, "contact": str(contact or "")}
    return f"/phone?{urlencode({name: value for name, value in asked.items() if value})}"


routes = [StaffRoute("/phone", phone, right=Right.SEE)]

"""One member: everything about it on one page."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.console.shell import day, not_found, staff_page, weekday
from bot.console.writing import Composer, composer_for
from bot.dossier import describe_member
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.pages import masked
from campaigns import definitions, remarks
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, ChannelName

_PHONE = {"mobile": ChannelName.SMS, "email": ChannelName.EMAIL, "openid": ChannelName.WECHAT}


async def member(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    number = request.path_params["number"]
    try:
        found = await describe_member(runtime, number)
    except InputError:
        found = None
    if found is None or not visitor_of(request).staff.sees_owner(found["owner"]):
        return await not_found(request, here="members", what=say("没有编号是{number}的企业会员").format(number=number))
    await log(request, Action.MEMBER_SEEN, f"member/{found['no']}")
    people = {one["id"]: one["name"] or "（没有名字）" for one in found["contacts"]}
    return await staff_page(
        request,
        "member.html",
        here="members",
        member=found,
        tree=_tree(found["contacts"]),
        days=_days(found["timeline"]),
        people=people,
        titles={key: await _title(key) for key in {row["campaign"] for row in found["timeline"]} if key},
        open_tasks=[one for one in found["visits"] if one["state"] == "open"],
        blocks=[one for one in found["suppressions"] if _in_force(one, runtime.clock())],
        address=_whole if visitor_of(request).may(Right.ADDRESSES) else masked,
        phones=_phones(found["contacts"]) if runtime.sandboxed and visitor_of(request).may(Right.ADDRESSES) else {},
        idle_days=_idle_days(found, runtime.clock()),
        remarks=await remarks.remarks_of(found["id"]),
        composer=await _composer(request, found),
        stopped=any(one["channel"] is None and _in_force(one, runtime.clock()) for one in found["suppressions"]),
        may_answer=visitor_of(request).may(Right.ANSWER),
        may_plan=visitor_of(request).may(Right.PLAN),
        done=request.query_params.get("done", ""),
    )


async def _composer(request: Request, found: Mapping[str, Any]) -> Composer | None:
    if not visitor_of(request).may(Right.ANSWER):
        return None
    return await composer_for(request, found["id"], back=f"/members/{quote(found['no'], safe='')}")


def _tree(contacts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Contacts under whom they report to. Whoever hangs in the air, or in a circle, stands at the top."""
    placed: set[str] = set()

    def below(parent: str) -> list[dict[str, Any]]:
        found = []
        for one in contacts:
            if one["parent_no"] == parent and one["no"] not in placed:
                placed.add(one["no"])
                found.append({"contact": one, "below": below(one["no"])})
        return found

    known = {one["no"] for one in contacts}
    roots: list[dict[str, Any]] = []
    for first in (True, False):
        for one in contacts:
            if one["no"] not in placed and (not first or one["parent_no"] not in known):
                placed.add(one["no"])
                roots.append({"contact": one, "below": below(one["no"])})
    return roots


def _days(timeline: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
    """(day, weekday, touches) newest first, in Asia/Shanghai."""
    return ((day(on), weekday(on), list(rows)) for on, rows in groupby(timeline, key=_shanghai_day))


def _shanghai_day(row: Mapping[str, Any]) -> date:
    at: datetime = row["at"]
    return at.astimezone(SHANGHAI).date()


def _phones(contacts: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Contact id → the page that shows this person's WeChat, SMS and mail in the sandbox."""
    asked = {
        one["id"]: {str(channel): one[field] for field, channel in _PHONE.items() if one[field]} for one in contacts
    }
    return {key: f"/phone?{urlencode(addresses)}" for key, addresses in asked.items() if addresses}


def _whole(address: str | None) -> str:
    return address or ""


def _in_force(block: Mapping[str, Any], now: datetime) -> bool:
    return block["lifted_at"] is None and (block["until"] is None or block["until"] > now)


def _idle_days(found: Mapping[str, Any], now: datetime) -> int | None:
    since: datetime | None = found["last_login_at"] or found["registered_at"]
    return (now - since).days if since else None


async def _title(key: str) -> str:
    found = await definitions.find_campaign(key)
    return found.definition.title if found else key


routes = [
    StaffRoute("/members/{number:path}", member, right=Right.SEE),  # a site may write its numbers with a slash
]

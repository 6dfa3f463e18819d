"""企业会员: leaf through them, and everything about one of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.shell import day, not_found, staff_page, weekday
from bot.dossier import describe_member
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.pages import masked
from campaigns import definitions
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members.browse import INBOUND, PAGE, Sieve, browse_members
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, ChannelName, Tier

_LONGEST_SEARCH = 64
_BACK = {"reply": "回复过", "auto_reply": "自动回复过", "return": "从链接回来过", "refusal": "退订过"}
_PHONE = {"mobile": ChannelName.SMS, "email": ChannelName.EMAIL, "openid": ChannelName.WECHAT}


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition of the list, and the address of the list without it."""

    label: str
    value: str
    without: str


async def members(request: Request) -> Response:
    """Fifty a page, by number; every condition is in the address."""
    sieve = replace(read_sieve(request.query_params), owners=visitor_of(request).staff.owners)
    number = _page_number(request.query_params.get("page", ""))
    found = await browse_members(sieve, number)
    return await staff_page(
        request,
        "members.html",
        here="members",
        q=sieve.text,
        sieve=sieve,
        found=found,
        number=number,
        pages=max(1, -(-found.total // PAGE)),
        first=(number - 1) * PAGE + 1,
        tabs=_tabs(sieve, found.tiers),
        chips=await _chips(sieve),
        turn=lambda to: list_url(sieve, page=to),
    )


async def member(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    number = request.path_params["number"]
    try:
        found = await describe_member(runtime, number)
    except InputError:
        found = None
    if found is None or not visitor_of(request).staff.sees_owner(found["owner"]):
        return await not_found(request, here="members", what=f"没有编号是 {number} 的企业会员")
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
    )


# ---- the list's address ---------------------------------------------------------------------------------------------


def read_sieve(query: QueryParams) -> Sieve:
    """The conditions in an address; what is not one is left out."""
    tier, inbound = query.get("tier", ""), query.get("inbound", "")
    return Sieve(
        text=query.get("q", "").strip()[:_LONGEST_SEARCH],
        tier=tier if tier in list(Tier) else "",
        unread=query.get("unread") == "1",
        refused=query.get("refused") == "1",
        task=query.get("task", "")[:_LONGEST_SEARCH],
        campaign=query.get("campaign", "")[:_LONGEST_SEARCH],
        fate=query.get("fate", "")[:_LONGEST_SEARCH],
        inbound=inbound if inbound in INBOUND else "",
    )


def list_url(sieve: Sieve, *, page: int = 1) -> str:
    """The address of the list that a sieve gives."""
    asked = {
        "q": sieve.text,
        "tier": sieve.tier,
        "unread": "1" if sieve.unread else "",
        "refused": "1" if sieve.refused else "",
        "task": sieve.task,
        "campaign": sieve.campaign,
        "fate": sieve.fate,
        "inbound": sieve.inbound,
        "page": str(page) if page > 1 else "",
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/members?{query}" if query else "/members"


def _tabs(sieve: Sieve, tiers: Mapping[str, int]) -> list[tuple[str, str, int, bool]]:
    """(words, address, members, is it this one) for all members and each tier."""
    everyone = ("全部", list_url(replace(sieve, tier="")), sum(tiers.values()), not sieve.tier)
    return [
        everyone,
        *((str(t), list_url(replace(sieve, tier=str(t))), tiers.get(t, 0), sieve.tier == t) for t in Tier),
    ]


async def _chips(sieve: Sieve) -> list[Chip]:
    title = await _title(sieve.campaign) if sieve.campaign else ""
    task = "全部" if sieve.task == "any" else wording.task_words(sieve.task)
    every = [
        (sieve.text, Chip("名称或编号含", sieve.text, list_url(replace(sieve, text="")))),
        (sieve.unread, Chip("有", "未读简历", list_url(replace(sieve, unread=False)))),
        (sieve.refused, Chip("已", "退订全部", list_url(replace(sieve, refused=False)))),
        (sieve.task, Chip("要办的任务", task, list_url(replace(sieve, task="")))),
        (sieve.campaign, Chip("营销活动", title, list_url(replace(sieve, campaign="")))),
        (sieve.fate, Chip("消息现在", wording.fate_words(sieve.fate), list_url(replace(sieve, fate="")))),
        (sieve.inbound, Chip("后来", _BACK.get(sieve.inbound, ""), list_url(replace(sieve, inbound="")))),
    ]
    return [chip for asked, chip in every if asked]


async def _title(key: str) -> str:
    found = await definitions.find_campaign(key)
    return found.definition.title if found else key


def _page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


# ---- one member -----------------------------------------------------------------------------------------------------


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


routes = [
    StaffRoute("/members", members, right=Right.SEE),
    StaffRoute("/members/{number:path}", member, right=Right.SEE),  # a site may write its numbers with a slash
]

"""企业会员: leaf through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.sheets import Pieces, as_file
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from campaigns import definitions, saved_segments
from campaigns.audit import Action
from campaigns.members.browse import INBOUND, PAGE, SORTS, UNOWNED, Sieve, browse_members, export_members
from campaigns.rights import Right
from campaigns.segments import Segment, parse_segment
from campaigns.segments.tree import And
from campaigns.terms import SHANGHAI, Tier

_LONGEST_SEARCH = 64
_BACK = {"reply": "回复过", "auto_reply": "自动回复过", "return": "从链接回来过", "refusal": "退订过"}
_REACHABLE = {"sms": "短信", "email": "邮件", "wechat": "公众号"}
_MOST_EXPORTED = 200_000
_LARGEST = 2**31 - 1  # a number of the database
_PIECE = 1_000  # rows written at once
_CONDITIONS = {  # the log names what was asked, not the words: somebody's number may be among them
    "q", "tier", "unread", "refused", "task", "campaign", "fate", "inbound", "trade", "city", "owner", "idle",
    "renewal", "reach", "segment",
}  # fmt: skip
_EXPORTED = {
    "no": "会员编号", "name": "企业名称", "tier": "分级", "trade": "行业", "city": "地区", "unread_resumes": "未读简历",
    "live_postings": "在招职位", "last_login_at": "最近登录", "plan_expires_on": "套餐到期", "owner": "负责人",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition of the list, and the address of the list without it."""

    label: str
    value: str
    without: str


async def members(request: Request) -> Response:
    """Fifty a page, by number; every condition is in the address."""
    query = request.query_params
    sieve, asked = await _asked(request), _rules_asked(query)
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
        tabs=_tabs(sieve, found.tiers, asked),
        chips=await _chips(sieve, asked),
        asked=asked,
        reachable=_REACHABLE,
        kept=_kept(sieve, asked),
        turn=lambda to: list_url(sieve, page=to, rules=asked),
        sorted_by=lambda key: list_url(
            replace(sieve, sort=key, down=sieve.sort == key and not sieve.down), rules=asked
        ),
        export=lambda kind: list_url(sieve, rules=asked).replace("/members", f"/members.{kind}", 1),
    )


async def export(request: Request) -> Response:
    """The whole list as a table, in its order; without a phone number, which the columns of the list do not hold."""
    kind = request.url.path.rpartition(".")[2]
    rows = await export_members(await _asked(request), _MOST_EXPORTED)
    detail = {"rows": len(rows), "format": kind, "asked": sorted(set(request.query_params) & _CONDITIONS)}
    await log(request, Action.MEMBERS_EXPORTED, "members", **detail)
    return await as_file(kind, "members", [say(label) for label in _EXPORTED.values()], _pieces(rows))


async def _pieces(rows: Sequence[Mapping[str, Any]]) -> Pieces:
    for first in range(0, len(rows), _PIECE):
        yield [[_cell(row[name]) for name in _EXPORTED] for row in rows[first : first + _PIECE]]


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


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
        trade=query.get("trade", "").strip()[:_LONGEST_SEARCH],
        city=query.get("city", "").strip()[:_LONGEST_SEARCH],
        owner=query.get("owner", "").strip()[:_LONGEST_SEARCH],
        sort=query.get("sort", "") if query.get("sort", "") in SORTS else "no",
        down=query.get("down") == "1",
    )


async def _asked(request: Request) -> Sieve:
    """The list of an address, among the members of whom the visitor may see."""
    runtime: Runtime = request.app.state.runtime
    rule = await _rule(_rules_asked(request.query_params))
    owners = visitor_of(request).staff.owners
    return replace(read_sieve(request.query_params), rule=rule, now=runtime.clock(), owners=owners)


def _rules_asked(query: QueryParams) -> dict[str, str]:
    """What is asked by the words of segments: days idle, days until renewal, a channel, a saved segment."""
    days = {name: _days_asked(query.get(name, "")) for name in ("idle", "renewal")}
    channel, segment = query.get("reach", ""), query.get("segment", "")
    given = {**days, "reach": channel if channel in _REACHABLE else "", "segment": segment if _is_id(segment) else ""}
    return {name: value for name, value in given.items() if value}


async def _rule(asked: Mapping[str, str]) -> Segment | None:
    lines = []
    if days := asked.get("idle"):
        lines.append(f"idle_days >= {days}")
    if days := asked.get("renewal"):
        lines.append(f"renewal_days >= 0 and renewal_days <= {days}")
    if channel := asked.get("reach"):
        lines.append(f"reachable.{channel}")
    if number := asked.get("segment"):
        saved = await saved_segments.find_segment(int(number))
        lines.append(saved.rule if saved else "no is empty")  # nobody, where it was deleted
    return And(tuple(map(parse_segment, lines))) if lines else None


def _days_asked(text: str) -> str:
    return str(int(text)) if text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text) else ""


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _LARGEST


def list_url(sieve: Sieve, *, page: int = 1, rules: Mapping[str, str] | None = None) -> str:
    """The address of the list that a sieve, and what is asked by segments' words, give."""
    query = urlencode({**_kept(sieve, rules or {}), **({"page": page} if page > 1 else {})})
    return f"/members?{query}" if query else "/members"


def _kept(sieve: Sieve, rules: Mapping[str, str]) -> dict[str, str]:
    """The address without the page, by parameter."""
    asked = {
        "q": sieve.text,
        "tier": sieve.tier,
        "unread": "1" if sieve.unread else "",
        "refused": "1" if sieve.refused else "",
        "task": sieve.task,
        "campaign": sieve.campaign,
        "fate": sieve.fate,
        "inbound": sieve.inbound,
        "trade": sieve.trade,
        "city": sieve.city,
        "owner": sieve.owner,
        **rules,
        "sort": sieve.sort if sieve.sort != "no" else "",
        "down": "1" if sieve.down else "",
    }
    return {name: value for name, value in asked.items() if value}


def _tabs(sieve: Sieve, tiers: Mapping[str, int], rules: Mapping[str, str]) -> list[tuple[str, str, int, bool]]:
    """(words, address, members, is it this one) for all members and each tier."""
    everyone = ("全部", list_url(replace(sieve, tier=""), rules=rules), sum(tiers.values()), not sieve.tier)
    return [
        everyone,
        *((str(t), list_url(replace(sieve, tier=str(t)), rules=rules), tiers.get(t, 0), sieve.tier == t) for t in Tier),
    ]


async def _chips(sieve: Sieve, rules: Mapping[str, str]) -> list[Chip]:
    title = await _title(sieve.campaign) if sieve.campaign else ""
    task = "全部" if sieve.task == "any" else wording.task_words(sieve.task)

    def without(**changed: Any) -> str:
        return list_url(replace(sieve, **changed), rules=rules)

    def less(name: str) -> str:
        return list_url(sieve, rules={key: value for key, value in rules.items() if key != name})

    asked = rules.get
    segment = await saved_segments.find_segment(int(rules["segment"])) if "segment" in rules else None
    owner = say("待分配") if sieve.owner == UNOWNED else sieve.owner
    every: list[tuple[object, Chip]] = [
        (sieve.text, Chip("搜", sieve.text, without(text=""))),
        (sieve.unread, Chip("有", "未读简历", without(unread=False))),
        (sieve.refused, Chip("已", "退订全部", without(refused=False))),
        (sieve.task, Chip("要办的任务", task, without(task=""))),
        (sieve.campaign, Chip("营销活动", title, without(campaign=""))),
        (sieve.fate, Chip("消息现在", wording.fate_words(sieve.fate), without(fate=""))),
        (sieve.inbound, Chip("后来", _BACK.get(sieve.inbound, ""), without(inbound=""))),
        (sieve.trade, Chip(say("行业"), sieve.trade, without(trade=""))),
        (sieve.city, Chip(say("地区"), sieve.city, without(city=""))),
        (sieve.owner, Chip(say("负责人"), owner, without(owner=""))),
        (asked("idle"), Chip(say("没登录满"), say("{n}天").format(n=asked("idle")), less("idle"))),
        (asked("renewal"), Chip(say("套餐到期"), say("{n}天内").format(n=asked("renewal")), less("renewal"))),
        (asked("reach"), Chip(say("可达"), say(_REACHABLE.get(asked("reach", ""), "")), less("reach"))),
        (asked("segment"), Chip(say("分群"), segment.name if segment else say("已删除"), less("segment"))),
    ]
    return [chip for asked, chip in every if asked]


async def _title(key: str) -> str:
    found = await definitions.find_campaign(key)
    return found.definition.title if found else key


def _page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


routes = [
    StaffRoute("/members", members, right=Right.SEE),
    StaffRoute("/members.csv", export, right=Right.EXPORT),
    StaffRoute("/members.xlsx", export, right=Right.EXPORT),
]

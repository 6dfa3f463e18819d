"""The conditions of the list as they stand in its address, and the address they give."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request

from bot.runtime import Runtime
from bot.web.desk import visitor_of
from bot.web.numbers import whole_number
from campaigns import saved_segments, staff
from campaigns.members.browse import INBOUND, SORTS, Sieve
from campaigns.segments import Segment, parse_segment
from campaigns.segments.fields import FIELDS
from campaigns.segments.tree import And, OneOf
from campaigns.stages import Stage
from campaigns.terms import Tier

REACHABLE = {"sms": "短信", "email": "邮件", "wechat": "公众号"}
_LONGEST_SEARCH = 64
CONDITIONS = {  # the log names what was asked, not the words: somebody's number may be among them
    "q", "tier", "unread", "refused", "task", "campaign", "fate", "inbound", "trade", "city", "owner", "idle",
    "renewal", "reach", "segment", "stage", "reached", "department",
}  # fmt: skip
Given = Mapping[str, str]


def read_sieve(query: Given) -> Sieve:
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


async def asked_of(request: Request, query: Given | None = None) -> Sieve:
    """The list of an address, or of such conditions in a form, among the members of whom the visitor may see."""
    runtime: Runtime = request.app.state.runtime
    given = request.query_params if query is None else query
    rule = await _rule(rules_asked(given))
    owners = visitor_of(request).staff.owners
    return replace(read_sieve(given), rule=rule, now=runtime.clock(), owners=owners)


def rules_asked(query: Given) -> dict[str, str]:
    """What is asked by the words of segments: days idle, days until renewal, a channel, a saved segment."""
    days = {name: _days_asked(query.get(name, "")) for name in ("idle", "renewal")}
    channel, segment = query.get("reach", ""), query.get("segment", "")
    stages = {name: query.get(name, "") for name in ("stage", "reached") if query.get(name, "") in list(Stage)}
    given = {
        **days,
        **stages,
        "reach": channel if channel in REACHABLE else "",
        "segment": segment if is_id(segment) else "",
        "department": query.get("department", "").strip()[:_LONGEST_SEARCH],
    }
    return {name: value for name, value in given.items() if value}


async def _rule(asked: Mapping[str, str]) -> Segment | None:
    lines = []
    if days := asked.get("idle"):
        lines.append(f"idle_days >= {days}")
    if days := asked.get("renewal"):
        lines.append(f"renewal_days >= 0 and renewal_days <= {days}")
    if channel := asked.get("reach"):
        lines.append(f"reachable.{channel}")
    if stage := asked.get("stage"):
        lines.append(f"stage = {stage}")
    if stage := asked.get("reached"):
        lines.append(f"stage in ({', '.join(one for one in Stage if one.rank >= Stage(stage).rank)})")
    parts: list[Segment] = []
    if department := asked.get("department"):
        names = sorted(await staff.names_of_department(department))
        parts.append(OneOf(FIELDS["owner"], tuple(names)))
    if number := asked.get("segment"):
        saved = await saved_segments.find_segment(int(number))
        lines.append(saved.rule if saved else "no is empty")  # nobody, where it was deleted
    parts += map(parse_segment, lines)
    return And(tuple(parts)) if parts else None


def _days_asked(text: str) -> str:
    return str(int(text)) if text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text) else ""


def is_id(text: str) -> bool:
    return whole_number(text) is not None


def list_url(sieve: Sieve, *, page: int = 1, rules: Mapping[str, str] | None = None) -> str:
    """The address of the list that a sieve, and what is asked by segments' words, give."""
    query = urlencode({**kept(sieve, rules or {}), **({"page": page} if page > 1 else {})})
    return f"/members?{query or 'all=1'}"  # never bare: there the view begins that somebody chose


def kept(sieve: Sieve, rules: Mapping[str, str]) -> dict[str, str]:
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


def kept_of(query: Given) -> dict[str, str]:
    """What an address asks, in the one spelling we give it."""
    return kept(read_sieve(query), rules_asked(query))

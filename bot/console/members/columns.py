"""The columns of the list: which there are, which this browser shows, what stands in them when they are taken away."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from bot.language import say
from bot.web.desk import visitor_of
from campaigns import custom_fields
from campaigns.custom_fields import Kind, Shown
from campaigns.members.values import custom_names
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

PHONES = "phones"
"""Only in what is taken away, and only for who may see addresses."""
_COOKIE, _A_YEAR = "huifang_columns", 365 * 24 * 3600
_MOST = 16
_OWN = "attr."
# key, words, how the column of the table is drawn, the list's order by it
_COLUMNS = (
    ("tier", "分级", "w-72", "tier"),
    ("trade", "行业", "w-96", "trade"),
    ("city", "地区", "w-84", "city"),
    ("unread", "未读简历", "r w-num", "unread"),
    ("live", "在招职位", "r w-num", "live"),
    ("login", "最近登录", "w-132", "login"),
    ("expires", "套餐到期", "w-132", "expires"),
    ("reach", "有地址", "w-84", ""),
    ("owner", "负责人", "w-72", "owner"),
    ("plan", "套餐", "w-96", ""),
    ("nature", "企业性质", "w-96", ""),
    ("size", "规模", "w-96", ""),
    ("registered", "注册时间", "w-132", ""),
)
_USUAL = ("tier", "trade", "city", "unread", "live", "login", "expires", "reach", "owner")
_STORED = {
    "tier": "tier", "trade": "trade", "city": "city", "unread": "unread_resumes", "live": "live_postings",
    "login": "last_login_at", "expires": "plan_expires_on", "owner": "owner", "plan": "plan", "nature": "nature",
    "size": "size", "registered": "registered_at",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """`attr`: the site's own column it shows, empty for ours."""

    key: str
    label: str
    style: str
    sort: str
    attr: str = ""


async def columns_for(request: Request) -> list[Column]:
    """All there are for this visitor, ours first."""
    ours = [Column(key, say(label), style, sort) for key, label, style, sort in _COLUMNS]
    if visitor_of(request).may(Right.ADDRESSES) and visitor_of(request).may(Right.EXPORT):
        ours.append(Column(PHONES, say("手机号（只在导出的表里）"), "", ""))
    described = {one.name: one for one in await custom_fields.list_fields()}
    names = [name for name in await custom_names() if name not in described or Shown.LIST in described[name].shown]
    return [*ours, *(Column(_OWN + name, *_drawn(described, name), "", name) for name in names)]


def _drawn(described: Mapping[str, custom_fields.Described], name: str) -> tuple[str, str]:
    found = described.get(name)
    return (found.label, "r w-96" if found.kind is Kind.NUMBER else "w-96") if found else (name, "w-96")


def chosen_of(request: Request, known: Sequence[Column]) -> list[Column]:
    """What this browser shows, in our order."""
    kept = request.cookies.get(_COOKIE)
    if kept is None:
        return [one for one in known if one.key in _USUAL]
    wanted = {unquote(one) for one in kept.split(".")}
    return [one for one in known if one.key in wanted][:_MOST]


def keep_chosen(answer: Response, keys: Collection[str], known: Sequence[Column]) -> None:
    wanted = [quote(one.key, safe="").replace(".", "%2E") for one in known if one.key in keys][:_MOST]
    answer.set_cookie(_COOKIE, ".".join(wanted), max_age=_A_YEAR, httponly=True, samesite="lax", path="/")


def cell_of(row: Mapping[str, Any], column: Column) -> str:
    """As text, of a row of an export."""
    value = row["attrs"].get(column.attr) if column.attr else row.get(_STORED.get(column.key, column.key))
    if isinstance(value, datetime):
        return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)

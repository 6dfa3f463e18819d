"""What can be mended at a member's postings, as far as the export tells."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.language import say
from campaigns.members.find import Waiting

_STALE = 30  # days
_WIDE = 3  # times: pay from 3,000 to 9,000 says nothing


@dataclass(frozen=True, slots=True)
class Shown:
    """One posting. `findings`: (is it urgent, in words)."""

    post: Mapping[str, Any]
    findings: Sequence[tuple[bool, str]]


def show_postings(
    posts: Sequence[Mapping[str, Any]], waiting: Mapping[int, Waiting], left: Collection[str], now: datetime
) -> list[Shown]:
    """`left`: the names of contacts who are not there any more. Only what is live has findings; it comes first."""
    ordered = sorted(posts, key=lambda one: (one["state"] != "live", -one["unread"]))
    return [Shown(one, _findings(one, waiting.get(one["id"]), left, now)) for one in ordered]


def _findings(
    post: Mapping[str, Any], waiting: Waiting | None, left: Collection[str], now: datetime
) -> list[tuple[bool, str]]:
    if post["state"] != "live":
        return []
    return [*_unread(waiting, now), *_contact(post, left), *_stale(post, now), *_pay(post), *_missing(post)]


def _unread(waiting: Waiting | None, now: datetime) -> list[tuple[bool, str]]:
    if waiting is None or waiting.seen == waiting.applications:
        return []
    found = []
    if waiting.seen == 0:
        found.append((True, say("收到{n}份简历，一份也没看过").format(n=waiting.applications)))
    if waiting.oldest is not None:
        days = (now - waiting.oldest).days
        found.append((days >= 7, say("最早一份未读等了{n}天").format(n=days)))
    return found


def _contact(post: Mapping[str, Any], left: Collection[str]) -> list[tuple[bool, str]]:
    name = post["contact_name"]
    return [(True, say("联系人“{name}”已离开").format(name=name))] if name and name in left else []


def _stale(post: Mapping[str, Any], now: datetime) -> list[tuple[bool, str]]:
    since = post["refreshed_at"] or post["published_at"]
    days = (now - since).days if since else 0
    return [(False, say("{n}天没刷新").format(n=days))] if days > _STALE else []


def _pay(post: Mapping[str, Any]) -> list[tuple[bool, str]]:
    low, high = post["pay_min"], post["pay_max"]
    if not low or not high:
        return [(False, say("薪资没写清"))]
    return [(False, say("薪资写得太宽：{low}–{high}元").format(low=f"{low:,}", high=f"{high:,}"))] * (
        high > low * _WIDE
    )


def _missing(post: Mapping[str, Any]) -> list[tuple[bool, str]]:
    named = {"hours": say("上班时间"), "heads": say("招几个人"), "city": say("在哪里上班")}
    missing = [words for key, words in named.items() if not post[key]]
    return [(False, say("没写{what}").format(what=say("、").join(missing)))] if missing else []

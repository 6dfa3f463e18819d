"""What can be mended at a member's postings, by the rules of campaigns.diagnosis."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.finding_words import finding_words, missing_words
from bot.language import say
from campaigns.diagnosis import Code, Finding, Market, MemberSigns, Part, Thresholds, diagnose
from campaigns.members.find import Waiting
from campaigns.members.signs import posting_signs

_TOLD_AS_FIGURES = (Code.UNREAD, Code.NEVER_LOOKED)
_URGENT = (Code.SITE_FAULT, *_TOLD_AS_FIGURES)


@dataclass(frozen=True, slots=True)
class Shown:
    """One posting. `findings`: (is it urgent, in words)."""

    post: Mapping[str, Any]
    findings: Sequence[tuple[bool, str]]


def show_postings(
    posts: Sequence[Mapping[str, Any]],
    waiting: Mapping[int, Waiting],
    left: Collection[str],
    held: Collection[Part],
    now: datetime,
    thresholds: Thresholds,
) -> list[Shown]:
    """`left`: the names of contacts who are not there any more. `held`: what the site's data tells of postings.

    Only what is live has findings; it comes first.
    """
    ordered = sorted(posts, key=lambda one: (one["state"] != "live", -one["unread"]))
    market = Market(thresholds=thresholds, held=held)
    return [Shown(one, _findings(one, waiting.get(one["id"]), left, market, now)) for one in ordered]


def _findings(
    post: Mapping[str, Any], waiting: Waiting | None, left: Collection[str], market: Market, now: datetime
) -> list[tuple[bool, str]]:
    if post["state"] != "live":
        return []
    found = _diagnose(post, waiting, market, now)
    return [*_unread(waiting, found, now), *_contact(post, left), *_rest(found), *_missing(post, found)]


def _diagnose(
    post: Mapping[str, Any], waiting: Waiting | None, market: Market, now: datetime
) -> Mapping[Code, Finding]:
    counts = {"applications": waiting.applications, "seen": waiting.seen, "oldest": waiting.oldest} if waiting else {}
    signs = MemberSigns(0, postings=(posting_signs({**post, **counts}),))
    return {one.code: one for one in diagnose(signs, market, now).findings}


def _unread(waiting: Waiting | None, found: Collection[Code], now: datetime) -> list[tuple[bool, str]]:
    """What waits is shown from the first one on; it is urgent where the rules say so."""
    if waiting is None or waiting.seen == waiting.applications:
        return []
    told = []
    if waiting.seen == 0:
        words = say("收到{applications}份简历，一份也没看过").format(applications=waiting.applications)
        told.append((Code.NEVER_LOOKED in found, words))
    if waiting.oldest is not None:
        told.append((Code.UNREAD in found, say("最早一份未读等了{n}天").format(n=(now - waiting.oldest).days)))
    return told


def _contact(post: Mapping[str, Any], left: Collection[str]) -> list[tuple[bool, str]]:
    name = post["contact_name"]
    return [(True, say("联系人“{name}”已离开").format(name=name))] if name and name in left else []


def _rest(found: Mapping[Code, Finding]) -> list[tuple[bool, str]]:
    told = (*_TOLD_AS_FIGURES, Code.POST_INCOMPLETE)
    return [(code in _URGENT, finding_words(one)) for code, one in found.items() if code not in told]


def _missing(post: Mapping[str, Any], found: Mapping[Code, Finding]) -> list[tuple[bool, str]]:
    """How many are wanted is no rule, but worth a word where staff look; pay is named once."""
    figures = found[Code.POST_INCOMPLETE].figures if Code.POST_INCOMPLETE in found else {}
    missing = figures.get("missing")
    parts = [*missing] if isinstance(missing, tuple) else []
    if Part.PAY in parts and Code.PAY_UNCLEAR in found:
        parts.remove(Part.PAY)
    parts += [] if post["heads"] else ["heads"]
    return [(False, missing_words(parts))] if parts else []

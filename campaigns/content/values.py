"""What words may be filled with: plain values, every text on one line."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from campaigns.content.reads import Reads, pruned
from campaigns.terms import SHANGHAI, ContactFacts, Facts

# Variables that only some words use, and that cost queries of their own.
EXTRAS = ("digest", "unread_postings", "festival")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TRAILING = re.compile(r"[ \t]+\n")
_GAP = re.compile(r"\n{3,}")
_LEGAL_FORM = re.compile(r"(股份有限公司|有限责任公司|有限公司)$")


@dataclass(frozen=True, slots=True)
class _Known:
    """One person at one moment."""

    facts: Facts
    contact: ContactFacts
    now: datetime


def variables(
    facts: Facts,
    contact: ContactFacts,
    *,
    now: datetime,
    site: Mapping[str, str],
    extra: Mapping[str, object],
    reads: Reads | None = None,
) -> dict[str, Any]:
    """What words may be filled with: plain values only, every text on one line.

    With `reads` only what it names: a mail reads ten of forty values.
    """
    known = _Known(facts, contact, now)
    given: dict[str, Any] = {}
    for name, below in (_EVERYTHING if reads is None else reads).items():
        match name:
            case "member":
                given[name] = _table(_MEMBER, known, below)
            case "contact":
                given[name] = _table(_CONTACT, known, below)
            case "today":
                given[name] = pruned(_today(now), below)
            case "site":
                given[name] = pruned(dict(site), below)
    for name, value in extra.items():
        if reads is None or name in reads:
            given[name] = pruned(_plain(value), reads[name] if reads else None)
    return given


def _table(values: Mapping[str, Callable[[_Known, Reads | None], object]], known: _Known, reads: Reads | None) -> Any:
    if reads is None:
        return {name: value(known, None) for name, value in values.items()}
    return {name: values[name](known, below) for name, below in reads.items() if name in values}


_EVERYTHING: Reads = dict.fromkeys(("member", "contact", "today", "site"))
_MEMBER: Mapping[str, Callable[[_Known, Reads | None], object]] = {
    "no": lambda known, _: known.facts.member_no,
    "name": lambda known, _: _name(known.facts),
    "short_name": lambda known, _: short_name(_name(known.facts)),
    "city": lambda known, _: one_line(known.facts.city),
    "trade": lambda known, _: one_line(known.facts.trade),
    "tier": lambda known, _: str(known.facts.tier),
    "owner": lambda known, _: one_line(known.facts.owner),
    "plan": lambda known, _: one_line(known.facts.plan),
    "plan_days_left": lambda known, _: _days_left(known.facts.plan_expires_on, known.now),
    "unread": lambda known, _: known.facts.unread_resumes,
    "oldest_unread_days": lambda known, _: _days_since(known.facts.oldest_unread_at, known.now),
    "postings": lambda known, _: known.facts.postings,
    "live_postings": lambda known, _: known.facts.live_postings,
    "idle_days": lambda known, _: _days_since(known.facts.last_login_at or known.facts.registered_at, known.now),
    "never_in": lambda known, _: known.facts.last_login_at is None,
    "attr": lambda known, reads: _attrs(known.facts.attrs, reads),
}
_CONTACT: Mapping[str, Callable[[_Known, Reads | None], object]] = {
    "name": lambda known, _: one_line(known.contact.name),
    "title": lambda known, _: one_line(known.contact.title),
}


def _name(facts: Facts) -> str:
    return one_line(facts.name) or "贵公司"


def _days_left(end: date | None, now: datetime) -> int | None:
    return (end - _day(now)).days if end else None


def _days_since(moment: datetime | None, now: datetime) -> int:
    return max(0, (now - moment).days) if moment else 0


def _attrs(attrs: Mapping[str, str], reads: Reads | None) -> dict[str, str]:
    return {name: one_line(attrs[name]) for name in (attrs if reads is None else reads) if name in attrs}


@lru_cache(maxsize=4)
def _day(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()


def _today(now: datetime) -> dict[str, Any]:
    """Weeks are counted on and on: a series of issues does not begin anew in January."""
    today = _day(now)
    return {
        "date": today.isoformat(),
        "month": today.month,
        "day": today.day,
        "week": (today.toordinal() - 1) // 7,
    }


def one_line(text: str) -> str:
    """No name of anybody breaks a line, and so none makes a header."""
    if not text.isprintable():  # a fifth of the cost of looking for what is none of it
        text = _UNPRINTABLE.sub(" ", text)
    return text.strip()


def tidy(text: str) -> str:
    """A loop or a branch that said nothing leaves no gap."""
    if " \n" in text or "\t\n" in text or "\n\n\n" in text:  # a tenth of the cost of mending what is in order
        text = _GAP.sub("\n\n", _TRAILING.sub("\n", text))
    return text.strip()


def cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"


def short_name(name: str) -> str:
    """晋北餐饮管理有限公司 → 晋北餐饮管理: a notice has 20 characters for it, an SMS pays for each."""
    return _LEGAL_FORM.sub("", name) or name


def _plain(value: object) -> object:
    match value:
        case str():
            return one_line(value)
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case date():
            return value.isoformat()
        case bool() | int() | float() | None:
            return value
    raise TypeError(f"words are filled with plain values, not with {type(value).__name__}")

"""What words may be filled with: plain values, every text on one line."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from campaigns.terms import SHANGHAI, ContactFacts, Facts

# Variables that only some words use, and that cost queries of their own.
EXTRAS = ("digest", "unread_postings", "festival")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LEGAL_FORM = re.compile(r"(股份有限公司|有限责任公司|有限公司)$")


def variables(
    facts: Facts,
    contact: ContactFacts,
    *,
    now: datetime,
    site: Mapping[str, str],
    links: Mapping[str, str],
    extra: Mapping[str, object],
) -> dict[str, object]:
    """What words may be filled with: plain values only, every text on one line."""
    today = now.astimezone(SHANGHAI).date()
    idle = facts.last_login_at or facts.registered_at or now
    waiting = now - facts.oldest_unread_at if facts.oldest_unread_at else timedelta()
    name = one_line(facts.name) or "贵公司"
    return {
        "member": {
            "no": facts.member_no,
            "name": name,
            "short_name": short_name(name),
            "city": one_line(facts.city),
            "trade": one_line(facts.trade),
            "tier": str(facts.tier),
            "owner": one_line(facts.owner),
            "plan": one_line(facts.plan),
            "plan_days_left": (facts.plan_expires_on - today).days if facts.plan_expires_on else None,
            "unread": facts.unread_resumes,
            "oldest_unread_days": max(0, waiting.days),
            "postings": facts.postings,
            "live_postings": facts.live_postings,
            "idle_days": max(0, (now - idle).days),
            "never_in": facts.last_login_at is None,
            "attr": {name: one_line(value) for name, value in facts.attrs.items()},
        },
        "contact": {"name": one_line(contact.name), "title": one_line(contact.title)},
        # weeks are counted on and on: a series of issues does not begin anew in January
        "today": {
            "date": today.isoformat(),
            "month": today.month,
            "day": today.day,
            "week": (today.toordinal() - 1) // 7,
        },
        "site": dict(site),
        "links": dict(links),
        **{name: _plain(value) for name, value in extra.items()},
    }


def one_line(text: str) -> str:
    """No name of anybody breaks a line, and so none makes a header."""
    if not text.isprintable():  # a fifth of the cost of looking for what is none of it
        text = _UNPRINTABLE.sub(" ", text)
    return text.strip()


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

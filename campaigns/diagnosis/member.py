"""The rules about a member as a whole, and all of its diagnosis in order."""

from collections.abc import Iterator
from datetime import datetime
from statistics import median

from campaigns.diagnosis.market import Market
from campaigns.diagnosis.posting import HOUR, diagnose_posting, never_looked_figures, unread_figures
from campaigns.diagnosis.values import Code, Diagnosis, Figure, Finding, MemberSigns
from campaigns.diagnosis_rules import Thresholds
from campaigns.terms import SHANGHAI


def diagnose(signs: MemberSigns, market: Market, now: datetime) -> Diagnosis:
    """All that holds at `now`. `market` brings the thresholds, so that both are of one reading."""
    thresholds = market.thresholds
    found = [*_of_the_member(signs, thresholds, now)]
    live = any(post.live for post in signs.postings)
    for post in signs.postings:
        found += diagnose_posting(post, signs.member_id, market, thresholds, now, anything_live=live)
    if renewal := _renew_soon(signs, thresholds, now, anything_open=bool(found)):
        found.append(Finding(Code.RENEW_SOON, renewal))
    found.sort(key=lambda one: (one.code.rank, one.posting != ""))
    return Diagnosis(signs.member_id, found)


def _of_the_member(signs: MemberSigns, thresholds: Thresholds, now: datetime) -> Iterator[Finding]:
    if fault := _our_fault(signs, thresholds):
        yield Finding(Code.SITE_FAULT, fault)
    if unread := _unread(signs, thresholds, now):
        yield Finding(Code.UNREAD, unread)
    if never := never_looked_figures(signs.applications, signs.seen, thresholds):
        yield Finding(Code.NEVER_LOOKED, never)


def _our_fault(signs: MemberSigns, thresholds: Thresholds) -> dict[str, Figure]:
    counted = {
        "notify_failures": (signs.notify_failures, thresholds.notify_failures_at_least),
        "mail_bounces": (signs.mail_bounces, thresholds.mail_bounces_at_least),
        "login_errors": (signs.login_errors, thresholds.login_errors_at_least),
    }
    return {name: count for name, (count, least) in counted.items() if count is not None and count >= max(1, least)}


def _unread(signs: MemberSigns, thresholds: Thresholds, now: datetime) -> dict[str, Figure]:
    waiting = unread_figures(signs.applications, signs.seen, signs.oldest_unread_at, thresholds, now) or {}
    return waiting | _slow_reading(signs, thresholds)


def _slow_reading(signs: MemberSigns, thresholds: Thresholds) -> dict[str, Figure]:
    """Of the applications read last: half of them waited longer than the limit."""
    looked_at = signs.read_after[: thresholds.reads_looked_at]
    if len(looked_at) < max(1, thresholds.reads_at_least):
        return {}
    hours = median(waited / HOUR for waited in looked_at)
    if hours <= thresholds.read_slower_than / HOUR:
        return {}
    return {"read_after_hours": round(hours, 2), "reads": len(looked_at)}


def _renew_soon(
    signs: MemberSigns, thresholds: Thresholds, now: datetime, *, anything_open: bool
) -> dict[str, Figure] | None:
    """Once a month; more often who hires urgently and has something open besides."""
    if signs.plan_expires_on is None:
        return None
    days = (signs.plan_expires_on - now.astimezone(SHANGHAI).date()).days
    if not thresholds.renew_from <= days <= thresholds.renew_to:
        return None
    visited = signs.last_visited_at
    if visited and now - visited < thresholds.visited_within and not (signs.hires_urgently and anything_open):
        return None
    found: dict[str, Figure] = {"days": days, "expires_on": signs.plan_expires_on.isoformat()}
    return found | ({"last_visit_days": (now - visited).days} if visited else {})

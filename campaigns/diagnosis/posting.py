"""The rules about one posting: what is missing in it, what it pays, who sees it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property

from campaigns.diagnosis.market import Market, Quartiles
from campaigns.diagnosis.values import Code, Figure, Finding, PostingSigns
from campaigns.diagnosis_rules import Part, Thresholds
from campaigns.terms import SHANGHAI

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def diagnose_posting(
    post: PostingSigns,
    member_id: int,
    market: Market,
    thresholds: Thresholds,
    now: datetime,
    *,
    anything_live: bool = True,
) -> Iterator[Finding]:
    """In the order of the codes. Of a posting that does not stand only what waits for review is said; and where none
    of the member's stands (`anything_live`), that it is over."""
    case = _Case(post, member_id, market, thresholds, now)
    rules = _RULES if post.live else _RULES_OF_OVER if post.expired and not anything_live else _RULES_OF_HIDDEN
    for code, rule in rules.items():
        figures = rule(case)
        if figures is not None:
            yield Finding(code, figures, post.no)


def unread_figures(
    applications: int, seen: int, oldest: datetime | None, thresholds: Thresholds, now: datetime
) -> dict[str, Figure] | None:
    """Of a posting, or of all of a member's."""
    unread = applications - seen
    if unread < max(1, thresholds.unread_at_least) or oldest is None or now - oldest <= thresholds.unread_longer_than:
        return None
    return {"unread": unread, "oldest_hours": _rounded((now - oldest) / HOUR)}


def never_looked_figures(applications: int, seen: int, thresholds: Thresholds) -> dict[str, Figure] | None:
    if seen or applications < max(1, thresholds.deliveries_at_least):
        return None
    return {"applications": applications, "seen": 0}


class _Case:
    """One posting among the others; what several rules ask is worked out once."""

    def __init__(
        self, post: PostingSigns, member_id: int, market: Market, thresholds: Thresholds, now: datetime
    ) -> None:
        self.post, self.member_id, self.market, self.thresholds, self.now = post, member_id, market, thresholds, now

    @cached_property
    def missing(self) -> tuple[str, ...]:
        lacking = {
            Part.PHONE: not self.post.phone.strip(),
            Part.PAY: not self._says_pay(),
            Part.HOURS: not self.post.hours.strip(),
            Part.PLACE: not self.post.city.strip(),
            Part.DUTIES: self.duties_short,
        }
        return tuple(part for part in self.thresholds.needed if part in self.market.held and lacking[part])

    @property
    def duties_short(self) -> bool:
        length = self.post.duties_length
        return length is not None and length < self.thresholds.duties_at_least

    @cached_property
    def stale(self) -> dict[str, Figure]:
        post, today = self.post, self.now.astimezone(SHANGHAI).date()
        since = max((at for at in (post.refreshed_at, post.published_at) if at), default=None)
        found: dict[str, Figure] = {}
        if since and self.now - since > self.thresholds.stale_after:
            found["days"] = (self.now - since) // DAY
        if post.deadline and post.deadline < today:
            found["past_deadline_days"] = (today - post.deadline).days
        return found

    @cached_property
    def views(self) -> Quartiles | None:
        return self.market.views(self.post, self.member_id) if self.post.views is not None else None

    @property
    def seen_little(self) -> bool:
        return self.views is not None and self.post.views is not None and self.post.views < self.views.p25

    @cached_property
    def waits_in_vain(self) -> bool:
        """Looked at as much as others, long enough there, and nobody applies."""
        post, span = self.post, self.thresholds.no_apply_for
        old_enough = post.published_at is not None and self.now - post.published_at >= span
        looked_at = self.views is not None and post.views is not None and post.views >= self.views.p50
        return looked_at and old_enough and post.recent == 0

    def _says_pay(self) -> bool:
        return bool(self.post.pay_min or self.post.pay_max or self.post.negotiable)


def _waits_for_review(case: _Case) -> dict[str, Figure] | None:
    since = case.post.waits_since
    if since is None or case.now - since <= case.thresholds.audit_longer_than:
        return None
    return {"audit_hours": _rounded((case.now - since) / HOUR)}


def _unread(case: _Case) -> dict[str, Figure] | None:
    post = case.post
    return unread_figures(post.applications, post.seen, post.oldest_unread_at, case.thresholds, case.now)


def _never_looked(case: _Case) -> dict[str, Figure] | None:
    return never_looked_figures(case.post.applications, case.post.seen, case.thresholds)


def _incomplete(case: _Case) -> dict[str, Figure] | None:
    if not case.missing:
        return None
    found: dict[str, Figure] = {"missing": case.missing}
    if Part.DUTIES in case.missing and case.post.duties_length is not None:
        found["duties_length"] = case.post.duties_length
    return found


def _pay_unclear(case: _Case) -> dict[str, Figure] | None:
    low, high = case.post.pay_min, case.post.pay_max
    if case.post.negotiable:
        return {"negotiable": True}
    if Part.PAY not in case.market.held:
        return None
    if not low or not high:
        return {"pay_min": low or 0, "pay_max": high or 0}
    if high < low:  # one of them is a slip
        return {"pay_min": low, "pay_max": high, "falls": True}
    if high <= case.thresholds.pay_wider_than * low:
        return None
    return {"pay_min": low, "pay_max": high, "times": _rounded(high / low)}


def _pay_low(case: _Case) -> dict[str, Figure] | None:
    middle = case.post.midpoint
    found = case.market.pay(case.post, case.member_id) if middle is not None else None
    if middle is None or found is None or middle >= found[1].p25:
        return None
    among, pay = found
    return {
        "midpoint": middle, "p25": pay.p25, "p50": pay.p50, "p75": pay.p75, "peers": pay.peers,
        "category": among, "city": case.post.city,
    }  # fmt: skip


def _stale(case: _Case) -> dict[str, Figure] | None:
    return case.stale or None


def _over(case: _Case) -> dict[str, Figure] | None:
    """Nobody would refresh it: only since when it is over, where that is told."""
    days = case.stale.get("past_deadline_days")
    return {"past_deadline_days": days} if days is not None else {"expired": True}


def _low_view(case: _Case) -> dict[str, Figure] | None:
    if not case.seen_little or case.missing or case.stale or case.views is None or case.post.views is None:
        return None
    return {"views": case.post.views, "p25": case.views.p25, "peers": case.views.peers}


def _view_no_apply(case: _Case) -> dict[str, Figure] | None:
    if not case.waits_in_vain or case.views is None or case.post.views is None:
        return None
    return {
        "views": case.post.views, "p50": case.views.p50, "peers": case.views.peers,
        "days": case.thresholds.no_apply_for // DAY,
    }  # fmt: skip


def _scarce(case: _Case) -> dict[str, Figure] | None:
    """Only of a posting that is itself looked at and applied to as others are: else it is not the occupation."""
    rate, below = case.market.rate(case.post), case.market.scarce_below
    if rate is None or below is None or rate >= below:
        return None
    if case.views is None or case.seen_little or case.waits_in_vain:
        return None
    return {"rate": _rounded(rate), "lowest": _rounded(below), "category": case.post.category, "city": case.post.city}


def _rounded(figure: float) -> float:
    return round(figure, 2)


_RULES: dict[Code, Callable[[_Case], dict[str, Figure] | None]] = {
    Code.SITE_FAULT: _waits_for_review,
    Code.UNREAD: _unread,
    Code.NEVER_LOOKED: _never_looked,
    Code.POST_INCOMPLETE: _incomplete,
    Code.PAY_UNCLEAR: _pay_unclear,
    Code.PAY_LOW: _pay_low,
    Code.STALE: _stale,
    Code.LOW_VIEW: _low_view,
    Code.VIEW_NO_APPLY: _view_no_apply,
    Code.SCARCE: _scarce,
}
_RULES_OF_HIDDEN = {Code.SITE_FAULT: _waits_for_review}
_RULES_OF_OVER = {Code.SITE_FAULT: _waits_for_review, Code.STALE: _over}

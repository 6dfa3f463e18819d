"""The values of a diagnosis: what is known, from what figure on it is a finding, and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

Figure = int | float | str | bool | tuple[str, ...]


class Code(StrEnum):
    """The findings in the order in which they are told."""

    SITE_FAULT = "site_fault"
    UNREAD = "unread"
    NEVER_LOOKED = "never_looked"
    POST_INCOMPLETE = "post_incomplete"
    PAY_UNCLEAR = "pay_unclear"
    PAY_LOW = "pay_low"
    STALE = "stale"
    LOW_VIEW = "low_view"
    VIEW_NO_APPLY = "view_no_apply"
    SCARCE = "scarce"
    RENEW_SOON = "renew_soon"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {code: rank for rank, code in enumerate(Code)}


class Script(StrEnum):
    """What to say about a finding; the words are made where people read them."""

    APOLOGISE = "apologise"  # and open a ticket; nothing is promoted meanwhile
    OPEN_UNREAD = "open_unread"  # "您有 N 份简历未查看" and the way there
    SHOW_HOW = "show_how"  # how résumés are read, and the offer to forward them
    LIST_MISSING = "list_missing"
    STATE_RANGE = "state_range"
    SHOW_BAND = "show_band"  # what others pay, P25 to P75
    REFRESH = "refresh"
    BOOST = "boost"  # we push it without charge, and look into it ourselves
    CHECK_DEMANDS = "check_demands"
    ALTERNATIVES = "alternatives"  # other occupations, a fair, an active search
    EFFECT_REPORT = "effect_report"  # what membership brought, before any word of renewal


SCRIPTS: Mapping[Code, Script] = dict(zip(Code, Script, strict=True))


@dataclass(frozen=True, slots=True)
class PostingSigns:
    """One posting as far as the data tells. None = not told, and then no rule that needs it finds anything.

    Pay in yuan a month. `applications` are all there ever were, `recent` those of the last 14 days
    (`Thresholds.no_apply_for`). `waits_since`: handed in for review and not judged yet.
    """

    no: str
    title: str = ""
    category: str = ""
    parent_category: str = ""
    city: str = ""
    live: bool = True
    expired: bool = False
    phone: str = ""
    hours: str = ""
    duties_length: int | None = None
    pay_min: int | None = None
    pay_max: int | None = None
    negotiable: bool | None = None
    published_at: datetime | None = None
    refreshed_at: datetime | None = None
    deadline: date | None = None  # the last day it stands
    waits_since: datetime | None = None
    views: int | None = None
    applications: int = 0
    recent: int = 0
    seen: int = 0
    oldest_unread_at: datetime | None = None

    @property
    def midpoint(self) -> float | None:
        """None where an end is not told, or they fall: no comparison stands on a slip."""
        if not self.pay_min or not self.pay_max or self.pay_max < self.pay_min:
            return None
        return (self.pay_min + self.pay_max) / 2

    @property
    def unread(self) -> int:
        return self.applications - self.seen


@dataclass(frozen=True, slots=True)
class MemberSigns:
    """One member. Counts go over all its postings, those that stand no more too: their résumés wait as well.

    `read_after`: how long the applications read last waited, the latest reading first.
    `notify_failures`, `mail_bounces`, `login_errors`: of `Thresholds.faults_within`; None = not told.
    """

    member_id: int
    no: str = ""
    postings: Sequence[PostingSigns] = ()
    applications: int = 0
    seen: int = 0
    oldest_unread_at: datetime | None = None
    read_after: Sequence[timedelta] = ()
    plan_expires_on: date | None = None
    last_visited_at: datetime | None = None
    hires_urgently: bool = False
    notify_failures: int | None = None
    mail_bounces: int | None = None
    login_errors: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """`figures` are the numbers it rests on, times in hours or days as the name says, money in yuan.

    `posting`: its number; empty where the whole member is meant.
    """

    code: Code
    figures: Mapping[str, Figure]
    posting: str = ""

    @property
    def script(self) -> Script:
        return SCRIPTS[self.code]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, in the order in which it is told; of the same code the member's before a posting's."""

    member_id: int
    findings: Sequence[Finding] = field(default=())

    @property
    def promotes(self) -> bool:
        """Whether anything may be advertised: not while the fault is ours."""
        return all(one.code is not Code.SITE_FAULT for one in self.findings)

    def of(self, posting: str = "") -> list[Finding]:
        """Those of one posting; of the member itself without a number."""
        return [one for one in self.findings if one.posting == posting]

"""May we: consent, suppression, allowed hours, caps → Allow, Defer or Suppress with one reason.

In this order: the company's refusal, the hold-out, a contact and channel that can be reached, the moment.
An answer to a customer's own message (class ANSWER) is bound by reachability alone, and by a refusal where a colleague
wrote it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from campaigns.calendar import WorkCalendar
from campaigns.diagnosis_rules import Thresholds
from campaigns.reach import COUNTED, CampaignRules, closed_at, furthest, obstacle
from campaigns.terms import (
    SHANGHAI,
    Allow,
    ChannelName,
    ContactFacts,
    Defer,
    Facts,
    MessageClass,
    Reason,
    Suppress,
    Tier,
    Verdict,
)
from campaigns.tier_rules import ServiceLevel, TierRules, usual_service

_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hours:
    """Allowed hours in Asia/Shanghai, `opens` included, `closes` not."""

    opens: time
    closes: time
    workdays_only: bool

    def next_open(self, moment: datetime, calendar: WorkCalendar) -> datetime:
        """The earliest allowed moment that is not before `moment`."""
        local = moment.astimezone(SHANGHAI)
        day, clock = local.date(), local.time()
        if self._open_on(day, calendar) and clock < self.closes:
            return moment if clock >= self.opens else self._opening(day)
        day = calendar.next_workday(day) if self.workdays_only else day + _DAY
        return self._opening(day)

    def _open_on(self, day: date, calendar: WorkCalendar) -> bool:
        return not self.workdays_only or calendar.is_workday(day)

    def _opening(self, day: date) -> datetime:
        return datetime.combine(day, self.opens, SHANGHAI)


def _default_hours() -> Mapping[MessageClass, Hours]:
    office = Hours(time(9), time(20), workdays_only=True)
    return {
        MessageClass.MARKETING: office,
        MessageClass.GREETING: office,
        MessageClass.SERVICE: Hours(time(8), time(21), workdays_only=False),
    }


def _default_touches() -> Mapping[Tier, int]:
    return {Tier.TOP: 2, Tier.GOOD: 4, Tier.STANDARD: 4, Tier.LOW: 2}


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The limits of templates/policy.toml. A limit of 0 means none at all."""

    hours: Mapping[MessageClass, Hours] = field(default_factory=_default_hours)
    company_touches: Mapping[Tier, int] = field(default_factory=_default_touches)
    company_window: timedelta = timedelta(days=30)
    company_apart: timedelta = timedelta(hours=72)
    contact_sms: int = 1
    contact_sms_window: timedelta = timedelta(days=7)
    customer_mass: int = 28  # WeCom: as many a calendar month as it has days, or fewer by an administrator's choice
    defer_at_most: timedelta = timedelta(days=60)
    doubt_pause: timedelta = timedelta(hours=24)
    seeker_introductions: int = 3  # of one seeker, to whomever
    seeker_window: timedelta = timedelta(days=30)
    rest_days: int = 7  # after the last contact no new thing to do with a member is advised
    renewal_from: int = 10  # days before a plan ends on which a call is advised, both counted
    renewal_to: int = 20
    own_up_to: int = 200  # members: a larger campaign of one's own another person approves
    tiers: TierRules = field(default_factory=TierRules)
    service: Mapping[Tier, ServiceLevel] = field(default_factory=usual_service)
    diagnosis: Thresholds = field(default_factory=Thresholds)
    usual_hold_out: int = 0  # percent of its members that a new campaign begins with not writing to


@dataclass(frozen=True, slots=True)
class _Moment:
    """The earliest allowed moment, and what moved it there (None: it is now)."""

    at: datetime
    reason: Reason | None = None


class Ruling:
    """The rules for one campaign at one moment, asked of thousands of members."""

    def __init__(
        self,
        rules: CampaignRules,
        settings: PolicySettings,
        calendar: WorkCalendar,
        now: datetime,
        closed: Collection[ChannelName] = (),
    ) -> None:
        """`closed` are channels that a provider's answer stopped: taken only where no other is open."""
        self.rules, self.settings, self.now, self.closed = rules, settings, now, closed
        self.binding = rules.message_class is not MessageClass.ANSWER
        self.heeding = self.binding or rules.by_hand
        self.counted = rules.message_class in COUNTED
        self.deadline = now + settings.defer_at_most
        if rules.useless_at is not None:
            self.deadline = min(self.deadline, rules.useless_at)
        self._calendar = calendar
        self.opening = self._opening()

    def decide(self, facts: Facts, *, held_out: bool = False) -> Verdict:
        """Whether, to whom, by which channel and from when one member is written to. `until` of a Defer is UTC.

        Contacts are tried primary first, then as they come; for each the campaign's channels in order. The way
        that is open earliest is taken, of equals the first.
        """
        if self.heeding and facts.refused:
            return Suppress(Reason.REFUSED)
        if self.binding and held_out:
            return Suppress(Reason.HOLD_OUT)
        return _Search(self, facts).best(_primary_first(facts.contacts), self.rules.channels)

    def reach(self, facts: Facts) -> dict[ChannelName, Reason | None]:
        """Each of the campaign's channels: None where it can be used, now or when its hour comes, else why not."""
        if not facts.contacts:
            return dict.fromkeys(self.rules.channels, Reason.NO_CONTACT)
        if self.heeding and facts.refused:
            return dict.fromkeys(self.rules.channels, Reason.REFUSED)
        search = _Search(self, facts)
        return {channel: search.why_not(facts.contacts, channel) for channel in self.rules.channels}

    def recheck(self, facts: Facts, contact: ContactFacts, channel: ChannelName) -> Verdict:
        """The same question at the moment of sending, for one of the member's contacts and the channel chosen.

        `facts` must leave out the planned time of this very message, else it counts against itself.
        """
        if self.heeding and facts.refused:
            return Suppress(Reason.REFUSED)
        return _Search(self, facts).best((contact,), (channel,))

    def next_open(self, moment: datetime) -> datetime:
        return self.settings.hours[self.rules.message_class].next_open(moment, self._calendar)

    def _opening(self) -> _Moment:
        """The moment for a member of whom nothing else is known."""
        if not self.binding:
            return _Moment(self.now)
        opened = self.next_open(self.now)
        return _Moment(opened, Reason.OUTSIDE_HOURS if opened > self.now else None)


class _Search:
    """One decision: every way to the member that is offered, each with its earliest moment."""

    def __init__(self, ruling: Ruling, facts: Facts) -> None:
        self._ruling, self._facts = ruling, facts
        self._company_spans = self._company_cap() if ruling.counted else ()
        self._company_moment = self._earliest(self._company_spans)

    def best(self, contacts: Sequence[ContactFacts], channels: Sequence[ChannelName]) -> Verdict:
        if not contacts:
            return Suppress(Reason.NO_CONTACT)
        found: Defer | None = None
        resting: Defer | None = None
        obstacles: list[tuple[ChannelName, Reason]] = []
        for contact in contacts:
            for channel in channels:
                way = self._way(contact, channel)
                if isinstance(way, Suppress):
                    obstacles.append((channel, way.reason))
                elif channel in self._ruling.closed:
                    resting = resting or self._resting(way)
                elif isinstance(way, Allow):
                    return way
                elif found is None or way.until < found.until:
                    found = way
        if found is None or (resting and found.until > self._ruling.deadline):
            found = resting
        return self._in_time(found, _by_channel(obstacles))

    def why_not(self, contacts: Sequence[ContactFacts], channel: ChannelName) -> Reason | None:
        ways = [self._way(contact, channel) for contact in contacts]
        if all(isinstance(way, Suppress) for way in ways):
            return furthest(way.reason for way in ways if isinstance(way, Suppress))
        return Reason.CHANNEL_CLOSED if channel in self._ruling.closed else None

    def _in_time(self, found: Defer | None, obstacles: Sequence[tuple[ChannelName, Reason]]) -> Verdict:
        if found is None:
            reason = furthest(reason for _, reason in obstacles) if obstacles else Reason.NO_ADDRESS
            return Suppress(reason, obstacles)
        if found.until <= self._ruling.deadline:
            return found
        return Suppress(Reason.FREQUENCY_CAP if found.reason is Reason.FREQUENCY_CAP else Reason.TOO_LATE, obstacles)

    def _resting(self, way: Allow | Defer) -> Defer:
        """It waits in the queue until the channel is opened."""
        until = way.until if isinstance(way, Defer) else self._ruling.now.astimezone(UTC)
        return Defer(way.contact_id, way.channel, way.address, until, Reason.CHANNEL_CLOSED)

    def _way(self, contact: ContactFacts, channel: ChannelName) -> Verdict:
        rules = self._ruling.rules
        if reason := obstacle(contact, channel, rules):
            return Suppress(reason)
        moment = self._moment(contact, channel)
        # Asked for the moment of sending: a window that will have closed by then is none.
        if reason := closed_at(contact, channel, rules, moment.at):
            return Suppress(reason)
        address = contact.address(channel) or ""
        if moment.reason is None and moment.at <= self._ruling.deadline:
            return Allow(contact.id, channel, address)
        reason = moment.reason or Reason.TOO_LATE
        return Defer(contact.id, channel, address, moment.at.astimezone(UTC), reason)

    def _moment(self, contact: ContactFacts, channel: ChannelName) -> _Moment:
        settings = self._ruling.settings
        if channel is ChannelName.WECOM and contact.wecom and contact.wecom.mass_at:
            spans = _full_months(contact.wecom.mass_at, settings.customer_mass)
        elif channel is ChannelName.SMS and self._ruling.counted:
            sent = self._facts.marketing_sms_at.get(contact.id, ())
            spans = _closed_spans(sent, settings.contact_sms, settings.contact_sms_window)
        else:
            return self._company_moment
        return self._earliest([*self._company_spans, *spans]) if spans else self._company_moment

    def _company_cap(self) -> Sequence[Span]:
        settings = self._ruling.settings
        limit = settings.company_touches[self._facts.tier]
        return _closed_spans(self._facts.marketing_at, limit, settings.company_window, settings.company_apart)

    def _earliest(self, spans: Sequence[Span]) -> _Moment:
        ruling = self._ruling
        moment = self._unpaused()
        if not spans or not ruling.binding:
            return moment
        while moment.at <= ruling.deadline:
            free = _after_spans(moment.at, spans)
            if free == moment.at:
                return moment
            # Past the deadline no calendar is asked: it may not reach that far.
            at = ruling.next_open(free) if free <= ruling.deadline else free
            moment = _Moment(at, Reason.FREQUENCY_CAP)
        return moment

    def _unpaused(self) -> _Moment:
        ruling, paused = self._ruling, self._facts.paused_until
        if paused is None or not ruling.binding:
            return ruling.opening
        if paused > ruling.deadline:
            return _Moment(paused, Reason.PAUSED)
        if paused > ruling.opening.at:
            return _Moment(ruling.next_open(paused), Reason.PAUSED)
        return ruling.opening


def _primary_first(contacts: Sequence[ContactFacts]) -> Sequence[ContactFacts]:
    return sorted(contacts, key=lambda contact: not contact.is_primary) if len(contacts) > 1 else contacts


def _by_channel(obstacles: Sequence[tuple[ChannelName, Reason]]) -> tuple[tuple[ChannelName, Reason], ...]:
    """One reason a channel: of several contacts' the furthest."""
    found: dict[ChannelName, Reason] = {}
    for channel, reason in obstacles:
        found[channel] = furthest((found[channel], reason)) if channel in found else reason
    return tuple(found.items())


def _full_months(sent: Sequence[datetime], limit: int) -> list[Span]:
    """Calendar months in Shanghai in which a customer got all the mass messages WeCom lets them have."""
    months = Counter(at.astimezone(SHANGHAI).replace(day=1, hour=0, minute=0, second=0, microsecond=0) for at in sent)
    return [
        (month - timedelta(microseconds=1), (month + 32 * _DAY).replace(day=1))
        for month, count in months.items()
        if count >= limit
    ]


def _closed_spans(
    touches: Sequence[datetime], limit: int, window: timedelta, apart: timedelta = timedelta()
) -> list[Span]:
    """When one more touch would break a cap; a span's two ends are free. Touches may still be to come.

    `limit` touches within less than `window` fill it: one more fits where the whole row is `window` long.
    """
    if limit == 0:
        return [(datetime.min.replace(tzinfo=UTC), _NEVER)]
    if not touches:
        return []
    times = sorted(touches)
    spans = [(at - apart, at + apart) for at in times]
    for first, last in zip(times, times[limit - 1 :], strict=False):
        if last - first < window:
            spans.append((last - window, first + window))
    return spans


def _after_spans(moment: datetime, spans: Sequence[Span]) -> datetime:
    """`moment`, or a later one that is nearer to free; asked again until it stays, so order does not matter."""
    for start, end in spans:
        if start < moment < end:
            moment = end
    return moment

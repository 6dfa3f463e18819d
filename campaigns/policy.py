"""May we: consent, suppression, allowed hours, caps → Allow, Defer or Suppress with one reason.

In this order: the company's refusal, the hold-out, a contact and channel that can be reached, the moment.
An answer to a customer's own message (class ANSWER) is bound by reachability alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from campaigns.calendar import WorkCalendar
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
    WechatMode,
    WechatReach,
    WecomReach,
)

COUNTED = frozenset({MessageClass.MARKETING, MessageClass.GREETING})
"""Classes that need a recorded consent and count against the caps."""

# Where a way to a contact ends, the furthest last. Of all ways that were tried, the one that came furthest
# gives the reason: it is the one thing that has to change for this member to be reached.
_OBSTACLES = (Reason.NO_ADDRESS, Reason.NO_CONSENT, Reason.BLOCKED, Reason.NO_WINDOW, Reason.MONTH_QUOTA)

MASS_A_MONTH = 4
"""Mass messages a WeChat service account may send one follower in a calendar month (45028 is the fifth)."""
_MASS_ALONE = frozenset({WechatMode.MASS})  # a campaign of mass sends has no other words for WeChat

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
    defer_at_most: timedelta = timedelta(days=60)
    doubt_pause: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """What policy must know of a campaign: channels in order of preference, the last useful moment."""

    message_class: MessageClass
    channels: tuple[ChannelName, ...]
    useless_at: datetime | None
    wechat_modes: frozenset[WechatMode]
    subscribe_template: str = ""


@dataclass(frozen=True, slots=True)
class _Moment:
    """The earliest allowed moment, and what moved it there (None: it is now)."""

    at: datetime
    reason: Reason | None = None


class Ruling:
    """The rules for one campaign at one moment, asked of thousands of members."""

    def __init__(self, rules: CampaignRules, settings: PolicySettings, calendar: WorkCalendar, now: datetime) -> None:
        self.rules, self.settings, self.now = rules, settings, now
        self.binding = rules.message_class is not MessageClass.ANSWER
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
        if self.binding and facts.refused:
            return Suppress(Reason.REFUSED)
        if self.binding and held_out:
            return Suppress(Reason.HOLD_OUT)
        contacts = facts.contacts
        if len(contacts) > 1:
            contacts = sorted(contacts, key=lambda contact: not contact.is_primary)
        return _Search(self, facts).best(contacts, self.rules.channels)

    def recheck(self, facts: Facts, contact: ContactFacts, channel: ChannelName) -> Verdict:
        """The same question at the moment of sending, for one of the member's contacts and the channel chosen.

        `facts` must leave out the planned time of this very message, else it counts against itself.
        """
        if self.binding and facts.refused:
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


def wechat_mode(contact: ContactFacts, rules: CampaignRules, now: datetime) -> WechatMode | None:
    """How WeChat lets us write to this contact now, the cheapest permission first, or None.

    Of an imported follower no event is known yet (`wechat` None): a service notice may be tried, and a mass send,
    from which WeChat leaves out who does not follow.
    """
    reach, modes = contact.wechat, rules.wechat_modes
    if modes == _MASS_ALONE:
        return WechatMode.MASS if (reach is None or reach.followed) and mass_left(reach, now) else None
    template = rules.message_class is MessageClass.SERVICE and WechatMode.TEMPLATE in modes
    if reach is None:
        return WechatMode.TEMPLATE if template else None
    if not reach.followed:
        return None
    in_window = reach.window_until is not None and reach.window_until > now and reach.window_left > 0
    if WechatMode.CUSTOM in modes and in_window:
        return WechatMode.CUSTOM
    if template:
        return WechatMode.TEMPLATE
    if WechatMode.SUBSCRIBE in modes and reach.credits.get(rules.subscribe_template, 0) > 0:
        return WechatMode.SUBSCRIBE
    return None


def month_of(now: datetime) -> str:
    """The calendar month a mass message counts in, as WeChat counts: 2026-11."""
    return f"{now.astimezone(SHANGHAI):%Y-%m}"


def mass_left(reach: WechatReach | None, now: datetime) -> int:
    """How many mass messages of this month are left for a follower."""
    used = reach.mass_used if reach and reach.mass_month == month_of(now) else 0
    return max(0, MASS_A_MONTH - used)


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
        obstacles = [Reason.NO_ADDRESS]
        for contact in contacts:
            for channel in channels:
                way = self._way(contact, channel)
                if isinstance(way, Suppress):
                    obstacles.append(way.reason)
                elif isinstance(way, Allow):
                    return way
                elif found is None or way.until < found.until:
                    found = way
        if found is None:
            return Suppress(max(obstacles, key=_OBSTACLES.index))
        if found.until <= self._ruling.deadline:
            return found
        return Suppress(Reason.FREQUENCY_CAP if found.reason is Reason.FREQUENCY_CAP else Reason.TOO_LATE)

    def _way(self, contact: ContactFacts, channel: ChannelName) -> Verdict:
        address = contact.address(channel)
        if not address:
            return Suppress(Reason.NO_ADDRESS)
        if self._ruling.counted and not contact.consent:
            return Suppress(Reason.NO_CONSENT)
        if channel in contact.blocked:
            return Suppress(Reason.BLOCKED)
        moment = self._moment(contact, channel)
        # Asked for the moment of sending: a window that will have closed by then is none.
        if channel is ChannelName.WECHAT and wechat_mode(contact, self._ruling.rules, moment.at) is None:
            return Suppress(_closed_wechat(contact, self._ruling.rules, moment.at))
        if channel is ChannelName.WECOM and not _is_open(contact.wecom, moment.at):
            return Suppress(Reason.NO_WINDOW)
        if moment.reason is None and moment.at <= self._ruling.deadline:
            return Allow(contact.id, channel, address)
        reason = moment.reason or Reason.TOO_LATE
        return Defer(contact.id, channel, address, moment.at.astimezone(UTC), reason)

    def _moment(self, contact: ContactFacts, channel: ChannelName) -> _Moment:
        if not self._ruling.counted or channel is not ChannelName.SMS:
            return self._company_moment
        sent = self._facts.marketing_sms_at.get(contact.id, ())
        settings = self._ruling.settings
        spans = _closed_spans(sent, settings.contact_sms, settings.contact_sms_window)
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


def _closed_wechat(contact: ContactFacts, rules: CampaignRules, at: datetime) -> Reason:
    used_up = rules.wechat_modes == _MASS_ALONE and not mass_left(contact.wechat, at)
    return Reason.MONTH_QUOTA if used_up else Reason.NO_WINDOW


def _is_open(reach: WecomReach | None, at: datetime) -> bool:
    """Whether the customer's last message in customer service still lets us write."""
    return bool(reach and reach.desk and reach.window_left > 0 and reach.window_until and reach.window_until > at)


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

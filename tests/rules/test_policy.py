"""May we write: each rule by itself, and all of them together on random facts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.calendar import WorkCalendar
from campaigns.errors import DefinitionError
from campaigns.policy import Hours, PolicySettings, Ruling
from campaigns.policy_file import load_policy
from campaigns.reach import CampaignRules, wechat_mode
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
)

SHIPPED = Path(__file__).parents[2] / "templates" / "policy.toml"
CALENDAR, LIMITS = WorkCalendar(), PolicySettings()
EMAIL, SMS, WECHAT = ChannelName.EMAIL, ChannelName.SMS, ChannelName.WECHAT
ALL_MODES = frozenset(WechatMode)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


NOON = _at("2026-11-24 12:00")  # a Tuesday
SATURDAY = _at("2026-11-21 09:00")


def _contact(id: int = 1, **changes: Any) -> ContactFacts:
    usual = ContactFacts(
        id=id,
        no=f"C{id}",
        name="王小明",
        title="人事",
        mobile=f"1548350303{id}",
        email=f"hr{id}@datong.example",
        openid=f"openid-{id}",
        is_primary=id == 1,
        consent=True,
    )
    return replace(usual, **changes)


def _facts(*contacts: ContactFacts, **changes: Any) -> Facts:
    usual = Facts(
        member_id=1,
        member_no="Q100001",
        name="大同机械",
        trade="机械制造",
        nature="民营",
        size="20-99人",
        city="大同",
        owner="",
        tier=Tier.GOOD,
        registered_at=_at("2025-01-01 09:00"),
        last_login_at=None,
        login_count=0,
        plan="免费",
        plan_expires_on=None,
        postings=1,
        live_postings=1,
        applications=3,
        unread_resumes=3,
        oldest_unread_at=_at("2026-11-01 09:00"),
        contacts=contacts,
    )
    return replace(usual, **changes)


def _rules(
    kind: MessageClass = MessageClass.MARKETING,
    *channels: ChannelName,
    useless_at: datetime | None = None,
    template: str = "",
) -> CampaignRules:
    return CampaignRules(kind, channels or (EMAIL,), useless_at, ALL_MODES, template)


def _decide(facts: Facts, rules: CampaignRules, now: datetime = NOON, **more: Any) -> Verdict:
    return Ruling(rules, LIMITS, CALENDAR, now).decide(facts, **more)


MARKETING, GREETING = _rules(), _rules(MessageClass.GREETING)
SERVICE, ANSWER = _rules(MessageClass.SERVICE), _rules(MessageClass.ANSWER)


def test_a_consenting_contact_at_noon_is_written_to() -> None:
    assert _decide(_facts(_contact()), MARKETING) == Allow(1, EMAIL, "hr1@datong.example")


@pytest.mark.parametrize("rules", [MARKETING, GREETING, SERVICE])
def test_one_word_of_refusal_stops_every_class(rules: CampaignRules) -> None:
    assert _decide(_facts(_contact(), refused=True), rules, held_out=True) == Suppress(Reason.REFUSED)


def test_an_answer_is_bound_by_neither_refusal_hold_out_pause_hours_nor_caps() -> None:
    facts = _facts(_contact(consent=False), refused=True, paused_until=NOON + 9 * DAY, marketing_at=[SATURDAY])
    assert isinstance(_decide(facts, ANSWER, _at("2026-11-22 03:00"), held_out=True), Allow)


@pytest.mark.parametrize("rules", [MARKETING, GREETING, SERVICE])
def test_the_hold_out_is_not_written_to_and_says_so_before_any_other_reason(rules: CampaignRules) -> None:
    assert _decide(_facts(), rules, held_out=True) == Suppress(Reason.HOLD_OUT)


def test_the_primary_contact_comes_first_wherever_it_stands() -> None:
    verdict = _decide(_facts(_contact(2), _contact(1)), MARKETING)
    assert isinstance(verdict, Allow)
    assert verdict.contact_id == 1


def test_the_next_contact_is_taken_where_the_primary_cannot_be_reached() -> None:
    facts = _facts(_contact(1, email=None), _contact(2, consent=False), _contact(3))
    assert _decide(facts, MARKETING) == Allow(3, EMAIL, "hr3@datong.example")


def test_the_campaigns_order_of_channels_counts_within_one_contact() -> None:
    rules = _rules(MessageClass.MARKETING, SMS, EMAIL)
    assert _decide(_facts(_contact()), rules) == Allow(1, SMS, "15483503031")
    blocked = _contact(blocked={SMS: Reason.BLOCKED})
    assert _decide(_facts(blocked), rules) == Allow(1, EMAIL, "hr1@datong.example")


@pytest.mark.parametrize("rules", [MARKETING, GREETING])
def test_marketing_and_greetings_need_a_recorded_consent(rules: CampaignRules) -> None:
    assert _decide(_facts(_contact(consent=False)), rules) == Suppress(Reason.NO_CONSENT)


def test_service_needs_no_consent() -> None:
    assert isinstance(_decide(_facts(_contact(consent=False)), SERVICE), Allow)


@pytest.mark.parametrize(
    ("contacts", "reason"),
    [
        ([], Reason.NO_CONTACT),
        ([{"email": None}], Reason.NO_ADDRESS),
        ([{"email": ""}], Reason.NO_ADDRESS),
        ([{"email": None, "consent": False}], Reason.NO_ADDRESS),
        ([{"email": None}, {"consent": False}], Reason.NO_CONSENT),
        ([{"consent": False, "blocked": {EMAIL: Reason.BLOCKED}}], Reason.NO_CONSENT),
        ([{"blocked": {EMAIL: Reason.BLOCKED}}], Reason.BLOCKED),
        ([{"consent": False}, {"blocked": {EMAIL: Reason.BLOCKED}}], Reason.BLOCKED),
    ],
)
def test_the_way_that_came_furthest_gives_the_reason(contacts: list[dict[str, Any]], reason: Reason) -> None:
    facts = _facts(*(_contact(n, **changes) for n, changes in enumerate(contacts, start=1)))
    assert _decide(facts, MARKETING) == Suppress(reason)


def test_a_closed_wechat_window_is_a_more_telling_reason_than_a_blocked_address() -> None:
    rules = _rules(MessageClass.MARKETING, EMAIL, WECHAT)
    facts = _facts(_contact(blocked={EMAIL: Reason.BLOCKED}))
    assert _decide(facts, rules) == Suppress(Reason.NO_WINDOW)


OPEN = WechatReach(True, window_until=NOON + HOUR, window_left=1)


@pytest.mark.parametrize(
    ("reach", "service", "marketing"),
    [
        (None, WechatMode.TEMPLATE, None),
        (OPEN, WechatMode.CUSTOM, WechatMode.CUSTOM),
        (replace(OPEN, window_left=0), WechatMode.TEMPLATE, None),
        (replace(OPEN, window_until=NOON), WechatMode.TEMPLATE, None),
        (replace(OPEN, followed=False), None, None),
        (WechatReach(True, credits={"T1": 1}), WechatMode.TEMPLATE, WechatMode.SUBSCRIBE),
        (WechatReach(True, credits={"T1": 0, "T2": 5}), WechatMode.TEMPLATE, None),
    ],
)
def test_what_wechat_permits_to_one_follower(
    reach: WechatReach | None, service: WechatMode | None, marketing: WechatMode | None
) -> None:
    contact = _contact(wechat=reach)
    found = [
        wechat_mode(contact, _rules(kind, WECHAT, template="T1"), NOON)
        for kind in (MessageClass.SERVICE, MessageClass.MARKETING)
    ]
    assert found == [service, marketing]


def test_only_the_modes_the_campaign_has_words_for_are_used() -> None:
    rules = replace(_rules(MessageClass.SERVICE, WECHAT), wechat_modes=frozenset({WechatMode.SUBSCRIBE}))
    assert wechat_mode(_contact(wechat=OPEN), rules, NOON) is None


def test_a_window_that_closes_before_the_hours_open_is_none() -> None:
    contact = _contact(wechat=replace(OPEN, window_until=SATURDAY + 6 * HOUR))
    rules = _rules(MessageClass.MARKETING, WECHAT)
    assert _decide(_facts(contact), rules, SATURDAY) == Suppress(Reason.NO_WINDOW)
    still_open = replace(contact, wechat=replace(OPEN, window_until=_at("2026-11-23 09:01")))
    assert isinstance(_decide(_facts(still_open), rules, SATURDAY), Defer)


def _until(verdict: Verdict) -> str:
    assert isinstance(verdict, Defer), verdict
    return verdict.until.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize("rules", [MARKETING, GREETING])
def test_on_a_saturday_marketing_and_greetings_wait_until_monday_at_nine(rules: CampaignRules) -> None:
    verdict = _decide(_facts(_contact()), rules, SATURDAY)
    until = datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert verdict == Defer(1, EMAIL, "hr1@datong.example", until, Reason.OUTSIDE_HOURS)


def test_on_a_saturday_service_goes_at_once() -> None:
    assert isinstance(_decide(_facts(_contact()), SERVICE, SATURDAY), Allow)


@pytest.mark.parametrize(
    ("kind", "now", "until"),
    [
        (MARKETING, "2026-11-24 08:59", "2026-11-24 09:00"),
        (MARKETING, "2026-11-24 20:00", "2026-11-25 09:00"),
        (MARKETING, "2026-09-30 20:30", "2026-10-08 09:00"),
        (MARKETING, "2026-10-09 21:00", "2026-10-10 09:00"),  # a make-up Saturday
        (SERVICE, "2026-11-21 07:59", "2026-11-21 08:00"),
        (SERVICE, "2026-11-21 21:00", "2026-11-22 08:00"),
    ],
)
def test_outside_the_hours_it_waits_for_the_next_opening(kind: CampaignRules, now: str, until: str) -> None:
    verdict = _decide(_facts(_contact()), kind, _at(now))
    assert _until(verdict) == until
    assert isinstance(verdict, Defer)
    assert verdict.reason is Reason.OUTSIDE_HOURS


@pytest.mark.parametrize("now", ["2026-11-24 09:00", "2026-11-24 19:59", "2026-10-10 10:00"])
def test_inside_the_hours_it_goes_at_once(now: str) -> None:
    assert isinstance(_decide(_facts(_contact()), MARKETING, _at(now)), Allow)


def test_in_doubt_about_a_refusal_nothing_goes_until_the_pause_is_over() -> None:
    facts = _facts(_contact(), paused_until=_at("2026-11-25 07:00"))
    for rules, until in ((MARKETING, "2026-11-25 09:00"), (SERVICE, "2026-11-25 08:00")):
        verdict = _decide(facts, rules)
        assert _until(verdict) == until
        assert isinstance(verdict, Defer)
        assert verdict.reason is Reason.PAUSED


def test_a_pause_that_is_over_is_nothing() -> None:
    assert isinstance(_decide(_facts(_contact(), paused_until=NOON), MARKETING), Allow)


def test_a_pause_without_an_end_in_sight_is_too_late() -> None:
    facts = _facts(_contact(), paused_until=datetime(9999, 1, 1, tzinfo=UTC))
    assert _decide(facts, MARKETING) == Suppress(Reason.TOO_LATE)


def test_two_touches_of_one_company_stand_72_hours_apart() -> None:
    facts = _facts(_contact(), marketing_at=[NOON - 10 * HOUR])
    verdict = _decide(facts, MARKETING)
    assert _until(verdict) == "2026-11-27 09:00"  # 02:00 is outside the hours
    assert isinstance(verdict, Defer)
    assert verdict.reason is Reason.FREQUENCY_CAP
    assert isinstance(_decide(_facts(_contact(), marketing_at=[NOON - 72 * HOUR]), MARKETING), Allow)


def test_72_hours_before_a_planned_touch_is_far_enough_and_71_is_not() -> None:
    assert isinstance(_decide(_facts(_contact(), marketing_at=[NOON + 72 * HOUR]), MARKETING), Allow)
    assert isinstance(_decide(_facts(_contact(), marketing_at=[NOON + 71 * HOUR]), MARKETING), Defer)


def test_touches_exactly_30_days_apart_do_not_share_a_window() -> None:
    around = [NOON - 15 * DAY, NOON + 15 * DAY]
    assert isinstance(_decide(_facts(_contact(), tier=Tier.TOP, marketing_at=around), MARKETING), Allow)


def test_of_ways_that_open_together_the_first_is_waited_for() -> None:
    verdict = _decide(_facts(_contact(2), _contact(1)), _rules(MessageClass.MARKETING, SMS, EMAIL), SATURDAY)
    assert isinstance(verdict, Defer)
    assert (verdict.contact_id, verdict.channel) == (1, SMS)


def test_a_touch_planned_for_later_keeps_its_distance_too() -> None:
    verdict = _decide(_facts(_contact(), marketing_at=[NOON + DAY]), MARKETING)
    assert _until(verdict) == "2026-11-30 09:00"  # 72 hours after it is a Saturday


@pytest.mark.parametrize(("tier", "cap"), [(Tier.TOP, 2), (Tier.GOOD, 4), (Tier.STANDARD, 4), (Tier.LOW, 2)])
def test_each_tier_has_its_cap_in_30_days(tier: Tier, cap: int) -> None:
    past = [NOON - 29 * DAY + n * 4 * DAY for n in range(cap)]
    full = _facts(_contact(), tier=tier, marketing_at=past)
    verdict = _decide(full, MARKETING)
    assert _until(verdict) == "2026-11-25 12:00"  # 30 days after the oldest
    assert isinstance(verdict, Defer)
    assert verdict.reason is Reason.FREQUENCY_CAP
    assert isinstance(_decide(replace(full, marketing_at=past[1:]), MARKETING), Allow)


def test_touches_on_both_sides_count_in_one_window() -> None:
    around = [NOON - 10 * DAY, NOON + 15 * DAY]
    verdict = _decide(_facts(_contact(), tier=Tier.TOP, marketing_at=around), MARKETING)
    assert _until(verdict) == "2026-12-14 12:00"  # 30 days after the first


def test_service_is_neither_capped_nor_counted() -> None:
    facts = _facts(_contact(), tier=Tier.TOP, marketing_at=[NOON - HOUR] * 5)
    assert isinstance(_decide(facts, SERVICE), Allow)


def test_a_cap_of_zero_means_never() -> None:
    none_at_all = replace(LIMITS, company_touches={**LIMITS.company_touches, Tier.LOW: 0})
    facts = _facts(_contact(), tier=Tier.LOW)
    assert Ruling(MARKETING, none_at_all, CALENDAR, NOON).decide(facts) == Suppress(Reason.FREQUENCY_CAP)


def test_one_marketing_sms_to_a_contact_in_seven_days() -> None:
    facts = _facts(_contact(), marketing_sms_at={1: [NOON - 6 * DAY]})
    verdict = _decide(facts, _rules(MessageClass.MARKETING, SMS))
    assert _until(verdict) == "2026-11-25 12:00"
    assert isinstance(verdict, Defer)
    assert verdict.reason is Reason.FREQUENCY_CAP


def test_an_sms_planned_for_later_counts_too() -> None:
    facts = _facts(_contact(), marketing_sms_at={1: [NOON + 6 * DAY]})
    assert _until(_decide(facts, _rules(MessageClass.MARKETING, SMS))) == "2026-12-07 12:00"


def test_another_way_that_is_open_at_once_is_taken_before_waiting() -> None:
    capped = {1: [NOON - DAY]}
    by_mail = _decide(_facts(_contact(), marketing_sms_at=capped), _rules(MessageClass.MARKETING, SMS, EMAIL))
    assert by_mail == Allow(1, EMAIL, "hr1@datong.example")
    to_another = _decide(_facts(_contact(1), _contact(2), marketing_sms_at=capped), _rules(MessageClass.MARKETING, SMS))
    assert to_another == Allow(2, SMS, "15483503032")


def test_service_sms_are_not_capped() -> None:
    facts = _facts(_contact(), marketing_sms_at={1: [NOON - HOUR]})
    assert isinstance(_decide(facts, _rules(MessageClass.SERVICE, SMS)), Allow)


def test_what_can_only_go_after_it_is_useless_is_not_sent() -> None:
    facts = _facts(_contact())
    late = _rules(MessageClass.GREETING, useless_at=_at("2026-11-22 23:59"))
    assert _decide(facts, late, SATURDAY) == Suppress(Reason.TOO_LATE)
    assert isinstance(_decide(facts, replace(late, useless_at=_at("2026-11-23 09:00")), SATURDAY), Defer)
    assert _decide(facts, replace(late, useless_at=NOON - HOUR)) == Suppress(Reason.TOO_LATE)


def test_the_cap_is_named_where_the_cap_made_it_useless() -> None:
    facts = _facts(_contact(), marketing_at=[NOON - HOUR])
    rules = _rules(useless_at=NOON + DAY)
    assert _decide(facts, rules) == Suppress(Reason.FREQUENCY_CAP)


def test_the_cap_is_not_named_where_the_hours_alone_made_it_useless() -> None:
    facts = _facts(_contact(), marketing_at=[SATURDAY - HOUR])
    rules = _rules(useless_at=SATURDAY + DAY)
    assert _decide(facts, rules, SATURDAY) == Suppress(Reason.TOO_LATE)


def test_nothing_is_put_off_further_than_the_limit() -> None:
    months = [NOON + n * 7 * DAY for n in range(-3, 12)]
    assert _decide(_facts(_contact(), marketing_at=months), MARKETING) == Suppress(Reason.FREQUENCY_CAP)


def _recheck(facts: Facts, contact: int, channel: ChannelName, rules: CampaignRules, now: datetime = NOON) -> Verdict:
    [chosen] = [one for one in facts.contacts if one.id == contact]
    return Ruling(rules, LIMITS, CALENDAR, now).recheck(facts, chosen, channel)


def test_at_the_moment_of_sending_contact_and_channel_stay_as_chosen() -> None:
    facts = _facts(_contact(1), _contact(2))
    assert _recheck(facts, 2, SMS, MARKETING) == Allow(2, SMS, "15483503032")


def test_at_the_moment_of_sending_every_rule_is_asked_again() -> None:
    facts = _facts(_contact(1), _contact(2, blocked={SMS: Reason.BLOCKED}))
    assert _recheck(replace(facts, refused=True), 1, EMAIL, SERVICE) == Suppress(Reason.REFUSED)
    assert _recheck(facts, 2, SMS, MARKETING) == Suppress(Reason.BLOCKED)
    assert _recheck(facts, 1, WECHAT, MARKETING) == Suppress(Reason.NO_WINDOW)
    assert isinstance(_recheck(facts, 1, EMAIL, MARKETING, NOON + 9 * HOUR), Defer)
    capped = replace(facts, marketing_at=[NOON - HOUR])
    assert isinstance(_recheck(capped, 1, EMAIL, MARKETING), Defer)


# The rules together, on random facts; every check below is written apart from the code it checks.

moments = st.datetimes(datetime(2026, 9, 1), datetime(2027, 6, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=SHANGHAI).astimezone(UTC)
)


rarely = st.sampled_from((*[False] * 15, True))
usually = st.sampled_from((True, True, True, False))


def _near(now: datetime) -> st.SearchStrategy[datetime]:
    return st.integers(-40 * 24 * 4, 40 * 24 * 4).map(lambda quarter: now + quarter * HOUR / 4)


_KINDS = (Reason.BLOCKED, Reason.UNREACHABLE, Reason.NOT_FOLLOWER, Reason.OPTED_OUT)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Facts, CampaignRules, datetime, bool]:
    now = draw(moments)
    contacts = [
        _contact(
            number,
            mobile=draw(st.sampled_from([f"1548350303{number}", None])),
            email=draw(st.sampled_from([f"hr{number}@datong.example", None])),
            openid=draw(st.sampled_from([f"openid-{number}", None])),
            consent=draw(usually),
            blocked=draw(st.dictionaries(st.sampled_from(ChannelName), st.sampled_from(_KINDS), max_size=1)),
            wechat=draw(
                st.none()
                | st.builds(
                    WechatReach,
                    st.booleans(),
                    st.none() | _near(now),
                    st.integers(0, 2),
                    st.sampled_from([{}, {"T1": 1}]),
                )
            ),
        )
        for number in range(1, draw(st.sampled_from((0, 1, 2, 3, 3))) + 1)
    ]
    facts = _facts(
        *contacts,
        tier=draw(st.sampled_from(Tier)),
        refused=draw(rarely),
        paused_until=draw(st.none() | _near(now)),
        marketing_at=draw(st.lists(_near(now), max_size=6)),
        marketing_sms_at={1: draw(st.lists(_near(now), max_size=2))},
    )
    rules = CampaignRules(
        draw(st.sampled_from(MessageClass)),
        tuple(draw(st.lists(st.sampled_from(ChannelName), min_size=1, max_size=3, unique=True))),
        draw(st.none() | _near(now)),
        draw(st.frozensets(st.sampled_from(WechatMode))),
        "T1",
    )
    return facts, rules, now, draw(rarely)


def _fits(times: Sequence[datetime], new: datetime, limit: int, window: timedelta) -> bool:
    """Whether no window of that length that holds `new` holds more than `limit`."""
    all_times = [*times, new]
    starts = [start for start in all_times if start <= new < start + window]
    return all(sum(start <= at < start + window for at in all_times) <= limit for start in starts)


def _check_moment(verdict: Allow | Defer, facts: Facts, rules: CampaignRules, at: datetime) -> None:
    local, kind = at.astimezone(SHANGHAI), rules.message_class
    assert rules.useless_at is None or at <= rules.useless_at
    if kind is MessageClass.ANSWER:
        return
    assert facts.paused_until is None or at >= facts.paused_until
    if kind is MessageClass.SERVICE:
        assert time(8) <= local.time() < time(21)
        return
    assert time(9) <= local.time() < time(20)
    assert CALENDAR.is_workday(local.date())
    cap = {Tier.TOP: 2, Tier.GOOD: 4, Tier.STANDARD: 4, Tier.LOW: 2}[facts.tier]
    assert _fits(facts.marketing_at, at, cap, 30 * DAY)
    assert all(abs(at - other) >= 72 * HOUR for other in facts.marketing_at)
    if verdict.channel is SMS:
        assert _fits(facts.marketing_sms_at.get(verdict.contact_id, ()), at, 1, 7 * DAY)


def _check_way(verdict: Allow | Defer, facts: Facts, rules: CampaignRules, at: datetime) -> None:
    (contact,) = [contact for contact in facts.contacts if contact.id == verdict.contact_id]
    assert verdict.address == contact.address(verdict.channel)
    assert verdict.channel in rules.channels
    assert verdict.channel not in contact.blocked
    assert contact.consent or rules.message_class in (MessageClass.SERVICE, MessageClass.ANSWER)
    assert verdict.channel is not WECHAT or wechat_mode(contact, rules, at)


@settings(max_examples=400, deadline=None)
@given(_cases(), st.floats(0, 0.999))
def test_no_verdict_ever_breaks_a_rule(case: tuple[Facts, CampaignRules, datetime, bool], part: float) -> None:
    facts, rules, now, held_out = case
    verdict = _decide(facts, rules, now, held_out=held_out)
    if isinstance(verdict, Suppress):
        return
    assert rules.message_class is MessageClass.ANSWER or not (facts.refused or held_out)
    at = verdict.until if isinstance(verdict, Defer) else now
    _check_way(verdict, facts, rules, at)
    _check_moment(verdict, facts, rules, at)
    assert isinstance(_recheck(facts, verdict.contact_id, verdict.channel, rules, at), Allow)
    if isinstance(verdict, Defer):
        assert verdict.until > now
        assert verdict.reason in (Reason.FREQUENCY_CAP, Reason.OUTSIDE_HOURS, Reason.PAUSED)
        assert isinstance(_decide(facts, rules, at), Allow)
        between = now + part * (at - now)
        assert not isinstance(_decide(facts, rules, between), Allow), "an earlier moment was allowed"


@settings(max_examples=150, deadline=None)
@given(_cases())
def test_nobody_is_suppressed_for_whom_now_would_do(
    case: tuple[Facts, CampaignRules, datetime, bool],
) -> None:
    facts, rules, now, held_out = case
    ways = [
        _recheck(facts, contact.id, channel, rules, now) for contact in facts.contacts for channel in rules.channels
    ]
    verdict = _decide(facts, rules, now, held_out=held_out and rules.message_class is not MessageClass.ANSWER)
    if isinstance(verdict, Suppress) and verdict.reason is not Reason.HOLD_OUT:
        assert not any(isinstance(way, Allow | Defer) for way in ways)


# The settings file.


def test_the_shipped_file_holds_the_defaults() -> None:
    assert load_policy(SHIPPED) == PolicySettings()


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("", encoding="utf-8")
    assert load_policy(file) == PolicySettings()


def test_every_limit_can_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        '[hours.marketing]\nfrom="10:00"\nto="18:30"\ndays="all"\n'
        '[company]\nwindow_days=14\napart_hours=24\n[company.touches]\n"高端"=0\n'
        "[contact]\nmarketing_sms=2\nwindow_days=3\n[defer]\nat_most_days=5\n[doubt]\npause_hours=48\n"
        "[advice]\nrest_days=3\nrenewal_from=1\nrenewal_to=30\n",
        encoding="utf-8",
    )
    found = load_policy(file)
    assert found.hours[MessageClass.MARKETING] == Hours(time(10), time(18, 30), workdays_only=False)
    assert found.hours[MessageClass.GREETING] == LIMITS.hours[MessageClass.GREETING]
    assert (found.company_window, found.company_apart) == (14 * DAY, DAY)
    assert found.company_touches == {**LIMITS.company_touches, Tier.TOP: 0}
    assert (found.contact_sms, found.contact_sms_window) == (2, 3 * DAY)
    assert (found.defer_at_most, found.doubt_pause) == (5 * DAY, 2 * DAY)
    assert (found.rest_days, found.renewal_from, found.renewal_to) == (3, 1, 30)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[hours.marketing]\nfrom="nine"', "hours.marketing.from"),
        ('[hours.marketing]\nfrom="20:00"\nto="09:00"', "hours.marketing.to"),
        ('[hours.service]\ndays="weekdays"', "hours.service.days"),
        ('[hours.answer]\nfrom="09:00"', "hours.answer.from"),
        ("[company]\nwindow_days=0", "company.window_days"),
        ("[company]\napart_hours=-1", "company.apart_hours"),
        ("[company]\napart_hours=true", "company.apart_hours"),
        ('[company.touches]\n"高端"=2.5', "company.touches.高端"),
        ('[company.touches]\n"尊贵"=2', "company.touches.尊贵"),
        ('[contact]\nmarketing_sms="1"', "contact.marketing_sms"),
        ("[advice]\nrest_days=-1", "advice.rest_days"),
        ("[advice]\nrenewal_from=21", "advice.renewal_to"),
        ("hours=5", "hours"),
        ("[hours", "-"),
    ],
)
def test_a_bad_key_is_refused_by_name(tmp_path: Path, text: str, key: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as refused:
        load_policy(file)
    assert refused.value.key == key
    assert refused.value.file == str(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"absent\.toml.*cannot be read"):
        load_policy(tmp_path / "absent.toml")

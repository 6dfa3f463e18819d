"""Why a contact cannot be reached by a channel: each reason by itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot import wording
from bot.commands.printing import preview_lines
from campaigns.calendar import WorkCalendar
from campaigns.policy import PolicySettings, Ruling
from campaigns.reach import OBSTACLES, CampaignRules, closed_at, kind_of, mass_left, why_not
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
    WechatMode,
    WechatReach,
    WecomReach,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=SHANGHAI)
HOUR = timedelta(hours=1)
EMAIL, SMS, WECHAT, WECOM = ChannelName.EMAIL, ChannelName.SMS, ChannelName.WECHAT, ChannelName.WECOM
MARKETING, SERVICE = MessageClass.MARKETING, MessageClass.SERVICE
OPEN = WechatReach(True, NOON + HOUR, 2, {"T1": 1})
PERSON = ContactFacts(
    id=1, no="C1", name="王小明", title="人事", mobile="15483503031", email="hr1@datong.example", openid="openid-1",
    is_primary=True, consent=True, wechat=OPEN, external_userid="wm1", wecom=WecomReach("wk1", NOON + HOUR, 1),
)  # fmt: skip


def _facts(*contacts: ContactFacts, refused: bool = False, paused_until: datetime | None = None) -> Facts:
    return Facts(
        member_id=1, member_no="Q1", name="大同机械", trade="", nature="", size="", city="", owner="", tier=Tier.GOOD,
        registered_at=None, last_login_at=None, login_count=0, plan="", plan_expires_on=None, postings=0,
        live_postings=0, applications=0, unread_resumes=0, oldest_unread_at=None, contacts=contacts, refused=refused,
        paused_until=paused_until,
    )  # fmt: skip


def _why(channel: ChannelName, kind: MessageClass = MARKETING, **changes: object) -> Reason | None:
    person = replace(PERSON, **changes)  # type: ignore[arg-type]
    return why_not(_facts(person), person, channel, kind, NOON)


def test_somebody_with_everything_is_reached_by_every_channel() -> None:
    assert [_why(channel, kind) for channel in ChannelName for kind in (MARKETING, SERVICE)] == [None] * 8


@pytest.mark.parametrize(
    ("channel", "changes", "reason"),
    [
        (EMAIL, {"email": None}, Reason.NO_ADDRESS),
        (SMS, {"mobile": ""}, Reason.NO_ADDRESS),
        (WECOM, {"external_userid": None}, Reason.NO_ADDRESS),
        (SMS, {"consent": False}, Reason.NO_CONSENT),
        (SMS, {"blocked": {SMS: Reason.OPTED_OUT}}, Reason.OPTED_OUT),
        (EMAIL, {"blocked": {EMAIL: Reason.UNREACHABLE}}, Reason.UNREACHABLE),
        (WECHAT, {"wechat": replace(OPEN, followed=False)}, Reason.NOT_FOLLOWER),
        (WECHAT, {"wechat": WechatReach(True, NOON, 5)}, Reason.NO_WINDOW),
        (WECHAT, {"wechat": WechatReach(True, NOON + HOUR, 0)}, Reason.NO_WINDOW),
        (WECHAT, {"wechat": None}, Reason.NO_WINDOW),
        (WECHAT, {"wechat": WechatReach(True, credits={"T1": 1})}, None),
        (WECOM, {"wecom": None}, None),  # a task that staff send needs no window
    ],
)
def test_what_is_in_the_way_of_marketing(channel: ChannelName, changes: Mapping[str, object], reason: Reason) -> None:
    assert _why(channel, **changes) is reason


@pytest.mark.parametrize(
    ("wecom", "reason"),
    [
        (None, Reason.NO_WINDOW),
        (WecomReach("wk1", NOON, 5), Reason.NO_WINDOW),
        (WecomReach("wk1", NOON + HOUR, 0), Reason.NO_WINDOW),
        (WecomReach("", NOON + HOUR, 5), Reason.NO_WINDOW),
        (WecomReach("wk1", NOON + HOUR, 1), None),
    ],
)
def test_an_answer_in_wecom_needs_the_window_of_customer_service(
    wecom: WecomReach | None, reason: Reason | None
) -> None:
    rules = CampaignRules(MessageClass.ANSWER, (WECOM,), None, frozenset())
    assert closed_at(replace(PERSON, wecom=wecom), WECOM, rules, NOON) is reason


def test_service_needs_neither_consent_nor_a_window_of_wechat() -> None:
    closed = WechatReach(True)
    assert _why(SMS, SERVICE, consent=False) is None
    assert _why(WECHAT, SERVICE, consent=False, wechat=closed) is None
    assert _why(WECHAT, SERVICE, wechat=None) is None


@pytest.mark.parametrize("channel", list(ChannelName))
def test_a_refusal_by_one_channel_is_in_the_way_of_every_channel(channel: ChannelName) -> None:
    for kind in (MARKETING, SERVICE):
        assert why_not(_facts(PERSON, refused=True), PERSON, channel, kind, NOON) is Reason.REFUSED
        assert why_not(_facts(PERSON, paused_until=NOON + HOUR), PERSON, channel, kind, NOON) is Reason.PAUSED


def test_a_channel_that_a_provider_stopped_says_so_after_everything_else() -> None:
    assert why_not(_facts(PERSON), PERSON, SMS, MARKETING, NOON, {SMS}) is Reason.CHANNEL_CLOSED
    silent = replace(PERSON, consent=False)
    assert why_not(_facts(silent), silent, SMS, MARKETING, NOON, {SMS}) is Reason.NO_CONSENT


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ("preference", Reason.OPTED_OUT),
        ("isv.CUSTOMER_REFUSED", Reason.OPTED_OUT),
        ("FailedOperation.PhoneNumberInBlacklist", Reason.OPTED_OUT),
        ("MBBLACK", Reason.OPTED_OUT),
        ("complaint", Reason.OPTED_OUT),
        ("unfollowed", Reason.NOT_FOLLOWER),
        ("43004", Reason.NOT_FOLLOWER),
        ("removed us", Reason.NOT_FOLLOWER),
        ("bounced", Reason.UNREACHABLE),
        ("5.1.1", Reason.UNREACHABLE),
        ("MK:0001", Reason.UNREACHABLE),
        ("43019", Reason.BLOCKED),
    ],
)
def test_a_suppression_is_of_one_kind(stored: str, kind: Reason) -> None:
    assert kind_of(stored) is kind


def test_mass_messages_count_in_the_calendar_month_of_shanghai() -> None:
    used = WechatReach(True, mass_month="2026-11", mass_used=3)
    evening = datetime(2026, 11, 30, 23, 59, tzinfo=SHANGHAI)
    assert [mass_left(reach, evening) for reach in (None, used, replace(used, mass_used=9))] == [4, 1, 0]
    assert mass_left(used, evening + timedelta(minutes=1)) == 4


# ---- in a campaign's rules ------------------------------------------------------------------------------------------

MODES = frozenset({WechatMode.CUSTOM, WechatMode.SUBSCRIBE})
RULES = CampaignRules(MARKETING, (WECHAT, SMS, EMAIL), None, MODES, "T1")


def _ruling(rules: CampaignRules = RULES, *closed: ChannelName) -> Ruling:
    return Ruling(rules, PolicySettings(), WorkCalendar(), NOON, closed)


NOBODY = replace(PERSON, wechat=WechatReach(True), mobile=None, blocked={EMAIL: Reason.UNREACHABLE})


def test_who_can_be_reached_by_none_is_told_why_of_each_channel() -> None:
    verdict = _ruling().decide(_facts(NOBODY))
    assert isinstance(verdict, Suppress)
    assert verdict.reason is Reason.NO_CREDIT
    assert dict(verdict.obstacles) == {
        WECHAT: Reason.NO_CREDIT, SMS: Reason.NO_ADDRESS, EMAIL: Reason.UNREACHABLE,
    }  # fmt: skip


def test_of_several_contacts_the_one_that_came_furthest_speaks_for_a_channel() -> None:
    other = replace(NOBODY, id=2, is_primary=False, mobile="15483503032", consent=False)
    verdict = _ruling().decide(_facts(other, NOBODY))
    assert isinstance(verdict, Suppress)
    assert dict(verdict.obstacles)[SMS] is Reason.NO_CONSENT
    assert dict(verdict.obstacles)[EMAIL] is Reason.UNREACHABLE


def test_each_channel_of_the_campaign_says_whether_it_can() -> None:
    assert _ruling().reach(_facts(PERSON)) == {WECHAT: None, SMS: None, EMAIL: None}
    found = _ruling(RULES, SMS).reach(_facts(replace(PERSON, wechat=None)))
    assert found == {WECHAT: Reason.NO_CREDIT, SMS: Reason.CHANNEL_CLOSED, EMAIL: None}
    assert set(_ruling().reach(_facts(PERSON, refused=True)).values()) == {Reason.REFUSED}
    assert set(_ruling().reach(_facts()).values()) == {Reason.NO_CONTACT}


def test_without_an_approved_template_a_channel_is_no_way() -> None:
    rules = replace(RULES, channels=(SMS, EMAIL), unapproved=frozenset({SMS}))
    assert _ruling(rules).decide(_facts(PERSON)) == Allow(1, EMAIL, "hr1@datong.example")
    assert _ruling(rules).reach(_facts(PERSON))[SMS] is Reason.TEMPLATE_NOT_APPROVED


def test_a_stopped_channel_is_passed_over_and_waited_for_only_where_no_other_is_open() -> None:
    rules = replace(RULES, channels=(SMS, EMAIL))
    assert _ruling(rules, SMS).decide(_facts(PERSON)) == Allow(1, EMAIL, "hr1@datong.example")
    alone = _ruling(rules, SMS).decide(_facts(replace(PERSON, email=None)))
    assert alone == Defer(1, SMS, "15483503031", NOON, Reason.CHANNEL_CLOSED)


def test_staff_read_every_reason_in_chinese() -> None:
    assert all(reason in wording.REASONS for reason in OBSTACLES)
    assert wording.reason_words("no_consent") == "没有同意 (no consent)"
    assert wording.obstacle_words("sms:no_consent wechat:no_window") == "短信：没有同意，公众号：会话窗口已关"


def test_the_preview_says_who_can_be_reached_by_what_and_who_by_nothing() -> None:
    found = {
        "campaign": "x", "at": None, "audience": 40, "fates": {"send": 25}, "channels": {"sms": 25},
        "already_planned": False, "reach": {"sms": {"can": 25, "why_not": {"no_window": 3, "no_consent": 12}}},
        "unreachable": {"no_window": 3, "no_consent": 12},
    }  # fmt: skip
    lines = [line for line in preview_lines(found) if isinstance(line, str)]
    assert "哪条路都不通 15家 (no one reachable)：没有同意 (no consent) 12、会话窗口已关 (no window) 3" in lines

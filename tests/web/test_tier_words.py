"""The reasons of a tier in English: whatever the tiering writes down in Chinese is read back whole."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language import speak
from bot.tier_words import tier_reason_words
from campaigns.terms import SHANGHAI
from campaigns.tiers import TierSignals, assign_tiers, explain_tier

NOW = datetime(2026, 11, 21, 9, tzinfo=SHANGHAI)
SIGNALS = st.builds(
    TierSignals,
    member_id=st.just(1),
    plan=st.sampled_from(["包年", "包季", "免费", "半年 (老客户)", "", "白金, 月付"]),
    plan_expires_on=st.none() | st.dates(date(2024, 1, 1), date(2028, 1, 1)),
    login_count=st.integers(0, 5000),
    last_login_at=st.none() | st.integers(0, 900).map(lambda days: NOW - timedelta(days=days)),
    registered_at=st.just(NOW - timedelta(days=900)),
    open_heads=st.integers(0, 500),
    postings_90d=st.integers(0, 90),
    size=st.sampled_from(["", "1-20人", "1000人以上", "small"]),
    nature=st.sampled_from(["", "民营", "国企", "other"]),
    viewed_share=st.none() | st.floats(0, 1),
    median_view_hours=st.none() | st.floats(0, 900),
    previous=st.none(),
    previous_since=st.none(),
    paid=st.none() | st.integers(0, 10**7),
    p_active=st.none() | st.floats(0, 1),
    login_days=st.none() | st.integers(0, 90),
    answered=st.none() | st.floats(0, 1),
)


@given(SIGNALS)
def test_every_reason_is_read_back_as_the_tiering_says_it_in_english(signals: TierSignals) -> None:
    [assigned] = assign_tiers([signals], NOW)
    english = explain_tier(assigned, "en").partition("): ")[2]
    assert "; ".join(in_english(one) for one in assigned.reasons) == english


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("包年会员,2027-06-14 到期(付费 30.0/30)", "plan 包年, expires 2027-06-14 (payments 30.0/30)"),
        ("在招 3 人,近 90 天发布 2 个职位(招聘 1.0/20)", "3 people wanted, 2 postings in 90 days (hiring 1.0/20)"),
        ("缺少付费、响应数据,按其余各项折算", "no data on payments, response: the other parts count for more"),
        ("别的系统写的一句", "别的系统写的一句"),
    ],
)
def test_what_an_earlier_release_kept_is_read_too_and_what_nobody_knows_stays(kept: str, said: str) -> None:
    assert in_english(kept) == said


def test_in_chinese_a_reason_stays_as_it_was_kept() -> None:
    assert tier_reason_words("注册后从未登录（活跃0.0/25）") == "注册后从未登录（活跃0.0/25）"


def in_english(reason: str) -> str:
    speak("en")
    try:
        return tier_reason_words(reason)
    finally:
        speak("zh")

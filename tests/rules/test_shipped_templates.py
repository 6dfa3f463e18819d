"""The campaigns that come with the product: in order, and saying what they are meant to say."""

import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.calendar import WorkCalendar
from campaigns.content import render, sms_segments, variables
from campaigns.folders import (
    CampaignFolder,
    compiled_content,
    lint_folder,
    lint_together,
    load_site,
    read_folder,
    render_sample,
)
from campaigns.terms import (
    ChannelName,
    ContactFacts,
    Facts,
    Intent,
    MailWords,
    MessageClass,
    SmsWords,
    Tier,
    WechatMode,
    WechatWords,
    Words,
)

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
KEYS = sorted(path.parent.name for path in TEMPLATES.glob("*/campaign.toml"))
MESSAGES = [key for key in KEYS if key not in ("auto_replies", "renewal_visit")]
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LONG_NAME = "左云新能源科技发展(集团)有限公司平城分公司"
LINKS = {name: f"https://huifang.example.com/{name}" for name in ("way_in", "unsubscribe", "click", "open")}
EMPTY = Facts(
    member_id=1,
    member_no="Q1",
    name=LONG_NAME,
    trade="",
    nature="",
    size="",
    city="",
    owner="",
    tier=Tier.LOW,
    registered_at=NOW - timedelta(days=400),
    last_login_at=None,
    login_count=0,
    plan="",
    plan_expires_on=None,
    postings=0,
    live_postings=0,
    applications=0,
    unread_resumes=0,
    oldest_unread_at=None,
)
# The least that a campaign's own segment lets through.
LEAST = {
    "unread_resumes": replace(EMPTY, unread_resumes=3, oldest_unread_at=NOW - timedelta(days=4)),
    "recruiting_tips": replace(EMPTY, live_postings=1),
}
NOBODY = ContactFacts(
    id=1, no="", name="", title="", mobile=None, email=None, openid=None, is_primary=False, consent=True
)


def shipped(key: str) -> CampaignFolder:
    return read_folder(TEMPLATES / key)


def words_of(key: str, given: dict[str, Any]) -> list[Words]:
    folder = shipped(key)
    compiled = compiled_content(folder.files)
    found = []
    for channel in folder.definition.channels:
        modes = sorted(compiled.wechat_modes) if channel is ChannelName.WECHAT else [None]
        found += [render(compiled, channel, given, mode) for mode in modes]
    return found


def given_for(facts: Facts, contact: ContactFacts, now: datetime = NOW, **extra: object) -> dict[str, Any]:
    calendar = WorkCalendar()
    feast = calendar.festivals_between(date(2026, 12, 1), date(2026, 12, 31))[0]
    festival = {"name": feast.name, "greeting": feast.greeting, "date": feast.date.isoformat(), "trades": []}
    more = {"digest": [], "unread_postings": [], "festival": festival, **extra}
    return {**variables(facts, contact, now=now, site=load_site(TEMPLATES), extra=more), "links": LINKS}


def read(words: Words) -> str:
    match words:
        case MailWords():
            return f"{words.subject}\n{words.text}"
        case SmsWords() | WechatWords():
            return words.text


def test_the_campaigns_the_product_promises_are_there() -> None:
    wanted = (
        "auto_replies festival_greeting forgotten_account recruiting_tips renewal_visit unread_resumes who_is_hiring"
    )
    assert set(KEYS) >= set(wanted.split())


@pytest.mark.parametrize("key", KEYS)
def test_the_lint_finds_nothing_in_a_shipped_folder(key: str) -> None:
    assert [str(problem) for problem in lint_folder(shipped(key))] == []


@pytest.mark.parametrize("key", MESSAGES)
def test_a_member_of_whom_next_to_nothing_is_known_still_reads_whole_sentences(key: str) -> None:
    for words in words_of(key, given_for(LEAST.get(key, EMPTY), NOBODY)):
        text = read(words)
        assert "None" not in text
        assert not re.search(r"(?m)^[，。：、]|，，|，。|：。|（）|有0[份个]", text), text


def test_no_two_campaigns_fill_the_same_sms_template() -> None:
    assert lint_together({key: shipped(key).files.get("sms.toml", "") for key in KEYS}) == []


_TEXTS = st.text(max_size=40) | st.sampled_from(
    ["", " ", LONG_NAME, "a" * 255, "{{ 7*7 }}", "【】", "<a href=x>", "\r\n"]
)
_COUNTS = st.integers(0, 100_000)
_MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_FACTS = st.builds(
    Facts,
    member_id=st.just(1),
    member_no=_TEXTS,
    name=_TEXTS,
    trade=_TEXTS,
    nature=_TEXTS,
    size=_TEXTS,
    city=_TEXTS,
    owner=_TEXTS,
    tier=st.sampled_from(Tier),
    registered_at=st.none() | _MOMENTS,
    last_login_at=st.none() | _MOMENTS,
    login_count=_COUNTS,
    plan=_TEXTS,
    plan_expires_on=st.none() | st.dates(date(2015, 1, 1), date(2030, 1, 1)),
    postings=_COUNTS,
    live_postings=_COUNTS,
    applications=_COUNTS,
    unread_resumes=_COUNTS,
    oldest_unread_at=st.none() | _MOMENTS,
    attrs=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
)
_CONTACTS = st.builds(lambda name, title: replace(NOBODY, name=name, title=title), _TEXTS, _TEXTS)
_LINES = st.lists(
    st.fixed_dictionaries({"title": _TEXTS, "city": _TEXTS, "pay": _TEXTS, "heads": _COUNTS, "employers": _COUNTS}),
    max_size=3,
)
_POSTINGS = st.lists(st.fixed_dictionaries({"title": _TEXTS, "city": _TEXTS, "unread": _COUNTS}), max_size=3)


@pytest.mark.parametrize("key", MESSAGES)
@settings(max_examples=60, deadline=None)
@given(facts=_FACTS, contact=_CONTACTS, digest=_LINES, postings=_POSTINGS, now=_MOMENTS)
def test_there_are_words_for_every_member_and_contact(
    key: str,
    facts: Facts,
    contact: ContactFacts,
    digest: list[dict[str, Any]],
    postings: list[dict[str, Any]],
    now: datetime,
) -> None:
    for words in words_of(key, given_for(facts, contact, now, digest=digest, unread_postings=postings)):
        match words:
            case MailWords():
                assert not re.search(r"[\r\n]", words.subject)
                assert "\n\n\n" not in words.text
                assert LINKS["unsubscribe"] in words.text
            case SmsWords():
                assert all(0 < len(value) <= 35 and "\n" not in value for value in words.params.values())
                assert words.text.count("【") == 1
            case WechatWords():
                assert words.text
                assert "\n\n" not in words.text
                assert "<a href=x>" not in words.text or words.mode is not WechatMode.CUSTOM
                assert all(len(value) <= 20 for name, value in words.data.items() if name.startswith("thing"))


@pytest.mark.parametrize("key", MESSAGES)
def test_every_mail_counts_its_openings(key: str) -> None:
    for words in words_of(key, given_for(LEAST.get(key, EMPTY), NOBODY)):
        if isinstance(words, MailWords):
            assert re.search(rf'<img src="{LINKS["open"]}" alt="" width="1" height="1"', words.html)


@pytest.mark.parametrize("key", MESSAGES)
def test_a_mail_has_no_empty_paragraph(key: str) -> None:
    for words in words_of(key, given_for(LEAST.get(key, EMPTY), NOBODY)):
        if isinstance(words, MailWords):
            assert not re.search(r"<div[^>]*>\s*</div>", words.html)


@pytest.mark.parametrize("key", MESSAGES)
def test_a_hostile_name_reaches_the_customer_as_its_own_characters(key: str) -> None:
    name = "{{ 7*7 }}<script>=HYPERLINK(1)\r\nBcc: x"
    facts, contact = replace(EMPTY, name=name), replace(NOBODY, name=name)
    for words in words_of(key, given_for(facts, contact)):
        assert "49" not in read(words)
        if isinstance(words, MailWords):
            assert "{{ 7*7 }}<script>=HYPERLINK(1) Bcc: x" in words.text
            assert "<script>" not in words.html
            assert "\n" not in words.subject
        if isinstance(words, SmsWords):
            assert all("\r" not in value and "\n" not in value for value in words.params.values())


@pytest.mark.parametrize("key", MESSAGES)
def test_every_mail_offers_a_way_out_and_names_the_sender(key: str) -> None:
    words = render_sample(shipped(key))["email"]
    assert isinstance(words, MailWords)
    for body in (words.text, words.html):
        assert "/unsubscribe/" in body
        assert "0352-5550100" in body


@pytest.mark.parametrize("key", [key for key in MESSAGES if key != "who_is_hiring"])
def test_an_sms_costs_at_most_two_segments(key: str) -> None:
    for facts in (EMPTY, replace(EMPTY, unread_resumes=128, live_postings=12)):
        texts = [words.text for words in words_of(key, given_for(facts, NOBODY)) if isinstance(words, SmsWords)]
        assert [sms_segments(text) for text in texts] <= [2]
        assert texts


def test_the_words_of_an_sms_name_the_site_as_site_toml_does() -> None:
    site = load_site(TEMPLATES)
    for path in TEMPLATES.glob("*/sms.toml"):
        text = tomllib.loads(path.read_text())["text"]
        assert set(re.findall(r"\d{4}-\d{7}", text)) <= {site["phone"]}
        assert set(re.findall(r"[a-z.]+\.com", text)) <= {site["url"].removeprefix("https://")}
        assert set(re.findall(r"\w{2}人才网", text)) <= {site["name"]}


def test_the_reminder_tells_how_many_wait_and_where_and_for_how_long() -> None:
    facts = replace(EMPTY, unread_resumes=12, oldest_unread_at=NOW - timedelta(days=9))
    posts = [{"title": "厨师长", "city": "大同", "unread": 12}]
    found = words_of("unread_resumes", given_for(facts, NOBODY, unread_postings=posts))
    assert len(found) == 5
    assert all("12" in read(words) for words in found)
    assert all("9天" in read(words) for words in found if isinstance(words, MailWords | SmsWords))
    mail = next(words for words in found if isinstance(words, MailWords))
    assert "厨师长（大同）：12份" in mail.text
    assert LINKS["way_in"] in mail.html


def test_the_notice_of_unread_resumes_fits_its_fields_for_a_long_name() -> None:
    for words in words_of("unread_resumes", given_for(replace(EMPTY, unread_resumes=3), NOBODY)):
        if isinstance(words, WechatWords) and words.mode is not WechatMode.CUSTOM:
            assert all(len(value) <= 20 for name, value in words.data.items() if name.startswith("thing"))
            assert words.url == LINKS["way_in"]


def test_the_way_back_says_what_was_left_behind_only_where_there_is_something() -> None:
    nothing, much = (
        next(words for words in words_of("forgotten_account", given_for(facts, NOBODY)) if isinstance(words, MailWords))
        for facts in (EMPTY, replace(EMPTY, last_login_at=NOW - timedelta(days=100), postings=2, unread_resumes=5))
    )
    assert "登记以后还没有登录过" in nothing.text
    assert "份简历" not in nothing.text
    assert "100天没有登录" in much.text
    assert "5份简历没打开过" in much.text


def test_every_tip_fits_and_the_next_comes_four_weeks_later() -> None:
    facts = replace(EMPTY, live_postings=2)
    subjects = set()
    for week in range(0, 16, 4):
        given = given_for(facts, NOBODY, now=NOW + timedelta(weeks=week))
        found = words_of("recruiting_tips", given)
        subjects |= {words.subject for words in found if isinstance(words, MailWords)}
        assert all(
            not value.endswith("…") for words in found if isinstance(words, SmsWords) for value in words.params.values()
        )
    assert len(subjects) == 4


def test_what_others_recruit_for_is_told_without_a_name_and_also_when_there_is_nothing() -> None:
    line = {"title": "电焊工", "city": "大同", "pay": "5000–8000元", "heads": 36, "employers": 9}
    some = words_of("who_is_hiring", given_for(replace(EMPTY, trade="机械制造"), NOBODY, digest=[line]))
    none = words_of("who_is_hiring", given_for(EMPTY, NOBODY))
    assert all("9家" in read(words) and "5000–8000元" in read(words) for words in some)
    assert all("抢的人少" in read(words) for words in none)
    assert "digest" in compiled_content(shipped("who_is_hiring").files).wants


@pytest.mark.parametrize("year", [2026, 2027, 2028])
def test_every_festival_of_the_calendar_has_its_greeting_on_every_channel(year: int) -> None:
    for feast in WorkCalendar().festivals_between(date(year, 1, 1), date(year, 12, 31)):
        festival = {
            "name": feast.name,
            "greeting": feast.greeting,
            "date": feast.date.isoformat(),
            "trades": sorted(feast.trades),
        }
        facts = replace(EMPTY, trade=min(feast.trades, default="机械制造"))
        for words in words_of("festival_greeting", given_for(facts, NOBODY, festival=festival)):
            assert feast.greeting in read(words)
            if isinstance(words, MailWords):
                assert feast.greeting in words.html
                assert f"{feast.date.month}月{feast.date.day}日是{feast.name}" in words.text


def test_each_campaign_is_of_its_class() -> None:
    classes = {key: shipped(key).definition.message_class for key in KEYS}
    assert classes["unread_resumes"] is MessageClass.SERVICE
    assert classes["festival_greeting"] is MessageClass.GREETING
    assert classes["auto_replies"] is MessageClass.ANSWER
    for key in ("forgotten_account", "recruiting_tips", "who_is_hiring"):
        assert classes[key] is MessageClass.MARKETING


def test_the_renewal_visit_opens_a_task_and_writes_to_nobody() -> None:
    found = shipped("renewal_visit").definition
    assert (found.action, found.visit_category, found.channels) == ("visit", "renewal", ())


def test_an_answer_is_short_and_signed_and_says_that_a_person_follows() -> None:
    folder = shipped("auto_replies")
    for name, words in render_sample(folder).items():
        text = read(words)
        assert len(text) < 120
        assert "古城人才网 0352-5550100" in text
        assert "我们的同事" in text or name == "answer.filled"


def test_thanks_and_refusals_and_the_unknown_get_no_automatic_answer() -> None:
    silent = {Intent.STOP, Intent.THANKS, Intent.UNKNOWN, Intent.AUTO_REPLY, Intent.WRONG_CONTACT, Intent.COMPLAINT}
    assert shipped("auto_replies").definition.answers == set(Intent) - silent


def test_chinese_words_have_no_blank_beside_a_number_and_no_cheering() -> None:
    for key in KEYS:
        for words in render_sample(shipped(key)).values():
            text = read(words)
            assert not re.search(r"[！!]|亲[，爱]", text)
            assert not re.search(r"[\u4e00-\u9fff] \d+[\u4e00-\u9fff]|\d [份个天家]", text)

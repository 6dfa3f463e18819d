"""The segment language: what a rule means, what a mistake says, and that a tree is its rule again."""

import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from campaigns.activity import ActivityState
from campaigns.diagnosis import Code
from campaigns.errors import InputError
from campaigns.segments import FIELDS, explain_segment, matches, parse_segment, to_filter
from campaigns.segments.grammar import MAX_DEPTH, MAX_LENGTH, MAX_LIST
from campaigns.segments.tree import Segment
from campaigns.terms import SHANGHAI, ChannelName, ContactFacts, Facts, Tier
from tests.segment_trees import NOW, segments

_UNHURRIED = settings(deadline=None)  # a busy machine is no failure
_TICK = timedelta(microseconds=1)
_MEMBER = Facts(
    member_id=1,
    member_no="Q100000",
    name="大同机械（集团）有限公司",
    trade="机械制造",
    nature="民营",
    size="20-99人",
    city="大同",
    owner="",
    tier=Tier.GOOD,
    registered_at=NOW - timedelta(days=400),
    last_login_at=NOW - timedelta(days=90),
    login_count=12,
    plan="包年",
    plan_expires_on=date(2026, 12, 1),
    postings=4,
    live_postings=2,
    applications=30,
    unread_resumes=3,
    oldest_unread_at=NOW - timedelta(hours=72),
    attrs={"园区": "开发区", "合同 编号": "A-1", "空": ""},
)
_ANNA = ContactFacts(1, "C1", "甲", "经理", "15483503031", "jia@datong.example", None, True, consent=False)


def _holds(rule: str, facts: Facts = _MEMBER, now: datetime = NOW) -> bool:
    return matches(parse_segment(rule), facts, now)


def _refused(rule: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_segment(rule)
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('idle_days >= 90 and unread_resumes >= 3 and tier in (优质, 高端) and attr.园区 = "开发区"', True),
        ("idle_days >= 91 or unread_resumes > 3", False),
        ("idle_days >= 91 or unread_resumes > 2 and city = 大同", True),
        ("(idle_days >= 91 or unread_resumes > 2) and city = 朔州", False),
        ("not city = 朔州 and not (tier = 低端 or tier = 一般)", True),
        ("tier not in (高端, 低端)", True),
        ("name contains （集团）", None),
        ('name contains "（集团）"', True),
        ('name contains "(集团)"', False),
        ("name not contains 集团", False),
        ("owner is empty and city is not empty", True),
        ("attr.空 is empty and attr.没有这列 is empty", True),
        ('attr."合同 编号" = A-1', True),
        ("no = Q100000", True),
        ("size = 20-99人", True),
        ("renewal_days = 10", True),
        ("renewal_days in (9, 11)", False),
        ("registered_days = 400 and logins = 12 and postings = 4", True),
        ("live_postings <= 2 and applications != 30", False),
        ("oldest_unread_hours >= 72h and oldest_unread_hours = 3d and oldest_unread_hours < 1w", True),
        ("idle_days >= 13周 or idle_days >= 90天", True),
        ("all", True),
        ("not all", False),
        ("客户分级 = 优质 且 未登录天数 ≥ 90 或 非 地区 ≠ 大同", True),
        ("ＩＤＬＥ＿ＤＡＹＳ　＞＝　９０", True),
        ("Idle_Days >= 90 AND City = 大同", True),
        ("tier　in　（优质，高端）", True),
        ("tier in（优质、高端）", True),
        ("city ＝ “大同”", True),
        ("city = ＂大同＂ and city = '大同' and city = 「大同」", True),
    ],
)
def test_a_rule_means_what_it_says(rule: str, expected: bool | None) -> None:
    if expected is None:
        assert "引号" in _refused(rule)
    else:
        assert _holds(rule) is expected


@pytest.mark.parametrize(
    ("rule", "position", "wanted"),
    [
        ("city = 大同 and unred >= 3", 15, "没有叫 unred 的字段，可能想写 unread_resumes (unknown field at 15)"),
        ("城市 = 大同", 1, "字段见 huifang segment fields"),
        ("reachable.fax", 1, "reachable.email"),
        ("", 1, "all"),
        ("   ", 1, "all"),
        ("tier >= 优质", 6, "= != in"),
        ("tier = 优", 8, "高端、优质、一般、低端"),
        ("city > 大同", 6, "contains is empty is not empty"),
        ("logins is empty", 8, "logins 不会为空"),
        ("idle_days >= 很久", 14, "数字或时长"),
        ("logins >= 90d", 11, "数字"),
        ("idle_days >= 36h", 14, "整数天"),
        ("idle_days >=", 13, "还缺要比较的值"),
        ("idle_days", 10, "规则的结尾"),
        ("idle_days >= and city = 大同", 14, "请加引号"),
        ("last_login_at > 2026-02-30", 17, "日期或时间"),
        ("last_login_at > 0001-01-01", 17, "1970 到 2100"),
        ("last_login_at > 9999-12-31", 17, "1970 到 2100"),
        ('city = ""', 8, "city is empty"),
        ("city in ()", 10, "值"),
        ("city in 大同", 9, "in 后面要有括号"),
        ("city in (大同 朔州)", 13, ", 或 )"),
        ("city = 大同 朔州", 11, "and、or"),
        ("(city = 大同", 1, "括号没有合上"),
        ("city = 大同)", 10, "右括号"),
        ('city = "大同', 8, "引号没有合上"),
        ("! consent", 1, "!="),
        ("consent > 3", 9, "= !="),
        ("consent = 3", 11, "“是”或“否”"),
        ("attr. = 3", 6, "attr.园区"),
        ("city is 大同", 9, "empty"),
        ("city not = 大同", 6, "="),
        ("and", 1, "字段名"),
        ("city\u200b = 大同", 5, "U+200B"),
        ('city = "a\0b"', 10, "U+0000"),
        ('city = "\ud800"', 9, "U+D800"),
    ],
)
def test_a_mistake_names_the_position_and_what_was_expected(rule: str, position: int, wanted: str) -> None:
    message = _refused(rule)
    assert message.startswith(f"第{position}个字符：")
    assert f"at {position})" in message
    assert wanted in message


@pytest.mark.parametrize("opening", ["(", "not ", "not (", "city = a and ("])
def test_nesting_without_end_is_refused_and_not_a_crash(opening: str) -> None:
    assert str(MAX_DEPTH) in _refused((opening * MAX_LENGTH)[: MAX_LENGTH - 10])


def test_a_rule_and_a_list_have_a_limit() -> None:
    assert str(MAX_LENGTH) in _refused("city = " + "大" * MAX_LENGTH)
    assert str(MAX_LIST) in _refused(f"logins in ({','.join('1' * (MAX_LIST + 1))})")
    assert _holds(f"logins in ({','.join(['1'] * (MAX_LIST - 1))}, 12)")


@_UNHURRIED
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*FIELDS, *"()=<>!,\"'.“”", "and", "not", "is", "in", "1"])).map(" ".join)
)
@example("consent = consent")
@example("attr.*=*")
@example("自定义字段 = 1")
def test_any_text_is_a_rule_or_a_named_mistake(text: str) -> None:
    try:
        segment = parse_segment(text)
    except InputError:
        assert _refused(text).startswith("第")
        return
    assert parse_segment(str(segment)) == segment


@_UNHURRIED
@given(segments())
def test_a_tree_is_its_rule_again(segment: Segment) -> None:
    rule = str(segment)
    assume(len(rule) <= MAX_LENGTH)
    assert parse_segment(rule) == segment


@_UNHURRIED
@given(segments())
def test_a_not_selects_exactly_the_rest(segment: Segment) -> None:
    rule = f"not ({segment})"
    assume(len(rule) <= MAX_LENGTH)
    for facts in (_MEMBER, replace(_MEMBER, attrs={}, last_login_at=None, plan_expires_on=None, oldest_unread_at=None)):
        assert _holds(rule, facts) is not matches(segment, facts, NOW)


_SIGNS: dict[str, Callable[[int, Decimal], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@_UNHURRIED
@given(
    sign=st.sampled_from(list(_SIGNS)),
    beside=st.sampled_from(["0", "0.5", "0.001", "1", "-0.5", "-0.001", "-1", "7"]).map(Decimal),
    full=st.integers(-3, 100),
    ticks=st.sampled_from([0, 1, 2, 3_599_999_999, 1_800_000_000]),
)
def test_ages_count_full_units(sign: str, beside: Decimal, full: int, ticks: int) -> None:
    hours = replace(_MEMBER, oldest_unread_at=NOW - full * timedelta(hours=1) - ticks * _TICK)
    days = replace(_MEMBER, last_login_at=NOW - full * timedelta(days=1) - ticks * _TICK)
    number = full + beside
    expected = _SIGNS[sign](full, number)
    assert _holds(f"oldest_unread_hours {sign} {number}", hours) is expected
    assert _holds(f"idle_days {sign} {number}", days) is expected
    assert _holds(f"registered_days {sign} {number}", replace(days, registered_at=days.last_login_at)) is expected
    assert _holds(f"logins {sign} {number}", replace(_MEMBER, login_count=full)) is expected


def test_ninety_days_are_full_to_the_microsecond() -> None:
    login = _MEMBER.last_login_at
    assert login is not None
    assert _holds("idle_days >= 90")
    assert not _holds("idle_days >= 90", replace(_MEMBER, last_login_at=login + _TICK))
    assert not _holds("idle_days > 90", replace(_MEMBER, last_login_at=login - timedelta(days=1) + _TICK))
    assert _holds("idle_days = 90", replace(_MEMBER, last_login_at=login - timedelta(days=1) + _TICK))


def test_idle_days_of_a_member_who_never_logged_in_count_from_the_registration() -> None:
    never = replace(_MEMBER, last_login_at=None)
    assert _holds("idle_days = 400 and last_login_at is empty", never)


def test_a_comparison_with_nothing_is_false_and_its_denial_true() -> None:
    bare = replace(_MEMBER, plan_expires_on=None, oldest_unread_at=None, last_login_at=None, city="", attrs={})
    for field, value in (
        ("renewal_days", "5"),
        ("oldest_unread_hours", "5"),
        ("last_login_at", "2026-11-21"),
        ("city", "大同"),
        ("attr.园区", "开发区"),
    ):
        assert _holds(f"{field} is empty and not {field} is not empty and {field} != {value}", bare)
        assert not _holds(f"{field} = {value} or {field} in ({value})", bare)
    assert not _holds("renewal_days < 99999 or renewal_days > -99999 or last_login_at < 2100-12-31", bare)


def test_renewal_days_follow_the_calendar_of_shanghai() -> None:
    before_midnight = datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC)
    assert _holds("renewal_days = 10", now=before_midnight)
    assert _holds("renewal_days = 9", now=before_midnight + timedelta(seconds=1))
    assert _holds("renewal_days = -1", replace(_MEMBER, plan_expires_on=date(2026, 11, 20)))


def test_a_date_is_that_whole_day_in_shanghai_and_a_time_without_zone_is_shanghais() -> None:
    def at(*moment: int) -> Facts:
        return replace(_MEMBER, last_login_at=datetime(*moment, tzinfo=SHANGHAI))  # type: ignore[arg-type, misc]

    first, last = at(2026, 11, 20), at(2026, 11, 20, 23, 59, 59, 999_999)
    for facts in (first, last):
        assert _holds("last_login_at = 2026-11-20 and last_login_at <= 20261120 and last_login_at >= 2026-11-20", facts)
        assert not _holds("last_login_at < 2026-11-20 or last_login_at > 2026-11-20", facts)
    assert _holds('last_login_at > "2026-11-20 09:00"', at(2026, 11, 20, 9, 0, 1))
    assert _holds("last_login_at = 2026-11-20T01:00:00+00:00", at(2026, 11, 20, 9))


def test_a_member_is_reachable_by_an_address_that_is_not_blocked_unless_the_company_refused() -> None:
    member = replace(_MEMBER, contacts=(_ANNA,))
    assert _holds("reachable.email and reachable.sms = 是 and not reachable.wechat", member)
    assert not _holds("reachable.email", _MEMBER)
    blocked = replace(member, contacts=(replace(_ANNA, blocked=frozenset({ChannelName.SMS})),))
    assert _holds("reachable.email and reachable.sms = no", blocked)
    assert not _holds("reachable.email or reachable.sms != no", replace(member, refused=True))


def test_one_recorded_yes_is_the_consent_of_a_member() -> None:
    assert not _holds("consent", replace(_MEMBER, contacts=(_ANNA,)))
    assert _holds("consent", replace(_MEMBER, contacts=(_ANNA, replace(_ANNA, consent=True))))


def test_a_quotation_mark_inside_a_text_is_written_twice() -> None:
    facts = replace(_MEMBER, name="“好”\"味'道", attrs={'a"b': "x"})
    assert _holds('name = "“好”""味\'道" and attr."a""b" = x', facts)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@_UNHURRIED
@given(segment=segments())
def test_no_word_of_a_rule_reaches_the_sql(dialect: str, segment: Segment) -> None:
    made = to_filter(segment, NOW, "sqlite" if dialect == "sqlite" else "postgres")
    assert "DROP" not in made.sql
    assert "大同" not in made.sql
    assert "园区" not in made.sql
    assert [f"${i}" in made.sql for i in range(1, len(made.params) + 1)] == [True] * len(made.params)


def test_a_rule_is_explained_in_plain_words() -> None:
    segment = parse_segment(
        "idle_days >= 90 and (tier in (优质, 高端) or city != 大同) and not (consent or attr.园区 is empty)"
    )
    assert explain_segment(segment, "zh") == (
        "未登录天数不少于 90 天，并且（客户分级是优质或高端，或者地区不是“大同”），"
        "并且不满足（有联系人同意接收，或者自定义字段“园区”为空）"
    )
    assert explain_segment(segment, "en") == (
        "the number of full days since the last login is at least 90, and (the tier is 优质 or 高端, or the city is not"
        " “大同”), and not (a contact has consented, or custom column “园区” is empty)"
    )


@_UNHURRIED
@given(segments())
def test_every_rule_can_be_explained_in_both_languages(segment: Segment) -> None:
    assert explain_segment(segment, "zh")
    assert explain_segment(segment, "en")


@pytest.mark.parametrize("name", list(FIELDS))
def test_every_field_is_listed_with_an_example_that_is_a_rule(name: str) -> None:
    field = FIELDS[name]
    assert field.name == name
    assert field.label
    assert field.explanation
    assert parse_segment(field.example)


def test_the_words_of_activity_and_findings_are_those_that_are_kept() -> None:
    assert list(FIELDS["activity"].choices) == [state.value for state in ActivityState]
    assert list(FIELDS["finding"].choices) == [code.value for code in Code]


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("finding = unread", True),
        ("finding = 简历没看", True),
        ("finding in (pay_low, stale)", True),
        ("finding = never_looked", False),
        ("finding != unread", False),
        ("finding is empty", False),
        ("activity = 休眠", True),
        ("activity in (active, cooling)", False),
        ("p_active >= 29", True),
        ("p_active = 29", True),
        ("p_active > 29", False),
        ("p_active is empty", False),
    ],
)
def test_what_the_night_found_can_be_asked_for(rule: str, holds: bool) -> None:
    facts = replace(_MEMBER, findings=",unread,stale,", activity_state="dormant", p_active=0.295)
    assert matches(parse_segment(rule), facts, NOW) is holds


def test_a_member_the_night_has_not_seen_has_no_chance_and_no_state() -> None:
    assert matches(parse_segment("p_active is empty and activity is empty and finding is empty"), _MEMBER, NOW)
    assert not matches(parse_segment("p_active < 101"), _MEMBER, NOW)


def test_a_word_that_is_no_finding_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match="never_looked"):
        parse_segment("finding = unred")


def test_a_finding_is_explained_in_both_languages() -> None:
    segment = parse_segment("finding = view_no_apply and activity = paying_dormant and p_active < 20")
    assert explain_segment(segment, "zh") == "诊断发现是没人投，并且活跃状态是付费休眠，并且还活跃的可能少于 20 %"
    assert explain_segment(segment, "en") == (
        "a finding is view no apply, and the activity is paying dormant, and the chance that the account is alive is"
        " less than 20"
    )

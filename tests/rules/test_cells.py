"""What one cell of an export means."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cells import (
    clean_text,
    is_nothing,
    parse_count,
    parse_day,
    parse_email,
    parse_flag,
    parse_key,
    parse_mobile,
    parse_moment,
    parse_yes,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
MARCH_FIRST_EIGHT = datetime(2025, 3, 1, 8, tzinfo=SHANGHAI)
MARCH_FIRST = datetime(2025, 3, 1, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01 08:00:00",
        "2025-03-01 08:00",
        "2025-3-1 8:00",
        "2025/3/1 8:00",
        "2025/03/01 08:00:00",
        "2025.3.1 8:00",
        "2025年3月1日 08:00",
        "2025年03月01日 8时00分",
        "2025年3月1日8时00分00秒",
        "2025-03-01T08:00:00",
        "2025-03-01T08:00:00+08:00",
        "2025-03-01T08:00:00+0800",
        "2025-03-01T00:00:00Z",
        "2025-02-28T19:00:00-05:00",
        "2025-03-01 08:00:00.000",
        "20250301 0800",
        "20250301080000",
        "２０２５－０３－０１ ０８：００",
        "\u3000 2025-03-01 08:00 \ufeff",
        "45717.3333333333",
    ],
)
def test_every_form_of_a_moment_is_the_same_moment(text: str) -> None:
    moment = parse_moment(text)
    assert (moment, moment.tzinfo) == (MARCH_FIRST_EIGHT, UTC)


@pytest.mark.parametrize(
    "text",
    ["2025-03-01", "2025/3/1", "2025.3.1", "2025年3月1日", "20250301", "20250301.0", "45717", "45717.0"],
)
def test_a_day_alone_begins_at_midnight_in_shanghai(text: str) -> None:
    assert parse_moment(text) == MARCH_FIRST
    assert parse_day(text) == date(2025, 3, 1)


def test_a_day_with_a_time_is_the_day_it_was_in_shanghai() -> None:
    assert parse_day("2025-03-01T20:00:00+00:00") == date(2025, 3, 2)


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-45",
        "2025-02-29",
        "2025-03-01 24:30",
        "2025-03-01 08:61",
        "0000-00-00 00:00:00",
        "1899-12-31",
        "20251301",
        "3/1/2025",
        "2025-03",
        "昨天",
        "123",
        "1234567890",
        "2025-03-01 08:00 +99:00",
        "9999-12-31T23:59:59-05:00",
        "",
        "=NOW()",
    ],
)
def test_an_impossible_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a possible date"):
        parse_moment(text)


@given(
    st.datetimes(min_value=datetime(1992, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from(
        ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y年%m月%d日 %H:%M:%S", "%Y-%m-%dT%H:%M:%S+08:00", "%Y%m%d%H%M%S"]
    ),
)
def test_what_a_site_writes_comes_back(moment: datetime, form: str) -> None:
    assert parse_moment(moment.strftime(form)) == moment.replace(microsecond=0, tzinfo=SHANGHAI)


@given(st.integers(min_value=10_000 * 86400, max_value=99_998 * 86400))
def test_a_spreadsheet_number_comes_back_to_the_second(seconds: int) -> None:
    local = datetime(1899, 12, 30) + timedelta(seconds=seconds)  # noqa: DTZ001
    assert parse_moment(f"{seconds / 86400:.10f}") == local.replace(tzinfo=SHANGHAI)


@given(st.text())
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (parse_moment, parse_day, parse_count):
        with suppress(ValueError):
            parse(text)
    for parse_softly in (parse_mobile, parse_email, parse_yes, parse_flag, parse_key, is_nothing):
        parse_softly(text)


@pytest.mark.parametrize(
    "text",
    [
        "15483503031",
        "+86 154-8350-3031",
        "008615483503031",
        "8615483503031",
        "+8615483503031",
        " 154 8350 3031 ",
        "１５４８３５０３０３１",
        "＋８６－１５４－８３５０－３０３１",
        "15483503031.0",
        "154\u00a08350\u30003031",
        "154–8350—3031",
    ],
)
def test_a_mobile_is_read_through_its_decoration(text: str) -> None:
    assert parse_mobile(text) == "15483503031"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "无",
        "1548350303",
        "154835030311",
        "138****0000",
        "0352-5551234",
        "12483503031",
        "+85215483503031",
        "15483503031.00",
        "15483503031/15483503032",
        "15483503031转8",
        "١٥٤٨٣٥٠٣٠٣١",
    ],
)
def test_what_is_no_mobile_is_none(text: str) -> None:
    assert parse_mobile(text) is None


@given(st.from_regex(r"\A1[3-9][0-9]{9}\Z"))
def test_every_number_of_the_pattern_is_a_mobile_whatever_its_range(number: str) -> None:
    assert parse_mobile(number) == number


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hr0@hs-dt.example", "hr0@hs-dt.example"),
        (" ZP1@163.EXAMPLE.COM ", "zp1@163.example.com"),
        ("kf17＠corp.example.net", "kf17@corp.example.net"),
        ("ｈｒ@ｑｑ.ｅｘａｍｐｌｅ.ｃｏｍ", "hr@qq.example.com"),
        ("hr@site.test", "hr@site.test"),
        ("hr+jobs@qq.example.com\n", "hr+jobs@qq.example.com"),
    ],
)
def test_an_address_is_kept_in_one_spelling(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "无",
        "zp8hs-dt.example",
        "admin9@126..example.com",
        "a@b@c.example",
        "a@example",
        "张三@qq.example.com",
        "张三 <hr@qq.example.com>",
        "a@qq.example.com;b@qq.example.com",
        "hr@qq.example.com\r\nBcc: x@y.example",
        "hr@[127.0.0.1]",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_email(text) is None


def test_only_the_word_shi_is_a_permission() -> None:
    words = ["是", " 是 ", "否", "", "yes", "1", "TRUE", "是的", "是否", "未知"]
    assert [parse_yes(word) for word in words] == [True, True, False, *[None] * 7]


def test_a_plain_mark_may_be_english() -> None:
    assert all(map(parse_flag, ["是", "Yes", "TRUE", "1", "y", "√"]))
    assert not any(map(parse_flag, ["否", "no", "0", "", "FALSE", "2"]))


def test_a_count_is_a_whole_number() -> None:
    assert [parse_count(text) for text in ["53", " 53.0 ", "1,200", "５３", "0"]] == [53, 53, 1200, 53, 0]
    for text in ["面议", "-1", "5.5", "", "8k", "9" * 11, "2147483648", "1,2"]:
        with pytest.raises(ValueError, match="not a whole number"):
            parse_count(text)


def test_text_stands_as_it_is_but_for_its_edges_and_line_breaks() -> None:
    assert clean_text(" \u3000大同\r\nBcc: a@b.example\n\ufeff") == "大同 Bcc: a@b.example"
    assert clean_text("a\rb\nc") == "a b c"
    assert clean_text("a\0b") == "ab"
    for hostile in ["{{ 7*7 }}", "<script>x</script>", '=HYPERLINK("http://x.test")', "a'; DROP TABLE b;--", "ＡＢ😀"]:
        assert clean_text(hostile) == hostile


@given(st.text(alphabet=st.sampled_from("a \r\n\t\0\u200b\u3000大")))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert not {"\r", "\n", "\0"} & set(once)


def test_a_key_has_one_spelling() -> None:
    spellings = ["Q100000", " q100000 ", "Ｑ１０００００", "\u3000Q100000\ufeff"]
    assert {parse_key(text) for text in spellings} == {"Q100000"}
    assert parse_key("100000.0") == parse_key("１０００００") == "100000"


def test_what_names_nothing_is_no_key() -> None:
    for text in ["", " ", "-", "无", "NULL", "nan", "——", "＃", "Q" * 65]:
        assert parse_key(text) is None


def test_words_for_nothing_are_nothing() -> None:
    assert all(map(is_nothing, ["", " ", "-", "无", "NULL", "NaN", "N/A", "－", "\\N"]))
    assert not any(map(is_nothing, ["0", "2025", "无锡"]))

"""Outbound mails, read back by the standard library as an independent reader."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.channels.mime import MailFrame, build_mail, characters, wire_address
from campaigns.terms import MailWords, MessageClass, Outbound
from tests.slow_mail import build_slowly

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
FRAME = MailFrame("大同人才网", "service@talent.example", "reply.talent.example", "mail.talent.example")
WORDS = MailWords("大同机械:您有 5 份简历未读", "您好,大同机械。\n有 5 份简历。", "<p>您好,<b>大同机械</b>。</p>")
OUT = Outbound(1, "k-77-A", "li@datong.example", MessageClass.MARKETING, WORDS, "https://talent.example/u/tok?a=1&b=2")


def built(outbound: Outbound = OUT, words: MailWords = WORDS, frame: MailFrame = FRAME) -> bytes:
    return build_mail(outbound, words, frame, NOW)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


BROKEN = "大同\r\nBcc: x@example.com\n\r\x85\u2028\x00\ud800👷 =?utf-8?B?QmNj?="
PIECES = st.text(st.sampled_from(BROKEN) | st.characters(codec="utf-8"), max_size=90)
TEXTS = PIECES | st.builds(lambda text, times: text * times, PIECES, st.integers(0, 200))
PLAIN = st.from_regex(r"[A-Za-z0-9 ,.!:/+()-]{0,80}", fullmatch=True)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.timezones())  # noqa: DTZ001


@given(
    st.builds(
        Outbound,
        id=st.just(1),
        key=st.from_regex(r"[A-Za-z0-9-]{1,40}", fullmatch=True) | PIECES,
        address=st.emails() | PIECES,
        message_class=st.sampled_from(MessageClass),
        words=st.builds(MailWords, TEXTS | PLAIN, TEXTS, TEXTS),
        unsubscribe_url=st.sampled_from(["", OUT.unsubscribe_url, "https://talent.example/中?x= y%20"]) | PIECES,
    ),
    st.builds(MailFrame, TEXTS | PLAIN, PIECES, PIECES, PIECES) | st.just(FRAME),
    MOMENTS,
)
@example(OUT, FRAME, NOW)
def test_a_mail_is_the_same_built_quickly_and_slowly_byte_for_byte(outbound, frame, now):
    assert build_mail(outbound, outbound.words, frame, now) == build_slowly(outbound, outbound.words, frame, now)


@given(TEXTS.map(lambda text: text.replace("\r", "")), TEXTS)
def test_what_all_mails_begin_with_is_encoded_once_and_the_mail_is_the_same(head, rest):
    alone, shared = replace(WORDS, html=head + rest), replace(WORDS, html=head + rest, html_head=head)
    assert built(words=shared) == built(words=alone)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 56, 57, 58, 114, 115, 57 * 40])
def test_a_body_of_any_length_has_lines_of_76_and_ends_whole(length):
    words = replace(WORDS, text="x" * length, html="")
    raw = built(words=words)
    plain = next(iter(read(raw).iter_parts()))
    assert plain.get_content() == words.text
    lines = raw.partition(b"base64\r\n\r\n")[2].partition(b"--=_")[0].split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) == 76 for line in lines[:-1])


def test_the_stdlib_reads_back_exactly_the_words():
    message = read(built())
    assert message["Subject"] == WORDS.subject
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain, rich = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == WORDS.text
    assert rich.get_content() == WORDS.html
    assert plain["Content-Transfer-Encoding"] == rich["Content-Transfer-Encoding"] == "base64"
    assert message.defects == []


def test_sender_recipient_and_answer_addresses_are_ours():
    message = read(built())
    sender = message["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("大同人才网", "service@talent.example")
    assert message["To"].addresses[0].addr_spec == "li@datong.example"
    assert message["Reply-To"].addresses[0].addr_spec == "reply+k-77-A@reply.talent.example"


def test_the_message_id_is_the_key_and_the_same_at_every_attempt():
    later = build_mail(OUT, WORDS, FRAME, NOW.replace(hour=9))
    assert read(built())["Message-ID"] == read(later)["Message-ID"] == "<k-77-A@mail.talent.example>"


def test_the_date_is_the_clocks():
    assert parsedate_to_datetime(read(built())["Date"]) == NOW
    assert read(built())["Date"].endswith("+0800")


def test_one_click_unsubscribe_is_there_with_a_url_and_only_then():
    message = read(built())
    assert message["List-Unsubscribe"] == (
        "<https://talent.example/u/tok?a=1&b=2>, <mailto:unsub+k-77-A@reply.talent.example>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    bare = read(built(replace(OUT, unsubscribe_url="")))
    assert bare["List-Unsubscribe"] is None
    assert bare["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    ("message_class", "precedence"),
    [
        (MessageClass.MARKETING, "bulk"),
        (MessageClass.GREETING, "bulk"),
        (MessageClass.SERVICE, None),
        (MessageClass.ANSWER, None),
    ],
)
def test_only_marketing_and_greetings_call_themselves_bulk(message_class, precedence):
    message = read(built(replace(OUT, message_class=message_class)))
    assert message["Precedence"] == precedence
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Feedback-ID"] == f"{message_class.value}:huifang"


@pytest.mark.parametrize(
    "hostile",
    [
        "大同\r\nBcc: x@example.com",
        "a\nBcc: x@example.com",
        "a\rBcc: x@example.com",
        "a\r\n\r\n<b>body</b>",
        "a\u2028Bcc: x@example.com",
        "a\x00b\x0bBcc: x@example.com\x85Cc: y@example.com",
    ],
)
def test_a_line_break_in_any_slot_adds_no_header_and_no_recipient(hostile):
    words = replace(WORDS, subject=hostile)
    outbound = replace(OUT, key=hostile, address=hostile, unsubscribe_url=hostile)
    raw = built(outbound, words, replace(FRAME, sender_name=hostile))
    message = read(raw)
    assert message.keys() == read(built()).keys()
    assert raw.count(b"\r\n\r\n") == built().count(b"\r\n\r\n")
    assert {"Bcc", "Cc"}.isdisjoint(message.keys())


def test_the_hostile_name_arrives_as_its_literal_characters_with_a_blank():
    message = read(built(words=replace(WORDS, subject="大同\r\nBcc: x@example.com 您好")))
    assert message["Subject"] == "大同 Bcc: x@example.com 您好"


def test_long_subjects_fold_between_characters_and_stay_under_the_line_limit():
    subject = "简历👷未读" * 40
    raw = built(words=replace(WORDS, subject=subject))
    assert read(raw)["Subject"] == subject
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    words = re.findall(rb"=\?utf-8\?B\?([^?]+)\?=", raw.partition(b"Subject: ")[2].partition(b"Feedback")[0])
    assert "".join(base64.b64decode(word).decode() for word in words) == subject


def test_what_looks_like_an_encoded_word_is_shown_as_typed():
    subject = "=?utf-8?B?QmNj?= hello"
    assert read(built(words=replace(WORDS, subject=subject)))["Subject"] == subject


def test_only_crlf_line_ends_and_seven_bits_leave_us():
    raw = built()
    assert raw.replace(b"\r\n", b"").find(b"\n") == -1
    assert raw.isascii()


def test_broken_unicode_is_replaced_and_never_an_error():
    words = MailWords("坏\ud800字", "坏\ud800字", "<p>\ud800</p>")
    outbound = replace(OUT, unsubscribe_url="https://talent.example/\ud800")
    assert read(built(outbound, words))["Subject"] == "坏?字"


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("li@datong.example", "li@datong.example"),
        ("li@中国.example", "li@xn--fiqs8s.example"),
        ("李@datong.example", None),
        ("a@x.example, b@y.example", None),
        ("<a@x.example>", None),
        ("a@x.example\r\nRCPT TO:<b@y.example>", None),
        ("a b@x.example", None),
        ("a@x..example", None),
        ("a@", None),
        ("", None),
    ],
)
def test_only_an_address_that_smtp_can_carry_goes_to_the_wire(address, wire):
    assert wire_address(address) == wire


@pytest.mark.parametrize("charset", ["gb2312", "GBK", "gb18030", "utf-8", "", "x-unknown", "unicode_escape", "hex"])
def test_chinese_is_read_whatever_its_label_says(charset):
    encoding = "utf-8" if charset in ("utf-8", "") else "gb18030"
    assert characters("朱镕基说:退订".encode(encoding), charset) == "朱镕基说:退订"

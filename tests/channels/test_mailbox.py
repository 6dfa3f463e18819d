"""Mails that come in: whose they are, what they are, and which words are new."""

import base64
import random
import time
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage

import pytest

from bot.channels.mailbox import read_mail
from campaigns.terms import ChannelName, Reaction, Receipt, Reply

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
OURS = "大同人才网 <reply+k-7@reply.talent.example>"


def read(raw: bytes, **envelope):
    return read_mail(
        raw, now=NOW, reply_domain="reply.talent.example", message_id_domain="mail.talent.example", **envelope
    )


def only(raw: bytes, **envelope):
    (event,) = read(raw, **envelope)
    return event


def mail(body: str = "请停止发送", subtype: str = "plain", charset: str = "utf-8", **headers: str) -> bytes:
    message = EmailMessage()
    given = {"From": "李经理 <li@DaTong.example>", "To": OURS, "Subject": "回复:简历", "Message-ID": "<m1@x.example>"}
    for name, value in {**given, **{key.replace("_", "-"): value for key, value in headers.items()}}.items():
        if value:
            message[name] = value
    message.set_content(body, subtype=subtype, charset=charset)
    return message.as_bytes()


QQ = "好的\n\n------------------ 原始邮件 ------------------\n发件人: x\n\n回复 退订 不再接收"
OUTLOOK = (
    "<!--[if mso]><p>退订</p><![endif]--><p class=MsoNormal>好的<o:p></o:p></p>"
    '<div style="border-top:solid"><p><b>发件人:</b> x<br><b>发送时间:</b> y<br>'
    "<b>收件人:</b> z<br><b>主题:</b> t</p></div><p>回复 退订</p>"
)


def test_a_persons_answer_is_a_reply_with_its_key():
    event = only(mail(Message_ID="<9.1@datong.example>", Subject="Re: 您有简历"))
    assert event == Reply(
        event.event_id,
        ChannelName.EMAIL,
        NOW,
        "li@datong.example",
        "请停止发送",
        "k-7",
        mail_id="<9.1@datong.example>",
        subject="Re: 您有简历",
    )


def test_the_same_mail_twice_is_one_event_and_another_mail_another():
    again = b"Received: from mx2.example; later\r\n" + mail()
    assert only(mail()).event_id == only(again).event_id
    assert only(mail()).event_id != only(mail("别的")).event_id
    assert only(mail()).event_id != only(mail(From="wang@datong.example")).event_id


def test_a_client_that_repeats_its_message_id_loses_no_refusal():
    first, second = mail("好的", Message_ID="<1@x>"), mail("退订", Message_ID="<1@x>")
    assert only(first).event_id != only(second).event_id


@pytest.mark.parametrize(
    ("headers", "envelope"),
    [
        ({"To": "hr@talent.example"}, {"envelope_to": ["reply+k-7@Reply.Talent.example"]}),
        ({"To": "hr@talent.example"}, {"envelope_to": ["<REPLY+k-7@reply.talent.example>"]}),
        ({"To": "", "Delivered_To": "reply+k-7@reply.talent.example"}, {}),
        ({"To": "hr@talent.example", "X_Original_To": "bounce+k-7@reply.talent.example"}, {}),
        ({"To": "a@x.example", "Cc": "b@x.example, reply+k-7@reply.talent.example"}, {}),
        ({"To": "hr@talent.example", "In_Reply_To": "<k-7@mail.talent.example>"}, {}),
        ({"To": "hr@talent.example", "References": "<k-6@mail.talent.example> <k-7@mail.talent.example>"}, {}),
        ({"To": "hr@x.example", "References": "<k-7@mail.talent.example> <zz@mail.datong.example>"}, {}),
    ],
)
def test_the_key_is_found_wherever_it_stands(headers, envelope):
    assert only(mail(**headers), **envelope).key == "k-7"


@pytest.mark.parametrize(
    "headers",
    [
        {"To": "reply+k-7@other.example"},
        {"To": "xreply+k-7@reply.talent.example"},
        {"To": "reply+k-7@reply.talent.example.evil.example"},
        {"To": f"reply+{'k' * 41}@reply.talent.example"},
        {"To": "hr@talent.example", "In_Reply_To": "<k-7@other.example>"},
    ],
)
def test_no_key_is_read_out_of_anothers_address(headers):
    assert only(mail(**headers)).key == ""


@pytest.mark.parametrize("body", ["", "Unsubscribe", "自动回复"])
def test_any_mail_to_the_unsubscribe_address_is_a_refusal(body):
    event = only(mail(body, To="unsub+k-7@reply.talent.example", Precedence="bulk", Subject="unsubscribe"))
    assert (event.text, event.key, event.automatic) == ("退订", "k-7", False)


# --- characters


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030", "utf-8", "big5"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_every_charset_and_encoding_is_read(charset, encoding):
    message = EmailMessage()
    message["From"], message["To"] = "li@datong.example", "reply+k-7@reply.talent.example"
    message.set_content("停止,不要再寄了", charset=charset, cte=encoding)
    assert only(message.as_bytes()).text == "停止,不要再寄了"


def test_gb18030_words_under_a_gb2312_label_are_read():
    raw = b"From: li@datong.example\nContent-Type: text/plain; charset=gb2312\n\n" + "喆㐂退订".encode("gb18030")
    assert only(raw).text == "喆㐂退订"


def test_eight_bit_words_without_any_label_are_read():
    for charset in ("gb18030", "utf-8"):
        assert only(b"From: li@datong.example\n\n" + "不要再发了".encode(charset)).text == "不要再发了"


@pytest.mark.parametrize("charset", ["gb2312", "utf-8"])
def test_an_automatic_subject_is_seen_in_every_encoding(charset):
    encoded = Header("自动回复:休假中", charset).encode()
    raw = f"From: li@datong.example\nSubject: {encoded}\n\nback soon".encode("ascii")
    assert only(raw).automatic
    plain = "From: li@datong.example\nSubject: 自动回复\n\nback soon".encode(charset)
    assert only(plain).automatic


def test_html_only_mail_is_turned_to_text():
    rich = (
        "<html><head><title>t</title><style>p{color:red}</style></head><body><p>不用了,&nbsp;谢谢</p>"
        "<script>alert(1)</script><div>薪资 &lt; 5000<br>张三</div></body></html>"
    )
    assert only(mail(rich, "html")).text == "不用了, 谢谢\n\n薪资 < 5000\n张三"


def test_the_words_of_a_reply_are_the_new_ones():
    assert only(mail(QQ)).text == "好的"
    assert only(mail(OUTLOOK, "html")).text == "好的"


def test_the_plain_part_is_preferred_and_attachments_are_not_words():
    message = EmailMessage()
    message["From"], message["To"] = "li@datong.example", OURS
    message.set_content("退订")
    message.add_alternative("<p>退订 <b>rich</b></p>", subtype="html")
    message.add_attachment("附件里的话", filename="a.txt")
    assert only(message.as_bytes()).text == "退订"


# --- machines


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; x=1"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "1"},
        {"X_Autoresponder": "1"},
        {"X_Autoreply_From": "li@datong.example"},
        {"X_Mail_Autoreply": "1"},
        {"Precedence": "auto_reply"},
        {"Precedence": "Bulk"},
        {"X_Auto_Response_Suppress": "All"},
        {"Return_Path": "<>"},
        {"Subject": "自动回复:您的来信"},
        {"Subject": "[自动回复] 您的来信"},
        {"Subject": "【自动回复】您的来信"},
        {"Subject": "自动答复: 简历"},
        {"Subject": "Automatic reply: x"},
        {"Subject": "Auto: x"},
        {"Subject": "Out of Office: x"},
        {"Subject": "OOO until Monday"},
        {"Subject": "休假"},
    ],
)
def test_a_machines_answer_is_automatic(headers):
    assert only(mail(**headers)).automatic


def test_the_null_envelope_sender_is_a_machine():
    assert only(mail(), envelope_from="").automatic


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "no"}, {"Subject": "自动化招聘的问题"}, {"Subject": "Re: 自动回复功能"}, {"Subject": "Oooh"}],
)
def test_a_persons_answer_is_not_automatic(headers):
    assert not only(mail(**headers), envelope_from="li@datong.example").automatic


def test_a_holiday_note_sent_to_the_bounce_address_is_no_bounce():
    raw = mail("我在休假", To="bounce+k-7@reply.talent.example", Subject="自动回复:退信", From="postmaster@x.example")
    event = only(raw, envelope_from="")
    assert isinstance(event, Reply)
    assert event.automatic


# --- bounces and complaints


def bounce(
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <li@datong.example>: unknown",
    action: str = "failed",
    to: str = "bounce+k-7@reply.talent.example",
    extra: str = "",
    returned: str = "Message-ID: <k-7@mail.talent.example>\nSubject: x\n",
) -> bytes:
    return f"""From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <dsn-1@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="BB"

--BB
Content-Type: text/plain; charset=us-ascii

I'm sorry.

--BB
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
{extra}
Final-Recipient: rfc822; li@datong.example
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--BB
Content-Type: text/rfc822-headers

{returned}
--BB--
""".encode()


def test_a_hard_bounce_with_our_key_closes_the_address():
    event = only(bounce(), envelope_from="")
    assert event == Receipt(
        event.event_id,
        ChannelName.EMAIL,
        NOW,
        False,
        "k-7",
        address="li@datong.example",
        reaction=Reaction.SUPPRESS,
        code="550 5.1.1",
    )


@pytest.mark.parametrize(
    ("status", "diagnostic", "reaction"),
    [
        ("5.1.10", "smtp; 556 null MX", Reaction.SUPPRESS),
        ("5.2.1", "", Reaction.SUPPRESS),
        ("5.0.0", "smtp; 550 Mailbox not found", Reaction.SUPPRESS),
        ("5.0.0", "smtp; 550-5.1.1 no such\n account", Reaction.SUPPRESS),
        ("5.0.0", "smtp; 550 Mailbox unavailable or access denied", Reaction.DEFER_RECIPIENT),
        ("5.2.2", "smtp; 552 5.2.2 full", Reaction.DEFER_RECIPIENT),
        ("4.4.7", "smtp; 451 4.4.7 expired", Reaction.RETRY),
        ("4.1.1", "smtp; 450 4.1.1 user unknown", Reaction.RETRY),
        ("5.4.1", "", Reaction.RETRY),
        ("5.0.0", "", Reaction.RETRY),
        ("", "", Reaction.RETRY),
        ("5.7.1", "smtp; 550 5.7.1 policy", Reaction.DROP),
        ("5.0.0", "smtp; 550 MI:SPF 163", Reaction.DROP),
        ("5.0.0", "smtp; 554 Mail content denied", Reaction.DROP),
        ("5.0.0", "smtp; 550 Ip frequency limited", Reaction.DROP),
    ],
)
def test_what_a_bounce_means_and_that_it_never_stops_a_campaign_or_the_channel(status, diagnostic, reaction):
    event = only(bounce(status, diagnostic))
    assert (event.delivered, event.reaction) == (False, reaction)


def test_a_bounce_without_our_key_closes_nothing():
    event = only(bounce(to="hr@talent.example", returned="Message-ID: <k-7@other.example>\n"))
    assert (event.key, event.reaction) == ("", Reaction.DROP)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "hr@talent.example"},
        {"to": "hr@talent.example", "returned": "", "extra": "Original-Envelope-Id: k-7\n"},
    ],
)
def test_the_key_of_a_bounce_also_stands_in_what_it_gives_back(changes):
    assert only(bounce(**changes)).key == "k-7"


def test_the_key_is_found_in_a_mail_given_back_whole():
    raw = bounce(to="hr@talent.example").replace(b"text/rfc822-headers", b"message/rfc822")
    assert only(raw).key == "k-7"


def test_the_address_of_a_bounce_is_the_one_we_wrote_to():
    raw = bounce().replace(b"Final-Recipient", b"Original-Recipient: rfc822;a+2Bb@DaTong.example\nFinal-Recipient")
    assert only(raw).address == "a+b@datong.example"


def test_a_delay_is_no_outcome_and_a_delivery_is_one():
    assert read(bounce("4.4.1", action="delayed")) == []
    event = only(bounce("2.0.0", action="delivered"))
    assert (event.delivered, event.reaction) == (True, None)


def test_two_recipients_in_one_bounce_are_two_events():
    block = b"Final-Recipient: rfc822; li@datong.example\n"
    raw = bounce().replace(
        b"\n--BB\nContent-Type: text/rfc822", b"\n" + block + b"Action: failed\n\n--BB\nContent-Type: text/rfc822"
    )
    first, second = read(raw)
    assert first.event_id != second.event_id


@pytest.mark.parametrize(
    ("text", "reaction", "code"),
    [
        (
            "很抱歉,您的邮件被退回。\n收件人邮件地址(li@datong.example)不存在,邮件无法送达。",
            Reaction.SUPPRESS,
            "bounce",
        ),
        ("host mx.qq.example said: 550 Mailbox not found. http://x", Reaction.SUPPRESS, "550"),
        ("host mx said: 550 Mailbox unavailable or access denied", Reaction.DEFER_RECIPIENT, "550"),
        ("出错了", Reaction.RETRY, "bounce"),
    ],
)
def test_a_bounce_in_plain_words_is_read_by_its_words(text, reaction, code):
    raw = mail(text, From="Postmaster@qq.example", To="bounce+k-7@reply.talent.example", Subject="系统退信")
    event = only(raw, envelope_from="")
    assert isinstance(event, Receipt)
    assert (event.key, event.reaction, event.code) == ("k-7", reaction, code)


def complaint(kind: str = "abuse", to: str = "fbl@talent.example", mail_from: str = "bounce+k-7@reply.talent.example"):
    return f"""From: fbl@provider.example
To: {to}
Subject: FW: mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="BB"

--BB
Content-Type: text/plain

complaint
--BB
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: X/1
Original-Mail-From: <{mail_from}>
Original-Rcpt-To: <li@datong.example>

--BB
Content-Type: message/rfc822

From: service@talent.example
Subject: x

body
--BB--
""".encode()


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "other"])
def test_a_complaint_closes_the_address_of_a_mail_that_had_arrived(kind):
    event = only(complaint(kind))
    assert (event.delivered, event.reaction, event.code, event.key, event.address) == (
        True,
        Reaction.SUPPRESS,
        "complaint",
        "k-7",
        "li@datong.example",
    )


def test_not_spam_is_no_event_and_a_complaint_without_our_key_closes_nothing():
    assert read(complaint("not-spam")) == []
    assert only(complaint(mail_from="x@other.example")).reaction is Reaction.DROP


# --- never raises


def seeds() -> list[bytes]:
    rich = mail(OUTLOOK, "html", "gb18030", Subject="退订", References="<k-7@mail.talent.example>")
    return [mail(QQ, charset="gb2312"), rich, bounce(), complaint()]


def mutated(raw: bytes, dice: random.Random) -> bytes:
    octets = bytearray(raw)
    for _ in range(dice.randint(1, 30)):
        at = dice.randrange(len(octets))
        match dice.randrange(5):
            case 0:
                octets[at] = dice.randrange(256)
            case 1:
                del octets[at : at + dice.randint(1, 40)]
            case 2:
                octets[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 20)))
            case 3:
                octets[at:at] = octets[at : at + dice.randint(1, 200)]
            case 4:
                octets[at:at] = dice.choice([b"\r\n", b"\n\n", b"=?", b"?=", b"--BB", b"\x00", b'"', b";", b"<", b">"])
        octets = octets or bytearray(b"x")
    return bytes(octets)


@pytest.mark.parametrize("seed", range(100))
def test_no_broken_mail_raises_or_closes_an_address_of_another_key(seed):
    dice = random.Random(seed)
    for raw in seeds():
        for event in read(mutated(raw, dice), envelope_to=[dice.choice(["", "x", "reply+k-9@reply.talent.example"])]):
            assert isinstance(event, Receipt | Reply)
            assert event.event_id
            if isinstance(event, Receipt) and event.reaction is Reaction.SUPPRESS:
                assert event.key


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"\xff" * 5000,
        b"From: \xc0\xee <li@datong.example>\n\n\xcd\xcb\xb6\xa9",
        b"Subject: =?gb2312?B?!!!?=\n\nx",
        b"Subject: =?unicode_escape?Q?=5Cx?=\n\nx",
        b"Content-Type: text/plain; charset=unicode_escape\n\n\\x \\q",
        b"Content-Type: text/plain; charset*=x''\xff\n\nx",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: message/delivery-status\n\nAction: failed\n\nStatus: x",
        b"Content-Transfer-Encoding: base64\n\n!!!" + base64.b64encode("退订".encode())[:-2],
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(2000)),
    ],
)
def test_garbage_is_an_event_without_words_at_worst(raw):
    (event,) = read(raw, envelope_from="li@datong.example")
    assert event.event_id


@pytest.mark.parametrize(
    "body",
    [
        "wrote" + " " * 150_000 + "x",
        "|" + " " * 150_000 + "x",
        "- " * 75_000 + "x",
        "On " * 60_000,
        "发" + " " * 150_000,
        "\n".join(["On 2026 x wrote"] * 12_000),
        "\n".join(["From:"] * 40_000),
        "<" * 150_000,
        "550 " * 50_000,
        "<div>" * 40_000 + "退订",
        "<" + "a" * 190_000,
        "<!--" * 50_000,
        "".join(f"<b a={number}>" for number in range(10_000)) + "<p>x" * 10_000,
        "----------\n\n" * 16_000,
    ],
)
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_no_text_takes_long_to_read(body, subtype):
    began = time.perf_counter()
    read(mail(body, subtype))
    assert time.perf_counter() - began < 2

"""The relay: an honest client gets through, every kind of wrong client gets the documented refusal."""

import asyncio
import base64
import smtplib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import aiosmtplib
import pytest

from bot.clock import ProductClock
from bot.sandbox.smtp import SmtpServer
from bot.sandbox.stage import Accepted, Stage
from campaigns.terms import ChannelName

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SENDER = "bounce+t1@site.example"
CUSTOMER = "hr1@qq.example.com"
LOGIN = ("huifang", "right")


@pytest.fixture
async def relay() -> AsyncIterator[SmtpServer]:
    server = SmtpServer(
        Stage(lambda: START, seed=1),
        sender_domains={"site.example"},
        user=LOGIN[0],
        password=LOGIN[1],
        size_limit=20_000,
    )
    await server.start()
    yield server
    await server.stop()


def letter(**headers: str | None) -> EmailMessage:
    """A flawless mail; a header named is replaced, or left out where it is None."""
    mail = EmailMessage()
    wanted: dict[str, str | None] = {
        "From": "云溪人才网 <news@site.example>",
        "To": CUSTOMER,
        "Subject": "您有 5 份未读简历",
        "Date": "Mon, 23 Nov 2026 09:00:00 +0800",
        "Message-ID": "<k-17@site.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in wanted.items():
        if value is not None:
            mail[name] = value
    mail.set_content("您好,\n有 5 份简历在等您。", cte="base64")
    mail.add_alternative("<p>有 <b>5</b> 份简历在等您</p>", subtype="html", cte="base64")
    return mail


def raw(*lines: str, body: str = "text") -> bytes:
    return "\r\n".join([*lines, "", body, ""]).encode("utf-8", "surrogateescape")


HEAD = (
    "From: news@site.example",
    "Date: Mon, 23 Nov 2026 09:00:00 +0800",
    "Message-ID: <k-17@site.example>",
)


async def client(relay: SmtpServer) -> aiosmtplib.SMTP:
    smtp = aiosmtplib.SMTP(hostname=relay.host, port=relay.port, start_tls=False)
    await smtp.connect()
    await smtp.login(*LOGIN)
    return smtp


async def refusal(relay: SmtpServer, content: bytes, options: tuple[str, ...] = ()) -> str:
    """What a client hears after the final dot of these very octets."""
    smtp = await client(relay)
    await smtp.mail(SENDER, options=list(options), encoding="ascii")
    await smtp.rcpt(CUSTOMER, encoding="ascii")
    await smtp.execute_command(b"DATA")
    assert smtp.transport is not None
    smtp.transport.write(content + b".\r\n")
    answer = await smtp.execute_command(b"NOOP")  # the first answer to come is the one to the mail
    smtp.close()
    return f"{answer.code} {answer.message}"


async def talk(relay: SmtpServer, *groups: bytes) -> list[str]:
    """Groups of pipelined commands in, one answer line for each command out (multi-line answers whole)."""
    reader, writer = await asyncio.open_connection(relay.host, relay.port)
    heard = [await _answer(reader)]
    for group in groups:
        writer.write(group)
        for _ in range(group.count(b"\r\n")):
            heard.append(await _answer(reader))
    writer.close()
    await writer.wait_closed()
    return heard


async def _answer(reader: asyncio.StreamReader) -> str:
    lines = [(await reader.readline()).decode()]
    while lines[-1][3:4] == "-":
        lines.append((await reader.readline()).decode())
    return "".join(lines)


PLAIN = b"AUTH PLAIN " + base64.b64encode(b"\0huifang\0right") + b"\r\n"


async def test_an_honest_mail_is_in_the_ledger_before_the_250(relay: SmtpServer) -> None:
    seen: list[int] = []
    relay.stage.listeners.append(lambda row: seen.append(len(relay.stage.ledger)))
    smtp = await client(relay)
    refused, answer = await smtp.send_message(letter(), sender=SENDER, recipients=[CUSTOMER])
    await smtp.quit()

    (row,) = relay.mailbox("HR1@qq.example.com")
    assert (refused, seen) == ({}, [1])
    assert answer == f"2.0.0 Ok: queued as {row.provider_id}"
    assert (row.channel, row.to, row.key, row.at) == (ChannelName.EMAIL, CUSTOMER, "k-17", START)
    assert row.words["subject"] == "您有 5 份未读简历"
    assert row.words["text"] == "您好,\n有 5 份简历在等您。\n"
    assert row.words["html"] == "<p>有 <b>5</b> 份简历在等您</p>\n"
    assert row.words["mail_from"] == SENDER
    assert row.words["headers"]["From"] == "云溪人才网 <news@site.example>"


async def test_what_it_offers_is_what_the_documents_say(relay: SmtpServer) -> None:
    greeting, offer = await talk(relay, b"EHLO me\r\n")
    assert greeting.startswith("220 mx.sandbox.example")
    assert [line[4:] for line in offer.split("\r\n")[1:-1]] == [
        "SIZE 20000",
        "8BITMIME",
        "AUTH LOGIN PLAIN",
        "PIPELINING",
        "HELP",
    ]


async def test_the_standard_library_s_client_gets_through_too(relay: SmtpServer) -> None:
    def send() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP(relay.host, relay.port) as smtp:
            smtp.login(*LOGIN)
            return smtp.send_message(letter(), SENDER, [CUSTOMER])

    assert await asyncio.to_thread(send) == {}
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_pipelined_commands_are_answered_in_order(relay: SmtpServer) -> None:
    group = (
        b"MAIL FROM:<" + SENDER.encode() + b">\r\nRCPT TO:<" + CUSTOMER.encode() + b">\r\n"
        b"RCPT TO:<boss@real.com>\r\nDATA\r\n"
    )
    heard = await talk(relay, b"EHLO me\r\n", PLAIN, group)
    assert [line[:3] for line in heard[3:]] == ["250", "250", "550", "354"]


async def test_a_failed_mail_fails_the_rest_of_its_group(relay: SmtpServer) -> None:
    group = b"MAIL FROM:<x@elsewhere.example>\r\nRCPT TO:<" + CUSTOMER.encode() + b">\r\nDATA\r\n"
    heard = await talk(relay, b"EHLO me\r\n", PLAIN, group)
    assert [line[:3] for line in heard[3:]] == ["550", "503", "503"]


async def test_both_ways_to_log_in_work(relay: SmtpServer) -> None:
    user, password = (base64.b64encode(word.encode()) + b"\r\n" for word in LOGIN)
    heard = await talk(relay, b"EHLO me\r\n", b"AUTH LOGIN\r\n", user, password)
    assert [line[:3] for line in heard[2:]] == ["334", "334", "235"]
    assert (await talk(relay, b"EHLO me\r\n", PLAIN))[-1].startswith("235 ")


@pytest.mark.parametrize("wrong", [("huifang", "wrong"), ("somebody", "right"), ("", ""), ("惠", "芳")])
async def test_wrong_credentials_are_535(relay: SmtpServer, wrong: tuple[str, str]) -> None:
    blob = base64.b64encode(f"\0{wrong[0]}\0{wrong[1]}".encode())
    heard = await talk(relay, b"EHLO me\r\n", b"AUTH PLAIN " + blob + b"\r\n", b"MAIL FROM:<a@site.example>\r\n")
    assert heard[2].startswith("535 5.7.8")
    assert heard[3].startswith("530 5.7.0")


async def test_mail_without_log_in_is_530(relay: SmtpServer) -> None:
    heard = await talk(relay, b"EHLO me\r\n", b"MAIL FROM:<" + SENDER.encode() + b">\r\n")
    assert heard[-1].startswith("530 5.7.0")


async def test_an_mx_takes_mail_from_everybody_and_is_as_strict_about_the_rest() -> None:
    mx = SmtpServer(Stage(lambda: START, seed=1), sender_domains=None, password=None)
    await mx.start()
    heard = await talk(mx, b"EHLO me\r\n", PLAIN, b"MAIL FROM:<a@anywhere.cn>\r\nRCPT TO:<boss@real.com>\r\n")
    assert "AUTH" not in heard[1]
    assert [line[:3] for line in heard[2:]] == ["538", "250", "550"]

    smtp = aiosmtplib.SMTP(hostname=mx.host, port=mx.port, start_tls=False)
    await smtp.connect()
    await smtp.send_message(letter(From="a@anywhere.cn"), sender="a@anywhere.cn", recipients=[CUSTOMER])
    with pytest.raises(aiosmtplib.SMTPDataError):
        await smtp.send_message(letter(From=None), sender="a@anywhere.cn", recipients=[CUSTOMER])
    await smtp.quit()
    assert len(mx.mailbox(CUSTOMER)) == 1
    await mx.stop()


async def test_a_sender_domain_of_another_is_refused(relay: SmtpServer) -> None:
    smtp = await client(relay)
    with pytest.raises(aiosmtplib.SMTPSenderRefused) as caught:
        await smtp.send_message(letter(), sender="news@other.example", recipients=[CUSTOMER])
    await smtp.quit()
    assert (caught.value.code, caught.value.message[:5]) == (550, "5.1.8")


async def rcpt(relay: SmtpServer, address: str) -> str:
    smtp = await client(relay)
    await smtp.mail(SENDER, encoding="ascii")
    try:
        answer = await smtp.rcpt(address, encoding="ascii")
        return f"{answer.code} {answer.message}"
    except aiosmtplib.SMTPRecipientRefused as error:
        return f"{error.code} {error.message}"
    finally:
        await smtp.quit()


@pytest.mark.parametrize(
    "address",
    ["a@qq.com", "a@example.cn", "a@notexample.com", "a@example.com.cn", "a@example", "a@test.site.cn"],
)
async def test_nobody_outside_the_reserved_domains_can_be_reached(relay: SmtpServer, address: str) -> None:
    heard = await rcpt(relay, address)
    if address == "a@example":
        assert heard.startswith("250")
    else:
        assert heard.startswith("550 5.7.1")


@pytest.mark.parametrize("address", ["a@hs.example", "a@b.test", "a@example.net", "A@163.EXAMPLE.COM"])
async def test_reserved_domains_and_all_below_them_are_served(relay: SmtpServer, address: str) -> None:
    assert (await rcpt(relay, address)).startswith("250 2.1.5")


async def test_an_unknown_mailbox_is_550_and_a_full_one_552_or_452(relay: SmtpServer) -> None:
    relay.stage.unknown.add(CUSTOMER)
    assert (await rcpt(relay, "HR1@qq.example.com")).startswith("550 5.1.1")
    relay.stage.unknown.clear()
    relay.stage.full.add(CUSTOMER)
    assert (await rcpt(relay, CUSTOMER)).startswith("552 5.2.2")
    relay.full_for_good = False
    assert (await rcpt(relay, CUSTOMER)).startswith("452 4.2.2")


async def test_a_mail_over_the_size_is_refused_by_its_word_and_by_its_weight(relay: SmtpServer) -> None:
    announced = b"MAIL FROM:<" + SENDER.encode() + b"> SIZE=20001\r\n"
    assert (await talk(relay, b"EHLO me\r\n", PLAIN, announced))[-1].startswith("552 ")
    heavy = raw(*HEAD, body="\r\n".join(["x" * 70] * 300))
    assert (await refusal(relay, heavy)).startswith("552 ")
    assert relay.mailbox(CUSTOMER) == []


BULK = (*HEAD, "Precedence: bulk")
WAY_OUT = "List-Unsubscribe: <https://site.example/u/t>, <mailto:unsub+t@site.example>"
ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"

WRONG_MAIL = {
    "no From": (raw(*HEAD[1:]), "554 5.6.0 Header field from is missing"),
    "no Date": (raw(HEAD[0], HEAD[2]), "554 5.6.0 Header field date is missing"),
    "no Message-ID": (raw(*HEAD[:2]), "554 5.6.0 Header field message-id is missing"),
    "two From": (raw(*HEAD, "from: b@site.example"), "554 5.6.0 Header field from occurs more than once"),
    "two Subject": (raw(*HEAD, "Subject: a", "Subject: b"), "554 5.6.0 Header field subject occurs more"),
    "two of our own": (raw(*HEAD, "X-Key: a", "X-Key: a"), "554 5.6.0 Header field x-key occurs more"),
    "two people in From": (
        raw("From: a@site.example, b@site.example", *HEAD[1:]),
        "554 5.6.0 From is not one",
    ),
    "nobody in From": (raw("From: news", *HEAD[1:]), "554 5.6.0 From is not one"),
    "From of another": (raw("From: a@other.example", *HEAD[1:]), "550 5.7.1 The domain of From"),
    "Date without sense": (raw(HEAD[0], "Date: yesterday", HEAD[2]), "554 5.6.0 Malformed Date"),
    "Message-ID without brackets": (
        raw(*HEAD[:2], "Message-ID: k-17@site.example"),
        "554 5.6.0 Malformed Mess",
    ),
    "Message-ID without domain": (raw(*HEAD[:2], "Message-ID: <k-17>"), "554 5.6.0 Malformed Mess"),
    "a Bcc": (raw(*HEAD, "Bcc: victim@example.com"), "554 5.6.0 Bcc must not travel"),
    "a line that is no field": (raw(*HEAD, "Hello there"), "554 5.6.0 Malformed header line"),
    "a blank before the colon": (raw(*HEAD, "Subject : a"), "554 5.6.0 Malformed header line"),
    "an empty folded line": (raw(*HEAD, "Subject: a", "  ", " b"), "554 5.6.0 Malformed header line"),
    "no blank line": ("\r\n".join([*HEAD, ""]).encode(), "554 5.6.0 No blank line"),
    "a control character": (raw(*HEAD, "Subject: a\0b"), "554 5.6.0 Control character"),
    "a hidden line break": (raw(*HEAD, "Subject: =?utf-8?q?a=0D=0ABcc:_b?="), "554 5.6.0 Control character"),
    "an unknown charset": (raw(*HEAD, "Subject: =?x-none?q?a?="), "554 5.6.0 Unreadable encoded word"),
    "Chinese as it is in the header": (
        raw(*HEAD, "Subject: 您好"),
        "554 5.6.3 8-bit data without BODY=8BITMIME",
    ),
    "a bare LF": (raw(*HEAD, body="a\nb"), "554 5.6.0 Bare CR or LF"),
    "a bare CR": (raw(*HEAD, body="a\rb"), "554 5.6.0 Bare CR or LF"),
    "a smuggled end": (raw(*HEAD, body="a\n.\nMAIL FROM:<x@y.example>"), "554 5.6.0 Bare CR or LF"),
    "a line of 999": (raw(*HEAD, body="x" * 999), "500 5.5.2 Line too long"),
    "a line of 2000": (raw(*HEAD, body="x" * 2000), "500 Line too long"),
    "8 bits in a 7-bit mail": (raw(*HEAD, body="您好"), "554 5.6.3 8-bit data without BODY=8BITMIME"),
    "MIME without its version": (
        raw(*HEAD, "Content-Type: text/plain"),
        "554 5.6.0 Content-Type without MIME",
    ),
    "a multipart without an end": (
        raw(
            *HEAD,
            "MIME-Version: 1.0",
            'Content-Type: multipart/alternative; boundary="b"',
            body="--b\r\n\r\nx",
        ),
        "554 5.6.0 Malformed MIME",
    ),
    "base64 that is none": (
        raw(
            *HEAD,
            "MIME-Version: 1.0",
            "Content-Transfer-Encoding: base64",
            "Content-Type: text/plain",
            body="abcde",
        ),
        "554 5.6.0",
    ),
    "a body in another charset than said": (
        raw(
            *HEAD,
            "MIME-Version: 1.0",
            "Content-Transfer-Encoding: base64",
            "Content-Type: text/plain; charset=utf-8",
            body="xNq6ww==",
        ),
        "554 5.6.0 Unreadable body",
    ),
    "nothing to read": (raw(*HEAD, body=" "), "554 5.6.0 Nothing to read"),
    "bulk without a way out": (raw(*BULK), "550 5.7.1 Bulk mail without an https List-Unsubscribe"),
    "bulk with a way out by mail only": (
        raw(*BULK, "List-Unsubscribe: <mailto:unsub@site.example>", ONE_CLICK),
        "550 5.7.1 Bulk mail without an https List-Unsubscribe",
    ),
    "bulk with a way out in clear": (
        raw(*BULK, "List-Unsubscribe: <http://site.example/u/t>", ONE_CLICK),
        "550 5.7.1 Bulk mail without an https List-Unsubscribe",
    ),
    "bulk without one click": (raw(*BULK, WAY_OUT), "550 5.7.1 Bulk mail without List-Unsubscribe-Post"),
    "bulk with another click": (
        raw(*BULK, WAY_OUT, "List-Unsubscribe-Post: yes"),
        "550 5.7.1 Bulk mail without List-Unsubscribe-Post",
    ),
}


@pytest.mark.parametrize("case", WRONG_MAIL)
async def test_a_wrong_mail_is_refused_with_its_reason(relay: SmtpServer, case: str) -> None:
    content, expected = WRONG_MAIL[case]
    heard = await refusal(relay, content)
    assert heard[: len(expected)] == expected
    assert relay.mailbox(CUSTOMER) == []


RIGHT_MAIL = {
    "plain": raw(*HEAD),
    "bulk": raw(*BULK, WAY_OUT, ONE_CLICK),
    "bulk of a demo on loopback": raw(*BULK, "List-Unsubscribe: <http://127.0.0.1:8000/u/t>", ONE_CLICK),
    "folded": raw(*HEAD, "Subject: a", " b"),
    "two signatures": raw(*HEAD, "DKIM-Signature: a=1", "DKIM-Signature: a=2"),
    "a line of 998": raw(*HEAD, body="x" * 998),
    "a line of one dot": raw(*HEAD, body="a\r\n..\r\nb"),
}


@pytest.mark.parametrize("case", RIGHT_MAIL)
async def test_a_right_mail_is_taken(relay: SmtpServer, case: str) -> None:
    assert (await refusal(relay, RIGHT_MAIL[case])).startswith("250 2.0.0")
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_eight_bits_go_through_where_they_were_announced(relay: SmtpServer) -> None:
    mail = raw(
        *HEAD,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        body="您好",
    )
    assert (await refusal(relay, mail, ("BODY=8BITMIME",))).startswith("250 2.0.0")
    assert relay.mailbox(CUSTOMER)[0].words["text"] == "您好\n"


async def test_a_header_is_never_eight_bits(relay: SmtpServer) -> None:
    heard = await refusal(relay, raw(*HEAD, "Subject: 您好"), ("BODY=8BITMIME",))
    assert heard.startswith("554 5.6.7 Header is not ASCII")


async def test_each_recipient_of_one_mail_has_a_row_and_a_refused_one_has_none(relay: SmtpServer) -> None:
    smtp = await client(relay)
    people = [CUSTOMER, "b@hs.example", "boss@real.com"]
    refused, _ = await smtp.sendmail(SENDER, people, letter().as_bytes())
    await smtp.quit()
    assert list(refused) == ["boss@real.com"]
    assert [row.to for row in relay.stage.ledger] == people[:2]


async def send(relay: SmtpServer) -> None:
    smtp = await client(relay)
    try:
        await smtp.send_message(letter(), sender=SENDER, recipients=[CUSTOMER])
    finally:
        smtp.close()


async def test_a_busy_relay_says_421_and_closes(relay: SmtpServer) -> None:
    relay.faults.order("busy")
    with pytest.raises(aiosmtplib.SMTPException) as caught:
        await send(relay)
    assert getattr(caught.value, "code", 421) == 421
    await send(relay)
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_greylisting_passes_at_the_second_try(relay: SmtpServer) -> None:
    relay.faults.order("greylist")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as caught:
        await send(relay)
    assert [(one.code, one.message[:5]) for one in caught.value.recipients] == [(451, "4.7.1")]
    await send(relay)
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_about_a_busy_domain_it_says_421_and_closes_and_others_are_served(relay: SmtpServer) -> None:
    relay.busy_about.add(CUSTOMER.partition("@")[2])
    with pytest.raises(aiosmtplib.SMTPException):
        await send(relay)
    relay.busy_about = {"another.example.com"}
    await send(relay)
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_greylisting_for_a_time_passes_once_it_is_over(relay: SmtpServer) -> None:
    clock = ProductClock()
    relay.stage.now, relay.greylisting = clock, timedelta(minutes=5)
    for minutes in (0, 4):
        clock.set(START + timedelta(minutes=minutes))
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await send(relay)
    clock.set(START + timedelta(minutes=6))
    await send(relay)
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_about_a_silent_domain_nothing_is_said_and_others_are_served(relay: SmtpServer) -> None:
    relay.silent_about.add(CUSTOMER.partition("@")[2])
    asking = asyncio.create_task(send(relay))
    done, _ = await asyncio.wait([asking], timeout=0.3)
    assert not done
    asking.cancel()
    relay.silent_about.clear()
    await send(relay)
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_a_link_lost_before_data_left_nothing_behind(relay: SmtpServer) -> None:
    relay.faults.order("drop_before_data")
    with pytest.raises((aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPRecipientsRefused)):
        await send(relay)
    assert relay.mailbox(CUSTOMER) == []


async def test_a_link_lost_after_the_final_dot_leaves_the_mail_delivered(relay: SmtpServer) -> None:
    relay.faults.order("drop_after_dot")
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(relay)
    assert [row.key for row in relay.mailbox(CUSTOMER)] == ["k-17"]


@pytest.mark.parametrize(("fault", "kept"), [("truncate", 1), ("web_page", 0)])
async def test_half_an_answer_or_a_web_page_is_no_answer(relay: SmtpServer, fault: str, kept: int) -> None:
    relay.faults.order(fault)
    smtp = await client(relay)
    with pytest.raises((aiosmtplib.SMTPException, ValueError)):
        await smtp.send_message(letter(), sender=SENDER, recipients=[CUSTOMER])
    smtp.close()
    assert len(relay.mailbox(CUSTOMER)) == kept


async def test_a_relay_that_is_unavailable_after_the_dot_has_kept_nothing(relay: SmtpServer) -> None:
    relay.faults.order("unavailable")
    assert (await refusal(relay, raw(*HEAD))).startswith("451 4.3.0")
    assert not relay.mailbox(CUSTOMER)


async def test_a_slow_answer_comes_in_two_pieces_and_is_right(relay: SmtpServer) -> None:
    relay.delay_seconds = 0.1
    relay.faults.order("slow_answer")
    assert (await refusal(relay, raw(*HEAD))).startswith("250 2.0.0 Ok: queued as")
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_an_answer_can_come_twice_and_stands_before_the_next_one(relay: SmtpServer) -> None:
    relay.faults.order("twice")
    mail = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (SENDER.encode(), CUSTOMER.encode())
    reader, writer = await asyncio.open_connection(relay.host, relay.port)
    await _answer(reader)
    for group in (b"EHLO a.example\r\n", PLAIN, mail):
        writer.write(group)
        for _ in range(group.count(b"\r\n")):
            await _answer(reader)
    writer.write(raw(*HEAD) + b".\r\nNOOP\r\n")
    first, second, third = [await _answer(reader) for _ in range(3)]
    writer.close()
    await writer.wait_closed()
    assert first == second
    assert first.startswith("250 2.0.0 Ok: queued as")
    assert third.startswith("250")
    assert len(relay.mailbox(CUSTOMER)) == 1


async def test_a_bounce_can_be_there_before_the_250(relay: SmtpServer) -> None:
    bounced: list[str] = []

    async def bounce(row: Accepted) -> None:
        bounced.append(row.to)

    relay.bounce = bounce
    relay.faults.order("bounce_first")
    assert (await refusal(relay, raw(*HEAD))).startswith("250")
    assert bounced == [CUSTOMER]
    assert not relay.stage.reached(relay.mailbox(CUSTOMER)[0])


@pytest.mark.parametrize(
    ("domain", "words"), [("qq.example.com", "550 Ip frequency limited"), ("163.example.com", "450 RP:CEL 163 ")]
)
async def test_a_great_provider_that_gets_too_many_in_a_minute_says_so_in_its_own_words(
    domain: str, words: str
) -> None:
    now = [START]
    stage = Stage(lambda: now[0], seed=1)
    server = SmtpServer(stage, sender_domains=None, password=None, per_minute=2)
    await server.start()

    async def told(number: int, at: str = domain) -> str:
        hello = b"EHLO a.example\r\n"
        commands = b"MAIL FROM:<%s>\r\nRCPT TO:<c%d@%s>\r\n" % (SENDER.encode(), number, at.encode())
        return (await talk(server, hello, commands))[-1]

    assert [(await told(number))[:3] for number in (1, 2)] == ["250", "250"]
    assert (await told(3)).startswith(words)
    assert (await told(3, "company.example"))[:3] == "250"
    now[0] += timedelta(minutes=1)
    assert (await told(3))[:3] == "250"
    await server.stop()


async def test_a_mail_forgotten_is_250_for_the_sender_and_nowhere_else(relay: SmtpServer) -> None:
    relay.faults.order("forget")
    await send(relay)
    assert relay.mailbox(CUSTOMER) == []


async def test_the_same_mail_twice_is_two_rows_with_two_ids(relay: SmtpServer) -> None:
    await send(relay)
    await send(relay)
    assert relay.stage.ledger.keys(ChannelName.EMAIL) == {"k-17": 2}
    assert len({row.provider_id for row in relay.mailbox(CUSTOMER)}) == 2


async def test_with_starttls_the_log_in_waits_for_the_tls() -> None:
    relay = SmtpServer(
        Stage(lambda: START, seed=1),
        sender_domains={"site.example"},
        user="huifang",
        password="right",
        starttls=True,
    )
    await relay.start()
    heard = await talk(relay, b"EHLO me\r\n", PLAIN, b"MAIL FROM:<" + SENDER.encode() + b">\r\n")
    assert "STARTTLS" in heard[1]
    assert "AUTH" not in heard[1]
    assert [line[:10] for line in heard[2:]] == ["538 5.7.11", "530 5.7.0 "]

    smtp = aiosmtplib.SMTP(
        hostname=relay.host, port=relay.port, tls_context=ssl.create_default_context(cadata=relay.certificate)
    )
    await smtp.connect()
    await smtp.login(*LOGIN)
    await smtp.send_message(letter(), sender=SENDER, recipients=[CUSTOMER])
    await smtp.quit()
    assert len(relay.mailbox(CUSTOMER)) == 1
    await relay.stop()


async def test_a_client_that_checks_certificates_refuses_this_one_unless_told_to_trust_it() -> None:
    relay = SmtpServer(
        Stage(lambda: START, seed=1),
        sender_domains={"site.example"},
        user="huifang",
        password="right",
        starttls=True,
    )
    await relay.start()
    smtp = aiosmtplib.SMTP(hostname=relay.host, port=relay.port)
    with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
        await smtp.connect()
    smtp.close()
    await relay.stop()


async def test_stopping_hangs_up_on_clients_that_stay(relay: SmtpServer) -> None:
    reader, writer = await asyncio.open_connection(relay.host, relay.port)
    await reader.readline()
    await relay.stop()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_a_taken_port_is_an_error_of_the_one_who_asks(relay: SmtpServer) -> None:
    second = SmtpServer(relay.stage, sender_domains=(), user="u", password="p", port=relay.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()


async def test_the_exchanger_takes_a_plain_clients_mail_as_servers_do() -> None:
    """No log-in, no Date, no Message-ID, eight-bit text: what smtplib sends of a short Chinese mail."""
    stage = Stage(lambda: datetime(2026, 11, 23, 1, tzinfo=UTC), 1)
    exchanger = SmtpServer(stage, sender_domains=None, password=None)
    host, port = await exchanger.start()
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@client.example", "b@customer.example", "您好"
    mail.set_content("有3份简历还没看。")

    def send() -> None:
        with smtplib.SMTP(host, port, "client.example") as client:
            client.send_message(mail)

    try:
        await asyncio.to_thread(send)
    finally:
        await exchanger.stop()
    [row] = stage.ledger.rows()
    assert row.words["text"].strip() == "有3份简历还没看。"
    assert row.key

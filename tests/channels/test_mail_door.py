"""The door for incoming mail, spoken to by the standard library's LMTP and SMTP clients."""

import asyncio
import logging
import smtplib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.web.mail_door import SIZE_LIMIT, MailDoor

MAIL = "From: 李 <li@datong.example>\r\nSubject: 退订\r\n\r\n.不用了\r\n".encode()


class Inbox:
    """Keeps what it takes, once `gate` lets it; fails with `error` where one is set."""

    def __init__(self) -> None:
        self.mails: list[tuple[bytes, str | None, list[str]]] = []
        self.began, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def take(self, raw: bytes, sender: str | None, recipients: Sequence[str]) -> None:
        self.began.set()
        await self.gate.wait()
        if self.error:
            raise self.error
        self.mails.append((raw, sender, list(recipients)))


@asynccontextmanager
async def open_door() -> AsyncIterator[tuple[Inbox, int, MailDoor]]:
    inbox = Inbox()
    door = MailDoor(inbox.take)
    port = await door.start()
    try:
        yield inbox, port, door
    finally:
        await door.stop()


def deliver_lmtp(port: int, sender: str, recipients: Sequence[str], mail: bytes = MAIL) -> dict[str, tuple[int, bytes]]:
    """What smtplib calls senderrs: the refused recipients."""
    with smtplib.LMTP("127.0.0.1", port) as client:
        return client.sendmail(sender, list(recipients), mail)


def deliver_smtp(port: int, sender: str, recipients: Sequence[str], mail: bytes = MAIL) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
        return client.sendmail(sender, list(recipients), mail)


class Talk:
    """A conversation line by line, answers checked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.hear()

    async def hear(self) -> str:
        while line := (await asyncio.wait_for(self.reader.readline(), 5)).decode():
            if line[3:4] != "-":
                return line.rstrip()
        return ""


@asynccontextmanager
async def talk_to(port: int, greeting: str = "LHLO client.example") -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    talk = Talk(reader, writer)
    assert (await talk.hear()).startswith("220")
    assert (await talk.say(greeting)).startswith("250")
    try:
        yield talk
    finally:
        writer.close()
        await writer.wait_closed()


async def hand_over(talk: Talk, *recipients: str) -> None:
    assert (await talk.say("MAIL FROM:<li@datong.example>")).startswith("250")
    for recipient in recipients:
        assert (await talk.say(f"RCPT TO:<{recipient}>")).startswith("250")
    assert (await talk.say("DATA")).startswith("354")
    talk.writer.write(b"Subject: x\r\n\r\nhello\r\n.\r\n")


@pytest.mark.parametrize("deliver", [deliver_lmtp, deliver_smtp])
async def test_a_mail_arrives_octet_for_octet_with_its_envelope(deliver):
    async with open_door() as (inbox, port, _):
        refused = await asyncio.to_thread(deliver, port, "li@datong.example", ["reply+k-7@reply.talent.example"])
        assert refused == {}
        assert inbox.mails == [(MAIL, "li@datong.example", ["reply+k-7@reply.talent.example"])]


async def test_the_null_sender_of_a_bounce_is_let_in_as_an_empty_one():
    async with open_door() as (inbox, port, _):
        await asyncio.to_thread(deliver_smtp, port, "", ["bounce+k-7@reply.talent.example"])
        assert inbox.mails[0][1] == ""


async def test_lmtp_gets_one_answer_for_each_recipient_and_the_session_goes_on():
    async with open_door() as (inbox, port, _), talk_to(port) as talk:
        await hand_over(talk, "reply+k-1@r.example", "reply+k-2@r.example")
        assert [(await talk.hear())[:3] for _ in range(2)] == ["250", "250"]
        assert (await talk.say("NOOP")).startswith("250")
        assert inbox.mails[0][2] == ["reply+k-1@r.example", "reply+k-2@r.example"]


async def test_smtp_gets_one_answer_for_all_recipients():
    async with open_door() as (_, port, _), talk_to(port, "EHLO client.example") as talk:
        await hand_over(talk, "reply+k-1@r.example", "reply+k-2@r.example")
        assert (await talk.hear()).startswith("250 2.0.0")
        assert (await talk.say("RSET")).startswith("250 OK")


async def test_250_comes_only_after_the_callback_has_returned():
    async with open_door() as (inbox, port, _), talk_to(port) as talk:
        inbox.gate.clear()
        await hand_over(talk, "reply+k-1@r.example")
        await inbox.began.wait()
        answer = asyncio.create_task(talk.hear())
        await asyncio.sleep(0.05)
        assert not answer.done()
        inbox.gate.set()
        assert (await answer).startswith("250")


async def test_a_callback_that_raises_leaves_the_mail_with_its_sender(caplog):
    async with open_door() as (inbox, port, _), talk_to(port) as talk:
        inbox.error = ValueError("li@datong.example 13800138000")
        await hand_over(talk, "reply+k-1@r.example")
        assert await talk.hear() == "451 4.3.0 not taken, try again later"
        inbox.error = None
        await hand_over(talk, "reply+k-1@r.example")
        assert (await talk.hear()).startswith("250")
        assert "ValueError" in caplog.text
        assert "datong" not in caplog.text


async def test_nothing_of_a_mail_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with open_door() as (_, port, _):
        await asyncio.to_thread(deliver_smtp, port, "li@datong.example", ["reply+k-7@r.example"])
    assert "datong" not in caplog.text
    assert "k-7" not in caplog.text


async def test_a_client_that_hangs_up_does_not_stop_the_callback():
    async with open_door() as (inbox, port, _):
        inbox.gate.clear()
        async with talk_to(port) as talk:
            await hand_over(talk, "reply+k-1@r.example")
            await inbox.began.wait()
        await asyncio.sleep(0.02)
        inbox.gate.set()
        await asyncio.sleep(0.02)
        assert len(inbox.mails) == 1


async def test_stopping_waits_for_the_callback_and_its_answer_and_closes_idle_sessions():
    async with open_door() as (inbox, port, door), talk_to(port) as busy, talk_to(port) as idle:
        inbox.gate.clear()
        await hand_over(busy, "reply+k-1@r.example")
        await inbox.began.wait()
        stopping = asyncio.create_task(door.stop())
        await asyncio.sleep(0.02)
        await hand_over(idle, "reply+k-2@r.example")
        assert (await idle.hear()).startswith("451 4.3.2")
        inbox.gate.set()
        assert (await busy.hear()).startswith("250")
        await stopping
        assert len(inbox.mails) == 1
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_mail_of_ten_megabytes_is_the_largest():
    async with open_door() as (inbox, port, _):
        line = b"x" * 998 + b"\r\n"
        small, large = line * (SIZE_LIMIT // 1000 - 1), line * (SIZE_LIMIT // 1000 + 1)
        await asyncio.to_thread(deliver_smtp, port, "a@x.example", ["r@r.example"], small)
        with pytest.raises(smtplib.SMTPException):
            await asyncio.to_thread(deliver_smtp, port, "a@x.example", ["r@r.example"], large)
        assert [len(mail) for mail, _, _ in inbox.mails] == [len(small)]


async def test_a_paragraph_in_one_line_is_taken():
    async with open_door() as (inbox, port, _):
        mail = b"Subject: x\r\n\r\n" + b"x" * 100_000 + b"\r\n"
        await asyncio.to_thread(deliver_smtp, port, "a@x.example", ["r@r.example"], mail)
        assert inbox.mails[0][0] == mail


async def test_it_listens_on_the_loopback_only_and_can_be_opened_again():
    inbox = Inbox()
    door = MailDoor(inbox.take)
    first = await door.start()
    assert door._server is not None
    assert {sock.getsockname()[0] for sock in door._server.sockets} == {"127.0.0.1"}
    await door.stop()
    await door.stop()
    again = MailDoor(inbox.take, port=first)
    assert await again.start() == first
    await again.stop()

"""Customers' answers and bounces lie in the sandbox's mailbox, and the product's own door reads them from there."""

import asyncio
import contextlib
import imaplib
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import pytest

from bot.channels.imap_box import AWAY, BoxAddress, BoxRefuses
from bot.channels.returned import inspect_mail
from bot.clock import ProductClock
from bot.sandbox.run import Sandbox
from bot.sandbox.stage import Stage
from bot.web.imap_door import Habits, ImapDoor
from campaigns.terms import ChannelName, Intent
from tests.imap_cast import PASSWORD, START, USER, mail, serving

TEMPLATES = Path(__file__).parents[2] / "templates"


class Taken:
    """Our side of the door: what was stored, and the marks."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.marks: dict[str, str] = {}

    async def take(self, raw: bytes, _sender: str | None, _recipients: list[str]) -> None:
        self.mails.append(raw)

    async def read_mark(self, key: str) -> str | None:
        return self.marks.get(key)

    async def write_mark(self, key: str, value: str) -> None:
        self.marks[key] = value

    def door(self, address: BoxAddress, habits: Habits | None = None) -> ImapDoor:
        return ImapDoor(
            address,
            self.take,
            read_mark=self.read_mark,
            write_mark=self.write_mark,
            is_away=lambda _error: False,
            habits=habits,
        )


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(ProductClock(), templates=TEMPLATES)
    await made.start()
    yield made
    await made.stop()


def address_of(sandbox: Sandbox) -> BoxAddress:
    imap = sandbox.endpoints()["imap"]
    assert set(imap) == {"host", "port", "username", "password"}
    return BoxAddress(imap["host"], imap["port"], imap["username"], imap["password"])


def send(sandbox: Sandbox, to: str) -> None:
    """As any client does that knows nothing of the product."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "news@client.example", to, "您有 5 份未读简历"
    letter["Date"], letter["Message-ID"] = format_datetime(START), make_msgid(domain="client.example")
    letter.set_content("有 5 份简历在等您。\n")
    smtp = sandbox.endpoints()["smtp"]
    with smtplib.SMTP(smtp["host"], smtp["port"], "client.example", timeout=60) as client:
        client.send_message(letter, "bounce+t1@client.example", [to])


async def test_answers_and_bounces_to_any_clients_mail_lie_in_the_mailbox_and_our_door_reads_them(
    sandbox: Sandbox,
) -> None:
    for to in ("a@qq.example", "b@163.example", "c@hs.example"):
        await asyncio.to_thread(send, sandbox, to)
    first, second, third = sandbox.stage.ledger.rows(ChannelName.EMAIL)
    await sandbox.customers.say(first, "退订", Intent.STOP)
    await sandbox.customers.say(second, "我在休假", Intent.AUTO_REPLY, automatic=True)
    await sandbox._mail.bounce(third)
    ours = Taken()
    assert await ours.door(address_of(sandbox)).read_once() == 3
    assert [raw.splitlines()[0] for raw in ours.mails] == [
        b"Return-Path: <a@qq.example>",
        b"Return-Path: <b@163.example>",
        b"Return-Path: <>",
    ]
    assert [str(inspect_mail(raw).kind) for raw in ours.mails] == ["reply", "auto_reply", "bounce"]
    assert inspect_mail(ours.mails[0]).text == "退订"
    assert await ours.door(address_of(sandbox)).read_once() == 0
    assert {frozenset(kept.flags) for kept in sandbox.imap.mailbox.folders["INBOX"].mails.values()} == {
        frozenset({"\\Seen"})
    }


async def test_with_a_door_of_ours_the_same_mail_goes_to_both(sandbox: Sandbox) -> None:
    await asyncio.to_thread(send, sandbox, "a@qq.example")
    [row] = sandbox.stage.ledger.rows(ChannelName.EMAIL)
    sandbox.connect_to("http://127.0.0.1:9/hooks/x", "127.0.0.1", 9)  # nobody listens
    with pytest.raises(ConnectionRefusedError):
        await sandbox.customers.say(row, "好的")
    assert sandbox.imap.mailbox.folders["INBOX"].mails == {}  # it will be tried again, and then come to both


async def test_a_mail_without_a_sender_is_never_bounced(sandbox: Sandbox) -> None:
    row = sandbox.stage.accept(
        ChannelName.EMAIL, "c@hs.example", key="k", words={"mail_from": "", "headers": {}}, provider_id="Q1"
    )
    await sandbox._mail.bounce(row)
    assert sandbox.imap.mailbox.folders["INBOX"].mails == {}


@pytest.mark.parametrize("extensions", [("UIDPLUS", "MOVE", "UNSELECT", "ID"), ("UIDPLUS",), ()])
async def test_our_door_moves_what_it_read_whatever_the_server_can(extensions: tuple[str, ...]) -> None:
    async with serving(Stage(lambda: START, seed=7), extensions=extensions) as server:
        server.mailbox.deliver("li@datong.example", "reply@huifang.example.com", mail())
        address, ours = BoxAddress(server.host, server.port, USER, PASSWORD), Taken()
        assert await ours.door(address, Habits(done="done")).read_once() == 1
        moved, left = server.mailbox.find("done"), server.mailbox.folders["INBOX"].mails
        assert moved is not None
        assert len(moved.mails) == 1
        # without UIDPLUS it must not expunge what others have marked
        assert [mail_left.flags for mail_left in left.values()] == [{"\\Seen", "\\Deleted"}] * (not extensions)


async def test_our_door_introduces_itself_where_that_is_wanted_and_is_refused_with_a_wrong_password() -> None:
    async with serving(Stage(lambda: START, seed=7), wants_id=True) as server:
        server.mailbox.deliver("li@datong.example", "reply@huifang.example.com", mail())
        ours = Taken()
        assert await ours.door(BoxAddress(server.host, server.port, USER, PASSWORD)).read_once() == 1
        with pytest.raises(BoxRefuses, match="AUTHENTICATIONFAILED"):
            await ours.door(BoxAddress(server.host, server.port, USER, "other")).read_once()


@pytest.mark.parametrize("fault", ["unavailable", "bye", "web_page", "reset_before", "reset_after", "truncate"])
async def test_whatever_breaks_while_our_door_reads_no_mail_is_lost(fault: str) -> None:
    async with serving(Stage(lambda: START, seed=7)) as server:
        for number in range(3):
            server.mailbox.deliver("li@datong.example", "reply@huifang.example.com", mail(number))
        ours = Taken()
        door = ours.door(BoxAddress(server.host, server.port, USER, PASSWORD))
        for calm in range(12):  # the connection breaks at each command in turn
            server.faults.order(*[""] * calm, fault)
        for _ in range(40):
            with contextlib.suppress(BoxRefuses, imaplib.IMAP4.error, *AWAY):
                await door.read_once()
        assert server.faults.draw() == ""
        assert {raw.split(b"Message-ID: ")[1].split()[0] for raw in ours.mails} == {
            b"<%d@datong.example>" % number for number in range(3)
        }

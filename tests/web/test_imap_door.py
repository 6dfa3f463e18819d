"""The mailbox at a provider is read by Dovecot's rules: nothing lost, nothing marked before it is stored."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.channels.imap_box import BoxAddress, BoxRefuses
from bot.web import imap_door
from bot.web.imap_door import Habits, ImapDoor
from tests.servers import MissingServer
from tests.web.imap_front import PASSWORD, USER, Front, front


class Away(Exception):
    pass


class Taken:
    """Stands for the inbox and its database: keeps what it was given and the marks, fails when told."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.marks: dict[str, str] = {}
        self.failures: list[Exception] = []
        self.poison = b"\0"

    async def take(self, raw, sender, recipients) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if self.poison in raw:
            raise ValueError("poisoned")
        self.mails.append(raw.replace(b"\r\n", b"\n"))

    async def read_mark(self, key: str) -> str | None:
        return self.marks.get(key)

    async def write_mark(self, key: str, value: str) -> None:
        assert len(key) <= 32
        self.marks[key] = value


@pytest.fixture
async def here() -> AsyncIterator[Front]:
    with tempfile.TemporaryDirectory(prefix="huifang-test-") as folder:
        try:
            async with front(Path(folder)) as running:
                yield running
        except MissingServer as exc:
            pytest.skip(str(exc))


def door(here: Front, taken: Taken, **habits) -> ImapDoor:
    address = BoxAddress("localhost", here.port, USER, PASSWORD, tls=here.trusted())
    return ImapDoor(
        address,
        taken.take,
        read_mark=taken.read_mark,
        write_mark=taken.write_mark,
        is_away=lambda exc: isinstance(exc, Away),
        habits=Habits(**{"every_seconds": 0.05, **habits}),
    )


def mail(number: int, extra: bytes = b"") -> bytes:
    return b"From: li@datong.example\nSubject: Re: %d\n\nanswer %d %s\n" % (number, number, extra)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_new_mail_is_stored_in_its_order_and_then_seen(here):
    taken = Taken()
    for number in range(3):
        here.deliver(mail(number))
    assert await door(here, taken).read_once() == 3
    assert sorted(taken.mails) == [mail(0), mail(1), mail(2)]
    assert [flags for _, flags in here.mails()] == ["S", "S", "S"]


async def test_what_was_read_is_not_read_again_and_what_comes_later_is(here):
    taken = Taken()
    here.deliver(mail(1))
    await door(here, taken).read_once()
    here.deliver(mail(2))
    assert await door(here, taken).read_once() == 1
    assert taken.mails == [mail(1), mail(2)]


async def test_a_mail_that_a_person_has_opened_in_the_mailbox_is_read_all_the_same(here):
    taken = Taken()
    here.deliver(mail(1))
    await door(here, taken).read_once()
    here.deliver(b"Status: RO\n" + mail(2))
    unread = next((here.folder / "mail" / "new").iterdir())
    unread.rename(here.folder / "mail" / "cur" / f"{unread.name}:2,S")
    assert await door(here, taken).read_once() == 1


async def test_in_a_folder_never_read_before_old_mail_stays_old(here):
    taken = Taken()
    here.deliver(mail(1))
    await door(here, Taken()).read_once()
    here.deliver(mail(2))
    assert await door(here, taken).read_once() == 1
    assert taken.mails == [mail(2)]


async def test_nothing_is_marked_while_the_database_is_away(here):
    taken = Taken()
    taken.failures = [Away()]
    here.deliver(mail(1))
    with pytest.raises(Away):
        await door(here, taken).read_once()
    assert [flags for _, flags in here.mails()] == [""]
    assert await door(here, taken).read_once() == 1


async def test_killed_after_storing_and_before_marking_the_same_mail_comes_once_more(here):
    taken = Taken()
    here.deliver(mail(1))

    async def killed(key: str, value: str) -> None:
        raise asyncio.CancelledError

    first = door(here, taken)
    first._write_mark = killed
    with pytest.raises(asyncio.CancelledError):
        await first.read_once()
    (seen,) = (here.folder / "mail" / "cur").iterdir()
    seen.rename(here.folder / "mail" / "new" / seen.name.partition(":")[0])  # killed before \\Seen, too
    await door(here, taken).read_once()
    assert taken.mails == [mail(1), mail(1)]


async def test_a_poisoned_mail_is_set_aside_and_those_behind_it_are_read(here, monkeypatch):
    monkeypatch.setattr(imap_door, "_FIRST_PAUSE", 0.01)
    taken = Taken()
    taken.poison = b"poison"
    for number, extra in ((1, b""), (2, b"poison"), (3, b"")):
        here.deliver(mail(number, extra))
        await asyncio.sleep(0.01)
    reader = asyncio.create_task(door(here, taken).run())
    await until(lambda: len(taken.mails) >= 2)
    reader.cancel()
    assert {mail(1), mail(3)} <= set(taken.mails)
    assert [b"poison" in raw for raw, _ in here.mails("huifang-aside")] == [True]
    assert [value.rpartition(":")[2] for value in taken.marks.values()] == ["1"]


async def test_a_mail_too_large_for_the_inbox_is_set_aside_unread(here, monkeypatch):
    monkeypatch.setattr(imap_door, "SIZE_LIMIT", 2000)
    taken = Taken()
    here.deliver(mail(1, b"x" * 5000))
    assert await door(here, taken).read_once() == 0
    assert (taken.mails, len(here.mails("huifang-aside"))) == ([], 1)


async def test_what_was_read_goes_to_a_folder_of_its_own_where_one_is_named(here):
    taken = Taken()
    here.deliver(mail(1))
    await door(here, taken, done="done").read_once()
    assert (here.mails(), len(here.mails("done"))) == ([], 1)


async def test_after_a_new_uidvalidity_the_place_reached_means_nothing(here):
    taken = Taken()
    here.deliver(mail(1))
    await door(here, taken).read_once()
    taken.marks = {key: f"7:9999:{value.rpartition(':')[2]}" for key, value in taken.marks.items()}
    here.deliver(mail(2))
    assert await door(here, taken).read_once() == 1


async def test_a_lost_connection_is_made_again_and_mail_that_came_meanwhile_is_read(here, monkeypatch):
    monkeypatch.setattr(imap_door, "_FIRST_PAUSE", 0.01)
    taken = Taken()
    reader = asyncio.create_task(door(here, taken).run())
    await until(lambda: here.logins == 1)
    here.deaf = True
    here.drop_all()
    here.deliver(mail(1))
    await asyncio.sleep(0.1)
    here.deaf = False
    await until(lambda: taken.mails)
    reader.cancel()
    assert (taken.mails, here.logins) == ([mail(1)], 2)


async def test_a_wrong_password_is_refused_without_naming_it(here):
    reader = door(here, Taken())
    reader._address = replace(reader._address, password="other-word")
    with pytest.raises(BoxRefuses) as refused:
        await reader.read_once()
    assert "other-word" not in f"{refused.value} {reader._address!r}"


async def test_a_server_nobody_vouches_for_gets_no_password(here):
    import ssl

    reader = door(here, Taken())
    reader._address = replace(reader._address, tls=ssl.create_default_context())
    with pytest.raises(ssl.SSLError):
        await reader.read_once()
    assert here.logins == 0

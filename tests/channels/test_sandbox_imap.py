"""The mailbox's stand-in: Python's own client reads it, what is no IMAP is refused, and it breaks on demand."""

import asyncio
import imaplib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.sandbox.imap.server import FAULTS, LARGEST_LITERAL, LONGEST_LINE, ImapServer
from bot.sandbox.imap.words import Wrong, read_words
from bot.sandbox.stage import Stage
from tests.imap_cast import PASSWORD, PATIENCE, START, USER, client, mail, serving, with_client

SUBJECT = "=?utf-8?b?5Zue5aSNOiDnroDljoY=?="  # 回复: 简历


@pytest.fixture
def stage() -> Stage:
    return Stage(lambda: START, seed=7)


@pytest.fixture
async def server(stage: Stage) -> AsyncIterator[ImapServer]:
    async with serving(stage) as running:
        yield running


def put(server: ImapServer, *numbers: int, **parts: str) -> None:
    for number in numbers:
        server.mailbox.deliver("li@datong.example", f"reply+t{number}@huifang.example.com", mail(number, **parts))


async def ask(server: ImapServer, act: Callable[[imaplib.IMAP4], Any]) -> Any:
    return await asyncio.to_thread(with_client, server, act)


class Raw:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def lines(self, until: str) -> list[str]:
        """What comes, up to the line that begins so."""
        found: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while not found or not found[-1].startswith(until):
                line = await self.reader.readline()
                if not line:
                    return [*found, "gone"]
                found.append(line.decode().rstrip("\r\n"))
        return found

    async def say(self, words: str, until: str = "a ") -> list[str]:
        self.writer.write(words.encode() + b"\r\n")
        return await self.lines(until)


@pytest.fixture
async def raw(server: ImapServer) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    made = Raw(reader, writer)
    await made.lines("* OK [CAPABILITY IMAP4rev1")
    yield made
    writer.close()


# --- as a mail program reads it


async def test_the_standard_client_logs_in_with_the_password_as_it_stands(server: ImapServer) -> None:
    def act() -> None:
        for log_in in (
            lambda one: one.login(USER, PASSWORD),
            lambda one: one.authenticate("PLAIN", lambda _challenge: f"\0{USER}\0{PASSWORD}".encode()),
        ):
            made = client(server, inside=False)
            assert log_in(made)[0] == "OK"
            assert {"IMAP4REV1", "UIDPLUS", "MOVE", "ID"} <= set(made.capabilities)
            assert made.select("inbox") == ("OK", [b"0"])
            assert made.logout()[0] == "BYE"

    await asyncio.to_thread(act)


async def test_a_wrong_password_opens_nothing_and_the_third_ends_the_connection(server: ImapServer) -> None:
    def act() -> None:
        made = client(server, inside=False)
        for name, password in ((USER, "other"), ("other", PASSWORD), (USER, "")):
            with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
                made.login(name, password)
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            made.noop()
        made.shutdown()

    await asyncio.to_thread(act)


async def test_a_mail_is_given_whole_with_the_envelope_it_came_in(server: ImapServer) -> None:
    put(server, 1, subject=SUBJECT, body="好的，谢谢\n-- \n李")

    def act(box: imaplib.IMAP4) -> None:
        box.select()
        _, [(label, whole), end] = box.uid("FETCH", "1", "(RFC822.SIZE BODY.PEEK[])")
        assert label == b"1 (UID 1 RFC822.SIZE %d BODY[] {%d}" % (len(whole), len(whole))
        assert end == b")"
        assert whole.startswith(
            b"Return-Path: <li@datong.example>\r\nDelivered-To: reply+t1@huifang.example.com\r\nFrom: li@"
        )
        assert whole.endswith("好的，谢谢\r\n-- \r\n李\r\n".encode())
        assert box.uid("FETCH", "1", "(FLAGS)")[1] == [b"1 (UID 1 FLAGS (\\Recent))"]
        assert box.fetch("1", "(RFC822)")[1][0][1] == whole
        assert box.uid("FETCH", "1", "(FLAGS)")[1] == [b"1 (UID 1 FLAGS (\\Seen \\Recent))"]
        assert box.fetch("1", "(BODY[HEADER.FIELDS (Subject DATE)])")[1][0][1] == f"Subject: {SUBJECT}\r\n\r\n".encode()
        assert box.fetch("1", "(BODY.PEEK[TEXT]<0.6>)")[1][0] == (b"1 (BODY[TEXT]<0> {6}", "好的".encode())
        [told] = box.fetch("1", "ALL")[1]
        assert b'INTERNALDATE "23-Nov-2026 01:00:00 +0000"' in told
        assert b'(NIL NIL "li" "datong.example")' in told
        assert box.uid("FETCH", "7", "(FLAGS)")[1] == [None]

    await ask(server, act)


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("ALL", "1 2 3"),
        ("UNSEEN", "1 3"),
        ("SEEN", "2"),
        ("NOT SEEN", "1 3"),
        ("UID 2:*", "2 3"),
        ("UID 9:*", "3"),
        ("2:3 UNSEEN", "3"),
        ("OR UID 1 UID 3", "1 3"),
        ("(UNSEEN UID 1:2)", "1"),
        ('FROM "LI@datong"', "1 2 3"),
        ("SUBJECT 简历", "2"),
        ('HEADER Message-ID "<3@datong.example>"', "3"),
        ("TO reply+t1", "1"),
        ("BODY 好的", "1 2 3"),
        ("TEXT datong.example", "1 2 3"),
        ("SINCE 23-Nov-2026 UNDELETED", "1 2 3"),
        ("BEFORE 23-Nov-2026", ""),
        ("LARGER 10 SMALLER 100000", "1 2 3"),
        ("NEW", "1 3"),
        ("CHARSET UTF-8 ALL", "1 2 3"),
    ],
)
async def test_a_search_finds_by_the_words_of_the_standard(server: ImapServer, criteria: str, found: str) -> None:
    put(server, 1)
    put(server, 2, subject=SUBJECT)
    put(server, 3)

    def act(box: imaplib.IMAP4) -> None:
        box._encoding = "utf-8"
        box.select()
        box.uid("STORE", "2", "+FLAGS.SILENT", "(\\Seen)")
        assert box.uid("SEARCH", *criteria.split(" ")) == ("OK", [found.encode()])

    await ask(server, act)


async def test_flags_are_added_taken_away_and_kept_for_the_next_connection(server: ImapServer) -> None:
    put(server, 1)

    def mark(box: imaplib.IMAP4) -> None:
        box.select()
        assert box.uid("STORE", "1", "+FLAGS", "(\\Seen $Read)")[1] == [b"1 (UID 1 FLAGS ($Read \\Seen \\Recent))"]
        assert box.store("1", "-FLAGS", "($Read)")[1] == [b"1 (FLAGS (\\Seen \\Recent))"]
        assert box.uid("STORE", "1", "+FLAGS.SILENT", "(\\Answered)")[1] == [None]
        with pytest.raises(imaplib.IMAP4.error, match="no such flag"):
            box.store("1", "+FLAGS", "(\\Recent)")

    def look(box: imaplib.IMAP4) -> None:
        assert box.select(readonly=True)[0] == "OK"
        assert box.fetch("1", "(FLAGS)")[1] == [b"1 (FLAGS (\\Answered \\Seen))"]
        assert box.store("1", "FLAGS", "()")[0] == "NO"

    await ask(server, mark)
    await ask(server, look)


async def test_expunging_takes_only_what_is_marked_and_uids_are_never_given_again(server: ImapServer) -> None:
    put(server, 1, 2, 3)

    def act(box: imaplib.IMAP4) -> None:
        box.select()
        box.uid("STORE", "1,2", "+FLAGS.SILENT", "(\\Deleted)")
        box.uid("EXPUNGE", "2:3")
        assert box.response("EXPUNGE")[1] == [b"2"]
        assert box.uid("SEARCH", "ALL")[1] == [b"1 3"]
        assert box.expunge() == ("OK", [b"1"])
        assert box.uid("SEARCH", "ALL")[1] == [b"3"]
        assert box.close()[0] == "OK"

    await ask(server, act)
    put(server, 4)
    assert list(server.mailbox.folders["INBOX"].mails) == [3, 4]


async def test_moving_and_copying_name_the_new_uids(server: ImapServer) -> None:
    put(server, 1, 2)

    def act(box: imaplib.IMAP4) -> None:
        box.select()
        assert b"[TRYCREATE]" in box.uid("MOVE", "1", '"done"')[1][0]
        assert box.create('"done"')[0] == "OK"
        assert b"[ALREADYEXISTS]" in box.create('"done"')[1][0]
        validity = server.mailbox.folders["done"].validity
        for command, uids in (("COPY", "2 1"), ("MOVE", "1 2")):
            assert box.uid(command, uids[0], '"done"')[0] == "OK"
            assert box.response("COPYUID")[1] == [f"{validity} {uids}".encode()]
        assert box.untagged_responses["EXPUNGE"] == [b"1"]
        assert box.uid("SEARCH", "ALL")[1] == [b"2"]
        assert box.list()[1] == [b'() "/" "INBOX"', b'() "/" "done"']
        assert box.status("done", "(MESSAGES UNSEEN UIDNEXT)")[1] == [b'"done" (MESSAGES 2 UNSEEN 2 UIDNEXT 3)']
        assert b"[NONEXISTENT]" in box.select('"nowhere"')[1][0]

    await ask(server, act)


async def test_a_client_can_put_a_mail_there_itself_octet_for_octet(server: ImapServer) -> None:
    odd = b"Subject: \xcd\xcb\xd0\xc5\r\n\r\n\xff\x00\xfe {5}\r\n"  # GBK that nobody announced

    def act(box: imaplib.IMAP4) -> None:
        assert box.append("INBOX", "(\\Seen)", None, odd)[0] == "OK"
        assert box.response("APPENDUID")[1] == [f"{server.mailbox.folders['INBOX'].validity} 1".encode()]
        box.select()
        assert box.uid("FETCH", "1", "(BODY.PEEK[])")[1][0][1] == odd
        assert box.uid("SEARCH", "SEEN")[1] == [b"1"]
        assert b"[TRYCREATE]" in box.append('"nowhere"', None, None, odd)[1][0]

    await ask(server, act)


async def test_a_folder_made_anew_under_an_old_name_is_another_one(server: ImapServer) -> None:
    server.mailbox.create("done")
    first = server.mailbox.folders["done"].validity
    assert server.mailbox.drop("done")
    server.mailbox.create("done")
    assert first != server.mailbox.folders["done"].validity != server.mailbox.folders["INBOX"].validity
    assert not server.mailbox.drop("inbox")


async def test_who_has_the_folder_open_hears_of_new_mail_and_of_what_another_removed(server: ImapServer) -> None:
    put(server, 1, 2)

    def act(first: imaplib.IMAP4) -> None:
        first.select()
        put(server, 3)
        first.noop()
        assert first.untagged_responses["EXISTS"][-1] == b"3"
        second = client(server)
        second.select()
        second.uid("STORE", "1", "+FLAGS.SILENT", "(\\Deleted)")
        second.expunge()
        second.shutdown()
        assert first.fetch("1:3", "(UID)")[1] == [b"2 (UID 2)", b"3 (UID 3)"]  # the numbers still stand
        first.noop()
        assert first.untagged_responses["EXPUNGE"] == [b"1"]
        assert first.fetch("1:2", "(UID)")[1] == [b"1 (UID 2)", b"2 (UID 3)"]

    await ask(server, act)


async def test_who_has_not_said_who_he_is_opens_no_folder_at_neteases(stage: Stage) -> None:
    async with serving(stage, wants_id=True) as server:

        def act(box: imaplib.IMAP4) -> None:
            assert b"Unsafe Login" in box.select()[1][0]
            box.xatom("ID", '("name" "huifang")')
            assert box.select()[0] == "OK"

        await ask(server, act)


async def test_a_server_without_extensions_knows_none_of_their_commands(stage: Stage) -> None:
    async with serving(stage, extensions=()) as server:
        put(server, 1)

        def act(box: imaplib.IMAP4) -> None:
            assert box.capability()[1][-1:] == [b"IMAP4rev1 AUTH=PLAIN SASL-IR"]
            box.select()
            for command in (("MOVE", "1", "INBOX"), ("EXPUNGE", "1")):
                with pytest.raises(imaplib.IMAP4.error, match="no such command"):
                    box.uid(*command)
            assert box.uid("COPY", "1", "INBOX")[0] == "OK"
            assert box.response("COPYUID")[1] == [None]

        await ask(server, act)


# --- strict


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a SELECT INBOX", "a BAD SELECT not now"),
        ("a FETCH 1 (FLAGS)", "a BAD FETCH not now"),
        ("a TELEPORT", "a BAD no such command"),
        ("a LOGIN onlyname", "a BAD 2 arguments"),
        ("a LOGIN  name word", "a BAD"),
        ('a LOGIN "name word', "a BAD not understood"),
        ("a AUTHENTICATE CRAM-MD5 abc", "a NO only PLAIN"),
        ("a AUTHENTICATE PLAIN ====", "a BAD not PLAIN"),
        ("a CAPABILITY now", "a BAD 0 arguments"),
        ("a ID name", "a BAD ID takes a list"),
    ],
)
async def test_what_is_no_imap_before_the_login_is_bad(raw: Raw, words: str, said: str) -> None:
    assert (await raw.say(words))[-1].startswith(said)
    assert (await raw.say("a NOOP"))[-1] == "a OK NOOP completed"


@pytest.mark.parametrize(
    "words",
    [
        "a FETCH 2 (FLAGS)",
        "a FETCH 0 (FLAGS)",
        "a FETCH one (FLAGS)",
        "a FETCH 1",
        "a FETCH 1 (SMELL)",
        "a FETCH 1 (BODY[1.2])",
        "a FETCH 1 (FLAGS",
        "a FETCH 1 FLAGS)",
        "a STORE 1 SEEN (\\Seen)",
        "a STORE 1 +FLAGS.LOUD (\\Seen)",
        "a SEARCH",
        "a SEARCH SMELL",
        "a SEARCH SINCE yesterday",
        "a SEARCH OR SEEN",
        "a UID NOOP",
        "a APPEND INBOX",
        "a STATUS INBOX (SMELL)",
        "a LOGIN again again",
    ],
)
async def test_what_is_no_imap_after_the_login_is_bad_and_changes_nothing(
    raw: Raw, server: ImapServer, words: str
) -> None:
    put(server, 1)
    await raw.say(f"a LOGIN {{{len(USER)}}}", "+")
    await raw.say(f"{USER} {{{len(PASSWORD)}}}", "+")
    assert (await raw.say(PASSWORD))[-1].startswith("a OK")
    assert "a OK [READ-WRITE] opened" in await raw.say("a SELECT INBOX")
    assert (await raw.say(words))[-1].startswith("a BAD")
    [kept] = server.mailbox.folders["INBOX"].mails.values()
    assert kept.flags == set()


async def test_a_line_without_a_tag_is_bad_without_one(raw: Raw) -> None:
    assert await raw.say("NOOP", "*") == ["* BAD a tag and a command are wanted"]


@pytest.mark.parametrize("size", [f"{{{LARGEST_LITERAL + 1}}}", "{5+}"])
async def test_a_literal_that_is_too_large_or_comes_unasked_ends_the_connection(raw: Raw, size: str) -> None:
    assert (await raw.say(f"a LOGIN {size}", "*"))[-1].startswith("* BYE")
    assert await raw.lines("never") == ["gone"]


async def test_a_line_without_an_end_is_not_kept_for_ever(raw: Raw) -> None:
    raw.writer.write(b"a NOOP " + b"x" * (LONGEST_LINE * 2))
    assert (await raw.lines("*"))[-1].startswith("* BYE")


def test_words_are_atoms_strings_literals_and_lists() -> None:
    found = read_words('1:* (a "b \\"c\\\\" (BODY.PEEK[HEADER.FIELDS (TO CC)]<0.9> {2})) ""', [b"({"])
    assert found == ["1:*", ["a", 'b "c\\', ["BODY.PEEK[HEADER.FIELDS (TO CC)]<0.9>", "({"]], ""]
    for wrong in ("a  b", "a ", "(a", "a)", "{3}", 'a"b"', "a]"):
        with pytest.raises(Wrong):
            read_words(wrong, [])


# --- faults


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_is_met_and_says_nothing_about_the_effect(server: ImapServer, fault: str) -> None:
    put(server, 1)
    server.delay_seconds = 0.01
    works, kept = fault in ("delay", "slow_body"), fault not in ("unavailable", "bye", "web_page", "reset_before")

    def act(box: imaplib.IMAP4) -> None:
        box.select()
        server.faults.order(fault)
        try:
            status = box.uid("STORE", "1", "+FLAGS", "(\\Seen)")[0]
            box.noop()
        except (imaplib.IMAP4.error, OSError):
            status = "broken"
        assert status == {"unavailable": "NO"}.get(fault, "OK" if works else status)
        assert works or fault in ("unavailable", "twice") or status == "broken"

    await ask(server, act)
    [mail_in_box] = server.mailbox.folders["INBOX"].mails.values()
    assert ("\\Seen" in mail_in_box.flags) == kept
    await ask(server, lambda box: box.select())

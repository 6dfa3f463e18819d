"""SMTP transactions against a strict server made here: what is known after every way a session can end."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from bot.channels.smtp import (
    Accepted,
    Envelope,
    Lost,
    NotTried,
    Phase,
    Refused,
    SmtpPool,
    SmtpServer,
    read_refusal,
)
from campaigns.errors import ChannelUnavailable
from campaigns.terms import Reaction

DROP, SILENCE, LATE = "DROP", "SILENCE", "LATE"
LATE_SECONDS = 0.05
Plan = Callable[[str, "Session"], str | None]


@dataclass
class Session:
    number: int
    greeted: bool = False
    sender: str | None = None
    recipient: str | None = None
    taken: int = 0
    wire: list[str] = field(default_factory=list)


@dataclass
class Taken:
    sender: str
    recipient: str
    content: bytes
    session: int


class Relay:
    """A strict server. `plan(step, session)` may answer in its place; steps are the verbs and "DOT"."""

    def __init__(self, plan: Plan, extensions: list[str]) -> None:
        self.plan, self.extensions = plan, extensions
        self.sessions: list[Session] = []
        self.taken: list[Taken] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.over = asyncio.Event()
        self.answering = asyncio.Event()  # a whole message lies here, not answered yet

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(len(self.sessions) + 1)
        self.sessions.append(session)
        self.writers.append(writer)
        try:
            await self._say(writer, "CONNECT", session, "220 relay.example ESMTP")
            while line := await reader.readline():
                assert line.endswith(b"\r\n"), "a bare line feed"
                session.wire.append(line[:-2].decode("ascii"))
                await self._command(line[:-2].decode("ascii"), session, reader, writer)
        except (ConnectionError, EOFError):
            pass
        finally:
            writer.close()

    async def _command(
        self, line: str, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        verb = line.partition(" ")[0].upper()
        if verb == "DATA":
            if session.recipient is None:
                return await self._say(writer, "DATA", session, "503 5.5.1 RCPT first", strict=True)
            if not await self._say(writer, "DATA", session, "354 go on"):
                return None
            content = await reader.readuntil(b"\r\n.\r\n")
            self.answering.set()
            unstuffed = re.sub(rb"(?m)^\.\.", b".", content[:-3])
            if await self._say(writer, "DOT", session, "250 2.0.0 Ok: queued as Q1"):
                self.taken.append(Taken(session.sender or "", session.recipient, unstuffed, session.number))
                session.taken += 1
            session.sender = session.recipient = None
            return None
        await self._say(writer, verb, session, self._answer(verb, line, session))
        if verb == "QUIT":
            raise EOFError
        return None

    def _answer(self, verb: str, line: str, session: Session) -> str:
        if verb == "EHLO":
            session.greeted = bool(re.fullmatch(r"EHLO [a-z0-9.-]+", line))
            return "250-relay.example\r\n" + "".join(f"250-{e}\r\n" for e in self.extensions) + "250 HELP"
        if verb == "MAIL" and session.greeted and session.sender is None:
            found = re.match(r"MAIL FROM:<([^<>\s]+)>", line)
            session.sender = found[1] if found else None
            return "250 ok" if found else "501 5.5.4 syntax"
        if verb == "RCPT" and session.sender is not None and session.recipient is None:
            found = re.match(r"RCPT TO:<([^<>\s]+)>", line)
            session.recipient = found[1] if found else None
            return "250 ok" if found else "501 5.5.4 syntax"
        if verb == "RSET":
            session.sender = session.recipient = None
            return "250 ok"
        return "221 bye" if verb == "QUIT" else "503 5.5.1 out of order"

    async def _say(
        self, writer: asyncio.StreamWriter, step: str, session: Session, usual: str, strict: bool = False
    ) -> bool:
        answer = (None if strict else self.plan(step, session)) or usual
        if answer == DROP:
            raise ConnectionError
        if answer == LATE:
            await asyncio.sleep(LATE_SECONDS)
            answer = usual
        if answer == SILENCE:
            await self.over.wait()
            raise ConnectionError
        if step in ("MAIL", "RCPT") and answer is not usual:
            session.recipient = None
            session.sender = None if step == "MAIL" else session.sender
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        if answer.startswith("421"):
            raise ConnectionError
        return answer == usual


def as_usual(step: str, session: Session) -> str | None:
    return None


@asynccontextmanager
async def relay_and_pool(
    plan: Plan = as_usual, width: int = 1, extensions: tuple[str, ...] = ("SIZE 1000000", "8BITMIME"), **changes
) -> AsyncIterator[tuple[Relay, SmtpPool]]:
    relay = Relay(plan, list(extensions))
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = replace(SmtpServer("127.0.0.1", port, "mail.talent.example", starttls=False, timeout=5.0), **changes)
    pool = SmtpPool(target, width)
    try:
        yield relay, pool
    finally:
        await pool.close()
        server.close()
        relay.over.set()
        for writer in relay.writers:
            writer.close()
        await asyncio.sleep(0.01)


def envelope(number: int = 1, content: bytes = b"Subject: x\r\n\r\nhello\r\n") -> Envelope:
    return Envelope(f"k-{number}", f"bounce+k-{number}@r.example", f"to{number}@x.example", content)


def batch(size: int) -> list[Envelope]:
    return [envelope(number) for number in range(1, size + 1)]


def fail_at(step: str, answer: str, recipient: str = "to1@x.example") -> Plan:
    def plan(now: str, session: Session) -> str | None:
        on_it = session.recipient == recipient
        return answer if now == step and on_it else None

    return plan


async def test_each_message_is_one_transaction_with_its_own_bounce_address():
    async with relay_and_pool(width=3) as (relay, pool):
        outcomes = await pool.send(batch(20))
        assert outcomes == [Accepted("2.0.0 Ok: queued as Q1")] * 20
        assert {(t.sender, t.recipient) for t in relay.taken} == {(e.sender, e.recipient) for e in batch(20)}
        assert len(relay.taken) == 20


async def test_several_connections_work_at_once_and_are_kept_for_the_next_batch():
    async with relay_and_pool(width=3) as (relay, pool):
        await pool.send(batch(30))
        assert len(relay.sessions) == 3
        assert all(session.taken for session in relay.sessions)
        await pool.send(batch(30))
        assert len(relay.sessions) == 3


async def test_two_batches_at_once_share_the_same_few_connections():
    async with relay_and_pool(width=2) as (relay, pool):
        first, second = await asyncio.gather(pool.send(batch(10)), pool.send(batch(10)))
        assert all(isinstance(outcome, Accepted) for outcome in first + second)
        assert len(relay.sessions) == 2


async def test_a_small_batch_opens_no_idle_connections():
    async with relay_and_pool(width=4) as (relay, pool):
        await pool.send(batch(1))
        assert len(relay.sessions) == 1


async def test_a_connection_is_given_up_after_its_share_of_messages():
    async with relay_and_pool(per_connection=3) as (relay, pool):
        await pool.send(batch(8))
        assert [session.taken for session in relay.sessions] == [3, 3, 2]
        assert relay.sessions[0].wire[-1] == "QUIT"


async def test_an_empty_batch_touches_nothing():
    async with relay_and_pool() as (relay, pool):
        assert await pool.send([]) == []
        assert relay.sessions == []


@pytest.mark.parametrize("step", ["RCPT", "DATA", "DOT"])
async def test_a_refusal_is_told_with_its_phase_and_the_next_message_passes(step):
    plan = fail_at(step, "550 5.1.1 no such user here")
    async with relay_and_pool(plan) as (relay, pool):
        first, second = await pool.send(batch(2))
        phase = {"RCPT": Phase.RCPT, "DATA": Phase.DATA, "DOT": Phase.FINAL_DOT}[step]
        assert first == Refused(phase, 550, "5.1.1 no such user here")
        assert isinstance(second, Accepted)
        assert len(relay.sessions) == 1
        assert "RSET" in relay.sessions[0].wire


@pytest.mark.parametrize(("step", "phase"), [("RCPT", Phase.RCPT), ("DATA", Phase.DATA), ("DOT", Phase.FINAL_DOT)])
async def test_a_421_in_mid_session_is_no_verdict_and_the_next_goes_over_a_new_connection(step, phase):
    async with relay_and_pool(fail_at(step, "421 4.3.2 closing")) as (relay, pool):
        first, second = await pool.send(batch(2))
        assert first == Refused(phase, 421, "4.3.2 closing")
        assert isinstance(second, Accepted)
        assert len(relay.sessions) == 2


@pytest.mark.parametrize(("step", "phase"), [("RCPT", Phase.RCPT), ("DATA", Phase.DATA)])
async def test_lost_before_the_message_left_is_safe_to_repeat(step, phase):
    async with relay_and_pool(fail_at(step, DROP)) as (_, pool):
        first, second = await pool.send(batch(2))
        assert first == Lost(phase)
        assert isinstance(second, Accepted)


@pytest.mark.parametrize("fate", [DROP, "gibberish", "250-never\r\n250"])
async def test_no_plain_answer_after_the_final_dot_may_have_been_a_delivery(fate):
    async with relay_and_pool(fail_at("DOT", fate)) as (_, pool):
        first, second = await pool.send(batch(2))
        expected = Accepted("never\n") if fate.startswith("250") else Lost(Phase.FINAL_DOT)
        assert first == expected
        assert isinstance(second, Accepted)


async def test_silence_after_the_final_dot_ends_and_may_have_been_a_delivery():
    async with relay_and_pool(fail_at("DOT", SILENCE), timeout=0.05) as (_, pool):
        assert (await pool.send(batch(1)))[0] == Lost(Phase.FINAL_DOT)


async def test_silence_before_data_ends_and_is_safe_to_repeat():
    async with relay_and_pool(fail_at("DATA", SILENCE), timeout=0.1) as (_, pool):
        assert (await pool.send(batch(1)))[0] == Lost(Phase.DATA)


async def test_a_connection_that_died_between_batches_is_replaced_unseen():
    async with relay_and_pool() as (relay, pool):
        await pool.send(batch(1))
        relay.writers[0].transport.abort()
        assert isinstance((await pool.send(batch(1)))[0], Accepted)
        assert len(relay.taken) == 2


@pytest.mark.parametrize("answer", ["421 4.4.2 idle too long", DROP])
async def test_a_kept_connection_that_fails_at_mail_is_replaced_unseen(answer):
    def plan(step: str, session: Session) -> str | None:
        return answer if step == "MAIL" and session.number == 1 and session.taken else None

    async with relay_and_pool(plan) as (relay, pool):
        assert all(isinstance(outcome, Accepted) for outcome in await pool.send(batch(2)))
        assert len(relay.sessions) == 2


async def test_it_is_replaced_once_and_not_for_ever():
    async with relay_and_pool(lambda step, session: DROP if step == "MAIL" else None) as (relay, pool):
        outcomes = await pool.send(batch(9))
        assert outcomes == [Lost(Phase.MAIL)] * 3 + [NotTried()] * 6
        assert len(relay.sessions) <= 6


async def test_a_server_that_turns_every_message_away_is_left_alone_after_three():
    plan: Plan = lambda step, session: "421 4.7.0 too many" if step == "RCPT" else None  # noqa: E731
    async with relay_and_pool(plan) as (_, pool):
        outcomes = await pool.send(batch(10))
        assert outcomes == [Refused(Phase.RCPT, 421, "4.7.0 too many")] * 3 + [NotTried()] * 7


async def test_netease_limits_per_connection_so_the_next_message_takes_a_new_one():
    async with relay_and_pool(fail_at("RCPT", "450 MI:CEL 163 smtp7,x 1,please see")) as (relay, pool):
        outcomes = await pool.send(batch(2))
        assert isinstance(outcomes[1], Accepted)
        assert len(relay.sessions) == 2


async def test_the_message_arrives_octet_for_octet_with_leading_dots():
    content = b".first\r\n..\r\n.\r\nend."
    async with relay_and_pool() as (relay, pool):
        await pool.send([envelope(content=content), envelope(2, content + b"\r\n")])
        assert [taken.content for taken in relay.taken] == [content + b"\r\n"] * 2


async def test_only_what_ehlo_offered_is_used():
    async with relay_and_pool(extensions=("DSN", "SIZE 9999")) as (relay, pool):
        await pool.send(batch(1))
        mail, rcpt = relay.sessions[0].wire[1:3]
        assert mail == "MAIL FROM:<bounce+k-1@r.example> SIZE=21 RET=HDRS ENVID=k-1"
        assert rcpt == "RCPT TO:<to1@x.example> NOTIFY=FAILURE ORCPT=rfc822;to1@x.example"
    async with relay_and_pool(extensions=()) as (relay, pool):
        await pool.send(batch(1))
        assert relay.sessions[0].wire[1:3] == ["MAIL FROM:<bounce+k-1@r.example>", "RCPT TO:<to1@x.example>"]


async def test_a_cancelled_batch_leaves_no_half_spoken_connection_behind():
    async with relay_and_pool(fail_at("DOT", LATE)) as (relay, pool):
        sending = asyncio.create_task(pool.send(batch(1)))
        await asyncio.wait_for(relay.answering.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.sleep(2 * LATE_SECONDS)
        assert isinstance((await pool.send([envelope(2)]))[0], Accepted)
        assert len([line for line in relay.sessions[0].wire if line.startswith("MAIL")]) == 1


async def test_what_a_lane_without_connection_leaves_the_others_send():
    def plan(step: str, session: Session) -> str | None:
        if step == "CONNECT" and session.number > 2:
            return "554 5.7.1 no more"
        return DROP if step == "MAIL" and session.number == 1 and session.taken else None

    async with relay_and_pool(plan, width=2) as (relay, pool):
        outcomes = await pool.send(batch(30))
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert [session.taken for session in relay.sessions[:2]] == [1, 29]


async def test_nothing_listening_names_the_place_and_the_remedy(unused_tcp_port):
    pool = SmtpPool(SmtpServer("127.0.0.1", unused_tcp_port, "m.example", starttls=False, timeout=2.0), 4)
    with pytest.raises(ChannelUnavailable, match=rf"127.0.0.1:{unused_tcp_port}.*check host, port and firewall"):
        await pool.send(batch(3))


async def test_a_server_that_went_away_between_batches_is_said_to_be_unavailable():
    async with relay_and_pool() as (relay, pool):
        await pool.send(batch(1))
        relay.plan = lambda step, session: "554 5.7.1 not you" if step == "CONNECT" else DROP
        with pytest.raises(ChannelUnavailable, match="answered 554"):
            await pool.send(batch(3))


async def test_starttls_that_is_not_offered_is_not_done_without():
    async with relay_and_pool(starttls=True) as (relay, pool):
        with pytest.raises(ChannelUnavailable, match="STARTTLS"):
            await pool.send(batch(1))
        assert relay.taken == []


REFUSALS = [
    # QQ
    (550, "Mailbox not found. http://service.mail.qq.com/", Reaction.SUPPRESS),
    (550, "Mailbox unavailable or access denied", Reaction.DEFER_RECIPIENT),
    (550, "Ip frequency limited", Reaction.SLOW),
    (550, "Connection frequency limited", Reaction.SLOW),
    (550, "Connection denied", Reaction.SLOW),
    (550, "Domain frequency limited", Reaction.SLOW),
    (550, "Mail content denied", Reaction.PAUSE_TEMPLATE),
    (550, "Spam is embedded in the email", Reaction.PAUSE_TEMPLATE),
    (552, "Message too large", Reaction.DROP),
    (501, "Bad address syntax", Reaction.SUPPRESS),
    # 163 and 126
    (421, "HL:REP 163 smtp7,x 1,please see http://mail.163.com/help/", Reaction.SLOW),
    (421, "HL:ICC 163 smtp7", Reaction.SLOW),
    (450, "MI:CEL 163 smtp7", Reaction.RETRY),
    (450, "RP:DRC 163 smtp7", Reaction.RETRY),
    (450, "DT:RBL 163 smtp7", Reaction.SLOW),
    (451, "DT:SPM 163 smtp7", Reaction.RETRY),
    (451, "MI:SFQ 163 smtp7", Reaction.RETRY),
    (550, "MI:SPF 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "MI:DMA 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "RP:FRL 163 smtp7", Reaction.PAUSE_CHANNEL),
    (550, "User not found: li", Reaction.SUPPRESS),
    (550, "User suspended", Reaction.SUPPRESS),
    (554, "DT:SPM 163 smtp7", Reaction.PAUSE_TEMPLATE),
    (554, "HL:IHU 163 smtp7", Reaction.PAUSE_CHANNEL),
    (554, "IP<192.0.2.1> in blacklist", Reaction.PAUSE_CHANNEL),
    # Aliyun DirectMail
    (559, "invalid rcptto", Reaction.SUPPRESS),
    (561, "honeypot", Reaction.SUPPRESS),
    (552, "quota", Reaction.DEFER_RECIPIENT),
    (554, "Reject by content spam", Reaction.PAUSE_TEMPLATE),
    (535, "auth", Reaction.PAUSE_CHANNEL),
    # RFC 3463
    (550, "5.1.1 x", Reaction.SUPPRESS),
    (550, "5.1.2 x", Reaction.SUPPRESS),
    (556, "5.1.10 x", Reaction.SUPPRESS),
    (550, "5.2.1 x", Reaction.SUPPRESS),
    (450, "4.1.1 User unknown in local recipient table", Reaction.RETRY),
    (550, "4.1.1 x", Reaction.RETRY),
    (450, "4.2.0 greylisted", Reaction.RETRY),
    (552, "5.2.2 x", Reaction.DEFER_RECIPIENT),
    (452, "4.2.2 x", Reaction.DEFER_RECIPIENT),
    (552, "5.3.4 x", Reaction.DROP),
    (550, "5.2.3 x", Reaction.DROP),
    (550, "5.4.1 x", Reaction.RETRY),
    (550, "5.0.0 x", Reaction.RETRY),
    (550, "x", Reaction.RETRY),
    (530, "5.7.0 Authentication required", Reaction.PAUSE_CHANNEL),
    # bare codes
    (421, "4.7.0 closing", Reaction.SLOW),
    (421, "5.1.1 mailbox not found", Reaction.RETRY),
    (450, "x", Reaction.RETRY),
    (451, "x", Reaction.RETRY),
    (452, "x", Reaction.RETRY),
    (454, "4.7.8 later", Reaction.RETRY),
]


@pytest.mark.parametrize(("code", "text", "reaction"), REFUSALS)
def test_every_documented_refusal_has_its_reaction(code, text, reaction):
    assert read_refusal(code, text).reaction is reaction


@pytest.mark.parametrize("status", ["5.7.1", "5.7.23", "5.7.25", "5.7.26", "5.7.27", "5.7.515"])
def test_a_policy_against_us_is_never_the_addresss_fault(status):
    meaning = read_refusal(550, f"{status} denied by policy")
    assert meaning.ours
    assert meaning.reaction is Reaction.DROP


@pytest.mark.parametrize("code", range(400, 500))
@pytest.mark.parametrize("text", ["", "5.1.1 gone", "user unknown", "5.7.1 policy", "Mail content denied"])
def test_no_4xx_closes_an_address_or_stops_anything(code, text):
    closing = {Reaction.SUPPRESS, Reaction.PAUSE_TEMPLATE, Reaction.PAUSE_CHANNEL, Reaction.DROP}
    assert read_refusal(code, text).reaction not in closing


def test_netease_waits_are_at_least_as_long_as_asked():
    soon, later = read_refusal(451, "DT:SPM x").retry_after, read_refusal(451, "MI:SFQ x").retry_after
    assert soon is not None
    assert soon.total_seconds() >= 120
    assert later is not None
    assert later.total_seconds() >= 900

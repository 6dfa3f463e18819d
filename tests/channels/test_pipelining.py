"""Grouped SMTP (RFC 2920): what travels together, and what is known when the other side misbehaves at any point."""

import asyncio
import random
import ssl
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.envelopes import Accepted, Envelope, Lost, NotTried, Outcome, Phase, Refused
from bot.channels.replies import NotSmtp, ReplyReader, reply_text
from bot.channels.smtp import SmtpPool, SmtpServer
from campaigns.errors import ChannelUnavailable
from tests import servers
from tests.relay import (
    DROP,
    GROUPED,
    HALF_CLOSE,
    LATE,
    PLAIN,
    RESET,
    Plan,
    Relay,
    Session,
    batch,
    envelope,
    fail_at,
    relay_and_pool,
    until,
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
grouped = partial(relay_and_pool, extensions=GROUPED)
GREETING = b"220 relay.example ESMTP\r\n"
EHLO = b"250-relay.example\r\n250 PIPELINING\r\n"


@asynccontextmanager
async def pool_to(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **changes):
    """A pool of one connection to a server that says what it likes."""
    served: list[asyncio.Task] = []

    async def kept(reader, writer):
        try:
            await serve(reader, writer)
        except (ConnectionError, EOFError):
            pass
        finally:
            writer.close()

    def begin(reader, writer):
        served.append(asyncio.create_task(kept(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pool = SmtpPool(SmtpServer("127.0.0.1", port, "m.example", **{"starttls": False, "timeout": 5.0, **changes}), 1)
    try:
        yield pool
    finally:
        await pool.close()
        server.close()
        if served:
            await asyncio.wait(served, timeout=0.2)
        for task in served:
            task.cancel()
        ends = await asyncio.gather(*served, return_exceptions=True)
        await asyncio.sleep(0.01)
    for end in ends:
        if isinstance(end, AssertionError):
            raise end


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    await reader.readline()
    writer.write(EHLO)


async def lines(reader: asyncio.StreamReader, *verbs: str) -> None:
    """These commands have come, in this order, and nothing behind them."""
    got = [(await reader.readline()).decode().split(" ")[0].strip() for _ in verbs]
    assert got == list(verbs)


# ---- what travels together


async def test_mail_rcpt_and_data_are_out_before_the_first_answer():
    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 mine\r\n")
        await reader.read()

    async with pool_to(serve) as pool:
        assert await pool.send(batch(1)) == [Accepted("mine")]


async def test_the_next_envelope_is_out_before_the_final_dot_is_answered():
    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(b"250 first\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 second\r\n")
        await reader.read()

    async with pool_to(serve) as pool:
        assert await pool.send(batch(2)) == [Accepted("first"), Accepted("second")]


async def test_a_second_body_never_leaves_before_the_first_is_answered():
    met: list[bytes] = []

    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        if not met:
            await lines(reader, "MAIL", "RCPT", "DATA")
            await asyncio.sleep(0.02)
            met.append(bytes(reader._buffer))
            return
        writer.write(b"250 mine\r\n")
        await reader.read()

    async with pool_to(serve) as pool:
        assert await pool.send(batch(2)) == [Lost(Phase.FINAL_DOT), Accepted("mine")]
    assert met == [b""]


async def test_what_is_handed_in_meanwhile_joins_the_same_connections():
    async with grouped(fail_at("DOT", LATE)) as (relay, pool):
        first = asyncio.create_task(pool.send(batch(1)))
        await asyncio.wait_for(relay.answering.wait(), 5)
        second = await pool.send([envelope(number) for number in range(2, 50)])
        assert all(isinstance(outcome, Accepted) for outcome in [*await first, *second])
        assert len(relay.sessions) == 1


async def test_who_came_first_is_served_first():
    async with grouped(fail_at("DOT", LATE)) as (relay, pool):
        calls = [[envelope(100 * call + number) for number in range(1, 21)] for call in range(3)]
        await asyncio.gather(*map(pool.send, calls))
        assert [taken.recipient for taken in relay.taken] == [one.recipient for call in calls for one in call]


# ---- refusals


async def test_reset_leads_the_next_group():
    async with grouped(fail_at("RCPT", "550 5.1.1 gone")) as (relay, pool):
        await pool.send(batch(2))
        verbs = [line.split(" ")[0] for line in relay.sessions[0].wire]
        assert verbs == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]


async def test_one_by_one_nothing_is_said_behind_a_refusal():
    async with relay_and_pool(fail_at("RCPT", "550 5.1.1 gone"), extensions=PLAIN) as (relay, pool):
        await pool.send(batch(2))
        verbs = [line.split(" ")[0] for line in relay.sessions[0].wire]
        assert verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


async def test_a_refused_sender_is_told_once_though_three_refusals_come():
    async with grouped(lambda step, session: "550 5.7.1 no" if step == "MAIL" else None) as (relay, pool):
        assert await pool.send(batch(3)) == [Refused(Phase.MAIL, 550, "5.7.1 no")] * 3
        assert len(relay.sessions) == 1


async def test_a_message_without_recipient_that_is_asked_for_is_a_lone_dot():
    async with grouped(fail_at("RCPT", "550 5.1.1 gone")) as (relay, pool):
        relay.asks_for_all = True
        first, second = await pool.send(batch(2))
        assert first == Refused(Phase.RCPT, 550, "5.1.1 gone")
        assert isinstance(second, Accepted)
        assert [taken.recipient for taken in relay.taken] == ["to2@x.example"]
        assert len(relay.sessions) == 1


async def test_a_message_whose_sender_alone_was_refused_gets_no_dot():
    met: list[bytes] = []

    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(b"550 no\r\n250 ok\r\n354 go\r\n")
        met.append(await reader.read())

    async with pool_to(serve) as pool:
        assert await pool.send(batch(1)) == [Refused(Phase.MAIL, 550, "no")]
    assert met == [b""]


async def test_a_refused_message_does_not_hinder_the_envelope_behind_it():
    async with grouped(fail_at("DOT", "554 5.7.1 spam")) as (relay, pool):
        first, second = await pool.send(batch(2))
        assert first == Refused(Phase.FINAL_DOT, 554, "5.7.1 spam")
        assert isinstance(second, Accepted)
        assert len(relay.sessions) == 1


async def test_behind_a_message_that_netease_refused_the_next_takes_a_new_connection():
    async with grouped(fail_at("DOT", "451 DT:SPM 163 smtp7,x")) as (relay, pool):
        first, second = await pool.send(batch(2))
        assert first == Refused(Phase.FINAL_DOT, 451, "DT:SPM 163 smtp7,x")
        assert isinstance(second, Accepted)
        assert [taken.session for taken in relay.taken] == [2]


@pytest.mark.parametrize(
    ("words", "text"),
    [("用户不存在".encode("gb18030"), "用户不存在"), ("邮箱已满".encode(), "邮箱已满"), (b"\xff", "�")],
)
async def test_a_refusal_is_read_in_the_encodings_of_chinese_servers(words, text):
    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(b"250 ok\r\n550 " + words + b"\r\n554 no\r\n")
        await reader.read()

    async with pool_to(serve) as pool:
        assert await pool.send(batch(1)) == [Refused(Phase.RCPT, 550, text)]


# ---- losses


@pytest.mark.parametrize("fate", [DROP, RESET, HALF_CLOSE, "gibberish", "150 odd", "354 what", "421-never ending"])
async def test_of_two_on_the_wire_only_the_body_is_uncertain(fate):
    async with grouped(fail_at("DOT", fate), timeout=0.2) as (relay, pool):
        first, second = await pool.send(batch(2))
        assert first == Lost(Phase.FINAL_DOT)
        assert isinstance(second, Accepted)
        assert Counter(taken.recipient for taken in relay.taken)["to2@x.example"] == 1


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        (b"354 go\r\n250 ok\r\n250 ok\r\n", Phase.MAIL),
        (b"250 ok\r\n354 go\r\n250 ok\r\n", Phase.RCPT),
        (b"250 ok\r\n250 ok\r\n250 ok\r\n", Phase.DATA),
    ],
)
async def test_an_answer_to_another_question_is_a_loss_and_no_body_leaves(script, phase):
    met: list[bytes] = []

    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(script)
        met.append(await reader.read())

    async with pool_to(serve) as pool:
        assert await pool.send(batch(1)) == [Lost(phase)]
    assert set(met) == {b""}


@pytest.mark.parametrize("goodbye", [DROP, RESET, "421 4.7.0 that was enough"])
async def test_a_server_that_serves_one_message_a_connection_gets_them_all(goodbye):
    plan: Plan = lambda step, session: goodbye if step == "MAIL" and session.taken else None  # noqa: E731
    async with grouped(plan, width=3) as (_, pool):
        assert [type(outcome) for outcome in await pool.send(batch(12))] == [Accepted] * 12


@pytest.mark.parametrize("cut", ["close", "abort", "half"])
async def test_wherever_the_answers_are_cut_off_the_phase_is_right(cut):
    script = [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 mine\r\n"]
    phases = [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.FINAL_DOT]
    for length in range(len(b"".join(script)) + 1):
        met: list[bytes] = []
        async with pool_to(partial(_answer_octets, length, script, cut, met)) as pool:
            [outcome] = await pool.send(batch(1))
        whole = [len(b"".join(script[: number + 1])) <= length for number in range(4)]
        expected = Accepted("mine") if all(whole) else Lost(phases[whole.index(False)])
        assert outcome == expected
        assert all(b"hello" not in octets for octets in met) or whole[2]


async def _answer_octets(
    length: int,
    script: list[bytes],
    cut: str,
    met: list[bytes],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    await greet(reader, writer)
    for reply in script:
        await (reader.readuntil(b"\r\n.\r\n") if reply is script[3] else reader.readline())
        writer.write(reply[:length])
        length -= len(reply[:length])
        if not length:
            break
    await asyncio.sleep(0)
    if cut == "abort":
        await asyncio.sleep(0.002)  # let the answers go, for a reset overtakes them
        writer.transport.abort()
    elif cut == "half":
        writer.write_eof()
        met.append(await reader.read())


async def test_a_connection_cut_before_ehlo_was_answered_is_no_connection():
    for length in range(0, len(GREETING + EHLO), 7):

        async def serve(reader, writer, length=length):
            writer.write(GREETING[:length])
            if length > len(GREETING):
                await reader.readline()
                writer.write(EHLO[: length - len(GREETING)])

        async with pool_to(serve) as pool:
            with pytest.raises(ChannelUnavailable):
                await pool.send(batch(1))


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"2" * 100_000, "does not speak SMTP"),
        (b"220-more\r\n" * 10_000, "does not speak SMTP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SMTP"),
        (b"421 4.7.0 too busy\r\n", "answered 421"),
        (b"22", "cannot be reached"),
    ],
)
async def test_a_greeting_that_is_none_is_said_to_be_that(greeting, said):
    async def serve(reader, writer):
        writer.write(greeting)
        await reader.read()

    async with pool_to(serve, timeout=0.2) as pool:
        with pytest.raises(ChannelUnavailable, match=said):
            await pool.send(batch(3))


async def test_a_greeting_that_trickles_holds_nobody():
    said: list[int] = []

    async def serve(reader, writer):
        for number in range(1000):
            writer.write(b"220-"[number % 4 : number % 4 + 1])
            said.append(number)
            await asyncio.sleep(0.01)

    async with pool_to(serve, timeout=0.05) as pool:
        with pytest.raises(ChannelUnavailable, match="cannot be reached"):
            await pool.send(batch(3))
    assert len(said) < 1000


async def test_starttls_and_then_garbage_is_told_from_a_bad_certificate():
    async def serve(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"250-relay.example\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n")
        await reader.read(100)
        writer.write(b"garbage" * 100)
        await reader.read()

    async with pool_to(serve, starttls=True) as pool:
        with pytest.raises(ChannelUnavailable, match="speaks no TLS"):
            await pool.send(batch(3))


@pytest.mark.parametrize(
    ("answered", "phase"),
    [(b"", Phase.MAIL), (b"250 ok\r\n", Phase.RCPT), (b"250 ok\r\n250 ok\r\n", Phase.DATA)],
)
async def test_silence_ends_at_the_time_limit_of_its_phase(answered, phase):
    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.write(answered)
        await reader.read()

    async with pool_to(serve, timeout=0.2) as pool:
        assert await pool.send(batch(1)) == [Lost(phase)]


@pytest.mark.parametrize(("step", "outcome"), [("MAIL", Lost(Phase.MAIL)), ("DOT", Accepted("late"))])
async def test_the_final_dot_has_more_patience_than_a_command(step, outcome):
    plan: Plan = lambda now, session: LATE if now == step else None  # noqa: E731
    async with grouped(plan, timeout=0.2) as (relay, pool):
        relay.late_seconds = 0.4
        assert await pool.send(batch(1)) == [outcome]


async def test_a_trickle_of_octets_earns_no_time():
    said: list[int] = []

    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        for number in range(1000):
            writer.write(b"250-ok\r\n")
            said.append(number)
            await asyncio.sleep(0.01)

    async with pool_to(serve, timeout=0.05) as pool:
        assert await pool.send(batch(1)) == [Lost(Phase.MAIL)]
    assert len(said) < 1000


async def test_a_server_that_stops_reading_holds_nobody():
    async def serve(reader, writer):
        await greet(reader, writer)
        await lines(reader, "MAIL", "RCPT", "DATA")
        writer.transport.pause_reading()
        writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
        await asyncio.sleep(60)

    async with pool_to(serve, timeout=0.2) as pool:
        large = envelope(content=b"x" * 70 * 200_000 + b"\r\n")
        assert await pool.send([large]) == [Lost(Phase.FINAL_DOT)]
        await asyncio.wait_for(pool.close(), 5)


@pytest.mark.parametrize("flood", [b"2", b"250-ok\r\n", b"\n", b"250 ok\r\n"], ids=repr)
@pytest.mark.parametrize("where", ["greeting", "transaction", "kept"])
async def test_ten_megabytes_where_a_reply_should_be_are_not_kept(flood, where):
    piece = flood * (65_536 // len(flood))

    async def serve(reader, writer):
        if where != "greeting":
            await greet(reader, writer)
            await lines(reader, "MAIL", "RCPT", "DATA")
        if where == "kept":
            writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 ok\r\n")
        for _ in range(160):
            writer.write(piece)
            await writer.drain()

    async with pool_to(serve, timeout=2.0) as pool:
        tracemalloc.start()
        try:
            await asyncio.gather(pool.send(batch(1)), asyncio.sleep(0.1), return_exceptions=True)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4_000_000


async def test_what_a_kept_connection_says_unasked_ends_it_unseen():
    async with grouped() as (relay, pool):
        await pool.send(batch(1))
        relay.writers[0].write(b"421 4.4.2 idle too long\r\n")
        await asyncio.sleep(0.02)
        assert isinstance((await pool.send([envelope(2)]))[0], Accepted)
        assert [taken.session for taken in relay.taken] == [1, 2]


# ---- the pool


@pytest.mark.parametrize("step", ["CONNECT", "MAIL"])
async def test_a_server_that_allows_fewer_connections_gets_fewer(step):
    plan: Plan = lambda now, session: "421 4.7.0 too many" if now == step and session.beside > 1 else None  # noqa: E731
    async with grouped(plan, width=6, per_connection=1000) as (relay, pool):
        for _ in range(5):
            assert [type(outcome) for outcome in await pool.send(batch(100))] == [Accepted] * 100
        assert len(relay.sessions) <= 6  # asked for once, and not again with every call


async def test_after_an_outage_the_pool_is_as_wide_as_before():
    async with grouped(lambda step, session: "421 4.3.2 no" if step == "CONNECT" else None, width=3) as (relay, pool):
        with pytest.raises(ChannelUnavailable):
            await pool.send(batch(30))
        relay.plan = lambda step, session: LATE if step == "DOT" and not session.taken else None
        await pool.send(batch(30))
        assert relay.standing == 3


async def test_closing_while_a_connection_is_being_opened_leaves_nothing_open():
    greeted, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        greeted.set()
        await reader.read()
        closed.set()

    async with pool_to(serve) as pool:
        sending = asyncio.create_task(pool.send(batch(3)))
        await asyncio.wait_for(greeted.wait(), 5)
        await pool.close()
        assert await asyncio.wait_for(sending, 5) == [NotTried()] * 3
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_kept_connection_is_left_politely_after_its_idle_time():
    async with grouped(idle=0.02) as (relay, pool):
        await pool.send(batch(1))
        await until(lambda: relay.sessions[0].wire[-1] == "QUIT")
        await pool.send(batch(1))
        assert [taken.session for taken in relay.taken] == [1, 2]


async def test_when_one_kept_connection_is_dead_the_others_are_not_tried():
    plan: Plan = lambda step, session: LATE if step == "DOT" and not session.taken else None  # noqa: E731
    async with grouped(plan, width=3) as (relay, pool):
        await pool.send(batch(30))
        relay.plan = lambda step, session: DROP if step == "MAIL" and session.number <= 3 else None
        assert isinstance((await pool.send([envelope(99)]))[0], Accepted)
        assert sum(line.startswith("MAIL FROM:<bounce+k-99@") for one in relay.sessions for line in one.wire) == 2


async def test_closing_while_mail_is_on_the_wire_leaves_nobody_waiting():
    async with grouped(fail_at("DOT", LATE), width=2) as (relay, pool):
        sending = asyncio.create_task(pool.send(batch(20)))
        await asyncio.wait_for(relay.answering.wait(), 5)
        await pool.close()
        outcomes = await asyncio.wait_for(sending, 5)
        _agree(relay, batch(20), outcomes)


@pytest.mark.parametrize(
    "bad", ["a b@x.example", "a@x.example>", "a@x.example\r\nRCPT TO:<b@x.example", "李@x.example"]
)
def test_an_address_that_would_break_a_command_makes_no_envelope(bad):
    for fields in ((bad, "s@x.example", "r@x.example"), ("k", bad, "r@x.example"), ("k", "s@x.example", bad)):
        with pytest.raises(ValueError, match="printable ASCII"):
            Envelope(*fields, b"")


# ---- under whatever loop and security


async def test_an_untrusted_certificate_on_port_465_is_said_to_be_that(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    try:
        async with grouped(tls=context, port=465) as (relay, pool):
            with pytest.raises(ChannelUnavailable, match="not trusted"):
                await pool.send(batch(1))
            assert relay.taken == []
    except OSError as error:
        pytest.skip(f"port 465 cannot be opened here: {error.strerror}")


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("port", [0, 465], ids=["plain", "tls"])
def test_it_works_under_both_loops_plain_and_secured(loop, port, certificate):
    async def send() -> list[Outcome]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if port else None
        if context:
            context.load_cert_chain(*certificate)
        changes = {"port": port, "ca_file": str(certificate[0])}
        async with grouped(fail_at("RCPT", "550 no"), width=3, tls=context, **changes) as (relay, pool):
            outcomes = await pool.send(batch(60))
            _agree(relay, batch(60), outcomes)
            relay.taken.clear()
            relay.plan = fail_at("DOT", RESET, "to7@x.example")
            again = await pool.send(batch(60))
            _agree(relay, batch(60), again)
            assert again.count(Lost(Phase.FINAL_DOT)) == 1
            return outcomes

    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            outcomes = runner.run(send())
    except OSError as error:
        pytest.skip(f"port 465 cannot be opened here: {error.strerror}")
    assert outcomes[0] == Refused(Phase.RCPT, 550, "no")
    assert [type(outcome) for outcome in outcomes[1:]] == [Accepted] * 59


async def test_smtp_sink_of_postfix_takes_every_message():
    try:
        with servers.smtp_sink() as running:
            pool = SmtpPool(SmtpServer("127.0.0.1", running.port, "m.example", starttls=False), 5)
            outcomes = await pool.send([envelope(number, _dotty(number)) for number in range(500)])
            await pool.close()
            assert [type(outcome) for outcome in outcomes] == [Accepted] * 500
            await until(lambda: running.received() >= 500)  # it counts now and then
            assert running.received() == 500
    except servers.MissingServer as missing:
        pytest.skip(str(missing))


def _dotty(number: int) -> bytes:
    return b"Subject: x\r\n\r\n" + b".\r\n..\r\n.x\r\n" * (number % 7) + b"end"


# ---- a server that misbehaves at random


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("offers", [PLAIN, GROUPED], ids=["one by one", "grouped"])
async def test_the_outcomes_agree_with_the_record_of_a_server_that_misbehaves(seed, offers):
    dice = random.Random(seed)
    fates = ["421 4.3.2 closing", "450 4.2.0 greylisted", "550 5.1.1 gone", "450 MI:CEL 163", "nonsense", "250 ok"]
    fates += [DROP, RESET, HALF_CLOSE, "354 what"]

    def plan(step: str, session: Session) -> str | None:
        spared = step in ("CONNECT", "EHLO", "QUIT") or dice.random() > 0.07
        return None if spared else dice.choice(fates)

    async with relay_and_pool(plan, width=4, extensions=offers) as (relay, pool):
        relay.asks_for_all = bool(seed % 2)
        envelopes = batch(200)
        halves = await asyncio.gather(pool.send(envelopes[:120]), pool.send(envelopes[120:]))
        await asyncio.sleep(0.02)
        _agree(relay, envelopes, [*halves[0], *halves[1]])
        assert any(isinstance(outcome, Accepted) for outcome in halves[0])


def _agree(relay: Relay, envelopes: list[Envelope], outcomes: list[Outcome]) -> None:
    """Accepted was kept, once; lost after the final dot perhaps; everything else was not kept."""
    kept = Counter(taken.recipient for taken in relay.taken)
    for one, outcome in zip(envelopes, outcomes, strict=True):
        match outcome:
            case Accepted():
                assert kept.pop(one.recipient) == 1
            case Lost(Phase.FINAL_DOT):
                assert kept.pop(one.recipient, 0) <= 1
            case Lost() | Refused() | NotTried():
                assert one.recipient not in kept
    assert not kept
    assert all(session.unanswered <= 1 for session in relay.sessions)
    assert sum(outcome == Lost(Phase.FINAL_DOT) for outcome in outcomes) <= len(relay.sessions)


# ---- replies


REPLY = st.tuples(
    st.integers(200, 599),
    st.lists(st.binary(max_size=40).map(lambda words: words.translate(None, b"\r\n")), min_size=1, max_size=4),
)


@given(st.lists(REPLY, max_size=5), st.data())
def test_replies_are_the_same_however_they_are_cut(replies, data):
    wire = b"".join(
        b"%d%s%s\r\n" % (code, b" " if number == len(words) - 1 else b"-", line)
        for code, words in replies
        for number, line in enumerate(words)
    )
    reader, got, start = ReplyReader(), [], 0
    for end in [*sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8))), len(wire)]:
        got += [(code, reply_text(words)) for code, words in reader.read(wire[start:end])]
        start = max(start, end)
    assert got == [(code, reply_text(words)) for code, words in replies]


@pytest.mark.parametrize("nonsense", [b"hello\r\n", b"25\r\n", b"2500 x\r\n", b"150 x\r\n", b"\r\n", b"650 x\r\n"])
def test_what_is_no_reply_is_said_to_be_none(nonsense):
    with pytest.raises(NotSmtp):
        list(ReplyReader().read(nonsense))


def test_a_reply_before_nonsense_still_counts():
    replies = ReplyReader().read(b"250 mine\r\nnonsense\r\n")
    code, words = next(replies)
    assert (code, reply_text(words)) == (250, "mine")
    with pytest.raises(NotSmtp):
        next(replies)

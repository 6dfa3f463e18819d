"""SMTP transactions against a strict server made here: what is known after every way a session can end.

All of it twice: one command at a time, and grouped.
"""

import asyncio

import pytest

from bot.channels.envelopes import Accepted, Lost, NotTried, Phase, Refused
from bot.channels.smtp import SmtpPool, SmtpServer
from campaigns.errors import ChannelUnavailable
from tests.relay import (
    DROP,
    GROUPED,
    LATE,
    LATE_SECONDS,
    PLAIN,
    SILENCE,
    Plan,
    Session,
    batch,
    envelope,
    fail_at,
    relay_and_pool,
)


@pytest.fixture(params=[PLAIN, GROUPED], ids=["one by one", "grouped"])
def offers(request) -> tuple[str, ...]:
    return request.param


async def test_each_message_is_one_transaction_with_its_own_bounce_address(offers):
    async with relay_and_pool(width=3, extensions=offers) as (relay, pool):
        outcomes = await pool.send(batch(20))
        assert outcomes == [Accepted("2.0.0 Ok: queued as Q1")] * 20
        assert {(t.sender, t.recipient) for t in relay.taken} == {(e.sender, e.recipient) for e in batch(20)}
        assert len(relay.taken) == 20


async def test_several_connections_work_at_once_and_are_kept_for_the_next_batch(offers):
    plan: Plan = lambda step, session: LATE if step == "DOT" and not session.taken else None  # noqa: E731
    async with relay_and_pool(plan, width=3, extensions=offers) as (relay, pool):
        await pool.send(batch(30))
        assert len(relay.sessions) == 3
        assert all(session.taken for session in relay.sessions)
        await pool.send(batch(30))
        assert len(relay.sessions) == 3


async def test_two_batches_at_once_share_the_same_few_connections(offers):
    async with relay_and_pool(width=2, extensions=offers) as (relay, pool):
        first, second = await asyncio.gather(pool.send(batch(10)), pool.send(batch(10)))
        assert all(isinstance(outcome, Accepted) for outcome in first + second)
        assert len(relay.sessions) == 2


async def test_a_small_batch_opens_no_idle_connections(offers):
    async with relay_and_pool(width=4, extensions=offers) as (relay, pool):
        await pool.send(batch(1))
        assert len(relay.sessions) == 1


async def test_a_connection_is_given_up_after_its_share_of_messages(offers):
    async with relay_and_pool(per_connection=3, extensions=offers) as (relay, pool):
        await pool.send(batch(8))
        assert [session.taken for session in relay.sessions] == [3, 3, 2]
        assert relay.sessions[0].wire[-1] == "QUIT"


async def test_an_empty_batch_touches_nothing(offers):
    async with relay_and_pool(extensions=offers) as (relay, pool):
        assert await pool.send([]) == []
        assert relay.sessions == []


@pytest.mark.parametrize("step", ["RCPT", "DATA", "DOT"])
async def test_a_refusal_is_told_with_its_phase_and_the_next_message_passes(step, offers):
    plan = fail_at(step, "550 5.1.1 no such user here")
    async with relay_and_pool(plan, extensions=offers) as (relay, pool):
        first, second = await pool.send(batch(2))
        phase = {"RCPT": Phase.RCPT, "DATA": Phase.DATA, "DOT": Phase.FINAL_DOT}[step]
        assert first == Refused(phase, 550, "5.1.1 no such user here")
        assert isinstance(second, Accepted)
        assert len(relay.sessions) == 1


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_broken_transaction_is_reset_before_the_next(step, offers):
    async with relay_and_pool(fail_at(step, "451 4.3.0 later"), extensions=offers) as (relay, pool):
        await pool.send(batch(2))
        wire = relay.sessions[0].wire
        assert wire[wire.index("RSET") + 1].startswith("MAIL FROM:<bounce+k-2@")


async def test_a_server_that_refuses_the_reset_is_left_for_a_new_connection(offers):
    plan: Plan = lambda step, session: {"RCPT": "550 no", "RSET": "502 what"}.get(step) if session.number < 2 else None  # noqa: E731
    async with relay_and_pool(plan, extensions=offers) as (relay, pool):
        first, second = await pool.send(batch(2))
        assert first == Refused(Phase.RCPT, 550, "no")
        assert isinstance(second, Accepted)
        assert relay.taken[0].session == 2


async def test_the_first_of_a_call_is_reset_for_what_the_last_one_broke(offers):
    async with relay_and_pool(fail_at("RCPT", "550 5.1.1 gone"), extensions=offers) as (relay, pool):
        await pool.send(batch(1))
        assert isinstance((await pool.send([envelope(2)]))[0], Accepted)
        assert len(relay.sessions) == 1


@pytest.mark.parametrize(("step", "phase"), [("RCPT", Phase.RCPT), ("DATA", Phase.DATA), ("DOT", Phase.FINAL_DOT)])
async def test_a_421_in_mid_session_is_no_verdict_and_the_next_goes_over_a_new_connection(step, phase, offers):
    async with relay_and_pool(fail_at(step, "421 4.3.2 closing"), extensions=offers) as (relay, pool):
        first, second = await pool.send(batch(2))
        assert first == Refused(phase, 421, "4.3.2 closing")
        assert isinstance(second, Accepted)
        assert len(relay.sessions) == 2


@pytest.mark.parametrize(("step", "phase"), [("RCPT", Phase.RCPT), ("DATA", Phase.DATA)])
async def test_lost_before_the_message_left_is_safe_to_repeat(step, phase, offers):
    async with relay_and_pool(fail_at(step, DROP), extensions=offers) as (_, pool):
        first, second = await pool.send(batch(2))
        assert first == Lost(phase)
        assert isinstance(second, Accepted)


@pytest.mark.parametrize("fate", [DROP, "gibberish", "250-never\r\n250"])
async def test_no_plain_answer_after_the_final_dot_may_have_been_a_delivery(fate, offers):
    async with relay_and_pool(fail_at("DOT", fate), extensions=offers) as (_, pool):
        first, second = await pool.send(batch(2))
        expected = Accepted("never\n") if fate.startswith("250") else Lost(Phase.FINAL_DOT)
        assert first == expected
        assert isinstance(second, Accepted)


async def test_silence_after_the_final_dot_ends_and_may_have_been_a_delivery(offers):
    async with relay_and_pool(fail_at("DOT", SILENCE), timeout=0.2, extensions=offers) as (_, pool):
        assert (await pool.send(batch(1)))[0] == Lost(Phase.FINAL_DOT)


async def test_silence_before_data_ends_and_is_safe_to_repeat(offers):
    async with relay_and_pool(fail_at("DATA", SILENCE), timeout=0.2, extensions=offers) as (_, pool):
        assert (await pool.send(batch(1)))[0] == Lost(Phase.DATA)


async def test_a_connection_that_died_between_batches_is_replaced_unseen(offers):
    async with relay_and_pool(extensions=offers) as (relay, pool):
        await pool.send(batch(1))
        relay.writers[0].transport.abort()
        assert isinstance((await pool.send(batch(1)))[0], Accepted)
        assert len(relay.taken) == 2


@pytest.mark.parametrize("answer", ["421 4.4.2 idle too long", DROP])
async def test_a_kept_connection_that_fails_at_mail_is_replaced_unseen(answer, offers):
    def plan(step: str, session: Session) -> str | None:
        return answer if step == "MAIL" and session.number == 1 and session.taken else None

    async with relay_and_pool(plan, extensions=offers) as (relay, pool):
        assert all(isinstance(outcome, Accepted) for outcome in await pool.send(batch(2)))
        assert len(relay.sessions) == 2


async def test_it_is_replaced_once_and_not_for_ever(offers):
    plan: Plan = lambda step, session: DROP if step == "MAIL" else None  # noqa: E731
    async with relay_and_pool(plan, extensions=offers) as (relay, pool):
        outcomes = await pool.send(batch(9))
        assert outcomes == [Lost(Phase.MAIL)] + [NotTried()] * 8
        assert len(relay.sessions) == 3


async def test_a_server_that_turns_every_message_away_is_left_alone_after_three(offers):
    plan: Plan = lambda step, session: "421 4.7.0 too many" if step == "RCPT" else None  # noqa: E731
    async with relay_and_pool(plan, extensions=offers) as (_, pool):
        outcomes = await pool.send(batch(10))
        assert outcomes == [Refused(Phase.RCPT, 421, "4.7.0 too many")] * 3 + [NotTried()] * 7


async def test_netease_limits_per_connection_so_the_next_message_takes_a_new_one(offers):
    plan = fail_at("RCPT", "450 MI:CEL 163 smtp7,x 1,please see")
    async with relay_and_pool(plan, extensions=offers) as (relay, pool):
        outcomes = await pool.send(batch(2))
        assert isinstance(outcomes[1], Accepted)
        assert len(relay.sessions) == 2


async def test_the_message_arrives_octet_for_octet_with_leading_dots(offers):
    content = b".first\r\n..\r\n.\r\nend."
    async with relay_and_pool(extensions=offers) as (relay, pool):
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


async def test_after_a_cancellation_the_late_answer_is_nobody_elses(offers):
    async with relay_and_pool(fail_at("DOT", LATE), extensions=offers) as (relay, pool):
        sending = asyncio.create_task(pool.send(batch(1)))
        await asyncio.wait_for(relay.answering.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert await pool.send([envelope(2)]) == [Accepted("2.0.0 Ok: queued as Q1")]


async def test_a_cancelled_call_sends_no_further_message(offers):
    async with relay_and_pool(fail_at("DOT", LATE), extensions=offers) as (relay, pool):
        sending = asyncio.create_task(pool.send(batch(5)))
        await asyncio.wait_for(relay.answering.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.sleep(2 * LATE_SECONDS)
        await pool.send([envelope(9)])
        assert [taken.recipient for taken in relay.taken] == ["to1@x.example", "to9@x.example"]
        assert not any("k-3" in line for session in relay.sessions for line in session.wire)


async def test_what_a_lane_without_connection_leaves_the_others_send(offers):
    def plan(step: str, session: Session) -> str | None:
        if step == "CONNECT" and session.number > 2:
            return "554 5.7.1 no more"
        return DROP if step == "MAIL" and session.number == 1 and session.taken else None

    async with relay_and_pool(plan, width=2, extensions=offers) as (relay, pool):
        outcomes = await pool.send(batch(30))
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert [session.taken for session in relay.sessions[:2]] == [1, 29]


async def test_one_connection_is_tried_before_the_others(offers):
    plan: Plan = lambda step, session: "554 5.7.1 not you" if step == "CONNECT" else None  # noqa: E731
    async with relay_and_pool(plan, width=6, extensions=offers) as (relay, pool):
        with pytest.raises(ChannelUnavailable):
            await pool.send(batch(30))
        assert len(relay.sessions) == 1


async def test_kept_connections_that_have_died_count_for_none(offers):
    late: Plan = lambda step, session: LATE if step == "DOT" else None  # noqa: E731
    async with relay_and_pool(late, width=3, extensions=offers) as (relay, pool):
        await pool.send(batch(6))
        relay.plan = lambda step, session: "554 5.7.1 not you" if step == "CONNECT" else None
        for writer in relay.writers:
            writer.transport.abort()
        await asyncio.sleep(0.02)
        with pytest.raises(ChannelUnavailable):
            await pool.send(batch(30))
        assert len(relay.sessions) == 4


async def test_two_calls_of_one_message_take_two_connections_and_no_third(offers):
    async with relay_and_pool(width=4, extensions=offers) as (relay, pool):
        await pool.send(batch(1))
        await asyncio.gather(pool.send([envelope(2)]), pool.send([envelope(3)]))
        assert len(relay.sessions) <= 2


async def test_what_is_left_when_the_server_goes_away_was_not_tried(offers):
    def plan(step: str, session: Session) -> str | None:
        if step == "CONNECT" and session.number > 1:
            return "554 5.7.1 no more"
        return DROP if step == "MAIL" and session.taken == 3 else None

    async with relay_and_pool(plan, extensions=offers) as (_, pool):
        outcomes = await pool.send(batch(6))
        assert [type(outcome) for outcome in outcomes] == [Accepted] * 3 + [NotTried] * 3


async def test_a_connection_in_use_is_not_dismissed_for_having_been_idle(offers, caplog):
    async with relay_and_pool(extensions=offers, idle=0.3) as (relay, pool):
        await pool.send(batch(1))
        await asyncio.sleep(0.005)
        relay.late_seconds = 0.4
        relay.plan = lambda step, session: LATE if step == "DOT" else None
        await pool.send([envelope(2)])
        assert len(relay.sessions) == 1
        assert caplog.records == []


async def test_closing_before_anything_began_leaves_nobody_waiting(offers):
    async with relay_and_pool(extensions=offers) as (_, pool):
        sending = asyncio.create_task(pool.send(batch(3)))
        await asyncio.sleep(0)
        await pool.close()
        assert await asyncio.wait_for(sending, 5) == [NotTried()] * 3


async def test_nothing_listening_names_the_place_and_the_remedy(unused_tcp_port):
    pool = SmtpPool(SmtpServer("127.0.0.1", unused_tcp_port, "m.example", starttls=False, timeout=2.0), 4)
    with pytest.raises(ChannelUnavailable, match=rf"127.0.0.1:{unused_tcp_port}.*check host, port and firewall"):
        await pool.send(batch(3))


async def test_a_server_that_went_away_between_batches_is_said_to_be_unavailable(offers):
    async with relay_and_pool(extensions=offers) as (relay, pool):
        await pool.send(batch(1))
        relay.plan = lambda step, session: "554 5.7.1 not you" if step == "CONNECT" else DROP
        with pytest.raises(ChannelUnavailable, match="answered 554"):
            await pool.send(batch(3))


async def test_starttls_that_is_not_offered_is_not_done_without():
    async with relay_and_pool(starttls=True) as (relay, pool):
        with pytest.raises(ChannelUnavailable, match="STARTTLS"):
            await pool.send(batch(1))
        assert relay.taken == []

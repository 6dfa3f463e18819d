"""The message ledger: claims, leases, settling, receipts, and what stops the wire."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from campaigns import definitions, outbox, statements, touches
from campaigns.models import Message, Touch
from campaigns.outbox import Accepted, Batch, Claim, Claimed, Sending, Settlement
from campaigns.terms import ChannelName, DeliveryState, Reason
from tests.cast import (
    NOW,
    Player,
    approve_tiny,
    claim,
    crowd,
    datong,
    depart,
    jinbei,
    message_row,
    put_on_the_wire,
    run_tiny,
    send_one,
    settle,
    settle_sent,
    state_of,
    states,
)

SMS = ChannelName.SMS
SHORT = timedelta(seconds=0.05)

pytestmark = pytest.mark.usefixtures("database")


async def test_enqueueing_twice_adds_nothing(tmp_path: Path) -> None:
    occurrence_id = await _occurrence(tmp_path)
    row = message_row(occurrence_id, await datong())
    assert await outbox.enqueue([row]) == (1, 1)
    assert await outbox.enqueue([row, {**row, "state": "suppressed"}]) == (2, 0)
    assert await states(occurrence_id) == {"queued": 1}


async def test_an_occurrence_asked_for_twice_is_the_same_one(tmp_path: Path) -> None:
    assert await _occurrence(tmp_path) == await _occurrence(tmp_path)


async def test_nothing_is_claimed_before_planning_closed(tmp_path: Path) -> None:
    await approve_tiny(tmp_path)
    await definitions.start("tiny", now=NOW)
    occurrence_id = await _occurrence(tmp_path)
    await outbox.enqueue([message_row(occurrence_id, await datong())])
    batch = Batch(occurrence_id, SMS)

    assert await outbox.due_batches(NOW) == []
    assert not await outbox.is_open(batch, NOW)
    assert await outbox.claim(batch, now=NOW, limit=10) is None

    await outbox.close_planning(occurrence_id, NOW)
    assert await outbox.due_batches(NOW) == [batch]
    assert await outbox.is_open(batch, NOW)
    assert len((await claim(occurrence_id)).messages) == 1


async def test_a_message_is_not_due_before_its_time(tmp_path: Path) -> None:
    occurrence_id = await _occurrence(tmp_path)
    await outbox.enqueue([message_row(occurrence_id, await datong(), not_before=NOW + timedelta(hours=1))])
    await outbox.close_planning(occurrence_id, NOW)
    batch = Batch(occurrence_id, SMS)
    assert await outbox.claim(batch, now=NOW + timedelta(minutes=59), limit=10) is None
    held = await outbox.claim(batch, now=NOW + timedelta(minutes=60), limit=10)
    assert held
    assert len(held.messages) == 1


async def test_claimers_at_the_same_time_never_get_the_same_row(tmp_path: Path) -> None:
    await crowd(300)
    occurrence_id = await run_tiny(tmp_path)
    taken = await asyncio.gather(*(_claim_all(occurrence_id, limit=7) for _ in range(6)))
    ids = [one.id for claimed in taken for one in claimed]
    assert len(ids) == len(set(ids)) == 300


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_claimer_passes_over_what_another_is_just_claiming(tmp_path: Path) -> None:
    await crowd(6)
    occurrence_id = await run_tiny(tmp_path)
    claimed = asyncio.Event()

    async def claim_beside() -> Claim:
        await claimed.wait()
        return await claim(occurrence_id, limit=3)

    beside = asyncio.create_task(claim_beside())
    async with asyncio.timeout(10):
        async with in_transaction():
            first = await claim(occurrence_id, limit=3)
            claimed.set()
            await asyncio.wait([beside], timeout=0.1)
        second = await beside
    assert len({one.id for one in (*first.messages, *second.messages)}) == 6


async def test_a_claim_takes_no_more_than_asked_for(tmp_path: Path) -> None:
    await crowd(40)
    occurrence_id = await run_tiny(tmp_path)
    taken = await asyncio.gather(*(claim(occurrence_id, limit=8) for _ in range(4)))
    assert [len(held.messages) for held in taken] == [8] * 4


async def test_a_claim_whose_lease_ran_out_goes_back(tmp_path: Path) -> None:
    occurrence_id = await _one_queued(tmp_path, await datong())
    held = await claim(occurrence_id, lease=SHORT * 10)
    assert await outbox.release_expired(NOW) == (0, [])
    assert (await claim(occurrence_id)).messages == []
    await asyncio.sleep(0.6)
    assert await outbox.release_expired(NOW) == (1, [])
    assert await states(occurrence_id) == {"queued": 1}
    assert (await claim(occurrence_id)).messages == held.messages
    assert await touches.count_touches() == 0


async def test_what_was_on_the_wire_when_its_sender_died_becomes_unknown_with_one_touch(tmp_path: Path) -> None:
    occurrence_id = await _one_queued(tmp_path, await datong())
    held = await claim(occurrence_id)
    [message_id] = await depart(held, SHORT)
    await asyncio.sleep(0.1)

    _, unknown = await outbox.release_expired(NOW)
    assert unknown == [message_id]
    for _ in range(2):
        await touches.record_sent(unknown, NOW)

    message = await Message.get(id=message_id)
    assert (message.state, message.uncertain, message.sent_at) == (DeliveryState.UNKNOWN, True, NOW)
    assert await Touch.filter(message_id=message.id, direction="out").count() == 1


async def test_a_sender_that_slept_through_its_lease_may_send_nothing(tmp_path: Path) -> None:
    occurrence_id = await _one_queued(tmp_path, await datong())
    held = await claim(occurrence_id, lease=SHORT)
    await asyncio.sleep(0.1)
    assert await depart(held) == set()
    assert await states(occurrence_id) == {"queued": 1}


async def test_a_claim_that_was_taken_back_puts_nothing_on_the_wire(tmp_path: Path) -> None:
    """Nobody would find it there if its sender died."""
    occurrence_id = await _one_queued(tmp_path, await datong())
    held = await claim(occurrence_id, lease=SHORT)
    await asyncio.sleep(0.1)
    await outbox.release_expired(NOW)
    assert await depart(held) == set()


async def test_a_claim_with_a_message_on_the_wire_is_not_given_back(tmp_path: Path) -> None:
    held = await put_on_the_wire(await _one_queued(tmp_path, await datong()))
    await outbox.release(held)
    assert await outbox.on_the_wire() == 1
    await settle_sent(held)
    await outbox.release(held)
    assert await outbox.on_the_wire() == 0


async def test_nothing_of_a_paused_campaign_or_a_closed_channel_departs(tmp_path: Path) -> None:
    held = await claim(await _one_queued(tmp_path, await datong()))
    await definitions.pause("tiny", note="")
    assert await depart(held) == set()
    await definitions.resume("tiny", now=NOW)
    await outbox.close_channel(SMS, "余额不足")
    assert await depart(held) == set()
    await outbox.open_channel(SMS)
    assert await depart(held) == {held.messages[0].id}


async def test_two_senders_never_put_the_same_message_on_the_wire(tmp_path: Path) -> None:
    held = await claim(await _one_queued(tmp_path, await datong()))
    departed = await asyncio.gather(*(depart(held) for _ in range(5)))
    assert sorted(map(len, departed)) == [0, 0, 0, 0, 1]


async def test_one_turn_settles_and_touches_a_group_and_marks_the_next(tmp_path: Path) -> None:
    await crowd(4)
    held = await claim(await run_tiny(tmp_path))
    first, second = held.messages[:2], held.messages[2:]
    await outbox.exchange(held, [], [Sending(one.id, {}) for one in first], now=NOW)
    rows = [Settlement(one.id, DeliveryState.SENT, sent_at=NOW, settled_at=NOW, touch=True) for one in first]
    turn = await outbox.exchange(held, rows, [Sending(one.id, {"a": [1]}) for one in second], now=NOW)
    assert (turn.settled, turn.marked) == ({one.id for one in first}, {one.id for one in second})
    assert not turn.receipts_wait
    assert [await state_of(one.id) for one in held.messages] == ["sent", "sent", "sending", "sending"]
    assert set(await Touch.all().values_list("message_id", flat=True)) == turn.settled
    assert (await Message.get(id=second[0].id)).facts == {"a": [1]}


async def test_what_simply_went_is_settled_by_columns(tmp_path: Path) -> None:
    await crowd(4)
    held = await put_on_the_wire(await run_tiny(tmp_path, channels=["sms"]))
    first, second, third, fourth = (one.id for one in held.messages)
    refused = Settlement(fourth, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED)
    gone = Accepted(NOW, ids=[first, second], codes=["OK", "250"], provider_ids=["b-1", ""], touch=[True, False])
    turn = await outbox.exchange(held, [refused], [], accepted=gone, now=NOW + timedelta(seconds=5))
    assert turn.settled == {first, second, fourth}
    rows = {one.id: one for one in await Message.all()}
    assert [rows[one].state for one in (first, second, third, fourth)] == ["sent", "sent", "sending", "failed"]
    assert (rows[first].code, rows[first].provider_id, rows[first].sent_at) == ("OK", "b-1", NOW)
    assert (rows[second].code, rows[second].provider_id, rows[second].settled_at) == ("250", "", NOW)
    assert await Touch.all().values_list("message_id", "at") == [(first, NOW)]
    again = await outbox.exchange(held, [], [], accepted=gone, now=NOW)
    assert again.settled == frozenset()


async def test_the_late_settlement_of_a_zombie_writes_nothing(tmp_path: Path) -> None:
    occurrence_id = await _one_queued(tmp_path, await datong())
    zombie = await claim(occurrence_id)
    [message_id] = await depart(zombie, SHORT)
    await asyncio.sleep(0.1)
    await outbox.release_expired(NOW)
    late = Settlement(message_id, DeliveryState.SENT, sent_at=NOW, touch=True)

    assert await settle(zombie, late) == set()
    assert await touches.count_touches() == 0
    asked = await outbox.claim_unknown(SMS, limit=1, ask_again=timedelta(minutes=1))
    assert [one.id for one in asked] == [message_id]
    back = Settlement(message_id, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=NOW)
    assert await outbox.resolve([back]) == {message_id}
    await put_on_the_wire(occurrence_id)
    assert await settle(zombie, late) == set()
    assert await state_of(late.id) == DeliveryState.SENDING


async def test_an_unknown_outcome_is_asked_about_by_one_and_not_again_too_soon(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    await Message.filter(id=message_id).update(state=DeliveryState.UNKNOWN, ask_at=NOW - timedelta(days=3650))
    asked = [await outbox.claim_unknown(SMS, limit=5, ask_again=SHORT) for _ in range(2)]
    assert [len(one) for one in asked] == [1, 0]
    await asyncio.sleep(0.1)
    again = await outbox.claim_unknown(SMS, limit=5, ask_again=SHORT)
    assert len(again) == 1
    await outbox.ask_later(again, after=timedelta(minutes=1))
    await asyncio.sleep(0.1)
    assert await outbox.claim_unknown(SMS, limit=5, ask_again=SHORT) == []


async def test_an_attempt_counts_when_it_goes_on_the_wire_unless_it_is_uncharged(tmp_path: Path) -> None:
    occurrence_id = await _one_queued(tmp_path, await datong())
    for uncharged, attempts in ((True, 0), (False, 1), (False, 2)):
        held = await put_on_the_wire(occurrence_id)
        back = Settlement(held.messages[0].id, DeliveryState.QUEUED, reason=Reason.RETRY, uncharged=uncharged)
        await settle(held, back)
        await outbox.release(held)
        assert (await Message.get(id=back.id)).attempts == attempts


async def test_a_settlement_can_move_a_message_to_another_channel(tmp_path: Path) -> None:
    player = await datong()
    occurrence_id = await _one_queued(tmp_path, player)
    held = await put_on_the_wire(occurrence_id)
    moved = Settlement(
        held.messages[0].id, DeliveryState.QUEUED, channel=ChannelName.EMAIL, contact_id=player.contact_id,
        address=player.email, not_before=NOW + timedelta(minutes=5),
    )  # fmt: skip
    await settle(held, moved)
    later = NOW + timedelta(minutes=5)
    again = await outbox.claim(Batch(occurrence_id, ChannelName.EMAIL), now=later, limit=1)
    assert again
    assert [(one.id, one.address, one.contact_id) for one in again.messages] == [
        (moved.id, player.email, player.contact_id)
    ]


# ---- pause, cancel, closed channels -------------------------------------------------------------------------------


async def test_a_paused_campaign_sends_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    await datong()
    batch = Batch(await run_tiny(tmp_path), SMS)
    await definitions.pause("tiny", note="看一看")
    assert await outbox.due_batches(NOW) == []
    assert not await outbox.is_open(batch, NOW)
    assert await outbox.next_due(NOW, [SMS]) is None
    await definitions.resume("tiny", now=NOW)
    assert await outbox.due_batches(NOW) == [batch]
    assert await outbox.is_open(batch, NOW)


async def test_a_cancelled_campaign_sends_nothing_that_waited(tmp_path: Path) -> None:
    await crowd(3)
    occurrence_id = await run_tiny(tmp_path)
    assert await outbox.cancel_queued(await definitions.cancel("tiny")) == 3
    assert await states(occurrence_id) == {"suppressed:cancelled": 3}
    assert await outbox.due_batches(NOW) == []


async def test_what_comes_back_to_a_cancelled_campaign_is_cancelled_too(tmp_path: Path) -> None:
    await crowd(3)
    occurrence_id = await run_tiny(tmp_path)
    held = await claim(occurrence_id, limit=1)
    await depart(held)
    await outbox.cancel_queued(await definitions.cancel("tiny"))
    await settle(held, Settlement(held.messages[0].id, DeliveryState.QUEUED, reason=Reason.RETRY))
    await outbox.release_expired(NOW)
    assert await states(occurrence_id) == {"suppressed:cancelled": 3}


async def test_cancelling_leaves_other_campaigns_alone(tmp_path: Path) -> None:
    await crowd(2)
    cancelled, other = await run_tiny(tmp_path), await run_tiny(tmp_path, "other")
    await outbox.cancel_queued(await definitions.cancel("tiny"))
    await outbox.release_expired(NOW)
    assert await states(cancelled) == {"suppressed:cancelled": 2}
    assert await states(other) == {"queued": 2}


async def test_a_closed_channel_waits_for_a_person(tmp_path: Path) -> None:
    await datong()
    batch = Batch(await run_tiny(tmp_path), SMS)
    await outbox.close_channel(SMS, "余额不足")
    later = NOW + timedelta(days=30)
    assert await outbox.due_batches(later) == []
    assert not await outbox.is_open(batch, later)
    assert await outbox.next_due(later, [SMS]) is None
    assert await outbox.closed_channels(later) == {"sms": "余额不足"}
    await outbox.open_channel(SMS)
    assert await outbox.due_batches(later) == [batch]
    assert await outbox.closed_channels(later) == {}


async def test_a_channel_closed_for_a_time_opens_by_itself(tmp_path: Path) -> None:
    await datong()
    batch = Batch(await run_tiny(tmp_path), SMS)
    for minutes in (0.5, 1, 0.1):  # the longest counts
        await outbox.close_channel(SMS, "慢一点", until=NOW + timedelta(minutes=minutes))
    assert await outbox.due_batches(NOW + timedelta(seconds=59)) == []
    assert await outbox.next_due(NOW, [SMS]) == NOW + timedelta(minutes=1)
    assert await outbox.due_batches(NOW + timedelta(seconds=60)) == [batch]
    assert await outbox.is_open(batch, NOW + timedelta(seconds=60))


async def test_the_next_due_moment_is_the_earliest_of_the_channels_asked_for(tmp_path: Path) -> None:
    occurrence_id = await run_tiny(tmp_path)
    for player, channel, hours in ((await datong(), "sms", 3), (await jinbei(), "email", 2)):
        row = message_row(occurrence_id, player, channel=channel, not_before=NOW + timedelta(hours=hours))
        await outbox.enqueue([row])
    assert await outbox.next_due(NOW, list(ChannelName)) == NOW + timedelta(hours=2)
    assert await outbox.next_due(NOW, [SMS]) == NOW + timedelta(hours=3)
    assert await outbox.next_due(NOW + timedelta(hours=9), [SMS]) == NOW + timedelta(hours=9)
    assert await outbox.next_due(NOW, [ChannelName.WECHAT]) is None
    assert await outbox.next_due(NOW, [SMS], up_to=occurrence_id - 1) is None


# ---- receipts -----------------------------------------------------------------------------------------------------


async def test_a_receipt_for_a_message_still_on_the_wire_is_to_come_again(tmp_path: Path) -> None:
    occurrence_id = await _one_queued(tmp_path, await datong())
    held = await put_on_the_wire(occurrence_id)
    message_id = held.messages[0].id
    assert not await outbox.record_receipt(message_id, delivered=True, code="0", at=NOW)
    await settle_sent(held)
    assert await outbox.record_receipt(message_id, delivered=True, code="0", at=NOW)
    assert await state_of(message_id) == DeliveryState.DELIVERED


async def test_delivered_never_goes_back(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    assert await outbox.record_receipt(message_id, delivered=True, code="DELIVERED", at=NOW)
    assert await outbox.record_receipt(message_id, delivered=False, code="MK:0001", at=NOW + timedelta(hours=1))
    message = await Message.get(id=message_id)
    assert (message.state, message.code) == (DeliveryState.DELIVERED, "DELIVERED")


async def test_a_bounce_that_proves_wrong_becomes_delivered(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    await outbox.record_receipt(message_id, delivered=False, code="MK:0001", at=NOW)
    await outbox.record_receipt(message_id, delivered=True, code="DELIVERED", at=NOW)
    assert await state_of(message_id) == DeliveryState.DELIVERED


async def test_a_receipt_tells_what_became_of_an_unknown_outcome(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    await Message.filter(id=message_id).update(state=DeliveryState.UNKNOWN, sent_at=None)
    await outbox.record_receipt(message_id, delivered=False, code="MK:0001", at=NOW)
    message = await Message.get(id=message_id)
    assert (message.state, message.sent_at) == (DeliveryState.BOUNCED, NOW)


async def test_receipts_in_every_order_leave_the_same_message(tmp_path: Path) -> None:
    dice, message_id = random.Random(20261123), await send_one(tmp_path, await datong())
    for wants in (False, True):
        said = [(wants and n % 3 == 0, f"code {n}", NOW + timedelta(minutes=n)) for n in range(1, 6)]
        ends = set()
        for _ in range(20):
            dice.shuffle(said)
            await Message.filter(id=message_id).update(state=DeliveryState.SENT, code="", settled_at=NOW)
            for delivered, code, at in said:
                await outbox.record_receipt(message_id, delivered=delivered, code=code, at=at)
            message = await Message.get(id=message_id)
            ends.add((message.state, message.code, message.settled_at))
        assert len(ends) == 1


async def test_a_providers_id_that_names_a_batch_needs_the_address_too(tmp_path: Path) -> None:
    first, second = await datong(), await jinbei()
    occurrence_id = await run_tiny(tmp_path)
    held = await put_on_the_wire(occurrence_id)
    await settle_sent(held, provider_id="BIZ-1")
    ours = {one.address: one.id for one in held.messages}
    for player in (first, second):
        assert await outbox.message_by_provider_id(SMS, "BIZ-1", player.mobile) == ours[player.mobile]
    assert await outbox.message_by_provider_id(SMS, "BIZ-2", first.mobile) is None
    assert await outbox.message_by_provider_id(ChannelName.EMAIL, "BIZ-1", first.mobile) is None


async def test_an_answer_without_a_reference_answers_the_newest_message_to_its_address(tmp_path: Path) -> None:
    player = await datong()
    older, newer = await send_one(tmp_path, player), await send_one(tmp_path, player, "other")
    await Message.filter(id=newer).update(sent_at=NOW + timedelta(hours=1))
    assert await outbox.last_message_to(SMS, player.mobile, NOW + timedelta(hours=2)) == newer
    assert await outbox.last_message_to(SMS, player.mobile, NOW + timedelta(minutes=1)) == older
    assert await outbox.last_message_to(SMS, player.mobile, NOW - timedelta(minutes=1)) is None
    assert await outbox.last_message_to(ChannelName.EMAIL, player.mobile, NOW) is None


async def test_times_of_any_zone_are_stored_and_compared_as_moments(tmp_path: Path) -> None:
    """NOW is Shanghai's; SQLite compares text."""
    message_id = await send_one(tmp_path, await datong())
    await Message.filter(id=message_id).update(settled_at=NOW)
    assert await Message.filter(id=message_id, settled_at=NOW, sent_at__gte=NOW, sent_at__lte=NOW).count() == 1
    stored = (await statements.query("SELECT settled_at FROM messages WHERE id = $1", message_id))[0]["settled_at"]
    assert statements.moment(stored) == NOW
    assert not isinstance(stored, str) or stored == "2026-11-23 01:30:00+00:00"


async def _occurrence(folder: Path) -> int:
    campaign = await definitions.find_campaign("tiny") or await approve_tiny(folder)
    return await outbox.add_occurrence(campaign.id, campaign.version_id, "one", NOW, useless_at=None)


async def _one_queued(folder: Path, player: Player) -> int:
    occurrence_id = await _occurrence(folder)
    await definitions.start("tiny", now=NOW)
    await outbox.enqueue([message_row(occurrence_id, player)])
    await outbox.close_planning(occurrence_id, NOW)
    return occurrence_id


async def _claim_all(occurrence_id: int, limit: int) -> list[Claimed]:
    mine: list[Claimed] = []
    while True:
        held = await claim(occurrence_id, limit=limit)
        if not held.messages:
            return mine
        mine += held.messages
        await asyncio.sleep(0)

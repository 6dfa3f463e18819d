"""Receipts that come in at the same moment: one commit for all, and the same end as one by one."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from bot.settings import Settings
from campaigns import outbox
from campaigns.models import Event, Message, Suppression
from campaigns.outbox import Claim, Settlement
from campaigns.replies.events import Taken, count_events
from campaigns.replies.group import Told, take_group
from campaigns.replies.receipts import apply_waiting, take_receipt
from campaigns.terms import DeliveryState, Reaction
from tests.cast import NOW, crowd, datong, put_on_the_wire, receipt, run_tiny, send_one, settle, settle_sent, state_of

LATER = NOW + timedelta(hours=1)
APPLIED, WAITING, REPEAT = Taken("applied"), Taken("waiting"), Taken("repeat")

pytestmark = pytest.mark.usefixtures("database")


async def test_a_group_is_stored_and_applied_by_our_key_and_by_the_providers_id(tmp_path: Path) -> None:
    held = await _sent(tmp_path, 4)
    ours, theirs = held.messages[:2], held.messages[2:]
    told = [Told(receipt(f"r{one.id}"), one.id) for one in ours]
    told += [Told(receipt(f"r{one.id}", provider_id="BIZ-1", address=one.address, delivered=False)) for one in theirs]
    assert await take_group(told, LATER) == [APPLIED] * 4
    assert [await state_of(one.id) for one in held.messages] == ["delivered", "delivered", "bounced", "bounced"]
    stored = await Event.all().order_by("message_id").values_list("message_id", "outcome", "kind", "repeats")
    assert stored == [(one.id, "applied", "receipt", 0) for one in held.messages]
    assert (await Event.get(message_id=theirs[0].id)).payload == {
        "event_id": f"r{theirs[0].id}",
        "channel": "sms",
        "at": told[2].receipt.at.isoformat(),
        "delivered": False,
        "key": "",
        "provider_id": "BIZ-1",
        "address": theirs[0].address,
        "reaction": None,
        "code": "",
        "of_call": False,
    }


async def test_what_comes_again_is_counted_within_a_group_and_in_a_later_one(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    told = Told(receipt("r1"), message_id)
    assert await take_group([told, told], LATER) == [APPLIED, REPEAT]
    assert await take_group([told], LATER) == [REPEAT]
    assert (await Event.get(event_id="r1")).repeats == 2


async def test_what_speaks_of_no_message_or_of_another_address_is_left_to_be_taken_by_itself(tmp_path: Path) -> None:
    player = await datong()
    message_id = await send_one(tmp_path, player)
    told = [
        Told(receipt("nobody"), 987654321),
        Told(receipt("forged key", key="forged", provider_id="")),
        Told(receipt("foreign", provider_id="BIZ-9", address=player.mobile)),
        Told(receipt("not theirs", address="15400009999"), message_id),
        Told(receipt("good", address=player.mobile), message_id),
    ]
    assert await take_group(told, LATER) == [None, None, None, None, APPLIED]
    assert await Event.all().values_list("event_id", flat=True) == ["good"]


async def test_what_was_stored_and_not_applied_before_a_crash_is_left_to_be_taken_by_itself(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    event = receipt("r1")
    await Event.create(channel="sms", event_id="r1", kind="receipt", received_at=NOW, payload={}, message_id=message_id)
    assert await take_group([Told(event, message_id)], LATER) == [None]
    assert await take_receipt(event, message_id=message_id, now=LATER) == APPLIED
    assert await state_of(message_id) == DeliveryState.DELIVERED


async def test_a_group_that_comes_before_its_messages_are_settled_waits_and_is_applied(tmp_path: Path) -> None:
    await crowd(3)
    held = await put_on_the_wire(await run_tiny(tmp_path))
    assert await take_group([Told(receipt(f"r{one.id}"), one.id) for one in held.messages], LATER) == [WAITING] * 3
    await settle_sent(held)
    assert await apply_waiting({one.id for one in held.messages}) == 3
    assert {await state_of(one.id) for one in held.messages} == {DeliveryState.DELIVERED}


async def test_a_hard_bounce_among_them_closes_that_one_address(tmp_path: Path) -> None:
    held = await _sent(tmp_path, 3)
    dead = held.messages[1]
    told = [
        Told(receipt(f"r{one.id}", delivered=one is not dead, code="MK:0001", reaction=_dead(one is dead)), one.id)
        for one in held.messages
    ]
    assert await take_group([*told, told[1]], LATER) == [APPLIED] * 3 + [REPEAT]
    closed = await Suppression.all().values_list("channel", "address", "reason", "source")
    assert closed == [("sms", dead.address, "MK:0001", f"r{dead.id}")]


async def test_a_group_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    held = await _sent(tmp_path, 2)
    good, broken = held.messages
    told = [Told(receipt("good"), good.id), Told(receipt("broken", code="\ud800"), broken.id)]
    with pytest.raises(Exception, match="surrogate"):
        await take_group(told, LATER)
    assert await Event.all().count() == 0
    assert await state_of(good.id) == DeliveryState.SENT


async def test_two_processes_that_are_told_the_same_at_once_apply_it_once(tmp_path: Path) -> None:
    """Each in an order of its own: neither may wait for the other in a circle."""
    held = await _sent(tmp_path, 40)
    told = [Told(receipt(f"r{one.id}"), one.id) for one in held.messages]
    taken = await asyncio.gather(*(_take(told, random.Random(n)) for n in range(4)))
    outcomes = [sorted(one.outcome for one in each) for each in zip(*taken, strict=True)]
    assert outcomes == [["applied", "repeat", "repeat", "repeat"]] * 40
    assert await count_events() == {"receipt:applied": 40, "receipt:repeat": 120}
    assert await Message.filter(state="delivered").count() == 40


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_group_waits_for_no_sender_and_leaves_what_one_holds(tmp_path: Path) -> None:
    free = await send_one(tmp_path, await datong())
    await crowd(1)
    held = await put_on_the_wire(await run_tiny(tmp_path, "other"))
    [busy] = [one.id for one in held.messages if one.id != free][:1]
    told = [Told(receipt("free"), free), Told(receipt("busy"), busy)]
    settling, may_end = asyncio.Event(), asyncio.Event()

    async def settle_slowly() -> None:
        async with in_transaction():
            await settle_sent(held)
            settling.set()
            await may_end.wait()

    sender = asyncio.create_task(settle_slowly())
    await settling.wait()
    assert await asyncio.wait_for(take_group(told, LATER), timeout=10) == [APPLIED, None]
    may_end.set()
    await sender
    assert await take_receipt(told[1].receipt, message_id=busy, now=LATER) == APPLIED


async def test_groups_in_any_order_leave_the_same_state_as_one_by_one(tmp_path: Path, database: Settings) -> None:
    """Two kinds of stories, dealt at random into groups before, around and after settling, some twice."""
    count = 300 if database.database.startswith("sqlite") else 100
    dice = random.Random(20261123)
    await crowd(count)
    held = await put_on_the_wire(await run_tiny(tmp_path))
    story = [told for number, one in enumerate(held.messages) for told in _story(one.id, bounces=number % 2 == 0)]
    story += dice.sample(story, count // 5)
    dice.shuffle(story)
    unsettled = list(held.messages)
    while story or unsettled:
        size = dice.choice((1, 3, 20))
        await _take(story[:size], dice)
        story = story[size:]
        rows = [
            Settlement(one.id, DeliveryState.SENT, sent_at=NOW, settled_at=NOW)
            for one in unsettled[: dice.choice((0, 9))]
        ]
        unsettled = unsettled[len(rows) :]
        await apply_waiting(await settle(held, *rows))

    ends: dict[int, set[tuple[Any, ...]]] = {0: set(), 1: set()}
    for number, one in enumerate(held.messages):
        message = await Message.get(id=one.id)
        ends[number % 2].add((message.state, message.code, message.settled_at, message.sent_at))
    assert ends == {
        0: {(DeliveryState.BOUNCED, "first", NOW + timedelta(minutes=1), NOW)},
        1: {(DeliveryState.DELIVERED, "second", NOW + timedelta(minutes=2), NOW)},
    }
    closed = await Suppression.filter(channel="sms").values_list("address", flat=True)
    assert sorted(closed) == sorted(one.address for one in held.messages)
    assert await count_events() == {"receipt:applied": 2 * count, "receipt:repeat": count // 5}


async def _sent(folder: Path, count: int) -> Claim:
    await crowd(count)
    held = await put_on_the_wire(await run_tiny(folder))
    await settle_sent(held, provider_id="BIZ-1")
    await outbox.release(held)
    return held


async def _take(told: Sequence[Told], dice: random.Random) -> list[Taken]:
    """In an order of its own, and by itself what the group leaves. What became of each, in the order given."""
    order = list(range(len(told)))
    dice.shuffle(order)
    taken = dict(zip(order, await take_group([told[place] for place in order], LATER), strict=True))
    return [
        taken[place] or await take_receipt(one.receipt, message_id=one.message_id, now=LATER)
        for place, one in enumerate(told)
    ]


def _dead(is_dead: bool) -> Reaction | None:
    return Reaction.SUPPRESS if is_dead else None


def _story(message_id: int, *, bounces: bool) -> list[Told]:
    """Two receipts of one message; the first of them tells that the address is dead."""
    return [
        Told(
            receipt(
                f"{message_id}-{code}",
                minutes=minutes,
                delivered=not bounces and code != "first",
                code=code,
                reaction=_dead(code == "first"),
            ),
            message_id,
        )
        for minutes, code in ((1, "first"), (2, "second"))
    ]

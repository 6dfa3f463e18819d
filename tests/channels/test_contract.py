"""Every channel keeps the same promises, whatever its provider does to it. New channels join in `other_kits.KITS`."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.channels.base import InboundRequest
from campaigns.errors import WebhookRejected
from campaigns.terms import InboundEvent, Outbound, Reaction, Receipt, Reply, SendResult
from tests.channels.contract import Kit
from tests.channels.other_kits import KITS


@pytest.fixture(params=KITS)
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kit]:
    async with KITS[request.param](tmp_path) as found:
        yield found


def named(kit: Kit, *numbers: int) -> list[Outbound]:
    batch = [kit.message(number) for number in numbers]
    return [replace(one, key=name) for one, name in zip(batch, kit.channel.out_ids(batch), strict=True)]


async def send_one(kit: Kit, event: str = "") -> tuple[Outbound, SendResult]:
    if event:
        kit.tell(event)
    [outbound] = named(kit, 1)
    [result] = await kit.channel.send([outbound])
    return outbound, result


def take(kit: Kit, request: InboundRequest, kind: type[InboundEvent] | None = None) -> list[InboundEvent]:
    """What our door makes of it; with `kind` only events of that kind."""
    return [event for event in kit.take(request) if kind is None or isinstance(event, kind)]


@pytest.fixture
def telling(kit: Kit) -> Kit:
    if not kit.tells:
        pytest.skip("its pushes say only that there is something to fetch")
    return kit


# ---- out ----------------------------------------------------------------------------------------------------------


async def test_what_is_accepted_took_effect_once_under_its_name(kit: Kit) -> None:
    outbound, result = await send_one(kit)
    assert (result.id, result.accepted) == (1, True)
    assert kit.taken() == [outbound.key]
    assert len(result.provider_id) <= 64


async def test_each_of_a_group_has_its_result_in_order(kit: Kit) -> None:
    results = await kit.channel.send(named(kit, 3, 1, 2))
    assert [(result.id, result.accepted) for result in results] == [(3, True), (1, True), (2, True)]
    assert len(kit.taken()) == 3


async def test_a_name_fits_the_ledger_and_is_the_messages_own_key_where_it_goes_alone(kit: Kit) -> None:
    assert [one.key for one in named(kit, 1)] == ["key-1"]
    assert all(len(one.key) <= 64 for one in named(kit, 1, 2, 3))


async def test_what_is_refused_says_what_to_do_and_took_no_effect(kit: Kit) -> None:
    _, result = await send_one(kit, "refuse")
    assert result.reaction is kit.refusal
    assert result.code
    assert kit.taken() == []


async def test_too_fast_slows_and_took_no_effect(kit: Kit) -> None:
    _, result = await send_one(kit, "throttle")
    assert result.reaction is Reaction.SLOW
    assert kit.taken() == []


@pytest.mark.parametrize(("event", "effects"), [("cut before", 0), ("cut after", 1)])
async def test_a_lost_answer_is_unknown_and_never_sent_again(kit: Kit, event: str, effects: int) -> None:
    """Unless the protocol says that nothing was handed over."""
    _, result = await send_one(kit, event)
    assert result.reaction is (Reaction.UNKNOWN if effects else kit.lost)
    assert len(kit.taken()) == effects


async def test_what_got_no_answer_is_found_by_asking_where_there_are_records(kit: Kit) -> None:
    outbound, _ = await send_one(kit, "cut after")
    found = await kit.channel.look_up(outbound)
    assert (found is not None and found.accepted) is kit.keeps_records
    assert len(kit.taken()) == 1


async def test_what_never_arrived_is_not_found_by_asking(kit: Kit) -> None:
    outbound, _ = await send_one(kit, "cut before")
    assert await kit.channel.look_up(outbound) is None
    assert kit.taken() == []


async def test_no_result_holds_the_address_or_the_words(kit: Kit) -> None:
    for event in ("refuse", "throttle", "cut before"):
        outbound, result = await send_one(kit, event)
        assert outbound.address not in f"{result}"
        assert "张三" not in f"{result}"


# ---- in -----------------------------------------------------------------------------------------------------------


async def test_a_receipt_names_the_message_it_is_about(telling: Kit) -> None:
    kit = telling
    outbound, result = await send_one(kit)
    [receipt] = take(kit, kit.receipt(outbound.key, outbound.address, result.provider_id), Receipt)
    assert isinstance(receipt, Receipt)
    assert (receipt.delivered, receipt.address) == (True, outbound.address)
    assert outbound.key == receipt.key or result.provider_id == receipt.provider_id != ""


async def test_a_push_that_comes_again_says_the_same(kit: Kit) -> None:
    address = kit.message(1).address
    for request in (kit.receipt("key-1", address, "p-1"), kit.reply(address, "退订")):
        assert take(kit, request) == take(kit, request)


async def test_the_order_of_pushes_changes_none_of_them(kit: Kit) -> None:
    requests = [kit.receipt(f"key-{n}", kit.message(n).address, f"p-{n}") for n in range(3)]
    forwards = [take(kit, request)[0] for request in requests]
    backwards = [take(kit, request)[0] for request in reversed(requests)]
    assert forwards == backwards[::-1]
    assert len({event.event_id for event in forwards}) == 3


async def test_a_receipt_of_a_message_we_never_sent_names_none_of_ours(telling: Kit) -> None:
    kit = telling
    outbound, result = await send_one(kit)
    [receipt] = take(kit, kit.receipt("stranger", outbound.address, "p-0"), Receipt)
    assert isinstance(receipt, Receipt)
    assert receipt.key != outbound.key
    assert receipt.provider_id != result.provider_id or not receipt.provider_id


async def test_a_reply_keeps_its_words(telling: Kit) -> None:
    address = telling.message(1).address
    [reply] = take(telling, telling.reply(address, "不要再发了 😀"), Reply)
    assert isinstance(reply, Reply)
    assert (reply.address, reply.text) == (address, "不要再发了 😀")


async def test_two_replies_are_two(kit: Kit) -> None:
    address = kit.message(1).address
    one, two = (take(kit, kit.reply(address, text))[-1].event_id for text in ("R", "T"))
    assert one != two


async def test_what_cannot_be_the_providers_is_turned_away_by_a_word_of_ours(kit: Kit) -> None:
    for request in kit.forged():
        with pytest.raises(WebhookRejected):
            take(kit, request)


async def test_a_push_is_answered(kit: Kit) -> None:
    request = kit.receipt("key-1", kit.message(1).address, "p-1")
    if request.door != "mail":  # a mail is answered by its door, in SMTP
        assert kit.channel.answer(request).status == 200

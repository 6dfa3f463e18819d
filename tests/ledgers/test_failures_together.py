"""Failures in a row close an address, many of one run stop its campaign, and neither happens for less."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.settings import Settings
from campaigns import definitions
from campaigns.models import Campaign, Contact, Message, Suppression
from campaigns.replies.group import Told, take_group
from campaigns.replies.receipts import take_receipt
from campaigns.terms import ChannelName, Reaction
from tests.cast import NOW, Player, crowd, datong, put_on_the_wire, receipt, run_tiny, send_one, settle_sent

DAY = timedelta(days=1)
RETRY, FULL = Reaction.RETRY, Reaction.DEFER_RECIPIENT


async def fail(
    folder: Path, player: Player, day: int, reaction: Reaction | None, *, channel: ChannelName = ChannelName.SMS
) -> None:
    """A message to this player, and what its carrier says of it on that day; no reaction: delivered."""
    message_id = await send_one(folder, player, f"tiny{day}")
    address = player.mobile if channel is ChannelName.SMS else player.email
    await Message.filter(id=message_id).update(channel=channel, address=address)
    told = receipt(
        f"r{day}", delivered=reaction is None, minutes=day * 1440, reaction=reaction, code="X", channel=channel,
        address=address,
    )  # fmt: skip
    assert (await take_receipt(told, message_id=message_id, now=NOW + day * DAY)).outcome == "applied"


async def closed() -> list[tuple[str, str]]:
    return [(row.address, row.reason) for row in await Suppression.all()]


@pytest.mark.parametrize(
    ("days", "ends"),
    [((0, 3, 7), True), ((0, 3, 6), False), ((0, 9), False), ((0, 1, 2, 3, 8), True)],
)
async def test_a_number_is_given_up_after_three_failures_over_seven_days(
    database: Settings, tmp_path: Path, days: tuple[int, ...], ends: bool
) -> None:
    player = await datong()
    for day in days:
        await fail(tmp_path, player, day, RETRY)
    assert await closed() == ([(player.mobile, "soft")] if ends else [])


async def test_one_delivery_in_between_begins_the_count_anew(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    for day, reaction in ((0, RETRY), (3, RETRY), (4, None), (8, RETRY), (9, RETRY)):
        await fail(tmp_path, player, day, reaction)
    assert await closed() == []


async def test_failures_that_say_nothing_of_the_number_never_close_it(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    for day in range(0, 40, 8):
        await fail(tmp_path, player, day, Reaction.DROP if day % 16 else FULL)
    assert await closed() == []


@pytest.mark.parametrize(("days", "ends"), [((0, 3, 7, 10, 14), True), ((0, 7, 14), False), ((0, 1, 2, 3, 4), False)])
async def test_a_full_mailbox_is_given_up_after_five_failures_over_two_weeks(
    sqlite_database: Settings, tmp_path: Path, days: tuple[int, ...], ends: bool
) -> None:
    player = await datong()
    for day in days:
        await fail(tmp_path, player, day, FULL, channel=ChannelName.EMAIL)
    assert await closed() == ([(player.email, "soft")] if ends else [])


async def run_of(folder: Path, size: int) -> list[Message]:
    await crowd(size, unread=4)
    occurrence_id = await run_tiny(folder, channels=["sms"])
    held = await put_on_the_wire(occurrence_id)
    await settle_sent(held)
    return await Message.filter(occurrence_id=occurrence_id, state="sent").order_by("id")


async def blocked(messages: list[Message], reaction: Reaction, code: str) -> None:
    told = [
        Told(receipt(f"b{one.id}", delivered=False, reaction=reaction, code=code, address=one.address), one.id)
        for one in messages
    ]
    await take_group(told, NOW)


@pytest.mark.parametrize(("size", "spoilt", "ends"), [(40, 3, True), (40, 2, False), (80, 4, False), (80, 5, True)])
async def test_words_that_carriers_block_in_more_than_one_of_twenty_stop_the_campaign(
    database: Settings, tmp_path: Path, size: int, spoilt: int, ends: bool
) -> None:
    messages = await run_of(tmp_path, size)
    await blocked(messages[:spoilt], Reaction.PAUSE_TEMPLATE, "KEYWORD")
    campaign = await Campaign.get()
    assert (campaign.state == "paused") is ends
    assert ("KEYWORD" in campaign.note) is ends
    assert await Suppression.all().count() == 0


async def test_numbers_nobody_has_stop_no_campaign_however_many(sqlite_database: Settings, tmp_path: Path) -> None:
    messages = await run_of(tmp_path, 20)
    await blocked(messages, Reaction.SUPPRESS, "MK:0001")
    assert (await Campaign.get()).state == "running"
    assert await Suppression.all().count() == await Contact.all().count() == 20


async def test_complaints_of_three_in_a_thousand_stop_the_campaign(sqlite_database: Settings, tmp_path: Path) -> None:
    messages = await run_of(tmp_path, 40)
    for number, one in enumerate(messages[:3]):
        assert (await definitions.read_campaign("tiny")).state == "running", number
        told = receipt(f"c{number}", reaction=Reaction.SUPPRESS, code="complaint", address=one.address)
        await take_receipt(told, message_id=one.id, now=NOW)
    assert (await definitions.read_campaign("tiny")).state == "paused"

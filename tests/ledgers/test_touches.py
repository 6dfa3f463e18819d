"""The contact history: append-only, in both directions, each outbound message once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import outbox, touches, visits
from campaigns.errors import StateError
from campaigns.models import Message, Touch
from campaigns.terms import Direction, TouchKind
from tests.cast import NOW, crowd, datong, jinbei, put_on_the_wire, run_tiny, send_one

pytestmark = pytest.mark.usefixtures("database")


async def test_a_timeline_shows_both_directions_newest_first(tmp_path: Path) -> None:
    player, other = await datong(), await jinbei()
    message_id = await send_one(tmp_path, player)
    await send_one(tmp_path, other)
    for hours, text in ((2, "第二句"), (1, "第一句")):
        await touches.record_touch(
            player.member_id, at=NOW + timedelta(hours=hours), direction=Direction.IN, kind=TouchKind.REPLY,
            medium="sms", contact_id=player.contact_id, message_id=message_id, text=text,
        )  # fmt: skip
    lines = await touches.timeline(player.member_id)
    assert [(line.direction, line.text, line.message_id) for line in lines] == [
        (Direction.IN, "第二句", message_id),
        (Direction.IN, "第一句", message_id),
        (Direction.OUT, "", message_id),
    ]
    assert (lines[2].kind, lines[2].medium, lines[2].message_class) == (TouchKind.MESSAGE, "sms", "service")
    assert await touches.count_touches() == 4
    assert await touches.count_by_kind() == {("out", "message"): 2, ("in", "reply"): 2}


async def test_a_message_has_one_outbound_touch_however_often_it_is_recorded(tmp_path: Path) -> None:
    await crowd(5)
    held = await put_on_the_wire(await run_tiny(tmp_path))
    ids = [one.id for one in held.messages]
    for part in (ids[:2], ids, ids):
        await touches.record_sent(part, NOW)
    assert await Touch.all().count() == 5
    await touches.record_sent([], NOW)
    assert await Touch.all().count() == 5


async def test_a_touch_is_dated_by_the_sending_not_by_the_recording(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await datong())
    await Touch.all().delete()
    await Message.filter(id=message_id).update(sent_at=NOW - timedelta(hours=3))
    await touches.record_sent([message_id], NOW)
    assert (await Touch.get(message_id=message_id)).at == NOW - timedelta(hours=3)


async def test_a_link_is_used_once_however_many_ask_at_the_same_time(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await jinbei())
    assert not await touches.link_used(message_id, "way_in")
    first = await asyncio.gather(*(touches.use_link(message_id, "way_in", NOW) for _ in range(5)))
    assert sorted(first) == [False, False, False, False, True]
    assert await touches.link_used(message_id, "way_in")
    assert await touches.use_link(message_id, "click", NOW)


async def test_a_link_leads_to_the_posting_with_the_most_unread(tmp_path: Path) -> None:
    player = await jinbei()
    link = await outbox.sent_link(await send_one(tmp_path, player))
    assert link is not None
    assert (link.member_no, link.channel, link.campaign_key) == (player.no, "sms", "tiny")
    assert link.posting_no == f"P{player.member_id}"
    assert await outbox.sent_link(404) is None


async def test_a_task_with_the_same_cause_is_opened_once_and_closed_once() -> None:
    player = await datong()
    due = NOW + timedelta(hours=4)
    opened = [
        await visits.open_visit(player.member_id, category=name, cause="touch:1", opened_at=NOW, due_at=due)
        for name in ("complaint", "call_me")
    ]
    assert opened[0] == opened[1]
    assert await visits.count_open() == {"complaint": 1}
    assert await visits.due_visits(NOW) == []
    assert [task.id for task in await visits.due_visits(due)] == [opened[0]]
    await visits.close_visit(opened[0], outcome={"说": "好"}, at=NOW)
    with pytest.raises(StateError, match="somebody changed this task"):
        await visits.close_visit(opened[0], outcome={}, at=NOW)
    assert await visits.count_open() == {}
    assert [task.state for task in await visits.visits_of(player.member_id)] == ["done"]

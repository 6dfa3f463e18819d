"""What triggers count as it happens equals what a full count finds, whoever wrote it."""

from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import outbox, statements, touches
from campaigns.models import Member, Message, Touch
from campaigns.outbox import Settlement
from campaigns.reports import campaign_reports
from campaigns.tallies import Count, count_afresh, put_together, read_counts, sent_on
from campaigns.terms import ChannelName, DeliveryState, Direction, Intent, Reason, TouchKind
from tests.cast import NOW, crowd, put_on_the_wire, run_tiny, settle

pytestmark = pytest.mark.usefixtures("database")


async def test_the_numbers_equal_a_full_count_at_every_step(tmp_path: Path) -> None:
    await crowd(8)
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    await _equal()
    held = await put_on_the_wire(occurrence_id)
    await _equal()
    sent, back, unknown, failed, retried, *_ = (one.id for one in held.messages)
    await settle(
        held,
        Settlement(sent, DeliveryState.SENT, sent_at=NOW),
        Settlement(back, DeliveryState.SENT, sent_at=NOW),
        Settlement(unknown, DeliveryState.UNKNOWN, uncertain=True),
        Settlement(failed, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED),
        Settlement(retried, DeliveryState.QUEUED, reason=Reason.RETRY),
    )
    await _equal()
    await outbox.record_receipt(sent, delivered=True, code="", at=NOW)
    await outbox.record_receipt(back, delivered=False, code="", at=NOW)
    await outbox.resolve([Settlement(unknown, DeliveryState.SENT, sent_at=NOW)])
    await outbox.release_expired(NOW + timedelta(days=1))
    await _equal()
    for kind, text in ((TouchKind.REPLY, Intent.STOP), (TouchKind.REPLY, Intent.UNKNOWN), (TouchKind.RETURN, "")):
        await touches.record_touch(
            1, at=NOW, direction=Direction.IN, kind=kind, medium="sms", message_id=sent, intent=text
        )
    await touches.use_link(sent, "click", NOW)
    await touches.use_link(sent, "click", NOW)
    await touches.record_touch(1, at=NOW, direction=Direction.IN, kind=TouchKind.FOLLOW, medium="wechat")
    await _equal()
    await Touch.filter(intent=Intent.UNKNOWN).update(intent=Intent.CALL_ME)  # as a colleague corrects it
    await Message.filter(id=failed).update(channel=ChannelName.EMAIL)
    await _equal()


async def test_what_went_out_is_counted_by_day_and_channel(tmp_path: Path) -> None:
    await crowd(4)
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    assert await sent_on(NOW.date()) == {}
    held = await put_on_the_wire(occurrence_id)
    late = NOW.replace(hour=23, minute=59)
    first, second, third, failed = (one.id for one in held.messages)
    await settle(
        held,
        Settlement(first, DeliveryState.SENT, sent_at=NOW),
        Settlement(second, DeliveryState.SENT, sent_at=late),
        Settlement(third, DeliveryState.SENT, sent_at=late + timedelta(minutes=1)),
        Settlement(failed, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED),
    )
    await outbox.record_receipt(first, delivered=True, code="", at=NOW)
    assert await sent_on(NOW.date()) == {"sms": 2}
    assert await sent_on(NOW.date() + timedelta(days=1)) == {"sms": 1}
    await Message.filter(id=first).update(channel=ChannelName.EMAIL)
    assert await sent_on(NOW.date()) == {"sms": 1, "email": 1}
    await _equal()


async def test_a_statement_that_changes_nothing_that_counts_adds_nothing(tmp_path: Path) -> None:
    await crowd(3)
    await run_tiny(tmp_path)
    before = await statements.query("SELECT count(*) AS n FROM tallies")
    assert await statements.run("UPDATE messages SET code = 'seen'") == 3  # the triggers' own rows do not count
    assert await statements.query("SELECT count(*) AS n FROM tallies") == before


async def test_put_together_the_numbers_stay_and_the_rows_become_few(tmp_path: Path) -> None:
    await crowd(6)
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    for state in ("sending", "queued", "sending", "sent", "delivered"):
        for message in await Message.filter(occurrence_id=occurrence_id):
            await Message.filter(id=message.id).update(state=state)
    before = set(await read_counts())
    await put_together()
    assert set(await read_counts()) == before == set(await count_afresh())
    assert (await statements.query("SELECT count(*) AS n FROM tallies WHERE n <> 0"))[0]["n"] == len(before)


async def test_owners_see_the_numbers_of_their_own_members(tmp_path: Path) -> None:
    ids = await crowd(6)
    await Member.filter(id__in=ids[:2]).update(owner="程雪")
    await Member.filter(id__in=ids[2:3]).update(owner="石磊")
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    first = await Message.get(member_id=ids[0])
    await touches.record_touch(
        ids[0], at=NOW, direction=Direction.IN, kind=TouchKind.REPLY, medium="sms", message_id=first.id
    )
    for owners, audience, replies in (
        (None, 6, 1),
        ({"程雪"}, 2, 1),
        ({"石磊", "程雪"}, 3, 1),
        ({"石磊"}, 1, 0),
        (set(), 0, 0),
    ):
        [report] = await campaign_reports("tiny", owners)
        assert (report.audience, report.waiting, report.replies) == (audience, audience, replies), owners
    assert sum(one.n for one in await read_counts([occurrence_id], {"程雪"}) if one.kind == "message") == 2
    assert await read_counts([occurrence_id + 1]) == []


async def _equal() -> None:
    kept, afresh = await read_counts(), await count_afresh()
    assert _sorted(kept) == _sorted(afresh)


def _sorted(counts: list[Count]) -> list[str]:
    return sorted(map(repr, counts))

"""A restored copy waits for a person: what it would send, what it cannot know, and what their word does with each."""

from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import definitions, marks, outbox, restored
from campaigns.errors import StateError
from campaigns.models import Campaign, Message, Occurrence, Touch
from campaigns.outbox import Batch, Claim
from campaigns.reports import campaign_reports
from campaigns.restored import Outlook, Restored, Uncertain
from campaigns.terms import ChannelName
from tests.cast import NOW, claim, crowd, datong, depart, message_row, run_tiny, states

pytestmark = pytest.mark.usefixtures("database")

_MADE = NOW + timedelta(hours=1)
_RESTORED = NOW + timedelta(hours=8)
_LATER = NOW + timedelta(days=2)


async def test_what_was_on_its_way_or_due_since_cannot_be_known_and_the_rest_would_be_sent(tmp_path: Path) -> None:
    await _a_busy_copy(tmp_path)
    found = await restored.outlook(await _hold())
    assert found == [
        Outlook("mail", "running", "email", would_send=1, next_at=_LATER, cannot_know=4, mail_again=4),
        Outlook("news", "running", "email", would_send=1, next_at=_LATER, cannot_know=4, mail_again=0),
        Outlook("texts", "running", "sms", would_send=1, next_at=_LATER, cannot_know=4, mail_again=0),
    ]


async def test_by_default_service_mail_goes_again_and_the_rest_is_unknown_each_with_a_touch(tmp_path: Path) -> None:
    mail, news, texts = await _a_busy_copy(tmp_path)
    await _hold()
    released = await restored.release(Uncertain.MAIL, now=_RESTORED)
    assert (released.again, released.unknown) == (4, 8)
    assert await states(mail) == {"queued": 5}
    assert await states(news) == await states(texts) == {"unknown": 4, "queued": 1}
    assert await Message.filter(uncertain=True).count() == 12
    touched = await Touch.filter(direction="out").values_list("message_id", flat=True)
    assert sorted(touched) == sorted(await Message.filter(uncertain=True).values_list("id", flat=True))
    assert await Message.filter(state="unknown", ask_at=None).count() == 0
    assert await Message.filter(state="queued", due_at=None).count() == 0


async def test_the_worker_of_the_database_it_was_copied_from_is_not_alive_here(tmp_path: Path) -> None:
    await _a_busy_copy(tmp_path)
    await marks.sign_of_life(_RESTORED)
    await _hold()
    assert not await marks.worker_alive(_RESTORED)


async def test_service_mail_that_goes_again_can_be_claimed_at_once(tmp_path: Path) -> None:
    mail, _, _ = await _a_busy_copy(tmp_path)
    await _hold()
    before = set(await Message.filter(occurrence_id=mail).exclude(not_before=_LATER).values_list("id", flat=True))
    await restored.release(Uncertain.MAIL, now=_RESTORED)
    held = await outbox.claim(Batch(mail, ChannelName.EMAIL), now=_RESTORED, limit=100)
    assert held is not None
    assert {one.id for one in held.messages} == before


async def test_with_none_nothing_uncertain_goes_again(tmp_path: Path) -> None:
    occurrences = await _a_busy_copy(tmp_path)
    await _hold()
    released = await restored.release(Uncertain.NONE, now=_RESTORED)
    assert (released.again, released.unknown) == (0, 12)
    for occurrence_id in occurrences:
        assert await states(occurrence_id) == {"unknown": 4, "queued": 1}


async def test_with_all_it_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    occurrences = await _a_busy_copy(tmp_path)
    await _hold()
    before = [await states(occurrence_id) for occurrence_id in occurrences]
    planned_until = await Campaign.all().order_by("id").values_list("planned_until", flat=True)
    assert await restored.release(Uncertain.ALL, now=_RESTORED) == restored.Released(0, 0, 0)
    assert [await states(occurrence_id) for occurrence_id in occurrences] == before
    assert await Campaign.all().order_by("id").values_list("planned_until", flat=True) == planned_until
    assert not await marks.is_held()


async def test_unknown_ones_are_counted_for_staff(tmp_path: Path) -> None:
    await _a_busy_copy(tmp_path)
    await _hold()
    await restored.release(Uncertain.NONE, now=_RESTORED)
    assert [(report.unknown, report.uncertain) for report in await campaign_reports()] == [(4, 4)] * 3


async def test_what_was_written_after_the_restore_is_certain(tmp_path: Path) -> None:
    """An automatic answer to somebody who wrote while the copy was held."""
    occurrence_id = await run_tiny(tmp_path)
    held = await _hold()
    await Message.create(**message_row(occurrence_id, await datong(), id=held.last_message + 1000))
    [found] = await restored.outlook(held)
    assert (found.would_send, found.cannot_know) == (1, 0)


async def test_slots_that_passed_since_the_backup_are_not_made_up_for(tmp_path: Path) -> None:
    """The one at 09:00 was planned and sent by the database that was lost."""
    await crowd(1)
    await run_tiny(tmp_path)
    await _hold()
    await restored.release(Uncertain.MAIL, now=_LATER)
    [campaign] = await definitions.scheduled_campaigns()
    assert campaign.planned_until == _LATER


async def test_an_occurrence_half_planned_ends_as_it_is(tmp_path: Path) -> None:
    await crowd(3)
    occurrence_id = await run_tiny(tmp_path)
    await Occurrence.filter(id=occurrence_id).update(planned_at=None, planned={}, audience=0)
    await Message.filter(id=await _first(occurrence_id)).delete()
    await _hold()
    assert await restored.half_planned() == 1
    assert (await restored.release(Uncertain.MAIL, now=_RESTORED)).half_planned == 1
    row = await Occurrence.get(id=occurrence_id)
    assert (row.planned_at, row.audience, row.planned) == (_RESTORED, 2, {"send": 2})


async def test_it_is_released_once(tmp_path: Path) -> None:
    await _a_busy_copy(tmp_path)
    await _hold()
    assert await marks.is_held()
    await restored.release(Uncertain.MAIL, now=_RESTORED)
    assert not await marks.is_held()
    with pytest.raises(StateError, match="nothing to release"):
        await restored.release(Uncertain.ALL, now=_RESTORED)


async def test_a_backup_of_a_held_copy_remembers_the_first_moment() -> None:
    await _hold()
    again = await restored.hold(made_at=_LATER, now=_LATER + timedelta(hours=1))
    assert again == Restored(made_at=_MADE, restored_at=_LATER + timedelta(hours=1), last_message=0)
    assert await restored.read_restored() == again


async def _hold() -> Restored:
    return await restored.hold(made_at=_MADE, now=_RESTORED)


async def _a_busy_copy(folder: Path) -> tuple[int, int, int]:
    """Service mail, marketing mail and service SMS; of each one sending, one claimed, two due, one due in two days."""
    await crowd(5)
    mail = await _campaign(folder, "mail", "email", "service")
    news = await _campaign(folder, "news", "email", "marketing")
    texts = await _campaign(folder, "texts", "sms", "service")
    for occurrence_id, channel in ((mail, ChannelName.EMAIL), (news, ChannelName.EMAIL), (texts, ChannelName.SMS)):
        await _spread(occurrence_id, channel)
    return mail, news, texts


async def _campaign(folder: Path, key: str, channel: str, class_: str) -> int:
    occurrence_id = await run_tiny(folder, key, channels=[channel], **{"class": class_})
    await Message.filter(occurrence_id=occurrence_id).update(not_before=NOW, due_at=NOW, state="queued", reason="")
    return occurrence_id


async def _spread(occurrence_id: int, channel: ChannelName) -> None:
    ids = await Message.filter(occurrence_id=occurrence_id).order_by("id").values_list("id", flat=True)
    held = await claim(occurrence_id, channel, limit=2)
    await depart(Claim(held.id, held.messages[:1]))
    await Message.filter(id__in=ids[2:4]).update(not_before=_RESTORED, due_at=_RESTORED)
    await Message.filter(id=ids[4]).update(not_before=_LATER, due_at=_LATER)


async def _first(occurrence_id: int) -> int:
    first = await Message.filter(occurrence_id=occurrence_id).order_by("id").first()
    assert first is not None
    return int(first.id)

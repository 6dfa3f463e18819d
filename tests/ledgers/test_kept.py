"""What took long to count is kept, and counted anew when what it was counted of has changed."""

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import kept, statements
from campaigns.members import browse
from campaigns.members.browse import Sieve, browse_members
from campaigns.models import Member
from campaigns.outbox import Settlement
from campaigns.tallies import Count, count_afresh, read_counts
from campaigns.terms import DeliveryState
from tests.cast import NOW, crowd, put_on_the_wire, run_tiny, settle

pytestmark = pytest.mark.usefixtures("database")


async def test_owners_see_their_numbers_change_with_every_message_and_every_member_given_away(tmp_path: Path) -> None:
    await crowd(6)
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    ids = await Member.all().order_by("id").values_list("id", flat=True)
    await Member.filter(id__in=ids[:4]).update(owner="乔安")
    await Member.filter(id__in=ids[4:]).update(owner="石磊")
    await _equal(["乔安"], messages=4)
    held = await put_on_the_wire(occurrence_id)
    await _equal(["乔安"], messages=4)
    await settle(held, *[Settlement(one.id, DeliveryState.SENT, sent_at=NOW) for one in held.messages])
    await _equal(["乔安"], messages=4)
    await Member.filter(id=ids[0]).update(owner="石磊")
    await _equal(["乔安"], messages=3)
    await _equal(["石磊"], messages=3)
    await _equal(["乔安", "石磊"], messages=6)


async def test_the_same_question_is_not_counted_again_while_nothing_changed(tmp_path: Path) -> None:
    await crowd(3)
    await run_tiny(tmp_path, channels=["sms"])
    await Member.all().update(owner="乔安")
    first = await read_counts(None, ["乔安"])
    await statements.run("UPDATE kept_counts SET found = '[]' WHERE key NOT LIKE 'owners/%'")
    assert first
    assert await read_counts(None, ["乔安"]) == [], "what is kept is what is shown"


async def test_what_is_older_than_asked_for_or_unknown_is_not_given() -> None:
    await kept.keep({"a": ("s", [1]), "b" * 100: ("", {"n": 2})})
    assert await kept.read_kept(["a", "b" * 100, "c"]) == {"a": ("s", [1]), "b" * 100: ("", {"n": 2})}
    assert await kept.read_kept(["a"], timedelta(seconds=-1)) == {}
    await kept.keep({"a": ("t", [3])})
    assert await kept.read_kept(["a"]) == {"a": ("t", [3])}


async def test_a_long_list_by_fate_is_counted_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "_MANY", 4)
    await crowd(4)
    await run_tiny(tmp_path, channels=["sms"])
    assert (await browse_members(Sieve(fate="waiting"), 1)).total == 4
    await statements.run("UPDATE messages SET state = 'sent', due_at = NULL WHERE id > (SELECT min(id) FROM messages)")
    assert (await browse_members(Sieve(fate="waiting"), 1)).total == 4
    assert (await browse_members(Sieve(fate="gone"), 1)).total == 3
    await statements.run("UPDATE messages SET state = 'sent', due_at = NULL")
    assert (await browse_members(Sieve(fate="gone"), 1)).total == 4, "a short list is counted each time"


async def _equal(owners: Collection[str], *, messages: int) -> None:
    for _ in range(2):
        shown = await read_counts(None, owners)
        assert _sorted(shown) == _sorted(await count_afresh(None, owners))
        assert sum(one.n for one in shown if one.kind == "message") == messages


def _sorted(counts: Collection[Count]) -> list[str]:
    return sorted(map(repr, counts))

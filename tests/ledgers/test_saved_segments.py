"""Rules that were given a name, on both databases."""

from datetime import UTC, datetime

import pytest

from bot.settings import Settings
from campaigns import saved_segments as ledger
from campaigns.errors import InputError
from campaigns.members.find import count_audience, list_audience
from campaigns.segments import parse_segment
from tests.web_cast import add_member

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("database")


async def test_a_segment_is_kept_in_its_canonical_spelling_and_found_again() -> None:
    made = await ledger.save_segment("  沉睡 优质 ", "未登录天数>=90 且 tier=优质", by="林晓芸", now=NOW)
    assert made == await ledger.find_segment(made.id)
    assert (made.name, made.rule, made.by, made.at) == ("沉睡 优质", "idle_days >= 90 and tier = 优质", "林晓芸", NOW)
    assert await ledger.list_segments() == [made]


async def test_a_segment_is_renamed_and_taken_away() -> None:
    made = await ledger.save_segment("甲", "all", by="a", now=NOW)
    again = await ledger.save_segment("乙", "consent", by="b", now=NOW, segment_id=made.id)
    assert (again.id, again.name, again.rule, again.by) == (made.id, "乙", "consent", "b")
    await ledger.delete_segment(made.id)
    assert await ledger.find_segment(made.id) is None
    assert await ledger.find_segment(10**30) is None


@pytest.mark.parametrize("name", ["", "  ", "长" * 65])
async def test_a_segment_has_a_name(name: str) -> None:
    with pytest.raises(ledger.NameMissing):
        await ledger.save_segment(name, "all", by="a", now=NOW)


async def test_two_segments_have_two_names() -> None:
    await ledger.save_segment("甲", "all", by="a", now=NOW)
    other = await ledger.save_segment("乙", "all", by="a", now=NOW)
    for number in (None, other.id):
        with pytest.raises(ledger.NameTaken):
            await ledger.save_segment("甲", "consent", by="a", now=NOW, segment_id=number)


async def test_a_wrong_rule_is_not_kept() -> None:
    with pytest.raises(InputError, match="第1个字符"):
        await ledger.save_segment("甲", "tire = 优质", by="a", now=NOW)
    assert await ledger.list_segments() == []


async def test_a_campaign_uses_a_segment_whose_rule_it_spells_otherwise() -> None:
    made = await ledger.save_segment("甲", "unread_resumes >= 1", by="a", now=NOW)
    other = await ledger.save_segment("乙", "consent", by="a", now=NOW)
    campaigns = {"b": "未读简历数 ≥ 1", "a": "(unread_resumes >= 1)", "c": "wrong ((", "d": "all"}
    assert ledger.uses([made, other], campaigns) == {made.id: ["a", "b"], other.id: []}


@pytest.mark.parametrize(
    ("owners", "seen"),
    [
        (None, {"甲", "乙", ""}),
        ({"甲"}, {"甲"}),
        ({"甲", "乙"}, {"甲", "乙"}),
        (set(), set()),
        ({"' OR 1=1 --"}, set()),
    ],
)
async def test_an_audience_is_counted_among_the_members_one_sees(
    settings: Settings, owners: set[str] | None, seen: set[str]
) -> None:
    for number, owner in enumerate(("甲", "乙", "")):
        await add_member(f"Q{number}", owner or "无主", owner=owner, tier="优质")
    await add_member("Q9", "甲的另一家", owner="甲", tier="低端")
    rule = parse_segment("tier = 优质 or tier = 高端")
    assert await count_audience(rule, NOW, owners) == len(seen)
    assert {row["name"] for row in await list_audience(rule, NOW, 10, owners)} == {one or "无主" for one in seen}

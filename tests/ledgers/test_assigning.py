"""On both databases: members given away and taken back, views, a list of whom nobody writes to."""

import pytest

from campaigns import saved_views, transfers
from campaigns.errors import InputError
from campaigns.members.assigning import owners_of
from campaigns.members.browse import Sieve, browse_members, export_members
from campaigns.members.suppressions import add_blocks, lift_block, list_blocks, read_lines
from campaigns.models import Member
from campaigns.segments import parse_segment
from tests.web_cast import NOW, add_member

pytestmark = pytest.mark.usefixtures("database")


async def test_what_a_rule_and_marks_select_is_given_away_within_ones_sight_and_comes_back() -> None:
    ids = tuple([(await add_member(f"Q{n}", owner="甲" if n % 2 else "", attrs={"a": "b"})).id for n in range(6)])
    rule = parse_segment("registered_days >= 300")
    sieve = Sieve(ids=ids[:4], owners=frozenset({"甲", ""}), rule=rule, now=NOW, tier="一般")
    assert await owners_of(sieve) == {"甲": 2, "": 2}
    given = await transfers.transfer(sieve, "乙", by="甲", now=NOW)
    assert given is not None
    assert given.members == 4
    assert await owners_of(Sieve()) == {"乙": 4, "甲": 1, "": 1}
    assert (await browse_members(Sieve(ids=ids[:2]), 1)).lines[0].attrs == {"a": "b"}
    assert (await export_members(ids[:1]))[0]["attrs"] == {"a": "b"}
    assert await transfers.last_of("丁") is None
    back = await transfers.take_back(given.id, now=NOW)
    assert back is not None
    assert back.count == 4
    assert [row.owner for row in await Member.all().order_by("no")] == ["", "甲"] * 3


async def test_lines_are_blocked_once_and_lifted() -> None:
    await add_member("Q1", "大同")
    lines = ["a@example.com", "15483503031", "Q1", "??"]
    pasted = await read_lines(lines)
    assert (pasted.count, pasted.unknown) == (3, [(4, "??")])
    await add_blocks(pasted, at=NOW, source="staff:林")
    assert (await read_lines(lines)).standing == 3
    blocks, total = await list_blocks(NOW)
    assert total == 3
    assert {one.member_no or one.address for one in blocks} == {"a@example.com", "15483503031", "Q1"}
    assert (await list_blocks(NOW, "q1"))[1] == 1
    assert await lift_block(blocks[0].id, NOW)
    assert not await lift_block(blocks[0].id, NOW)
    assert (await list_blocks(NOW))[1] == 2


async def test_a_person_has_each_name_of_a_view_once() -> None:
    view = await saved_views.save_view(1, "members", " 大同 的 ", "city=x", now=NOW)
    await saved_views.save_view(2, "members", "大同 的", "city=x", now=NOW)
    with pytest.raises(InputError):
        await saved_views.save_view(1, "members", "大同 的", "", now=NOW)
    other = await saved_views.save_view(1, "members", "别的", "", now=NOW)
    with pytest.raises(InputError):
        await saved_views.rename_view(other.id, 1, "大同 的")
    assert not await saved_views.rename_view(view.id, 2, "他的")
    assert [one.name for one in await saved_views.views_of(1, "members")] == ["大同 的", "别的"]

"""Leafing through members gives the same lists on both databases."""

from datetime import UTC, datetime

import pytest

from bot.settings import Settings
from campaigns import visits
from campaigns.members import consent
from campaigns.members.browse import (
    GONE,
    PAGE,
    SORTS,
    UNOWNED,
    WAITING,
    Sieve,
    browse_members,
    export_members,
    ids_of_list,
)
from campaigns.members.initials import fill_initials
from campaigns.models import (
    Campaign,
    Contact,
    ContentVersion,
    Member,
    Message,
    Occurrence,
    Touch,
)
from campaigns.segments import parse_segment
from campaigns.terms import ChannelName

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


async def add_member(no: str, **columns: object) -> Member:
    return await Member.create(**{"no": no, "name": "某公司", "registered_at": NOW, "idle_since": NOW, **columns})


async def numbers(sieve: Sieve, page: int = 1) -> list[str]:
    return [line.no for line in (await browse_members(sieve, page)).lines]


@pytest.fixture
async def three(database: Settings) -> list[Member]:
    return [
        await add_member("Q3", name="大同 Machine 100%", tier="高端", unread_resumes=4),
        await add_member("Q1", name="晋北_餐饮", tier="低端"),
        await add_member("Q2", name="云冈物流!", tier="低端"),
    ]


async def test_text_is_looked_for_in_names_and_numbers_and_has_no_wildcards(three: list[Member]) -> None:
    expected = {"": ["Q1", "Q2", "Q3"], "machine": ["Q3"], "%": ["Q3"], "_": ["Q1"], "!": ["Q2"], "q2": ["Q2"], "'": []}
    for text, found in expected.items():
        assert await numbers(Sieve(text=text)) == found, text


async def test_tiers_are_counted_beside_the_one_chosen(three: list[Member]) -> None:
    found = await browse_members(Sieve(tier="低端"), 1)
    assert (found.total, dict(found.tiers)) == (2, {"高端": 1, "低端": 2})
    assert [line.no for line in found.lines] == ["Q1", "Q2"]


async def test_unread_refused_and_open_tasks_are_conditions(three: list[Member]) -> None:
    top, one, two = three
    await consent.record_opt_out(one.id, at=NOW, source="test")
    await consent.pause_member(two.id, at=NOW, source="test")
    await consent.record_opt_out(top.id, at=NOW, source="test")
    await consent.lift_opt_out(top.id, at=NOW, source="staff")
    await visits.open_visit(two.id, category="call_me", cause="a", opened_at=NOW, due_at=NOW)
    done = await visits.open_visit(top.id, category="call_me", cause="b", opened_at=NOW, due_at=NOW)
    await visits.close_visit(done, outcome={}, at=NOW)
    assert await numbers(Sieve(unread=True)) == ["Q3"]
    assert await numbers(Sieve(refused=True)) == ["Q1"]
    assert await numbers(Sieve(task="any")) == ["Q2"]
    assert await numbers(Sieve(task="call_me")) == ["Q2"]
    assert await numbers(Sieve(task="complaint")) == []
    assert await numbers(Sieve(task="any", unread=True)) == []


async def test_fates_and_answers_are_conditions_within_one_campaign_or_in_any(three: list[Member]) -> None:
    top, one, two = three
    nudge = await add_message(top, "nudge", state="suppressed", reason="hold_out")
    await add_message(one, "nudge", state="queued", reason="outside_hours")
    await add_message(two, "tips", state="sent", reason="")
    await add_touch(top, nudge, "reply", "stop")
    await add_touch(one, None, "return", "")
    assert await numbers(Sieve(campaign="nudge")) == ["Q1", "Q3"]
    assert await numbers(Sieve(campaign="nudge", fate="suppressed:hold_out")) == ["Q3"]
    assert await numbers(Sieve(campaign="nudge", fate=WAITING)) == ["Q1"]
    assert await numbers(Sieve(fate=GONE)) == ["Q2"]
    assert await numbers(Sieve(fate="queued")) == []
    assert await numbers(Sieve(fate="sent")) == ["Q2"]
    assert await numbers(Sieve(campaign="nudge", fate="sent")) == []
    assert await numbers(Sieve(inbound="reply")) == ["Q3"]
    assert await numbers(Sieve(inbound="refusal", campaign="nudge")) == ["Q3"]
    assert await numbers(Sieve(inbound="return")) == ["Q1"]
    assert await numbers(Sieve(inbound="return", campaign="nudge")) == []
    assert await numbers(Sieve(campaign="nothing")) == []


async def test_a_line_knows_on_which_channels_somebody_has_an_address(three: list[Member]) -> None:
    top, one, _ = three
    await Contact.create(no="C1", member_id=top.id, mobile="15483503031")
    await Contact.create(no="C2", member_id=top.id, email="a@datong.example")
    await Contact.create(no="C3", member_id=one.id, openid="o1", active=False)
    lines = {line.no: line.addresses for line in (await browse_members(Sieve(), 1)).lines}
    assert lines == {"Q1": frozenset(), "Q2": frozenset(), "Q3": {ChannelName.SMS, ChannelName.EMAIL}}


async def test_pages_follow_each_other_and_the_one_behind_the_last_is_empty(database: Settings) -> None:
    for number in range(PAGE + 2):
        await add_member(f"Q{number:03}")
    assert len(await numbers(Sieve())) == PAGE
    assert await numbers(Sieve(), 2) == [f"Q{PAGE:03}", f"Q{PAGE + 1:03}"]
    assert await numbers(Sieve(), 3) == []
    assert (await browse_members(Sieve(), 3)).total == PAGE + 2


async def add_message(member: Member, key: str, *, state: str, reason: str) -> Message:
    version, _ = await ContentVersion.get_or_create(campaign=key, digest=key, defaults={"files": {}, "created_at": NOW})
    campaign, _ = await Campaign.get_or_create(key=key, defaults={"version_id": version.id})
    occurrence, _ = await Occurrence.get_or_create(
        campaign_id=campaign.id, key="one", defaults={"version_id": version.id, "at": NOW}
    )
    return await Message.create(
        occurrence_id=occurrence.id,
        member_id=member.id,
        message_class="service",
        state=state,
        reason=reason,
        not_before=NOW,
    )


async def add_touch(member: Member, message: Message | None, kind: str, intent: str) -> None:
    await Touch.create(
        member_id=member.id,
        at=NOW,
        direction="in",
        kind=kind,
        medium="email",
        intent=intent,
        message_id=message.id if message else None,
    )


async def test_a_search_finds_initials_contacts_and_phones_but_no_part_of_a_number(database: Settings) -> None:
    one = await add_member("Q1", name="大同机械")
    await Contact.create(no="C1", member_id=one.id, name="张晓燕", mobile="15483503031")
    await add_member("Q2", name="云冈物流")
    assert await fill_initials() == 2
    assert await fill_initials() == 0
    asked = {"dtjx": ["Q1"], "YGWL": ["Q2"], "张晓": ["Q1"], "15483503031": ["Q1"], "+86 154 8350 3031": ["Q1"]}
    asked |= {"3031": ["Q1"], "1548350": [], "50303": [], "8350": []}
    for text, found in asked.items():
        assert await numbers(Sieve(text=text)) == found, text


async def test_a_list_is_sorted_either_way_with_empty_cells_last_and_equals_by_number(database: Settings) -> None:
    for no, unread, login in (("Q1", 3, None), ("Q3", 5, NOW), ("Q2", 3, NOW)):
        await add_member(no, unread_resumes=unread, last_login_at=login)
    assert await numbers(Sieve(sort="unread", down=True)) == ["Q3", "Q1", "Q2"]
    assert await numbers(Sieve(sort="unread")) == ["Q1", "Q2", "Q3"]
    assert await numbers(Sieve(sort="login")) == ["Q2", "Q3", "Q1"]
    assert await numbers(Sieve(sort="login", down=True)) == ["Q2", "Q3", "Q1"]
    for sort in SORTS:
        assert len(await numbers(Sieve(sort=sort, down=True))) == 3, sort


async def test_a_rule_stands_beside_the_other_conditions(database: Settings) -> None:
    await add_member("Q1", city="大同", trade="餐饮", owner="林", unread_resumes=4)
    await add_member("Q2", city="大同", owner="", unread_resumes=4)
    await add_member("Q3", city="朔州", owner="林")
    rule = parse_segment("unread_resumes >= 3")
    assert await numbers(Sieve(rule=rule, now=NOW, city="大同", text="公司")) == ["Q1", "Q2"]
    assert await numbers(Sieve(rule=rule, now=NOW, owner="林")) == ["Q1"]
    assert await numbers(Sieve(owner=UNOWNED)) == ["Q2"]
    found = await export_members(
        await ids_of_list(Sieve(rule=rule, now=NOW, tier="一般", owners=frozenset({"林"})), 10)
    )
    assert [(row["no"], row["trade"], row["last_login_at"]) for row in found] == [("Q1", "餐饮", None)]

"""Tiers in the tables: what the night writes, what a colleague decides, and how that ends."""

from datetime import date, timedelta

import pytest

from bot.commands.tiering import place_members, tier_lines
from bot.settings import Settings
from campaigns.diagnosis import Code
from campaigns.errors import InputError
from campaigns.members.facts import facts_for
from campaigns.members.find import select_audience
from campaigns.members.findings import refresh_findings
from campaigns.members.overrides import end_override, override_of, set_tier
from campaigns.members.standing import last_tiering, read_standing
from campaigns.members.tier_runs import last_tiering_at
from campaigns.members.tiering import assign_all_tiers
from campaigns.models import Application, AuditEntry, Login, Member, Touch
from campaigns.segments import parse_segment
from campaigns.terms import Tier
from campaigns.tier_night import tier_members
from campaigns.tier_rules import TierRules
from campaigns.tiers import try_rules
from tests.cast import NOW, add_member, datong, jinbei

RULES = TierRules()
DAY = timedelta(days=1)


async def _town(count: int = 20) -> list[int]:
    """The first pays most; nobody has anything else."""
    return [await add_member(f"T{n:03}", registered_at=NOW - 300 * DAY, paid_12m=9000 - n * 400) for n in range(count)]


async def _tiers() -> dict[str, str]:
    return dict(await Member.all().order_by("no").values_list("no", "tier"))


async def test_the_night_places_everybody_and_is_written_down(database: Settings) -> None:
    await _town()
    run = await tier_members(NOW, RULES)
    assert run == await last_tiering()
    assert await last_tiering_at() == NOW
    assert run.tiers == {"高端": 1, "优质": 3, "一般": 10, "低端": 6}
    first = await Member.get(no="T000")
    assert (first.tier, first.tier_by_rule) == ("高端", "高端")
    assert first.tier_reasons[0] == "近12个月付费9000元（付费29.7/30）"


async def test_a_tier_by_hand_holds_through_nights_and_ends_by_itself_with_a_word_in_the_log(
    database: Settings,
) -> None:
    ids = await _town()
    await tier_members(NOW, RULES)
    last_day = date(2026, 12, 1)
    await set_tier(ids[-1], Tier.TOP, " 重点培养 ", last_day, by="林", now=NOW)
    assert (await _tiers())["T019"] == "高端"
    run = await tier_members(NOW + 8 * DAY, RULES)  # 1 December
    assert (run.ended, (await _tiers())["T019"]) == (0, "高端")
    assert (await Member.get(no="T019")).tier_by_rule == "低端"
    run = await tier_members(NOW + 9 * DAY, RULES)
    assert (run.ended, (await _tiers())["T019"]) == (1, "低端")
    assert await override_of(ids[-1]) is None
    [entry] = await AuditEntry.filter(action="tier_ended")
    assert (entry.who, entry.subject) == ("", "member/T019")
    assert entry.detail == {"tier": "高端", "reason": "重点培养", "until": "2026-12-01"}
    assert (await tier_members(NOW + 10 * DAY, RULES)).ended == 0


async def test_the_newest_of_two_by_hand_holds_and_taken_back_the_score_does(database: Settings) -> None:
    ids = await _town()
    await tier_members(NOW, RULES)
    for tier in (Tier.TOP, Tier.GOOD):
        await set_tier(ids[-1], tier, "试", NOW.date() + 5 * DAY, by="林", now=NOW)
    found = await override_of(ids[-1])
    assert found is not None
    assert found.tier is Tier.GOOD
    ended = await end_override(ids[-1], now=NOW)
    assert ended is not None
    assert (await _tiers())["T019"] == "低端"
    assert await end_override(ids[-1], now=NOW) is None


@pytest.mark.parametrize(
    ("reason", "days"), [("", 5), ("   ", 5), ("长" * 61, 5), ("好", -1), ("好", 367)], ids=range(5)
)
async def test_a_tier_by_hand_needs_a_reason_and_an_end_to_come(database: Settings, reason: str, days: int) -> None:
    member_id = await add_member("A")
    with pytest.raises(InputError):
        await set_tier(member_id, Tier.TOP, reason, NOW.date() + days * DAY, by="林", now=NOW)
    assert await override_of(member_id) is None
    assert (await Member.get(no="A")).tier == "一般"


async def test_activity_is_the_chance_times_the_percentile_of_login_days(database: Settings) -> None:
    for no, days in (("A", 3), ("B", 1), ("C", 0)):
        member_id = await add_member(no, registered_at=NOW - 300 * DAY, p_active=0.8)
        await Login.bulk_create([Login(member_id=member_id, at=NOW - n * DAY - DAY) for n in range(days)])
    await Login.create(member_id=member_id, at=NOW - 95 * DAY)  # too long ago
    await assign_all_tiers(NOW, RULES)
    values = dict(await Member.all().values_list("no", "tier_values"))
    assert [(values[no] or "").split(",")[1] for no in "ABC"] == ["0.800000", "0.533333", "0.000000"]


async def test_answers_count_as_responsiveness(database: Settings) -> None:
    loud, mute = await add_member("A", registered_at=NOW), await add_member("B", registered_at=NOW)
    for member_id, kind in ((loud, "message"), (loud, "message"), (loud, "reply"), (mute, "message")):
        way = "in" if kind == "reply" else "out"
        await Touch.create(member_id=member_id, at=NOW - DAY, direction=way, kind=kind, medium="sms")
    await assign_all_tiers(NOW, RULES)
    values = dict(await Member.all().values_list("no", "tier_values"))
    assert [(values[no] or "").split(",")[4] for no in "AB"] == ["0.500000", "0.000000"]


async def test_other_weights_are_tried_on_what_the_night_left(database: Settings) -> None:
    ids = await _town()
    await tier_members(NOW, RULES)
    await set_tier(ids[0], Tier.LOW, "欠费", NOW.date(), by="林", now=NOW)
    later = NOW + 40 * DAY
    assert try_rules(await read_standing(RULES, later), RULES, RULES).moving == 0
    wide = TierRules(shares=(50, 60, 70), margin_points=0)
    tried = try_rules(await read_standing(wide, later), RULES, wide)
    assert tried.fixed == 1
    assert tried.matrix[3][3] == 7  # six by their score, one by hand
    assert (tried.matrix[1][0], tried.matrix[2][0], tried.matrix[2][1]) == (3, 6, 2)
    assert all(one.before == pytest.approx(one.after) for one in tried.moves)
    nobody = try_rules(await read_standing(wide, NOW + DAY), RULES, wide)
    assert nobody.moving == 0
    assert nobody.waiting >= tried.moving


async def test_the_command_says_what_each_tier_is_owed(database: Settings) -> None:
    await _town()
    found = await place_members(database, NOW)
    assert found["tiers"]["优质"] == 3
    assert found["findings"] == {}
    assert found["weights"] == {"payments": 30, "activity": 25, "hiring": 20, "standing": 15, "response": 10}
    assert found["service"]["低端"] == {"caller": "nobody", "every_days": 0, "messages": 2, "window_days": 30}
    assert "20 家" in str(tier_lines(found)[0])


async def test_what_the_nights_diagnosis_finds_can_be_asked_for(database: Settings) -> None:
    jin = await jinbei()
    await add_member("B")
    found = await refresh_findings(NOW + 10 * DAY)
    assert found[Code.UNREAD] == 1
    assert await select_audience(parse_segment("finding = unread"), NOW) == [jin.member_id]
    assert await select_audience(parse_segment("finding is empty"), NOW) != []
    await Application.all().delete()
    found = await refresh_findings(NOW + 11 * DAY)
    assert Code.UNREAD not in found
    assert await select_audience(parse_segment("finding = unread"), NOW) == []


async def test_a_limit_of_messages_for_a_tier_holds_for_a_tier_by_hand(database: Settings) -> None:
    member_id = (await datong()).member_id
    await set_tier(member_id, Tier.LOW, "欠费", NOW.date(), by="林", now=NOW)
    assert (await facts_for([member_id], NOW))[member_id].tier is Tier.LOW

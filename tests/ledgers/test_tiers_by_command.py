"""On both databases: what would move by other weights is told and not saved; a tier is given by command and ended."""

from datetime import datetime, timedelta

import pytest

from bot.commands import tiers_by_hand as command
from bot.database import open_database
from bot.settings import Settings
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members.tiering import assign_all_tiers
from campaigns.models import AuditEntry, Member, TierOverride
from campaigns.rights import Role
from campaigns.terms import SHANGHAI
from campaigns.tier_rules import TierRules
from tests.web_cast import NOW, add_colleague, add_member

_DAY = f"{datetime.now(SHANGHAI).date() + timedelta(days=30)}"
_ALL_RESPONSE = ["payments=0", "activity=0", "hiring=0", "standing=0", "response=100"]


async def test_other_weights_are_tried_and_nothing_is_saved(database: Settings) -> None:
    for n in range(4):
        await add_member(f"Q{n}", paid_12m=n * 3000, login_count=n)
    await assign_all_tiers(NOW, TierRules())
    before = await Member.all().order_by("id").values_list("tier", "tier_score")
    found = await command.try_weights(database, _ALL_RESPONSE)
    assert found["weights"] == {"payments": 0, "activity": 0, "hiring": 0, "standing": 0, "response": 100}
    assert sum(sum(line.values()) for line in found["matrix"].values()) == found["members"] == 4
    assert command.tried_lines(found)
    async with open_database(database):
        assert await Member.all().order_by("id").values_list("tier", "tier_score") == before
        assert not await AuditEntry.exists()


@pytest.mark.parametrize(
    ("weights", "why"), [(["payments"], "payments=30"), (["hope=3"], "hope=3"), (["payments=3"], "加起来要是 100")]
)
async def test_weights_that_are_none_are_refused(database: Settings, weights: list[str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        await command.try_weights(database, weights)


async def test_a_tier_is_given_until_a_day_and_taken_back_each_with_an_entry(database: Settings) -> None:
    await add_colleague(Role.MANAGER, name="主管")
    await add_member("Q1", tier="低端", tier_by_rule="低端")
    given = await command.give_tier(database, "Q1", "高端", "大客户", _DAY, "主管")
    assert (given["tier"], given["by"], str(given["until"])) == ("高端", "主管", _DAY)
    async with open_database(database):
        assert (await Member.get()).tier == "高端"
    ended = await command.end_tier(database, "Q1", "")
    assert (ended["was"], ended["tier"]) == ("高端", "低端")
    assert len([*command.given_lines(given), *command.ended_lines(ended)]) == 2
    async with open_database(database):
        assert await AuditEntry.filter(action=Action.TIER_SET).order_by("id").values_list("who", "subject") == [
            ("主管", "member/Q1"), ("命令行", "member/Q1"),
        ]  # fmt: skip
    with pytest.raises(InputError, match="没有人工定级"):
        await command.end_tier(database, "Q1", "")


@pytest.mark.parametrize(
    ("number", "tier", "reason", "until", "by"),
    [
        ("Q404", "高端", "r", "2026-12-31", ""),
        ("Q1", "最高", "r", "2026-12-31", ""),
        ("Q1", "高端", " ", "2026-12-31", ""),
        ("Q1", "高端", "r", "明天", ""),
        ("Q1", "高端", "r", "2020-01-01", ""),
        ("Q1", "高端", "r", "2026-12-31", "无"),
    ],
)
async def test_what_cannot_be_given_changes_nothing(
    database: Settings, number: str, tier: str, reason: str, until: str, by: str
) -> None:
    await add_member("Q1")
    with pytest.raises(InputError):
        await command.give_tier(database, number, tier, reason, until, by)
    async with open_database(database):
        assert not await TierOverride.exists()

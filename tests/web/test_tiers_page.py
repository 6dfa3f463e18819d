"""客户分级: what would change is seen before weights are saved; tiers by hand are given on a member's page."""

import re
from datetime import timedelta

import httpx
import pytest

from bot.console.settings.limits import ALL_GROUPS, SERVICE_GROUPS
from bot.language import translations
from bot.runtime import Runtime
from campaigns import edits
from campaigns.models import AuditEntry, FileEdit, Member
from campaigns.rights import Role
from campaigns.terms import Tier
from campaigns.tier_night import tier_members
from tests.web_cast import NOW, add_member, as_staff

AT = "/settings/tiers"
HOSTILE = "<script>alert(1)</script>\"'"


async def _town(runtime: Runtime, count: int = 20) -> None:
    """The first pays most and is small, the last pays nothing and is large."""
    for n in range(count):
        await add_member(
            f"T{n:03}", name=f"{HOSTILE}{n}", registered_at=NOW - timedelta(days=300), paid_12m=(count - n) * 400,
            size=f"{1 + n * 40}人以上",
        )  # fmt: skip
    await tier_members(NOW - timedelta(days=60), runtime.rulebook.policy.tiers)


async def _version(browser: httpx.AsyncClient) -> str:
    found = re.search(r'name="version" value="(\d+)"', (await browser.get(AT)).text)
    assert found
    return found[1]


async def test_who_would_move_is_seen_before_anything_is_saved(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await _town(runtime)
    before = dict(await Member.all().values_list("no", "tier"))
    asked = {"tiers.weights.payments": "0", "tiers.weights.standing": "45", "tiers.margin.days": "0"}
    page = (await browser.get(AT, params=asked)).text
    found = re.search(r"按这样的权重，(\d+)家会换级", page)
    assert found
    assert int(found[1]) > 5
    assert "规模性质 +" in page
    assert "付费 -" in page
    assert "<script>alert" not in page
    assert 'name="tiers.weights.standing" value="45"' in page
    assert await FileEdit.all().count() == 0
    assert dict(await Member.all().values_list("no", "tier")) == before
    saved = await browser.post(AT, data={"version": await _version(browser), **asked})
    assert saved.headers["location"] == f"{AT}?done=3"
    assert runtime.rulebook.policy.tiers.weights == (0, 25, 20, 45, 10)
    [entry] = await AuditEntry.filter(action="setting_changed")
    assert entry.detail["tiers.weights.payments"] == "30 → 0"
    assert (await tier_members(NOW, runtime.rulebook.policy.tiers)).moved == int(found[1])


async def test_the_weights_in_force_move_nobody_and_offer_nothing_to_save(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await _town(runtime)
    page = (await browser.get(AT, params={"tiers.weights.payments": "30"})).text
    assert "按这样的权重，0家会换级" in page
    assert "没有要存的" in page


async def test_without_members_the_page_says_what_to_do_first(browser: httpx.AsyncClient) -> None:
    assert "先导入会员" in (await browser.get(AT, params={"tiers.weights.payments": "30"})).text


@pytest.mark.parametrize(
    ("key", "typed", "beside"),
    [
        ("tiers.weights.payments", "31", "tiers-weights"),
        ("tiers.weights.payments", "<b>", "tiers-weights-payments"),
        ("tiers.weights.payments", "-5", "tiers-weights-payments"),
        ("tiers.cuts.高端", "30", "tiers-cuts"),
        ("tiers.cuts.一般", "101", "tiers-cuts-一般"),
        ("tiers.margin.points", "五", "tiers-margin-points"),
    ],
)
async def test_what_is_wrong_is_said_beside_it_and_kept_as_typed(
    browser: httpx.AsyncClient, key: str, typed: str, beside: str
) -> None:
    looked = await browser.get(AT, params={key: typed})
    saved = await browser.post(AT, data={"version": "0", key: typed})
    for answer in (looked, saved):
        assert answer.status_code == 422
        assert answer.text.count('class="err"') == 1
        assert f'id="e-{beside}"' in answer.text
        assert f'name="{key}" value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text
    assert await FileEdit.all().count() == 0


async def test_what_a_tier_is_owed_is_set_and_said_on_a_members_page(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await add_member("Q1")  # 一般
    given = {
        "service.caller.一般": "owner", "service.every_days.一般": "45", "company.touches.一般": "3",
        "version": await _version(browser),
    }  # fmt: skip
    assert (await browser.post(f"{AT}/service", data=given)).headers["location"] == f"{AT}?done=3"
    policy = runtime.rulebook.policy
    assert policy.company_touches[Tier.STANDARD] == 3
    page = (await browser.get("/members/Q1")).text
    assert "负责人一对一，最多隔45天打一次；30天最多3条" in page
    assert (await browser.post(f"{AT}/service", data=given)).status_code == 409
    given = {"service.caller.一般": "robot", "version": await _version(browser)}
    assert (await browser.post(f"{AT}/service", data=given)).status_code == 422
    [newest] = await edits.versions_of(edits.TOP, "policy.toml")
    assert newest.text
    assert "最多隔几天打一次" in (await browser.get("/settings/policy")).text  # among the versions


async def test_a_tier_by_hand_is_given_and_taken_back_on_the_members_page(runtime: Runtime) -> None:
    await _town(runtime)
    async with as_staff(runtime) as admin:
        given = {"tier": "高端", "reason": HOSTILE, "until": NOW.date().isoformat()}
        answer = await admin.post("/members/T019/tier", data=given)
        assert answer.headers["location"].endswith("done=tier")
        assert (await Member.get(no="T019")).tier == "高端"
        page = (await admin.get("/members/T019")).text
        assert "按分数是" in page
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert (await admin.post("/members/T019/tier/end")).headers["location"].endswith("done=tier-end")
        assert (await Member.get(no="T019")).tier != "高端"
        assert (await admin.post("/members/T019/tier/end")).headers["location"].endswith("fault-meanwhile")
    assert await AuditEntry.filter(action="tier_set", subject="member/T019").count() == 2


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"tier": "钻石"}, "fault-tier"),
        ({"reason": " "}, "fault-tier-why"),
        ({"until": "明天"}, "fault-tier-until"),
        ({"until": "2020-01-01"}, "fault-tier-until"),
    ],
)
async def test_a_tier_by_hand_that_is_not_whole_changes_nothing(
    runtime: Runtime, changed: dict[str, str], fault: str
) -> None:
    await add_member("Q1")
    async with as_staff(runtime) as admin:
        given = {"tier": "高端", "reason": "重点", "until": NOW.date().isoformat(), **changed}
        answer = await admin.post("/members/Q1/tier", data=given)
        assert answer.headers["location"].endswith(f"done={fault}")
        assert 'class="note note--red' in (await admin.get(answer.headers["location"])).text
    assert (await Member.get(no="Q1")).tier == "一般"
    assert await AuditEntry.filter(action="tier_set").count() == 0


async def test_an_agent_gives_no_tier_and_a_marketer_only_to_members_of_the_department(runtime: Runtime) -> None:
    await add_member("Q1", owner="王")
    given = {"tier": "高端", "reason": "重点", "until": NOW.date().isoformat()}
    async with as_staff(runtime, Role.AGENT, name="林", login="lin") as agent:
        assert (await agent.post("/members/Q1/tier", data=given)).status_code == 403
    async with as_staff(runtime, Role.MARKETER, name="赵", login="zhao") as marketer:
        assert (await marketer.post("/members/Q1/tier", data=given)).status_code == 404
    assert (await Member.get(no="Q1")).tier == "一般"


def test_every_limit_of_tiers_has_english() -> None:
    english = dict(translations("en"))
    groups = (*ALL_GROUPS, *SERVICE_GROUPS)
    asked = {text for group in groups for text in (group.title, group.changes)}
    asked |= {text for group in groups for limit in group.limits for text in (limit.label, limit.unit) if text}
    assert asked - english.keys() == set()

"""A return visit from its preparation to what comes of it: brief, outcome, statistics, seekers introduced."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from bot.commands.serving import House
from bot.conductor import Conductor
from campaigns.members import seekers
from campaigns.models import Application, HiringPlan, Introduction, Message, Problem, Promise, Seeker, Touch, Visit
from campaigns.terms import ChannelName
from tests import cast
from tests.browser.house import ledger
from tests.browser.surfing import NARROW, Surfer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("script", [True, False])
async def test_a_visit_is_prepared_recorded_counted_and_ends_with_seekers_introduced(
    home: House, surfer: Surfer, script: bool
) -> None:
    player, now = await cast.datong(), home.runtime.clock()
    task = await _arranged(home, player)
    staff = await surfer.colleague(size=NARROW, java_script_enabled=script)

    await staff.goto(f"/tasks/{task.id}")
    await staff.get_by_role("link", name="访前检查").first.click()
    main = staff.locator("main")
    await expect(main).to_contain_text("大同机械")
    await expect(main).to_contain_text("未读")
    await expect(main).to_contain_text("话术")
    await _fits(staff)

    await staff.goto(f"/tasks/{task.id}")
    await _record(staff, now.date().isoformat()[:7])
    assert (await Problem.get()).category == "few_applicants"
    assert (await Promise.get()).what == "发候选人"
    assert (await HiringPlan.get()).heads == 5
    assert (await Touch.get(kind="visit")).medium == "visit"

    await staff.goto("/statistics/problems")
    await expect(main).to_contain_text("1个问题")
    await expect(main).to_contain_text("简历少")
    await main.get_by_role("link", name="1个问题").click()
    await expect(main).to_contain_text("薪资偏低")
    await expect(main).to_contain_text("大同机械")
    await _fits(staff)

    await staff.goto(f"/members/{player.no}/brief")
    await expect(main).to_contain_text("发候选人")  # what was promised stands in the next brief

    proposed = await Visit.get(category="introduce")
    await staff.goto(f"/tasks/{proposed.id}")
    await staff.get_by_role("link", name="这家的求职者页").click()
    await staff.get_by_role("button", name="看看介绍选中的会怎样").click()
    await staff.get_by_role("button", name="介绍2位").click()
    await expect(main).to_contain_text("介绍了2位")
    rested = (await Message.get()).not_before  # a visit counts as a contact: the message keeps its distance
    assert rested > now + timedelta(days=1)
    await Conductor(home.runtime, home.sandbox).live_until(rested + timedelta(hours=1))
    assert await Introduction.filter(state="introduced").count() == 2
    assert any("求职者1" in str(one) for one in ledger(home, ChannelName.EMAIL))


async def _arranged(home: House, player: cast.Player) -> Visit:
    """A member with résumés it has not read, seekers who fit, and the task of a visit."""
    now = home.runtime.clock()
    for number in (1, 2):
        await Seeker.create(
            no=f"S{number}", name=f"求职者{number}", wanted_job="电焊工", wanted_city="古城", pay=4000, years=3,
            registered_at=now - timedelta(days=number), recommend=True, mobile="15483503099",
        )  # fmt: skip
    await seekers.fill_occupations()
    assert await Application.filter(first_viewed_at=None).count()
    return await Visit.create(
        member_id=player.member_id, contact_id=player.contact_id, category="return_visit", cause="tests:visit",
        opened_at=now, due_at=now, note="回访",
    )  # fmt: skip


async def _record(staff: Page, month: str) -> None:
    await staff.get_by_text("接通，谈完", exact=True).click()
    await staff.get_by_text("上门", exact=True).click()
    await staff.get_by_label("记一句").fill("上门谈了半小时")
    await staff.get_by_text("有问题", exact=True).click()
    await staff.get_by_label("哪一类").select_option(label="简历少")
    await staff.get_by_label("原因").fill("薪资偏低")
    await staff.locator("summary", has_text="答应了什么").click()
    await staff.locator("#promise").fill("发候选人")
    await staff.locator("#promise_on").fill(f"{month}-30")
    await staff.locator("summary", has_text="用工计划").click()
    await staff.get_by_label("招什么岗位").fill("电焊工")
    await staff.get_by_label("招几个人").fill("5")
    await staff.locator("#month").fill(month)
    await staff.get_by_role("button", name="记下结果").click()
    await expect(staff.get_by_role("status")).to_contain_text("记下了")


async def _fits(page: Page) -> None:
    assert not await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

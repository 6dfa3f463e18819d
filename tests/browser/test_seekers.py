"""After a visit seekers are proposed, and introduced from the screen; the company reads of them on its phone."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from bot.commands.serving import House
from bot.conductor import Conductor
from campaigns.members import seekers
from campaigns.models import Introduction, Message, Seeker, Touch, Visit
from campaigns.terms import ChannelName
from tests import cast
from tests.browser.hands import finish_task
from tests.browser.house import ledger
from tests.browser.surfing import NARROW, Surfer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("script", [True, False])
async def test_after_a_visit_seekers_are_proposed_and_introduced(home: House, surfer: Surfer, script: bool) -> None:
    player, conductor, now = await cast.datong(), Conductor(home.runtime, home.sandbox), home.runtime.clock()
    for number, video in ((1, "https://video.example.com/1"), (2, "")):
        await Seeker.create(
            no=f"S{number}", name=f"求职者{number}", wanted_job="电焊工", wanted_city="古城", pay=4000, years=3,
            registered_at=now - timedelta(days=number), recommend=True, mobile="15483503099", video_url=video,
        )  # fmt: skip
    await seekers.fill_occupations()
    await Visit.create(
        member_id=player.member_id, contact_id=player.contact_id, category="return_visit", cause="tests:visit",
        opened_at=now, due_at=now, note="回访",
    )  # fmt: skip
    staff = await surfer.colleague(size=NARROW, java_script_enabled=script)

    await finish_task(staff, "大同机械", "接通，谈完", "年后还要两个焊工")
    task = await Visit.get(category="introduce")
    await staff.goto(f"/tasks/{task.id}")
    await expect(staff.locator("main")).to_contain_text("求职者1（电焊工")
    await staff.get_by_role("link", name="这家的求职者页").click()
    await expect(staff.get_by_role("link", name="看视频简历")).to_have_attribute("rel", "noopener noreferrer")
    await staff.get_by_role("button", name="看看介绍选中的会怎样").click()
    await expect(staff.locator("main")).to_contain_text("把2位求职者介绍给大同机械有限公司？")
    await staff.get_by_role("button", name="介绍2位").click()
    await expect(staff.locator("main")).to_contain_text("介绍了2位")
    await expect(staff.locator("main")).to_contain_text("154****3099")
    rested = (await Message.get()).not_before  # a visit counts as a contact: the message keeps its distance
    assert rested > now + timedelta(days=1)
    await conductor.live_until(rested + timedelta(hours=1))

    [arrived] = ledger(home, ChannelName.EMAIL)
    assert "求职者1" in str(arrived)
    assert await Introduction.filter(state="introduced").count() == 2
    assert await Touch.filter(member_id=player.member_id, kind="message", direction="out").count() == 1
    wide = await staff.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide

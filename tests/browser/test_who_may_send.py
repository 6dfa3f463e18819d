"""Who lets a campaign go: never a marketer, and nobody a large one of his own."""

import pytest
from playwright.async_api import expect

from bot.commands.serving import House
from campaigns import approvals, definitions
from campaigns.models import Approval
from campaigns.rights import Role
from tests.browser.surfing import Surfer

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY, TITLE = "unread_resumes", "未读简历提醒"


async def submitted(home: House, *, by: str, audience: int) -> int:
    """Sent for approval; returns the request's number."""
    folder = await definitions.load_campaign(home.runtime.settings.huifang_templates, KEY)
    return (await approvals.submit(folder, audience, by=by, now=home.runtime.clock())).id


async def test_a_marketer_sees_no_button_to_approve_and_is_refused_at_its_address(home: House, surfer: Surfer) -> None:
    asked = await submitted(home, by="程雪", audience=50)
    page = await surfer.colleague(Role.MARKETER, name="程雪")
    await page.goto(f"/campaigns/approvals/{asked}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    await expect(page.get_by_role("main")).to_contain_text("你的角色不能审批")
    await expect(page.get_by_role("link", name="批准")).to_have_count(0)
    await page.goto(f"/campaigns/{KEY}/make/check")
    await expect(page.get_by_text("批准并开始")).to_have_count(0)
    # as the button would, had the page one
    await page.evaluate(
        """asked => {
          const form = Object.assign(document.createElement("form"), {
            method: "post", action: `/campaigns/approvals/${asked}/approve`});
          form.append(document.querySelector("input[name=form_key]").cloneNode());
          document.body.append(form);
          form.submit();
        }""",
        asked,
    )
    await expect(page.get_by_role("main")).to_contain_text("审批活动")
    surfer.forgive("403")
    assert (await Approval.get()).verdict == ""


@pytest.mark.parametrize(("audience", "may"), [(200, True), (201, False)])
async def test_a_manager_approves_his_own_up_to_the_size_that_is_set(
    home: House, surfer: Surfer, audience: int, may: bool
) -> None:
    await submitted(home, by="李娜", audience=audience)
    page = await surfer.colleague(Role.MANAGER, name="李娜")
    await page.goto("/campaigns")
    await page.get_by_role("link", name=TITLE).click()
    await page.get_by_role("link", name="等审批，看内容").click()
    await expect(page.get_by_role("link", name="撤回送审")).to_be_visible()
    if not may:
        await expect(page.get_by_role("main")).to_contain_text("这是你自己送审的，超过200家要别人来批。")
    await expect(page.get_by_role("link", name=f"批准{audience}家")).to_have_count(int(may))

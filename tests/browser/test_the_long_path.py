"""From an export to the member's timeline: three colleagues and a customer, with nothing but what the screen shows."""

import re

import pytest
from playwright.async_api import FilePayload, Page, expect

from bot.commands.serving import House
from bot.web.passwords import keep_password
from campaigns.rights import Right, Role
from tests.browser.hands import go_to, log_in, write_answer
from tests.browser.house import sandbox_of
from tests.browser.surfing import NARROW, Surfer
from tests.web_cast import add_colleague

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PASSWORD = "correct-horse-battery"
# 跟进 is no word the import knows: it is told by hand that this is who looks after the member
MEMBERS = """会员编号,企业名称,行业,地区,注册时间,最近登录时间,跟进
Q1,晋北小馆,餐饮酒店,大同,2025-03-01,2026-05-01,程雪
Q2,云冈面馆,餐饮酒店,大同,2025-03-02,2026-05-02,程雪
Q3,平城机械,机械制造,大同,2025-03-03,2026-11-20,程雪
,没有编号,餐饮酒店,大同,2025-03-04,2026-05-04,程雪
"""
CONTACTS = """联系人编号,会员编号,姓名,职务,邮箱,主联系人,同意接收营销
L1,Q1,高建国,老板,gao@qq.example.com,是,是
L2,Q2,魏倩,店长,wei@qq.example.com,是,是
L3,Q3,张晓燕,人事,zhang@qq.example.com,是,是
"""
POSTINGS = """职位编号,会员编号,职位名称,工作地区,发布时间,状态
P1,Q1,传菜员,大同,2026-11-01 09:00:00,发布中
P2,Q2,拉面师傅,大同,2026-11-01 09:00:00,发布中
"""
APPLICATIONS = "投递编号,职位编号,求职者编号,投递时间\n" + "".join(
    f"A{posting}{number},P{posting},S{number},2026-11-1{number} 09:00:00\n" for posting in (1, 2) for number in range(4)
)
FILES = {"会员.csv": MEMBERS, "联系人.csv": CONTACTS, "职位.csv": POSTINGS, "投递.csv": APPLICATIONS}
INVITED, ANSWERED, CALLED = (
    "年底招人的多，早看早约。",
    "今天下午三点前打给您，先把未读的简历发您邮箱。",
    "约了周五面试两个人",
)
SAID = "简历我看了，给我打个电话吧"


async def test_from_an_export_to_what_came_of_it(home: House, surfer: Surfer) -> None:
    proof = await keep_password(PASSWORD)
    await add_colleague(
        Role.MARKETER, login="chengxue", name="程雪", department="东区", password=proof, grants=[Right.IMPORT]
    )
    await add_colleague(Role.MANAGER, login="lina", name="李娜", password=proof)
    await add_colleague(Role.AGENT, login="shilei", name="石磊", department="东区", password=proof)

    marketer, manager, agent = await surfer.stranger(), await surfer.stranger(), await surfer.stranger()
    await log_in(marketer, "chengxue", PASSWORD)
    await import_members(marketer)
    await build_segment(marketer)
    await make_campaign(marketer)
    await log_in(agent, "shilei", PASSWORD)
    await go_to(agent, "会话")
    await expect(agent.get_by_text("没有人在等回复")).to_be_visible()
    await agent.evaluate("window.notReloaded = true")

    await log_in(manager, "lina", PASSWORD)
    await approve(manager)
    await see_it_sent(marketer)
    await answer_on_the_phone(await surfer.stranger(NARROW), home)

    await expect(agent.get_by_role("link", name="晋北小馆")).to_contain_text(SAID)
    assert await agent.evaluate("window.notReloaded")
    await answer_from_the_inbox(agent)
    await call_and_note(agent)
    await read_timeline(marketer)


async def import_members(page: Page) -> None:
    await go_to(page, "企业会员")
    await page.get_by_role("link", name="导入").first.click()
    await page.get_by_label("CSV或XLSX").set_input_files(
        [FilePayload(name=name, mimeType="text/csv", buffer=text.encode()) for name, text in FILES.items()]
    )
    await page.get_by_role("button", name="传文件，下一步认列").click()
    members = page.get_by_role("region", name="会员.csv")
    await expect(members).to_contain_text("晋北小馆")
    await members.get_by_label("这一列是").last.select_option("负责客服")
    await page.get_by_role("button", name="试4个文件").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("试过了，还没有写进去")
    await expect(page.get_by_role("row", name="会员.csv")).to_contain_text("企业会员")
    await page.get_by_role("link", name="导入16行").click()
    await page.get_by_role("dialog").get_by_role("button", name="导入16行").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("导入完了")
    await expect(page.get_by_role("link", name="下载这1处")).to_be_visible()


async def build_segment(page: Page) -> None:
    await go_to(page, "分群")
    await page.get_by_role("link", name="建第一个分群").click()
    await page.get_by_label("字段").first.select_option("行业")
    await expect(page.get_by_label("怎么比").first).to_have_value("=")
    await page.get_by_label("值", exact=True).first.fill("餐饮酒店")
    look = page.get_by_role("region", name="现在有谁")
    await expect(look).to_contain_text("2家")
    await expect(look.get_by_role("link", name="云冈面馆")).to_be_visible()
    await page.get_by_label("分群的名字").fill("餐饮有未读")
    await page.get_by_role("button", name="存分群").click()
    await expect(page.get_by_role("status")).to_contain_text("“餐饮有未读”存好了。")


async def make_campaign(page: Page) -> None:
    await go_to(page, "营销活动")
    await page.get_by_role("link", name="新建活动").click()
    await page.get_by_label("名称").fill("餐饮未读提醒")
    await page.get_by_text("未读简历提醒", exact=True).click()
    await page.get_by_role("button", name="下一步：给谁").click()
    await page.get_by_label("分群", exact=True).select_option("餐饮有未读")
    await expect(page.get_by_role("region", name="现在有谁")).to_contain_text("2家")
    await page.get_by_role("button", name="下一步：为了什么").click()
    await page.get_by_label("留多少不发").fill("0")
    await page.get_by_role("button", name="下一步：写什么").click()
    await write_words(page)
    await page.get_by_role("button", name="下一步：什么时候").click()
    await page.get_by_text("批准后马上发一次").click()
    await page.get_by_role("button", name="下一步：检查").click()
    await expect(page.get_by_text("没有要改的")).to_be_visible()
    await expect(page.get_by_role("region", name="现在发，会怎样")).to_contain_text(re.compile(r"收得到\s*2家"))
    await page.get_by_role("button", name="送审", exact=True).click()
    await expect(page.get_by_role("link", name="等审批，看内容")).to_be_visible()


async def write_words(page: Page) -> None:
    await page.get_by_role("navigation", name="通道").get_by_role("link", name="邮件").click()
    body = page.get_by_role("textbox", name="正文")
    words = await body.input_value()
    await body.fill(words.replace("投简历的人常常同时投几家，先打电话的先见到人。", INVITED))
    await expect(page.get_by_label("预览")).to_contain_text(INVITED)


async def approve(page: Page) -> None:
    await go_to(page, "营销活动")
    await page.get_by_role("link", name="餐饮未读提醒").click()
    await page.get_by_role("link", name="等审批，看内容").click()
    await expect(page.get_by_role("main")).to_contain_text(INVITED)
    await page.get_by_role("link", name="批准2家").click()
    await page.get_by_role("dialog").get_by_role("button", name="批准2家").click()
    await expect(page.get_by_role("status")).to_contain_text("批准了")


async def see_it_sent(page: Page) -> None:
    await go_to(page, "营销活动")
    await expect(page.get_by_role("row", name="餐饮未读提醒").get_by_label("等回执2")).to_be_visible()


async def answer_on_the_phone(page: Page, home: House) -> None:
    await page.goto(f"{sandbox_of(home).url}/phone")
    await page.get_by_role("link", name="gao@qq.example.com").click()
    mailbox = page.get_by_role("region", name="邮件")
    await expect(mailbox).to_contain_text(INVITED)
    await mailbox.get_by_label("用邮件回答").fill(SAID)
    await mailbox.get_by_role("button", name="发送").click()
    await expect(mailbox).to_contain_text(SAID)


async def answer_from_the_inbox(page: Page) -> None:
    await page.get_by_role("link", name="晋北小馆").click()
    await write_answer(page, ANSWERED)
    await expect(page.locator("#chat .msg--out").last).to_contain_text("石磊，已发")


async def call_and_note(page: Page) -> None:
    await go_to(page, "任务")
    await page.get_by_role("link", name="晋北小馆").click()
    await page.get_by_text("接通，谈完", exact=True).click()
    await page.get_by_label("记一句").fill(CALLED)
    await page.get_by_role("button", name="记下结果").click()
    await expect(page.get_by_role("status")).to_contain_text("记下了")


async def read_timeline(page: Page) -> None:
    await go_to(page, "企业会员")
    await page.get_by_role("link", name="晋北小馆").click()
    told = page.get_by_role("region", name="联系记录")
    for words in (INVITED, SAID, ANSWERED, CALLED):
        await expect(told).to_contain_text(words)
    text = await told.inner_text()
    assert sorted((CALLED, ANSWERED, SAID, INVITED), key=text.index) == [CALLED, ANSWERED, SAID, INVITED]

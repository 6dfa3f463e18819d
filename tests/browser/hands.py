"""What a person does on the pages, one small step each, by what the screen says."""

from urllib.parse import urlencode

from playwright.async_api import Page, expect

from bot.commands.serving import House
from bot.sandbox.stage import Accepted
from tests.browser.house import sandbox_of


async def log_in(page: Page, login: str, password: str) -> None:
    """From the log-in page to what is to be done today."""
    await page.goto("/")
    await page.get_by_label("账号").fill(login)
    await page.get_by_label("密码").fill(password)
    await page.get_by_role("button", name="登录").click()
    await expect(page.get_by_role("navigation", name="主导航")).to_be_visible()


async def go_to(page: Page, place: str) -> None:
    """By the menu at the side."""
    await page.get_by_role("navigation", name="主导航").get_by_role("link", name=place).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(place)


async def answer_as_customer(page: Page, home: House, arrived: Accepted, words: str) -> None:
    """On the phone page, to the message that arrived."""
    await look_at_phone(page, home, arrived)
    await page.get_by_placeholder("回").last.fill(words)
    await page.get_by_role("button", name="发送").last.click()
    await expect(page.locator("main")).to_contain_text(words)


async def look_at_phone(page: Page, home: House, arrived: Accepted) -> None:
    await page.goto(f"{sandbox_of(home).url}/phone?{urlencode({arrived.channel: arrived.to})}")


async def open_conversation(page: Page, company: str) -> None:
    await page.goto("/inbox")
    await page.get_by_role("link", name=company).first.click()
    await expect(page.locator("#chat")).to_be_visible()


async def write_answer(page: Page, words: str) -> None:
    await page.get_by_label("要说的话").fill(words)
    await page.locator("form[data-write] button[type=submit]").click()
    await expect(page.locator("#chat")).to_contain_text(words)


async def save_segment(page: Page, name: str, rule: str) -> None:
    """By the one-line form."""
    await page.goto("/segments/new")
    await page.get_by_label("规则").fill(rule)
    await page.get_by_label("分群的名字").fill(name)
    await page.get_by_role("button", name="存分群").click()
    await expect(page.locator("main")).to_contain_text(name)


async def finish_task(page: Page, company: str, result: str, note: str) -> None:
    """From the list of what is due to the outcome of the call."""
    await page.goto("/tasks")
    await page.get_by_role("link", name=company).first.click()
    await page.get_by_text(result, exact=True).click()
    await page.get_by_label("记一句").fill(note)
    await page.get_by_role("button", name="记下结果").click()
    await expect(page.get_by_role("status")).to_contain_text("记下了")

"""Log-in in a real browser: password, second step, one-time password, and what each role finds."""

from datetime import UTC, datetime

import pyotp
import pytest
from playwright.async_api import Page, expect

from bot.commands.serving import House
from bot.web.log_in import first_admin
from bot.web.passwords import keep_password
from campaigns.models import StaffAccount
from campaigns.rights import Role
from tests.browser.surfing import Surfer
from tests.web_cast import add_colleague

pytestmark = pytest.mark.asyncio(loop_scope="session")
PASSWORD = "correct-horse-battery"


async def fill_in(page: Page, login: str, password: str) -> None:
    await page.get_by_label("账号").fill(login)
    await page.get_by_label("密码").fill(password)
    await page.get_by_role("button", name="登录").click()


async def test_a_password_opens_the_page_that_was_asked_for(home: House, surfer: Surfer) -> None:
    await add_colleague(Role.MARKETER, login="lin", name="林晓芸", password=await keep_password(PASSWORD))
    page = await surfer.stranger()
    await page.goto("/members")
    await fill_in(page, "lin", "guessed-wrong")
    await expect(page.get_by_role("alert")).to_contain_text("账号或密码不对")
    surfer.forgive("403")
    await page.get_by_label("密码").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{home.web.url}/members")
    await page.locator("summary.who").click()
    await page.get_by_role("button", name="退出登录").click()
    await expect(page).to_have_url(f"{home.web.url}/login")


async def test_the_first_administrator_chooses_a_password_before_anything_else(home: House, surfer: Surfer) -> None:
    password = await first_admin(datetime.now(UTC))
    assert password
    page = await surfer.stranger()
    await page.goto("/")
    await fill_in(page, "admin", password)
    await page.goto("/members")
    await expect(page).to_have_url(f"{home.web.url}/me")
    await page.get_by_label("新密码，至少").fill(PASSWORD)
    await page.get_by_label("再填一次新密码").fill(PASSWORD)
    await page.get_by_role("button", name="改密码").click()
    await page.goto("/members")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("企业会员")


async def test_the_second_step_is_turned_on_and_asked_for(home: House, surfer: Surfer) -> None:
    await add_colleague(Role.AGENT, login="wang", name="王芳", password=await keep_password(PASSWORD))
    page = await surfer.stranger()
    await page.goto("/me")
    await fill_in(page, "wang", PASSWORD)
    await page.get_by_role("button", name="开两步验证").click()
    secret = "".join((await page.locator("form code").inner_text()).split())
    await page.get_by_label("动态码").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="开两步验证").click()
    await expect(page.get_by_role("status")).to_contain_text("两步验证开了")
    assert (await StaffAccount.get(login="wang")).totp_secret
    await StaffAccount.filter(login="wang").update(totp_step=0)  # half a minute later

    page = await surfer.stranger()
    await page.goto("/")
    await fill_in(page, "wang", PASSWORD)
    await page.get_by_label("动态码").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="登录").click()
    await expect(page).to_have_url(f"{home.web.url}/")

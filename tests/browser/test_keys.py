"""The keyboard, and the switch to English, in a real browser."""

import re

import pytest
from playwright.async_api import Page, expect

from bot.commands.serving import House
from campaigns.rights import Role
from tests.browser.surfing import NARROW, Surfer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def standing(page: Page) -> str:
    """Where the row one stands in leads to; "" where one stands in none."""
    row = page.locator(".is-at")
    if await row.count() == 0:
        return ""
    return str(await row.evaluate("row => (row.matches('a') ? row : row.querySelector('a')).getAttribute('href')"))


async def test_a_list_is_walked_and_opened_by_keys(furnished: House, surfer: Surfer) -> None:
    page = await surfer.colleague()
    await page.goto("/campaigns")
    assert await standing(page) == ""
    await page.keyboard.press("j")
    first = await standing(page)
    await page.keyboard.press("j")
    second = await standing(page)
    assert first != second
    await page.keyboard.press("k")
    assert await standing(page) == first
    await page.keyboard.press("k")  # the first stays the first
    assert await standing(page) == first
    focused = await page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == first
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(re.escape(first) + "$"))


async def test_the_list_of_members_is_walked_by_its_names(furnished: House, surfer: Surfer) -> None:
    page = await surfer.colleague()
    await page.goto("/members?all=1")
    names = [await one.get_attribute("href") for one in await page.locator(".who-name").all()]
    for pressed, place in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        await page.keyboard.press(pressed)
        assert await standing(page) == names[place]
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("名单里第2家")).to_be_visible()


async def test_the_open_tab_is_in_sight_on_a_phone(home: House, surfer: Surfer) -> None:
    page = await surfer.colleague(size=NARROW)
    await page.goto("/audit")
    await expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=0.9)


async def test_g_and_a_letter_lead_to_a_page_one_may_open(home: House, surfer: Surfer) -> None:
    page = await surfer.colleague(Role.AGENT)
    await page.goto("/")
    for letter, path in (("r", "/tasks"), ("m", "/members"), ("d", "/calendar"), ("i", "/inbox")):
        await page.keyboard.press("g")
        await page.keyboard.press(letter)
        await expect(page).to_have_url(re.compile(path + "$"))
    await page.keyboard.press("g")
    await page.keyboard.press("e")  # the settings are not an agent's
    await expect(page).to_have_url(re.compile("/inbox$"))


async def test_the_list_of_keys_opens_and_closes_with_and_without_keys(home: House, surfer: Surfer) -> None:
    page = await surfer.colleague()
    await page.goto("/tasks")
    table = page.get_by_role("dialog", name="键盘快捷键")
    await page.keyboard.press("?")
    await expect(table).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(table).to_be_hidden()
    without = await surfer.colleague(java_script_enabled=False)
    await without.goto("/tasks")
    await without.locator("summary.who").click()
    await without.get_by_role("link", name="键盘快捷键").click()
    await expect(without.get_by_role("dialog", name="键盘快捷键")).to_be_visible()
    await without.get_by_role("link", name="关上", exact=True).click()
    await expect(without.get_by_role("dialog", name="键盘快捷键")).to_be_hidden()


async def test_keys_are_letters_while_one_types(home: House, surfer: Surfer) -> None:
    page = await surfer.colleague()
    await page.goto("/tasks")
    await page.keyboard.press("/")
    await page.keyboard.type("gm?j/")
    assert await page.locator("#q").input_value() == "gm?j/"
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    assert await standing(page) == ""
    await expect(page).to_have_url(re.compile("/tasks$"))


@pytest.mark.parametrize("wide", [True, False])
async def test_the_menu_switches_to_english_and_back(home: House, surfer: Surfer, wide: bool) -> None:
    page = await surfer.colleague() if wide else await surfer.colleague(size=NARROW)
    await page.goto("/tasks")
    await page.locator("summary.who").click()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Tasks"))
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.locator("summary.who").click()
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("任务"))

"""Every page of the router in a real browser: nothing to complain of, for everybody, on a phone, without script."""

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from bot.commands.serving import House
from campaigns.rights import Role
from tests.addresses import Address, doors
from tests.browser.surfing import NARROW, WIDE, Surfer, whole_pages

Scheme = Literal["light", "dark"]
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],
}
_TOO_WIDE = """() => {
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= edge) return "";
  const scrolls = (one) => one && one !== document.body
    && (getComputedStyle(one).overflowX !== "visible" || scrolls(one.parentElement));
  const out = [...document.body.querySelectorAll("*")].filter((one) =>
    one.getBoundingClientRect().right > edge + 1 && !scrolls(one.parentElement));
  return `${document.documentElement.scrollWidth} px: ` + out.slice(0, 3).map((one) =>
    one.tagName + "." + one.className).join(", ");
}"""
_HREFS = "all => all.map(one => one.getAttribute('href').split('#')[0])"


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", NARROW)])
async def test_every_page_is_readable_by_everybody(
    furnished: House, surfer: Surfer, scheme: Scheme, size: tuple[int, int]
) -> None:
    """Contrast, labels and the rest of WCAG 2 A and AA, as axe-core finds them."""
    page = await surfer.colleague(size=size, color_scheme=scheme, reduced_motion="reduce")
    everything = [*await whole_pages(page), *await doors(furnished.runtime)]
    assert [line for one in everything for line in await violations(page, one)] == []


async def test_no_page_scrolls_sideways_on_a_phone(furnished: House, surfer: Surfer) -> None:
    page = await surfer.colleague(size=NARROW)
    found = {}
    for one in [*await whole_pages(page), *await doors(furnished.runtime)]:
        await page.goto(one.url)
        if wide := await page.evaluate(_TOO_WIDE):
            found[one.path] = wide
    assert found == {}


@pytest.mark.usefixtures("furnished")
async def test_every_page_says_the_same_without_script(surfer: Surfer) -> None:
    with_script, without = await surfer.colleague(), await surfer.colleague(java_script_enabled=False)
    for one in await whole_pages(with_script):
        for page in (with_script, without):
            answer = await page.goto(one.url)
            assert answer is not None
            assert answer.ok, one
        assert await without.title() == await with_script.title(), one
        assert await without.locator("main h1").count() == 1, one


async def violations(page: Page, one: Address) -> list[str]:
    """A line for each kind that axe finds on this page."""
    await page.goto(one.url)
    results = await Axe().run(page, options=RULES)
    return [
        f"{one.url} {each['id']}: {len(each['nodes'])}× {each['nodes'][0]['target']}"
        f" {each['nodes'][0]['failureSummary'].splitlines()[1].strip()}"
        for each in results.response["violations"]
    ]


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
async def test_what_a_page_links_to_can_be_opened_by_who_reads_it(surfer: Surfer, role: Role) -> None:
    page = await surfer.colleague(role)
    hrefs: set[str] = set()
    for one in await whole_pages(page):
        await page.goto(one.url)
        hrefs |= set(await page.locator("a[href^='/']").evaluate_all(_HREFS))
    refused = {href: answer.status for href in sorted(hrefs) if (answer := await page.request.head(href)).status >= 400}
    assert refused == {}

"""The console in English: Chinese is left only where it is data.

Data is what people wrote: names, the texts of templates, what customers said. Where it stands by itself its element
says lang="zh", which a screen reader needs too; inside a sentence of ours it is one of the words of `written`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot.commands.serving import House
from bot.language import translations
from bot.sandbox.site import write_export
from bot.web.passwords import keep_password
from campaigns import definitions, models
from campaigns.folders.samples import sample_facts
from campaigns.rights import Role
from tests import cast
from tests.browser.hands import log_in
from tests.browser.scenes import furnish, scenes
from tests.browser.surfing import Surfer, whole_pages
from tests.web_cast import add_colleague

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PASSWORD = "a password of some length"
CHINESE = re.compile("[\u3001-\u303f\u3400-\u9fff\uff00-\uffef]")
_QUOTES = re.compile('"([^"]+)"')  # the values of a rule
_QUOTED = re.compile("[\u3400-\u9fff（）【】，]{2,}")
_SAID = """() => {
  const said = [["title", document.title, false]];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode())
    if (!text.parentElement.closest("[lang|=zh], script, style, textarea"))
      said.push([place(text.parentElement), text.data, true]);
  for (const name of ["title", "aria-label", "placeholder", "alt"])
    for (const one of document.body.querySelectorAll(`[${name}]`))
      if (!one.closest("[lang|=zh]")) said.push([`${place(one)}@${name}`, one.getAttribute(name), false]);
  return said;
  function place(one) {
    const path = [];
    for (; one && one !== document.body && path.length < 4; one = one.parentElement)
      path.unshift(one.localName + (one.id ? `#${one.id}` : one.classList.length ? `.${one.classList[0]}` : ""));
    return path.join(" > ");
  }
}"""
# The columns that people fill; a table of ours (a tier, a state, an intent) is none of them.
_WRITTEN = {
    models.Member: ("name", "trade", "nature", "size", "city", "plan", "owner", "attrs"),
    models.Contact: ("name", "title"),
    models.Posting: ("title", "city"),
    models.Touch: ("text",),
    models.Visit: ("note", "owner"),
    models.StaffAccount: ("name", "department"),
    models.SavedSegment: ("name", "rule"),
    models.SavedView: ("name",),
    models.CannedAnswer: ("title",),
    models.CustomField: ("name", "label"),
    models.ApiToken: ("name",),
    models.ImportRun: ("by", "columns", "progress"),
}


async def test_every_page_is_english_but_for_what_people_wrote(
    furnished: House, surfer: Surfer, tmp_path: Path
) -> None:
    """Each address, and each state a page is brought into, after the switch in the menu."""
    page = await surfer.stranger()
    number = await somebody_english(page)
    write_export(tmp_path, members=20, as_of=cast.NOW)
    found = []
    for one in await whole_pages(page):
        await page.goto(one.url)
        found += [f"{one.url} {line}" for line in await chinese(page, furnished)]
    for name, arrive in (await scenes(tmp_path, number, number)).items():
        await arrive(page)
        found += [f"{name} {line}" for line in await chinese(page, furnished)]
    assert found == []


async def test_what_is_not_there_and_what_is_not_allowed_is_told_in_english(home: House, surfer: Surfer) -> None:
    page = await surfer.colleague(Role.VIEWER, name="Vera", language="en")
    for url, status in (("/members/Q0", 404), ("/campaigns/none", 404), ("/no/such/page", 404), ("/staff", 403)):
        answer = await page.goto(url)
        assert answer is not None
        assert answer.status == status
        assert await chinese(page, home) == []
        surfer.forgive(url)


async def somebody_english(page: Page) -> str:
    """Logs in by the page and switches by the menu; something for every state. The number of a member to look at."""
    kept = await keep_password(PASSWORD)
    olivia = await add_colleague(Role.ADMIN, login="olivia", name="Olivia", password=kept)
    await log_in(page, "olivia", PASSWORD)
    await page.locator("summary.who").click()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("navigation", name="Main navigation")).to_be_visible()
    await furnish(olivia.id)
    member = await models.Member.first()
    assert member is not None
    return member.no


async def chinese(page: Page, home: House) -> list[str]:
    """Where the page is Chinese and does not say so. A text that is nothing but somebody's words has to be marked."""
    known = await written(home)
    return [
        f"{place}: {' '.join(text.split())[:100]}"
        for place, text, alone in await page.evaluate(_SAID)
        if CHINESE.search(text if alone and text.strip() in known else without(text, known))
    ]


def without(text: str, known: frozenset[str]) -> str:
    for word in sorted((one for one in known if one in text), key=len, reverse=True):
        text = text.replace(word, "")
    return text


async def written(home: House) -> frozenset[str]:
    """What people wrote, as it is there now, and the Chinese that a sentence of our English quotes."""
    runtime = home.runtime
    ours = translations("en")
    found, samples = {str(runtime.rulebook.site["name"])}, set[str]()
    for model, columns in _WRITTEN.items():
        for row in await model.all().values_list(*columns):
            found |= {word for value in row for word in words_in(value)}
    for key in await definitions.campaign_keys(runtime.settings.huifang_templates):
        folder = await definitions.load_campaign(runtime.settings.huifang_templates, key)
        found.add(folder.definition.title)
        samples |= set(words_in(sample_facts(folder.files)))
    found |= {quoted for text in ours.values() for quoted in _QUOTED.findall(text)}
    return frozenset(word for word in {*(found - ours.keys()), *samples} if CHINESE.search(word))


def words_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield from (value.strip(), *value.splitlines(), *_QUOTES.findall(value))
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from words_in(inner)
        case list() | tuple():
            for inner in value:
                yield from words_in(inner)

"""Hostile words wherever somebody can leave some, and every page of the router opened over them.

The pages are opened without their policy, so that nothing but their own escaping stands between the words and the
browser; then with it, which must have nothing to complain of.
"""

import re

import pytest
from playwright.async_api import Page

from bot.commands.serving import House
from campaigns.models import Member
from tests.addresses import addresses
from tests.browser.hostile import PAYLOADS, hostile_house
from tests.browser.surfing import Surfer, whole_pages

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
_LISTEN = """for (const name of ["alert", "confirm", "prompt", "print", "msgbox"])
  window[name] = () => { document.documentElement.dataset.ran = name; console.error(`ran ${name}`); };"""
# a mail's own layout, cleaned and in a frame that may do nothing: styles, and where the counting picture stood
_OF_A_MAIL = '<img alt="" width="1" height="1"'
# an element or an attribute that no page of ours has
_STRANGE = r"""() => {
  const ours = "/static/", found = [], path = /^(\/(?!\/)|\?|#|$)/;
  const strange = new Set(("base object embed applet frame frameset portal fencedframe marquee bgsound math style x "
    + "xmp foreignobject video audio slot custom-part template noembed keygen xml animate set discard").split(" "));
  for (const one of document.querySelectorAll("*")) {
    const tag = one.localName, src = one.getAttribute("src") || "", href = one.getAttribute("href") || "";
    if (strange.has(tag)
      || tag === "script" && !src.startsWith(ours) || tag === "link" && !href.startsWith(ours)
      || tag === "meta" && one.httpEquiv || tag === "form" && !path.test(one.getAttribute("action") || "")
      || tag === "img" && !/^(\/|data:image\/(png|svg))/.test(src)
      || tag === "iframe" && !one.hasAttribute("sandbox")) found.push(one.outerHTML.slice(0, 120));
    for (const {name, value} of one.attributes)
      if (/^on/i.test(name) || /^(data-)?hx-on/.test(name) || name === "style" || name === "contenteditable"
        || /^(href|src|action|formaction|data|xlink:href|poster|background|ping|srcdoc)$/.test(name)
          && /^[\s\x00-\x20]*(javascript|vbscript|data:(?!image\/))/i.test(value)
        || /^(data-)?hx-(get|post|put|patch|delete)$/.test(name) && !path.test(value)
      ) found.push(`${tag} ${name}=${value.slice(0, 80)}`);
  }
  if (document.documentElement.dataset.ran) found.push(`ran: ${document.documentElement.dataset.ran}`);
  if (document.documentElement.innerText.includes("94011")) found.push("worked out: 94011");
  return found;
}"""


async def test_nobodys_words_become_part_of_a_page(home: House, surfer: Surfer) -> None:
    assert len(PAYLOADS) > 150
    await hostile_house(home)
    unguarded = await surfer.colleague(bypass_csp=True)
    await unguarded.add_init_script(_LISTEN)
    found = {url: strange for url in await _everything() if (strange := await _strange_on(unguarded, url))}
    assert found == {}
    guarded = await surfer.colleague()
    for one in await whole_pages(guarded):
        await guarded.goto(one.url)
    assert surfer.faults == []


async def _everything() -> list[str]:
    """Every page once, and every member's own, for each has other words."""
    numbers = await Member.all().order_by("id").values_list("no", flat=True)
    return [*(one.url for one in await addresses()), "/members?page=2", *(f"/members/{no}" for no in numbers)]


async def _strange_on(page: Page, url: str) -> list[str]:
    asked = await page.request.get(url)
    if asked.status == 404:  # of a thing there is none of here
        return []
    assert asked.status < 400, url
    if not asked.headers.get("content-type", "").startswith("text/html"):
        return []
    await page.goto(url)
    return [
        strange
        for frame in page.frames
        for strange in await frame.evaluate(_STRANGE)
        if "/mail/" not in frame.url or not (strange.startswith(_OF_A_MAIL) or re.match(r"[\w-]+ style=", strange))
    ]

"""Browsers in front of the house, and everything their pages complain of."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from bot.web.desk import COOKIE
from campaigns.models import StaffAccount
from campaigns.rights import Role
from tests.addresses import Address, addresses
from tests.web_cast import add_colleague, logged_in

FLAGS = [
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", *(["--no-sandbox"] if os.geteuid() == 0 else []),
]  # fmt: skip
WIDE, NARROW = (1440, 900), (390, 844)
_LEFT = "net::ERR_ABORTED"  # somebody went on before it was there


@dataclass  # no slots: Playwright keeps its wrappers of our listeners on it
class Surfer:
    """Opens browsers, each with cookies of its own. What a page complains of stands in `faults`."""

    chromium: Browser
    url: str
    stack: contextlib.AsyncExitStack
    faults: list[str] = field(default_factory=list)

    async def stranger(self, size: tuple[int, int] = WIDE, **context: Any) -> Page:
        """A browser that is not logged in."""
        made = await self._context(size, context)
        return await self._page(made)

    async def colleague(
        self,
        role: Role = Role.ADMIN,
        size: tuple[int, int] = WIDE,
        *,
        name: str = "",
        language: str = "zh",
        **context: Any,
    ) -> Page:
        """The browser of somebody who is logged in, a new one in the house."""
        made = await self._context(size, context)
        account = await add_colleague(role, **({"name": name} if name else {}))
        await StaffAccount.filter(id=account.id).update(language=language)
        await made.add_cookies([{"name": COOKIE, "value": await logged_in(account.id), "url": self.url}])
        return await self._page(made)

    def forgive(self, words: str) -> None:
        """One complaint that the test meant to cause; fails where it was not heard."""
        found = next((one for one in self.faults if words in one), None)
        assert found is not None, f"nothing complained of {words!r}: {self.faults}"
        self.faults.remove(found)

    async def _context(self, size: tuple[int, int], more: dict[str, Any]) -> BrowserContext:
        width, height = size
        given = {"base_url": self.url, "locale": "zh-CN", "viewport": {"width": width, "height": height}, **more}
        made = await self.chromium.new_context(**given)
        self.stack.push_async_callback(made.close)
        made.set_default_timeout(15_000)
        return made

    async def _page(self, context: BrowserContext) -> Page:
        page = await context.new_page()
        page.on("console", self._heard(page))
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        return page

    def _heard(self, page: Page) -> Callable[[ConsoleMessage], None]:
        def heard(message: ConsoleMessage) -> None:
            # what did not load is named with its address by _answered and _failed
            if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
                self.faults.append(f"{page.url}: {message.text}")

        return heard

    def _failed(self, request: Request) -> None:
        if request.failure != _LEFT:
            self.faults.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.request.method} {response.url}: {response.status}")


async def whole_pages(page: Page, chosen: Mapping[str, str] | None = None) -> list[Address]:
    """Every address that shows a page to this browser: no part of one, nothing to keep as a file."""
    found = []
    for one in await addresses(chosen):
        answer = await page.request.get(one.url)
        kind = answer.headers.get("content-type", "")
        if answer.ok and kind.startswith("text/html") and (await answer.text()).lstrip().startswith("<!doctype"):
            found.append(one)
    return found

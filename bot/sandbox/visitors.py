"""A customer's browser: some who read a message follow its way back in, and a few use its one-click refusal."""

import re
from collections.abc import Mapping

import httpx

from bot.sandbox.stage import Accepted, Stage

_WAY_IN = re.compile(r"http://127\.0\.0\.1:\d+/in/[\w.-]+")
_ONE_CLICK = re.compile(r"<(http://127\.0\.0\.1:\d+/u/[\w.-]+)>")
_RETURN_SHARE, _REFUSE_SHARE = 0.4, 0.03
_TIMEOUT = 10.0


class Visitor:
    """Give `read` to the customers' readers."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.returned: list[Accepted] = []
        self.refused: list[Accepted] = []

    async def read(self, accepted: Accepted) -> None:
        roll = self._stage.dice(f"visitor {accepted.to} {accepted.provider_id}").random()
        if (link := _link(_ONE_CLICK, accepted.words.get("headers", {}))) and roll > 1 - _REFUSE_SHARE:
            await self._refuse(accepted, link)
        elif (link := _link(_WAY_IN, accepted.words)) and roll < _RETURN_SHARE:
            await self._come_back(accepted, link)

    async def _come_back(self, accepted: Accepted, link: str) -> None:
        """Look at the page, press its button, and on the site look at every unread résumé."""
        async with _browser() as browser:
            (await browser.get(link)).raise_for_status()
            site = await browser.post(link)
            site.raise_for_status()
            query = dict(site.url.params)
            (await browser.post(str(site.url.copy_with(query=None)), data=query)).raise_for_status()
        self.returned.append(accepted)

    async def _refuse(self, accepted: Accepted, link: str) -> None:
        """RFC 8058, as a mail program does it: no cookie, no page."""
        async with _browser() as browser:
            (await browser.post(link, data={"List-Unsubscribe": "One-Click"})).raise_for_status()
        self.refused.append(accepted)


def _link(pattern: re.Pattern[str], words: Mapping[str, object]) -> str:
    found = pattern.search("\n".join(str(value) for value in words.values()))
    return found[found.lastindex or 0] if found else ""


def _browser() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True, trust_env=False)

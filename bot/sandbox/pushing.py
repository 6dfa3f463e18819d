"""How an SMS provider pushes to our doors: unsigned JSON, repeated by a timetable until it is taken."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import httpx

from campaigns.terms import SHANGHAI

RETRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=10))  # each after the one before
TIMEOUT_SECONDS = 10  # real time

Later = Callable[[timedelta, Callable[[], Awaitable[None]], str], datetime]


@dataclass(slots=True)
class Delivery:
    """One push, through all its tries. `body` is what JSON can say."""

    body: object
    tries: int = 0
    taken: bool = False
    lost: bool = False


class Door:
    """One of our addresses that the provider pushes to; without one (`url` None) it keeps things to itself.

    `later` runs an action in the stage's time. `yes` is the key whose numeric zero says that a push was taken. What
    was not taken at the last try stands in `lost`.
    """

    def __init__(
        self, label: str, later: Later, yes: str, url: str | None = None, retries: Sequence[timedelta] = RETRIES
    ) -> None:
        self.url = url
        self.lost: list[Delivery] = []
        self._label, self._later, self._yes, self._retries = label, later, yes, retries
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def deliver(self, delivery: Delivery) -> None:
        """Push once; where it is not taken, again by the provider's timetable."""
        delivery.tries += 1
        delivery.taken = await self._push(delivery.body)
        if delivery.taken:
            return
        if delivery.tries > len(self._retries):
            delivery.lost = True
            self.lost.append(delivery)
            return
        self._later(self._retries[delivery.tries - 1], partial(self.deliver, delivery), f"{self._label} pushed again")

    async def _push(self, body: object) -> bool:
        if self.url is None:
            return True
        if self._client is None:
            # A proxy named in this machine's environment must neither see nor lose a push to loopback.
            self._client = httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS)
        try:
            answer = await self._client.post(self.url, json=body)
            said = answer.json()
        except (httpx.HTTPError, ValueError):
            return False
        # Only a numeric zero counts, whatever else the answer says.
        code = said.get(self._yes) if isinstance(said, dict) else None
        return answer.status_code == 200 and type(code) is int and code == 0


def local(moment: datetime) -> str:
    """Providers write their times in Beijing's, without a zone."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"

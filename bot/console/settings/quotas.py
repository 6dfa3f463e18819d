"""How much of a day's limit each account of a channel has used: what was handed to it beside what it takes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.pacing import Limit, PaceBook
from bot.pacing.limits import EACH
from bot.providers import WECHAT_MASS, all_paced_as
from bot.runtime import Runtime
from campaigns.terms import ChannelName

_NEARLY = 0.8


@dataclass(frozen=True, slots=True)
class Account:
    """One account, or one sender of it. `per_day` 0: no limit. `used` None: nobody counts it by itself."""

    name: str
    per_day: int
    rate: float
    used: int | None

    @property
    def share(self) -> int:
        """Percent of the day's limit."""
        return min(100, round(100 * (self.used or 0) / self.per_day)) if self.per_day else 0

    @property
    def colour(self) -> str:
        if self.share >= 100:
            return "red"
        return "amber" if self.share >= 100 * _NEARLY else "green"


async def accounts_of(runtime: Runtime, name: ChannelName, book: PaceBook, sent: Mapping[str, int]) -> list[Account]:
    """`sent`: channel → messages of today. The pace counts each limited account, but none of the sandbox's."""
    if name not in runtime.channels:
        return []
    providers = all_paced_as(name, runtime.channels[name])
    if name is ChannelName.WECHAT and WECHAT_MASS in book.providers:
        providers.append(WECHAT_MASS)
    found: list[Account] = []
    for provider in providers:
        for sender, limit in _limits(book, provider):
            used = await runtime.pace.used_today(provider, sender)
            if used is None and len(providers) == 1 and not sender:
                used = sent.get(name, 0)
            label = f"{provider} · {sender}" if sender else provider
            found.append(Account(label, limit.per_day, limit.rate, used))
    return found


def _limits(book: PaceBook, provider: str) -> Iterable[tuple[str, Limit]]:
    """(sender or nothing, limit); the account itself also where nothing limits it."""
    limits = book.providers.get(provider)
    yield "", (limits.whole if limits and limits.whole else Limit())
    if limits:
        yield from ((sender, limit) for sender, limit in limits.senders.items() if sender != EACH)

"""Previews that are worked out beside the pages: a large audience takes seconds, and a page must not wait for it."""

import asyncio
from dataclasses import dataclass

from bot.runtime import Runtime
from campaigns.folders import CampaignFolder
from campaigns.planner import Preview, preview

_FRESH = 60.0  # seconds an answer stands
_KEPT = 32

_Question = tuple[str, str, int, str, frozenset[str] | None]


@dataclass(slots=True)
class Reckoning:
    """One preview under way, or done. `asked_at` and `done_at` by the loop's clock."""

    task: asyncio.Task[Preview]
    asked_at: float
    done_at: float | None = None

    @property
    def found(self) -> Preview | None:
        """None while it is worked out. Raises what stopped it, such as InputError for a date that has passed."""
        return self.task.result() if self.task.done() else None

    @property
    def seconds(self) -> int:
        return int(asyncio.get_running_loop().time() - self.asked_at)


class Reckonings:
    """The previews of this process. One is worked out at a time; who leaves the page and comes back finds it."""

    def __init__(self) -> None:
        self._kept: dict[_Question, Reckoning] = {}
        self._turn = asyncio.Lock()

    def ask(self, runtime: Runtime, folder: CampaignFolder, owners: frozenset[str] | None) -> Reckoning:
        """The answer for these words, this rule and today among these owners' members, or the one under way."""
        loop = asyncio.get_running_loop()
        question = (folder.key, folder.digest, runtime.rules_read, f"{runtime.clock():%F}", owners)
        known = self._kept.get(question)
        if known and (known.done_at is None or loop.time() - known.done_at < _FRESH):
            return known
        made = Reckoning(asyncio.create_task(self._work_out(runtime, folder, owners)), loop.time())
        made.task.add_done_callback(lambda _: _close(made, loop.time()))
        self._kept.pop(question, None)
        self._kept[question] = made
        self._forget()
        return made

    async def _work_out(self, runtime: Runtime, folder: CampaignFolder, owners: frozenset[str] | None) -> Preview:
        async with self._turn:
            return await preview(folder, runtime.clock(), runtime.rulebook, owners)

    def _forget(self) -> None:
        done = [question for question, one in self._kept.items() if one.done_at is not None]
        for question in done[: max(0, len(self._kept) - _KEPT)]:
            del self._kept[question]


def _close(reckoning: Reckoning, at: float) -> None:
    reckoning.done_at = at
    if not reckoning.task.cancelled():
        reckoning.task.exception()  # heard, even where nobody comes back for it

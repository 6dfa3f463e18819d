"""huifang campaign status --watch: how far it is, how fast, how long still, drawn anew every second."""

import asyncio
import sys
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from bot.clock import ProductClock
from bot.commands.campaigning import need_campaign
from bot.database import open_database
from bot.runtime import follow_clock
from bot.settings import Settings
from campaigns.errors import InputError
from campaigns.progress import CampaignProgress, campaign_progress
from campaigns.terms import SHANGHAI

_EVERY_SECONDS = 1.0
_RATE_SECONDS = 15.0  # a rate over less than that jumps about
_STATES = {"paused": "已暂停", "cancelled": "已取消", "draft": "还没有启动"}


class Pace:
    """How many a second, over the last while, from counts that were looked at."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, at: float, gone: int) -> None:
        """`at` in seconds by any clock that does not jump."""
        self._seen.append((at, gone))
        while self._seen[-1][0] - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """0 where nothing moved, or was looked at only once."""
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return max(0.0, (now - before) / (last - first)) if last > first else 0.0

    def seconds_left(self, due: int) -> float | None:
        """None where nothing moves."""
        return due / self.per_second if self.per_second else None


async def watch(settings: Settings, key: str | None, *, as_json: bool) -> None:
    """Until nothing is due any more; what is to go later is named and not waited for. Ctrl-C ends the watching only."""
    async with open_database(settings):
        clock, paces = ProductClock(), defaultdict[str, Pace](Pace)
        board = _Lines() if as_json else _Board()
        if key is not None:
            await need_campaign(settings, key)
        with board:
            while True:
                await follow_clock(clock, settings)
                found = await campaign_progress(clock(), key)
                if key and not found:
                    raise InputError(f"{key} 还没有批准。先运行 huifang campaign approve {key} (not approved yet)")
                for one in found:
                    paces[one.key].look(time.monotonic(), one.gone)
                board.show([(one, paces[one.key]) for one in found if key or one.due])
                if not any(one.due and one.state == "running" for one in found):
                    return
                await asyncio.sleep(_EVERY_SECONDS)


class _Lines:
    """One JSON document a look, for programs."""

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def show(self, found: Sequence[tuple[CampaignProgress, Pace]]) -> None:
        print(orjson.dumps({"campaigns": [self._document(*one) for one in found]}).decode(), flush=True)

    def _document(self, one: CampaignProgress, pace: Pace) -> dict[str, object]:
        return {
            "campaign": one.key,
            "state": one.state,
            "planned": one.planned,
            "gone": one.gone,
            "due": one.due,
            "later": one.later,
            "next_at": one.next_at,
            "per_second": round(pace.per_second, 1),
            "seconds_left": pace.seconds_left(one.due) if one.state == "running" else None,
            "channels": {
                queue.channel.value: {"due": queue.due, "later": queue.later, "on_the_wire": queue.on_the_wire}
                for queue in one.queues
            },
        }


class _Board:
    """A bar a campaign, for people."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        self._bars = Progress(*columns, console=Console(file=sys.stdout, highlight=False))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Board":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, found: Sequence[tuple[CampaignProgress, Pace]]) -> None:
        for one, pace in found:
            if one.key not in self._tasks:
                self._tasks[one.key] = self._bars.add_task(one.key, told="")
            self._bars.update(self._tasks[one.key], completed=one.gone, total=one.planned, told=told(one, pace))
        self._bars.refresh()


def told(one: CampaignProgress, pace: Pace) -> str:
    """What stands behind the bar, in words for staff."""
    parts = [f"{one.gone:,}/{one.planned:,}"]
    if one.state != "running":
        parts.append(" ".join(word for word in (_STATES.get(one.state, one.state), one.note) if word))
    elif one.due:
        left = pace.seconds_left(one.due)
        parts.append(f"{pace.per_second:,.0f} 条/秒")
        parts.append("还不知道要多久" if left is None else f"还要 {_span(left)}")
    if one.later:
        parts.append(f"另有 {one.later:,} 条以后发（{_when(one.next_at)} 起）")
    return "  ".join(parts)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _when(moment: datetime | None) -> str:
    return f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}" if moment else "—"

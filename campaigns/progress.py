"""How far the campaigns are on their way out, by queries quick enough to be asked every second."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from campaigns import statements
from campaigns.statements import moment
from campaigns.terms import ChannelName


@dataclass(frozen=True, slots=True)
class ChannelQueue:
    """What of one campaign still has to go by one channel: due now, later (the first at `next_at`), on the wire."""

    channel: ChannelName
    due: int
    later: int
    next_at: datetime | None
    on_the_wire: int


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """`planned` messages were to go when it was planned; of them `gone` have their fate by now.

    `with_staff` wait for a person of ours to send them.
    """

    key: str
    state: str
    note: str
    planned: int
    queues: Sequence[ChannelQueue]
    with_staff: int = 0

    @property
    def due(self) -> int:
        return sum(queue.due + queue.on_the_wire for queue in self.queues)

    @property
    def later(self) -> int:
        return sum(queue.later for queue in self.queues)

    @property
    def next_at(self) -> datetime | None:
        return min((queue.next_at for queue in self.queues if queue.next_at), default=None)

    @property
    def gone(self) -> int:
        return self.planned - self.due - self.later - self.with_staff


async def campaign_progress(now: datetime, key: str | None = None) -> list[CampaignProgress]:
    """Every campaign that was approved, or one, as of `now`."""
    campaigns = await statements.query("SELECT id, key, state, note FROM campaigns ORDER BY id")
    planned, queues, asked = await _planned(), await _queues(now), await _with_staff()
    return [
        CampaignProgress(
            row["key"], row["state"], row["note"], planned[row["id"]], queues.get(row["id"], []), asked[row["id"]]
        )
        for row in campaigns
        if key is None or row["key"] == key
    ]


async def _planned() -> Counter[int]:
    """Campaign id → messages that were to be sent, at once or later."""
    rows = await statements.query("SELECT campaign_id, planned FROM occurrences WHERE planned_at IS NOT NULL")
    found: Counter[int] = Counter()
    for row in rows:
        fates: Mapping[str, int] = orjson.loads(row["planned"])
        found[row["campaign_id"]] += sum(n for fate, n in fates.items() if fate.partition(":")[0] in _TO_SEND)
    return found


_TO_SEND = frozenset({"send", "deferred"})


async def _queues(now: datetime) -> dict[int, list[ChannelQueue]]:
    """What waits is counted in the index of what waits, what is on the wire by the claims."""
    waiting = await statements.query(
        """
        SELECT o.campaign_id, m.channel,
               sum(CASE WHEN m.due_at <= $1 THEN 1 ELSE 0 END) AS due,
               sum(CASE WHEN m.due_at > $1 THEN 1 ELSE 0 END) AS later,
               min(CASE WHEN m.due_at > $1 THEN m.due_at END) AS next_at
        FROM messages m JOIN occurrences o ON o.id = m.occurrence_id
        WHERE o.planned_at IS NOT NULL AND m.due_at IS NOT NULL GROUP BY o.campaign_id, m.channel
        """,
        now,
    )
    wire = await _on_the_wire()
    rows = {(row["campaign_id"], row["channel"]): row for row in waiting}
    found: dict[int, list[ChannelQueue]] = {}
    for campaign_id, channel in sorted(rows.keys() | wire.keys()):
        row = rows.get((campaign_id, channel), _NOTHING)
        queue = ChannelQueue(
            ChannelName(channel),
            due=int(row["due"]),
            later=int(row["later"]),
            next_at=moment(row["next_at"]),
            on_the_wire=wire[campaign_id, channel],
        )
        found.setdefault(campaign_id, []).append(queue)
    return found


_NOTHING: Mapping[str, Any] = {"due": 0, "later": 0, "next_at": None}


async def _with_staff() -> Counter[int]:
    rows = await statements.query(
        """
        SELECT o.campaign_id, count(*) AS n FROM mass_recipients r JOIN mass_tasks t ON t.id = r.task_id
        JOIN occurrences o ON o.id = t.occurrence_id WHERE r.state = 'waiting' AND r.message_id IS NOT NULL
        GROUP BY o.campaign_id
        """
    )
    return Counter({row["campaign_id"]: row["n"] for row in rows})


async def _on_the_wire() -> Counter[tuple[int, str]]:
    """(campaign id, channel) → messages."""
    campaigns = {
        row["id"]: row["campaign_id"] for row in await statements.query("SELECT id, campaign_id FROM occurrences")
    }
    found: Counter[tuple[int, str]] = Counter()
    for occurrence_id, channel, count in await statements.on_the_wire():
        found[campaigns[occurrence_id], channel] += count
    return found

"""Was it worth it: what planning decided, what became of it since, what came back."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from campaigns import statements
from campaigns.terms import DeliveryState

_GONE = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED)


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """One campaign over all its occurrences.

    `planned` is fate → members as planning decided (the preview's names); `now` is state[:reason] → messages as they
    stand. Both sum to `audience`. `later` counts, by reason, what was to be sent and then was not.
    """

    key: str
    state: str
    note: str
    occurrences: int
    audience: int
    planned: Mapping[str, int]
    now: Mapping[str, int]
    later: Mapping[str, int]
    channels: Mapping[str, int]
    sent: int
    delivered: int
    bounced: int
    unknown: int
    uncertain: int
    waiting: int
    replies: int
    automatic: int
    refusals: int
    returns: int


async def campaign_reports(key: str | None = None) -> list[CampaignReport]:
    """Reports of every campaign that was approved, or of one."""
    campaigns = await statements.query("SELECT id, key, state, note FROM campaigns ORDER BY id")
    planned = await _planned()
    stands = await _stands()
    back = await _back()
    return [
        _report(row, planned.get(row["id"], _NOTHING), stands.get(row["id"], []), back.get(row["id"], Counter()))
        for row in campaigns
        if key is None or row["key"] == key
    ]


async def sent_by_channel() -> Mapping[str, int]:
    """Messages the providers took over, by channel, as the ledger has it."""
    return await _count_by_channel(*_GONE)


async def unknown_by_channel() -> Mapping[str, int]:
    return await _count_by_channel(DeliveryState.UNKNOWN)


async def _count_by_channel(*states: DeliveryState) -> Mapping[str, int]:
    rows = await statements.query("SELECT channel, state, count(*) AS n FROM messages GROUP BY channel, state")
    counts: Counter[str] = Counter()
    for row in rows:
        if row["channel"] and row["state"] in states:
            counts[row["channel"]] += row["n"]
    return counts


@dataclass(frozen=True, slots=True)
class _Planned:
    occurrences: int
    audience: int
    fates: Mapping[str, int]


_NOTHING = _Planned(0, 0, {})


def _report(
    row: Mapping[str, Any], planned: _Planned, stands: list[Mapping[str, Any]], back: Mapping[str, int]
) -> CampaignReport:
    now: Counter[str] = Counter()
    states: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    uncertain = 0
    for stand in stands:
        name = f"{stand['state']}:{stand['reason']}" if stand["reason"] else stand["state"]
        now[name] += stand["n"]
        states[stand["state"]] += stand["n"]
        uncertain += stand["n"] if stand["uncertain"] else 0
        if stand["state"] in _GONE:
            channels[stand["channel"]] += stand["n"]
    return CampaignReport(
        key=row["key"],
        state=row["state"],
        note=row["note"],
        occurrences=planned.occurrences,
        audience=planned.audience,
        planned=planned.fates,
        now=dict(now),
        later=_later(planned.fates, now),
        channels=dict(channels),
        sent=sum(states[state] for state in _GONE),
        delivered=states[DeliveryState.DELIVERED],
        bounced=states[DeliveryState.BOUNCED],
        unknown=states[DeliveryState.UNKNOWN],
        uncertain=uncertain,
        waiting=states[DeliveryState.QUEUED] + states[DeliveryState.SENDING],
        replies=back.get("reply", 0),
        automatic=back.get("auto_reply", 0),
        refusals=back.get("stop", 0) + back.get("opt_out", 0),
        returns=back.get("return", 0),
    )


def _later(planned: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Suppressed or failed since planning, by reason."""
    closed = {name: count for name, count in now.items() if name.startswith(("suppressed", "failed", "expired"))}
    return {name: count - planned.get(name, 0) for name, count in closed.items() if count > planned.get(name, 0)}


async def _planned() -> dict[int, _Planned]:
    rows = await statements.query("SELECT campaign_id, audience, planned FROM occurrences WHERE planned_at IS NOT NULL")
    found: dict[int, _Planned] = {}
    for row in rows:
        before = found.get(row["campaign_id"], _NOTHING)
        fates = Counter(before.fates) + Counter(orjson.loads(row["planned"]))
        found[row["campaign_id"]] = _Planned(before.occurrences + 1, before.audience + row["audience"], dict(fates))
    return found


async def _stands() -> dict[int, list[Mapping[str, Any]]]:
    rows = await statements.query(
        """
        SELECT o.campaign_id, m.state, m.reason, m.channel, m.uncertain, count(*) AS n
        FROM messages m JOIN occurrences o ON o.id = m.occurrence_id
        GROUP BY o.campaign_id, m.state, m.reason, m.channel, m.uncertain
        """
    )
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["campaign_id"], []).append(row)
    return found


async def _back() -> dict[int, Counter[str]]:
    """Inbound touches credited to the campaign of the message they answer."""
    rows = await statements.query(
        """
        SELECT o.campaign_id, t.kind, t.intent, count(*) AS n
        FROM touches t JOIN messages m ON m.id = t.message_id JOIN occurrences o ON o.id = m.occurrence_id
        WHERE t.direction = 'in' GROUP BY o.campaign_id, t.kind, t.intent
        """
    )
    found: dict[int, Counter[str]] = {}
    for row in rows:
        counts = found.setdefault(row["campaign_id"], Counter())
        counts[row["kind"]] += row["n"]
        if row["kind"] == "reply" and row["intent"] == "stop":
            counts["stop"] += row["n"]
    return found

"""Was it worth it: what planning decided, what became of it since, what came back."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from campaigns import statements
from campaigns.tallies import MESSAGE, TOUCH, Count, read_counts
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


async def campaign_reports(key: str | None = None, owners: Collection[str] | None = None) -> list[CampaignReport]:
    """Reports of every campaign that was approved, or of one; with `owners` of these people's members alone.

    What planning decided is not kept by member: with `owners` nothing stands in `planned`.
    """
    campaigns = await statements.query("SELECT id, key, state, note FROM campaigns ORDER BY id")
    rows = [row for row in campaigns if key is None or row["key"] == key]
    runs = await _runs(rows[0]["id"] if key is not None and rows else None)
    counts = await read_counts([run.id for run in runs] if key is not None else None, owners, by_day=False)
    home = {run.id: run.campaign_id for run in runs}
    by_campaign: dict[int, list[Count]] = {}
    for count in counts:
        if count.occurrence_id in home:
            by_campaign.setdefault(home[count.occurrence_id], []).append(count)
    return [
        _report(
            row,
            _planned([run for run in runs if run.campaign_id == row["id"]], owners is None),
            by_campaign.get(row["id"], []),
        )
        for row in rows
    ]


async def sent_by_channel() -> Mapping[str, int]:
    """Messages the providers took over, by channel, as the ledger has it."""
    return await _count_by_channel(*_GONE)


async def unknown_by_channel(owners: Collection[str] | None = None) -> Mapping[str, int]:
    """Messages of which nobody knows whether they arrived; with `owners` to these people's members alone."""
    if owners is None:
        return await _count_by_channel(DeliveryState.UNKNOWN)
    db = statements.connection()
    rows = await statements.query(
        f"""
        SELECT g.channel, count(*) AS n FROM messages g JOIN members b ON b.id = g.member_id
        WHERE g.ask_at IS NOT NULL AND g.state = 'unknown' AND b.owner {statements.ids_in(db, "$1", "text")}
        GROUP BY g.channel
        """,
        statements.id_list(db, sorted(owners)),
    )
    return {row["channel"]: int(row["n"]) for row in rows}


async def queued_by_channel() -> Mapping[str, int]:
    return await _count_by_channel(DeliveryState.QUEUED)


async def _count_by_channel(*states: DeliveryState) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for count in await read_counts(by_day=False):
        if count.kind == MESSAGE and count.channel and count.state in states:
            counts[count.channel] += count.n
    return counts


@dataclass(frozen=True, slots=True)
class _Run:
    id: int
    campaign_id: int
    planned: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class _Planned:
    occurrences: int
    fates: Mapping[str, int] | None


async def _runs(campaign_id: int | None) -> list[_Run]:
    where, given = ("WHERE campaign_id = $1", [campaign_id]) if campaign_id is not None else ("", [])
    rows = await statements.fetch(f"SELECT id, campaign_id, planned, planned_at FROM occurrences {where}", *given)
    return [
        _Run(row["id"], row["campaign_id"], orjson.loads(row["planned"]) if row["planned_at"] else None) for row in rows
    ]


def _planned(runs: Sequence[_Run], known: bool) -> _Planned:
    closed = [run.planned for run in runs if run.planned is not None]
    if not known:
        return _Planned(len(closed), None)
    fates: Counter[str] = Counter()
    for one in closed:
        fates.update(one)
    return _Planned(len(closed), dict(fates))


def _report(row: Mapping[str, Any], planned: _Planned, counts: Sequence[Count]) -> CampaignReport:
    now: Counter[str] = Counter()
    states: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    back: Counter[str] = Counter()
    uncertain = 0
    for count in counts:
        if count.kind == TOUCH:
            back[count.state] += count.n
            back["stop"] += count.n if count.state == "reply" and count.reason == "stop" else 0
        if count.kind != MESSAGE:
            continue
        now[f"{count.state}:{count.reason}" if count.reason else count.state] += count.n
        states[count.state] += count.n
        uncertain += count.n if count.uncertain else 0
        if count.state in _GONE:
            channels[count.channel] += count.n
    return CampaignReport(
        key=row["key"],
        state=row["state"],
        note=row["note"],
        occurrences=planned.occurrences,
        audience=sum(now.values()) if planned.fates is None else sum(planned.fates.values()),
        planned=planned.fates or {},
        now=dict(now),
        later=_later(planned.fates, now) if planned.fates is not None else {},
        channels=dict(channels),
        sent=sum(states[state] for state in _GONE),
        delivered=states[DeliveryState.DELIVERED],
        bounced=states[DeliveryState.BOUNCED],
        unknown=states[DeliveryState.UNKNOWN],
        uncertain=uncertain,
        waiting=states[DeliveryState.QUEUED] + states[DeliveryState.SENDING],
        replies=back["reply"],
        automatic=back["auto_reply"],
        refusals=back["stop"] + back["opt_out"],
        returns=back["return"],
    )


def _later(planned: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Suppressed or failed since planning, by reason."""
    closed = {name: count for name, count in now.items() if name.startswith(("suppressed", "failed", "expired"))}
    return {name: count - planned.get(name, 0) for name, count in closed.items() if count > planned.get(name, 0)}

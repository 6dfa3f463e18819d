"""What the calendar shows of campaigns: what was sent, what will be, what waits for somebody first."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import orjson

from bot.language import say
from bot.runtime import Runtime
from campaigns import approvals, definitions, statements
from campaigns.definitions import CampaignRow
from campaigns.folders import Definition
from campaigns.schedule import due_occurrences, parse_schedule
from campaigns.tallies import MESSAGE, read_counts
from campaigns.terms import SHANGHAI

_KINDS = {"service": "nudge", "marketing": "mkt", "greeting": "greet"}
_COMING = {"running": "到时候发", "approved": "已批准，没有开始", "paused": "暂停着，继续了才发"}


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is a class of console.css's .ev; `about`: the number is the one of last time."""

    at: datetime
    title: str
    href: str
    kind: str
    n: int = 0
    about: bool = False
    state: str = ""
    waits: int = 0
    channels: Sequence[str] = ()


async def events_between(runtime: Runtime, start: date, end: date, owners: Collection[str] | None) -> list[Event]:
    since, until = (datetime.combine(day, time(), SHANGHAI) for day in (start, end))
    now = runtime.clock()
    campaigns = await definitions.find_campaigns()
    by_id = {one.id: one for one in campaigns.values()}
    runs = await statements.query(
        "SELECT id, campaign_id, key, at, audience, planned FROM occurrences WHERE at >= $1 AND at < $2 ORDER BY at",
        since,
        until,
    )
    sent = await _sent([run["id"] for run in runs], owners)
    found = [_sent_event(by_id[run["campaign_id"]], run, sent) for run in runs if not _is_answer(by_id, run)]
    made = {(run["campaign_id"], run["key"]) for run in runs}
    last = await _last_audience() if owners is None else {}
    span = (max(now, since - timedelta(seconds=1)), until)
    for campaign in campaigns.values():
        if campaign.state in _COMING and not _has_no_dates(campaign):
            coming = _coming_slots(runtime, campaign.definition, span)
            left = [at for key, at in coming if (campaign.id, key) not in made]
            found += [_coming(campaign, at, last.get(campaign.id, 0)) for at in left]
    return sorted(found, key=lambda event: event.at)


async def asked_between(runtime: Runtime, start: date, end: date) -> list[Event]:
    """What waits for a yes or no, on the days on which it would be sent."""
    since, until = (datetime.combine(day, time(), SHANGHAI) for day in (start, end))
    span, found = (max(runtime.clock(), since - timedelta(seconds=1)), until), []
    for one in await approvals.waiting_requests():
        definition = (await approvals.submitted(one)).definition
        title, href, channels = definition.title, f"/campaigns/approvals/{one.id}", definition.channels
        for _, at in _coming_slots(runtime, definition, span):
            found.append(Event(at, title, href, "ask", about=True, state=say("等审批"), channels=channels))
    return found


def _coming_slots(
    runtime: Runtime, definition: Definition, span: tuple[datetime, datetime]
) -> list[tuple[str, datetime]]:
    """(key, moment) of each that falls due after the first moment and before the last."""
    after, until = span
    if after >= until or not definition.schedule:
        return []
    due = due_occurrences(parse_schedule(definition.schedule), runtime.rulebook.calendar, after, until)
    return [(one.key, one.at) for one in due if one.at < until]


def _is_answer(by_id: Mapping[int, CampaignRow], run: Mapping[str, Any]) -> bool:
    return run["campaign_id"] not in by_id or _has_no_dates(by_id[run["campaign_id"]])


def _has_no_dates(campaign: CampaignRow) -> bool:
    """It answers, or carries what a colleague writes to one customer."""
    return bool(campaign.definition.answers) or campaign.definition.by_hand


def _sent_event(campaign: CampaignRow, run: Mapping[str, Any], sent: Mapping[int, Counter[str]]) -> Event:
    at = statements.moment(run["at"])
    assert at is not None
    counts = sent.get(run["id"], Counter())
    waits = counts["queued"] + counts["sending"]
    gone = counts["sent"] + counts["delivered"] + counts["bounced"]
    kind = _KINDS.get(campaign.definition.message_class, "nudge") if waits else "done"
    state = say("还有{n}条没发").format(n=f"{waits:,}") if waits else say("发完了")
    href = f"/campaigns/{campaign.key}?run={run['id']}"
    channels = campaign.definition.channels
    return Event(at, campaign.definition.title, href, kind, gone, state=state, waits=waits, channels=channels)


def _coming(campaign: CampaignRow, at: datetime, about: int) -> Event:
    sends = campaign.state == "running"
    kind = _KINDS.get(campaign.definition.message_class, "nudge") if sends else "ask"
    state = say(_COMING[campaign.state])
    href, channels = f"/campaigns/{campaign.key}", campaign.definition.channels
    return Event(at, campaign.definition.title, href, kind, about, about=True, state=state, channels=channels)


async def _sent(ids: Sequence[int], owners: Collection[str] | None) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for one in await read_counts(ids, owners, by_day=False) if ids else ():
        if one.kind == MESSAGE:
            found.setdefault(one.occurrence_id, Counter())[one.state] += one.n
    return found


async def _last_audience() -> dict[int, int]:
    """Campaign id → how many the last run was to be sent to."""
    rows = await statements.query(
        """
        SELECT campaign_id, planned FROM occurrences WHERE id IN (
          SELECT max(id) FROM occurrences WHERE planned_at IS NOT NULL GROUP BY campaign_id)
        """
    )
    found = {}
    for row in rows:
        planned: Mapping[str, int] = orjson.loads(row["planned"])
        found[row["campaign_id"]] = sum(
            n for fate, n in planned.items() if fate.partition(":")[0] in ("send", "deferred")
        )
    return found

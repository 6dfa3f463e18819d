"""From trigger to outbox: occurrence × audience × policy, one row for each member."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tortoise.transactions import in_transaction

from campaigns import approvals, definitions, outbox, visits
from campaigns.approvals import Weight
from campaigns.definitions import CampaignRow
from campaigns.folders import Definition
from campaigns.members.find import count_audience
from campaigns.outbox import OccurrenceRow
from campaigns.planner.before_renewal import due_before
from campaigns.planner.fates import Fate, OpenVisit, decided_fates, obstacle_words, select_members
from campaigns.planner.runs import Rulebook, Run, first_due, shared_variables, starts_anew, stored_run, useless_at
from campaigns.schedule import Due, OnStart, due_occurrences, parse_schedule
from campaigns.segments import parse_segment
from campaigns.terms import Allow, ContactFacts, Defer, Facts, Suppress

_NEXT_WITHIN = timedelta(days=60)


async def plan_due(now: datetime, book: Rulebook) -> list[int]:
    """Plan every occurrence that has fallen due, and those a planner died over. Returns their ids."""
    for campaign in await definitions.scheduled_campaigns():
        await _add_due_occurrences(campaign, now, book)
    ids = await outbox.unplanned_occurrences()
    failed: list[Exception] = []
    for occurrence_id in ids:
        try:
            await plan_occurrence(occurrence_id, now, book)
        except Exception as exc:  # one campaign that cannot be planned does not keep the others waiting
            failed.append(exc)
    if failed:
        raise failed[0]
    return ids


async def start_campaign(key: str, now: datetime, book: Rulebook) -> int | None:
    """Let it run, beginning at once: a festival's at its next festival, any other now. Returns the occurrence."""
    before = await definitions.read_campaign(key)
    campaign = await definitions.start(key, now=now)
    if not campaign.definition.schedule:
        return None  # it waits for answers, not for a date
    due = first_due(campaign.definition, now, book)
    occurrence_id = await _add_occurrence(campaign, due, anew=starts_anew(before))
    await plan_occurrence(occurrence_id, now, book)
    return occurrence_id


async def begin_campaign(key: str, now: datetime, book: Rulebook) -> None:
    """Let it run by its own dates, planned by whoever looks next. InputError where its only date has passed."""
    campaign = await definitions.read_campaign(key)
    due = first_due(campaign.definition, now, book) if campaign.definition.schedule else None
    campaign = await definitions.start(key, now=now)
    if due and isinstance(parse_schedule(campaign.definition.schedule), OnStart):
        await _add_occurrence(campaign, due, anew=True)  # it has no date that would fall due later


async def begin_again(key: str, now: datetime, book: Rulebook) -> None:
    """After words were approved while it runs or rests: those sent on its start go to whom it has not planned.

    Words it was sent with before do so too. Every other campaign goes on by its own dates.
    """
    campaign = await definitions.read_campaign(key)
    if not campaign.definition.schedule or not isinstance(parse_schedule(campaign.definition.schedule), OnStart):
        return
    due = first_due(campaign.definition, now, book)
    await _add_occurrence(campaign, replace(due, key=f"{due.key}-v{campaign.version_id}"), anew=True)


async def plan_occurrence(occurrence_id: int, now: datetime, book: Rulebook) -> None:
    """Give every member of the audience its one fate. Stopped half way and run again it adds only what is missing."""
    occurrence = await outbox.read_occurrence(occurrence_id)
    if occurrence.planned_at is not None:
        return
    run = stored_run(occurrence)
    ids, _ = await select_members(run, now)
    async with contextlib.aclosing(decided_fates(run, ids, now, book)) as decided:
        async for facts, fates in decided:
            if not await _write(occurrence, run, facts, fates, now, book):
                return
    await outbox.close_planning(occurrence_id, now)


async def _write(
    occurrence: OccurrenceRow, run: Run, facts: Sequence[Facts], fates: Sequence[Fate], now: datetime, book: Rulebook
) -> bool:
    """False where another planner has closed the occurrence meanwhile."""
    shared = _shared_columns(occurrence, run.definition)
    rows = [
        {**shared, "member_id": one.member_id, **_own_columns(fate)} for one, fate in zip(facts, fates, strict=True)
    ]
    async with in_transaction():
        if not await outbox.hold_planning(occurrence.id):
            return False
        await outbox.enqueue(rows)
        for member, fate in zip(facts, fates, strict=True):
            if isinstance(fate, OpenVisit):
                await _open_visit(occurrence, run.definition, member, now, book)
    return True


def _shared_columns(occurrence: OccurrenceRow, definition: Definition) -> dict[str, Any]:
    """What all rows of a run have, or have where nothing else is said of one."""
    return {
        "occurrence_id": occurrence.id,
        "message_class": definition.message_class,
        "not_before": occurrence.at,
        "reason": "",
    }


def _own_columns(fate: Fate) -> dict[str, Any]:
    match fate:
        case Allow():
            return {
                "state": "queued",
                "contact_id": fate.contact_id,
                "channel": fate.channel,
                "address": fate.address,
            }
        case Defer(contact_id, channel, address, until, reason):
            chosen = {"contact_id": contact_id, "channel": channel, "address": address}
            return {**chosen, "state": "queued", "not_before": until, "reason": reason}
        case Suppress(reason, obstacles):
            return {"state": "suppressed", "reason": reason, "obstacles": obstacle_words(obstacles)}
        case OpenVisit():
            return {"state": "handed_over"}


async def _open_visit(
    occurrence: OccurrenceRow, definition: Definition, facts: Facts, now: datetime, book: Rulebook
) -> None:
    usual = occurrence.useless_at or now + timedelta(days=3)
    person: ContactFacts | None = facts.contacts[0] if facts.contacts else None
    await visits.open_visit(
        facts.member_id,
        category=definition.visit_category,
        cause=f"occurrence:{occurrence.id}:member:{facts.member_id}",
        opened_at=now,
        due_at=due_before(facts, usual, now, book) if definition.visit_category == visits.RENEWAL else usual,
        contact_id=person.id if person else None,
        note=definition.title,
        owner=facts.owner,
    )


async def next_slot(now: datetime, book: Rulebook) -> datetime | None:
    """When the next occurrence of any running campaign falls due."""
    slots = [
        due.at
        for campaign in await definitions.scheduled_campaigns()
        for due in due_occurrences(
            parse_schedule(campaign.definition.schedule), book.calendar, now, now + _NEXT_WITHIN
        )[:1]
    ]
    return min(slots, default=None)


async def skip_slots(now: datetime) -> None:
    """What fell due by now and was not planned is not made up for."""
    for campaign in await definitions.scheduled_campaigns():
        await definitions.planned_until(campaign.id, now)


async def _add_due_occurrences(campaign: CampaignRow, now: datetime, book: Rulebook) -> None:
    schedule = parse_schedule(campaign.definition.schedule)
    since = campaign.planned_until or campaign.started_at or now
    found = due_occurrences(schedule, book.calendar, since, now)
    if found and not isinstance(schedule, OnStart):
        weight = await _weigh(campaign, found[0].at, now, book)
        if weight is Weight.WAITS:
            return
        if weight is Weight.REFUSED:
            found = []
            await definitions.planned_until(campaign.id, now)
        if weight is Weight.GRANTED:
            found = found[-1:]  # what fell due during the wait is not made up for
    for due in found:
        await _add_occurrence(campaign, due)
    if found:
        await definitions.planned_until(campaign.id, now)


async def _weigh(campaign: CampaignRow, since: datetime, now: datetime, book: Rulebook) -> Weight:
    async def audience() -> int:
        return await count_audience(parse_segment(campaign.definition.segment), now)

    return await approvals.weigh(campaign, audience, since=since, now=now, own_up_to=book.policy.own_up_to)


async def _add_occurrence(campaign: CampaignRow, due: Due, *, anew: bool = False) -> int:
    return await outbox.add_occurrence(
        campaign.id,
        campaign.version_id,
        await outbox.free_key(campaign.id, due.key, anew=anew),
        due.at,
        useless_at=useless_at(campaign.definition, due),
        extra=shared_variables(due),
    )

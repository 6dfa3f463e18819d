"""From trigger to outbox: occurrence × audience × policy × content; its preview; the recheck before the wire."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from tortoise.transactions import in_transaction

from campaigns import definitions, outbox, visits
from campaigns.calendar import Festival, WorkCalendar
from campaigns.content import Compiled, variables
from campaigns.definitions import CampaignRow
from campaigns.errors import InputError
from campaigns.experiments import is_held_out
from campaigns.folders import CampaignFolder, Definition, compiled_content, parse_definition
from campaigns.members.digest import digests_for, unread_postings_for
from campaigns.members.facts import facts_for
from campaigns.members.find import select_audience
from campaigns.models import Message, Occurrence
from campaigns.outbox import Claimed, OccurrenceRow
from campaigns.policy import COUNTED, CampaignRules, PolicySettings, Ruling, wechat_mode
from campaigns.schedule import Due, Recurring, due_occurrences, parse_schedule
from campaigns.segments import Segment, matches, parse_segment
from campaigns.terms import (
    SHANGHAI,
    Allow,
    ChannelName,
    ContactFacts,
    Defer,
    DeliveryState,
    Facts,
    Reason,
    Suppress,
    Verdict,
    WechatMode,
)

_CHUNK = 1000  # members whose facts are read and whose rows are written at once
_NEXT_WITHIN = timedelta(days=60)
_NOTHING_PLANNED: Mapping[int, int] = {}
_HORIZON = timedelta(days=400)  # every festival comes round within it


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What planning goes by beside the campaign itself."""

    policy: PolicySettings
    calendar: WorkCalendar
    holdout_secret: bytes
    site: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenVisit:
    """Not a message: a task for a person."""


Fate = Verdict | OpenVisit


@dataclass(frozen=True)
class Run:
    """One dated run of a campaign, stored or only imagined (preview)."""

    campaign_id: int | None
    definition: Definition
    content: Compiled
    key: str
    at: datetime
    useless_at: datetime | None
    festival: Festival | None
    extra: Mapping[str, object]  # variables all its words share

    @cached_property
    def rules(self) -> CampaignRules:
        return CampaignRules(
            message_class=self.definition.message_class,
            channels=self.definition.channels,
            useless_at=self.useless_at,
            wechat_modes=self.content.wechat_modes,
            subscribe_template=self.content.subscribe_template,
        )

    @cached_property
    def goal(self) -> Segment | None:
        return parse_segment(self.definition.goal) if self.definition.goal else None

    def history(self, policy: PolicySettings) -> timedelta | None:
        """How far back the caps look that bind this run; None where none does."""
        if self.definition.message_class not in COUNTED:
            return None
        return max(policy.company_window, policy.company_apart, policy.contact_sms_window)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run at this moment would do; `fates` is named as outbox.fate_of names it."""

    campaign: str
    key: str
    at: datetime
    audience: int
    fates: Mapping[str, int]
    until: Mapping[str, Mapping[datetime, int]]  # deferred fate → when → how many
    channels: Mapping[str, int]
    already_planned: bool  # starting it now adds nothing


@dataclass(frozen=True, slots=True)
class Checked:
    """The last word on one claimed message: what to do, and with which variables if it is to be sent.

    `variables` are those its words read, without the links: what the ledger keeps.
    """

    claimed: Claimed
    verdict: Verdict
    variables: Mapping[str, object]
    wechat_mode: WechatMode | None = None


# ---- planning ---------------------------------------------------------------------------------------------------


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
    campaign = await definitions.start(key, now=now)
    if not campaign.definition.schedule:
        return None  # it waits for answers, not for a date
    due = first_due(campaign.definition, now, book)
    occurrence_id = await _add_occurrence(campaign, due)
    await plan_occurrence(occurrence_id, now, book)
    return occurrence_id


async def plan_occurrence(occurrence_id: int, now: datetime, book: Rulebook) -> None:
    """Give every member of the audience its one fate. Stopped half way and run again it adds only what is missing."""
    occurrence = await outbox.read_occurrence(occurrence_id)
    if occurrence.planned_at is not None:
        return
    run = stored_run(occurrence)
    async with contextlib.aclosing(_fates(run, now, book)) as decided:
        async for facts, fates in decided:
            if not await _write(occurrence, run, facts, fates, now):
                return
    await outbox.close_planning(occurrence_id, now)


async def _write(
    occurrence: OccurrenceRow, run: Run, facts: Sequence[Facts], fates: Sequence[Fate], now: datetime
) -> bool:
    """False where another planner has closed the occurrence meanwhile."""
    async with in_transaction():
        if not await outbox.hold_planning(occurrence.id):
            return False
        await outbox.enqueue(
            [_row(occurrence, run.definition, one, fate) for one, fate in zip(facts, fates, strict=True)]
        )
        for member, fate in zip(facts, fates, strict=True):
            if isinstance(fate, OpenVisit):
                await _open_visit(occurrence, run.definition, member, now)
    return True


async def preview(folder: CampaignFolder, now: datetime, book: Rulebook) -> Preview:
    """Count what starting this campaign now would do, without writing anything."""
    campaign = await definitions.find_campaign(folder.key)
    due = first_due(folder.definition, now, book)
    run = Run(
        campaign_id=campaign.id if campaign else None,
        definition=folder.definition,
        content=compiled_content(folder.files),
        key=due.key,
        at=due.at,
        useless_at=_useless_at(folder.definition, due),
        festival=due.festival,
        extra=_shared_variables(due),
    )
    planned, own = await _planned_before(run)
    fates: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    until: dict[str, Counter[datetime]] = {}
    async with contextlib.aclosing(_fates(run, now, book, own)) as decided:
        async for _, chunk in decided:
            for fate in chunk:
                name = _fate_name(fate)
                fates[name] += 1
                if isinstance(fate, Allow | Defer):
                    channels[fate.channel] += 1
                if isinstance(fate, Defer):
                    until.setdefault(name, Counter())[fate.until] += 1
    return Preview(folder.key, due.key, due.at, sum(fates.values()), fates, until, channels, planned)


async def _planned_before(run: Run) -> tuple[bool, dict[int, int]]:
    """Whether this very run has been planned, and its messages: member → id."""
    stored = await Occurrence.get_or_none(campaign_id=run.campaign_id, key=run.key) if run.campaign_id else None
    if stored is None:
        return False, {}
    return stored.planned_at is not None, dict(
        await Message.filter(occurrence_id=stored.id).values_list("member_id", "id")
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


def first_due(definition: Definition, now: datetime, book: Rulebook) -> Due:
    """The run that starting now begins with."""
    schedule = parse_schedule(definition.schedule)
    if isinstance(schedule, Recurring):
        return Due(f"{now.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}", now, None)
    coming = due_occurrences(schedule, book.calendar, now - timedelta(seconds=1), now + _HORIZON)
    if not coming:
        raise InputError(f"{definition.title} 的时间已经过去，改 campaign.toml 的 schedule (its date has passed)")
    return coming[0]


# ---- the moment of sending ----------------------------------------------------------------------------------------


async def recheck(run: Run, claimed: Sequence[Claimed], now: datetime, book: Rulebook) -> list[Checked]:
    """Read facts and goal again, just before the wire. All of one run; results in the same order."""
    ids, ours = [one.member_id for one in claimed], [one.id for one in claimed]
    facts = await facts_for(ids, now, leaving_out=ours, history=run.history(book.policy))
    extras = await _extras(list(facts.values()), run)
    ruling = Ruling(run.rules, book.policy, book.calendar, now)
    return [_check(one, facts.get(one.member_id), run, extras, ruling, book) for one in claimed]


async def choose_again(one: Claimed, now: datetime, book: Rulebook) -> Verdict:
    """The next way to reach the same member, after the provider refused this channel for want of permission."""
    run = stored_run(await outbox.read_occurrence(one.occurrence_id))
    known = await facts_for([one.member_id], now, leaving_out=[one.id], history=run.history(book.policy))
    facts = known.get(one.member_id)
    order = run.definition.channels
    left = order[order.index(one.channel) + 1 :] if one.channel in order else ()
    if facts is None or not left:
        return Suppress(Reason.NO_WINDOW)
    return Ruling(replace(run.rules, channels=left), book.policy, book.calendar, now).decide(facts)


def _check(
    one: Claimed,
    facts: Facts | None,
    run: Run,
    extras: Mapping[int, Mapping[str, object]],
    ruling: Ruling,
    book: Rulebook,
) -> Checked:
    now = ruling.now
    contact = next((c for c in facts.contacts if c.id == one.contact_id), None) if facts else None
    if facts is None or contact is None:
        return Checked(one, Suppress(Reason.NO_CONTACT), {})
    if run.goal is not None and matches(run.goal, facts, now):
        return Checked(one, Suppress(Reason.GOAL_MET), {})
    verdict = ruling.recheck(facts, contact, one.channel)
    if not isinstance(verdict, Allow):
        return Checked(one, verdict, {})
    mode = wechat_mode(contact, run.rules, now) if one.channel is ChannelName.WECHAT else None
    extra = {**extras.get(facts.member_id, {}), **run.extra}
    reads = run.content.kept_for(one.channel, mode, str(run.extra.get("intent", "")))
    return Checked(one, verdict, variables(facts, contact, now=now, site=book.site, extra=extra, reads=reads), mode)


async def _extras(facts: Sequence[Facts], run: Run) -> dict[int, dict[str, object]]:
    """What only some words want, read for all members at once."""
    wanted = run.content.wants
    if not wanted & {"digest", "unread_postings"}:
        return {}
    digests = await digests_for(facts) if "digest" in wanted else {}
    unread = await unread_postings_for([one.member_id for one in facts]) if "unread_postings" in wanted else {}
    return {
        one.member_id: {
            **({"digest": digests.get(one.member_id, [])} if "digest" in wanted else {}),
            **({"unread_postings": unread.get(one.member_id, [])} if "unread_postings" in wanted else {}),
        }
        for one in facts
    }


# ---- deciding -----------------------------------------------------------------------------------------------------


async def _fates(
    run: Run, now: datetime, book: Rulebook, own: Mapping[int, int] = _NOTHING_PLANNED
) -> AsyncGenerator[tuple[list[Facts], list[Fate]], None]:
    """The audience by chunks. `own` is what this run has planned before, member → message: it is no rival of itself."""
    ids = await select_audience(parse_segment(run.definition.segment), now)
    again_after = parse_schedule(run.definition.schedule).again_after
    if again_after and run.campaign_id is not None:
        recent = await outbox.recently_planned(run.campaign_id, now - again_after)
        ids = [member_id for member_id in ids if member_id not in recent or member_id in own]
    ruling = Ruling(run.rules, book.policy, book.calendar, max(now, run.at))
    history = run.history(book.policy)
    async with contextlib.aclosing(_known(ids, now, own, history)) as chunks:
        async for known in chunks:
            facts = [one for one in known.values() if _concerns(run.festival, one)]
            yield facts, [_fate(run, one, now, ruling, book) for one in facts]


async def _known(
    ids: Sequence[int], now: datetime, own: Mapping[int, int], history: timedelta | None
) -> AsyncGenerator[Mapping[int, Facts], None]:
    """Facts chunk by chunk. The next is read while this one is being decided and written."""

    def read(start: int) -> "asyncio.Task[dict[int, Facts]]":
        chunk = ids[start : start + _CHUNK]
        ours = [own[member_id] for member_id in chunk if member_id in own]
        return asyncio.create_task(facts_for(chunk, now, leaving_out=ours, history=history))

    reading = read(0)
    try:
        for start in range(_CHUNK, len(ids) + _CHUNK, _CHUNK):
            known, reading = await reading, read(start)
            yield known
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _fate(run: Run, facts: Facts, now: datetime, ruling: Ruling, book: Rulebook) -> Fate:
    if run.definition.action == "visit":
        return Suppress(Reason.REFUSED) if facts.refused else OpenVisit()
    held_out = is_held_out(book.holdout_secret, facts.member_no, run.definition.hold_out)
    verdict = ruling.decide(facts, held_out=held_out)
    if isinstance(verdict, Allow) and ruling.now > now:
        return Defer(verdict.contact_id, verdict.channel, verdict.address, ruling.now, Reason.SCHEDULED)
    return verdict


def _concerns(festival: Festival | None, facts: Facts) -> bool:
    return festival is None or not festival.trades or facts.trade in festival.trades


def _fate_name(fate: Fate) -> str:
    match fate:
        case Allow():
            return outbox.fate_of(DeliveryState.QUEUED, "")
        case Defer():
            return outbox.fate_of(DeliveryState.QUEUED, fate.reason)
        case Suppress():
            return outbox.fate_of(DeliveryState.SUPPRESSED, fate.reason)
        case OpenVisit():
            return outbox.fate_of(DeliveryState.HANDED_OVER, "")


def _row(occurrence: OccurrenceRow, definition: Definition, facts: Facts, fate: Fate) -> dict[str, Any]:
    row: dict[str, Any] = {
        "occurrence_id": occurrence.id,
        "member_id": facts.member_id,
        "message_class": definition.message_class,
        "not_before": occurrence.at,
        "reason": "",
    }
    match fate:
        case Allow(contact_id, channel, address):
            return {
                **row,
                "state": "queued",
                "contact_id": contact_id,
                "channel": channel,
                "address": address,
            }
        case Defer(contact_id, channel, address, until, reason):
            chosen = {"contact_id": contact_id, "channel": channel, "address": address}
            return {**row, **chosen, "state": "queued", "not_before": until, "reason": reason}
        case Suppress(reason):
            return {**row, "state": "suppressed", "reason": reason}
        case OpenVisit():
            return {**row, "state": "handed_over"}


async def _open_visit(occurrence: OccurrenceRow, definition: Definition, facts: Facts, now: datetime) -> None:
    person: ContactFacts | None = facts.contacts[0] if facts.contacts else None
    await visits.open_visit(
        facts.member_id,
        category=definition.visit_category,
        cause=f"occurrence:{occurrence.id}:member:{facts.member_id}",
        opened_at=now,
        due_at=occurrence.useless_at or now + timedelta(days=3),
        contact_id=person.id if person else None,
        note=definition.title,
        owner=facts.owner,
    )


# ---- occurrences ----------------------------------------------------------------------------------------------------


async def _add_due_occurrences(campaign: CampaignRow, now: datetime, book: Rulebook) -> None:
    schedule = parse_schedule(campaign.definition.schedule)
    since = campaign.planned_until or campaign.started_at or now
    found = due_occurrences(schedule, book.calendar, since, now)
    for due in found:
        await _add_occurrence(campaign, due)
    if found:
        await definitions.planned_until(campaign.id, now)


async def _add_occurrence(campaign: CampaignRow, due: Due) -> int:
    return await outbox.add_occurrence(
        campaign.id,
        campaign.version_id,
        due.key,
        due.at,
        useless_at=_useless_at(campaign.definition, due),
        extra=_shared_variables(due),
    )


def _shared_variables(due: Due) -> dict[str, object]:
    return {"festival": _festival_words(due.festival)} if due.festival else {}


def _festival_words(festival: Festival) -> dict[str, object]:
    return {
        "name": festival.name,
        "greeting": festival.greeting,
        "date": festival.date.isoformat(),
        "trades": sorted(festival.trades),
    }


def stored_run(occurrence: OccurrenceRow) -> Run:
    """A run as it was planned, ready to be rechecked and filled."""
    definition = parse_definition(occurrence.files)
    return Run(
        campaign_id=occurrence.campaign_id,
        definition=definition,
        content=compiled_content(occurrence.files),
        key=occurrence.key,
        at=occurrence.at,
        useless_at=occurrence.useless_at,
        festival=_stored_festival(occurrence.extra.get("festival")),
        extra=occurrence.extra,
    )


def _stored_festival(words: Mapping[str, Any] | None) -> Festival | None:
    if not words:
        return None
    return Festival(
        words["name"],
        date.fromisoformat(words["date"]),
        words["greeting"],
        frozenset(words.get("trades", ())),
    )


def _useless_at(definition: Definition, due: Due) -> datetime | None:
    if due.festival:
        return due.festival.ends_at
    return due.at + definition.useless_after if definition.useless_after else None

"""What starting a campaign now would do, without writing anything."""

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from campaigns import definitions, outbox
from campaigns.folders import CampaignFolder, compiled_content
from campaigns.models import Message, Occurrence
from campaigns.planner.fates import decided_fates, fate_name, ruling_of, select_members
from campaigns.planner.runs import Rulebook, Run, first_due, shared_variables, starts_anew, useless_at
from campaigns.reach import furthest
from campaigns.terms import Allow, ChannelName, Defer

CAN = "can"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run at this moment would do; `fates` is named as outbox.fate_of names it.

    The rule selects `audience`, `written_to` and `other_trades` together: whom this campaign wrote to before, and
    whose trade the festival does not concern, have no fate in it.
    """

    campaign: str
    key: str
    at: datetime
    audience: int
    fates: Mapping[str, int]
    until: Mapping[str, Mapping[datetime, int]]  # deferred fate → when → how many
    channels: Mapping[str, int]
    reach: Mapping[ChannelName, Mapping[str, int]]  # by channel: CAN, or why not → members of the audience
    unreachable: Mapping[str, int]  # who can be reached by none: the one reason that came furthest → members
    written_to: int
    other_trades: int
    already_planned: bool  # starting it now adds nothing


async def preview(
    folder: CampaignFolder, now: datetime, book: Rulebook, owners: Collection[str] | None = None
) -> Preview:
    """Count what starting this campaign now would do, without writing anything.

    With `owners` what it would do to these people's members, as far as one of them may count.
    """
    campaign = await definitions.find_campaign(folder.key)
    due = first_due(folder.definition, now, book)
    key = await outbox.free_key(campaign.id, due.key, anew=starts_anew(campaign)) if campaign else due.key
    run = Run(
        campaign_id=campaign.id if campaign else None,
        definition=folder.definition,
        content=compiled_content(folder.files),
        key=key,
        at=due.at,
        useless_at=useless_at(folder.definition, due),
        festival=due.festival,
        extra=shared_variables(due),
    )
    planned, own = await _planned_before(run)
    ids, written_to = await select_members(run, now, own, owners)
    fates: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    until: dict[str, Counter[datetime]] = {}
    reach: dict[ChannelName, Counter[str]] = {channel: Counter() for channel in folder.definition.channels}
    unreachable: Counter[str] = Counter()
    ruling = await ruling_of(run, now, book)
    async with contextlib.aclosing(decided_fates(run, ids, now, book, own)) as decided:
        async for known, chunk in decided:
            for facts, fate in zip(known, chunk, strict=True):
                ways = ruling.reach(facts)
                for channel, reason in ways.items():
                    reach[channel][reason or CAN] += 1
                if closed := [reason for reason in ways.values() if reason]:
                    unreachable[furthest(closed)] += len(closed) == len(ways)
                name = fate_name(fate)
                fates[name] += 1
                if isinstance(fate, Allow | Defer):
                    channels[fate.channel] += 1
                if isinstance(fate, Defer):
                    until.setdefault(name, Counter())[fate.until] += 1
    return Preview(
        campaign=folder.key,
        key=key,
        at=due.at,
        audience=sum(fates.values()),
        fates=fates,
        until=until,
        channels=channels,
        reach=reach,
        unreachable=+unreachable,  # without the zeros
        written_to=written_to,
        other_trades=len(ids) - sum(fates.values()),
        already_planned=planned,
    )


async def _planned_before(run: Run) -> tuple[bool, dict[int, int]]:
    """Whether this very run has been planned, and its messages: member → id."""
    stored = await Occurrence.get_or_none(campaign_id=run.campaign_id, key=run.key) if run.campaign_id else None
    if stored is None:
        return False, {}
    return stored.planned_at is not None, dict(
        await Message.filter(occurrence_id=stored.id).values_list("member_id", "id")
    )

"""What approving a campaign will do beside what was sent before, or is being sent: in words, with numbers."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from bot.language import say
from bot.runtime import Runtime
from campaigns import definitions, planner, tallies
from campaigns.definitions import CampaignRow
from campaigns.folders import CampaignFolder, Definition
from campaigns.members.find import count_audience, select_audience
from campaigns.schedule import Once, OnStart, parse_schedule
from campaigns.segments import parse_segment
from campaigns.terms import DeliveryState
from campaigns.twins import twins_of

_GONE = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """`goes`: members the new words go to, as far as it is known now; `told` "" where there is nothing to say."""

    goes: int
    told: str


async def aftermath_of(
    runtime: Runtime, folder: CampaignFolder, audience: int, version_id: int, owners: Collection[str] | None
) -> Aftermath:
    """`audience` and `version_id` as they were submitted; `goes` among these owners' members, of None all."""
    after = await _of_itself(runtime, folder, audience, version_id, owners)
    return replace(after, told=after.told + await _of_twins(runtime, folder, owners))


async def _of_twins(runtime: Runtime, folder: CampaignFolder, owners: Collection[str] | None) -> str:
    words = say("“{title}”也在发同样的话，有{n}家两边都选中，会收到两遍：先停掉一个，或者改条件。")
    return "".join(
        words.format(title=one.title, n=f"{one.both:,}") for one in await twins_of(folder, runtime.clock(), owners)
    )


async def _of_itself(
    runtime: Runtime, folder: CampaignFolder, audience: int, version_id: int, owners: Collection[str] | None
) -> Aftermath:
    row = await definitions.find_campaign(folder.key)
    states = await tallies.states_of(row.id) if row else {}
    waits = states.get(DeliveryState.QUEUED, 0) + states.get(DeliveryState.SENDING, 0)
    gone = sum(states.get(one, 0) for one in _GONE)
    if row is None or not folder.definition.schedule:
        return Aftermath(audience, "")
    schedule = parse_schedule(folder.definition.schedule)
    if isinstance(schedule, OnStart) and (waits or gone):
        goes = await _not_written_to(row, folder.definition, runtime.clock(), owners)
        told = [_never_twice(row, waits, gone), say("新内容发给圈中其余的{n}家。").format(n=f"{goes:,}")]
        return Aftermath(goes, "".join([*told, _paused(row)]))
    if row.state not in ("running", "paused") or version_id == row.version_id:
        return Aftermath(audience, "")
    told = [say("已经排好的{n}条照旧内容发，以后的期次用新内容。").format(n=f"{waits:,}")]
    if isinstance(schedule, Once) and gone and _another_date(row, schedule):
        told.append(say("已经发过{n}条；换了日子，到时候发过的也会再收到一次。").format(n=f"{gone:,}"))
    return Aftermath(audience, "".join([*told, _paused(row)]))


async def _not_written_to(
    row: CampaignRow, definition: Definition, now: datetime, owners: Collection[str] | None
) -> int:
    segment = parse_segment(definition.segment)
    written = await planner.written_to(row.id, definition, now)
    if not written:
        return await count_audience(segment, now, owners)
    return len(set(await select_audience(segment, now, owners)).difference(written))


def _never_twice(row: CampaignRow, waits: int, gone: int) -> str:
    if row.state == "cancelled" or not waits:
        return say("已经发过{n}条，这些企业不再发。").format(n=f"{gone:,}")
    return say("已经发过{n}条，还有{m}条排着、照旧内容发，这些企业不再排。").format(n=f"{gone:,}", m=f"{waits:,}")


def _another_date(row: CampaignRow, schedule: Once) -> bool:
    before = parse_schedule(row.definition.schedule) if row.definition.schedule else None
    return not isinstance(before, Once) or before.at != schedule.at


def _paused(row: CampaignRow) -> str:
    return say("活动暂停着，批准后仍暂停，按“继续发”才发。") if row.state == "paused" else ""

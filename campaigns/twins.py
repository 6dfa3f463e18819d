"""Campaigns that say the same: a copy beside its original writes to whom both select twice."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from campaigns import definitions
from campaigns.definitions import CampaignRow
from campaigns.errors import OutreachError
from campaigns.folders import CampaignFolder, render_sample
from campaigns.members.find import count_audience
from campaigns.schedule import Once, OnStart, parse_schedule
from campaigns.segments import parse_segment


@dataclass(frozen=True, slots=True)
class Twin:
    """Another campaign that will yet send these words. `both`: members whom both select now."""

    key: str
    title: str
    both: int


async def twins_of(folder: CampaignFolder, now: datetime, owners: Collection[str] | None = None) -> list[Twin]:
    """Those that say the same by some channel, and select some of the same members (with `owners`: of theirs)."""
    mine, found = _texts(folder), []
    for row in (await definitions.find_campaigns()).values() if mine else ():
        if row.key == folder.key or not _sends_yet(row, now):
            continue
        if mine & _texts(CampaignFolder(row.key, row.files, "", row.definition)):
            both = f"({folder.definition.segment}) and ({row.definition.segment})"
            if n := await count_audience(parse_segment(both), now, owners):
                found.append(Twin(row.key, row.definition.title, n))
    return found


def _texts(folder: CampaignFolder) -> set[tuple[str, str]]:
    """(channel, words) as the sample has them; nothing of one that answers, or that cannot be read."""
    if folder.definition.answers or folder.definition.by_hand:
        return set()
    try:
        return {(name, words.text) for name, words in render_sample(folder).items() if words.text}
    except OutreachError:
        return set()


def _sends_yet(row: CampaignRow, now: datetime) -> bool:
    if row.state not in ("running", "paused", "approved") or not row.definition.schedule:
        return False
    schedule = parse_schedule(row.definition.schedule)
    if isinstance(schedule, OnStart):
        return row.state == "approved"
    return not isinstance(schedule, Once) or schedule.at > now

"""Campaigns as staff run them: draft → approved → running ⇄ paused → cancelled, each bound to a content version."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from campaigns import edits
from campaigns.errors import DefinitionError, InputError, StateError
from campaigns.folders import (
    CampaignFolder,
    Definition,
    digest_of,
    folder_of,
    lint_folder,
    lint_together,
    parse_definition,
    read_own,
    read_shared,
)
from campaigns.models import Campaign, ContentVersion

_BY_A_PERSON = "停于"
BY_HAND = f"{_BY_A_PERSON}命令行"


@dataclass(frozen=True, slots=True)
class CampaignRow:
    id: int
    key: str
    state: str
    version_id: int
    definition: Definition
    files: Mapping[str, str] = field(repr=False)
    started_at: datetime | None
    planned_until: datetime | None
    note: str


async def campaign_keys(templates: Path) -> list[str]:
    """The campaigns there are, on the disk and as staff made them, in the order of their names."""
    made = await edits.folders_holding("campaign.toml")
    return sorted(key for key in {*keys_on_disk(templates), *made} if made.get(key, True))


def keys_on_disk(templates: Path) -> list[str]:
    return sorted(path.parent.name for path in templates.glob("*/campaign.toml"))


async def load_campaign(templates: Path, key: str) -> CampaignFolder:
    """The campaign as it stands now. Raises InputError for an unknown one, DefinitionError for one that is wrong."""
    keys = await campaign_keys(templates)
    if key not in keys:
        known = "、".join(keys) or "（没有）"
        raise InputError(f"没有叫 {key} 的营销活动。现有：{known} (no such campaign)")
    return folder_of(key, await standing_files(templates, key))


async def standing_files(templates: Path, key: str) -> dict[str, str]:
    """A campaign's files: the disk's, what staff wrote in their place, and the shared ones.

    `key` must be one of `campaign_keys`, or one that staff are about to make: it becomes part of a path.
    """
    own = await edits.apply_edits(key, read_own(templates / key))
    return {**own, **read_shared(templates)}


async def refuse_a_clash(templates: Path, folder: CampaignFolder) -> None:
    """Raises InputError where this campaign and another cannot both be; one that cannot be read clashes with none."""
    folders = [folder]
    for one in await campaign_keys(templates):
        if one != folder.key:
            with contextlib.suppress(DefinitionError):
                folders.append(await load_campaign(templates, one))
    for one, problem in lint_together(sorted(folders, key=lambda one: one.key)):
        if one == folder.key:
            raise InputError(f"{folder.key} 和别的活动冲突：{problem} (run campaign lint)")


async def approve(folder: CampaignFolder, *, by: str, now: datetime) -> CampaignRow:
    """Bind the campaign to the words as they stand now. Raises InputError where the lint finds fault."""
    problems = lint_folder(folder)
    if problems:
        raise InputError(f"{folder.key} 有 {len(problems)} 处要改，第一处：{problems[0]} (run campaign lint)")
    version, _ = await ContentVersion.get_or_create(
        campaign=folder.key, digest=folder.digest, defaults={"files": dict(folder.files), "created_at": now}
    )
    campaign = await Campaign.get_or_none(key=folder.key)
    if campaign is None:
        campaign = await Campaign.create(key=folder.key, version_id=version.id)
    # each its own update: a pause that comes at the same time must stand
    await Campaign.filter(id=campaign.id).update(version_id=version.id, approved_by=by, approved_at=now)
    await Campaign.filter(id=campaign.id, state="cancelled").update(planned_until=None)
    await Campaign.filter(id=campaign.id, state__in=("draft", "cancelled")).update(state="approved")
    return await read_campaign(folder.key)


async def keep_running(key: str, files: Mapping[str, str], *, now: datetime) -> tuple[int, int]:
    """A campaign without dates or approval, for words that each have their own version. Returns (campaign, version)."""
    parse_definition(files)
    version, _ = await ContentVersion.get_or_create(
        campaign=key, digest=digest_of(files), defaults={"files": dict(files), "created_at": now}
    )
    campaign, _ = await Campaign.get_or_create(
        key=key, defaults={"version_id": version.id, "state": "running", "started_at": now}
    )
    return campaign.id, version.id


async def start(key: str, *, now: datetime) -> CampaignRow:
    """Let an approved campaign run; its schedule counts from now on."""
    await _change(key, ("approved", "running"), state="running", started_at=now, planned_until=now, note="")
    return await read_campaign(key)


async def stopped_campaigns() -> list[CampaignRow]:
    """Those that are paused for what came back, not by a person."""
    rows = await Campaign.filter(state="paused").exclude(note="").prefetch_related("version")
    return [_row(row) for row in rows if not row.note.startswith(_BY_A_PERSON)]


def paused_by(name: str) -> str:
    """The note of a pause from the console."""
    return f"{_BY_A_PERSON}控制台，{name}"


async def pause(key: str, *, note: str) -> None:
    """Nothing more of it is claimed; what waits stays."""
    await _change(key, ("running", "paused"), state="paused", note=note[:255])


async def resume(key: str, *, now: datetime) -> None:
    """Go on; the slots that passed in the meantime are not made up for."""
    await _change(key, ("paused", "running"), state="running", note="", planned_until=now)


async def cancel(key: str) -> int:
    """Returns the campaign's id; what waits is the outbox's to suppress."""
    await _change(key, ("draft", "approved", "running", "paused"), state="cancelled")
    return (await read_campaign(key)).id


async def planned_until(campaign_id: int, until: datetime) -> None:
    await Campaign.filter(id=campaign_id).update(planned_until=until)


async def read_campaign(key: str) -> CampaignRow:
    row = await Campaign.get_or_none(key=key).prefetch_related("version")
    if row is None:
        raise StateError(f"{key} 还没有批准。先运行 huifang campaign approve {key} (not approved yet)")
    return _row(row)


async def find_campaign(key: str) -> CampaignRow | None:
    row = await Campaign.get_or_none(key=key).prefetch_related("version")
    return _row(row) if row else None


async def every_key() -> list[str]:
    """Of all that were ever approved or kept running."""
    return [str(key) for key in await Campaign.all().order_by("key").values_list("key", flat=True)]


async def any_began() -> bool:
    """Whether a campaign with dates ever began; answers to customers have none."""
    begun = await Campaign.filter(started_at__isnull=False).select_related("version")
    return any(parse_definition(row.version.files).schedule for row in begun)


async def scheduled_campaigns() -> list[CampaignRow]:
    """Running campaigns that have dates of their own."""
    running = await Campaign.filter(state="running").order_by("id").prefetch_related("version")
    return [campaign for campaign in map(_row, running) if campaign.definition.schedule]


async def _change(key: str, allowed: tuple[str, ...], **values: object) -> None:
    campaign = await read_campaign(key)
    if await Campaign.filter(key=key, state__in=allowed).update(**values) != 1:
        raise StateError(f"{key} 现在是 {campaign.state}，不能这样做 (allowed from {', '.join(allowed)})")


def _row(row: Campaign) -> CampaignRow:
    return CampaignRow(
        id=row.id,
        key=row.key,
        state=row.state,
        version_id=row.version_id,
        definition=parse_definition(row.version.files),
        files=row.version.files,
        started_at=row.started_at,
        planned_until=row.planned_until,
        note=row.note,
    )

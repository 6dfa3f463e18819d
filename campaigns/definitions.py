"""Campaigns as staff run them: draft → approved → running ⇄ paused → cancelled, each bound to a content version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tortoise.queryset import QuerySet

from campaigns import edits
from campaigns.errors import DefinitionError, InputError, StateError
from campaigns.folders import (
    CampaignFolder,
    Definition,
    LintProblem,
    digest_of,
    folder_of,
    lint_folder,
    lint_together,
    parse_definition,
    read_own,
    read_shared,
)
from campaigns.models import Campaign, ContentVersion
from campaigns.versions import files_of

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


async def is_campaign(templates: Path, key: str) -> bool:
    """Whether `campaign_keys` has it."""
    there = await edits.holds(key, "campaign.toml")
    return key in keys_on_disk(templates) if there is None else there


async def load_campaign(templates: Path, key: str) -> CampaignFolder:
    """The campaign as it stands now. Raises InputError for an unknown one, DefinitionError for one that is wrong."""
    if not await is_campaign(templates, key):
        known = "、".join(await campaign_keys(templates)) or "（没有）"
        raise InputError(f"没有叫 {key} 的营销活动。现有：{known} (no such campaign)")
    return folder_of(key, await standing_files(templates, key))


async def standing_files(templates: Path, key: str) -> dict[str, str]:
    """A campaign's files: the disk's, what staff wrote in their place, and the shared ones.

    `key` must be one of `campaign_keys`, or one that staff are about to make: it becomes part of a path.
    """
    own = await edits.apply_edits(key, read_own(templates / key))
    return {**own, **read_shared(templates)}


async def standing_texts(templates: Path, *wanted: str) -> dict[str, dict[str, str]]:
    """Every campaign's files as they stand, in one reading: the text of those that are `wanted`, "" of the others.

    The shared ones are not among them.
    """
    on_disk = {key: read_own(templates / key) for key in keys_on_disk(templates)}
    standing = await edits.apply_every_edit(on_disk, wanted)
    return {key: standing[key] for key in sorted(standing) if "campaign.toml" in standing[key]}


async def standing_definitions(templates: Path) -> dict[str, Definition | DefinitionError]:
    """Every campaign as its folder stands now, or what is wrong with it."""
    return {key: _defined(files) for key, files in (await standing_texts(templates, "campaign.toml")).items()}


def _defined(files: Mapping[str, str]) -> Definition | DefinitionError:
    try:
        return parse_definition(files)
    except DefinitionError as exc:
        return exc


async def clashes_of(templates: Path, folder: CampaignFolder) -> list[LintProblem]:
    """What keeps this campaign and another from both being; one that cannot be read clashes with none."""
    texts = await standing_texts(templates, "campaign.toml", "sms.toml")
    sms = {key: one.get("sms.toml", "") for key, one in texts.items() if isinstance(_defined(one), Definition)}
    sms[folder.key] = folder.files.get("sms.toml", "")
    return [problem for key, problem in lint_together(dict(sorted(sms.items()))) if key == folder.key]


async def refuse_a_clash(templates: Path, folder: CampaignFolder) -> None:
    """Raises InputError where this campaign and another cannot both be."""
    for problem in await clashes_of(templates, folder):
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
    rows = await _rows(Campaign.filter(state="paused").exclude(note=""))
    return [row for row in rows if not row.note.startswith(_BY_A_PERSON)]


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
    row = await find_campaign(key)
    if row is None:
        raise StateError(f"{key} 还没有批准。先运行 huifang campaign approve {key} (not approved yet)")
    return row


async def find_campaign(key: str) -> CampaignRow | None:
    return next(iter(await _rows(Campaign.filter(key=key))), None)


async def find_campaigns() -> dict[str, CampaignRow]:
    """All that were ever approved or kept running, by key, the oldest first."""
    return {row.key: row for row in await _rows(Campaign.all())}


async def every_key() -> list[str]:
    """Of all that were ever approved or kept running."""
    return [str(key) for key in await Campaign.all().order_by("key").values_list("key", flat=True)]


async def any_began() -> bool:
    """Whether a campaign with dates ever began; answers to customers have none."""
    return any(row.definition.schedule for row in await _rows(Campaign.filter(started_at__isnull=False)))


async def scheduled_campaigns() -> list[CampaignRow]:
    """Running campaigns that have dates of their own."""
    return [row for row in await _rows(Campaign.filter(state="running")) if row.definition.schedule]


async def _change(key: str, allowed: tuple[str, ...], **values: object) -> None:
    campaign = await read_campaign(key)
    if await Campaign.filter(key=key, state__in=allowed).update(**values) != 1:
        raise StateError(f"{key} 现在是 {campaign.state}，不能这样做 (allowed from {', '.join(allowed)})")


async def _rows(asked: QuerySet[Campaign]) -> list[CampaignRow]:
    columns = ("id", "key", "state", "version_id", "started_at", "planned_until", "note")
    found = await asked.order_by("id").values(*columns, digest="version__digest")
    files = await files_of({row["version_id"]: row.pop("digest") for row in found})
    return [
        CampaignRow(definition=parse_definition(files[row["version_id"]]), files=files[row["version_id"]], **row)
        for row in found
    ]

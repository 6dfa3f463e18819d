"""Campaigns from the command line: look, check, approve, start, stop, follow."""

import contextlib
import getpass
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bot.clock import ProductClock
from bot.database import open_database
from bot.process import bulk_work
from bot.runtime import check_rules, follow_clock, read_rulebook, set_clock
from bot.settings import Settings
from bot.wording import HELD
from campaigns import definitions, marks, outbox, planner
from campaigns.errors import DefinitionError, InputError, StateError
from campaigns.folders import (
    CampaignFolder,
    SmsCost,
    lint_folder,
    lint_together,
    place_of,
    read_folder,
    render_sample,
    sms_cost,
)
from campaigns.planner import CAN, Preview
from campaigns.reports import campaign_reports
from campaigns.terms import SHANGHAI, ChannelName
from campaigns.twins import twins_of


async def listing(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [await _listed(settings, key) for key in await definitions.campaign_keys(settings.huifang_templates)]


async def _listed(settings: Settings, key: str) -> dict[str, Any]:
    """One line of the list; a folder that cannot be read says so in its own, and stops none of the others."""
    row = await definitions.find_campaign(key)
    state = row.state if row else "draft"
    try:
        folder = await load(settings, key)
    except DefinitionError as exc:
        return {
            "campaign": key, "title": "", "class": "", "channels": [], "state": state, "changed_since_approval": True,
            "note": "写错了", "error": str(exc),
        }  # fmt: skip
    return {
        "campaign": key,
        "title": folder.definition.title,
        "class": folder.definition.message_class,
        "channels": list(folder.definition.channels),
        "state": state,
        "changed_since_approval": bool(row and row.files != dict(folder.files)),
        "note": row.note if row else "",
        "error": "",
    }


async def load(settings: Settings, key: str) -> CampaignFolder:
    """Of an open database. InputError for an unknown campaign; DefinitionError names the file with its folder."""
    with _inside(key):
        return await definitions.load_campaign(settings.huifang_templates, key)


@contextlib.contextmanager
def _inside(key: str) -> Iterator[None]:
    """There are seven campaign.toml: say whose is wrong."""
    try:
        yield
    except DefinitionError as exc:
        raise DefinitionError(place_of(key, exc.file), exc.key, exc.problem) from exc


async def show(settings: Settings, key: str) -> dict[str, Any]:
    async with open_database(settings):
        folder = await load(settings, key)
    with _inside(key):
        words = render_sample(folder)
    return {
        "campaign": key,
        "definition": asdict(folder.definition),
        "words": {name: asdict(one) for name, one in words.items()},
    }


async def lint(settings: Settings, keys: Sequence[str]) -> dict[str, Any]:
    async with open_database(settings):
        return await lint_standing(settings, keys)


async def lint_standing(settings: Settings, keys: Sequence[str]) -> dict[str, Any]:
    """Of an open database: what the disk has and what staff wrote."""
    templates = settings.huifang_templates
    read: dict[str, CampaignFolder | DefinitionError] = {}
    for key in list(keys) or await definitions.campaign_keys(templates):
        try:
            read[key] = await definitions.load_campaign(templates, key)
        except DefinitionError as exc:
            read[key] = exc
    return _linted(read, [] if keys else _wrong_rules(settings))


def lint_disk(settings: Settings) -> dict[str, Any]:
    """Where there is no database yet: nobody wrote anything in one."""
    read: dict[str, CampaignFolder | DefinitionError] = {}
    for key in definitions.keys_on_disk(settings.huifang_templates):
        try:
            read[key] = read_folder(settings.huifang_templates / key)
        except DefinitionError as exc:
            read[key] = exc
    return _linted(read, _wrong_rules(settings))


def _linted(read: Mapping[str, CampaignFolder | DefinitionError], wrong: list[dict[str, str]]) -> dict[str, Any]:
    problems = list(wrong)
    sms = {key: one.files.get("sms.toml", "") for key, one in read.items() if isinstance(one, CampaignFolder)}
    for key, one in read.items():
        if isinstance(one, DefinitionError):
            problems.append({"campaign": key, "file": one.file, "key": one.key, "problem": one.problem})
        else:
            problems += [{"campaign": key, **asdict(problem)} for problem in lint_folder(one)]
    problems += [{"campaign": key, **asdict(problem)} for key, problem in lint_together(sms)]
    return {"checked": list(read), "problems": problems}


def _wrong_rules(settings: Settings) -> list[dict[str, str]]:
    """What is wrong in the files beside the folders, which rule over all of them."""
    try:
        check_rules(settings)
    except DefinitionError as exc:
        return [{"campaign": "", "file": exc.file, "key": exc.key, "problem": exc.problem}]
    return []


async def preview(settings: Settings, key: str, as_of: datetime | None) -> dict[str, Any]:
    check_rules(settings)  # pacing too, which only the sender reads
    async with open_database(settings):
        folder = await load(settings, key)
        now = await _clock(settings, as_of)
        book = await read_rulebook(settings)
        with _inside(key):
            found = await planner.preview(folder, now(), book)
            cost = sms_cost(folder, found.channels.get(ChannelName.SMS, 0), settings.sms_segment_yuan)
            return {**preview_document(found), "sms": sms_price(cost)}


async def approve(settings: Settings, key: str, by: str) -> dict[str, Any]:
    async with open_database(settings):
        folder = await load(settings, key)
        await definitions.refuse_a_clash(settings.huifang_templates, folder)
        clock = await _clock(settings, None)
        row = await definitions.approve(folder, by=by or getpass.getuser(), now=clock())
        return {
            "campaign": key,
            "state": row.state,
            "version": row.version_id,
            "digest": folder.digest,
            "says_the_same": [asdict(one) for one in await twins_of(folder, clock())],
        }


async def start(settings: Settings, key: str, as_of: datetime | None) -> dict[str, Any]:
    check_rules(settings)
    async with open_database(settings):
        await _refuse_while_held()
        await need_campaign(settings, key)
        clock = await _clock(settings, as_of)
        with bulk_work():
            occurrence_id = await planner.start_campaign(key, clock(), await read_rulebook(settings))
        planned = await outbox.read_planned(occurrence_id) if occurrence_id else {"audience": 0, "fates": {}}
        return {
            "campaign": key,
            "state": "running",
            **planned,
            "database": settings.database_shown,
            "worker_alive": await marks.worker_alive(datetime.now(UTC)),
        }


async def change(settings: Settings, key: str, what: str) -> dict[str, Any]:
    async with open_database(settings):
        await need_campaign(settings, key)
        match what:
            case "pause":
                await definitions.pause(key, note=definitions.BY_HAND)
            case "resume":
                await _refuse_while_held()
                await definitions.resume(key, now=(await _clock(settings, None))())
            case "cancel":
                await planner.call_off(key, (await _clock(settings, None))())
        return {"campaign": key, "state": (await definitions.read_campaign(key)).state}


async def status(settings: Settings, key: str | None) -> Any:
    async with open_database(settings):
        if key is not None:
            await need_campaign(settings, key)
        alive = await marks.worker_alive(datetime.now(UTC))
        reports = [{**asdict(report), "worker_alive": alive} for report in await campaign_reports(key)]
    if key is None:
        return reports
    if not reports:
        raise InputError(f"{key} 还没有批准。先运行 huifang campaign approve {key} (not approved yet)")
    return reports[0]


async def _refuse_while_held() -> None:
    """A restored copy that nobody has released would be said to run, and would not."""
    if await marks.is_held():
        raise StateError(f"{HELD} (restored, paused)")


async def need_campaign(settings: Settings, key: str) -> None:
    """Raises InputError for one that was never approved and has no folder: a slip of the fingers."""
    if await definitions.find_campaign(key) is None:
        await load(settings, key)


def sms_price(cost: SmsCost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {
        "messages": cost.messages,
        "segments_each": cost.each,
        "segments": cost.segments,
        "yuan_each": str(cost.price),
        "yuan": str(cost.yuan),
    }


def preview_document(found: Preview) -> dict[str, Any]:
    """Counts by fate and reason; `deferred_until` says when, for each reason; `reach` who could be reached by what."""
    return {
        "campaign": found.campaign,
        "occurrence": found.key,
        "at": found.at.astimezone(SHANGHAI),
        "audience": found.audience,
        "fates": dict(found.fates),
        "deferred_until": {
            fate: {moment.astimezone(SHANGHAI).isoformat(): number for moment, number in sorted(times.items())}
            for fate, times in found.until.items()
        },
        "channels": dict(found.channels),
        "reach": {
            channel: {"can": found.reach[channel].get(CAN, 0), "why_not": _without_can(found.reach[channel])}
            for channel in found.reach
        },
        "unreachable": dict(found.unreachable),
        "written_to": found.written_to,
        "other_trades": found.other_trades,
        "already_planned": found.already_planned,
    }


def _without_can(counts: Mapping[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in counts.items() if reason != CAN}


async def _clock(settings: Settings, as_of: datetime | None) -> ProductClock:
    """The product's clock; --as-of sets it for every process on this database, in the sandbox only."""
    clock = ProductClock()
    await follow_clock(clock, settings)
    if as_of is not None:
        clock.set(as_of)
        await set_clock(clock, settings)
    return clock

"""A copy beside its original: who would get the same words twice is counted before it is approved."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bot.commands import campaigning, printing
from bot.database import open_database
from bot.settings import Settings
from campaigns import definitions
from campaigns.twins import Twin, twins_of
from tests.cast import NOW, TEMPLATES, approve_tiny, datong, write_tiny, xinping
from tests.conftest import copy_file

ONCE = f'kind = "once"\nat = "{NOW + timedelta(days=1):%Y-%m-%d %H:%M}"'
ON_START = 'kind = "on_start"'


async def twins(folder: Path, owners: list[str] | None = None) -> list[Twin]:
    return await twins_of(await definitions.load_campaign(folder, "copy"), NOW, owners)


@pytest.mark.usefixtures("database")
async def test_a_copy_names_its_original_and_whom_both_select(tmp_path: Path) -> None:
    await datong()
    await xinping()
    await approve_tiny(tmp_path, "original", title="每周提醒")
    await approve_tiny(tmp_path, "other_words", **{"class": "marketing"})
    write_tiny(tmp_path, "copy")
    assert await twins(tmp_path) == [Twin("original", "每周提醒", 2)]
    assert await twins(tmp_path, ["程雪"]) == [Twin("original", "每周提醒", 1)]
    assert await twins(tmp_path, ["谁也不是"]) == []
    write_tiny(tmp_path, "copy", segment="unread_resumes >= 500")
    assert await twins(tmp_path) == []


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("state", "schedule", "named"),
    [
        ("approved", "", True),
        ("running", "", True),
        ("paused", "", True),
        ("cancelled", "", False),
        ("draft", "", False),
        ("approved", ON_START, True),
        ("running", ON_START, False),
        ("running", ONCE, True),
    ],
)
async def test_only_what_will_yet_send_is_named(tmp_path: Path, state: str, schedule: str, *, named: bool) -> None:
    await datong()
    write_tiny(tmp_path, "original", schedule=schedule)
    write_tiny(tmp_path, "copy")
    if state != "draft":
        await approve_tiny(tmp_path, "original", schedule=schedule)
    if state in ("running", "paused"):
        await definitions.start("original", now=NOW)
    if state == "paused":
        await definitions.pause("original", note="停")
    if state == "cancelled":
        await definitions.cancel("original")
    assert bool(await twins(tmp_path)) is named


async def test_the_command_says_so_when_it_approves(migrated_file: Path, settings: Settings, tmp_path: Path) -> None:
    copy_file(migrated_file, settings)
    for key in ("one", "two"):
        write_tiny(tmp_path, key, channels=["email"])
    for name in ("policy.toml", "site.toml"):
        shutil.copy(TEMPLATES / name, tmp_path)
    ours = settings.model_copy(update={"huifang_templates": tmp_path})
    async with open_database(ours):
        await datong()
    first = await campaigning.approve(ours, "one", "李娜")
    assert len(printing.approved_lines(first)) == 1
    second = await campaigning.approve(ours, "two", "李娜")
    assert second["says_the_same"] == [{"key": "one", "title": "小活动", "both": 1}]
    assert "1家两边都选中，会收到两遍" in str(printing.approved_lines(second)[1])

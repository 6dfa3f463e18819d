"""huifang campaign approve and preview: what two campaigns cannot both have, and what is planned already."""

import shutil
from pathlib import Path

import pytest

from bot.commands import campaigning, printing
from bot.settings import Settings
from campaigns.errors import InputError
from tests.cast import NOW, TEMPLATES, write_tiny
from tests.conftest import copy_file


@pytest.fixture
def ours(migrated_file: Path, settings: Settings, tmp_path: Path) -> Settings:
    """Templates of our own: two campaigns that fill the same SMS template, and one that sends mail only."""
    copy_file(migrated_file, settings)
    write_tiny(tmp_path, "one", channels=["sms"])
    write_tiny(tmp_path, "two", channels=["sms"])
    write_tiny(tmp_path, "mail", channels=["email"])
    for name in ("policy.toml", "site.toml"):
        shutil.copy(TEMPLATES / name, tmp_path)
    return settings.model_copy(update={"huifang_templates": tmp_path})


async def test_of_two_campaigns_that_clash_neither_is_approved(ours: Settings) -> None:
    for key in ("one", "two"):
        with pytest.raises(InputError, match=r"one、two.*campaign lint"):
            await campaigning.approve(ours, key, "李娜")
    states = {row["campaign"]: row["state"] for row in await campaigning.listing(ours)}
    assert states == {"one": "draft", "two": "draft", "mail": "draft"}


async def test_a_clash_of_others_keeps_nobody_from_being_approved(ours: Settings) -> None:
    assert (await campaigning.approve(ours, "mail", "李娜"))["state"] == "approved"


async def test_a_folder_that_cannot_be_read_clashes_with_none(ours: Settings) -> None:
    (ours.huifang_templates / "two" / "campaign.toml").write_text("title = ", encoding="utf-8")
    assert (await campaigning.approve(ours, "one", "李娜"))["state"] == "approved"


async def test_the_preview_says_that_the_run_is_planned_already(ours: Settings) -> None:
    before = await campaigning.preview(ours, "mail", NOW)
    await campaigning.approve(ours, "mail", "李娜")
    await campaigning.start(ours, "mail", NOW)
    after = await campaigning.preview(ours, "mail", NOW)
    assert (before["already_planned"], after["already_planned"]) == (False, True)
    assert ["already planned" in str(printing.preview_lines(one)[-1]) for one in (before, after)] == [False, True]

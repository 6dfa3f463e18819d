"""Campaigns that staff made or changed in the console: one way to read them, whoever asks."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import definitions, edits
from campaigns.edits import Overtaken
from campaigns.errors import InputError
from tests.cast import NOW, write_tiny

pytestmark = pytest.mark.usefixtures("database")

MADE = """title = "现做的"
class = "service"
action = "visit"
[schedule]
kind = "recurring"
every = "day"
at = "10:00"
"""


async def newest(folder: str) -> int:
    edit = await edits.newest_of(folder)
    return edit.id if edit else 0


async def write(folder: str, files: dict[str, str | None], since: int | None = None, by: str = "林晓芸") -> None:
    await edits.write_files(folder, files, by=by, now=NOW, since=since)


async def test_a_campaign_without_a_folder_is_there_like_any_other(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    await write("made", {"campaign.toml": MADE})
    assert await definitions.campaign_keys(tmp_path) == ["made", "tiny"]
    folder = await definitions.load_campaign(tmp_path, "made")
    assert folder.definition.title == "现做的"
    assert "_shared/mail.mjml" in folder.files
    assert (await definitions.approve(folder, by="tests", now=NOW)).state == "approved"


async def test_what_staff_wrote_stands_before_the_disk(tmp_path: Path) -> None:
    write_tiny(tmp_path, schedule="")
    before = await definitions.load_campaign(tmp_path, "tiny")
    words = before.files["campaign.toml"].replace("小活动", "改过的")
    await write("tiny", {"campaign.toml": words, "keywords.toml": "not = 'words'"})
    after = await definitions.load_campaign(tmp_path, "tiny")
    assert (after.definition.title, after.digest == before.digest) == ("改过的", False)
    assert set(after.files) == set(before.files)


async def test_a_campaign_that_was_taken_away_is_unknown(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    await write("tiny", {"campaign.toml": None})
    assert await definitions.campaign_keys(tmp_path) == []
    with pytest.raises(InputError, match="tiny"):
        await definitions.load_campaign(tmp_path, "tiny")


async def test_edits_of_the_files_beside_the_folders_are_no_campaign(tmp_path: Path) -> None:
    await write(edits.TOP, {"campaign.toml": MADE, "policy.toml": ""})
    assert await definitions.campaign_keys(tmp_path) == []


async def test_a_save_over_anothers_is_refused_and_nothing_of_it_written() -> None:
    await write("made", {"campaign.toml": MADE})
    seen = await newest("made")
    await write("made", {"email.txt": "hers"}, since=seen, by="程雪")
    with pytest.raises(Overtaken, match="程雪") as refused:
        await write("made", {"email.txt": "his", "sms.toml": "his"}, since=seen)
    assert refused.value.newest.text == "hers"
    assert await edits.apply_edits("made", {}) == {"campaign.toml": MADE, "email.txt": "hers"}


async def test_of_two_saves_at_one_moment_one_stands() -> None:
    seen = await newest("made")
    saves = [write("made", {"campaign.toml": f"# {n}"}, since=seen, by=str(n)) for n in range(4)]
    done = await asyncio.gather(*saves, return_exceptions=True)
    assert [type(one) for one in done].count(Overtaken) == 3
    assert len(await edits.versions_of("made")) == 1


async def test_an_edit_of_another_folder_overtakes_nobody() -> None:
    seen = await newest("made")
    await write("other", {"campaign.toml": MADE})
    await edits.write_files("made", {"campaign.toml": MADE}, by="", now=NOW + timedelta(hours=1), since=seen)
    assert await newest("made") > await newest("other")

"""What the product goes by is read from the templates folder."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.runtime import read_rulebook
from bot.settings import Settings
from campaigns.errors import DefinitionError

TEMPLATES = Path(__file__).parents[2] / "templates"
TUESDAY = date(2026, 11, 24)


@pytest.fixture
def ours(sqlite_database: Settings, tmp_path: Path) -> Settings:
    """Templates of our own: the two files that must be there."""
    folder = tmp_path / "templates"
    folder.mkdir()
    for name in ("policy.toml", "site.toml"):
        shutil.copy(TEMPLATES / name, folder)
    return sqlite_database.model_copy(update={"huifang_templates": folder})


async def test_our_own_days_off_are_in_the_calendar(ours: Settings) -> None:
    assert (await read_rulebook(ours)).calendar.is_workday(TUESDAY)
    (ours.huifang_templates / "calendar.toml").write_text('[off]\n2026-11-24 = "停电检修"', encoding="utf-8")
    assert not (await read_rulebook(ours)).calendar.is_workday(TUESDAY)


async def test_a_wrong_calendar_stops_the_product_with_its_reason(ours: Settings) -> None:
    (ours.huifang_templates / "calendar.toml").write_text('[off]\n11-24 = "停电检修"', encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"calendar.toml: off.11-24"):
        await read_rulebook(ours)

"""`.env.example` is complete, true and harmless."""

import re
from pathlib import Path

import pytest

from bot.settings import Settings, load_settings
from campaigns.errors import ConfigError

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


def test_it_names_every_setting_and_no_other() -> None:
    named = {name.lower() for name in re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)}
    assert named == set(Settings.model_fields)


def test_copied_as_it_stands_it_changes_no_default_and_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    copied = load_settings(env_file=EXAMPLE)
    assert copied == load_settings(env_file=None)
    assert copied.real_channels == ()


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_URL", "mysql://x"), ("WEB_PORT", "much"), ("REDIS_URL", "localhost:6379")]
)
def test_a_bad_value_is_refused_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        load_settings(env_file=None)

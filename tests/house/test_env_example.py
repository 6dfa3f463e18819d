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
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("WEB_PORT", "much"),
        ("WEB_PORT", "99999"),
        ("SMTP_STARTTLS", "perhaps"),
        ("REDIS_URL", "localhost:6379"),
        ("LOG_LEVEL", "loud"),
        ("PUBLIC_URL", "hf.example.com"),
        ("PUBLIC_URL", "javascript:alert(1)"),
        ("PUBLIC_URL", "https://hf.example.com/?a=b"),
        ("PUBLIC_URL", "https://hf.example.com/#a"),
        ("PUBLIC_URL", "https://hf.example.com:99999"),
        ("PUBLIC_URL", "https://someone@hf.example.com"),
        ("PUBLIC_URL", "https:///path"),
        ("HOOK_SECRET", "fifteen-letters"),
        ("HOOK_SECRET", "sixteen/letters!"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"^{name}: .*[\u4e00-\u9fff].*\([A-Za-z].*\)"):
        load_settings(env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "https://hf.example.com:8443/huifang/"),
        ("PUBLIC_URL", "http://[::1]:8750"),
        ("HOOK_SECRET", "sixteen_letters-"),
    ],
)
def test_a_good_value_is_kept(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(env_file=None), name.lower()) == value

"""`huifang doctor` finds what `huifang up` would refuse, and says what nobody would notice."""

import shutil
from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.commands.doctor import examine
from bot.commands.reaching import try_mailbox
from bot.database import known_migrations, open_database
from bot.settings import PROJECT, Settings
from campaigns.errors import ConfigError
from tests.days.conftest import Call
from tests.fleet import sandbox_of

_MAIL = {
    "SMTP_HOST": "mail.example.com", "MAIL_SENDER_ADDRESS": "hr@example.com", "MAIL_REPLY_DOMAIN": "example.com",
    "PUBLIC_URL": "https://hf.example.com",
}  # fmt: skip
_SMS = {"ALIYUN_SMS_ACCESS_KEY_ID": "id", "ALIYUN_SMS_ACCESS_KEY_SECRET": "key"}


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "templates", tmp_path / "templates"))


@pytest.mark.parametrize(
    ("named", "settings"),
    [
        ("DKIM_DOMAIN", {**_MAIL, "DKIM_DOMAIN": "a", "DKIM_SELECTOR": "s1", "DKIM_PRIVATE_KEY": "junk"}),
        ("DKIM_PRIVATE_KEY", {**_MAIL, "DKIM_DOMAIN": "a.example", "DKIM_SELECTOR": "s1", "DKIM_PRIVATE_KEY": "junk"}),
        ("MAIL_REPLY_DOMAIN", {"SMTP_HOST": "mail.example.com", "MAIL_SENDER_ADDRESS": "nobody"}),
        ("ALIYUN_SMS_ACCESS_KEY_SECRET", {"ALIYUN_SMS_ACCESS_KEY_ID": "id"}),
        ("WECHAT_SECRET", {"WECHAT_APPID": "wx0000000000000000"}),
        ("WEB_HOST", {"WEB_HOST": "999.1.1.1"}),
        ("MAIL_DOOR_HOST", {"MAIL_DOOR_HOST": "999.1.1.1"}),
    ],
)
def test_what_up_refuses_the_doctor_finds(call: Call, named: str, settings: dict[str, str]) -> None:
    found = call("doctor", **settings)
    assert found.code == 1
    [wrong] = [line for line in found.out.splitlines() if line.startswith("要改")]
    assert named in wrong
    refused = call("up", "--exit", **settings)
    assert refused.code == 1
    assert named in refused.err


def test_settings_that_can_work_are_well(call: Call) -> None:
    done = call("doctor", **_MAIL, **_SMS)
    assert done.code == 0
    assert "email、sms" in done.out


@pytest.mark.parametrize(
    ("file", "words", "named"),
    [
        ("policy.toml", "[hours.marketing]\nfrom = 9\n", "hours.marketing"),
        ("calendar.toml", '[off]\n"2026-13-01" = "x"\n', "2026-13-01"),
        ("pacing.toml", "[email]\nrate = 'quick'\n", "email.rate"),
        ("site.toml", "", "name"),
        ("sms_providers.toml", 'default = "nobody"\n', "default"),
        ("wechat_menu.toml", "[[button]]\nnothing = 1\n", "button"),
    ],
)
def test_a_bad_file_of_limits_is_named_by_doctor_and_preview(
    call: Call, templates: Path, file: str, words: str, named: str
) -> None:
    (templates / file).write_text(words, encoding="utf-8")
    for command in (["doctor"], ["campaign", "lint"], ["campaign", "preview", "renewal_visit"]):
        done = call(*command, HUIFANG_TEMPLATES=str(templates))
        assert done.code == 1
        assert f"{file}: " in done.out + done.err
        assert named in done.out + done.err


async def test_an_older_database_is_told_of_and_left_as_it_is(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, huifang_var=tmp_path / "var")  # type: ignore[call-arg]
    async with open_database(settings, up_to=known_migrations()[0]):
        before = settings.database_file.stat().st_mtime_ns
    found = await examine(settings)
    assert settings.database_file.stat().st_mtime_ns == before
    [told] = [check for check in found["checks"] if check["name"] == "database"]
    assert told["ok"]
    assert told["warns"]
    assert "旧版" in told["detail"]


@pytest.mark.parametrize("file", ["policy.toml", "site.toml"])
def test_a_deleted_file_of_limits_is_named(call: Call, templates: Path, file: str) -> None:
    (templates / file).unlink()
    for command in (["doctor"], ["campaign", "preview", "renewal_visit"]):
        done = call(*command, HUIFANG_TEMPLATES=str(templates))
        assert done.code == 1
        assert f"{file}: " in done.out + done.err


@pytest.mark.parametrize("file", ["pacing.toml", "calendar.toml"])
def test_a_file_that_may_be_missing_is_missed_aloud(call: Call, templates: Path, file: str) -> None:
    (templates / file).unlink()
    done = call("doctor", HUIFANG_TEMPLATES=str(templates))
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("注意  rules") and file in line]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8750", "http://localhost", "http://[::1]:80"])
def test_a_real_channel_whose_links_lead_to_this_machine_is_warned_of(call: Call, url: str) -> None:
    done = call("doctor", **{**_MAIL, "PUBLIC_URL": url})
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("注意") and "PUBLIC_URL" in line]
    alone = call("doctor", PUBLIC_URL=url).out.splitlines()
    assert not [line for line in alone if line.startswith("注意") and "PUBLIC_URL" in line]


def test_a_slip_in_env_is_named_with_what_was_meant(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SMPT_HOST=mail.example.com\nCOMPLETELY_OTHER=1\nWEB_PORT=0\n", encoding="utf-8")
    done = call("doctor")
    [line] = [line for line in done.out.splitlines() if line.startswith("注意  settings")]
    assert "SMPT_HOST（是不是 SMTP_HOST？）" in line
    assert "COMPLETELY_OTHER" in line
    assert "WEB_PORT" not in line


def test_a_redis_that_is_down_is_one_clear_line(call: Call) -> None:
    done = call("doctor", REDIS_URL="redis://127.0.0.1:1/0")
    assert (done.code, done.err) == (1, "")
    assert "REDIS_URL" in done.out


async def test_the_sandboxes_mailbox_is_read_without_tls_and_nobody_elses(sqlite_database: Settings) -> None:
    async with sandbox_of(sqlite_database, ProductClock()) as sandbox:
        box = sandbox.endpoints()["imap"]
        given = {f"imap_{name}": box[name] for name in ("host", "port", "username", "password")}
        settings = sqlite_database.model_copy(update={**given, "imap_tls": False})
        assert "logged in" in await try_mailbox(settings)
    with pytest.raises(ConfigError, match="IMAP_TLS"):
        await try_mailbox(settings.model_copy(update={"imap_host": "imap.example.com"}))

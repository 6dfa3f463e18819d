"""The commands as people and programs use them: JSON, exit codes, help, other working directories, refusals."""

import asyncio
import contextlib
import json
import smtplib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import typer
from alibabacloud_dysmsapi20170525 import models
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_tea_openapi.models import Config
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.models import SendSmsRequest
from tencentcloud.sms.v20210111.sms_client import SmsClient

from bot import cli
from bot.database import open_database
from bot.runtime import DEMO_MARK
from bot.sandbox.site import write_export
from bot.sandbox.stage import read_ledger
from bot.settings import load_settings
from campaigns import marks
from campaigns.terms import SHANGHAI
from tests.days.conftest import Call
from tests.fleet import environment, started

_TAKEN = datetime(2024, 11, 25, 9, tzinfo=SHANGHAI)
_REAL_MAIL = {
    "SMTP_HOST": "mail.example.com", "MAIL_SENDER_ADDRESS": "hr@example.com", "MAIL_REPLY_DOMAIN": "example.com",
}  # fmt: skip


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    write_export(folder, members=80, as_of=_TAKEN)
    return folder


# ---- every command ------------------------------------------------------------------------------------------------


def commands() -> list[tuple[str, click.Command]]:
    """Every command there is, by its words."""

    def below(words: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, click.Command]]:
        inner: dict[str, click.Command] | None = getattr(command, "commands", None)
        if inner is None:
            yield " ".join(words), command
            return
        for name, one in inner.items():
            yield from below((*words, name), one)

    return list(below((), typer.main.get_command(cli.app)))


@pytest.mark.parametrize(("words", "command"), commands(), ids=[words for words, _ in commands()])
def test_every_command_speaks_json_and_shows_an_example(words: str, command: click.Command) -> None:
    assert "--json" in {name for parameter in command.params for name in parameter.opts}
    assert f"Example: huifang {words}" in (command.help or "")


def test_the_commands_that_were_promised_are_there() -> None:
    promised = "demo up web worker sandbox migrate import stats segment campaign member inspect doctor"
    assert set(promised.split()) <= {words.split()[0] for words, _ in commands()}


def test_each_answers_with_one_document_and_exit_code_0(call: Call, export: Path) -> None:
    assert call("import", str(export), "--as-of", "2024-11-25", "--json").code == 0
    for words in (
        "migrate", "stats", "doctor", "segment fields", "segment|explain|idle_days >= 90",
        "segment|count|idle_days >= 90", "segment|list|idle_days >= 90|--limit|3", "campaign list",
        "campaign show unread_resumes", "campaign lint", "campaign preview unread_resumes",
        "campaign approve unread_resumes", "campaign start unread_resumes --as-of 2024-11-25",
        "campaign pause unread_resumes", "campaign resume unread_resumes", "campaign status unread_resumes",
        "campaign status", "campaign cancel unread_resumes", "member show Y300001", "inspect reply 退订 好的",
    ):  # fmt: skip
        command, *rule = words.split("|")
        done = call(*command.split(), *rule, "--json")
        assert (done.code, words) == (0, words), done.err
        assert done.out.count("\n") == 1
        assert done.found is not None
        assert done.err == ""


def test_the_numbers_of_a_whole_round_agree(call: Call, export: Path) -> None:
    report = call("import", str(export), "--as-of", "2024-11-25", "--json").found
    for file in report["files"]:
        parts = ("duplicates", "added", "changed", "unchanged", "rejected")
        assert file["offered"] == sum(file[part] for part in parts)
    stats = call("stats", "--json").found
    assert stats["members"] == 80
    assert all(type(value) is int for value in stats.values())
    counted = call("segment", "count", "unread_resumes >= 3", "--as-of", "2024-11-25", "--json").found
    listed = call("segment", "list", "unread_resumes >= 3", "--as-of", "2024-11-25", "--json").found
    assert counted == {"count": len(listed)}

    preview = call("campaign", "preview", "unread_resumes", "--as-of", "2024-11-25T10:00", "--json").found
    assert sum(preview["fates"].values()) == preview["audience"] > 0
    call("campaign", "approve", "unread_resumes", "--json")
    start = call("campaign", "start", "unread_resumes", "--json").found
    assert (start["audience"], start["fates"]) == (preview["audience"], preview["fates"])
    ended = call("up", "--exit", "--json")
    [campaign] = ended.found["campaigns"]
    assert (ended.code, campaign["waiting"], campaign["sent"]) == (0, 0, preview["fates"]["send"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("campaign", "show", "nothing_like_it"), 1, "nothing_like_it"),
        (("segment", "count", "idle_days >>"), 1, "huifang:"),
        (("member", "show", "Q0"), 1, "Q0"),
        (("import", "not/there.csv", "--json"), 1, ""),
        (("campaign", "start", "unread_resumes"), 1, "approve"),
        (("campaign", "preview", "unread_resumes", "--as-of", "soon"), 1, "--as-of"),
        (("segment", "count"), 2, "RULE"),
        (("nothing",), 2, "nothing"),
        (("demo", "--members", "many"), 2, "--members"),
    ],
)
def test_a_reason_in_one_line_is_1_and_wrong_usage_is_2(call: Call, words: Sequence[str], code: int, said: str) -> None:
    done = call(*words)
    assert (done.code, said in done.err) == (code, True), done.err
    if code == 1:
        assert len(done.err.splitlines()) <= 1
        assert "Traceback" not in done.err


# ---- settings -----------------------------------------------------------------------------------------------------


def test_two_copies_with_different_vars_never_meet(call: Call, export: Path, tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    call("import", str(export), "--as-of", "2024-11-25", HUIFANG_VAR=one)
    call("campaign", "approve", "unread_resumes", HUIFANG_VAR=one)
    call("campaign", "preview", "unread_resumes", "--as-of", "2024-11-25", HUIFANG_VAR=one)
    assert call("stats", "--json", HUIFANG_VAR=one).found["members"] == 80
    assert call("stats", "--json", HUIFANG_VAR=other).found["members"] == 0
    states = {each["campaign"]: each["state"] for each in call("campaign", "list", "--json", HUIFANG_VAR=other).found}
    assert states["unread_resumes"] == "draft"
    assert not call("campaign", "preview", "unread_resumes", "--json", HUIFANG_VAR=other).out.count("2024-11-25")


@pytest.mark.parametrize("what", ["web", "worker"])
def test_web_and_worker_alone_refuse_without_redis_and_say_why(call: Call, what: str) -> None:
    done = call(what)
    assert done.code == 1
    assert "REDIS_URL" in done.err
    assert "huifang up" in done.err


def test_a_redis_that_does_not_answer_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arq.connections.RedisSettings.conn_retries", 0)
    done = call("worker", REDIS_URL="redis://127.0.0.1:1/0")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("huifang: REDIS_URL")


def test_as_of_on_a_campaign_sets_the_clock_for_every_command(call: Call, export: Path) -> None:
    call("import", str(export), "--as-of", "2024-11-25")
    call("campaign", "preview", "forgotten_account", "--as-of", "2024-11-25")
    later = call("campaign", "preview", "unread_resumes", "--json").found
    assert datetime.fromisoformat(later["at"]).date() == _TAKEN.date()


def test_as_of_on_a_segment_sets_no_clock(call: Call) -> None:
    call("segment", "count", "all", "--as-of", "2024-11-25")
    later = call("campaign", "preview", "unread_resumes", "--json").found
    assert datetime.fromisoformat(later["at"]).date() != _TAKEN.date()


@pytest.mark.parametrize("what", ["preview", "start"])
def test_as_of_is_refused_when_a_channel_is_real(call: Call, what: str) -> None:
    call("campaign", "approve", "unread_resumes")
    done = call("campaign", what, "unread_resumes", "--as-of", "2024-11-25", **_REAL_MAIL)
    assert done.code == 1
    assert "--as-of" in done.err
    assert "email" in done.err


def test_a_demos_database_refuses_real_channels(call: Call, tmp_path: Path) -> None:
    settings = load_settings(env_file=None, huifang_var=tmp_path / "var")

    async def mark() -> None:
        async with open_database(settings):
            await marks.write_mark(DEMO_MARK, "1")

    asyncio.run(mark())
    for _ in range(2):
        done = call("up", "--exit", **_REAL_MAIL)
        assert done.code == 1
        assert "demo" in done.err
    assert call("up", "--exit").code == 0


def test_templates_and_database_are_found_from_another_working_directory(tmp_path: Path) -> None:
    """The installed command, in a folder that has nothing of ours."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    installed = Path(sys.executable).parent / "huifang"
    command = [str(installed)] if installed.exists() else [sys.executable, "-m", "bot"]
    done = subprocess.run(
        [*command, "campaign", "list", "--json"],
        capture_output=True, text=True, cwd=elsewhere, env=environment({"huifang_var": tmp_path / "var"}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "unread_resumes" in {each["campaign"] for each in json.loads(done.stdout)}
    assert (tmp_path / "var" / "huifang.sqlite3").exists()
    assert list(elsewhere.iterdir()) == []


# ---- the stand-ins for other clients ------------------------------------------------------------------------------


def test_the_sandbox_prints_one_line_and_its_stand_ins_take_other_clients(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with started("sandbox", "--json", "--ledger", str(ledger), settings={}, folder=tmp_path) as sandbox:
        doors = json.loads(sandbox.line_now())
        _mail(doors["smtp"])
        assert _sms(doors["aliyun_sms"], "13900001234") == "OK"
        assert _tencent(doors["tencent_sms"], "13900001234") == "Ok"
        assert _wechat(doors["wechat"])["errcode"] == 0
        with pytest.raises(TencentCloudSDKException, match="SignatureFailure"):
            _tencent(doors["tencent_sms"] | {"secret_key": "wrong"}, "13900001234")
        wrong = doors["aliyun_sms"] | {"access_key_secret": "wrong"}
        with contextlib.suppress(Exception):  # the SDK raises what the gateway refuses
            assert _sms(wrong, "13900001234") != "OK"
        assert asyncio.run(sandbox.terminate()) == 0
    arrived = read_ledger(ledger)  # written as it came, and there after the end
    assert [(row.channel, row.to) for row in arrived] == [
        ("email", "anybody@company.example"),
        ("sms", "13900001234"),
        ("sms", "13900001234"),
        ("wechat", doors["wechat"]["openid"]),
    ]


def test_the_sandbox_goes_wrong_by_a_seed_and_says_how(tmp_path: Path) -> None:
    with started("sandbox", "--json", "--faults", "5", settings={}, folder=tmp_path) as sandbox:
        door = json.loads(sandbox.line_now())["tencent_sms"]
        met = [_met(door, f"139{number:08d}") for number in range(40)]
        assert asyncio.run(sandbox.terminate()) == 0
        plan = json.loads("{" + sandbox.errors().partition(": {")[2].partition("\n")[0])
    assert {"smtp", "smtp mx", "aliyun sms", "tencent sms", "wechat", "wechat token"} <= set(plan)
    faults = plan["tencent sms"]
    assert {"delay", "bad_gateway", "reset_before", "reset_after", "truncate", "slow_body", "twice"} <= set(faults)
    assert "forget" not in faults
    assert 0.19 < sum(faults.values()) < 0.21
    assert 20 < met.count("Ok") < 40


def _met(door: dict[str, Any], phone: str) -> str:
    try:
        return _tencent(door, phone)
    except TencentCloudSDKException as refusal:
        return str(refusal.code)


def _mail(door: dict[str, Any]) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "hr@somebody.example", "anybody@company.example", "你好"
    mail.set_content("一封普通的信\n")
    with smtplib.SMTP(door["host"], door["port"], "client.example") as client:
        assert client.send_message(mail) == {}


def _sms(door: dict[str, Any], phone: str) -> str:
    """By the provider's own client."""
    client = Client(
        Config(
            access_key_id=door["access_key_id"], access_key_secret=door["access_key_secret"],
            endpoint=door["endpoint"], protocol="http",
        )
    )  # fmt: skip
    request = models.SendSmsRequest(
        phone_numbers=phone, sign_name=door["sign_name"], template_code=door["template_code"],
        template_param=json.dumps(door["template_params"]),
    )  # fmt: skip
    return str(client.send_sms(request).body.code)


def _tencent(door: dict[str, Any], phone: str) -> str:
    """By the provider's own client."""
    profile = ClientProfile()
    profile.httpProfile = HttpProfile(protocol="http", endpoint=door["endpoint"])
    client = SmsClient(Credential(door["secret_id"], door["secret_key"]), "ap-guangzhou", profile)
    request = SendSmsRequest()
    request.PhoneNumberSet = [f"+86{phone}"]
    request.SmsSdkAppId, request.SignName = door["sdk_app_id"], door["sign_name"]
    request.TemplateId, request.TemplateParamSet = door["template_id"], door["template_params"]
    return str(client.SendSms(request).SendStatusSet[0].Code)


def _wechat(door: dict[str, Any]) -> dict[str, Any]:
    with httpx.Client(base_url=door["base_url"], trust_env=False, timeout=60) as client:
        asked = {"grant_type": "client_credential", "appid": door["appid"], "secret": door["secret"]}
        token = client.post("/cgi-bin/stable_token", json=asked).json()["access_token"]
        message = {"touser": door["openid"], "msgtype": "text", "text": {"content": "您好"}}
        body = json.dumps(message, ensure_ascii=False).encode()
        answer = client.post("/cgi-bin/message/custom/send", params={"access_token": token}, content=body)
        return dict(answer.json())

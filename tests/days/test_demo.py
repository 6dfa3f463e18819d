"""`huifang demo --exit` as a person runs it: whatever the run before left, whoever holds the port."""

import contextlib
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fleet import run, started

_SHIPPED = {
    "auto_replies", "unread_resumes", "renewal_visit", "forgotten_account", "festival_greeting", "recruiting_tips",
    "who_is_hiring",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    found: dict[str, Any]
    errors: str
    taken_port: int
    folder: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """One run, after another that was killed half way, while somebody else holds the web's port."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        # None of these may matter: a demo speaks to itself alone.
        settings = {
            "huifang_var": folder / "var", "web_port": port, "smtp_host": "mail.example.com",
            "database_url": "postgres://nobody@127.0.0.1:1/nothing", "redis_url": "redis://127.0.0.1:1/0",
        }  # fmt: skip
        (folder / ".env").write_text("SMTP_HOST=mail.example.com\nWECHAT_APPID=wx1\nHUIFANG_VAR=/nowhere\n")
        _begin_and_kill(settings, folder)
        done = run("demo", "--exit", "--json", "--members", "250", settings=settings, folder=folder, seconds=200)
        assert done.returncode == 0, done.stderr + _fates(folder / "var" / "demo" / "huifang.sqlite3")
        yield Shown(json.loads(done.stdout), done.stderr, port, folder)


@pytest.mark.timeout(400)
def test_every_balance_holds_and_none_is_empty(shown: Shown) -> None:
    balances = {one["name"]: one for one in shown.found["balance"]}
    assert [name for name, one in balances.items() if not one["holds"]] == []
    assert all(one["left"] == one["right"] for one in balances.values())
    assert {f"{key}: audience = fates" for key in _SHIPPED} <= set(balances)
    assert {f"{channel}: sandbox ledger = ledger sent" for channel in ("email", "sms", "wechat")} <= set(balances)
    assert all(one["left"] for one in balances.values())


@pytest.mark.timeout(400)
def test_the_shipped_campaigns_ran_and_customers_answered(shown: Shown) -> None:
    campaigns = {one["key"]: one for one in shown.found["campaigns"]}
    assert set(campaigns) == _SHIPPED | {"introduction", "fair_invitation"}
    assert all(one["sent"] for key, one in campaigns.items() if key != "renewal_visit")
    assert shown.found["introductions"]["introduced"] >= campaigns["introduction"]["audience"] > 0
    assert sum(shown.found["fairs"].values()) == campaigns["fair_invitation"]["audience"]
    assert campaigns["renewal_visit"]["now"]["handed_over"]
    assert min(shown.found["visits"][kind] for kind in ("care", "regular")) > 0
    assert all(one["waiting"] == one["unknown"] == 0 for one in campaigns.values())
    answers = shown.found["answers"]
    assert min(answers[name] for name in ("replies", "automatic", "returns")) > 0


@pytest.mark.timeout(400)
def test_no_page_of_the_desk_is_empty(shown: Shown) -> None:
    desk = shown.found["desk"]
    assert set(desk) == {"problems", "promises", "targets", "transfers", "gift_plans"}
    assert all(desk.values()), desk


@pytest.mark.timeout(400)
def test_a_taken_port_means_the_next_free_one_said_aloud(shown: Shown) -> None:
    assert f"端口 {shown.taken_port} 被占用" in shown.errors
    assert f":{shown.taken_port}/" not in shown.found["addresses"]["web"]


@pytest.mark.timeout(400)
def test_its_database_refuses_real_channels_for_ever(shown: Shown) -> None:
    database = f"sqlite://{shown.folder}/var/demo/huifang.sqlite3"
    real = {
        "huifang_var": shown.folder / "other", "database_url": database, "smtp_host": "mail.example.com",
        "mail_sender_address": "hr@example.com", "mail_reply_domain": "example.com", "web_port": 0, "mail_door_port": 0,
    }  # fmt: skip
    refused = run("up", "--exit", settings=real, folder=shown.folder / "empty")
    assert refused.returncode == 1
    assert "demo" in refused.stderr
    assert refused.stderr.strip().splitlines()[-1].startswith("huifang: DATABASE_URL")


def _fates(database: Path) -> str:
    """What became of the messages, for whoever reads why a demo failed."""
    counted = "SELECT state, channel, wechat_mode, code, count(*) FROM messages GROUP BY 1, 2, 3, 4"
    with contextlib.closing(sqlite3.connect(database)) as ledger:
        return "\n".join(str(row) for row in ledger.execute(counted))


def _begin_and_kill(settings: dict[str, object], folder: Path) -> None:
    database = folder / "var" / "demo" / "huifang.sqlite3"
    with started("demo", "--exit", "--json", "--members", "250", settings=settings, folder=folder) as first:
        deadline = time.monotonic() + 60
        while not (database.exists() and database.stat().st_size > 200_000):
            assert first.process.poll() is None, first.errors()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        second = run("demo", "--exit", settings=settings, folder=folder)
        assert second.returncode == 1
        assert "huifang demo" in second.stderr
        assert first.process.poll() is None
        first.kill()

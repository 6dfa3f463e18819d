"""Tokens and webhooks by command, from an empty folder; members that programs send get their tier."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.runtime import open_runtime
from bot.settings import Settings
from bot.worker import _bring_up
from campaigns import api_tokens, marks
from campaigns.models import AuditEntry, Member
from campaigns.rights import Right
from tests.fleet import run
from tests.web_cast import add_member, browse


def command(folder: Path, *words: str, code: int = 0) -> Any:
    done = run(*words, "--json", settings={"huifang_var": folder / "var"}, folder=folder)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(240)
async def test_a_token_and_a_webhook_are_made_listed_tried_and_revoked(tmp_path: Path) -> None:
    run("migrate", settings={"huifang_var": tmp_path / "var"}, folder=tmp_path)
    made = command(tmp_path, "api", "token", "add", "招聘网站", "--scope", "write", "--scope", "events")
    assert made["secret"].startswith("hf_")
    assert made["rights"] == ["events", "import"]
    alone = ("api", "token", "add", "b", "--scope", "read", "--department")
    assert "没有叫东区的部门，还没有部门" in command(tmp_path, *alone, "东区", code=1)["error"]
    command(tmp_path, "staff", "add", "lin", "林", "--role", "agent", "--department", "东区")
    assert "没有叫西区的部门，有：东区" in command(tmp_path, *alone, "西区", code=1)["error"]
    bound = command(tmp_path, "api", "token", "add", "b", "--scope", "write", "--department", "东区", code=1)
    assert "(a token of one department only reads)" in bound["error"]
    [token] = command(tmp_path, "api", "token", "list")
    assert (token["name"], token["per_minute"], token["revoked_at"]) == ("招聘网站", 600, None)
    assert made["secret"] not in json.dumps(token)
    assert command(tmp_path, "api", "token", "revoke", "招聘网站")["revoked_at"]
    assert "no such token" in command(tmp_path, "api", "token", "revoke", "别的", code=1)["error"]
    hook = command(tmp_path, "webhook", "add", "http://127.0.0.1:9/hook", "--kind", "reply")
    assert hook["secret"].startswith("whsec_")
    tried = command(tmp_path, "webhook", "test", str(hook["id"]), code=1)
    assert (tried["taken"], tried["status"]) == (False, None)
    [listed] = command(tmp_path, "webhook", "list")
    assert (listed["state"], listed["due"], listed["kinds"]) == ("on", 0, ["reply"])
    assert "no such webhook" in command(tmp_path, "webhook", "test", "404", code=1)["error"]


async def test_members_that_a_program_sent_get_their_tier_and_once_only(database: Settings) -> None:
    async with open_runtime(database) as runtime:
        secret, _ = await api_tokens.make_token("t", [Right.IMPORT], by="林", now=datetime.now(UTC))
        row = {
            "no": "Q1",
            "name": "大同机械有限公司",
            "plan": "包年",
            "login_count": 400,
            "plan_expires_on": "2030-01-01",
        }
        async with browse(runtime) as client:
            client.headers["authorization"] = f"Bearer {secret}"
            assert (await client.post("/api/v1/members", json={"rows": [row]})).json()["added"] == 1
        assert (await Member.get()).tier_since is None
        await _bring_up(runtime)
        assert (await Member.get()).tier_since is not None
        assert await marks.read_mark(marks.TIERS_DUE) is None
    assert await AuditEntry.filter(action="api_written").count() == 1


async def test_batches_of_the_same_numbers_at_once_store_each_once(database: Settings) -> None:
    async with open_runtime(database) as runtime:
        await add_member("Q0")
        secret, _ = await api_tokens.make_token("t", [Right.IMPORT], by="林", now=datetime.now(UTC))
        rows = [{"no": f"Q{n}", "name": f"第{n}商行"} for n in range(200)]
        async with browse(runtime) as client:
            client.headers["authorization"] = f"Bearer {secret}"
            asked = [client.post("/api/v1/members", json={"rows": rows}) for _ in range(4)]
            answers = await asyncio.gather(*asked)
    assert {one.status_code for one in answers} <= {200, 409}
    assert sum(one.json().get("added", 0) for one in answers) == 199
    assert await Member.all().count() == 200

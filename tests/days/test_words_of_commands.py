"""What the commands say to people: whose file is wrong, what was not found, nothing that is not so."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from bot.commands.demo import _tasks
from bot.commands.printing import preview_lines
from bot.commands.serving import House
from bot.settings import PROJECT
from tests.days.conftest import Call


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "templates", tmp_path / "templates"))


def test_a_broken_folder_is_named_and_hides_none_of_the_others(call: Call, templates: Path) -> None:
    (templates / "who_is_hiring" / "campaign.toml").write_text("title =\n", encoding="utf-8")
    listed = call("campaign", "list", "--json", HUIFANG_TEMPLATES=str(templates))
    assert listed.code == 0
    faults = {each["campaign"]: each["error"] for each in listed.found}
    assert len(faults) == 7
    assert [key for key, fault in faults.items() if fault] == ["who_is_hiring"]
    for words in (["list"], ["preview", "who_is_hiring"], ["show", "who_is_hiring"], ["lint"]):
        done = call("campaign", *words, HUIFANG_TEMPLATES=str(templates))
        assert "who_is_hiring/campaign.toml: toml: 读不懂" in done.out + done.err


def test_words_that_cannot_be_compiled_are_named_with_their_folder(call: Call, templates: Path) -> None:
    (templates / "unread_resumes" / "email.txt").write_text("Subject: {{\n\n信\n", encoding="utf-8")
    for what in ("preview", "show"):
        done = call("campaign", what, "unread_resumes", HUIFANG_TEMPLATES=str(templates))
        assert done.code == 1
        assert "unread_resumes/email.txt: " in done.err


def test_what_all_campaigns_share_is_named_where_it_lies_and_once(call: Call, templates: Path) -> None:
    (templates / "site.toml").write_text("name =\n", encoding="utf-8")
    done = call("campaign", "lint", HUIFANG_TEMPLATES=str(templates))
    assert [line.partition(" ")[0] for line in done.out.splitlines()] == ["site.toml:"]
    shutil.copy(PROJECT / "templates" / "site.toml", templates)
    (templates / "_shared" / "foot.txt").write_bytes("人才网".encode("gb18030"))
    done = call("campaign", "preview", "unread_resumes", HUIFANG_TEMPLATES=str(templates))
    assert "huifang: _shared/foot.txt: encoding" in done.err


@pytest.mark.parametrize("what", ["start", "status", "pause", "resume", "cancel", "approve", "preview"])
def test_a_campaign_that_is_not_there_is_not_said_to_wait_for_approval(call: Call, what: str) -> None:
    done = call("campaign", what, "nokey")
    assert done.code == 1
    assert "没有叫 nokey 的营销活动" in done.err
    assert "approve" in call("campaign", "pause", "unread_resumes").err


def test_an_end_without_anything_to_send_is_said(call: Call) -> None:
    assert "nothing to send" in call("up", "--exit").out


def test_a_file_of_a_header_alone_is_remarked_on(call: Call, tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text("会员编号,企业名称\n", encoding="utf-8")
    done = call("import", str(tmp_path / "members.csv"))
    assert (done.code, "members.csv：只有表头" in done.out) == (0, True)


@pytest.mark.parametrize(
    "words", [["import", "not/there.csv"], ["restore", "not_there.zip"], ["backup", "not/there/b.zip"]]
)
def test_an_error_has_no_empty_line_in_front(call: Call, words: list[str]) -> None:
    done = call(*words)
    assert done.code == 1
    assert not (done.out + done.err).startswith("\n")
    assert "" not in done.err.splitlines()


@pytest.mark.parametrize("words", ["campaign show nokey", "member show Q0", "restore none.zip", "stats", "up"])
def test_a_failure_is_one_json_document_where_json_was_asked_for(call: Call, words: str) -> None:
    done = call(*words.split(), "--json", WEB_HOST="999.1.1.1", LOG_LEVEL="loud" if words == "stats" else "WARNING")
    assert done.code == 1
    assert list(json.loads(done.out)) == ["error"]
    assert done.err == f"huifang: {done.found['error']}\n"


def test_the_preview_has_a_column_of_times_only_where_something_waits() -> None:
    found = {
        "campaign": "x", "at": None, "audience": 3, "fates": {"send": 1, "deferred:outside_hours": 2}, "channels": {},
        "already_planned": False, "deferred_until": {},
    }  # fmt: skip
    assert len(_columns(found)) == 2
    found["deferred_until"] = {"deferred:outside_hours": {"2026-11-23T09:00:00+08:00": 2}}
    assert len(_columns(found)) == 3


def test_the_demos_tasks_are_counted_in_words() -> None:
    assert _tasks({"unknown": 17, "renewal": 2}) == "续费前回访 2  听不准 17"


@pytest.mark.parametrize("body", ["{}", "", "null", '[{"member": "Q1"}]', '[{"event": "eaten", "member": "Q1"}]', "["])
async def test_the_sites_door_says_what_it_takes_and_nothing_of_python(home: House, body: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as site:
        told = await site.post(f"{home.web.url}/hooks/{home.runtime.hook_secret}/site", content=body)
        none = await site.post(f"{home.web.url}/hooks/{home.runtime.hook_secret}/site", content=" []")
    assert told.status_code == 400
    assert '"event": "login" or "viewed"' in told.text
    assert "Error" not in told.text
    assert none.status_code == 200


def _columns(found: dict[str, object]) -> list[object]:
    return list(preview_lines(found)[1].columns)  # type: ignore[union-attr]

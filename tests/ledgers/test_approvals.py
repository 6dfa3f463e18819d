"""Who may let a campaign go out, and what exactly it is that was approved."""

from pathlib import Path

import pytest

from campaigns import approvals, definitions, edits
from campaigns.approvals import OwnTooLarge, Request
from campaigns.errors import InputError, StateError
from tests.cast import NOW, write_tiny

pytestmark = pytest.mark.usefixtures("database")


async def submit_tiny(folder: Path, audience: int = 500, by: str = "林晓芸") -> Request:
    write_tiny(folder)
    return await approvals.submit(await definitions.load_campaign(folder, "tiny"), audience, by=by, now=NOW)


async def test_another_person_approves_what_was_submitted(tmp_path: Path) -> None:
    request = await submit_tiny(tmp_path)
    assert await approvals.waiting_requests() == [request]
    row = await approvals.approve(request.id, by="程雪", now=NOW, own_up_to=200)
    assert (row.state, row.version_id) == ("approved", request.version_id)
    assert await approvals.count_waiting() == 0
    last = await approvals.last_request("tiny")
    assert last is not None
    assert (last.verdict, last.decided_by) == ("approved", "程雪")


@pytest.mark.parametrize(("audience", "allowed"), [(200, True), (201, False)])
async def test_ones_own_is_approved_up_to_a_size(tmp_path: Path, audience: int, allowed: bool) -> None:
    request = await submit_tiny(tmp_path, audience, by="程雪")
    if allowed:
        assert (await approvals.approve(request.id, by="程雪", now=NOW, own_up_to=200)).state == "approved"
        return
    with pytest.raises(OwnTooLarge, match="201"):
        await approvals.approve(request.id, by="程雪", now=NOW, own_up_to=200)
    assert await definitions.find_campaign("tiny") is None
    assert await approvals.count_waiting() == 1


async def test_what_was_written_after_submitting_is_not_approved(tmp_path: Path) -> None:
    request = await submit_tiny(tmp_path)
    words = (await definitions.load_campaign(tmp_path, "tiny")).files["campaign.toml"]
    await edits.write_files("tiny", {"campaign.toml": words.replace("小活动", "偷换的")}, by="林晓芸", now=NOW)
    row = await approvals.approve(request.id, by="程雪", now=NOW, own_up_to=200)
    assert row.definition.title == "小活动"


async def test_a_request_is_answered_once(tmp_path: Path) -> None:
    request = await submit_tiny(tmp_path)
    await approvals.refuse(request.id, by="程雪", now=NOW, reason=" 口气\n太硬 ")
    last = await approvals.last_request("tiny")
    assert last is not None
    assert last.reason == "口气 太硬"
    for late in (
        approvals.approve(request.id, by="王", now=NOW, own_up_to=200),
        approvals.withdraw(request.id, by="林晓芸", now=NOW),
    ):
        with pytest.raises(StateError, match="程雪"):
            await late
    assert await definitions.find_campaign("tiny") is None


async def test_a_refusal_needs_a_reason(tmp_path: Path) -> None:
    request = await submit_tiny(tmp_path)
    with pytest.raises(InputError):
        await approvals.refuse(request.id, by="程雪", now=NOW, reason="  ")
    assert await approvals.count_waiting() == 1


async def test_submitting_again_takes_the_first_request_back(tmp_path: Path) -> None:
    first = await submit_tiny(tmp_path)
    second = await submit_tiny(tmp_path)
    assert [one.id for one in await approvals.waiting_requests()] == [second.id]
    assert (await approvals.read_request(first.id)).verdict == "withdrawn"


async def test_what_the_lint_refuses_is_not_submitted(tmp_path: Path) -> None:
    write_tiny(tmp_path, channels=["sms"])
    (tmp_path / "tiny" / "sms.toml").write_text('template_code = ""\ntext = "没有编号"\n', encoding="utf-8")
    with pytest.raises(InputError, match="template_code"):
        await approvals.submit(await definitions.load_campaign(tmp_path, "tiny"), 1, by="林", now=NOW)
    assert await approvals.waiting_requests() == []


async def test_a_request_that_is_not_there_is_missed_in_words() -> None:
    for number in (7, 10**30):
        with pytest.raises(StateError, match="没有这次送审"):
            await approvals.approve(number, by="程雪", now=NOW, own_up_to=200)

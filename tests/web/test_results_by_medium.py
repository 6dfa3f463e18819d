"""The form of a contact by hand: each medium has results of its own."""

import pytest

from bot.runtime import Runtime
from campaigns import visits
from campaigns.models import Touch, VisitOutcome
from campaigns.rights import Role
from tests.web_cast import NOW, add_member, as_staff


@pytest.mark.parametrize(
    ("medium", "result", "words"),
    [
        ("post", "sent", "送出了"),
        ("gift", "returned", "退回来了、没收"),
        ("event", "came", "到场"),
        ("qq", "no_answer", "没回"),
    ],
)
async def test_what_came_of_a_letter_a_gift_or_an_event_is_written_truly(
    runtime: Runtime, medium: str, result: str, words: str
) -> None:
    await add_member("Q1", owner="林")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        page = (await lin.get("/visits/new?member=Q1")).text
        assert f">{words}</span>" in page
        given = {"member": "Q1", "medium": medium, "result": result, "nonce": "n"}
        assert (await lin.post("/visits/new", data=given)).status_code == 303
    assert ((await VisitOutcome.get()).result, (await Touch.get()).text) == (result, words)


@pytest.mark.parametrize(
    ("medium", "result", "words"),
    [
        ("post", "talked", "邮寄的结果只有：送出了 / 送到了、收下了 / 退回来了、没收 / 不要再联系"),
        ("phone", "sent", "电话的结果只有：接通，谈完 / 接通，改时间 / 没人接 / 空号、停机 / 不要再联系"),
        ("qq", "later", "QQ的结果只有：聊了 / 没回 / 不要再联系"),
    ],
)
async def test_a_result_of_another_medium_is_an_error_beside_the_field(
    runtime: Runtime, medium: str, result: str, words: str
) -> None:
    await add_member("Q1", owner="林")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        answer = await lin.post(
            "/visits/new", data={"member": "Q1", "medium": medium, "result": result, "note": "贺卡"}
        )
    assert answer.status_code == 422
    assert f'id="e-result" role="alert">{words}' in answer.text
    assert "贺卡" in answer.text
    assert await VisitOutcome.all().count() == 0


async def test_the_task_of_a_gift_begins_with_the_gift_and_shows_what_came_of_it(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="林")
    task = await visits.open_visit(member.id, category="gift", cause="tests", opened_at=NOW, due_at=NOW)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert 'name="medium" value="gift" checked' in (await lin.get(f"/tasks/{task}")).text
        await lin.post(f"/tasks/{task}/outcome", data={"medium": "gift", "result": "received", "note": "给了前台"})
        assert "送到了、收下了" in (await lin.get(f"/tasks/{task}")).text

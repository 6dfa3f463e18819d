"""Approval: who may, what is bound, and what a campaign's buttons do."""

import pytest

from bot.runtime import Runtime
from campaigns import approvals, definitions, edits, outbox, planner
from campaigns.models import AuditEntry, Campaign, Message, Occurrence
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, add_unread, as_staff

KEY = "unread_resumes"


async def submitted(runtime: Runtime, *, by: str = "营销甲", audience: int = 500) -> int:
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, KEY)
    return (await approvals.submit(folder, audience, by=by, now=NOW)).id


async def state() -> str:
    return (await Campaign.get(key=KEY)).state


async def test_what_waits_is_listed_and_counted_for_who_may_approve(runtime: Runtime) -> None:
    await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER) as manager:
        page = (await manager.get("/campaigns/approvals")).text
        assert "未读简历提醒" in page
        assert "500家" in page
        assert "去审批" in page
        assert '营销活动<span class="n">1</span>' in page
    async with as_staff(runtime, Role.MARKETER) as marketer:
        assert '营销活动<span class="n">' not in (await marketer.get("/campaigns/approvals")).text


@pytest.mark.parametrize(("audience", "mine"), [(200, True), (201, False)])
async def test_ones_own_that_is_too_large_is_not_counted_among_what_one_may_answer(
    runtime: Runtime, audience: int, mine: bool
) -> None:
    asked = await submitted(runtime, by="主管", audience=audience)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        page = (await manager.get("/")).text
    assert ('营销活动<span class="n">1</span>' in page) is mine
    assert ("你送审的1个要别人批" in page) is not mine
    assert f'href="/campaigns/approvals/{asked}"' in page  # also in what today brings
    async with as_staff(runtime, Role.MANAGER, name="另一位") as other:
        page = (await other.get("/")).text
    assert '营销活动<span class="n">1</span>' in page
    assert f"共{audience}家，批了才发" in page


async def test_a_marketer_cannot_approve(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MARKETER, name="营销乙") as marketer:
        page = (await marketer.get(f"/campaigns/approvals/{asked}")).text
        assert "你的角色不能审批" in page
        assert 'id="approve"' not in page
        for what in ("approve", "refuse"):
            assert (
                await marketer.post(f"/campaigns/approvals/{asked}/{what}", data={"reason": "x"})
            ).status_code == 403
    assert (await approvals.read_request(asked)).verdict == ""


async def test_another_person_approves_and_it_runs_by_its_dates(runtime: Runtime) -> None:
    member = await add_member("Q1")
    await add_contact(member)
    await add_unread(member, "P1", 5)
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        answer = await manager.post(f"/campaigns/approvals/{asked}/approve")
        assert answer.headers["location"] == f"/campaigns/{KEY}?done=approved"
        assert "批准了" in (await manager.get(answer.headers["location"])).text
    assert await state() == "running"
    assert await Message.all().count() == 0  # nothing is planned inside the request
    assert await AuditEntry.filter(action="campaign_decided").count() == 1


@pytest.mark.parametrize(("audience", "status"), [(200, 303), (201, 422)])
async def test_ones_own_is_approved_up_to_a_size(runtime: Runtime, audience: int, status: int) -> None:
    asked = await submitted(runtime, by="主管", audience=audience)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        page = (await manager.get(f"/campaigns/approvals/{asked}")).text
        assert ('id="approve"' in page) is (status == 303)
        answer = await manager.post(f"/campaigns/approvals/{asked}/approve")
    assert answer.status_code == status
    assert (await approvals.read_request(asked)).verdict == ("approved" if status == 303 else "")


async def test_a_refusal_says_why_to_who_asked(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        assert (await manager.post(f"/campaigns/approvals/{asked}/refuse", data={"reason": " "})).status_code == 422
        await manager.post(f"/campaigns/approvals/{asked}/refuse", data={"reason": "<b>短信</b>太长"})
    async with as_staff(runtime, Role.MARKETER, name="营销甲") as marketer:
        page = (await marketer.get(f"/campaigns/{KEY}")).text
    assert "主管没有批准：&lt;b&gt;短信&lt;/b&gt;太长" in page


async def test_a_refusal_stands_on_the_day_of_who_asked_until_something_is_asked_anew(runtime: Runtime) -> None:
    await approvals.refuse(await submitted(runtime), by="主管", now=NOW, reason="先改掉落款")
    told = "主管没有批准：先改掉落款"
    async with as_staff(runtime, Role.MARKETER, name="营销乙", login="other") as other:
        assert told not in (await other.get("/")).text
    async with as_staff(runtime, Role.MARKETER, name="营销甲", login="asked") as asked:
        assert told in (await asked.get("/")).text
        await Campaign.create(key=KEY, state="running", version_id=1, approved_at=NOW)
        assert told in (await asked.get(f"/campaigns/{KEY}")).text  # of a change to one that runs, too
        await submitted(runtime)
        assert told not in (await asked.get("/")).text


async def test_who_asked_withdraws_and_nobody_else(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MARKETER, name="营销乙") as other:
        assert (await other.post(f"/campaigns/approvals/{asked}/withdraw")).status_code == 422
    async with as_staff(runtime, Role.MARKETER, name="营销甲", login="jia") as own:
        assert (await own.post(f"/campaigns/approvals/{asked}/withdraw")).status_code == 303
        assert (await own.post(f"/campaigns/approvals/{asked}/withdraw")).status_code == 422
    assert (await approvals.read_request(asked)).verdict == "withdrawn"


async def test_what_is_written_after_submitting_is_not_what_is_approved(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    files = await definitions.standing_files(runtime.settings.huifang_templates, KEY)
    changed = files["campaign.toml"].replace("未读简历提醒", "改过的题目")
    await edits.write_files(KEY, {"campaign.toml": changed}, by="营销甲", now=NOW)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        await manager.post(f"/campaigns/approvals/{asked}/approve")
        page = (await manager.get(f"/campaigns/{KEY}")).text
    assert (await definitions.read_campaign(KEY)).definition.title == "未读简历提醒"
    assert "批准后又改过" in page


@pytest.mark.parametrize(("at", "status"), [("2026-11-20T09:00", 422), ("2026-11-24T09:00", 303)])
async def test_a_campaign_whose_only_date_has_passed_is_not_approved(runtime: Runtime, at: str, status: int) -> None:
    files = await definitions.standing_files(runtime.settings.huifang_templates, KEY)
    table = files["campaign.toml"].partition("[schedule]")[0]
    once = f'{table}[schedule]\nkind = "once"\nat = "{at}"\n'
    await edits.write_files(KEY, {"campaign.toml": once}, by="营销甲", now=NOW)
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        answer = await manager.post(f"/campaigns/approvals/{asked}/approve")
    assert answer.status_code == status
    assert ("的时间已经过去" in answer.text) is (status == 422)
    assert (await approvals.read_request(asked)).verdict == ("approved" if status == 303 else "")


async def test_a_campaign_is_paused_resumed_and_cancelled_with_numbers_first(runtime: Runtime) -> None:
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, KEY)
    row = await definitions.approve(folder, by="主管", now=NOW)
    member = await add_member("Q1")
    await add_contact(member)
    await add_unread(member, "P1", 5)
    await planner.start_campaign(KEY, NOW, runtime.rulebook)
    async with as_staff(runtime, Role.MARKETER, name="营销甲") as marketer:
        waiting = await Message.filter(state="queued").count()
        for what, after in (("pause", "paused"), ("resume", "running"), ("pause", "paused")):
            assert (await marketer.post(f"/campaigns/{KEY}/{what}")).status_code == 303
            assert await state() == after
        assert (await Campaign.get(key=KEY)).note == "停于控制台，营销甲"
        assert await definitions.stopped_campaigns() == []
        assert await Message.filter(state="queued").count() == waiting
        assert (await marketer.post(f"/campaigns/{KEY}/cancel")).status_code == 303
        assert (await marketer.post(f"/campaigns/{KEY}/resume")).status_code == 409
    assert await Message.filter(state="queued").count() == 0
    assert await outbox.read_planned((await Occurrence.get(campaign_id=row.id)).id)
    assert await AuditEntry.filter(action="campaign_changed").count() == 4

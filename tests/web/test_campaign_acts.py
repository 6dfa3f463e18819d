"""Start, pause, resume, cancel, approve, refuse, withdraw: each done once, with the numbers of the whole campaign."""

from datetime import timedelta

import pytest

from bot.runtime import Runtime
from campaigns import approvals, definitions, edits, planner
from campaigns.models import Approval, AuditEntry, Campaign, Message, Occurrence
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, add_message, add_unread, approved, as_staff

KEY = "unread_resumes"
HOSTILE = "<script>alert(1)</script>\"'" + "长" * 200
SAID = "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;"
ON_START = '[schedule]\nkind = "on_start"\n'


async def rewrite(runtime: Runtime, *, schedule: str = "", **changed: str) -> None:
    """`changed`: what stands in campaign.toml → what shall."""
    files = await definitions.standing_files(runtime.settings.huifang_templates, KEY)
    text = files["campaign.toml"]
    for name, value in changed.items():
        lines = [f"{name} = {value}" if line.startswith(f"{name} = ") else line for line in text.split("\n")]
        text = "\n".join(lines)
    if schedule:
        text = text.partition("[schedule]")[0] + schedule
    await edits.write_files(KEY, {"campaign.toml": text}, by="营销甲", now=NOW)


async def submitted(runtime: Runtime, *, by: str = "营销甲", audience: int = 5) -> int:
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, KEY)
    return (await approvals.submit(folder, audience, by=by, now=NOW)).id


async def waiting_member(no: str, owner: str = "") -> None:
    member = await add_member(no, owner=owner)
    await add_contact(member, mobile=f"1548350{len(no)}{no[-3:].rjust(3, '0')}", email=f"{no.lower()}@datong.example")
    await add_unread(member, f"P{no}", 5)


async def audit(what: str) -> list[AuditEntry]:
    return [one for one in await AuditEntry.filter(action="campaign_changed") if one.detail.get("what") == what]


async def test_each_act_pressed_twice_is_done_once(runtime: Runtime) -> None:
    await approved(runtime, KEY)
    async with as_staff(runtime, Role.MARKETER, name="营销甲") as marketer:
        for what, after in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            for _ in range(2):
                answer = await marketer.post(f"/campaigns/{KEY}/{what}")
                assert answer.headers["location"] == f"/campaigns/{KEY}?done={what}"
            assert (await Campaign.get(key=KEY)).state == after
            assert len(await audit(what)) == 1, what


async def test_resuming_what_runs_skips_no_run(runtime: Runtime) -> None:
    await approved(runtime, KEY)
    async with as_staff(runtime, Role.MARKETER, name="营销甲") as marketer:
        await marketer.post(f"/campaigns/{KEY}/start")
        runtime.clock.set(NOW + timedelta(days=2))  # type: ignore[attr-defined]
        await marketer.post(f"/campaigns/{KEY}/resume")
    until = (await Campaign.get(key=KEY)).planned_until
    assert until is not None
    assert until < NOW + timedelta(days=1)


@pytest.mark.parametrize("what", ["approve", "refuse", "withdraw"])
async def test_a_request_answered_twice_is_answered_once(runtime: Runtime, what: str) -> None:
    asked = await submitted(runtime, by="主管")
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        answers = [await manager.post(f"/campaigns/approvals/{asked}/{what}", data={"reason": "短"}) for _ in "12"]
        assert [one.status_code for one in answers] == [303, 422]
        assert "已经处理过了" in answers[1].text
    assert await AuditEntry.filter(action="campaign_decided").count() == 1


async def test_a_hostile_title_and_reason_are_only_words(runtime: Runtime) -> None:
    title = "<script>alert(1)</script>'" + "长" * 70
    await rewrite(runtime, title=f'"{title}"')
    asked = await submitted(runtime, by=HOSTILE[:64])
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        for path in ("/campaigns/approvals", f"/campaigns/approvals/{asked}"):
            page = (await manager.get(path)).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert(1)" in page
        await manager.post(f"/campaigns/approvals/{asked}/refuse", data={"reason": HOSTILE})
        for path in (f"/campaigns/approvals/{asked}", f"/campaigns/{KEY}", "/audit"):
            page = (await manager.get(path)).text
            assert "<script>alert" not in page
        assert SAID in (await manager.get(f"/campaigns/{KEY}")).text


async def test_approved_due_planned_queued(runtime: Runtime) -> None:
    for number in range(3):
        await waiting_member(f"Q{number}")
    await rewrite(runtime, segment='"all"', hold_out="0")
    asked = await submitted(runtime, audience=3)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        assert (await manager.post(f"/campaigns/approvals/{asked}/approve")).status_code == 303
    due = await planner.next_slot(NOW, runtime.rulebook)
    assert due is not None
    assert await planner.plan_due(due - timedelta(seconds=1), runtime.rulebook) == []
    assert len(await planner.plan_due(due, runtime.rulebook)) == 1
    assert await Message.filter(state="queued").count() == 3
    run = await Occurrence.get()
    assert (run.audience, run.version_id) == (3, (await approvals.read_request(asked)).version_id)


async def test_a_campaign_whose_only_date_passed_after_the_approval_is_not_started(runtime: Runtime) -> None:
    await rewrite(runtime, schedule='[schedule]\nkind = "once"\nat = "2026-11-24T09:00"\n')
    await approved(runtime, KEY)
    runtime.clock.set(NOW + timedelta(days=2))  # type: ignore[attr-defined]
    async with as_staff(runtime, Role.MARKETER, name="营销甲") as marketer:
        answer = await marketer.post(f"/campaigns/{KEY}/start")
    assert answer.status_code == 409
    assert "的时间已经过去" in answer.text
    assert "its date has passed" not in answer.text
    assert (await Campaign.get(key=KEY)).state == "approved"


async def test_words_approved_during_a_pause_do_not_end_it(runtime: Runtime) -> None:
    was = await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    await definitions.pause(KEY, note="停于控制台，主管")
    await rewrite(runtime, title='"改过的题目"')
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        page = (await manager.get(f"/campaigns/approvals/{asked}")).text
        assert "批准后仍暂停" in page
        assert (await manager.post(f"/campaigns/approvals/{asked}/approve")).status_code == 303
    row = await definitions.read_campaign(KEY)
    assert (row.state, row.definition.title) == ("paused", "改过的题目")
    assert row.version_id != was.version_id


async def test_what_waited_for_a_colleague_is_counted_among_the_cancelled(runtime: Runtime) -> None:
    campaign = await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    for number, state in enumerate(("queued", "queued", "queued", "sent")):
        member = await add_member(f"Q{number}")
        await add_message(campaign, member, await add_contact(member), state=state, sent_at=None)
    one = await Message.filter(state="queued").order_by("id").first()
    assert one is not None
    await Message.filter(id=one.id).update(due_at=None, reason="waits_for_staff")
    await Message.filter(state="queued").exclude(id=one.id).update(due_at=NOW)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        assert "取消剩下的3条？" in (await manager.get(f"/campaigns/{KEY}")).text
        await manager.post(f"/campaigns/{KEY}/cancel")
    [entry] = await audit("cancel")
    assert (entry.detail["suppressed"], entry.detail["waits_for_staff"]) == (3, 1)
    assert await Message.filter(state="queued").count() == 0


async def test_a_run_that_was_not_planned_yet_is_not_planned_after_the_cancelling(runtime: Runtime) -> None:
    await waiting_member("Q1")
    await rewrite(runtime, schedule=ON_START)
    await approved(runtime, KEY)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        await manager.post(f"/campaigns/{KEY}/start")
        await manager.post(f"/campaigns/{KEY}/cancel")
    assert await planner.plan_due(NOW + timedelta(minutes=1), runtime.rulebook) == []
    assert await Message.all().count() == 0


async def test_the_questions_count_the_whole_campaign_and_say_what_the_page_counts(runtime: Runtime) -> None:
    campaign = await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    for number, owner in enumerate(("营销甲", "别人", "别人")):
        member = await add_member(f"Q{number}", owner=owner)
        await add_message(campaign, member, await add_contact(member), state="queued", sent_at=None)
    async with as_staff(runtime, Role.MARKETER, name="营销甲", department="") as marketer:
        page = (await marketer.get(f"/campaigns/{KEY}")).text
        assert "取消剩下的3条？" in page
        assert "这一页只数了其中1条，按钮管的是整个活动。" in page
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        page = (await manager.get(f"/campaigns/{KEY}")).text
        assert "暂停？还有3条没发" in page
        assert "这一页只数了" not in page


async def test_where_nothing_is_left_no_question_counts_to_nothing(runtime: Runtime) -> None:
    await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        page = (await manager.get(f"/campaigns/{KEY}")).text
    assert "取消这个活动？" in page
    assert "0条？" not in page
    assert "取消0条" not in page


# ---- other words of a campaign that was sent before -----------------------------------------------------------------


async def approve_words(runtime: Runtime, at: int, title: str, audience: int = 2, segment: str = '"all"') -> str:
    """Submitted by one, approved by another `at` minutes later and planned; returns what the page said of it."""
    runtime.clock.set(NOW + timedelta(minutes=at))  # type: ignore[attr-defined]
    await rewrite(runtime, title=f'"{title}"', segment=segment, hold_out="0", schedule=ON_START)
    asked = await submitted(runtime, audience=audience)
    async with as_staff(runtime, Role.MANAGER) as manager:
        page = (await manager.get(f"/campaigns/approvals/{asked}")).text
        assert (await manager.post(f"/campaigns/approvals/{asked}/approve")).status_code == 303
    await planner.plan_due(runtime.clock(), runtime.rulebook)
    return page


async def titles() -> dict[str, str]:
    """Member → the title of the words it was planned with; each member once."""
    rows = await Message.exclude(state="suppressed").prefetch_related("occurrence__version", "member")
    assert len({row.member_id for row in rows}) == len(rows)
    files = {row.member.no: row.occurrence.version.files["campaign.toml"] for row in rows}
    return {no: "新" if '"新"' in text else "旧" for no, text in sorted(files.items())}


async def test_new_words_of_what_was_sent_on_its_start_go_to_whom_it_did_not_plan(runtime: Runtime) -> None:
    for number in range(2):
        await waiting_member(f"Q{number}")
    await approve_words(runtime, 0, "旧")
    assert await titles() == {"Q0": "旧", "Q1": "旧"}
    await waiting_member("Q2")
    page = await approve_words(runtime, 5, "新", audience=3)
    assert "还有2条排着、照旧内容发，这些企业不再排。新内容发给圈中其余的1家。" in page
    assert "批准发给1家？" in page
    assert await titles() == {"Q0": "旧", "Q1": "旧", "Q2": "新"}


async def test_new_words_within_the_same_minute_go_out_as_well(runtime: Runtime) -> None:
    await waiting_member("Q0")
    await approve_words(runtime, 0, "旧")
    await waiting_member("Q1")
    await approve_words(runtime, 0, "新")
    assert await titles() == {"Q0": "旧", "Q1": "新"}


async def test_what_was_cancelled_and_approved_again_is_sent_to_nobody_twice(runtime: Runtime) -> None:
    for number in range(2):
        await waiting_member(f"Q{number}")
    await approve_words(runtime, 0, "旧")
    sent = await Message.all().order_by("id").first()
    assert sent is not None
    await Message.filter(id=sent.id).update(state="sent", due_at=None)
    async with as_staff(runtime, Role.MANAGER) as manager:
        await manager.post(f"/campaigns/{KEY}/cancel")
    page = await approve_words(runtime, 5, "新")
    assert "已经发过1条，这些企业不再发。新内容发给圈中其余的1家。" in page
    assert await titles() == {"Q0": "旧", "Q1": "新"}


async def test_new_words_approved_in_a_pause_wait_for_its_end(runtime: Runtime) -> None:
    await waiting_member("Q0")
    await approve_words(runtime, 0, "旧")
    await definitions.pause(KEY, note="停于控制台，主管")
    await waiting_member("Q1")
    await approve_words(runtime, 5, "新")
    assert (await Campaign.get(key=KEY)).state == "paused"
    assert await titles() == {"Q0": "旧", "Q1": "新"}


async def test_the_last_step_says_the_same_before_it_is_submitted(runtime: Runtime) -> None:
    await waiting_member("Q0")
    await approve_words(runtime, 0, "旧")
    await rewrite(runtime, title='"新"')
    async with as_staff(runtime, Role.MANAGER) as manager:
        page = (await manager.get(f"/campaigns/{KEY}/make/check")).text
    assert "新内容发给圈中其余的0家。" in page


async def test_a_copy_of_what_runs_says_so_before_it_is_submitted_and_before_it_is_approved(runtime: Runtime) -> None:
    await waiting_member("Q0")
    await rewrite(runtime, segment='"all"')
    await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    told = "也在发同样的话，有1家两边都选中，会收到两遍"
    async with as_staff(runtime, Role.MANAGER) as manager:
        made = await manager.post("/campaigns/new", data={"title": "照着做的", "source": KEY})
        key = made.headers["location"].split("/")[2]
        assert told in (await manager.get(f"/campaigns/{key}/make/check")).text
        await manager.post(f"/campaigns/{key}/make/check/submit")
        asked = await Approval.get()
        assert told in (await manager.get(f"/campaigns/approvals/{asked.id}")).text


async def test_a_paused_campaign_is_resumed_and_not_started(runtime: Runtime) -> None:
    await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    await definitions.pause(KEY, note="停")
    async with as_staff(runtime, Role.MANAGER) as manager:
        answer = await manager.post(f"/campaigns/{KEY}/start")
    assert answer.status_code == 409
    assert await AuditEntry.filter(action="campaign_changed").count() == 0


async def test_what_is_cancelled_and_approved_again_within_the_minute_is_planned(runtime: Runtime) -> None:
    for number in range(2):
        await waiting_member(f"Q{number}")
    await approve_words(runtime, 0, "旧")
    sent = await Message.all().order_by("id").first()
    assert sent is not None
    await Message.filter(id=sent.id).update(state="sent", due_at=None)
    for times in (1, 2):
        async with as_staff(runtime, Role.MANAGER, login=f"m{times}") as manager:
            await manager.post(f"/campaigns/{KEY}/cancel")
        assert await titles() == {"Q0": "旧"}
        await approve_words(runtime, 0, "旧")
        assert await titles() == {"Q0": "旧", "Q1": "旧"}


async def test_words_it_was_sent_with_before_go_to_whom_it_has_not_written_to(runtime: Runtime) -> None:
    for at, title in enumerate(("旧", "新", "旧", "新")):
        await waiting_member(f"Q{at}")
        await approve_words(runtime, 0, title)
    assert await titles() == {"Q0": "旧", "Q1": "新", "Q2": "旧", "Q3": "新"}

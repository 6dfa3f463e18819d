"""A member's page: notes, a pause, a stop of everything and its way back, the box to write."""

import pytest

from bot.runtime import Runtime
from campaigns.models import AuditEntry, Note, Suppression
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, as_staff

HOSTILE = "<script>alert(1)</script>\"'"


async def test_a_note_is_kept_for_colleagues_and_deleted_by_its_writer_alone(runtime: Runtime) -> None:
    await add_member("Q1", owner="林")
    async with as_staff(runtime, Role.AGENT, name="林", login="lin") as lin, as_staff(runtime, login="boss") as boss:
        await lin.post("/members/Q1/notes", data={"text": f" {HOSTILE} "})
        note = await Note.get()
        page = (await boss.get("/members/Q1")).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        await boss.post(f"/members/Q1/notes/{note.id}")
        assert await Note.all().count() == 1
        await lin.post(f"/members/Q1/notes/{note.id}")
        assert "&lt;script&gt;alert(1)" not in (await boss.get("/members/Q1")).text
        for text in ("", "   ", "长" * 2001):
            answer = await lin.post("/members/Q1/notes", data={"text": text})
            assert answer.status_code == 422
            assert answer.text.count("备注写1到2,000个字。") == 2
            assert f">{text}</textarea>" in answer.text
    assert await Note.filter(member_id__gt=0).count() == 0


async def test_everything_is_stopped_and_taken_back_only_with_a_reason(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="林")
    await add_contact(member)
    async with as_staff(runtime, Role.AGENT, name="林", login="lin", department="东区") as lin:
        await lin.post("/members/Q1/stop")
        await lin.post("/members/Q1/stop")
        assert (await lin.post("/members/Q1/lift", data={"reason": "x"})).status_code == 403
    assert await Suppression.filter(member_id=member.id, lifted_at=None).count() == 1
    async with as_staff(runtime, Role.MARKETER, name="周", login="zhou", department="东区") as marketer:
        page = (await marketer.get("/members/Q1")).text
        assert "恢复这家企业" not in page
        assert "主管能恢复" in page
    async with as_staff(runtime, Role.MANAGER, login="boss") as boss:
        page = (await boss.get("/members/Q1")).text
        assert "恢复这家企业" in page
        assert (await boss.post("/members/Q1/lift")).status_code == 422
        assert await Suppression.filter(lifted_at=None).count() == 1
        await boss.post("/members/Q1/lift", data={"reason": "本人来电"})
    assert await Suppression.filter(lifted_at=None).count() == 0
    assert await AuditEntry.filter(action="member_changed").count() == 3


@pytest.mark.parametrize(("days", "pauses"), [("7", 1), ("90", 1), ("91", 0), ("0", 0), ("", 0), ("一", 0)])
async def test_a_pause_has_an_end(runtime: Runtime, days: str, pauses: int) -> None:
    await add_member("Q1")
    async with as_staff(runtime) as admin:
        await admin.post("/members/Q1/pause", data={"days": days, "reason": "国庆前不打扰"})
    found = await Suppression.all()
    assert len(found) == pauses
    assert all(one.until and one.until > NOW for one in found)


@pytest.mark.parametrize("what", ["notes", "notes/1", "pause", "stop"])
async def test_another_departments_member_is_not_there(runtime: Runtime, what: str) -> None:
    await add_member("Q1", owner="王")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.post(f"/members/Q1/{what}", data={"text": "x", "days": "7"})).status_code == 404
    assert await Suppression.all().count() == await Note.all().count() == 0


async def test_who_may_answer_has_the_box_to_write_and_who_looks_only_has_none(runtime: Runtime) -> None:
    await add_contact(await add_member("Q1"))
    async with as_staff(runtime, login="boss") as boss, as_staff(runtime, Role.VIEWER, login="eye") as viewer:
        assert 'action="/members/Q1/write"' in (await boss.get("/members/Q1")).text
        page = (await viewer.get("/members/Q1")).text
        assert "/members/Q1/write" not in page
        assert "/members/Q1/stop" not in page

"""The answer to a request: what stands beside it, what must stand in its way, and each act done once."""

from bot.runtime import Runtime
from campaigns import approvals, definitions, edits, marks
from campaigns.models import Approval, AuditEntry, Campaign
from campaigns.rights import Role
from tests.web_cast import NOW, approved, as_staff

KEY = "unread_resumes"
HOSTILE = "<script>alert(1)</script>\"'" + "长" * 228
SAID = "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;"


async def submitted(runtime: Runtime, *, by: str = "营销甲", audience: int = 500) -> int:
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, KEY)
    return (await approvals.submit(folder, audience, by=by, now=NOW)).id


async def write(runtime: Runtime, file: str, before: str, after: str) -> None:
    files = await definitions.standing_files(runtime.settings.huifang_templates, KEY)
    assert before in files[file]
    await edits.write_files(KEY, {file: files[file].replace(before, after)}, by="营销甲", now=NOW)


async def test_a_refusal_without_a_reason_says_so_beside_the_field(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        answer = await manager.post(f"/campaigns/approvals/{asked}/refuse", data={"reason": "   "})
    assert answer.status_code == 422
    assert 'aria-describedby="reason-e"' in answer.text
    assert 'class="dialog-veil dialog-veil--open" id="refuse"' in answer.text
    assert 'value="   "' in answer.text
    assert "写一句为什么，对方好改<" in answer.text  # without what is said to developers
    assert "note--red" not in answer.text


async def test_who_approves_sees_what_changed_by_which_channel_and_the_campaign(runtime: Runtime) -> None:
    was = await approved(runtime, KEY)
    await write(runtime, "campaign.toml", "未读简历提醒", "改过的题目")
    asked = await submitted(runtime)
    now = (await Approval.get(id=asked)).version_id
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        page = (await manager.get(f"/campaigns/approvals/{asked}")).text
        listed = (await manager.get("/campaigns/approvals")).text
        href = f"/templates/{KEY}/difference?file=campaign.toml&amp;a=v{was.version_id}&amp;b=v{now}"
        assert href in page
        assert href in listed
        assert f'href="/campaigns/{KEY}"' in page
        assert "公众号、邮件、短信" in page
        assert "公众号、邮件、短信" in listed
        difference = (await manager.get(href.replace("&amp;", "&"))).text
        assert "改过的题目" in difference


async def test_words_nobody_approved_before_have_no_difference(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        assert "/difference?" not in (await manager.get(f"/campaigns/approvals/{asked}")).text


async def test_a_clash_is_judged_by_what_was_submitted(runtime: Runtime) -> None:
    """The folder was mended since; what is approved is not the folder."""
    await write(runtime, "sms.toml", "SMS_210000001", "SMS_210000002")  # another campaign's
    asked = await submitted(runtime)
    await write(runtime, "sms.toml", "SMS_210000002", "SMS_210000001")
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        answer = await manager.post(f"/campaigns/approvals/{asked}/approve")
    assert answer.status_code == 422
    assert "和别的活动冲突" in answer.text
    assert (await approvals.read_request(asked)).verdict == ""


async def test_a_clash_written_after_submitting_is_in_nobodys_way(runtime: Runtime) -> None:
    asked = await submitted(runtime)
    await write(runtime, "sms.toml", "SMS_210000001", "SMS_210000002")
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        assert (await manager.post(f"/campaigns/approvals/{asked}/approve")).status_code == 303


async def test_a_withdrawal_is_asked_about_first_with_its_number(runtime: Runtime) -> None:
    asked = await submitted(runtime, by="主管", audience=1500)
    async with as_staff(runtime, Role.MANAGER, name="主管") as own:
        page = (await own.get(f"/campaigns/approvals/{asked}")).text
        assert 'href="#withdraw"' in page
        question = page.partition('id="withdraw"')[2]
        assert "1,500家" in question
        assert f'action="/campaigns/approvals/{asked}/withdraw"' in question
    async with as_staff(runtime, Role.MARKETER, name="营销乙") as other:
        assert 'id="withdraw"' not in (await other.get(f"/campaigns/approvals/{asked}")).text


async def test_who_counts_ones_own_alone_is_asked_about_a_withdrawal_without_a_number(runtime: Runtime) -> None:
    asked = await submitted(runtime, audience=1500)
    async with as_staff(runtime, Role.MARKETER, name="营销甲") as own:
        question = (await own.get(f"/campaigns/approvals/{asked}")).text.partition('id="withdraw"')[2]
    assert "圈中的企业不再等人批准" in question
    assert "1,500" not in question
    assert f'action="/campaigns/approvals/{asked}/withdraw"' in question


async def test_in_a_restored_copy_nothing_is_said_to_begin(runtime: Runtime) -> None:
    asked = await submitted(runtime, audience=1)
    await marks.write_mark(marks.RESTORED, "{}")
    async with as_staff(runtime, Role.MANAGER, name="主管") as manager:
        answer = await manager.post(f"/campaigns/approvals/{asked}/approve")
        assert answer.status_code == 422
        assert "huifang release" in answer.text
        assert "(restored" not in answer.text
        assert (await approvals.read_request(asked)).verdict == ""
        for state, act in (("approved", "start"), ("paused", "resume")):
            await approved(runtime, KEY)
            await Campaign.filter(key=KEY).update(state=state)
            answer = await manager.post(f"/campaigns/{KEY}/{act}")
            assert answer.status_code == 409
            assert "huifang release" in answer.text
            assert (await Campaign.get(key=KEY)).state == state
    assert await AuditEntry.filter(action__in=("campaign_decided", "campaign_changed")).count() == 0

"""The third step of making a campaign: words by channel, kept as files, seen as they would be sent."""

import tomllib
from pathlib import Path

import httpx
import pytest
from markupsafe import escape

from bot.clock import ProductClock
from bot.console.making.editing import FOOT, fields_of, with_words
from bot.providers import SandboxEndpoints
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns import definitions, edits, planner
from campaigns.content import compile_content, render
from campaigns.folders import folder_of, lint_folder, read_files, render_sample
from campaigns.members.consent import suppress_address
from campaigns.models import AuditEntry, Message
from campaigns.rights import Role
from campaigns.terms import ChannelName, MailWords, WechatMode, WechatWords
from tests.fleet import sandbox_of
from tests.web_cast import NOW, add_contact, add_member, add_unread, as_staff

PATH = "/campaigns/unread_resumes/make/words"
TEMPLATES = Path(__file__).parents[2] / "templates"
FOLDERS = ("unread_resumes", "forgotten_account", "recruiting_tips", "festival_greeting", "who_is_hiring")


def typed(key: str, *channels: str, **changed: str) -> dict[str, object]:
    """What the form of a campaign's page sends, with some boxes changed."""
    files = read_files(TEMPLATES / key)
    boxes = {box.name: box.value for one in channels for box in fields_of(files, ChannelName(one))}
    places = {f"place_{one}": str(at) for at, one in enumerate(channels, 1)}
    return {"use": list(channels), **places, **boxes, **changed}


@pytest.mark.parametrize("key", FOLDERS)
def test_what_nobody_changed_stays_as_it_is(key: str) -> None:
    files = read_files(TEMPLATES / key)
    channels = folder_of(key, files).definition.channels
    boxes = {box.name: box.value for one in channels for box in fields_of(files, one)}
    assert with_words(files, boxes, channels) == {}


async def test_the_page_shows_every_channel_and_how_it_looks(browser: httpx.AsyncClient) -> None:
    page = await browser.get(PATH)
    assert page.status_code == 200, page.text[:300]
    for words in ("公众号", "短信", "邮件", "无问题", "没有用", "晋北餐饮管理有12份简历没看", 'name="email/subject"'):
        assert words in page.text, words


@pytest.mark.parametrize(("tab", "first"), [("", "email"), ("?channel=wechat", "email"), ("?channel=sms", "sms")])
async def test_a_message_to_oneself_begins_with_what_anybody_has(
    browser: httpx.AsyncClient, tab: str, first: str
) -> None:
    page = (await browser.get(f"{PATH}{tab}")).text
    chosen = page[page.index('id="test-channel"') :]
    assert f'<option value="{first}" selected>' in chosen[: chosen.index("</select>")]
    hint = page[page.index('id="test-to-h"') :]
    for words in ("短信：写自己的手机号", "邮件：写自己的邮箱", "公众号：自己先关注"):
        assert words in hint[: hint.index("</span>")]
    sent = typed("unread_resumes", "wechat", "sms", "email", test_channel="wechat", test_to="")
    again = (await browser.post(f"{PATH}/test", data=sent)).text
    assert '<option value="wechat" selected>' in again[again.index('id="test-channel"') :]


async def test_new_words_are_kept_and_read_back_as_typed(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    text = '第一行\r\n【第二行】"三引号""" \\n {{ member.name }}\r\n最后'
    data = typed("unread_resumes", "wechat", "email", "sms", **{"wechat/custom/text": text})
    answer = await browser.post(PATH, data=data)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("/make/when")
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    boxes = {box.name: box.value for box in fields_of(files, ChannelName.WECHAT)}
    assert boxes["wechat/custom/text"] == text.replace("\r\n", "\n")
    assert [one.file for one in await edits.versions_of("unread_resumes")] == ["wechat.toml"]


@pytest.mark.parametrize(
    ("box", "text", "says"),
    [
        ("wechat/custom/text", "{{ 7*7 }}", "不能用 mul"),
        ("wechat/custom/text", "{% for a in member %}", "模板写错了"),
        ("email/text", "{{ member.__class__ }}", "不能用 .__class__"),
        ("email/subject", "{{ nobody.name }}", "nobody"),
        ("sms/text", "${nobody}份", "${nobody}"),
        ("sms/params/count", "{{ contact.nonsense }}", "nonsense"),
        ("email/text", "长" * 20_001, "最多20,000字"),
    ],
)
async def test_what_cannot_be_filled_is_not_kept_and_stays_typed(
    browser: httpx.AsyncClient, box: str, text: str, says: str
) -> None:
    answer = await browser.post(PATH, data=typed("unread_resumes", "wechat", "email", "sms", **{box: text}))
    assert answer.status_code == 422
    assert says in answer.text
    assert f'id="f-{box.replace("/", "-")}-err"' in answer.text
    assert await edits.versions_of("unread_resumes") == []


async def test_a_script_in_the_words_is_shown_as_words(browser: httpx.AsyncClient) -> None:
    hostile = {"wechat/custom/text": "<script>alert(1)</script>\"'", "email/text": "<img src=x onerror=alert(1)>"}
    data = typed("unread_resumes", "wechat", "email", "sms", **hostile)
    assert (await browser.post(PATH, data=data)).status_code == 303
    for page in (await browser.get(PATH), await browser.post(f"{PATH}/preview", data=data)):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


async def test_the_preview_says_what_the_sender_would_say(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    member = await add_member("Q1", "大同'机械'有限公司")
    contact = await add_contact(member)
    await add_unread(member, "P1", 4)
    text = "{{ member.name }}有{{ member.unread }}份，{{ contact.name }}"
    data = typed("unread_resumes", "wechat", "email", "sms", **{"wechat/custom/text": text, "member": "Q1"})
    part = await browser.post(f"{PATH}/preview", data=data, headers={"hx-request": "true"})
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    files["wechat.toml"] = files["wechat.toml"].partition("[template]")[0].partition("text = ")[0] + f"text = '{text}'"
    given = await planner.sample_of(member.id, contact.id, None, NOW, runtime.rulebook)
    assert given is not None
    sent = render(compile_content(files), ChannelName.WECHAT, given, WechatMode.CUSTOM)
    assert isinstance(sent, WechatWords)
    assert sent.text == "大同'机械'有限公司有4份，张晓燕"
    assert str(escape(sent.text)) in part.text
    assert "<!doctype" not in part.text
    assert 'hx-swap-oob="innerHTML"' in part.text
    assert contact.email not in part.text
    assert await edits.versions_of("unread_resumes") == []


async def test_somebody_elses_member_is_not_shown(runtime: Runtime) -> None:
    for no, name, owner in (("Q1", "自己的商行", "林晓芸"), ("Q2", "别人的商行", "程雪")):
        member = await add_member(no, name, owner=owner)
        await add_contact(member)
    data = typed("unread_resumes", "wechat", "email", "sms", **{"member": "Q2"})
    async with as_staff(runtime, Role.MARKETER, name="林晓芸") as marketer:
        page = await marketer.post(f"{PATH}/preview", data=data)
        assert page.status_code == 200
        assert "别人的商行" not in page.text
        assert "自己的商行" in (await marketer.post(f"{PATH}/preview", data={**data, "member": "Q1"})).text
    async with as_staff(runtime, Role.VIEWER) as viewer:
        assert (await viewer.get(PATH)).status_code == 403
        assert (await viewer.post(f"{PATH}/test", data=data)).status_code == 403


@pytest.mark.parametrize(
    ("key", "box", "before", "button", "after"),
    [
        ("unread_resumes", "sms/text", "${company}好。拒收请回复R", "sms:opt-out line", "${company}好。"),
        ("unread_resumes", "sms/text", "【回访】${company}好", "sms:brackets", "${company}好"),
        ("forgotten_account", "sms/text", "${company}好", "sms:no opt-out line", "${company}好。拒收请回复R"),
        ("forgotten_account", "email/subject", "您好", "email:no 广告", "（广告）您好"),
        (
            "forgotten_account",
            "wechat/custom/text",
            "您好",
            "wechat:no way to refuse",
            "您好\n不想再收到就回“退订”。\n",
        ),
        ("forgotten_account", "email/text", "您好", "email:no way to refuse", f"您好\n\n{FOOT}\n"),
    ],
)
async def test_a_button_mends_what_the_lint_says(
    browser: httpx.AsyncClient, key: str, box: str, before: str, button: str, after: str
) -> None:
    path = f"/campaigns/{key}/make/words/preview"
    data = typed(key, "wechat", "email", "sms", **{box: before})
    assert f'value="{button}"' in (await browser.post(path, data=data)).text
    mended = (await browser.post(path, data={**data, "mend": button})).text
    shown = str(escape(after))
    assert f">\n{shown}</textarea>" in mended or f'value="{shown}"' in mended
    assert f'value="{button}"' not in mended


async def test_an_sms_gets_the_variables_its_text_names(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    data = typed("unread_resumes", "wechat", "email", "sms", **{"sms/text": "${company}在${city}有${count}份简历"})
    assert (await browser.post(PATH, data=data)).status_code == 303
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    table = tomllib.loads(files["sms.toml"])
    assert table["params"] == {
        "company": "{{ member.short_name }}",
        "count": "{{ member.unread }}",
        "city": "{{ member.city }}",
    }
    assert table["tencent"]["params"] == ["company", "count", "city"]
    assert lint_folder(folder_of("unread_resumes", files)) == []


async def test_a_mail_is_laid_out_anew_when_its_text_changes(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    text = (
        "{{ contact.name }}<b>您好\n\n{% for one in unread_postings %}\n\n{{ one.title }}\n{% endfor %}\n\n"
        f"看这里：\n{{{{ links.way_in }}}}\n\n{FOOT}"
    )
    data = typed("unread_resumes", "wechat", "email", "sms", **{"email/text": text})
    assert (await browser.post(PATH, data=data)).status_code == 303
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    words = render_sample(folder_of("unread_resumes", files))["email"]
    assert isinstance(words, MailWords)
    assert "张晓燕&lt;b&gt;您好" in words.html
    assert "厨师<br" in words.html
    assert 'href="https://huifang.example.com/way_in/m1"' in words.html
    assert "点这里打开" in words.html


async def test_a_subject_alone_leaves_the_layout_as_it_is(browser: httpx.AsyncClient) -> None:
    data = typed("unread_resumes", "wechat", "email", "sms", **{"email/subject": "新的\r\n主题"})
    assert (await browser.post(PATH, data=data)).status_code == 303
    [edit] = await edits.versions_of("unread_resumes")
    assert (edit.file, (edit.text or "").split("\n")[0]) == ("email.txt", "Subject: 新的 主题")


async def test_channels_are_used_in_the_order_of_their_numbers(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    data = {**typed("unread_resumes", "wechat", "email", "sms"), "use": ["sms", "wechat"], "place_sms": "1"}
    assert (await browser.post(PATH, data={**data, "place_wechat": "2"})).status_code == 303
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    folder = folder_of("unread_resumes", files)
    assert folder.definition.channels == (ChannelName.SMS, ChannelName.WECHAT)
    assert "email.txt" not in files
    assert lint_folder(folder) == []
    assert "至少用一个通道" in (await browser.post(PATH, data={})).text


async def test_a_channel_taken_out_and_used_again_has_its_words(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    new = {"sms/text": "${company}有${count}份简历新写的"}
    assert (await browser.post(PATH, data=typed("unread_resumes", "wechat", "sms", **new))).status_code == 303
    assert (await browser.post(PATH, data=typed("unread_resumes", "wechat"))).status_code == 303
    assert "份简历新写的</textarea>" in (await browser.get(PATH)).text
    again = {"use": ["wechat", "sms", "email"], "place_wechat": "1", "place_sms": "2"}
    assert (await browser.post(PATH, data=again)).status_code == 303
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    assert "份简历新写的" in files["sms.toml"]
    assert files["email.txt"] == (TEMPLATES / "unread_resumes" / "email.txt").read_text("utf-8")
    assert lint_folder(folder_of("unread_resumes", files)) == []


async def test_what_somebody_wrote_meanwhile_is_not_overwritten(browser: httpx.AsyncClient) -> None:
    for text in ("一", "二"):
        await edits.write_files("unread_resumes", {"notes.txt": text}, by="程雪", now=NOW)
    data = typed(
        "unread_resumes", "wechat", "email", "sms", **{"sms/text": "${company}有${count}份我的话", "since": "1"}
    )
    page = await browser.post(PATH, data=data)
    assert page.status_code == 422
    assert "别人刚才改过这个活动" in page.text
    assert "份我的话</textarea>" in page.text


async def test_one_to_oneself_reaches_the_stand_in_and_nobody_else(sqlite_database: Settings) -> None:
    clock = ProductClock()
    clock.set(NOW)
    async with (
        sandbox_of(sqlite_database, clock) as sandbox,
        open_runtime(sqlite_database, clock=clock, sandbox=SandboxEndpoints(**sandbox.endpoints())) as runtime,
        as_staff(runtime) as client,
    ):
        await add_contact(await add_member("Q1"), mobile="15483503031")
        await suppress_address(ChannelName.EMAIL, "gone@datong.example", at=NOW, reason="550", source="tests")
        data = typed("unread_resumes", "wechat", "email", "sms", **{"email/subject": "只给自己看"})
        mine = {**data, "test_channel": "email", "test_to": "lin@datong.example"}
        answer = await client.post(f"{PATH}/test", data=mine)
        assert answer.status_code == 200, answer.text
        assert "已发到l***@datong.example的邮件" in answer.text
        assert "演练手机" in answer.text
        [mail] = sandbox.relay.mailbox("lin@datong.example")
        assert mail.words["subject"] == "【测试】只给自己看"
        for channel, to, beside, says in (
            ("sms", "12", "test-to-e", "这个地址不对"),
            ("sms", "15483503031", "test-to-e", "试发只能发给自己"),  # a contact's
            ("email", "Gone@datong.example", "test-to-e", "试发只能发给自己"),  # refused
            ("wecom", "x", "test-channel-e", "先选一个用到的通道"),
        ):
            answer = await client.post(f"{PATH}/test", data={**data, "test_channel": channel, "test_to": to})
            assert answer.status_code == 422
            assert f'id="{beside}"' in answer.text
            assert says in answer.text
            assert 'class="dialog-veil dialog-veil--open" id="test"' in answer.text
    [entry] = await AuditEntry.filter(action="campaign_tested")
    assert entry.subject == "campaign/unread_resumes"
    assert entry.detail["to"] == "l***@datong.example"
    assert await Message.all().count() == 0


async def test_one_to_oneself_by_sms_and_wechat_reaches_the_stand_ins(sqlite_database: Settings) -> None:
    clock = ProductClock()
    clock.set(NOW)
    openid = "o" + "7" * 27
    async with (
        sandbox_of(sqlite_database, clock) as sandbox,
        open_runtime(sqlite_database, clock=clock, sandbox=SandboxEndpoints(**sandbox.endpoints())) as runtime,
        as_staff(runtime) as client,
    ):
        sandbox.wechat.ensure_followers([openid])
        new = {"sms/template_code": "SMS_777777", "sms/text": "${company}有${count}份简历，给自己看"}
        data = typed("unread_resumes", "wechat", "email", "sms", **new)
        for channel, to, said in (("sms", "15483503031", "已发到154****3031的短信"), ("wechat", openid, "的公众号")):
            answer = await client.post(f"{PATH}/test", data={**data, "test_channel": channel, "test_to": to})
            assert answer.status_code == 200, answer.text[answer.text.index('id="test"') :]
            assert said in answer.text
        follower = sandbox.wechat.find(openid)
        assert follower is not None
        follower.leave()
        answer = await client.post(f"{PATH}/test", data={**data, "test_channel": "wechat", "test_to": openid})
        assert answer.status_code == 422
        assert "没有发出去" in answer.text[answer.text.index('id="test"') :]
    assert await Message.all().count() == 0


async def test_templates_that_are_known_can_be_chosen_and_those_of_others_sms_cannot(
    browser: httpx.AsyncClient,
) -> None:
    await edits.write_files("who_is_hiring", {"wechat.toml": "text = <"}, by="林", now=NOW)  # cannot be read
    page = (await browser.get(PATH)).text
    assert 'list="f-wechat-template-template_id-codes"' in page
    assert '<option value="TM_UNREAD_RESUMES">' in page
    assert '<option value="SMS_210000001">' in page
    assert '<option value="SMS_210000002">' not in page

"""Staff pages: what is there is shown and linked, what is not says why, and nobody's name becomes markup."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from bot.commands.printing import member_lines
from bot.dossier import describe_member
from bot.runtime import Runtime
from bot.web.pages import HTML
from campaigns import outbox, touches, visits
from campaigns.members import consent
from campaigns.models import Campaign, Message, WechatFollower
from campaigns.rights import Role
from campaigns.terms import ChannelName, Direction, TouchKind
from tests.web_cast import (
    NOW,
    add_contact,
    add_member,
    add_message,
    add_unread,
    approved,
    as_staff,
    fill_words,
)

_INLINE = re.compile(r'<script(?! src="/static/)')
HOSTILE = [
    "<script>alert(1)</script>商行",
    "{{ 7*7 }}有限公司",
    '=HYPERLINK("http://x.test","点我")',
    "<b onclick=x>&amp;",
]
ELSEWHERE = {"/campaigns/new"}  # tried by the tests of making one
ENDLESS = ("/calendar?", "/calendar/", "/visits?", "/visits/days/", "/targets?month=")
SANDBOX_HTML = HTML.parents[1] / "sandbox" / "html"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")


def links(page: httpx.Response) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]*)"', page.text)]


def leads_on(link: str) -> bool:
    """Months lead on for ever, and conditions of a list combine: two of them stand for all, of its export one."""
    many = 1 if ".csv?" in link or ".xlsx?" in link else 2
    return not link.startswith(ENDLESS) and link.count("&") < many


def names(page: httpx.Response) -> list[str]:
    """The companies of a list, in its order."""
    return re.findall(r'class="who-name cut" href="/members/([^"?]*)', page.text)


# ---- every page ----


@pytest.mark.timeout(300)  # hundreds of pages
async def test_every_link_of_the_staffs_pages_leads_somewhere(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    member = await add_member("Q200001")
    contact = await add_contact(member)
    await add_unread(member, "J1", 4)
    await visits.open_visit(member.id, category="call_me", cause="touch:1", opened_at=NOW, due_at=NOW)
    message_id = await add_message(await approved(runtime, "unread_resumes"), member, contact, state="queued")
    await fill_words(runtime, message_id)
    await outbox.close_planning((await Message.get()).occurrence_id, NOW)
    seen, waiting = set(), {"/"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        page = await browser.get(path)
        assert page.status_code == 200, path
        if "text/html" in page.headers["content-type"]:
            found = {link for link in links(page) if link.startswith("/")}
            waiting |= {link for link in found if leads_on(link)} - seen - ELSEWHERE
    assert {"/members/Q200001", "/campaigns/unread_resumes", "/members?campaign=unread_resumes&fate=queued"} <= seen


async def test_a_closed_channel_is_said_on_every_page(browser: httpx.AsyncClient, runtime: Runtime) -> None:
    await add_member("Q200001")
    await outbox.close_channel(ChannelName.EMAIL, "535 auth failed")
    with_mail = replace(runtime, channels={ChannelName.EMAIL: None})  # only its presence is looked at
    async with as_staff(with_mail) as client:
        assert "邮件停了：535 auth failed" in (await client.get("/")).text
        assert "dot--bad" in (await client.get("/members")).text


async def test_a_channel_that_is_not_set_up_says_so(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/members")
    assert page.text.count("没有接") == 3
    assert "演练环境，不会真实发出" in page.text


async def test_real_channels_are_named_in_the_top_bar(runtime: Runtime) -> None:
    real = replace(runtime, channels={ChannelName.SMS: None, ChannelName.EMAIL: None})
    async with as_staff(real) as client:
        page = await client.get("/members")
    assert "真实发出：短信、邮件" in page.text
    assert "演练环境" not in page.text


# ---- members ----


async def test_members_come_fifty_a_page_by_number(browser: httpx.AsyncClient) -> None:
    for number in range(101, 0, -1):
        await add_member(f"Q{number:06}")
    first, second, third = [await browser.get("/members", params={"page": page}) for page in ("", "2", "3")]
    assert names(first) == [f"Q{number:06}" for number in range(1, 51)]
    assert names(second)[0] == "Q000051"
    assert names(third) == ["Q000101"]
    assert "第101–101家，共101家" in third.text
    assert "/members?page=2" in links(first)
    assert "/members" in links(second)
    assert "没有这一页" in (await browser.get("/members", params={"page": "9"})).text


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "99999999999999999999", "２"])
async def test_a_page_number_that_is_none_is_the_first(browser: httpx.AsyncClient, page: str) -> None:
    await add_member("Q200001")
    assert names(await browser.get("/members", params={"page": page})) == ["Q200001"]


async def test_members_are_found_by_a_part_of_the_name_or_number(browser: httpx.AsyncClient) -> None:
    await add_member("Q200001", "大同机械有限公司")
    await add_member("Q200002", "晋北餐饮 ABC")
    for text, found in {"机械": "Q200001", "abc": "Q200002", "200002": "Q200002", "q200001": "Q200001"}.items():
        assert names(await browser.get("/members", params={"q": text})) == [found], text
    nothing = await browser.get("/members", params={"q": "没有的名字"})
    assert "没有符合的企业会员" in nothing.text


async def test_signs_of_the_query_language_are_letters(browser: httpx.AsyncClient) -> None:
    await add_member("Q200001", "百分之百_100%!有限公司")
    await add_member("Q200002", "另一家")
    for text in ("100%", "百_1", "%!", "'", "' OR 1=1 --", "%", "_", "!"):
        found = names(await browser.get("/members", params={"q": text}))
        assert found in (["Q200001"], []), text
    assert names(await browser.get("/members", params={"q": "%"})) == ["Q200001"]


async def test_members_are_narrowed_to_a_tier_and_the_tabs_count_each(browser: httpx.AsyncClient) -> None:
    await add_member("Q200001", tier="高端")
    await add_member("Q200002", tier="低端")
    await add_member("Q200003", tier="低端")
    page = await browser.get("/members", params={"tier": "低端"})
    assert names(page) == ["Q200002", "Q200003"]
    assert re.findall(r'(全部|高端|优质|一般|低端)<span class="n">(\d+)', page.text) == [
        ("全部", "3"), ("高端", "1"), ("优质", "0"), ("一般", "0"), ("低端", "2"),
    ]  # fmt: skip
    assert names(await browser.get("/members", params={"tier": "没有的"})) == ["Q200001", "Q200002", "Q200003"]


async def test_a_number_of_a_report_leads_to_the_members_behind_it(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    campaign = await approved(runtime, "unread_resumes")
    held, sent, waiting = [await add_member(f"Q20000{number}") for number in (1, 2, 3)]
    await add_message(campaign, held, state="suppressed", reason="hold_out")
    contact = await add_contact(sent)
    message_id = await add_message(campaign, sent, contact)
    await add_message(campaign, waiting, state="queued", reason="outside_hours")
    await touches.record_touch(
        sent.id, at=NOW, direction=Direction.IN, kind=TouchKind.REPLY, medium="email", message_id=message_id
    )
    await outbox.close_planning((await Message.first()).occurrence_id, NOW)
    page = await browser.get("/campaigns/unread_resumes")
    expected = {
        "fate=suppressed%3Ahold_out": ["Q200001"],
        "fate=sent": ["Q200002"],
        "fate=waiting": ["Q200003"],
        "fate=queued%3Aoutside_hours": ["Q200003"],
        "inbound=reply": ["Q200002"],
    }
    for query, found in expected.items():
        link = f"/members?campaign=unread_resumes&{query}"
        assert link in links(page), link
        assert names(await browser.get(link)) == found, link


# ---- one member ----


async def test_the_members_page_shows_the_exact_words_and_the_answer(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    member = await add_member("Q200001", "大同机械有限公司")
    contact = await add_contact(member)
    await add_unread(member, "J1", 4)
    message_id = await add_message(await approved(runtime, "unread_resumes"), member, contact)
    await fill_words(runtime, message_id)
    await touches.record_touch(
        member.id,
        contact_id=contact.id,
        at=NOW + timedelta(minutes=5),
        direction=Direction.IN,
        kind=TouchKind.REPLY,
        medium="email",
        message_id=message_id,
        text="点了，让我填验证码\n我手机收不到",
        intent="problem_login",
        evidence="验证码",
    )
    page = (await browser.get("/members/Q200001")).text
    assert re.search(r'words--out pre">[^<]*<b>[^<]*4份[^<]*</b>[^<]*大同机械有限公司', page)
    assert f"{runtime.public_url}/in/" in page
    assert runtime.links(message_id)["way_in"] not in page  # whoever reads it must not come back as the customer
    assert "点了，让我填验证码\n我手机收不到" in page
    assert "登录不上" in page
    assert page.index("点了，让我填验证码") < page.index("words--out")


async def test_a_member_s_page_and_its_command_say_by_which_channel_each_contact_can_be_reached(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    member = await add_member("Q200001")
    await add_contact(member, openid="o-zhang", consent=False)
    await WechatFollower.create(
        openid="o-zhang", window_until=NOW + timedelta(hours=2), window_left=3, credits={"SUB": 2}
    )
    found = await describe_member(runtime, "Q200001")
    assert [(way["channel"], way["service"], way["marketing"]) for way in found["reach"]] == [
        ("email", None, "no_consent"), ("sms", None, "no_consent"), ("wechat", None, "no_consent"),
        ("wecom", "no_address", "no_address"),
    ]  # fmt: skip
    left = "窗口还有3条，到11-23 11:30；SUB还能发2次；本月群发还有4次"
    shown, page = _lines(found), (await browser.get("/members/Q200001")).text
    assert "✓" in shown
    assert "没有同意 (no consent)" in shown
    assert left in shown
    assert f"公众号：服务能发，营销不能（没有同意），{left}" in page


def _lines(found: Mapping[str, Any]) -> str:
    """As `member show` prints it."""
    console = Console(width=240, file=StringIO())
    for line in member_lines(found):
        console.print(line)
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue()


async def test_what_was_not_sent_stands_in_the_timeline_with_its_reason_and_is_no_touch(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    member = await add_member("Q200001")
    contact = await add_contact(member)
    run = await approved(runtime, "unread_resumes")
    message_id = await add_message(run, member, contact)
    for state, reason, words in (
        ("suppressed", "hold_out", "不发：对照组"),
        ("suppressed", "refused", "不发：已退订"),
        ("failed", "provider_refused", "失败：渠道拒绝"),
    ):
        await Message.filter(id=message_id).update(state=state, reason=reason, settled_at=None)
        page = (await browser.get("/members/Q200001")).text
        assert words in page
        [line] = (await describe_member(runtime, "Q200001"))["timeline"]
        assert (line["kind"], line["state"], line["reason"]) == ("not_sent", state, reason)
        assert words in "".join(map(str, member_lines(await describe_member(runtime, "Q200001"))))
        assert "0次" in page
    await Message.filter(id=message_id).update(obstacles="sms:no_consent wechat:no_window")
    for shown in ((await browser.get("/members/Q200001")).text, _lines(await describe_member(runtime, "Q200001"))):
        assert "短信：没有同意，公众号：会话窗口已关" in shown
    await Message.filter(id=message_id).update(state="queued", reason="")
    assert (await describe_member(runtime, "Q200001"))["timeline"] == []
    assert await touches.count_touches() == 0


async def test_a_mails_html_is_never_shown(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    member = await add_member("Q200001")
    message_id = await add_message(await approved(runtime, "who_is_hiring"), member, await add_contact(member))
    await fill_words(runtime, message_id)
    for path in ("/members/Q200001", "/campaigns/who_is_hiring"):
        page = (await browser.get(path)).text
        assert "（广告）" in page
        assert "mso" not in page
        assert not re.search(r"&lt;td|<td [^>]*(?:style|align)", page)


async def test_phone_numbers_and_mailboxes_are_masked_for_who_has_no_right_to_them(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await add_contact(await add_member("Q200001"))
    assert "15483503031" not in (await browser.get("/members/Q200001")).text
    assert "15483503031" in (await browser.post("/members/Q200001/numbers")).text
    sandboxed = replace(runtime, sandboxed=frozenset(ChannelName))
    async with as_staff(sandboxed, Role.VIEWER) as viewer:  # with links to the sandbox's phones
        page = (await viewer.get("/members/Q200001")).text
    assert "154****3031" in page
    assert "z***@datong.example" in page
    assert "15483503031" not in page
    assert "zhang@datong" not in page


async def test_a_refusal_stands_on_top_of_the_members_page(browser: httpx.AsyncClient) -> None:
    member = await add_member("Q200001")
    contact = await add_contact(member)
    assert contact.email
    await consent.suppress_address(ChannelName.EMAIL, contact.email, at=NOW, reason="preference", source="link:1")
    assert "邮件：本人停了这个渠道" in (await browser.get("/members/Q200001")).text
    await consent.record_opt_out(member.id, at=NOW, source="touch:1")
    assert "这家企业的所有通道都不发" in (await browser.get("/members/Q200001")).text
    await consent.lift_opt_out(member.id, at=NOW, source="staff")
    assert "这家企业的所有通道都不发" not in (await browser.get("/members/Q200001")).text


async def test_a_pause_that_is_over_is_no_block(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    member = await add_member("Q200001")
    await consent.pause_member(member.id, at=NOW - timedelta(hours=23), source="touch:1")
    assert "存疑，先停24小时" in (await browser.get("/members/Q200001")).text
    runtime.clock.set(NOW + timedelta(hours=2))
    assert "存疑，先停24小时" not in (await browser.get("/members/Q200001")).text


async def test_contacts_stand_under_whom_they_report_to_even_in_a_circle(browser: httpx.AsyncClient) -> None:
    member = await add_member("Q200001")
    people = {"C1": "", "C2": "C1", "C3": "C2", "C4": "C5", "C5": "C4", "C6": "C6", "C7": "C-nobody"}
    for no, parent in people.items():
        await add_contact(member, no, name=f"人{no}", parent_no=parent, mobile=None, email=None)
    page = (await browser.get("/members/Q200001")).text.partition("h-reach")[0]
    assert [page.count(f"人{no}<") for no in people] == [1] * 7
    assert page.index("人C1<") < page.index("人C2<") < page.index("人C3<")


async def test_a_member_with_nothing_says_why_and_what_next(browser: httpx.AsyncClient) -> None:
    await add_member("Q200001", registered_at=NOW, idle_since=NOW)
    page = (await browser.get("/members/Q200001")).text
    for words in ("没有联系人", "没有发过职位", "还没有联系过", "没有任务", "从没登录"):
        assert words in page


@pytest.mark.parametrize("number", ["../../ETC/PASSWD", "H7?A=B&C#D/E", "一/二"])
async def test_a_number_with_a_slash_has_a_page(browser: httpx.AsyncClient, number: str) -> None:
    await add_member(number, "斜线商行")
    [link] = [link for link in links(await browser.get("/members")) if link.startswith("/members/")]
    page = await browser.get(link)
    assert page.status_code == 200
    assert "斜线商行" in page.text


async def test_a_number_is_found_as_people_write_it(browser: httpx.AsyncClient) -> None:
    await add_member("200001")
    assert (await browser.get("/members/２００００１")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/members/Q999999", "/campaigns/nothing", "/members/<script>", "/campaigns/..%2f..%2fetc"]
)
async def test_what_is_not_there_is_said_in_words(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    assert page.status_code == 404
    assert not _INLINE.search(page.text)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_stands_literally_on_the_staffs_pages(
    runtime: Runtime, browser: httpx.AsyncClient, name: str
) -> None:
    member = await add_member(
        "Q200001", name, trade=name[:60], owner=name[:60], attrs={name: name}, tier_reasons=[name]
    )
    contact = await add_contact(member, name=name, title=name)
    await add_unread(member, "J1", 3, title=name)
    message_id = await add_message(await approved(runtime, "unread_resumes"), member, contact)
    await fill_words(runtime, message_id)
    await touches.record_touch(
        member.id, at=NOW, direction=Direction.IN, kind=TouchKind.REPLY, medium="email", text=name, evidence=name
    )
    await visits.open_visit(member.id, category="unknown", cause="t", opened_at=NOW, due_at=NOW, note=name)
    await Campaign.filter(key="unread_resumes").update(note=name)
    for path in ("/members", "/members/Q200001", "/campaigns/unread_resumes"):
        page = (await browser.get(path, params={"q": name} if path == "/members" else {})).text
        assert escaped(name) in page, path
        assert not _INLINE.search(page), path
        assert "<b onclick" not in page, path
        assert "49有限公司" not in page, path


async def test_a_hostile_search_stands_literally(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/members", params={"q": '"><script>alert(1)</script>', "campaign": "<i>"})).text
    assert not _INLINE.search(page)
    assert "<i>" not in page


# ---- campaigns ----


async def test_every_campaign_folder_is_listed_with_its_state(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await approved(runtime, "unread_resumes")
    page = await browser.get("/campaigns")
    assert "已批准，没有开始" in page.text
    assert {"/campaigns/auto_replies", "/campaigns/renewal_visit", "/campaigns/festival_greeting"} <= set(links(page))
    assert "没有批准" in page.text


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("draft", "make/check"),
        ("approved", "start"),
        ("paused", "resume"),
        ("cancelled", "make/audience"),
        ("running", "pause"),
    ],
)
async def test_a_campaigns_page_names_the_next_step(
    runtime: Runtime, browser: httpx.AsyncClient, state: str, step: str
) -> None:
    if state != "draft":
        await approved(runtime, "unread_resumes")
        await Campaign.all().update(state=state)
    page = (await browser.get("/campaigns/unread_resumes")).text
    assert f'/campaigns/unread_resumes/{step}"' in page
    assert "未读简历数不少于 3" in page
    assert "每天 09:00" in page


async def test_every_shipped_campaign_has_a_page(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    for link in links(await browser.get("/campaigns")):
        if link.startswith("/campaigns/") and link not in ELSEWHERE:
            assert (await browser.get(link)).status_code == 200, link


async def test_the_fates_of_a_campaign_are_shown_in_words(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    campaign = await approved(runtime, "forgotten_account")
    for number, reason in enumerate(("hold_out", "no_consent", "no_consent")):
        member = await add_member(f"Q20000{number}")
        await add_message(campaign, member, state="suppressed", reason=reason)
    await outbox.close_planning((await Message.first()).occurrence_id, NOW)
    page = (await browser.get("/campaigns/forgotten_account")).text
    assert "不发：对照组" in page
    assert "不发：没有同意" in page
    assert "已送达0，等回执0，退回0，待发0，不发和其他3" in page


async def test_a_folder_that_is_wrong_does_not_take_the_list_down(runtime: Runtime, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(runtime.settings.huifang_templates, templates)
    (templates / "unread_resumes" / "campaign.toml").write_text('title = "坏的"\nclass = "nothing"\n')
    settings = runtime.settings.model_copy(update={"huifang_templates": templates})
    async with as_staff(replace(runtime, settings=settings)) as client:
        listed, shown = await client.get("/campaigns"), await client.get("/campaigns/unread_resumes")
    assert "文件夹写错了" in listed.text
    assert "节日问候" in listed.text
    assert shown.status_code == 200
    assert "campaign.toml: class" in shown.text


async def test_words_changed_after_approval_are_pointed_out(runtime: Runtime, tmp_path: Path) -> None:
    await approved(runtime, "unread_resumes")
    templates = tmp_path / "templates"
    shutil.copytree(runtime.settings.huifang_templates, templates)
    mail = templates / "unread_resumes" / "email.txt"
    mail.write_text(mail.read_text(encoding="utf-8").replace("您好", "你好啊"), encoding="utf-8")
    settings = runtime.settings.model_copy(update={"huifang_templates": templates})
    async with as_staff(replace(runtime, settings=settings)) as client:
        page = (await client.get("/campaigns/unread_resumes")).text
    assert "批准后又改过" in page
    assert "你好啊" not in page


# ---- all pages ----


@pytest.mark.parametrize(
    "path", sorted([*HTML.glob("*.html"), *SANDBOX_HTML.glob("*.html")]), ids=lambda path: path.name
)
def test_no_page_has_a_style_or_a_script_inside(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", text)


async def test_every_place_has_a_letter_of_its_own_on_the_keyboard(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/")).text
    side = page.partition('<div class="side-foot">')[0]
    places = re.findall(r'<a href="(/[^"]*)"[^>]*><svg', side)
    letters = dict(re.findall(r'<a href="([^"]*)" data-go="(.)">', page))
    assert len(places) > 15
    assert set(letters) == set(places)
    assert len(set(letters.values())) == len(letters) == len(places)
    assert not set(letters.values()) & set("jkg/?")

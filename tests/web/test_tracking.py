"""The links a message carries: looking changes nothing, a button acts, and only what we stored is a target."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping
from datetime import timedelta

import httpx
import pytest

from bot.runtime import Runtime
from bot.tokens import LinkKind
from campaigns import statements
from campaigns.models import Contact, LinkUse, Member, Message, Suppression, Touch
from campaigns.terms import ChannelName
from tests.web_cast import NOW, add_contact, add_member, add_message, add_unread, approved


@pytest.fixture
async def member(runtime: Runtime) -> Member:
    return await add_member("Q200001")


@pytest.fixture
async def contact(member: Member) -> Contact:
    return await add_contact(member)


@pytest.fixture
async def message_id(runtime: Runtime, member: Member, contact: Contact) -> int:
    """A nudge that went out by mail just now, to a member with unread résumés on two postings."""
    await add_unread(member, "J1", 2)
    await add_unread(member, "J2", 5)
    return await add_message(await approved(runtime, "unread_resumes"), member, contact)


def link(runtime: Runtime, kind: LinkKind, message_id: int) -> str:
    return runtime.tokens.link(kind, message_id)


async def written() -> Mapping[str, int]:
    """What a link may write."""
    return {
        "suppressions": await Suppression.all().count(),
        "touches": await Touch.all().count(),
        "uses": await LinkUse.all().count(),
    }


# ---- refusing -------------------------------------------------------------------------------------------------------


async def test_looking_at_the_preference_page_shows_both_choices_and_changes_nothing(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    before = await written()
    page = await browser.get(f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}")
    assert page.status_code == 200
    assert 'value="all"' in page.text
    assert 'value="channel"' in page.text
    assert "只停邮件" in page.text
    assert await written() == before


async def test_the_one_click_post_refuses_for_the_whole_company_and_needs_no_cookie(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int, member: Member
) -> None:
    answer = await browser.post(
        f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}",
        content="List-Unsubscribe=One-Click",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    block = await Suppression.get()
    assert (block.member_id, block.channel, block.reason) == (member.id, None, "refused")
    touch = await Touch.get()
    assert (touch.kind, touch.direction, touch.intent, touch.message_id) == ("opt_out", "in", "stop", message_id)


async def test_a_refusal_while_another_holds_the_database_is_asked_to_come_again(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    await statements.run("PRAGMA busy_timeout = 20")
    refuse = f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}"
    path = runtime.settings.database.removeprefix("sqlite://")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await browser.post(refuse, data={"List-Unsubscribe": "One-Click"})
        other.execute("ROLLBACK")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "请过几分钟再试" in answer.text
    assert (await browser.post(refuse, data={"List-Unsubscribe": "One-Click"})).status_code == 200


async def test_the_one_click_post_may_come_as_a_multipart_form(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    path = f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}"
    await browser.post(path, files={"List-Unsubscribe": (None, "One-Click")})
    assert (await Suppression.get()).reason == "refused"


async def test_the_form_may_narrow_the_refusal_to_the_channel(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int, contact: Contact
) -> None:
    path = f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}"
    page = await browser.post(path, data={"scope": "channel"})
    assert "不再给您发邮件了" in page.text
    block = await Suppression.get()
    assert (block.member_id, block.channel, block.address) == (None, "email", contact.email)


async def test_the_form_may_stop_everything(runtime: Runtime, browser: httpx.AsyncClient, message_id: int) -> None:
    page = await browser.post(f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}", data={"scope": "all"})
    assert "已经停了" in page.text
    assert (await Suppression.get()).channel is None


async def test_an_altered_or_foreign_link_refuses_nobody(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    before = await written()
    good = link(runtime, LinkKind.UNSUBSCRIBE, message_id)
    other = f"{link(runtime, LinkKind.UNSUBSCRIBE, message_id + 1).partition('.')[0]}.{good.partition('.')[2]}"
    for token in (other, good[:-1], good + "A", link(runtime, LinkKind.WAY_IN, message_id), "x", "%00"):
        assert (await browser.post(f"/u/{token}")).status_code == 404
        assert (await browser.get(f"/u/{token}")).status_code == 404
    assert await written() == before


# ---- the way back in ------------------------------------------------------------------------------------------------


async def test_looking_at_the_way_in_consumes_nothing(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    path = f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}"
    before = await written()
    for _ in range(3):
        assert (await browser.get(path)).status_code == 200
        assert (await browser.head(path)).status_code == 200
    assert await written() == before


async def test_the_button_leads_once_to_the_posting_with_most_unread_and_then_the_link_is_spent(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int, member: Member
) -> None:
    path = f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}"
    answer = await browser.post(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{runtime.site_url}/unread?member={member.no}&posting=J2"
    assert (await browser.post(path)).status_code == 410
    page = await browser.get(path)
    assert page.status_code == 410
    assert "这个链接不能用了" in page.text


async def test_a_return_is_counted_once_for_each_link(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    path = f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}"
    answers = await asyncio.gather(*(browser.post(path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410, 410]
    assert await Touch.filter(kind="return", message_id=message_id).count() == 1


async def test_the_way_in_is_good_for_seven_days(runtime: Runtime, browser: httpx.AsyncClient, message_id: int) -> None:
    path = f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}"
    runtime.clock.set(NOW + timedelta(days=7) - timedelta(minutes=1))
    assert (await browser.get(path)).status_code == 200
    runtime.clock.set(NOW + timedelta(days=7, seconds=1))
    assert (await browser.get(path)).status_code == 410
    assert (await browser.post(path)).status_code == 410
    assert await Touch.all().count() == 0


async def test_an_altered_or_foreign_way_in_is_refused(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    good = link(runtime, LinkKind.WAY_IN, message_id)
    swapped = good[:-1] + ("A" if good[-1] != "A" else "B")
    for token in (swapped, good.upper(), link(runtime, LinkKind.UNSUBSCRIBE, message_id)):
        assert (await browser.post(f"/in/{token}")).status_code == 410
    assert await Touch.all().count() == 0


async def test_the_way_in_of_a_message_that_was_never_sent_is_closed(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    await Message.filter(id=message_id).update(sent_at=None)
    assert (await browser.post(f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}")).status_code == 410


async def test_the_browser_is_allowed_to_end_a_form_on_the_site(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    """Browsers hold redirects of a form to form-action: without the site in it the button would do nothing."""
    page = await browser.get(f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}")
    directives = page.headers["content-security-policy"].split("; ")
    assert f"form-action 'self' {runtime.site_url}" in directives


# ---- clicks and opens -----------------------------------------------------------------------------------------------


@pytest.fixture
async def tips_id(runtime: Runtime, member: Member, contact: Contact) -> int:
    return await add_message(await approved(runtime, "recruiting_tips"), member, contact)


async def test_a_click_leads_to_the_target_stored_with_the_words_and_is_counted(
    runtime: Runtime, browser: httpx.AsyncClient, tips_id: int
) -> None:
    path = f"/c/{link(runtime, LinkKind.CLICK, tips_id)}/tips"
    stored = (await approved(runtime, "recruiting_tips")).definition.links["tips"]
    for _ in range(2):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, stored)
    assert (await LinkUse.get(message_id=tips_id, kind="click")).count == 2


async def test_a_target_in_the_query_is_not_followed(
    runtime: Runtime, browser: httpx.AsyncClient, tips_id: int
) -> None:
    token = link(runtime, LinkKind.CLICK, tips_id)
    query = {"to": "https://evil.example", "url": "https://evil.example"}
    assert "evil" not in (await browser.get(f"/c/{token}/tips", params=query)).headers["location"]
    for name in ("https:%2F%2Fevil.example", "more", "//evil.example"):
        answer = await browser.get(f"/c/{token}/{name}", params=query)
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_an_altered_click_leads_nowhere_and_counts_nothing(
    runtime: Runtime, browser: httpx.AsyncClient, tips_id: int
) -> None:
    token = link(runtime, LinkKind.CLICK, tips_id)
    for wrong in (token[:-1], link(runtime, LinkKind.OPEN, tips_id)):
        assert (await browser.get(f"/c/{wrong}/tips")).status_code == 404
    assert await LinkUse.all().count() == 0


async def test_asking_for_the_head_alone_counts_no_click(
    runtime: Runtime, browser: httpx.AsyncClient, tips_id: int
) -> None:
    await browser.head(f"/c/{link(runtime, LinkKind.CLICK, tips_id)}/tips")
    assert await LinkUse.all().count() == 0


async def test_an_open_is_counted_and_a_made_up_one_is_not(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    for token in (link(runtime, LinkKind.OPEN, message_id), "1.AAAAAAAAAAAAAAAAAAAAAA"):
        answer = await browser.get(f"/o/{token}.gif")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.content.startswith(b"GIF89a")
    use = await LinkUse.get()
    assert (use.kind, use.message_id) == ("open", message_id)


# ---- what a customer reads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>商行", "{{ 7*7 }}有限公司", '=HYPERLINK("http://x.test","点")']
)
async def test_a_hostile_name_stands_literally_on_the_customers_pages(
    runtime: Runtime, browser: httpx.AsyncClient, name: str
) -> None:
    member = await add_member("Q200002", name)
    message_id = await add_message(await approved(runtime, "unread_resumes"), member, await add_contact(member))
    pages = [
        await browser.get(f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}"),
        await browser.get(f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}"),
        await browser.post(f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}"),
    ]
    escaped = name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    for page in pages:
        assert escaped in page.text
        assert "<script" not in page.text


async def test_customers_see_nothing_of_the_staffs_pages(
    runtime: Runtime, browser: httpx.AsyncClient, message_id: int
) -> None:
    for path in (
        f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}",
        f"/in/{link(runtime, LinkKind.WAY_IN, message_id)}",
        "/u/nothing",
    ):
        page = (await browser.get(path)).text
        assert 'href="/members' not in page
        assert runtime.rulebook.site["phone"] in page


@pytest.mark.parametrize(("channel", "words"), [(ChannelName.SMS, "只停短信"), (ChannelName.EMAIL, "只停邮件")])
async def test_the_narrow_choice_names_the_channel_the_message_came_by(
    runtime: Runtime, browser: httpx.AsyncClient, member: Member, contact: Contact, channel: ChannelName, words: str
) -> None:
    message_id = await add_message(await approved(runtime, "unread_resumes"), member, contact, channel=channel)
    page = await browser.get(f"/u/{link(runtime, LinkKind.UNSUBSCRIBE, message_id)}")
    assert words in page.text

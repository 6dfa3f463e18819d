"""People read a campaign's title; its key only where a command wants it. Each channel has a mark of its own."""

import re

import httpx
import pytest

from bot.runtime import Runtime
from bot.web.pages import environment
from campaigns.terms import ChannelName
from tests.web_cast import approved

_TITLE = "未读简历提醒"


@pytest.mark.parametrize(
    "page",
    [
        "/campaigns/unread_resumes",
        "/campaigns/unread_resumes/make/audience",
        "/templates/unread_resumes",
        "/templates/unread_resumes/difference?file=sms.toml&a=disk&b=v1",
    ],
)
async def test_the_way_to_a_page_names_the_campaign_by_its_title(
    runtime: Runtime, browser: httpx.AsyncClient, page: str
) -> None:
    await approved(runtime, "unread_resumes")
    (crumbs,) = re.findall(r'<p class="crumbs">(.*?)</p>', (await browser.get(page)).text)
    said = re.sub(r"<[^>]*>", "", crumbs)
    assert _TITLE in said
    assert "unread_resumes" not in said


@pytest.mark.parametrize("page", ["/campaigns", "/templates"])
async def test_a_list_names_campaigns_by_their_titles(browser: httpx.AsyncClient, page: str) -> None:
    shown = (await browser.get(page)).text
    assert _TITLE in shown
    assert "unread_resumes" not in re.sub(r"<[^>]*>", "", shown)


def test_every_channel_has_a_mark_of_its_own_and_none_that_of_a_task() -> None:
    parts = environment().get_template("parts.html").module
    marks = [parts.channel_icon(one).strip() for one in ChannelName]  # type: ignore[attr-defined]
    assert len(set(marks)) == len(marks)
    assert "task" not in marks

"""The third step of making a campaign: words by channel, kept as files, seen as they would be sent."""

from pathlib import Path

import httpx
import pytest

from bot.console.making.editing import fields_of, with_words
from bot.runtime import Runtime
from campaigns import definitions, edits
from campaigns.folders import folder_of, read_files
from campaigns.terms import ChannelName

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

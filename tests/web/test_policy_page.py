"""发送规则: approval size and hold-out are set there, every version is kept, an earlier one comes back."""

import re

import httpx
import pytest

from bot.console.settings.limits import GROUPS
from bot.language import translations
from bot.runtime import Runtime
from campaigns import definitions, edits
from campaigns.models import AuditEntry, FileEdit

AT = "/settings/policy"


async def change(browser: httpx.AsyncClient, **typed: str) -> httpx.Response:
    given = {key.replace("__", "."): value for key, value in typed.items()}
    return await browser.post(AT, data={"version": await version(browser), **given})


async def version(browser: httpx.AsyncClient) -> str:
    found = re.search(r'name="version" value="(\d+)"', (await browser.get(AT)).text)
    assert found
    return found[1]


async def test_how_large_a_campaign_one_approves_oneself_is_set_and_said(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get(AT)).text
    assert 'name="approval.own_up_to" value="200"' in page
    assert "再多要别人批准" in page
    assert (await change(browser, approval__own_up_to="50")).status_code == 303
    assert runtime.rulebook.policy.own_up_to == 50
    assert "50家以内可以自己批准" in (await browser.get("/campaigns/approvals")).text


async def test_a_new_campaign_begins_with_the_hold_out_that_is_set(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    form = {"source": "blank", "title": "旧的", "kind": "service", "channel": "email"}
    await browser.post("/campaigns/new", data=form)
    assert (await change(browser, campaign__hold_out_percent="12")).status_code == 303
    await browser.post("/campaigns/new", data={**form, "title": "新的"})
    templates = runtime.settings.huifang_templates
    shares = [(await definitions.load_campaign(templates, key)).definition.hold_out for key in ("jiu_de", "xin_de")]
    assert shares == [0, 0.12]
    assert 'name="hold_out" value="12"' in (await browser.get("/campaigns/xin_de/make/purpose")).text


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("approval.own_up_to", "很多<script>alert(1)"),
        ("approval.own_up_to", "-1"),
        ("approval.own_up_to", "1000001"),
        ("campaign.hold_out_percent", "51"),
        ("campaign.hold_out_percent", "十"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field_that_keeps_it(
    browser: httpx.AsyncClient, key: str, typed: str
) -> None:
    answer = await browser.post(AT, data={"version": "0", key: typed, "doubt.pause_hours": "36"})
    assert answer.status_code == 422
    assert f'id="e-{key.replace(".", "-")}"' in answer.text
    assert f'name="{key}" value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text
    assert 'name="doubt.pause_hours" value="36"' in answer.text
    assert await FileEdit.all().count() == 0


async def test_an_earlier_version_comes_back_as_a_new_one(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await change(browser, approval__own_up_to="50")
    await change(browser, approval__own_up_to="60", hours__greeting__days="all")
    newest, first = await edits.versions_of(edits.TOP, "policy.toml")
    page = (await browser.get(AT)).text
    assert f'id="back-{first.id}"' in page
    assert "改2项" in page
    assert f'id="back-{newest.id}"' not in page  # what is in force is not brought back
    assert (await browser.post(f"{AT}/restore", data={"version": "0", "to": str(first.id)})).status_code == 409
    for gone in ("", "999999", "<script>"):
        answer = await browser.post(f"{AT}/restore", data={"version": await version(browser), "to": gone})
        assert answer.status_code == 409
    assert runtime.rulebook.policy.own_up_to == 60
    back = await browser.post(f"{AT}/restore", data={"version": await version(browser), "to": str(first.id)})
    assert back.headers["location"] == f"{AT}?back=2"
    assert runtime.rulebook.policy.own_up_to == 50
    entry = await AuditEntry.all().order_by("-id").first()
    assert entry is not None
    assert entry.detail["approval.own_up_to"] == "60 → 50"
    await browser.post(f"{AT}/restore", data={"version": await version(browser), "to": "0"})
    assert runtime.rulebook.policy.own_up_to == 200
    assert len(await edits.versions_of(edits.TOP, "policy.toml")) == 4


async def test_a_version_that_is_not_understood_any_more_is_listed_and_not_brought_back(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    by = '<script>alert(1)</script>"'
    await edits.write_files(edits.TOP, {"policy.toml": "[old]\nkey = 1\n"}, by=by, now=runtime.clock())
    text = (runtime.settings.huifang_templates / "policy.toml").read_text(encoding="utf-8")
    await edits.write_files(edits.TOP, {"policy.toml": text}, by=by, now=runtime.clock())
    page = (await browser.get(AT)).text
    assert "<script>alert" not in page
    assert "back-1" not in page


def test_every_limit_has_english() -> None:
    english = dict(translations("en"))
    words = {word for group in GROUPS for word in (group.title, group.changes)}
    words |= {word for group in GROUPS for limit in group.limits for word in (limit.label, limit.unit)}
    assert sorted(words - set(english) - {""}) == []


@pytest.mark.parametrize("file", ["policy.toml", "calendar.toml"])
def test_the_head_of_a_file_says_that_the_console_stands_before_it(runtime: Runtime, file: str) -> None:
    text = (runtime.settings.huifang_templates / file).read_text(encoding="utf-8")
    head = text[: text.index("[")]
    for told in ("before this file", "within two seconds", "两秒内生效", "以控制台的那一版为准"):
        assert told in head
    assert "改完重启" not in text

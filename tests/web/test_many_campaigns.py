"""A house of many campaigns: no page asks the more for every one that was ever made."""

from datetime import timedelta

import httpx
import pytest
from tortoise import connections

from bot.runtime import Runtime
from campaigns import definitions, edits
from campaigns.models import Campaign
from tests.web_cast import NOW, approved, as_staff

PAGES = ("/campaigns", "/campaigns/live", "/templates", "/campaigns/new", "/segments", "/calendar", "/")


async def make_campaigns(runtime: Runtime, first: int, last: int) -> None:
    """Half of them were approved once."""
    files = await definitions.standing_files(runtime.settings.huifang_templates, "unread_resumes")
    row = await definitions.read_campaign("unread_resumes")
    for number in range(first, last):
        key, title = f"made_{number:03}", f"第{number}个提醒"
        own = {name: text for name, text in files.items() if not name.startswith("_shared/")}
        own["campaign.toml"] = own["campaign.toml"].replace(row.definition.title, title)
        await edits.write_files(key, own, by="林晓芸", now=NOW)
        if number % 2:
            await Campaign.create(key=key, version_id=row.version_id, state="cancelled")


async def statements_of(client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch) -> int:
    db, asked = connections.get("default"), 0
    plain = type(db).execute_query

    async def counted(self: object, *given: object, **named: object) -> object:
        nonlocal asked
        asked += 1
        return await plain(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(type(db), "execute_query", counted)
        assert (await client.get(path)).status_code == 200
    return asked


async def test_no_page_asks_more_of_a_hundred_campaigns_than_of_thirty(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approved(runtime, "unread_resumes")
    async with as_staff(runtime) as admin:
        await make_campaigns(runtime, 0, 30)
        for path in PAGES:
            await admin.get(path)
        few = {path: await statements_of(admin, path, monkeypatch) for path in PAGES}
        await make_campaigns(runtime, 30, 100)
        for path in PAGES:
            await admin.get(path)
        assert {path: await statements_of(admin, path, monkeypatch) for path in PAGES} == few
    assert min(few.values()) > 1  # they were counted


async def test_the_list_has_pages_and_keeps_the_search_from_one_to_the_next(runtime: Runtime) -> None:
    await approved(runtime, "unread_resumes")
    await make_campaigns(runtime, 0, 60)
    async with as_staff(runtime) as admin:
        first = (await admin.get("/campaigns?q=made_")).text
        assert "第1–50个，共60个" in first
        assert 'href="/campaigns?q=made_&amp;page=2"' in first
        second = (await admin.get("/campaigns?q=made_&page=2")).text
        assert "第51–60个，共60个" in second
        assert 'hx-get="/campaigns/live?q=made_&amp;page=2"' in second
        for nonsense in ("0", "x", "99999999"):
            assert "第1–50个" in (await admin.get(f"/campaigns?page={nonsense}")).text
        assert "第51–" in (await admin.get("/campaigns?page=99")).text
        assert "第1–20个" in (await admin.get("/templates")).text


async def test_what_one_may_begin_with_is_few_and_any_other_is_reached_from_its_page(runtime: Runtime) -> None:
    await approved(runtime, "unread_resumes")
    await make_campaigns(runtime, 0, 40)
    async with as_staff(runtime) as admin:
        page = (await admin.get("/campaigns/new")).text
        assert page.count('name="source"') == 31
        assert "个没列" in page
        assert 'href="/campaigns/new?from=made_039"' in (await admin.get("/campaigns/made_039")).text
        assert 'value="made_039" checked' in (await admin.get("/campaigns/new?from=made_039")).text
        made = await admin.post("/campaigns/new", data={"title": "照着做的", "source": "made_039"})
        assert made.status_code == 303


async def test_words_that_were_written_anew_are_read_anew(runtime: Runtime) -> None:
    """Versions are remembered by what they say."""
    row = await approved(runtime, "unread_resumes")
    templates = runtime.settings.huifang_templates
    before = await definitions.load_campaign(templates, "unread_resumes")
    changed = before.files["campaign.toml"].replace(before.definition.title, "换了名字")
    await edits.write_files("unread_resumes", {"campaign.toml": changed}, by="林晓芸", now=NOW + timedelta(hours=1))
    assert (await definitions.read_campaign("unread_resumes")).definition.title == row.definition.title
    await definitions.approve(await definitions.load_campaign(templates, "unread_resumes"), by="程雪", now=NOW)
    assert (await definitions.read_campaign("unread_resumes")).definition.title == "换了名字"
    assert (await definitions.standing_definitions(templates))["unread_resumes"].title == "换了名字"

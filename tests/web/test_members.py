"""The list of members: its conditions in the address, its order, what is taken away of it."""

import csv
import io

import httpx
import pytest

from bot.console.sheets import harmless
from bot.runtime import Runtime
from campaigns import saved_segments
from campaigns.models import AuditEntry
from campaigns.rights import Role
from tests.web_cast import NOW, add_member, as_staff

HOSTILE = "<script>alert(1)</script>\"'" + "长" * 220


async def test_every_condition_of_the_list_is_a_chip_that_takes_it_away(browser: httpx.AsyncClient) -> None:
    await add_member("Q1", city="大同", trade="餐饮", owner="林晓芸")
    saved = await saved_segments.save_segment("老会员", "registered_days >= 300", by="林", now=NOW)
    page = (await browser.get(f"/members?city=大同&idle=90&segment={saved.id}&sort=unread&down=1")).text
    assert "老会员" in page
    assert "90天" in page
    assert 'aria-sort="descending"' in page
    assert "Q1" in page
    assert "Q1" not in (await browser.get("/members?idle=500")).text
    for odd in ("idle=x&renewal=-1&reach=%27&segment=99999999999&sort=no;drop&owner=%25", "segment=2147483647"):
        assert (await browser.get(f"/members?{odd}")).status_code == 200


async def test_a_hostile_name_is_only_words_on_the_list(browser: httpx.AsyncClient) -> None:
    await add_member("Q1", HOSTILE[:255], city="<b>")
    for page in ("/members", "/members?city=<b>&sort=name"):
        text = (await browser.get(page)).text
        assert "<script>alert" not in text
        assert "<b><b>" not in text


@pytest.mark.parametrize(("role", "grants"), [(Role.MANAGER, []), (Role.AGENT, ["export"])])
async def test_an_export_holds_the_members_one_sees_and_is_written_down(
    runtime: Runtime, role: Role, grants: list[str]
) -> None:
    await add_member("Q1", "=HYPERLINK(1)", owner="林")
    await add_member("Q2", "别人的", owner="王")
    async with as_staff(runtime, role, name="林", grants=grants) as client:
        answer = await client.get("/members.csv?sort=name&q=Q&owner=")
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert (await client.get("/members.xlsx")).content.startswith(b"PK")
    seen = {"Q1", "Q2"} if role is Role.MANAGER else {"Q1"}
    assert {row[0] for row in rows[1:]} == seen
    assert next(row[1] for row in rows if row[0] == "Q1") == "'=HYPERLINK(1)"
    entry = await AuditEntry.filter(action="members_exported").order_by("-id").first()
    assert entry is not None
    assert entry.detail == {"rows": len(seen), "format": "xlsx", "asked": []}
    first = await AuditEntry.filter(action="members_exported").order_by("id").first()
    assert first is not None
    assert first.detail["asked"] == ["owner", "q"]


def test_no_cell_that_is_taken_away_is_a_formula() -> None:
    for text in ("=1", "+1", "-1", "@a", "\tx", "\rx"):
        assert harmless(text) == f"'{text}"
    assert harmless("大同=机械") == "大同=机械"

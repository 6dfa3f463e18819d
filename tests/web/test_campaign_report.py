"""The campaign list, report and export: numbers of the reader's own members, charts at their edges, hostile words."""

import csv
import io
from datetime import timedelta

import httpx
import openpyxl
import pytest

from bot.console import charts
from bot.console.campaign_report import totals
from bot.console.sheets import harmless
from bot.runtime import Runtime
from campaigns import definitions, effects, outbox, touches
from campaigns.experiments import lift, smallest_lift, wilson
from campaigns.models import AuditEntry, Login, Message
from campaigns.rights import Role
from campaigns.tallies import Count
from campaigns.terms import ChannelName, Direction, Intent, TouchKind
from tests.web_cast import NOW, add_contact, add_member, add_message, approved, as_staff

KEY = "unread_resumes"
HOSTILE = '<script>alert(1)</script>"' + "长" * 200


@pytest.fixture
async def run(runtime: Runtime) -> list[int]:
    """Four members: 程雪's was answered, 石磊's was delivered, one nobody's was held out, one waits."""
    campaign = await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    ids = []
    for number, (owner, state, reason) in enumerate(
        (("程雪", "sent", ""), ("石磊", "delivered", ""), ("", "suppressed", "hold_out"), ("程雪", "queued", ""))
    ):
        member = await add_member(f"Q20000{number}", f"=cmd|{number}号企业", owner=owner)
        contact = await add_contact(member, mobile=f"1548350303{number}")
        ids.append(await add_message(campaign, member, contact, channel=ChannelName.SMS, state=state, reason=reason))
    message = await Message.get(id=ids[0])
    await touches.record_touch(
        message.member_id, at=NOW, direction=Direction.IN, kind=TouchKind.REPLY, medium="sms", message_id=ids[0],
        intent=Intent.CALL_ME,
    )  # fmt: skip
    await outbox.close_planning(message.occurrence_id, NOW)
    return ids


async def test_the_list_counts_and_links_and_asks_for_its_rows_again(
    run: list[int], browser: httpx.AsyncClient
) -> None:
    page = (await browser.get("/campaigns")).text
    assert 'hx-get="/campaigns/live"' in page
    assert f'href="/members?inbound=reply&amp;campaign={KEY}">1</a>' in page
    assert 'href="/campaigns?state=running"' in page
    assert "11-24 09:00" in page
    rows = (await browser.get(f"/campaigns/live?state=running&q={KEY}")).text
    assert rows.lstrip().startswith('<div id="lines"')
    assert rows.count('class="who-name"') == 1
    assert "没有这样的活动" in (await browser.get("/campaigns?q=%3Cscript%3E")).text
    assert "<script>" not in (await browser.get("/campaigns/live?q=%3Cscript%3E")).text


@pytest.mark.parametrize(
    ("role", "name", "sent", "audience"),
    [(Role.MANAGER, "王", 2, 4), (Role.MARKETER, "程雪", 1, 2), (Role.AGENT, "石磊", 1, 1)],
)
async def test_everybody_counts_and_exports_only_members_of_theirs(
    runtime: Runtime, run: list[int], role: Role, name: str, sent: int, audience: int
) -> None:
    async with as_staff(runtime, role, name=name, grants=["export"]) as client:
        page = (await client.get(f"/campaigns/{KEY}")).text
        assert f'<span class="big num">{sent}<small>' in page
        assert f"目标人群{audience}" in page
        assert ("计划时</th>" in page) is (role is Role.MANAGER)
        table = list(csv.reader(io.StringIO((await client.get(f"/campaigns/{KEY}/export.csv")).text.lstrip("\ufeff"))))
    assert len(table) == audience + 1
    entry = await AuditEntry.filter(action="exported").first()
    assert entry is not None
    assert (entry.subject, entry.detail["rows"]) == (f"campaign/{KEY}", audience)


async def test_an_export_opens_in_excel_and_holds_no_formula(run: list[int], browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"/campaigns/{KEY}/export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert len(rows) == 5
    assert rows[1][2] == "=cmd|0号企业"
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    assert rows[1][8] == "15483503030"
    assert rows[1][10] == "要回电"
    text = (await browser.get(f"/campaigns/{KEY}/export.csv?run=0")).text
    assert len(text.splitlines()) == 1
    assert ",'=cmd|0号企业," in (await browser.get(f"/campaigns/{KEY}/export.csv")).text


async def test_addresses_are_masked_for_who_may_only_export(runtime: Runtime, run: list[int]) -> None:
    async with as_staff(runtime, Role.AGENT, name="石磊", grants=["export"]) as client:
        assert "154****3031" in (await client.get(f"/campaigns/{KEY}/export.csv")).text


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "＝1", "\n=1"])
def test_a_formula_becomes_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless(f"一{cell}") == f"一{cell}"


async def test_the_depth_compares_with_who_was_held_out(run: list[int], browser: httpx.AsyncClient) -> None:
    held = await Message.get(id=run[2])
    await Login.create(member_id=held.member_id, at=NOW + timedelta(days=6))
    treated = await Message.get(id=run[0])
    await Login.create(member_id=treated.member_id, at=NOW + timedelta(days=8))  # too late to count
    sides = {(arm.held_out, arm.members, arm.back) for arm in await effects.arms([held.occurrence_id])}
    assert sides == {(False, 3, 0), (True, 1, 1)}
    whole = (await browser.get(f"/campaigns/{KEY}/depth")).text
    part = (await browser.get(f"/campaigns/{KEY}/depth", headers={"hx-request": "true"})).text
    assert "反而少了" in whole
    assert "<html" in whole
    assert "<html" not in part
    assert part.count('role="img"') == 2


async def test_a_run_that_is_not_there_shows_all_and_hostile_addresses_are_answered(
    run: list[int], browser: httpx.AsyncClient
) -> None:
    for query in ("run=999", "run=%3Cscript%3E", "run=1'--", "run=" + "9" * 400):
        assert (await browser.get(f"/campaigns/{KEY}?{query}")).status_code == 200
    for path in ("progress", "depth", "export.csv"):
        assert (await browser.get(f"/campaigns/%3Cscript%3E/{path}")).status_code == 404


@pytest.mark.parametrize("n", [0, 1, 100_000])
def test_a_chart_of_none_one_and_very_many_stays_inside_its_frame(n: int) -> None:
    rows = [charts.Bar(HOSTILE, n, HOSTILE), charts.Bar("回复", 0)]
    drawn = [
        charts.funnel(rows, HOSTILE),
        charts.bars(rows, HOSTILE),
        charts.columns([("11-23", n), (HOSTILE, 1)], HOSTILE),
    ]
    for svg in drawn:
        assert "<script>" not in svg
        assert svg.count('role="img"') == 2
        assert "nan" not in svg
    assert charts.bars([], "没有").count("<svg") == 2
    assert charts.columns([("11-23", 0)], "没有").count("<rect") == 0
    assert charts.whiskers([charts.Whisker("全部", 0, 0, 0, "0")], "零").count("<circle") == 2


def test_totals_of_nothing_are_zero() -> None:
    assert totals([]).audience == totals([]).rest == 0
    assert totals([Count(1, "message", "suppressed", "hold_out", "", False, "", 3)]).held_out == 3


def test_the_intervals_are_those_of_the_book() -> None:
    """Newcombe 1998, example (a): 56/70 − 48/80 = 0.20, 0.0524 to 0.3339."""
    found = lift(56, 70, 48, 80)
    assert found is not None
    assert (round(found.point, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)
    assert lift(0, 0, 1, 3) is None
    none = wilson(0, 10)
    assert none.low == 0
    assert 0.27 < none.high < 0.28
    assert smallest_lift(1000, 100, 0.1) > smallest_lift(1000, 1000, 0.1) > 0

"""A site's export into the tables: what is new, what changed, what is missing a parent, what a file does not tell."""

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.commands.importing import import_paths
from bot.importing import FileReport
from bot.sandbox.site import write_export
from bot.settings import Settings
from campaigns import statements
from campaigns.members import find
from campaigns.members.find import count_audience, count_stats
from campaigns.models import Application, Contact, Login, Member, Posting
from campaigns.segments import parse_segment
from campaigns.terms import SHANGHAI, ChannelName
from tests.cast import NOW, add_contact, add_member, datong, jinbei
from tests.conftest import SHARED

AS_OF = datetime(2026, 11, 21, 9, 0, tzinfo=SHANGHAI)
MEMBERS = "会员编号,企业名称,行业,地区,注册时间,最近登录时间,登录次数,园区\n"


# ---- the same again -----------------------------------------------------------------------------------------------


async def test_importing_the_same_twice_changes_nothing(database: Settings, tmp_path: Path) -> None:
    write_export(tmp_path / "export", members=120, as_of=AS_OF)
    first = await _import(database, tmp_path / "export")
    before = await _everything()
    again = await _import(database, tmp_path / "export")
    assert await _everything() == before
    assert sum(report.added for report in first) > 500
    for report in again:
        assert (report.added, report.changed) == (0, 0), report.file
        assert report.unchanged > 0


async def test_every_row_offered_is_accounted_for(database: Settings, tmp_path: Path) -> None:
    write_export(tmp_path, members=120, as_of=AS_OF)
    for report in await _import(database, tmp_path):
        told = report.duplicates + report.added + report.changed + report.unchanged + report.rejected
        assert report.offered == told > 0, report.file
    stats = await count_stats()
    assert stats["members"] == await Member.all().count() > 100


async def test_a_changed_cell_is_one_change(database: Settings, tmp_path: Path) -> None:
    await _members(
        database, tmp_path, "Y1,大同机械,机械,古城,2025-01-02,2026-11-20,7,开发区\nY2,晋北餐饮,餐饮,古城,,,0,\n"
    )
    (report,) = await _members(
        database, tmp_path, "Y1,大同机械,机械,新城,2025-01-02,2026-11-20,7,开发区\nY2,晋北餐饮,餐饮,古城,,,0,\n"
    )
    assert (report.added, report.changed, report.unchanged) == (0, 1, 1)
    assert (await Member.get(no="Y1")).city == "新城"


# ---- what a file does not tell ------------------------------------------------------------------------------------


async def test_a_column_that_is_missing_leaves_what_is_stored(database: Settings, tmp_path: Path) -> None:
    await _members(database, tmp_path, "Y1,大同机械,机械,古城,2025-01-02,2026-11-20,7,开发区\n")
    before = await _plain("Y1")
    (report,) = await _members(database, tmp_path, "Y1,大同机械\n", head="会员编号,企业名称\n")
    assert report.unchanged == 1
    assert await _plain("Y1") == before


async def test_a_cell_that_is_empty_says_so(database: Settings, tmp_path: Path) -> None:
    await _members(database, tmp_path, "Y1,大同机械,机械,古城,2025-01-02,2026-11-20,7,开发区\n")
    await _members(database, tmp_path, "Y1,大同机械,\n", head="会员编号,企业名称,行业\n")
    assert (await Member.get(no="Y1")).trade == ""


async def test_a_custom_column_is_kept_beside_those_of_other_files(database: Settings, tmp_path: Path) -> None:
    await _members(database, tmp_path, "Y1,大同机械,开发区\n", head="会员编号,企业名称,园区\n")
    await _members(database, tmp_path, "Y1,大同机械,是\n", head="会员编号,企业名称,老客户\n")
    assert (await Member.get(no="Y1")).attrs == {"园区": "开发区", "老客户": "是"}


async def test_a_contact_a_file_says_nothing_of_consent_keeps_its_own(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    await _write_and_import(database, tmp_path, "contacts.csv", f"联系人编号,会员编号,姓名\nC1,{player.no},张晓燕\n")
    contact = await Contact.get(no="C1")
    assert (contact.consent, contact.mobile, contact.openid) == (True, player.mobile, player.openid)


async def test_idle_counts_from_the_last_login_else_from_registration(database: Settings, tmp_path: Path) -> None:
    rows = "Y1,甲,,,2025-01-02,2026-11-20,7,\nY2,乙,,,2025-01-02,,0,\nY3,丙,,,,,0,\n"
    await _members(database, tmp_path, rows)
    since = {member.no: member.idle_since for member in await Member.all()}
    assert since == {
        "Y1": datetime(2026, 11, 20, tzinfo=SHANGHAI),
        "Y2": datetime(2025, 1, 2, tzinfo=SHANGHAI),
        "Y3": None,
    }
    await _members(database, tmp_path, "Y2,乙,2026-11-19\n", head="会员编号,企业名称,最近登录时间\n")
    assert (await Member.get(no="Y2")).idle_since == datetime(2026, 11, 19, tzinfo=SHANGHAI)


# ---- parents ------------------------------------------------------------------------------------------------------


async def test_rows_whose_parent_is_missing_are_rejected_and_the_rest_goes_in(
    database: Settings, tmp_path: Path
) -> None:
    player = await datong()
    files = {
        "contacts.csv": f"联系人编号,会员编号,姓名\nC8,{player.no},甲\nC9,Y404,乙\n",
        "postings.csv": f"职位编号,会员编号,职位名称\nP8,{player.no},钳工\nP9,Y404,电工\n",
        "applications.csv": "投递编号,职位编号,投递时间\nA8,P8,2026-11-01\nA9,P404,2026-11-01\n",
        "logins.csv": f"会员编号,登录时间\n{player.no},2026-11-01 08:00\nY404,2026-11-01 08:00\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for report in await _import(database, tmp_path):
        assert (report.offered, report.added, report.rejected) == (2, 1, 1), report.file
        assert "404" in _rejected(report)
    assert await Contact.filter(no="C9").count() == await Posting.filter(no="P9").count() == 0
    assert await Application.all().count() == 3
    assert await Login.all().count() == 1


async def test_a_contact_can_move_to_another_member(database: Settings, tmp_path: Path) -> None:
    first, second = await datong(), await jinbei()
    await _write_and_import(database, tmp_path, "contacts.csv", f"联系人编号,会员编号,姓名\nC1,{second.no},张晓燕\n")
    assert await Contact.filter(member_id=second.member_id).count() == 2
    assert await Contact.filter(member_id=first.member_id).count() == 0


async def test_counters_follow_postings_and_applications(database: Settings, tmp_path: Path) -> None:
    player = await jinbei()
    member = await Member.get(id=player.member_id)
    assert (member.postings, member.live_postings, member.applications, member.unread_resumes) == (1, 1, 12, 12)
    assert member.oldest_unread_at == NOW - timedelta(days=10)
    assert await find.record_views(player.member_id, NOW, posting_no="P404") == 0
    assert await find.record_views(player.member_id, NOW) == 12
    await member.refresh_from_db()
    assert (member.applications, member.unread_resumes, member.oldest_unread_at) == (12, 0, None)


async def test_one_member_s_counters_and_all_members_counters_agree(database: Settings) -> None:
    await datong()
    player = await jinbei()
    await Application.filter(no__endswith="-3").update(first_viewed_at=NOW)
    await statements.recount_members()
    all_at_once = await Member.all().order_by("id").values()
    await Member.filter(id=player.member_id).update(unread_resumes=99, oldest_unread_at=None, applications=0)
    await statements.recount_member(player.member_id)
    assert await Member.all().order_by("id").values() == all_at_once


async def test_a_login_the_site_tells_of_counts_once(database: Settings) -> None:
    player = await jinbei()
    for at in (NOW, NOW, NOW - timedelta(days=5)):
        await find.record_login(player.member_id, at)
    member = await Member.get(id=player.member_id)
    assert (member.last_login_at, member.idle_since, member.login_count) == (NOW, NOW, 5)
    assert await Login.filter(member_id=player.member_id).count() == 2


async def test_an_address_is_matched_to_its_contact(database: Settings) -> None:
    player = await datong()
    for channel, address in (
        (ChannelName.SMS, player.mobile),
        (ChannelName.EMAIL, player.email),
        (ChannelName.WECHAT, player.openid),
    ):
        match = await find.match_member(channel, address)
        assert match is not None
        assert (match.member_id, match.contact_id) == (player.member_id, player.contact_id)
    assert await find.match_member(ChannelName.SMS, "15400009999") is None


async def test_a_member_s_page_holds_what_we_know_of_it(database: Settings) -> None:
    player = await jinbei()
    await add_contact(player.member_id, 77, openid="o77")
    page = await find.describe_member(player.no)
    assert page is not None
    assert (page["name"], page["unread_resumes"], len(page["contacts"])) == ("晋北餐饮管理有限公司", 12, 2)
    assert [post["unread"] for post in page["posts"]] == [12]
    assert await find.describe_member("Y404") is None


async def test_a_member_without_dates_is_stored(database: Settings) -> None:
    member_id = await add_member("Y5")
    await statements.recount_members()
    assert (await Member.get(id=member_id)).registered_at is None


# ---- the given export ---------------------------------------------------------------------------------------------


@pytest.mark.shared
async def test_the_given_export_has_the_counts_it_should(database: Settings) -> None:
    reports = await import_paths(database, [SHARED / "data" / "site-export"], AS_OF, lambda *_: None)

    stats = await count_stats()
    assert (stats["members"], stats["contacts"]) == (5000, 6525)
    assert (stats["contacts_with_mobile"], stats["contacts_with_email"]) == (5867, 5077)
    for rule, count in (
        ("idle_days >= 90", 2729),
        ("last_login_at is empty", 1137),
        ("unread_resumes >= 1", 2124),
        ("idle_days >= 90 and unread_resumes >= 3", 771),
    ):
        assert await count_audience(parse_segment(rule), AS_OF) == count, rule
    tables = {Path(report.file).name: report for report in reports}
    for name in ("members.xlsx", "members.csv"):
        assert (tables[name].rejected, tables[name].duplicates) == (25, 100), name
    assert {tables[name].added for name in ("members.xlsx", "members.csv")} == {5000, 0}
    assert tables["logins.csv"].added == stats["logins"]


# ---- doing it -----------------------------------------------------------------------------------------------------


async def _members(database: Settings, folder: Path, rows: str, head: str = MEMBERS) -> list[FileReport]:
    return await _write_and_import(database, folder, "members.csv", head + rows)


async def _write_and_import(database: Settings, folder: Path, name: str, text: str) -> list[FileReport]:
    (folder / name).write_text(text, encoding="utf-8")
    return await _import(database, folder / name)


async def _import(database: Settings, path: Path) -> list[FileReport]:
    reports = await import_paths(database, [path], AS_OF, lambda *_: None)
    assert all(not report.refused for report in reports), [asdict(report) for report in reports]
    return reports


def _rejected(report: FileReport) -> str:
    """The one row of a file's rejects."""
    _, row = Path(report.rejects_file).read_text(encoding="utf-8-sig").splitlines()
    return row


async def _plain(no: str) -> dict[str, object]:
    (row,) = await Member.filter(no=no).values()
    return dict(row)


async def _everything() -> list[list[dict[str, object]]]:
    tables = ("members", "contacts", "postings", "applications", "logins", "seekers")
    return [await statements.query(f"SELECT * FROM {table} ORDER BY id") for table in tables]

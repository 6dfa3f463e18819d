"""The made-up site: the same tables as a real export, as messy, and large enough audiences for the demo."""

import csv
import io
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from bot.sandbox.site import write_export
from campaigns.cells import clean_text, parse_day, parse_email, parse_mobile, parse_moment
from campaigns.terms import SHANGHAI

AS_OF = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
GIVEN = Path(__file__).parents[3] / "shared" / "data" / "site-export"
ENCODINGS = {
    "members": "gb18030",
    "contacts": "gb18030",
    "postings": "utf-8-sig",
    "applications": "utf-8",
    "logins": "utf-8",
    "seekers": "utf-8",
}
Rows = list[dict[str, str]]


def read(folder: Path, table: str) -> Rows:
    text = (folder / f"{table}.csv").read_bytes().decode(ENCODINGS[table])
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("site")
    write_export(where, as_of=AS_OF)
    return where


def good(rows: Rows) -> dict[str, dict[str, str]]:
    """Members as an import leaves them: number → the last usable row."""
    usable = [row for row in rows if row["会员编号"] and row["企业名称"].strip() and row["注册时间"] != "2026-13-45"]
    return {row["会员编号"]: row for row in usable}


def test_there_are_as_many_members_as_asked_for_and_the_mess_of_a_real_export(folder: Path) -> None:
    rows = read(folder, "members")
    blank = [row for row in rows if not any(row.values())]
    members = good(rows)
    usable = sum(bool(row["会员编号"] and row["企业名称"] and row["注册时间"] != "2026-13-45") for row in rows)
    assert len(members) == 2000
    assert usable - len(members) == 40
    assert len(blank) == 8
    assert len(rows) - usable - len(blank) == 10


def test_of_a_member_that_stands_twice_the_later_row_is_the_renamed_one(folder: Path) -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    for row in read(folder, "members"):
        seen[row["会员编号"]].append(row["企业名称"])
    twice = [names for number, names in seen.items() if number and len(names) == 2]
    assert len(twice) == 40
    assert all(later == f"{first.strip()}(更名)" for first, later in twice)


def test_the_workbook_holds_the_same_rows_as_the_text_file(folder: Path) -> None:
    sheet = CalamineWorkbook.from_path(folder / "members.xlsx").get_sheet_by_index(0).to_python()
    text = csv.reader(io.StringIO((folder / "members.csv").read_bytes().decode("gb18030"), newline=""))
    assert [[clean_text(str(cell)) for cell in row] for row in sheet] == [[clean_text(c) for c in row] for row in text]


def test_another_reader_takes_the_workbook_too(folder: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(folder / "members.xlsx", read_only=True)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    assert rows[0][:2] == ("会员编号", "企业名称")
    assert len(rows) == len(read(folder, "members")) + 1


def test_hostile_names_are_in_it(folder: Path) -> None:
    names = Counter(row["企业名称"].removesuffix("(更名)") for row in good(read(folder, "members")).values())
    for name in ("{{ 7*7 }}有限公司", '=HYPERLINK("http://x.test","点我")', "<script>alert(1)</script>商行"):
        assert names[name] >= 2
    assert any(name.startswith("+cmd|") for name in names)
    assert any("\r\nBcc: victim@example.com" in name for name in names)
    assert any("DROP TABLE" in name for name in names)


def test_every_date_can_be_read_and_they_are_written_in_many_ways(folder: Path) -> None:
    shapes: Counter[str] = Counter()
    for table in ENCODINGS:
        rows = read(folder, table) if table != "members" else list(good(read(folder, "members")).values())
        for row in rows:
            for column, text in row.items():
                if column.endswith("时间") and text and column != "工作时间":
                    assert parse_moment(text) <= AS_OF or column == "到期时间"
                    shapes[re.sub(r"\d+", "9", text)] += 1
    assert set(shapes) == {
        "9-9-9 9:9:9",
        "9-9-9T9:9:9+9:9",
        "9/9/9 9:9",
        "9年9月9日 9:9",
        "9-9-9",
        "9",
        "9/9/9",
        "9年9月9日",
    }


def test_no_address_reaches_anybody_and_most_are_good(folder: Path) -> None:
    contacts = read(folder, "contacts")
    mobiles = [found for row in contacts if (found := parse_mobile(row["手机"]))]
    emails = [found for row in contacts if (found := parse_email(row["邮箱"]))]
    assert {mobile[:3] for mobile in mobiles} <= {"154", "160", "161", "163", "164", "168", "169", "179"}
    assert all(re.search(r"(\.example|\.example\.com)$", email) for email in emails)
    assert 0.88 < len(mobiles) / len(contacts) < 0.96
    assert 0.70 < len(emails) / len(contacts) < 0.86
    assert sum(bool(row["邮箱"]) for row in contacts) - len(emails) > 100
    assert len(set(mobiles)) == len(mobiles)
    assert len(set(emails)) == len(emails)


def test_about_two_fifths_of_the_contacts_follow_the_account(folder: Path) -> None:
    contacts = read(folder, "contacts")
    followers = [row["微信openid"] for row in contacts if row["微信openid"]]
    assert 0.36 < len(followers) / len(contacts) < 0.44
    assert len(set(followers)) == len(followers)
    assert all(re.fullmatch(r"o[0-9a-f]{27}", openid) for openid in followers)


def test_contacts_are_a_tree_with_one_primary_contact_on_top(folder: Path) -> None:
    members = good(read(folder, "members"))
    by_member: dict[str, Rows] = defaultdict(list)
    for row in read(folder, "contacts"):
        by_member[row["会员编号"]].append(row)
    assert set(by_member) <= set(members)
    assert 20 < len(members) - len(by_member) < 120
    for rows in by_member.values():
        assert [row["主联系人"] for row in rows] == ["是"] + ["否"] * (len(rows) - 1)
        assert {row["上级联系人编号"] for row in rows[1:]} <= {rows[0]["联系人编号"]}


def test_every_reference_leads_somewhere(folder: Path) -> None:
    members = set(good(read(folder, "members")))
    postings = {row["职位编号"]: row["会员编号"] for row in read(folder, "postings")}
    seekers = {row["求职者编号"] for row in read(folder, "seekers")}
    applications = read(folder, "applications")
    assert set(postings.values()) <= members
    assert {row["职位编号"] for row in applications} <= set(postings)
    assert {row["求职者编号"] for row in applications} <= seekers
    assert {row["会员编号"] for row in read(folder, "logins")} <= members


def test_the_log_in_columns_agree_with_the_log_ins(folder: Path) -> None:
    logins: dict[str, list[datetime]] = defaultdict(list)
    for row in read(folder, "logins"):
        logins[row["会员编号"]].append(parse_moment(row["登录时间"]))
    for number, row in good(read(folder, "members")).items():
        assert int(row["登录次数"]) == len(logins[number])
        if logins[number]:
            # Some ways to write a date leave the seconds out.
            assert abs(max(logins[number]) - parse_moment(row["最近登录时间"])) < timedelta(minutes=1)
        else:
            assert row["最近登录时间"] == ""


def test_an_application_is_looked_at_after_it_arrived_and_by_a_member_that_came_back(folder: Path) -> None:
    members = good(read(folder, "members"))
    owner = {row["职位编号"]: row["会员编号"] for row in read(folder, "postings")}
    seen = [row for row in read(folder, "applications") if row["首次查看时间"]]
    minute = timedelta(minutes=1)  # some ways to write a date leave the seconds out
    assert len(seen) > 1000
    for row in seen:
        viewed = parse_moment(row["首次查看时间"])
        assert viewed > parse_moment(row["投递时间"]) - minute
        assert viewed < parse_moment(members[owner[row["职位编号"]]]["最近登录时间"]) + minute


@pytest.mark.parametrize("seed", [7, 8])
def test_the_audiences_of_the_demo_are_large_enough(tmp_path: Path, seed: int) -> None:
    write_export(tmp_path, seed=seed, as_of=AS_OF)
    members = good(read(tmp_path, "members"))
    owner = {row["职位编号"]: row["会员编号"] for row in read(tmp_path, "postings")}
    waiting: dict[str, list[datetime]] = defaultdict(list)
    for row in read(tmp_path, "applications"):
        if not row["首次查看时间"]:
            waiting[owner[row["职位编号"]]].append(parse_moment(row["投递时间"]))
    last = {n: parse_moment(row["最近登录时间"] or row["注册时间"]) for n, row in members.items()}
    idle = {n for n, moment in last.items() if (AS_OF - moment).days >= 90 or not members[n]["最近登录时间"]}
    willing = {row["会员编号"] for row in read(tmp_path, "contacts") if row["同意接收营销"] == "是"}
    expires = {n: parse_day(row["到期时间"]) for n, row in members.items() if row["到期时间"]}

    nudge = [n for n, at in waiting.items() if len(at) >= 3 and min(at) < AS_OF - timedelta(hours=72)]
    assert len(nudge) >= 200
    assert len(idle) >= 950
    assert len(idle & willing) >= 400
    assert len(willing) >= 1000
    assert sum(10 <= (day - AS_OF.date()).days <= 20 for day in expires.values()) >= 140
    assert sum(10 <= (day - AS_OF.date()).days <= 20 for day in expires.values()) <= 400


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_export(tmp_path / name, members=60, seed=seed, as_of=AS_OF)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted([f"{table}.csv" for table in ENCODINGS] + ["members.xlsx"])
    for name in files:
        first, same, other = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert first == same
        assert first != other


def test_a_site_of_one_member_can_be_written(tmp_path: Path) -> None:
    write_export(tmp_path, members=1, as_of=AS_OF)
    assert len(good(read(tmp_path, "members"))) == 1


@pytest.mark.shared
@pytest.mark.skipif(not GIVEN.exists(), reason="shared/data/site-export is not beside this checkout")
def test_the_tables_have_the_columns_of_the_given_export(folder: Path) -> None:
    for table, encoding in ENCODINGS.items():
        mine, given = (
            (where / f"{table}.csv").read_bytes().decode(encoding).split("\r\n")[0] for where in (folder, GIVEN)
        )
        assert mine == given

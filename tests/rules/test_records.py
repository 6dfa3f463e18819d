"""From rows to records: what is kept, rejected, folded and complained of."""

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from bot.tables import read_table
from campaigns.columns import TableKind, is_header, recognise
from campaigns.errors import InputError
from campaigns.fields import FIELDS, PostingState
from campaigns.records import Reading, read_records
from campaigns.rows import Fault

EXPORT = Path(__file__).parents[2].parent / "shared" / "data" / "site-export"
shared = pytest.mark.skipif(not EXPORT.is_dir(), reason="../shared/data/site-export is not beside this project")
AS_OF = datetime(2026, 11, 21, 9, tzinfo=ZoneInfo("Asia/Shanghai"))


def read(header: str, *rows: str) -> Reading:
    lines = enumerate([row.split(",") for row in rows], start=2)
    return read_records(recognise(header.split(",")), list(lines))


def records(reading: Reading) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(**dict(zip(judged.columns, values, strict=True)))
        for judged in reading.chunks()
        for values in zip(*judged.columns.values(), strict=True)
    ]


def lines_of(reading: Reading) -> list[int]:
    return [line for judged in reading.chunks() for line in judged.lines]


def complaints(reading: Reading) -> list[tuple[int, str, str]]:
    return [
        (p.line, p.column, p.value)
        for judged in reading.chunks()
        for line in sorted(judged.problems)
        for p in judged.problems[line]
    ]


# Columns


HEADERS = {
    TableKind.MEMBERS: (
        "会员编号,企业名称,行业,企业性质,企业规模,地区,注册时间,最近登录时间,登录次数,会员套餐,到期时间,近12个月付费,负责客服",
        "Member No,Company Name,Industry,Ownership,Company Size,City,Registered At,Last Login At,Login Count,"
        "Plan,Plan Expires On,Paid 12 Months,Owner",
    ),
    TableKind.CONTACTS: (
        "联系人编号,会员编号,姓名,职务,手机,邮箱,微信openid,QQ,主联系人,上级联系人编号,同意接收营销,同意时间,同意来源,角色,影响力,"
        "兴趣",
        "contact_id,member_id,name,title,mobile,email,wechat_openid,qq,is_primary,parent_contact_id,"
        "marketing_consent,consent_time,consent_source,contact_role,influence,interests",
    ),
    TableKind.POSTINGS: (
        "职位编号,会员编号,职位名称,职位类别,工作地区,月薪下限,月薪上限,招聘人数,工作时间,联系人,联系电话,发布时间,刷新时间,状态,"
        "职位大类,面议,职位描述,学历,工作经验,截止日期,审核状态,浏览量,紧急",
        "Posting ID,Member ID,Title,Category,City,Pay Min,Pay Max,Heads,Working Hours,Contact Name,Contact Phone,"
        "Published At,Refreshed At,Status,Parent Category,Negotiable,Description,Education,Experience,Deadline,"
        "Audit Status,Views,Urgent",
    ),
    TableKind.APPLICATIONS: (
        "投递编号,职位编号,求职者编号,投递时间,首次查看时间,处理结果",
        "id,job_id,seeker_id,applied_at,first_viewed_at,result",
    ),
    TableKind.LOGINS: ("会员编号,登录时间", "company_id,login_time"),
    TableKind.SEEKERS: (
        "求职者编号,姓名,意向职位,意向地区,期望月薪,工作年限,注册时间,视频简历,同意推荐,手机,邮箱",
        "Seeker ID,Name,Desired Job,Desired City,Expected Salary,Years of Experience,Registered At,Video Resume,"
        "Recommend,Mobile,E-mail",
    ),
}


@pytest.mark.parametrize("kind", list(TableKind))
@pytest.mark.parametrize("language", [0, 1])
def test_both_languages_map_every_column_in_any_order(kind: TableKind, language: int) -> None:
    words = HEADERS[kind][language].split(",")
    expected = list(FIELDS[kind])
    found = recognise(words)
    assert (found.kind, [found.mapping[i] for i in range(len(words))]) == (kind, expected)
    backwards = recognise(words[::-1])
    assert (backwards.kind, [backwards.mapping[i] for i in range(len(words))]) == (kind, expected[::-1])


def mapped(header: str) -> tuple[TableKind, dict[str, str]]:
    words = header.split(",")
    found = recognise(words)
    return found.kind, {field: words[index] for index, field in found.mapping.items()}


def test_the_columns_of_site_systems_are_known() -> None:
    assert mapped("uid,companyname,nature_cn,trade_cn,scale_cn,district_cn,addtime,last_login_time")[0] == "members"
    assert len(mapped("uid,companyname,nature_cn,trade_cn,scale_cn,district_cn,addtime")[1]) == 7


def test_spelling_of_a_header_word_does_not_matter() -> None:
    found = recognise(["会员编号/Member No", " ＣＯＭＰＡＮＹ＿Name ", "最近登陆时间", "注册时间（必填）*"])
    assert list(found.mapping.values()) == ["no", "name", "last_login_at", "registered_at"]


def test_a_table_is_known_by_its_own_number_and_not_by_what_was_joined_to_it() -> None:
    assert mapped("投递编号,职位编号,职位名称,会员编号,企业名称,工作地区,联系人,投递时间")[0] == "applications"
    kind, fields = mapped("联系人编号,会员编号,企业名称,行业,企业性质,企业规模,地区,姓名,手机")
    assert (kind, fields["name"]) == ("contacts", "姓名")
    assert mapped("会员编号,企业名称,登录时间")[0] == "logins"


def test_of_two_columns_for_one_field_the_more_telling_one_is_read() -> None:
    assert mapped("联系人编号,会员编号,联系电话,手机")[1]["mobile"] == "手机"
    assert mapped("联系人编号,会员编号,手机,联系电话")[1]["mobile"] == "手机"
    assert mapped("id,会员编号,企业名称,行业")[1]["no"] == "会员编号"


def test_unknown_columns_are_custom_for_members_and_ignored_elsewhere() -> None:
    members = recognise(["会员编号", "园区", "企业名称", "", " 备注 ", "园区"])
    assert (members.custom, members.ignored) == ({1: "园区", 4: "备注"}, ())
    logins = recognise(["会员编号", "登录时间", "IP"])
    assert (logins.custom, logins.ignored) == ({}, ("IP",))


@pytest.mark.parametrize("header", ["a,b,c", "id,name", "id,name,price", "企业名称,行业", "姓名,手机,邮箱", ""])
def test_a_table_without_its_keys_is_not_recognised(header: str) -> None:
    assert not is_header(header.split(","))
    with pytest.raises(InputError, match="no known header"):
        recognise(header.split(","))


# Records


def test_a_member_is_read_whole() -> None:
    reading = read(
        "园区,会员编号,企业名称,注册时间,最近登录时间,登录次数,会员套餐,到期时间",
        "开发区, q1 ,{{ 7*7 }},2025/3/1 8:00,,53.0,包年,20270614",
    )
    [member] = records(reading)
    assert (member.no, member.name, member.login_count, member.plan) == ("Q1", "{{ 7*7 }}", 53, "包年")
    assert member.registered_at == datetime(2025, 3, 1, tzinfo=UTC)
    assert (member.last_login_at, member.plan_expires_on) == (None, date(2027, 6, 14))
    assert (member.attrs, member.trade) == ({"园区": "开发区"}, "")


def test_missing_optional_columns_are_empty_and_known_to_be_missing() -> None:
    reading = read("会员编号,企业名称", "Q1,大同机械")
    [member] = records(reading)
    assert (member.registered_at, member.login_count, member.attrs) == (None, 0, {})
    assert reading.recognised.fields == {"no", "name"}


def test_offered_is_the_sum_of_what_became_of_the_rows() -> None:
    reading = read(
        "会员编号,企业名称,注册时间",
        "Q1,大同机械,2025-03-01",
        ",,",
        ",无编号公司,",
        "Q2,,",
        " , \u3000 ,",
        "Q3,日期错误公司,2026-13-45",
        "ｑ１ ,大同机械(更名),2025-03-01",
        "无,占位公司,",
    )
    assert (reading.offered, reading.duplicates, reading.kept, len(reading.rejects)) == (6, 1, 1, 4)
    assert [(r.line, r.column, r.value, r.reason) for r in reading.rejects] == [
        (4, "会员编号", "", "没有编号"),
        (5, "企业名称", "", "没有填写"),
        (7, "注册时间", "2026-13-45", "不是可能的日期"),
        (9, "会员编号", "无", "不是可用的编号"),
    ]
    assert [r.name for r in records(reading)] == ["大同机械(更名)"]


def test_a_later_row_that_is_rejected_does_not_replace_an_earlier_one() -> None:
    reading = read("会员编号,企业名称,注册时间", "Q1,大同,2025-03-01", "Q1,大同,2026-13-45")
    assert (reading.duplicates, reading.kept, len(reading.rejects)) == (0, 1, 1)
    assert lines_of(reading) == [2]


def test_of_three_rows_with_one_key_the_last_counts() -> None:
    reading = read("会员编号,企业名称", "Q1,a", "Q2,b", "Q1,c", "Q1,d")
    assert (reading.offered, reading.duplicates, reading.kept) == (4, 2, 2)
    assert lines_of(reading) == [3, 5]


@pytest.mark.parametrize(
    ("header", "row", "column"),
    [
        ("联系人编号,会员编号,手机", ",Q1,15483503031", "联系人编号"),
        ("联系人编号,会员编号,手机", "L1,,15483503031", "会员编号"),
        ("职位编号,会员编号,职位名称", "P1,-,厨师", "会员编号"),
        ("投递编号,职位编号,求职者编号", "A1,,S1", "职位编号"),
        ("会员编号,登录时间", "Q1,", "登录时间"),
        ("会员编号,登录时间", "Q1,很久以前", "登录时间"),
        ("求职者编号,姓名", "无,李雷", "求职者编号"),
        ("联系人编号,会员编号,同意时间", "L1,Q1,2026-02-30", "同意时间"),
    ],
)
def test_a_row_without_its_keys_or_with_an_impossible_date_is_rejected(header: str, row: str, column: str) -> None:
    reading = read(header, row)
    assert ([r.column for r in reading.rejects], records(reading)) == ([column], [])


def test_a_bad_address_is_dropped_and_told_while_the_contact_stays() -> None:
    reading = read(
        "联系人编号,会员编号,手机,邮箱,主联系人,同意接收营销",
        "L1,Q1,138****0000,a@b..example,是,是",
        "L2,Q1,+86 154-8350-3031,HR@QQ.EXAMPLE.COM,否,yes",
        "L3,Q1,,,,否",
    )
    first, second, third = records(reading)
    assert (first.mobile, first.email, first.is_primary, first.consent) == (None, None, True, True)
    assert (second.mobile, second.email, second.consent) == ("15483503031", "hr@qq.example.com", None)
    assert (third.mobile, third.email, third.consent) == (None, None, False)
    assert complaints(reading) == [
        (2, "手机", "138****0000"),
        (2, "邮箱", "a@b..example"),
        (3, "同意接收营销", "yes"),
    ]


def test_a_bad_number_is_dropped_and_told_while_the_posting_stays() -> None:
    reading = read("职位编号,会员编号,月薪下限,月薪上限,招聘人数", "P1,Q1,面议,8000,无")
    [posting] = records(reading)
    assert (posting.pay_min, posting.pay_max, posting.heads) == (None, 8000, None)
    assert complaints(reading) == [(2, "月薪下限", "面议")]


def test_a_posting_is_live_only_by_a_word_we_know() -> None:
    reading = read("职位编号,会员编号,状态", "P1,Q1,发布中", "P2,Q1,已过期", "P3,Q1,已下线", "P4,Q1,审核中")
    states = [r.state for r in records(reading)]
    assert states == [PostingState.LIVE, PostingState.EXPIRED, PostingState.OFFLINE, PostingState.OFFLINE]
    assert complaints(reading) == [(5, "状态", "审核中")]


def test_text_that_no_column_could_hold_is_cut_and_told() -> None:
    reading = read("会员编号,企业名称", "Q1," + "大" * 300)
    [member] = records(reading)
    assert member.name == "大" * 255
    assert [(line, column) for line, column, _ in complaints(reading)] == [(2, "企业名称")]


def test_short_and_long_rows_are_read_as_far_as_they_go() -> None:
    reading = read("会员编号,企业名称,行业", "Q1,大同", "Q2,晋北,餐饮,,多余", "Q3,云冈,物流,,")
    assert len(records(reading)) == 3
    assert complaints(reading) == [(3, "", "多余")]


def test_two_logins_at_one_moment_are_one() -> None:
    reading = read("会员编号,登录时间", "Q1,2025-03-01 08:00", "q1,2025/3/1 8:00", "Q2,2025-03-01 08:00")
    assert (reading.duplicates, reading.kept) == (1, 2)


def test_only_a_recorded_yes_lets_a_seeker_be_recommended() -> None:
    reading = read("求职者编号,姓名,同意推荐", "S1,a,是", "S2,b,否", "S3,c,", "S4,d,1")
    assert [r.recommend for r in records(reading)] == [True, False, False, False]


def test_the_same_wrong_cell_is_told_for_every_row_that_holds_it() -> None:
    reading = read("联系人编号,会员编号,手机", *[f"L{n},Q1,没有" for n in range(3)])
    assert complaints(reading) == [(2, "手机", "没有"), (3, "手机", "没有"), (4, "手机", "没有")]
    reading = read("会员编号,企业名称", "Q1,", "Q2,", "Q3,大同")
    assert [reject.line for reject in reading.rejects] == [2, 3]


def test_of_several_faults_that_refuse_a_row_the_first_is_told_and_nothing_else() -> None:
    reading = read("会员编号,企业名称,注册时间,登录次数", ",大同,2026-13-45,许多", "Q2,大同,2026-13-45,许多")
    assert [(reject.line, reject.column) for reject in reading.rejects] == [(2, "会员编号"), (3, "注册时间")]
    assert complaints(reading) == []


def test_a_row_reads_the_same_alone_and_among_a_thousand_others() -> None:
    header = "会员编号,企业名称,注册时间,登录次数,园区"
    rows = [f"q{n},企业{n % 7},{('2025-03-01', '20250301', '')[n % 3]},{n % 5},园{n % 2}" for n in range(1500)]
    together = records(read(header, *rows))
    assert len(together) == len(rows)
    assert [together[n] for n in range(0, 1500, 97)] == [
        one for row in rows[::97] for one in records(read(header, row))
    ]


# The export of the design documents


@cache
def export(name: str) -> Reading:
    table = read_table(EXPORT / name, is_header)
    return read_records(recognise(table.header), table.rows)


@cache
def exported(name: str) -> Sequence[SimpleNamespace]:
    return tuple(records(export(name)))


def members() -> Sequence[SimpleNamespace]:
    return exported("members.csv")


def unread_by_member() -> Counter[str]:
    owners = {p.no: p.member_no for p in exported("postings.csv")}
    found = exported("applications.csv")
    return Counter(owners[a.posting_no] for a in found if a.first_viewed_at is None)


def idle_days(member: SimpleNamespace) -> int:
    since = member.last_login_at or member.registered_at
    assert since is not None
    return (AS_OF - since) // timedelta(days=1)


@pytest.mark.shared
@shared
@pytest.mark.parametrize(
    ("name", "offered", "kept"),
    [
        ("members.csv", 5125, 5000),
        ("members.xlsx", 5125, 5000),
        ("contacts.csv", 6525, 6525),
        ("postings.csv", 5236, 5236),
        ("applications.csv", 16805, 16805),
        ("logins.csv", 77790, 77790),
        ("seekers.csv", 3000, 3000),
    ],
)
def test_every_file_of_the_export_is_read(name: str, offered: int, kept: int) -> None:
    reading = export(name)
    refused = (100, 25) if reading.recognised.kind is TableKind.MEMBERS else (0, 0)
    assert (reading.offered, reading.kept) == (offered, kept)
    assert (reading.duplicates, len(reading.rejects)) == refused
    assert (len(exported(name)), reading.recognised.ignored) == (kept, ())


@pytest.mark.shared
@shared
def test_the_workbook_and_the_csv_of_the_export_hold_the_same_members() -> None:
    assert exported("members.csv") == exported("members.xlsx")
    assert Counter(r.column for r in export("members.csv").rejects) == {"会员编号": 5, "企业名称": 10, "注册时间": 10}
    assert {m.attrs["园区"] for m in members()} == {"", "开发区", "御东", "城区"}
    assert sum(m.name == '=HYPERLINK("http://x.test","点我")' for m in members()) == 7
    assert not any("\n" in m.name or "\r" in m.name for m in members())


@pytest.mark.shared
@shared
def test_the_export_has_as_many_addresses_as_it_should() -> None:
    contacts = exported("contacts.csv")
    assert sum(c.mobile is not None for c in contacts) == 5867
    assert sum(c.email is not None for c in contacts) == 5077
    assert Counter(column for _, column, _ in complaints(export("contacts.csv"))) == {"手机": 658, "邮箱": 509}
    assert Counter(c.consent for c in contacts) == {True: 4087, False: 807, None: 1631}


@pytest.mark.shared
@shared
def test_the_export_has_as_many_sleeping_members_as_it_should() -> None:
    unread = unread_by_member()
    idle = {member.no for member in members() if idle_days(member) >= 90}
    assert len(idle) == 2729
    assert sum(member.last_login_at is None for member in members()) == 1137
    assert len(unread) == 2124
    assert sum(unread[no] >= 3 for no in idle) == 771


@pytest.mark.shared
@shared
def test_another_encoding_language_and_order_of_the_same_export_is_the_same(tmp_path: Path) -> None:
    table = read_table(EXPORT / "contacts.csv", is_header)
    path = tmp_path / "people.txt"
    with path.open("w", encoding="utf-16", newline="") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerow(["CONTACTS"])
        words = HEADERS[TableKind.CONTACTS][1].split(",")[: len(table.header)]  # an export has no roles
        writer.writerow(words[::-1])
        writer.writerows(cells[::-1] for _, cells in table.rows)
    again = read_table(path, is_header)
    assert records(read_records(recognise(again.header), again.rows)) == list(exported("contacts.csv"))


@pytest.mark.shared
@shared
def test_nothing_in_the_export_belongs_to_nobody() -> None:
    numbers = {member.no for member in members()}
    postings = exported("postings.csv")
    contacts = exported("contacts.csv")
    assert {p.member_no for p in postings} | {c.member_no for c in contacts} <= numbers
    assert {c.parent_no for c in contacts} <= {c.no for c in contacts} | {""}


@pytest.mark.shared
@shared
def test_logins_agree_with_what_the_members_say_of_them() -> None:
    logins = exported("logins.csv")
    counted = Counter(login.member_no for login in logins)
    latest: dict[str, datetime] = {}
    for login in logins:
        latest[login.member_no] = max(login.at, latest.get(login.member_no, login.at))
    for member in members():
        assert counted[member.no] == member.login_count
        assert (member.last_login_at is None) == (member.no not in latest)
        # Some forms of a date have no seconds.
        if member.last_login_at is not None:
            assert abs(latest[member.no] - member.last_login_at) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("cell", "yuan"), [("2,500.00", 2500), ("¥ 1200", 1200), ("300元", 300), ("0", 0), ("", None), ("无", None)]
)
def test_an_amount_of_yuan_is_read_however_it_is_written(cell: str, yuan: int | None) -> None:
    assert FIELDS[TableKind.MEMBERS]["paid_12m"](cell) == yuan


@pytest.mark.parametrize("cell", ["很多", "-5", "1.234", "1e9"])
def test_what_is_no_amount_is_said_and_left_out(cell: str) -> None:
    assert FIELDS[TableKind.MEMBERS]["paid_12m"](cell) == Fault("不是金额,没有导入")

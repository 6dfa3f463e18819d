"""A 74cms database is read over a connection that cannot write: all of it, then what is new, and never a secret."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands.site_importing import SiteImport, read_site
from bot.settings import Settings
from campaigns.errors import InputError
from campaigns.models import Application, Contact, Login, Member, Posting, Seeker, SiteRead, Suppression, Touch
from tests.sites.conftest import Builder, SiteBase
from tests.sites.schemas import CMS74_OLD, CMS74_SE

DAY = 86_400
THEN = 1_793_000_000  # in October 2026
SECRET = "5f4dcc3b5aa765d61d83"


@pytest.fixture
def site(builder: Builder) -> SiteBase:
    base = builder.make(CMS74_SE, prefix="qs_")
    base.add("category", {"id": 5, "alias": "QS_trade", "name": "机械制造"}, {"id": 6, "name": "20-99人"})
    base.add("category_district", {"id": 9, "name": "大同"})
    base.add("category_job", {"id": 3, "name": "技工"}, {"id": 31, "pid": 3, "name": "焊工"})
    base.add("setmeal", {"id": 4, "name": "季度套餐"})
    base.add("admin", {"id": 2, "username": "林客服", "password": SECRET})
    for uid in (7, 8):
        base.add("member", {"uid": uid, "utype": 1, "username": f"u{uid}", "mobile": f"1380013800{uid}",
                            "email": f"hr{uid}@firm.test", "password": SECRET, "pwd_hash": SECRET,
                            "reg_time": THEN - 90 * DAY, "last_login_time": THEN - 40 * DAY})  # fmt: skip
    base.add("member", {"uid": 9, "utype": 2, "username": "求职者", "reg_time": THEN})
    base.add("company", {"id": 70, "uid": 7, "companyname": "大同第一机械厂", "trade": 5, "scale": 6, "district": 9,
                         "admin_id": 2, "addtime": THEN - 90 * DAY})  # fmt: skip
    base.add("company_contact", {"id": 1, "comid": 70, "uid": 7, "contact": "张经理", "mobile": "13900139000"})
    base.add("member_setmeal", {"id": 1, "uid": 7, "setmeal_id": 4, "deadline": THEN + 30 * DAY})
    base.add("member_bind", {"id": 1, "uid": 7, "type": "weixin", "openid": "oSITE7"})
    base.add("job", {"id": 500, "uid": 7, "company_id": 70, "jobname": "焊工", "category1": 3, "category": 31,
                     "district": 9, "minwage": 5000, "maxwage": 7000, "amount": 3, "audit": 1, "is_display": 1,
                     "content": "<p>焊接&nbsp;钢构</p>双休", "education": 3, "click": 41, "emergency": 1,
                     "addtime": THEN - 20 * DAY, "refreshtime": THEN - 10 * DAY})  # fmt: skip
    for number, look, after in ((1, 1, 6), (2, 0, 2), (3, 1, 1)):
        base.add("job_apply", {"id": number, "company_uid": 7, "jobid": 500, "resume_id": 60 + number, "is_look": look,
                               "fullname": "某人", "addtime": THEN - after * DAY})  # fmt: skip
    base.add("view_resume",
             {"id": 1, "company_uid": 7, "resume_id": 61, "addtime": THEN - 60 * DAY},
             {"id": 2, "company_uid": 7, "resume_id": 61, "addtime": THEN - 4 * DAY},
             {"id": 3, "company_uid": 7, "resume_id": 61, "addtime": THEN - 3 * DAY})  # fmt: skip
    base.add("member_action_log",
             {"id": 1, "utype": 1, "uid": 7, "is_login": 1, "addtime": THEN - 40 * DAY},
             {"id": 2, "utype": 1, "uid": 7, "is_login": 0, "addtime": THEN - 39 * DAY},
             {"id": 3, "utype": 2, "uid": 9, "is_login": 1, "addtime": THEN - 38 * DAY})  # fmt: skip
    base.add("resume", {"id": 61, "uid": 9, "fullname": "某人", "addtime": THEN})
    base.add("resume_intention", {"id": 1, "rid": 61, "category": 31, "district": 9},
             {"id": 2, "rid": 61, "category": 3, "district": 9})  # fmt: skip
    base.add("order", {"id": 1, "utype": 1, "uid": 7, "amount": 1200, "status": 1, "paytime": 4_000_000_000},
             {"id": 2, "utype": 1, "uid": 7, "amount": 500, "status": 0, "paytime": 4_000_000_000})  # fmt: skip
    base.add("sms_blacklist", {"id": 1, "mobile": "13700137000", "addtime": THEN},
             {"id": 2, "mobile": "不是号码", "addtime": THEN})  # fmt: skip
    base.add("crm_follow_up",
             {"id": 1, "type": 2, "uid": 7, "admin_id": 2, "mode": 2, "result": "电话聊过", "create_time": THEN},
             {"id": 2, "type": 1, "uid": 0, "mode": 1, "result": "线索", "create_time": THEN})  # fmt: skip
    return base


async def _read(settings: Settings, base: SiteBase, **more: object) -> dict[str, object]:
    given = {"site": "74cms", "dsn": base.dsn(), **more}
    return await read_site(settings, SiteImport(**given), lambda *_: None)  # type: ignore[arg-type]


def _files(found: dict[str, object]) -> dict[str, dict[str, object]]:
    return {one["kind"]: one for one in found["files"]}  # type: ignore[attr-defined]


def _written(path: object) -> str:
    return Path(str(path)).read_text(encoding="utf-8-sig")


async def test_all_of_a_site_comes_in(database: Settings, site: SiteBase) -> None:
    found = await _read(database, site)
    member = await Member.get(no="7")
    assert (member.name, member.trade, member.size, member.city) == ("大同第一机械厂", "机械制造", "20-99人", "大同")
    assert (member.plan, member.owner, member.unread_resumes, member.live_postings) == ("季度套餐", "林客服", 1, 1)
    assert member.paid_12m == 1200
    assert (await Member.get(no="8")).name == "u8"  # it registered and said no more
    assert await Member.all().count() == 2
    contact = await Contact.get(no="7")
    assert (contact.name, contact.mobile, contact.email, contact.openid) == (
        "张经理", "13900139000", "hr7@firm.test", "oSITE7",
    )  # fmt: skip
    posting = await Posting.get(no="500")
    assert (posting.category, posting.parent_category, posting.pay_max, posting.state) == ("焊工", "技工", 7000, "live")
    assert (posting.audit, posting.views, posting.urgent, posting.hours) == ("passed", 41, True, "双休")
    assert posting.duties_length == len("焊接 钢构 双休")
    assert (posting.contact_name, posting.contact_phone) == ("张经理", "13900139000")
    assert await Login.all().count() == 1
    assert _files(found)["members"]["added"] == 2
    assert found["history"] == [
        {"source": "blacklist", "offered": 2, "added": 1, "known": 0, "strangers": 0, "unusable": 1},
        {"source": "follow_ups", "offered": 2, "added": 1, "known": 0, "strangers": 0, "unusable": 1},
    ]


async def test_the_first_look_at_a_resume_is_the_first_after_it_came(database: Settings, site: SiteBase) -> None:
    await _read(database, site)
    looks = {one.no: one for one in await Application.all()}
    assert looks["1"].first_viewed_at == datetime.fromtimestamp(THEN - 4 * DAY, UTC)
    assert looks["2"].first_viewed_at is None
    assert looks["3"].first_viewed_at == looks["3"].applied_at  # it was read, and nobody knows when


async def test_what_staff_did_before_us_stands_in_the_history_once(database: Settings, site: SiteBase) -> None:
    for full in (False, True, True):
        await _read(database, site, full=full)
    touch = await Touch.get()
    assert (touch.medium, touch.text, touch.by, touch.kind) == ("phone", "电话聊过", "林客服", "visit")
    assert int(touch.at.timestamp()) == THEN
    block = await Suppression.get()
    assert (block.channel, block.address, block.reason) == ("sms", "13700137000", "of_site")


async def test_a_number_that_staff_opened_again_stays_open(sqlite_database: Settings, site: SiteBase) -> None:
    await _read(sqlite_database, site)
    block = await Suppression.get()
    block.lifted_at = block.at
    await block.save()
    await _read(sqlite_database, site, full=True)
    assert await Suppression.all().count() == 1


async def test_reading_twice_adds_nothing(database: Settings, site: SiteBase) -> None:
    await _read(database, site)
    again = await _read(database, site, full=True)
    came = {one["kind"]: (one["added"], one["changed"]) for one in again["files"]}  # type: ignore[attr-defined]
    assert set(came.values()) == {(0, 0)}, came
    assert {one["added"] for one in again["history"]} == {0}  # type: ignore[attr-defined]


async def test_the_next_reading_takes_what_is_new_and_what_changed(sqlite_database: Settings, site: SiteBase) -> None:
    await _read(sqlite_database, site)
    await SiteRead.all().update(at="2027-06-01 00:00:00+00:00")
    later = 1_812_000_000  # in June 2027, after that reading
    site.add("member", {"uid": 10, "utype": 1, "username": "新来的", "reg_time": THEN})
    site.run("UPDATE qs_company SET companyname = '改了名的机械厂', updatetime = %s WHERE uid = 7", [later])
    found = _files(await _read(sqlite_database, site))
    assert (found["members"]["offered"], found["members"]["added"], found["members"]["changed"]) == (2, 1, 1)
    assert [(found[kind]["offered"], found[kind]["changed"]) for kind in ("postings", "applications")] == [
        (1, 0), (1, 0),
    ]  # fmt: skip
    assert (await Member.get(no="7")).name == "改了名的机械厂"


async def test_a_resume_that_was_read_since_is_noticed_within_the_window(
    sqlite_database: Settings, site: SiteBase
) -> None:
    site.run("UPDATE qs_job_apply SET addtime = UNIX_TIMESTAMP() - 5 * 86400")
    await _read(sqlite_database, site)
    assert (await Member.get(no="7")).unread_resumes == 1
    site.run("UPDATE qs_job_apply SET is_look = 1")
    await _read(sqlite_database, site)
    assert (await Member.get(no="7")).unread_resumes == 0


async def test_no_secret_is_ever_asked_for(sqlite_database: Settings, site: SiteBase, mariadb_server: object) -> None:
    found = await _read(sqlite_database, site, full=True)
    asked = [line for line in site.asked() if "qs_" in line and "INSERT" not in line]
    assert len(asked) > 10
    for line in asked:
        assert not any(word in line for word in ("password", "pwd", "salt", "token", "hash", "SELECT *"))
    assert SECRET not in json.dumps(found, default=str)


async def test_job_seekers_come_without_their_names(sqlite_database: Settings, site: SiteBase) -> None:
    await _read(sqlite_database, site)
    seeker = await Seeker.get(no="61")
    assert (seeker.name, seeker.wanted_job) == ("", "焊工")
    assert not any("fullname" in line for line in site.asked() if site.name in line)
    await _read(sqlite_database, site, full=True, seeker_names=True)
    assert (await Seeker.get(no="61")).name == "某人"


async def test_an_account_that_may_write_is_refused(sqlite_database: Settings, site: SiteBase) -> None:
    for number, grant in enumerate(("INSERT", "SELECT, UPDATE (username)", "ALL PRIVILEGES", "CREATE", "FILE")):
        user = f"w{number}_{site.name[-6:]}"
        site.run(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", ["a pass/word@of the site"])
        where = "*.*" if grant == "FILE" else f"{site.name}.qs_member" if "(" in grant else f"{site.name}.*"
        site.run(f"GRANT SELECT ON {site.name}.* TO {user}@'%'")
        site.run(f"GRANT {grant} ON {where} TO {user}@'%'")
        with pytest.raises(InputError, match="不只是能读"):
            await _read(sqlite_database, site, dsn=site.dsn(user))
    assert await Member.all().count() == 0


async def test_a_dry_run_counts_and_writes_nothing(sqlite_database: Settings, site: SiteBase) -> None:
    found = await _read(sqlite_database, site, dry_run=True)
    assert {kind: one["added"] for kind, one in _files(found).items()} == {
        "members": 2, "seekers": 1, "contacts": 2, "postings": 1, "applications": 3, "logins": 1,
    }  # fmt: skip
    assert {one["added"] for one in found["history"]} <= {0, 1}  # type: ignore[attr-defined]
    assert await Member.all().count() + await SiteRead.all().count() + await Suppression.all().count() == 0
    probe = {one["source"]: one for one in found["probe"]}  # type: ignore[attr-defined]
    assert "j.deadline" in probe["postings"]["missing"]


async def test_zero_dates_broken_rows_and_huge_texts_harm_nobody_else(
    sqlite_database: Settings, site: SiteBase
) -> None:
    site.add("member",
             {"uid": 20, "utype": 1, "username": "零", "reg_time": 0, "last_login_time": 0},
             {"uid": 21, "utype": 1, "username": "坏", "reg_time": 99_999_999_999})  # fmt: skip
    site.run("UPDATE qs_job SET content = REPEAT('职责', 2000000), minwage = -5 WHERE id = 500")
    found = _files(await _read(sqlite_database, site))
    assert (found["members"]["added"], found["members"]["rejected"]) == (3, 1)
    assert (await Member.get(no="20")).registered_at is None
    assert (await Posting.get(no="500")).duties_length == 4000
    assert "99999999999" in _written(found["members"]["rejects_file"])


async def test_a_site_without_a_table_says_so_and_gives_the_rest(sqlite_database: Settings, site: SiteBase) -> None:
    site.run("DROP TABLE qs_job_apply")
    site.run("ALTER TABLE qs_company DROP COLUMN trade")
    found = await _read(sqlite_database, site)
    probe = {one["source"]: one for one in found["probe"]}  # type: ignore[attr-defined]
    assert probe["applications"]["unreadable"] == "没有表 job_apply、personal_jobs_apply"
    assert "applications" not in _files(found)
    assert (await Member.get(no="7")).trade == ""
    site.run("ALTER TABLE qs_member DROP COLUMN utype")  # job-seekers would come in as members
    with pytest.raises(InputError, match="utype"):
        await _read(sqlite_database, site, full=True)


async def test_a_wrong_prefix_password_or_host_is_told_without_the_password(
    sqlite_database: Settings, site: SiteBase
) -> None:
    wrong = site.dsn().replace("pass", "false")
    for dsn, more in ((site.dsn(), {"prefix": "xx_"}), (wrong, {}), (site.dsn().replace("127.0.0.1", "no.test"), {})):
        with pytest.raises(InputError) as told:
            await _read(sqlite_database, site, dsn=dsn, **more)
        assert "***" in str(told.value)
        assert "word" not in str(told.value).replace("using password", "")


async def test_two_sites_in_one_house_keep_their_numbers_apart(sqlite_database: Settings, site: SiteBase) -> None:
    await _read(sqlite_database, site)
    await _read(sqlite_database, site, numbers="B-", full=True)
    assert sorted([one.no for one in await Member.all()]) == ["7", "8", "B-7", "B-8"]
    assert (await Posting.get(no="B-500").prefetch_related("member")).member.no == "B-7"


async def test_the_older_tables_are_read_by_the_same_mapping(sqlite_database: Settings, builder: Builder) -> None:
    base = builder.make(CMS74_OLD, prefix="qs_", charset="gbk")
    base.add("members", {"uid": 3, "utype": 1, "username": "老会员", "email": "a@b.test", "password": SECRET,
                         "reg_time": THEN - DAY, "last_login_time": THEN})  # fmt: skip
    base.add("company_profile", {"id": 1, "uid": 3, "companyname": "忻州老厂", "trade_cn": "物流",
                                 "scale_cn": "10人以下", "contact": "王", "telephone": "13600136000"})  # fmt: skip
    base.add("jobs", {"id": 1, "uid": 3, "jobs_name": "司机", "wage": 1, "wage_cn": "3000~5000元/月", "audit": 1,
                      "display": 1, "deadline": THEN - DAY, "contents": "开车"})  # fmt: skip
    base.add("personal_jobs_apply",
             {"did": 1, "jobs_id": 1, "resume_id": 5, "apply_addtime": THEN, "personal_look": 1},
             {"did": 2, "jobs_id": 1, "resume_id": 6, "apply_addtime": THEN, "personal_look": 2})  # fmt: skip
    await _read(sqlite_database, base)
    member = await Member.get(no="3")
    assert (member.name, member.trade, member.size, member.unread_resumes) == ("忻州老厂", "物流", "10人以下", 1)
    posting = await Posting.get(no="1")
    assert (posting.title, posting.pay_min, posting.pay_max, posting.state) == ("司机", 3000, 5000, "expired")
    assert (await Contact.get(no="3")).mobile == "13600136000"

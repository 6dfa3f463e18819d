"""A PHPYun database in GBK, and a newer one, are read by one mapping, whatever their tables say of their texts."""

from collections.abc import Mapping

import pytest

from bot.commands.site_importing import SiteImport, read_site
from bot.settings import Settings
from campaigns.models import Application, Contact, Login, Member, Posting, Touch
from tests.sites.conftest import Builder, SiteBase
from tests.sites.schemas import PHPYUN_42, PHPYUN_NEW

DAY = 86_400
THEN = 1_793_000_000


def _fill(base: SiteBase, job: Mapping[str, object]) -> None:
    base.add("industry", {"id": 3, "name": "餐饮酒店"})
    base.add("comclass", {"id": 20, "name": "50-99人"}, {"id": 41, "name": "3000-4499"}, {"id": 50, "name": "3人"})
    base.add("city_class", {"id": 8, "name": "朔州"})
    base.add("job_class", {"id": 1, "name": "服务"}, {"id": 12, "name": "厨师"})
    base.add("member", {"uid": 4, "usertype": 2, "username": "cook", "password": "x", "salt": "y", "login_hits": 12,
                        "moblie": "13500135000", "reg_date": THEN - 300 * DAY, "login_date": THEN - DAY})  # fmt: skip
    base.add("member", {"uid": 5, "usertype": 1, "username": "求职者"})
    base.add("company", {"uid": 4, "name": "朔州大酒楼", "hy": 3, "mun": 20, "cityid": 8, "linkman": "李总",
                         "linktel": "0349-2022222", "linkmail": "li@cook.test", "linkjob": "店长"})  # fmt: skip
    base.add("company_statis", {"uid": 4, "rating_name": "年度会员", "vip_etime": THEN + 100 * DAY})
    base.add("company_job", {"id": 90, "uid": 4, "name": "厨师", "job1": 1, "job1_son": 12, "cityid": 8, "state": 1,
                             "sdate": THEN, "lastupdate": THEN, "edate": THEN * 2, "jobhits": 7, "number": 50,
                             "description": "<b>炒菜</b>", **job})  # fmt: skip
    for number, browsed in ((1, 1), (2, 2), (3, 4)):
        base.add("userid_job", {"id": number, "uid": 5, "job_id": 90, "com_id": 4, "eid": 30 + number,
                                "datetime": THEN - 3 * DAY, "is_browse": browsed})  # fmt: skip
    base.add("look_resume", {"id": 1, "com_id": 4, "resume_id": 32, "datetime": THEN - DAY})


async def _read(settings: Settings, base: SiteBase, **more: str) -> dict[str, object]:
    asked = SiteImport(**{"site": "phpyun", "dsn": base.dsn(), **more})  # type: ignore[arg-type]
    return await read_site(settings, asked, lambda *_: None)


async def _proves(base: SiteBase) -> None:
    member = await Member.get()
    assert (member.name, member.trade, member.size, member.city) == ("朔州大酒楼", "餐饮酒店", "50-99人", "朔州")
    assert (member.plan, member.login_count, member.unread_resumes) == ("年度会员", 12, 1)
    contact = await Contact.get()
    assert (contact.name, contact.title, contact.mobile, contact.email) == (
        "李总", "店长", "13500135000", "li@cook.test",
    )  # fmt: skip
    posting = await Posting.get()
    assert (posting.category, posting.parent_category, posting.state, posting.heads) == ("厨师", "服务", "live", 3)
    assert (posting.pay_min, posting.pay_max, posting.views, posting.duties_length) == (3000, 4499, 7, 2)
    viewed = {one.no: one.first_viewed_at for one in await Application.all()}
    assert viewed["1"] is None
    assert viewed["2"] is not None
    assert int(viewed["2"].timestamp()) == THEN - DAY
    assert (await Application.get(no="3")).outcome == "条件不符"


@pytest.mark.parametrize("charset", ["gbk", "utf8mb4"])
async def test_both_character_sets_come_out_the_same(database: Settings, builder: Builder, charset: str) -> None:
    base = builder.make(PHPYUN_42, prefix="yun_", charset=charset)
    _fill(base, {"salary": 41})
    base.add("member_log",
             {"id": 1, "uid": 4, "usertype": 2, "content": "登录成功", "ctime": THEN - DAY},
             {"id": 2, "uid": 4, "usertype": 2, "content": "修改职位", "ctime": THEN})  # fmt: skip
    await _read(database, base, prefix="yun_")
    await _proves(base)
    assert await Login.all().count() == 1


async def test_the_newer_tables_bring_pay_logins_and_what_sales_remarked(database: Settings, builder: Builder) -> None:
    base = builder.make(PHPYUN_NEW, prefix="phpyun_")
    _fill(base, {"minsalary": 3000, "maxsalary": 4499, "zp_num": 3})
    base.add("admin_user", {"uid": 6, "name": "小周", "password": "x"})
    base.run("UPDATE phpyun_company SET crm_uid = 6, crm_time = %s, crm_remark = '想续费'", [THEN])
    base.add("login_log", {"id": 1, "uid": 4, "usertype": 2, "ctime": THEN - DAY},
             {"id": 2, "uid": 5, "usertype": 1, "ctime": THEN - DAY})  # fmt: skip
    await _read(database, base)
    await _proves(base)
    assert (await Member.get()).owner == "小周"
    assert await Login.all().count() == 1
    for _ in range(2):
        touch = await Touch.get()
        assert (touch.text, touch.by, touch.medium) == ("想续费", "小周", "other")
        await _read(database, base)


@pytest.mark.parametrize(("declared", "stored", "said"), [
    ("latin1", "gbk", ""), ("latin1", "utf-8", ""), ("gbk", "utf-8", "utf8"), ("utf8mb4", "utf-8", ""),
])  # fmt: skip
async def test_texts_stored_as_something_else_than_declared_are_read(
    sqlite_database: Settings, builder: Builder, declared: str, stored: str, said: str
) -> None:
    base = builder.make(PHPYUN_42, prefix="phpyun_", charset=declared)
    raw = "大同市好运来酒楼".encode(stored).hex()
    base.add("member", {"uid": 4, "usertype": 2})
    base.add("company", {"uid": 4})
    # as an old page does it: the server is told that the bytes are what the table declares
    base.run(f"UPDATE phpyun_company SET name = CONVERT(X'{raw}' USING binary)")
    found = await _read(sqlite_database, base, charset=said)
    assert (await Member.get()).name == "大同市好运来酒楼"
    assert found["undecodable"] == 0


async def test_bytes_of_no_encoding_are_counted_and_harm_nobody(sqlite_database: Settings, builder: Builder) -> None:
    base = builder.make(PHPYUN_42, prefix="phpyun_", charset="latin1")
    base.add("member", {"uid": 4, "usertype": 2}, {"uid": 5, "usertype": 2, "username": "well"})
    base.run("INSERT INTO phpyun_company (uid, name) VALUES (4, X'41FF80FF42')")
    found = await _read(sqlite_database, base)
    assert await Member.all().count() == 2
    assert found["undecodable"] == 1

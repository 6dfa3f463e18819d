"""74cms 3.x moves a posting that is not shown into a second table: here it stays one, in the state it is in."""

import pytest

from bot.settings import Settings
from campaigns.models import Member, Posting
from tests.sites.conftest import Builder, SiteBase
from tests.sites.schemas import CMS74_OLD
from tests.sites.test_again import NOW
from tests.sites.test_cms74 import DAY, _read

_JOB = {"id": 1, "uid": 3, "jobs_name": "司机", "audit": 1, "display": 1, "deadline": NOW + 9 * DAY,
        "addtime": NOW - 200 * DAY}  # fmt: skip


@pytest.fixture
def site(builder: Builder) -> SiteBase:
    base = builder.make(CMS74_OLD, prefix="qs_")
    base.add("members", {"uid": 3, "utype": 1, "username": "老会员", "reg_time": NOW - 900 * DAY})
    base.add("jobs", _JOB)
    return base


async def test_what_stands_apart_says_why(sqlite_database: Settings, site: SiteBase) -> None:
    site.add("jobs_tmp", {**_JOB, "id": 2, "audit": 2}, {**_JOB, "id": 3, "audit": 3}, {**_JOB, "id": 4, "display": 2},
             {**_JOB, "id": 5, "deadline": NOW - DAY}, {**_JOB, "id": 6, "setmeal_deadline": NOW - DAY})  # fmt: skip
    await _read(sqlite_database, site)
    assert {one.no: (one.state, one.audit) for one in await Posting.all()} == {
        "1": ("live", "passed"), "2": ("offline", "pending"), "3": ("offline", "failed"), "4": ("offline", "passed"),
        "5": ("expired", "passed"), "6": ("offline", "passed"),
    }  # fmt: skip


async def test_a_posting_that_moves_between_the_tables_stays_one(database: Settings, site: SiteBase) -> None:
    await _read(database, site)
    site.run("INSERT INTO qs_jobs_tmp SELECT * FROM qs_jobs")
    site.run("DELETE FROM qs_jobs")
    site.run("UPDATE qs_jobs_tmp SET audit = 2")
    await _read(database, site)
    assert await Posting.all().values_list("no", "state", "audit") == [("1", "offline", "pending")]
    assert (await _read(database, site, full=True))["gone"] == 0
    site.run("UPDATE qs_jobs_tmp SET audit = 1")
    site.run("INSERT INTO qs_jobs SELECT * FROM qs_jobs_tmp")
    site.run("DELETE FROM qs_jobs_tmp")
    await _read(database, site)
    assert await Posting.all().values_list("no", "state", "audit") == [("1", "live", "passed")]
    assert (await Member.get(no="3")).live_postings == 1

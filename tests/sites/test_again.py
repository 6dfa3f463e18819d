"""What changed on the site without a moment of its own is read again by the number we hold it under."""

from datetime import UTC, datetime

import pytest

from bot.settings import Settings
from campaigns.models import Application, Member, Posting
from tests.sites.conftest import Builder, SiteBase
from tests.sites.schemas import CMS74_SE
from tests.sites.test_cms74 import DAY, _read

NOW = int(datetime.now(UTC).timestamp())


@pytest.fixture
def site(builder: Builder) -> SiteBase:
    base = builder.make(CMS74_SE, prefix="qs_")
    base.add("member", {"uid": 7, "utype": 1, "username": "久未登录", "reg_time": NOW - 900 * DAY,
                        "last_login_time": NOW - 300 * DAY})  # fmt: skip
    base.add("job", *({"id": no, "uid": 7, "jobname": "焊工", "audit": 1, "is_display": 1, "click": 41,
                       "addtime": NOW - 200 * DAY} for no in (500, 501)))  # fmt: skip
    base.add("job_apply", *({"id": no, "company_uid": 7, "jobid": 500 + no % 2, "resume_id": no,
                             "addtime": NOW - 90 * DAY} for no in (60, 61)))  # fmt: skip
    base.add("order", {"id": 1, "utype": 1, "uid": 7, "amount": 1200, "status": 1, "paytime": NOW - 360 * DAY})
    return base


async def test_what_is_open_here_is_brought_up_by_every_reading(database: Settings, site: SiteBase) -> None:
    await _read(database, site)
    member = await Member.get(no="7")
    assert (member.paid_12m, member.unread_resumes, member.live_postings) == (1200, 2, 2)
    site.run("UPDATE qs_order SET paytime = %s", [NOW - 366 * DAY])
    site.run("UPDATE qs_job_apply SET is_look = 1 WHERE id = 60")
    site.add("view_resume", {"id": 1, "company_uid": 7, "resume_id": 60, "addtime": NOW - 3600})
    site.run("UPDATE qs_job SET click = 900, is_display = 0 WHERE id = 500")
    await _read(database, site)
    member = await Member.get(no="7")
    assert (member.paid_12m, member.unread_resumes, member.live_postings) == (None, 1, 1)
    assert (await Application.get(no="60")).first_viewed_at == datetime.fromtimestamp(NOW - 3600, UTC)
    posting = await Posting.get(no="500")
    assert (posting.state, posting.views) == ("offline", 900)


async def test_each_row_is_read_once_and_only_of_this_site(sqlite_database: Settings, site: SiteBase) -> None:
    await _read(sqlite_database, site)
    await _read(sqlite_database, site, numbers="B-", full=True)
    assert sorted([one.paid_12m for one in await Member.all()]) == [1200, 1200]
    site.run("UPDATE qs_job SET is_display = 0")
    found = await _read(sqlite_database, site, numbers="B-")
    reports = {one["kind"]: (one["offered"], one["duplicates"]) for one in found["files"]}  # type: ignore[attr-defined]
    assert (reports["postings"], reports["applications"]) == ((2, 0), (2, 0))
    states = {one.no: one.state for one in await Posting.all()}
    assert states == {"500": "live", "501": "live", "B-500": "offline", "B-501": "offline"}


async def test_postings_that_a_whole_reading_does_not_meet_are_offline(database: Settings, site: SiteBase) -> None:
    await _read(database, site)
    site.run("DELETE FROM qs_job WHERE id = 501")
    assert (await _read(database, site))["gone"] == 0
    assert (await Member.get(no="7")).unread_resumes == 2
    assert (await _read(database, site, full=True, dry_run=True))["gone"] == 0
    assert (await _read(database, site, full=True))["gone"] == 1
    member = await Member.get(no="7")
    assert (member.live_postings, member.applications, member.unread_resumes) == (1, 2, 1)
    assert (await Posting.get(no="501")).state == "offline"
    site.add("job", {"id": 501, "uid": 7, "jobname": "焊工", "audit": 1, "is_display": 1, "addtime": NOW})
    assert (await _read(database, site, full=True))["gone"] == 0
    member = await Member.get(no="7")
    assert (member.live_postings, member.unread_resumes) == (2, 2)


async def test_a_whole_reading_without_postings_closes_nothing(sqlite_database: Settings, site: SiteBase) -> None:
    await _read(sqlite_database, site)
    site.run("DELETE FROM qs_job WHERE id = 501")
    site.run("RENAME TABLE qs_job TO qs_job_away")
    found = await _read(sqlite_database, site, full=True)
    assert found["gone"] == 0
    assert (await Posting.get(no="501")).state == "live"

"""Whose counters a moved posting is in, and which moments of events are taken."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from bot.runtime import Runtime
from campaigns.models import Application, Member, Posting
from tests.web.test_api import MEMBER, said, secret_of, send
from tests.web_cast import NOW, browse


@pytest.fixture
async def site(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with browse(runtime) as client:
        client.headers["authorization"] = f"Bearer {await secret_of()}"
        yield client


async def test_a_posting_that_changes_its_member_is_counted_at_one_alone(site: httpx.AsyncClient) -> None:
    await send(site, "members", MEMBER, {"no": "Q2", "name": "云冈物流"})
    await send(site, "postings", {"no": "P1", "member_no": "Q1"}, {"no": "P2", "member_no": "Q1"})
    await send(site, "applications", {"no": "A1", "posting_no": "P1"}, {"no": "A2", "posting_no": "P2"})
    await send(site, "postings", {"no": "P1", "member_no": "Q2"})
    counters = Member.all().order_by("no").values_list("live_postings", "applications", "unread_resumes")
    assert await counters == [(1, 1, 1), (1, 1, 1)]
    await send(site, "applications", {"no": "A2", "posting_no": "P1"})
    assert await counters == [(1, 0, 0), (1, 2, 2)]


async def test_what_has_not_happened_yet_is_refused_but_for_what_clocks_differ(site: httpx.AsyncClient) -> None:
    await send(site, "members", MEMBER)
    ahead = (NOW + timedelta(minutes=6)).isoformat()
    answer = await send(site, "events", {"event": "login", "member_no": "Q1", "at": ahead})
    assert said(answer) == ["rejected"]
    assert answer["results"][0]["faults"][0]["place"] == "/rows/0/at"
    assert said(await send(site, "logins", {"member_no": "Q1", "at": ahead})) == ["rejected"]
    assert (await Member.get(no="Q1")).last_login_at is None
    near = (NOW + timedelta(minutes=4)).isoformat()
    assert said(await send(site, "events", {"event": "login", "member_no": "Q1", "at": near})) == ["added"]


async def test_nothing_is_looked_at_before_it_came(site: httpx.AsyncClient) -> None:
    await send(site, "members", MEMBER)
    await send(site, "postings", {"no": "P1", "member_no": "Q1"})
    row = {"no": "A1", "posting_no": "P1", "applied_at": "2026-11-20T09:00:00+08:00"}
    early = "2026-11-01T09:00:00+08:00"
    assert said(await send(site, "applications", row, {**row, "no": "A2", "first_viewed_at": early})) == [
        "added", "rejected",
    ]  # fmt: skip
    answer = await send(
        site, "events", {"event": "read", "application_no": "A1", "at": early},
        {"event": "hired", "application_no": "A1", "at": early}, {"event": "read", "member_no": "Q1", "at": early},
    )  # fmt: skip
    assert said(answer) == ["rejected", "rejected", "unchanged"]
    assert (await Application.get(no="A1")).first_viewed_at is None


async def test_an_older_event_does_not_undo_a_newer_one(site: httpx.AsyncClient) -> None:
    await send(site, "members", MEMBER)
    await send(site, "postings", {"no": "P1", "member_no": "Q1", "title": "电焊工"})
    newer, older = "2026-11-20T09:00:00+08:00", "2026-11-10T09:00:00+08:00"
    renewed = {"event": "renewed", "member_no": "Q1"}
    changed = {"event": "posting_changed", "posting_no": "P1"}
    await send(
        site, "events", {**renewed, "plan_expires_on": "2027-01-01", "at": newer},
        {**changed, "state": "live", "at": newer},
    )  # fmt: skip
    answer = await send(
        site, "events", {**renewed, "plan_expires_on": "2020-01-01", "at": older},
        {**changed, "state": "offline", "at": older}, {**changed, "state": "offline", "heads": 2, "at": older},
    )  # fmt: skip
    assert said(answer) == ["unchanged", "unchanged", "updated"]  # of heads nobody had told
    assert str((await Member.get(no="Q1")).plan_expires_on) == "2027-01-01"
    posting = await Posting.get(no="P1")
    assert (posting.state, posting.heads) == ("live", 2)
    assert said(await send(site, "events", {**changed, "state": "offline"})) == ["updated"]

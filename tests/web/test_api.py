"""The REST interface: batches in, pages out, keys, limits, refusals."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bot.runtime import Runtime
from bot.web.api.declared import OPERATIONS
from bot.web.api.limiting import _wait
from campaigns import api_answers, api_tokens
from campaigns.models import ApiAnswer, Application, AuditEntry, Contact, Login, Member, Posting, Renewal
from campaigns.rights import Right, Role
from tests.web_cast import NOW, add_colleague, add_contact, add_member, add_unread, browse

ALL = [Right.SEE, Right.IMPORT, Right.EVENTS]


async def secret_of(*rights: Right, **given: Any) -> str:
    name = f"令牌{datetime.now(UTC).timestamp()}"
    secret, _ = await api_tokens.make_token(name, rights or ALL, by="林", now=NOW, **given)
    return secret


@pytest.fixture
async def site(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The recruiting site with a token for everything but whole addresses."""
    async with browse(runtime) as client:
        client.headers["authorization"] = f"Bearer {await secret_of()}"
        yield client


async def send(client: httpx.AsyncClient, what: str, *rows: Any, key: str = "") -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await client.post(f"/api/v1/{what}", json={"rows": list(rows)}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def said(answer: Mapping[str, Any]) -> list[str]:
    return [one["result"] for one in answer["results"]]


MEMBER = {"no": "Q1", "name": "大同机械有限公司", "city": "大同", "attrs": {"园区": "御东"}}


async def test_a_batch_says_of_each_row_in_order_what_became_of_it(site: httpx.AsyncClient) -> None:
    await send(site, "members", MEMBER, {"no": "Q2", "name": "云冈物流"})
    answer = await send(
        site, "members", {"no": "Q3", "name": "新平装饰"}, {"no": "Q2", "name": "云冈物流集团"}, MEMBER, {"no": "Q4"},
        {"no": "Q5", "name": "晋北餐饮", "colour": "red"}, {"no": "Q3", "name": "又一个"}, "nonsense",
    )  # fmt: skip
    assert said(answer) == ["added", "updated", "unchanged", "rejected", "rejected", "rejected", "rejected"]
    assert (answer["added"], answer["updated"], answer["unchanged"], answer["rejected"]) == (1, 1, 1, 4)
    places = [fault["place"] for one in answer["results"] for fault in one.get("faults", ())]
    assert places == ["/rows/3/name", "/rows/4/colour", "/rows/5/no", "/rows/6"]
    assert set(await Member.all().values_list("no", flat=True)) == {"Q1", "Q2", "Q3"}


async def test_what_a_row_does_not_name_stays_and_null_empties(site: httpx.AsyncClient) -> None:
    await send(site, "members", {**MEMBER, "trade": "机械制造", "owner": "程雪"})
    assert said(
        await send(site, "members", {"no": "q1", "name": MEMBER["name"], "trade": None, "attrs": {"合同": "A7"}})
    ) == ["updated"]
    member = await Member.get(no="Q1")
    assert (member.trade, member.owner, member.city) == ("", "程雪", "大同")
    assert member.attrs == {"园区": "御东", "合同": "A7"}


async def test_an_address_that_cannot_be_read_rejects_its_row_and_keeps_the_one_we_have(
    site: httpx.AsyncClient,
) -> None:
    await send(site, "members", MEMBER)
    row = {
        "no": "C1",
        "member_no": "Q1",
        "name": "张晓燕",
        "mobile": "+86 138-0000-0000",
        "email": "Zhang@Datong.example",
    }
    assert said(await send(site, "contacts", {**row, "consent": True, "is_primary": True})) == ["added"]
    answer = await send(site, "contacts", {"no": "C1", "member_no": "Q1", "mobile": "没有"}, {**row, "member_no": "Q9"})
    assert said(answer) == ["rejected", "rejected"]
    assert answer["results"][0]["faults"][0]["place"] == "/rows/0/mobile"
    contact = await Contact.get(no="C1")
    assert (contact.mobile, contact.email) == ("13800000000", "zhang@datong.example")
    assert (contact.consent, contact.is_primary) == (True, True)


async def test_postings_and_applications_move_the_counters(site: httpx.AsyncClient) -> None:
    await send(site, "members", MEMBER)
    posting = {"no": "P1", "member_no": "Q1", "title": "电焊工", "heads": 3, "negotiable": False, "duties": "焊" * 40}
    assert said(await send(site, "postings", posting, {"no": "P2", "member_no": "Q404"})) == ["added", "rejected"]
    rows = [{"no": f"A{n}", "posting_no": "P1", "applied_at": "2026-11-20T09:00:00+08:00"} for n in range(3)]
    assert said(await send(site, "applications", *rows, {"no": "A9", "posting_no": "P9"})) == ["added"] * 3 + [
        "rejected"
    ]
    member = await Member.get(no="Q1")
    assert (member.live_postings, member.applications, member.unread_resumes) == (1, 3, 3)
    assert member.oldest_unread_at == datetime(2026, 11, 20, 1, tzinfo=UTC)
    stored = await Posting.get(no="P1")
    assert (stored.duties_length, stored.negotiable, stored.heads) == (40, False, 3)


async def test_a_history_of_logins_moves_the_last_one_and_no_count(site: httpx.AsyncClient) -> None:
    await send(site, "members", {**MEMBER, "login_count": 7, "last_login_at": "2026-10-01 08:00:00"})
    rows = [{"member_no": "Q1", "at": f"2026-{month}-01T09:00:00+08:00"} for month in ("09", "11", "11")]
    assert said(await send(site, "logins", *rows, {"member_no": "Q7", "at": "2026-11-01"})) == [
        "added", "added", "unchanged", "rejected",
    ]  # fmt: skip
    member = await Member.get(no="Q1")
    assert member.last_login_at == member.idle_since == datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert member.login_count == 7


async def test_events_are_applied_in_their_order(site: httpx.AsyncClient) -> None:
    await send(site, "members", {**MEMBER, "plan": "免费"}, {"no": "Q2", "name": "云冈物流"})
    await send(site, "postings", {"no": "P1", "member_no": "Q1", "title": "电焊工"})
    at = "2026-11-23T09:00:00+08:00"
    answer = await send(
        site, "events",
        {"event": "login", "member_no": "Q1", "at": at},
        {"event": "login", "member_no": "Q1", "at": at},
        {"event": "application_received", "no": "A1", "posting_no": "P1", "at": at},
        {"event": "application_received", "no": "A2", "posting_no": "P1"},
        {"event": "application_received", "no": "A3", "posting_no": "P1", "at": at},
        {"event": "read", "application_no": "A1", "at": at},
        {"event": "read", "posting_no": "P1"},
        {"event": "read", "member_no": "Q2", "at": at},
        {"event": "posting_changed", "posting_no": "P1", "state": "offline", "heads": 2},
        {"event": "renewed", "member_no": "Q1", "plan": "包年", "plan_expires_on": "2027-11-23"},
        {"event": "hired", "application_no": "A3"},
        {"event": "hired", "application_no": "A404"},
        {"event": "fired", "application_no": "A3"},
        {"event": "read", "posting_no": "P1", "member_no": "Q1"},
    )  # fmt: skip
    assert said(answer) == [
        "added", "unchanged", "added", "added", "added", "updated", "updated", "unchanged", "updated", "updated",
        "updated",
        "rejected", "rejected", "rejected",
    ]  # fmt: skip
    member = await Member.get(no="Q1")
    assert (member.login_count, member.plan, str(member.plan_expires_on)) == (1, "包年", "2027-11-23")
    assert await Renewal.all().values_list("member_id", "at", "source") == [(member.id, NOW, "told")]
    assert (member.live_postings, member.applications, member.unread_resumes) == (0, 3, 0)
    assert await Application.get(no="A3").values_list("outcome", flat=True) == "录用"
    assert (await Application.get(no="A2")).applied_at == NOW
    assert await Login.all().count() == 1
    assert said(await send(site, "events", {"event": "login", "member_no": "Q1", "at": at})) == ["unchanged"]


async def test_the_same_key_and_body_give_the_stored_answer(site: httpx.AsyncClient) -> None:
    first = await send(site, "members", MEMBER, key="one")
    again = await site.post("/api/v1/members", json={"rows": [MEMBER]}, headers={"Idempotency-Key": "one"})
    assert again.json() == first
    assert again.headers["idempotency-replayed"] == "true"
    other = await site.post("/api/v1/members", json={"rows": []}, headers={"Idempotency-Key": "two"})
    assert other.status_code == 422
    changed = await site.post(
        "/api/v1/members", json={"rows": [{**MEMBER, "city": "朔州"}]}, headers={"Idempotency-Key": "one"}
    )
    assert (changed.status_code, changed.json()["type"]) == (422, "urn:huifang:problem:key-reused")
    assert (await Member.get(no="Q1")).city == "大同"
    bad = await site.post("/api/v1/members", json={"rows": [MEMBER]}, headers={"Idempotency-Key": "a b"})
    assert bad.status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [{"login_count": True}, {"login_count": "5"}, {"login_count": 3.0}, {"registered_at": 1_700_000_000},
     {"plan_expires_on": 1_700_000_000}],
)  # fmt: skip
async def test_a_value_of_another_kind_is_a_programs_slip_and_rejects_its_row(
    site: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    answer = await site.post("/api/v1/members", json={"rows": [{"no": "Q9", "name": "大同", **wrong}]})
    [row] = answer.json()["results"]
    assert row["result"] == "rejected"
    assert row["faults"][0]["place"] == f"/rows/0/{next(iter(wrong))}"


async def test_a_key_that_is_worked_at_is_told_to_wait_and_one_of_a_dead_process_is_taken_over(
    site: httpx.AsyncClient,
) -> None:
    await send(site, "members", MEMBER, key="one")
    row = await ApiAnswer.get()
    await ApiAnswer.filter(id=row.id).update(status=None, made_at=datetime.now(UTC))
    waits = await site.post("/api/v1/members", json={"rows": [MEMBER]}, headers={"Idempotency-Key": "one"})
    assert (waits.status_code, waits.headers["retry-after"]) == (409, "1")
    digest = row.digest
    await ApiAnswer.filter(id=row.id).update(made_at=datetime.now(UTC) - timedelta(minutes=2), digest=digest)
    retaken = await site.post("/api/v1/members", json={"rows": [MEMBER]}, headers={"Idempotency-Key": "one"})
    assert retaken.status_code in (200, 422)


async def test_many_at_once_under_one_key_do_it_once(site: httpx.AsyncClient) -> None:
    rows = {"rows": [{"event": "login", "member_no": "Q1"}]}
    await send(site, "members", MEMBER)
    asked = [site.post("/api/v1/events", json=rows, headers={"Idempotency-Key": "k"}) for _ in range(5)]
    answers = await asyncio.gather(*asked)
    assert {one.status_code for one in answers} <= {200, 409}
    assert await Login.all().count() == 1
    assert (await Member.get(no="Q1")).login_count == 1


async def test_a_key_is_forgotten_after_a_day(runtime: Runtime) -> None:
    now = datetime.now(UTC)
    assert await api_answers.begin(1, "k", "d", now) is None
    await api_answers.finish(1, "k", now, 200, "{}")
    assert await api_answers.begin(1, "k", "d", now + timedelta(hours=23)) is not None
    assert await api_answers.begin(1, "k", "other", now + timedelta(hours=25)) is None


async def test_who_was_overtaken_under_its_key_stores_nothing(runtime: Runtime) -> None:
    now = datetime.now(UTC)
    later = now + timedelta(minutes=2)
    assert await api_answers.begin(1, "k", "d", now) is None
    assert await api_answers.begin(1, "k", "d", later) is None
    with pytest.raises(api_answers.KeyInUse):
        await api_answers.finish(1, "k", now, 200, "{}")
    await api_answers.finish(1, "k", later, 200, "{}")


async def test_members_come_by_pages_with_masked_addresses(site: httpx.AsyncClient, runtime: Runtime) -> None:
    for n in range(5):
        await add_contact(await add_member(f"Q20000{n}"), f"C{n}")
    first = (await site.get("/api/v1/members?limit=2")).json()
    assert [one["no"] for one in first["members"]] == ["Q200000", "Q200001"]
    assert first["members"][0]["contacts"][0]["mobile"] == "154****3031"
    rest = (await site.get(f"/api/v1/members?limit=10&after={first['next']}")).json()
    assert [one["no"] for one in rest["members"]] == ["Q200002", "Q200003", "Q200004"]
    assert rest["next"] is None
    assert (await AuditEntry.filter(action="api_read").count()) == 2
    site.headers["authorization"] = f"Bearer {await secret_of(Right.SEE, Right.ADDRESSES)}"
    whole = (await site.get("/api/v1/members?no=q200003")).json()
    assert whole["members"][0]["contacts"][0]["email"] == "zhang@datong.example"
    assert (await site.get("/api/v1/members?limit=9999")).status_code == 422
    assert (await site.get("/api/v1/members?aftre=9")).status_code == 422


async def test_a_token_of_a_department_reads_its_members_alone(site: httpx.AsyncClient) -> None:
    await add_colleague(Role.AGENT, name="甲", department="东区")
    await add_member("Q1", owner="甲")
    await add_member("Q2", owner="乙")
    site.headers["authorization"] = f"Bearer {await secret_of(Right.SEE, department='东区')}"
    assert [one["no"] for one in (await site.get("/api/v1/members")).json()["members"]] == ["Q1"]
    assert (await site.get("/api/v1/members?no=Q2")).json() == {"members": [], "next": None}
    assert (await site.get("/api/v1/touches")).json() == {"touches": [], "next": None}


async def test_who_may_not_is_told_why_in_a_problem(runtime: Runtime) -> None:
    async with browse(runtime) as client:
        for one in OPERATIONS:
            refused = await client.request(one.method, f"/api/v1{one.path}", json={"rows": [MEMBER]})
            assert refused.status_code == 401, one.name
            assert refused.headers["content-type"] == "application/problem+json"
            assert "Bearer" in refused.headers["www-authenticate"]
        client.headers["authorization"] = f"Bearer {await secret_of(Right.EVENTS)}"
        assert (await client.get("/api/v1/members")).status_code == 403
        assert (await client.post("/api/v1/members", json={"rows": [MEMBER]})).status_code == 403
        assert (await client.delete("/api/v1/members")).headers["allow"] == "GET, POST"
        assert (await client.get("/api/v1/nothing")).json()["type"] == "urn:huifang:problem:no-such-path"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"rows": []}', "application/json", 422),
        (b'{"rows": [1], "more": 1}', "application/json", 422),
        (b'{"rows": [' + b",".join([b"{}"] * 1001) + b"]}", "application/json", 422),
        (b'{"rows": ["' + b"x" * 4_000_001 + b'"]}', "application/json", 413),
        (b"rows=1", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_a_body_that_is_none_is_refused_and_nothing_is_stored(
    site: httpx.AsyncClient, body: bytes, kind: str, status: int
) -> None:
    answer = await site.post("/api/v1/members", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text[:200]
    assert answer.json()["status"] == status
    assert await Member.all().count() == 0


@pytest.mark.parametrize(
    "row",
    [
        {"no": "Q\u0000", "name": "甲\u0000乙"},
        {"no": "Q1", "name": "甲", "registered_at": "0001-01-01T00:00:00Z"},
        {"no": "Q1", "name": "甲", "registered_at": "9999-12-31T23:59:59-12:00"},
        {"no": "Q1", "name": "甲", "registered_at": 1e300},
        {"no": "Q1", "name": "甲", "login_count": 2**40},
        {"no": "--", "name": "甲"},
        {"no": "Q1", "name": " "},
        {"no": ["Q1"], "name": {"a": 1}},
        {"no": "Q1", "name": "甲", "attrs": {"a": {"b": 1}}},
    ],
)
async def test_hostile_rows_reject_only_themselves(site: httpx.AsyncClient, row: dict[str, Any]) -> None:
    answer = await send(site, "members", row, {"no": "Q2", "name": "好的"})
    assert said(answer)[1] == "added"
    assert said(answer)[0] in ("rejected", "added")
    assert "\x00" not in str([dict(one) for one in await Member.all()])


async def test_a_token_that_asks_too_often_is_told_when_to_come_again(runtime: Runtime) -> None:
    async with browse(runtime) as client:
        client.headers["authorization"] = f"Bearer {await secret_of(Right.SEE, per_minute=3)}"
        codes = [(await client.get("/api/v1/touches")).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert int((await client.get("/api/v1/touches")).headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("count", "last", "into", "wait"), [(1, 0, 0, 0), (10, 0, 59, 0), (11, 0, 50, 16), (6, 10, 0, 36), (1, 20, 30, 3)]
)
def test_the_wait_is_as_long_as_the_window_needs(count: int, last: int, into: float, wait: int) -> None:
    assert _wait(count, last, into, 10) == wait


async def test_openapi_is_valid_and_names_every_operation(runtime: Runtime) -> None:
    async with browse(runtime) as client:
        found = (await client.get("/api/v1/openapi.json")).json()
        page = await client.get("/api/v1/docs")
    OpenAPIV31SpecValidator(found).validate()
    operations = {(path, method.upper()) for path, methods in found["paths"].items() for method in methods}
    assert operations == {(one.path, one.method) for one in OPERATIONS}
    assert page.status_code == 200
    for one in OPERATIONS:
        assert f"{one.method} /api/v1{one.path}" in page.text
    assert "<script>" not in page.text
    assert 'src="http' not in page.text


async def test_what_a_program_wrote_stands_in_the_audit_log_and_changed_members_get_their_tier(
    site: httpx.AsyncClient,
) -> None:
    await send(site, "members", MEMBER)
    await send(site, "members", MEMBER)
    [entry] = await AuditEntry.filter(action="api_written")
    assert entry.subject.startswith("token/")
    assert entry.detail == {"kind": "members", "added": 1, "updated": 0, "rejected": 0}


async def test_a_batch_takes_a_fixed_number_of_statements(
    site: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await add_unread(await add_member("Q1"), "P1", 1)
    counts = []
    for size in (1, 5, 200):  # the first writes down that tiers are to be assigned
        rows = [{"event": "application_received", "no": f"A{size}-{n}", "posting_no": "P1"} for n in range(size)]
        reads = [{"event": "read", "application_no": one["no"]} for one in rows]
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
            assert (await send(site, "events", *rows, *reads))["rejected"] == 0
        counts.append(len(caplog.records))
    assert counts[1] == counts[2] > 5

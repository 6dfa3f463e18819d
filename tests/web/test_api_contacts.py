"""Role, influence and interests over the interface: taken in, given out, declared."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import api_tokens
from campaigns.models import Contact
from campaigns.rights import Right
from tests.web_cast import NOW, add_contact, add_member, browse


@pytest.fixture
async def site(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    await add_contact(await add_member("Q1"), "C1", title="总经理", parent_no="")
    rights = [Right.SEE, Right.IMPORT]
    secret, _ = await api_tokens.make_token(f"{datetime.now(UTC)}", rights, by="林", now=NOW)
    async with browse(runtime) as client:
        client.headers["authorization"] = f"Bearer {secret}"
        yield client


async def send(client: httpx.AsyncClient, **row: object) -> list[str]:
    answer = await client.post("/api/v1/contacts", json={"rows": [{"no": "C1", "member_no": "Q1", **row}]})
    assert answer.status_code == 200, answer.text
    [one] = answer.json()["results"]
    return [one["result"], *(fault["place"] for fault in one["faults"])]


async def test_what_a_program_tells_of_a_contact_is_kept_and_null_takes_nothing_away(site: httpx.AsyncClient) -> None:
    assert await send(site, role="pays", influence=3, interests="钓鱼,茶") == ["updated"]
    assert await send(site, role=None, influence=None, interests=None, title=None) == ["unchanged"]
    row = await Contact.get(no="C1")
    assert (row.role, row.influence, row.interests, row.title) == ("pays", 3, "钓鱼、茶", "总经理")
    found = (await site.get("/api/v1/members")).json()["members"][0]["contacts"][0]
    assert (found["role"], found["influence"], found["interests"], found["parent_no"]) == ("pays", 3, "钓鱼、茶", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("role", "boss"), ("influence", 4), ("influence", 0), ("interests", "长" * 256), ("interests", 7)],
)
async def test_what_does_not_fit_rejects_its_row(site: httpx.AsyncClient, field: str, value: object) -> None:
    result, place = await send(site, title="店长", **{field: value})
    assert (result, place) == ("rejected", f"/rows/0/{field}")
    assert (await Contact.get(no="C1")).title == "总经理"


async def test_the_document_declares_them(site: httpx.AsyncClient) -> None:
    schemas = (await site.get("/api/v1/openapi.json")).json()["components"]["schemas"]
    told = schemas["ContactRow"]["properties"]
    assert {"role", "influence", "interests"} <= set(told) & set(schemas["ContactFound"]["properties"])
    assert schemas["ContactRole"]["enum"] == ["decides", "pays", "advises", "uses", "gatekeeper"]
    assert [one.get("maximum") for one in told["influence"]["anyOf"]] == [3, None]

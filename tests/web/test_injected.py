"""Pieces of SQL and other odd values in every parameter a page reads from its address, on both databases.

Which parameters there are is listened for while the pages are opened, so that a new one is tried by itself.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.datastructures import QueryParams

from bot.clock import ProductClock
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns.models import StaffAccount
from tests.addresses import addresses
from tests.web_cast import NOW, add_contact, add_member, add_message, add_unread, approved, as_staff

NONSENSE = "zqxwvj"
# each must find what a word finds that stands nowhere
INJECTED = (
    "'", "''", '"', "`", "\\", "\\'", "%", "_", "%%", "*", "zqxwvj' OR '1'='1",
    'zqxwvj" OR "1"="1', "zqxwvj') OR ('1'='1",
    "zqxwvj' OR 1=1--", "zqxwvj' OR 1=1#", "zqxwvj'/**/OR/**/1=1--", "zqxwvj' UNION SELECT NULL,NULL--",
    "zqxwvj'; DROP TABLE members;--", "zqxwvj'||(SELECT 1)||'", "zqxwvj' AND (SELECT pg_sleep(9)) IS NULL--",
    "(SELECT CASE WHEN 1=1 THEN name ELSE no END)", "name; DELETE FROM touches", "id DESC, (SELECT 1)", "$1", ":1", "?",
    "zqxwvj\u02bc OR 1=1", "zqxwvj＇ OR ＇1＇=＇1", "{{7*7}}", "NULL", "[]", "{}",
)  # fmt: skip
# these need only be answered
ODD = (
    "", " ", "0", "-1", "1.5", "1e9", "NaN", "१२", "９", "9" * 18, "9" * 40, "x" * 5000, "\x00", "a\x00b", "\n", "\r\n",
    "\u202e", "\ufeff", "🙂", "2026-13-45", "0000-00-00", "9999-12-31", "true", "../../etc/passwd", "//evil.example",
)  # fmt: skip
# parameters that only a form's own page writes, or that mean nothing else than a word
ALONE = ("'", "%", "zqxwvj' OR '1'='1", "9" * 40, "a\x00b")


@pytest.fixture
async def town(database: Settings) -> AsyncIterator[Runtime]:
    """A little of everything, on either database."""
    clock = ProductClock()
    clock.set(NOW)
    async with open_runtime(database, clock=clock) as runtime:
        campaign = await approved(runtime, "unread_resumes")
        for number in range(3):
            member = await add_member(f"Q20000{number}", f"大同{number}号商行")
            contact = await add_contact(member, mobile=f"1548350303{number}")
            await add_unread(member, f"P{number}", 2)
        await add_message(campaign, member, contact)
        yield runtime


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that pages asked their addresses for."""
    names: set[str] = set()

    def listening(method: str) -> None:
        original = getattr(QueryParams, method)

        def heard(self: QueryParams, key: str, *rest: Any) -> Any:
            names.add(key)
            return original(self, key, *rest)

        monkeypatch.setattr(QueryParams, method, heard)

    for method in ("get", "getlist", "__getitem__", "__contains__"):
        listening(method)
    return names


async def test_no_value_in_an_address_reaches_the_database_as_a_statement(town: Runtime, heard: set[str]) -> None:
    async with as_staff(town) as client:
        for path, names in (await _parameters(client, heard)).items():
            nothing = await _open(client, path, dict.fromkeys(names, NONSENSE))
            for value in INJECTED:
                found = await _open(client, path, dict.fromkeys(names, value))
                assert _rows(found) == _rows(nothing), (path, value)
            for value in ODD:
                await _open(client, path, dict.fromkeys(names, value))
            for name in names:
                nothing = await _open(client, path, {name: NONSENSE})
                for value in ALONE:
                    found = await _open(client, path, {name: value})
                    assert value not in INJECTED or _rows(found) == _rows(nothing), (path, name, value)


async def test_a_nul_is_no_part_of_an_address_and_falls_out_of_a_form(town: Runtime) -> None:
    async with as_staff(town) as client:
        for path in ("/members/%00", "/campaigns/a%00b", "/members?q=%00", "/u/%00"):
            assert (await client.get(path)).status_code == 400, path
        assert (await client.post("/login", data={"login": "\x00", "password": "\x00"})).status_code == 403
        made = await client.post("/staff", data={"login": "lin\x00", "name": "林\x00", "role": "agent"})
        assert made.status_code == 200
    assert await StaffAccount.get(login="lin", name="林")


async def _parameters(client: httpx.AsyncClient, heard: set[str]) -> Mapping[str, list[str]]:
    found = defaultdict(list)
    for one in await addresses():
        heard.clear()
        await client.get(one.url)
        if heard:
            found[one.url] = sorted(heard)
    assert "q" in found["/members"]
    return found


async def _open(client: httpx.AsyncClient, path: str, query: Mapping[str, str]) -> httpx.Response:
    answer = await client.get(f"{path}?{urlencode(query)}")
    assert answer.status_code < 500, (path, query, answer.status_code)
    return answer


def _rows(answer: httpx.Response) -> tuple[int, int]:
    """How many rows it shows: what is said beside them repeats what was asked for."""
    return answer.status_code, answer.text.count("<tr")

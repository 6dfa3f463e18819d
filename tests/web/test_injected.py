"""Pieces of SQL and other odd values in every parameter a page reads from its address, on both databases.

Which parameters there are is listened for while the pages are opened, so that a new one is tried by itself.
"""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import httpx
import pytest

from bot.clock import ProductClock
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns.models import StaffAccount
from tests.addresses import parameters
from tests.web_cast import NOW, as_staff, settle_some

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
_LONGEST_ADDRESS = 60_000  # of what the browser here sends
# parameters that only a form's own page writes, or that mean nothing else than a word
ALONE = ("'", "%", "zqxwvj' OR '1'='1", "9" * 40, "a\x00b")


@pytest.fixture
async def town(database: Settings) -> AsyncIterator[Runtime]:
    """A little of everything, on either database."""
    clock = ProductClock()
    clock.set(NOW)
    async with open_runtime(database, clock=clock) as runtime:
        await settle_some(runtime)
        yield runtime


@pytest.mark.timeout(300)  # every parameter of every list
async def test_no_value_in_an_address_reaches_the_database_as_a_statement(town: Runtime) -> None:
    async with as_staff(town) as client:
        found = await parameters(client)
        assert "q" in found["/members"]
        for path, names in found.items():
            nothing = await _open(client, path, dict.fromkeys(names, NONSENSE))
            for value in INJECTED:
                answer = await _open(client, path, dict.fromkeys(names, value))
                assert _rows(answer) == _rows(nothing), (path, value)
            for value in ODD:
                await _open(client, path, dict.fromkeys(names, value[: _LONGEST_ADDRESS // len(names)]))
            for name in names:
                nothing = await _open(client, path, {name: NONSENSE})
                for value in ALONE:
                    answer = await _open(client, path, {name: value})
                    assert value not in INJECTED or _rows(answer) == _rows(nothing), (path, name, value)


async def test_a_nul_is_no_part_of_an_address_and_falls_out_of_a_form(town: Runtime) -> None:
    async with as_staff(town) as client:
        for path in ("/members/%00", "/campaigns/a%00b", "/members?q=%00", "/u/%00"):
            assert (await client.get(path)).status_code == 404, path
        assert (await client.post("/login", data={"login": "\x00", "password": "\x00"})).status_code == 403
        made = await client.post("/staff", data={"login": "lin\x00", "name": "林\x00", "role": "agent"})
        assert made.status_code == 200
    assert await StaffAccount.get(login="lin", name="林")


async def _open(client: httpx.AsyncClient, path: str, query: Mapping[str, str]) -> httpx.Response:
    answer = await client.get(f"{path}?{urlencode(query)}")
    assert answer.status_code < 500, (path, query, answer.status_code)
    return answer


def _rows(answer: httpx.Response) -> tuple[int, int]:
    """How many rows it shows: what is said beside them repeats what was asked for."""
    return answer.status_code, answer.text.count("<tr")

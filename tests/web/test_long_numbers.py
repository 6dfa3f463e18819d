"""A number of 5,000 digits, which Python refuses to read, in every address and in the forms that take numbers."""

import re
from collections.abc import Mapping

import pytest

from bot.runtime import Runtime
from bot.web.app import all_routes
from bot.web.desk import StaffRoute
from bot.web.numbers import LARGEST, whole_number
from campaigns import webhooks
from tests.addresses import parameters
from tests.web_cast import NOW, as_staff, settle_some

LONG = "9" * 5000


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("007", 7), (str(LARGEST), LARGEST), (str(LARGEST + 1), None), (LONG, None), ("", None), ("-1", None),
        ("1.5", None), (" 1", None), ("²", None), ("१२", None),
    ],
)  # fmt: skip
def test_a_number_is_digits_and_not_too_many(text: str, number: int | None) -> None:
    assert whole_number(text) == number


async def test_no_page_breaks_on_a_long_number_in_its_address(runtime: Runtime) -> None:
    await settle_some(runtime)
    async with as_staff(runtime) as client:
        await client.post("/fairs", data={"name": "会", "held_on": "2026-12-01"})
        await webhooks.add_webhook("https://site.example/hook", ["reply"], by="林", now=NOW)
        asked = await parameters(client)
        assert ("pick" in asked["/fairs/1/check"], "before" in asked["/settings/webhooks/1"]) == (True, True)
        assert "task" in asked["/members/Q200000/brief"]
        for path, names in asked.items():
            for name in names:
                answer = await client.get(path, params={name: LONG})
                assert answer.status_code < 500, (path, name)


def _numbered() -> list[StaffRoute]:
    return [one for one in all_routes() if isinstance(one, StaffRoute) and ":int}" in one.path]


@pytest.mark.parametrize("digits", [18, 19, 5000])
async def test_no_path_breaks_on_a_long_number(runtime: Runtime, digits: int) -> None:
    await settle_some(runtime)
    async with as_staff(runtime) as client:
        for route in _numbered():
            path = re.sub(r"\{\w+:int\}", "9" * digits, route.path)
            path = re.sub(r"\{(number|no)(:\w+)?\}", "Q200000", path)
            path = re.sub(r"\{\w+(:\w+)?\}", "unread_resumes", path)
            for method in sorted(route.methods or ()):
                answer = await client.request(method, path)
                assert answer.status_code < 500, (method, path[:60])


FORMS: Mapping[str, Mapping[str, str]] = {
    "/members/Q200000/seekers/introduce": {"pick": LONG},
    "/members/Q200000/pause": {"days": LONG},
    "/fairs": {"name": "会", "held_on": "2026-12-01", "capacity": LONG},
    "/visits/new": {"member": "Q200000", "result": "talked", "contact": LONG, "role": "焊工", "heads": LONG,
                    "month": f"{LONG}-01", "next_on": LONG},
    "/members/assign": {"which": "picked", "id": LONG, "owner": "林"},
    "/targets": {"month": f"{LONG}-01", "who": "林", "kind": "visits", "goal": LONG},
    "/visits/capacity": {"who": "林", "a_day": LONG},
    "/settings/tokens": {"name": "x", "right": "see", "per_minute": LONG},
    "/problems/mended": {"pick": LONG},
    "/members/Q200000/write": {"way": f"{LONG}:email", "text": "好"},
}  # fmt: skip


@pytest.mark.parametrize("path", list(FORMS))
async def test_no_form_breaks_on_a_long_number(runtime: Runtime, path: str) -> None:
    await settle_some(runtime)
    async with as_staff(runtime) as client:
        assert (await client.post(path, data=dict(FORMS[path]))).status_code in (200, 303, 422)

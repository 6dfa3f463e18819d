"""Who may open what: strangers the doors and links, staff the rest; the same headers on every answer."""

import httpx
import pytest

from bot.runtime import Runtime
from bot.tokens import LinkKind
from tests.web_cast import add_contact, add_member, add_message, approved, as_staff, browse

STAFF = ("/", "/members", "/members/Q200001", "/campaigns", "/campaigns/unread_resumes", "/phone", "/nothing", "/hooks")


async def public_paths(runtime: Runtime) -> dict[str, int]:
    """Path → the status a stranger gets, of each door that is open to all."""
    member = await add_member("Q200001")
    message_id = await add_message(await approved(runtime, "recruiting_tips"), member, await add_contact(member))
    tokens = {kind: runtime.tokens.link(kind, message_id) for kind in LinkKind}
    return {
        "/health": 200,
        f"/u/{tokens[LinkKind.UNSUBSCRIBE]}": 200,
        f"/in/{tokens[LinkKind.WAY_IN]}": 200,
        f"/c/{tokens[LinkKind.CLICK]}/tips": 302,
        f"/o/{tokens[LinkKind.OPEN]}.gif": 200,
        "/static/console.css": 200,
        "/hooks/wrong/email/reply": 404,
    }


@pytest.mark.parametrize("path", STAFF)
async def test_strangers_get_none_of_the_staffs_pages(runtime: Runtime, path: str) -> None:
    await add_member("Q200001", "大同机械有限公司")
    async with browse(runtime) as client:
        answer = await client.get(path)
        assert answer.status_code in (303, 404)
        assert "大同机械" not in answer.text
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/login")


async def test_strangers_reach_links_doors_and_health(runtime: Runtime) -> None:
    async with browse(runtime, client="192.0.2.7") as client:
        for path, status in (await public_paths(runtime)).items():
            assert (await client.get(path)).status_code == status, path


@pytest.mark.parametrize(
    "path", ["/u/../members", "/static/../members", "/static/%2e%2e/members", "/u/%2e%2e/members", "//members"]
)
async def test_no_winding_path_leads_a_stranger_to_a_staff_page(runtime: Runtime, path: str) -> None:
    await add_member("Q200001", "大同机械有限公司")
    async with browse(runtime, client="192.0.2.7") as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await client.send(request)
        assert answer.status_code in (303, 404)
        assert "大同机械" not in answer.text


async def test_every_answer_carries_the_security_headers(runtime: Runtime) -> None:
    paths = [*await public_paths(runtime), *STAFF]
    for one in (as_staff(runtime), browse(runtime)):
        async with one as client:
            for path in paths:
                headers = (await client.get(path)).headers
                assert headers["x-content-type-options"] == "nosniff", path
                assert headers["referrer-policy"] == "no-referrer", path
                policy = headers["content-security-policy"]
                assert "default-src 'none'" in policy, path
                assert "unsafe" not in policy, path


async def test_health_says_nothing_about_anybody(runtime: Runtime) -> None:
    member = await add_member("Q200001")
    await add_contact(member)
    async with browse(runtime, client="192.0.2.7") as client:
        assert (await client.get("/health")).json() == {"ok": True, "channels": [], "closed": [], "rejected": {}}


async def test_nothing_on_the_staffs_pages_takes_a_post(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/members", "/campaigns", "/phone"):
        assert (await browser.post(path)).status_code == 405

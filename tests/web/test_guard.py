"""Who may open what: strangers the doors and links, this machine everything; the same headers on every answer."""

import httpx
import pytest

from bot.runtime import Runtime
from bot.tokens import LinkKind
from tests.web_cast import add_contact, add_member, add_message, approved, browse

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


def stranger(runtime: Runtime, how: str) -> httpx.AsyncClient:
    match how:
        case "from another machine":
            return browse(runtime, client="192.0.2.7")
        case "from another machine with our name":
            return browse(runtime, client="192.0.2.7", base_url="http://localhost:8750")
        case "by a foreign name":
            return browse(runtime, base_url="http://rebound.example:8750")
        case "by a name that begins like ours":
            return browse(runtime, base_url="http://127.0.0.1.rebound.example")
    client = browse(runtime)
    name, value = how.split(": ")
    client.headers[name] = value
    return client


STRANGERS = (
    "from another machine",
    "from another machine with our name",
    "by a foreign name",
    "by a name that begins like ours",
    "X-Forwarded-For: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
)


@pytest.mark.parametrize("how", STRANGERS)
async def test_strangers_get_none_of_the_staffs_pages(runtime: Runtime, how: str) -> None:
    await add_member("Q200001")
    async with stranger(runtime, how) as client:
        for path in STAFF:
            answer = await client.get(path)
            assert (answer.status_code, answer.text) == (404, "not found"), path


@pytest.mark.parametrize("how", STRANGERS)
async def test_strangers_reach_links_doors_and_health(runtime: Runtime, how: str) -> None:
    async with stranger(runtime, how) as client:
        for path, status in (await public_paths(runtime)).items():
            assert (await client.get(path)).status_code == status, path


@pytest.mark.parametrize(
    "path", ["/u/../members", "/static/../members", "/static/%2e%2e/members", "/u/%2e%2e/members", "//members"]
)
async def test_no_winding_path_leads_a_stranger_to_a_staff_page(runtime: Runtime, path: str) -> None:
    await add_member("Q200001", "大同机械有限公司")
    async with stranger(runtime, "from another machine") as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await client.send(request)
        assert answer.status_code == 404
        assert "大同机械" not in answer.text


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8750", "http://localhost:8750", "http://localhost", "http://[::1]:8750"]
)
async def test_this_machine_reaches_the_staffs_pages_by_its_own_names(runtime: Runtime, base_url: str) -> None:
    for address in ("127.0.0.1", "::1"):
        async with browse(runtime, client=address, base_url=base_url) as client:
            assert (await client.get("/")).status_code == 200


async def test_every_answer_carries_the_security_headers(runtime: Runtime) -> None:
    paths = [*await public_paths(runtime), *STAFF]
    for how in ("", "from another machine"):
        async with stranger(runtime, how) if how else browse(runtime) as client:
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
    async with stranger(runtime, "from another machine") as client:
        assert (await client.get("/health")).json() == {"ok": True, "channels": [], "closed": [], "rejected": {}}


async def test_nothing_on_the_staffs_pages_takes_a_post(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/members", "/campaigns", "/phone"):
        assert (await browser.post(path)).status_code == 405

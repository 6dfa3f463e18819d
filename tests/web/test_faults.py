"""Where there is nothing to show, a page says what happened and what to do, in the reader's language."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.console import faults
from bot.inbox import Inbox
from bot.runtime import Runtime
from bot.serving import Served, listen, serve
from bot.web import app
from bot.web.desk import COOKIE
from campaigns.models import StaffAccount
from campaigns.rights import Role
from tests.web_cast import as_staff, browse


async def test_a_missing_right_is_named_and_who_gives_it(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.AGENT, name="Ann") as client:
        refused = await client.get("/staff")
        assert refused.status_code == 403
        assert "你没有“管员工”的权限" in refused.text
        assert "你的角色是客服" in refused.text
        assert "找管理员" in refused.text
        await StaffAccount.filter(name="Ann").update(language="en")
        assert "You have no right to manage staff" in (await client.get("/staff")).text


async def test_an_address_that_is_none_is_a_page_in_the_shell(runtime: Runtime) -> None:
    async with as_staff(runtime) as client:
        missing = await client.get("/no/such/page")
    assert missing.status_code == 404
    assert "没有这个页面" in missing.text
    assert 'href="/campaigns"' in missing.text


async def test_a_stranger_s_wrong_address_tells_nothing_of_the_house(runtime: Runtime) -> None:
    async with browse(runtime) as client:
        missing = await client.get("/no/such/page", headers={"accept-language": "en"})
        gone = await client.get("/static/none.css")
    assert missing.status_code == 404
    assert "No such page" in missing.text
    assert "/campaigns" not in missing.text
    assert (gone.status_code, gone.headers["content-type"]) == (404, "text/plain; charset=utf-8")


async def test_a_stale_form_says_so_and_changes_nothing(runtime: Runtime) -> None:
    async with as_staff(runtime, name="Ann") as client:
        stale = await client.post("/me/language", data={"language": "en"}, headers={"x-form-key": "of yesterday"})
        assert stale.status_code == 403
        assert "这张表过期了" in stale.text
        assert (await StaffAccount.get(name="Ann")).language == "zh"


async def test_an_address_that_takes_only_forms_says_so(runtime: Runtime) -> None:
    async with as_staff(runtime) as client:
        refused = await client.get("/me/password")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    assert "它只收表单" in refused.text


@contextlib.asynccontextmanager
async def _stopped(served: Served) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await served.stop()


async def test_a_browser_that_leaves_in_the_middle_of_its_form_is_one_quiet_line(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(app.make_app(Inbox(runtime)), listen("127.0.0.1", 0))
    async with as_staff(runtime, name="Ann") as client, _stopped(served):
        _, writer = await asyncio.open_connection(served.host, served.port)
        writer.write(
            f"POST /me/language HTTP/1.1\r\nHost: {served.host}\r\nCookie: {COOKIE}={client.cookies[COOKIE]}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\nlanguage=en".encode()
        )
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.transport.abort()
        async with asyncio.timeout(5):
            while not (told := [one for one in caplog.records if "/me/language" in one.getMessage()]):
                await asyncio.sleep(0.02)
    assert [(one.levelname, one.exc_info) for one in told] == [("INFO", None)]
    assert [one for one in caplog.records if one.levelno >= logging.WARNING or one.exc_info] == []
    assert (await StaffAccount.get(name="Ann")).language == "zh"


async def test_a_fault_of_ours_is_a_page_that_shows_nothing_of_it(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(faults.HANDLERS[404].__module__ + ".find_visitor", failing)
    transport = httpx.ASGITransport(app=app.make_app(Inbox(runtime)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8750") as client:
        broken = await client.get("/no/such/page")
    assert broken.status_code == 500
    assert "这一页出错了" in broken.text
    assert "secret" not in broken.text

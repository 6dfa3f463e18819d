"""设置 · 对外通知, and the commands beside it."""

import re

import httpx
import pytest
from tortoise import connections

from bot.outgoing import delivering
from bot.outgoing.signing import secret_of
from bot.runtime import Runtime
from campaigns import webhooks
from campaigns.members import consent
from campaigns.models import AuditEntry, Webhook, WebhookDelivery
from campaigns.webhooks import WebhookKind
from tests.hook_listener import listening
from tests.web_cast import NOW, add_member

URL = "https://site.example/huifang"
HOSTILE = "https://site.example/<script>alert(1)</script>\"'"


async def test_an_empty_page_says_what_to_do_first(browser: httpx.AsyncClient) -> None:
    assert "还没有通知地址" in (await browser.get("/settings/webhooks")).text


async def test_a_secret_is_shown_once_and_kept_nowhere(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    made = (await browser.post("/settings/webhooks", data={"url": URL, "kind": ["reply", "opt_out"]})).text
    secret = re.search(r"whsec_[\w+/=]+", made)
    assert secret
    hook = await Webhook.get()
    assert secret[0] == secret_of(runtime.tokens, hook.id, 1)
    assert sorted(hook.kinds) == ["opt_out", "reply"]
    assert secret[0] not in (await browser.get("/settings/webhooks")).text + str(dict(hook))
    rotated = (await browser.post(f"/settings/webhooks/{hook.id}", data={"what": "rotate"})).text
    assert secret_of(runtime.tokens, hook.id, 2) in rotated
    assert secret[0] not in rotated + str([dict(one) for one in await AuditEntry.all()])
    assert [one.detail["what"] for one in await AuditEntry.filter(action="webhook_changed")] == ["new", "rotate"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"url": "site.example", "kind": "reply"}, "地址写成https://"),
        ({"url": URL, "kind": "nonsense"}, "至少选一样要通知的事"),
        ({"url": HOSTILE}, "至少选一样"),
        ({"url": "x" * 900, "kind": "reply"}, "地址写成https://"),
    ],
)
async def test_what_was_typed_stays_beside_what_is_wrong(
    browser: httpx.AsyncClient, data: dict[str, str], words: str
) -> None:
    answer = await browser.post("/settings/webhooks", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert await Webhook.all().count() == 0


async def test_the_log_is_read_narrowed_and_sent_again_from(browser: httpx.AsyncClient) -> None:
    hook = await webhooks.add_webhook(URL, list(WebhookKind), by="林", now=NOW)
    await consent.record_opt_out((await add_member("Q1")).id, at=NOW, source="x")
    await browser.post(f"/settings/webhooks/{hook.id}", data={"what": "test"})
    optout, test = await WebhookDelivery.all().order_by("id")
    await webhooks.mark_failed(optout.id, 500, "对方回答500 (answered 500)")
    page = (await browser.get(f"/settings/webhooks/{hook.id}")).text
    assert optout.event_id in page
    assert test.event_id in page
    failed = (await browser.get(f"/settings/webhooks/{hook.id}?state=failed")).text
    assert "对方回答500" in failed
    assert test.event_id not in failed
    again = await browser.post(f"/settings/webhooks/deliveries/{optout.id}/again")
    assert again.headers["location"] == f"/settings/webhooks/{hook.id}?done=again"
    assert (await WebhookDelivery.get(id=optout.id)).state == "due"
    for path in ("/settings/webhooks/99999999999999", f"/settings/webhooks/{hook.id}?before=1&state=x"):
        assert (await browser.get(path)).status_code in (200, 404)
    assert (await browser.post("/settings/webhooks/deliveries/99999999999999999999999/again")).status_code == 404


async def test_staff_pause_it_let_it_go_on_stop_and_delete_it(browser: httpx.AsyncClient) -> None:
    hook = await webhooks.add_webhook(URL, list(WebhookKind), by="林", now=NOW)
    for what, state in (("pause", "paused"), ("resume", "on"), ("stop", "stopped"), ("nonsense", "stopped")):
        answer = await browser.post(f"/settings/webhooks/{hook.id}", data={"what": what})
        assert answer.status_code == 303
        assert (await Webhook.get()).state == state
        assert (await browser.get(answer.headers["location"])).status_code == 200
    assert (await browser.post(f"/settings/webhooks/{hook.id}", data={"what": "delete"})).status_code == 303
    assert await Webhook.all().count() == 0


async def test_one_that_stopped_by_itself_stands_on_the_page_a_day_begins_with(browser: httpx.AsyncClient) -> None:
    hook = await webhooks.add_webhook(URL, list(WebhookKind), by="林", now=NOW)
    assert "site.example" not in (await browser.get("/")).text
    await webhooks.change_state(hook.id, webhooks.WebhookState.PAUSED, "对方回答500 (answered 500)")
    page = (await browser.get("/")).text
    assert f'href="/settings/webhooks/{hook.id}"' in page
    assert "对方回答500" in page


async def test_thirty_addresses_cost_no_more_questions_than_one(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, asked = type(connections.get("default")), []
    plain = db.execute_query

    async def counted(self: object, query: str, *given: object, **named: object) -> object:
        asked.append(query)
        return await plain(self, query, *given, **named)

    counts = []
    for number in range(30):
        await webhooks.add_webhook(f"{URL}/{number}", list(WebhookKind), by="林", now=NOW)
        if number in (0, 29):
            await browser.get("/settings/webhooks")
            asked.clear()
            with monkeypatch.context() as patched:
                patched.setattr(db, "execute_query", counted)
                page = (await browser.get("/settings/webhooks")).text
            counts.append(len(asked))
    assert "site.example/huifang/29" in page
    assert counts[0] == counts[1] > 1
    assert len([one for one in asked if "webhook_deliveries" in one]) == 1


async def test_a_call_of_the_command_is_heard(runtime: Runtime) -> None:
    from_here = runtime.settings
    async with listening() as listener:
        hook = await webhooks.add_webhook(listener.url, list(WebhookKind), by="林", now=NOW)
        answer = await delivering.try_address(from_here, runtime.tokens, hook)
    assert answer.taken
    assert b'"test"' in listener.heard[0].body
    assert await WebhookDelivery.all().count() == 0

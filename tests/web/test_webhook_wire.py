"""Webhooks on the wire: where they may lead, how they are signed, what an answer means."""

import asyncio
import base64
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from aiohttp import web

from bot.outgoing import delivering
from bot.outgoing.calling import call
from bot.outgoing.delivering import deliver_due, try_address
from bot.outgoing.reaching import Forbidden, _is_open, find_way
from bot.outgoing.signing import secret_of, sign
from bot.runtime import Runtime
from campaigns import webhooks
from campaigns.members import consent
from campaigns.models import AuditEntry, Webhook, WebhookDelivery
from campaigns.webhooks import Hook, WebhookKind, WebhookState
from tests.hook_listener import Heard, Listener, listening
from tests.web_cast import NOW, add_member


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as made:
        yield made


@pytest.fixture
async def hook(runtime: Runtime, listener: Listener) -> Hook:
    return await webhooks.add_webhook(listener.url, list(WebhookKind), by="林", now=NOW)


async def happen(*numbers: str) -> None:
    for no in numbers:
        await consent.record_opt_out((await add_member(no)).id, at=NOW, source="link:1")


def signed_by(heard: Heard, secret: str) -> bool:
    """As the specification says whoever listens is to check it, written anew."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    words = b".".join([heard.headers["webhook-id"].encode(), heard.headers["webhook-timestamp"].encode(), heard.body])
    mac = base64.b64encode(hmac.new(key, words, hashlib.sha256).digest()).decode()
    return f"v1,{mac}" in heard.headers["webhook-signature"].split()


def test_the_signature_is_that_of_the_specification() -> None:
    """Its own example."""
    found = sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC),
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )  # fmt: skip
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_happened_arrives_signed(runtime: Runtime, listener: Listener, hook: Hook) -> None:
    await happen("Q1", "Q2")
    assert await deliver_due(runtime) == 2
    assert [one.body.count(b'"opt_out"') for one in listener.heard] == [1, 1]
    assert len({one.id for one in listener.heard}) == 2
    secret = secret_of(runtime.tokens, hook.id, 1)
    assert all(signed_by(one, secret) for one in listener.heard)
    assert abs(int(listener.heard[0].headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert listener.heard[0].headers["content-type"] == "application/json"
    assert {one.state for one in await WebhookDelivery.all()} == {"sent"}
    assert await deliver_due(runtime) == 0


async def test_after_a_rotation_both_secrets_sign_for_a_day(runtime: Runtime, listener: Listener, hook: Hook) -> None:
    await webhooks.rotate_secret(hook.id, datetime.now(UTC))
    await happen("Q1")
    await deliver_due(runtime)
    assert signed_by(listener.heard[0], secret_of(runtime.tokens, hook.id, 1))
    assert signed_by(listener.heard[0], secret_of(runtime.tokens, hook.id, 2))
    await Webhook.all().update(old_until=datetime.now(UTC) - timedelta(seconds=1))
    await happen("Q2")
    await deliver_due(runtime)
    assert not signed_by(listener.heard[1], secret_of(runtime.tokens, hook.id, 1))


async def test_one_that_fails_is_tried_later_and_later(runtime: Runtime, listener: Listener, hook: Hook) -> None:
    listener.answer = lambda: web.Response(status=500)
    await happen("Q1", "Q2")
    assert await deliver_due(runtime) == 0
    assert len(listener.heard) == 1  # the others wait for their turn
    first = await WebhookDelivery.all().order_by("-attempts").first()
    assert first is not None
    assert (first.state, first.status, first.attempts) == ("due", 500, 1)
    assert first.due_at > datetime.now(UTC) + timedelta(seconds=3)
    pauses = [delivering._pause(attempts) for attempts in range(1, 12)]
    assert pauses[0] < pauses[2] < pauses[5] < pauses[8]
    listener.answer = lambda: web.Response(status=200)
    await webhooks.change_state(hook.id, WebhookState.PAUSED)
    await webhooks.change_state(hook.id, WebhookState.ON)  # what waits is tried at once
    assert await deliver_due(runtime) == 2
    assert len({one.id for one in listener.heard}) == 2


async def test_one_that_says_when_to_come_again_is_left_in_peace_till_then(
    runtime: Runtime, listener: Listener, hook: Hook
) -> None:
    listener.answer = lambda: web.Response(status=429, headers={"Retry-After": "900"})
    await happen("Q1")
    await deliver_due(runtime)
    assert (await WebhookDelivery.get()).due_at > datetime.now(UTC) + timedelta(seconds=850)


async def test_after_days_in_vain_a_delivery_is_given_up_and_the_webhook_paused_and_staff_can_see_it(
    runtime: Runtime, listener: Listener, hook: Hook
) -> None:
    listener.answer = lambda: web.Response(status=500)
    await happen("Q1")
    old = datetime.now(UTC) - timedelta(days=4)
    await WebhookDelivery.all().update(attempts=20, made_at=old)
    await Webhook.all().update(failing_since=old)
    await deliver_due(runtime)
    assert (await WebhookDelivery.get()).state == "failed"
    paused = await webhooks.find_webhook(hook.id)
    assert paused is not None
    assert (paused.state, paused.note) == (WebhookState.PAUSED, "对方回答500 (answered 500)")
    assert (await AuditEntry.get()).detail["state"] == "paused"


async def test_410_stops_it_for_good(runtime: Runtime, listener: Listener, hook: Hook) -> None:
    listener.answer = lambda: web.Response(status=410)
    await happen("Q1", "Q2")
    await deliver_due(runtime)
    stopped = await webhooks.find_webhook(hook.id)
    assert stopped is not None
    assert stopped.state is WebhookState.STOPPED
    await happen("Q3")
    assert await deliver_due(runtime) == 0
    assert len(listener.heard) == 1
    assert await WebhookDelivery.all().count() == 2


async def test_a_redirect_is_not_followed(runtime: Runtime, listener: Listener, hook: Hook) -> None:
    listener.answer = lambda: web.Response(status=302, headers={"Location": f"{listener.url}/elsewhere"})
    answer = await try_address(runtime.settings, runtime.tokens, hook)
    assert (answer.status, answer.taken) == (302, False)
    assert [one.path for one in listener.heard] == ["/hook"]


async def test_one_that_never_answers_keeps_nobody_waiting(listener: Listener) -> None:
    listener.delay = 5
    given: dict[str, Any] = {"allowed": (), "sandboxed": True, "patience": 0.3}
    began = asyncio.get_running_loop().time()
    answer = await call(listener.url, b"{}", {}, **given)
    assert (answer.status, answer.taken) == (None, False)
    assert asyncio.get_running_loop().time() - began < 3


async def test_an_answer_without_end_is_read_to_a_point(listener: Listener) -> None:
    listener.answer = lambda: web.Response(body=b"x" * 5_000_000)
    answer = await call(listener.url, b"{}", {}, allowed=(), sandboxed=True, patience=5)
    assert answer.taken


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "255.255.255.255", "240.0.0.1"],
)  # fmt: skip
def test_no_network_of_our_own_is_open(address: str) -> None:
    assert not _is_open(ip_address(address), (), sandboxed=False)


def test_what_is_open_is_the_world_what_a_setting_names_and_in_the_sandbox_loopback() -> None:
    allowed = (ip_network("10.1.0.0/16"),)
    for address, networks, sandboxed, is_open in (
        ("93.184.215.14", (), False, True),
        ("2606:2800:21f::1", (), False, True),
        ("10.1.2.3", allowed, False, True),
        ("::ffff:10.1.2.3", allowed, False, True),
        ("10.2.2.3", allowed, False, False),
        ("127.0.0.1", (), True, True),
        ("10.2.2.3", (), True, False),
    ):
        assert _is_open(ip_address(address), networks, sandboxed=sandboxed) is is_open, address


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://a.example/", ["10.0.0.1"]),
        ("https://a.example/", ["93.184.215.14", "127.0.0.1"]),
        ("http://a.example/", ["93.184.215.14"]),
        ("http://2130706433/", ["127.0.0.1"]),
    ],
)
async def test_a_name_that_leads_inside_is_not_called(
    url: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, *addresses)
    with pytest.raises(Forbidden):
        await find_way(url, allowed=(), sandboxed=False)


async def test_the_call_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = lead(monkeypatch, "93.184.215.14")
    way = await find_way("https://a.example:8443/hook?x=1", allowed=(), sandboxed=False)
    assert (way.url, way.named) == ("https://93.184.215.14:8443/hook?x=1", "a.example:8443")
    assert len(asked) == 1


async def test_outside_the_sandbox_loopback_is_not_called(listener: Listener) -> None:
    answer = await call(listener.url, b"{}", {}, allowed=(), sandboxed=False, patience=5)
    assert "内部网络" in answer.problem
    assert listener.heard == []


def lead(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name leads there. Returns what was asked."""
    asked: list[str] = []

    async def resolve(self: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    return asked

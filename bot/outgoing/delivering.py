"""Deliveries that are due: claimed one by one, sent, and what the answer means.

A webhook that does not answer keeps no other waiting: each has a line of its own, which stops at the first failure.
"""

import asyncio
import logging
import random
from datetime import UTC, datetime, timedelta

from bot.outgoing.calling import Answer, call
from bot.outgoing.signing import secrets_of, sign
from bot.runtime import Runtime
from bot.settings import Settings, networks
from bot.tokens import Tokens
from campaigns import audit, statements, webhooks
from campaigns.audit import Action
from campaigns.webhooks import Claimed, Hook, WebhookState

log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(days=3)
"""After so long a delivery is not tried again by itself."""
PAUSE_AFTER = timedelta(days=1)
"""A webhook where nothing arrived for so long is paused, and staff are told."""
_STEPS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800)  # seconds, each made a little longer or shorter
_MOST = 50  # of one webhook in a round
_ROUND_SECONDS = 45
_AT_ONCE = 10  # webhooks
_PATIENCE = 10.0
_GONE = 410


async def deliver_due(runtime: Runtime) -> int:
    """Send what is due. Returns how many were taken."""
    lines = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(hook_id: int) -> int:
        async with lines:
            return await _deliver(runtime, hook_id)

    due = await statements.webhooks_due()
    return sum(await asyncio.gather(*(in_turn(hook_id) for hook_id in due)))


async def _deliver(runtime: Runtime, hook_id: int) -> int:
    taken, until = 0, asyncio.get_running_loop().time() + _ROUND_SECONDS
    while taken < _MOST and asyncio.get_running_loop().time() < until:
        hook = await webhooks.find_webhook(hook_id)
        if hook is None or hook.state is not WebhookState.ON:
            break
        one = await webhooks.claim(hook.id, runtime.settings.lease_seconds)
        if one is None:
            break
        answer = await _send(runtime.settings, runtime.tokens, hook, one.event_id, one.body)
        await _settle(hook, one, answer)
        if not answer.taken:
            break
        taken += 1
    return taken


async def try_address(settings: Settings, tokens: Tokens, hook: Hook) -> Answer:
    """One call with nothing to tell, beside all deliveries."""
    event_id, body = webhooks.test_event(datetime.now(UTC))
    return await _send(settings, tokens, hook, event_id, body)


async def _send(settings: Settings, tokens: Tokens, hook: Hook, event_id: str, text: str) -> Answer:
    """Signed anew with each attempt: who hears it holds the moment against a clock."""
    now, body = datetime.now(UTC), text.encode()
    return await call(
        hook.url,
        body,
        sign(event_id, body, now, secrets_of(tokens, hook, now)),
        allowed=networks(settings.webhook_networks),
        sandboxed=not settings.real_channels,
        patience=min(_PATIENCE, settings.lease_seconds / 2),  # over before another may send it
    )


async def _settle(hook: Hook, one: Claimed, answer: Answer) -> None:
    if answer.taken:
        await webhooks.mark_sent(one, hook.id, answer.status or 200)
        return
    log.warning("webhook %d: %s", hook.id, answer.problem)
    if answer.status == _GONE:
        await webhooks.mark_failed(one.id, answer.status, answer.problem)
        await _stop(hook, WebhookState.STOPPED, "对方回答410：不再要通知 (410: gone)")
        return
    now = datetime.now(UTC)
    since = await webhooks.note_failing(hook.id, now)
    if one.attempts > len(_STEPS) and now - one.made_at > GIVE_UP_AFTER:
        await webhooks.mark_failed(one.id, answer.status, answer.problem)
    else:
        await webhooks.put_off(one.id, max(_pause(one.attempts), answer.wait), answer.status, answer.problem)
    if now - since > PAUSE_AFTER:
        await _stop(hook, WebhookState.PAUSED, answer.problem)


async def _stop(hook: Hook, state: WebhookState, why: str) -> None:
    if await webhooks.change_state(hook.id, state, why):
        log.error("webhook %d is %s: %s", hook.id, state, why)
        await audit.record_audit(
            Action.WEBHOOK_CHANGED,
            at=datetime.now(UTC),
            who="huifang",
            subject=f"webhook/{hook.host}",
            detail={"state": state, "reason": why},
        )


def _pause(attempts: int) -> float:
    """Seconds until the next attempt: longer each time, and not the same for all that failed together."""
    step = _STEPS[min(attempts, len(_STEPS)) - 1]
    return step * random.uniform(0.8, 1.2)

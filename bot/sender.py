"""A batch from the ledger to the wire: claim, recheck, mark, send, settle."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from tortoise.transactions import in_transaction

from bot.channels.base import Channel
from bot.runtime import Runtime
from campaigns import definitions, outbox, planner, touches
from campaigns.content import Compiled, render
from campaigns.errors import ChannelUnavailable, OutreachError, StateError
from campaigns.folders import compiled_content
from campaigns.members import consent
from campaigns.outbox import Batch, Claimed, Sending, Settlement
from campaigns.planner import Checked
from campaigns.replies import apply_waiting
from campaigns.terms import (
    SHANGHAI,
    Allow,
    ChannelName,
    Defer,
    DeliveryState,
    MessageClass,
    Outbound,
    Reaction,
    Reason,
    SendResult,
    Suppress,
    WechatMode,
    WechatWords,
    Words,
)

log = logging.getLogger(__name__)

CLAIM = 200  # claimed at once
GROUP = 50  # on the wire at once: what a kill leaves uncertain
_TRIES = 3
_TRIES_UNKNOWN = 5  # a message that its worker dies of is not tried for ever
_RETRY_AFTER = timedelta(minutes=5)
_SLOW = timedelta(minutes=1)
_DEFER = timedelta(hours=1)
_ASK_AGAIN = timedelta(minutes=10)
_UNSUBSCRIBABLE = frozenset({MessageClass.MARKETING, MessageClass.GREETING})


@dataclass(frozen=True, slots=True)
class _Ready:
    """One message with its words, ready for the wire."""

    claimed: Claimed
    sending: Sending
    outbound: Outbound


async def drain(runtime: Runtime, batch: Batch, *, seconds: float, stopping: asyncio.Event) -> int:
    """Send what is due of a batch, for about that long or until `stopping`. Returns how many were accepted."""
    channel = runtime.channels.get(batch.channel)
    if channel is None:
        return 0
    accepted, ends = 0, time.monotonic() + seconds
    while not stopping.is_set() and time.monotonic() < ends and await outbox.is_open(batch, runtime.clock()):
        token, claimed = await outbox.claim(batch, now=runtime.clock(), limit=CLAIM, lease=runtime.settings.lease)
        if not claimed:
            break
        async with _held(token, runtime.settings.lease):
            accepted += await _send_claimed(runtime, channel, token, claimed, stopping)
    return accepted


async def recover(runtime: Runtime) -> None:
    """Put back what dead senders had claimed; what they had on the wire becomes unknown, with a touch."""
    async with in_transaction():
        released, unknown = await outbox.release_expired()
        await touches.record_sent(unknown, runtime.clock())
    if released:
        log.info("%d claims released", len(released))
    if unknown:
        log.warning("%d messages are uncertain: their sender died on the wire", len(unknown))
    await apply_waiting(set(unknown))


async def reconcile(runtime: Runtime) -> int:
    """Ask the providers about messages of unknown outcome. Returns how many are known now.

    What cannot be asked follows the channel: a service mail is sent once more under the same Message-ID, because a
    duplicate is better than a loss; anything else stays unknown, for staff to see and count.
    """
    known = 0
    for name, channel in runtime.channels.items():
        while True:
            token, claimed = await outbox.claim_unknown(name, limit=GROUP, ask_again=runtime.settings.lease)
            if not claimed:
                break
            async with _held(token, runtime.settings.lease):
                known += await _ask(runtime, channel, token, claimed)
    return known


async def show_words(runtime: Runtime, message_ids: Sequence[int]) -> dict[int, Words]:
    """The exact words of messages that went out, filled again from what was kept."""
    shown: dict[int, Words] = {}
    for sent in (await outbox.sent_words(message_ids)).values():
        if not sent.facts:
            continue
        mode = WechatMode(sent.wechat_mode) if sent.wechat_mode else None
        variables = {**sent.facts, "links": runtime.links(sent.message_id)}
        shown[sent.message_id] = render(compiled_content(sent.files), sent.channel, variables, mode)
    return shown


# ---- one claim ----------------------------------------------------------------------------------------------------


async def _send_claimed(
    runtime: Runtime, channel: Channel, token: str, claimed: Sequence[Claimed], stopping: asyncio.Event
) -> int:
    occurrence = await outbox.read_occurrence(claimed[0].occurrence_id)
    checked = await planner.recheck(claimed, runtime.clock(), runtime.rulebook)
    compiled = compiled_content(occurrence.files)
    ready: list[_Ready] = []
    settled: list[Settlement] = []
    for one in checked:
        if not isinstance(one.verdict, Allow):
            settled.append(_not_now(one))
            continue
        try:
            ready.append(_ready(runtime, compiled, one))
        except OutreachError as exc:
            log.error("message %d cannot be written: %s", one.claimed.id, exc)
            settled.append(Settlement(one.claimed.id, DeliveryState.FAILED, reason="words"))
    await outbox.settle(settled, token=token, before=DeliveryState.CLAIMED)
    accepted = 0
    batch = Batch(claimed[0].occurrence_id, claimed[0].channel)
    for start in range(0, len(ready), GROUP):
        # pause, cancel and shutdown stop the wire between two groups
        if stopping.is_set() or not await outbox.is_open(batch, runtime.clock()):
            await _put_back(ready[start:], token)
            break
        accepted += await _send_group(runtime, channel, token, ready[start : start + GROUP])
    return accepted


async def _ask(runtime: Runtime, channel: Channel, token: str, claimed: Sequence[Claimed]) -> int:
    """What the provider can say of each; the others are left alone for a while."""
    asked = await _rebuild(runtime, claimed)
    answers = await asyncio.gather(*(channel.look_up(one.outbound) for one in asked), return_exceptions=True)
    settled: list[Settlement] = []
    for one, answer in zip(asked, answers, strict=True):
        if isinstance(answer, BaseException):
            log.error("message %d cannot be asked about: %s", one.claimed.id, type(answer).__name__)
        elif settlement := _settlement_of_unknown(one.claimed, answer, runtime.clock()):
            settled.append(settlement)
    known = await outbox.settle(settled, token=token, before=DeliveryState.UNKNOWN)
    await outbox.renew(token, lease=_ASK_AGAIN)
    await apply_waiting(known)
    return len(known)


async def _send_group(runtime: Runtime, channel: Channel, token: str, group: Sequence[_Ready]) -> int:
    """Mark, send, settle. Between mark and settle no transaction is open; a kill there leaves these uncertain."""
    marks = [ready.sending for ready in group]
    ours = await outbox.mark_sending(marks, token=token, lease=runtime.settings.lease)
    sending = [ready for ready in group if ready.claimed.id in ours]
    if not sending:
        return 0
    try:
        results = await channel.send([ready.outbound for ready in sending])
    except ChannelUnavailable as exc:
        await _channel_unavailable(runtime, sending, token, exc)
        return 0
    await _settle(runtime, token, sending, results)
    return sum(result.accepted for result in results)


@contextlib.asynccontextmanager
async def _held(token: str, lease: timedelta) -> AsyncIterator[None]:
    """Renew the lease while the wire takes its time: a slow provider must not look like a dead sender."""
    done = asyncio.Event()
    renewing = asyncio.create_task(_renew(token, lease, done), name="lease")
    try:
        yield
    finally:
        done.set()
        await renewing


async def _renew(token: str, lease: timedelta, done: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), lease.total_seconds() / 3)
        if done.is_set():
            return
        try:
            await outbox.renew(token, lease=lease)
        except Exception as exc:  # the lease runs on, and what was sent in it must still be settled
            log.error("a lease could not be renewed: %s", type(exc).__name__)


async def _settle(runtime: Runtime, token: str, group: Sequence[_Ready], results: Sequence[SendResult]) -> None:
    now = runtime.clock()
    rows = [await _settlement(runtime, ready, result, now) for ready, result in zip(group, results, strict=True)]
    async with in_transaction():
        written = await outbox.settle(rows, token=token, before=DeliveryState.SENDING)
        gone = [row.id for row in rows if row.id in written and row.state in _REACHED]
        await touches.record_sent(gone, now)
        for ready, result in zip(group, results, strict=True):
            if ready.claimed.id in written:
                await _remember(ready, result, now)
    await _act_on_reactions(runtime, group, results, now)
    await apply_waiting(written)


# ---- words --------------------------------------------------------------------------------------------------------


def _ready(runtime: Runtime, compiled: Compiled, one: Checked) -> _Ready:
    claimed = one.claimed
    links = runtime.links(claimed.id)
    words = render(compiled, claimed.channel, {**one.variables, "links": links}, one.wechat_mode)
    return _Ready(
        claimed,
        Sending(claimed.id, one.variables, one.wechat_mode or ""),
        Outbound(
            id=claimed.id,
            key=runtime.tokens.message_key(claimed.id),
            address=claimed.address,
            message_class=claimed.message_class,
            words=words,
            unsubscribe_url=links["unsubscribe"] if claimed.message_class in _UNSUBSCRIBABLE else "",
        ),
    )


async def _rebuild(runtime: Runtime, claimed: Sequence[Claimed]) -> list[_Ready]:
    """What was on the wire, as it was, from the facts that were kept."""
    words = await show_words(runtime, [one.id for one in claimed])
    return [
        _Ready(
            one,
            Sending(one.id, {}),
            Outbound(one.id, runtime.tokens.message_key(one.id), one.address, one.message_class, words[one.id]),
        )
        for one in claimed
        if one.id in words
    ]


# ---- what to write ------------------------------------------------------------------------------------------------

_REACHED = (DeliveryState.SENT, DeliveryState.UNKNOWN)


def _not_now(one: Checked) -> Settlement:
    """The recheck's word: suppressed with the reason, or back in the queue until then."""
    match one.verdict:
        case Suppress(Reason.TOO_LATE):
            return Settlement(one.claimed.id, DeliveryState.EXPIRED, reason=Reason.TOO_LATE)
        case Suppress(reason):
            return Settlement(one.claimed.id, DeliveryState.SUPPRESSED, reason=reason)
        case Defer(until=until, reason=reason):
            return Settlement(one.claimed.id, DeliveryState.QUEUED, reason=reason, not_before=until)
        case Allow():
            raise AssertionError("allowed messages are sent")
        case _:
            assert_never(one.verdict)


async def _settlement(runtime: Runtime, ready: _Ready, result: SendResult, now: datetime) -> Settlement:
    fate = await _fate(runtime, ready.claimed, result, now)
    return replace(fate, code=result.code[:64], provider_id=result.provider_id[:64])


async def _fate(runtime: Runtime, claimed: Claimed, result: SendResult, now: datetime) -> Settlement:
    one = claimed.id
    match result.reaction:
        case None | Reaction.OK_DUP:
            return Settlement(one, DeliveryState.SENT, sent_at=now, settled_at=now)
        case Reaction.UNKNOWN:
            return Settlement(one, DeliveryState.UNKNOWN, sent_at=now, settled_at=now, uncertain=True)
        case Reaction.SUPPRESS | Reaction.DROP:
            return Settlement(one, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED, settled_at=now)
        case Reaction.CONSENT_USED:
            return await _other_channel(runtime, claimed, now)
        case Reaction.RETRY | Reaction.REFRESH if claimed.attempts + 1 >= _TRIES:
            return Settlement(one, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED, settled_at=now)
        case Reaction.RETRY | Reaction.REFRESH:
            later = now + (result.retry_after or _RETRY_AFTER) * (claimed.attempts + 1)
            return Settlement(one, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=later)
        case Reaction.DEFER_RECIPIENT:
            later = now + (result.retry_after or _DEFER)
            return Settlement(one, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=later, uncharged=True)
        case Reaction.SLOW | Reaction.NEXT_DAY | Reaction.PAUSE_CHANNEL | Reaction.PAUSE_TEMPLATE:
            return Settlement(one, DeliveryState.QUEUED, reason=Reason.CHANNEL_CLOSED, uncharged=True)
        case _:
            assert_never(result.reaction)


async def _other_channel(runtime: Runtime, claimed: Claimed, now: datetime) -> Settlement:
    verdict = await planner.choose_again(claimed, now, runtime.rulebook)
    match verdict:
        case Suppress(reason):
            return Settlement(claimed.id, DeliveryState.SUPPRESSED, reason=reason)
        case Allow() | Defer():
            return Settlement(
                claimed.id,
                DeliveryState.QUEUED,
                channel=verdict.channel,
                contact_id=verdict.contact_id,
                address=verdict.address,
                not_before=verdict.until if isinstance(verdict, Defer) else now,
                uncharged=True,
            )
        case _:
            assert_never(verdict)


def _settlement_of_unknown(claimed: Claimed, result: SendResult | None, now: datetime) -> Settlement | None:
    if result is not None and result.reaction is not Reaction.UNKNOWN:
        state = DeliveryState.SENT if result.accepted else DeliveryState.FAILED
        return Settlement(
            claimed.id,
            state,
            code=result.code[:64],
            provider_id=result.provider_id[:64],
            sent_at=now if result.accepted else None,
            settled_at=now,
            uncertain=True,
        )
    again = claimed.channel is ChannelName.EMAIL and claimed.message_class is MessageClass.SERVICE
    if again and claimed.attempts < _TRIES_UNKNOWN:
        return Settlement(claimed.id, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=now, uncertain=True)
    return None


async def _put_back(group: Sequence[_Ready], token: str) -> None:
    rows = [Settlement(ready.claimed.id, DeliveryState.QUEUED) for ready in group]
    await outbox.settle(rows, token=token, before=DeliveryState.CLAIMED)


# ---- what the provider's answer means beyond the message ------------------------------------------------------------


async def _remember(ready: _Ready, result: SendResult, now: datetime) -> None:
    """What an answer tells about this address."""
    claimed, words = ready.claimed, ready.outbound.words
    if result.reaction is Reaction.SUPPRESS:
        await consent.suppress_address(
            claimed.channel,
            claimed.address,
            at=now,
            reason=result.code or "provider",
            source=f"message:{claimed.id}",
        )
    if isinstance(words, WechatWords) and result.accepted:
        await consent.use_reach(claimed.address, words.mode, words.template_id)
    if isinstance(words, WechatWords) and result.reaction is Reaction.CONSENT_USED:
        await consent.close_reach(claimed.address, words.mode, words.template_id)


async def _act_on_reactions(
    runtime: Runtime, group: Sequence[_Ready], results: Sequence[SendResult], now: datetime
) -> None:
    """What an answer tells about the whole channel or campaign; the gravest of the group counts."""
    channel = group[0].claimed.channel
    by_reaction = {result.reaction: result for result in results if result.reaction is not None}
    if slow := by_reaction.get(Reaction.SLOW):
        await outbox.close_channel(
            channel, f"慢一点：{slow.code} {slow.detail}", until=now + (slow.retry_after or _SLOW)
        )
    if spent := by_reaction.get(Reaction.NEXT_DAY):
        await outbox.close_channel(channel, f"今天的额度用完：{spent.code}", until=_next_midnight(now))
    if refused := by_reaction.get(Reaction.PAUSE_CHANNEL):
        log.error("channel %s stopped: %s %s", channel, refused.code, refused.detail)
        await outbox.close_channel(channel, f"渠道停了：{refused.code} {refused.detail}")
    if unusable := by_reaction.get(Reaction.PAUSE_TEMPLATE):
        key = (await outbox.read_occurrence(group[0].claimed.occurrence_id)).campaign_key
        log.error("campaign %s paused: %s %s", key, unusable.code, unusable.detail)
        with contextlib.suppress(StateError):  # cancelled in the meantime: it says no more anyway
            await definitions.pause(key, note=f"内容不能用：{unusable.code} {unusable.detail}")


async def _channel_unavailable(
    runtime: Runtime, group: Sequence[_Ready], token: str, problem: ChannelUnavailable
) -> None:
    """Nothing was on the wire: everything goes back, and the channel rests a minute."""
    now, channel = runtime.clock(), group[0].claimed.channel
    log.error("channel %s unavailable: %s", channel, problem)
    rows = [
        Settlement(ready.claimed.id, DeliveryState.QUEUED, reason=Reason.CHANNEL_CLOSED, uncharged=True)
        for ready in group
    ]
    await outbox.settle(rows, token=token, before=DeliveryState.SENDING)
    await outbox.close_channel(channel, str(problem), until=now + _SLOW)


def _next_midnight(now: datetime) -> datetime:
    tomorrow = now.astimezone(SHANGHAI).date() + timedelta(days=1)
    return datetime.combine(tomorrow, datetime.min.time(), SHANGHAI)

"""What is written of a message once its fate is known, and what a provider's answer means beyond the message."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.channels.base import Channel
from bot.channels.sms_router import SmsRouter
from bot.channels.wechat_mass import mass_words
from bot.providers import closed_as, paced_as
from bot.runtime import Runtime
from bot.sender.filling import Ready
from bot.sender.rests import rest_for
from campaigns import definitions, outbox, planner
from campaigns.conversations import BY_HAND
from campaigns.errors import ChannelUnavailable, StateError
from campaigns.members import consent
from campaigns.outbox import Accepted, Claimed, Settlement
from campaigns.planner import Checked
from campaigns.terms import (
    SHANGHAI,
    Allow,
    ChannelName,
    Defer,
    DeliveryState,
    Reaction,
    Reason,
    SendResult,
    Suppress,
)

log = logging.getLogger(__name__)

# 5, 10, 20 … minutes: a mail is tried for most of a day, as mail servers do; the others for a quarter of an hour
_TRIES = {ChannelName.EMAIL: 9, ChannelName.SMS: 3, ChannelName.WECHAT: 3, ChannelName.WECOM: 3}
_RETRY_AFTER = timedelta(minutes=5)
_SPREAD = 64
_SLOW = timedelta(minutes=1)
_DEFER = timedelta(hours=1)
_USED_UP = frozenset({Reaction.UNKNOWN, Reaction.CONSENT_USED})  # it may have gone; there was nothing to use
_HALF_PACE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Back:
    """A group that came back from the wire: what is to be written, and the answers that say more than that."""

    rows: Sequence[Settlement] = ()
    accepted: Accepted | None = None
    told: Sequence[tuple[Ready, SendResult]] = ()
    at: datetime | None = None
    unused: Sequence[Ready] = ()  # nothing of these was sent: what they were to use up is there still

    @property
    def count(self) -> int:
        return len(self.rows) + (len(self.accepted.ids) if self.accepted else 0)


def not_now(one: Checked) -> Settlement:
    """The recheck's word: suppressed with the reason, or back in the queue until then."""
    match one.verdict:
        case Suppress(Reason.TOO_LATE):
            return Settlement(one.claimed.id, DeliveryState.EXPIRED, reason=Reason.TOO_LATE)
        case Suppress(reason, obstacles):
            words = planner.obstacle_words(obstacles)
            return Settlement(one.claimed.id, DeliveryState.SUPPRESSED, reason=reason, obstacles=words)
        case Defer(contact_id, channel, address, until, reason):
            return Settlement(
                one.claimed.id,
                DeliveryState.QUEUED,
                reason=reason,
                not_before=until,
                channel=channel,
                contact_id=contact_id,
                address=address,
            )
        case Allow():
            raise AssertionError("allowed messages are sent")
        case _:
            assert_never(one.verdict)


async def settle_results(
    runtime: Runtime, group: Sequence[Ready], results: Sequence[SendResult], now: datetime
) -> Back:
    """What to write of a group whose answers are in."""
    pairs = list(zip(group, results, strict=True))
    rows = [await _settlement(runtime, one.claimed, result, now) for one, result in pairs if not result.accepted]
    told = [(one, result) for one, result in pairs if result.reaction is not None or mass_words(one.outbound)]
    unused = [one for one, result in told if not result.accepted and result.reaction not in _USED_UP]
    return Back(rows, _accepted([pair for pair in pairs if pair[1].accepted], now), told, now, unused)


async def turned_away(runtime: Runtime, group: Sequence[Ready], problem: ChannelUnavailable, now: datetime) -> Back:
    """Nothing was on the wire: everything goes back, and the channel rests a minute, or this provider of several."""
    closure = _closure(runtime, group[0])
    log.error("channel %s unavailable: %s", closure, problem)
    await outbox.close_channel(closure, str(problem), until=now + _SLOW)
    return Back(
        [
            Settlement(ready.claimed.id, DeliveryState.QUEUED, reason=Reason.CHANNEL_CLOSED, uncharged=True)
            for ready in group
        ],
        unused=group,
    )


async def remember(back: Back, settled: frozenset[int]) -> None:
    """What the answers tell about addresses; in the transaction that settles the messages."""
    if back.at is None:
        return
    together: list[str] = []
    for ready, result in back.told:
        if ready.claimed.id not in settled:
            continue
        if not mass_words(ready.outbound):
            await _remember(ready, result, back.at)
        elif result.accepted or result.reaction is Reaction.UNKNOWN:
            together.append(ready.claimed.address)
    await consent.use_mass(together, back.at)


def _accepted(pairs: Sequence[tuple[Ready, SendResult]], now: datetime) -> Accepted:
    return Accepted(
        now,
        ids=[one.claimed.id for one, _ in pairs],
        codes=[result.code[:64] for _, result in pairs],
        provider_ids=[result.provider_id[:64] for _, result in pairs],
        touch=[not one.claimed.uncertain for one, _ in pairs],
    )


async def _settlement(runtime: Runtime, claimed: Claimed, result: SendResult, now: datetime) -> Settlement:
    fate = await _fate(runtime, claimed, result, now)
    return replace(fate, code=result.code[:64], provider_id=result.provider_id[:64])


async def _fate(runtime: Runtime, claimed: Claimed, result: SendResult, now: datetime) -> Settlement:
    one = claimed.id
    match result.reaction:
        case None | Reaction.OK_DUP:
            raise AssertionError("accepted messages are settled by columns")
        case Reaction.UNKNOWN:
            return Settlement(
                one, DeliveryState.UNKNOWN, sent_at=now, settled_at=now, uncertain=True, touch=not claimed.uncertain
            )
        case Reaction.SUPPRESS | Reaction.DROP:
            return Settlement(one, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED, settled_at=now)
        case Reaction.CONSENT_USED:
            return await other_channel(runtime, claimed, now)
        case Reaction.RETRY | Reaction.REFRESH if claimed.attempts + 1 >= _TRIES[claimed.channel]:
            return Settlement(one, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED, settled_at=now)
        case Reaction.RETRY | Reaction.REFRESH:
            wait = (result.retry_after or _RETRY_AFTER) * 2**claimed.attempts
            return Settlement(one, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=now + _spread(claimed, wait))
        case Reaction.DEFER_RECIPIENT:
            later = now + (result.retry_after or _DEFER)
            return Settlement(one, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=later, uncharged=True)
        case Reaction.PAUSE_TEMPLATE if await _campaign_of(claimed) == BY_HAND:  # his words alone cannot go
            return Settlement(one, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED, settled_at=now)
        case Reaction.SLOW | Reaction.NEXT_DAY | Reaction.PAUSE_CHANNEL | Reaction.PAUSE_TEMPLATE:
            return Settlement(one, DeliveryState.QUEUED, reason=Reason.CHANNEL_CLOSED, uncharged=True)
        case _:
            assert_never(result.reaction)


def _spread(claimed: Claimed, wait: timedelta) -> timedelta:
    """Up to a tenth more for mail: what a server turned away together does not knock again together.

    A provider asked over HTTP may have said to the second when it wants to be asked again.
    """
    return wait * (1 + claimed.id % _SPREAD / _SPREAD / 10) if claimed.channel is ChannelName.EMAIL else wait


async def other_channel(runtime: Runtime, claimed: Claimed, now: datetime) -> Settlement:
    """The campaign's next way to the same member, or why there is none."""
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


async def _remember(ready: Ready, result: SendResult, now: datetime) -> None:
    """What an answer tells about this address."""
    claimed = ready.claimed
    if result.reaction is Reaction.SUPPRESS:
        await consent.suppress_address(
            claimed.channel,
            claimed.address,
            at=now,
            reason=result.code or "provider",
            source=f"message:{claimed.id}",
        )


async def act_on_reactions(runtime: Runtime, back: Back) -> None:
    """What the answers tell about the whole channel or campaign; the gravest of the group counts."""
    by_reaction = {result.reaction: result for _, result in back.told if result.reaction is not None}
    if not by_reaction or back.at is None:
        return
    now, first, closure = back.at, back.told[0][0].claimed, _closure(runtime, back.told[0][0])
    for ready, result in back.told:
        if result.reaction is Reaction.SLOW:
            await _slow_down(runtime, ready, result, now)
    if spent := by_reaction.get(Reaction.NEXT_DAY):
        await outbox.close_channel(closure, f"今天的额度用完：{spent.code}", until=_next_midnight(now))
    if refused := by_reaction.get(Reaction.PAUSE_CHANNEL):
        log.error("channel %s stopped: %s %s", closure, refused.code, refused.detail)
        await outbox.close_channel(closure, f"渠道停了：{refused.code} {refused.detail}")
    await rest_closed(runtime, runtime.channels[first.channel])
    if unusable := by_reaction.get(Reaction.PAUSE_TEMPLATE):
        key = await _campaign_of(first)
        if key == BY_HAND:
            return
        log.error("campaign %s paused: %s %s", key, unusable.code, unusable.detail)
        with contextlib.suppress(StateError):  # cancelled in the meantime: it says no more anyway
            await definitions.pause(key, note=f"内容不能用：{unusable.code} {unusable.detail}")


async def _campaign_of(claimed: Claimed) -> str:
    return (await outbox.read_occurrence(claimed.occurrence_id)).campaign_key


async def _slow_down(runtime: Runtime, ready: Ready, result: SendResult, now: datetime) -> None:
    """A destination with a limit of its own rests alone; else the whole channel does, and goes on at half its rate."""
    claimed = ready.claimed
    rest = await rest_for(claimed.channel, claimed.address, result.retry_after or _SLOW, now)
    provider, pace = paced_as(runtime.channels[claimed.channel], ready.outbound), runtime.pace
    if await pace.slow_down(provider, 0, rest.total_seconds(), destination=claimed.address):
        return
    await outbox.close_channel(_closure(runtime, ready), f"慢一点：{result.code} {result.detail}", until=now + rest)
    await pace.slow_down(provider, 0.5, _HALF_PACE.total_seconds())


async def rest_closed(runtime: Runtime, channel: Channel) -> None:
    """Tell a channel of several providers which of them must not be called."""
    if isinstance(channel, SmsRouter) and len(channel.providers) > 1:
        channel.rest(await outbox.closed_channels(runtime.clock()))


def _closure(runtime: Runtime, ready: Ready) -> str:
    return closed_as(runtime.channels[ready.claimed.channel], ready.outbound)


def _next_midnight(now: datetime) -> datetime:
    tomorrow = now.astimezone(SHANGHAI).date() + timedelta(days=1)
    return datetime.combine(tomorrow, datetime.min.time(), SHANGHAI)

"""After a fault: what dead senders held is taken back, and providers are asked about what they may have sent."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from bot.channels.base import Channel
from bot.channels.wechat import WechatChannel
from bot.runtime import Runtime
from bot.sender.asking_calls import ask_calls, is_of_call
from bot.sender.filling import refill
from campaigns import conversations, outbox, touches
from campaigns.members import consent
from campaigns.outbox import Claimed, Settlement
from campaigns.replies.receipts import apply_waiting
from campaigns.terms import ChannelName, DeliveryState, MessageClass, Reaction, Reason, SendResult

log = logging.getLogger(__name__)

_AT_ONCE = 50
_TRIES = 5  # a message that its worker dies of is not tried for ever
_ASK_AGAIN = timedelta(minutes=10)
_GIVEN_UP = timedelta(hours=1)  # by then a person must look whether an answer arrived


async def recover(runtime: Runtime) -> None:
    """Take back what dead senders held; what they had on the wire becomes unknown, with a touch."""
    async with in_transaction():
        claims, unknown = await outbox.release_expired(runtime.clock())
        if unknown:
            await touches.record_sent(unknown, runtime.clock())
            await touches.sign(unknown)
            await consent.use_mass(await outbox.mass_followers(unknown), runtime.clock())
    if claims:
        log.info("%d claims of dead senders released", claims)
    if unknown:
        log.warning("%d messages are uncertain: their sender died on the wire", len(unknown))
    await apply_waiting()


async def reconcile(runtime: Runtime) -> int:
    """Ask the providers about messages of unknown outcome. Returns how many are known now.

    What cannot be asked follows the channel: a service mail is sent once more under the same Message-ID, because a
    duplicate is better than a loss; anything else stays unknown, for staff to see and count.
    """
    known = 0
    await conversations.reopen_uncertain(runtime.clock() - _GIVEN_UP)
    for name, channel in runtime.channels.items():
        while claimed := await outbox.claim_unknown(name, limit=_AT_ONCE, ask_again=runtime.settings.lease):
            known += await _ask(runtime, channel, claimed)
    return known


async def _ask(runtime: Runtime, channel: Channel, claimed: Sequence[Claimed]) -> int:
    """What the provider can say of each; the others are left alone for a while."""
    ready = await refill(runtime, claimed)
    asked = [one for one in ready if not is_of_call(one)]
    answers = await asyncio.gather(*(channel.look_up(one.outbound) for one in asked), return_exceptions=True)
    resolved: list[Settlement] = []
    for one, answer in zip(asked, answers, strict=True):
        if isinstance(answer, BaseException):
            log.error("message %d cannot be asked about: %s", one.claimed.id, type(answer).__name__)
        elif settlement := _resolution(one.claimed, answer, runtime.clock()):
            resolved.append(settlement)
    await outbox.ask_later(claimed, after=_ASK_AGAIN)
    if isinstance(channel, WechatChannel):
        resolved += await ask_calls(runtime, channel, [one for one in ready if is_of_call(one)], _ASK_AGAIN)
    async with in_transaction():
        known = await outbox.resolve(resolved)
        await conversations.reopen_undelivered(known)
    if known:
        await apply_waiting(known)
    return len(known)


def _resolution(claimed: Claimed, result: SendResult | None, now: datetime) -> Settlement | None:
    if result is not None and result.reaction is not Reaction.UNKNOWN:
        return Settlement(
            claimed.id,
            DeliveryState.SENT if result.accepted else DeliveryState.FAILED,
            reason="" if result.accepted else Reason.PROVIDER_REFUSED,
            code=result.code[:64],
            provider_id=result.provider_id[:64],
            sent_at=now if result.accepted else None,
            settled_at=now,
            uncertain=True,
        )
    again = claimed.channel is ChannelName.EMAIL and claimed.message_class is MessageClass.SERVICE
    if again and claimed.attempts < _TRIES:
        return Settlement(claimed.id, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=now, uncertain=True)
    return None

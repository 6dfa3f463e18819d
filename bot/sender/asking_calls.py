"""Mass sends whose answer was lost: asked about as a whole, once for all the messages of a call."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.channels.wechat import WechatChannel
from bot.channels.wechat_mass import mass_words
from bot.runtime import Runtime
from bot.sender.filling import Ready, refill
from campaigns import outbox, planner
from campaigns.errors import ChannelUnavailable
from campaigns.outbox import Batch, Claimed, Settlement
from campaigns.terms import Allow, DeliveryState, Reaction, Reason, SendResult, Suppress

log = logging.getLogger(__name__)

_TOO_SOON = timedelta(seconds=70)  # the same name may be said again after a minute
_NAME_KEPT = timedelta(hours=23)  # WeChat knows it for 24 hours; after that it would send anew


def is_of_call(ready: Ready) -> bool:
    """Whether it went out together with others, and can be asked about only with them."""
    return mass_words(ready.outbound) is not None and not ready.outbound.key.isdecimal()


async def ask_calls(
    runtime: Runtime, channel: WechatChannel, some: Sequence[Ready], later: timedelta
) -> list[Settlement]:
    """`some` of the messages of one call or several. What stays unknown is left alone for that long."""
    found: list[Settlement] = []
    for name in dict.fromkeys(ready.outbound.key for ready in some):
        call = await outbox.unknown_in_call(channel.name, name)
        if call:
            await outbox.ask_later(call, after=later)
            found += await _ask_call(runtime, channel, call)
    return found


async def _ask_call(runtime: Runtime, channel: WechatChannel, call: Sequence[Claimed]) -> list[Settlement]:
    """The name said once more: WeChat has it, and nothing is sent; or it has not, and those are sent who may be now."""
    now = runtime.clock()
    run = planner.stored_run(await outbox.read_occurrence(call[0].occurrence_id))
    if not await _may_be_asked(call, now):
        return []
    checked = await planner.recheck(run, call, now, runtime.rulebook)
    allowed = [one.claimed for one in checked if isinstance(one.verdict, Allow)]
    try:
        told = await channel.ask_call([ready.outbound for ready in await refill(runtime, allowed)])
    except ChannelUnavailable as problem:
        log.warning("a mass send cannot be asked about: %s", problem)
        return []
    if told is None:
        return []
    first_went = not told.accepted or told.reaction is Reaction.OK_DUP
    gone = {one.id for one in (call if first_went else allowed)}
    log.info("mass send asked about: %s, %d of %d messages went", told.code, len(gone), len(call))
    reasons = {one.claimed.id: one.verdict.reason for one in checked if isinstance(one.verdict, Suppress)}
    return [
        _settled(one, told, now) if one.id in gone else _never_went(one, reasons.get(one.id, Reason.TOO_LATE), now)
        for one in call
    ]


async def _may_be_asked(call: Sequence[Claimed], now: datetime) -> bool:
    """Not a minute after it was said, not when WeChat forgets it, and not for a campaign that must not send."""
    sent_at = await outbox.sent_at(call[0].id)
    if sent_at is None or not _TOO_SOON <= now - sent_at <= _NAME_KEPT:
        return False
    return await outbox.is_open(Batch(call[0].occurrence_id, call[0].channel), now)


def _settled(one: Claimed, told: SendResult, now: datetime) -> Settlement:
    return Settlement(
        one.id,
        DeliveryState.SENT if told.accepted else DeliveryState.FAILED,
        reason="" if told.accepted else Reason.PROVIDER_REFUSED,
        code=told.code[:64],
        provider_id=told.provider_id[:64],
        sent_at=now if told.accepted else None,
        settled_at=now,
        uncertain=True,
    )


def _never_went(one: Claimed, reason: Reason, now: datetime) -> Settlement:
    return Settlement(one.id, DeliveryState.SUPPRESSED, reason=reason, settled_at=now, uncertain=True)

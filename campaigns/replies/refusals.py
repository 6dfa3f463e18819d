"""A refusal by link or told to the staff, and the way back in."""

from collections.abc import Collection
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import touches, webhooks
from campaigns.members import consent
from campaigns.members.find import Match, members_sharing
from campaigns.models import Message
from campaigns.terms import ChannelName, Direction, Intent, TouchKind
from campaigns.webhooks import WebhookKind


async def record_refusal(message_id: int, *, now: datetime, channel_only: bool = False) -> None:
    """A refusal by link: of everything (the one-click POST says no less), or of this channel on the preference page."""
    message = await Message.get(id=message_id)
    source = f"link:{message_id}"
    async with in_transaction():
        if channel_only and message.channel and message.address:
            channel = ChannelName(message.channel)
            new = await consent.suppress_address(channel, message.address, at=now, reason="preference", source=source)
            if new:
                told = {message.member_id: {"channel": channel, "source": "link"}}
                await webhooks.announce(WebhookKind.OPT_OUT, at=now, about=told, contact_id=message.contact_id)
        else:
            new = await consent.record_opt_out(*await _answered_for(message), at=now, source=source)
        if new:
            text = "只退订这个渠道" if channel_only else "退订全部"
            await _record_refusal_touch(message.member_id, message.contact_id, "web", text, now, message_id)


async def _answered_for(message: Message) -> Collection[int]:
    if not message.channel or not message.address:
        return [message.member_id]
    match = Match(message.member_id, message.contact_id)
    return await members_sharing(match, ChannelName(message.channel), message.address)


async def record_staff_refusal(member_id: int, *, now: datetime, by: str) -> bool:
    """A refusal somebody on the staff was told, by phone say. False where it stood already."""
    async with in_transaction():
        if not await consent.record_opt_out(member_id, at=now, source=f"staff:{by}"):
            return False
        await _record_refusal_touch(member_id, None, "phone", f"{by} 记下：不要再联系", now, None)
    return True


async def _record_refusal_touch(
    member_id: int, contact_id: int | None, medium: str, text: str, now: datetime, message_id: int | None
) -> None:
    await touches.record_touch(
        member_id,
        contact_id=contact_id,
        at=now,
        direction=Direction.IN,
        kind=TouchKind.OPT_OUT,
        medium=medium,
        message_id=message_id,
        text=text,
        intent=Intent.STOP,
    )


async def record_return(message_id: int, *, now: datetime) -> bool:
    """The way back in was used. True the first time; the link is then spent."""
    message = await Message.get(id=message_id)
    async with in_transaction():
        if not await touches.use_link(message_id, "way_in", now):
            return False
        await touches.record_touch(
            message.member_id,
            contact_id=message.contact_id,
            at=now,
            direction=Direction.IN,
            kind=TouchKind.RETURN,
            medium="web",
            message_id=message_id,
        )
        told = {message.member_id: {"message": message_id, "channel": message.channel}}
        await webhooks.announce(WebhookKind.RETURN, at=now, about=told, contact_id=message.contact_id)
    return True

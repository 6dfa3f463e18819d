"""The WeCom channel of a runtime, where there is one and nothing has stopped it."""

from datetime import datetime, timedelta

from bot.channels.wecom import WecomChannel
from bot.channels.wecom_api import WecomApi
from bot.runtime import Runtime
from campaigns import outbox
from campaigns.terms import ChannelName, Reaction, SendResult

_SLOW = timedelta(minutes=1)
_PUT_OFF = (Reaction.SLOW, Reaction.NEXT_DAY, Reaction.DEFER_RECIPIENT, Reaction.PAUSE_CHANNEL)
_MOST_TRIES = 5


def wecom_of(runtime: Runtime) -> WecomApi | None:
    channel = runtime.channels.get(ChannelName.WECOM)
    return channel.api if isinstance(channel, WecomChannel) else None


async def open_wecom(runtime: Runtime) -> WecomApi | None:
    """None, too, where an answer of WeCom's closed the channel."""
    api = wecom_of(runtime)
    if api is None or ChannelName.WECOM in await outbox.closed_channels(runtime.clock()):
        return None
    return api


async def heed(result: SendResult) -> None:
    """What an answer means for all of WeCom: a person must mend it, and open the channel again."""
    if result.reaction is Reaction.PAUSE_CHANNEL:
        await outbox.close_channel(ChannelName.WECOM, f"渠道停了：{result.code} {result.detail}")


def again_at(result: SendResult, attempts: int, now: datetime) -> datetime | None:
    """When what did not go out is tried again; None where it is not."""
    if result.reaction in _PUT_OFF:
        return now + (result.retry_after or _SLOW)
    if result.reaction in (Reaction.RETRY, Reaction.REFRESH) and attempts < _MOST_TRIES:
        return now + (result.retry_after or _SLOW) * float(2**attempts)
    return None

"""How long a mail destination that wants less is left alone: an hour that was not enough is a day the next time."""

import hashlib
from datetime import datetime, timedelta

from campaigns.marks import read_mark, write_mark
from campaigns.terms import ChannelName

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


async def rest_for(channel: ChannelName, address: str, asked: timedelta, now: datetime) -> timedelta:
    """`asked`: what its words mean. QQ's bans are of a minute, an hour or a day, and do not say which.

    What is said again within the rest is the same ban, heard over another connection.
    """
    if channel is not ChannelName.EMAIL or asked < _HOUR:
        return asked
    domain = address.rpartition("@")[2].lower()
    mark = f"slow:{hashlib.sha256(domain.encode()).hexdigest()[:24]}"
    last = await read_mark(mark)
    since = now - datetime.fromisoformat(last) if last else None
    if since is not None and timedelta() <= since < asked:
        return asked
    await write_mark(mark, now.isoformat())
    return _DAY if since is not None and since <= asked + _DAY else asked

"""How many requests a token may make in a minute, counted for all processes at the doorbell.

A sliding window over two counts: the last minute's share fades as this one fills. Without Redis nobody is refused.
"""

import hashlib
import logging
import math
import time

from redis.exceptions import RedisError

from bot.runtime import Runtime

log = logging.getLogger(__name__)

_WINDOW = 60


async def wait_for(runtime: Runtime, token_id: int, per_minute: int) -> int:
    """Seconds until another request is taken; 0 where this one is, and is counted."""
    window, into = divmod(time.time(), _WINDOW)
    base = f"{_name(runtime)}:{token_id}"
    now, before = f"{base}:{int(window)}", f"{base}:{int(window) - 1}"
    try:
        async with runtime.redis.pipeline(transaction=True) as pipe:
            pipe.incr(now)
            pipe.expire(now, 2 * _WINDOW)
            pipe.get(before)
            count, _, last = await pipe.execute()
        wait = _wait(count, int(last or 0), into, per_minute)
        if wait:
            await runtime.redis.decr(now)
    except (RedisError, OSError) as exc:
        log.warning("requests are not counted: the doorbell is gone (%s)", type(exc).__name__)
        return 0
    return wait


def _wait(count: int, last: int, into: float, most: int) -> int:
    """`count` in this window with this request, `last` in the one before, `into` seconds of this one are over."""
    if count + last * (1 - into / _WINDOW) <= most:
        return 0
    if count <= most:  # what is left of the last window fades before this one is full
        return max(1, math.ceil(_WINDOW * (1 - (most - count) / last) - into))
    return max(1, math.ceil(_WINDOW - into + _WINDOW / most))


def _name(runtime: Runtime) -> str:
    """Each database counts for itself, where several share a Redis."""
    return f"huifang:{hashlib.sha256(runtime.settings.database.encode()).hexdigest()[:12]}:api"

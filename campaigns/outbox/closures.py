"""Channels that the answer of a provider closed, for a while or until a person opens them.

Where several providers share a channel, one of them alone may be closed, by a name of its own (sms_tencent).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.expressions import Q

from campaigns.models import ChannelState
from campaigns.terms import ChannelName


async def close_channel(channel: str, reason: str, *, until: datetime | None = None) -> None:
    """Stop a channel until then, or until a person opens it. What closed it for longer stands."""
    stands = await ChannelState.get_or_none(channel=channel)
    if stands and (stands.closed or (until and stands.closed_until and stands.closed_until >= until)):
        return
    await ChannelState.update_or_create(
        channel=channel, defaults={"closed": until is None, "closed_until": until, "reason": reason[:255]}
    )


async def open_channel(channel: str) -> None:
    await ChannelState.filter(channel=channel).delete()


async def closed_channels(now: datetime, *, for_good: bool = False) -> Mapping[str, str]:
    """Those that are closed now, and why; `for_good`: only till a person opens them."""
    rows = await ChannelState.filter(Q(closed=True) if for_good else Q(closed=True) | Q(closed_until__gt=now))
    return {row.channel: row.reason for row in rows}


@dataclass(frozen=True, slots=True)
class Closure:
    """Why a channel, or one provider of it, is closed. `until` None: till a person opens it."""

    channel: str
    reason: str
    until: datetime | None


async def list_closures(now: datetime) -> list[Closure]:
    rows = await ChannelState.filter(Q(closed=True) | Q(closed_until__gt=now)).order_by("channel")
    return [Closure(row.channel, row.reason, None if row.closed else row.closed_until) for row in rows]


async def shut_channels(until: datetime) -> frozenset[ChannelName]:
    """Whole channels that are closed up to that moment at least."""
    closed = await closed_channels(until)
    return frozenset(name for name in ChannelName if name in closed)

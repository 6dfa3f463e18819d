"""What the ledgers say of each contact and channel of one member now, whatever the campaign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns import outbox
from campaigns.members.facts import facts_for
from campaigns.reach import is_open, mass_left, why_not
from campaigns.terms import ChannelName, ContactFacts, Facts, MessageClass, Reason


@dataclass(frozen=True, slots=True)
class Reachable:
    """One contact by one channel. A class is None where it can be written now, else it names what is in the way.

    A window counts the messages left until its end. `credits`: accepted notices by template. `month_left`: mass
    messages of this month, None where there is no such thing.
    """

    contact: str
    contact_id: int
    channel: ChannelName
    service: Reason | None
    marketing: Reason | None
    window_left: int = 0
    window_until: datetime | None = None
    credits: Mapping[str, int] = field(default_factory=dict)
    month_left: int | None = None


async def reach_of(member_id: int, now: datetime) -> list[Reachable]:
    """Every active contact by every channel, the primary contact first."""
    return (await reach_of_many([member_id], now)).get(member_id, [])


async def reach_of_many(member_ids: Sequence[int], now: datetime) -> dict[int, list[Reachable]]:
    """The same of many at once: the queries are as many as for one."""
    closed = await outbox.shut_channels(now)
    return {
        member_id: [
            _reachable(facts, contact, channel, now, closed) for contact in facts.contacts for channel in ChannelName
        ]
        for member_id, facts in (await facts_for(member_ids, now, history=None)).items()
    }


def _reachable(
    facts: Facts, contact: ContactFacts, channel: ChannelName, now: datetime, closed: frozenset[ChannelName]
) -> Reachable:
    service, marketing = (
        why_not(facts, contact, channel, kind, now, closed) for kind in (MessageClass.SERVICE, MessageClass.MARKETING)
    )
    known = {ChannelName.WECHAT: contact.wechat, ChannelName.WECOM: contact.wecom}.get(channel)
    is_wechat = channel is ChannelName.WECHAT and bool(contact.openid)
    return Reachable(
        contact=contact.no,
        contact_id=contact.id,
        channel=channel,
        service=service,
        marketing=marketing,
        window_left=known.window_left if known and is_open(known, now) else 0,
        window_until=known.window_until if known and is_open(known, now) else None,
        credits=dict(contact.wechat.credits) if is_wechat and contact.wechat else {},
        month_left=mass_left(contact.wechat, now) if is_wechat else None,
    )

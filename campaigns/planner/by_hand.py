"""Writing by hand to one member: by which channels it can go now, to whom, as what, and what is in the way."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from campaigns import conversations, outbox
from campaigns.content import Compiled, variables
from campaigns.members.facts import facts_for
from campaigns.planner.rechecking import extras_for
from campaigns.planner.runs import Rulebook
from campaigns.policy import Ruling
from campaigns.reach import CampaignRules, is_open
from campaigns.terms import Allow, ChannelName, ContactFacts, Defer, Facts, MessageClass, Reason, Suppress, WechatMode

ANSWER_WITHIN = timedelta(hours=48)
"""So long after the customer's last word ours is an answer to it, at any hour; later it is a service message."""
_ORDER = (ChannelName.WECHAT, ChannelName.WECOM, ChannelName.EMAIL, ChannelName.SMS)
_CHATS = frozenset({ChannelName.WECHAT, ChannelName.WECOM})


@dataclass(frozen=True, slots=True)
class WayByHand:
    """One contact by one channel. `why`: what is in the way; None: it can go, not before `starts`.

    A window counts the messages left until its end; WeChat and WeCom have one, the others None.
    """

    contact_id: int
    contact: str
    title: str
    channel: ChannelName
    address: str = field(repr=False)
    why: Reason | None
    message_class: MessageClass
    starts: datetime
    window_left: int = 0
    window_until: datetime | None = None


async def ways_by_hand(member_id: int, now: datetime, book: Rulebook) -> list[WayByHand]:
    """Every active contact by every channel, the contact who wrote last first, else the primary one."""
    facts = (await facts_for([member_id], now, history=None)).get(member_id)
    if facts is None:
        return []
    known = await conversations.find(member_id)
    recently = known is not None and now - known.heard_at <= ANSWER_WITHIN
    closed = await outbox.shut_channels(now)
    last = known.contact_id if known else None
    contacts = sorted(facts.contacts, key=lambda one: (one.id != last, not one.is_primary))
    return [
        _way(facts, contact, channel, now, book, closed, recently=recently)
        for contact in contacts
        for channel in _ORDER
    ]


async def sample_of(
    member_id: int, contact_id: int, content: Compiled | None, now: datetime, book: Rulebook
) -> Mapping[str, Any] | None:
    """What words to this contact would be filled with now, but for the links; None where there is no such contact."""
    facts = (await facts_for([member_id], now, history=None)).get(member_id)
    contact = next((one for one in facts.contacts if one.id == contact_id), None) if facts else None
    if facts is None or contact is None:
        return None
    extra = (await extras_for([facts], content)).get(member_id, {}) if content else {}
    return variables(facts, contact, now=now, site=book.site, extra=extra)


def _way(
    facts: Facts,
    contact: ContactFacts,
    channel: ChannelName,
    now: datetime,
    book: Rulebook,
    closed: Collection[ChannelName],
    *,
    recently: bool,
) -> WayByHand:
    reach = {ChannelName.WECHAT: contact.wechat, ChannelName.WECOM: contact.wecom}.get(channel)
    chatting = is_open(reach, now)
    kind = MessageClass.ANSWER if recently or (channel in _CHATS and chatting) else MessageClass.SERVICE
    rules = CampaignRules(kind, (channel,), None, frozenset({WechatMode.CUSTOM}), by_hand=True)
    why, starts = _verdict(Ruling(rules, book.policy, book.calendar, now).recheck(facts, contact, channel), now)
    return WayByHand(
        contact_id=contact.id,
        contact=contact.name,
        title=contact.title,
        channel=channel,
        address=contact.address(channel) or "",
        why=why or (Reason.CHANNEL_CLOSED if channel in closed else None),
        message_class=kind,
        starts=starts,
        window_left=reach.window_left if reach and chatting else 0,
        window_until=reach.window_until if reach and chatting else None,
    )


def _verdict(verdict: Allow | Defer | Suppress, now: datetime) -> tuple[Reason | None, datetime]:
    match verdict:
        case Allow():
            return None, now
        case Defer(until=until, reason=Reason.PAUSED):
            return Reason.PAUSED, until
        case Defer(until=until):
            return None, until
        case Suppress(reason):
            return reason, now

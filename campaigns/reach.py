"""Can this contact be reached by this channel, and if not why: consent, address, follower, window, credit, quota.

The moment (hours, caps) is policy's. These rules say what has to be there at that moment, before a provider is asked.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from campaigns.terms import (
    SHANGHAI,
    ChannelName,
    ContactFacts,
    Facts,
    MessageClass,
    Reason,
    WechatMode,
    WechatReach,
    WecomReach,
)

COUNTED = frozenset({MessageClass.MARKETING, MessageClass.GREETING})
"""Classes that need a recorded consent and count against the caps."""

MASS_A_MONTH = 4
"""Mass messages a WeChat service account may send one follower in a calendar month (45028 is the fifth)."""
_MASS_ALONE = frozenset({WechatMode.MASS})  # a campaign of mass sends has no other words for WeChat

# Where a way to a contact ends, the furthest last. Of all ways that were tried, the one that came furthest
# gives the reason: it is the one thing that has to change for this member to be reached.
_OBSTACLES = (
    Reason.NO_CONTACT,
    Reason.NO_ADDRESS,
    Reason.NO_CONSENT,
    Reason.BLOCKED,
    Reason.UNREACHABLE,
    Reason.NOT_FOLLOWER,
    Reason.OPTED_OUT,
    Reason.TEMPLATE_NOT_APPROVED,
    Reason.NO_WINDOW,
    Reason.NO_CREDIT,
    Reason.MONTH_QUOTA,
    Reason.CHANNEL_CLOSED,
    Reason.PAUSED,
    Reason.REFUSED,
)
_RANKS = {reason: rank for rank, reason in enumerate(_OBSTACLES)}

OBSTACLES = frozenset(_OBSTACLES) - {Reason.NO_CONTACT, Reason.PAUSED, Reason.REFUSED}
"""What is in the way of one channel alone: another may be open."""

# Why an address was suppressed (suppressions.reason): our own words and the providers' codes.
_KINDS: Mapping[Reason, Collection[str]] = {
    Reason.OPTED_OUT: {
        *("preference", "complaint", "user block", "48002", "fail_type 10"),
        *("isv.CUSTOMER_REFUSED", "FailedOperation.PhoneNumberInBlacklist", "PhoneNumberInBlacklist"),
        *("MBBLACK", "DBBLACK", "BLACK", "TDBLACK", "TSBLACK", "DB:0144", "HD:0001", "MY:0001"),
    },
    Reason.NOT_FOLLOWER: {"unfollowed", "43004", "removed us", "no friend", "84061"},
    Reason.BLOCKED: {"43019", "provider"},
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """What must be known of a campaign: channels in order of preference, the last useful moment.

    `unapproved` are channels for which it has no approved template. Words `by_hand` go in a conversation alone.
    """

    message_class: MessageClass
    channels: tuple[ChannelName, ...]
    useless_at: datetime | None
    wechat_modes: frozenset[WechatMode]
    subscribe_template: str = ""
    unapproved: frozenset[ChannelName] = frozenset()
    by_hand: bool = False  # a colleague's own words: a refusal holds them, be they an answer or not


def kind_of(suppressed_for: str) -> Reason:
    """What kind of suppression it is; what is neither a refusal nor a follower gone is a dead address."""
    return _KIND_OF.get(suppressed_for, Reason.UNREACHABLE)


def furthest(reasons: Iterable[Reason]) -> Reason:
    return max(reasons, key=_RANKS.__getitem__)


def obstacle(contact: ContactFacts, channel: ChannelName, rules: CampaignRules) -> Reason | None:
    """What is in the way at any moment; None where only the moment decides (`closed_at`)."""
    if not contact.address(channel):
        return Reason.NO_ADDRESS
    if not contact.consent and rules.message_class in COUNTED:
        return Reason.NO_CONSENT
    if channel in contact.blocked:
        return contact.blocked[channel]
    return Reason.TEMPLATE_NOT_APPROVED if channel in rules.unapproved else None


def closed_at(contact: ContactFacts, channel: ChannelName, rules: CampaignRules, at: datetime) -> Reason | None:
    """What the provider would not let through at the moment of sending; mail and SMS know nothing of the kind."""
    if channel is ChannelName.WECHAT and wechat_mode(contact, rules, at) is None:
        return _closed_wechat(contact, rules, at)
    chatting = rules.by_hand or rules.message_class is MessageClass.ANSWER
    if channel is ChannelName.WECOM and chatting and not is_open(contact.wecom, at):
        return Reason.NO_WINDOW  # an answer goes in customer service, all else as a task of staff
    return None


def wechat_mode(contact: ContactFacts, rules: CampaignRules, now: datetime) -> WechatMode | None:
    """How WeChat lets us write to this contact now, the cheapest permission first, or None.

    Of an imported follower no event is known yet (`wechat` None): a service notice may be tried, and a mass send,
    from which WeChat leaves out who does not follow.
    """
    reach, modes = contact.wechat, rules.wechat_modes
    if modes == _MASS_ALONE:
        return WechatMode.MASS if (reach is None or reach.followed) and mass_left(reach, now) else None
    template = rules.message_class is MessageClass.SERVICE and WechatMode.TEMPLATE in modes
    if reach is None:
        return WechatMode.TEMPLATE if template else None
    if not reach.followed:
        return None
    if WechatMode.CUSTOM in modes and is_open(reach, now):
        return WechatMode.CUSTOM
    if template:
        return WechatMode.TEMPLATE
    if WechatMode.SUBSCRIBE in modes and reach.credits.get(rules.subscribe_template, 0) > 0:
        return WechatMode.SUBSCRIBE
    return None


def is_open(reach: WechatReach | WecomReach | None, at: datetime) -> bool:
    """Whether what the customer did last still lets us write; in WeCom in the customer service they wrote to."""
    if reach is None or reach.window_until is None or (isinstance(reach, WecomReach) and not reach.desk):
        return False
    return reach.window_left > 0 and reach.window_until > at


def month_of(now: datetime) -> str:
    """The calendar month a mass message counts in, as WeChat counts: 2026-11."""
    return f"{now.astimezone(SHANGHAI):%Y-%m}"


def mass_left(reach: WechatReach | None, now: datetime) -> int:
    """How many mass messages of this month are left for a follower."""
    used = reach.mass_used if reach and reach.mass_month == month_of(now) else 0
    return max(0, MASS_A_MONTH - used)


def _closed_wechat(contact: ContactFacts, rules: CampaignRules, at: datetime) -> Reason:
    """Of the permissions a campaign has words for, the last one tried is named."""
    if contact.wechat is not None and not contact.wechat.followed:
        return Reason.NOT_FOLLOWER
    if rules.wechat_modes == _MASS_ALONE and not mass_left(contact.wechat, at):
        return Reason.MONTH_QUOTA
    if WechatMode.SUBSCRIBE in rules.wechat_modes and rules.subscribe_template:
        return Reason.NO_CREDIT
    return Reason.NO_WINDOW


# ---- without a campaign ---------------------------------------------------------------------------------------------

_ASKED = {
    MessageClass.SERVICE: frozenset({WechatMode.CUSTOM, WechatMode.TEMPLATE}),
    MessageClass.MARKETING: frozenset({WechatMode.CUSTOM, WechatMode.SUBSCRIBE}),
}


def why_not(
    facts: Facts,
    contact: ContactFacts,
    channel: ChannelName,
    kind: MessageClass,
    now: datetime,
    closed: Collection[ChannelName] = (),
) -> Reason | None:
    """Whether a message of this class could be written now, by whatever campaign; None: it can.

    `closed` are channels that a provider's answer stopped. Hours and caps are not asked.
    """
    if facts.refused:
        return Reason.REFUSED
    if facts.paused_until and facts.paused_until > now:
        return Reason.PAUSED
    credits = contact.wechat.credits if contact.wechat else {}
    template = next((name for name, left in sorted(credits.items()) if left > 0), "")
    rules = CampaignRules(kind, (channel,), None, _ASKED[kind], template)
    found = obstacle(contact, channel, rules) or closed_at(contact, channel, rules, now)
    return found or (Reason.CHANNEL_CLOSED if channel in closed else None)

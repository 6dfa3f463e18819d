"""All that is known of many members at one moment, in a fixed number of queries however many they are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q

from campaigns.models import Contact, Member, Message, Suppression, WechatFollower
from campaigns.terms import ChannelName, ContactFacts, DeliveryState, Facts, MessageClass, Tier, WechatReach

_HISTORY = timedelta(days=30)
# What counts against the caps: made, on its way, or meant to be made.
_COUNTED = (
    DeliveryState.QUEUED,
    DeliveryState.CLAIMED,
    DeliveryState.SENDING,
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.BOUNCED,
    DeliveryState.UNKNOWN,
)
_CAPPED_CLASSES = (MessageClass.MARKETING, MessageClass.GREETING)


async def facts_for(
    member_ids: Sequence[int], now: datetime, *, leaving_out: Iterable[int] = (), history: timedelta = _HISTORY
) -> dict[int, Facts]:
    """Facts by member id.

    `history` is how far back the widest cap looks. Messages in `leaving_out` are none of it: a message is no rival of
    itself.
    """
    ids = list(member_ids)
    members = await Member.filter(id__in=ids)
    contacts = await Contact.filter(member_id__in=ids, active=True).order_by("-is_primary", "id")
    blocked, refused, paused = await _suppressions(ids, contacts, now)
    followers = {
        row.openid: WechatReach(row.followed, row.window_until, row.window_left, row.credits)
        for row in await WechatFollower.filter(openid__in=[c.openid for c in contacts if c.openid])
    }
    touches, sms_touches = await _history(ids, now - history, set(leaving_out))
    people: dict[int, list[ContactFacts]] = defaultdict(list)
    for contact in contacts:
        people[contact.member_id].append(_contact_facts(contact, blocked, followers))
    return {
        member.id: _facts(
            member,
            contacts=tuple(people[member.id]),
            refused=member.id in refused,
            paused_until=paused.get(member.id),
            marketing_at=tuple(touches[member.id]),
            marketing_sms_at={
                person.id: tuple(sms_touches[person.id]) for person in people[member.id] if sms_touches[person.id]
            },
        )
        for member in members
    }


async def _suppressions(
    ids: list[int], contacts: Sequence[Contact], now: datetime
) -> tuple[set[tuple[str, str]], set[int], dict[int, datetime]]:
    addresses = {value for c in contacts for value in (c.mobile, c.email, c.openid) if value}
    rows = await Suppression.filter(Q(member_id__in=ids, channel=None) | Q(address__in=addresses), lifted_at=None)
    blocked = {(row.channel, row.address) for row in rows if row.channel and row.address}
    refused = {row.member_id for row in rows if row.member_id and not row.channel and row.until is None}
    paused: dict[int, datetime] = {}
    for row in rows:
        if row.member_id and not row.channel and row.until and row.until > now:
            paused[row.member_id] = max(row.until, paused.get(row.member_id, row.until))
    return blocked, refused, paused


async def _history(
    ids: list[int], since: datetime, leaving_out: set[int]
) -> tuple[Mapping[int, list[datetime]], Mapping[int, list[datetime]]]:
    rows = await Message.filter(
        Q(not_before__gt=since) | Q(sent_at__gt=since),  # a channel that was closed sends late
        member_id__in=ids,
        message_class__in=_CAPPED_CLASSES,
        state__in=_COUNTED,
    ).values_list("id", "member_id", "contact_id", "channel", "sent_at", "not_before")
    company: dict[int, list[datetime]] = defaultdict(list)
    sms: dict[int, list[datetime]] = defaultdict(list)
    for message_id, member_id, contact_id, channel, sent_at, not_before in rows:
        if message_id in leaving_out:
            continue
        at = sent_at or not_before
        company[member_id].append(at)
        if channel == ChannelName.SMS and contact_id:
            sms[contact_id].append(at)
    for times in (*company.values(), *sms.values()):
        times.sort()
    return company, sms


def _contact_facts(
    contact: Contact, blocked: set[tuple[str, str]], followers: Mapping[str, WechatReach]
) -> ContactFacts:
    addresses = {
        ChannelName.EMAIL: contact.email,
        ChannelName.SMS: contact.mobile,
        ChannelName.WECHAT: contact.openid,
    }
    return ContactFacts(
        id=contact.id,
        no=contact.no,
        name=contact.name,
        title=contact.title,
        mobile=contact.mobile,
        email=contact.email,
        openid=contact.openid,
        is_primary=contact.is_primary,
        consent=contact.consent is True,
        blocked=frozenset(channel for channel, address in addresses.items() if (channel, address) in blocked),
        wechat=followers.get(contact.openid or ""),
    )


def _facts(member: Member, **known: Any) -> Facts:
    return Facts(
        member_id=member.id,
        member_no=member.no,
        name=member.name,
        trade=member.trade,
        nature=member.nature,
        size=member.size,
        city=member.city,
        owner=member.owner,
        tier=Tier(member.tier),
        registered_at=member.registered_at,
        last_login_at=member.last_login_at,
        login_count=member.login_count,
        plan=member.plan,
        plan_expires_on=member.plan_expires_on,
        postings=member.postings,
        live_postings=member.live_postings,
        applications=member.applications,
        unread_resumes=member.unread_resumes,
        oldest_unread_at=member.oldest_unread_at,
        attrs=member.attrs,
        **known,
    )

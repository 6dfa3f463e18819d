"""All that is known of many members at one moment, in a fixed number of queries however many they are.

Read past the ORM: planning and every message on its way to the wire come through here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from campaigns import statements
from campaigns.members.wecom import reach_of
from campaigns.reach import furthest, kind_of
from campaigns.statements import day, moment
from campaigns.terms import (
    ChannelName,
    ContactFacts,
    DeliveryState,
    Direction,
    Facts,
    MessageClass,
    Reason,
    Tier,
    TouchKind,
    WechatReach,
    WecomReach,
)

_HISTORY = timedelta(days=30)
# What counts against the caps: made, on its way, or meant to be made.
_COUNTED = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.BOUNCED,
    DeliveryState.UNKNOWN,
)
_CAPPED_CLASSES = (MessageClass.MARKETING, MessageClass.GREETING)
_CHANNELS = (ChannelName.EMAIL, ChannelName.SMS, ChannelName.WECHAT, ChannelName.WECOM)
_Blocked = dict[tuple[str, str], Reason]


async def facts_for(
    member_ids: Sequence[int], now: datetime, *, leaving_out: Iterable[int] = (), history: timedelta | None = _HISTORY
) -> dict[int, Facts]:
    """Facts by member id, in the order of the ids.

    `history` is how far back the widest cap looks; None where no cap applies. Messages in `leaving_out` are none of
    it: a message is no rival of itself.
    """
    if not member_ids:
        return {}
    db = statements.connection()
    ids = statements.id_list(db, member_ids)
    members = await statements.fetch(f"SELECT {_MEMBER} FROM members WHERE id {_among(db)} ORDER BY id", ids)
    contacts = await statements.fetch(
        f"SELECT {_CONTACT} FROM contacts WHERE member_id {_among(db)} AND active ORDER BY is_primary DESC, id", ids
    )
    blocked, refused, paused = await _suppressions(ids, contacts, now)
    followers = await _followers([row[6] for row in contacts if row[6]])
    ours = set(leaving_out)
    customers = await reach_of([row[10] for row in contacts if row[10]], now, ours)
    touches, sms_touches = await _history(ids, now - history, ours) if history else ({}, {})
    people: dict[int, list[ContactFacts]] = defaultdict(list)
    for row in contacts:
        people[row[0]].append(_contact_facts(row, blocked, followers, customers))
    return {
        row[0]: _facts(
            row,
            contacts=tuple(people.get(row[0], ())),
            refused=row[0] in refused,
            paused_until=paused.get(row[0]),
            marketing_at=tuple(touches.get(row[0], ())),
            marketing_sms_at={
                person.id: tuple(sms_touches[person.id])
                for person in people.get(row[0], ())
                if person.id in sms_touches
            }
            if sms_touches
            else {},
        )
        for row in members
    }


async def _suppressions(
    ids: Any, contacts: Sequence[Any], now: datetime
) -> tuple[_Blocked, set[int], dict[int, datetime]]:
    db = statements.connection()
    addresses = [value for row in contacts for value in (*row[4:7], row[10]) if value]
    rows = await statements.fetch(
        f"""
        SELECT member_id, channel, address, until, reason FROM suppressions
        WHERE lifted_at IS NULL AND (
          (channel IS NULL AND member_id {_among(db)})
          OR (channel IS NOT NULL AND address {statements.ids_in(db, "$2", "text")}))
        """,
        ids,
        statements.id_list(db, addresses),
    )
    blocked: _Blocked = {}
    refused: set[int] = set()
    paused: dict[int, datetime] = {}
    for member_id, channel, address, until, reason in rows:
        if channel:
            kind, stands = kind_of(reason), blocked.get((channel, address))
            blocked[channel, address] = furthest((stands, kind)) if stands else kind
        elif until is None:
            refused.add(member_id)
        elif (end := moment(until)) and end > now:
            paused[member_id] = max(end, paused.get(member_id, end))
    return blocked, refused, paused


async def _followers(openids: Sequence[str]) -> dict[str, WechatReach]:
    if not openids:
        return {}
    db = statements.connection()
    rows = await statements.fetch(
        f"""
        SELECT openid, followed, window_until, window_left, credits, mass_month, mass_used FROM wechat_followers
        WHERE openid {statements.ids_in(db, "$1", "text")}
        """,
        statements.id_list(db, openids),
    )
    return {row[0]: WechatReach(bool(row[1]), moment(row[2]), row[3], _table(row[4]), *row[5:]) for row in rows}


async def _history(
    ids: Any, since: datetime, leaving_out: set[int]
) -> tuple[Mapping[int, list[datetime]], Mapping[int, list[datetime]]]:
    db = statements.connection()
    rows = await statements.fetch(
        f"""
        SELECT id, member_id, contact_id, channel, coalesce(sent_at, not_before) FROM messages
        WHERE member_id {_among(db)} AND message_class IN ({_quoted(_CAPPED_CLASSES)})
          AND state IN ({_quoted(_COUNTED)}) AND (not_before > $2 OR sent_at > $2)
        ORDER BY 5
        """,  # a channel that was closed sends late
        ids,
        since,
    )
    company = await _by_hand(ids, since)
    sms: dict[int, list[datetime]] = defaultdict(list)
    for message_id, member_id, contact_id, channel, at in rows:
        if message_id in leaving_out or not (made := moment(at)):
            continue
        company[member_id].append(made)
        if channel == ChannelName.SMS and contact_id:
            sms[contact_id].append(made)
    return {member_id: sorted(times) for member_id, times in company.items()}, sms


async def _by_hand(ids: Any, since: datetime) -> dict[int, list[datetime]]:
    """Calls, visits and gifts weigh on a company as messages do."""
    rows = await statements.fetch(
        f"""
        SELECT member_id, at FROM touches
        WHERE member_id {_among(statements.connection())} AND at > $2
          AND kind = '{TouchKind.VISIT}' AND direction = '{Direction.OUT}' ORDER BY at
        """,
        ids,
        since,
    )
    made: dict[int, list[datetime]] = defaultdict(list)
    for member_id, at in rows:
        if found := moment(at):
            made[member_id].append(found)
    return made


_NOTHING: Mapping[ChannelName, Reason] = {}
_CONTACT = "member_id, id, no, name, mobile, email, openid, title, is_primary, consent, external_userid"


def _contact_facts(
    row: Any, blocked: _Blocked, followers: Mapping[str, WechatReach], customers: Mapping[str, WecomReach]
) -> ContactFacts:
    _, contact_id, no, name, mobile, email, openid, title, is_primary, consent, external = row
    ways = zip(_CHANNELS, (email, mobile, openid, external), strict=True)
    closed = {c: blocked[c, address] for c, address in ways if (c, address) in blocked} if blocked else _NOTHING
    return ContactFacts(
        id=contact_id,
        no=no,
        name=name,
        title=title,
        mobile=mobile,
        email=email,
        openid=openid,
        is_primary=bool(is_primary),
        consent=bool(consent),
        blocked=closed,
        wechat=followers.get(openid) if openid else None,
        external_userid=external,
        wecom=customers.get(external) if external else None,
    )


_TIERS = {one.value: one for one in Tier}  # a quarter of the time of asking the enum
_MEMBER = (
    "id, no, name, trade, nature, size, city, owner, tier, registered_at, last_login_at, login_count, plan, "
    "plan_expires_on, postings, live_postings, applications, unread_resumes, oldest_unread_at, "
    "activity_state, p_active, findings, stage, attrs"
)


def _facts(row: Any, **known: Any) -> Facts:
    (
        member_id, no, name, trade, nature, size, city, owner, tier, registered_at, last_login_at, login_count, plan,
        plan_expires_on, postings, live_postings, applications, unread_resumes, oldest_unread_at,
        activity_state, p_active, findings, stage, attrs,
    ) = row  # fmt: skip
    return Facts(
        member_id=member_id,
        member_no=no,
        name=name,
        trade=trade,
        nature=nature,
        size=size,
        city=city,
        owner=owner,
        tier=_TIERS[tier],
        registered_at=moment(registered_at),
        last_login_at=moment(last_login_at),
        login_count=login_count,
        plan=plan,
        plan_expires_on=day(plan_expires_on),
        postings=postings,
        live_postings=live_postings,
        applications=applications,
        unread_resumes=unread_resumes,
        oldest_unread_at=moment(oldest_unread_at),
        activity_state=activity_state,
        p_active=p_active,
        findings=findings,
        stage=stage,
        attrs=_table(attrs),
        **known,
    )


def _among(db: Any) -> str:
    return statements.ids_in(db, "$1", "int")


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _table(value: Any) -> dict[str, Any]:
    table: dict[str, Any] = orjson.loads(value) if isinstance(value, str | bytes) else value
    return table

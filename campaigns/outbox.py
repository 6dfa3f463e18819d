"""The message ledger and its states.

queued → claimed → sending → sent → delivered | bounced, and suppressed, failed, expired, unknown, handed_over.
A claim is the sole right to send for the time of a lease, by the database's clock; its token fences out a sender
that slept through it.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.folders import parse_definition
from campaigns.models import ChannelState, ContentVersion, Message, Occurrence
from campaigns.terms import ChannelName, DeliveryState, MessageClass, Reason

LEASE = timedelta(seconds=60)
_SETTLED_WITHIN = timedelta(minutes=1)
_ANY_OCCURRENCE = 2**31 - 1
_RECEIVABLE = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message we alone may send until the lease ends."""

    id: int
    occurrence_id: int
    member_id: int
    contact_id: int
    message_class: MessageClass
    channel: ChannelName
    address: str
    attempts: int
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to be written of one message. `not_before`, channel, contact and address left None keep what stands."""

    id: int
    state: DeliveryState
    reason: str = ""
    code: str = ""
    provider_id: str = ""
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    not_before: datetime | None = None
    channel: ChannelName | None = None
    contact_id: int | None = None
    address: str | None = None
    uncharged: bool = False  # the attempt does not count against the message
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """The last word before the wire: the variables the words were filled with, and the WeChat mode."""

    id: int
    facts: Mapping[str, object]
    wechat_mode: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one job carries: the messages of one occurrence on one channel that are due."""

    occurrence_id: int
    channel: ChannelName


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    id: int
    campaign_id: int
    campaign_key: str
    version_id: int
    key: str
    at: datetime
    useless_at: datetime | None
    extra: Mapping[str, Any]
    files: Mapping[str, str] = field(repr=False)
    planned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentWords:
    """What is needed to show a message exactly as it went out."""

    message_id: int
    files: Mapping[str, str] = field(repr=False)
    channel: ChannelName
    facts: Mapping[str, Any]
    wechat_mode: str
    state: DeliveryState
    address: str
    campaign_key: str


@dataclass(frozen=True, slots=True)
class SentLink:
    """What a link in a message needs to know of it."""

    message_id: int
    member_no: str
    member_name: str
    channel: str
    campaign_key: str
    sent_at: datetime | None
    posting_no: str  # of the posting with the most unread, "" where there is none
    links: Mapping[str, str]  # name → target, as the campaign stored them


# ---- occurrences ------------------------------------------------------------------------------------------------


async def add_occurrence(
    campaign_id: int,
    version_id: int,
    key: str,
    at: datetime,
    *,
    useless_at: datetime | None,
    extra: Mapping[str, object] | None = None,
) -> int:
    """The occurrence of a campaign under its key; asked twice it is the same one."""
    occurrence, _ = await Occurrence.get_or_create(
        campaign_id=campaign_id,
        key=key,
        defaults={"version_id": version_id, "at": at, "useless_at": useless_at, "extra": dict(extra or {})},
    )
    return occurrence.id


async def read_occurrence(occurrence_id: int) -> OccurrenceRow:
    row = await Occurrence.get(id=occurrence_id).prefetch_related("campaign", "version")
    return OccurrenceRow(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_key=row.campaign.key,
        version_id=row.version_id,
        key=row.key,
        at=row.at,
        useless_at=row.useless_at,
        extra=row.extra,
        files=row.version.files,
        planned_at=row.planned_at,
    )


async def read_planned(occurrence_id: int) -> dict[str, Any]:
    """What planning decided for an occurrence: audience and fates."""
    row = await Occurrence.get(id=occurrence_id)
    return {"occurrence": row.key, "at": row.at, "audience": row.audience, "fates": row.planned}


async def last_occurrence() -> int:
    """The newest occurrence's id, 0 where there is none."""
    newest = await Occurrence.all().order_by("-id").first()
    return newest.id if newest else 0


async def unplanned_occurrences() -> list[int]:
    """Occurrences a planner died over, or has just made."""
    rows = await Occurrence.filter(planned_at=None).order_by("id").values_list("id")
    return [row[0] for row in rows]


async def hold_planning(occurrence_id: int) -> bool:
    """Until the transaction ends no other planner writes to this occurrence. False where one has closed it."""
    return await Occurrence.filter(id=occurrence_id, planned_at=None).select_for_update(no_key=True).first() is not None


async def close_planning(occurrence_id: int, now: datetime) -> None:
    """Freeze what planning decided: only now may its messages be claimed."""
    async with in_transaction():
        if not await hold_planning(occurrence_id):
            return
        rows = await statements.query(
            "SELECT state, reason, count(*) AS n FROM messages WHERE occurrence_id = $1 GROUP BY state, reason",
            occurrence_id,
        )
        planned = {fate_of(row["state"], row["reason"]): row["n"] for row in rows}
        await Occurrence.filter(id=occurrence_id).update(
            audience=sum(planned.values()), planned=planned, planned_at=now
        )


def fate_of(state: str, reason: str) -> str:
    """How planning names what it decided for a member: `send`, `deferred:REASON`, `suppressed:REASON`, `visit`."""
    match state:
        case DeliveryState.QUEUED:
            return f"deferred:{reason}" if reason else "send"
        case DeliveryState.HANDED_OVER:
            return "visit"
        case _:
            return f"{state}:{reason}"


async def recently_planned(campaign_id: int, since: datetime) -> set[int]:
    """Members this campaign planned to write to after `since` (suppressed ones are free to be tried again)."""
    rows = await Message.filter(
        Q(occurrence__at__gt=since) | Q(not_before__gt=since), occurrence__campaign_id=campaign_id
    ).exclude(state=DeliveryState.SUPPRESSED).values_list("member_id")  # fmt: skip
    return {row[0] for row in rows}


# ---- out --------------------------------------------------------------------------------------------------------


async def enqueue(rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Add messages. Returns (offered, added): planning twice adds nothing."""
    return len(rows), await statements.insert_messages(rows)


async def due_batches(now: datetime) -> list[Batch]:
    """What could be sent now: planned, due, its campaign running, its channel open."""
    rows = await statements.query(
        """
        SELECT DISTINCT m.occurrence_id, m.channel FROM messages m
        JOIN occurrences o ON o.id = m.occurrence_id JOIN campaigns c ON c.id = o.campaign_id
        LEFT JOIN channel_states s ON s.channel = m.channel
        WHERE m.state = 'queued' AND m.not_before <= $1 AND o.planned_at IS NOT NULL AND c.state = 'running'
          AND m.channel IS NOT NULL
          AND NOT coalesce(s.closed, FALSE) AND (s.closed_until IS NULL OR s.closed_until <= $1)
        """,
        now,
    )
    return [Batch(row["occurrence_id"], ChannelName(row["channel"])) for row in rows]


async def is_open(batch: Batch, now: datetime) -> bool:
    """May this batch go on the wire: its campaign runs, its channel is not closed."""
    rows = await statements.query(
        """
        SELECT 1 AS yes FROM occurrences o JOIN campaigns c ON c.id = o.campaign_id
        LEFT JOIN channel_states s ON s.channel = $2
        WHERE o.id = $1 AND o.planned_at IS NOT NULL AND c.state = 'running'
          AND NOT coalesce(s.closed, FALSE) AND (s.closed_until IS NULL OR s.closed_until <= $3)
        """,
        batch.occurrence_id,
        batch.channel,
        now,
    )
    return bool(rows)


async def next_due(
    now: datetime, channels: Collection[ChannelName], *, after: int = 0, up_to: int | None = None
) -> datetime | None:
    """When the next waiting message on one of these channels falls due: now or later; None where nothing waits.

    Only of occurrences made after the one and up to the other, where these are given.
    """
    rows = await statements.query(
        """
        SELECT m.channel, min(CASE WHEN s.closed_until > m.not_before THEN s.closed_until ELSE m.not_before END) AS at
        FROM messages m JOIN occurrences o ON o.id = m.occurrence_id JOIN campaigns c ON c.id = o.campaign_id
        LEFT JOIN channel_states s ON s.channel = m.channel
        WHERE m.state = 'queued' AND c.state = 'running' AND NOT coalesce(s.closed, FALSE) AND m.occurrence_id <= $1
          AND m.occurrence_id > $2
        GROUP BY m.channel
        """,
        up_to if up_to is not None else _ANY_OCCURRENCE,
        after,
    )
    moments = [moment for row in rows if row["channel"] in channels and (moment := statements.moment(row["at"]))]
    return max(min(moments), now) if moments else None


async def on_the_wire() -> int:
    return await Message.filter(state__in=[DeliveryState.CLAIMED, DeliveryState.SENDING]).count()


async def claim(batch: Batch, *, now: datetime, limit: int, lease: timedelta = LEASE) -> tuple[str, list[Claimed]]:
    """Claim up to `limit` due messages. Returns the token that must come with everything written of them."""
    token = secrets.token_hex(12)
    rows = await statements.claim_messages(
        batch.occurrence_id, batch.channel, now=now, limit=limit, token=token, lease=lease.total_seconds()
    )
    return token, [_claimed(row) for row in rows]


async def mark_sending(rows: Sequence[Sending], *, token: str, lease: timedelta = LEASE) -> set[int]:
    """Returns the ids that may go on the wire; a claim that was lost in the meantime is not among them."""
    return await statements.mark_sending(
        [{"id": row.id, "facts": row.facts, "wechat_mode": row.wechat_mode} for row in rows],
        token=token,
        lease=lease.total_seconds(),
    )


async def renew(token: str, *, lease: timedelta) -> None:
    """A sender that is still at work keeps what it holds."""
    await statements.renew_lease(token, lease.total_seconds())


async def settle(rows: Sequence[Settlement], *, token: str, before: DeliveryState) -> set[int]:
    """Write what happened. Returns the ids written: a sender that lost its lease writes nothing."""
    plain = [
        {
            **{name: getattr(row, name) for name in row.__dataclass_fields__},
            "uncharged": int(row.uncharged),
        }
        for row in rows
    ]
    return await statements.settle_messages(plain, token=token, before=before)


async def release_expired() -> tuple[list[int], list[int]]:
    """Recover from senders that died. Returns (ids put back in the queue, ids that became unknown).

    What was claimed, or still being planned, when its campaign was cancelled is cancelled now.
    """
    async with in_transaction():
        released, unknown = await statements.expire_claims(), await statements.expire_sending()
        await _cancel(occurrence__campaign__state="cancelled")
        return released, unknown


async def claim_unknown(channel: ChannelName, *, limit: int, ask_again: timedelta) -> tuple[str, list[Claimed]]:
    """Take messages of unknown outcome, to ask the provider. Those left unsettled are asked again after that time."""
    token = secrets.token_hex(12)
    rows = await statements.claim_unknown(channel, limit=limit, token=token, lease=ask_again.total_seconds())
    return token, [_claimed(row) for row in rows]


# ---- back -------------------------------------------------------------------------------------------------------


async def record_receipt(message_id: int, *, delivered: bool, code: str, at: datetime) -> bool:
    """The provider's word on a delivery. False where the message is still on the wire: try again after it settled.

    Delivered never goes back: a late failure after a success changes nothing. Of two that say the same the earlier
    stands, whichever comes first.
    """
    state = DeliveryState.DELIVERED if delivered else DeliveryState.BOUNCED
    before = {DeliveryState.SENT, DeliveryState.UNKNOWN} | ({DeliveryState.BOUNCED} if delivered else set())
    news = Message.filter(Q(state__in=before) | Q(state=state, settled_at__gt=at), id=message_id)
    changed = await news.update(state=state, code=code, settled_at=at)
    if changed:
        await Message.filter(id=message_id, sent_at=None).update(sent_at=at)
        return True
    return not await Message.filter(
        id=message_id, state__in=[DeliveryState.SENDING, DeliveryState.CLAIMED, DeliveryState.QUEUED]
    ).exists()


async def is_sending_to(channel: ChannelName, address: str) -> bool:
    """Whether something is on the wire to this address. It is not settled until the transaction ends."""
    sending = Message.filter(channel=channel, address=address, state=DeliveryState.SENDING)
    return await sending.select_for_update(no_key=True).first() is not None


async def message_by_provider_id(channel: ChannelName, provider_id: str, address: str) -> int | None:
    """The message a provider means by its own id (one id can name a batch, so the address must fit too)."""
    found = Message.filter(channel=channel, provider_id=provider_id)
    row = await (found.filter(address=address) if address else found).first()
    return row.id if row else None


async def last_message_to(channel: ChannelName, address: str, before: datetime) -> int | None:
    """The newest message that went to an address: what an answer without a reference answers."""
    # An answer's time is in whole seconds, and ours was written when the whole group had its results.
    latest = before + _SETTLED_WITHIN
    row = (
        await Message.filter(channel=channel, address=address, sent_at__lt=latest, state__in=_RECEIVABLE)
        .order_by("-sent_at", "-id")
        .first()
    )
    return row.id if row else None


async def sent_words(message_ids: Sequence[int]) -> dict[int, SentWords]:
    rows = await Message.filter(id__in=list(message_ids)).prefetch_related("occurrence__campaign")
    versions = {
        version.id: version
        for version in await ContentVersion.filter(id__in={row.occurrence.version_id for row in rows})
    }
    return {
        row.id: SentWords(
            message_id=row.id,
            files=versions[row.occurrence.version_id].files,
            channel=ChannelName(row.channel),
            facts=row.facts or {},
            wechat_mode=row.wechat_mode,
            state=DeliveryState(row.state),
            address=row.address or "",
            campaign_key=row.occurrence.campaign.key,
        )
        for row in rows
        if row.channel
    }


async def sent_link(message_id: int) -> SentLink | None:
    row = await Message.get_or_none(id=message_id).prefetch_related(
        "member", "occurrence__campaign", "occurrence__version"
    )
    if row is None:
        return None
    unread = await statements.query(
        """
        SELECT p.no FROM applications a JOIN postings p ON p.id = a.posting_id
        WHERE p.member_id = $1 AND a.first_viewed_at IS NULL GROUP BY p.no ORDER BY count(*) DESC, p.no LIMIT 1
        """,
        row.member_id,
    )
    return SentLink(
        message_id=message_id,
        member_no=row.member.no,
        member_name=row.member.name,
        channel=row.channel or "",
        campaign_key=row.occurrence.campaign.key,
        sent_at=row.sent_at,
        posting_no=unread[0]["no"] if unread else "",
        links=parse_definition(row.occurrence.version.files).links,
    )


async def cancel_queued(campaign_id: int) -> int:
    """Nothing of a cancelled campaign is sent any more. Returns how many were waiting."""
    return await _cancel(occurrence__campaign_id=campaign_id)


async def _cancel(**which: object) -> int:
    return await Message.filter(state=DeliveryState.QUEUED, **which).update(
        state=DeliveryState.SUPPRESSED, reason=Reason.CANCELLED
    )


# ---- channels a provider's answer closed --------------------------------------------------------------------------


async def close_channel(channel: ChannelName, reason: str, *, until: datetime | None = None) -> None:
    """Stop a channel until then, or until a person opens it. What closed it for longer stands."""
    stands = await ChannelState.get_or_none(channel=channel)
    if stands and (stands.closed or (until and stands.closed_until and stands.closed_until >= until)):
        return
    await ChannelState.update_or_create(
        channel=channel, defaults={"closed": until is None, "closed_until": until, "reason": reason[:255]}
    )


async def open_channel(channel: ChannelName) -> None:
    await ChannelState.filter(channel=channel).delete()


async def closed_channels(now: datetime) -> Mapping[str, str]:
    rows = await ChannelState.filter(Q(closed=True) | Q(closed_until__gt=now))
    return {row.channel: row.reason for row in rows}


def _claimed(row: Mapping[str, Any]) -> Claimed:
    return Claimed(
        id=row["id"],
        occurrence_id=row["occurrence_id"],
        member_id=row["member_id"],
        contact_id=row["contact_id"],
        message_class=MessageClass(row["message_class"]),
        channel=ChannelName(row["channel"]),
        address=row["address"],
        attempts=row["attempts"],
        uncertain=bool(row["uncertain"]),
    )

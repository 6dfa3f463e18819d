"""The message ledger: from the queue to the wire and to its end.

queued → sending → sent → delivered | bounced, and suppressed, failed, expired, unknown, handed_over.
A claim is the sole right to send certain messages for the time of a lease, by the database's clock. What is put on
the wire carries the claim's number, so a sender that slept through its lease can settle nothing, nor send more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns import statements
from campaigns.models import Claim as ClaimRow
from campaigns.models import Message
from campaigns.statements import ASIDE, SETTLED, Exchanged, Turn
from campaigns.terms import ChannelName, DeliveryState, MessageClass, Reason

LEASE = timedelta(seconds=60)
_ANY_OCCURRENCE = 2**31 - 1


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
    provider_id: str = ""  # what it went out under last time, where that was not its own key


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send these. Given back with `release` once nothing of it is on the wire."""

    id: int
    messages: Sequence[Claimed]


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
    obstacles: str | None = None  # of what never went on the wire: why by no channel
    uncharged: bool = False  # the attempt does not count against the message
    uncertain: bool = False
    touch: bool = False  # a contact that happened, or may have, and is not in the timeline yet


@dataclass(frozen=True, slots=True)
class Accepted:
    """Messages that providers took, by columns of one length. `touch` as in Settlement."""

    at: datetime
    ids: Sequence[int] = ()
    codes: Sequence[str] = ()
    provider_ids: Sequence[str] = ()
    touch: Sequence[bool] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """The last word before the wire: the variables the words were filled with, the WeChat mode, a number of ours.

    `provider_id` is what the provider will name this message by, where we choose it.
    """

    id: int
    facts: Mapping[str, object]
    wechat_mode: str = ""
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one job carries: the messages of one occurrence on one channel that are due."""

    occurrence_id: int
    channel: ChannelName


# ---- the queue --------------------------------------------------------------------------------------------------


async def enqueue(rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Add messages. Returns (offered, added): planning twice adds nothing."""
    return len(rows), await statements.insert_messages(rows)


async def due_batches(now: datetime) -> list[Batch]:
    """What could be sent now: planned, due, its campaign running, its channel open."""
    rows = await statements.query(
        f"""
        SELECT o.id, k.channel FROM occurrences o JOIN campaigns c ON c.id = o.campaign_id CROSS JOIN ({_CHANNELS}) k
        LEFT JOIN channel_states s ON s.channel = k.channel
        WHERE o.planned_at IS NOT NULL AND c.state = 'running'
          AND NOT coalesce(s.closed, FALSE) AND (s.closed_until IS NULL OR s.closed_until <= $1)
          AND EXISTS (
            SELECT 1 FROM messages m WHERE m.occurrence_id = o.id AND m.channel = k.channel AND m.due_at <= $1)
        """,
        now,
    )
    return [Batch(row["id"], ChannelName(row["channel"])) for row in rows]


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
        f"""
        SELECT k.channel, s.closed_until, (
          SELECT min(m.due_at) FROM messages m WHERE m.occurrence_id = o.id AND m.channel = k.channel) AS due_at
        FROM occurrences o JOIN campaigns c ON c.id = o.campaign_id CROSS JOIN ({_CHANNELS}) k
        LEFT JOIN channel_states s ON s.channel = k.channel
        WHERE c.state = 'running' AND NOT coalesce(s.closed, FALSE) AND o.id <= $1 AND o.id > $2
        """,
        up_to if up_to is not None else _ANY_OCCURRENCE,
        after,
    )
    moments = []
    for row in rows:
        due, opens = statements.moment(row["due_at"]), statements.moment(row["closed_until"])
        if due and row["channel"] in channels:
            moments.append(max(due, opens) if opens else due)
    return max(min(moments), now) if moments else None


async def cancel_queued(campaign_id: int) -> int:
    """Nothing of a cancelled campaign is sent any more. Returns how many were waiting."""
    return await _cancel("c.id = $1", campaign_id)


async def cancel_messages(message_ids: Collection[int]) -> int:
    """Those of them that wait still are not sent. Returns how many."""
    db = statements.connection()
    return await statements.run(
        f"""
        UPDATE messages SET state = '{DeliveryState.SUPPRESSED}', reason = '{Reason.CANCELLED}', due_at = NULL
        WHERE state = '{DeliveryState.QUEUED}' AND due_at IS NOT NULL AND id {statements.ids_in(db, "$1")}
        """,
        statements.id_list(db, message_ids),
    )


# ---- claims and the wire ------------------------------------------------------------------------------------------


async def claim(batch: Batch, *, now: datetime, limit: int, lease: timedelta = LEASE) -> Claim | None:
    """Claim up to `limit` due messages; None where nothing is due."""
    claim_id, rows = await statements.claim_messages(
        batch.occurrence_id, batch.channel, now=now, limit=limit, lease=lease.total_seconds()
    )
    return Claim(claim_id, [_claimed(row) for row in rows]) if rows else None


async def exchange(
    held: Claim,
    settled: Sequence[Settlement],
    departing: Sequence[Sending],
    *,
    accepted: Accepted | None = None,
    now: datetime,
    lease: timedelta = LEASE,
) -> Exchanged:
    """Settle what came back, with its touches, and put the next ones on the wire: one commit for both.

    Only messages in `marked` may be sent; only those in `settled` were still ours to settle.
    """
    gone = accepted or Accepted(now)
    turn = Turn(
        accepted={"id": gone.ids, "code": gone.codes, "provider_id": gone.provider_ids, "touch": gone.touch},
        accepted_at=gone.at,
        settled=_settled(settled),
        marks=_marks(departing),
    )
    return await statements.exchange(held.id, turn, now=now, lease=lease.total_seconds())


async def set_aside(rows: Sequence[Settlement]) -> int:
    """Write what was decided of messages that never went on the wire. Returns how many were still waiting."""
    return await statements.set_aside({name: [getattr(row, name) for row in rows] for name in ASIDE})


async def renew(held: Claim, *, lease: timedelta) -> None:
    """A sender that is still at work keeps what it holds."""
    await statements.renew_claim(held.id, lease.total_seconds())


async def release(held: Claim) -> None:
    """Give the claim back. What never went on the wire is free for the next."""
    await statements.drop_claim(held.id)


async def on_the_wire() -> int:
    """How many claims senders hold."""
    return await ClaimRow.all().count()


async def release_expired(now: datetime) -> tuple[int, list[int]]:
    """Recover from senders that died. Returns (how many claims, the ids that became unknown).

    What was still being planned when its campaign was cancelled is cancelled now.
    """
    released, unknown = await statements.expire_claims(now)
    await _cancel("c.state = 'cancelled'")
    return released, unknown


async def claim_unknown(channel: ChannelName, *, limit: int, ask_again: timedelta) -> list[Claimed]:
    """Messages of unknown outcome, to ask the provider. Those left unresolved are asked again after that time."""
    rows = await statements.claim_unknown(channel, limit=limit, lease=ask_again.total_seconds())
    return [_claimed(row) for row in rows]


async def unknown_in_call(channel: ChannelName, name: str) -> list[Claimed]:
    """All of unknown outcome that went out in one call, under this name of ours."""
    rows = await Message.filter(channel=channel, provider_id=name, state=DeliveryState.UNKNOWN).order_by("id")
    return [
        Claimed(
            row.id,
            row.occurrence_id,
            row.member_id,
            row.contact_id or 0,
            MessageClass(row.message_class),
            channel,
            row.address or "",
            row.attempts,
            row.uncertain,
            row.provider_id,
        )
        for row in rows
    ]


async def resolve(rows: Sequence[Settlement]) -> set[int]:
    """Write what became of messages of unknown outcome. Returns the ids written."""
    return await statements.resolve_unknown(_settled(rows))


async def ask_later(messages: Sequence[Claimed], *, after: timedelta) -> None:
    """Leave what is still unknown alone for a while."""
    await statements.ask_later([one.id for one in messages], after.total_seconds())


# a quarter of the time of asking the enum
_CLASSES = {one.value: one for one in MessageClass}
_NAMES = {one.value: one for one in ChannelName}
_CHANNELS = " UNION ALL ".join(f"SELECT '{name.value}' AS channel" for name in ChannelName)


async def _cancel(which: str, *params: object) -> int:
    return await statements.run(
        f"""
        UPDATE messages SET state = '{DeliveryState.SUPPRESSED}', reason = '{Reason.CANCELLED}', due_at = NULL
        WHERE state = '{DeliveryState.QUEUED}' AND due_at IS NOT NULL AND occurrence_id IN (
          SELECT o.id FROM occurrences o JOIN campaigns c ON c.id = o.campaign_id WHERE {which})
        """,
        *params,
    )


def _marks(departing: Sequence[Sending]) -> dict[str, list[Any]]:
    return {
        "id": [one.id for one in departing],
        "facts": [statements.as_json(one.facts) for one in departing],
        "wechat_mode": [one.wechat_mode for one in departing],
        "provider_id": [one.provider_id for one in departing],
    }


def _settled(rows: Sequence[Settlement]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in SETTLED}
    columns["uncharged"] = [int(row.uncharged) for row in rows]
    return columns


def _claimed(row: Sequence[Any]) -> Claimed:
    message_id, occurrence_id, member_id, contact_id, message_class, channel, address, attempts, name, uncertain = row
    return Claimed(
        message_id,
        occurrence_id,
        member_id,
        contact_id,
        _CLASSES[message_class],
        _NAMES[channel],
        address,
        attempts,
        bool(uncertain),
        name,
    )

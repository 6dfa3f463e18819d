"""What WeCom's customers have opened for us: whom they added, the window of their last message, unread desks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns import statements
from campaigns.members.consent import suppress_address
from campaigns.members.reach import sent_since
from campaigns.models import MassRecipient, Suppression, WecomCustomer, WecomDesk
from campaigns.terms import ReachChange, WecomReach

_TOKEN_LASTS = timedelta(minutes=10)
_LOOK_ANYWAY = timedelta(hours=6)  # a summons may be lost; messages are kept for 3 days
_LEASE_SECONDS = 120
_MONTHS = timedelta(days=45)  # a calendar month and the longest that a task waits
NO_FRIEND = "no friend"  # a mass message found them gone
_REMOVED = "removed us"
# What ends when the customer adds us again; 84061: not a customer of ours.
_CLOSED_UNTIL_ADDED = (_REMOVED, NO_FRIEND, "84061")


@dataclass(frozen=True, slots=True)
class Desk:
    """A customer service account with messages to fetch. `called`: the summons known when the fetch began."""

    desk: str
    cursor: str
    called: int
    failures: int
    token: str = field(default="", repr=False)


async def record_reach(change: ReachChange) -> None:
    """Keep what an event tells about a customer. A removal closes the address until they add us again."""
    await WecomCustomer.get_or_create(external_userid=change.address)
    customer = await WecomCustomer.filter(external_userid=change.address).select_for_update(no_key=True).get()
    if change.followed and change.staff:
        customer.staff = change.staff
    newer = customer.heard_at is None or change.at >= customer.heard_at
    if change.window_until is not None and newer:
        customer.heard_at = change.at
        sent = await sent_since(change.channel, change.address, change.at)
        customer.window_until, customer.window_left = change.window_until, max(0, change.window_left - sent)
        customer.desk = change.desk or customer.desk
    await customer.save()
    if change.followed is False:
        source = change.event_id[:128]
        await suppress_address(change.channel, change.address, at=change.at, reason=_REMOVED, source=source)
    elif change.followed:
        closed = Suppression.filter(channel=change.channel, address=change.address, lifted_at=None)
        await closed.filter(reason__in=_CLOSED_UNTIL_ADDED).update(lifted_at=change.at)


async def reach_of(
    external_userids: Sequence[str], now: datetime, leaving_out: Collection[int] = ()
) -> dict[str, WecomReach]:
    """`leaving_out`: messages whose own copies do not count."""
    if not external_userids:
        return {}
    rows = await WecomCustomer.filter(external_userid__in=list(external_userids))
    copies = await _copies_to(external_userids, now, leaving_out)
    known = {row.external_userid: row for row in rows}
    return {
        name: WecomReach(row.desk, row.window_until, row.window_left, row.staff, copies.get(name, ()))
        if (row := known.get(name))
        else WecomReach(mass_at=copies[name])
        for name in known.keys() | copies.keys()
    }


async def _copies_to(
    external_userids: Sequence[str], now: datetime, leaving_out: Collection[int]
) -> dict[str, list[datetime]]:
    """When mass messages went to these customers, or were put before staff."""
    found: dict[str, list[datetime]] = {}
    copies = MassRecipient.filter(
        external_userid__in=list(external_userids), state__in=("sent", "waiting"), task__made_at__gt=now - _MONTHS
    )
    rows = await copies.values_list("external_userid", "message_id", "settled_at", "task__made_at")
    for name, message_id, settled_at, made_at in rows:
        if message_id is None or message_id not in leaving_out:
            found.setdefault(name, []).append(settled_at or made_at)
    return found


async def desk_of(external_userid: str) -> str:
    """The customer service account this customer wrote to last; empty where there is none."""
    customer = await WecomCustomer.get_or_none(external_userid=external_userid)
    return customer.desk if customer else ""


# ---- desks ----------------------------------------------------------------------------------------------------------


async def call_to_desk(desk: str, token: str, at: datetime) -> None:
    """WeCom has messages there. The fetch is due until one that began after this call has come to its end."""
    row, _ = await WecomDesk.get_or_create(desk=desk)
    await WecomDesk.filter(desk=row.desk).update(token=token, token_until=at + _TOKEN_LASTS)
    await statements.run("UPDATE wecom_desks SET called = called + 1 WHERE desk = $1", desk)


async def waiting_desks(now: datetime) -> list[str]:
    """Desks somebody should fetch from: called, or not looked at for hours."""
    rows = await WecomDesk.all().order_by("desk")
    return [row.desk for row in rows if row.called > row.answered or _is_long_ago(row.read_at, now)]


def _is_long_ago(read_at: datetime | None, now: datetime) -> bool:
    return read_at is None or now - read_at > _LOOK_ANYWAY


async def take_desk(desk: str, now: datetime) -> Desk | None:
    """The sole right to fetch from a desk for two minutes; None where another process has it."""
    db = statements.connection()
    taken = await statements.run(
        f"""
        UPDATE wecom_desks SET lease_until = {statements.after_by(db, str(_LEASE_SECONDS))}
        WHERE desk = $1 AND (lease_until IS NULL OR lease_until < {statements.database_now()})
        """,
        desk,
    )
    if not taken:
        return None
    row = await WecomDesk.get(desk=desk)
    token = row.token if row.token_until and row.token_until > now else ""
    return Desk(row.desk, row.cursor, row.called, row.failures, token)


async def keep_cursor(desk: str, cursor: str) -> None:
    """All messages before it are in the ledger."""
    await WecomDesk.filter(desk=desk).update(cursor=cursor, failures=0)


async def leave_desk(desk: Desk, *, read_at: datetime | None, failures: int | None = None) -> None:
    """Give the right back. `read_at`: the fetch came to its end then; None where it did not."""
    done = {"answered": desk.called, "read_at": read_at} if read_at else {}
    counted = {} if failures is None else {"failures": failures}
    await WecomDesk.filter(desk=desk.desk).update(lease_until=None, **done, **counted)

"""The conversation of a member: who has it, since when it waits, when it is to be taken up again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from campaigns import statements
from campaigns.conversations.states import State
from campaigns.models import Conversation as Row
from campaigns.terms import SHANGHAI, Intent


@dataclass(frozen=True, slots=True)
class Conversation:
    """`assigned`: the name of the colleague who took it over. `touch_id`, `medium`, `intent`: of their last word."""

    member_id: int
    state: State
    assigned: str
    taken_at: datetime | None
    heard_at: datetime
    answered_at: datetime | None
    medium: str
    contact_id: int | None
    touch_id: int | None
    intent: str
    follow_up_on: date | None
    closed_at: datetime | None

    def waits(self, today: date) -> bool:
        return self.state is State.WAITING and (self.follow_up_on is None or self.follow_up_on <= today)


async def find(member_id: int) -> Conversation | None:
    row = await Row.get_or_none(member_id=member_id)
    return _read(row) if row else None


async def hear(
    member_id: int,
    *,
    at: datetime,
    medium: str,
    contact_id: int | None,
    touch_id: int,
    intent: Intent,
    needs_person: bool,
    refused: bool = False,
) -> None:
    """A person of theirs said something; in the transaction that took it down.

    It waits for an answer. A refusal closes it by itself. What needs no person leaves it as it stood: who waited for
    an answer before waits on. Thanks open nothing, whoever has it in hand.
    """
    known = await Row.filter(member_id=member_id).select_for_update(no_key=True).first()
    said: dict[str, Any] = {
        "heard_at": at,
        "medium": medium,
        "contact_id": contact_id,
        "touch_id": touch_id,
        "intent": str(intent),
    }
    state: dict[str, Any]
    if refused:
        state = {"state": State.CLOSED, "closed_at": at, "follow_up_on": None}
    elif known is not None and intent is Intent.THANKS and not needs_person:
        state = {}
    elif needs_person or (known is not None and (known.state == State.WAITING or known.assigned)):
        state = {"state": State.WAITING, "closed_at": None, "follow_up_on": None}
    else:
        state = {"state": State.ANSWERED, "closed_at": None, "follow_up_on": None}
    if known is None:
        await Row.create(member_id=member_id, **said, **state)
    else:
        await Row.filter(member_id=member_id).update(**said, **state)


async def is_taken(member_id: int) -> bool:
    """Whether a colleague has it in hand: nothing is answered automatically then."""
    return await Row.filter(member_id=member_id).exclude(assigned="").exclude(state=State.CLOSED).exists()


async def record_written(member_id: int, *, by: str, at: datetime) -> None:
    """A colleague wrote: answered, and his where it was nobody's. A day that was set for later stands."""
    own = Row.filter(member_id=member_id)
    await own.filter(assigned="").update(assigned=by, taken_at=at)
    await own.update(answered_at=at, closed_at=None)
    await own.filter(follow_up_on=None).update(state=State.ANSWERED)
    await own.filter(follow_up_on__lte=at.astimezone(SHANGHAI).date()).update(state=State.ANSWERED, follow_up_on=None)


async def take(member_id: int, *, by: str, at: datetime) -> bool:
    """False where there is no conversation, or a colleague was quicker."""
    free = Row.filter(member_id=member_id, assigned="")
    return (
        bool(await free.update(assigned=by, taken_at=at)) or await Row.filter(member_id=member_id, assigned=by).exists()
    )


async def assign(member_id: int, to: str, *, at: datetime) -> bool:
    """Give it to a colleague; an empty name gives it back to all."""
    return bool(await Row.filter(member_id=member_id).update(assigned=to, taken_at=at if to else None))


async def held_by(member_ids: Collection[int], person: str) -> list[int]:
    """Members of these whose conversation this person has in hand."""
    db = statements.connection()
    rows = await statements.query(
        "SELECT member_id FROM conversations WHERE assigned = $2 AND state <> 'closed' "
        f"AND member_id {statements.ids_in(db, '$1', 'int')}",
        statements.id_list(db, member_ids),
        person,
    )
    return [row["member_id"] for row in rows]


async def hand_over(member_ids: Collection[int], to: str, *, was: str, at: datetime) -> int:
    """Many at once, as far as `was` has them still; an empty name gives them to all. Returns how many."""
    db = statements.connection()
    return await statements.run(
        "UPDATE conversations SET assigned = $1, taken_at = $2 WHERE assigned = $3 AND state <> 'closed' "
        f"AND member_id {statements.ids_in(db, '$4', 'int')}",
        to,
        at if to else None,
        was,
        statements.id_list(db, member_ids),
    )


async def close(member_id: int, *, at: datetime) -> bool:
    """办完了. It is nobody's then, and automatic answers go on."""
    open_ones = Row.filter(member_id=member_id).exclude(state=State.CLOSED)
    return bool(await open_ones.update(state=State.CLOSED, closed_at=at, assigned="", taken_at=None, follow_up_on=None))


async def reopen(member_id: int) -> bool:
    closed = Row.filter(member_id=member_id, state=State.CLOSED)
    return bool(await closed.update(state=State.WAITING, closed_at=None))


async def follow_up(member_id: int, on: date | None) -> bool:
    """Out of the list of those who wait, and back in it on that day. None: wait now."""
    return bool(await Row.filter(member_id=member_id).update(state=State.WAITING, follow_up_on=on, closed_at=None))


def _read(row: Row) -> Conversation:
    return Conversation(
        member_id=row.member_id,
        state=State(row.state),
        assigned=row.assigned,
        taken_at=row.taken_at,
        heard_at=row.heard_at,
        answered_at=row.answered_at,
        medium=row.medium,
        contact_id=row.contact_id,
        touch_id=row.touch_id,
        intent=row.intent,
        follow_up_on=row.follow_up_on,
        closed_at=row.closed_at,
    )

"""The table of invitations to fairs: each once for a fair and a member; answers and who came are touches.

invited → yes, no, maybe (as often as they change their mind) → attended or absent.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.errors import InputError, StateError
from campaigns.fairs.values import (
    ANSWERS,
    CUSTOMER,
    ENDS,
    LARGEST,
    STAYS_AWAY,
    Answer,
    FairRow,
    Invitation,
    invitation_of,
    refuse_before,
)
from campaigns.models import Fair, FairInvitation
from campaigns.terms import SHANGHAI, UNREACHED, Direction, TouchKind
from campaigns.touches import record_touch

MEDIUM = "fair"


async def invite(
    fair_id: int, member_ids: Collection[int], *, by: str, now: datetime, messages: Mapping[int, int] | None = None
) -> int:
    """Put down who is invited, once each: by the message of theirs, or by hand, which is a touch. Returns how many."""
    async with in_transaction():
        fair = await Fair.filter(id=fair_id, state="open").select_for_update().first()
        if fair is None:
            raise StateError("这一场已经结束或取消了 (over already)")
        if now.astimezone(SHANGHAI).date() > fair.held_on:
            raise StateError("这一场的日子已经过了 (its day is over)")
        there = dict(await FairInvitation.filter(fair_id=fair_id).values_list("member_id", "state"))
        new = sorted(set(member_ids) - set(there))
        taken = sum(state not in STAYS_AWAY for state in there.values())
        if fair.capacity is not None and taken + len(new) > fair.capacity:
            raise InputError(f"只能来{fair.capacity}家，已经请了{taken}家 (more than its capacity)")
        for member_id in new:
            message_id = (messages or {}).get(member_id)
            row = await FairInvitation.create(
                fair_id=fair_id, member_id=member_id, invited_at=now, message_id=message_id, by=by
            )
            if message_id is None:
                text = f"邀请参加{fair.name}（{fair.held_on:%Y-%m-%d} {fair.place}）"
                await _touch(row, "invited", Direction.OUT, text, by, now)
    return len(new)


async def record_answer(invitation_id: int, said: Answer, *, note: str = "", by: str, now: datetime) -> None:
    """What the company said; it may change its mind until the day is over."""
    if said not in ANSWERS:
        raise InputError("只能记来、不来、再看 (yes, no or maybe)")
    await _move(invitation_id, (Answer.INVITED, *ANSWERS), said, note, by, now)


async def hear_answer(
    member_id: int, said: Answer, words: str, *, at: datetime, now: datetime, message_id: int | None = None
) -> bool:
    """What the company wrote itself, to the invitation it answers, else to the newest; whether one is open for it."""
    open_still = FairInvitation.filter(
        member_id=member_id,
        state__in=(Answer.INVITED, *ANSWERS),
        fair__state="open",
        fair__held_on__gte=now.astimezone(SHANGHAI).date(),
        invited_at__lte=at,
    )
    rows = await open_still.order_by("-invited_at", "-id")
    if not rows:
        return False
    row = next((one for one in rows if message_id is not None and one.message_id == message_id), rows[0])
    try:
        await record_answer(row.id, said, note=words, by=CUSTOMER, now=now)
    except StateError:  # a colleague closed it in this moment
        return False
    return True


async def record_attendance(invitation_id: int, end: Answer, *, note: str = "", by: str, now: datetime) -> None:
    """Whether they came."""
    if end not in ENDS:
        raise InputError("只能记来了、没来 (attended or absent)")
    await _move(invitation_id, (Answer.INVITED, *ANSWERS), end, note, by, now)


async def withdraw_unsent() -> int:
    """An invitation whose message never reached the company and that has no answer is none: it may be asked again."""
    unsent = ", ".join(f"'{one}'" for one in UNREACHED)
    return await statements.run(
        f"""
        DELETE FROM fair_invitations WHERE state = '{Answer.INVITED}' AND message_id IN (
          SELECT g.id FROM messages g JOIN fair_invitations i ON i.message_id = g.id WHERE g.state IN ({unsent}))
        AND fair_id IN (SELECT id FROM fairs WHERE state = 'open')
        """
    )


def room_in(fair: FairRow, invited: Sequence[Invitation]) -> int | None:
    """Companies that may be invited yet; None where as many may come as like."""
    if fair.capacity is None:
        return None
    return max(0, fair.capacity - sum(one.state not in STAYS_AWAY for one in invited))


async def find_invitation(invitation_id: int) -> Invitation | None:
    row = await FairInvitation.get_or_none(id=invitation_id) if invitation_id <= LARGEST else None
    return invitation_of(row) if row else None


async def invitations_to(fair_id: int) -> list[Invitation]:
    return [invitation_of(row) for row in await FairInvitation.filter(fair_id=fair_id).order_by("id")]


async def count_invitations(fair_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Fair → state → how many."""
    db = statements.connection()
    rows = await statements.query(
        f"SELECT fair_id, state, count(*) AS n FROM fair_invitations WHERE fair_id {statements.ids_in(db, '$1')} "
        "GROUP BY fair_id, state",
        statements.id_list(db, fair_ids),
    )
    counts: dict[int, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["fair_id"], {})[row["state"]] = int(row["n"])
    return counts


async def _move(
    invitation_id: int, allowed: Sequence[Answer], state: Answer, note: str, by: str, now: datetime
) -> None:
    async with in_transaction():
        row = await FairInvitation.filter(id=invitation_id, state__in=allowed).select_for_update().first()
        if row is None:
            raise StateError("这家来没来已经记过了 (over already)")
        fair = await Fair.get(id=row.fair_id)
        ended = state in ENDS
        if fair.state == "called_off" or (fair.state != "open" and not ended):
            raise StateError("这一场已经结束或取消了 (over already)")
        if ended:
            refuse_before(fair, now)
        row.state, row.note, row.by = state, note[:255], by
        row.closed_at, row.answered_at = (now, row.answered_at) if ended else (None, now)
        await row.save(update_fields=["state", "note", "by", "closed_at", "answered_at"])
        text = f"{fair.name}：{_SAID[state]}" + (f"。{note}" if note else "")
        await _touch(row, "attended" if ended else "answered", Direction.IN, text, by, now)


_SAID = {
    Answer.YES: "来",
    Answer.NO: "不来",
    Answer.MAYBE: "再看",
    Answer.ATTENDED: "来了",
    Answer.ABSENT: "没有来",
}


async def _touch(row: FairInvitation, what: str, way: Direction, text: str, by: str, now: datetime) -> None:
    """A touch of what a person wrote down; its id stands with the invitation."""
    touch_id = await record_touch(
        row.member_id, at=now, direction=way, kind=TouchKind.VISIT, medium=MEDIUM, text=text, by=by
    )
    row.touches = {**row.touches, what: touch_id}
    await row.save(update_fields=["touches"])

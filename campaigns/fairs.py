"""The ledger of fairs and joint recruiting: who is invited, what they answer, who came; each of it a touch.

An invitation is there once for a fair and a member. invited → yes, no, maybe (as often as they change their mind)
→ attended or absent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from tortoise.transactions import in_transaction

from campaigns import outbox, statements
from campaigns.errors import InputError, StateError
from campaigns.models import Fair, FairInvitation
from campaigns.terms import SHANGHAI, UNREACHED, Direction, TouchKind
from campaigns.touches import record_touch

MEDIUM = "fair"
_LARGEST = 2**31 - 1
_LONGEST = 128
_MOST_OCCUPATIONS = 20


class Kind(StrEnum):
    FAIR = "fair"
    JOINT = "joint"


class Answer(StrEnum):
    INVITED = "invited"
    YES = "yes"
    NO = "no"
    MAYBE = "maybe"
    ATTENDED = "attended"
    ABSENT = "absent"


ANSWERS = (Answer.YES, Answer.NO, Answer.MAYBE)
ENDS = (Answer.ATTENDED, Answer.ABSENT)
_STAYS_AWAY = (Answer.NO, Answer.ABSENT)


@dataclass(frozen=True, slots=True)
class FairRow:
    id: int
    name: str
    kind: Kind
    held_on: date
    place: str
    occupations: Sequence[str]
    capacity: int | None
    state: str
    source: str
    by: str


@dataclass(frozen=True, slots=True)
class Invitation:
    id: int
    fair_id: int
    member_id: int
    state: Answer
    invited_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    message_id: int | None
    note: str
    by: str


async def make_fair(
    name: str,
    *,
    kind: Kind,
    held_on: date,
    place: str,
    occupations: Sequence[str],
    capacity: int | None,
    source: str = "",
    by: str,
    now: datetime,
) -> int:
    """Raises InputError for one without a name, or with too much in it."""
    name, place = " ".join(name.split()), " ".join(place.split())
    if not 0 < len(name) <= _LONGEST or len(place) > _LONGEST:
        raise InputError(f"名称写1到{_LONGEST}个字，地点最多{_LONGEST}个字 (1 to {_LONGEST} letters)")
    if capacity is not None and not 0 < capacity <= 100_000:
        raise InputError("能来几家写1到100000 (1 to 100000 companies)")
    made = await Fair.create(
        name=name,
        kind=kind,
        held_on=held_on,
        place=place,
        occupations=list(dict.fromkeys(one[:_LONGEST] for one in occupations if one))[:_MOST_OCCUPATIONS],
        capacity=capacity,
        source=source[:_LONGEST],
        by=by,
        at=now,
    )
    return int(made.id)


async def find_fair(fair_id: int) -> FairRow | None:
    row = await Fair.get_or_none(id=fair_id) if fair_id <= _LARGEST else None
    return _fair(row) if row else None


async def list_fairs(*, limit: int = 100) -> list[FairRow]:
    """The latest day first."""
    return [_fair(row) for row in await Fair.all().order_by("-held_on", "-id").limit(limit)]


async def end_fair(fair_id: int, state: str, now: datetime) -> None:
    """held, once its day has come, or called_off, which stops invitations that wait; no way back."""
    if state not in ("held", "called_off"):
        raise InputError(f"没有 {state} 这种结束 (unknown end)")
    async with in_transaction():
        row = await Fair.filter(id=fair_id, state="open").select_for_update().first()
        if row is None:
            raise StateError("这一场已经结束或取消了 (over already)")
        if state == "held":
            _refuse_before(row, now)
        await Fair.filter(id=fair_id).update(state=state)
        if state == "called_off":
            sent = await FairInvitation.filter(fair_id=fair_id).values_list("message_id", flat=True)
            await outbox.cancel_messages([int(one) for one in sent if one is not None])  # type: ignore[call-overload]


def _refuse_before(fair: Fair, now: datetime) -> None:
    if now.astimezone(SHANGHAI).date() < fair.held_on:
        raise StateError(f"{fair.held_on:%Y-%m-%d}才办，到那天再记 (its day has not come)")


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
        taken = sum(state not in _STAYS_AWAY for state in there.values())
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


async def find_invitation(invitation_id: int) -> Invitation | None:
    row = await FairInvitation.get_or_none(id=invitation_id) if invitation_id <= _LARGEST else None
    return _invitation(row) if row else None


async def invitations_to(fair_id: int) -> list[Invitation]:
    return [_invitation(row) for row in await FairInvitation.filter(fair_id=fair_id).order_by("id")]


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
            _refuse_before(fair, now)
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


def _fair(row: Fair) -> FairRow:
    return FairRow(
        id=row.id,
        name=row.name,
        kind=Kind(row.kind),
        held_on=row.held_on,
        place=row.place,
        occupations=row.occupations,
        capacity=row.capacity,
        state=row.state,
        source=row.source,
        by=row.by,
    )


def _invitation(row: FairInvitation) -> Invitation:
    return Invitation(
        id=row.id,
        fair_id=row.fair_id,
        member_id=row.member_id,
        state=Answer(row.state),
        invited_at=row.invited_at,
        answered_at=row.answered_at,
        closed_at=row.closed_at,
        message_id=row.message_id,
        note=row.note,
        by=row.by,
    )

"""The values of fairs: one of them, an invitation to it, what a company said and whether it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from campaigns.errors import StateError
from campaigns.models import Fair, FairInvitation
from campaigns.terms import SHANGHAI

LARGEST = 2**31 - 1
CUSTOMER = ""
"""Who changed an invitation where it was the company by a reply of its own."""


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
STAYS_AWAY = (Answer.NO, Answer.ABSENT)


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


def refuse_before(fair: Fair, now: datetime) -> None:
    if now.astimezone(SHANGHAI).date() < fair.held_on:
        raise StateError(f"{fair.held_on:%Y-%m-%d}才办，到那天再记 (its day has not come)")


def fair_of(row: Fair) -> FairRow:
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


def invitation_of(row: FairInvitation) -> Invitation:
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

"""The ledger of introductions: a seeker and a member once for ever.

proposed → asked → introduced → refused, and withdrawn before. Nothing leads back but a message that never arrived.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from campaigns import statements
from campaigns.errors import StateError
from campaigns.models import Introduction
from campaigns.terms import UNREACHED, DeliveryState

_LARGEST = 2**31 - 1
_MOST = 500  # pairs looked after at once


class State(StrEnum):
    PROPOSED = "proposed"
    ASKED = "asked"
    INTRODUCED = "introduced"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN = (State.PROPOSED, State.ASKED)


@dataclass(frozen=True, slots=True)
class IntroductionRow:
    id: int
    member_id: int
    seeker_id: int
    posting_id: int | None
    state: State
    points: int
    grounds: Sequence[Mapping[str, Any]]
    proposed_at: datetime
    asked_at: datetime | None
    introduced_at: datetime | None
    closed_at: datetime | None
    reason: str
    by: str
    message_id: int | None
    seeker_words: str
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Named:
    """A pair as it is put down: for which posting, and what speaks for it."""

    seeker_id: int
    posting_id: int
    points: int
    grounds: Sequence[Mapping[str, Any]]


async def propose(member_id: int, pairs: Sequence[Named], *, by: str, now: datetime) -> dict[int, int]:
    """Put down pairs that are not there yet. Seeker → introduction, of all of them."""
    rows = [
        Introduction(
            member_id=member_id,
            seeker_id=one.seeker_id,
            posting_id=one.posting_id,
            state=State.PROPOSED,
            points=one.points,
            grounds=list(one.grounds),
            proposed_at=now,
            by=by,
        )
        for one in pairs
    ]
    await Introduction.bulk_create(rows, ignore_conflicts=True)
    known = Introduction.filter(member_id=member_id, seeker_id__in=[one.seeker_id for one in pairs])
    return dict(await known.values_list("seeker_id", "id"))


async def ask(introduction_id: int, *, by: str, now: datetime) -> None:
    await _change(introduction_id, (State.PROPOSED, State.ASKED), state=State.ASKED, asked_at=now, by=by)


async def introduce(introduction_ids: Collection[int], message_id: int, *, by: str, now: datetime) -> None:
    """Raises StateError where one of them is no longer open: then none is."""
    found = Introduction.filter(id__in=list(introduction_ids), state__in=OPEN)
    changed = await found.update(state=State.INTRODUCED, introduced_at=now, message_id=message_id, by=by)
    if changed != len(introduction_ids):
        raise StateError("刚有人介绍过其中一位，重新打开看看 (somebody introduced one of them already)")


async def reopen_unsent() -> list[IntroductionRow]:
    """What a message was to introduce that never reached the company can be introduced again. Returns these pairs as
    they were.
    """
    unsent = ", ".join(f"'{one}'" for one in UNREACHED)
    rows = [_row(one) for one in await Introduction.filter(id__in=await _ids_where(f"g.state IN ({unsent})"))]
    for one in rows:
        still = Introduction.filter(id=one.id, state=State.INTRODUCED, message_id=one.message_id)
        await still.update(state=State.PROPOSED, introduced_at=None, message_id=None, seeker_words="", told_at=None)
    return rows


async def to_be_told() -> list[IntroductionRow]:
    """Pairs whose message has left for the company, the seeker not told, and nobody asked to tell."""
    where = (
        f"g.state IN ('{DeliveryState.SENT}', '{DeliveryState.DELIVERED}') AND i.told_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.cause = 'tell-seeker:' || i.id)"
    )
    return [_row(one) for one in await Introduction.filter(id__in=await _ids_where(where)).order_by("id")]


async def _ids_where(condition: str) -> list[int]:
    """Of pairs introduced by a message (g) of which this holds."""
    rows = await statements.query(
        f"SELECT i.id FROM introductions i JOIN messages g ON g.id = i.message_id"
        f" WHERE i.state = '{State.INTRODUCED}' AND {condition} ORDER BY i.id LIMIT {_MOST}"
    )
    return [row["id"] for row in rows]


async def keep_seeker_words(introduction_id: int, words: str) -> None:
    await Introduction.filter(id=introduction_id).update(seeker_words=words)


async def record_told(introduction_id: int, *, by: str, now: datetime) -> None:
    """The seeker knows of it."""
    if (
        await Introduction.filter(id=introduction_id, told_at=None, state=State.INTRODUCED).update(told_at=now, by=by)
        != 1
    ):
        raise StateError("已经告诉过了，或者还没有介绍 (told already, or not introduced)")


async def refuse(introduction_id: int, reason: str, *, by: str, now: datetime) -> None:
    """Either side does not want to."""
    allowed = (State.PROPOSED, State.ASKED, State.INTRODUCED)
    await _change(introduction_id, allowed, state=State.REFUSED, reason=reason[:255], closed_at=now, by=by)


async def withdraw(introduction_id: int, reason: str, *, by: str, now: datetime) -> None:
    """We thought better of it, before anybody was told."""
    await _change(introduction_id, OPEN, state=State.WITHDRAWN, reason=reason[:255], closed_at=now, by=by)


async def find_introduction(introduction_id: int) -> IntroductionRow | None:
    row = await Introduction.get_or_none(id=introduction_id) if introduction_id <= _LARGEST else None
    return _row(row) if row else None


async def introductions_of(member_id: int) -> list[IntroductionRow]:
    """The newest first."""
    return [_row(row) for row in await Introduction.filter(member_id=member_id).order_by("-id")]


async def introduced_since(seeker_ids: Collection[int], since: datetime) -> dict[int, int]:
    """Seeker → how often introduced to anybody; who never was is left out."""
    db = statements.connection()
    rows = await statements.query(
        f"SELECT seeker_id, count(*) AS n FROM introductions WHERE seeker_id {statements.ids_in(db, '$1')} "
        "AND introduced_at > $2 GROUP BY seeker_id",
        statements.id_list(db, seeker_ids),
        since,
    )
    return {row["seeker_id"]: int(row["n"]) for row in rows}


async def count_by_state() -> dict[str, int]:
    rows = await statements.query("SELECT state, count(*) AS n FROM introductions GROUP BY state")
    return {row["state"]: int(row["n"]) for row in rows}


async def _change(introduction_id: int, allowed: Sequence[State], **values: object) -> None:
    if await Introduction.filter(id=introduction_id, state__in=allowed).update(**values) != 1:
        raise StateError("这一对刚被别人改过，重新打开看看 (somebody changed this pair)")


def _row(row: Introduction) -> IntroductionRow:
    return IntroductionRow(
        id=row.id,
        member_id=row.member_id,
        seeker_id=row.seeker_id,
        posting_id=row.posting_id,
        state=State(row.state),
        points=row.points,
        grounds=row.grounds,
        proposed_at=row.proposed_at,
        asked_at=row.asked_at,
        introduced_at=row.introduced_at,
        closed_at=row.closed_at,
        reason=row.reason,
        by=row.by,
        message_id=row.message_id,
        seeker_words=row.seeker_words,
        told_at=row.told_at,
    )

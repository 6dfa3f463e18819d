"""The contact history: append-only, both directions, every medium."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.models import LinkUse, Touch
from campaigns.terms import Direction, TouchKind


@dataclass(frozen=True, slots=True)
class TouchRow:
    """One line of a member's timeline. Outbound words come with the message (`message_id`), inbound ones in `text`."""

    id: int
    at: datetime
    direction: Direction
    kind: TouchKind
    medium: str
    message_class: str
    contact_id: int | None
    message_id: int | None
    text: str
    intent: str
    evidence: str
    event_id: int | None = None
    by: str = ""  # the colleague who wrote or called


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which of a member's timeline; an empty field asks nothing. `campaign` is a key: its messages and the answers."""

    medium: str = ""
    direction: str = ""
    campaign: str = ""


ALL_LINES = LineFilter()


async def record_touch(
    member_id: int,
    *,
    at: datetime,
    direction: Direction,
    kind: TouchKind,
    medium: str,
    contact_id: int | None = None,
    message_id: int | None = None,
    event_id: int | None = None,
    text: str = "",
    intent: str = "",
    evidence: str = "",
    message_class: str = "",
    by: str = "",
) -> int:
    touch = await Touch.create(
        member_id=member_id,
        contact_id=contact_id,
        at=at,
        direction=direction,
        kind=kind,
        medium=medium,
        message_id=message_id,
        event_id=event_id,
        text=text,
        intent=intent,
        evidence=evidence,
        message_class=message_class,
        by=by,
    )
    return int(touch.id)


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact of a time before us, as a colleague wrote it down elsewhere."""

    member_id: int
    at: datetime
    medium: str
    text: str
    by: str


async def record_past(contacts: Sequence[PastContact]) -> None:
    """A visit each, many in one statement."""
    rows = [
        Touch(
            member_id=one.member_id,
            at=one.at,
            direction=Direction.OUT,
            kind=TouchKind.VISIT,
            medium=one.medium,
            text=one.text,
            by=one.by,
        )
        for one in contacts
    ]
    await Touch.bulk_create(rows, batch_size=500)


async def record_sent(message_ids: Sequence[int], now: datetime) -> None:
    """An outbound touch for each message that has none yet: asked twice it adds nothing."""
    await statements.add_missing_touches(message_ids, now)


async def timeline(member_id: int) -> list[TouchRow]:
    """Every touch of a member, newest first."""
    return [_row(row) for row in await Touch.filter(member_id=member_id).order_by("-at", "-id")]


async def latest(member_id: int, *, limit: int, skip: int = 0) -> list[TouchRow]:
    """The newest touches of a member, newest first."""
    asked = Touch.filter(member_id=member_id).order_by("-at", "-id").offset(skip).limit(limit)
    return [_row(row) for row in await asked]


async def line_page(
    member_id: int, *, limit: int, skip: int = 0, only: LineFilter = ALL_LINES
) -> list[tuple[str, int]]:
    """(`touch` or `unsent`, id) of a member's timeline, newest first: touches, and messages that did not go out.

    Only ids are sorted; the rows of one page are read by `read_touches` and `outbox.not_sent_to`.
    """
    params: list[Any] = [member_id, limit, skip]
    touched, unsent = ["t.member_id = $1"], ["m.member_id = $1", "m.state IN ('suppressed', 'failed')"]
    if only.medium:
        params.append(only.medium)
        touched.append(f"t.medium = ${len(params)}")
        unsent.append(f"m.channel = ${len(params)}")
    if only.direction:
        params.append(only.direction)
        touched.append(f"t.direction = ${len(params)}")
        unsent.append(f"'{Direction.OUT}' = ${len(params)}")
    if only.campaign:
        params.append(only.campaign)
        of_campaign = f"o.campaign_id IN (SELECT c.id FROM campaigns c WHERE c.key = ${len(params)})"
        touched.append(
            "t.message_id IN (SELECT m.id FROM messages m JOIN occurrences o ON o.id = m.occurrence_id "
            f"WHERE m.member_id = $1 AND {of_campaign})"
        )
        unsent.append(of_campaign)
    rows = await statements.query(
        f"""
        SELECT 'touch' AS kind, t.id, t.at FROM touches t WHERE {" AND ".join(touched)}
        UNION ALL
        SELECT 'unsent', m.id, COALESCE(m.settled_at, o.planned_at, o.at) FROM messages m
          JOIN occurrences o ON o.id = m.occurrence_id
          WHERE {" AND ".join(unsent)}
        ORDER BY 3 DESC, 2 DESC LIMIT $2 OFFSET $3
        """,
        *params,
    )
    return [(row["kind"], int(row["id"])) for row in rows]


async def line_choices(member_id: int) -> tuple[list[str], list[str]]:
    """(media, campaigns' keys) that a member's timeline speaks of: what it can be narrowed to."""
    media = await statements.query(
        """
        SELECT medium FROM touches WHERE member_id = $1 AND medium <> ''
        UNION SELECT channel FROM messages WHERE member_id = $1 AND state IN ('suppressed', 'failed')
        ORDER BY 1
        """,
        member_id,
    )
    keys = await statements.query(
        """
        SELECT DISTINCT c.key FROM messages m JOIN occurrences o ON o.id = m.occurrence_id
          JOIN campaigns c ON c.id = o.campaign_id
        WHERE m.member_id = $1 AND (m.state IN ('suppressed', 'failed')
          OR m.id IN (SELECT t.message_id FROM touches t WHERE t.member_id = $1))
        ORDER BY 1
        """,
        member_id,
    )
    return [row["medium"] for row in media if row["medium"]], [row["key"] for row in keys]


async def read_touches(touch_ids: Collection[int]) -> list[TouchRow]:
    """In no order."""
    return [_row(row) for row in await Touch.filter(id__in=list(touch_ids))]


async def touches_after(
    after: int, limit: int, *, owners: Collection[str] | None, number: str = "", kind: str = ""
) -> list[dict[str, Any]]:
    """A page for a program that reads them all, by id; of these people's members, of one member, of one kind."""
    asked = Touch.filter(id__gt=after)
    if owners is not None:
        asked = asked.filter(member__owner__in=sorted(owners))
    if number:
        asked = asked.filter(member__no=number)
    if kind:
        asked = asked.filter(kind=kind)
    plain = ("id", "at", "direction", "kind", "medium", "message_class", "text", "intent")
    return await asked.order_by("id").limit(limit).values(*plain, member_no="member__no", contact_no="contact__no")


async def count_of(member_id: int) -> int:
    return await Touch.filter(member_id=member_id).count()


async def find_touch(touch_id: int) -> tuple[int, TouchRow] | None:
    """(member, touch)."""
    row = await Touch.get_or_none(id=touch_id)
    return (row.member_id, _row(row)) if row else None


async def sign(message_ids: Collection[int]) -> None:
    """Who wrote these by hand stands in their touches; of other messages nothing changes."""
    await statements.sign_touches(message_ids)


async def latest_members(limit: int, *, among: int = 200) -> tuple[int, ...]:
    """Members who were written to last, each once, out of so many last touches."""
    rows = await Touch.all().order_by("-id").limit(among).values_list("member_id", "direction")
    return tuple(dict.fromkeys(member for member, way in rows if way == Direction.OUT))[:limit]


async def count_touches() -> int:
    return await Touch.all().count()


async def count_by_kind() -> Mapping[tuple[str, str], int]:
    """(direction, kind) → number of touches."""
    rows = await statements.query("SELECT direction, kind, count(*) AS n FROM touches GROUP BY direction, kind")
    return {(row["direction"], row["kind"]): row["n"] for row in rows}


async def use_link(message_id: int, kind: str, at: datetime) -> bool:
    """Mark a message's link of one kind as used. True the first time, False afterwards, however many ask at once."""
    try:
        async with in_transaction():
            await LinkUse.create(message_id=message_id, kind=kind, at=at)
    except IntegrityError:
        await statements.run(
            "UPDATE link_uses SET count = count + 1 WHERE message_id = $1 AND kind = $2", message_id, kind
        )
        return False
    return True


async def link_used(message_id: int, kind: str) -> bool:
    return await LinkUse.filter(message_id=message_id, kind=kind).exists()


def _row(row: Touch) -> TouchRow:
    return TouchRow(
        id=row.id,
        at=row.at,
        direction=Direction(row.direction),
        kind=TouchKind(row.kind),
        medium=row.medium,
        message_class=row.message_class,
        contact_id=row.contact_id,
        message_id=row.message_id,
        text=row.text,
        intent=row.intent,
        evidence=row.evidence,
        event_id=row.event_id,
        by=row.by,
    )

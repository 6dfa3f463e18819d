"""Every member of a campaign with its fate and its answer, in pieces: what staff take away as a table."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import statements

_PIECE = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message. `heard_at` and `intent` are of the last answer to it, `returned_at` of the way back."""

    run: str
    no: str
    name: str
    tier: str
    owner: str
    state: str
    reason: str
    channel: str
    address: str
    sent_at: datetime | None
    intent: str
    heard_at: datetime | None
    returned_at: datetime | None


async def count_outcomes(occurrences: Collection[int], owners: Collection[str] | None = None) -> int:
    where, params = _condition(occurrences, owners)
    held = "JOIN members b ON b.id = m.member_id" if owners is not None else ""
    [row] = await statements.query(f"SELECT count(*) AS n FROM messages m {held} WHERE {where}", *params)
    return int(row["n"])


async def read_outcomes(
    occurrences: Collection[int], owners: Collection[str] | None = None
) -> AsyncIterator[Sequence[Outcome]]:
    """Piece by piece, run by run, in the order of the messages; with `owners` of their members alone."""
    for occurrence_id in sorted(occurrences):
        after = 0
        while rows := await _piece(occurrence_id, owners, after):
            after = rows[-1]["member_id"]
            heard = await _heard([row["id"] for row in rows])
            yield [_outcome(row, heard.get(row["id"], {})) for row in rows]


async def _piece(occurrence_id: int, owners: Collection[str] | None, after: int) -> list[dict[str, Any]]:
    where, params = _condition([occurrence_id], owners)
    params.append(after)
    return await statements.query(
        f"""
        SELECT m.id, m.member_id, o.key AS run, b.no, b.name, b.tier, b.owner, m.state, m.reason, m.channel, m.address,
               m.sent_at
        FROM messages m JOIN members b ON b.id = m.member_id JOIN occurrences o ON o.id = m.occurrence_id
        WHERE {where} AND m.member_id > ${len(params)} ORDER BY m.member_id, m.step LIMIT {_PIECE}
        """,
        *params,
    )


async def _heard(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    db = statements.connection()
    rows = await statements.query(
        f"""
        SELECT message_id, kind, intent, at FROM touches
        WHERE direction <> 'out' AND message_id {statements.ids_in(db, "$1")} ORDER BY at, id
        """,
        statements.id_list(db, ids),
    )
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault(row["message_id"], {})
        if row["kind"] == "return":
            one["returned_at"] = row["at"]
        else:
            one |= {"heard_at": row["at"], "intent": row["intent"] or row["kind"]}
    return found


def _condition(occurrences: Collection[int], owners: Collection[str] | None) -> tuple[str, list[Any]]:
    db = statements.connection()
    where, params = f"m.occurrence_id {statements.ids_in(db, '$1', 'int')}", [statements.id_list(db, occurrences)]
    if owners is not None:
        where += f" AND b.owner {statements.ids_in(db, '$2', 'text')}"
        params.append(statements.id_list(db, sorted(owners)))
    return where, params


def _outcome(row: dict[str, Any], heard: dict[str, Any]) -> Outcome:
    return Outcome(
        run=row["run"],
        no=row["no"],
        name=row["name"],
        tier=row["tier"],
        owner=row["owner"],
        state=row["state"],
        reason=row["reason"],
        channel=row["channel"] or "",
        address=row["address"] or "",
        sent_at=statements.moment(row["sent_at"]),
        intent=heard.get("intent", ""),
        heard_at=statements.moment(heard.get("heard_at")),
        returned_at=statements.moment(heard.get("returned_at")),
    )

"""What a campaign moved: by tier, and beside those who were held out on purpose."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Any

from campaigns import kept, statements

KEPT_FOR = timedelta(minutes=10)
DAYS = 7
"""Who logs in or comes back by our link within so many days has come back."""
_GONE = "m.state IN ('sent', 'delivered', 'bounced')"


@dataclass(frozen=True, slots=True)
class TierCounts:
    """Messages of some runs to members of one tier as it is today; answers are members, each once."""

    tier: str
    audience: int
    sent: int
    replied: int
    returned: int
    refused: int


@dataclass(frozen=True, slots=True)
class Arm:
    """Members who were to be written to, or were held out, and how many of them came back."""

    tier: str
    held_out: bool
    members: int
    back: int


@dataclass(frozen=True, slots=True)
class Effects:
    tiers: Sequence[TierCounts]
    arms: Sequence[Arm]


async def read_effects(occurrences: Collection[int], owners: Collection[str] | None = None) -> Effects:
    """Both of below, counted at most every ten minutes: each reads every message of these runs."""
    key = kept.digest(("effects", sorted(occurrences), owners if owners is None else sorted(owners)))
    if known := await kept.read_kept([key], KEPT_FOR):
        tiers, sides = known[key][1]
        return Effects([TierCounts(*row) for row in tiers], [Arm(*row) for row in sides])
    found = Effects(await by_tier(occurrences, owners), await arms(occurrences, owners))
    await kept.keep({key: ("", [[astuple(row) for row in found.tiers], [astuple(row) for row in found.arms]])})
    return found


async def by_tier(occurrences: Collection[int], owners: Collection[str] | None = None) -> list[TierCounts]:
    """Of these runs; with `owners` of their members alone. Reads every message of them."""
    where, params = _runs(occurrences, owners)
    sent = await statements.query(
        f"""
        SELECT b.tier, count(*) AS audience, sum(CASE WHEN {_GONE} THEN 1 ELSE 0 END) AS sent
        FROM messages m JOIN members b ON b.id = m.member_id WHERE {where} GROUP BY b.tier
        """,
        *params,
    )
    heard = await statements.query(
        f"""
        SELECT b.tier, count(DISTINCT CASE WHEN t.kind = 'reply' THEN t.member_id END) AS replied,
               count(DISTINCT CASE WHEN t.kind = 'return' THEN t.member_id END) AS returned,
               count(DISTINCT CASE WHEN t.kind = 'opt_out' OR t.intent = 'stop' THEN t.member_id END) AS refused
        FROM touches t JOIN messages m ON m.id = t.message_id JOIN members b ON b.id = m.member_id
        WHERE t.direction <> 'out' AND {where} GROUP BY b.tier
        """,
        *params,
    )
    back = {row["tier"]: row for row in heard}
    return [
        TierCounts(row["tier"], row["audience"], int(row["sent"]), *_heard(back.get(row["tier"], {}))) for row in sent
    ]


def _heard(row: Mapping[str, Any]) -> tuple[int, int, int]:
    return row.get("replied", 0), row.get("returned", 0), row.get("refused", 0)


async def arms(occurrences: Collection[int], owners: Collection[str] | None = None) -> list[Arm]:
    """Both sides of the comparison, by tier. A member counts once, from the first of these runs that had it.

    The sides part before anybody asks whether a member can be reached, so who could not stays on the side of those
    who were to be written to: the sides differ in nothing else. Who refused is on neither.
    """
    where, params = _runs(occurrences, owners)
    later = f"f.at + interval '{DAYS} days'"
    if not statements.is_postgres(statements.connection()):
        later = f"datetime(f.at, '+{DAYS} days')"
    held = "JOIN members b ON b.id = m.member_id" if owners is not None else ""
    # returns are few and stand in an index of what was heard; a member's logins are looked up in theirs
    rows = await statements.query(
        f"""
        WITH f AS (
          SELECT m.member_id, min(o.at) AS at, max(CASE WHEN m.reason = 'hold_out' THEN 1 ELSE 0 END) AS held
          FROM messages m JOIN occurrences o ON o.id = m.occurrence_id {held}
          WHERE {where} AND m.reason NOT IN ('refused', 'paused') GROUP BY m.member_id
        ), r AS (
          SELECT DISTINCT f.member_id FROM touches t JOIN f ON f.member_id = t.member_id
          WHERE t.direction <> 'out' AND t.kind = 'return' AND t.at > (SELECT min(at) FROM f)
                AND t.at > f.at AND t.at <= {later}
        )
        SELECT b.tier, f.held, count(*) AS members, sum(CASE WHEN r.member_id IS NOT NULL OR
            EXISTS (SELECT 1 FROM logins l WHERE l.member_id = f.member_id AND l.at > f.at AND l.at <= {later})
            THEN 1 ELSE 0 END) AS back
        FROM f JOIN members b ON b.id = f.member_id LEFT JOIN r ON r.member_id = f.member_id GROUP BY b.tier, f.held
        """,
        *params,
    )
    return [Arm(row["tier"], bool(row["held"]), row["members"], int(row["back"])) for row in rows]


def _runs(occurrences: Collection[int], owners: Collection[str] | None) -> tuple[str, list[Any]]:
    db = statements.connection()
    where, params = f"m.occurrence_id {statements.ids_in(db, '$1', 'int')}", [statements.id_list(db, occurrences)]
    if owners is not None:
        where += f" AND b.owner {statements.ids_in(db, '$2', 'text')}"
        params.append(statements.id_list(db, sorted(owners)))
    return where, params

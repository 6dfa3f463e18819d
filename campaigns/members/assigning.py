"""Who has which members: many at once are given to somebody, and given back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns import statements
from campaigns.members.browse import Sieve, condition_with_tier


@dataclass(frozen=True, slots=True)
class Assignment:
    """What was given at once: to whom, and from whom which members."""

    owner: str
    before: Mapping[str, Sequence[int]]

    @property
    def count(self) -> int:
        return sum(map(len, self.before.values()))


async def owners_of(sieve: Sieve) -> dict[str, int]:
    """Owner → how many members of the sieve; the empty name is nobody."""
    where, params = condition_with_tier(sieve)
    rows = await statements.query(
        f"SELECT m.owner, count(*) AS n FROM members m WHERE {where} GROUP BY m.owner ORDER BY count(*) DESC, m.owner",
        *params,
    )
    return {row["owner"]: int(row["n"]) for row in rows}


async def give_members(sieve: Sieve, owner: str) -> Assignment:
    """All of the sieve to `owner`; in the caller's transaction."""
    where, params = condition_with_tier(sieve)
    params.append(owner)
    db = statements.connection()
    held = " FOR NO KEY UPDATE" if statements.is_postgres(db) else ""
    rows = await statements.query(
        f"SELECT m.id, m.owner FROM members m WHERE {where} AND m.owner <> ${len(params)} ORDER BY m.id{held}",
        *params,
    )
    before: dict[str, list[int]] = {}
    for row in rows:
        before.setdefault(row["owner"], []).append(row["id"])
    ids = statements.id_list(db, [row["id"] for row in rows])
    await statements.run(
        f"UPDATE members SET owner = $1, owner_due = NULL WHERE id {statements.ids_in(db, '$2')}", owner, ids
    )
    return Assignment(owner, before)


async def give_back(given: Assignment) -> Assignment:
    """As it was before, as far as nobody gave a member on since; in the caller's transaction. Returns what went."""
    return Assignment(
        given.owner, {owner: await _returned(given.owner, owner, ids) for owner, ids in given.before.items()}
    )


async def _returned(now: str, owner: str, ids: Sequence[int]) -> list[int]:
    db = statements.connection()
    rows = await statements.query(
        f"SELECT id FROM members WHERE owner = $1 AND id {statements.ids_in(db, '$2')} ORDER BY id",
        now,
        statements.id_list(db, ids),
    )
    found = [row["id"] for row in rows]
    back = statements.id_list(db, found)
    await statements.run(f"UPDATE members SET owner = $1 WHERE id {statements.ids_in(db, '$2')}", owner, back)
    return found

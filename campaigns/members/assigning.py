"""Who has which members: many at once are given to somebody, and given back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.marks import delete_mark, read_mark, write_mark
from campaigns.members.browse import Sieve, condition_with_tier


@dataclass(frozen=True, slots=True)
class Assignment:
    """What somebody gave away last: to whom, and from whom which members."""

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


async def assign_members(sieve: Sieve, owner: str, *, by: int) -> Assignment:
    """All of the sieve to `owner`; kept as what `by`, an id of the staff, gave last."""
    where, params = condition_with_tier(sieve)
    params.append(owner)
    held = " FOR NO KEY UPDATE" if statements.is_postgres(statements.connection()) else ""
    async with in_transaction():
        rows = await statements.query(
            f"SELECT m.id, m.owner FROM members m WHERE {where} AND m.owner <> ${len(params)} ORDER BY m.id{held}",
            *params,
        )
        before: dict[str, list[int]] = {}
        for row in rows:
            before.setdefault(row["owner"], []).append(row["id"])
        db = statements.connection()
        ids = statements.id_list(db, [row["id"] for row in rows])
        await statements.run(f"UPDATE members SET owner = $1 WHERE id {statements.ids_in(db, '$2')}", owner, ids)
        given = Assignment(owner, before)
        if rows:
            await write_mark(_key(by), json.dumps({"owner": owner, "before": before}, ensure_ascii=False))
    return given


async def last_assignment(by: int) -> Assignment | None:
    """What this person gave away last and has not taken back."""
    kept = await read_mark(_key(by))
    return Assignment(**json.loads(kept)) if kept else None


async def take_back(by: int) -> Assignment | None:
    """As it was before the last assignment of this person, as far as nobody gave a member on since. Once.

    Returns what was taken back; None where there was nothing.
    """
    async with in_transaction():
        given = await last_assignment(by)
        if given is None:
            return None
        await delete_mark(_key(by))
        back = {owner: await _returned(given.owner, owner, ids) for owner, ids in given.before.items()}
    return Assignment(given.owner, back)


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


def _key(by: int) -> str:
    return f"assigned:{by}"

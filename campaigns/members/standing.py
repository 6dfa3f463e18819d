"""All members as the last tiering left them, for what would change if; and each night's run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from campaigns import statements
from campaigns.members.overrides import fixed_tiers
from campaigns.models import TierRun
from campaigns.terms import Tier
from campaigns.tier_rules import PARTS, TIERS, TierRules
from campaigns.tiers import Standing

_NOTHING = ",".join("" for _ in PARTS)
_PLACES = {str(tier): place for place, tier in enumerate(TIERS)}


async def read_standing(rules: TierRules, now: datetime) -> Standing:
    """In one query; who has not been scored yet is left out. `rules` say how long a tier is fresh."""
    rows = await statements.fetch(
        """
        SELECT id, tier_values, tier, CASE WHEN tier_since > $1 THEN 1 ELSE 0 END
        FROM members WHERE tier_values IS NOT NULL ORDER BY id
        """,
        now - rules.margin_time,
    )
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    return Standing(
        ids,
        _values([row[1] for row in rows]),
        np.array([_PLACES[row[2]] for row in rows], dtype=np.int64),
        np.array([row[3] for row in rows], dtype=np.bool_),
        np.isin(ids, list(await fixed_tiers())),
    )


def _values(written: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    cells = ",".join(written).split(",") if written else []
    numbers = np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    return numbers.reshape(-1, len(PARTS))


async def members_among(member_ids: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
    """Number, name and owner of these members, by id."""
    db = statements.connection()
    rows = await statements.query(
        f"SELECT id, no, name, owner FROM members WHERE id {statements.ids_in(db, '$1', 'int')}",
        statements.id_list(db, list(member_ids)),
    )
    return {row["id"]: row for row in rows}


async def ids_of_owners(owners: Collection[str]) -> Sequence[int]:
    """The members of these people."""
    if not owners:
        return []
    places = ", ".join(f"${number}" for number in range(1, len(owners) + 1))
    rows = await statements.fetch(f"SELECT id FROM members WHERE owner IN ({places})", *sorted(owners))
    return [row[0] for row in rows]


async def count_tiers(owners: Collection[str] | None = None) -> dict[Tier, int]:
    """How many members each tier has; with `owners` of these people's alone."""
    given = sorted(owners or ())
    places = ", ".join(f"${number}" for number in range(1, len(given) + 1))
    ours = "" if owners is None else f"WHERE owner IN ({places})" if given else "WHERE 1 = 0"
    rows = await statements.fetch(f"SELECT tier, count(*) FROM members {ours} GROUP BY tier", *given)
    found = {Tier(tier): int(count) for tier, count in rows}
    return {tier: found.get(tier, 0) for tier in TIERS}


@dataclass(frozen=True, slots=True)
class Run:
    """`moved` by the score; `ended`: tiers given by hand that ended by themselves."""

    at: datetime
    members: int
    moved: int
    ended: int
    tiers: Mapping[str, int]


async def keep_run(rules: TierRules, moved: int, ended: int, now: datetime) -> Run:
    tiers = {str(tier): count for tier, count in (await count_tiers()).items()}
    run = Run(now, sum(tiers.values()), moved, ended, tiers)
    await TierRun.create(**asdict(run), rules=asdict(rules))
    return run


async def last_tiering() -> Run | None:
    row = await TierRun.all().order_by("-at", "-id").first()
    return Run(row.at, row.members, row.moved, row.ended, row.tiers) if row else None

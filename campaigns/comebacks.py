"""Members who came back, by one of our links or of own accord: who, after what, how many a day.

Counted over a few days.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from campaigns import statements
from campaigns.statements.returning import came_back_alone
from campaigns.terms import TouchKind

_HEARD = f"t.direction <> 'out' AND t.kind = '{TouchKind.RETURN}'"  # the words of the index touches_heard_at


@dataclass(frozen=True, slots=True)
class Comeback:
    """One member, the first time since then. `campaign`: the key of what they had received, `channel` by what way."""

    no: str
    name: str
    tier: str
    owner: str
    at: datetime
    campaign: str
    channel: str
    sent_at: datetime | None


async def latest_comebacks(since: datetime, owners: Collection[str] | None, most: int) -> Sequence[Comeback]:
    """The newest returns by a link, each member once."""
    where, params = _where(since, owners)
    rows = await statements.query(
        f"""
        SELECT b.no, b.name, b.tier, b.owner, t.at, k.key AS campaign, g.channel, g.sent_at
        FROM (SELECT t.member_id, max(t.id) AS id FROM touches t JOIN members b ON b.id = t.member_id
              WHERE {where} GROUP BY t.member_id ORDER BY max(t.at) DESC LIMIT {int(most)}) r
        JOIN touches t ON t.id = r.id JOIN members b ON b.id = t.member_id
        LEFT JOIN messages g ON g.id = t.message_id
        LEFT JOIN occurrences o ON o.id = g.occurrence_id LEFT JOIN campaigns k ON k.id = o.campaign_id
        ORDER BY t.at DESC, t.id DESC
        """,
        *params,
    )
    return [_comeback(row) for row in rows]


async def latest_logins(since: datetime, owners: Collection[str] | None, most: int) -> Sequence[Comeback]:
    """The newest who logged in of own accord after a month without, each member once."""
    where, params = _alone(since, owners)
    rows = await statements.query(
        f"""
        SELECT m.no, m.name, m.tier, m.owner, NULL AS campaign, NULL AS channel, NULL AS sent_at,
          (SELECT min(l.at) FROM logins l WHERE l.member_id = m.id AND l.at >= $1) AS at
        FROM members m WHERE {where} ORDER BY m.last_login_at DESC, m.id LIMIT {int(most)}
        """,
        *params,
    )
    return [_comeback(row) for row in rows]


async def count_logins(since: datetime, owners: Collection[str] | None) -> int:
    """How many members logged in of own accord after a month without."""
    where, params = _alone(since, owners)
    [row] = await statements.query(f"SELECT count(*) AS n FROM members m WHERE {where}", *params)
    return int(row["n"])


async def count_comebacks(since: datetime, owners: Collection[str] | None) -> int:
    """How many members, however often each."""
    where, params = _where(since, owners)
    [row] = await statements.query(
        f"SELECT count(DISTINCT t.member_id) AS n FROM touches t JOIN members b ON b.id = t.member_id WHERE {where}",
        *params,
    )
    return int(row["n"])


async def comebacks_by_day(since: datetime, owners: Collection[str] | None) -> Mapping[date, int]:
    """Members a day, by Shanghai's days; a day without one is not there."""
    where, params = _where(since, owners)
    day = "date(t.at, '+8 hours')"
    if statements.is_postgres(statements.connection()):
        day = "to_char(t.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')"
    rows = await statements.query(
        f"""
        SELECT {day} AS day, count(DISTINCT t.member_id) AS n FROM touches t JOIN members b ON b.id = t.member_id
        WHERE {where} GROUP BY 1
        """,
        *params,
    )
    return {date.fromisoformat(row["day"]): int(row["n"]) for row in rows}


def _where(since: datetime, owners: Collection[str] | None) -> tuple[str, list[Any]]:
    where, params = f"{_HEARD} AND t.at >= $1", [since]
    if owners is None:
        return where, params
    db = statements.connection()
    return f"{where} AND b.owner {statements.ids_in(db, '$2', 'text')}", [
        *params,
        statements.id_list(db, sorted(owners)),
    ]


def _alone(since: datetime, owners: Collection[str] | None) -> tuple[str, list[Any]]:
    params: list[Any] = []

    def take(value: object) -> str:
        params.append(value)
        return f"${len(params)}"

    where = came_back_alone(since, take)
    if owners is None:
        return where, params
    db = statements.connection()
    mine = take(statements.id_list(db, sorted(owners)))
    return f"{where} AND m.owner {statements.ids_in(db, mine, 'text')}", params


def _comeback(row: Mapping[str, Any]) -> Comeback:
    at = statements.moment(row["at"])
    assert at is not None
    return Comeback(
        no=row["no"],
        name=row["name"],
        tier=row["tier"],
        owner=row["owner"],
        at=at,
        campaign=row["campaign"] or "",
        channel=row["channel"] or "",
        sent_at=statements.moment(row["sent_at"]),
    )

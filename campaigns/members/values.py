"""What stands in members' columns: the values a rule may ask for, with how many members have each."""

from collections.abc import Collection

from campaigns import statements
from campaigns.models import CustomField, Member
from campaigns.segments import Field

MOST = 100
_SAMPLED = 20_000  # members: a column of the site's own has no index, and a list to pick from need not be exact
_ASKED = 300  # newest members whose columns of their own are known


async def values_of(field: Field, owners: Collection[str] | None = None) -> list[tuple[str, int]]:
    """(value, members), the most frequent first; among the members of `owners` where given."""
    if not field.column and not field.attr:
        return []
    params: list[object] = []

    def take(value: object) -> str:
        params.append(value)
        return f"${len(params)}"

    value = f"m.{field.column}" if field.column else _attr(take(field.attr))
    ours = "1 = 1"
    if owners is not None:
        ours = f"m.owner IN ({', '.join(take(one) for one in sorted(owners))})" if owners else "1 = 0"
    rows = await statements.query(
        f"SELECT v, count(*) AS n FROM (SELECT {value} AS v FROM members m WHERE {ours} LIMIT {_limit(field)}) x "
        f"WHERE v IS NOT NULL AND v <> '' GROUP BY v ORDER BY count(*) DESC, v LIMIT {MOST}",
        *params,
    )
    return [(str(row["v"]), int(row["n"])) for row in rows]


async def custom_names() -> list[str]:
    """The columns of the site's own: those staff described, and those the newest members have."""
    described = await CustomField.all().values_list("name", flat=True)
    newest = await Member.all().order_by("-id").limit(_ASKED).values_list("attrs", flat=True)
    return sorted({str(name) for name in described} | {name for attrs in newest for name in attrs})


def _attr(place: str) -> str:
    if statements.is_postgres(statements.connection()):
        return f"m.attrs ->> {place}::text"
    return f"(SELECT a.value FROM json_each(m.attrs) a WHERE a.key = {place})"


def _limit(field: Field) -> int:
    return _SAMPLED if field.attr else 10_000_000

"""Problems in numbers: categories over the months, by tier, trade and staff, and how long they took to solve."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from campaigns import statements
from campaigns.terms import SHANGHAI

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Share:
    """One category, tier, trade or colleague: how many problems, how many of them open, the median time to solve."""

    key: str
    n: int
    open: int
    median: timedelta | None


@dataclass(frozen=True, slots=True)
class ProblemFigures:
    """Of the last twelve months. `cells`: (month, category) → number."""

    months: Sequence[str]
    cells: dict[tuple[str, str], int]
    by_month: Sequence[Share]
    by_category: Sequence[Share]
    by_fault: Sequence[Share]
    by_tier: Sequence[Share]
    by_trade: Sequence[Share]
    by_staff: Sequence[Share]
    whole: Share


@dataclass(frozen=True, slots=True)
class _Case:
    month: str
    category: str
    fault: str
    tier: str
    trade: str
    staff: str
    took: timedelta | None


async def problem_figures(now: datetime, owners: Collection[str] | None = None) -> ProblemFigures:
    """One statement, of these people's members alone where given."""
    months = _months(now)
    cases = await _cases(months[0], owners)
    by_month = {one.key: one for one in _shares(cases, "month")}
    return ProblemFigures(
        months=months,
        cells=dict(Counter((one.month, one.category) for one in cases)),
        by_month=[by_month.get(month, Share(month, 0, 0, None)) for month in months],
        by_category=_shares(cases, "category"),
        by_fault=_shares(cases, "fault"),
        by_tier=_shares(cases, "tier"),
        by_trade=_shares(cases, "trade"),
        by_staff=_shares(cases, "staff"),
        whole=_share("", cases),
    )


async def _cases(first_month: str, owners: Collection[str] | None) -> list[_Case]:
    db = statements.connection()
    year, month = map(int, first_month.split("-"))
    params: list[Any] = [datetime(year, month, 1, tzinfo=SHANGHAI)]
    ours = ""
    if owners is not None:
        params.append(statements.id_list(db, sorted(owners)))
        ours = f" AND m.owner {statements.ids_in(db, '$2', 'text')}"
    rows = await statements.query(
        f"""
        SELECT p.category, p.fault, m.tier, m.trade, p.opened_by, p.opened_at, p.solved_at
        FROM problems p JOIN members m ON m.id = p.member_id WHERE p.opened_at >= $1{ours}
        """,
        *params,
    )
    return [_case(row) for row in rows]


def _case(row: dict[str, Any]) -> _Case:
    opened, solved = statements.moment(row["opened_at"]), statements.moment(row["solved_at"])
    assert opened is not None
    return _Case(
        month=f"{opened.astimezone(SHANGHAI):%Y-%m}",
        category=row["category"],
        fault=row["fault"],
        tier=row["tier"],
        trade=row["trade"],
        staff=row["opened_by"],
        took=solved - opened if solved else None,
    )


def _shares(cases: Sequence[_Case], what: str) -> list[Share]:
    """The largest first."""
    groups: dict[str, list[_Case]] = {}
    for one in cases:
        groups.setdefault(getattr(one, what), []).append(one)
    return sorted((_share(key, group) for key, group in groups.items()), key=lambda one: (-one.n, one.key))


def _share(key: str, cases: Sequence[_Case]) -> Share:
    took = [one.took for one in cases if one.took is not None]
    return Share(key, len(cases), len(cases) - len(took), _middle(took) if took else None)


def _months(now: datetime) -> list[str]:
    """The last twelve, this one last: 2026-11."""
    local = now.astimezone(SHANGHAI)
    last = local.year * 12 + local.month - 1
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(last - MONTHS + 1, last + 1)]


def _middle(took: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(one.total_seconds() for one in took))

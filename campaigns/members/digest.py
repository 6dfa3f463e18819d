"""What some words want beside the facts: a member's unread postings, and what others of its trade recruit for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from campaigns import statements
from campaigns.terms import Facts

_LINES = 5  # a digest that is read on a phone
_PEERS = 3  # fewer members than that behind a line would name one of them


async def unread_postings_for(member_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Member id → its postings with unread applications, most unread first: {title, city, unread}."""
    rows = await statements.query(
        f"""
        SELECT p.member_id, p.title, p.city, count(*) AS unread
        FROM applications a JOIN postings p ON p.id = a.posting_id
        WHERE a.first_viewed_at IS NULL AND {statements.THERE} AND p.member_id BETWEEN $1 AND $2
        GROUP BY p.member_id, p.id, p.title, p.city ORDER BY count(*) DESC, p.title
        """,
        min(member_ids, default=0),
        max(member_ids, default=0),
    )
    wanted = set(member_ids)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["member_id"] in wanted and len(found[row["member_id"]]) < _LINES:
            found[row["member_id"]].append({"title": row["title"], "city": row["city"], "unread": row["unread"]})
    return found


async def digests_for(facts: Sequence[Facts]) -> dict[int, list[dict[str, Any]]]:
    """Member id → what other members of its trade recruit for: {title, city, pay, heads, employers}.

    Never a member by name, and no line that fewer than three members stand behind.
    """
    by_trade = await _demand_by_trade({one.trade for one in facts if one.trade})
    return {one.member_id: _near_first(by_trade.get(one.trade, []), one.city)[:_LINES] for one in facts}


async def _demand_by_trade(trades: set[str]) -> Mapping[str, list[dict[str, Any]]]:
    rows = await statements.query(
        """
        SELECT m.trade, p.city, p.category AS title, count(DISTINCT m.id) AS employers,
               sum(coalesce(p.heads, 1)) AS heads, min(p.pay_min) AS pay_min, max(p.pay_max) AS pay_max
        FROM postings p JOIN members m ON m.id = p.member_id
        WHERE p.state = 'live' AND p.category <> ''
        GROUP BY m.trade, p.city, p.category
        HAVING count(DISTINCT m.id) >= $1 ORDER BY sum(coalesce(p.heads, 1)) DESC, p.category
        """,
        _PEERS,
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["trade"] in trades:
            found[row["trade"]].append(_line(row))
    return found


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    low, high = row["pay_min"], row["pay_max"]
    return {
        "title": row["title"],
        "city": row["city"],
        "pay": f"{low}–{high}元" if low and high else "面议",
        "heads": int(row["heads"]),
        "employers": int(row["employers"]),
    }


def _near_first(lines: Sequence[dict[str, Any]], city: str) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: line["city"] != city)

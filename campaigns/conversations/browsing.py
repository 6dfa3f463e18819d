"""The list of conversations: by who has to do something, by who has them, by words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from campaigns import statements
from campaigns.conversations.states import State
from campaigns.terms import SHANGHAI

PAGE = 50


class Tab(StrEnum):
    WAITING = "waiting"
    MINE = "mine"
    NOBODYS = "nobodys"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Sieve:
    """`me`: whose the tab MINE is. `owners`: only conversations with their members; None: with anybody's."""

    me: str
    today: date
    tab: Tab = Tab.WAITING
    text: str = ""
    owners: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One conversation in the list, with their last words. A window is that of the contact who said them."""

    member_id: int
    no: str
    name: str
    tier: str
    contact: str
    state: State
    waits: bool
    assigned: str
    medium: str
    intent: str
    text: str
    heard_at: datetime
    follow_up_on: date | None
    window_until: datetime | None
    window_left: int


@dataclass(frozen=True, slots=True)
class Page:
    lines: Sequence[Line]
    total: int
    counts: Mapping[Tab, int]


# "$1" is who asks, {today} a date as both databases read it.
_WAITS = f"(c.state = '{State.WAITING}' AND (c.follow_up_on IS NULL OR c.follow_up_on <= '{{today}}'))"
_WHERE = {
    Tab.WAITING: _WAITS,
    Tab.NOBODYS: f"{_WAITS} AND c.assigned = ''",
    Tab.MINE: f"c.assigned = $1 AND c.state <> '{State.CLOSED}'",
    Tab.ALL: "1 = 1",
}
_UNTIL = "CASE c.medium WHEN 'wechat' THEN f.window_until WHEN 'wecom' THEN w.window_until END"
_WINDOWED = "c.medium IN ('wechat', 'wecom')"
_REACH = """
        LEFT JOIN contacts p ON p.id = c.contact_id
        LEFT JOIN wechat_followers f ON f.openid = p.openid
        LEFT JOIN wecom_customers w ON w.external_userid = p.external_userid"""
_ANYBODY = "CAST($1 AS text) = $1"
_OLDEST_FIRST = frozenset({Tab.WAITING, Tab.NOBODYS})  # who waits longest comes first; his window closes first


async def browse(sieve: Sieve, page: int = 1) -> Page:
    """Page 1 is the first; a page behind the last is empty."""
    given, scope = _scope(sieve)
    where = {tab: condition.format(today=sieve.today) for tab, condition in _WHERE.items()}
    counts = await _count_tabs(where, scope, given)
    waits = _WAITS.format(today=sieve.today)
    order = "c.heard_at, c.id" if sieve.tab in _OLDEST_FIRST else "c.heard_at DESC, c.id DESC"
    inner = f"{where[sieve.tab]} AND {scope} ORDER BY {order} LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}"
    rows = await statements.query(_select(waits, inner, order), *given)
    return Page([_line(row) for row in rows], counts[sieve.tab], counts)


async def pressing(now: datetime, owners: frozenset[str] | None, most: int) -> Sequence[Line]:
    """Of those that wait: first whose window closes next, then who waits longest without one."""
    today = now.astimezone(SHANGHAI).date()
    given, scope = _scope(Sieve(me="", today=today, owners=owners))
    given.append(now)
    waits = _WAITS.format(today=today)
    is_open = f"{_UNTIL} > ${len(given)}"
    closing = f"{waits} AND {scope} AND {_WINDOWED} AND {is_open} ORDER BY {_UNTIL}, c.heard_at, c.id LIMIT {int(most)}"
    found = await statements.query(_select(waits, closing, f"{_UNTIL}, c.heard_at, c.id", _REACH), *given)
    if left := int(most) - len(found):
        # in the order of the index: what comes first has hardly ever an open window
        rest = f"{waits} AND {scope} AND ({_UNTIL} > ${len(given)}) IS NOT TRUE ORDER BY c.heard_at, c.id LIMIT {left}"
        found += await statements.query(_select(waits, rest, "c.heard_at, c.id", _REACH), *given)
    return [_line(row) for row in found]


async def count_closing(now: datetime, until: datetime, owners: frozenset[str] | None) -> int:
    """Of those that wait: how many have a window that is open now and closed by then."""
    today = now.astimezone(SHANGHAI).date()
    given, scope = _scope(Sieve(me="", today=today, owners=owners))
    n = len(given)
    [row] = await statements.query(
        f"""
        SELECT count(*) AS n FROM conversations c {_REACH}
        WHERE {_WAITS.format(today=today)} AND {scope} AND {_WINDOWED} AND {_UNTIL} > ${n + 1} AND {_UNTIL} <= ${n + 2}
        """,
        *given,
        now,
        until,
    )
    return int(row["n"])


async def count_waiting(today: date, owners: frozenset[str] | None = None) -> int:
    given, scope = _scope(Sieve(me="", today=today, owners=owners))
    return await _count(f"{_WAITS.format(today=today)} AND {scope}", given)


def _select(waits: str, inner: str, order: str, beside: str = "") -> str:
    """`beside`: what else `inner` joins."""
    return f"""
        SELECT c.member_id, m.no, m.name, m.tier, p.name AS contact, c.state, c.assigned, c.medium, c.intent,
          t.text, x.now AS corrected, c.heard_at, c.follow_up_on, CASE WHEN {waits} THEN 1 ELSE 0 END AS waits,
          {_UNTIL} AS window_until,
          CASE c.medium WHEN 'wechat' THEN f.window_left WHEN 'wecom' THEN w.window_left END AS window_left
        FROM (SELECT c.* FROM conversations c {beside} WHERE {inner}) c
        JOIN members m ON m.id = c.member_id {_REACH}
        LEFT JOIN touches t ON t.id = c.touch_id
        LEFT JOIN corrections x ON x.touch_id = c.touch_id
        ORDER BY {order}
        """


async def _count_tabs(where: Mapping[Tab, str], scope: str, given: Sequence[Any]) -> dict[Tab, int]:
    """All tabs in one reading."""
    columns = ", ".join(f"sum(CASE WHEN {asked} THEN 1 ELSE 0 END) AS n_{tab}" for tab, asked in where.items())
    [row] = await statements.query(f"SELECT {columns} FROM conversations c WHERE {scope}", *given)
    return {tab: int(row[f"n_{tab}"] or 0) for tab in where}


async def _count(where: str, given: Sequence[Any]) -> int:
    [row] = await statements.query(
        f"SELECT count(*) AS n FROM conversations c WHERE {where}",
        *given,
    )
    return int(row["n"])


def _scope(sieve: Sieve) -> tuple[list[Any], str]:
    """Parameters (who asks is the first) and what every tab asks of the conversation `c`."""
    db = statements.connection()
    given: list[Any] = [sieve.me]
    asked = []
    if sieve.owners is not None:
        given.append(statements.id_list(db, sorted(sieve.owners)))
        asked.append(f"m.owner {statements.ids_in(db, f'${len(given)}', 'text')}")
    if sieve.text:
        given.append(f"%{_escaped(sieve.text.lower())}%")
        place = f"${len(given)}"
        asked.append(
            f"(lower(m.name) LIKE {place} ESCAPE '!' OR lower(m.no) LIKE {place} ESCAPE '!' "
            f"OR m.initials LIKE {place} ESCAPE '!' OR EXISTS (SELECT 1 FROM contacts n WHERE n.member_id = m.id "
            f"AND lower(n.name) LIKE {place} ESCAPE '!'))"
        )
    if not asked:
        return given, _ANYBODY  # without a look at the members
    return given, f"{_ANYBODY} AND c.member_id IN (SELECT m.id FROM members m WHERE {' AND '.join(asked)})"


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _line(row: Mapping[str, Any]) -> Line:
    heard = statements.moment(row["heard_at"])
    assert heard is not None
    return Line(
        member_id=row["member_id"],
        no=row["no"],
        name=row["name"],
        tier=row["tier"],
        contact=row["contact"] or "",
        state=State(row["state"]),
        waits=bool(row["waits"]),
        assigned=row["assigned"],
        medium=row["medium"],
        intent=row["corrected"] or row["intent"],
        text=row["text"] or "",
        heard_at=heard,
        follow_up_on=statements.day(row["follow_up_on"]),
        window_until=statements.moment(row["window_until"]),
        window_left=row["window_left"] or 0,
    )

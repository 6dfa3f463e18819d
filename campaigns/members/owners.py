"""Whose members were at moments that are past, by what was handed over since."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from tortoise.expressions import Q

from campaigns import statements
from campaigns.models import Transfer

_EVER = datetime.min.replace(tzinfo=UTC)
History = list[tuple[datetime, str]]


async def owners_at(asked: Collection[tuple[int, datetime]]) -> dict[tuple[int, datetime], str]:
    """(member, moment) → who had it then; in three queries. Nothing was kept of changes that no transfer made."""
    if not asked:
        return {}
    ids = {member_id for member_id, _ in asked}
    today = await _owners_today(ids)
    histories = _histories(await _transfers_since(min(at for _, at in asked)), ids)
    return {(one, at): _owner_at(histories.get(one, []), at, today.get(one, "")) for one, at in asked}


async def _owners_today(ids: Collection[int]) -> dict[int, str]:
    db = statements.connection()
    rows = await statements.fetch(
        f"SELECT id, owner FROM members WHERE id {statements.ids_in(db, '$1', 'int')}",
        statements.id_list(db, sorted(ids)),
    )
    return {row[0]: row[1] for row in rows}


async def _transfers_since(since: datetime) -> list[Transfer]:
    """From the earliest one on that was made or taken back since."""
    first = await Transfer.filter(Q(at__gt=since) | Q(undone_at__gt=since)).order_by("at").first().values("at")
    return await Transfer.filter(at__gte=first["at"]) if first else []


def _histories(rows: Sequence[Transfer], ids: set[int]) -> dict[int, History]:
    """Member → its owners, each with the moment it began; what is taken back goes only from who has it still."""
    found: dict[int, History] = {}
    for at, is_back, row in sorted(_events(rows), key=lambda one: (one[0], one[1], one[2].id)):
        for was, members in row.before.items():
            for member_id in ids & set(members):
                history = found.setdefault(member_id, [(_EVER, was)])
                if not is_back:
                    history.append((at, row.owner))
                elif history[-1][1] == row.owner:
                    history.append((at, was))
    return found


def _events(rows: Sequence[Transfer]) -> Iterator[tuple[datetime, bool, Transfer]]:
    for row in rows:
        yield row.at, False, row
        if row.undone_at:
            yield row.undone_at, True, row


def _owner_at(history: History, at: datetime, today: str) -> str:
    """After the last transfer: today's."""
    if not history or history[-1][0] <= at:
        return today
    return [owner for began, owner in history if began <= at][-1]

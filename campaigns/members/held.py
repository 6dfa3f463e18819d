"""What we hold of one site that may have changed there without a moment of its own: its numbers, its sums."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from campaigns import statements
from campaigns.columns import TableKind
from campaigns.fields import PostingState
from campaigns.models import Application, Member, Posting


async def open_numbers(kind: TableKind, prefix: str, *, every: bool = False) -> list[int]:
    """Numbers, on the site, of applications that are unread and postings that are live here; of others none.

    `prefix` stands before the site's numbers here. `every`: of postings those that are not live, too.
    """
    if kind is TableKind.APPLICATIONS:
        unread = Application.filter(first_viewed_at=None, no__startswith=prefix)
        return _of_site(await unread.values_list("no", flat=True), prefix)
    if kind is TableKind.POSTINGS:
        wanted = Posting.filter(no__startswith=prefix)
        found = wanted if every else wanted.filter(state=PostingState.LIVE)
        return _of_site(await found.values_list("no", flat=True), prefix)
    return []


async def write_paid(paid: Mapping[str, int], prefix: str) -> int:
    """What each member of the site paid in twelve months; who is not among them paid nothing. How many it changed."""
    members = await Member.filter(no__startswith=prefix).values("id", "no", "paid_12m")
    rows = [
        {"id": row["id"], "paid_12m": paid.get(row["no"])}
        for row in members
        if number_on_site(row["no"], prefix) is not None and row["paid_12m"] != paid.get(row["no"])
    ]
    await statements.update_rows("members", {"id": "int", "paid_12m": "int"}, rows)
    return len(rows)


async def note_gone(met: Collection[int], prefix: str, now: datetime) -> int:
    """After the whole of a site was read: its postings that were not met are offline. How many that closed.

    One that was met again is no longer gone.
    """
    rows = await Posting.filter(no__startswith=prefix).values("id", "no", "state", "gone_at")
    ours = [(row, number in met) for row in rows if (number := number_on_site(row["no"], prefix)) is not None]
    gone = [row for row, here in ours if not here and row["gone_at"] is None]
    back = [row for row, here in ours if here and row["gone_at"] is not None]
    changed = [{"id": row["id"], "state": PostingState.OFFLINE, "gone_at": now} for row in gone]
    changed += [{"id": row["id"], "state": row["state"], "gone_at": None} for row in back]
    await statements.update_rows("postings", {"id": "int", "state": "text", "gone_at": "timestamptz"}, changed)
    return sum(row["state"] != PostingState.OFFLINE for row in gone)


def _of_site(ours: Iterable[Any], prefix: str) -> list[int]:
    numbers = (number_on_site(str(no), prefix) for no in ours)
    return sorted(no for no in numbers if no is not None)


def number_on_site(no: str, prefix: str) -> int | None:
    """The site's own number of one of ours; None where it is another's."""
    rest = no.removeprefix(prefix)
    return int(rest) if rest.isascii() and rest.isdigit() and not rest.startswith("0") and len(rest) < 19 else None

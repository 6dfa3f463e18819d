"""What the site tells as it happens, many at a time: logins, résumés read, postings changed, plans renewed, hires.

Everything here is to be called within a transaction, and leaves the members' counters to `recount`.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tortoise.models import Model

from campaigns import statements
from campaigns.members.load import stored_logins, types_of
from campaigns.members.owners import owners_at
from campaigns.members.renewals import TOLD, Renewed, keep_renewals
from campaigns.models import Application, Member, Posting

HIRED = "录用"
"""What the outcome of an application says then."""

_AT_ONCE = 10_000


class Fate(StrEnum):
    """What became of one thing that was told."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MISSING = "missing"  # the member, posting or application of that number is not here


@dataclass(frozen=True, slots=True)
class Change:
    """New values of the row with this number; those of `fill` only where it has none.

    `at`: when it happened; what a later event told already of a field stays.
    """

    no: str
    values: Mapping[str, Any] = field(default_factory=dict)
    fill: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


async def record_logins(told: Sequence[tuple[str, datetime]]) -> list[Fate]:
    """(member's number, moment). A login that is known changes nothing."""
    ids = await statements.ids_of("members", list({no for no, _ in told}))
    asked = [(ids.get(no), at) for no, at in told]
    wanted = {(member_id, at) for member_id, at in asked if member_id is not None}
    new = wanted - await stored_logins(wanted)
    await statements.upsert("logins", ("member_id", "at"), ("member_id", "at"), sorted(new))
    await _note(new)
    fates = []
    for member_id, at in asked:
        is_new = member_id is not None and (member_id, at) in new
        fates.append(Fate.MISSING if member_id is None else Fate.ADDED if is_new else Fate.UNCHANGED)
        if is_new and member_id is not None:
            new.discard((member_id, at))
    return fates


async def note_history(logins: Collection[tuple[str, datetime]]) -> None:
    """Logins of the past that were stored: the last one counts, their number is the members' own column."""
    ids = await statements.ids_of("members", list({no for no, _ in logins}))
    await _note({(ids[no], at) for no, at in logins if no in ids}, counted=False)


async def change_members(changes: Sequence[Change]) -> list[Fate]:
    return await _change(Member, changes)


async def record_renewals(told: Sequence[tuple[str, date, datetime]]) -> None:
    """(member's number, the last day of the plan as renewed, moment); who is not here is left out."""
    ids = await statements.ids_of("members", list({no for no, _, _ in told}))
    here = [(ids[no], until, at) for no, until, at in told if no in ids]
    owners = await owners_at({(member_id, at) for member_id, _, at in here})
    await keep_renewals([Renewed(one, until, at, owners[one, at]) for one, until, at in here], TOLD)


async def change_postings(changes: Sequence[Change]) -> list[Fate]:
    return await _change(Posting, changes)


async def change_applications(changes: Sequence[Change]) -> list[Fate]:
    return await _change(Application, changes)


async def applied_at_of(applications: Collection[str]) -> Mapping[str, datetime]:
    """Number of an application → when it came, where that is known."""
    rows = await _rows_of(Application, applications, "no", "applied_at")
    return {row["no"]: row["applied_at"] for row in rows if row["applied_at"]}


async def unread_of(
    *, members: Collection[str] = (), postings: Collection[str] = ()
) -> Mapping[str, list[tuple[str, datetime | None]]]:
    """Number of a member or posting → its unread applications with when they came, in two queries; who is not here
    is not in."""
    found: dict[str, list[tuple[str, datetime | None]]] = {
        no: [] for table, numbers in (("members", members), ("postings", postings)) if numbers
        for no in await statements.ids_of(table, list(numbers))
    }  # fmt: skip
    unread = Application.filter(first_viewed_at=None)
    for path, numbers in (("posting__member__no", members), ("posting__no", postings)):
        if numbers:
            rows = unread.filter(**{f"{path}__in": sorted(numbers)}).order_by("id")
            for owner, no, at in await rows.values_list(path, "no", "applied_at"):
                found[str(owner)].append((str(no), at))
    return found


async def owners_of(*, postings: Collection[str] = (), applications: Collection[str] = ()) -> set[int]:
    """The members these postings and applications, given by their numbers, belong to now."""
    of_postings = await _rows_of(Posting, postings, "member_id")
    of_applications = await _rows_of(Application, applications, "posting__member_id")
    return {int(next(iter(row.values()))) for row in (*of_postings, *of_applications)}


async def recount(
    *, postings: Collection[str] = (), applications: Collection[str] = (), before: Collection[int] = ()
) -> None:
    """Bring the counters of the members up to these postings and applications. `before`: whose they were until now."""
    members = {*before, *await owners_of(postings=postings, applications=applications)}
    if members:
        await statements.recount_some(sorted(members))


async def _note(logins: Collection[tuple[int, datetime]], *, counted: bool = True) -> None:
    last: dict[int, datetime] = {}
    for member_id, at in logins:
        last[member_id] = max(at, last.get(member_id, at))
    times = Counter(member_id for member_id, _ in logins)
    ids = sorted(last)
    await statements.note_logins(
        {
            "id": ids,
            "at": [last[member_id] for member_id in ids],
            "counted": [times[member_id] if counted else 0 for member_id in ids],
        }
    )


async def _change(model: type[Model], changes: Sequence[Change]) -> list[Fate]:
    """In their order; of several of one row each sees what the one before it wrote. One read and one write in all."""
    columns = sorted({name for one in changes for name in (*one.values, *one.fill, *(("told_at",) if one.at else ()))})
    rows = await _rows_of(model, {one.no for one in changes}, "id", "no", *columns)
    stored = {row["no"]: row for row in rows}
    fates, touched = [], set()
    for one in changes:
        row = stored.get(one.no)
        if row is None:
            fates.append(Fate.MISSING)
            continue
        filled = {name: value for name, value in one.fill.items() if row[name] is None}
        values, heard = _not_older(one, row)
        new = {name: value for name, value in {**values, **filled}.items() if row[name] != value}
        fates.append(Fate.UPDATED if new else Fate.UNCHANGED)
        if new or heard != row.get("told_at"):
            touched.add(one.no)
        row.update(new | ({"told_at": heard} if one.at else {}))
    types = types_of(model)
    written = {name: types[name] for name in ("id", *columns)}
    await statements.update_rows(model._meta.db_table, written, [stored[no] for no in sorted(touched)])
    return fates


def _not_older(one: Change, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """What no later event told already, and the row's `told_at` with it."""
    if one.at is None:
        return one.values, row.get("told_at")
    heard: dict[str, int] = json.loads(row["told_at"] or "{}")
    at = int(one.at.timestamp())
    values = {name: value for name, value in one.values.items() if heard.get(name, at) <= at}
    return values, json.dumps(heard | dict.fromkeys(values, at), separators=(",", ":"), sort_keys=True)


async def _rows_of(model: type[Model], numbers: Collection[str], *columns: str) -> list[dict[str, Any]]:
    """A statement takes some 32,000 parameters."""
    left, rows = sorted(numbers), list[dict[str, Any]]()
    while left:
        rows += await model.filter(no__in=left[:_AT_ONCE]).values(*columns)
        left = left[_AT_ONCE:]
    return rows

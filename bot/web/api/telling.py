"""Events as the site tells them: in their order, those of one kind that follow each other applied at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal

from pydantic import TypeAdapter

from bot.web.api.answers import BatchAnswer, Fault, RowResult
from bot.web.api.batches import Results, not_ahead, rejected, store_rows, summed, validate_rows
from bot.web.api.events import (
    ApplicationEvent,
    Event,
    Happened,
    HiredEvent,
    LoginEvent,
    PostingEvent,
    ReadEvent,
    RenewedEvent,
)
from bot.web.api.rows import ApplicationRow
from campaigns import marks
from campaigns.cells import parse_key
from campaigns.columns import TableKind
from campaigns.members import told
from campaigns.members.told import Change, Fate

_EVENTS: "TypeAdapter[Any]" = TypeAdapter(Event)
_MISSING = "没有这个编号，先把它传过来 (no such number: send it first)"
_TOO_EARLY = "早于投递的时间：传打开简历的时间 (before the application came: send when it was looked at)"
_NOT_CHANGED = frozenset({"event", "posting_no", "at"})
_RESULTS: Mapping[Fate, Literal["added", "updated", "unchanged"]] = {
    Fate.ADDED: "added",
    Fate.UPDATED: "updated",
    Fate.UNCHANGED: "unchanged",
}
Told = Sequence[tuple[int, Any]]


async def tell_batch(rows: Sequence[object], now: datetime) -> BatchAnswer:
    """Within a transaction. An event that is rejected leaves the others as they are."""
    results: Results = {}
    valid = not_ahead(validate_rows(_EVENTS, rows, results), now, results)
    for kind, run in groupby(valid, key=lambda pair: type(pair[1])):
        await _APPLY[kind](list(run), now, results)
    if any(one.result in ("added", "updated") for one in results.values()):
        await marks.write_mark_once(marks.TIERS_DUE, "1")
    return summed(results)


async def _logins(run: Told, now: datetime, results: Results) -> None:
    fates = await told.record_logins([(_no(one.member_no), _at(one, now)) for _, one in run])
    _note(run, fates, "member_no", results)


async def _applications(run: Told, now: datetime, results: Results) -> None:
    rows = []
    for place, one in run:
        named = {"no": one.no, "posting_no": one.posting_no}
        named |= {"seeker_no": one.seeker_no} if one.seeker_no else {}
        rows.append((place, ApplicationRow(**named, **({"applied_at": one.at} if one.at else {}))))
    await store_rows(TableKind.APPLICATIONS, rows, results)
    new = [_no(one.no) for place, one in run if one.at is None and results[place].result == "added"]
    await told.change_applications([Change(no, fill={"applied_at": _second(now)}) for no in new])
    await told.recount(applications=new)


async def _reads(run: Told, now: datetime, results: Results) -> None:
    run = await _after_they_came(run, results)
    unread = await told.unread_of(
        members={_no(one.member_no) for _, one in run if one.member_no},
        postings={_no(one.posting_no) for _, one in run if one.posting_no},
    )
    changes: list[Change] = []
    spans: list[tuple[int, str, int | None]] = []  # place, field, how many changes (None: nobody of that number)
    for place, one in run:
        field = next(name for name in ("application_no", "posting_no", "member_no") if getattr(one, name))
        number = _no(getattr(one, field))
        numbers = [number] if field == "application_no" else _come_by(unread.get(number), one.at)
        changes += [Change(no, fill={"first_viewed_at": _at(one, now)}) for no in numbers or ()]
        spans.append((place, field, None if numbers is None else len(numbers)))
    fates = iter(await told.change_applications(changes))
    for place, field, count in spans:
        mine = [Fate.MISSING] if count is None else [next(fates) for _ in range(count)]
        best = next((fate for fate in (Fate.UPDATED, Fate.MISSING) if fate in mine), Fate.UNCHANGED)
        _note([(place, None)], [best], field, results)
    await told.recount(applications={one.no for one in changes})


async def _after_they_came(run: Told, results: Results) -> Told:
    """Without looks at a résumé before it was sent."""
    came = await told.applied_at_of({_no(no) for _, one in run if one.at and (no := one.application_no)})
    kept = []
    for place, one in run:
        if one.at and one.application_no and one.at < came.get(_no(one.application_no), one.at):
            results[place] = rejected(place, [Fault(place=f"/rows/{place}/at", problem=_TOO_EARLY)])
        else:
            kept.append((place, one))
    return kept


def _come_by(unread: Sequence[tuple[str, datetime | None]] | None, at: datetime | None) -> list[str] | None:
    """Of a member's or posting's résumés those that were there to be looked at."""
    if unread is None:
        return None
    return [no for no, came in unread if at is None or came is None or came <= at]


async def _postings(run: Told, now: datetime, results: Results) -> None:
    changes = []
    for _, one in run:
        named = one.model_fields_set - _NOT_CHANGED
        values = {name: value for name in named if (value := getattr(one, name)) is not None}
        new = {name: _utc(value) for name, value in values.items()}
        changes.append(Change(_no(one.posting_no), new, at=_at(one, now)))
    fates = await told.change_postings(changes)
    _note(run, fates, "posting_no", results)
    await told.recount(postings={one.no for one in changes if "state" in one.values})


async def _renewals(run: Told, now: datetime, results: Results) -> None:
    changes = [
        Change(
            _no(one.member_no),
            {"plan_expires_on": one.plan_expires_on, **({"plan": one.plan.strip()} if one.plan else {})},
            at=_at(one, now),
        )
        for _, one in run
    ]
    _note(run, await told.change_members(changes), "member_no", results)
    await told.record_renewals([(_no(one.member_no), one.plan_expires_on, _at(one, now)) for _, one in run])


async def _hires(run: Told, now: datetime, results: Results) -> None:
    run = await _after_they_came(run, results)
    changes = [
        Change(_no(one.application_no), {"outcome": told.HIRED}, fill={"first_viewed_at": _at(one, now)})
        for _, one in run
    ]
    _note(run, await told.change_applications(changes), "application_no", results)
    await told.recount(applications={one.no for one in changes})


_APPLY: dict[type[Happened], Callable[[Told, datetime, Results], Awaitable[None]]] = {
    LoginEvent: _logins,
    ApplicationEvent: _applications,
    ReadEvent: _reads,
    PostingEvent: _postings,
    RenewedEvent: _renewals,
    HiredEvent: _hires,
}


def _note(run: Told, fates: Sequence[Fate], field: str, results: Results) -> None:
    for (place, _), fate in zip(run, fates, strict=True):
        if fate is Fate.MISSING:
            results[place] = rejected(place, [Fault(place=f"/rows/{place}/{field}", problem=_MISSING)])
        else:
            results[place] = RowResult(row=place, result=_RESULTS[fate])


def _no(text: str) -> str:
    """As numbers are kept."""
    return parse_key(text) or text


def _at(one: Happened, now: datetime) -> datetime:
    return one.at.astimezone(UTC) if one.at else _second(now)


def _second(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(microsecond=0)


def _utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) else value

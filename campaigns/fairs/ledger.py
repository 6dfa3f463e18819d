"""The table of fairs: one is made, ends as held or called off."""

from collections.abc import Sequence
from datetime import date, datetime

from tortoise.transactions import in_transaction

from campaigns import outbox
from campaigns.errors import InputError, StateError
from campaigns.fairs.values import LARGEST, FairRow, Kind, fair_of, refuse_before
from campaigns.models import Fair, FairInvitation

_LONGEST = 128
_MOST_OCCUPATIONS = 20
_MOST_COMPANIES = 100_000


async def make_fair(
    name: str,
    *,
    kind: Kind,
    held_on: date,
    place: str,
    occupations: Sequence[str],
    capacity: int | None,
    source: str = "",
    by: str,
    now: datetime,
) -> int:
    """Raises InputError for one without a name, or with too much in it."""
    name, place = " ".join(name.split()), " ".join(place.split())
    for fault in fair_faults(name, place, capacity).values():
        raise InputError(fault)
    made = await Fair.create(
        name=name,
        kind=kind,
        held_on=held_on,
        place=place,
        occupations=list(dict.fromkeys(one[:_LONGEST] for one in occupations if one))[:_MOST_OCCUPATIONS],
        capacity=capacity,
        source=source[:_LONGEST],
        by=by,
        at=now,
    )
    return int(made.id)


def fair_faults(name: str, place: str, capacity: int | None) -> dict[str, str]:
    """All that is wrong with what was written, by field."""
    faults = {}
    if not 0 < len(" ".join(name.split())) <= _LONGEST:
        faults["name"] = f"名称写1到{_LONGEST}个字 (1 to {_LONGEST} letters)"
    if len(" ".join(place.split())) > _LONGEST:
        faults["place"] = f"地点最多{_LONGEST}个字 (at most {_LONGEST} letters)"
    if capacity is not None and not 0 < capacity <= _MOST_COMPANIES:
        faults["capacity"] = f"能来几家写1到{_MOST_COMPANIES} (1 to {_MOST_COMPANIES} companies)"
    return faults


async def find_fair(fair_id: int) -> FairRow | None:
    row = await Fair.get_or_none(id=fair_id) if fair_id <= LARGEST else None
    return fair_of(row) if row else None


async def list_fairs(*, limit: int = 100) -> list[FairRow]:
    """The latest day first."""
    return [fair_of(row) for row in await Fair.all().order_by("-held_on", "-id").limit(limit)]


async def end_fair(fair_id: int, state: str, now: datetime) -> None:
    """held, once its day has come, or called_off, which stops invitations that wait; no way back."""
    if state not in ("held", "called_off"):
        raise InputError(f"没有 {state} 这种结束 (unknown end)")
    async with in_transaction():
        row = await Fair.filter(id=fair_id, state="open").select_for_update().first()
        if row is None:
            raise StateError("这一场已经结束或取消了 (over already)")
        if state == "held":
            refuse_before(row, now)
        await Fair.filter(id=fair_id).update(state=state)
        if state == "called_off":
            sent = await FairInvitation.filter(fair_id=fair_id).values_list("message_id", flat=True)
            await outbox.cancel_messages([int(one) for one in sent if one is not None])  # type: ignore[call-overload]

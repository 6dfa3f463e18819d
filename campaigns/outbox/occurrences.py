"""Occurrences: the dated runs of campaigns, and what planning decided for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.models import Message, Occurrence
from campaigns.terms import DeliveryState, Reason


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    id: int
    campaign_id: int
    campaign_key: str
    version_id: int
    key: str
    at: datetime
    useless_at: datetime | None
    extra: Mapping[str, Any]
    files: Mapping[str, str] = field(repr=False)
    planned_at: datetime | None = None


async def add_occurrence(
    campaign_id: int,
    version_id: int,
    key: str,
    at: datetime,
    *,
    useless_at: datetime | None,
    extra: Mapping[str, object] | None = None,
) -> int:
    """The occurrence of a campaign under its key; asked twice it is the same one."""
    occurrence, _ = await Occurrence.get_or_create(
        campaign_id=campaign_id,
        key=key,
        defaults={"version_id": version_id, "at": at, "useless_at": useless_at, "extra": dict(extra or {})},
    )
    return occurrence.id


async def find_occurrence(campaign_id: int, key: str) -> int | None:
    row = await Occurrence.get_or_none(campaign_id=campaign_id, key=key)
    return row.id if row else None


async def free_key(campaign_id: int, key: str, *, anew: bool) -> str:
    """This key, or numbered where a run of it was planned to its end and then called off, or with `anew` in any case.

    A campaign that is called off and started again within the minute has two runs.
    """
    free, number = key, 1
    while await _is_over(campaign_id, free, anew=anew):
        number += 1
        free = f"{key}-{number}"
    return free


async def _is_over(campaign_id: int, key: str, *, anew: bool) -> bool:
    row = await Occurrence.filter(campaign_id=campaign_id, key=key).exclude(planned_at=None).first()
    if row is None or anew:
        return row is not None
    return await Message.exists(occurrence_id=row.id, state=DeliveryState.SUPPRESSED, reason=Reason.CANCELLED)


async def change_extra(occurrence_id: int, extra: Mapping[str, object]) -> None:
    """Before its planning is closed: afterwards its words are what they are."""
    await Occurrence.filter(id=occurrence_id, planned_at=None).update(extra=dict(extra))


async def read_occurrence(occurrence_id: int) -> OccurrenceRow:
    row = await Occurrence.get(id=occurrence_id).prefetch_related("campaign", "version")
    return OccurrenceRow(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_key=row.campaign.key,
        version_id=row.version_id,
        key=row.key,
        at=row.at,
        useless_at=row.useless_at,
        extra=row.extra,
        files=row.version.files,
        planned_at=row.planned_at,
    )


async def read_planned(occurrence_id: int) -> dict[str, Any]:
    """What planning decided for an occurrence: audience and fates."""
    row = await Occurrence.get(id=occurrence_id)
    return {"occurrence": row.key, "at": row.at, "audience": row.audience, "fates": row.planned}


async def last_occurrence() -> int:
    """The newest occurrence's id, 0 where there is none."""
    newest = await Occurrence.all().order_by("-id").first()
    return newest.id if newest else 0


async def unplanned_occurrences() -> list[int]:
    """Occurrences a planner died over, or has just made."""
    rows = await Occurrence.filter(planned_at=None).order_by("id").values_list("id")
    return [row[0] for row in rows]


async def end_planning(campaign_id: int, now: datetime) -> int:
    """What of a campaign was not planned to its end stays as it is: nobody is added. Returns how many."""
    rows = await Occurrence.filter(campaign_id=campaign_id, planned_at=None).values_list("id")
    for (occurrence_id,) in rows:
        await close_planning(occurrence_id, now)
    return len(rows)


async def hold_planning(occurrence_id: int) -> bool:
    """Until the transaction ends no other planner writes to this occurrence. False where one has closed it."""
    return await Occurrence.filter(id=occurrence_id, planned_at=None).select_for_update(no_key=True).first() is not None


async def close_planning(occurrence_id: int, now: datetime) -> None:
    """Freeze what planning decided: only now may its messages be claimed."""
    async with in_transaction():
        if not await hold_planning(occurrence_id):
            return
        rows = await statements.query(
            "SELECT state, reason, count(*) AS n FROM messages WHERE occurrence_id = $1 GROUP BY state, reason",
            occurrence_id,
        )
        planned = {fate_of(row["state"], row["reason"]): row["n"] for row in rows}
        await Occurrence.filter(id=occurrence_id).update(
            audience=sum(planned.values()), planned=planned, planned_at=now
        )


def fate_of(state: str, reason: str) -> str:
    """How planning names what it decided for a member: `send`, `deferred:REASON`, `suppressed:REASON`, `visit`."""
    match state:
        case DeliveryState.QUEUED:
            return f"deferred:{reason}" if reason else "send"
        case DeliveryState.HANDED_OVER:
            return "visit"
        case _:
            return f"{state}:{reason}"


async def recently_planned(campaign_id: int, since: datetime) -> set[int]:
    """Members this campaign planned to write to after `since` (suppressed ones are free to be tried again)."""
    rows = await Message.filter(
        Q(occurrence__at__gt=since) | Q(not_before__gt=since), occurrence__campaign_id=campaign_id
    ).exclude(state=DeliveryState.SUPPRESSED).values_list("member_id")  # fmt: skip
    return {row[0] for row in rows}

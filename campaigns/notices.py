"""Words to the person who has a task, kept as rows: each is taken by one sender, tried, settled, told once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import statements
from campaigns.models import Member, Notice, Visit

_LEASE_SECONDS = 60
_OPEN = ("due", "sending")


@dataclass(frozen=True, slots=True)
class DueNotice:
    """`owner`: of the task, else of the member; `is_open`: nobody has done the task yet."""

    id: int
    attempts: int
    made_at: datetime
    owner: str
    member_no: str
    member_name: str
    category: str
    note: str
    due_at: datetime
    is_open: bool


async def add_notice(visit_id: int, member_id: int, *, at: datetime) -> None:
    """The task's person is to be told. Once for a task: a second time adds nothing."""
    await Notice.get_or_create(visit_id=visit_id, defaults={"member_id": member_id, "made_at": at, "not_before": at})


async def due_notices(now: datetime, *, limit: int = 50) -> list[DueNotice]:
    rows = await Notice.filter(state="due", not_before__lte=now).order_by("not_before", "id").limit(limit)
    visits = {visit.id: visit for visit in await Visit.filter(id__in=[row.visit_id for row in rows])}
    members = {member.id: member for member in await Member.filter(id__in=[row.member_id for row in rows])}
    return [
        _due(row, visits[row.visit_id], members[row.member_id])
        for row in rows
        if row.visit_id in visits and row.member_id in members
    ]


def _due(row: Notice, visit: Visit, member: Member) -> DueNotice:
    return DueNotice(
        id=row.id,
        attempts=row.attempts,
        made_at=row.made_at,
        owner=visit.owner or member.owner,
        member_no=member.no,
        member_name=member.name,
        category=visit.category,
        note=visit.note,
        due_at=visit.due_at,
        is_open=visit.state == "open",
    )


async def take_notice(notice_id: int, userid: str, now: datetime) -> bool:
    """The sole right to tell it, written down before it is told. False where another process was first."""
    db = statements.connection()
    taken = await statements.run(
        f"""
        UPDATE notices SET state = 'sending', userid = $2, tried_at = $3, attempts = attempts + 1,
          lease_until = {statements.after_by(db, str(_LEASE_SECONDS))}
        WHERE id = $1 AND state = 'due'
        """,
        notice_id,
        userid,
        now,
    )
    return taken == 1


async def settle_notice(notice_id: int, state: str, *, code: str = "") -> None:
    """sent, failed or unknown: it is not told again."""
    await Notice.filter(id=notice_id).update(state=state, code=code[:64], lease_until=None)


async def close_notice(notice_id: int, state: str) -> None:
    """late or nobody: it was never tried."""
    await Notice.filter(id=notice_id, state="due").update(state=state)


async def put_off(notice_id: int, until: datetime, *, code: str = "", tried: bool = False) -> None:
    """It did not go out, and may later. `tried`: it was taken; WeCom's no left the person in peace."""
    changed = {"tried_at": None, "lease_until": None} if tried else {}
    await Notice.filter(id=notice_id, state__in=_OPEN).update(state="due", not_before=until, code=code[:64], **changed)


async def give_up_lost() -> int:
    """What a dead sender had taken may have been read: nobody tells it again."""
    return await statements.run(
        f"""
        UPDATE notices SET state = 'unknown', lease_until = NULL
        WHERE state = 'sending' AND lease_until < {statements.database_now()}
        """
    )


async def give_up_before(moment: datetime) -> None:
    """What waited in a copy of the database may have been told by the one it was copied from."""
    await Notice.filter(state__in=_OPEN, made_at__lte=moment).update(state="unknown", lease_until=None)


async def told(userid: str, now: datetime, within: timedelta) -> int:
    """How many this person was sent, or may have been, in that time."""
    return await Notice.filter(userid=userid, tried_at__gt=now - within).count()


async def count_notices() -> dict[str, int]:
    """How many stand where."""
    counts: dict[str, int] = {}
    for (state,) in await Notice.all().values_list("state"):
        counts[state] = counts.get(state, 0) + 1
    return counts

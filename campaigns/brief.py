"""访前检查: everything worth knowing before one member is visited, put together in a fixed number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from campaigns import promises, statements, visits
from campaigns.activity import ActivityState
from campaigns.briefing import (
    Demand,
    Latency,
    Person,
    Promise,
    deciders,
    demand_of,
    latency_of,
    standing_of,
)
from campaigns.diagnosis import Diagnosis, MemberSigns, PostingSigns, Thresholds, diagnose
from campaigns.members.peers import Around, market_around
from campaigns.members.people import people_of
from campaigns.members.signs import signs_of
from campaigns.models import Member, Suppression
from campaigns.promises import PromiseLine, PromiseState
from campaigns.results import Medium
from campaigns.statements import moment
from campaigns.terms import SHANGHAI, Tier
from campaigns.visits import VisitTask

_MONTH = timedelta(days=30)
_LOOKED_BACK = 3 * _MONTH
_MOST_READS = 500
_PROMISE = "promise"
_TALKED_BY = ", ".join(f"'{one}'" for one in (Medium.PHONE, Medium.VISIT))  # no gift, letter or invitation


@dataclass(frozen=True, slots=True)
class About:
    """Who the member is."""

    id: int
    no: str
    name: str
    trade: str
    city: str
    size: str
    tier: Tier
    owner: str
    plan: str
    plan_expires_on: date | None
    registered_at: datetime | None
    last_login_at: datetime | None
    activity: ActivityState | None
    p_active: float | None
    months: tuple[int, int, int]  # logins of the last 30 days, of the 30 before, and of those before


@dataclass(frozen=True, slots=True)
class Said:
    at: datetime
    text: str
    who: str  # a colleague, or the contact
    medium: str
    kind: str


@dataclass(frozen=True, slots=True)
class Brief:
    """`task`: what the visit is for, where one is open. `stopped`: why and until when nobody may be contacted.

    `postings` are those that stand; `diagnosis` goes over all. `demands` is by the number of the posting.
    """

    now: datetime
    about: About
    task: VisitTask | None
    stopped: tuple[str, datetime | None] | None
    people: Sequence[Person]
    postings: Sequence[PostingSigns]
    diagnosis: Diagnosis
    demands: Mapping[str, Demand]
    unread: int
    oldest_unread_at: datetime | None
    latency: Latency
    promises: Sequence[Promise]
    last_visit: Said | None
    last_heard: Said | None

    @property
    def deciders(self) -> Sequence[Person]:
        return deciders(self.people)

    @property
    def speaks_to(self) -> Person | None:
        """The contact the task names; else who answers for the member, of those who are there."""
        there = [one for one in self.people if one.active]
        named = [one for one in there if self.task and one.id == self.task.contact_id]
        return next(iter([*named, *(one for one in there if one.is_primary), *there]), None)


async def brief_of(
    member_no: str, now: datetime, task_id: int | None = None, *, thresholds: Thresholds | None = None
) -> Brief | None:
    """Of the task, or of the next open one. None for an unknown number."""
    member = await Member.get_or_none(no=member_no)
    if member is None:
        return None
    signs = (await signs_of([member.id], now, thresholds))[member.id]
    around = await market_around(signs, now, thresholds)
    people = await people_of(member.id)
    visited, heard = await _said(member.id, {one.id: one.name for one in people})
    return Brief(
        now=now,
        about=_about(member, await _months(member.id, now)),
        task=await _task(member.id, task_id),
        stopped=await _stopped(member.id, now),
        people=people,
        postings=[one for one in signs.postings if one.live],
        diagnosis=diagnose(signs, around.market, now),
        demands=_demands(signs, around),
        unread=signs.applications - signs.seen,
        oldest_unread_at=signs.oldest_unread_at,
        latency=latency_of(await _waits(member.id, now), around.site.read_hours),
        promises=[_promise(one, now) for one in await promises.promises_of(member.id)],
        last_visit=visited,
        last_heard=heard,
    )


def _demands(signs: MemberSigns, around: Around) -> dict[str, Demand]:
    return {
        post.no: demand_of(
            post.no, post.category, post.city, around.market.pay(post, signs.member_id), around.asked, around.named
        )
        for post in signs.postings
        if post.live
    }


def _about(member: Member, months: tuple[int, int, int]) -> About:
    return About(
        member.id, member.no, member.name, member.trade, member.city, member.size, Tier(member.tier), member.owner,
        member.plan, member.plan_expires_on, member.registered_at, member.last_login_at,
        ActivityState(member.activity_state) if member.activity_state else None, member.p_active, months,
    )  # fmt: skip


def _promise(line: PromiseLine, now: datetime) -> Promise:
    settled_on = line.settled_at.astimezone(SHANGHAI).date() if line.settled_at else None
    today, kept = now.astimezone(SHANGHAI).date(), line.state == PromiseState.KEPT
    standing = standing_of(line.due_on, settled_on, today, kept=kept)
    return Promise(line.what, line.owner, line.made_at, line.due_on, standing, line.settled_at)


async def _task(member_id: int, task_id: int | None) -> VisitTask | None:
    """The one asked for where it is this member's; else the next that is open, a promise last."""
    tasks = await visits.visits_of(member_id)
    asked = [one for one in tasks if one.id == task_id]
    still_open = sorted((one for one in tasks if one.state == "open"), key=_urgency)
    return next(iter([*asked, *still_open]), None)


def _urgency(one: VisitTask) -> tuple[bool, datetime, int]:
    return one.category == _PROMISE, one.due_at, one.id


async def _stopped(member_id: int, now: datetime) -> tuple[str, datetime | None] | None:
    """A word of refusal before a pause."""
    rows = await Suppression.filter(member_id=member_id, channel=None, lifted_at=None)
    held = [(row.reason, row.until) for row in rows if row.until is None or row.until > now]
    return min(held, key=lambda one: one[1] is not None, default=None)


async def _months(member_id: int, now: datetime) -> tuple[int, int, int]:
    (row,) = await statements.query(
        """
        SELECT sum(CASE WHEN at > $2 THEN 1 ELSE 0 END) AS last,
          sum(CASE WHEN at > $3 AND at <= $2 THEN 1 ELSE 0 END) AS before,
          sum(CASE WHEN at > $4 AND at <= $3 THEN 1 ELSE 0 END) AS earlier
        FROM logins WHERE member_id = $1 AND at > $4 AND at <= $5
        """,
        member_id,
        *(now - months * _MONTH for months in (1, 2, 3)),
        now,
    )
    return int(row["last"] or 0), int(row["before"] or 0), int(row["earlier"] or 0)


async def _waits(member_id: int, now: datetime) -> list[timedelta]:
    """Of the résumés read in the last 90 days, the latest reading first."""
    rows = await statements.query(
        f"""
        SELECT a.applied_at, a.first_viewed_at FROM applications a JOIN postings p ON p.id = a.posting_id
        WHERE p.member_id = $1 AND a.first_viewed_at > $2 AND a.first_viewed_at <= $3 AND a.applied_at IS NOT NULL
        ORDER BY a.first_viewed_at DESC LIMIT {_MOST_READS}
        """,
        member_id,
        now - _LOOKED_BACK,
        now,
    )
    pairs = [(moment(row["applied_at"]), moment(row["first_viewed_at"])) for row in rows]
    return [viewed - applied for applied, viewed in pairs if applied and viewed]


async def _said(member_id: int, names: Mapping[int, str]) -> tuple[Said | None, Said | None]:
    """The last visit, and the last words that came from the member."""
    rows = await statements.query(
        f"""
        SELECT * FROM (SELECT at, text, "by", medium, kind, contact_id FROM touches
          WHERE member_id = $1 AND kind = 'visit' AND direction = 'out' AND medium IN ({_TALKED_BY})
          ORDER BY at DESC, id DESC LIMIT 1) v
        UNION ALL
        SELECT * FROM (SELECT at, text, "by", medium, kind, contact_id FROM touches
          WHERE member_id = $1 AND direction = 'in' AND kind = 'reply' AND text <> ''
          ORDER BY at DESC, id DESC LIMIT 1) h
        """,
        member_id,
    )
    found = {row["kind"]: _line(row, names) for row in rows}
    return found.get("visit"), found.get("reply")


def _line(row: Mapping[str, Any], names: Mapping[int, str]) -> Said:
    at = moment(row["at"])
    assert at
    return Said(at, row["text"], row["by"] or names.get(row["contact_id"], ""), row["medium"], row["kind"])

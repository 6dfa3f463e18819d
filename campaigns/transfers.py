"""Members handed over to a colleague or a department, with all that is under way for them; and handed back."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tortoise.transactions import in_transaction

from campaigns import conversations, notices, problems, promises, staff, statements, visit_calendar, visits
from campaigns.members import assigning
from campaigns.members.assigning import Assignment
from campaigns.members.browse import Sieve
from campaigns.members.find import count_members_of
from campaigns.models import Transfer as Row
from campaigns.rights import Right, Role
from campaigns.terms import SHANGHAI

Held = Mapping[str, Sequence[int]]
_LARGEST = 2**31 - 1
_LISTED = 100
SITE = "招聘网站"
"""Who handed over what was given to another on the site itself."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What went along. `promises` are of the tasks; `messages` wait and are filled with the new owner when they go;
    `visits` are days of the calendar.
    """

    tasks: int = 0
    promises: int = 0
    conversations: int = 0
    messages: int = 0
    problems: int = 0
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Transfer:
    """`before`: the owner there was → how many members; the empty name is nobody."""

    id: int
    owner: str
    members: int
    before: Mapping[str, int]
    moved: Moved
    by: str
    at: datetime
    undone_at: datetime | None

    @property
    def count(self) -> int:
        return self.members


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of thing that goes with a member: which of them somebody has, and how they are given on.

    A kind that comes to be is one more line of _KINDS. The follow-ups of hiring plans are tasks.
    """

    name: str
    held: Callable[[Collection[int], str], Awaitable[list[int]]]
    hand: Callable[[Collection[int], str, str, datetime], Awaitable[int]]


async def _hand_tasks(ids: Collection[int], to: str, was: str, at: datetime) -> int:
    return await visits.hand_tasks(ids, to, was=was)


async def _hand_conversations(ids: Collection[int], to: str, was: str, at: datetime) -> int:
    return await conversations.hand_over(ids, to, was=was, at=at)


async def _hand_promises(ids: Collection[int], to: str, was: str, at: datetime) -> int:
    return await promises.hand_promises(ids, to, was=was)


async def _hand_problems(ids: Collection[int], to: str, was: str, at: datetime) -> int:
    return await problems.hand_problems(ids, to, was=was)


_KINDS = (
    _Kind("tasks", visits.tasks_held, _hand_tasks),
    _Kind("conversations", conversations.held_by, _hand_conversations),
    _Kind("promises", promises.promises_held, _hand_promises),
    _Kind("problems", problems.problems_held, _hand_problems),
)


async def transfer(sieve: Sieve, owner: str, *, by: str, now: datetime) -> Transfer | None:
    """All of the sieve to a person, a department or nobody (empty). None where all of it was theirs already.

    What a third colleague has in hand stays there. A department, and nobody, hold nothing in hand: such tasks and
    conversations are open to all who see the member.
    """
    everybody = await staff.list_staff()
    person = owner if any(one.name == owner for one in everybody) else ""
    async with in_transaction():
        given = await assigning.give_members(sieve, owner)
        if not given.count:
            return None
        ids = [one for some in given.before.values() for one in some]
        held = {kind.name: await _handed(kind, given.before, person, now) for kind in _KINDS}
        counts = {
            "tasks": await _count("visits", "state = 'open'", ids, person),
            "promises": await _count("visits", "state = 'open' AND category = 'promise'", ids, person),
            "problems": await _count("problems", "solved_at IS NULL", ids, person),
            "conversations": sum(map(len, held["conversations"].values())),
            "messages": await _count("messages", "state = 'queued'", ids),
            "visits": await visit_calendar.follow_owners(ids, _day_of(now)),
        }
        row = await Row.create(
            owner=owner,
            members=given.count,
            before={name: list(some) for name, some in given.before.items()},
            moved={"held": held, "counts": counts, "person": person},
            by=by,
            at=now,
        )
        if told := person or _head_of(owner, everybody):
            row.task_id = await _tell(row, told, min(ids), now)
    return _read(row)


async def follow_site(now: datetime) -> list[Transfer]:
    """Members that an import found given to another on the site, handed over as a colleague hands them over."""
    rows = await statements.query("SELECT id, owner_due FROM members WHERE owner_due IS NOT NULL ORDER BY id")
    due: dict[str, list[int]] = {}
    for row in rows:
        due.setdefault(row["owner_due"], []).append(row["id"])
    found = [await transfer(Sieve(ids=tuple(ids)), owner, by=SITE, now=now) for owner, ids in sorted(due.items())]
    await statements.run("UPDATE members SET owner_due = NULL WHERE owner_due = owner")
    return [one for one in found if one]


async def _handed(kind: _Kind, before: Held, to: str, now: datetime) -> dict[str, list[int]]:
    handed = {}
    for was, members in before.items():
        if was and (ids := await kind.held(members, was)):
            await kind.hand(ids, to, was, now)
            handed[was] = ids
    return handed


def _day_of(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()


async def _count(table: str, asked: str, member_ids: Collection[int], person: str | None = None) -> int:
    """With `person` of what went along: in that hand now, or in nobody's."""
    db = statements.connection()
    params: list[object] = [statements.id_list(db, member_ids)]
    if person is not None:
        params.append(person)
        asked += " AND owner IN ('', $2)"
    rows = await statements.query(
        f"SELECT count(*) AS n FROM {table} WHERE {asked} AND member_id {statements.ids_in(db, '$1', 'int')}", *params
    )
    return int(rows[0]["n"])


def _head_of(department: str, everybody: Sequence[staff.StaffMember]) -> str:
    """Who hears that a department was given members: who gives them on there, else who answers, else an admin."""
    if not department:
        return ""
    there = [one for one in everybody if one.active and one.department == department]
    for able in (
        [one.name for one in there if one.may(Right.ASSIGN)],
        [one.name for one in there if one.may(Right.ANSWER)],
        [one.name for one in everybody if one.active and one.role is Role.ADMIN],
    ):
        if able:
            return min(able)
    return ""


async def _tell(row: Row, person: str, member_id: int, now: datetime) -> int:
    """One task and one notice, however many members they are."""
    task = await visits.open_visit(
        member_id, category=visits.HANDOVER, cause=f"transfer:{row.id}", opened_at=now, due_at=now,
        note=_note(row), owner=person,
    )  # fmt: skip
    await notices.add_notice(task, member_id, at=now)
    await Row.filter(id=row.id).update(task_id=task)
    return task


def _note(row: Row) -> str:
    counts = row.moved["counts"]
    within = _told(counts, {"promises": "件答应的事", "problems": "个没解决的问题"})
    tasks = f"{counts['tasks']}个任务" + (f"（其中{within}）" if within else "") if counts["tasks"] else ""
    others = _told(counts, {"conversations": "个会话", "messages": "条待发消息", "visits": "次排好的拜访"})
    along = "、".join(one for one in (tasks or within, others) if one)
    to = "" if row.moved["person"] else f"给{row.owner}"
    return f"{row.by}移交{to}{row.members}家会员" + (f"，一起来的有{along}" if along else "")


def _told(counts: Mapping[str, int], names: Mapping[str, str]) -> str:
    return "、".join(f"{counts[name]}{what}" for name, what in names.items() if counts[name])


async def take_back(transfer_id: int, *, now: datetime) -> Assignment | None:
    """As it was, as far as nobody gave anything on since. Once: None for one that was taken back, or never was."""
    if transfer_id > _LARGEST:
        return None
    async with in_transaction():
        row = await Row.filter(id=transfer_id, undone_at=None).select_for_update(no_key=True).first()
        if row is None or not await Row.filter(id=transfer_id, undone_at=None).update(undone_at=now):
            return None
        back = await assigning.give_back(Assignment(row.owner, row.before))
        for kind in _KINDS:
            for was, ids in row.moved["held"].get(kind.name, {}).items():
                await kind.hand(ids, was, row.moved["person"], now)
        await visit_calendar.follow_owners([one for some in back.before.values() for one in some], _day_of(now))
        if row.task_id:
            await _close_task(row.task_id, now)
    return back


async def _close_task(task_id: int, now: datetime) -> None:
    task = await visits.find_visit(task_id)
    if task and task.state == "open":
        await visits.close_visit(task_id, outcome={"result": "undone"}, at=now)


async def last_of(by: str) -> Transfer | None:
    """What this person gave away last, if it was not taken back."""
    row = await Row.filter(by=by).order_by("-id").first()
    return _read(row) if row and row.undone_at is None else None


async def list_transfers(*, by: str | None = None, limit: int = _LISTED) -> list[Transfer]:
    """The newest first; with `by` those of one person."""
    rows = Row.all() if by is None else Row.filter(by=by)
    return [_read(row) for row in await rows.order_by("-id").limit(limit)]


async def find_transfer(transfer_id: int) -> Transfer | None:
    row = await Row.get_or_none(id=transfer_id) if transfer_id <= _LARGEST else None
    return _read(row) if row else None


async def department_inboxes(owners: Collection[str] | None = None) -> dict[str, int]:
    """Department → how many members were given to it and to nobody in it yet; with `owners` of these alone."""
    names = {one.department for one in await staff.list_staff() if one.department}
    shown = sorted(names if owners is None else names & set(owners))
    counts = await count_members_of(shown)
    return {name: counts.get(name, 0) for name in shown}


def _read(row: Row) -> Transfer:
    before = {name: len(ids) for name, ids in row.before.items()}
    moved = Moved(**row.moved["counts"])
    return Transfer(row.id, row.owner, row.members, before, moved, row.by, row.at, row.undone_at)

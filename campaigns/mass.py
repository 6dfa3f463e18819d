"""Messages to customers that a person on the staff must confirm: proposed, made in WeCom, and what became of each copy.

A copy counts as sent, and is a touch, only when WeCom says so; until then it waits, and nobody holds it. The copies of
a campaign are its messages (docs/decisions/0012).
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from tortoise.transactions import in_transaction

from campaigns import outbox, statements, touches
from campaigns.errors import StateError
from campaigns.members.consent import suppress_address
from campaigns.members.facts import facts_for
from campaigns.members.wecom import NO_FRIEND
from campaigns.models import MassRecipient, MassTask, Message
from campaigns.outbox import Settlement
from campaigns.terms import (
    SHANGHAI,
    ChannelName,
    ContactFacts,
    DeliveryState,
    Direction,
    Facts,
    MessageClass,
    Reason,
    TouchKind,
    WecomWords,
)

MOST = 10_000  # customers in a task
_LEASE_SECONDS = 60
_LAPSES = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Proposed:
    """`left_out`: why how many of those asked for are not in it."""

    task_id: int
    taken: int
    left_out: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    id: int
    sender: str
    text: str
    link: str
    link_title: str
    msgid: str
    attempts: int
    made_at: datetime
    lapses_at: datetime
    asked_at: datetime  # when that person was asked or reminded last
    is_of_run: bool = False  # a campaign's

    def has_lapsed(self, now: datetime) -> bool:
        return now >= self.lapses_at


@dataclass(frozen=True, slots=True)
class Handed:
    """A message of a campaign, for one customer of the person who is asked to send it."""

    message_id: int
    member_id: int
    contact_id: int
    external_userid: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One that has come to its end, as `state`."""

    message_id: int | None
    state: str


async def propose_task(
    key: str,
    *,
    sender: str,
    text: str,
    contacts: Mapping[int, int],
    at: datetime,
    link: str = "",
    link_title: str = "",
) -> Proposed:
    """A task for `sender` (a userid) to write to these contacts (contact id → member id). `key` makes it once.

    Who refused, was never asked, has no WeCom or had one today is left out. Raises StateError where nobody is left.
    """
    allowed, left_out = await _sift(contacts, at)
    for external in await _had_one(list(allowed), at):
        del allowed[external]
        left_out[Reason.MONTH_QUOTA] += 1
    if not allowed:
        raise StateError("没有一位客户可以用企业微信写 (none of these customers can be written to)")
    async with in_transaction():
        task, new = await MassTask.get_or_create(
            key=key,
            defaults={
                "sender": sender, "text": text, "link": link, "link_title": link_title, "made_at": at, "next_at": at
            },
        )  # fmt: skip
        if new:
            await MassRecipient.bulk_create(
                [
                    MassRecipient(task_id=task.id, member_id=member, contact_id=contact, external_userid=external)
                    for external, (contact, member) in allowed.items()
                ]
            )
    return Proposed(task.id, len(allowed), left_out)


async def propose_run(
    occurrence_id: int,
    sender: str,
    words: WecomWords,
    copies: Sequence[Handed],
    *,
    at: datetime,
    until: datetime | None,
) -> None:
    """A campaign's messages for the customers of one person: into the task that is not made yet, else a new one.

    Within a transaction. `until`: when they are of no use any more.
    """
    of_run = MassTask.filter(occurrence_id=occurrence_id, sender=sender)
    task = await of_run.filter(state="due").select_for_update(no_key=True).order_by("-id").first()
    if task is None or await MassRecipient.filter(task_id=task.id).count() + len(copies) > MOST:
        task = await MassTask.create(
            key=f"run:{occurrence_id}:{hashlib.sha256(sender.encode()).hexdigest()[:16]}:{await of_run.count()}",
            occurrence_id=occurrence_id,
            sender=sender,
            text=words.text,
            link=words.link,
            link_title=words.link_title[:128],
            made_at=at,
            next_at=at,
            lapses_at=min(at + _LAPSES, until) if until else at + _LAPSES,
        )
    await MassRecipient.bulk_create(
        [
            MassRecipient(
                task_id=task.id, message_id=one.message_id, member_id=one.member_id, contact_id=one.contact_id,
                external_userid=one.external_userid,
            )
            for one in copies
        ]
    )  # fmt: skip


async def _had_one(customers: Sequence[str], at: datetime) -> set[str]:
    """Whom a mass message reached today: WeCom lets a second one through tomorrow."""
    midnight = datetime.combine(at.astimezone(SHANGHAI).date(), time(), SHANGHAI)
    found = MassRecipient.filter(external_userid__in=customers, state="sent", settled_at__gte=midnight)
    return {str(one) for one in await found.values_list("external_userid", flat=True)}


async def _sift(contacts: Mapping[int, int], at: datetime) -> tuple[dict[str, tuple[int, int]], Counter[Reason]]:
    """external_userid → (contact, member) of those who may be written to, and the reasons of all others."""
    facts = await facts_for(sorted(set(contacts.values())), at)
    allowed: dict[str, tuple[int, int]] = {}
    left_out: Counter[Reason] = Counter()
    for contact_id, member_id in contacts.items():
        known = facts.get(member_id)
        person = next((one for one in known.contacts if one.id == contact_id), None) if known else None
        if known is None or person is None:
            left_out[Reason.NO_CONTACT] += 1
        elif reason := _obstacle(known, person, at):
            left_out[reason] += 1
        else:
            allowed[str(person.external_userid)] = (contact_id, member_id)
    return allowed, left_out


def _obstacle(facts: Facts, person: ContactFacts, at: datetime) -> Reason | None:
    if facts.refused:
        return Reason.REFUSED
    if facts.paused_until and facts.paused_until > at:
        return Reason.PAUSED
    if not person.external_userid:
        return Reason.NO_ADDRESS
    if not person.consent:
        return Reason.NO_CONSENT
    return person.blocked.get(ChannelName.WECOM)


# ---- what a worker does ---------------------------------------------------------------------------------------------


async def due_tasks(state: str, now: datetime, *, limit: int = 20) -> list[Task]:
    """Tasks to make (`due`) or to look at (`waiting`)."""
    rows = await MassTask.filter(state=state, next_at__lte=now).order_by("next_at", "id").limit(limit)
    return [_task(row) for row in rows]


async def disturbed_tasks() -> list[Task]:
    """Tasks that wait for their person though a customer in them refused since, or their campaign was stopped."""
    found = await statements.query(
        """
        SELECT DISTINCT t.id FROM mass_tasks t JOIN mass_recipients r ON r.task_id = t.id AND r.state = 'waiting'
        LEFT JOIN occurrences o ON o.id = t.occurrence_id LEFT JOIN campaigns c ON c.id = o.campaign_id
        WHERE t.state = 'waiting' AND (c.state <> 'running' OR EXISTS (
          SELECT 1 FROM suppressions s WHERE s.lifted_at IS NULL AND (
            (s.member_id = r.member_id AND s.channel IS NULL)
            OR (s.channel = 'wecom' AND s.address = r.external_userid))))
        """
    )
    return [_task(row) for row in await MassTask.filter(id__in=[row["id"] for row in found]).order_by("id")]


async def next_look() -> datetime | None:
    """When the next task of a campaign is to be made, looked for or looked at."""
    row = (
        await MassTask.filter(state__in=("due", "waiting", "unknown"))
        .exclude(occurrence_id=None)
        .order_by("next_at")
        .first()
    )
    return row.next_at if row else None


def _task(row: MassTask) -> Task:
    return Task(
        row.id, row.sender, row.text, row.link, row.link_title, row.msgid, row.attempts, row.made_at,
        row.lapses_at or row.made_at + _LAPSES, row.reminded_at or row.made_at, row.occurrence_id is not None,
    )  # fmt: skip


async def take_task(task_id: int) -> bool:
    """The sole right to make it in WeCom, written down before it is made."""
    db = statements.connection()
    taken = await statements.run(
        f"""
        UPDATE mass_tasks SET state = 'making', attempts = attempts + 1,
          lease_until = {statements.after_by(db, str(_LEASE_SECONDS))}
        WHERE id = $1 AND state = 'due'
        """,
        task_id,
    )
    return taken == 1


async def give_up_lost() -> int:
    """What a dead worker was making may stand in WeCom: nobody makes it again."""
    return await statements.run(
        f"""
        UPDATE mass_tasks SET state = 'unknown', lease_until = NULL
        WHERE state = 'making' AND lease_until < {statements.database_now()}
        """
    )


async def give_up_before(moment: datetime) -> None:
    """What waited in a copy of the database may have been made by the one it was copied from."""
    open_then = MassTask.filter(state__in=("due", "making"), made_at__lte=moment)
    await open_then.update(state="unknown", lease_until=None)


async def move_task(task_id: int, state: str, *, next_at: datetime, code: str = "", msgid: str = "") -> None:
    given = {"msgid": msgid} if msgid else {}
    await MassTask.filter(id=task_id).update(state=state, next_at=next_at, code=code[:64], lease_until=None, **given)


async def known_msgids() -> set[str]:
    return {str(one) for one in await MassTask.exclude(msgid="").values_list("msgid", flat=True)}


async def was_reminded(task_id: int, now: datetime) -> None:
    await MassTask.filter(id=task_id).update(reminded_at=now)


async def close_barred(task_id: int, now: datetime) -> list[Copy]:
    """Take out who may no longer be written to, and what is no message of a running campaign any more."""
    waiting = await MassRecipient.filter(task_id=task_id, state="waiting")
    allowed, _ = await _sift({row.contact_id: row.member_id for row in waiting}, now)
    stopped = await _stopped([row.message_id for row in waiting if row.message_id])
    barred = [row for row in waiting if row.external_userid not in allowed or row.message_id in stopped]
    await MassRecipient.filter(id__in=[row.id for row in barred]).update(
        state="blocked", code="refused", settled_at=now
    )
    return [Copy(row.message_id, "stopped" if row.message_id in stopped else "barred") for row in barred]


async def _stopped(message_ids: Sequence[int]) -> set[int]:
    """Messages whose campaign does not run, or that do not wait for staff any more."""
    running = await Message.filter(
        id__in=list(message_ids), reason=Reason.WAITS_FOR_STAFF, occurrence__campaign__state="running"
    ).values_list("id", flat=True)
    return set(message_ids) - {int(str(one)) for one in running}


async def close_waiting(task_id: int, now: datetime) -> list[Copy]:
    """The task is over, and nobody sent these."""
    waiting = await MassRecipient.filter(task_id=task_id, state="waiting")
    await MassRecipient.filter(id__in=[row.id for row in waiting]).update(state="lapsed", settled_at=now)
    return [Copy(row.message_id, "lapsed") for row in waiting]


async def waiting_customers(task_id: int) -> list[str]:
    rows = MassRecipient.filter(task_id=task_id, state="waiting").order_by("id")
    return [str(one) for one in await rows.values_list("external_userid", flat=True)]


async def settle_copies(task: Task, states: Mapping[str, str], now: datetime) -> list[Copy]:
    """Write what became of copies: external_userid → sent, blocked, deferred or refused. Returns those that are new.

    What was sent is delivered, for WeCom says so; the messages of the others are the caller's to end.
    """
    settled: list[Copy] = []
    for customers in _chunks(list(states)):
        async with in_transaction():
            rows = await MassRecipient.filter(
                task_id=task.id, external_userid__in=customers, state="waiting"
            ).select_for_update(no_key=True)
            for row in rows:
                await _settle(task, row, states[row.external_userid], now)
            settled += [Copy(row.message_id, states[row.external_userid]) for row in rows]
    return settled


async def _settle(task: Task, row: MassRecipient, state: str, now: datetime) -> None:
    await MassRecipient.filter(id=row.id).update(state=state, settled_at=now)
    if state == "sent" and row.message_id:
        sent = Settlement(
            row.message_id, DeliveryState.DELIVERED, provider_id=task.msgid[:64], sent_at=now, settled_at=now
        )
        if await outbox.end_waiting([sent]):
            await touches.record_sent([row.message_id], now)
    elif state == "sent":
        await touches.record_touch(
            row.member_id,
            contact_id=row.contact_id,
            at=now,
            direction=Direction.OUT,
            kind=TouchKind.MESSAGE,
            medium=ChannelName.WECOM,
            message_class=MessageClass.MARKETING,
            text=task.text,
        )
    if state == "blocked":
        source = f"mass:{task.id}"
        await suppress_address(ChannelName.WECOM, row.external_userid, at=now, reason=NO_FRIEND, source=source)


def _chunks(names: Sequence[str], size: int = 200) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


async def count_copies(task_id: int) -> dict[str, int]:
    """How many copies stand where."""
    counts: Counter[str] = Counter()
    for (state,) in await MassRecipient.filter(task_id=task_id).values_list("state"):
        counts[state] += 1
    return dict(counts)

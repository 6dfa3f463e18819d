"""Messages to customers that a person on the staff must confirm: proposed, made in WeCom, and what became of each copy.

A copy counts as sent, and is a touch, only when WeCom says so; until then it waits, and nobody holds it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from tortoise.transactions import in_transaction

from campaigns import statements, touches
from campaigns.errors import StateError
from campaigns.members.consent import suppress_address
from campaigns.members.facts import facts_for
from campaigns.members.wecom import NO_FRIEND
from campaigns.models import MassRecipient, MassTask
from campaigns.terms import SHANGHAI, ChannelName, ContactFacts, Direction, Facts, MessageClass, Reason, TouchKind

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

    def has_lapsed(self, now: datetime) -> bool:
        return now - self.made_at > _LAPSES


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
    return [
        Task(row.id, row.sender, row.text, row.link, row.link_title, row.msgid, row.attempts, row.made_at)
        for row in rows
    ]


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


async def close_barred(task_id: int, now: datetime) -> int:
    """Take out who may no longer be written to. Returns how many of those waiting that were."""
    waiting = await MassRecipient.filter(task_id=task_id, state="waiting")
    allowed, _ = await _sift({row.contact_id: row.member_id for row in waiting}, now)
    barred = [row.id for row in waiting if row.external_userid not in allowed]
    await MassRecipient.filter(id__in=barred).update(state="blocked", code="refused", settled_at=now)
    return len(barred)


async def waiting_customers(task_id: int) -> list[str]:
    rows = MassRecipient.filter(task_id=task_id, state="waiting").order_by("id")
    return [str(one) for one in await rows.values_list("external_userid", flat=True)]


async def settle_copies(task: Task, states: Mapping[str, str], now: datetime) -> int:
    """Write what became of copies: external_userid → sent, blocked, deferred or refused. Returns how many are new."""
    settled = 0
    for customers in _chunks(list(states)):
        async with in_transaction():
            rows = await MassRecipient.filter(
                task_id=task.id, external_userid__in=customers, state="waiting"
            ).select_for_update(no_key=True)
            for row in rows:
                await _settle(task, row, states[row.external_userid], now)
            settled += len(rows)
    return settled


async def _settle(task: Task, row: MassRecipient, state: str, now: datetime) -> None:
    await MassRecipient.filter(id=row.id).update(state=state, settled_at=now)
    if state == "sent":
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

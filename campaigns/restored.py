"""A database restored from a backup: what it would send, what it cannot know, and a person's word that lets it go on.

The one it was copied from went on sending until it was lost, at the latest until the restore. What the copy has as
waiting and due in that time, or on its way, may have been sent.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
from tortoise.transactions import in_transaction

from campaigns import definitions, marks, mass, notices, outbox, statements, touches
from campaigns.errors import StateError
from campaigns.models import Mark
from campaigns.terms import ChannelName, MessageClass

_CHUNK = 5000
# $1 the highest number in the copy, $2 the moment of the restore
_UNCERTAIN = "m.id <= $1 AND (m.state = 'sending' OR (m.state = 'queued' AND m.not_before <= $2))"
# asked for once more under the same Message-ID: twice is better than never (the rule for `unknown`)
_AGAIN = f"m.channel = '{ChannelName.EMAIL}' AND m.message_class = '{MessageClass.SERVICE}'"


class Uncertain(StrEnum):
    """What to do with messages that may have been sent after the backup was made."""

    MAIL = "mail"  # service mail goes out once more under its Message-ID, all else becomes unknown
    NONE = "none"  # all of them become unknown
    ALL = "all"  # nothing was sent after the backup, says the person: go on as if it had not happened


@dataclass(frozen=True, slots=True)
class Restored:
    """`made_at` is of the backup, `restored_at` of the copy, both by the product's clock."""

    made_at: datetime
    restored_at: datetime
    last_message: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What waits of one campaign on one channel. `next_at`: when the first of `would_send` falls due."""

    campaign: str
    state: str
    channel: str
    would_send: int
    next_at: datetime | None
    cannot_know: int
    mail_again: int  # of `cannot_know`: service mail


@dataclass(frozen=True, slots=True)
class Released:
    """`again` may go out a second time, `unknown` never; `half_planned` occurrences end as they are."""

    again: int
    unknown: int
    half_planned: int


async def hold(*, made_at: datetime, now: datetime) -> Restored:
    """Mark this database as a restored copy; within the transaction that fills it, by the schema of its backup."""
    before = await read_restored()
    [newest] = await statements.query("SELECT coalesce(max(id), 0) AS id FROM messages")
    restored = Restored(
        made_at=min(before.made_at, made_at) if before else made_at,  # a backup of a copy nobody had released
        restored_at=now,
        last_message=newest["id"],
    )
    await marks.write_mark(marks.RESTORED, orjson.dumps(restored).decode())
    await marks.forget_worker()
    return restored


async def read_restored() -> Restored | None:
    mark = await marks.read_mark(marks.RESTORED)
    if mark is None:
        return None
    value = orjson.loads(mark)
    return Restored(
        made_at=datetime.fromisoformat(value["made_at"]),
        restored_at=datetime.fromisoformat(value["restored_at"]),
        last_message=value["last_message"],
    )


async def outlook(restored: Restored) -> list[Outlook]:
    """What waits, by campaign and channel."""
    rows = await statements.query(
        f"""
        SELECT c.key, c.state, m.channel, count(*) AS n,
               sum(CASE WHEN {_UNCERTAIN} THEN 1 ELSE 0 END) AS uncertain,
               sum(CASE WHEN {_UNCERTAIN} AND {_AGAIN} THEN 1 ELSE 0 END) AS mail,
               min(CASE WHEN {_UNCERTAIN} THEN NULL ELSE m.not_before END) AS next_at
        FROM messages m JOIN occurrences o ON o.id = m.occurrence_id JOIN campaigns c ON c.id = o.campaign_id
        WHERE m.state IN ('queued', 'sending') GROUP BY c.key, c.state, m.channel ORDER BY c.key, m.channel
        """,
        restored.last_message,
        restored.restored_at,
    )
    return [
        Outlook(
            campaign=row["key"],
            state=row["state"],
            channel=row["channel"] or "",
            would_send=row["n"] - row["uncertain"],
            next_at=statements.moment(row["next_at"]),
            cannot_know=row["uncertain"],
            mail_again=row["mail"],
        )
        for row in rows
    ]


async def half_planned() -> int:
    """Occurrences that were being planned when the backup was made."""
    return len(await outbox.unplanned_occurrences())


async def release(uncertain: Uncertain, *, now: datetime) -> Released:
    """Let the copy go on. Slots that passed since the backup are not made up for, unless nothing was sent (ALL)."""
    async with in_transaction():
        restored = await read_restored()
        if restored is None or not await Mark.filter(key=marks.RESTORED).delete():
            raise StateError(
                "这个库不是恢复后等人放行的副本，没有要放行的 (not a restored copy that waits: nothing to release)"
            )
        if uncertain is Uncertain.ALL:
            return Released(0, 0, 0)
        await statements.run("DELETE FROM claims")  # all of senders that are gone, and nothing was claimed here yet
        await notices.give_up_before(restored.restored_at)
        await mass.give_up_before(restored.restored_at)
        half = await _end_planning(now)
        unknown = await _give_up(restored, sparing_mail=uncertain is Uncertain.MAIL, now=now)
        again = await _try_again(restored, now) if uncertain is Uncertain.MAIL else 0
        for campaign in await definitions.scheduled_campaigns():
            await definitions.planned_until(campaign.id, now)
        return Released(again=again, unknown=unknown, half_planned=half)


async def _end_planning(now: datetime) -> int:
    """Whoever had no message in the copy may have got it since: nobody is added."""
    ids = await outbox.unplanned_occurrences()
    for occurrence_id in ids:
        await outbox.close_planning(occurrence_id, now)
    return len(ids)


async def _give_up(restored: Restored, *, sparing_mail: bool, now: datetime) -> int:
    """What may have been sent becomes unknown, as after a sender that died."""
    change = f"state = 'unknown', due_at = NULL, ask_at = {statements.database_now()}, sent_at = $2"
    return await _change(restored, change, f"NOT ({_AGAIN})" if sparing_mail else "TRUE", now)


async def _try_again(restored: Restored, now: datetime) -> int:
    return await _change(restored, "state = 'queued', due_at = m.not_before", _AGAIN, now)


async def _change(restored: Restored, change: str, which: str, now: datetime) -> int:
    """Each of them is uncertain from now on and has a touch: it may have been a contact."""
    asked, after, done = (restored.last_message, restored.restored_at), 0, 0
    uncertain = f"{_UNCERTAIN} AND {which}"
    while rows := await statements.query(
        f"SELECT m.id FROM messages m WHERE m.id > $3 AND {uncertain} ORDER BY m.id LIMIT {_CHUNK}", *asked, after
    ):
        ids = [row["id"] for row in rows]
        done += await statements.run(
            f"UPDATE messages AS m SET uncertain = TRUE, {change} WHERE m.id > $3 AND m.id <= $4 AND {uncertain}",
            *asked,
            after,
            ids[-1],
        )
        await touches.record_sent(ids, now)
        after = ids[-1]
    return done

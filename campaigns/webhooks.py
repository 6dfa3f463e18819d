"""Webhooks: who among other programs is told what happened, and every delivery until it has arrived.

A delivery is written by the transaction of what happened: neither is there without the other. It is told at least
once, under one event id, so that whoever hears it twice can know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from tortoise.exceptions import IntegrityError

from campaigns import statements
from campaigns.errors import InputError
from campaigns.models import Contact, Member, Webhook, WebhookDelivery

PAGE = 50
OLD_SECRET_FOR = timedelta(hours=24)
"""How long the secret before the last still signs beside the new one."""
KEPT_FOR = timedelta(days=30)
_LARGEST, _LONGEST = 2**31 - 1, 500  # a number of the database; an address
_LARGEST_BIG = 2**63 - 1


class WebhookKind(StrEnum):
    """What may be told."""

    REPLY = "reply"
    OPT_OUT = "opt_out"
    RETURN = "return"
    TASK_OUTCOME = "task_outcome"


TEST = "test"
"""The kind of a delivery that staff asked for, to try the address."""


class WebhookState(StrEnum):
    """`PAUSED`: what happens is kept for it and sent when it goes on. `STOPPED`: nothing is kept."""

    ON = "on"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook. `generation`: of its secret."""

    id: int
    url: str
    kinds: frozenset[str]
    state: WebhookState
    note: str
    generation: int
    old_until: datetime | None
    failing_since: datetime | None
    by: str
    made_at: datetime

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Delivery:
    """`attempts` so far; `status` of the last answer, `problem` where it was no success."""

    id: int
    webhook_id: int
    event_id: str
    kind: str
    body: str
    state: str
    made_at: datetime
    due_at: datetime | None
    attempts: int
    tried_at: datetime | None
    status: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one sender alone may send now."""

    id: int
    event_id: str
    kind: str
    body: str
    attempts: int
    made_at: datetime


# ---- who is told ----------------------------------------------------------------------------------------------------


async def add_webhook(url: str, kinds: Collection[str], *, by: str, now: datetime) -> Hook:
    """Raises InputError for what is no address, for one that is there already, and for no kinds."""
    url = check_url(url)
    chosen = [kind for kind in WebhookKind if kind in kinds]
    if not chosen:
        raise InputError("至少选一样要通知的事 (choose at least one kind)")
    try:
        return _hook(await Webhook.create(url=url, kinds=chosen, by=by[:64], made_at=now))
    except IntegrityError:
        raise InputError("这个地址已经有了 (this address is there already)") from None


def check_url(text: str) -> str:
    """An address that can be called. Where it leads is looked at with each call. Raises InputError."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    plain = url.isascii() and url.isprintable() and " " not in url and not set("#@\\") & set(url)
    if not (named and plain and url.startswith(("https://", "http://")) and len(url) <= _LONGEST):
        raise InputError(
            f"地址写成https://主机/路径，只用英文字母，最多{_LONGEST}个字 (an address like https://host/path)"
        )
    return url


async def list_webhooks() -> list[Hook]:
    """Newest first."""
    return [_hook(row) for row in await Webhook.all().order_by("-id")]


async def stopped_webhooks() -> list[Hook]:
    """Those that stopped by themselves, each with a note why."""
    return [_hook(row) for row in await Webhook.exclude(state=WebhookState.ON).exclude(note="").order_by("id")]


async def find_webhook(webhook_id: int) -> Hook | None:
    row = await Webhook.get_or_none(id=webhook_id) if webhook_id <= _LARGEST else None
    return _hook(row) if row else None


async def change_state(webhook_id: int, state: WebhookState, note: str = "") -> bool:
    """False where it stands there already. One that goes on tries at once what waits."""
    changed = {"state": state, "note": note[:255], "failing_since": None}
    if not await Webhook.filter(id=webhook_id).exclude(state=state).update(**changed):
        return False
    if state is WebhookState.ON:
        await statements.hasten_deliveries(webhook_id)
    return True


async def rotate_secret(webhook_id: int, now: datetime) -> Hook | None:
    """From now on a new secret signs, and the one before beside it for a day."""
    hook = await find_webhook(webhook_id)
    if hook is None:
        return None
    values = {"generation": hook.generation + 1, "old_until": now + OLD_SECRET_FOR}
    await Webhook.filter(id=hook.id, generation=hook.generation).update(**values)
    return await find_webhook(webhook_id)


async def delete_webhook(webhook_id: int) -> Hook | None:
    """With all its deliveries."""
    hook = await find_webhook(webhook_id)
    if hook is not None:
        await Webhook.filter(id=hook.id).delete()
        await WebhookDelivery.filter(webhook_id=hook.id).delete()
    return hook


# ---- what happened --------------------------------------------------------------------------------------------------


async def announce(
    kind: WebhookKind, *, at: datetime, about: Mapping[int, Mapping[str, Any]], contact_id: int | None = None
) -> None:
    """Write down for every webhook that wants to know; to be called in the transaction of what happened.

    `about`: member → what happened to it. One look where nobody wants to know.
    """
    rows = await Webhook.exclude(state=WebhookState.STOPPED).values_list("id", "kinds")
    listening = [number for number, kinds in rows if kind in kinds]
    if not listening or not about:
        return
    members = dict(await Member.filter(id__in=list(about)).values_list("id", "no"))
    contact = await Contact.filter(id=contact_id).first().values_list("no", flat=True) if contact_id else None
    told = [
        _event(kind, at, {"member": members[member_id], "contact": contact, **data})
        for member_id, data in about.items()
        if member_id in members
    ]
    await _add(listening, kind, told)


async def announce_test(webhook_id: int, at: datetime) -> None:
    """Something to try the address with."""
    await _add([webhook_id], TEST, [test_event(at)])


def test_event(at: datetime) -> tuple[str, str]:
    """(event id, body) of a trial."""
    return _event(TEST, at, {"text": "这是一次试发 (a test)"})


async def _add(webhook_ids: Sequence[int], kind: str, told: Sequence[tuple[str, str]]) -> None:
    pairs = [(number, *event) for event in told for number in webhook_ids]
    await statements.add_deliveries(
        {
            "webhook_id": [number for number, _, _ in pairs],
            "event_id": [event_id for _, event_id, _ in pairs],
            "kind": [str(kind)] * len(pairs),
            "body": [body for _, _, body in pairs],
        }
    )


def _event(kind: str, at: datetime, data: Mapping[str, Any]) -> tuple[str, str]:
    """(event id, body)."""
    event_id = f"evt_{uuid4().hex}"
    body = {"id": event_id, "type": str(kind), "timestamp": at.astimezone(UTC), "data": dict(data)}
    return event_id, orjson.dumps(body).decode()


# ---- deliveries -----------------------------------------------------------------------------------------------------


async def claim(webhook_id: int, lease: float) -> Claimed | None:
    found = await statements.claim_delivery(webhook_id, lease)
    if not found:
        return None
    number, event_id, kind, body, attempts, made_at = found
    when = statements.moment(made_at)
    assert when is not None
    return Claimed(number, event_id, kind, body, attempts, when)


async def mark_sent(one: Claimed, webhook_id: int, status: int) -> None:
    """It arrived: the webhook works."""
    done = {"state": "sent", "due_at": None, "status": status, "problem": ""}
    await WebhookDelivery.filter(id=one.id).update(**done)
    await Webhook.filter(id=webhook_id).exclude(failing_since=None).update(failing_since=None)


async def mark_failed(delivery_id: int, status: int | None, problem: str) -> None:
    """It is not tried again by itself."""
    done = {"state": "failed", "due_at": None, "status": status, "problem": problem[:255]}
    await WebhookDelivery.filter(id=delivery_id).update(**done)


async def put_off(delivery_id: int, seconds: float, status: int | None, problem: str) -> None:
    await statements.put_off_delivery(delivery_id, seconds, status, problem[:255])


async def note_failing(webhook_id: int, now: datetime) -> datetime:
    """Since when nothing has arrived there; `now` is this machine's own time."""
    await Webhook.filter(id=webhook_id, failing_since=None).update(failing_since=now)
    hook = await find_webhook(webhook_id)
    return (hook and hook.failing_since) or now


async def send_again(delivery_id: int) -> Delivery | None:
    """Due now, under its own event id. None where there is no such delivery."""
    if delivery_id > _LARGEST_BIG or not await statements.send_again(delivery_id):
        return None
    return _delivery(await WebhookDelivery.get(id=delivery_id))


async def log_of(webhook_id: int, *, before: int | None = None, state: str = "") -> list[Delivery]:
    """A page of its deliveries, newest first, below the id `before`."""
    asked = WebhookDelivery.filter(webhook_id=webhook_id)
    if before is not None:
        asked = asked.filter(id__lt=min(before, _LARGEST_BIG))
    if state:
        asked = asked.filter(state=state)
    return [_delivery(row) for row in await asked.order_by("-id").limit(PAGE)]


async def count_deliveries() -> Mapping[tuple[int, str], int]:
    """(webhook, state) → how many."""
    rows = await statements.query("SELECT webhook_id, state, count(*) AS n FROM webhook_deliveries GROUP BY 1, 2")
    return {(row["webhook_id"], row["state"]): int(row["n"]) for row in rows}


async def forget_old(now: datetime) -> int:
    """Deliveries that are over and older than KEPT_FOR."""
    old = WebhookDelivery.filter(made_at__lt=now - KEPT_FOR).exclude(state="due")
    return await old.delete()


def _hook(row: Webhook) -> Hook:
    return Hook(
        row.id, row.url, frozenset(row.kinds), WebhookState(row.state), row.note, row.generation, row.old_until,
        row.failing_since, row.by, row.made_at,
    )  # fmt: skip


def _delivery(row: WebhookDelivery) -> Delivery:
    return Delivery(
        row.id, row.webhook_id, row.event_id, row.kind, row.body, row.state, row.made_at, row.due_at, row.attempts,
        row.tried_at, row.status, row.problem,
    )  # fmt: skip

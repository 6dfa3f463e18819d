"""Verified provider events to the domain, each once and in force before the provider has its answer."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from bot.database import is_away
from bot.intake import Intake
from bot.keyword_table import table_in_force
from bot.runtime import Runtime
from campaigns import outbox
from campaigns.errors import WebhookRejected
from campaigns.intents import IntentTable
from campaigns.members import find
from campaigns.replies.events import Taken
from campaigns.replies.group import Told, take_group
from campaigns.replies.receipts import take_receipt
from campaigns.replies.taking import take_event
from campaigns.terms import InboundEvent, ReachChange, Receipt, Reply, StaffLine, Summons

log = logging.getLogger(__name__)


class Inbox:
    """Where all doors of a process hand in what they were told. It reads customers' words; `Runtime` need not."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._receipts = Intake(self._write_group)
        self._training = asyncio.Lock()

    async def intents(self) -> IntentTable:
        """The keyword table as it stands, learned when the first answer comes and whenever somebody edited it."""
        async with self._training:
            return await table_in_force(self.runtime.settings.huifang_templates)

    async def take(self, events: Sequence[InboundEvent]) -> list[Taken]:
        """Store and apply events: receipts with those of other callers, then all else one by one in its order.

        One that fails does not keep those behind it waiting; it raises at the end, and the provider pushes all of
        them again. Returns what became of each, in order.
        """
        grouped = iter(await self._take_receipts([event for event in events if isinstance(event, Receipt)]))
        taken: list[Taken] = []
        failed: list[Exception] = []
        for event in events:
            known = next(grouped) if isinstance(event, Receipt) else None
            try:
                taken.append(known or await self._take_one(event))
            except Exception as exc:
                failed.append(exc)
        if failed:
            raise failed[0]
        return taken

    async def _take_receipts(self, receipts: Sequence[Receipt]) -> Sequence[Taken | None]:
        read_key = self.runtime.tokens.message_id
        told = [Told(receipt, read_key(receipt.key) if receipt.key else None) for receipt in receipts]
        return await self._receipts.take(told) if told else ()

    async def _write_group(self, told: Sequence[Told]) -> Sequence[Taken | None]:
        """Where the group cannot be written, because of one among them say, each is taken by itself and fails alone."""
        try:
            taken = await take_group(told, self.runtime.clock())
        except Exception as exc:
            if is_away(exc):
                raise
            log.warning("%d receipts cannot be taken together (%s): one by one", len(told), type(exc).__name__)
            return [None] * len(told)
        outcomes = Counter(one.outcome if one else "by itself" for one in taken)
        log.info("%d receipts: %s", len(told), ", ".join(f"{n} {outcome}" for outcome, n in outcomes.items()))
        return taken

    async def _take_one(self, event: InboundEvent) -> Taken:
        message_id, now = await _message_of(self.runtime, event), self.runtime.clock()
        match event:
            case Receipt():
                taken = await take_receipt(event, message_id=message_id, now=now)
            case Reply() | ReachChange() | Summons() | StaffLine():
                pause = self.runtime.rulebook.policy.doubt_pause
                table = await self.intents()
                taken = await take_event(event, message_id=message_id, now=now, table=table, doubt_pause=pause)
        log.info("%s event %s: %s", event.channel, type(event).__name__, taken.outcome)
        return taken


async def take_site_events(runtime: Runtime, body: bytes) -> int:
    """What the site tells, as a JSON array of {"event": "login"|"viewed", "member", "at"?, "posting"?}.

    Returns how many were applied. Raises WebhookRejected naming the first event that cannot be read; none is applied
    then.
    """
    try:
        events = [_site_event(item, runtime) for item in orjson.loads(body)]
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise WebhookRejected(f"not an array of site events: {exc!r}") from exc
    applied = 0
    for name, member_no, posting_no, at in events:
        member_id = await find.member_id_of(member_no)
        if member_id is None:
            continue
        applied += 1
        if name == "login":
            await find.record_login(member_id, at)
        else:
            await find.record_views(member_id, at, posting_no)
    return applied


def _site_event(item: dict[str, str], runtime: Runtime) -> tuple[str, str, str | None, datetime]:
    if item["event"] not in ("login", "viewed"):
        raise ValueError(f"unknown event {item['event']}")
    at = datetime.fromisoformat(item["at"]) if item.get("at") else runtime.clock()
    return item["event"], item["member"], item.get("posting"), at.astimezone(UTC)


async def _message_of(runtime: Runtime, event: InboundEvent) -> int | None:
    """Our message an event speaks of: by our own signed key, else by the provider's id and address."""
    if isinstance(event, ReachChange | Summons | StaffLine):
        return None
    if event.key:
        return runtime.tokens.message_id(event.key)
    if isinstance(event, Receipt) and event.provider_id:
        return await outbox.message_by_provider_id(event.channel, event.provider_id, event.address)
    return None

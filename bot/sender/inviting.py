"""Companies invited to a fair by one run of messages; whoever cannot be written to now is left out and named.

What carries it is templates/fair_invitation. It counts as marketing, with consent, hours and caps as everywhere.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from tortoise.transactions import in_transaction

from bot.runtime import Runtime
from bot.sender.carriers import Carrier, read_carrier
from campaigns import definitions, fairs, outbox
from campaigns.errors import InputError
from campaigns.fairs import FairRow
from campaigns.members.facts import facts_for
from campaigns.policy import Ruling
from campaigns.terms import SHANGHAI, Allow, Defer, Reason, Suppress, Verdict

FAIR_INVITATION = "fair_invitation"
"""As a campaign: what invites to fairs."""
MOST = 500
"""Companies in one run."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What inviting these would mean now: the way to each, and those who are invited already."""

    verdicts: Mapping[int, Verdict]
    known: Sequence[int]

    @property
    def reached(self) -> dict[int, Allow | Defer]:
        return {one: what for one, what in self.verdicts.items() if not isinstance(what, Suppress)}

    @property
    def by_channel(self) -> Mapping[str, int]:
        return Counter(str(one.channel) for one in self.reached.values())

    @property
    def later(self) -> int:
        return sum(isinstance(one, Defer) for one in self.reached.values())

    @property
    def left_out(self) -> Mapping[Reason, int]:
        return Counter(one.reason for one in self.verdicts.values() if isinstance(one, Suppress))


async def weigh(runtime: Runtime, fair: FairRow, member_ids: Collection[int]) -> Weighed:
    """The numbers before it happens; nothing is written."""
    return await _weigh(runtime, read_carrier(runtime, FAIR_INVITATION), fair, member_ids)


async def invite(runtime: Runtime, fair: FairRow, member_ids: Collection[int], *, by: str) -> int:
    """Into the outbox, each once. Returns how many. InputError and StateError where the ledger of fairs says no."""
    if not 0 < len(set(member_ids)) <= MOST:
        raise InputError(f"选1到{MOST}家 (choose 1 to {MOST} companies)")
    carrier, now = read_carrier(runtime, FAIR_INVITATION), runtime.clock()
    campaign_id, version_id = await definitions.keep_running(FAIR_INVITATION, carrier.files, now=now)
    async with in_transaction():
        weighed = await _weigh(runtime, carrier, fair, member_ids)
        if not weighed.reached:
            raise InputError("选中的一家也发不了 (none of them can be written to)")
        occurrence_id = await outbox.add_occurrence(
            campaign_id,
            version_id,
            _name(fair.id, weighed.reached, now),
            now,
            useless_at=_useless_at(carrier, fair, now),
            extra={"by": by, "fair": _told(fair)},
        )
        rows = [_row(runtime, carrier, occurrence_id, one, way) for one, way in weighed.reached.items()]
        await outbox.enqueue(rows)
        messages = await outbox.messages_by_member(occurrence_id)
        invited = await fairs.invite(fair.id, list(weighed.reached), by=by, now=now, messages=messages)
        await outbox.close_planning(occurrence_id, now)
    return invited


async def _weigh(runtime: Runtime, carrier: Carrier, fair: FairRow, member_ids: Collection[int]) -> Weighed:
    now, book = runtime.clock(), runtime.rulebook
    there = {one.member_id for one in await fairs.invitations_to(fair.id)}
    asked = sorted(set(member_ids))
    ruling = Ruling(
        carrier.rules_until(_useless_at(carrier, fair, now)),
        book.policy,
        book.calendar,
        now,
        await outbox.shut_channels(now),
    )
    facts = await facts_for([one for one in asked if one not in there], now)
    return Weighed({one: ruling.decide(known) for one, known in facts.items()}, [one for one in asked if one in there])


def _useless_at(carrier: Carrier, fair: FairRow, now: datetime) -> datetime:
    """An invitation is there before the day of the fair, or not at all."""
    day = datetime.combine(fair.held_on, time(), SHANGHAI)
    return min(day, carrier.useless_at(now) or day)


def _told(fair: FairRow) -> dict[str, Any]:
    return {
        "name": fair.name,
        "day": fair.held_on.isoformat(),
        "place": fair.place,
        "occupations": "、".join(fair.occupations[:5]),
    }


def _name(fair_id: int, member_ids: Collection[int], now: datetime) -> str:
    what = json.dumps([sorted(member_ids), now.isoformat()])
    return f"{fair_id}-{hashlib.sha256(what.encode()).hexdigest()[:24]}"


def _row(runtime: Runtime, carrier: Carrier, occurrence_id: int, member_id: int, way: Allow | Defer) -> dict[str, Any]:
    return {
        "occurrence_id": occurrence_id,
        "member_id": member_id,
        "contact_id": way.contact_id,
        "message_class": carrier.definition.message_class,
        "channel": way.channel,
        "address": way.address,
        "state": "queued",
        "reason": way.reason if isinstance(way, Defer) else "",
        "not_before": way.until if isinstance(way, Defer) else runtime.clock(),
    }

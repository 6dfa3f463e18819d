"""Members told that a fault of the site which they reported is mended: by a message, or a task where none can go.

What carries it is templates/problem_solved. It is a service message: hours, addresses and refusals hold as everywhere.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tortoise.transactions import in_transaction

from bot.problem_categories import categories_in_force
from bot.runtime import Runtime
from bot.sender.carriers import Carrier, read_carrier
from campaigns import definitions, outbox, problems, visits
from campaigns.errors import InputError
from campaigns.members.facts import facts_for
from campaigns.policy import Ruling
from campaigns.problems import PROBLEM, ProblemLine
from campaigns.terms import Allow, Defer, Reason, Suppress, Verdict

PROBLEM_SOLVED = "problem_solved"
"""As a campaign: what tells members that their problem is solved."""
_CALL_WITHIN = timedelta(days=1)
_LOOKED_BACK = timedelta(days=30)
_NOT_NOW = frozenset({Reason.REFUSED, Reason.PAUSED})
"""Who wants to hear nothing is not called either."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What telling them would mean now: the way to each member. `lines` are all they reported."""

    lines: Sequence[ProblemLine]
    verdicts: Mapping[int, Verdict]

    @property
    def reached(self) -> dict[int, Allow | Defer]:
        return {one: what for one, what in self.verdicts.items() if not isinstance(what, Suppress)}

    @property
    def called(self) -> list[int]:
        """Who cannot be written to: a colleague calls."""
        ways = self.verdicts.items()
        return [one for one, what in ways if isinstance(what, Suppress) and what.reason not in _NOT_NOW]

    @property
    def left_out(self) -> Mapping[Reason, int]:
        found = (one.reason for one in self.verdicts.values() if isinstance(one, Suppress))
        return Counter(reason for reason in found if reason in _NOT_NOW)

    @property
    def by_channel(self) -> Mapping[str, int]:
        return Counter(str(one.channel) for one in self.reached.values())

    def of(self, member_id: int) -> list[ProblemLine]:
        return [one for one in self.lines if one.member_id == member_id]


@dataclass(frozen=True, slots=True)
class Told:
    """Members written to, and members of whom a task was opened."""

    messages: int
    tasks: int


async def weigh(runtime: Runtime, lines: Sequence[ProblemLine]) -> Weighed:
    """The numbers before it happens; nothing is written."""
    return await _weigh(runtime, read_carrier(runtime, PROBLEM_SOLVED), lines)


async def tell(runtime: Runtime, lines: Sequence[ProblemLine], *, by: str) -> Told:
    """Each once, however often it is asked for. Raises InputError where none is left to be told."""
    carrier, now = read_carrier(runtime, PROBLEM_SOLVED), runtime.clock()
    names = {one.key: one.name for one in (await categories_in_force(runtime.settings.huifang_templates)).all}
    campaign_id, version_id = await definitions.keep_running(PROBLEM_SOLVED, carrier.files, now=now)
    async with in_transaction():
        still = await problems.hold_untold([one.id for one in lines])
        weighed = await _weigh(runtime, carrier, [one for one in lines if one.id in still])
        if not weighed.reached and not weighed.called:
            raise InputError("没有还要告诉的企业 (nobody is left to be told)")
        for solved, members in _groups(weighed, names).items():
            await _write(carrier, (campaign_id, version_id), weighed, solved, members, now, by)
        for member_id in weighed.called:
            await _ask_to_call(weighed.of(member_id), names, now, by)
        told = {*weighed.reached, *weighed.called}
        await problems.mark_told([one.id for one in weighed.lines if one.member_id in told], now)
    return Told(len(weighed.reached), len(weighed.called))


async def call_unreached(runtime: Runtime) -> int:
    """Whom the message never reached is called by a colleague: a task each, once. Returns how many."""
    now = runtime.clock()
    unreached = await problems.told_in_vain(now - _LOOKED_BACK)
    if not unreached:
        return 0
    names = {one.key: one.name for one in (await categories_in_force(runtime.settings.huifang_templates)).all}
    by_member: dict[int, list[ProblemLine]] = defaultdict(list)
    for one in unreached:
        by_member[one.member_id].append(one)
    for lines in by_member.values():
        await _ask_to_call(lines, names, now, lines[0].owner)
    return len(by_member)


async def _weigh(runtime: Runtime, carrier: Carrier, lines: Sequence[ProblemLine]) -> Weighed:
    now, book = runtime.clock(), runtime.rulebook
    ruling = Ruling(
        carrier.rules_until(carrier.useless_at(now)), book.policy, book.calendar, now, await outbox.shut_channels(now)
    )
    facts = await facts_for(sorted({one.member_id for one in lines}), now)
    return Weighed(lines, {one: ruling.decide(known) for one, known in facts.items()})


def _groups(weighed: Weighed, names: Mapping[str, str]) -> dict[str, list[int]]:
    """What was solved, in words → the members who reported just that: they get the same message."""
    groups: dict[str, list[int]] = defaultdict(list)
    for member_id in weighed.reached:
        groups[_named(weighed.of(member_id), names)].append(member_id)
    return groups


def _named(lines: Sequence[ProblemLine], names: Mapping[str, str]) -> str:
    return "、".join(dict.fromkeys(names.get(one.category, one.category) for one in lines))


async def _write(
    carrier: Carrier,
    campaign: tuple[int, int],
    weighed: Weighed,
    solved: str,
    members: Sequence[int],
    now: datetime,
    by: str,
) -> None:
    """At the very moment at which they are said to be told: problems.told_in_vain finds them by it."""
    lines = [one for member_id in members for one in weighed.of(member_id)]
    occurrence_id = await outbox.add_occurrence(
        *campaign, _name(lines), now, useless_at=carrier.useless_at(now), extra={"by": by, "solved": solved}
    )
    ways = weighed.reached
    await outbox.enqueue([_row(carrier, occurrence_id, one, ways[one], now) for one in members])
    await outbox.close_planning(occurrence_id, now)


def _row(carrier: Carrier, occurrence_id: int, member_id: int, way: Allow | Defer, now: datetime) -> dict[str, Any]:
    return {
        "occurrence_id": occurrence_id,
        "member_id": member_id,
        "contact_id": way.contact_id,
        "message_class": carrier.definition.message_class,
        "channel": way.channel,
        "address": way.address,
        "state": "queued",
        "reason": way.reason if isinstance(way, Defer) else "",
        "not_before": way.until if isinstance(way, Defer) else now,
    }


def _name(lines: Sequence[ProblemLine]) -> str:
    """Of the occurrence: what was opened and solved again is told again."""
    solved = sorted(f"{one.id}:{one.solved_at}" for one in lines)
    return f"{lines[0].id}-{hashlib.sha256(json.dumps(solved).encode()).hexdigest()[:24]}"


async def _ask_to_call(lines: Sequence[ProblemLine], names: Mapping[str, str], now: datetime, by: str) -> None:
    first = lines[0]
    await visits.open_visit(
        first.member_id,
        category=PROBLEM,
        cause=f"mended:{first.id}:{first.solved_at:%Y%m%d%H%M%S}",
        opened_at=now,
        due_at=now + _CALL_WITHIN,
        note=f"“{_named(lines, names)}”已经解决，打电话告诉客户一声，发不了消息",
        owner=first.owner or by,
    )

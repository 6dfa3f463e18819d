"""A campaign's WeCom messages: put before the colleagues whose customers these are, who send them or do not."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from tortoise.transactions import in_transaction

from bot.runtime import Runtime
from bot.sender.settling import not_now, other_channel
from campaigns import mass, outbox, planner
from campaigns.content import render
from campaigns.errors import DefinitionError, OutreachError
from campaigns.mass import Handed
from campaigns.members.facts import facts_for
from campaigns.outbox import Claim, Settlement
from campaigns.planner import Checked, Run
from campaigns.staff_file import Staff, load_staff
from campaigns.terms import Allow, ChannelName, DeliveryState, WecomWords

log = logging.getLogger(__name__)


def waits_for_staff(channel: ChannelName, run: Run) -> bool:
    """An answer goes in customer service, by itself, and so do a colleague's own words."""
    return channel is ChannelName.WECOM and not run.definition.answers and not run.definition.by_hand


async def hand_over(runtime: Runtime, run: Run, claim: Claim) -> int:
    """Put claimed messages before staff, all or none. Returns how many; nothing is sent by it.

    Whose customer nobody of ours is goes by the campaign's next channel.
    """
    now = runtime.clock()
    try:
        staff = load_staff(runtime.settings.huifang_templates / "staff.toml")
    except DefinitionError as exc:  # being edited: what is due waits
        log.error("nobody is asked to send messages in WeCom: %s", exc)
        return 0
    checked = await planner.recheck(run, claim.messages, now, runtime.rulebook)
    allowed = [one for one in checked if isinstance(one.verdict, Allow)]
    aside = [not_now(one) for one in checked if not isinstance(one.verdict, Allow)]
    senders = await _senders(allowed, staff, now)
    nobodys = [one for one in allowed if one.claimed.id not in senders]
    elsewhere = [await other_channel(runtime, one.claimed, now) for one in nobodys]
    by_sender: dict[str, list[Checked]] = defaultdict(list)
    for one in allowed:
        if one.claimed.id in senders:
            by_sender[senders[one.claimed.id]].append(one)
    async with in_transaction():
        await outbox.set_aside(aside)
        await outbox.end_due(elsewhere)
        handed = [await _propose(runtime, run, sender, group, now) for sender, group in sorted(by_sender.items())]
    return sum(handed)


async def _propose(runtime: Runtime, run: Run, sender: str, group: Sequence[Checked], now: datetime) -> int:
    """Within a transaction."""
    first = group[0]
    try:
        words = render(run.content, ChannelName.WECOM, first.variables)
    except OutreachError as exc:
        log.error("messages for WeCom cannot be written: %s", exc)
        await outbox.set_aside([Settlement(one.claimed.id, DeliveryState.FAILED, reason="words") for one in group])
        return 0
    assert isinstance(words, WecomWords)
    held = await outbox.hand_to_staff([one.claimed.id for one in group], first.variables)
    copies = [
        Handed(one.claimed.id, one.claimed.member_id, one.claimed.contact_id, one.claimed.address)
        for one in group
        if one.claimed.id in held
    ]
    if copies:
        occurrence_id = first.claimed.occurrence_id
        await mass.propose_run(occurrence_id, sender, words, copies, at=now, until=run.useless_at)
    return len(copies)


async def _senders(checked: Sequence[Checked], staff: Staff, now: datetime) -> Mapping[int, str]:
    """Message → userid: whom the customer added last, else who owns the member."""
    known = await facts_for([one.claimed.member_id for one in checked], now, history=None)
    found: dict[int, str] = {}
    for one in checked:
        facts = known[one.claimed.member_id]
        reach = next((person.wecom for person in facts.contacts if person.id == one.claimed.contact_id), None)
        owner = staff.of(facts.owner)
        if userid := (reach.staff if reach else "") or (owner.wecom if owner else ""):
            found[one.claimed.id] = userid
    return found

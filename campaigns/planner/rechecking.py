"""The moment of sending: facts, goal and policy read again, and the variables the words are filled with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns import outbox
from campaigns.content import Compiled, variables
from campaigns.members.digest import digests_for, unread_postings_for
from campaigns.members.facts import facts_for
from campaigns.outbox import Claimed
from campaigns.planner.fates import REST
from campaigns.planner.runs import Rulebook, Run, stored_run
from campaigns.policy import Ruling
from campaigns.reach import OBSTACLES, wechat_mode
from campaigns.segments import matches
from campaigns.terms import Allow, ChannelName, Defer, Facts, Reason, Suppress, Verdict, WechatMode


@dataclass(frozen=True, slots=True)
class Checked:
    """The last word on one claimed message: what to do, and with which variables if it is to be sent.

    `variables` are those its words read, without the links: what the ledger keeps.
    """

    claimed: Claimed
    verdict: Verdict
    variables: Mapping[str, object]
    wechat_mode: WechatMode | None = None


async def recheck(run: Run, claimed: Sequence[Claimed], now: datetime, book: Rulebook) -> list[Checked]:
    """Read facts and goal again, just before the wire. All of one run; results in the same order."""
    ids, ours = [one.member_id for one in claimed], [one.id for one in claimed]
    facts = await facts_for(ids, now, leaving_out=ours, history=run.history(book.policy))
    extras = await extras_for(list(facts.values()), run.content)
    ruling = Ruling(run.rules, book.policy, book.calendar, now)
    checked = [_check(one, facts.get(one.member_id), run, extras, ruling, book) for one in claimed]
    if ruling.binding and any(_may_go_otherwise(one.verdict) for one in checked):
        closed = await outbox.shut_channels(now + REST)
        again = Ruling(run.rules, book.policy, book.calendar, now, closed)
        return [_otherwise(one, facts.get(one.claimed.member_id), again) for one in checked]
    return checked


async def choose_again(one: Claimed, now: datetime, book: Rulebook) -> Verdict:
    """The next way to reach the same member, after the provider refused this channel for want of permission."""
    run = stored_run(await outbox.read_occurrence(one.occurrence_id))
    known = await facts_for([one.member_id], now, leaving_out=[one.id], history=run.history(book.policy))
    facts = known.get(one.member_id)
    order = run.definition.channels
    left = order[order.index(one.channel) + 1 :] if one.channel in order else ()
    if facts is None or not left:
        return Suppress(Reason.NO_WINDOW)
    return Ruling(replace(run.rules, channels=left), book.policy, book.calendar, now).decide(facts)


def _check(
    one: Claimed,
    facts: Facts | None,
    run: Run,
    extras: Mapping[int, Mapping[str, object]],
    ruling: Ruling,
    book: Rulebook,
) -> Checked:
    now = ruling.now
    contact = next((c for c in facts.contacts if c.id == one.contact_id), None) if facts else None
    if facts is None or contact is None:
        return Checked(one, Suppress(Reason.NO_CONTACT), {})
    if run.goal is not None and matches(run.goal, facts, now):
        return Checked(one, Suppress(Reason.GOAL_MET), {})
    verdict = ruling.recheck(facts, contact, one.channel)
    if not isinstance(verdict, Allow):
        return Checked(one, verdict, {})
    mode = wechat_mode(contact, run.rules, now) if one.channel is ChannelName.WECHAT else None
    extra = {**extras.get(facts.member_id, {}), **run.extra}
    reads = run.content.kept_for(one.channel, mode, str(run.extra.get("intent", "")))
    return Checked(one, verdict, variables(facts, contact, now=now, site=book.site, extra=extra, reads=reads), mode)


def _may_go_otherwise(verdict: Verdict) -> bool:
    return isinstance(verdict, Suppress) and verdict.reason in OBSTACLES


def _otherwise(one: Checked, facts: Facts | None, ruling: Ruling) -> Checked:
    """The way that was chosen closed in between: the first one that is open now, through the queue."""
    if facts is None or not _may_go_otherwise(one.verdict):
        return one
    verdict = ruling.decide(facts)
    if isinstance(verdict, Allow):
        verdict = Defer(verdict.contact_id, verdict.channel, verdict.address, ruling.now, Reason.OTHER_WAY)
    return replace(one, verdict=verdict)


async def extras_for(facts: Sequence[Facts], content: Compiled) -> dict[int, dict[str, object]]:
    """What only some words want, read for all members at once."""
    wanted = content.wants
    if not wanted & {"digest", "unread_postings"}:
        return {}
    digests = await digests_for(facts) if "digest" in wanted else {}
    unread = await unread_postings_for([one.member_id for one in facts]) if "unread_postings" in wanted else {}
    return {
        one.member_id: {
            **({"digest": digests.get(one.member_id, [])} if "digest" in wanted else {}),
            **({"unread_postings": unread.get(one.member_id, [])} if "unread_postings" in wanted else {}),
        }
        for one in facts
    }

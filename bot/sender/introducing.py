"""Job seekers introduced to one member: a message to the company like any other, and the words for the seekers.

What carries it is templates/introduction. The message counts as marketing: consent, hours and caps of the company
hold as everywhere; the seekers' caps and consent are looked at again with the seekers held.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.transactions import in_transaction

from bot.runtime import Runtime
from bot.sender.carriers import Carrier, read_carrier
from campaigns import definitions, introducing, introductions, outbox
from campaigns.content.texts import Workshop
from campaigns.errors import InputError
from campaigns.introducing import Hindrance, Offer, Weighed
from campaigns.members import find, seekers
from campaigns.terms import ChannelName, Defer, Reason, Suppress

INTRODUCTION = "introduction"
"""As a campaign: what introduces seekers to members."""
MOST = 10
"""Seekers in one message."""


class NotIntroduced(InputError):
    """It cannot be done now. `why`: what holds the company's message, `hindrance` what holds a seeker."""

    def __init__(self, said: str, why: Reason | None = None, hindrance: Hindrance | None = None) -> None:
        super().__init__(said)
        self.why, self.hindrance = why, hindrance


@dataclass(frozen=True, slots=True)
class Introduced:
    message_id: int
    channel: ChannelName
    starts: datetime
    seekers: Sequence[str]


async def weigh(runtime: Runtime, member_id: int, seeker_ids: Collection[int]) -> Weighed:
    """The numbers before it happens; nothing is written."""
    carrier, now = read_carrier(runtime, INTRODUCTION), runtime.clock()
    rules = carrier.rules_until(carrier.useless_at(now))
    return await introducing.weigh(member_id, seeker_ids, now, runtime.rulebook, rules)


async def introduce(runtime: Runtime, member_id: int, seeker_ids: Collection[int], *, by: str) -> Introduced:
    """All of them in one message, or nobody. Raises NotIntroduced, and StateError where somebody was quicker."""
    if not 0 < len(set(seeker_ids)) <= MOST:
        raise NotIntroduced(f"选1到{MOST}位求职者 (choose 1 to {MOST} seekers)")
    carrier, now = read_carrier(runtime, INTRODUCTION), runtime.clock()
    useless_at = carrier.useless_at(now)
    campaign_id, version_id = await definitions.keep_running(INTRODUCTION, carrier.files, now=now)
    async with in_transaction():
        await seekers.hold_seekers(seeker_ids)
        weighed = await introducing.weigh(member_id, seeker_ids, now, runtime.rulebook, carrier.rules_until(useless_at))
        _refuse_hindered(weighed)
        assert not isinstance(weighed.verdict, Suppress)
        ids = await introducing.propose(member_id, weighed.offers, by=by, now=now)
        occurrence_id = await outbox.add_occurrence(
            campaign_id,
            version_id,
            _name(member_id, seeker_ids, now),
            now,
            useless_at=useless_at,
            extra={"by": by, "seekers": [_told(one) for one in weighed.offers]},
        )
        verdict = weighed.verdict
        starts = verdict.until if isinstance(verdict, Defer) else now
        row: dict[str, Any] = {
            "occurrence_id": occurrence_id,
            "member_id": member_id,
            "contact_id": verdict.contact_id,
            "message_class": carrier.definition.message_class,
            "channel": verdict.channel,
            "address": verdict.address,
            "state": "queued",
            "reason": verdict.reason if isinstance(verdict, Defer) else "",
            "not_before": starts,
        }
        await outbox.enqueue([row])
        message_id = await outbox.message_of(occurrence_id)
        assert message_id is not None
        await introductions.introduce(list(ids.values()), message_id, by=by, now=now)
        await _prepare_seekers(runtime, carrier, member_id, weighed.offers, ids)
        await outbox.close_planning(occurrence_id, now)
    names = [one.pair.seeker.name or one.pair.seeker.no for one in weighed.offers]
    return Introduced(message_id, verdict.channel, starts, names)


def _refuse_hindered(weighed: Weighed) -> None:
    if weighed.gone:
        raise NotIntroduced(
            "有人已经介绍过，或者不再合适 (introduced already, or fits no more)", hindrance=Hindrance.GONE
        )
    for one in weighed.offers:
        if one.hindrance:
            said = f"{one.pair.seeker.name or one.pair.seeker.no} 现在不能介绍：{one.hindrance} (cannot be introduced)"
            raise NotIntroduced(said, hindrance=one.hindrance)
    if isinstance(weighed.verdict, Suppress):
        why = weighed.verdict.reason
        raise NotIntroduced(f"这家企业现在不能发：{why} (cannot be written to)", why=why)


def _name(member_id: int, seeker_ids: Collection[int], now: datetime) -> str:
    """Of the occurrence: these seekers to this member now; where a message never arrived there is another."""
    what = json.dumps([sorted(seeker_ids), now.isoformat()])
    return f"{member_id}-{hashlib.sha256(what.encode()).hexdigest()[:24]}"


def _told(offer: Offer) -> dict[str, Any]:
    """What the company is told: no number of the seeker and no address; those it sees on the site."""
    seeker, posting = offer.pair.seeker, offer.pair.posting
    return {
        "name": seeker.name or seeker.no,
        "job": seeker.wanted_job,
        "posting": posting.title,
        "city": seeker.wanted_city,
        "pay": seeker.pay or 0,
        "years": seeker.years or 0,
        "video": seeker.video_url,
    }


async def _prepare_seekers(
    runtime: Runtime, carrier: Carrier, member_id: int, offers: Sequence[Offer], ids: Mapping[int, int]
) -> None:
    """The words for each. Who tells them is asked once the company's message has left: introducing.ask_to_tell."""
    text = Workshop(carrier.files).text(carrier.rest.get("seeker.txt", ""), "seeker.txt")
    head = await find.find_head_by_id(member_id)
    for one in offers:
        seeker = one.pair.seeker
        given = {
            "seeker": {"name": seeker.name or seeker.no},
            "company": head.name if head else "",
            "posting": one.pair.posting.title,
            "site": dict(runtime.rulebook.site),
        }
        await introductions.keep_seeker_words(ids[seeker.id], text.fill(given).strip())

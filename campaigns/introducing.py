"""From a member's postings to seekers who are introduced: who fits, who may be, what is in the way, what it uses up.

The story over members, seekers, the ledger of introductions and the policy of sending; the words are the runtime's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from campaigns import introductions, outbox, visits
from campaigns.introductions import Named, State
from campaigns.matching import LivePosting, Pair, Weights, best_pairs, occupations_of
from campaigns.members import seekers
from campaigns.members.facts import facts_for
from campaigns.members.seekers import Consent
from campaigns.planner.runs import Rulebook
from campaigns.policy import PolicySettings, Ruling
from campaigns.reach import CampaignRules
from campaigns.terms import ContactFacts, Suppress, Verdict

NAMED_AFTER_VISIT = 3
_TASK_DUE = timedelta(days=1)


class Hindrance(StrEnum):
    """Why a seeker cannot be introduced to this member now."""

    NOT_ASKED = "not_asked"  # consent is not known
    SEEKER_CAP = "seeker_cap"  # introduced often enough of late
    GONE = "gone"  # introduced already, said no, found by itself, or fits no more


@dataclass(frozen=True, slots=True)
class Offer:
    """A seeker proposed to a member. `introduced`: how often to anybody within the cap's window."""

    pair: Pair
    consent: Consent
    introduced: int
    state: State | None = None  # where it stands in the ledger already
    introduction_id: int | None = None
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What introducing these would mean. `used` of `most` contacts of the company's window; `most` 0: none at all."""

    offers: Sequence[Offer]
    gone: Sequence[int]
    verdict: Verdict
    contact: ContactFacts | None
    used: int
    most: int
    window: timedelta

    @property
    def hindered(self) -> bool:
        return bool(self.gone) or any(one.hindrance for one in self.offers)

    @property
    def possible(self) -> bool:
        return bool(self.offers) and not self.hindered and not isinstance(self.verdict, Suppress)


async def offers_for(
    member_id: int, now: datetime, policy: PolicySettings, *, weights: Weights | None = None, most: int = 20
) -> list[Offer]:
    """New seekers who fit the live postings, those that can be introduced first. Four queries, however many."""
    weights = weights or Weights()
    postings = await seekers.live_postings([member_id])
    found = await seekers.candidates_for(member_id, _occupations(postings), now - weights.fresh_within)
    consents = {one.facts.id: one.consent for one in found}
    pairs = best_pairs((one.facts for one in found), postings, now, weights)
    often = await introductions.introduced_since([one.seeker.id for one in pairs], now - policy.seeker_window)
    known = {one.seeker_id: one for one in await introductions.introductions_of(member_id)}
    offers = []
    for pair in pairs:
        row, times = known.get(pair.seeker.id), often.get(pair.seeker.id, 0)
        consent = consents[pair.seeker.id]
        hindrance = _hindrance(consent, times, policy)
        offers.append(Offer(pair, consent, times, row.state if row else None, row.id if row else None, hindrance))
    return sorted(offers, key=lambda one: one.hindrance is not None)[:most]


async def weigh(
    member_id: int, seeker_ids: Collection[int], now: datetime, book: Rulebook, rules: CampaignRules
) -> Weighed:
    """What introducing them in one message would mean now; nothing is written."""
    policy = book.policy
    every = await offers_for(member_id, now, policy, most=seekers.CANDIDATES)
    offers = [one for one in every if one.pair.seeker.id in set(seeker_ids)]
    facts = (await facts_for([member_id], now))[member_id]
    verdict = Ruling(rules, policy, book.calendar, now, await outbox.shut_channels(now)).decide(facts)
    reached = None if isinstance(verdict, Suppress) else verdict.contact_id
    return Weighed(
        offers=offers,
        gone=sorted(set(seeker_ids) - {one.pair.seeker.id for one in offers}),
        verdict=verdict,
        contact=next((one for one in facts.contacts if one.id == reached), None),
        used=sum(at > now - policy.company_window for at in facts.marketing_at),
        most=policy.company_touches[facts.tier],
        window=policy.company_window,
    )


async def propose(member_id: int, offers: Sequence[Offer], *, by: str, now: datetime) -> dict[int, int]:
    """Put these pairs down. Seeker → introduction."""
    return await introductions.propose(member_id, [_named(one.pair) for one in offers], by=by, now=now)


async def propose_after_visit(
    member_id: int, outcome_id: int, now: datetime, policy: PolicySettings, *, by: str
) -> int | None:
    """The best seekers for whom nothing stands in the way become a task that names them; None where there is none."""
    offers = [one for one in await offers_for(member_id, now, policy) if one.hindrance is None and one.state is None]
    if not (best := offers[:NAMED_AFTER_VISIT]):
        return None
    await propose(member_id, best, by=by, now=now)
    return await visits.open_visit(
        member_id,
        category="introduce",
        cause=f"introduce:{outcome_id}",
        opened_at=now,
        due_at=now + _TASK_DUE,
        note="有合适的求职者：" + "；".join(_line(one.pair) for one in best),
        owner=by,
    )


async def ask(member_id: int, offer: Offer, now: datetime, *, by: str) -> int:
    """The seeker is asked for consent by a person: a task. Returns it."""
    ids = await propose(member_id, [offer], by=by, now=now)
    introduction_id = ids[offer.pair.seeker.id]
    await introductions.ask(introduction_id, by=by, now=now)
    return await visits.open_visit(
        member_id,
        category="ask_seeker",
        cause=f"ask-seeker:{introduction_id}",
        opened_at=now,
        due_at=now + _TASK_DUE,
        note=f"问{offer.pair.seeker.name}（{offer.pair.seeker.no}）愿不愿意介绍给这家：{offer.pair.posting.title}",
        owner=by,
    )


async def ask_to_tell(now: datetime) -> int:
    """A person tells each seeker, once the company's message has left. Returns how many tasks."""
    rows = await introductions.to_be_told()
    known = await seekers.read_seekers([one.seeker_id for one in rows])
    for row in rows:
        seeker = known[row.seeker_id]
        way = "打电话或发短信" if seeker.mobile else "发邮件" if seeker.email else "没有留号码，到招聘网站上"
        told = f"{way}告诉求职者{seeker.facts.name}（{seeker.facts.no}）：{row.seeker_words}"
        await visits.open_visit(
            row.member_id,
            category="tell_seeker",
            cause=f"tell-seeker:{row.id}",
            opened_at=now,
            due_at=now + _TASK_DUE,
            note=told,
            owner=row.by,
        )
    return len(rows)


async def tell(introduction_id: int, *, by: str, now: datetime) -> None:
    """The seeker knows; so the task to tell is done. Raises StateError where it was told already."""
    await introductions.record_told(introduction_id, by=by, now=now)
    row = await introductions.find_introduction(introduction_id)
    for task in await visits.visits_of(row.member_id) if row else ():
        if task.state == "open" and task.cause == f"tell-seeker:{introduction_id}":
            await visits.close_visit(task.id, outcome={"result": "told"}, at=now, by=by)


async def open_again(now: datetime) -> int:
    """Pairs whose message never reached the company can be introduced again: a task says so. Returns how many pairs."""
    rows = await introductions.reopen_unsent()
    known = await seekers.read_seekers([one.seeker_id for one in rows])
    for message_id in dict.fromkeys(one.message_id for one in rows):
        pairs = [one for one in rows if one.message_id == message_id]
        names = "、".join(known[one.seeker_id].facts.name or known[one.seeker_id].facts.no for one in pairs)
        await visits.open_visit(
            pairs[0].member_id,
            category="introduce",
            cause=f"introduce-again:{message_id}",
            opened_at=now,
            due_at=now + _TASK_DUE,
            note=f"介绍{names}的消息没有发到这家企业，可以换个办法，或者再介绍一次",
            owner=pairs[0].by,
        )
    return len(rows)


def _occupations(postings: Sequence[LivePosting]) -> set[str]:
    return {one for posting in postings for text in (posting.title, posting.category) for one in occupations_of(text)}


def _hindrance(consent: Consent, introduced: int, policy: PolicySettings) -> Hindrance | None:
    if introduced >= policy.seeker_introductions:
        return Hindrance.SEEKER_CAP
    return None if consent is Consent.YES else Hindrance.NOT_ASKED


def _named(pair: Pair) -> Named:
    return Named(pair.seeker.id, pair.posting.id, pair.points, [_ground(one) for one in map(asdict, pair.grounds)])


def _ground(ground: Mapping[str, Any]) -> dict[str, Any]:
    return {**ground, "kind": str(ground["kind"])}


def _line(pair: Pair) -> str:
    return f"{pair.seeker.name or pair.seeker.no}（{pair.posting.title}，{pair.points}分）"

"""What an advice goes by, of one member: its facts, findings, stage, tasks, conversation and last contact."""

from collections.abc import Sequence
from datetime import datetime

from campaigns import conversations, problems, promises, statements, visits
from campaigns.advice import Advice, CareSigns, advise
from campaigns.diagnosis import diagnose
from campaigns.members.facts import facts_for
from campaigns.members.peers import market_of
from campaigns.members.signs import signs_of
from campaigns.policy import PolicySettings
from campaigns.promises import WhichPromises
from campaigns.statements import moment
from campaigns.terms import SHANGHAI


async def advise_member(member_id: int, now: datetime, *, policy: PolicySettings | None = None) -> Sequence[Advice]:
    """Its postings are compared with those of its places and occupations, as the brief compares them."""
    facts = (await facts_for([member_id], now, history=None))[member_id]
    thresholds = policy.diagnosis if policy else None
    signs = (await signs_of([member_id], now, thresholds))[member_id]
    diagnosis = diagnose(signs, await market_of(signs, now, thresholds), now)
    today = now.astimezone(SHANGHAI).date()
    conversation = await conversations.find(member_id)
    tasks = [one for one in await visits.visits_of(member_id) if one.state == "open" and one.due_at <= now]
    late = await promises.count_promises(today, number=facts.member_no)
    faults = problems.ProblemSieve(state="open", fault="site", number=facts.member_no)
    activity, touched = await _activity_and_touch(member_id, now)
    expires = facts.plan_expires_on
    return advise(
        CareSigns(
            diagnosis,
            stage=facts.stage,
            activity=activity,
            refused=facts.refused,
            paused=facts.paused_until is not None,
            answer_waits=conversation is not None and conversation.waits(today),
            tasks_due=len(tasks),
            promises_late=late[WhichPromises.OVERDUE],
            site_problems=await problems.count_problems(faults),
            touched_days=(now - touched).days if touched else None,
            renewal_days=(expires - today).days if expires else None,
        ),
        policy,
    )


async def _activity_and_touch(member_id: int, now: datetime) -> tuple[str, datetime | None]:
    [row] = await statements.query(
        """
        SELECT m.activity_state AS state, (
          SELECT max(t.at) FROM touches t WHERE t.member_id = m.id AND t.direction = 'out' AND t.at <= $2
        ) AS touched FROM members m WHERE m.id = $1
        """,
        member_id,
        now,
    )
    return row["state"], moment(row["touched"])

"""The next best thing to do for a member, and why: of all that speaks for something, the most pressing first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.diagnosis import Code, Diagnosis
from campaigns.policy import PolicySettings
from campaigns.stages import Stage


class Act(StrEnum):
    CALL = "call"
    MESSAGE = "message"  # with a campaign
    INTRODUCE = "introduce"  # people who look for such work
    WAIT = "wait"


class Why(StrEnum):
    """In the order in which one goes before another."""

    REFUSED = "refused"
    PAUSED = "paused"
    ANSWER_WAITS = "answer_waits"
    PROMISE_LATE = "promise_late"
    SITE_FAULT = "site_fault"
    SITE_PROBLEM = "site_problem"
    TASK_DUE = "task_due"
    JUST_TOUCHED = "just_touched"
    RENEWAL = "renewal"
    UNREAD = "unread"
    PAYING_DORMANT = "paying_dormant"
    NO_APPLICANTS = "no_applicants"
    DORMANT = "dormant"
    POSTING_WEAK = "posting_weak"
    NOTHING_POSTED = "nothing_posted"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class CareSigns:
    """`touched_days`, `renewal_days`: None where there is no such day. `tasks_due`: open and due, late ones too.

    `promises_late`: of ours to them; `site_problems`: faults of the site that they told us of, not solved yet.
    """

    diagnosis: Diagnosis
    stage: str = ""
    activity: str = ""
    refused: bool = False
    paused: bool = False
    answer_waits: bool = False
    tasks_due: int = 0
    promises_late: int = 0
    site_problems: int = 0
    touched_days: int | None = None
    renewal_days: int | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """`campaign`: the key of what to write with; empty where nothing is written."""

    act: Act
    why: Why
    campaign: str = ""
    figures: Mapping[str, int] = field(default_factory=dict)


_UNREAD = frozenset({Code.UNREAD, Code.NEVER_LOOKED})
_NO_APPLICANTS = frozenset({Code.SCARCE, Code.VIEW_NO_APPLY})
_WEAK = frozenset({Code.POST_INCOMPLETE, Code.PAY_UNCLEAR, Code.PAY_LOW, Code.STALE, Code.LOW_VIEW})
_PAYING_DORMANT, _DORMANT = "paying_dormant", ("dormant", "never_in")  # not the enum: its package loads a model
_STOPS = frozenset({Why.REFUSED, Why.PAUSED, Why.JUST_TOUCHED})


def advise(signs: CareSigns, policy: PolicySettings | None = None) -> Sequence[Advice]:
    """Never empty. What forbids to go on ends the list: who refused is not called for a task either, and beside what
    cannot wait nobody is told to wait.
    """
    found: list[Advice] = []
    for one in _reasons(signs, policy or PolicySettings()):
        if one.why not in _STOPS:
            found.append(one)
            continue
        return found or [one]
    return found or [Advice(Act.WAIT, Why.QUIET)]


def _reasons(signs: CareSigns, policy: PolicySettings) -> Iterator[Advice]:
    """Where the fault is ours nothing is advertised: what is written then is no campaign."""
    if signs.refused:
        yield Advice(Act.WAIT, Why.REFUSED)
    if signs.paused:
        yield Advice(Act.WAIT, Why.PAUSED)
    if signs.answer_waits:
        yield Advice(Act.CALL, Why.ANSWER_WAITS)
    if signs.promises_late:
        yield Advice(Act.CALL, Why.PROMISE_LATE, figures={"promises": signs.promises_late})
    if not signs.diagnosis.promotes:
        yield Advice(Act.CALL, Why.SITE_FAULT)
    if signs.site_problems:
        yield Advice(Act.CALL, Why.SITE_PROBLEM, figures={"problems": signs.site_problems})
    if signs.tasks_due:
        yield Advice(Act.CALL, Why.TASK_DUE, figures={"tasks": signs.tasks_due})
    if signs.touched_days is not None and signs.touched_days < policy.rest_days:
        yield Advice(Act.WAIT, Why.JUST_TOUCHED, figures={"days": signs.touched_days, "rest": policy.rest_days})
    if signs.renewal_days is not None and policy.renewal_from <= signs.renewal_days <= policy.renewal_to:
        yield Advice(Act.CALL, Why.RENEWAL, figures={"days": signs.renewal_days})
    for one in _of_the_work(signs):
        if one.act is not Act.MESSAGE or (signs.diagnosis.promotes and not signs.site_problems):
            yield one


def _of_the_work(signs: CareSigns) -> Iterator[Advice]:
    codes = {one.code for one in signs.diagnosis.findings}
    if codes & _UNREAD:
        yield Advice(Act.MESSAGE, Why.UNREAD, "unread_resumes")
    if signs.activity == _PAYING_DORMANT:
        yield Advice(Act.CALL, Why.PAYING_DORMANT)
    if codes & _NO_APPLICANTS or signs.stage == Stage.POSTING:
        yield Advice(Act.INTRODUCE, Why.NO_APPLICANTS)
    if signs.activity in _DORMANT:
        yield Advice(Act.MESSAGE, Why.DORMANT, "forgotten_account")
    if codes & _WEAK:
        yield Advice(Act.MESSAGE, Why.POSTING_WEAK, "recruiting_tips")
    if signs.stage in (Stage.REGISTERED, Stage.ACTIVATED):
        yield Advice(Act.MESSAGE, Why.NOTHING_POSTED, "who_is_hiring")

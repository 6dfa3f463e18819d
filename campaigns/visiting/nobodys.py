"""Members that nobody is in charge of: nothing is planned for them, and what they are owed is said to be lost."""

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Worked, day_of
from campaigns.visiting.regular import next_due
from campaigns.visiting.renewals import seen_to
from campaigns.visiting.values import Conflict, Planned, Rule

Found = tuple[list[Planned], list[Conflict]]


def nobodys_case(case: Case, worked: Worked, first: int, last: int) -> Found:
    """A day that a person chose stays for whoever comes to be in charge. Of what is owed the weightiest is named."""
    member = case.member
    pinned = [
        Planned(member.id, member.owner, one.on, one.kind, one.on)
        for one in member.kept
        if one.pinned and worked.place(one.on.toordinal()) is not None
    ]
    owed = _owed(case, first, last)
    if owed is None:
        return pinned, []
    rule, day = owed
    return pinned, [Conflict(member.id, member.owner, rule, Rule.OWNER, day_of(day))]


def _owed(case: Case, first: int, last: int) -> tuple[Rule, int] | None:
    """(the rule, by when)."""
    care = next((start for start, end in case.care if end >= first and start <= last), None)
    if care is not None:
        return Rule.CARE_GAP, max(care, first)
    if case.renewal is not None and first <= case.renewal - case.rules.rest <= last and not seen_to(case, case.rules):
        return Rule.RENEWAL, case.renewal - case.rules.rest
    due = next_due(case, last + 1, first)
    return None if due is None or due > last else (Rule.SERVICE, max(due, first))

"""The day a visit of the calendar is put off to: a worked one, and none in the rest before a renewal without a word."""

from datetime import date

from bot.language import say
from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from bot.visit_words import rule_words
from campaigns import visit_planning
from campaigns.visiting import Rule
from campaigns.visits import OF_CALENDAR, VisitTask

ANYWAY = "anyway"


async def day_faults(runtime: Runtime, task: VisitTask, day: date, field: str, *, anyway: bool) -> dict[str, str]:
    """What is wrong with that day, beside its field; `anyway` names the field where pressing it helps."""
    if task.category not in OF_CALENDAR:
        return {}
    calendar = runtime.rulebook.calendar
    if not calendar.is_workday(day):
        return {field: say("这天休息，下一个工作日是{day}").format(day=calendar.next_workday(day))}
    rules = usual_visits(runtime.settings, runtime.rulebook.policy).rules
    if anyway or not await visit_planning.rests(task.member_id, day, rules):
        return {}
    return {field: say("违反：{rule}").format(rule=rule_words(Rule.RENEWAL_REST)), ANYWAY: field}

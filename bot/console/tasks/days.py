"""The day a visit of the calendar is put off to: by the rules that hold where it is moved on the calendar."""

from datetime import date, timedelta

from bot.language import say
from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from bot.visit_words import rule_words
from campaigns import visit_moves
from campaigns.terms import SHANGHAI
from campaigns.visiting import FIRM
from campaigns.visits import OF_CALENDAR, VisitTask

ANYWAY = "anyway"


async def day_faults(runtime: Runtime, task: VisitTask, day: date, field: str, *, anyway: bool) -> dict[str, str]:
    """What is wrong with that day, beside its field; `anyway` names the field where pressing it helps."""
    if task.category not in OF_CALENDAR:
        return {}
    calendar, now = runtime.rulebook.calendar, runtime.clock()
    if not calendar.is_workday(day):
        return {field: say("这天休息，下一个工作日是{day}").format(day=calendar.next_workday(day))}
    usual = usual_visits(runtime.settings, runtime.rulebook.policy)
    if day > now.astimezone(SHANGHAI).date() + timedelta(days=usual.ahead):
        return {field: say("最远只排到{n}天以后").format(n=usual.ahead)}
    broken = await visit_moves.check_put_off(task, day, calendar, usual, now)
    firm = [one for one in broken if one in FIRM]
    if not broken or (anyway and not firm):
        return {}
    told = say("违反：{rule}").format(rule=say("、").join(rule_words(one) for one in firm or broken))
    return {field: told} if firm else {field: told, ANYWAY: field}

"""When a campaign is sent: its next date, and its schedule in words."""

from datetime import datetime, timedelta

from bot.language import say
from bot.runtime import Runtime
from campaigns.definitions import CampaignRow
from campaigns.folders import Definition
from campaigns.schedule import BeforeFestival, Once, OnStart, Recurring, due_occurrences, parse_schedule
from campaigns.terms import SHANGHAI

_WEEKDAYS = "一二三四五六日"
_SOON, _EVER = timedelta(days=14), timedelta(days=400)


def next_date_of(runtime: Runtime, row: CampaignRow | None, definition: Definition | None) -> datetime | None:
    """The next date of one that runs, or will once it is started."""
    if row is None or definition is None or row.state not in ("running", "approved") or not has_dates(definition):
        return None
    schedule, now = parse_schedule(definition.schedule), runtime.clock()
    for span in (_SOON, _EVER):
        if coming := due_occurrences(schedule, runtime.rulebook.calendar, now, now + span):
            return coming[0].at
    return None


def has_dates(definition: Definition) -> bool:
    return not definition.answers and not definition.by_hand


def schedule_words(definition: Definition) -> str:
    """When it is sent, in plain words."""
    if definition.answers:
        return say("对方一来消息就答")
    if definition.by_hand:
        return say("同事写一条发一条")
    schedule = parse_schedule(definition.schedule)
    match schedule:
        case Once(at=at):
            return say("只发一次：{at}").format(at=f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
        case OnStart():
            return say("批准后马上发，只发一次")
        case Recurring(at=at, weekday=None, workdays_only=workdays):
            return f"{say('每个工作日') if workdays else say('每天')} {at:%H:%M}"
        case Recurring(at=at, weekday=int(on)):
            return f"{say('每周' + _WEEKDAYS[on])} {at:%H:%M}"
        case BeforeFestival(at=at):
            return f"{say('节前最后一个工作日')} {at:%H:%M}"
    raise AssertionError(schedule)

"""What came of a call: read from the form, with what is wrong beside each field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot.language import say
from campaigns.terms import SHANGHAI

TALKED, LATER, NO_ANSWER, WRONG_NUMBER, REFUSED = "talked", "later", "no_answer", "wrong_number", "refused"
RESULTS = {
    TALKED: "接通，谈完",
    LATER: "接通，改时间",
    NO_ANSWER: "没人接",
    WRONG_NUMBER: "空号、停机",
    REFUSED: "不要再联系",
}
OPEN_STILL = frozenset({LATER, NO_ANSWER})
_FURTHEST = timedelta(days=366)
_LONGEST = 2_000
_MORNING = time(9, 30)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`next_on`: when to call again; `promise` is due on `promise_on`."""

    result: str
    note: str
    promise: str
    promise_on: date | None
    next_on: date | None


def read_outcome(form: Mapping[str, str], today: date) -> tuple[Outcome | None, dict[str, str]]:
    """The outcome, or what is wrong: field → words."""
    faults: dict[str, str] = {}
    result = form.get("result", "")
    if result not in RESULTS:
        faults["result"] = say("选一个结果")
    note, promise = form.get("note", "").strip(), form.get("promise", "").strip()
    for name, text in (("note", note), ("promise", promise)):
        if len(text) > _LONGEST:
            faults[name] = say("写了{n}字，最多{most}字").format(n=len(text), most=_LONGEST)
    promise_on = read_day(form, "promise_on", today, faults)
    next_on = read_day(form, "next_on", today, faults)
    if promise and promise_on is None and "promise_on" not in faults:
        faults["promise_on"] = say("答应了就定个日子，到时提醒你")
    if promise_on and not promise:
        faults["promise"] = say("写上答应了什么，或者去掉日期")
    if result == LATER and next_on is None and "next_on" not in faults:
        faults["next_on"] = say("改到哪一天？")
    if faults:
        return None, faults
    return Outcome(result, note, promise, promise_on, next_on), {}


def read_day(form: Mapping[str, str], field: str, today: date, faults: dict[str, str]) -> date | None:
    """A day from today to a year from now; None where the field is empty or wrong."""
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        faults[field] = say("日期写成2026-11-24这样")
        return None
    if not today <= day <= today + _FURTHEST:
        faults[field] = say("要在今天到一年之内")
        return None
    return day


def morning_of(day: date, now: datetime) -> datetime:
    """Half past nine of that day in Shanghai; in an hour where that is over."""
    return max(datetime.combine(day, _MORNING, SHANGHAI), now + timedelta(hours=1))

"""The outcome of a contact read from a form, with what is wrong beside each field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar

from bot.console.days_given import read_day
from bot.language import say
from bot.result_words import MEDIA, result_words
from campaigns.problem_file import Categories
from campaigns.results import (
    OPEN_STILL,
    RESULTS_OF,
    Effect,
    Fault,
    Medium,
    Mood,
    NewPlan,
    NewProblem,
    NewPromise,
    Result,
    Settled,
    Used,
    VisitResult,
)

_LONGEST, _LONGEST_LINE = 2_000, 255
_MOST_HEADS = 10_000
_FURTHEST_MONTHS = 24
_LINES = ("cause", "next_step")
One = TypeVar("One", bound=StrEnum)


@dataclass(slots=True)
class _Reader:
    form: Mapping[str, str]
    today: date
    categories: Categories
    faults: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        most = _LONGEST_LINE if name in _LINES else _LONGEST
        value = self.form.get(name, "").strip()
        if len(value) > most:
            self.faults[name] = say("写了{n}字，最多{most}字").format(n=len(value), most=most)
        return value

    def one(self, name: str, kind: type[One]) -> One | None:
        value = self.form.get(name, "")
        if value and value not in list(kind):
            self.faults[name] = say("没有这一项，重新选")
        return kind(value) if value in list(kind) else None

    def result(self, medium: Medium) -> Result | None:
        """One of those that can come of this medium."""
        result = self.one("result", Result)
        if result is None:
            self.faults["result"] = say("选一个结果")
        elif result not in RESULTS_OF[medium]:
            words = " / ".join(result_words(medium, one) for one in RESULTS_OF[medium])
            self.faults["result"] = say("{medium}的结果只有：{words}").format(medium=say(MEDIA[medium]), words=words)
        return result

    def day(self, name: str) -> date | None:
        return read_day(self.form, name, self.today, self.faults)

    def problem(self) -> NewProblem | None:
        key, cause, fault = self.form.get("problem", ""), self.text("cause"), self.one("fault", Fault)
        if not key:
            if cause:
                self.faults["problem"] = say("选一类问题，或者去掉原因")
            return None
        category = self.categories.by_key.get(key)
        if category is None:
            self.faults["problem"] = say("没有这一类，重新选")
            return None
        return NewProblem(category.key, cause, fault or category.fault)

    def promise(self) -> NewPromise | None:
        what, due = self.text("promise"), self.day("promise_on")
        if what and due is None and "promise_on" not in self.faults:
            self.faults["promise_on"] = say("答应了就定个日子，到时提醒你")
        if due and not what:
            self.faults["promise"] = say("写上答应了什么，或者去掉日期")
        return NewPromise(what, due) if what and due else None

    def plan(self) -> NewPlan | None:
        role, heads, month = (self.form.get(name, "").strip() for name in ("role", "heads", "month"))
        if not (role or heads or month):
            return None
        if not 0 < len(role) <= 128:
            self.faults["role"] = say("写上招什么岗位")
        number = int(heads) if heads.isascii() and heads.isdigit() and len(heads) < 6 else 0
        if not 0 < number <= _MOST_HEADS:
            self.faults["heads"] = say("招几个人？写一个数")
        first = self._month(month)
        return NewPlan(role, number, first) if first and number and role else None

    def _month(self, text: str) -> date | None:
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
            self.faults["month"] = say("哪个月？写成2026-11这样")
            return None
        year, month = map(int, text.split("-"))
        ahead = (year - self.today.year) * 12 + month - self.today.month
        if not 0 <= ahead <= _FURTHEST_MONTHS:
            self.faults["month"] = say("要在这个月到两年之内")
            return None
        return date(year, month, 1)


def read_result(
    form: Mapping[str, str],
    today: date,
    categories: Categories,
    contact_id: int | None = None,
    answers: Mapping[str, str] | None = None,
) -> tuple[VisitResult | None, dict[str, str]]:
    """The outcome, or what is wrong: field → words.

    `answers`: what can be said of the promise or problem that the task is for; empty where it is for none, and None
    where it is not known what it may be about.
    """
    reader = _Reader(form, today, categories)
    medium = reader.one("medium", Medium) or Medium.PHONE
    result = reader.result(medium)
    problem, plan = reader.problem(), reader.plan()
    next_on = reader.day("next_on")
    read = VisitResult(
        result=result or Result.TALKED,
        medium=medium,
        contact_id=contact_id,
        text=reader.text("note") or result_words(medium, result or Result.TALKED),
        said=reader.text("said"),
        used=reader.one("used", Used),
        effect=reader.one("effect", Effect),
        mood=reader.one("mood", Mood),
        problems=(problem,) if problem else (),
        promise=reader.promise(),
        plans=(plan,) if plan else (),
        next_step=reader.text("next_step"),
        next_on=next_on,
        settled=None if answers == {} else reader.one("settled", Settled),
    )
    if result is Result.LATER and next_on is None and "next_on" not in reader.faults:
        reader.faults["next_on"] = say("改到哪一天？")
    if answers and read.settled not in answers and (read.settled or read.result not in OPEN_STILL):
        reader.faults["settled"] = say("选一项，任务和这件事一起办完")
    return (None if reader.faults else read), reader.faults

"""An outcome as a colleague writes it in one message, such as EXAMPLE.

Punctuation of any width, the order of the parts and the words for a thing are free; what cannot be read is named, and
then nothing of the message counts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from campaigns.days_said import NUMBER, find_day, find_month, plain, read_number
from campaigns.problem_file import Categories
from campaigns.result_vocabulary import BEGINNINGS, EFFECTS, FAULTS, FREE, LABELS, MANY, MOODS, RESULTS, SETTLED, USED
from campaigns.results import RESULTS_OF, Medium, NewPlan, NewProblem, NewPromise, Result, Settled, VisitResult

EXAMPLE = "回访 Q100042 打通了 问题:简历少 答应:发候选人 12-01 招:普工5人3月 心情:好"
_LONGEST, _LONGEST_LINE, _LONGEST_ROLE = 2_000, 255, 128
_MOST_HEADS, _FURTHEST_MONTHS = 10_000, 24
_FURTHEST = timedelta(days=366)


class Wrong(StrEnum):
    """What cannot be read; each has its remedy in words."""

    NO_NUMBER = "no_number"
    NO_RESULT = "no_result"
    NO_RESULT_QQ = "no_result_qq"
    NO_RESULT_SENT = "no_result_sent"
    NO_RESULT_EVENT = "no_result_event"
    UNKNOWN_LABEL = "unknown_label"
    CATEGORY = "category"
    FAULT = "fault"
    PROMISE_DAY = "promise_day"
    PROMISE_WHAT = "promise_what"
    DAY = "day"
    PLAN = "plan"
    HEADS = "heads"
    MONTH = "month"
    WORD = "word"
    TWICE = "twice"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Misread:
    """`said`: the words that it is about."""

    wrong: Wrong
    said: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What a message says; `result` is None where something of it is wrong."""

    number: str
    result: VisitResult | None
    wrong: Sequence[Misread] = ()


_NO_RESULT = {
    Medium.QQ: Wrong.NO_RESULT_QQ, Medium.EVENT: Wrong.NO_RESULT_EVENT,
    Medium.POST: Wrong.NO_RESULT_SENT, Medium.GIFT: Wrong.NO_RESULT_SENT,
}  # fmt: skip
_BEGINS = re.compile(rf"\s*({'|'.join(sorted(BEGINNINGS, key=len, reverse=True))})[\s:,]*", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:编号|企业)?[\s:]*([A-Za-z0-9][A-Za-z0-9_./-]{0,63})[\s:,。;]*")
_LABELLED = re.compile(
    rf"(?:^|(?<=[\s,;。、!]))({'|'.join(sorted(LABELS, key=len, reverse=True))})\s*:"
    r"|(?:^|(?<=[\s,;。]))([\u4e00-\u9fff]{1,5}):"
)
_HEADS = re.compile(rf"({NUMBER})\s*(?:人|名|个|位)")
_EDGES = " \t\r\n,;。、!"
One = TypeVar("One", bound=StrEnum)


def begins_a_line(text: str) -> bool:
    """Whether a message means to be an outcome at all."""
    return _BEGINS.match(plain(text)) is not None


def read_line(text: str, today: date, categories: Categories) -> Line:
    """Of any text; what is wrong is named for all of it at once."""
    reader = _Reader(today, categories)
    return reader.read(plain(text))


@dataclass(slots=True)
class _Reader:
    today: date
    categories: Categories
    wrong: list[Misread] = field(default_factory=list)

    def read(self, text: str) -> Line:
        begun = _BEGINS.match(text)
        rest = text[begun.end() :] if begun else text
        numbered = _NUMBERED.match(rest)
        if numbered is None:
            self._miss(Wrong.NO_NUMBER)
        head, parts = self._parts(rest[numbered.end() :] if numbered else rest)
        medium = BEGINNINGS[begun[1].upper()] if begun else Medium.PHONE
        result, note = self._result(head, medium)
        given = {name: values[0] for name, values in parts.items()}
        next_on = self._next_on(given, result)
        read = VisitResult(
            result=result or Result.TALKED,
            medium=medium,
            text=self._whole("\n".join(filter(None, (note, given.get("note", ""))))),
            said=self._whole(given.get("said", "")),
            used=self._one(given, "used", USED),
            effect=self._one(given, "effect", EFFECTS),
            mood=self._one(given, "mood", MOODS),
            problems=self._problems(parts.get("problem", ()), given),
            promise=self._promise(given),
            plans=self._plans(parts.get("plan", ())),
            next_step=self._short(given.get("next_step", "")),
            next_on=next_on,
            settled=self._settled(note, given),
        )
        return Line(numbered[1] if numbered else "", None if self.wrong else read, self.wrong)

    def _miss(self, wrong: Wrong, said: str = "") -> None:
        self.wrong.append(Misread(wrong, said[:40]))

    def _parts(self, text: str) -> tuple[str, dict[str, list[str]]]:
        """What stands before the first label, and label → what stands after each of it."""
        marks = list(self._marks(text))
        ends = [*(start for start, _, _ in marks[1:]), len(text)][: len(marks)]
        parts: dict[str, list[str]] = {}
        for (_, begin, name), end in zip(marks, ends, strict=True):
            parts.setdefault(name, []).append(text[begin:end].strip(_EDGES))
        for name, values in parts.items():
            if len(values) > 1 and name not in MANY:
                self._miss(Wrong.TWICE, values[1])
        return text[: marks[0][0]].strip(_EDGES) if marks else text.strip(_EDGES), parts

    def _marks(self, text: str) -> Iterable[tuple[int, int, str]]:
        """(where a label begins, where its words begin, what it is). In free words an unknown label is words."""
        name = ""
        for found in _LABELLED.finditer(text):
            if found[1]:
                name = LABELS[found[1]]
                yield found.start(), found.end(), name
            elif name not in FREE:
                self._miss(Wrong.UNKNOWN_LABEL, found[2])

    def _result(self, head: str, medium: Medium) -> tuple[Result | None, str]:
        """Of those of the medium the one the words begin with, else the only one among them; and the rest of them."""
        known = sorted(
            ((word, one) for one in RESULTS_OF[medium] for word in RESULTS[one]), key=lambda pair: -len(pair[0])
        )
        for word, one in known:
            if head.startswith(word):
                return one, head[len(word) :].strip(_EDGES)
        found: list[tuple[str, Result]] = []
        masked = head
        for word, one in known:
            if word in masked:
                found.append((word, one))
                masked = masked.replace(word, "\0")
        if len({one for _, one in found}) == 1:
            return found[0][1], head
        self._miss(_NO_RESULT.get(medium, Wrong.NO_RESULT), head)
        return None, head

    def _one(self, given: Mapping[str, str], name: str, table: Mapping[One, Sequence[str]]) -> One | None:
        if name not in given:
            return None
        said = given[name].strip(_EDGES + ".了")
        for one, words in table.items():
            if said in words or given[name] in words:
                return one
        self._miss(Wrong.WORD, given[name])
        return None

    def _settled(self, note: str, given: Mapping[str, str]) -> Settled | None:
        """Behind its label, else as a word by itself among the words of the result."""
        if "settled" in given:
            return self._one(given, "settled", SETTLED)
        words = re.split(r"[\s,;。、!.]+", note)
        said = [one for one, known in SETTLED.items() if not set(known).isdisjoint(words)]
        if len(said) > 1:
            self._miss(Wrong.TWICE, note)
        return said[0] if len(said) == 1 else None

    def _problems(self, values: Sequence[str], given: Mapping[str, str]) -> Sequence[NewProblem]:
        fault = self._one(given, "fault", FAULTS)
        found = [one for value in values for one in self._problem(value)]
        cause = self._short(given.get("cause", ""))
        if (cause or fault) and not found and "problem" not in given:
            self._miss(Wrong.CATEGORY, cause or given["fault"])
        return [NewProblem(one.category, one.cause or cause, fault or one.fault) for one in found]

    def _problem(self, value: str) -> list[NewProblem]:
        """A category, several of them, or one and its cause behind it."""
        several = [self.categories.called(part) for part in re.split("[、,;]", value)]
        if len(several) > 1 and all(several):
            return [NewProblem(one.key, "", one.fault) for one in several if one]
        name, *rest = re.split(r"[\s,;、(]", value, maxsplit=1)
        category, cause = self.categories.called(name), "".join(rest).strip(_EDGES + "()")
        if category is None:
            category, cause = self.categories.called(value), value
        if category is None:
            self._miss(Wrong.CATEGORY, value)
            return []
        return [NewProblem(category.key, self._short(cause), category.fault)]

    def _promise(self, given: Mapping[str, str]) -> NewPromise | None:
        if "promise" not in given:
            return None
        day, what, named = find_day(given["promise"], self.today)
        if day is None or not self.today <= day <= self.today + _FURTHEST:
            self._miss(Wrong.DAY if named else Wrong.PROMISE_DAY, named or given["promise"])
            return None
        what = what.strip(_EDGES + "在到()")
        if not what:
            self._miss(Wrong.PROMISE_WHAT, given["promise"])
            return None
        return NewPromise(self._whole(what), day)

    def _next_on(self, given: Mapping[str, str], result: Result | None) -> date | None:
        if "next_on" not in given:
            if result is Result.LATER:
                self._miss(Wrong.DAY, "")
            return None
        day, _, named = find_day(given["next_on"], self.today)
        if day is None or not self.today <= day <= self.today + _FURTHEST:
            self._miss(Wrong.DAY, named or given["next_on"])
            return None
        return day

    def _plans(self, values: Sequence[str]) -> Sequence[NewPlan]:
        said = [part.strip(_EDGES) for value in values for part in _plans_in(value)]
        return [plan for part in said if (plan := self._plan(part))]

    def _plan(self, said: str) -> NewPlan | None:
        heads = _HEADS.search(said)
        number = read_number(heads[1]) if heads else None
        if heads is None or number is None or not 0 < number <= _MOST_HEADS:
            self._miss(Wrong.HEADS, said)
            return None
        month, role, named = find_month(said[: heads.start()] + " " + said[heads.end() :], self.today)
        if month is None or not 0 <= _months(self.today, month) <= _FURTHEST_MONTHS:
            self._miss(Wrong.MONTH, named or said)
            return None
        role = role.strip(_EDGES + "招")
        if not 0 < len(role) <= _LONGEST_ROLE:
            self._miss(Wrong.PLAN, said)
            return None
        return NewPlan(role, number, month)

    def _whole(self, text: str) -> str:
        return self._at_most(text, _LONGEST)

    def _short(self, text: str) -> str:
        return self._at_most(text, _LONGEST_LINE)

    def _at_most(self, text: str, most: int) -> str:
        if len(text) > most:
            self._miss(Wrong.TOO_LONG, text)
        return text


def _plans_in(value: str) -> list[str]:
    """普工5人3月、焊工2人4月; a sign within one plan stands where the next part has no number of people."""
    parts = re.split("[、,;。]", value)
    joined: list[str] = []
    for part in parts:
        if joined and (_HEADS.search(joined[-1]) is None or _HEADS.search(part) is None):
            joined[-1] += " " + part
        else:
            joined.append(part)
    return [one for one in joined if one.strip()] or [value]


def _months(today: date, month: date) -> int:
    return (month.year - today.year) * 12 + month.month - today.month

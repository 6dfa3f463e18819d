"""What a colleague is answered on the phone: what was understood of the message, or what to write instead."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from bot.language import SOURCE, language, say
from bot.result_words import (
    EFFECTS,
    MEDIA,
    MOODS,
    SETTLED_PROBLEM,
    SETTLED_PROMISE,
    USED,
    category_words,
    result_words,
)
from campaigns.problem_file import Categories
from campaigns.result_lines import EXAMPLE, Misread, Wrong
from campaigns.results import VisitResult

_SHOWN = 4
SETTLED: Mapping[str, str] = {**SETTLED_PROBLEM, **SETTLED_PROMISE}
WRONGS: Mapping[str, str] = {
    Wrong.NO_NUMBER: "没写企业编号",
    Wrong.NO_RESULT: "没写清结果，编号后面写：打通了、没人接、改天、空号、不要再联系",
    Wrong.NO_RESULT_QQ: "没写清结果，编号后面写：聊了、没回、不要再联系",
    Wrong.NO_RESULT_SENT: "没写清结果，编号后面写：寄出了、收下了、退回来了、不要再联系",
    Wrong.NO_RESULT_EVENT: "没写清结果，编号后面写：到场、没来、不要再联系",
    Wrong.UNKNOWN_LABEL: "不认识“{said}:”",
    Wrong.CATEGORY: "没有“{said}”这类问题，有：{categories}",
    Wrong.PROMISE_DAY: "答应的事要写哪天，例如 答应:发候选人 12-01",
    Wrong.PROMISE_WHAT: "写上答应了什么，例如 答应:发候选人 12-01",
    Wrong.DAY: "日子“{said}”不行，写今天起一年内的，例如 12-01、明天、下周一",
    Wrong.PLAN: "“{said}”没写招什么岗位，例如 招:普工5人3月",
    Wrong.HEADS: "“{said}”没写招几个人，例如 招:普工5人3月",
    Wrong.MONTH: "“{said}”的月份不行，写两年内的，例如 招:普工5人3月",
    Wrong.WORD: "不懂“{said}”",
    Wrong.TWICE: "同一项写了两次：{said}",
    Wrong.TOO_LONG: "太长了：{said}",
}


def how_to_words() -> str:
    return say("这样写：{example}").format(example=EXAMPLE)


def misread_words(wrong: Sequence[Misread], categories: Categories) -> str:
    """Each with its remedy; nothing of the message was taken down."""
    names = say("、").join(category_words(one) for one in categories.all)
    told = [say(WRONGS[one.wrong]).format(said=one.said, categories=names) for one in wrong[:_SHOWN]]
    return say("；").join([*told, how_to_words()])


def heard_words(result: VisitResult, categories: Categories) -> str:
    names = {one.key: category_words(one) for one in categories.all}
    return say("；").join(_parts(result, names))


def _parts(result: VisitResult, names: Mapping[str, str]) -> Iterable[str]:
    yield say("、").join([say(MEDIA[result.medium]), result_words(result.medium, result.result)])
    if problems := [_with(names[one.category], one.cause) for one in result.problems]:
        yield say("问题：{what}").format(what=say("、").join(problems))
    if result.promise:
        yield say("答应：{what}，{day}前").format(what=result.promise.what, day=_day(result.promise.due_on))
    if plans := [_plan(one.role, one.heads, one.month) for one in result.plans]:
        yield say("用工：{what}").format(what=say("、").join(plans))
    marks = ((USED, result.used), (EFFECTS, result.effect), (MOODS, result.mood))
    yield from (say(table[one]) for table, one in marks if one)
    if result.settled:
        yield say(SETTLED[result.settled])
    if result.next_on:
        yield say("下次：{day}").format(day=_day(result.next_on))
    if result.next_step:
        yield say("下一步：{what}").format(what=result.next_step)


def _with(name: str, cause: str) -> str:
    return say("{what}（{why}）").format(what=name, why=cause) if cause else name


def _plan(role: str, heads: int, month: date) -> str:
    when = f"{month.year}年{month.month}月" if language() == SOURCE else f"{month:%b %Y}"
    return say("{role}{n}人，{month}").format(role=role, n=heads, month=when)


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日" if language() == SOURCE else f"{day.day} {day:%b}"

"""What staff read for the outcome of a contact: results, use, effect, mood, whose fault, a category, how long."""

from collections.abc import Mapping
from datetime import timedelta

from bot.language import SOURCE, language, say
from campaigns.problem_file import Category
from campaigns.results import RESULTS_OF, Effect, Fault, Medium, Mood, Result, Settled, Used

RESULTS: Mapping[str, str] = {
    Result.TALKED: "接通，谈完",
    Result.LATER: "接通，改时间",
    Result.NO_ANSWER: "没人接",
    Result.WRONG_NUMBER: "空号、停机",
    Result.REFUSED: "不要再联系",
    Result.SENT: "送出了",
    Result.RECEIVED: "送到了、收下了",
    Result.RETURNED: "退回来了、没收",
    Result.CAME: "到场",
    Result.ABSENT: "没来",
}
_VISITED: Mapping[str, str] = {
    Result.TALKED: "见到了，谈完", Result.LATER: "见到了，改时间", Result.NO_ANSWER: "没见到人",
    Result.WRONG_NUMBER: "搬走了、找不到",
}  # fmt: skip
_OWN_WORDS: Mapping[str, Mapping[str, str]] = {
    Medium.VISIT: _VISITED,
    Medium.QQ: {Result.TALKED: "聊了", Result.NO_ANSWER: "没回"},
}
RESULT_WORDS: Mapping[str, str] = {
    **RESULTS,
    **{f"{medium}:{result}": words for medium, own in _OWN_WORDS.items() for result, words in own.items()},
}
"""With those that a medium has words of its own for."""
MEDIA: Mapping[str, str] = {
    Medium.PHONE: "电话",
    Medium.VISIT: "上门",
    Medium.QQ: "QQ",
    Medium.POST: "邮寄",
    Medium.GIFT: "礼品",
    Medium.EVENT: "活动现场",
}
USED: Mapping[str, str] = {Used.YES: "已用", Used.PARTLY: "用了一部分", Used.NO: "没用"}
EFFECTS: Mapping[str, str] = {Effect.GOOD: "效果好", Effect.FAIR: "效果一般", Effect.NONE: "没效果"}
MOODS: Mapping[str, str] = {Mood.GLAD: "满意", Mood.CALM: "平静", Mood.ANNOYED: "不满"}
FAULTS: Mapping[str, str] = {Fault.SITE: "网站", Fault.MEMBER: "企业", Fault.MARKET: "市场"}
PROMISE_STATES: Mapping[str, str] = {"open": "要办的", "overdue": "超期的", "kept": "办到的", "broken": "没办到的"}
SETTLED_PROMISE: Mapping[str, str] = {
    Settled.KEPT: "办到了", Settled.BROKEN: "没办到", Settled.STILL: "还没办，接着办",
}  # fmt: skip
SETTLED_PROBLEM: Mapping[str, str] = {Settled.SOLVED: "解决了", Settled.STILL: "还没解决，接着办"}
PLAN_STATES: Mapping[str, str] = {"open": "要招的", "hired": "招到了", "dropped": "不招了"}


def result_words(medium: str, result: str) -> str:
    """接通，谈完 of a call, 聊了 on QQ; empty where there is none."""
    found = RESULT_WORDS.get(f"{medium}:{result}") or RESULTS.get(result)
    return say(found) if found else ""


def result_chips() -> list[tuple[str, list[tuple[str, str]]]]:
    """Each result once, with its words and the media they are for, divided by blanks."""
    chips = []
    for result in Result:
        of: dict[str, list[str]] = {}
        for medium, results in RESULTS_OF.items():
            if result in results:
                of.setdefault(result_words(medium, result), []).append(medium)
        chips.append((str(result), [(words, " ".join(media)) for words, media in of.items()]))
    return chips


def category_words(one: Category) -> str:
    return one.name if language() == SOURCE else one.english


def took_words(took: timedelta | None) -> str:
    """2天3小时; a dash where nothing was solved."""
    if took is None:
        return "—"
    hours = round(took.total_seconds() / 3600)
    if hours < 1:
        return say("不到1小时")
    if hours < 48:
        return say("{n}小时").format(n=hours)
    return say("{n}天").format(n=round(hours / 24))

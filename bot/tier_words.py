"""The reasons of a tier in the reader's language. They are kept as the night's tiering wrote them, in Chinese."""

import re
from collections.abc import Sequence

from bot.language import SOURCE, language

_PARTS = {
    "付费": "payments",
    "活跃": "activity",
    "招聘": "hiring",
    "规模性质": "size and nature",
    "响应": "response",
}
_POINTS = re.compile(rf"(.*)[（(]({'|'.join(_PARTS)}) ?([\d.]+/\d+)[）)]", re.DOTALL)
_COMMA = "[,，]"
_SENTENCES = tuple(
    (re.compile(chinese, re.DOTALL), english)
    for chinese, english in (
        (rf"(.*)会员{_COMMA}没有付费", r"plan \1, nothing paid"),
        (rf"(.*)会员{_COMMA}到期日未知", r"plan \1, expires on an unknown day"),
        (rf"(.*)会员{_COMMA}([\d-]+) ?到期", r"plan \1, expires \2"),
        (r"注册后从未登录", "never logged in"),
        (rf"最近登录在 ?(-?\d+) ?天前{_COMMA}共登录 ?(\d+) ?次", r"last login \1 days ago, \2 in all"),
        (r"近12个月付费(\d+)元", r"\1 yuan paid in 12 months"),
        (
            r"近90天有(\d+)天登录，还活跃的可能(\d+%)",
            r"logged in on \1 of 90 days, alive with a chance of \2",
        ),
        (rf"在招 ?(\d+) ?人{_COMMA}近 ?90 ?天发布 ?(\d+) ?个职位", r"\1 people wanted, \2 postings in 90 days"),
    )
)
_RESPONSE = tuple(
    (re.compile(chinese), english)
    for chinese, english in (
        (r"看过 ?(\d+%) ?的简历", r"\1 of the résumés read"),
        (r"一般 ?(\d+) ?小时内查看", r"mostly within \1 hours"),
        (r"回了(\d+%)的消息", r"\1 of our messages answered"),
    )
)
_STANDING = re.compile(rf"(.*?){_COMMA}(.*)", re.DOTALL)
_MISSING = re.compile(rf"缺少(.*)数据{_COMMA}按其余各项折算")


def tier_reason_words(reason: str) -> str:
    """`包年会员，2027-06-11到期（付费30.0/30）` → plan 包年, expires 2027-06-11 (payments 30.0/30)."""
    if language() == SOURCE:
        return reason
    if missing := _MISSING.fullmatch(reason):
        parts = ", ".join(_PARTS.get(one, one) for one in missing[1].split("、"))
        return f"no data on {parts}: the other parts count for more"
    found = _POINTS.fullmatch(reason)
    return f"{_told(found[1], found[2])} ({_PARTS[found[2]]} {found[3]})" if found else reason


def _told(text: str, part: str) -> str:
    if part == "规模性质":
        size, nature = m.groups() if (m := _STANDING.fullmatch(text)) else (text, "")
        return ", ".join(
            ("size unknown" if size == "规模未知" else size, "nature unknown" if nature == "性质未知" else nature)
        )
    if part == "响应":
        return ", ".join(_sentence(one, _RESPONSE) for one in re.split(_COMMA, text))
    return _sentence(text, _SENTENCES)


def _sentence(text: str, known: Sequence[tuple[re.Pattern[str], str]]) -> str:
    return next((m.expand(english) for chinese, english in known if (m := chinese.fullmatch(text))), text)

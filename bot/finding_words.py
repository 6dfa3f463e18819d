"""The words of a finding and of what to say about it, in the reader's language."""

from collections.abc import Mapping, Sequence

from bot.language import say
from campaigns.diagnosis import Code, Figure, Finding

_PARTS = {
    "hours": "上班时间",
    "heads": "招几个人",
    "place": "在哪里上班",
    "phone": "联系电话",
    "pay": "薪资",
    "duties": "岗位职责",
}

_SCRIPTS = {
    "apologise": "先道歉，开工单解决，这期间不推销",
    "open_unread": "提醒有简历未查看，附上直达链接",
    "show_how": "教怎么看简历，可以改发到微信",
    "list_missing": "把缺的几项列给他，一起补上",
    "state_range": "建议写清薪资范围",
    "show_band": "给他看同城同类职位的薪资区间",
    "refresh": "附上刷新链接",
    "boost": "我们免费推一推，内部开工单查原因",
    "check_demands": "一起看看薪资和要求是不是太高",
    "alternatives": "换个岗位方向、参加招聘会、主动找人",
    "effect_report": "先报招聘效果，不提续费",
}


def finding_words(finding: Finding) -> str:
    """One line with its figures; several sentences where several things hold."""
    figures = finding.figures
    match finding.code:
        case Code.SITE_FAULT:
            return _joined(figures, _FAULTS)
        case Code.UNREAD:
            return _joined(figures, _UNREAD)
        case Code.NEVER_LOOKED:
            return _filled("收到{applications}份简历，一份也没看过", figures)
        case Code.POST_INCOMPLETE:
            return missing_words(_words(figures["missing"]))
        case Code.PAY_UNCLEAR:
            return _pay(figures)
        case Code.PAY_LOW:
            return _filled("薪资偏低：中间值{midpoint}元，{city}{category}{peers}个职位多在{p25}–{p75}元", figures)
        case Code.STALE:
            return _joined(figures, _STALE)
        case Code.LOW_VIEW:
            return _filled("浏览少：{views}次，同类职位多在{p25}次以上", figures)
        case Code.VIEW_NO_APPLY:
            return _filled("看过{views}次，{days}天没人投递", figures)
        case Code.SCARCE:
            return _filled("{city}{category}缺人：平均每个职位{rate}人投递", figures)
        case Code.RENEW_SOON:
            return _filled("{days}天后到期（{expires_on}），该回访了", figures)


def script_words(finding: Finding) -> str:
    return say(_SCRIPTS[finding.script])


def hours_words(hours: float) -> str:
    """Days where hours would be too many to grasp."""
    return say("{n}小时").format(n=f"{hours:.0f}") if hours < 48 else say("{n}天").format(n=f"{hours / 24:,.1f}")


def missing_words(parts: Sequence[str]) -> str:
    """Of the names of parts, in the order a posting shows them."""
    return say("没写{what}").format(what=say("、").join(say(words) for part, words in _PARTS.items() if part in parts))


_FAULTS = {
    "notify_failures": "{notify_failures}条通知没有送到",
    "mail_bounces": "{mail_bounces}封邮件被退回",
    "login_errors": "{login_errors}次说登录不上",
    "audit_hours": "职位等审核{audit_hours}了",
}
_UNREAD = {
    "unread": "{unread}份简历没看，最早一份等了{oldest_hours}",
    "read_after_hours": "最近{reads}份简历多半过了{read_after_hours}才看",
}
_STALE = {
    "days": "{days}天没刷新",
    "past_deadline_days": "过了截止日期{past_deadline_days}天",
    "expired": "职位已过期",
}


def _pay(figures: Mapping[str, Figure]) -> str:
    if figures.get("falls"):
        return say("薪资写反了：{low}–{high}元").format(low=_shown(figures["pay_min"]), high=_shown(figures["pay_max"]))
    if "times" in figures:
        return say("薪资写得太宽：{low}–{high}元").format(
            low=_shown(figures["pay_min"]), high=_shown(figures["pay_max"])
        )
    return say("薪资写的是面议") if "negotiable" in figures else say("薪资没写清")


def _joined(figures: Mapping[str, Figure], sentences: Mapping[str, str]) -> str:
    return say("；").join(_filled(words, figures) for name, words in sentences.items() if name in figures)


def _filled(words: str, figures: Mapping[str, Figure]) -> str:
    told = {name: _told(name, figure) for name, figure in figures.items()}
    return say(words).format(**told)


def _told(name: str, figure: Figure) -> str:
    return hours_words(float(str(figure))) if name.endswith("_hours") else _shown(figure)


def _shown(figure: Figure) -> str:
    if isinstance(figure, float):
        return f"{figure:,.0f}" if figure.is_integer() else f"{figure:,.1f}"
    return f"{figure:,}" if isinstance(figure, int) else str(figure)


def _words(figure: Figure) -> Sequence[str]:
    return figure if isinstance(figure, tuple) else ()

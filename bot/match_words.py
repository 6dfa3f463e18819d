"""The words of what speaks for a seeker and a posting, and of what is in the way, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from bot.language import say
from campaigns.matching import Cluster

_GROUNDS = {
    "title": "想做的就是{job}",
    "occupation": "想做{job}，同属{occupation}",
    "city": "想在{city}上班",
    "anywhere": "地点没有限定",
    "pay": "期望月薪{wanted}元，你们开{low}–{high}元",
    "pay_near": "期望月薪{wanted}元，比你们的{high}元略高",
    "pay_unknown": "薪资有一方没写",
    "years": "做过{years}年，要求{asked}年",
    "years_unknown": "没写做过几年",
    "fresh": "{days}天前注册",
}
HINDRANCES = {
    "not_asked": "还不知道本人愿不愿意，先问",
    "seeker_cap": "最近介绍得够多了，先歇一歇",
    "gone": "已经介绍过、不愿意、自己投过，或者不再合适",
}
STATES = {
    "proposed": "提议了",
    "asked": "在问本人",
    "introduced": "介绍了",
    "refused": "不愿意",
    "withdrawn": "撤回了",
}


def ground_words(kind: str, figures: Mapping[str, Any]) -> str:
    if kind == "years" and not figures.get("asked"):
        return say("做过{years}年").format(years=figures["years"])
    if kind == "fresh" and not figures.get("days"):
        return say("今天刚注册")
    return say(_GROUNDS[kind]).format(**{name: _shown(figure) for name, figure in figures.items()})


def hindrance_words(hindrance: str) -> str:
    return say(HINDRANCES[hindrance])


def introduction_words(state: str) -> str:
    return say(STATES[state])


def _shown(figure: object) -> str:
    return f"{figure:,}" if isinstance(figure, int) else str(figure)


FAIR_KINDS = {"fair": "招聘会", "joint": "联合招聘"}
FAIR_STATES = {"open": "在邀请", "held": "办完了", "called_off": "取消了"}
ANSWERS = {
    "invited": "请了，没回音",
    "yes": "来",
    "no": "不来",
    "maybe": "再看",
    "attended": "来了",
    "absent": "没有来",
}


def fair_kind_words(kind: str) -> str:
    return say(FAIR_KINDS[kind])


def fair_state_words(state: str) -> str:
    return say(FAIR_STATES[state])


def answer_words(state: str) -> str:
    return say(ANSWERS[state])


def cluster_words(cluster: Cluster) -> str:
    """By what these companies are alike, and what they want together."""
    alike = " · ".join(one for one in (cluster.trade or say("不分行业"), cluster.city, cluster.occupation) if one)
    said = say("{alike}：{n}家一共招{heads}人").format(alike=alike, n=len(cluster.members), heads=cluster.heads)
    return said + (say("，其中计划中的{n}人").format(n=cluster.planned) if cluster.planned else "")

"""The words of a brief in the reader's language, and the brief as one document."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from bot.contact_words import decider_words
from bot.finding_words import finding_words, hours_words, script_words
from bot.language import language, say
from bot.wording import activity_words, block_words, task_words
from campaigns.brief import Brief
from campaigns.briefing import Demand, Latency, Line, Person, Promise, Standing, Talk, Unknown
from campaigns.diagnosis import PostingSigns
from campaigns.terms import SHANGHAI

STANDINGS = {
    Standing.KEPT: "{day}做了",
    Standing.KEPT_LATE: "{day}做了，晚了",
    Standing.BROKEN: "{day}结了，没做成",
    Standing.LATE: "过了{due}还没做，先道歉再给",
    Standing.OPEN: "{due}前要做",
}
UNKNOWN = {
    Unknown.PLACE: "职位没写类别或地区，没法比",
    Unknown.PAY: "同类职位太少，薪资比不出来",
    Unknown.EDUCATION: "同类职位没写学历",
    Unknown.EXPERIENCE: "同类职位没写经验",
    Unknown.SKILLS: "职位名称里看不出要什么技能",
}
RENEWAL_NEAR = 60  # days
_PARTS = ("opening", "ask", "offer", "closing")


def promise_words(one: Promise) -> str:
    return say(STANDINGS[one.standing]).format(day=day_words(one.settled_at), due=day_words(one.due_on))


def why_lines(brief: Brief) -> list[tuple[bool, str]]:
    """(is it urgent, in words)."""
    told: list[tuple[bool, str]] = []
    if brief.stopped:
        told.append((True, say("{why}：不要打").format(why=block_words(brief.stopped[0]))))
    if brief.task and brief.task.state == "open":
        late = (brief.now.astimezone(SHANGHAI).date() - brief.task.due_at.astimezone(SHANGHAI).date()).days
        words = task_words(brief.task.category)
        if late > 0:
            told.append((True, say("{task}，已超{n}天").format(task=words, n=late)))
        else:
            told.append((False, say("{task}，{day}前要办").format(task=words, day=day_words(brief.task.due_at))))
    told += [one for one in (_renewal(brief), _visited(brief), _activity(brief)) if one]
    return told


def _renewal(brief: Brief) -> tuple[bool, str] | None:
    ends = brief.about.plan_expires_on
    left = (ends - brief.now.astimezone(SHANGHAI).date()).days if ends else None
    if ends is None or left is None or left > RENEWAL_NEAR:
        return None
    if left < 0:
        return True, say("套餐过期{n}天了（{day}）").format(n=-left, day=day_words(ends))
    return left <= 10, say("套餐{n}天后到期（{day}）").format(n=left, day=day_words(ends))


def _visited(brief: Brief) -> tuple[bool, str]:
    if brief.last_visit is None:
        return False, say("还没有回访过")
    days = (brief.now - brief.last_visit.at).days
    return False, say("上次回访{day}，{n}天前").format(day=day_words(brief.last_visit.at), n=days)


def _activity(brief: Brief) -> tuple[bool, str]:
    about = brief.about
    months = say("近三个月每月登录{a}次、{b}次、{c}次").format(**dict(zip("abc", reversed(about.months), strict=True)))
    if about.activity is None or about.p_active is None:
        return False, months
    chance = say("{state}，还会来的可能{p}%").format(
        state=activity_words(about.activity), p=round(about.p_active * 100)
    )
    return False, say("，").join((chance, months))


def latency_words(latency: Latency) -> str:
    if latency.median is None or latency.worst is None:
        return say("近90天没有看过简历")
    told = say("近90天看了{n}份：一半在{median}内看，最慢{worst}").format(
        n=latency.reads, median=hours_words(latency.median), worst=hours_words(latency.worst)
    )
    if latency.is_slower is None or latency.site_median is None:
        return told
    beside = say("全站一半在{hours}内").format(hours=hours_words(latency.site_median))
    return say("，").join((told, say("比别家慢") if latency.is_slower else say("不比别家慢"), beside))


def pay_words(post: PostingSigns) -> str:
    if post.negotiable or not (post.pay_min or post.pay_max):
        return say("面议") if post.negotiable else say("没写")
    return "–".join(f"{one:,}" for one in (post.pay_min, post.pay_max) if one)


def demand_lines(demand: Demand) -> list[str]:
    """What is usual in similar postings, then what nothing can be said of."""
    told = []
    if pay := demand.pay:
        told.append(
            say("薪资：一半在{low}–{high}元，中位{middle}元（{among}，{n}个职位）").format(
                low=f"{pay.p25:,.0f}", high=f"{pay.p75:,.0f}", middle=f"{pay.p50:,.0f}", among=demand.paid_among,
                n=pay.peers,
            )
        )  # fmt: skip
    for head, shares in (("学历", demand.education), ("经验", demand.experience)):
        if shares:
            said = say("、").join(f"{one.word} {one.postings * 100 // one.among}%" for one in shares)
            told.append(say("{what}：{said}（{n}个写了的）").format(what=say(head), said=said, n=shares[0].among))
    if demand.skills:
        said = say("、").join(f"{one.word} {one.postings}" for one in demand.skills)
        told.append(say("名称里常提：{said}（{n}个职位）").format(said=said, n=demand.skills[0].among))
    return told


def unknown_words(demand: Demand) -> str:
    if Unknown.PLACE in demand.unknown:
        return say(UNKNOWN[Unknown.PLACE])
    return say("；").join(say(UNKNOWN[one]) for one in demand.unknown)


def to_mend(brief: Brief, posting: str) -> list[str]:
    return [finding_words(one) for one in brief.diagnosis.of(posting)]


def day_words(value: date | datetime | None) -> str:
    """2026年8月11日; empty is a dash."""
    if value is None:
        return "—"
    on = value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value
    return f"{on:%-d %b %Y}" if language() == "en" else f"{on.year}年{on.month}月{on.day}日"


# ---- the document ---------------------------------------------------------------------------------------------------


def brief_document(brief: Brief, talk: Talk) -> dict[str, Any]:
    """Plain values, the words in the language that is spoken."""
    about = brief.about
    return {
        "member": about.no,
        "name": about.name,
        "tier": about.tier,
        "as_of": brief.now.isoformat(),
        "task": _task(brief),
        "stopped": brief.stopped[0] if brief.stopped else None,
        "why": [words for _, words in why_lines(brief)],
        "contacts": [_person(one) for one in brief.people],
        "decides": [one.no for one in brief.deciders],
        "who_decides": decider_words(brief.people),
        "unread": brief.unread,
        "oldest_unread_at": brief.oldest_unread_at,
        "read_hours": {
            "reads": brief.latency.reads,
            "median": brief.latency.median,
            "worst": brief.latency.worst,
            "site_median": brief.latency.site_median,
        },
        "findings": [
            {
                "code": one.code,
                "posting": one.posting,
                "figures": dict(one.figures),
                "words": finding_words(one),
                "advice": script_words(one),
            }
            for one in brief.diagnosis.findings
        ],
        "postings": [_posting(one, brief) for one in brief.postings],
        "promises": [
            {"what": one.what, "by": one.by, "made_at": one.made_at, "due_on": one.due_on, "standing": one.standing,
             "settled_at": one.settled_at, "words": promise_words(one)}
            for one in brief.promises
        ],
        "script": {part: [_line(one) for one in getattr(talk, part)] for part in _PARTS},
    }  # fmt: skip


def _task(brief: Brief) -> Mapping[str, Any] | None:
    task = brief.task
    if task is None:
        return None
    return {"id": task.id, "category": task.category, "due_at": task.due_at, "note": task.note}


def _person(one: Person) -> Mapping[str, Any]:
    return {
        "no": one.no, "name": one.name, "title": one.title, "reports_to": one.above, "is_primary": one.is_primary,
        "active": one.active, "role": one.role, "role_guessed": one.guessed, "influence": one.influence,
        "interests": list(one.interests),
    }  # fmt: skip


def _posting(post: PostingSigns, brief: Brief) -> Mapping[str, Any]:
    demand = brief.demands[post.no]
    pay = demand.pay
    return {
        "no": post.no, "title": post.title, "category": post.category, "city": post.city,
        "pay_min": post.pay_min, "pay_max": post.pay_max, "applications": post.applications, "unread": post.unread,
        "peers": demand.peers,
        "pay": pay and {"p25": pay.p25, "p50": pay.p50, "p75": pay.p75, "peers": pay.peers, "of": demand.paid_among},
        "education": _shares(demand.education), "experience": _shares(demand.experience),
        "skills": _shares(demand.skills), "unknown": list(demand.unknown),
    }  # fmt: skip


def _shares(shares: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [{"word": one.word, "postings": one.postings, "among": one.among} for one in shares]


def _line(one: Line) -> Mapping[str, str]:
    return {"zh": one.zh, "en": one.en, "about": one.about, "posting": one.posting}

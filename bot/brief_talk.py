"""What to say on one visit: the topics of its brief, with their figures in both languages, in the order of a talk."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime

from bot.finding_words import hours_words, missing_words
from bot.language import LANGUAGES, language, say, speaking
from campaigns.brief import Brief
from campaigns.briefing import Demand, Promise, ScriptBook, Situation, Standing, Talk, Topic, salutation, talk_about
from campaigns.diagnosis import Code, Figure, Finding
from campaigns.terms import SHANGHAI

_RENEWAL_NEAR = 30  # days
_BY_STANDING = {
    Standing.LATE: Situation.PROMISE_LATE,
    Standing.BROKEN: Situation.PROMISE_LATE,
    Standing.OPEN: Situation.PROMISE_OPEN,
    Standing.KEPT: Situation.PROMISE_KEPT,
    Standing.KEPT_LATE: Situation.PROMISE_KEPT,
}
_LATE = (Standing.LATE, Standing.BROKEN)


def talk_of(brief: Brief, book: ScriptBook, *, me: str, site: str) -> Talk:
    """`me`: who speaks, empty where nobody is named. Nothing for a member that must not be contacted."""
    if brief.stopped:
        return Talk((), (), (), ())
    whom = brief.speaks_to
    known = {
        "contact": salutation(whom.name, whom.title) if whom else "",
        "company": brief.about.name,
        "site": site,
    }
    zh = {**known, "me": me or "招聘顾问"}
    en = {**known, "contact": whom.name if whom else "", "me": me or "the recruiting adviser"}
    return talk_about(book, brief.about.tier, Topic(Situation.HIRING, zh, en), list(_topics(brief)))


def _topics(brief: Brief) -> Iterator[Topic]:
    """What we owe first, then what was found, then what is always asked."""
    yield from (_promised(one) for one in brief.promises if one.standing in _LATE)
    found = [one for one in brief.diagnosis.findings if brief.diagnosis.promotes or one.code is not Code.RENEW_SOON]
    yield from (_found(one, brief) for one in found)
    if not brief.postings:
        yield _plain(Situation.NOTHING_POSTED)
    elif not found:
        yield _plain(Situation.NOTHING_FOUND)
    yield from (_promised(one) for one in brief.promises[:1] if one.standing not in _LATE)
    yield _plain(Situation.HIRING)
    if all(one.guessed for one in brief.deciders):
        yield _plain(Situation.WHO_DECIDES)
    if brief.diagnosis.promotes and all(one.code is not Code.RENEW_SOON for one in found):
        yield from _renewal(brief)


def _plain(key: Situation) -> Topic:
    return Topic(key, {}, {})


def _renewal(brief: Brief) -> Iterator[Topic]:
    ends = brief.about.plan_expires_on
    days = (ends - brief.now.astimezone(SHANGHAI).date()).days if ends else -1
    if ends and 0 <= days <= _RENEWAL_NEAR:
        yield _topic(Situation.RENEWAL, lambda: {"days": days, "expires_on": _day(ends)})


def _promised(one: Promise) -> Topic:
    return _topic(
        _BY_STANDING[one.standing],
        lambda: {"promise": one.what, "made_on": _day(one.made_at), "due_on": _day(one.due_on)},
    )


def _found(finding: Finding, brief: Brief) -> Topic:
    post = next((one for one in brief.postings if one.no == finding.posting), None)
    known: Mapping[str, Figure] = {"posting": post.title, "city": post.city} if post else {}
    band = _band(brief.demands.get(finding.posting))
    return _topic(finding.code, lambda: {**known, **band, **_figures(finding)}, finding.posting)


def _topic(key: Code | Situation, values: Callable[[], Mapping[str, Figure]], posting: str = "") -> Topic:
    """`values` are asked for once in each language."""
    told = {}
    for one in LANGUAGES:
        with speaking(one):
            told[one] = {name: _shown(value) for name, value in values().items()}
    return Topic(key, told["zh"], told["en"], posting)


def _band(demand: Demand | None) -> Mapping[str, Figure]:
    if demand is None or demand.pay is None:
        return {}
    pay = demand.pay
    return {"p25": pay.p25, "p50": pay.p50, "p75": pay.p75, "peers": pay.peers, "category": demand.paid_among}


def _figures(finding: Finding) -> Mapping[str, Figure]:
    figures = dict(finding.figures)
    match finding.code:
        case Code.UNREAD:
            if "oldest_hours" in figures:
                figures["oldest_days"] = max(1, round(float(str(figures["oldest_hours"])) / 24))
            _say_hours(figures, "read_after_hours", "read_after")
        case Code.SITE_FAULT:
            _say_hours(figures, "audit_hours", "audit_wait")
        case Code.POST_INCOMPLETE:
            missing = figures["missing"]
            figures["missing"] = missing_words(missing if isinstance(missing, tuple) else ())
        case Code.PAY_UNCLEAR if "times" not in figures:
            return {"unsaid": say("写的是面议") if "negotiable" in figures else say("没写清")}
        case Code.RENEW_SOON:
            figures["expires_on"] = _day(date.fromisoformat(str(figures["expires_on"])))
    return figures


def _say_hours(figures: dict[str, Figure], hours: str, told: str) -> None:
    if hours in figures:
        figures[told] = hours_words(float(str(figures[hours])))


def _shown(value: Figure) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if value < 10 and not value.is_integer() else f"{round(value):,}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _day(value: date | datetime) -> str:
    on = value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value
    return f"{on.day} {on:%b}" if language() == "en" else f"{on.month}月{on.day}日"

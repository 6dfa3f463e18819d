"""The numbers and charts of one campaign's page, over all its runs or one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from markupsafe import Markup
from starlette.requests import Request

from bot import wording
from bot.console import charts
from bot.console.moments import short_day, weekday_of
from bot.language import say
from bot.web.desk import visitor_of
from campaigns import effects, statements
from campaigns.audit import read_audit
from campaigns.definitions import CampaignRow
from campaigns.effects import Arm, TierCounts
from campaigns.experiments import Interval, lift, smallest_lift
from campaigns.tallies import MESSAGE, TOUCH, Count, read_counts
from campaigns.terms import SHANGHAI, Tier

_GONE = ("sent", "delivered", "bounced")
_TOGETHER = 120_000  # members that are read through for one comparison, about two seconds, every ten minutes at most
_DAYS = 31
_RUNS = 50


@dataclass(frozen=True, slots=True)
class Run:
    """期次. `counts` are the messages, touches and links of it alone."""

    id: int
    key: str
    at: datetime
    planned_at: datetime | None
    planned: Mapping[str, int]
    counts: Sequence[Count]

    @property
    def totals(self) -> "Totals":
        return totals(self.counts)


@dataclass(frozen=True, slots=True)
class Totals:
    audience: int
    allowed: int
    sent: int
    delivered: int
    bounced: int
    waiting: int
    unknown: int
    failed: int
    held_out: int
    opened: int
    clicked: int
    replies: int
    automatic: int
    refusals: int
    returns: int

    @property
    def rest(self) -> int:
        return self.audience - self.sent - self.waiting


@dataclass(frozen=True, slots=True)
class Report:
    """`runs` newest first; `run` is the one that was chosen, None: all of them together."""

    runs: Sequence[Run]
    run: Run | None
    known: bool  # what planning decided, which is not known of some owners' members alone
    counts: Sequence[Count]
    planned: Mapping[str, int]

    @property
    def chosen(self) -> Sequence[Run]:
        return [self.run] if self.run else self.runs

    @property
    def totals(self) -> Totals:
        return totals(self.counts)

    @property
    def now(self) -> Mapping[str, int]:
        return fates(self.counts)

    @property
    def changes(self) -> list[tuple[str, int, int]]:
        """(fate, planned, now), the largest first."""
        now = self.now
        names = sorted({*now, *self.planned}, key=lambda name: -max(now.get(name, 0), self.planned.get(name, 0)))
        return [(name, self.planned.get(name, 0), now.get(name, 0)) for name in names]

    @property
    def left_out(self) -> list[tuple[str, int]]:
        found = Counter({name: n for name, n in self.now.items() if name.startswith("suppressed")})
        return found.most_common()

    @property
    def channels(self) -> list[tuple[str, Mapping[str, int]]]:
        """(channel, sent, delivered, bounced, waiting, failed → messages), the busiest first."""
        found: dict[str, Counter[str]] = {}
        for one in self.counts:
            if one.kind == MESSAGE and one.channel and one.state not in ("suppressed", "handed_over"):
                found.setdefault(one.channel, Counter()).update(_as_words(one))
        return sorted(found.items(), key=lambda pair: -pair[1]["all"])

    @property
    def funnel(self) -> Markup:
        return _funnel(self.totals)

    @property
    def answers(self) -> Markup | None:
        return _answers(self.counts)

    @property
    def days(self) -> Markup | None:
        return _days(self.counts)


@dataclass(frozen=True, slots=True)
class Depth:
    """What is read from every message: by tier, and beside who was held out. `runs` of them went into it."""

    tiers: Sequence[TierCounts]
    runs: int
    verdict: str
    good: bool
    chart: Markup | None
    held_out: int


async def report_of(request: Request, row: CampaignRow) -> Report:
    """By what the address asks for: ?run=17 or all; only the members of whom the reader may see."""
    owners = visitor_of(request).staff.owners
    asked = request.query_params.get("run", "")
    rows = await statements.query(
        "SELECT id, key, at, planned_at, planned FROM occurrences WHERE campaign_id = $1 ORDER BY at DESC, id DESC",
        row.id,
    )
    by_run: dict[int, list[Count]] = {}
    for count in await read_counts([one["id"] for one in rows], owners) if rows else ():
        by_run.setdefault(count.occurrence_id, []).append(count)
    runs = [_run(one, by_run.get(one["id"], [])) for one in rows]
    run = next((one for one in runs if str(one.id) == asked), None)
    planned: Counter[str] = Counter()
    for one in [run] if run else runs:
        planned.update(one.planned)
    known = owners is None
    counts = [count for one in ([run] if run else runs) for count in one.counts]
    return Report(runs, run, known, counts, dict(planned) if known else {})


def _run(row: Mapping[str, Any], counts: Sequence[Count]) -> Run:
    planned_at = statements.moment(row["planned_at"])
    at = statements.moment(row["at"])
    assert at is not None
    return Run(row["id"], row["key"], at, planned_at, orjson.loads(row["planned"]) if planned_at else {}, counts)


def totals(counts: Sequence[Count]) -> Totals:
    states: Counter[str] = Counter()
    back: Counter[str] = Counter()
    links: Counter[str] = Counter()
    held_out = 0
    for one in counts:
        match one.kind:
            case "message":
                states[one.state] += one.n
                held_out += one.n if one.reason == "hold_out" else 0
            case "touch":
                back[one.state] += one.n
                back["stop"] += one.n if one.state == "reply" and one.reason == "stop" else 0
            case _:
                links[one.state] += one.n
    audience = sum(states.values())
    return Totals(
        audience=audience,
        allowed=audience - states["suppressed"] - states["handed_over"],
        sent=sum(states[state] for state in _GONE),
        delivered=states["delivered"],
        bounced=states["bounced"],
        waiting=states["queued"] + states["sending"],
        unknown=states["unknown"],
        failed=states["failed"] + states["expired"],
        held_out=held_out,
        opened=links["open"],
        clicked=max(links["click"], links["way_in"]),
        replies=back["reply"],
        automatic=back["auto_reply"],
        refusals=back["stop"] + back["opt_out"],
        returns=back["return"],
    )


def fates(counts: Sequence[Count]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for one in counts:
        if one.kind == MESSAGE:
            found[f"{one.state}:{one.reason}" if one.reason else one.state] += one.n
    return dict(found.most_common())


def _as_words(one: Count) -> dict[str, int]:
    names = {"queued": "waiting", "sending": "waiting", "expired": "failed"}
    found = {"all": one.n, names.get(one.state, one.state): one.n}
    return found | ({"gone": one.n} if one.state in _GONE else {})


# ---- charts ---------------------------------------------------------------------------------------------------------


def _funnel(t: Totals) -> Markup:
    left_out = say("不发{n}条，其中对照组{held}").format(n=f"{t.audience - t.allowed:,}", held=f"{t.held_out:,}")
    steps = [
        charts.Bar(say("目标人群"), t.audience, shade="b3"),
        charts.Bar(say("可发"), t.allowed, left_out if t.allowed < t.audience else "", "b3"),
        charts.Bar(say("已发"), t.sent, say("还有{n}条没发").format(n=f"{t.waiting:,}") if t.waiting else ""),
    ]
    if t.delivered:
        steps.append(charts.Bar(say("已送达"), t.delivered, _share(t.delivered, t.sent, say("已发").lower())))
    if t.opened:
        steps.append(charts.Bar(say("打开"), t.opened, _share(t.opened, t.sent, say("已发").lower())))
    if t.clicked:
        steps.append(charts.Bar(say("点开链接"), t.clicked, _share(t.clicked, t.sent, say("已发").lower())))
    steps.append(charts.Bar(say("回复"), t.replies, _share(t.replies, t.sent, say("已发").lower()), "b1"))
    steps.append(charts.Bar(say("从链接回来"), t.returns, _share(t.returns, t.sent, say("已发").lower()), "b1"))
    return charts.funnel(steps, say("漏斗：{rows}").format(rows=_spoken(steps)))


def _share(n: int, of: int, what: str) -> str:
    return say("{what}的{share}").format(what=what, share=f"{n / of:.1%}") if n and of else ""


def _answers(counts: Sequence[Count]) -> Markup | None:
    found: Counter[str] = Counter()
    for one in counts:
        if one.kind == TOUCH and one.state in ("reply", "auto_reply"):
            found["auto_reply" if one.state == "auto_reply" else one.reason or "unknown"] += one.n
    if not found:
        return None
    muted = ("auto_reply", "unknown")
    rows = [
        charts.Bar(wording.intent_words(name), n, shade="bm" if name in muted else "b2")
        for name, n in sorted(found.items(), key=lambda pair: (pair[0] in muted, -pair[1]))
    ]
    return charts.bars(rows, say("按意思分的回答：{rows}").format(rows=_spoken(rows)))


def _days(counts: Sequence[Count]) -> Markup | None:
    found: Counter[str] = Counter()
    for one in counts:
        if one.kind == TOUCH and one.state == "return":
            found[one.day] += one.n
    if not found:
        return None
    first = datetime.fromisoformat(min(found)).date()
    last = datetime.fromisoformat(max(found)).date()
    first = max(first, last - timedelta(days=_DAYS - 1))
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    rows = [(f"{day.month}-{day.day}", found[day.isoformat()]) for day in span]
    total = sum(n for _, n in rows)
    return charts.columns(rows, say("{days}天里从链接回来{n}次").format(days=len(rows), n=f"{total:,}"))


def _spoken(rows: Sequence[charts.Bar]) -> str:
    return say("，").join(say("{what}{n}").format(what=row.label, n=f"{row.n:,}") for row in rows)


# ---- what is read from every message ---------------------------------------------------------------------------------


async def depth_of(request: Request, report: Report) -> Depth:
    """Of the chosen run, or of the newest ones together, as many as are read in a moment."""
    owners = visitor_of(request).staff.owners
    chosen = list(_newest(report))
    if not chosen:
        return Depth([], 0, "", False, None, 0)
    ids = [run.id for run in chosen]
    found = await effects.read_effects(ids, owners)
    sides = found.arms if any(run.totals.held_out for run in chosen) else []
    verdict, good = _verdict(sides)
    held = sum(arm.members for arm in sides if arm.held_out)
    return Depth(sorted(found.tiers, key=_order), len(ids), verdict, good, _whiskers(sides), held)


def _newest(report: Report) -> Sequence[Run]:
    members, taken = 0, 0
    for run in report.chosen:
        members += run.totals.audience
        if taken and members > _TOGETHER:
            break
        taken += 1
    return list(islice(report.chosen, taken))


def _order(row: TierCounts) -> int:
    names = [str(tier) for tier in Tier]
    return names.index(row.tier) if row.tier in names else len(names)


def _lift(sides: Sequence[Arm], tier: str = "") -> tuple[Interval | None, int, int, int]:
    """The lift, and how many were written to, held out, and of these came back."""
    ours = [arm for arm in sides if not arm.held_out and tier in ("", arm.tier)]
    held = [arm for arm in sides if arm.held_out and tier in ("", arm.tier)]
    n, m = sum(arm.members for arm in ours), sum(arm.members for arm in held)
    back = sum(arm.back for arm in held)
    return lift(sum(arm.back for arm in ours), n, back, m), n, m, back


def _verdict(sides: Sequence[Arm]) -> tuple[str, bool]:
    found, n, held, back = _lift(sides)
    if found is None:
        return "", False
    span = f"{_points(found.low)}–{_points(found.high)}"
    if found.low > 0:
        more = say("有用。每提醒100家，多回来{x}家（95%区间{span}）；这{n}家里约多回来{k}家（95%区间{low}–{high}）。")
        k, low, high = (round(n * share) for share in (found.point, found.low, found.high))
        return more.format(
            x=_points(found.point), span=span, n=f"{n:,}", k=f"{k:,}", low=f"{low:,}", high=f"{high:,}"
        ), True
    if found.high < 0:
        less = say("反而少了。每提醒100家，少回来{x}家（95%区间{span}）。")
        return less.format(x=_points(-found.point), span=f"{_points(-found.high)}–{_points(-found.low)}"), False
    none = say("看不出效果：每100家差{x}家（95%区间{span}）。对照组{held}家，差到{least}家以上才看得出。")
    least = smallest_lift(n, held, back / held)
    return none.format(x=_points(found.point), span=span, held=f"{held:,}", least=_points(least)), False


def _points(share: float) -> str:
    words = f"{abs(100 * share):.1f}"
    return f"−{words}" if share < 0 and words != "0.0" else words


def _whiskers(sides: Sequence[Arm]) -> Markup | None:
    rows = [_whisker(say("全部"), sides, "")]
    rows += [_whisker(say(str(tier)), sides, str(tier)) for tier in Tier]
    there = [row for row in rows if row is not None]
    if not there:
        return None
    first = there[0]
    sentence = say("{days}天内回来的比例比对照组高{x}个百分点，95%区间{low}到{high}").format(
        days=effects.DAYS, x=_points(first.point / 100), low=_points(first.low / 100), high=_points(first.high / 100)
    )
    return charts.whiskers(there, sentence)


def _whisker(label: str, sides: Sequence[Arm], tier: str) -> charts.Whisker | None:
    found, *_ = _lift(sides, tier)
    if found is None:
        return None
    text = f"{_points(found.point)} ({_points(found.low)}–{_points(found.high)})"
    sign = "+" if found.point > 0 else ""
    return charts.Whisker(label, 100 * found.point, 100 * found.low, 100 * found.high, sign + text, strong=not tier)


# ---- what happened ---------------------------------------------------------------------------------------------------


async def happened(row: CampaignRow, report: Report) -> list[tuple[datetime, str, str]]:
    """(when, what, by whom), newest first: runs that were planned and what colleagues did."""
    found = [
        (run.planned_at, say("排好一期，目标人群{n}家").format(n=f"{sum(run.planned.values()):,}"), "")
        for run in islice(report.chosen, 10)
        if run.planned_at and report.known
    ]
    if row.started_at:
        found.append((row.started_at, say("开始"), ""))
    entries, _ = await read_audit(subject=f"campaign/{row.key}")
    found += [(entry.at, wording.action_words(entry.action), entry.who) for entry in entries[:20]]
    return sorted(found, key=lambda one: one[0], reverse=True)[:20]


def run_name(run: Run) -> str:
    local = run.at.astimezone(SHANGHAI)
    return f"{short_day(local.date())} {weekday_of(local.date())} {local:%H:%M}"

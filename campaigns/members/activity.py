"""How alive every member's account is: read its logins, fit the model, write state, chance and expected logins."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from campaigns import statements
from campaigns.activity import (
    SHIPPED,
    ActivityState,
    Fit,
    Histories,
    Thresholds,
    Verdict,
    by_recency,
    by_score,
    expected_events,
    fit,
    histories,
    p_active,
)
from campaigns.models import ActivityRun
from campaigns.statements import day, moment
from campaigns.terms import SHANGHAI

NO_LOG = "no_log"
_DAY = timedelta(days=1)
_LONGEST_DAYS = 100 * 366
_SHIPPED_IN_DAYS = SHIPPED.in_units_of(1 / 7)
_CHUNK = 2000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Account:
    """One member. `visits` is None where its logins are not all known, `silent` where it never logged in."""

    member_id: int
    visits: int | None
    recency: float
    age: float
    silent: float | None
    paying: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """What one member comes to; `expected` is None where only the last login is known."""

    member_id: int
    verdict: Verdict
    expected: float | None


async def score_all_activity(now: datetime, cuts: Thresholds, horizon_days: float, progress: Progress) -> ActivityRun:
    """Score every member as of `now`. Returns the run as it was kept; members hold the scores of the last one."""
    accounts = await _accounts(now)
    progress("登录记录 logins", len(accounts), len(accounts))
    known = [one for one in accounts if one.visits is not None]
    found = _fit(known)
    progress("模型 model", 1, 1)
    scored = [*_by_model(known, found, cuts, horizon_days), *_by_last_login(accounts, cuts)]
    await _write(scored, now, progress)
    return await _keep(scored, found, now, horizon_days)


async def _accounts(now: datetime) -> list[_Account]:
    logins = {row[0]: (int(row[1]), moment(row[2])) for row in await statements.read_login_days(now)}
    members = await statements.fetch(
        "SELECT id, registered_at, last_login_at, plan_expires_on FROM members ORDER BY id"
    )
    return [_account(row, logins.get(row[0], (0, None)), bool(logins), now) for row in members]


def _account(row: Any, logged: tuple[int, datetime | None], has_log: bool, now: datetime) -> _Account:
    member_id, registered, told, expires = row[0], moment(row[1]), moment(row[2]), day(row[3])
    visits, last = logged
    if told and told > now:  # of what came later it says nothing; without a log, that somebody comes
        told = last or now
    latest = max((one for one in (told, last) if one), default=None)
    age = _days(registered, now)
    complete = has_log and registered is not None and 0 <= age <= _LONGEST_DAYS and _holds(last, told, registered)
    return _Account(
        member_id,
        visits if complete else None,
        _days(registered, last) if visits else 0.0,
        age,
        _days(latest, now) if latest else None,
        expires is not None and expires >= _shanghai_day(now),
    )


def _holds(last: datetime | None, told: datetime | None, registered: datetime) -> bool:
    """Whether the log holds the last login the site tells of; that of the day of registration counts for nothing."""
    return told is None or _shanghai_day(told) <= _shanghai_day(last or registered)


def _days(start: datetime | None, end: datetime | None) -> float:
    return (end - start) / _DAY if start and end else 0.0


def _shanghai_day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _fit(known: Sequence[_Account]) -> Fit | None:
    return fit(_histories(known), shipped=_SHIPPED_IN_DAYS) if known else None


def _histories(known: Sequence[_Account]) -> Histories:
    return histories([one.visits or 0 for one in known], [one.recency for one in known], [one.age for one in known])


def _by_model(known: Sequence[_Account], found: Fit | None, cuts: Thresholds, horizon_days: float) -> Iterator[Scored]:
    if not found:
        return
    some = _histories(known)
    chances = p_active(found.parameters, some).tolist()
    events = expected_events(found.parameters, some, horizon_days).tolist()
    for one, chance, expected in zip(known, chances, events, strict=True):
        yield Scored(one.member_id, _judged(one, chance, cuts), expected)


def _judged(one: _Account, chance: float, cuts: Thresholds) -> Verdict:
    if one.silent is None:
        return Verdict(ActivityState.NEVER_IN, chance, one.age)
    return by_score(chance, one.visits or 0, one.age, one.silent, paying=one.paying, cuts=cuts)


def _by_last_login(accounts: Sequence[_Account], cuts: Thresholds) -> Iterator[Scored]:
    for one in accounts:
        if one.visits is None:
            yield Scored(one.member_id, by_recency(one.silent, paying=one.paying, cuts=cuts), None)


async def _write(scored: Sequence[Scored], now: datetime, progress: Progress) -> None:
    for start in range(0, len(scored), _CHUNK):
        await statements.write_activity(_columns(scored[start : start + _CHUNK]), now)
        progress("写入 scores", min(start + _CHUNK, len(scored)), len(scored))


def _columns(chunk: Sequence[Scored]) -> Mapping[str, Sequence[Any]]:
    return {
        "id": [one.member_id for one in chunk],
        "state": [one.verdict.state.value for one in chunk],
        "chance": [one.verdict.p_active for one in chunk],
        "expected": [one.expected for one in chunk],
    }


async def _keep(scored: Sequence[Scored], found: Fit | None, now: datetime, horizon_days: float) -> ActivityRun:
    states = Counter(one.verdict.state.value for one in scored)
    counted: dict[str, Any] = {"reason": NO_LOG, "by_last_login": len(scored)}
    if found:
        fitted = found.parameters
        counted = {
            "reason": found.reason.value,
            "r": fitted.r,
            "alpha_days": fitted.alpha,
            "a": fitted.a,
            "b": fitted.b,
            "log_likelihood": found.log_likelihood,
            "members": found.members,
            "came_back": found.returning,
            "by_last_login": len(scored) - found.members,
        }
    return await ActivityRun.create(at=now, horizon_days=horizon_days, states=dict(states), **counted)

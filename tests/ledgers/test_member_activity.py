"""Members are scored on their logins; where these are not all known, on the last one alone."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from unittest.mock import ANY

import numpy as np
import pytest

from bot.commands.scoring import member_lines, score_members, thresholds
from bot.settings import Settings, load_settings
from campaigns import statements
from campaigns.activity import SHIPPED, Thresholds, histories, p_active
from campaigns.errors import ConfigError
from campaigns.members.activity import score_all_activity
from campaigns.members.activity_runs import last_run_at
from campaigns.models import ActivityRun, Login, Member

NOW = datetime(2026, 11, 21, 1, tzinfo=UTC)
_DAYS = SHIPPED.in_units_of(1 / 7)


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


async def _member(no: str, age: float | None, logins: Sequence[float] = (), **known: object) -> Member:
    """Registered `age` days ago, logged in so many days ago."""
    last = _ago(min(logins)) if logins else None
    registered = None if age is None else _ago(age)
    made = await Member.create(no=no, name=f"企业{no}", registered_at=registered, **{"last_login_at": last, **known})
    await Login.bulk_create([Login(member=made, at=_ago(days)) for days in logins])
    return made


async def _score(now: datetime = NOW) -> ActivityRun:
    return await score_all_activity(now, Thresholds(), 30, lambda name, done, total: None)


async def _states() -> dict[str, tuple[str, float | None]]:
    return {one.no: (one.activity_state, one.p_active) for one in await Member.all().order_by("no")}


async def test_visits_are_days_after_the_day_of_registration_and_times_keep_their_decimals(database: Settings) -> None:
    await _member("A", 100.5, [100.4, 60.25, 60.2, 10.75])
    await _score()
    scored = await Member.get(no="A")
    history = histories(2, 100.5 - 10.75, 100.5)
    assert scored.p_active == pytest.approx(float(p_active(_DAYS, history)[0]), rel=1e-9)
    assert scored.activity_state == "active"
    assert scored.expected_logins is not None
    assert scored.activity_at == NOW


async def test_a_day_is_one_of_shanghai(database: Settings) -> None:
    """23:30 and 00:30 in Shanghai are two days, and one day in UTC."""
    registered = datetime(2026, 10, 1, 15, tzinfo=UTC)
    made = await Member.create(
        no="A", name="甲", registered_at=registered, last_login_at=datetime(2026, 10, 1, 16, 30, tzinfo=UTC)
    )
    await Login.create(member=made, at=datetime(2026, 10, 1, 15, 30, tzinfo=UTC))
    await Login.create(member=made, at=datetime(2026, 10, 1, 16, 30, tzinfo=UTC))
    run = await _score()
    assert run.came_back == 1


async def test_states_follow_from_logins_plan_and_age(database: Settings) -> None:
    await _member("active", 100, [60, 30, 3])
    await _member("dormant", 300, [290, 285, 280, 279, 270])
    await _member("expired", 300, [290, 285, 280, 279, 270], plan_expires_on=date(2026, 11, 20))
    await _member("first-day", 200, [199.99])
    await _member("never", 200)
    await _member("new", 3, [2.99])
    await _member("paying", 300, [290, 285, 280, 279, 270], plan_expires_on=date(2026, 11, 21))
    run = await _score()
    found = await _states()
    assert {no: state for no, (state, _) in found.items()} == {
        "active": "active",
        "dormant": "dormant",
        "expired": "dormant",
        "first-day": "never_in",
        "never": "never_in",
        "new": "active",
        "paying": "paying_dormant",
    }
    assert max(found[no][1] or 0 for no in ("first-day", "never", "new")) < 1
    assert run.states == {"active": 2, "dormant": 2, "never_in": 2, "paying_dormant": 1}
    assert (run.reason, run.members, run.came_back, run.by_last_login) == ("few", 7, 4, 0)


async def test_where_the_log_lacks_the_last_login_or_the_start_is_unknown_the_last_login_decides(
    database: Settings,
) -> None:
    await _member("lacking", 300, [290, 200], last_login_at=_ago(40))
    await _member("no-log", 300, last_login_at=_ago(20))
    await _member("no-start", None, [100])
    await _member("no-start-never", None)
    await _member("to-come", -5, last_login_at=None)
    await _member("whole", 300, [10])
    run = await _score()
    assert await _states() == {
        "lacking": ("cooling", None),
        "no-log": ("active", None),
        "no-start": ("dormant", None),
        "no-start-never": ("never_in", None),
        "to-come": ("never_in", None),
        "whole": ("active", ANY),
    }
    assert (run.members, run.by_last_login) == (1, 5)


async def test_a_site_without_a_log_of_logins_gets_bands_and_no_model(database: Settings) -> None:
    await _member("A", 300, last_login_at=_ago(100), plan_expires_on=date(2027, 1, 1))
    await _member("B", 300)
    run = await _score()
    assert (run.reason, run.r, run.by_last_login) == ("no_log", None, 2)
    assert await _states() == {"A": ("paying_dormant", None), "B": ("never_in", None)}


async def test_nothing_after_the_moment_asked_about_counts(database: Settings) -> None:
    await _member("A", 100, [60, 3])
    await _score(_ago(50))
    scored = await Member.get(no="A")
    assert scored.p_active == pytest.approx(float(p_active(_DAYS, histories(1, 40, 50))[0]), rel=1e-9)


async def test_an_empty_site_is_scored_too(database: Settings) -> None:
    assert await last_run_at() is None
    assert (await _score()).reason == "no_log"
    assert await last_run_at() == NOW


async def test_enough_who_came_back_are_fitted_and_all_are_written(database: Settings) -> None:
    random = np.random.default_rng(4)
    made = [
        Member(no=f"N{n}", name="企业", registered_at=_ago(float(age)))
        for n, age in enumerate(random.uniform(30, 400, 2500))
    ]
    await Member.bulk_create(made)
    ids = {row["no"]: row["id"] for row in await statements.query("SELECT id, no FROM members")}
    logins = [
        Login(member_id=ids[one.no], at=one.registered_at + timedelta(days=2 + float(day)))
        for one in made[:600]
        for day in random.uniform(0, 25, 4)
    ]
    await Login.bulk_create(logins)
    run = await _score()
    assert run.reason in ("fitted", "edge")
    assert (run.came_back, run.members, sum(run.states.values())) == (600, 2500, 2500)
    assert run.log_likelihood is not None
    assert await Member.filter(activity_at=None).count() == 0


async def test_the_command_scores_our_members_and_shows_states(database: Settings) -> None:
    await _member("A", 100, [60, 3])
    found = await score_members(database, NOW, quiet=True)
    assert json.loads(json.dumps(found)) == found
    assert (found["states"]["active"], found["returning"], sum(found["histogram"])) == (1, 1, 1)
    assert any("shipped parameters" in str(line) for line in member_lines(found))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"activity_cooling": 0.6}, "ACTIVITY_COOLING: .*ACTIVITY_ACTIVE"),
        ({"activity_cooling_days": 7}, "ACTIVITY_COOLING_DAYS: .*ACTIVITY_ACTIVE_DAYS"),
    ],
)
def test_thresholds_the_wrong_way_round_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        thresholds(load_settings(env_file=None, **wrong))

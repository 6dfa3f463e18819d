"""The visit calendar: a year of visits for ten thousand members, a night's plan for a hundred thousand on SQLite."""

import random
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.database import open_database
from bot.settings import Settings
from campaigns.calendar import WorkCalendar
from campaigns.models import Member, Touch
from campaigns.terms import Direction, Tier, TouchKind
from campaigns.visit_facts import Usual
from campaigns.visit_planning import plan_calendar
from campaigns.visiting import VisitedMember, Visitor, plan_visits
from tests.benchmarks.bench import Bench, run
from tests.benchmarks.figures import Figures
from tests.cast import NOW

_YEAR = (date(2026, 1, 5), date(2026, 12, 31))
_MEMBERS = 10_000
_NIGHT = 100_000
_OF_ONE = 250  # members of a colleague
_TIERS = [Tier.TOP] + [Tier.GOOD] * 3 + [Tier.STANDARD] * 10 + [Tier.LOW] * 6
_DAY = timedelta(days=1)


def visits(bench: Bench) -> dict[str, Figures]:
    bench.tick("a year", 0)
    year = _plan_a_year()
    many = bench.size(_NIGHT)
    bench.tick(f"{many:,} members", 0)
    return {"visits": {**year, **run(_plan_a_night(many))}}


def _plan_a_year() -> Figures:
    """The rules alone, by the time of the processor."""
    dice, calendar = random.Random(7), WorkCalendar()
    names = [f"同事{number}" for number in range(_MEMBERS // _OF_ONE)]
    members = [
        VisitedMember(
            number,
            dice.choice(_TIERS),
            dice.choice(names),
            _YEAR[0] + dice.randrange(390) * _DAY if dice.random() < 0.7 else None,
            (_YEAR[0] - dice.randint(1, 200) * _DAY,),
        )
        for number in range(_MEMBERS)
    ]
    began = time.process_time()
    plan = plan_visits(members, [Visitor(name, 4) for name in names], calendar.is_workday, *_YEAR)
    took = time.process_time() - began
    return {"year_members_per_s": round(_MEMBERS / took), "year_visits": len(plan.visits)}


async def _plan_a_night(many: int) -> Figures:
    """The first night of a site, and the one after it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_construct(
            **{name: field.default for name, field in Settings.model_fields.items()} | {"huifang_var": Path(folder)}
        )
        async with open_database(settings):
            await _settle(many)
            first, second = [await _night(NOW + night * _DAY) for night in range(2)]
    return {"night_members": many, "first_night_s": first, "night_s": second}


async def _settle(many: int) -> None:
    dice = random.Random(7)
    rows = [
        Member(
            no=f"Q{number}",
            name=f"{number}号商行",
            tier=dice.choice(_TIERS),
            owner=f"同事{dice.randrange(many // _OF_ONE + 1)}",
            plan_expires_on=NOW.date() + dice.randrange(390) * _DAY if dice.random() < 0.7 else None,
        )
        for number in range(many)
    ]
    await Member.bulk_create(rows, batch_size=1_000)
    ids = await Member.all().values_list("id", flat=True)
    been = [
        Touch(
            member_id=one,
            at=NOW - dice.randint(1, 200) * _DAY,
            direction=Direction.OUT,
            kind=TouchKind.VISIT,
            medium="phone",
        )
        for one in ids
    ]
    await Touch.bulk_create(been, batch_size=1_000)


async def _night(now: datetime) -> float:
    began = time.perf_counter()
    await plan_calendar(WorkCalendar(), Usual(), now)
    return round(time.perf_counter() - began, 1)

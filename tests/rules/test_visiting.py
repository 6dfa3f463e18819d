"""The visit calendar keeps its rules together over random networks, and every conflict it names is one.

The checker below knows the rules by themselves: it shares nothing with the planner but the values.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from campaigns.calendar import WorkCalendar
from campaigns.terms import Tier
from campaigns.tier_rules import Caller, ServiceLevel
from campaigns.visiting import (
    Care,
    Conflict,
    Kept,
    Kind,
    Plan,
    Rule,
    VisitedMember,
    Visitor,
    VisitRules,
    broken_by,
    days_between,
    plan_visits,
)

CALENDAR = WorkCalendar()
DAY = timedelta(days=1)
FIRST, LAST = date(2026, 1, 5), date(2026, 12, 31)
TIERS = [Tier.TOP] + [Tier.GOOD] * 3 + [Tier.STANDARD] * 10 + [Tier.LOW] * 6
EVERY = {Tier.TOP: 31, Tier.GOOD: 31, Tier.STANDARD: 90}  # 14 and 10 days: the month goes before the service level
RANKS = {Tier.TOP: 0, Tier.GOOD: 1, Tier.STANDARD: 2, Tier.LOW: 3}


def days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def network(seed: int, size: int, staff: int, capacity: int) -> tuple[list[VisitedMember], list[Visitor]]:
    dice = random.Random(seed)
    visitors = []
    for number in range(staff):
        away: set[date] = set()
        for _ in range(dice.randint(0, 3)):
            start = FIRST + dice.randrange(360) * DAY
            away |= set(days(start, start + dice.randrange(14) * DAY))
        visitors.append(Visitor(f"员工{number}", dice.randint(max(1, capacity - 2), capacity + 2), frozenset(away)))
    return [_member(dice, number, visitors) for number in range(size)], visitors


def _member(dice: random.Random, number: int, visitors: Sequence[Visitor]) -> VisitedMember:
    care: tuple[Care, ...] = ()
    if dice.random() < 0.02:
        start = FIRST + dice.randrange(350) * DAY
        care = (Care(start, start + dice.randint(2, 30) * DAY),)
    been = sorted(FIRST - dice.randint(1, 300) * DAY for _ in range(dice.choice((0, 1, 1, 2))))
    kept = [day for place, day in enumerate(been) if place == 0 or (day - been[place - 1]).days >= 31]
    return VisitedMember(
        number, dice.choice(TIERS), dice.choice(visitors).name,
        FIRST + dice.randrange(390) * DAY if dice.random() < 0.7 else None, tuple(kept), dice.random() < 0.05, care,
        quiet_until=FIRST + dice.randrange(60) * DAY if dice.random() < 0.02 else None,
    )  # fmt: skip


# ---- the rules, written a second time ------------------------------------------------------------------------------


class Checker:
    def __init__(
        self, members: Sequence[VisitedMember], visitors: Sequence[Visitor], plan: Plan, first: date, last: date
    ) -> None:
        self.members = {one.id: one for one in members}
        self.visitors = {one.name: one for one in visitors}
        self.plan, self.first, self.last = plan, first, last
        self.of: dict[int, list[date]] = defaultdict(list)
        for visit in plan.visits:
            self.of[visit.member_id].append(visit.on)
        self.load = Counter((visit.owner, visit.on) for visit in plan.visits)
        self.lost: dict[tuple[int, Rule], list[Conflict]] = defaultdict(list)
        for one in plan.conflicts:
            self.lost[one.member_id, one.lost].append(one)

    def check(self) -> None:
        self.days_and_capacity()
        for member in self.members.values():
            self.month(member)
            self.rest(member)
            self.renewal(member)
            self.care(member)
            self.quiet(member)
            self.service(member)
        for conflict in self.plan.conflicts:
            self.is_real(conflict)

    def days_and_capacity(self) -> None:
        for visit in self.plan.visits:
            assert self.first <= visit.on <= self.last
            assert CALENDAR.is_workday(visit.on), visit
            assert visit.on not in self.visitors[visit.owner].away, visit
            assert visit.owner == self.members[visit.member_id].owner
        for (owner, _), count in self.load.items():
            assert count <= self.visitors[owner].capacity

    def month(self, member: VisitedMember) -> None:
        everything = sorted([*member.visited, *self.of[member.id]])
        assert len(set(self.of[member.id])) == len(self.of[member.id])
        for visit in self.plan_of(member):
            if visit.kind is Kind.CARE:
                assert any(care.start <= visit.on <= care.end for care in member.care)
                continue
            before = [day for day in everything if timedelta() < visit.on - day <= 30 * DAY]
            assert len(before) < (2 if member.urgent else 1), (member, visit, before)
            if visit.kind is Kind.REGULAR:
                pace = self.pace(member)
                assert not [day for day in everything if timedelta() < visit.on - day < pace * DAY], (member, visit)

    def pace(self, member: VisitedMember) -> int:
        """Nobody calls the lowest tier by hand."""
        assert member.tier is not Tier.LOW
        return 16 if member.urgent else EVERY[member.tier]

    def quiet(self, member: VisitedMember) -> None:
        until = member.quiet_until or date.min
        assert all(day > until for day in self.of[member.id])

    def service(self, member: VisitedMember) -> None:
        """Two weeks of full days before a regular visit, or before the end, were said to be lost; nothing else was."""
        if member.tier is Tier.LOW:
            assert not self.lost[member.id, Rule.SERVICE]
            return
        said = {one.on: one for one in self.lost[member.id, Rule.SERVICE]}
        regular = [visit.on for visit in self.plan_of(member) if visit.kind is Kind.REGULAR]
        for until in (*regular, self.last + DAY):
            before = [day for day in (*member.visited, *self.of[member.id]) if day < until]
            since = max(self.first, max(before) + self.pace(member) * DAY) if before else self.first
            full = self.full_days(member, since, until)
            assert (len(full) >= 10) is bool(one := said.pop(since, None)), (member, since, until)
            away = self.visitors[member.owner].away
            assert one is None or one.won is (Rule.ABSENCE if set(full) <= set(away) else Rule.CAPACITY)
        assert not said

    def full_days(self, member: VisitedMember, since: date, until: date) -> list[date]:
        """Worked days that were open to one more regular visit by the member's own rules, without room."""
        been = sorted(day for day in {*member.visited, *self.of[member.id]} if day != until)
        bound = [visit.on for visit in self.plan_of(member) if visit.kind is not Kind.CARE and visit.on != until]
        found = []
        for day in days(since, until - DAY):
            if not CALENDAR.is_workday(day) or day <= (member.quiet_until or date.min):
                continue
            if member.renews_on and timedelta() <= member.renews_on - day < 10 * DAY:
                continue
            if any(care.start <= day <= care.end for care in member.care):
                continue
            ends = [day, *(one for one in bound if timedelta() < one - day <= 30 * DAY)]
            limit = 2 if member.urgent else 1
            if any(sum(timedelta() <= end - one <= 30 * DAY for one in [*been, day]) > limit for end in ends):
                continue
            visitor = self.visitors[member.owner]
            if day in visitor.away or self.load[member.owner, day] == visitor.capacity:
                found.append(day)
            else:
                assert any(one.kept for one in self.members.values()), (member, day)  # who had a later day keeps it
        return found

    def plan_of(self, member: VisitedMember) -> list:  # type: ignore[type-arg]
        if not hasattr(self, "_plans"):
            self._plans = defaultdict(list)
            for visit in self.plan.visits:
                self._plans[visit.member_id].append(visit)
        return self._plans[member.id]

    def rest(self, member: VisitedMember) -> None:
        if member.renews_on is None:
            return
        resting = [v for v in self.plan_of(member) if timedelta() <= member.renews_on - v.on < 10 * DAY]
        assert all(visit.kind is Kind.CARE for visit in resting), (member, resting)
        assert bool(resting) is bool(self.lost[member.id, Rule.RENEWAL_REST])

    def renewal(self, member: VisitedMember) -> None:
        if member.renews_on is None or not self.first <= member.renews_on or member.renews_on - 10 * DAY > self.last:
            return
        span = days(member.renews_on - 40 * DAY, member.renews_on - 10 * DAY)
        seen = any(day in span for day in (*member.visited, *self.of[member.id]))
        assert seen is not bool(self.lost[member.id, Rule.RENEWAL]), (member, self.of[member.id])

    def care(self, member: VisitedMember) -> None:
        """Three days of the calendar in a period without a visit were said; but for a holiday that care ends in."""
        for start, end in self.periods(member):
            run: list[date] = []
            for day in [*days(start, end), end + DAY]:
                seen = day <= end and (day in self.of[member.id] or day in member.visited)
                if day <= end and not seen:
                    run.append(day)
                    continue
                if len(run) >= 3 and day >= self.first and (seen or any(map(CALENDAR.is_workday, run))):
                    said = self.lost[member.id, Rule.CARE_GAP]
                    assert any(run[0] <= one.on <= day for one in said), (member, run)
                run = []

    def periods(self, member: VisitedMember) -> list[tuple[date, date]]:
        after = (member.quiet_until or date.min) + DAY
        return [(max(care.start, after), min(care.end, self.last)) for care in member.care]

    def is_real(self, conflict: Conflict) -> None:
        member = self.members[conflict.member_id]
        match conflict.lost:
            case Rule.CARE_GAP if conflict.won is Rule.WORKDAYS:
                assert conflict.figures["gap"] > 3
                off = days(self.before(member, conflict.on) + DAY, conflict.on - DAY)
                assert len(off) == conflict.figures["gap"] - 1
                assert not any(map(CALENDAR.is_workday, off))
            case Rule.CARE_GAP:
                span = filter(CALENDAR.is_workday, days(self.before(member, conflict.on) + DAY, conflict.on))
                ahead = [day for day in span if day >= self.first]
                assert bool(ahead) is (conflict.won is not Rule.TODAY)
                self._all_taken(member, ahead, conflict)
            case Rule.RENEWAL:
                self._renewal_is_lost(member, conflict)
            case Rule.RENEWAL_REST:
                assert conflict.won is Rule.CARE_GAP
                assert conflict.figures["visits"] > 0

    def before(self, member: VisitedMember, on: date) -> date:
        """The visit before that day in its care; without one the day before it began."""
        start = next(start for start, end in self.periods(member) if start <= on <= end)
        been = [day for day in (*member.visited, *self.of[member.id]) if start <= day < on]
        return max(been, default=start - DAY)

    def _all_taken(self, member: VisitedMember, open_days: Sequence[date], conflict: Conflict) -> None:
        visitor = self.visitors[member.owner]
        for day in open_days:
            if day in visitor.away:
                continue
            assert conflict.won is not Rule.ABSENCE
            assert self.load[member.owner, day] == visitor.capacity, (conflict, day)
            for other in self.owned(member.owner, day):
                assert other.kind is Kind.CARE
                assert RANKS[self.members[other.member_id].tier] <= RANKS[member.tier]

    def owned(self, owner: str, day: date) -> list:  # type: ignore[type-arg]
        if not hasattr(self, "_days"):
            self._days = defaultdict(list)
            for visit in self.plan.visits:
                self._days[visit.owner, visit.on].append(visit)
        return self._days[owner, day]

    def window(self, member: VisitedMember) -> list[date]:
        """The days on which a visit before the renewal could be, whoever else is there."""
        assert member.renews_on is not None
        span = days(max(self.first, member.renews_on - 40 * DAY), min(self.last, member.renews_on - 10 * DAY))
        care = [visit.on for visit in self.plan_of(member) if visit.kind is Kind.CARE]
        been = [*member.visited, *care]
        limit = 2 if member.urgent else 1
        visitor = self.visitors[member.owner]
        return [
            day for day in span
            if CALENDAR.is_workday(day) and day not in visitor.away and day > (member.quiet_until or date.min)
            and sum(timedelta() < day - one <= 30 * DAY for one in been) < limit
        ]  # fmt: skip

    def _renewal_is_lost(self, member: VisitedMember, conflict: Conflict) -> None:
        """From its days, over whoever could move elsewhere, nothing is reached that has room (Hall)."""
        assert member.renews_on is not None
        if conflict.won is Rule.TODAY:
            assert member.renews_on - 10 * DAY < self.first
            return
        reached, todo = set(self.window(member)), [*self.window(member)]
        assert bool(reached) is (conflict.won is Rule.CAPACITY), conflict
        while todo:
            day = todo.pop()
            assert self.load[member.owner, day] == self.visitors[member.owner].capacity, (conflict, day)
            for other in self.owned(member.owner, day):
                assert other.kind in (Kind.CARE, Kind.RENEWAL)
                if other.kind is Kind.RENEWAL:
                    assert RANKS[self.members[other.member_id].tier] <= RANKS[member.tier]
                    fresh = set(self.window(self.members[other.member_id])) - reached
                    reached |= fresh
                    todo += fresh


def planned(
    members: Sequence[VisitedMember], visitors: Sequence[Visitor], first: date = FIRST, last: date = LAST
) -> Plan:
    plan = plan_visits(members, visitors, CALENDAR.is_workday, first, last)
    Checker(members, visitors, plan, first, last).check()
    return plan


# ---- random networks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "capacity"), [(1, 8), (2, 3)])
def test_ten_thousand_members_over_a_year_break_no_rule(seed: int, capacity: int) -> None:
    members, visitors = network(seed, 10_000, 30, capacity)
    plan = planned(members, visitors)
    assert len(plan.visits) > 10_000
    assert {one.kind for one in plan.visits} == set(Kind)


@pytest.mark.parametrize("seed", range(25))
def test_small_networks_short_of_people_break_no_rule_and_lose_only_what_they_must(seed: int) -> None:
    members, visitors = network(seed, 300, 2, 3)
    visitors = [replace(one, capacity=1 + seed % 2) for one in visitors]
    cared = (Care(date(2026, 4, 1) + seed * DAY, date(2026, 4, 30)),)
    members = [
        replace(
            m,
            renews_on=date(2026, 5, 1) + (m.id % 20) * DAY if m.id % 3 else None,
            care=cared if m.id % 31 == 0 else m.care,
        )
        for m in members
    ]
    plan = planned(members, visitors)
    assert any(one.lost is Rule.RENEWAL and one.won is Rule.CAPACITY for one in plan.conflicts)


def test_the_same_network_has_the_same_plan_in_any_order() -> None:
    members, visitors = network(5, 400, 4, 3)
    plan = planned(members, visitors)
    random.Random(1).shuffle(members)
    assert planned(members, visitors) == plan


@pytest.mark.parametrize("seed", range(3))
def test_planned_anew_each_day_the_rules_hold_over_what_happened(seed: int) -> None:
    members, visitors = network(seed, 120, 2, 3)
    been: dict[int, list[date]] = defaultdict(list)
    happened = []
    last = date(2026, 9, 30)
    lost = set()
    for today in days(FIRST, last):
        if not CALENDAR.is_workday(today):
            continue
        now = [replace(m, visited=(*m.visited, *been[m.id])) for m in members]
        plan = plan_visits(now, visitors, CALENDAR.is_workday, today, today + 75 * DAY)
        lost |= {(one.member_id, one.lost) for one in plan.conflicts}
        for visit in plan.visits:
            if visit.on == today:
                been[visit.member_id].append(today)
                happened.append(visit)
    checker = Checker(members, visitors, Plan(happened, []), FIRST, last)
    checker.days_and_capacity()
    for member in members:
        checker.month(member)
        if not any((member.id, rule) in lost for rule in Rule):
            checker.rest(member)
            checker.renewal(member)
            checker.care(member)
    assert len(happened) > 300


def test_with_far_too_few_people_everybody_is_visited_in_turn() -> None:
    members = [
        VisitedMember(n, [Tier.TOP, Tier.GOOD, Tier.STANDARD, Tier.STANDARD][n % 4], "A") for n in range(400)
    ]  # fmt: skip
    plan = planned(members, [Visitor("A", 2)], last=LAST)
    first_seen = {v.member_id: v.on for v in reversed(plan.visits)}
    assert set(first_seen) == set(range(400))
    by_tier = [max(first_seen[n] for n in range(tier, 400, 4)) for tier in range(4)]
    assert by_tier == sorted(by_tier)
    late = Counter(plan.conflicts[n].won for n in range(len(plan.conflicts)) if plan.conflicts[n].lost is Rule.SERVICE)
    assert late[Rule.CAPACITY] > 300


# ---- one at a time -------------------------------------------------------------------------------------------------


def member(**changed: object) -> VisitedMember:
    return replace(VisitedMember(1, Tier.GOOD, "A"), **changed)  # type: ignore[arg-type]


def test_without_anything_else_a_member_is_visited_once_in_31_days() -> None:
    plan = planned([member()], [Visitor("A", 5)], last=date(2026, 4, 30))
    assert [one.on for one in plan.visits] == [
        date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 9), date(2026, 4, 9),
    ]  # fmt: skip


def test_who_hires_urgently_is_visited_twice_a_month() -> None:
    plan = planned([member(urgent=True)], [Visitor("A", 5)], last=date(2026, 1, 31))
    assert [one.on for one in plan.visits] == [date(2026, 1, 5), date(2026, 1, 21)]


def test_the_last_visit_before_a_renewal_is_ten_to_twenty_days_before_it() -> None:
    one = member(tier=Tier.LOW, visited=(date(2026, 1, 2),), renews_on=date(2026, 5, 20))
    visits = planned([one], [Visitor("A", 5)], last=date(2026, 6, 30)).visits
    assert [(v.on, v.kind) for v in visits] == [(date(2026, 4, 30), Kind.RENEWAL)]


@pytest.mark.parametrize(("been", "owed"), [(date(2026, 4, 10), False), (date(2026, 4, 9), True)])
def test_a_visit_in_the_month_before_the_rest_is_enough(been: date, owed: bool) -> None:
    one = member(tier=Tier.LOW, visited=(been,), renews_on=date(2026, 5, 20))
    kinds = [v.kind for v in planned([one], [Visitor("A", 5)], date(2026, 4, 27), date(2026, 5, 31)).visits]
    assert kinds == [], "the month leaves no worked day for the second: 10 May is a Sunday"
    moved = replace(one, renews_on=date(2026, 5, 22), visited=(been + 2 * DAY,))
    kinds = [v.kind for v in planned([moved], [Visitor("A", 5)], date(2026, 4, 27), date(2026, 5, 31)).visits]
    assert kinds == ([Kind.RENEWAL] if owed else [])


@pytest.mark.parametrize(("before", "kept"), [(10, True), (9, False)])
def test_ten_days_before_a_renewal_is_early_enough_and_nine_is_not(before: int, kept: bool) -> None:
    today = date(2026, 3, 2)
    plan = planned([member(renews_on=today + before * DAY)], [Visitor("A", 5)], today, today + 20 * DAY)
    assert (plan.visits[0].kind is Kind.RENEWAL) is kept
    assert [(c.lost, c.won) for c in plan.conflicts] == ([] if kept else [(Rule.RENEWAL, Rule.TODAY)])
    assert all(v.on == today or v.on > today + before * DAY for v in plan.visits)


def test_capacity_lost_against_a_renewal_is_named_with_its_figures_tier_first() -> None:
    pair = [member(id=n, tier=t, renews_on=date(2026, 1, 16)) for n, t in ((1, Tier.LOW), (2, Tier.TOP))]
    plan = planned(pair, [Visitor("A", 1, frozenset({date(2026, 1, 5)}))], last=date(2026, 1, 31))
    assert [(v.member_id, v.on) for v in plan.visits][:1] == [(2, date(2026, 1, 6))]
    (lost,) = plan.conflicts
    assert (lost.member_id, lost.lost, lost.won, lost.on) == (1, Rule.RENEWAL, Rule.CAPACITY, date(2026, 1, 6))
    assert lost.figures["capacity"] == lost.figures["taken"] == 1


def test_in_intensive_care_no_more_than_three_days_of_the_calendar_pass() -> None:
    one = member(care=(Care(date(2026, 3, 2), date(2026, 3, 13)),), visited=(date(2026, 2, 27),))
    visits = planned([one], [Visitor("A", 5)], date(2026, 3, 2), date(2026, 3, 31)).visits
    assert [v.on for v in visits] == [date(2026, 3, day) for day in (4, 6, 9, 12)]


def test_the_spring_festival_stretches_care_and_says_so() -> None:
    one = member(care=(Care(date(2026, 2, 9), date(2026, 2, 27)),), visited=(date(2026, 2, 6),))
    plan = planned([one], [Visitor("A", 5)], date(2026, 2, 9), date(2026, 2, 28))
    assert [v.on for v in plan.visits] == [date(2026, 2, day) for day in (11, 14, 24, 27)]
    (lost,) = plan.conflicts
    assert (lost.lost, lost.won, lost.on) == (Rule.CARE_GAP, Rule.WORKDAYS, date(2026, 2, 24))
    assert lost.figures == {"gap": 10, "allowed": 3}


def test_care_goes_before_the_rest_of_a_renewal() -> None:
    one = member(care=(Care(date(2026, 3, 2), date(2026, 3, 13)),), renews_on=date(2026, 3, 12))
    (lost,) = planned([one], [Visitor("A", 5)], date(2026, 2, 16), date(2026, 3, 31)).conflicts
    assert (lost.lost, lost.won, lost.figures["visits"]) == (Rule.RENEWAL_REST, Rule.CARE_GAP, 4)


def test_absence_moves_visits_and_a_long_one_is_named() -> None:
    cared = member(care=(Care(date(2026, 3, 2), date(2026, 3, 13)),), visited=(date(2026, 2, 27),))
    away = frozenset({date(2026, 3, 4)})
    assert planned([cared], [Visitor("A", 5, away)], date(2026, 3, 2), date(2026, 3, 5)).visits[0].on == date(
        2026, 3, 3
    )
    long = frozenset(days(date(2026, 3, 2), date(2026, 3, 6)))
    plan = planned([cared], [Visitor("A", 5, long)], date(2026, 3, 2), date(2026, 3, 31))
    assert plan.visits[0].on == date(2026, 3, 9)
    assert (plan.conflicts[0].lost, plan.conflicts[0].won) == (Rule.CARE_GAP, Rule.ABSENCE)


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({}, [Rule.SERVICE]),
        ({"renews_on": date(2026, 3, 20)}, [Rule.RENEWAL]),
        ({"care": (Care(date(2026, 2, 2), date(2026, 2, 20)),)}, [Rule.CARE_GAP]),
        ({"tier": Tier.LOW}, []),
        ({"tier": Tier.LOW, "renews_on": date(2026, 3, 20)}, [Rule.RENEWAL]),
        ({"visited": (date(2026, 1, 2),), "tier": Tier.STANDARD}, []),
    ],
)
def test_what_a_member_nobody_is_in_charge_of_is_owed_is_named(changed: dict[str, object], lost: list[Rule]) -> None:
    one = member(owner="", **changed)
    found = plan_visits([one], [Visitor("A", 5)], CALENDAR.is_workday, FIRST, date(2026, 3, 20))
    assert found.visits == []
    assert [(one.member_id, one.lost, one.won) for one in found.conflicts] == [(1, rule, Rule.OWNER) for rule in lost]


def test_a_chosen_day_waits_for_whoever_comes_to_be_in_charge() -> None:
    pin = Kept(date(2026, 1, 14), Kind.REGULAR, pinned=True)
    [kept] = plan_visits([member(owner="", kept=(pin,))], [], CALENDAR.is_workday, FIRST, date(2026, 3, 20)).visits
    assert kept.on == pin.on


def test_how_often_is_the_service_level_of_the_tier_and_never_more_than_the_month_allows() -> None:
    levels = {
        Tier.TOP: ServiceLevel(Caller.OWNER, 45), Tier.GOOD: ServiceLevel(Caller.OWNER, 10),
        Tier.STANDARD: ServiceLevel(Caller.TEAM, 0), Tier.LOW: ServiceLevel(Caller.NOBODY, 20),
    }  # fmt: skip
    rules = VisitRules(every=days_between(levels))
    members = [VisitedMember(number, tier, "A") for number, tier in enumerate(Tier)]
    plan = plan_visits(members, [Visitor("A", 9)], CALENDAR.is_workday, FIRST, date(2026, 4, 10), rules)
    seen = [[one.on for one in plan.visits if one.member_id == number] for number, tier in enumerate(Tier)]
    by_tier = dict(zip(Tier, seen, strict=True))
    assert by_tier[Tier.TOP] == [FIRST, date(2026, 2, 24), date(2026, 4, 10)]  # the second after 春节
    assert by_tier[Tier.GOOD] == [FIRST, date(2026, 2, 5), date(2026, 3, 9), date(2026, 4, 9)]
    assert by_tier[Tier.STANDARD] == by_tier[Tier.LOW] == []


def test_a_regular_visit_that_finds_no_place_for_two_weeks_is_lost_to_who_is_away() -> None:
    away = frozenset(days(date(2026, 3, 2), date(2026, 3, 31)))
    plan = planned([member(visited=(date(2026, 1, 30),))], [Visitor("A", 1, away)], date(2026, 3, 2), date(2026, 4, 30))
    assert [(one.lost, one.won, one.on, one.figures) for one in plan.conflicts] == [
        (Rule.SERVICE, Rule.ABSENCE, date(2026, 3, 2), {"late": 30})
    ]
    plan = planned([member()], [Visitor("A", 0)], date(2026, 3, 2), date(2026, 3, 31))
    assert [(one.won, one.figures) for one in plan.conflicts] == [(Rule.CAPACITY, {"days": 30})]


def test_who_asked_for_silence_is_not_visited_in_it_and_care_begins_anew_after_it() -> None:
    cared = (Care(date(2026, 3, 2), date(2026, 3, 20)),)
    one = member(quiet_until=date(2026, 3, 8), care=cared, kept=(Kept(date(2026, 3, 4), Kind.CARE, pinned=True),))
    plan = planned([one], [Visitor("A", 5)], date(2026, 3, 2), date(2026, 3, 20))
    assert [visit.on.day for visit in plan.visits] == [11, 13, 16, 19]
    assert [(lost.lost, lost.won) for lost in plan.conflicts] == [(Rule.PIN, Rule.QUIET)]
    silent = member(quiet_until=date(2026, 5, 11), renews_on=date(2026, 5, 20))
    (lost,) = planned([silent], [Visitor("A", 5)], date(2026, 3, 2), date(2026, 5, 12)).conflicts
    assert (lost.lost, lost.won) == (Rule.RENEWAL, Rule.QUIET)
    assert broken(silent, date(2026, 3, 5)) == [Rule.QUIET]


def test_the_rules_are_settings() -> None:
    plan = plan_visits(
        [member(urgent=True)], [Visitor("A", 1)], CALENDAR.is_workday, FIRST, date(2026, 1, 31),
        VisitRules(urgent_per_month=4),
    )  # fmt: skip
    assert len(plan.visits) == 4


# ---- what was planned before ---------------------------------------------------------------------------------------


def keeping(members: Sequence[VisitedMember], plan: Plan) -> list[VisitedMember]:
    """The same members, who keep what was planned."""
    kept: dict[int, list[Kept]] = defaultdict(list)
    for visit in plan.visits:
        kept[visit.member_id].append(Kept(visit.on, visit.kind))
    return [replace(one, kept=tuple(kept[one.id])) for one in members]


def where(plan: Plan) -> set[tuple[int, date]]:
    return {(visit.member_id, visit.on) for visit in plan.visits}


@pytest.mark.parametrize("seed", range(6))
def test_planned_again_where_nothing_changed_nothing_moves(seed: int) -> None:
    members, visitors = network(seed, 400, 4, 3)
    last = FIRST + 75 * DAY
    plan = planned(members, visitors, last=last)
    assert where(planned(keeping(members, plan), visitors, last=last)) == where(plan)


@pytest.mark.parametrize("seed", range(3))
def test_from_night_to_night_little_moves_and_the_rules_hold_over_what_happened(seed: int) -> None:
    members, visitors = network(seed, 200, 2, 3)
    been: dict[int, list[date]] = defaultdict(list)
    happened, moved, stayed = [], 0, 0
    plan = Plan([], [])
    last = date(2026, 9, 30)
    for today in days(FIRST, last):
        now = [replace(m, visited=(*m.visited, *been[m.id])) for m in keeping(members, plan)]
        before = {one for one in where(plan) if one[1] >= today}
        plan = plan_visits(now, visitors, CALENDAR.is_workday, today, today + 75 * DAY)
        moved += len(before - where(plan))
        stayed += len(before & where(plan))
        for visit in plan.visits:
            if visit.on == today:
                been[visit.member_id].append(today)
                happened.append(visit)
    checker = Checker(members, visitors, Plan(happened, []), FIRST, last)
    checker.days_and_capacity()
    for one in members:
        checker.month(one)
    assert len(happened) > 500
    assert moved < stayed / 100


@pytest.mark.parametrize("seed", range(6))
def test_an_absence_moves_its_own_visits_and_breaks_no_rule(seed: int) -> None:
    members, visitors = network(seed, 300, 3, 4)
    last = FIRST + 75 * DAY
    plan = planned(members, visitors, last=last)
    away = frozenset(days(date(2026, 2, 2), date(2026, 2, 6)))
    changed = [replace(visitors[0], away=visitors[0].away | away), *visitors[1:]]
    again = planned(keeping(members, plan), changed, last=last)
    others = {one.id for one in members if one.owner != visitors[0].name}
    assert {one for one in where(again) if one[0] in others} == {one for one in where(plan) if one[0] in others}
    assert not [visit for visit in again.visits if visit.owner == visitors[0].name and visit.on in away]


def test_a_lower_tier_gives_its_day_to_a_higher_one_that_is_due() -> None:
    low = VisitedMember(1, Tier.STANDARD, "A", kept=(Kept(date(2026, 1, 5), Kind.REGULAR),))
    high = VisitedMember(2, Tier.TOP, "A")
    plan = planned([low, high], [Visitor("A", 1)], last=date(2026, 1, 16))
    assert [(visit.member_id, visit.on.day) for visit in plan.visits] == [(2, 5), (1, 6)]


def test_a_visit_that_took_place_meanwhile_takes_the_next_one_away() -> None:
    one = member(visited=(date(2026, 1, 20),), kept=(Kept(date(2026, 1, 28), Kind.REGULAR),))
    visits = planned([one], [Visitor("A", 1)], date(2026, 1, 21), date(2026, 2, 28)).visits
    assert [visit.on for visit in visits] == [date(2026, 2, 24)]  # the holiday is worked around


# ---- a day that a person chose -------------------------------------------------------------------------------------


def test_a_chosen_day_stands_before_all_and_what_it_breaks_is_named() -> None:
    pin = Kept(date(2026, 1, 12), Kind.REGULAR, pinned=True)
    one = member(visited=(date(2026, 1, 5),), kept=(pin,), renews_on=date(2026, 1, 20))
    plan = plan_visits([one], [Visitor("A", 1)], CALENDAR.is_workday, date(2026, 1, 6), date(2026, 2, 10))
    assert plan.visits[0].on == date(2026, 1, 12)
    assert [(lost.lost, lost.won) for lost in plan.conflicts] == [
        (Rule.MONTH, Rule.PIN), (Rule.RENEWAL_REST, Rule.PIN),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("on", "won"),
    [(date(2026, 1, 10), Rule.WORKDAYS), (date(2026, 1, 13), Rule.ABSENCE), (date(2026, 1, 12), Rule.CAPACITY)],
)
def test_a_chosen_day_gives_way_to_what_is_never_broken(on: date, won: Rule) -> None:
    pin = Kept(on, Kind.REGULAR, pinned=True)
    taken = member(id=0, kept=(Kept(date(2026, 1, 12), Kind.REGULAR, pinned=True),))
    staff = [Visitor("A", 1, frozenset({date(2026, 1, 13)}))]
    plan = plan_visits([taken, member(kept=(pin,))], staff, CALENDAR.is_workday, FIRST, date(2026, 1, 30))
    assert [(lost.member_id, lost.lost, lost.won) for lost in plan.conflicts] == [(1, Rule.PIN, won)]
    assert any(visit.member_id == 1 for visit in plan.visits)


def test_a_chosen_day_in_care_is_one_of_its_visits() -> None:
    cared = member(
        care=(Care(date(2026, 3, 2), date(2026, 3, 13)),),
        kept=(Kept(date(2026, 3, 3), Kind.CARE, pinned=True),),
        visited=(date(2026, 2, 27),),
    )
    plan = planned([cared], [Visitor("A", 5)], date(2026, 3, 2), date(2026, 3, 13))
    assert [visit.on.day for visit in plan.visits] == [3, 6, 9, 12]


def broken(one: VisitedMember, day: date, *, was: date = date(2026, 3, 4), taken: int = 0) -> list[Rule]:
    visitor = Visitor("A", 2, frozenset({date(2026, 3, 18)}))
    return broken_by(one, visitor, CALENDAR.is_workday, day, date(2026, 3, 2), taken=taken, was=was)


def test_what_a_chosen_day_would_break_is_told_before() -> None:
    assert broken(member(), date(2026, 3, 5)) == []
    assert broken(member(), date(2026, 2, 27)) == [Rule.TODAY]
    assert broken(member(), date(2026, 3, 7)) == [Rule.WORKDAYS]
    assert broken(member(), date(2026, 3, 18)) == [Rule.ABSENCE]
    assert broken(member(), date(2026, 3, 5), taken=2) == [Rule.CAPACITY]
    assert broken(member(visited=(date(2026, 2, 10),)), date(2026, 3, 5)) == [Rule.MONTH]
    assert broken(member(visited=(date(2026, 4, 1),)), date(2026, 3, 5)) == [Rule.MONTH]
    assert broken(member(visited=(date(2026, 2, 10),), urgent=True), date(2026, 3, 5)) == []
    assert broken(member(renews_on=date(2026, 3, 20)), date(2026, 3, 12)) == [Rule.RENEWAL_REST, Rule.RENEWAL]
    cared = member(
        care=(Care(date(2026, 3, 2), date(2026, 3, 13)),), visited=tuple(date(2026, 3, day) for day in (7, 10, 12))
    )
    assert broken(cared, date(2026, 3, 5)) == [Rule.CARE_GAP]
    assert broken(cared, date(2026, 3, 3)) == [Rule.CARE_GAP]


@pytest.mark.parametrize("seed", range(4))
def test_a_day_that_is_told_to_break_nothing_breaks_nothing(seed: int) -> None:
    members, visitors = network(seed, 300, 3, 4)
    first, last = date(2026, 3, 2), date(2026, 5, 15)
    plan = planned(members, visitors, first, last)
    dice = random.Random(seed)
    for visit in dice.sample(list(plan.visits), 60):
        chosen = first + dice.randrange(60) * DAY
        load = sum(1 for one in plan.visits if (one.owner, one.on) == (visit.owner, chosen))
        one = next(m for m in keeping(members, plan) if m.id == visit.member_id)
        others = [kept.on for kept in one.kept if kept.on != visit.on]
        visitor = next(v for v in visitors if v.name == visit.owner)
        told = broken_by(
            replace(one, visited=(*one.visited, *others)), visitor, CALENDAR.is_workday, chosen, first,
            taken=load, was=visit.on,
        )  # fmt: skip
        pins = tuple(
            Kept(on, kind, pinned=True) for on, kind in [*((o, visit.kind) for o in others), (chosen, visit.kind)]
        )
        if told or chosen in others:
            continue
        result = plan_visits([replace(one, kept=pins)], [visitor], CALENDAR.is_workday, first, last)
        assert not [lost for lost in result.conflicts if Rule.PIN in (lost.lost, lost.won)], (one, chosen)

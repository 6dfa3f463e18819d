"""A segment selects the same members in Python, on SQLite and on PostgreSQL."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import statements
from campaigns.members.facts import facts_for
from campaigns.members.find import count_audience, select_audience
from campaigns.segments import matches, parse_segment
from campaigns.segments.grammar import MAX_DEPTH, MAX_LENGTH, MAX_LIST
from campaigns.segments.tree import Segment
from campaigns.terms import SHANGHAI, Facts, Tier
from tests.segment_trees import ATTRS, LATE, NOW, NUMBERS, TEXTS, segments

_MEMBERS = 150
_ADDRESSES = 60
_TICK = timedelta(microseconds=1)


@pytest.fixture
async def members(database: object) -> dict[int, Facts]:
    """Members of every sort, their values at and beside the boundaries that the random rules ask about."""
    dice = random.Random(20261121)
    ids = range(1, _MEMBERS + 1)
    await _fill("members", [{"id": i, "no": f"Q{i}", **_member(dice)} for i in ids])
    await _fill("contacts", [{"id": i, "no": f"C{i}", **_contact(dice)} for i in range(_MEMBERS * 2)])
    await _fill("suppressions", [{"id": i, **_suppression(dice)} for i in range(_MEMBERS)])
    return await facts_for(ids, NOW)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segment=segments(), now=st.sampled_from([NOW, LATE]))
async def test_python_and_the_database_select_the_same_members(
    members: dict[int, Facts], segment: Segment, now: datetime
) -> None:
    assert await select_audience(segment, now) == _matching(members, segment, now)


async def test_a_plain_rule_selects_some_members_and_not_others(members: dict[int, Facts]) -> None:
    for rule in (
        "idle_days >= 90 and unread_resumes >= 3 and tier in (优质, 高端)",
        "last_login_at is empty or last_login_at < 2026-11-20",
        "renewal_days >= 1 and renewal_days <= 14",
        "consent and not reachable.email",
        'attr."a""b" = 大同 or attr.园区 contains 同',
        "oldest_unread_hours >= 72h",
        "reachable.sms or reachable.wechat",
    ):
        audience = await _agreed(members, rule)
        assert 0 < len(audience) < len(members), rule
        assert await count_audience(parse_segment(rule), NOW) == len(audience)


async def test_sql_in_a_rule_is_a_text_like_any_other(members: dict[int, Facts]) -> None:
    for attack in ("'; DROP TABLE members; --", "' OR '1'='1", "$1", "?1", "%", "\\", '"', "){x}"):
        text = '"' + attack.replace('"', '""') + '"'
        for rule in (f"no = {text}", f"no in ({text}, x)", f"attr.{text} = {text}", f"attr.{text} contains 开"):
            assert await _agreed(members, rule) == []
    assert await _agreed(members, "all") == list(members)


async def test_no_number_is_too_large_for_the_database(members: dict[int, Facts]) -> None:
    for number in ("99999999999999999999", "9223372036854775808", "2147483648", "739000", "9" * 500, "0.1"):
        for field in ("logins", "idle_days", "renewal_days", "oldest_unread_hours", "registered_days"):
            for sign in ("<", "<=", "=", ">=", ">", "< -", "<= -", "= -", ">= -", "> -"):
                await _agreed(members, f"{field} {sign}{number}")


async def test_the_longest_and_deepest_rules_still_run(members: dict[int, Facts]) -> None:
    nested = "name = a or reachable.sms and not (" * (MAX_DEPTH // 2)
    await _agreed(members, nested + "last_login_at in (2026-11-11, 2026-11-12)" + ")" * (MAX_DEPTH // 2))
    await _agreed(members, " or ".join(["attr.a=x"] * (MAX_LENGTH // 12)))
    await _agreed(members, f"attr.a in ({','.join(['x'] * MAX_LIST)})")
    await _agreed(members, f"logins in ({','.join(['7'] * MAX_LIST)})")


async def _agreed(members: dict[int, Facts], rule: str) -> list[int]:
    segment = parse_segment(rule)
    audience = await select_audience(segment, NOW)
    assert audience == _matching(members, segment, NOW), rule
    return audience


def _matching(members: dict[int, Facts], segment: Segment, now: datetime) -> list[int]:
    return [member_id for member_id in sorted(members) if matches(segment, members[member_id], now)]


async def _fill(table: str, rows: list[dict[str, Any]]) -> None:
    await statements.upsert(table, ["id"], list(rows[0]), [list(row.values()) for row in rows])


def _member(dice: random.Random) -> dict[str, Any]:
    registered, login = _moment(dice), dice.choice([None, _moment(dice)])
    return {
        **{name: dice.choice(("", *TEXTS)) for name in ("name", "trade", "nature", "size", "city", "plan", "owner")},
        **{
            name: dice.choice((0, 1, 2, 3, 90, 2**31 - 1))
            for name in ("login_count", "postings", "live_postings", "applications", "unread_resumes")
        },
        "tier": dice.choice(list(Tier)).value,
        "activity_state": dice.choice(("", "active", "dormant")),
        "p_active": dice.choice((None, 0.0, 0.01, 0.29, 0.57, 0.9, 1.0)),
        "findings": dice.choice(("", ",unread,", ",unread,stale,", ",never_looked,")),
        "tier_score": 0.0,
        "tier_reasons": [],
        "registered_at": registered,
        "last_login_at": login,
        "idle_since": login or registered,
        "oldest_unread_at": dice.choice([None, _moment(dice, timedelta(hours=1))]),
        "plan_expires_on": dice.choice([None, NOW.date() + timedelta(days=dice.choice(NUMBERS)), date.max, date.min]),
        "attrs": {name: dice.choice(("", *TEXTS)) for name in ATTRS if dice.random() < 0.7},
    }


def _moment(dice: random.Random, unit: timedelta = timedelta(days=1)) -> datetime:
    days = [
        NOW - dice.choice(NUMBERS) * unit,
        datetime(2026, 11, 21, tzinfo=SHANGHAI),
        datetime(1990, 9, 16, tzinfo=SHANGHAI),
    ]
    return dice.choice(days) + dice.choice((-1, 0, 0, 1)) * _TICK


def _contact(dice: random.Random) -> dict[str, Any]:
    return {
        "member_id": dice.randint(1, _MEMBERS),
        "email": dice.choice([None, "", *_addresses("m{}@huifang.example")]),
        "mobile": dice.choice([None, *_addresses("154835{:05}")]),
        "openid": dice.choice([None, *_addresses("o{}")]),
        **dict.fromkeys(("name", "title", "qq", "parent_no", "consent_source"), ""),
        "is_primary": False,
        "consent": dice.choice([None, True, False]),
        "active": dice.random() < 0.8,
    }


def _suppression(dice: random.Random) -> dict[str, Any]:
    nobody = dict.fromkeys(("member_id", "until", "channel", "address"))
    company = {"member_id": dice.randint(1, _MEMBERS), "until": dice.choice([None, NOW + timedelta(hours=1)])}
    channel, form = dice.choice([("email", "m{}@huifang.example"), ("sms", "154835{:05}"), ("wechat", "o{}")])
    # sometimes another channel's: that blocks nothing
    address = {"channel": dice.choice([channel, channel, "sms"]), "address": form.format(dice.randrange(_ADDRESSES))}
    lifted = dice.choice([None, None, NOW])
    return {
        "reason": "refused",
        "source": "",
        "at": NOW,
        "lifted_at": lifted,
        **nobody,
        **dice.choice([company, address]),
    }


def _addresses(form: str) -> list[str]:
    return [form.format(i) for i in range(_ADDRESSES)]

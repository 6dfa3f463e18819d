"""From trigger to outbox: one fate for each member, the same in the preview, asked again before the wire."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from bot.commands.importing import import_paths
from bot.sandbox.site import write_export
from bot.settings import Settings
from campaigns import definitions, outbox, planner, statements, visits
from campaigns.experiments import is_held_out
from campaigns.members import consent, find
from campaigns.members.facts import facts_for
from campaigns.models import Member, Message, Occurrence, PlannedVisit, Visit
from campaigns.outbox import Claimed
from campaigns.planner import Rulebook
from campaigns.terms import SHANGHAI, Allow, ChannelName, Defer, DeliveryState, Reason, Suppress
from tests.cast import (
    NOW,
    TEMPLATES,
    Player,
    add_contact,
    add_member,
    approve_tiny,
    claim,
    crowd,
    datong,
    jinbei,
    message_row,
    put_on_the_wire,
    recheck,
    rulebook,
    run_tiny,
    send_one,
    settle_sent,
    states,
    write_tiny,
    xinping,
    yungang,
)

SATURDAY = datetime(2026, 11, 21, 9, 0, tzinfo=SHANGHAI)
SHIPPED = (
    "unread_resumes", "forgotten_account", "recruiting_tips", "who_is_hiring", "festival_greeting", "renewal_visit",
)  # fmt: skip
_FIRST_CHUNK = 3


# ---- planning -----------------------------------------------------------------------------------------------------


async def test_planning_twice_adds_nothing(database: Settings, tmp_path: Path) -> None:
    await crowd(5)
    occurrence_id = await run_tiny(tmp_path)
    planned = await outbox.read_planned(occurrence_id)
    await planner.plan_occurrence(occurrence_id, NOW, rulebook())
    assert await planner.start_campaign("tiny", NOW, rulebook()) == occurrence_id
    assert await planner.plan_due(NOW, rulebook()) == []
    assert await outbox.read_planned(occurrence_id) == planned
    assert await states(occurrence_id) == {"queued": 5}


async def test_a_crash_half_way_through_planning_is_completed_without_doubling(
    database: Settings, tmp_path: Path
) -> None:
    ids = await crowd(8)
    occurrence_id = await _died_planning(tmp_path, ids[:_FIRST_CHUNK])
    later = NOW + timedelta(minutes=1)

    assert await planner.plan_due(later, rulebook()) == [occurrence_id]

    assert await states(occurrence_id) == {"queued": 8}
    planned = await outbox.read_planned(occurrence_id)
    assert (planned["audience"], planned["fates"]) == (8, {"send": 8})
    assert await planner.plan_due(later, rulebook()) == []


async def test_a_crash_while_tasks_are_opened_opens_none_twice(database: Settings, tmp_path: Path) -> None:
    await crowd(6)
    occurrence_id = await run_tiny(tmp_path, action="visit", channels=[])
    assert await Visit.all().count() == 6
    await Message.filter(id__in=await Message.all().order_by("id").limit(2).values_list("id", flat=True)).delete()
    await Occurrence.filter(id=occurrence_id).update(planned_at=None)

    await planner.plan_due(NOW + timedelta(minutes=1), rulebook())

    assert await Visit.all().count() == 6
    assert (await outbox.read_planned(occurrence_id))["fates"] == {"visit": 6}


async def test_planners_at_the_same_time_agree_on_one_audience(database: Settings, tmp_path: Path) -> None:
    """The second looks a day later, when one member more has been idle for 90 days."""
    await crowd(3)
    await add_contact(await add_member("Y1", idle_since=NOW - timedelta(days=89, hours=12)), 1)
    campaign = await approve_tiny(tmp_path, segment="idle_days >= 90")
    occurrence_id = await outbox.add_occurrence(campaign.id, campaign.version_id, "one", NOW, useless_at=None)

    moments = (NOW, NOW + timedelta(days=1), NOW, NOW + timedelta(days=1))
    await asyncio.gather(*(planner.plan_occurrence(occurrence_id, now, rulebook()) for now in moments))

    planned = await outbox.read_planned(occurrence_id)
    assert planned["audience"] == await Message.filter(occurrence_id=occurrence_id).count() in (3, 4)


async def test_what_planning_decided_never_changes_afterwards(database: Settings, tmp_path: Path) -> None:
    occurrence_id = await run_tiny(tmp_path)
    planned = await outbox.read_planned(occurrence_id)
    async with in_transaction():
        assert not await outbox.hold_planning(occurrence_id)
    await outbox.enqueue([message_row(occurrence_id, await datong())])
    await outbox.close_planning(occurrence_id, NOW + timedelta(hours=1))
    assert await outbox.read_planned(occurrence_id) == planned


async def test_a_slot_that_fell_due_is_planned_once(database: Settings, tmp_path: Path) -> None:
    await crowd(2)
    await approve_tiny(tmp_path)
    await definitions.start("tiny", now=NOW)
    tomorrow = datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI)
    assert await planner.next_slot(NOW, rulebook()) == tomorrow
    assert await planner.plan_due(tomorrow - timedelta(seconds=1), rulebook()) == []
    assert len(await planner.plan_due(tomorrow, rulebook())) == 1
    assert await planner.plan_due(tomorrow + timedelta(seconds=1), rulebook()) == []


async def test_a_member_written_to_is_left_out_until_its_time_is_up(database: Settings, tmp_path: Path) -> None:
    await crowd(2)
    schedule = 'kind = "recurring"\nevery = "day"\nat = "09:30"\ndays = "all"\nagain_after = "7d"'
    await run_tiny(tmp_path, schedule=schedule)
    audiences = []
    for days in range(1, 8):
        (occurrence_id,) = await planner.plan_due(NOW + timedelta(days=days), rulebook())
        audiences.append((await outbox.read_planned(occurrence_id))["audience"])
    assert audiences == [0, 0, 0, 0, 0, 0, 2]


async def test_a_company_that_refused_gets_no_task_either(database: Settings, tmp_path: Path) -> None:
    player = await xinping()
    await consent.record_opt_out(player.member_id, at=NOW, source="test")
    occurrence_id = await run_tiny(tmp_path, action="visit", channels=[])
    assert await states(occurrence_id) == {"suppressed:refused": 1}
    assert await Visit.all().count() == 0


# ---- before a renewal: today is Monday 23 November -----------------------------------------------------------------


async def before_renewal(tmp_path: Path) -> dict[str, str]:
    """Member → the reason without a task, empty where it got one."""
    occurrence_id = await run_tiny(tmp_path, action="visit", channels=[], visit_category="renewal", useless_after="7d")
    rows = await Message.filter(occurrence_id=occurrence_id).values_list("member_id", "reason")
    numbers = dict(await Member.all().values_list("id", "no"))
    return {numbers[member_id]: reason for member_id, reason in rows}


async def test_a_task_before_a_renewal_is_due_before_the_rest_and_not_opened_in_it(
    database: Settings, tmp_path: Path
) -> None:
    ids = await crowd(5)
    today = NOW.astimezone(SHANGHAI).date()
    for member_id, days in zip(ids, (9, 10, 15, 16, 40), strict=True):
        await Member.filter(id=member_id).update(plan_expires_on=today + timedelta(days=days))
    assert list((await before_renewal(tmp_path)).values()) == ["renewal_rest", "", "", "", ""]
    due = {row.member_id: row.due_at.astimezone(SHANGHAI) for row in await Visit.all()}
    assert [(due[one].date() - today).days for one in ids[1:]] == [0, 4, 4, 7]  # the fifth and sixth day are off
    assert all(row.due_at >= NOW for row in await Visit.all())


async def test_who_has_a_visit_before_the_renewal_gets_no_task_beside_it(database: Settings, tmp_path: Path) -> None:
    ids = await crowd(6)
    today = NOW.astimezone(SHANGHAI).date()
    await Member.all().update(plan_expires_on=today + timedelta(days=20))
    for member_id, day in ((ids[0], 0), (ids[1], 10), (ids[2], 30)):  # the last one after the renewal
        await PlannedVisit.create(
            member_id=member_id, owner="林", day=today + timedelta(days=day), kind="renewal", due=today
        )
    for member_id, category, days in ((ids[3], "planned_visit", -3), (ids[4], "renewal", 2), (ids[5], "reply", 0)):
        due = NOW + timedelta(days=days)
        await visits.open_visit(member_id, category=category, cause=f"x{member_id}", opened_at=NOW, due_at=due)
    told = list((await before_renewal(tmp_path)).values())
    assert told == ["visit_planned", "visit_planned", "", "visit_planned", "visit_planned", ""]
    assert await Visit.filter(cause__startswith="occurrence:").count() == 2


# ---- fates --------------------------------------------------------------------------------------------------------


async def test_each_of_the_cast_gets_its_own_fate(database: Settings, tmp_path: Path) -> None:
    players = [await datong(), await jinbei(), await yungang(), await xinping()]
    await consent.record_opt_out(players[0].member_id, at=NOW, source="test")
    await add_member("Y9")
    await run_tiny(tmp_path)
    assert {row.member_id: (row.state, row.reason, row.channel) for row in await Message.all()} == {
        players[0].member_id: ("suppressed", "refused", None),
        players[1].member_id: ("queued", "", "sms"),
        players[2].member_id: ("queued", "", "email"),
        players[3].member_id: ("queued", "", "sms"),
        await find.member_id_of("Y9"): ("suppressed", "no_contact", None),
    }


async def test_a_company_held_out_stays_held_out(database: Settings, tmp_path: Path) -> None:
    await crowd(40)
    first = await run_tiny(tmp_path, hold_out=0.3)
    second = await run_tiny(tmp_path, "other", hold_out=0.3)
    third = await run_tiny(tmp_path, "third", hold_out=0.5)
    out = [await _suppressed(run, Reason.HOLD_OUT) for run in (first, second, third)]
    assert 4 < len(out[0]) < 20
    assert out[0] == out[1] < out[2]
    expected = {no for no in (f"Y{n}" for n in range(1001, 1041)) if is_held_out(rulebook().holdout_secret, no, 0.3)}
    assert out[0] == {await find.member_id_of(no) for no in expected}


async def test_caps_count_what_is_planned_and_what_was_sent(database: Settings, tmp_path: Path) -> None:
    await jinbei()
    marketing = {"class": "marketing", "channels": ["sms"]}
    first = await run_tiny(tmp_path, **marketing)
    assert await states(first) == {"queued": 1}
    planned_only = await run_tiny(tmp_path, "second", **marketing)
    until = (await Message.get(occurrence_id=planned_only)).not_before
    assert await states(planned_only) == {"queued:frequency_cap": 1}
    assert until == datetime(2026, 11, 30, 9, 30, tzinfo=SHANGHAI)  # one SMS a contact in 7 days

    await settle_sent(await put_on_the_wire(first))
    after_it_was_sent = await run_tiny(tmp_path, "third", **marketing)
    assert await states(after_it_was_sent) == {"queued:frequency_cap": 1}
    assert (await Message.get(occurrence_id=after_it_was_sent)).not_before == until + timedelta(days=7)


async def test_what_never_went_out_counts_against_no_cap(database: Settings, tmp_path: Path) -> None:
    await jinbei()
    marketing = {"class": "marketing", "channels": ["sms"]}
    await run_tiny(tmp_path, **marketing)
    await outbox.cancel_queued(await definitions.cancel("tiny"))
    assert await states(await run_tiny(tmp_path, "second", **marketing)) == {"queued": 1}


async def test_a_cap_looks_back_as_far_as_the_settings_say(database: Settings, tmp_path: Path) -> None:
    """However wide the window: here a company was sent its four of 90 days 40 to 70 days ago, one of them late."""
    player = await jinbei()
    for days in (70, 60, 50, 40):
        message_id = await send_one(tmp_path, player, f"past{days}")
        at = NOW - timedelta(days=days)
        planned = at - timedelta(days=40) if days == 70 else at
        await Message.filter(id=message_id).update(message_class="marketing", sent_at=at, not_before=planned)
    wide = replace(rulebook(), policy=replace(rulebook().policy, company_window=timedelta(days=90)))
    await approve_tiny(tmp_path, **{"class": "marketing"})
    folder = await definitions.load_campaign(tmp_path, "tiny")
    assert (await planner.preview(folder, NOW, rulebook())).fates == {"send": 1}
    assert (await planner.preview(folder, NOW, wide)).fates == {"deferred:frequency_cap": 1}


async def test_the_number_of_queries_does_not_grow_with_the_members(
    sqlite_database: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    few = [*await crowd(3, unread=1), (await jinbei()).member_id]
    many = [*few, (await yungang()).member_id, *await _more(60)]
    counts = []
    for ids in (few, many):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
            assert len(await facts_for(ids, NOW)) == len(ids)
        counts.append(len(caplog.records))
    assert 0 < counts[0] == counts[1] <= 6


# ---- the preview --------------------------------------------------------------------------------------------------


async def test_the_preview_of_every_shipped_campaign_equals_its_run(database: Settings, tmp_path: Path) -> None:
    write_export(tmp_path / "export", members=300, as_of=SATURDAY)
    await import_paths(database, [tmp_path / "export"], SATURDAY, lambda *_: None)
    seen: Counter[str] = Counter()
    again = [key for key in SHIPPED if key != "festival_greeting"]  # that festival is planned by then
    for now, keys in ((SATURDAY, SHIPPED), (NOW + timedelta(days=8), again)):
        for key in keys:
            folder = await definitions.load_campaign(TEMPLATES, key)
            await definitions.approve(folder, by="tests", now=now)
            preview = await planner.preview(folder, now, rulebook())
            occurrence_id = await planner.start_campaign(key, now, rulebook())
            assert occurrence_id is not None

            planned = await outbox.read_planned(occurrence_id)
            assert (planned["audience"], planned["fates"]) == (preview.audience, dict(preview.fates)), key
            assert await _channels(occurrence_id) == dict(preview.channels), key
            assert await _deferred(occurrence_id) == {name: dict(times) for name, times in preview.until.items()}, key
            await _assert_one_fate_each(occurrence_id, preview.audience)
            seen.update(preview.fates)
    fates = {"send", "visit", "suppressed:hold_out", "suppressed:no_consent", "deferred:outside_hours"}
    assert fates < set(seen)
    assert any(fate == "deferred:frequency_cap" for fate in seen)


@pytest.mark.parametrize("campaign", ["festival_greeting", "recruiting_tips"])
async def test_the_preview_of_what_is_planned_already_says_so_and_counts_nothing_twice(
    database: Settings, tmp_path: Path, campaign: str
) -> None:
    write_export(tmp_path / "export", members=300, as_of=SATURDAY)
    await import_paths(database, [tmp_path / "export"], SATURDAY, lambda *_: None)
    folder = await definitions.load_campaign(TEMPLATES, campaign)
    await definitions.approve(folder, by="tests", now=SATURDAY)
    before = await planner.preview(folder, SATURDAY, rulebook())
    await planner.start_campaign(campaign, SATURDAY, rulebook())
    after = await planner.preview(folder, SATURDAY, rulebook())
    assert (before.already_planned, after.already_planned) == (False, True)
    assert replace(after, already_planned=False) == before
    assert before.channels
    assert "frequency_cap" not in "".join(after.fates)


async def test_a_preview_writes_nothing(database: Settings, tmp_path: Path) -> None:
    await crowd(3)
    write_tiny(tmp_path)
    folder = await definitions.load_campaign(tmp_path, "tiny")
    assert (await planner.preview(folder, NOW, rulebook())).fates == {"send": 3}
    assert await Message.all().count() == await Occurrence.all().count() == 0
    assert await definitions.find_campaign("tiny") is None


# ---- the moment of sending ----------------------------------------------------------------------------------------


async def test_a_thousand_messages_whose_resumes_were_read_in_between_are_not_sent(
    database: Settings, tmp_path: Path
) -> None:
    ids = await crowd(1000, unread=3)
    occurrence_id = await run_tiny(tmp_path, segment="unread_resumes >= 3", goal="unread_resumes < 3")
    assert await states(occurrence_id) == {"queued": 1000}
    await statements.run("UPDATE applications SET first_viewed_at = $1", NOW)
    await statements.recount_members()

    claimed = (await claim(occurrence_id)).messages
    assert {one.member_id for one in claimed} == set(ids)
    checked = await recheck(claimed)
    assert [one.claimed for one in checked] == list(claimed)
    assert Counter(one.verdict for one in checked) == {Suppress(Reason.GOAL_MET): 1000}


async def test_who_has_met_the_goal_already_is_not_promised_a_message(database: Settings, tmp_path: Path) -> None:
    await crowd(60, unread=3)
    await crowd(60, first=2001, unread=9)
    occurrence_id = await run_tiny(tmp_path, segment="unread_resumes >= 3", goal="unread_resumes > 5", hold_out=0.3)
    planned = await outbox.read_planned(occurrence_id)
    assert set(planned["fates"]) == {"send", "suppressed:goal_met", "suppressed:hold_out"}
    met = await Message.filter(reason="goal_met").values_list("member_id", flat=True)
    held = await Message.filter(reason="hold_out").values_list("member_id", flat=True)
    rich = set(await Member.filter(unread_resumes__gt=5).values_list("id", flat=True))
    assert set(met) == rich - set(held)
    assert rich & set(held)  # the side that is held out keeps its own who have met it


async def test_a_resume_that_is_read_meets_the_goal_of_that_member_alone(database: Settings, tmp_path: Path) -> None:
    await crowd(3, unread=3)
    occurrence_id = await run_tiny(tmp_path, segment="unread_resumes >= 3", goal="unread_resumes < 3")
    claimed = await _claim(occurrence_id)
    assert await find.record_views(claimed[1].member_id, NOW) == 3
    verdicts = [one.verdict for one in await recheck(claimed)]
    assert [isinstance(verdict, Allow) for verdict in verdicts] == [True, False, True]
    assert verdicts[1] == Suppress(Reason.GOAL_MET)


async def test_a_refusal_a_pause_and_a_lost_contact_are_seen_before_the_wire(
    database: Settings, tmp_path: Path
) -> None:
    await crowd(5)
    claimed = await _claim(await run_tiny(tmp_path, channels=["sms"]))
    refused, paused, wrong, closed, _ = claimed
    await consent.record_opt_out(refused.member_id, at=NOW, source="test")
    await consent.pause_member(paused.member_id, at=NOW, source="test")
    await consent.deactivate_contact(wrong.contact_id)
    await consent.suppress_address(ChannelName.SMS, closed.address, at=NOW, reason="bounced", source="test")

    verdicts = [one.verdict for one in await recheck(claimed)]

    assert verdicts[0] == Suppress(Reason.REFUSED)
    assert isinstance(verdicts[1], Defer)
    assert (verdicts[1].until, verdicts[1].reason) == (NOW + timedelta(hours=24), Reason.PAUSED)
    assert verdicts[2:4] == [Suppress(Reason.NO_CONTACT), Suppress(Reason.UNREACHABLE)]
    assert isinstance(verdicts[4], Allow)


async def test_a_message_is_no_rival_of_itself(database: Settings, tmp_path: Path) -> None:
    await crowd(2)
    claimed = await _claim(await run_tiny(tmp_path, **{"class": "marketing", "channels": ["sms"]}))
    assert all(isinstance(one.verdict, Allow) for one in await recheck(claimed))


async def test_a_message_that_waited_too_long_is_not_sent(database: Settings, tmp_path: Path) -> None:
    await crowd(1)
    claimed = await _claim(await run_tiny(tmp_path, useless_after="2h"))
    (checked,) = await recheck(claimed, NOW + timedelta(hours=2, seconds=1))
    assert checked.verdict == Suppress(Reason.TOO_LATE)


async def test_the_words_are_filled_with_what_is_true_at_the_wire(database: Settings, tmp_path: Path) -> None:
    await jinbei()
    claimed = await _claim(await run_tiny(tmp_path))
    await statements.run("UPDATE members SET unread_resumes = 11")
    (checked,) = await recheck(claimed)
    assert _member(checked.variables)["unread"] == 11
    assert "no" not in _member(checked.variables)  # no word reads it


async def test_a_refused_channel_gives_way_to_the_next_one(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    (one,) = await _claim(await run_tiny(tmp_path, channels=["sms", "email"]))
    again = await planner.choose_again(one, NOW, rulebook())
    assert again == Allow(player.contact_id, ChannelName.EMAIL, player.email)
    last = replace(one, channel=ChannelName.EMAIL)
    assert await planner.choose_again(last, NOW, rulebook()) == Suppress(Reason.NO_WINDOW)


# ---- looking ------------------------------------------------------------------------------------------------------


async def _died_planning(folder: Path, planned: list[int]) -> int:
    """An occurrence whose planner was killed after the first members."""
    campaign = await approve_tiny(folder)
    await definitions.start("tiny", now=NOW)
    occurrence_id = await outbox.add_occurrence(campaign.id, campaign.version_id, "one", NOW, useless_at=None)
    facts = await facts_for(planned, NOW)
    for member_id in planned:
        person = facts[member_id].contacts[0]
        player = Player(member_id, person.id, facts[member_id].member_no, person.mobile or "", person.email or "", "")
        await outbox.enqueue([message_row(occurrence_id, player)])
    return occurrence_id


async def _claim(occurrence_id: int) -> list[Claimed]:
    return list((await claim(occurrence_id)).messages)


async def _more(size: int) -> Iterator[int]:
    return iter([await add_member(f"Z{n}") for n in range(size)])


async def _suppressed(occurrence_id: int, reason: Reason) -> set[int]:
    rows = Message.filter(occurrence_id=occurrence_id, state=DeliveryState.SUPPRESSED, reason=reason)
    return set(await rows.values_list("member_id", flat=True))


async def _channels(occurrence_id: int) -> dict[str, int]:
    return dict(
        Counter(
            await Message.filter(occurrence_id=occurrence_id, channel__not_isnull=True).values_list(
                "channel", flat=True
            )
        )
    )


async def _deferred(occurrence_id: int) -> dict[str, dict[datetime, int]]:
    found: dict[str, Counter[datetime]] = {}
    for row in await Message.filter(occurrence_id=occurrence_id, state=DeliveryState.QUEUED).exclude(reason=""):
        found.setdefault(f"deferred:{row.reason}", Counter())[row.not_before] += 1
    return {name: dict(times) for name, times in found.items()}


async def _assert_one_fate_each(occurrence_id: int, audience: int) -> None:
    rows = await Message.filter(occurrence_id=occurrence_id)
    assert len(rows) == len({row.member_id for row in rows}) == audience
    for row in rows:
        assert row.reason or row.state in (DeliveryState.QUEUED, DeliveryState.HANDED_OVER)
        assert (row.state == DeliveryState.QUEUED) == bool(row.channel and row.address and row.contact_id)


def _member(variables: Mapping[str, object]) -> Mapping[str, object]:
    member = variables["member"]
    assert isinstance(member, dict)
    return member


def test_the_rulebook_of_the_tests_is_the_shipped_one() -> None:
    assert isinstance(rulebook(), Rulebook)
    assert rulebook().policy.company_window == timedelta(days=30)

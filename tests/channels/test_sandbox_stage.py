"""What every stand-in relies on: time, memory, and that nothing is lost silently."""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.stage import Accepted, Ledger, Stage, read_ledger
from campaigns.terms import ChannelName

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment


def accepted(key: str, to: str = "15400000001", channel: ChannelName = ChannelName.SMS) -> Accepted:
    return Accepted(channel, to, key, START, {"text": "【云溪人才网】您好"}, f"p-{key}")


def accept(stage: Stage, key: str) -> Accepted:
    return stage.accept(ChannelName.SMS, "15400000001", key=key, words={}, provider_id="p")


async def test_actions_run_in_the_order_of_their_time_and_then_of_their_asking() -> None:
    clock, ran = Hand(), list[str]()
    stage = Stage(clock, seed=1)

    def say(word: str):
        async def action() -> None:
            ran.append(word)

        return action

    stage.timetable.later(2 * MINUTE, say("late"))
    stage.timetable.later(MINUTE, say("first"))
    stage.timetable.later(MINUTE, say("second"))
    assert stage.timetable.next_at() == START + MINUTE
    assert await stage.timetable.run_due() == 0

    clock.moment = START + MINUTE
    assert await stage.timetable.run_due() == 2
    assert ran == ["first", "second"]
    assert await stage.timetable.run_due(START + 2 * MINUTE) == 1
    assert ran == ["first", "second", "late"]
    assert stage.timetable.next_at() is None


async def test_what_an_action_schedules_for_now_runs_in_the_same_call() -> None:
    clock, ran = Hand(), list[str]()
    timetable = Stage(clock, seed=1).timetable

    async def second() -> None:
        ran.append("second")

    async def first() -> None:
        timetable.later(timedelta(0), second)
        timetable.later(MINUTE, second)

    timetable.later(timedelta(0), first)
    assert await timetable.run_due() == 2
    assert ran == ["second"]
    assert len(timetable) == 1


async def test_an_action_that_fails_is_kept_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    ran = list[str]()
    timetable = Stage(Hand(), seed=1).timetable

    async def bad() -> None:
        raise ConnectionError("hr1@qq.example.com is away")

    async def good() -> None:
        ran.append("good")

    timetable.later(timedelta(0), bad, "push of a receipt")
    timetable.later(timedelta(0), good)
    with caplog.at_level(logging.ERROR):
        await timetable.run_due()
    assert ran == ["good"]
    assert [(f.label, f.error) for f in timetable.failures] == [
        ("push of a receipt", "ConnectionError: hr1@qq.example.com is away")
    ]
    assert "push of a receipt" in caplog.text
    assert "hr1@" not in caplog.text


async def test_run_due_returns_only_when_the_background_task_is_through_as_well() -> None:
    ran, started, gate = list[str](), asyncio.Event(), asyncio.Event()
    stage = Stage(Hand(), seed=1)

    async def slow() -> None:
        started.set()
        await gate.wait()
        ran.append("slow")

    stage.timetable.later(timedelta(0), slow)
    stage.start()
    await started.wait()
    asyncio.get_running_loop().call_later(0.02, gate.set)
    assert await stage.timetable.run_due() == 0
    assert ran == ["slow"]
    await stage.stop()


async def test_the_background_task_sees_a_clock_that_jumped() -> None:
    clock, ran = Hand(), asyncio.Event()
    stage = Stage(clock, seed=1)

    async def action() -> None:
        ran.set()

    stage.timetable.later(timedelta(days=7), action)
    stage.start()
    await asyncio.sleep(0.01)
    clock.moment += timedelta(days=7)
    await asyncio.wait_for(ran.wait(), timeout=2)
    await stage.stop()


async def test_a_background_task_that_dies_says_so_and_stop_raises_what_it_died_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> datetime:
        raise RuntimeError("no clock")

    stage = Stage(Hand(), seed=1)
    stage.timetable.at(START, asyncio.sleep)  # type: ignore[arg-type]
    stage.timetable._now = broken
    stage.start()
    await asyncio.sleep(0.01)
    assert "the timetable died" in caplog.text
    with pytest.raises(RuntimeError, match="no clock"):
        await stage.stop()


def test_a_moment_without_a_zone_is_refused() -> None:
    async def action() -> None: ...

    with pytest.raises(ValueError, match="aware"):
        Stage(Hand(), seed=1).timetable.at(datetime(2026, 11, 23), action)  # noqa: DTZ001


def test_an_accepted_message_is_on_disk_before_accept_returns(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    stage = Stage(Hand(), seed=1, ledger_path=path)
    row = accept(stage, "k1")
    assert read_ledger(path) == [row]
    stage.ledger.close()


def test_a_ledger_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    first.write(accepted("k1"))
    first.write(accepted("k2"))
    first.close()
    torn = path.read_bytes()
    path.write_bytes(torn[:-10])

    second = Ledger(path)
    second.write(accepted("k3"))
    second.close()
    assert [row.key for row in read_ledger(path)] == ["k1", "k3"]
    assert [row.key for row in second] == ["k1", "k3"]
    assert read_ledger(path)[0] == accepted("k1")


def test_the_ledger_answers_by_channel_key_and_address() -> None:
    ledger = Ledger()
    ledger.write(accepted("a"))
    ledger.write(accepted("a"))
    ledger.write(accepted("", to="15400000002"))
    ledger.write(accepted("m", "Hr1@qq.example.com", ChannelName.EMAIL))
    ledger.write(accepted("w", "oA", ChannelName.WECHAT))

    assert ledger.counts() == {"email": 1, "sms": 3, "wechat": 1, "wecom": 0}
    assert ledger.keys(ChannelName.SMS) == Counter({"a": 2})
    assert len(ledger.by_key(ChannelName.SMS, "a")) == 2
    assert ledger.by_key(ChannelName.EMAIL, "a") == []
    assert [row.to for row in ledger.rows(ChannelName.SMS)] == ["15400000001"] * 2 + ["15400000002"]
    assert len(ledger.rows()) == len(ledger) == 5


def test_a_mailbox_is_the_same_in_any_case_and_an_openid_is_not() -> None:
    ledger = Ledger()
    ledger.write(accepted("m", "Hr1@QQ.example.com", ChannelName.EMAIL))
    ledger.write(accepted("w", "oAbC", ChannelName.WECHAT))
    assert len(ledger.sent_to(ChannelName.EMAIL, "hr1@qq.example.com")) == 1
    assert ledger.sent_to(ChannelName.WECHAT, "oabc") == []


def test_a_listener_is_told_after_the_ledger_and_cannot_undo_the_acceptance() -> None:
    stage, seen = Stage(Hand(), seed=1), list[int]()

    def bad(row: Accepted) -> None:
        raise RuntimeError("customers are ill")

    stage.listeners.append(bad)
    stage.listeners.append(lambda row: seen.append(len(stage.ledger)))
    accept(stage, "k1")
    assert seen == [1]
    assert [failure.label for failure in stage.timetable.failures] == ["listener"]


def test_dice_are_the_same_for_the_same_seed_and_apart_for_each_part() -> None:
    one, same, other = Stage(Hand(), seed=1), Stage(Hand(), seed=1), Stage(Hand(), seed=2)
    assert one.dice("sms").random() == same.dice("sms").random()
    assert one.dice("sms").random() != one.dice("smtp").random()
    assert one.dice("sms").random() != other.dice("sms").random()


def test_no_fault_happens_unless_it_was_asked_for() -> None:
    plan = Stage(Hand(), seed=1).fault_plan("smtp", ("busy", "lost"))
    assert {plan.draw() for _ in range(200)} == {""}


def test_ordered_faults_come_first_and_shares_after_them() -> None:
    plan = Stage(Hand(), seed=1).fault_plan("smtp", ("busy", "lost"))
    plan.shares(busy=0.2, lost=0.1)
    plan.order("lost", "", "busy")
    assert [plan.draw() for _ in range(3)] == ["lost", "", "busy"]
    drawn = Counter(plan.draw() for _ in range(2000))
    assert 320 < drawn["busy"] < 480
    assert 130 < drawn["lost"] < 270


def test_a_fault_nobody_knows_is_refused() -> None:
    plan = Stage(Hand(), seed=1).fault_plan("smtp", ("busy",))
    with pytest.raises(ValueError, match="unknown fault"):
        plan.order("bussy")
    with pytest.raises(ValueError, match="unknown fault"):
        plan.shares(bussy=0.1)
    with pytest.raises(ValueError, match="more than 1"):
        plan.shares(busy=1.1)


def test_a_seed_gives_every_stand_in_all_its_faults_but_lies_and_codes() -> None:
    def made(seed: int, share: float = 0.2) -> tuple[Stage, list[list[str]]]:
        stage = Stage(Hand(), seed=1)
        plans = [stage.fault_plan("sms", ("busy", "reset", "forget", "45015")), stage.fault_plan("mail", ("drop",))]
        stage.misbehave(seed, share)
        return stage, [[plan.draw() for _ in range(2000)] for plan in plans]

    stage, drawn = made(7)
    sms, mail = (Counter(faults) for faults in drawn)
    assert set(sms) == {"", "busy", "reset"}
    assert 0.75 < sms[""] / 2000 < 0.85
    assert set(mail) == {"", "drop"}
    assert {plan.name: set(plan.as_json()) for plan in stage.fault_plans} == {
        "sms": {"busy", "reset"},
        "mail": {"drop"},
    }
    assert made(7)[1] == drawn
    assert made(8)[1] != drawn
    assert Counter(made(7, share=1.0)[1][1]) == {"drop": 2000}

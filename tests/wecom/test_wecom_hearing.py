"""A colleague writes to the application from the phone: taken down once, answered with what was understood."""

import asyncio
from pathlib import Path

import pytest

from bot.settings import Settings
from bot.wecom.hearing import Hearing
from campaigns.members import seekers
from campaigns.models import (
    AuditEntry,
    Event,
    HiringPlan,
    Member,
    Posting,
    Problem,
    Promise,
    Seeker,
    StaffAccount,
    Touch,
    Visit,
    VisitOutcome,
)
from campaigns.rights import Role
from campaigns.terms import ChannelName, StaffLine
from tests.fleet import until
from tests.web_cast import NOW, add_colleague, add_member
from tests.wecom.conftest import House
from tests.wecom_day import opened_day

GOOD = "回访 Q1 打通了 问题:薪资偏低 答应:发候选人 12-01 招:普工5人3月 心情:好"


async def writes(house: House, text: str, number: int = 1, staff: str = "chengxue") -> None:
    await house.inbox.take([StaffLine(f"line:{number}", ChannelName.WECOM, house.runtime.clock(), staff, text)])


def cards(house: House) -> list[dict[str, str]]:
    return [body["textcard"] for body in house.server.to("message/send")]


async def nothing_is_taken_down() -> bool:
    counts = [await model.all().count() for model in (VisitOutcome, Touch, Problem, Promise, HiringPlan, Visit)]
    return not any(counts)


@pytest.fixture
async def member(house: House) -> Member:
    await add_colleague(Role.AGENT, name="程雪", login="cx")
    return (await house.customer())[0]


async def test_an_outcome_is_taken_down_once_and_answered_with_what_was_understood(
    house: House, member: Member
) -> None:
    hearing = Hearing(house.runtime)
    await writes(house, GOOD)
    await writes(house, GOOD)  # pushed twice
    assert await hearing.look() == 1
    assert await hearing.look() == 0
    outcome = await VisitOutcome.get()
    assert (outcome.member_id, outcome.by, outcome.mood, outcome.key) == (member.id, "程雪", "glad", "wecom:line:1")
    assert (await Problem.get()).category == "pay_low"
    assert f"{(await Promise.get()).due_on}" == "2026-12-01"
    plan = await HiringPlan.get()
    assert (plan.role, plan.heads, f"{plan.month:%Y-%m}") == ("普工", 5, "2027-03")
    (card,) = cards(house)
    assert card["title"] == "记下了：大同机械有限公司"
    assert card["description"] == (
        "电话、接通，谈完；问题：薪资偏低；答应：发候选人，12月1日前；用工：普工5人，2027年3月；满意"
    )
    assert card["url"] == f"{house.runtime.public_url}/members/Q1"
    entry = await AuditEntry.get(action="visit_recorded")
    assert (entry.who, entry.came_from) == ("程雪", "企业微信")
    assert (await Event.get()).payload["text"] == ""  # what was heard stands in the timeline, and nowhere else


async def test_two_processes_take_it_once(house: House, member: Member) -> None:
    await writes(house, GOOD)
    assert sum(await asyncio.gather(*(Hearing(house.runtime).look() for _ in range(3)))) == 1
    assert await VisitOutcome.all().count() == 1


async def test_seekers_who_fit_are_proposed_as_after_every_other_door(house: House, member: Member) -> None:
    await Posting.create(no="P1", member_id=member.id, title="电焊工", state="live", published_at=NOW)
    await Seeker.create(no="S1", name="求职者1", wanted_job="电焊工", registered_at=NOW, recommend=True)
    await seekers.fill_occupations()
    await writes(house, "回访 Q1 没人接")
    await writes(house, "回访 Q1 打通了", 2)
    await Hearing(house.runtime).look()
    assert "求职者1" in (await Visit.get(category="introduce")).note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("回访 Q1 打通了 答应:发候选人", "答应的事要写哪天"),
        ("回访 Q1 打通了 问题:天气不好 心情:好", "没有“天气不好”这类问题，有：简历少、"),
        ("回访 Q404 打通了", "没有编号是Q404的企业会员"),
        ("在吗", "这样写：回访 Q100042"),
    ],
)
async def test_what_is_not_understood_is_answered_with_the_remedy_and_nothing_is_done(
    house: House, member: Member, text: str, said: str
) -> None:
    await writes(house, text)
    assert await Hearing(house.runtime).look() == 1
    (card,) = cards(house)
    assert said in card["description"]
    assert await nothing_is_taken_down()


async def test_the_same_mistake_twice_is_answered_twice(house: House, member: Member) -> None:
    for number in (1, 2):
        await writes(house, "在吗", number)
    assert await Hearing(house.runtime).look() == 2
    assert [body["enable_duplicate_check"] for body in house.server.to("message/send")] == [0, 0]


async def test_only_ones_own_members_can_be_written_about(house: House, member: Member) -> None:
    await add_member("Q2", owner="石磊")
    await writes(house, GOOD.replace("Q1", "Q2"))
    await Hearing(house.runtime).look()
    assert "不归你看" in cards(house)[0]["description"]
    assert await nothing_is_taken_down()


@pytest.mark.parametrize("who", ["stranger", "shilei", "gone", "viewer"])
async def test_only_colleagues_with_an_account_that_may_are_heard(house: House, member: Member, who: str) -> None:
    await StaffAccount.filter(name="程雪").update(
        **{"gone": {"active": False}, "viewer": {"role": "viewer"}}.get(who, {})
    )
    await writes(house, GOOD, staff=who if who in ("stranger", "shilei") else "ChengXue")
    await Hearing(house.runtime).look()
    assert cards(house)[0]["title"] == "没有记下来"
    assert await nothing_is_taken_down()


async def test_the_visit_that_was_due_is_done_with_it(house: House, member: Member) -> None:
    due = await Visit.create(
        member_id=member.id, category="return_visit", cause="a", opened_at=NOW, due_at=NOW, note="回访"
    )
    await writes(house, "回访 Q1 打通了")
    await Hearing(house.runtime).look()
    assert (await Visit.get(id=due.id)).state == "done"
    assert "回访任务也一起办了" in cards(house)[0]["description"]


async def test_of_several_visits_none_is_chosen_for_a_person(house: House, member: Member) -> None:
    for cause in "ab":
        await Visit.create(
            member_id=member.id, category="return_visit", cause=cause, opened_at=NOW, due_at=NOW, note="回访"
        )
    await writes(house, "回访 Q1 打通了")
    await Hearing(house.runtime).look()
    assert await Visit.filter(state="open").count() == 2
    assert await VisitOutcome.all().count() == 1


async def test_what_cannot_be_taken_down_is_tried_again_and_then_said(house: House, member: Member) -> None:
    file = house.runtime.settings.huifang_templates / "problems.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text("[[problem]]\nkey = ''\n", encoding="utf-8")
    hearing = Hearing(house.runtime)
    await writes(house, GOOD)
    assert [await hearing.look() for _ in range(4)] == [0, 0, 1, 0]
    assert cards(house)[0]["description"] == "这次没有记成，请到网页上记。"
    assert await nothing_is_taken_down()
    file.write_text(text, encoding="utf-8")
    await writes(house, GOOD, 2)
    assert await hearing.look() == 1
    assert await VisitOutcome.all().count() == 1


async def test_the_answer_is_in_the_colleagues_language(house: House, member: Member) -> None:
    await StaffAccount.filter(name="程雪").update(language="en")
    await writes(house, GOOD)
    await Hearing(house.runtime).look()
    assert "problem: pay too low" in cards(house)[0]["description"]


async def test_without_wecom_nothing_waits_for_ever(house: House, member: Member) -> None:
    house.server.always_refuse = 48002
    await writes(house, GOOD)
    assert await Hearing(house.runtime).look() == 0
    assert await VisitOutcome.all().count() == 1  # taken down, though not answered


@pytest.mark.timeout(120)
async def test_a_message_at_the_door_of_the_house_comes_back_as_a_card(
    sqlite_database: Settings, tmp_path: Path
) -> None:
    async with opened_day(sqlite_database, tmp_path) as day:
        number = (await Member.get(id=day.member_id)).no
        await Member.filter(id=day.member_id).update(owner="程雪")
        await add_colleague(Role.AGENT, name="程雪", login="cx")

        async def answered() -> object:
            return day.to_staff()

        assert await day.wecom.phones.write_to_app("wangfang", GOOD.replace("Q1", number))
        await until(answered, "an answer on the phone", 30)
        assert day.to_staff() == ["wangfang"]
        assert (await VisitOutcome.get()).by == "程雪"


async def test_a_promise_that_the_words_say_is_kept_is_kept_with_its_task(house: House, member: Member) -> None:
    hearing = Hearing(house.runtime)
    await writes(house, "回访 Q1 打通了 答应:发候选人 12-01")
    await hearing.look()
    await writes(house, "回访 Q1 打通了 候选人发了", 2)
    await hearing.look()
    assert [(await Promise.get()).state, (await Visit.get(category="promise")).state] == ["open", "open"]
    await writes(house, "回访 Q1 打通了 候选人发了，办到了", 3)
    await hearing.look()
    assert [(await Promise.get()).state, (await Visit.get(category="promise")).state] == ["kept", "done"]
    assert "办到了" in cards(house)[-1]["description"]


async def test_words_that_could_mean_two_promises_settle_none_and_say_so(house: House, member: Member) -> None:
    hearing = Hearing(house.runtime)
    for number in range(2):
        await writes(house, f"回访 Q1 打通了 答应:第{number}件 12-01", number + 1)
        await hearing.look()
    await writes(house, "回访 Q1 打通了 办到了", 3)
    await hearing.look()
    assert (
        await Promise.filter(state="open").count() == await Visit.filter(category="promise", state="open").count() == 2
    )
    assert "没办完的有2件" in cards(house)[-1]["description"]
    assert await VisitOutcome.all().count() == 3

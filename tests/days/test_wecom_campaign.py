"""A campaign whose first way is WeCom: staff are asked, confirm or do not, and every message comes to its one end."""

import shutil
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.conductor import Conductor
from bot.runtime import read_rulebook
from bot.settings import Settings
from bot.wecom.mass import run_tasks
from campaigns import definitions, outbox
from campaigns.folders import lint_folder
from campaigns.members import consent
from campaigns.models import Contact, MassRecipient, MassTask, Member, Message, Suppression, Touch
from campaigns.planner import preview, start_campaign
from campaigns.reports import campaign_reports
from campaigns.terms import ChannelName
from tests.cast import NOW, crowd
from tests.wecom_day import Day, opened_day

CAMPAIGN = """
title = "秋季招聘会"
class = "marketing"
segment = "postings < 1000"
channels = {channels}
useless_after = "2w"
[schedule]
kind = "once"
at = 2026-11-23T09:30:00+08:00
[links]
tips = "https://hr.example.com/tips"
"""
WORDS = """
text = "秋季招聘会开始报名，{{ site.name }}为您留了展位。不想再收到就回“退订”"
link = "https://hr.example.com/fair"
link_title = "报名"
"""


def customer(number: int) -> str:
    return f"wmCUSTOMER{number:022}"


@pytest.fixture
async def day(database: Settings, tmp_path: Path) -> AsyncIterator[Day]:
    """Six customers: 程雪 (wangfang) owns the even ones, 石磊 (liqiang) the odd ones."""
    async with opened_day(database, tmp_path) as opened:
        await Contact.all().update(active=False)
        for number, member_id in enumerate(await crowd(6)):
            await Member.filter(id=member_id).update(owner="石磊" if number % 2 else "程雪")
            await Contact.filter(member_id=member_id).update(external_userid=customer(number), mobile=None)
            opened.wecom.people.follow(customer(number), "liqiang" if number % 2 else "wangfang")
        yield opened


async def start(day: Day, *channels: str, words: str = WORDS) -> int:
    folder = day.templates / "fair"
    folder.mkdir()
    named = str(list(channels or ("wecom",))).replace("'", '"')
    (folder / "campaign.toml").write_text(CAMPAIGN.format(channels=named), encoding="utf-8")
    (folder / "wecom.toml").write_text(words, encoding="utf-8")
    if "email" in channels:
        for name in ("email.mjml", "email.txt", "tips.txt", "tips.mjml"):
            if (day.templates / "recruiting_tips" / name).exists():
                shutil.copy(day.templates / "recruiting_tips" / name, folder)
    loaded = await definitions.load_campaign(day.templates, "fair")
    assert lint_folder(loaded) == []
    await definitions.approve(loaded, by="tests", now=NOW)
    occurrence_id = await start_campaign("fair", NOW, day.home.runtime.rulebook)
    assert occurrence_id is not None
    await work(day)
    return occurrence_id


async def work(day: Day, later: timedelta = timedelta()) -> None:
    """Everything that is due at this moment, or so much later."""
    day.pass_by(later)
    conductor = Conductor(day.home.runtime, day.home.sandbox)
    await conductor.settle()
    await run_tasks(day.home.runtime)
    await conductor.settle()


def confirm(day: Day, userid: str) -> None:
    for task in list(day.wecom.mass.tasks.values()):
        if userid in day.wecom.mass.unconfirmed(task) and not task.cancelled:
            day.wecom.mass.confirm(userid, task.msgid)


async def ends() -> Counter[str]:
    return Counter(
        [f"{row.channel}:{row.state}:{row.reason}".rstrip(":") for row in await Message.exclude(channel=None)]
    )


async def test_each_owner_is_asked_once_and_until_then_every_message_waits_for_that_person(day: Day) -> None:
    await start(day)
    tasks = {task.sender: task.state for task in await MassTask.all()}
    assert tasks == {"wangfang": "waiting", "liqiang": "waiting"}
    assert await ends() == {"wecom:queued:waits_for_staff": 6}
    assert day.to_customers("mass") == []
    assert await Touch.filter(direction="out").count() == 0
    [report] = await campaign_reports("fair")
    assert report.waiting == 6
    await work(day, timedelta(minutes=11))
    assert len(day.wecom.mass.tasks) == 2


async def test_what_the_person_sends_is_delivered_and_the_others_end_as_wecom_says(day: Day) -> None:
    await start(day)
    day.wecom.people.unfollow(customer(0), "wangfang")
    confirm(day, "wangfang")
    await work(day, timedelta(minutes=11))
    assert await ends() == {
        "wecom:delivered": 2,
        "wecom:failed:provider_refused": 1,
        "wecom:queued:waits_for_staff": 3,
    }
    assert sorted(day.to_customers("mass")) == [customer(2), customer(4)]
    assert (await Suppression.get(channel="wecom")).address == customer(0)
    touches = await Touch.filter(direction="out")
    assert {touch.message_id for touch in touches} == {row.id for row in await Message.filter(state="delivered")}
    confirm(day, "liqiang")
    await work(day, timedelta(minutes=11))
    assert {task.state for task in await MassTask.all()} == {"done"}
    assert (await ends())["wecom:delivered"] == 5


async def test_a_person_who_does_not_confirm_is_reminded_and_then_the_next_channel_is_taken(day: Day) -> None:
    await start(day, "wecom", "email")
    confirm(day, "wangfang")
    for _ in range(32):
        await work(day, timedelta(hours=6))
    reminded = [len(task.reminded) for task in day.wecom.mass.tasks.values() if "liqiang" in task.parts]
    assert len(reminded) == 1
    states = await ends()
    assert states["wecom:delivered"] == 3
    assert sum(count for name, count in states.items() if name.startswith("email:")) == 3
    assert [task.state for task in await MassTask.filter(sender="liqiang")] == ["lapsed"]
    before = len(day.to_customers("mass"))
    task = next(task for task in day.wecom.mass.tasks.values() if "liqiang" in task.parts)
    assert task.cancelled
    assert len(day.to_customers("mass")) == before


async def test_without_another_channel_what_nobody_confirmed_expires(day: Day) -> None:
    await start(day)
    for _ in range(8):
        await work(day, timedelta(days=1))
    assert await ends() == {"wecom:expired:not_confirmed": 6}
    assert day.to_customers("mass") == []


async def test_who_refuses_while_it_waits_is_left_out_and_the_others_are_asked_for_anew(day: Day) -> None:
    await start(day)
    refused = await Message.get(address=customer(0))
    await consent.record_opt_out(refused.member_id, at=NOW, source="t")
    await work(day)
    await work(day)
    assert await ends() == {"wecom:suppressed:refused": 1, "wecom:queued:waits_for_staff": 5}
    confirm(day, "wangfang")
    await work(day, timedelta(minutes=11))
    assert sorted(day.to_customers("mass")) == [customer(2), customer(4)]


@pytest.mark.parametrize("what", ["pause", "cancel"])
async def test_a_campaign_that_is_stopped_takes_its_tasks_back(day: Day, what: str) -> None:
    await start(day)
    if what == "pause":
        await definitions.pause("fair", note="停")
    else:
        campaign_id = await definitions.cancel("fair")
        await outbox.cancel_queued(campaign_id)
        await outbox.cancel_waiting(campaign_id)
    await work(day)
    assert all(task.cancelled for task in day.wecom.mass.tasks.values())
    assert await ends() == ({"wecom:queued": 6} if what == "pause" else {"wecom:suppressed:cancelled": 6})
    if what == "pause":
        await definitions.resume("fair", now=day.home.runtime.clock())
        await work(day)
        confirm(day, "wangfang")
        confirm(day, "liqiang")
        await work(day, timedelta(minutes=11))
        assert await ends() == {"wecom:delivered": 6}


@pytest.mark.parametrize(("fault", "made"), [("reset_after", 2), ("reset_before", 2)])
async def test_a_task_whose_answer_was_lost_is_looked_for_before_it_is_made_again(
    day: Day, fault: str, made: int
) -> None:
    await start_with_faults(day, fault)
    assert {task.state for task in await MassTask.all()} == {"unknown"}
    await work(day, timedelta(minutes=11))
    await work(day, timedelta(minutes=1))
    assert {task.state for task in await MassTask.all()} == {"waiting"}
    assert len(day.wecom.mass.tasks) == made
    for userid in ("wangfang", "liqiang"):
        confirm(day, userid)
    await work(day, timedelta(minutes=11))
    assert await ends() == {"wecom:delivered": 6}
    assert Counter(day.to_customers("mass")) == {customer(number): 1 for number in range(6)}


async def start_with_faults(day: Day, fault: str) -> None:
    day.wecom.faults.shares(**{fault: 1.0})
    await start(day)
    day.wecom.faults.shares()


async def test_a_customer_who_had_all_the_mass_messages_of_the_month_gets_another_way_or_next_month(day: Day) -> None:
    (day.templates / "policy.toml").write_text("[wecom]\nmass_a_month = 1\n", encoding="utf-8")
    first = await MassTask.create(key="k", sender="wangfang", text="t", state="done", made_at=NOW, next_at=NOW)
    message = (await Contact.get(external_userid=customer(0))).member_id
    await MassRecipient.create(
        task_id=first.id, member_id=message, contact_id=1, external_userid=customer(0), state="sent", settled_at=NOW
    )
    day.home.runtime.rulebook = await read_rulebook(day.home.runtime.settings)
    await start(day)
    late = await Message.get(member_id=message)
    assert (late.state, late.reason) == ("queued", "frequency_cap")
    assert late.not_before == NOW.replace(month=12, day=1, minute=0)
    assert (await ends())["wecom:queued:waits_for_staff"] == 5


async def test_a_preview_says_that_wecom_is_the_way(day: Day) -> None:
    await start(day)
    seen = await preview(await definitions.load_campaign(day.templates, "fair"), NOW, day.home.runtime.rulebook)
    assert seen.channels == {ChannelName.WECOM: 6}

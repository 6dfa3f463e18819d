"""A day with WeCom over real sockets: what we do there, and what its stand-in, customers and staff do in return."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.wechat_push import to_xml
from bot.sandbox.wecom.attacks import ATTACKS, Attacker
from bot.sandbox.wecom.push import Quirks
from bot.settings import Settings
from bot.wecom.mass import run_tasks
from bot.wecom.notices import tell_owners
from campaigns import mass
from campaigns.members import binding
from campaigns.models import (
    Contact,
    Event,
    MassRecipient,
    MassTask,
    Message,
    Suppression,
    Touch,
    WecomCustomer,
    WecomDesk,
)
from campaigns.terms import ChannelName
from tests.cast import answer_automatically, crowd
from tests.fleet import until
from tests.wecom_day import ANNA, BERT, CARL, Day, opened_day

CALM = Quirks(duplicate_share=0, empty_page_share=0, kf_failure_share=0)


@pytest.fixture
async def day(sqlite_database: Settings, tmp_path: Path) -> AsyncIterator[Day]:
    async with opened_day(sqlite_database, tmp_path) as opened:
        yield opened


async def replies() -> list[str]:
    return [touch.text for touch in await Touch.filter(kind="reply").order_by("id")]


async def written(count: int) -> None:
    async def there() -> bool:
        return len(await replies()) >= count

    await until(there, f"{count} answers are in the ledger")


async def test_a_customer_writes_and_their_owner_is_told_once(day: Day) -> None:
    assert await day.wecom.phones.write(ANNA, "请给我打电话")
    await written(1)

    async def told() -> bool:
        await tell_owners(day.home.runtime)
        return bool(day.to_staff())

    await until(told, "the owner is told")
    await tell_owners(day.home.runtime)
    assert day.to_staff() == ["wangfang"]
    customer = await WecomCustomer.get(external_userid=ANNA)
    assert customer.window_left == 5


async def test_what_customer_service_repeats_and_pages_come_in_once_and_in_order(day: Day) -> None:
    """A callback pushed again, a page without messages, a message of the same id: each answer is one touch."""
    day.wecom.callbacks.quirks = Quirks(duplicate_share=1, empty_page_share=0.5)
    for number in range(8):
        assert await day.wecom.phones.write(ANNA, f"第{number}句", message_id=f"m{number % 6}")
    await written(6)
    await day.wecom.stage.timetable.run_due()
    assert await replies() == [f"第{number}句" for number in range(6)]
    desk = await WecomDesk.get()

    async def read() -> bool:
        await desk.refresh_from_db()
        return desk.answered == desk.called and desk.lease_until is None

    await until(read, "the desk is read to its end")
    assert desk.cursor


async def test_an_answer_goes_out_inside_the_window_and_no_sixth_one_is_tried(day: Day) -> None:
    """One automatic answer is all that is due; the five are counted as WeCom counts them."""
    day.wecom.callbacks.quirks = CALM
    await answer_automatically()
    await day.wecom.phones.write(ANNA, "请给我打电话")
    await written(1)

    async def answered() -> bool:
        return await Message.filter(channel="wecom", state="sent").count() == 1

    await until(answered, "the answer is sent")
    assert day.to_customers("kf") == [ANNA]
    talk = day.wecom.kf.talk(day.wecom.kf.open_kfids[0], ANNA)
    assert talk.left == (await WecomCustomer.get(external_userid=ANNA)).window_left == 4


async def test_who_refuses_customer_service_is_closed_after_the_failure_is_told(day: Day) -> None:
    day.wecom.callbacks.quirks = CALM
    await answer_automatically()
    day.wecom.phones.refuse_kf(ANNA)
    await day.wecom.phones.write(ANNA, "请给我打电话")

    async def told() -> bool:
        day.pass_by(timedelta(minutes=1))
        await day.wecom.stage.timetable.run_due()
        return await Message.filter(channel="wecom", state="bounced").count() == 1

    await until(told, "the failure is known")
    assert (await Suppression.get(channel="wecom")).address == ANNA


async def test_who_deletes_our_colleague_is_closed_until_they_add_them_again(day: Day) -> None:
    day.wecom.people.find(ANNA)
    assert await day.wecom.phones.delete_staff(ANNA, "wangfang")
    assert await Suppression.filter(channel="wecom", address=ANNA, lifted_at=None).count() == 1
    assert await day.wecom.phones.meet(ANNA, "liqiang")
    assert await Suppression.filter(channel="wecom", address=ANNA, lifted_at=None).count() == 0
    assert (await WecomCustomer.get(external_userid=ANNA)).staff == "liqiang"


async def test_a_contact_way_with_our_secret_binds_who_scans_it_once(day: Day) -> None:
    await Contact.filter(id=day.contact_id).update(external_userid=None)
    secret = await binding.offer(day.contact_id, ChannelName.WECOM, at=day.home.runtime.clock())
    way = day.wecom.contacts.add_way({"type": 1, "scene": 2, "user": ["wangfang"], "state": secret})
    assert await day.wecom.phones.scan(BERT, way["config_id"])
    assert (await Contact.get(id=day.contact_id)).external_userid == BERT
    assert await day.wecom.phones.scan(CARL, way["config_id"])
    assert (await Contact.get(id=day.contact_id)).external_userid == BERT


async def test_a_mass_message_goes_out_when_the_person_taps_send_and_each_copy_has_its_end(day: Day) -> None:
    ids = await crowd(2)
    people = {}
    for member_id, external in zip([day.member_id, *ids], (ANNA, BERT, CARL), strict=True):
        await Contact.filter(member_id=member_id).update(external_userid=external, consent=True)
        people[(await Contact.get(member_id=member_id)).id] = member_id
        day.wecom.people.follow(external, "wangfang")
    now = day.home.runtime.clock()
    await mass.propose_task("autumn", sender="wangfang", text="秋季招聘会报名开始了", contacts=people, at=now)
    await run_tasks(day.home.runtime)
    task = await MassTask.get()
    assert (task.state, day.to_customers("mass")) == ("waiting", [])
    day.wecom.people.unfollow(BERT, "wangfang")
    day.wecom.mass.rule = "day"
    day.wecom.mass.confirm("wangfang", task.msgid)
    day.pass_by(timedelta(minutes=11))
    await run_tasks(day.home.runtime)
    ends = dict(await MassRecipient.all().values_list("external_userid", "state"))
    assert ends == {ANNA: "sent", BERT: "blocked", CARL: "sent"}
    assert day.to_customers("mass") == [ANNA, CARL]
    assert await Touch.filter(medium="wecom", direction="out").count() == 2


async def test_a_door_that_is_set_up_proves_itself(day: Day) -> None:
    assert await day.wecom.callbacks.verify_url()


async def test_nothing_that_is_not_wecoms_passes_the_door_and_none_of_it_changes_anything(day: Day) -> None:
    text = to_xml({"ToUserName": day.wecom.corpid, "MsgType": "event", "Event": "kf_msg_or_event", "Token": "T"})
    attacker = Attacker(day.wecom.callbacks.envelope, day.wecom.stage.dice("attacks"), text)
    url = day.wecom.callbacks.door.url
    assert url
    outcomes = {name: await attacker.attempt(name, url, day.home.runtime.clock()) for name in ATTACKS}
    assert [name for name, outcome in outcomes.items() if not outcome.refused] == []
    assert await Event.all().count() == 0

"""The owner is told once that a customer answered: by whom, how often, and what stops it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse

from bot.wecom.notices import tell_owners
from campaigns import notices, outbox, restored, statements, visits
from campaigns.errors import DefinitionError
from campaigns.models import Notice
from campaigns.staff_file import load_staff
from campaigns.terms import ChannelName, Reply
from tests.channels.wecom_server import CUSTOMER, said
from tests.wecom.conftest import House

HOUR = timedelta(hours=1)


async def answers(house: House, number: int = 1, text: str = "请给我打电话") -> None:
    await house.inbox.take([Reply(f"r{number}", ChannelName.WECOM, house.runtime.clock(), CUSTOMER, text)])


async def open_tasks(house: House, count: int, owner: str = "程雪") -> None:
    member, _ = await house.customer(owner=owner)
    now = house.runtime.clock()
    for number in range(count):
        visit = await visits.open_visit(
            member.id, category="call_me", cause=f"c{number}", opened_at=now, due_at=now + HOUR
        )
        await notices.add_notice(visit, member.id, at=now)


async def states() -> list[tuple[str, str]]:
    return [(row.state, row.code) for row in await Notice.all().order_by("id")]


async def test_a_customers_answer_that_needs_a_person_tells_the_owner_once_with_the_members_page(house: House) -> None:
    await house.customer()
    await answers(house)
    await answers(house)  # pushed twice
    assert await tell_owners(house.runtime) == 1
    assert await tell_owners(house.runtime) == 0
    (card,) = house.server.to("message/send")
    assert card["touser"] == "ChengXue"
    assert card["textcard"]["url"] == f"{house.runtime.public_url}/members/Q1"
    assert "大同机械" in card["textcard"]["title"]
    assert "打电话" not in str(card)  # what they wrote stays behind the link
    assert await states() == [("sent", "")]


async def test_an_answer_that_needs_nobody_tells_nobody(house: House) -> None:
    await house.customer()
    await answers(house, text="谢谢")
    assert await states() == []


async def test_a_member_without_an_owner_on_the_list_goes_to_who_takes_the_others(house: House) -> None:
    await open_tasks(house, 1, owner="已离职")
    await tell_owners(house.runtime)
    assert house.server.to("message/send")[0]["touser"] == "ShiLei"


async def test_an_owner_without_an_account_is_noted_and_nobody_is_told(house: House) -> None:
    await open_tasks(house, 1, owner="没有账号")
    assert await tell_owners(house.runtime) == 0
    assert await states() == [("nobody", "")]


async def test_several_workers_at_once_tell_it_once(house: House) -> None:
    await open_tasks(house, 5)
    told = await asyncio.gather(*(tell_owners(house.runtime) for _ in range(4)))
    assert sum(told) == 5
    assert len(house.server.to("message/send")) == 5


async def test_an_unknown_end_is_never_told_again(house: House) -> None:
    await open_tasks(house, 1)
    house.server.plays["message/send"] = lambda body: HTMLResponse("", status_code=502)
    await tell_owners(house.runtime)
    house.later(timedelta(minutes=30))
    await tell_owners(house.runtime)
    assert await states() == [("unknown", "no answer")]
    assert len(house.server.to("message/send")) == 1


async def test_what_a_dead_worker_had_taken_is_never_told_again(house: House) -> None:
    await open_tasks(house, 1)
    (one,) = await notices.due_notices(house.runtime.clock())
    assert await notices.take_notice(one.id, "ChengXue", house.runtime.clock())
    await statements.run(f"UPDATE notices SET lease_until = {statements.database_now()}")
    await asyncio.sleep(0.01)
    assert await tell_owners(house.runtime) == 0
    assert await states() == [("unknown", "")]


async def test_a_person_who_cannot_be_reached_though_the_errcode_is_0_is_a_failure(house: House) -> None:
    await open_tasks(house, 1)
    house.server.plays["message/send"] = lambda body: said(0, invaliduser="chengxue")
    assert await tell_owners(house.runtime) == 0
    assert await states() == [("failed", "invaliduser")]


async def test_no_more_go_to_one_person_in_a_minute_than_wecom_delivers(house: House) -> None:
    await open_tasks(house, 40)
    for _ in range(30):
        await tell_owners(house.runtime)
    assert len(house.server.to("message/send")) == 25
    for _ in range(11):
        house.later(timedelta(seconds=6))
        await tell_owners(house.runtime)
    assert len(house.server.to("message/send")) == 40


async def test_nor_in_an_hour(house: House) -> None:
    await open_tasks(house, 1)
    now = house.runtime.clock()
    await Notice.bulk_create(
        [
            Notice(
                visit_id=9000 + n, member_id=1, state="sent", userid="ChengXue", made_at=now, not_before=now,
                tried_at=now - timedelta(minutes=30),
            )
            for n in range(950)
        ]
    )  # fmt: skip
    assert await tell_owners(house.runtime) == 0
    house.later(timedelta(minutes=31))
    assert await tell_owners(house.runtime) == 1


async def test_a_token_that_is_always_refused_stops_the_channel_until_a_person_opens_it(house: House) -> None:
    await open_tasks(house, 5)
    house.server.always_refuse = 42001
    await tell_owners(house.runtime)
    assert ChannelName.WECOM in await outbox.closed_channels(house.runtime.clock())
    calls = len(house.server.calls)
    assert calls == 2
    house.server.always_refuse = 0
    house.later(timedelta(minutes=5))
    await tell_owners(house.runtime)
    assert len(house.server.calls) == calls
    await outbox.open_channel(ChannelName.WECOM)
    assert await tell_owners(house.runtime) == 5


async def test_a_busy_wecom_is_asked_again_later_and_not_for_ever(house: House) -> None:
    await open_tasks(house, 1)
    house.server.plays["message/send"] = lambda body: said(-1, "busy")
    for _ in range(12):
        await tell_owners(house.runtime)
        house.later(timedelta(minutes=40))
    assert len(house.server.to("message/send")) == 5
    assert await states() == [("failed", "-1")]


@pytest.mark.parametrize("done", [True, False])
async def test_a_task_that_is_done_or_a_day_old_is_not_told_any_more(house: House, done: bool) -> None:
    await open_tasks(house, 1)
    if done:
        await visits.close_visit(1, outcome={}, at=house.runtime.clock())
    else:
        house.later(timedelta(hours=25))
    assert await tell_owners(house.runtime) == 0
    assert await states() == [("late", "")]


async def test_a_staff_list_that_is_being_edited_loses_nothing(house: House) -> None:
    await open_tasks(house, 1)
    good = house.staff_file.read_text(encoding="utf-8")
    house.staff_file.write_text("[[staff]]\nname = ", encoding="utf-8")
    assert await tell_owners(house.runtime) == 0
    house.staff_file.write_text(good, encoding="utf-8")
    assert await tell_owners(house.runtime) == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[[staff]]\nwecom = "a"', "staff 1.name"),
        ('[[staff]]\nname = "甲"\n[[staff]]\nname = "甲"', "staff 2"),
        ('[[staff]]\nname = "甲"\nwecom = "a|b"', "staff 1.wecom"),
        ('[[staff]]\nname = "甲"\nwecom = "@all"', "staff 1.wecom"),
        ('otherwise = "乙"', "otherwise"),
        ("staff = 1", "staff"),
        ('[[staff]]\nname = "甲"\nphone = "1"', "phone"),
    ],
)
def test_a_slip_in_the_staff_list_is_named(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "staff.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as found:
        load_staff(path)
    assert (found.value.file, found.value.key) == ("staff.toml", key)


async def test_a_restored_copy_tells_nothing_that_its_original_may_have_told(house: House) -> None:
    await open_tasks(house, 2)
    now = house.runtime.clock()
    await restored.hold(made_at=now, now=now)
    await restored.release(restored.Uncertain.MAIL, now=now)
    assert await tell_owners(house.runtime) == 0
    assert {state for state, _ in await states()} == {"unknown"}

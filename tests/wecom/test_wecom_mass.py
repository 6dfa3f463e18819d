"""A mass message is proposed once, waits for a person without anybody holding it, and each copy has its own end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import HTMLResponse

from bot.wecom.mass import run_tasks
from campaigns import mass, statements
from campaigns.errors import StateError
from campaigns.mass import Proposed
from campaigns.members import consent
from campaigns.members.facts import facts_for
from campaigns.models import Claim, Contact, MassRecipient, MassTask, Touch
from campaigns.terms import ChannelName, Reason
from tests.channels.wecom_server import said
from tests.wecom.conftest import House

MAKE, ASK = "externalcontact/add_msg_template", "externalcontact/get_groupmsg_send_result"
TASK, CANCEL = "externalcontact/get_groupmsg_task", "externalcontact/cancel_groupmsg_send"


def customer(number: int) -> str:
    return f"wmCUSTOMER{number:022}"


async def people(house: House, count: int) -> dict[int, int]:
    """Contact id → member id."""
    made = [await house.customer(f"Q{number}", customer(number)) for number in range(count)]
    return {contact.id: member.id for member, contact in made}


async def propose(house: House, contacts: dict[int, int], key: str = "autumn") -> Proposed:
    return await mass.propose_task(
        key, sender="ChengXue", text="秋季招聘会报名开始了", contacts=contacts, at=house.runtime.clock()
    )


async def copies() -> list[str]:
    return [row.state for row in await MassRecipient.all().order_by("external_userid")]


async def task() -> MassTask:
    return await MassTask.get(key="autumn")


def confirmed(house: House, *statuses: int) -> None:
    """The person confirmed it: each customer's status as WeCom tells it."""
    sent: list[dict[str, Any]] = [
        {"external_userid": customer(number), "userid": "ChengXue", "status": status}
        for number, status in enumerate(statuses)
    ]
    house.server.plays[TASK] = lambda body: said(0, task_list=[{"userid": "ChengXue", "status": 2}])
    house.server.plays[ASK] = lambda body: said(0, send_list=sent, next_cursor="")


async def look(house: House) -> None:
    house.later(timedelta(minutes=11))
    await run_tasks(house.runtime)


async def test_nothing_counts_as_sent_before_the_person_confirmed_and_nobody_holds_it(house: House) -> None:
    await propose(house, await people(house, 2))
    await run_tasks(house.runtime)
    await look(house)
    assert (await copies(), (await task()).state) == (["waiting", "waiting"], "waiting")
    assert await Touch.all().count() == 0
    assert (await task()).lease_until is None
    assert await Claim.all().count() == 0


async def test_each_copy_has_the_end_wecom_tells(house: House) -> None:
    contacts = await people(house, 4)
    await propose(house, contacts)
    await run_tasks(house.runtime)
    confirmed(house, 1, 2, 3, 0)
    await look(house)
    await look(house)
    assert await copies() == ["sent", "blocked", "deferred", "waiting"]
    assert [touch.medium for touch in await Touch.all()] == ["wecom"]
    blocked = await facts_for(sorted(contacts.values()), house.runtime.clock())
    assert [ChannelName.WECOM in one.contacts[0].blocked for one in blocked.values()] == [False, True, False, False]
    confirmed(house, 1, 2, 3, 1)
    await look(house)
    assert (await task()).state == "done"
    calls = len(house.server.calls)
    await look(house)
    assert len(house.server.calls) == calls


async def test_who_refused_or_was_never_asked_is_left_out_with_the_reason(house: House) -> None:
    contacts = await people(house, 5)
    ids = list(contacts)
    now = house.runtime.clock()
    await consent.record_opt_out(contacts[ids[0]], at=now, source="t")
    await Contact.filter(id=ids[1]).update(consent=None)
    await Contact.filter(id=ids[2]).update(external_userid=None)
    await consent.suppress_address(ChannelName.WECOM, customer(3), at=now, reason="removed us", source="t")
    found = await propose(house, contacts)
    assert found.taken == 1
    reasons = (Reason.REFUSED, Reason.NO_CONSENT, Reason.NO_ADDRESS, Reason.NOT_FOLLOWER)
    assert found.left_out == dict.fromkeys(reasons, 1)
    await run_tasks(house.runtime)
    assert house.server.to(MAKE)[0]["external_userid"] == [customer(4)]


async def test_a_task_for_nobody_is_refused(house: House) -> None:
    contacts = await people(house, 1)
    await Contact.all().update(consent=False)
    with pytest.raises(StateError):
        await propose(house, contacts)


async def test_it_is_proposed_once_and_made_once_by_however_many_workers(house: House) -> None:
    contacts = await people(house, 2)
    await asyncio.gather(*(propose(house, contacts) for _ in range(3)))
    await asyncio.gather(*(run_tasks(house.runtime) for _ in range(4)))
    assert (len(house.server.to(MAKE)), await copies()) == (1, ["waiting", "waiting"])


async def test_a_refusal_between_proposing_and_making_is_heeded(house: House) -> None:
    contacts = await people(house, 2)
    await propose(house, contacts)
    await consent.record_opt_out(next(iter(contacts.values())), at=house.runtime.clock(), source="t")
    await run_tasks(house.runtime)
    assert house.server.to(MAKE)[0]["external_userid"] == [customer(1)]


async def test_a_refusal_while_it_waits_takes_the_whole_task_back(house: House) -> None:
    contacts = await people(house, 2)
    await propose(house, contacts)
    await run_tasks(house.runtime)
    await consent.record_opt_out(next(iter(contacts.values())), at=house.runtime.clock(), source="t")
    await look(house)
    assert len(house.server.to(CANCEL)) == 1
    assert ((await task()).state, await copies()) == ("cancelled", ["blocked", "waiting"])


async def test_an_unknown_end_is_never_made_again(house: House) -> None:
    await propose(house, await people(house, 1))
    house.server.plays[MAKE] = lambda body: HTMLResponse("", status_code=504)
    await run_tasks(house.runtime)
    await look(house)
    assert (len(house.server.to(MAKE)), (await task()).state) == (1, "unknown")


async def test_what_a_dead_worker_was_making_is_unknown(house: House) -> None:
    await propose(house, await people(house, 1))
    assert await mass.take_task((await task()).id)
    await statements.run(f"UPDATE mass_tasks SET lease_until = {statements.database_now()}")
    await asyncio.sleep(0.01)
    await run_tasks(house.runtime)
    assert (house.server.to(MAKE), (await task()).state) == ([], "unknown")


async def test_customers_that_wecom_does_not_take_are_refused_and_the_others_wait(house: House) -> None:
    await propose(house, await people(house, 2))
    house.server.plays[MAKE] = lambda body: said(0, fail_list=[customer(0)], msgid="G1")
    await run_tasks(house.runtime)
    assert await copies() == ["refused", "waiting"]


@pytest.mark.parametrize(("code", "state"), [(41048, "refused"), (40058, "refused"), (45033, "due"), (-1, "due")])
async def test_a_no_of_wecoms_is_final_or_a_later(house: House, code: int, state: str) -> None:
    await propose(house, await people(house, 1))
    house.server.plays[MAKE] = lambda body: said(code, "no")
    await run_tasks(house.runtime)
    assert ((await task()).state, (await task()).code) == (state, str(code))


async def test_a_task_nobody_confirms_in_a_week_is_taken_back(house: House) -> None:
    await propose(house, await people(house, 1))
    await run_tasks(house.runtime)
    house.later(timedelta(days=8))
    await run_tasks(house.runtime)
    assert (len(house.server.to(CANCEL)), (await task()).state) == (1, "lapsed")


async def test_whom_one_reached_today_is_left_out_until_tomorrow(house: House) -> None:
    contacts = await people(house, 2)
    ids = list(contacts)
    await propose(house, {ids[0]: contacts[ids[0]]})
    await run_tasks(house.runtime)
    confirmed(house, 1)
    await look(house)
    found = await propose(house, contacts, "second")
    assert (found.taken, found.left_out) == (1, {Reason.MONTH_QUOTA: 1})
    house.later(timedelta(days=1))
    assert (await propose(house, contacts, "third")).taken == 2

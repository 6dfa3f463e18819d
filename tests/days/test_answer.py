"""An answer's ten hops, from the customer's words to what they change, by mail and by SMS."""

import asyncio
import smtplib
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta

import httpx
import pytest

from bot.commands.serving import House
from bot.conductor import Conductor
from bot.sandbox.mail_customers import WIRE, write_reply
from bot.sandbox.stage import Accepted
from campaigns import definitions, statements
from campaigns.models import Contact, Event, Message, Suppression, Touch, Visit
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName
from tests.cast import NOW, Player, answer_automatically, jinbei

BY_MAIL_AND_SMS = pytest.mark.parametrize("channel", [ChannelName.EMAIL, ChannelName.SMS])


async def _nudged(home: House, conductor: Conductor, channel: ChannelName) -> tuple[Player, Accepted]:
    """晋北餐饮 has its nudge on that channel; the message as it lies in the customer's hand."""
    player = await jinbei()
    others = {"openid": None, "email": None} if channel is ChannelName.SMS else {"openid": None}
    await Contact.filter(id=player.contact_id).update(**others)
    await _start(home, "unread_resumes")
    await conductor.settle()
    assert home.sandbox is not None
    [arrived] = home.sandbox.stage.ledger.rows(channel)
    return player, arrived


@BY_MAIL_AND_SMS
async def test_a_word_of_refusal_is_kept_touched_and_stops_everything(
    home_on_both: House, channel: ChannelName
) -> None:
    home, conductor = home_on_both, Conductor(home_on_both.runtime, home_on_both.sandbox)
    player, arrived = await _nudged(home, conductor, channel)
    await _say(home, arrived, "别再给我发了，退订")

    event = await Event.get(kind="reply")
    assert (event.channel, event.outcome) == (channel, "applied")
    block = await Suppression.get(member_id=player.member_id)
    assert (block.channel, block.until, block.reason) == (None, None, "refused")
    touch = await Touch.get(direction="in")
    nudge = await Message.get()
    assert (touch.member_id, touch.medium, touch.intent) == (player.member_id, channel, "stop")
    assert (touch.message_id, touch.text) == (nudge.id, "别再给我发了，退订")

    await _start(home, "recruiting_tips")
    await conductor.live_until(NOW + timedelta(days=9))
    assert await Message.exclude(id=nudge.id).exclude(state="suppressed").count() == 0
    assert home.sandbox is not None
    assert len(home.sandbox.stage.ledger) == 1


@BY_MAIL_AND_SMS
async def test_an_opt_out_is_in_force_before_the_provider_has_its_answer(
    home: House, conductor: Conductor, channel: ChannelName
) -> None:
    """While the database cannot be written to, the provider waits; once it has its answer, the refusal stands."""
    player, arrived = await _nudged(home, conductor, channel)
    await home.inbox.intents()  # trained beforehand: what is waited for below is the database
    path = home.runtime.settings.database.removeprefix("sqlite://")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        saying = asyncio.create_task(_say(home, arrived, "退订"))
        done, _ = await asyncio.wait([saying], timeout=0.5)
        assert not done
        other.execute("ROLLBACK")
    await saying
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT member_id FROM suppressions").fetchall() == [(player.member_id,)]


@BY_MAIL_AND_SMS
async def test_the_same_answer_delivered_again_changes_nothing(
    home: House, conductor: Conductor, channel: ChannelName
) -> None:
    _, arrived = await _nudged(home, conductor, channel)
    deliver = _mail(home, arrived) if channel is ChannelName.EMAIL else _push(home, arrived)
    await deliver()
    before = await _written()
    await deliver()
    assert await _written() == before == (2, 1, 0)
    assert (await Event.get(kind="reply")).repeats == 1


async def test_a_problem_becomes_a_task_and_gets_one_automatic_answer(home: House, conductor: Conductor) -> None:
    player, arrived = await _nudged(home, conductor, ChannelName.EMAIL)
    await answer_automatically()
    await _say(home, arrived, "密码忘了，登录不上去")
    await conductor.settle()
    assert (await Visit.get()).category == "problem_login"
    assert home.sandbox is not None
    first, answer = home.sandbox.stage.ledger.rows()
    assert first is arrived
    assert answer.to == player.email
    assert not await Suppression.all().exists()

    await _say(home, answer, "还是密码忘了，登录不上去")
    await conductor.settle()
    assert len(home.sandbox.stage.ledger) == 2  # one automatic answer in seven days


async def test_a_machines_answer_stops_nothing_and_opens_nothing(home: House, conductor: Conductor) -> None:
    _, arrived = await _nudged(home, conductor, ChannelName.EMAIL)
    await _say(home, arrived, "本人休假中，有急事请联系同事。退订", automatic=True)
    touch = await Touch.get(direction="in")
    assert (touch.kind, touch.intent) == ("auto_reply", "auto_reply")
    assert not await Suppression.all().exists()
    assert not await Visit.all().exists()


async def test_one_answer_that_cannot_be_applied_does_not_hold_up_those_behind_it(
    home: House, conductor: Conductor
) -> None:
    """A push carries up to a hundred answers: a refusal behind a broken one must count all the same."""
    player, _ = await _nudged(home, conductor, ChannelName.SMS)
    await _forbid_events_of("15400009999")
    items = [_item("15400009999", "好的", 1), _item(player.mobile, "退订", 2)]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as provider:
        answer = await provider.post(f"{home.web.url}/hooks/{home.runtime.hook_secret}/sms/reply", json=items)
    assert answer.status_code == 500  # not taken: all of it comes again
    assert await Suppression.filter(member_id=player.member_id).exists()


def _mail(home: House, arrived: Accepted) -> Callable[[], Awaitable[None]]:
    """The customer's mail server delivers one and the same mail."""
    mail = write_reply(arrived, "请给我打个电话", NOW, automatic=False)

    def deliver() -> None:
        with smtplib.LMTP("127.0.0.1", home.mail_port, "mx.customer.example") as door:
            door.sendmail(arrived.to, [str(mail["To"])], mail.as_bytes(policy=WIRE))

    async def run() -> None:
        await asyncio.to_thread(deliver)

    return run


def _push(home: House, arrived: Accepted) -> Callable[[], Awaitable[None]]:
    """Aliyun pushes one and the same answer."""

    async def run() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as provider:
            url = f"{home.web.url}/hooks/{home.runtime.hook_secret}/sms/reply"
            answer = await provider.post(url, json=[_item(arrived.to, "请给我打个电话", 7)])
            assert answer.json()["code"] == 0

    return run


def _item(phone: str, text: str, number: int) -> dict[str, str]:
    return {
        "phone_number": phone,
        "content": text,
        "sequence_id": str(number),
        "send_time": f"{NOW:%Y-%m-%d %H:%M:%S}",
        "dest_code": "10690811",
        "sign_name": "人才网",
    }


async def _forbid_events_of(phone: str) -> None:
    """The database refuses to keep anything of this number."""
    await statements.run(
        f"CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.payload LIKE '%{phone}%' "
        "BEGIN SELECT RAISE(FAIL, 'poison'); END"
    )


async def _say(home: House, arrived: Accepted, text: str, *, automatic: bool = False) -> None:
    assert home.sandbox is not None
    await home.sandbox.customers.say(arrived, text, automatic=automatic)


async def _start(home: House, key: str) -> None:
    folder = await definitions.load_campaign(home.runtime.settings.huifang_templates, key)
    await definitions.approve(folder, by="tests", now=home.runtime.clock())
    await start_campaign(key, home.runtime.clock(), home.runtime.rulebook)


async def _written() -> tuple[int, int, int]:
    return await Touch.all().count(), await Visit.all().count(), await Suppression.all().count()

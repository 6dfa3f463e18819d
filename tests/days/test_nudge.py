"""A nudge's ten hops, from the clock to the provider's receipt, over real sockets."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from bot import sender
from bot.commands.serving import House
from bot.conductor import Conductor
from bot.sandbox.stage import Accepted
from bot.tokens import without_links
from campaigns import definitions, outbox
from campaigns.experiments import is_held_out
from campaigns.members import consent
from campaigns.models import Contact, Member, Message, Occurrence, Touch
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName, MailWords, SmsWords
from tests.cast import NOW, crowd, datong, jinbei
from tests.fleet import HOLDOUT_SECRET

_SLOT = (NOW + timedelta(days=1)).replace(hour=9, minute=0)


async def test_at_its_slot_a_nudge_goes_to_whom_it_should_and_to_nobody_else(home_on_both: House) -> None:
    home, conductor = home_on_both, Conductor(home_on_both.runtime, home_on_both.sandbox)
    active, asleep = await datong(), await jinbei()
    others = await crowd(30, unread=4)
    refused = others[0]
    await consent.record_opt_out(refused, at=NOW, source="tests")
    await _let_run(home)
    await conductor.live_until(_SLOT)
    await conductor.settle()

    occurrence = await Occurrence.get()  # 1, 2: the clock was the trigger
    assert (occurrence.key, occurrence.at) == ("2026-11-24T09:00", _SLOT)
    audience = {asleep.member_id, *others}  # 3: 大同机械 has 2 unread, and that is not many
    messages = {message.member_id: message for message in await Message.all()}
    assert set(messages) == audience
    held_out = {id_ for id_ in audience - {refused} if is_held_out(HOLDOUT_SECRET, await _number(id_), 0.1)}
    assert {id_ for id_, one in messages.items() if one.reason == "hold_out"} == held_out  # 4, 5
    assert messages[refused].reason == "refused"
    written_to = audience - held_out - {refused}
    assert occurrence.audience == len(audience)  # 6
    assert occurrence.planned["send"] == len(written_to)
    assert {id_ for id_, one in messages.items() if one.state == "sent"} == written_to  # 7, 8, 9
    assert active.member_id not in messages

    arrived = Counter((row.to, row.key) for row in _ledger(home))
    sent = [messages[id_] for id_ in written_to]
    keys = {
        (one.address, one.provider_id if one.provider_id.startswith("b-") else home.runtime.tokens.message_key(one.id))
        for one in sent
    }
    assert arrived == Counter(keys)  # each once, and nothing else
    touches = await Touch.filter(direction="out").values_list("member_id", flat=True)
    assert sorted(touches) == sorted(written_to)


async def test_the_words_that_arrived_by_mail_are_the_words_that_are_shown(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    await Contact.filter(id=player.contact_id).update(openid=None)
    await _let_run(home)
    await conductor.live_until(_SLOT)
    await conductor.settle()
    [arrived] = _ledger(home)
    message = await Message.get()
    moved = replace(home.runtime, public_url="https://elsewhere.example.com")  # as it went out, wherever we are now
    [shown] = (await sender.show_words(moved, [message.id])).values()
    assert isinstance(shown, MailWords)
    assert arrived.to == player.email
    assert without_links(arrived.words["text"]).strip() == shown.text.strip()
    for name in ("way_in", "unsubscribe"):
        assert moved.links(message.id, home.web.url)[name] not in f"{shown.text}{shown.html}"  # colleagues read it
    assert f"{home.web.url}/in/" in shown.text
    assert arrived.words["subject"] == shown.subject
    assert "12" in shown.text
    assert "晋北餐饮" in shown.text


async def test_a_follower_gets_the_nudge_as_a_template_message(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    await _let_run(home)
    await conductor.live_until(_SLOT)
    await conductor.settle()
    [arrived] = _ledger(home, ChannelName.WECHAT)
    message = await Message.get()
    assert (message.state, message.wechat_mode, arrived.to) == ("sent", "template", player.openid)
    assert "12" in str(arrived.words)
    await conductor.live_until(_SLOT + timedelta(minutes=10))
    assert (await Message.get()).state == "delivered"


async def test_a_nudge_by_sms_is_delivered_once_the_carrier_says_so(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    await Contact.filter(id=player.contact_id).update(email=None, openid=None)
    await _let_run(home)
    await conductor.live_until(_SLOT)
    await conductor.settle()
    message = await Message.get()
    assert (message.state, message.channel, message.address) == ("sent", "sms", player.mobile)
    [arrived] = _ledger(home, ChannelName.SMS)
    assert (arrived.to, arrived.provider_id) == (player.mobile, message.provider_id)
    [shown] = (await sender.show_words(home.runtime, [message.id])).values()
    assert isinstance(shown, SmsWords)
    assert without_links(arrived.words["text"]).endswith(shown.text)

    await conductor.live_until(_SLOT + timedelta(minutes=10))  # 10: the receipt
    message = await Message.get()
    assert message.state in ("delivered", "bounced")
    assert home.sandbox is not None
    fate = home.sandbox.sms.fate_of(arrived)
    assert (message.state == "delivered") == fate.delivered
    assert message.code == fate.code
    assert await Touch.all().count() == 1


async def test_resumes_read_between_the_queue_and_the_wire_stop_every_nudge(home: House, conductor: Conductor) -> None:
    members = await crowd(40, unread=4)
    for channel in (ChannelName.EMAIL, ChannelName.SMS):
        await outbox.close_channel(channel, "tests")
    await _let_run(home)
    await start_campaign("unread_resumes", home.runtime.clock(), home.runtime.rulebook)
    waiting = await Message.filter(state="queued").count()
    assert waiting > 30
    async with httpx.AsyncClient(trust_env=False, timeout=60) as site:
        events = [{"event": "viewed", "member": await _number(id_)} for id_ in members]
        told = await site.post(f"{home.web.url}/hooks/{home.runtime.hook_secret}/site", json=events)
        assert told.status_code == 200
    for channel in (ChannelName.EMAIL, ChannelName.SMS):
        await outbox.open_channel(channel)
    await conductor.settle()
    assert await Message.filter(state="suppressed", reason="goal_met").count() == waiting
    assert _ledger(home) == []


async def test_a_paused_campaign_keeps_what_waits_and_sends_it_when_it_goes_on(
    home: House, conductor: Conductor
) -> None:
    await crowd(10, unread=4)
    await _let_run(home)
    await outbox.close_channel(ChannelName.EMAIL, "tests")
    await start_campaign("unread_resumes", home.runtime.clock(), home.runtime.rulebook)
    await definitions.pause("unread_resumes", note="tests")
    await outbox.open_channel(ChannelName.EMAIL)
    await conductor.settle()
    assert _ledger(home) == []
    waiting = await Message.filter(state="queued").count()
    await definitions.resume("unread_resumes", now=home.runtime.clock())
    await conductor.settle()
    assert len(_ledger(home)) == waiting > 0


@pytest.mark.parametrize("fault", ["busy", "greylist", "drop_before_data"])
async def test_what_a_mail_server_puts_off_is_sent_later_and_once(
    home: House, conductor: Conductor, fault: str
) -> None:
    player = await jinbei()
    await Contact.filter(id=player.contact_id).update(openid=None)
    await _let_run(home)
    assert home.sandbox is not None
    home.sandbox.relay.faults.order(fault, fault)
    await start_campaign("unread_resumes", home.runtime.clock(), home.runtime.rulebook)
    await conductor.live_until(NOW + timedelta(hours=2))
    assert (await Message.get()).state == "sent"
    assert len(_ledger(home)) == 1


async def _let_run(home: House) -> None:
    folder = await definitions.load_campaign(home.runtime.settings.huifang_templates, "unread_resumes")
    await definitions.approve(folder, by="tests", now=NOW)
    await definitions.start("unread_resumes", now=NOW)


def _ledger(home: House, channel: ChannelName | None = None) -> list[Accepted]:
    assert home.sandbox is not None
    return home.sandbox.stage.ledger.rows(channel)


async def _number(member_id: int) -> str:
    return (await Member.get(id=member_id)).no

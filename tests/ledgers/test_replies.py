"""What comes back: stored once, matched, touched, understood, acted upon before the provider has its answer."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from bot.settings import Settings
from campaigns import definitions, outbox, statements, touches
from campaigns.errors import StateError
from campaigns.intents import IntentTable, StopVerdict, load_table, read_intent
from campaigns.members import consent
from campaigns.models import Contact, Conversation, Event, Message, Occurrence, Suppression, Touch, Visit
from campaigns.outbox import Settlement
from campaigns.replies import strangers
from campaigns.replies.events import Taken, count_events
from campaigns.replies.receipts import apply_waiting
from campaigns.replies.refusals import record_refusal, record_return
from campaigns.replies.taking import take_event
from campaigns.terms import (
    Allow,
    ChannelName,
    Defer,
    DeliveryState,
    InboundEvent,
    Intent,
    ReachChange,
    Reaction,
    Reason,
    Receipt,
    Reply,
    Suppress,
    TouchKind,
)
from tests.cast import (
    NOW,
    TEMPLATES,
    Player,
    add_contact,
    answer_automatically,
    claim,
    crowd,
    datong,
    depart,
    jinbei,
    put_on_the_wire,
    receipt,
    recheck,
    run_tiny,
    send_one,
    settle,
    settle_sent,
    sms_reply,
    state_of,
)

SMS = ChannelName.SMS
LATER = NOW + timedelta(hours=1)
# How shipped words are read may change; that some sentence is read like this may not.
DOUBTFUL = ("不需要了", "可以不发吗", "骚扰短信", "不看")
A_MACHINE_THAT_MAY_REFUSE = (
    "休假中，稍后回复您，请将我移出名单",
    "我在休假，稍后回复。别发了",
    "外出中，稍后联系您，不用再发",
)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(TEMPLATES / "auto_replies")


# ---- once ---------------------------------------------------------------------------------------------------------


async def test_an_event_is_stored_once_and_its_repeats_are_counted(table: IntentTable) -> None:
    player = await datong()
    taken = [await _take(sms_reply(player, "谢谢"), table) for _ in range(3)]
    assert [one.outcome for one in taken] == ["applied", "repeat", "repeat"]
    assert await Touch.filter(direction="in").count() == 1
    assert await count_events() == {"reply:applied": 1, "reply:repeat": 2}


async def test_the_same_id_on_another_channel_is_another_event(table: IntentTable) -> None:
    player = await datong()
    await _take(sms_reply(player, "谢谢"), table)
    mail = Reply("up-1", ChannelName.EMAIL, LATER, player.email, "谢谢")
    assert (await _take(mail, table)).outcome == "applied"


async def test_an_event_pushed_twice_at_once_is_applied_once(table: IntentTable) -> None:
    player = await datong()
    await answer_automatically()
    mail = Reply("twice", ChannelName.EMAIL, LATER, player.email, "登不上去，密码忘了")
    taken = await asyncio.gather(*(_take(mail, table) for _ in range(5)))
    assert sorted(one.outcome for one in taken) == ["applied", *["repeat"] * 4]
    assert await Touch.filter(direction="in").count() == await Visit.all().count() == await Message.all().count() == 1
    assert (await Event.get(event_id="twice")).repeats == 4


async def test_an_event_stored_before_a_crash_is_applied_when_it_comes_again(table: IntentTable) -> None:
    player = await datong()
    reply = sms_reply(player, "退订")
    await Event.create(channel="sms", event_id=reply.event_id, kind="reply", received_at=NOW, payload={})
    assert (await _take(reply, table)).outcome == "applied"
    assert (await _take(reply, table)).outcome == "repeat"
    assert await _refused(player)


async def test_a_reply_from_nobody_we_know_is_kept_for_staff(table: IntentTable) -> None:
    stranger = Reply("up-1", SMS, LATER, "15400009999", "退订")
    assert (await _take(stranger, table)).outcome == "unmatched"
    assert await touches.count_touches() == 0
    assert (await Event.get(event_id="up-1")).payload["text"] == "退订"
    assert await consent.is_suppressed(SMS, "15400009999")  # a refusal is one, whoever it is


async def test_a_reply_of_nobody_we_know_is_linked_to_a_member_once(table: IntentTable) -> None:
    player = await datong()
    await _take(Reply("up-1", SMS, LATER, "15400009999", "你们的电话是多少"), table)
    await _take(Reply("up-2", SMS, LATER, "15400008888", "广告"), table)
    second, first = await strangers.list_unknown()
    assert (first.text, second.text, await strangers.count_unknown()) == ("你们的电话是多少", "广告", 2)
    await strangers.link_unknown(first.id, player.member_id, now=NOW, table=table)
    with pytest.raises(StateError):
        await strangers.link_unknown(first.id, player.member_id, now=NOW, table=table)
    touch = await Touch.get(direction="in")
    assert (touch.member_id, touch.text, touch.event_id) == (player.member_id, "你们的电话是多少", first.id)
    assert (await Contact.get(mobile="15400009999")).member_id == player.member_id
    assert await Conversation.filter(member_id=player.member_id).exists()
    await strangers.put_away(second.id)
    assert await strangers.count_unknown() == 0
    assert await Touch.filter(direction="in").count() == 1


async def test_a_refusal_that_is_linked_stops_the_whole_company(table: IntentTable) -> None:
    player = await datong()
    await _take(Reply("up-1", SMS, LATER, "15400009999", "退订"), table)
    [one] = await strangers.list_unknown()
    await strangers.link_unknown(one.id, player.member_id, now=NOW, table=table)
    assert await _refused(player)


# ---- refusals -----------------------------------------------------------------------------------------------------


async def test_one_word_of_refusal_stops_every_channel_of_the_whole_company(table: IntentTable, tmp_path: Path) -> None:
    """Of every contact too, and already for what was claimed."""
    player, other = await datong(), await jinbei()
    await add_contact(player.member_id, 77)
    occurrence_id = await run_tiny(tmp_path, channels=["sms", "email"])
    claimed = (await claim(occurrence_id)).messages

    assert await _take(sms_reply(player, "退订"), table) == Taken("applied", Intent.STOP)

    checked = await recheck(claimed)
    verdicts = {one.claimed.member_id: one.verdict for one in checked}
    assert verdicts[player.member_id] == Suppress(Reason.REFUSED)
    assert isinstance(verdicts[other.member_id], Allow)
    for channel in ("email", "sms"):
        again = await run_tiny(tmp_path, f"again-{channel}", channels=[channel])
        row = await Message.get(occurrence_id=again, member_id=player.member_id)
        assert (row.state, row.reason) == (DeliveryState.SUPPRESSED, Reason.REFUSED)
    assert await Visit.all().count() == 0


async def test_a_refusal_said_twice_stands_once(table: IntentTable) -> None:
    player = await datong()
    for event_id in ("one", "two"):
        await _take(sms_reply(player, "退订", event_id), table)
    assert await Suppression.all().count() == 1


async def test_doubt_defers_the_company_for_a_day_and_asks_a_person(table: IntentTable, tmp_path: Path) -> None:
    player = await datong()
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    claimed = (await claim(occurrence_id)).messages
    text = _read_as(table, DOUBTFUL, StopVerdict.PAUSE)
    assert (await _take(sms_reply(player, text), table, now=NOW)).outcome == "applied"

    (checked,) = await recheck(claimed)
    assert isinstance(checked.verdict, Defer)
    assert (checked.verdict.until, checked.verdict.reason) == (NOW + timedelta(hours=24), Reason.PAUSED)
    (checked,) = await recheck(claimed, NOW + timedelta(hours=24))
    assert isinstance(checked.verdict, Allow)
    visit = await Visit.get(member_id=player.member_id)
    assert (visit.category, visit.state, visit.note) == ("check_stop", "open", text)


async def test_an_automatic_reply_stops_nothing_and_opens_nothing(table: IntentTable) -> None:
    player = await datong()
    await answer_automatically()
    by_header = Reply("a", ChannelName.EMAIL, LATER, player.email, "退订", automatic=True)
    by_words = Reply("b", ChannelName.EMAIL, LATER, player.email, "您好，我正在休假，12月1日回来，本邮件为自动回复")
    for event in (by_header, by_words):
        assert await _take(event, table) == Taken("applied", Intent.AUTO_REPLY)
    assert await Touch.filter(kind=TouchKind.AUTO_REPLY, intent=Intent.AUTO_REPLY).count() == 2
    assert await Suppression.all().count() == await Visit.all().count() == await Message.all().count() == 0


async def test_what_reads_like_a_machine_but_may_refuse_is_looked_at_by_a_person(table: IntentTable) -> None:
    player = await datong()
    text = _read_as(table, A_MACHINE_THAT_MAY_REFUSE, StopVerdict.PAUSE, Intent.AUTO_REPLY)
    await _take(sms_reply(player, text), table)
    assert await Suppression.filter(member_id=player.member_id, until__not_isnull=True).count() == 1
    assert (await Visit.get(member_id=player.member_id)).category == "check_stop"


async def test_a_refusal_by_link_is_the_whole_company_s_unless_one_channel_is_asked_for(tmp_path: Path) -> None:
    first, second = await datong(), await jinbei()
    await record_refusal(await send_one(tmp_path, first), now=LATER)
    await record_refusal(await send_one(tmp_path, second), now=LATER, channel_only=True)
    assert await _refused(first)
    assert not await _refused(second)
    closed = await Suppression.get(channel="sms", address=second.mobile)
    assert closed.reason == "preference"
    texts = await Touch.filter(kind=TouchKind.OPT_OUT).order_by("member_id").values_list("text", flat=True)
    assert texts == ["退订全部", "只退订这个渠道"]


# ---- tasks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("哈哈哈哈", Intent.UNKNOWN),
        ("登不上去，密码忘了", Intent.PROBLEM_LOGIN),
        ("没有人投简历", Intent.PROBLEM_NOAPPLY),
        ("怎么发布职位", Intent.PROBLEM_POST),
        ("打我电话", Intent.CALL_ME),
        ("下个月要招十个电焊工", Intent.HIRING_PLAN),
        ("投诉你们", Intent.COMPLAINT),
    ],
)
async def test_what_needs_a_person_becomes_a_task_with_its_category(
    table: IntentTable, text: str, category: Intent
) -> None:
    player = await datong()
    assert await _take(sms_reply(player, text), table) == Taken("applied", category)
    visit = await Visit.get(member_id=player.member_id)
    assert (visit.category, visit.contact_id, visit.note) == (category, player.contact_id, text)
    assert await Suppression.all().count() == 0


async def test_thanks_are_a_touch_and_nothing_more(table: IntentTable) -> None:
    player = await datong()
    assert await _take(sms_reply(player, "谢谢"), table) == Taken("applied", Intent.THANKS)
    assert await Visit.all().count() == await Suppression.all().count() == 0


async def test_the_wrong_person_is_not_written_to_again(table: IntentTable, tmp_path: Path) -> None:
    player = await datong()
    heir = await add_contact(player.member_id, 77)
    reply = sms_reply(player, "你打错人了，我不是这家公司的")
    assert await _take(reply, table) == Taken("applied", Intent.WRONG_CONTACT)
    assert not (await Contact.get(id=player.contact_id)).active
    assert (await Visit.get(member_id=player.member_id)).category == Intent.WRONG_CONTACT
    occurrence_id = await run_tiny(tmp_path)
    assert (await Message.get(occurrence_id=occurrence_id)).contact_id == heir


# ---- matching -----------------------------------------------------------------------------------------------------


async def test_a_reply_is_credited_to_the_message_it_answers(table: IntentTable, tmp_path: Path) -> None:
    player, other = await datong(), await jinbei()
    message_id = await send_one(tmp_path, player)
    await _take(sms_reply(player, "谢谢"), table)
    forwarded = Reply("fwd", ChannelName.EMAIL, LATER, "somebody@else.example", "谢谢")
    await _take(forwarded, table, message_id=message_id)
    await _take(sms_reply(other, "谢谢", "unasked"), table)
    found = {row.event_id: (row.member_id, row.message_id) for row in await Touch.filter(kind=TouchKind.REPLY)}
    events = {row.id: row.event_id for row in await Event.all()}
    assert {events[event_id]: credited for event_id, credited in found.items() if event_id} == {
        "up-1": (player.member_id, message_id),
        "fwd": (player.member_id, message_id),
        "unasked": (other.member_id, None),
    }


async def test_a_mobile_shared_by_two_members_is_the_primary_contact_s_registered_last(table: IntentTable) -> None:
    first, second = await datong(), await jinbei()
    await add_contact(first.member_id, 77, mobile=second.mobile)
    await _take(sms_reply(second, "谢谢"), table)
    assert (await Touch.get(kind=TouchKind.REPLY)).member_id == second.member_id


# ---- automatic answers ---------------------------------------------------------------------------------------------


async def test_the_automatic_answer_goes_out_at_most_once_in_seven_days(table: IntentTable) -> None:
    player = await datong()
    await answer_automatically()
    for days, count in ((0, 1), (3, 1), (6.9, 1), (7.1, 2)):
        now = NOW + timedelta(days=days)
        mail = Reply(f"m{days}", ChannelName.EMAIL, now, player.email, "登不上去，密码忘了")
        await _take(mail, table, now=now)
        answers = await Message.filter(message_class="answer")
        assert len(answers) == count
    assert {(one.channel, one.address, one.state) for one in answers} == {("email", player.email, "queued")}
    assert len(await outbox.due_batches(NOW + timedelta(days=8))) == 2


async def test_two_replies_in_one_breath_get_one_answer(table: IntentTable) -> None:
    player = await datong()
    await answer_automatically()
    mails = [Reply(f"m{n}", ChannelName.EMAIL, LATER, player.email, "登不上去，密码忘了") for n in range(4)]
    await asyncio.gather(*(_take(mail, table) for mail in mails))
    assert await Message.filter(message_class="answer").count() == 1
    assert await Visit.all().count() == 4


async def test_an_answer_needs_a_running_campaign_words_and_the_channel(table: IntentTable) -> None:
    player = await datong()
    login = "登不上去，密码忘了"
    await _take(Reply("before", ChannelName.EMAIL, LATER, player.email, login), table)
    await answer_automatically()
    await _take(sms_reply(player, login, "by sms"), table)  # an SMS costs money
    await _take(Reply("no words", ChannelName.EMAIL, LATER, player.email, "谢谢"), table)
    await _take(Reply("refusal", ChannelName.EMAIL, LATER, player.email, "退订"), table)
    await definitions.pause("auto_replies", note="")
    await _take(Reply("paused", ChannelName.EMAIL, LATER, player.email, login), table)
    assert await Message.all().count() == await Occurrence.all().count() == 0


# ---- receipts -----------------------------------------------------------------------------------------------------


async def test_a_receipt_before_settle_waits_and_is_applied(table: IntentTable, tmp_path: Path) -> None:
    await datong()
    held = await put_on_the_wire(await run_tiny(tmp_path))
    claimed = held.messages
    message_id = claimed[0].id
    assert (await _take(receipt("r1"), table, message_id=message_id)).outcome == "waiting"
    assert await state_of(message_id) == DeliveryState.SENDING
    await settle_sent(held)
    assert await apply_waiting({message_id}) == 1
    assert await state_of(message_id) == DeliveryState.DELIVERED
    assert await apply_waiting({message_id}) == 0
    assert (await _take(receipt("r1"), table, message_id=message_id)).outcome == "repeat"


async def test_a_receipt_whose_sender_died_is_applied_when_the_message_is_recovered(
    table: IntentTable, tmp_path: Path
) -> None:
    await datong()
    occurrence_id = await run_tiny(tmp_path)
    [message_id] = await depart(await claim(occurrence_id), timedelta(seconds=0.05))
    await _take(receipt("r1"), table, message_id=message_id)
    await asyncio.sleep(0.1)
    await outbox.release_expired(NOW)
    assert await apply_waiting() == 1
    assert await state_of(message_id) == DeliveryState.DELIVERED


async def test_a_receipt_that_knows_only_the_providers_id_waits_until_we_know_it_too(
    table: IntentTable, tmp_path: Path
) -> None:
    player = await datong()
    held = await put_on_the_wire(await run_tiny(tmp_path))
    claimed = held.messages
    early = receipt("r1", provider_id="MSG-7", address=player.mobile)
    foreign = receipt("r2", provider_id="MSG-8", address=player.mobile)
    for event in (early, foreign):
        assert (await _take(event, table)).outcome == "waiting"
    await settle_sent(held, provider_id="MSG-7")
    assert await apply_waiting({claimed[0].id}) == 1
    assert await state_of(claimed[0].id) == DeliveryState.DELIVERED
    assert await count_events() == {"receipt:applied": 1, "receipt:unmatched": 1}
    late = receipt("r3", provider_id="MSG-9", address=player.mobile)
    assert (await _take(late, table)).outcome == "unmatched"


async def test_receipts_while_the_senders_settle_are_never_lost(table: IntentTable, tmp_path: Path) -> None:
    ids = await crowd(30)
    held = await put_on_the_wire(await run_tiny(tmp_path))
    claimed = held.messages
    assert len(claimed) == len(ids)

    async def finish(one: int) -> None:
        row = Settlement(one, DeliveryState.SENT, provider_id=f"MSG-{one}", sent_at=NOW, settled_at=NOW)
        await apply_waiting(await settle(held, row))

    pushes = [
        _take(receipt(f"r{one.id}", provider_id=f"MSG-{one.id}", address=one.address), table)
        if one.id % 2
        else _take(receipt(f"r{one.id}"), table, message_id=one.id)
        for one in claimed
    ]
    await asyncio.gather(
        *(work for pair in zip(pushes, map(finish, (c.id for c in claimed)), strict=True) for work in pair)
    )
    assert {await state_of(one.id) for one in claimed} == {DeliveryState.DELIVERED}


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("told", ["by our key", "by the provider's id"])
async def test_a_receipt_that_comes_while_its_message_is_being_settled_waits_for_that(
    table: IntentTable, tmp_path: Path, told: str
) -> None:
    """Had it looked past the settlement, it would wait for one that is over."""
    player = await datong()
    held = await put_on_the_wire(await run_tiny(tmp_path))
    claimed = held.messages
    event, message_id = receipt("r1", provider_id="MSG-7", address=player.mobile), claimed[0].id
    settling = asyncio.Event()

    async def push() -> Taken:
        await settling.wait()
        return await _take(event, table, message_id=message_id if told == "by our key" else None)

    pushed = asyncio.create_task(push())
    async with in_transaction():
        await settle_sent(held, provider_id="MSG-7")
        settling.set()
        await asyncio.wait([pushed], timeout=0.3)
    assert (await pushed).outcome == "applied"
    assert await state_of(message_id) == DeliveryState.DELIVERED


async def test_a_hard_bounce_closes_that_one_address(table: IntentTable, tmp_path: Path) -> None:
    player = await datong()
    message_id = await send_one(tmp_path, player)
    bounce = receipt("b1", delivered=False, reaction=Reaction.SUPPRESS, code="MK:0001", address=player.mobile)
    assert (await _take(bounce, table, message_id=message_id)).outcome == "applied"
    assert await state_of(message_id) == DeliveryState.BOUNCED
    assert not await _refused(player)
    rows = await Suppression.all().values_list("channel", "address", "reason", "member_id")
    assert rows == [("sms", player.mobile, "MK:0001", None)]


async def test_a_bounce_about_somebody_else_s_address_counts_for_nothing(table: IntentTable, tmp_path: Path) -> None:
    player = await datong()
    message_id = await send_one(tmp_path, player)
    forged = receipt("b1", delivered=False, reaction=Reaction.SUPPRESS, address="15400009999")
    assert (await _take(forged, table, message_id=message_id)).outcome == "unmatched"
    assert (await _take(receipt("b2", delivered=False), table)).outcome == "unmatched"
    assert await state_of(message_id) == DeliveryState.SENT
    assert await Suppression.all().count() == 0


async def test_random_orders_of_events_leave_the_same_state(
    table: IntentTable, tmp_path: Path, database: Settings
) -> None:
    """One message an order: two kinds of stories, each told before, after and around settling, some of it twice."""
    orders = 1000 if database.database.startswith("sqlite") else 100
    dice = random.Random(20261123)
    await crowd(orders)
    held = await put_on_the_wire(await run_tiny(tmp_path))
    claimed = held.messages
    assert len(claimed) == orders
    for number, one in enumerate(claimed):
        story = [*_story(one.id, bounces_only=number % 2 == 0), None]
        story += [dice.choice(story[:-1])] if number < orders // 5 else []
        dice.shuffle(story)
        for event in story:
            if event is None:
                row = Settlement(one.id, DeliveryState.SENT, sent_at=NOW, settled_at=NOW)
                await apply_waiting(await settle(held, row))
            else:
                await take_event(event, message_id=one.id, now=LATER, table=table)

    ends: dict[int, set[tuple[Any, ...]]] = {0: set(), 1: set()}
    for number, one in enumerate(claimed):
        message = await Message.get(id=one.id)
        ends[number % 2].add((message.state, message.code, message.settled_at, message.sent_at))
    assert ends == {
        0: {(DeliveryState.BOUNCED, "first", NOW + timedelta(minutes=1), NOW)},
        1: {(DeliveryState.DELIVERED, "second", NOW + timedelta(minutes=2), NOW)},
    }
    closed = await Suppression.filter(channel="sms").values_list("address", flat=True)
    assert sorted(closed) == sorted(one.address for one in claimed)
    assert await count_events() == {"receipt:applied": 2 * orders, "receipt:repeat": orders // 5}


# ---- links and reach -----------------------------------------------------------------------------------------------


async def test_the_way_back_in_counts_once(tmp_path: Path) -> None:
    message_id = await send_one(tmp_path, await jinbei())
    assert [await record_return(message_id, now=LATER) for _ in range(3)] == [True, False, False]
    assert await Touch.filter(kind=TouchKind.RETURN, message_id=message_id).count() == 1
    assert await touches.link_used(message_id, "way_in")


async def test_an_unfollow_closes_wechat_alone_and_following_opens_it_again(table: IntentTable) -> None:
    player = await datong()
    for event_id, followed in (("u", False), ("f", True)):
        change = ReachChange(event_id, ChannelName.WECHAT, LATER, player.openid, followed=followed)
        assert (await _take(change, table)).outcome == "applied"
        open_blocks = await Suppression.filter(channel="wechat", address=player.openid, lifted_at=None).count()
        assert open_blocks == (0 if followed else 1)
    assert not await _refused(player)
    kinds = await Touch.all().order_by("id").values_list("kind", flat=True)
    assert kinds == [TouchKind.UNFOLLOW, TouchKind.FOLLOW]


async def test_a_stranger_s_follow_is_kept_for_when_the_contact_is_known(table: IntentTable) -> None:
    change = ReachChange("f", ChannelName.WECHAT, LATER, "o-stranger", followed=True)
    assert (await _take(change, table)).outcome == "unmatched"
    assert await statements.query("SELECT openid FROM wechat_followers") == [{"openid": "o-stranger"}]


# ---- telling ------------------------------------------------------------------------------------------------------


async def _take(event: InboundEvent, table: IntentTable, *, message_id: int | None = None, now: Any = LATER) -> Taken:
    return await take_event(event, message_id=message_id, now=now, table=table)


async def _refused(player: Player) -> bool:
    return await Suppression.filter(member_id=player.member_id, channel=None, until=None, lifted_at=None).exists()


def _read_as(table: IntentTable, texts: tuple[str, ...], stop: StopVerdict, intent: Intent | None = None) -> str:
    for text in texts:
        reading = read_intent(text, table)
        if reading.stop is stop and intent in (None, reading.intent):
            return text
    raise AssertionError(f"none of {texts} is read as {stop} any more")


def _story(message_id: int, *, bounces_only: bool) -> list[Receipt | None]:
    """Two receipts of one message; the first of them tells that the address is dead."""
    return [
        receipt(
            f"{message_id}-{code}",
            minutes=minutes,
            delivered=not bounces_only and code != "first",
            code=code,
            reaction=Reaction.SUPPRESS if code == "first" else None,
        )
        for minutes, code in ((1, "first"), (2, "second"))
    ]

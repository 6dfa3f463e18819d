"""A colleague's own words by the stand-ins: what arrives, in whose thread, how often, and what holds them back."""

from datetime import timedelta

import pytest

from bot import sender
from bot.commands.serving import House
from bot.conductor import Conductor
from bot.sandbox.mail_customers import write_reply
from bot.sandbox.stage import Accepted
from bot.sender.by_hand import LOGIN_LINK, Letter, NotPossible, write
from bot.tokens import without_links
from campaigns import conversations, definitions, planner
from campaigns.errors import InputError
from campaigns.members import consent
from campaigns.models import Contact, Member, Message, Occurrence, Touch
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName, MailWords, MessageClass, Reason, WechatWords
from tests.cast import NOW, Player, jinbei

BY = "林晓芸"


def letter(
    player: Player, channel: ChannelName, text: str = "您好，我是林晓芸。\n\n简历在后台。", **fields: str
) -> Letter:
    given = {"by": BY, "nonce": "nonce-0001", **fields}
    return Letter(player.member_id, player.contact_id, channel, text, **given)


async def says(home: House, player: Player, text: str) -> None:
    assert home.sandbox is not None
    assert await home.sandbox.wechat.follow(player.openid)
    assert await home.sandbox.wechat.write(player.openid, text)


async def ways(home: House, player: Player) -> dict[str, planner.WayByHand]:
    found = await planner.ways_by_hand(player.member_id, home.runtime.clock(), home.runtime.rulebook)
    return {str(way.channel): way for way in found}


def arrived(home: House, channel: ChannelName) -> list[Accepted]:
    assert home.sandbox is not None
    return list(home.sandbox.stage.ledger.rows(channel))


async def test_an_answer_by_wechat_is_sent_once_and_its_words_are_shown_for_ever(
    home: House, conductor: Conductor
) -> None:
    player = await jinbei()
    await says(home, player, "点了，让我填验证码，我手机收不到")
    way = (await ways(home, player))["wechat"]
    assert (way.why, way.message_class, way.window_left) == (None, MessageClass.ANSWER, 5)
    assert way.window_until == NOW + timedelta(hours=48)

    said = letter(player, ChannelName.WECHAT, f"<a>您好</a>\n点这里：{LOGIN_LINK}")
    first, second = await write(home.runtime, said), await write(home.runtime, said)
    assert first.message_id == second.message_id
    assert (first.state, first.by) == ("queued", BY)
    other = await write(home.runtime, letter(player, ChannelName.WECHAT, "又想起一件事"))
    assert other.message_id != first.message_id
    await conductor.settle()

    message = await Message.get(id=first.message_id)
    assert (message.state, message.message_class, message.wechat_mode) == ("sent", "answer", "custom")
    words = (await sender.show_words(home.runtime, [message.id]))[message.id]
    assert isinstance(words, WechatWords)
    link = home.runtime.links(message.id)["way_in"]
    assert words.text == f"＜a>您好＜/a>\n点这里：{without_links(link)}" != f"＜a>您好＜/a>\n点这里：{link}"
    assert [link in str(one.words) for one in arrived(home, ChannelName.WECHAT)] == [True, False]
    touch = await Touch.get(message_id=message.id, direction="out")
    assert (touch.by, touch.kind, touch.contact_id) == (BY, "message", player.contact_id)
    assert (await ways(home, player))["wechat"].window_left == 3
    talk = await conversations.find(player.member_id)
    assert talk
    assert (talk.state, talk.assigned) == ("answered", BY)


async def test_the_window_ends_and_with_it_the_way(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    await says(home, player, "在吗")
    await conductor.jump(NOW + timedelta(hours=48, minutes=1))
    way = (await ways(home, player))["wechat"]
    assert (way.why, way.window_left, way.window_until) == (Reason.NO_WINDOW, 0, None)
    with pytest.raises(NotPossible) as refused:
        await write(home.runtime, letter(player, ChannelName.WECHAT))
    assert refused.value.why is Reason.NO_WINDOW
    assert not await Occurrence.all().exists()
    assert (await ways(home, player))["email"].message_class is MessageClass.SERVICE


async def test_a_window_that_closes_in_between_holds_the_words_and_says_so(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    await says(home, player, "在吗")
    written = await write(home.runtime, letter(player, ChannelName.WECHAT))
    home.runtime.clock.set(NOW + timedelta(hours=49))
    await conductor.settle()
    message = await Message.get(id=written.message_id)
    assert (message.state, message.reason, message.channel) == ("suppressed", "no_window", "wechat")
    talk = await conversations.find(player.member_id)
    assert talk
    assert (talk.state, talk.assigned) == ("waiting", BY)  # nobody answered them after all
    assert arrived(home, ChannelName.EMAIL) == []


async def test_an_answer_by_mail_joins_the_customers_own_thread(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    await Contact.filter(id=player.contact_id).update(openid=None)
    folder = await definitions.load_campaign(home.runtime.settings.huifang_templates, "unread_resumes")
    await definitions.approve(folder, by="tests", now=NOW)
    await start_campaign("unread_resumes", NOW, home.runtime.rulebook)
    await conductor.settle()
    [nudge] = arrived(home, ChannelName.EMAIL)
    assert home.sandbox is not None
    await home.sandbox.customers.say(nudge, "附件是修改后的岗位要求，请帮忙更新")
    theirs = write_reply(nudge, "附件是修改后的岗位要求，请帮忙更新", NOW, False)

    written = await write(home.runtime, letter(player, ChannelName.EMAIL))
    await conductor.settle()
    [_, answer] = arrived(home, ChannelName.EMAIL)
    headers = {name.lower(): str(value) for name, value in answer.words["headers"].items()}
    assert headers["in-reply-to"] == theirs["Message-ID"]
    assert theirs["Message-ID"] in headers["references"]
    assert nudge.key in headers["references"]
    assert "auto-submitted" not in headers
    assert answer.words["subject"] == f"Re: {nudge.words['subject']}"
    assert "简历在后台。" in answer.words["text"]
    assert BY in answer.words["text"]
    shown = (await sender.show_words(home.runtime, [written.message_id]))[written.message_id]
    assert isinstance(shown, MailWords)
    assert shown.text.strip() == without_links(answer.words["text"]).strip()
    assert (await Touch.get(message_id=written.message_id, direction="out")).by == BY


async def test_a_refusal_holds_what_a_colleague_writes_and_what_he_has_written(
    home: House, conductor: Conductor
) -> None:
    player = await jinbei()
    await says(home, player, "在吗")
    written = await write(home.runtime, letter(player, ChannelName.WECHAT))
    await consent.record_opt_out(player.member_id, at=NOW, source="tests")
    await conductor.settle()
    message = await Message.get(id=written.message_id)
    assert (message.state, message.reason) == ("suppressed", "refused")
    assert {way.why for way in (await ways(home, player)).values()} == {Reason.REFUSED}
    with pytest.raises(NotPossible):
        await write(home.runtime, letter(player, ChannelName.EMAIL))


async def test_an_answer_goes_at_night_and_a_letter_out_of_the_blue_in_the_morning(
    home: House, conductor: Conductor
) -> None:
    morning = NOW.replace(hour=8, minute=0) + timedelta(days=1)
    await conductor.jump(NOW.replace(hour=23))
    player = await jinbei()
    unasked = (await ways(home, player))["email"]
    assert (unasked.message_class, unasked.starts) == (MessageClass.SERVICE, morning)
    later = await write(home.runtime, letter(player, ChannelName.EMAIL))
    await says(home, player, "在吗")
    now = await write(home.runtime, letter(player, ChannelName.EMAIL, "在的"))
    await conductor.settle()
    assert (await Message.get(id=later.message_id)).state == "queued"
    assert (await Message.get(id=now.message_id)).state == "sent"


async def test_an_sms_says_what_was_approved_and_nothing_else(home: House, conductor: Conductor) -> None:
    player = await jinbei()
    [choice] = await sender.by_hand.sms_choices(home.runtime, player.member_id, player.contact_id)
    assert choice.key == "unread_resumes"
    assert "晋北餐饮" in choice.text
    for wrong in ("", "recruiting_tips", "../auto_replies"):
        with pytest.raises(InputError):
            await write(home.runtime, letter(player, ChannelName.SMS, "自己写的", sms=wrong))
    written = await write(home.runtime, letter(player, ChannelName.SMS, "自己写的", sms="unread_resumes"))
    await conductor.settle()
    [sms] = arrived(home, ChannelName.SMS)
    assert str(sms.words["text"]).endswith(choice.text)
    assert "自己写的" not in str(sms.words)
    assert (await Touch.get(message_id=written.message_id)).by == BY


async def test_words_that_cannot_go_are_refused_in_words(home: House) -> None:
    player = await jinbei()
    await says(home, player, "在吗")
    for text in ("", " \n ", "坏\x00字", "长" * 700):
        with pytest.raises(InputError):
            await write(home.runtime, letter(player, ChannelName.WECHAT, text))
    with pytest.raises(InputError, match="过期"):
        await write(home.runtime, letter(player, ChannelName.WECHAT, nonce=""))
    stranger = Letter(player.member_id, 999, ChannelName.WECHAT, "您好", BY, "nonce-0001")
    with pytest.raises(NotPossible):
        await write(home.runtime, stranger)
    assert await Member.all().count() == 1
    assert not await Message.all().exists()

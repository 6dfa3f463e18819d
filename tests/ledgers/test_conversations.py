"""Conversations: who waits for an answer, who has it, when it comes back, and the meanings people put right."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from bot.settings import Settings
from campaigns import conversations, outbox
from campaigns.conversations import Sieve, State, Tab
from campaigns.errors import InputError
from campaigns.intents import IntentTable, load_table
from campaigns.intents.table import load_examples
from campaigns.members.find import member_id_of
from campaigns.models import Conversation, Member, Message, Occurrence, Touch
from campaigns.replies.group import Told, take_group
from campaigns.replies.taking import take_event
from campaigns.terms import ChannelName, Intent
from tests.cast import (
    NOW,
    TEMPLATES,
    Player,
    answer_automatically,
    datong,
    jinbei,
    message_row,
    receipt,
    run_tiny,
    sms_reply,
)
from tests.cast import xinping as other_player

TODAY = NOW.date()


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(TEMPLATES / "auto_replies")


async def hear(player: Player, text: str, table: IntentTable, name: str = "", **fields: object) -> None:
    reply = sms_reply(player, text, name or f"up-{text}", **fields)
    await take_event(reply, message_id=None, now=reply.at, table=table)


async def state(player: Player) -> str:
    found = await conversations.find(player.member_id)
    return str(found.state) if found else "none"


def sieve(tab: Tab = Tab.WAITING, **fields: object) -> Sieve:
    return Sieve(**{"me": "林晓芸", "today": TODAY, "tab": tab, **fields})  # type: ignore[arg-type]


async def names(tab: Tab = Tab.WAITING, **fields: object) -> list[str]:
    return [line.no for line in (await conversations.browse(sieve(tab, **fields))).lines]


@pytest.mark.usefixtures("database")
async def test_who_answers_waits_and_a_refusal_is_closed_by_itself(table: IntentTable) -> None:
    first, second, third = await jinbei(), await datong(), await other_player()
    await hear(first, "密码忘了，登录不上去", table)
    await hear(second, "退订", table)
    await hear(third, "自动回复：我在休假", table, automatic=True)
    assert [await state(one) for one in (first, second, third)] == ["waiting", "closed", "none"]
    page = await conversations.browse(sieve(Tab.ALL))
    assert page.counts == {Tab.WAITING: 1, Tab.MINE: 0, Tab.NOBODYS: 1, Tab.ALL: 2}
    [line] = [one for one in page.lines if one.no == first.no]
    assert (line.text, line.intent, line.contact, line.waits) == (
        "密码忘了，登录不上去",
        "problem_login",
        "高建国",
        True,
    )


@pytest.mark.usefixtures("sqlite_database")
async def test_an_automatic_answer_is_enough_where_no_person_is_needed(table: IntentTable) -> None:
    await answer_automatically()
    player, other = await jinbei(), await datong()
    for one, text in ((player, "岗位都招满了"), (other, "密码忘了，登录不上去")):
        reply = sms_reply(one, text, f"mail-{text}")
        mail = type(reply)(reply.event_id, ChannelName.EMAIL, reply.at, one.email, text)
        await take_event(mail, message_id=None, now=mail.at, table=table)
    assert await Message.all().count() == 2
    assert (await state(player), await state(other)) == ("answered", "waiting")


@pytest.mark.usefixtures("database")
async def test_thanks_wait_for_nobody_and_take_nothing_from_who_waits(table: IntentTable) -> None:
    player, other, third = await jinbei(), await datong(), await other_player()
    await hear(player, "谢谢", table)
    assert await state(player) == "answered"
    await hear(player, "怎么发职位", table)
    await hear(player, "谢谢", table, "again")
    assert await state(player) == "waiting"
    for one in (other, third):
        await hear(one, "怎么发职位", table, f"q-{one.no}")
        await conversations.take(one.member_id, by="林晓芸", at=NOW)
    await conversations.record_written(other.member_id, by="林晓芸", at=NOW)
    await conversations.close(third.member_id, at=NOW)
    for one in (other, third):
        await hear(one, "谢谢", table, f"t-{one.no}")
    assert [await state(one) for one in (other, third)] == ["answered", "closed"]
    assert await names() == [player.no]
    page = await conversations.browse(sieve(Tab.ALL))
    assert {line.text for line in page.lines} == {"谢谢"}


@pytest.mark.usefixtures("sqlite_database")
async def test_nothing_is_answered_automatically_while_a_colleague_has_it(table: IntentTable) -> None:
    await answer_automatically()
    player = await jinbei()
    await hear(player, "嗯", table)
    assert await conversations.take(player.member_id, by="林晓芸", at=NOW)
    assert not await conversations.take(player.member_id, by="李娜", at=NOW)
    reply = sms_reply(player, "岗位都招满了", "mail-1")
    await take_event(
        type(reply)("mail-1", ChannelName.EMAIL, reply.at, player.email, "岗位都招满了"),
        message_id=None,
        now=reply.at,
        table=table,
    )
    assert not await Message.all().exists()
    assert await state(player) == "waiting"
    assert await names(Tab.MINE) == [player.no]
    assert await names(Tab.NOBODYS) == []


@pytest.mark.usefixtures("database")
async def test_what_is_done_is_opened_again_by_their_next_word(table: IntentTable) -> None:
    player = await jinbei()
    await hear(player, "怎么发职位", table)
    await conversations.take(player.member_id, by="林晓芸", at=NOW)
    assert await conversations.close(player.member_id, at=NOW)
    assert not await conversations.close(player.member_id, at=NOW)
    closed = await conversations.find(player.member_id)
    assert closed
    assert (closed.state, closed.assigned) == (State.CLOSED, "")
    await hear(player, "还是不会发", table)
    opened = await conversations.find(player.member_id)
    assert opened
    assert (opened.state, opened.closed_at) == (State.WAITING, None)
    assert await Conversation.all().count() == 1


@pytest.mark.usefixtures("database")
async def test_what_is_put_off_comes_back_on_its_day_and_at_their_next_word(table: IntentTable) -> None:
    player = await jinbei()
    await hear(player, "怎么发职位", table)
    later = TODAY + timedelta(days=3)
    await conversations.record_written(player.member_id, by="林晓芸", at=NOW)
    assert await state(player) == "answered"
    assert await conversations.follow_up(player.member_id, later)
    assert await names() == []
    assert await conversations.count_waiting(later - timedelta(days=1)) == 0
    assert await conversations.count_waiting(later) == 1
    assert await names(today=later) == [player.no]
    await hear(player, "在吗", table)
    assert await names() == [player.no]


@pytest.mark.usefixtures("database")
async def test_the_list_is_searched_and_shows_own_members_alone(table: IntentTable) -> None:
    first, second = await jinbei(), await datong()
    for player in (first, second):
        await hear(player, "怎么发职位", table, f"up-{player.no}")
    await Member.filter(id=first.member_id).update(owner="林晓芸")
    assert await names(text="晋北") == await names(text="高建国") == await names(text="y2") == [first.no]
    assert await names(text="%") == await names(text="_'\"<") == []
    assert await names(owners=frozenset({"林晓芸"})) == [first.no]
    assert await names(owners=frozenset()) == []
    assert await conversations.count_waiting(TODAY, frozenset({"程雪"})) == 1
    assert await conversations.count_waiting(TODAY) == 2
    assert await member_id_of(first.no) == first.member_id


@pytest.mark.usefixtures("database")
async def test_a_meaning_put_right_is_an_example_the_table_is_held_to(table: IntentTable, tmp_path: Path) -> None:
    player = await jinbei()
    words = '<script>"引号"\\ 反斜杠\n第二行\x7f\u2028'
    await hear(player, words, table)
    touch = await Touch.get()
    given = {"text": touch.text, "was": touch.intent, "by": "林晓芸", "at": NOW}
    await conversations.put_right(touch.id, now=Intent.THANKS, **given)
    await conversations.put_right(touch.id, now=Intent.CALL_ME, **given)
    found = await conversations.corrections_of([touch.id])
    assert found[touch.id].now is Intent.CALL_ME
    assert (await Touch.get()).intent == touch.intent
    assert (await Conversation.get()).intent == "call_me"
    text = await conversations.read_as_examples()
    assert tomllib.loads(text) == {"call_me": {"examples": [touch.text]}}
    (tmp_path / "corrections.toml").write_text(text, encoding="utf-8")
    assert [(one.text, one.intent) for one in load_examples(tmp_path)] == [(touch.text, Intent.CALL_ME)]


@pytest.mark.usefixtures("sqlite_database")
async def test_canned_answers_have_each_their_own_title(settings: Settings) -> None:
    first = await conversations.save_canned(None, title="登录", text="点{登录链接}", by="林晓芸", now=NOW)
    with pytest.raises(InputError, match="换个标题"):
        await conversations.save_canned(None, title="登录", text="别的", by="李娜", now=NOW)
    for title, text in (("", "字"), ("题" * 65, "字"), ("题", ""), ("题", "字" * 2001)):
        with pytest.raises(InputError):
            await conversations.save_canned(None, title=title, text=text, by="林晓芸", now=NOW)
    assert await conversations.save_canned(first, title="登录", text="换了", by="李娜", now=NOW) == first
    assert [(one.title, one.text, one.by) for one in await conversations.list_canned()] == [("登录", "换了", "李娜")]
    assert await conversations.delete_canned(first)
    with pytest.raises(InputError, match="删掉"):
        await conversations.save_canned(first, title="登录", text="换了", by="李娜", now=NOW)


async def by_hand(player: Player, folder: Path, state: str, **columns: object) -> int:
    """A colleague's answer that stands so in the ledger, and is the last word to them."""
    occurrence_id = await run_tiny(folder, conversations.BY_HAND)
    await outbox.enqueue([message_row(occurrence_id, player)])
    await conversations.record_written(player.member_id, by="林", at=NOW)
    await Occurrence.filter(id=occurrence_id).update(at=NOW)
    await Message.filter(occurrence_id=occurrence_id).update(state=state, sent_at=NOW, **columns)
    found = await outbox.message_of(occurrence_id)
    assert found
    return found


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("ends", ["failed", "suppressed", "expired", "bounced"])
async def test_an_answer_that_did_not_arrive_leaves_its_conversation_waiting(
    table: IntentTable, tmp_path: Path, ends: str
) -> None:
    player = await jinbei()
    await hear(player, "你们的电话是多少", table)
    message_id = await by_hand(player, tmp_path, "sent")
    await conversations.close(player.member_id, at=NOW)
    assert await conversations.reopen_undelivered([message_id]) == 0
    assert await state(player) == "closed"
    await Message.filter(id=message_id).update(state=ends)
    assert await conversations.reopen_undelivered([message_id]) == 1
    assert await state(player) == "waiting"
    assert await conversations.count_waiting(NOW.date()) == 1


@pytest.mark.usefixtures("database")
async def test_an_answer_that_bounced_leaves_its_conversation_waiting_for_who_had_it(
    table: IntentTable, tmp_path: Path
) -> None:
    player = await jinbei()
    await hear(player, "你们的电话是多少", table)
    message_id = await by_hand(player, tmp_path, "sent")
    await take_group([Told(receipt("r1", delivered=False, address=player.mobile), message_id)], NOW)
    known = await conversations.find(player.member_id)
    assert known
    assert (known.state, known.assigned) == ("waiting", "林")


@pytest.mark.usefixtures("database")
async def test_whose_answer_nobody_knows_of_waits_again_once(table: IntentTable, tmp_path: Path) -> None:
    player = await jinbei()
    await hear(player, "你们的电话是多少", table)
    await by_hand(player, tmp_path, "unknown", ask_at=NOW)
    assert await conversations.reopen_uncertain(NOW) == 0
    assert await conversations.reopen_uncertain(NOW + timedelta(hours=1)) == 1
    assert await state(player) == "waiting"
    await conversations.close(player.member_id, at=NOW)
    assert await conversations.reopen_uncertain(NOW + timedelta(hours=1)) == 0


@pytest.mark.usefixtures("database")
async def test_who_refused_is_not_opened_again_by_an_answer_that_could_not_go(
    table: IntentTable, tmp_path: Path
) -> None:
    player = await jinbei()
    await hear(player, "在吗，怎么登录", table)
    message_id = await by_hand(player, tmp_path, "suppressed")
    await hear(player, "退订", table, "e2")
    await conversations.reopen_undelivered([message_id])
    assert await state(player) == "closed"

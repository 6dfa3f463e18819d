"""A company answers its invitation by a reply; the answer stands with the invitation, in its own words."""

from datetime import date, datetime, timedelta

import pytest

from bot.settings import Settings
from campaigns import conversations, fairs
from campaigns.fairs import Answer, Kind
from campaigns.intents import IntentTable, load_table
from campaigns.models import Suppression, Touch, Visit
from campaigns.replies.taking import take_event
from campaigns.terms import SHANGHAI
from tests.cast import NOW, TEMPLATES, Player, datong, sms_reply

THE_DAY = date(2027, 3, 6)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(TEMPLATES / "auto_replies")


async def a_fair(member_id: int, name: str = "春季招聘会", at: datetime = NOW) -> int:
    fair = await fairs.make_fair(
        name, kind=Kind.FAIR, held_on=THE_DAY, place="体育馆", occupations=[], capacity=1, by="林", now=at
    )
    await fairs.invite(fair, [member_id], by="林", now=at)
    return fair


async def answer_of(fair: int) -> tuple[str, str, str]:
    [one] = await fairs.invitations_to(fair)
    return one.state, one.note, one.by


async def hear(player: Player, text: str, table: IntentTable, at: datetime = LATER) -> None:
    taken = await take_event(sms_reply(player, text, f"up-{text}-{at}", at=at), message_id=None, now=at, table=table)
    assert taken.outcome == "applied"


async def test_a_reply_sets_the_answer_of_the_newest_open_invitation(database: Settings, table: IntentTable) -> None:
    player = await datong()
    older, newer = (
        await a_fair(player.member_id),
        await a_fair(player.member_id, "联合招聘", NOW + timedelta(minutes=1)),
    )
    await hear(player, "不来了，谢谢", table)
    assert await answer_of(newer) == ("no", "不来了，谢谢", "")
    assert (await answer_of(older))[0] == "invited"
    assert not await Suppression.exists()
    assert not await Visit.exists()
    assert [one.text async for one in Touch.filter(medium="fair", direction="in")] == ["联合招聘：不来。不来了，谢谢"]
    await hear(player, "我们来三个人", table, LATER + timedelta(hours=1))
    assert await answer_of(newer) == ("yes", "我们来三个人", "")
    [one] = await fairs.invitations_to(newer)
    await fairs.record_answer(one.id, Answer.MAYBE, note="打电话问过", by="林", now=LATER + timedelta(hours=2))
    assert await answer_of(newer) == ("maybe", "打电话问过", "林")


async def test_a_refusal_beside_the_answer_is_a_refusal(database: Settings, table: IntentTable) -> None:
    player = await datong()
    fair = await a_fair(player.member_id)
    await hear(player, "不来，退订", table)
    assert (await answer_of(fair))[0] == "no"
    assert await Suppression.exists()


async def test_what_is_unclear_changes_nothing_and_stays_a_conversation(database: Settings, table: IntentTable) -> None:
    player = await datong()
    fair = await a_fair(player.member_id)
    await hear(player, "在哪个体育馆办？", table)
    assert (await answer_of(fair))[0] == "invited"
    assert await conversations.find(player.member_id) is not None


async def test_nothing_is_set_after_the_day_or_when_it_is_called_off(database: Settings, table: IntentTable) -> None:
    player = await datong()
    held = await a_fair(player.member_id)
    await hear(player, "来", table, datetime(2027, 3, 7, 9, tzinfo=SHANGHAI))
    assert (await answer_of(held))[0] == "invited"
    await fairs.end_fair(held, "called_off", NOW)
    await hear(player, "来", table, LATER)
    assert (await answer_of(held))[0] == "invited"

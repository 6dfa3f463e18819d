"""What we say was sent is compared with what the providers wrote down."""

import pytest

from bot.commands.demo import check, compare_books
from bot.commands.serving import House
from bot.conductor import Conductor
from campaigns import definitions
from campaigns.models import Contact, Message
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName
from tests.cast import NOW, crowd


@pytest.mark.parametrize("channel", [ChannelName.EMAIL, ChannelName.SMS])
async def test_one_message_that_a_provider_took_and_forgot_upsets_the_books(
    home: House, conductor: Conductor, channel: ChannelName
) -> None:
    assert home.sandbox is not None
    stand_in = home.sandbox.relay if channel is ChannelName.EMAIL else home.sandbox.sms
    stand_in.faults.order("forget")
    await _send_ten(home, conductor, channel)
    sent = await Message.filter(state="sent").count()
    [line] = [line for line in await compare_books(home) if line.left or line.right]
    assert (line.name.partition(":")[0], line.left, line.right) == (channel, sent - 1, sent)
    assert not line.holds


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_what_is_uncertain_counts_as_far_as_it_arrived(home: House, conductor: Conductor, fault: str) -> None:
    assert home.sandbox is not None
    home.sandbox.wechat.faults.shares(**{fault: 1.0})
    await _send_ten(home, conductor, ChannelName.WECHAT)
    unknown = await Message.filter(state="unknown").count()
    assert unknown > 5
    lines = {line.name.partition(":")[0]: (line.left, line.right) for line in await compare_books(home)}
    arrived = unknown if fault == "reset_after" else 0
    assert lines.get("wechat", (0, 0)) == (arrived, arrived)


async def test_without_a_loss_the_books_agree(home: House, conductor: Conductor) -> None:
    await _send_ten(home, conductor, ChannelName.EMAIL)
    lines = await compare_books(home)
    assert max(line.left for line in lines) > 5
    assert all(line.holds for line in lines)


async def _send_ten(home: House, conductor: Conductor, channel: ChannelName) -> None:
    members = await crowd(10, unread=4)
    if channel is ChannelName.SMS:
        await Contact.filter(member_id__in=members).update(email=None)
    if channel is ChannelName.WECHAT:
        await _follow(home, members)
    folder = await definitions.load_campaign(home.runtime.settings.huifang_templates, "unread_resumes")
    await definitions.approve(folder, by="tests", now=NOW)
    await start_campaign("unread_resumes", NOW, home.runtime.rulebook)
    await conductor.settle()


async def _follow(home: House, members: list[int]) -> None:
    assert home.sandbox is not None
    home.sandbox.wechat.ensure_followers(f"o{member_id:027}" for member_id in members)
    for member_id in members:
        await Contact.filter(member_id=member_id).update(email=None, openid=f"o{member_id:027}")


def test_books_that_do_not_balance_end_the_demo_with_the_lines_that_differ(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        check(
            [
                {"name": "sent", "left": 3, "right": 3, "holds": True},
                {"name": "said", "left": 2, "right": 1, "holds": False},
            ]
        )
    assert "said: 2 ≠ 1" in capsys.readouterr().err

"""How far a campaign is, as the one who watches it is told."""

from datetime import timedelta
from pathlib import Path

from bot.commands.watching import Pace, told
from bot.settings import Settings
from campaigns import definitions
from campaigns.models import Message
from campaigns.progress import CampaignProgress, ChannelQueue, campaign_progress
from campaigns.terms import ChannelName
from tests.cast import NOW, claim, crowd, depart, run_tiny, settle_sent

SMS = ChannelName.SMS


async def test_what_is_due_what_goes_later_and_what_is_on_the_wire_are_told_apart(
    database: Settings, tmp_path: Path
) -> None:
    await crowd(10)
    occurrence = await run_tiny(tmp_path, channels=["sms"])
    later = NOW + timedelta(hours=3)
    put_off = await Message.filter(occurrence_id=occurrence).order_by("-id").limit(2).values_list("id", flat=True)
    await Message.filter(id__in=put_off).update(not_before=later, due_at=later)
    held = await claim(occurrence, SMS, limit=4)
    await depart(held)
    [found] = await campaign_progress(NOW, "tiny")
    assert (found.planned, found.gone, found.due, found.later, found.next_at) == (10, 0, 8, 2, later)
    assert found.queues == [ChannelQueue(SMS, due=4, later=2, next_at=later, on_the_wire=4)]
    await settle_sent(held)
    [found] = await campaign_progress(NOW, "tiny")
    assert (found.gone, found.due, found.later) == (4, 4, 2)
    [found] = await campaign_progress(later, "tiny")
    assert (found.due, found.later, found.next_at) == (6, 0, None)


async def test_every_approved_campaign_is_told_and_one_nobody_approved_is_not(
    database: Settings, tmp_path: Path
) -> None:
    await crowd(2)
    await run_tiny(tmp_path)
    await run_tiny(tmp_path, "other")
    await definitions.pause("other", note="停一下")
    assert [(one.key, one.state, one.note) for one in await campaign_progress(NOW)] == [
        ("tiny", "running", ""),
        ("other", "paused", "停一下"),
    ]
    assert await campaign_progress(NOW, "nobody") == []


def test_a_rate_is_that_of_the_last_while() -> None:
    pace = Pace()
    pace.look(0, 0)
    assert pace.per_second == 0
    assert pace.seconds_left(100) is None
    for second in range(1, 31):
        pace.look(second, second * 10 if second <= 10 else 100 + (second - 10) * 50)
    assert pace.per_second == 50
    assert pace.seconds_left(100) == 2


def _progress(state: str = "running", note: str = "", later: int = 0) -> CampaignProgress:
    queue = ChannelQueue(SMS, due=390, later=later, next_at=NOW if later else None, on_the_wire=10)
    return CampaignProgress("tiny", state, note, 1500, [queue])


def test_a_bar_says_how_far_how_fast_and_how_long_still() -> None:
    pace = Pace()
    pace.look(0, 1000)
    assert told(_progress(), pace) == "1,100/1,500  0 条/秒  还不知道要多久"
    pace.look(2, 1100)
    assert told(_progress(later=20), pace) == "1,080/1,500  50 条/秒  还要 0:08  另有 20 条以后发（11-23 09:30 起）"
    assert told(_progress("paused", "停于命令行"), pace) == "1,100/1,500  已暂停 停于命令行"

"""The house the browsers stand before: web, worker and stand-ins in this process, on a virtual clock."""

import contextlib
from collections.abc import AsyncIterator

from bot.clock import ProductClock
from bot.commands.demo_visiting import plan_some_visits
from bot.commands.serving import House, house
from bot.conductor import Conductor
from bot.database import open_database
from bot.sandbox.run import Sandbox
from bot.sandbox.stage import Accepted
from bot.settings import Settings
from campaigns import definitions, marks, models, planner
from campaigns.members.tiering import assign_all_tiers
from campaigns.rights import Role
from campaigns.terms import ChannelName
from tests import cast
from tests.fleet import HOLDOUT_SECRET
from tests.web_cast import add_colleague

CROWD = 60
_SENT = ("auto_replies", "unread_resumes", "forgotten_account", "renewal_visit")
# what the first customers of each channel say, one after the other
_WORDS = (
    "好的，我这就去看看",
    "忘记密码了，怎么登录？",
    "给我打个电话吧",
    "谢谢",
    "别再给我发了，退订",
    "最近招得不好，没人投",
)


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """On a database with tables; customers do nothing of their own accord."""
    async with open_database(settings):
        await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
        clock = ProductClock()
        clock.set(cast.NOW)
        async with house(settings.model_copy(update={"web_port": 0, "mail_door_port": 0}), clock) as running:
            assert running.sandbox is not None
            running.sandbox.stage.listeners.clear()
            running.sandbox.wechat.callbacks.door.answer_seconds = 60  # ours may be slow on a busy machine
            yield running


async def lived_in(home: House) -> None:
    """A morning's work: the cast and a crowd, campaigns sent, customers who answered, colleagues."""
    await people()
    for key in _SENT:
        await start(home, key)
    await Conductor(home.runtime, home.sandbox).settle()
    for channel in (ChannelName.SMS, ChannelName.EMAIL, ChannelName.WECHAT):
        for arrived, words in zip(ledger(home, channel), _WORDS, strict=False):
            await sandbox_of(home).customers.say(arrived, words)
    await Conductor(home.runtime, home.sandbox).settle()
    await furniture()
    await plan_some_visits(home.runtime)


async def people() -> None:
    for player in (await cast.datong(), await cast.jinbei(), await cast.yungang(), await cast.xinping()):
        assert player.member_id
    await cast.crowd(CROWD, unread=4)
    await models.Member.filter(id__gt=CROWD // 2).update(owner="石磊", trade="物流仓储", city="朔州", plan="包年")
    await assign_all_tiers(cast.NOW)
    for login, name, role in (("chengxue", "程雪", Role.MARKETER), ("shilei", "石磊", Role.AGENT)):
        await add_colleague(role, login=login, name=name, department="东区")


async def furniture() -> None:
    """What colleagues make at their desks, one or two of each."""
    member = await models.Member.first()
    assert member is not None
    for number in range(2):
        await models.Note.create(member_id=member.id, text="上午打过电话", by="程雪", at=cast.NOW)
        await models.SavedSegment.create(name=f"老客户{number}", rule="idle_days >= 90", by="程雪", at=cast.NOW)
        await models.CannedAnswer.create(title=f"问候{number}", text="您好，有什么可以帮您？", by="程雪", at=cast.NOW)
        await models.ApiToken.create(
            name=f"网站{number}", digest=f"d{number}", hint="abcd", made_at=cast.NOW, by="程雪"
        )
        await models.CustomField.create(
            name=f"园区{number}" if number else "园区",
            label=f"园区{number}" if number else "园区",
            shown=["list", "member"],
        )


async def start(home: House, key: str) -> None:
    """As from the desk: approved and begun."""
    runtime = home.runtime
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, key)
    await definitions.approve(folder, by="程雪", now=runtime.clock())
    await planner.start_campaign(key, runtime.clock(), runtime.rulebook)


def ledger(home: House, channel: ChannelName) -> list[Accepted]:
    """What arrived at customers by this channel."""
    return list(sandbox_of(home).stage.ledger.rows(channel))


def sandbox_of(home: House) -> Sandbox:
    assert home.sandbox is not None
    return home.sandbox

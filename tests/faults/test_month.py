"""A month of customers who answer, leave and come back: no call is refused for a reason the ledgers could have known.

The stand-ins count what they refuse. Time goes in steps; at each, customers act first, then what is due is sent.
"""

import asyncio
import contextlib
import random
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.commands.serving import House, house
from bot.conductor import Conductor
from bot.sandbox.run import Sandbox
from bot.settings import Settings
from bot.worker import make_worker
from campaigns import definitions, marks
from campaigns.models import Contact, Message, Suppression, WechatFollower, WecomCustomer
from campaigns.planner import reach_of, start_campaign
from campaigns.terms import SHANGHAI, ChannelName, MessageClass, Reason
from tests.cast import NOW, TEMPLATES, answer_automatically, crowd
from tests.faults.scene import LONG
from tests.fleet import HOLDOUT_SECRET, until

_DAYS = 30
_TOGETHER = timedelta(minutes=9)
_STEPS = (time(10), time(15), time(19))  # Asia/Shanghai; the first two are slots of campaigns
_SUBSCRIBED = "SUB_UNREAD_RESUMES"
_STAFF = "wangfang"
_BY_CHANCE = {(ChannelName.WECOM, "fail_type 0")}  # "unknown", of a message that was taken
_WECOM_DAY = 2  # when WeCom's customers write: their words are fetched in real time

_DAILY = 'kind = "recurring"\nevery = "day"\nat = "{at}"\ndays = "all"\nagain_after = "{again}"'
_WEEKLY = 'kind = "recurring"\nevery = "week"\nweekday = "{on}"\nat = "10:00"\ndays = "workdays"'
# key: class, channels, WeChat's modes, schedule, words of
_CAMPAIGNS = {
    "notice": ("service", ["wechat", "sms", "email"], "custom subscribe", _DAILY.format(at="10:00", again="2d")),
    "second": ("service", ["wechat", "email"], "custom subscribe", _DAILY.format(at="10:00", again="3d")),
    "reminder": ("service", ["wechat", "email"], "template", _DAILY.format(at="15:00", again="3d")),
    "promo": ("marketing", ["wechat", "sms", "email"], "custom", _WEEKLY.format(on="mon")),
    "tips": ("marketing", ["email", "wechat"], "custom subscribe", _WEEKLY.format(on="wed")),
}


@dataclass(slots=True)
class _Month:
    """Who takes part, and the dice of what they do."""

    running: House
    contacts: Sequence[Contact]
    dice: random.Random
    did: Counter[str]
    wrote: Sequence[str] = ()  # to WeCom's customer service, last
    wrote_at: datetime = NOW

    @property
    def sandbox(self) -> Sandbox:
        assert self.running.sandbox is not None
        return self.running.sandbox

    async def act(self, *, wecom: bool) -> None:
        """At this moment some of them take up their phones."""
        for contact in self.contacts:
            if contact.openid and self.dice.random() < 0.2:
                await self._in_wechat(contact.openid)
            if contact.mobile and self.dice.random() < 0.003:
                await self._by_sms(contact.mobile)
        if wecom:
            self.wrote = [str(one.external_userid) for one in self.contacts[::4]]
            self.wrote_at = self.running.runtime.clock().replace(microsecond=0)
            for customer in self.wrote:
                await self.sandbox.wecom.phones.write(customer, "登录不上")
                self.did["wecom"] += 1

    async def wecom_is_read(self) -> bool:
        heard = WecomCustomer.filter(external_userid__in=self.wrote, heard_at__gte=self.wrote_at)
        return await heard.count() == len(self.wrote)

    async def _in_wechat(self, openid: str) -> None:
        account = self.sandbox.wechat
        if not account.follows(openid):
            what = "follow" if self.dice.random() < 0.3 else "stay away"
        else:
            habits = {"write": 20, "ask": 5, "click": 20, "accept": 40, "decline": 3, "switch off": 3, "leave": 8}
            [what] = self.dice.choices(list(habits), list(habits.values()))
        self.did[what] += 1
        match what:
            case "follow":
                await account.follow(openid)
            case "write":
                await account.write(openid, "好的，谢谢")
            case "ask":
                await account.write(openid, "登录不上")
            case "click":
                await account.click_menu(openid, "jobs")
            case "accept":
                await account.accept_subscription(openid, *[_SUBSCRIBED] * self.dice.randint(1, 2))
            case "decline":
                await account.decline_subscription(openid, _SUBSCRIBED)
            case "switch off":
                await account.switch_off_subscription(openid, _SUBSCRIBED)
            case "leave":
                await account.unsubscribe(openid)

    async def _by_sms(self, mobile: str) -> None:
        self.did["refuse by sms"] += 1
        await self.sandbox.sms.say(mobile, "T")


@pytest.mark.parametrize(
    ("members", "least"), [pytest.param(36, 600, id="short"), pytest.param(420, 10_000, id="long", marks=LONG)]
)
async def test_in_a_month_nothing_is_refused_that_the_ledgers_could_have_known(
    sqlite_database: Settings, tmp_path: Path, members: int, least: int
) -> None:
    async with _stage(sqlite_database, tmp_path) as running:
        month = await _begin(running, members)
        await _live(month)
        assert running.sandbox is not None
        assert set(running.sandbox.stage.refusals) <= _BY_CHANCE
        assert running.sandbox.stage.timetable.failures == []
        modes = Counter(await Message.filter(sent_at__not_isnull=True).values_list("channel", "wechat_mode"))
        assert sum(modes.values()) >= least, modes
        assert {("wechat", mode) for mode in ("custom", "subscribe", "template")} < set(modes), modes
        assert {("sms", ""), ("email", ""), ("wecom", "")} < set(modes), modes
        assert min(month.did.values()) > 0
        await _assert_it_was_narrow()
        await _assert_no_more_is_kept_than_the_provider_grants(running)
        await _assert_who_refused_is_left_alone(running)


async def _live(month: _Month) -> None:
    conductor = Conductor(month.running.runtime, month.running.sandbox)
    for day in range(_DAYS):
        for step in _STEPS:
            at = datetime.combine(NOW.date() + timedelta(days=day), step, SHANGHAI)
            if at > NOW:
                await _live_until(at, month.running, conductor)
                wecom = day == _WECOM_DAY and step is _STEPS[0]
                await month.act(wecom=wecom)
                await conductor.settle()
                if wecom:
                    await until(month.wecom_is_read, "WeCom's messages are fetched")
                    await conductor.settle()


async def _live_until(moment: datetime, running: House, conductor: Conductor) -> None:
    """What providers and customers do in these minutes is done together: a callback may be as old as that."""
    assert running.sandbox is not None
    while (following := running.sandbox.stage.timetable.next_at()) and following < moment:
        await conductor.jump(min(following + _TOGETHER, moment))
        await conductor.settle()
    await conductor.jump(moment)


# ---- what must be so in the end -----------------------------------------------------------------------------------


async def _assert_it_was_narrow() -> None:
    """Windows, credits, quotas and refusals were in the way of many, or the test says nothing."""
    found: Counter[str] = Counter()
    for (words,) in await Message.filter(obstacles__not_isnull=True).values_list("obstacles"):
        found.update(one.partition(":")[2] for one in words.split())
    wanted = {Reason.NO_CREDIT, Reason.NO_WINDOW, Reason.NOT_FOLLOWER, Reason.NO_CONSENT, Reason.NO_ADDRESS}
    assert wanted <= set(found), found
    assert await Message.filter(reason=Reason.REFUSED).exists()


async def _assert_no_more_is_kept_than_the_provider_grants(running: House) -> None:
    assert running.sandbox is not None
    spent = 0
    for row in await WechatFollower.all():
        follower = running.sandbox.wechat.find(row.openid)
        assert follower is not None
        assert row.followed == follower.follows
        assert all(left <= follower.credits[template] for template, left in row.credits.items())
        if row.followed and row.window_until and row.window_until > running.runtime.clock():
            assert row.window_left <= follower.window_left
            spent += 5 - row.window_left
    assert spent
    assert await WecomCustomer.filter(window_left__lt=5, window_until__not_isnull=True).exists()


async def _assert_who_refused_is_left_alone(running: House) -> None:
    """A word by any channel stops every channel of the company, and every table says so."""
    refused = await Suppression.filter(channel=None, until=None, lifted_at=None)
    assert refused
    for row in refused:
        assert row.member_id is not None
        later = Message.filter(member_id=row.member_id, sent_at__gt=row.at).exclude(message_class=MessageClass.ANSWER)
        assert not await later.exists()
        ways = await reach_of(row.member_id, running.runtime.clock())
        assert {(way.service, way.marketing) for way in ways} <= {(Reason.REFUSED, Reason.REFUSED)}


# ---- the stage ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _stage(database: Settings, folder: Path) -> AsyncIterator[House]:
    """The house, with two workers that do only what they are rung for: customers and they take turns."""
    templates = folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    for key, (kind, channels, modes, schedule) in _CAMPAIGNS.items():
        _write_campaign(templates, key, kind, channels, modes, schedule)
    await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
    clock = ProductClock()
    clock.set(NOW)
    settings = database.model_copy(update={"web_port": 0, "mail_door_port": 0, "huifang_templates": templates})
    async with house(settings, clock) as running:
        running.worker.cancel()
        await asyncio.wait([running.worker])
        workers = [make_worker(running.runtime, lookout=False) for _ in range(2)]
        for worker in workers:
            worker.poll_delay_s = 0.01
        tasks = [asyncio.create_task(worker.async_run()) for worker in workers]
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def _write_campaign(folder: Path, key: str, kind: str, channels: list[str], modes: str, schedule: str) -> None:
    words = folder / ("unread_resumes" if kind == "service" else "forgotten_account")
    unused = [f"{name}.*" for name in ("sms", "email") if name not in channels]
    shutil.copytree(words, folder / key, ignore=shutil.ignore_patterns(*unused))
    # a custom message of marketing says how to refuse, a notice is the unread résumés'
    texts = [(words if mode == "custom" else folder / "unread_resumes") / "wechat.toml" for mode in modes.split()]
    parts = [
        part
        for mode, text in zip(modes.split(), texts, strict=True)
        for part in re.split(r"(?m)^(?=\[\w+[.\]])", text.read_text(encoding="utf-8"))
        if part.startswith((f"[{mode}]", f"[{mode}."))
    ]
    (folder / key / "wechat.toml").write_text("\n".join(parts), encoding="utf-8")
    head = [f'title = "{key}"', f'class = "{kind}"', f"channels = {channels}".replace("'", '"'), 'useless_after = "3d"']
    (folder / key / "campaign.toml").write_text("\n".join([*head, "[schedule]", schedule]), encoding="utf-8")


async def _begin(running: House, members: int) -> _Month:
    """Of three members one has WeChat alone, one no e-mail, one everything; a few never agreed to marketing."""
    assert running.sandbox is not None
    for number, member_id in enumerate(await crowd(members, unread=4)):
        given: dict[str, object] = {"openid": f"o{member_id:027}", "consent": number % 7 != 0}
        if number % 3 != 2:
            given["email"] = None
        if number % 3 == 0:
            given["mobile"] = None
        if number % 4 == 0:
            given["external_userid"] = f"wm{member_id:030}"
        await Contact.filter(member_id=member_id).update(**given)
    running.sandbox.customers.readers.clear()  # who only reads uses nothing up
    contacts = await Contact.all().order_by("id")
    running.sandbox.wechat.ensure_followers([one.openid for one in contacts if one.openid])
    for one in contacts:
        if one.external_userid:
            await running.sandbox.wecom.phones.meet(one.external_userid, _STAFF)
    await answer_automatically()
    for key in _CAMPAIGNS:
        folder = await definitions.load_campaign(running.runtime.settings.huifang_templates, key)
        await definitions.approve(folder, by="tests", now=NOW)
        await start_campaign(key, NOW, running.runtime.rulebook)
    return _Month(running, contacts, random.Random("a month"), Counter())

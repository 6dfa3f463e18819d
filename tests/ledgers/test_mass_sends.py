"""Mass sends of WeChat, from the ledger to the wire and back: named before they are sent, asked about, never twice."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import sender
from bot.clock import ProductClock
from bot.inbox import Inbox
from bot.runtime import Runtime, open_runtime
from bot.sender import draining
from bot.settings import Settings
from campaigns import definitions, outbox, planner
from campaigns.members import consent
from campaigns.models import Campaign, Claim, Contact, Message, Touch, WechatFollower
from campaigns.outbox import Batch
from campaigns.terms import ChannelName, Reaction, Receipt
from tests.cast import NOW, TEMPLATES, crowd, rulebook
from tests.scripted import Answer, Fault, Scripted, Seen, Told, answer, serving

MEMBERS = 30
CAMPAIGN = """
title = "招聘季"
class = "marketing"
segment = "all"
channels = [{channels}]
[schedule]
kind = "once"
at = "2026-11-23 09:30"
"""
WORDS = '[mass]\ntext = "招聘季开始了，用得着我们就说一声。不想再收到就回“退订”。"\n'


@dataclass
class Wechat:
    """What WeChat keeps of mass sends: the calls by their names, numbered from 1."""

    calls: list[dict[str, object]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    misbehave: Callable[[dict[str, object]], Told | None] = lambda body: None
    after: Fault | None = None  # once: the call is taken, its answer lost
    status: str = "SEND_SUCCESS"

    def tell(self, seen: Seen) -> Told:
        if seen.path.endswith("stable_token"):
            return answer({"access_token": "T1", "expires_in": 7200})
        body = json.loads(seen.body)
        if seen.path.endswith("mass/get"):
            return answer({"msg_id": body["msg_id"], "msg_status": self.status})
        self.calls.append(body)
        if told := self.misbehave(body):
            return told
        return self._submit(body)

    def _submit(self, body: dict[str, object]) -> Told:
        name = str(body["clientmsgid"])
        if name in self.numbers:
            return _no(45065, msg_id=self.numbers[name])
        self.numbers[name] = len(self.numbers) + 1
        if self.after:
            lost, self.after = self.after, None
            return lost
        return answer({"errcode": 0, "errmsg": "send job submission success", "msg_id": self.numbers[name]})


def _no(errcode: int, **more: object) -> Answer:
    return answer({"errcode": errcode, "errmsg": "no rid: 1-2-3", **more})


@dataclass
class House:
    runtime: Runtime
    clock: ProductClock
    wechat: Wechat
    server: Scripted
    folder: Path

    async def start(self, *channels: str) -> int:
        named = ", ".join(f'"{channel}"' for channel in channels or ("wechat",))
        (self.folder / "campaign.toml").write_text(CAMPAIGN.format(channels=named), encoding="utf-8")
        await definitions.approve(await definitions.load_campaign(self.folder.parent, "season"), by="tests", now=NOW)
        occurrence_id = await planner.start_campaign("season", NOW, rulebook())
        assert occurrence_id is not None
        return occurrence_id

    async def drain(self, occurrence_id: int) -> int:
        batch = Batch(occurrence_id, ChannelName.WECHAT)
        return await sender.drain(self.runtime, batch, seconds=60, stopping=asyncio.Event())

    async def ask(self, after: timedelta) -> int:
        """Let time pass, then ask about what is unknown."""
        self.clock.set(NOW + after)
        await Message.filter(state="unknown").update(ask_at=NOW - timedelta(days=400))
        return await sender.reconcile(self.runtime)

    async def end(self, **said: object) -> str:
        """The end of the first call comes in."""
        fields = {"event_id": "end-1", "delivered": True, "code": "send success", **said}
        receipt = Receipt(channel=ChannelName.WECHAT, at=self.clock(), provider_id="1", of_call=True, **fields)
        [taken] = await Inbox(self.runtime).take([receipt])
        return taken.outcome


@pytest.fixture
async def house(database: Settings, tmp_path: Path) -> AsyncIterator[House]:
    """Thirty members whose contacts follow the account."""
    folder = tmp_path / "templates" / "season"
    folder.mkdir(parents=True)
    for name in ("policy.toml", "pacing.toml", "site.toml", "calendar.toml"):
        shutil.copy(TEMPLATES / name, folder.parent)
    (folder / "wechat.toml").write_text(WORDS, encoding="utf-8")
    for place, member_id in enumerate(await crowd(MEMBERS)):
        await Contact.filter(member_id=member_id).update(openid=openid(place))
    clock, wechat = ProductClock(), Wechat()
    clock.set(NOW)
    async with serving(lambda seen: wechat.tell(seen)) as server:
        settings = database.model_copy(
            update={
                "huifang_templates": folder.parent,
                "wechat_appid": "wx1234567890abcdef",
                "wechat_secret": "secret",
                "wechat_token": "token",
                "wechat_base_url": server.url,
            }
        )
        async with open_runtime(settings, clock=clock) as runtime:
            yield House(runtime, clock, wechat, server, folder)


def openid(place: int) -> str:
    return f"oABCDEFGHIJKLMNOPQRSTUV{place:04}"


async def states() -> dict[str, int]:
    rows = await Message.all().values_list("state", flat=True)
    return {state: rows.count(state) for state in set(rows)}


# ---- out ----------------------------------------------------------------------------------------------------------


async def test_all_followers_go_in_one_call_under_one_name(house: House) -> None:
    assert await house.drain(await house.start()) == MEMBERS
    [body] = house.wechat.calls
    assert sorted(body["touser"]) == [openid(place) for place in range(MEMBERS)]
    assert (body["msgtype"], body["text"]["content"].startswith("招聘季")) == ("text", True)
    assert await states() == {"sent": MEMBERS}
    assert set(await Message.all().values_list("provider_id", "wechat_mode")) == {("1", "mass")}
    assert await Touch.filter(direction="out", medium="wechat").count() == MEMBERS


async def test_what_was_submitted_counts_against_the_month_of_each_follower(house: House) -> None:
    await house.drain(await house.start())
    assert set(await WechatFollower.all().values_list("mass_month", "mass_used")) == {("2026-11", 1)}
    await consent.use_mass([openid(0), openid(0)], NOW)
    await consent.use_mass([openid(1)], NOW + timedelta(days=30))
    used = dict(await WechatFollower.all().values_list("openid", "mass_used"))
    assert (used[openid(0)], used[openid(1)], used[openid(2)]) == (2, 1, 1)


async def test_a_follower_with_four_this_month_is_not_in_the_call(house: House) -> None:
    for _ in range(4):
        await consent.use_mass([openid(0)], NOW)
    await consent.use_mass([openid(1)], NOW)
    await house.drain(await house.start())
    [body] = house.wechat.calls
    assert openid(0) not in body["touser"]
    assert openid(1) in body["touser"]
    kept = await Message.get(member_id=(await Contact.get(openid=openid(0))).member_id)
    assert (kept.state, kept.reason) == ("suppressed", "month_quota")


async def test_a_follower_alone_cannot_be_sent_to_and_is_reached_by_the_next_channel(house: House) -> None:
    await Contact.exclude(openid=openid(0)).update(openid=None, email=None, mobile=None)
    for name in ("email.txt", "email.mjml"):
        shutil.copy(TEMPLATES / "forgotten_account" / name, house.folder)
    shutil.copytree(TEMPLATES / "_shared", house.folder.parent / "_shared")
    await house.drain(await house.start("wechat", "email"))
    assert house.wechat.calls == []
    assert await Message.filter(state="queued", channel="email").count() == 1


@pytest.mark.parametrize(
    ("errcode", "state"),
    [(45028, "queued"), (48003, "queued"), (48001, "queued"), (45009, "queued"), (40001, "queued")],
)
async def test_a_no_for_mass_sends_stops_them_and_nothing_else_of_wechat(
    house: House, errcode: int, state: str
) -> None:
    house.wechat.misbehave = lambda body: _no(errcode)
    occurrence_id = await house.start()
    assert await house.drain(occurrence_id) == 0
    assert await states() == {state: MEMBERS}
    assert list(await outbox.closed_channels(NOW)) == ["wechat_mass"]
    tried = len(house.wechat.calls)
    assert await house.drain(occurrence_id) == 0
    assert len(house.wechat.calls) == tried <= 2


async def test_a_no_for_one_follower_closes_no_address_of_the_call_and_stops_the_campaign(house: House) -> None:
    house.wechat.misbehave = lambda body: _no(40003)
    await house.drain(await house.start())
    assert await states() == {"queued": MEMBERS}
    assert (await Campaign.get(key="season")).state == "paused"


async def test_after_a_no_the_next_call_of_the_same_run_is_not_made(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(draining._MASS_WIRE, group=10)
    monkeypatch.setattr(draining, "_MASS_WIRE", small)
    house.wechat.misbehave = lambda body: _no(45028)
    await house.drain(await house.start())
    assert [len(body["touser"]) for body in house.wechat.calls] == [10]
    assert await states() == {"queued": MEMBERS}


@pytest.mark.parametrize("errcode", [-1, 45066])
async def test_a_busy_wechat_may_have_taken_the_call_so_it_is_asked_and_not_sent_under_another_name(
    house: House, errcode: int
) -> None:
    house.wechat.misbehave = lambda body: _no(errcode)
    await house.drain(await house.start())
    assert await states() == {"unknown": MEMBERS}


# ---- what was lost ------------------------------------------------------------------------------------------------


async def test_a_call_whose_answer_was_lost_is_asked_about_and_never_submitted_twice(house: House) -> None:
    house.wechat.after = Fault.HANG_UP
    occurrence_id = await house.start()
    await house.drain(occurrence_id)
    assert await states() == {"unknown": MEMBERS}
    [name] = house.wechat.numbers
    assert len(name) <= 32
    assert set(await Message.all().values_list("provider_id", flat=True)) == {name}  # written down before it was sent
    assert await house.ask(timedelta(seconds=20)) == 0  # its name may not be said again within a minute
    assert await house.drain(occurrence_id) == 0
    assert await house.ask(timedelta(minutes=5)) == MEMBERS
    assert await states() == {"sent": MEMBERS}
    assert set(await Message.all().values_list("provider_id", flat=True)) == {"1"}
    assert len(house.wechat.numbers) == 1
    assert len({body["clientmsgid"] for body in house.wechat.calls}) == 1
    assert await Touch.filter(direction="out", medium="wechat").count() == MEMBERS


async def test_a_call_that_never_arrived_goes_to_those_who_may_still_be_written_to(house: House) -> None:
    house.wechat.misbehave = lambda body: Fault.HANG_UP
    await house.drain(await house.start())
    house.wechat.misbehave = lambda body: None
    gone = await Contact.get(openid=openid(3))
    await consent.record_opt_out(gone.member_id, at=NOW, source="tests")
    assert await house.ask(timedelta(minutes=5)) == MEMBERS
    assert await states() == {"sent": MEMBERS - 1, "suppressed": 1}
    assert openid(3) not in house.wechat.calls[-1]["touser"]
    assert (await Message.get(member_id=gone.member_id)).reason == "refused"


async def test_a_call_that_wechat_took_and_gave_up_is_failed(house: House) -> None:
    house.wechat.after = Fault.RESET
    house.wechat.status = "SEND_FAIL"
    await house.drain(await house.start())
    await house.ask(timedelta(minutes=5))
    assert await states() == {"failed": MEMBERS}


async def test_after_a_day_nothing_is_asked_for_wechat_has_forgotten_the_name(house: House) -> None:
    house.wechat.misbehave = lambda body: Fault.HANG_UP
    await house.drain(await house.start())
    house.wechat.misbehave = lambda body: None
    assert await house.ask(timedelta(hours=24)) == 0
    assert await states() == {"unknown": MEMBERS}
    assert len(house.wechat.calls) == 1


async def test_a_paused_campaign_asks_nothing_that_might_send(house: House) -> None:
    house.wechat.misbehave = lambda body: Fault.HANG_UP
    await house.drain(await house.start())
    await definitions.pause("season", note="tests")
    assert await house.ask(timedelta(minutes=5)) == 0
    assert len(house.wechat.calls) == 1


async def test_a_call_whose_sender_died_is_uncertain_counts_and_is_asked_about(house: House) -> None:
    """The answer is there and nobody is left to write it down."""
    occurrence_id = await house.start()

    async def dies(*_: object, **__: object) -> None:
        raise RuntimeError("the machine is gone")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bot.sender.draining.settle_results", dies)
        with pytest.raises(RuntimeError):
            await house.drain(occurrence_id)
    assert await states() == {"sending": MEMBERS}
    await Claim.all().update(lease_until=NOW - timedelta(days=400))
    await sender.recover(house.runtime)
    assert await states() == {"unknown": MEMBERS}
    assert set(await WechatFollower.all().values_list("mass_used", flat=True)) == {1}
    assert await house.ask(timedelta(minutes=5)) == MEMBERS
    assert await states() == {"sent": MEMBERS}
    assert len(house.wechat.numbers) == 1


# ---- its end ------------------------------------------------------------------------------------------------------


async def test_the_end_of_a_call_is_the_end_of_all_its_messages(house: House) -> None:
    await house.drain(await house.start())
    assert await house.end() == "applied"
    assert await states() == {"delivered": MEMBERS}
    assert await house.end() == "repeat"


async def test_an_end_that_did_not_reach_all_says_so_and_calls_nobody_delivered(house: House) -> None:
    await house.drain(await house.start())
    await house.end(delivered=False, code="sent 28 of 30", reaction=Reaction.UNKNOWN)
    assert await states() == {"sent": MEMBERS}
    assert set(await Message.all().values_list("code", flat=True)) == {"sent 28 of 30"}


async def test_words_that_wechat_turned_down_stop_their_campaign(house: House) -> None:
    await house.drain(await house.start())
    await house.end(delivered=False, code="err(10001)", reaction=Reaction.PAUSE_TEMPLATE)
    assert await states() == {"bounced": MEMBERS}
    campaign = await Campaign.get(key="season")
    assert (campaign.state, "err(10001)" in campaign.note) == ("paused", True)


async def test_an_end_that_is_quicker_than_the_answer_waits_for_it(house: House) -> None:
    house.wechat.after = Fault.HANG_UP
    await house.drain(await house.start())
    assert await house.end() == "waiting"
    await house.ask(timedelta(minutes=5))
    assert await states() == {"delivered": MEMBERS}


async def test_the_end_of_a_call_that_was_not_ours_changes_nothing(house: House) -> None:
    await house.drain(await house.start())
    assert await house.end(event_id="end-2", code="send success") == "applied"
    receipt = Receipt("end-3", ChannelName.WECHAT, NOW, True, provider_id="77", of_call=True)
    [taken] = await Inbox(house.runtime).take([receipt])
    assert taken.outcome == "unmatched"

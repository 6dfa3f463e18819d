"""Tencent's adapter against its stand-in: full calls, each number's own end, records, and every fault of the wire."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from bot.channels.sms_tencent import TencentSettings, TencentSmsChannel
from bot.sandbox.sms_carrier import Quirks
from bot.sandbox.stage import Stage
from bot.sandbox.tencent_sms import FAULTS, TencentSmsSandbox
from campaigns.terms import MessageClass, Outbound, Reaction, SendResult, SmsProvider, SmsTemplate, SmsWords
from tests.channels.strict_tencent import NOW, SIGN

WORDS = SmsWords(
    "", SIGN, {"n": "3"}, f"【{SIGN}】有 3 份简历等您查看", {SmsProvider.TENCENT: SmsTemplate("449739", ("n",))}
)
CALM = Quirks(empty_share=0, failure_share=0, duplicate_share=0, reply_duplicate_share=0)


@dataclass
class Pair:
    cloud: TencentSmsSandbox
    channel: TencentSmsChannel

    def batch(self, count: int) -> list[Outbound]:
        ours = [Outbound(n, f"key-{n}", f"154835{n:05}", MessageClass.SERVICE, WORDS) for n in range(count)]
        return [replace(one, key=name) for one, name in zip(ours, self.channel.out_ids(ours), strict=True)]

    async def send(self, batch: list[Outbound]) -> Counter[Reaction | None]:
        return Counter(result.reaction for result in await self.channel.send(batch))

    def arrived(self) -> list[str]:
        return [row.to for row in self.cloud.stage.ledger]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    cloud = TencentSmsSandbox(
        Stage(lambda: NOW, seed=3),
        secret_id="AKIDmadeup",
        secret_key="a made-up key",
        sdk_app_id="1400006666",
        signs=[SIGN],
        templates={"449739": "有 {1} 份简历等您查看"},
        quirks=CALM,
    )
    await cloud.start()
    cloud.delay_seconds = 0.01
    settings = TencentSettings("AKIDmadeup", "a made-up key", "1400006666", f"http://{cloud.endpoint}", timeout=60)
    channel = TencentSmsChannel(settings, lambda: NOW)
    yield Pair(cloud, channel)
    await channel.close()
    await cloud.stop()


async def test_a_call_takes_200_numbers_and_the_rest_go_in_the_next(pair: Pair) -> None:
    batch = pair.batch(450)
    assert sorted(Counter(one.key for one in batch).values()) == [50, 200, 200]
    assert await pair.send(batch) == {None: 450}
    assert sorted(pair.arrived()) == sorted(one.address for one in batch)


async def test_of_many_in_a_call_each_that_cannot_get_it_has_its_own_refusal(pair: Pair) -> None:
    batch = pair.batch(20)
    pair.cloud.account.blocked.add((SIGN, batch[3].address))
    await pair.channel.send([replace(batch[5], key="before")])
    results = await pair.channel.send(batch)
    refused = {result.id: (result.reaction, result.code) for result in results if not result.accepted}
    assert refused == {
        3: (Reaction.SUPPRESS, "FailedOperation.PhoneNumberInBlacklist"),
        5: (Reaction.DEFER_RECIPIENT, "LimitExceeded.PhoneNumberThirtySecondLimit"),
    }
    assert len(pair.arrived()) == 19


async def test_money_that_runs_out_in_the_middle_of_a_call_says_who_got_it(pair: Pair) -> None:
    pair.cloud.account.balance = 7
    batch = pair.batch(10)
    results = await pair.channel.send(batch)
    assert [result.accepted for result in results] == [True] * 7 + [False] * 3
    assert {result.reaction for result in results[7:]} == {Reaction.PAUSE_CHANNEL}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "forget"])
async def test_whatever_the_wire_does_the_result_says_no_more_than_is_so(fault: str, pair: Pair) -> None:
    """What counts as sent arrived; what did not arrive may be tried again; in all other cases it is unknown."""
    pair.cloud.faults.order(fault)
    batch = pair.batch(3)
    results: list[SendResult] = await pair.channel.send(batch)
    arrived = set(pair.arrived())
    assert len(pair.arrived()) == len(arrived)
    for one, result in zip(batch, results, strict=True):
        if result.accepted:
            assert one.address in arrived
        elif result.reaction is not Reaction.UNKNOWN:
            assert one.address not in arrived


@pytest.mark.parametrize("refuses_each", [False, True])
async def test_a_template_that_is_not_approved_stops_the_campaign_wherever_the_code_stands(
    pair: Pair, refuses_each: bool
) -> None:
    pair.cloud.refuses_each = refuses_each
    pair.cloud.set_template("449739", "有 {1} 份简历等您查看", approved=False)
    assert await pair.send(pair.batch(3)) == {Reaction.PAUSE_TEMPLATE: 3}


async def test_records_by_number_find_one_of_a_call_and_nothing_of_what_never_arrived(pair: Pair) -> None:
    pair.cloud.faults.order("reset_after", "reset_before")
    lost, never = pair.batch(2), [replace(one, key="b-none-00000000") for one in pair.batch(1)]
    assert await pair.send(lost) == {Reaction.UNKNOWN: 2}
    assert await pair.send(never) == {Reaction.UNKNOWN: 1}
    assert await pair.channel.look_up(lost[1]) is None  # before its carrier has spoken there is no record
    pair.cloud.carrier.quirks = replace(CALM, soonest=-2 * CALM.latest, latest=-CALM.latest)
    found = await pair.channel.look_up(lost[1])
    assert found is not None
    assert found.accepted
    assert await pair.channel.look_up(never[0]) is None


async def test_after_a_secret_was_changed_there_the_channel_stops(pair: Pair) -> None:
    settings = TencentSettings("AKIDmadeup", "an old key", "1400006666", f"http://{pair.cloud.endpoint}")
    channel = TencentSmsChannel(settings, lambda: NOW)
    results = await channel.send(pair.batch(3))
    assert {result.reaction for result in results} == {Reaction.PAUSE_CHANNEL}
    assert pair.arrived() == []
    await channel.close()

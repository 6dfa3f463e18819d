"""A hundred SMS in a call: named before they go, taken or refused together, each found again whatever is lost."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.channels.base import InboundRequest
from bot.channels.sms_aliyun import AliyunSettings, AliyunSmsChannel
from bot.sandbox.aliyun_account import Frequency
from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.stage import Accepted, Stage
from campaigns.terms import ChannelName, MailWords, MessageClass, Outbound, Reaction, Receipt, SendResult, SmsWords
from tests.scripted import Answer, Fault, Scripted, Seen, Told, answer, serving

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SIGN, UNREAD, OTHER = "云溪人才网", "SMS_100001", "SMS_100002"
TEMPLATES = {UNREAD: "${name}您好，有 ${count} 份简历等您查看。", OTHER: "${name}您好，您的职位后天到期。"}
OK = {"Code": "OK", "Message": "OK", "BizId": "900619746936498440^0"}


def message(number: int, mobile: str = "", template: str = UNREAD, **values: str) -> Outbound:
    count = {"count": str(number)} if template == UNREAD else {}
    words = SmsWords(template, SIGN, {"name": "张三", **count, **values}, "as it is read")
    return Outbound(number, f"m{number}-abcdefghijklmnop", mobile or phone(number), MessageClass.SERVICE, words)


def phone(number: int) -> str:
    return f"1548350{number:04}"


def named(channel: AliyunSmsChannel, batch: Sequence[Outbound]) -> list[Outbound]:
    """As the sender hands them over, once the names are written down."""
    return [replace(one, key=name) for one, name in zip(batch, channel.out_ids(batch), strict=True)]


def some(many: int) -> list[Outbound]:
    return [message(number) for number in range(1, many + 1)]


# ---- names --------------------------------------------------------------------------------------------------------


def names(*batch: Outbound) -> list[str]:
    return AliyunSmsChannel(AliyunSettings("id", "secret"), lambda: NOW).out_ids(batch)


def test_messages_of_one_template_and_signature_share_a_name():
    first, second, other, third = names(message(1), message(2), message(3, template=OTHER), message(4))
    assert first == second == third
    assert other == "m3-abcdefghijklmnop"
    assert "m1-abcdefghijklmnop" in first
    assert len(first) <= 64


def test_another_signature_is_another_call():
    foreign = message(3)
    words = replace(foreign.words, sign_name="云溪招聘")
    first, second, third = names(message(1), message(2), replace(foreign, words=words))
    assert first == second != third


def test_a_name_is_good_for_a_hundred_and_never_comes_twice():
    found = Counter(names(*some(250)))
    assert sorted(found.values()) == [50, 100, 100]
    assert not set(found) & set(names(*some(250)))


def test_the_101st_goes_under_its_own_key():
    assert names(*some(101))[-1] == "m101-abcdefghijklmnop"


def test_a_number_comes_once_in_a_batch():
    first, second, again, fourth = names(message(1), message(2), message(3, mobile=f"+86{phone(1)}"), message(4))
    assert first == second == fourth
    assert again == "m3-abcdefghijklmnop"


def test_what_cannot_go_keeps_its_key():
    mail = replace(message(2), words=MailWords("subject", "text", "html"))
    assert names(message(1), mail, message(3, mobile="0912-5550123")) == [f"m{n}-abcdefghijklmnop" for n in (1, 2, 3)]


# ---- against the stand-in -----------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def opened(**changes: object) -> AsyncIterator[tuple[AliyunSmsChannel, AliyunSmsSandbox]]:
    stage = Stage(Clock(), seed=1)
    given = {"access_key_id": "id", "access_key_secret": "secret", "signs": [SIGN], "templates": TEMPLATES}
    sandbox = AliyunSmsSandbox(stage, **(given | changes))
    await sandbox.start()
    channel = AliyunSmsChannel(AliyunSettings("id", "secret", f"http://{sandbox.endpoint}", 2.0), stage.now)
    try:
        yield channel, sandbox
    finally:
        await channel.close()
        await sandbox.stop()


def arrived(sandbox: AliyunSmsSandbox) -> list[Accepted]:
    return sandbox.stage.ledger.rows(ChannelName.SMS)


def calls(sandbox: AliyunSmsSandbox) -> Counter[str]:
    """The provider's id of each call that was taken, and how many messages it carried."""
    return Counter(row.provider_id for row in arrived(sandbox))


def never_twice(sandbox: AliyunSmsSandbox) -> bool:
    return not any(times > 1 for times in Counter(row.to for row in arrived(sandbox)).values())


async def test_messages_of_one_name_arrive_by_one_call_each_with_its_own_words():
    async with opened() as (channel, sandbox):
        batch = named(channel, some(3))
        results = await channel.send(batch)
        assert results == [SendResult(n, provider_id=batch[0].key, code="OK") for n in (1, 2, 3)]
        assert list(calls(sandbox).values()) == [3]
        assert [(row.to, row.key) for row in arrived(sandbox)] == [(phone(n), batch[0].key) for n in (1, 2, 3)]
        assert arrived(sandbox)[1].words["text"] == f"【{SIGN}】张三您好，有 2 份简历等您查看。"


async def test_messages_without_a_common_name_go_alone():
    async with opened() as (channel, sandbox):
        results = await channel.send(some(3))
        assert [result.provider_id for result in results] == [row.provider_id for row in arrived(sandbox)]
        assert len(calls(sandbox)) == 3


async def test_messages_of_two_templates_never_share_a_call_whatever_they_are_named():
    async with opened() as (channel, sandbox):
        batch = [replace(message(n, template=OTHER if n == 2 else UNREAD), key="b-by-mistake") for n in (1, 2, 3)]
        assert all(result.accepted for result in await channel.send(batch))
        assert {row.to: row.words["template_code"] for row in arrived(sandbox)}[phone(2)] == OTHER


async def test_two_hundred_and_fifty_go_in_three_calls_in_the_order_they_were_given():
    async with opened() as (channel, sandbox):
        batch = [message(n, template=OTHER if n % 5 == 0 else UNREAD) for n in range(1, 251)]
        results = await channel.send(named(channel, batch))
        assert [result.id for result in results] == list(range(1, 251))
        assert all(result.accepted for result in results)
        assert sorted(calls(sandbox).values()) == [50, 100, 100]


async def test_one_who_has_refused_does_not_keep_the_others_from_theirs():
    async with opened() as (channel, sandbox):
        sandbox.account.blocked.add((SIGN, phone(2)))
        batch = named(channel, some(4))
        results = await channel.send(batch)
        assert [result.reaction for result in results] == [None, Reaction.SUPPRESS, None, None]
        assert [result.provider_id for result in results] == [batch[0].key, "", batch[0].key, batch[0].key]
        assert sorted(row.to for row in arrived(sandbox)) == [phone(1), phone(3), phone(4)]
        assert {row.key for row in arrived(sandbox)} == {batch[0].key}
        assert never_twice(sandbox)


async def test_a_number_over_its_limit_waits_alone():
    async with opened(frequencies=[Frequency(1, timedelta(hours=1), "小时级")]) as (channel, sandbox):
        await channel.send([message(2)])
        results = await channel.send(named(channel, some(3)))
        assert [result.reaction for result in results] == [None, Reaction.DEFER_RECIPIENT, None]
        assert results[1].retry_after == timedelta(hours=1)
        assert never_twice(sandbox)


async def test_one_bad_value_costs_one_message():
    async with opened() as (channel, sandbox):
        batch = [message(1), message(2, name="加微信"), message(3, name="名字\ud83d")]
        results = await channel.send(named(channel, batch))
        assert [result.reaction for result in results] == [None, Reaction.DROP, None]
        assert len(arrived(sandbox)) == 2


async def test_what_is_wrong_with_the_account_is_asked_once_and_true_for_all():
    async with opened(balance=1) as (channel, sandbox):
        results = await channel.send(named(channel, some(3)))
        assert {(result.reaction, result.code) for result in results} == {
            (Reaction.PAUSE_CHANNEL, "isv.AMOUNT_NOT_ENOUGH")
        }
        assert arrived(sandbox) == []


async def test_a_template_that_refuses_every_value_is_not_tried_to_the_end():
    async with opened() as (channel, sandbox):
        batch = [message(n, name="加微信") for n in range(1, 101)]
        results = await channel.send(named(channel, batch))
        by_reaction = Counter(result.reaction for result in results)
        assert set(by_reaction) == {Reaction.DROP, Reaction.PAUSE_TEMPLATE}
        assert by_reaction[Reaction.DROP] == 2
        assert arrived(sandbox) == []


async def test_a_lost_answer_leaves_all_of_its_call_unknown_and_each_is_found_by_its_name():
    async with opened() as (channel, sandbox):
        sandbox.faults.order("reset_after")
        batch = named(channel, some(5))
        results = await channel.send(batch)
        assert {(result.reaction, result.provider_id) for result in results} == {(Reaction.UNKNOWN, batch[0].key)}
        assert len(arrived(sandbox)) == 5
        for one in batch:
            found = await channel.look_up(one)
            assert found is not None
            assert (found.id, found.accepted, found.provider_id) == (one.id, True, batch[0].key)
        assert never_twice(sandbox)


async def test_what_was_lost_before_it_arrived_is_not_found_and_not_sent_again():
    async with opened() as (channel, sandbox):
        sandbox.faults.order("reset_before")
        batch = named(channel, some(3))
        assert {result.reaction for result in await channel.send(batch)} == {Reaction.UNKNOWN}
        assert [await channel.look_up(one) for one in batch] == [None] * 3
        assert arrived(sandbox) == []


async def test_another_batch_to_the_same_numbers_is_not_taken_for_the_lost_one():
    async with opened() as (channel, sandbox):
        await channel.send(named(channel, some(3)))
        sandbox.faults.order("reset_before")
        lost = named(channel, some(3))
        await channel.send(lost)
        assert [await channel.look_up(one) for one in lost] == [None] * 3


async def test_the_providers_own_fault_is_tried_again_only_where_its_records_hold_nothing():
    async with opened() as (channel, sandbox):
        sandbox.faults.order("system_error")
        results = await channel.send(named(channel, some(3)))
        assert {(result.reaction, result.code) for result in results} == {(Reaction.RETRY, "isp.SYSTEM_ERROR")}
        assert {result.provider_id for result in results} == {""}


async def test_what_is_left_of_a_batch_goes_under_its_name():
    async with opened() as (channel, sandbox):
        first, second = named(channel, some(2))
        [result] = await channel.send([second])
        assert (result.accepted, result.provider_id) == (True, first.key)
        assert [(row.to, row.key) for row in arrived(sandbox)] == [(phone(2), first.key)]


async def test_each_receipt_of_a_batch_names_its_message_by_the_batch_and_the_number():
    async with serving(lambda seen: answer({"code": 0})) as door, opened() as (channel, sandbox):
        sandbox.connect(f"{door.url}/report", None)
        batch = named(channel, some(30))
        results = await channel.send(batch)
        sandbox.stage.now.now += timedelta(minutes=2)
        await sandbox.stage.timetable.run_due()
        receipts = [
            event for seen in door.seen for event in channel.parse(InboundRequest("POST", "report", body=seen.body))
        ]
        assert all(isinstance(one, Receipt) and one.key == "" for one in receipts)
        found = {(one.provider_id, one.address) for one in receipts}
        assert found == {(result.provider_id, one.address) for one, result in zip(batch, results, strict=True)}
        assert len({one.event_id for one in receipts}) == 30  # a repeated push is the same event


async def test_whatever_goes_wrong_no_message_is_sent_twice_and_none_that_arrived_is_called_refused():
    async with opened() as (channel, sandbox):
        sandbox.delay_seconds = 0.01
        sandbox.faults.shares(
            delay=0.1, throttled=0.1, unavailable=0.1, bad_gateway=0.1, system_error=0.1,
            reset_before=0.1, reset_after=0.1, truncate=0.1,
        )  # fmt: skip
        for start in range(1, 1001, 100):
            sandbox.account.blocked.add((SIGN, phone(start + 7)))
            batch = named(channel, [message(n) for n in range(start, start + 100)])
            results = await channel.send(batch)
            here = {row.to for row in arrived(sandbox)}
            for one, result in zip(batch, results, strict=True):
                assert result.accepted <= (one.address in here)
                assert (one.address in here) <= (result.accepted or result.reaction is Reaction.UNKNOWN)
        assert never_twice(sandbox)
        assert arrived(sandbox)


# ---- against a server that misbehaves -----------------------------------------------------------------------------


async def told(tell: Callable[[Seen], Told], batch: Sequence[Outbound]) -> tuple[list[SendResult], Scripted]:
    async with serving(tell) as server:
        channel = AliyunSmsChannel(AliyunSettings("id", "secret", server.url, 0.4), lambda: NOW)
        results = await channel.send(named(channel, batch))
        await channel.close()
        return results, server


def actions(server: Scripted) -> Counter[str]:
    return Counter(seen.headers["x-acs-action"] for seen in server.seen)


async def test_a_batch_is_asked_for_as_the_official_client_does_it():
    results, server = await told(lambda seen: answer(OK), some(2))
    [seen] = server.seen
    assert seen.headers["x-acs-action"] == "SendBatchSms"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "content-type" in seen.headers["authorization"]
    assert json.loads(seen.form["PhoneNumberJson"]) == [phone(1), phone(2)]
    assert json.loads(seen.form["SignNameJson"]) == [SIGN, SIGN]
    assert json.loads(seen.form["TemplateParamJson"])[1] == {"name": "张三", "count": "2"}
    assert (seen.form["TemplateCode"], seen.form["OutId"]) == (UNREAD, results[0].provider_id)
    assert b"PhoneNumberJson" in seen.body


@pytest.mark.parametrize(
    "unclear",
    [
        Fault.RESET,
        Fault.SILENT,
        Fault.CUT,
        Fault.DRIP,
        Answer(b"<html>", 502),
        Answer(b"<html>"),
        answer({"Code": "OK"}, 500),
        answer({"Code": "isv.SOMETHING_NEW"}, 500),
        answer({"Code": "SignatureNonceUsed"}, 400),
        Answer(b"", 302, {"Location": "http://127.0.0.1/"}),
    ],
    ids=str,
)
async def test_after_an_unclear_answer_nothing_of_the_batch_is_sent_again(unclear: Told):
    results, server = await told(lambda seen: unclear, some(3))
    assert {result.reaction for result in results} == {Reaction.UNKNOWN}
    assert actions(server) == {"SendBatchSms": 1}


@pytest.mark.parametrize(
    ("code", "alone"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", 3),
        ("isv.CUSTOMER_REFUSED", 3),
        ("isv.BUSINESS_LIMIT_CONTROL", 3),
        ("VALVE:D_MC", 3),
        ("isv.PARAM_LENGTH_LIMIT", 3),
        ("isv.MOBILE_COUNT_OVER_LIMIT", 3),
        ("isv.SOMETHING_NEW", 3),
        ("isp.SOMETHING_NEW", 0),
        ("isv.SMS_TEMPLATE_ILLEGAL", 0),
        ("isv.AMOUNT_NOT_ENOUGH", 0),
        ("isv.DAY_LIMIT_CONTROL", 0),
        ("SignatureDoesNotMatch", 0),
        ("Throttling.User", 0),
    ],
)
async def test_only_what_may_be_one_numbers_fault_is_tried_one_by_one(code: str, alone: int):
    def tell(seen: Seen) -> Told:
        return answer({"Code": code}) if seen.headers["x-acs-action"] == "SendBatchSms" else answer(OK)

    results, server = await told(tell, some(3))
    assert [result.accepted for result in results] == [bool(alone)] * 3
    assert actions(server)["SendSms"] == alone
    assert {seen.form["OutId"] for seen in server.seen} == {server.seen[0].form["OutId"]}


async def test_words_that_a_filter_refuses_in_a_batch_are_found_out_one_by_one():
    def tell(seen: Seen) -> Told:
        return answer({"Code": "isv.SMS_CONTENT_ILLEGAL"}) if phone(2) in str(seen.form) else answer(OK)

    results, _ = await told(tell, some(3))
    assert results[1].reaction is Reaction.PAUSE_TEMPLATE
    assert results[0].accepted


async def test_after_too_many_requests_no_further_batch_is_tried():
    results, server = await told(lambda seen: Answer(b"", 429, {"Retry-After": "9"}), some(2000))
    assert {(result.reaction, result.retry_after) for result in results} == {(Reaction.SLOW, timedelta(seconds=9))}
    assert len(server.seen) <= 10

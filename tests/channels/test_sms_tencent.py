"""The Tencent SMS channel: signature vectors, both tables, sending over a faulty wire, asking, callbacks."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models
from tencentcloud.sms.v20210111.sms_client import SmsClient

from bot.channels.base import Channel, InboundRequest
from bot.channels.sms_tencent import TencentSettings, TencentSmsChannel
from bot.channels.tc3 import authorization, canonical_request
from bot.channels.tencent_codes import read_submission
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import (
    ChannelName,
    MessageClass,
    Outbound,
    Reaction,
    Receipt,
    Reply,
    SendResult,
    SmsProvider,
    SmsTemplate,
    SmsWords,
)
from tests.channels.strict_tencent import APP_ID, NOW, SECRET_ID, SECRET_KEY, SIGN, Fault, StrictTencent, signature

MOBILE = "15483503031"
TEMPLATES = {SmsProvider.TENCENT: SmsTemplate("449739", ("name", "n"))}
WORDS = SmsWords("", SIGN, {"n": "3", "name": "张三"}, f"【{SIGN}】张三您好，3 份简历未读", TEMPLATES)
PLAIN = SmsWords("", SIGN, {}, f"【{SIGN}】您好", {SmsProvider.TENCENT: SmsTemplate("449740")})


def message(number: int, address: str = MOBILE, words: SmsWords = WORDS, key: str = "") -> Outbound:
    return Outbound(number, key or f"key-{number}", address, MessageClass.SERVICE, words)


def crowd(count: int) -> list[Outbound]:
    return [message(number, f"154835{number:05d}", PLAIN) for number in range(1, count + 1)]


def named(channel: Channel, batch: list[Outbound]) -> list[Outbound]:
    names = channel.out_ids(batch)
    return [
        message(one.id, one.address, one.words, name)  # type: ignore[arg-type]
        for one, name in zip(batch, names, strict=True)
    ]


@pytest.fixture
async def cloud() -> AsyncIterator[StrictTencent]:
    async with StrictTencent().serving() as server:
        yield server


@asynccontextmanager
async def opened(cloud: StrictTencent, *, now: datetime = NOW, timeout: float = 2.0, secret: str = SECRET_KEY):
    settings = TencentSettings(SECRET_ID, secret, APP_ID, cloud.endpoint, timeout=timeout)
    channel = TencentSmsChannel(settings, lambda: now)
    try:
        yield channel
    finally:
        await channel.close()


@pytest.fixture
async def channel(cloud: StrictTencent) -> AsyncIterator[TencentSmsChannel]:
    async with opened(cloud) as one:
        yield one


async def send_one(cloud: StrictTencent, fault: Fault = None, timeout: float = 2.0) -> SendResult:
    cloud.faults = [fault]
    async with opened(cloud, timeout=timeout) as one:
        [result] = await one.send([message(1)])
    return result


def quiet() -> TencentSmsChannel:
    """A channel that no test sends by."""
    return TencentSmsChannel(TencentSettings(SECRET_ID, SECRET_KEY, APP_ID), lambda: NOW)


# ---- signature ----------------------------------------------------------------------------------------------------

CVM = {"host": "cvm.tencentcloudapi.com", "content-type": "application/json; charset=utf-8"}
CVM_BODY = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
SMS = {"host": "sms.tencentcloudapi.com"}
SMS_BODY = (
    b'{"PhoneNumberSet": ["+8613800138000"], "SmsSdkAppId": "1400006666", "TemplateId": "449739", '
    b'"SignName": "\\u529b\\u4f17\\u4eba\\u624d\\u7f51", "TemplateParamSet": ["\\u5f20\\u4e09", "3"], '
    b'"SessionContext": "task-1"}'
)
KEY = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
VECTORS = {
    "official 1": (
        KEY,
        "cvm",
        1551113065,
        CVM,
        CVM_BODY,
        "",
        "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
    ),
    "official 2": (
        "*" * 32,
        "cvm",
        1551113065,
        CVM | {"x-tc-action": "DescribeInstances"},
        CVM_BODY,
        "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
        "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
    ),
    "own 1, as the SDK does": (
        KEY,
        "sms",
        1767323045,
        SMS | {"content-type": "application/json"},
        SMS_BODY,
        "e50005d64dc1edcace77401c486d9f1c969500c0f48a8638eac477758cf80777",
        "2900e489eb19ff04962ade8a602275d3cc4990a93093afc9dff763cd490dd59b",
    ),
    "own 2, as the documents do": (
        KEY,
        "sms",
        1767323045,
        SMS | {"content-type": "application/json; charset=utf-8", "x-tc-action": "SendSms"},
        SMS_BODY,
        "bc324969dec316b2fddc969d703661930897edd85fcf50023875f40d24b39171",
        "d7a36e58aeb5d3dd410ceb2ff9a6598295ddd1296da1eab55dcb860877b3de53",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors_are_signed_to_the_letter(name: str) -> None:
    secret, service, timestamp, headers, body, request_hash, wanted = VECTORS[name]
    signed = authorization(ID, secret, service, timestamp, headers, body)
    assert not request_hash or sha256(canonical_request(headers, body).encode()).hexdigest() == request_hash
    day = f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}"
    assert signed == (
        f"TC3-HMAC-SHA256 Credential={ID}/{day}/{service}/tc3_request, "
        f"SignedHeaders={';'.join(sorted(headers))}, Signature={wanted}"
    )


def test_the_body_of_the_vector_is_the_one_that_was_measured() -> None:
    assert sha256(SMS_BODY).hexdigest() == "4b4c183d79c287d6f52f70ab86ab365fc453a19b6bd6fea04ebfcbecb7c83dfd"


def official(cloud: StrictTencent, secret: str = SECRET_KEY) -> SmsClient:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=cloud.endpoint.removeprefix("http://")))
    return SmsClient(Credential(SECRET_ID, secret), "ap-guangzhou", profile)


def as_the_sdk_asks() -> models.SendSmsRequest:
    request = models.SendSmsRequest()
    request.PhoneNumberSet, request.SmsSdkAppId, request.TemplateId = [f"+86{MOBILE}"], APP_ID, "449739"
    request.SignName, request.TemplateParamSet, request.SessionContext = SIGN, ["张三", "3"], "task-1"
    return request


async def test_the_official_client_signs_as_we_do() -> None:
    async with StrictTencent(now=lambda: datetime.now(UTC)).serving() as cloud:
        answer = await asyncio.to_thread(official(cloud).SendSms, as_the_sdk_asks())
        [seen] = cloud.seen
    assert answer.SendStatusSet[0].Code == "Ok"
    signed = {name: seen.headers[name] for name in ("content-type", "host")}
    stamp = int(seen.headers["x-tc-timestamp"])
    ours = authorization(SECRET_ID, SECRET_KEY, "sms", stamp, signed, seen.body)
    assert ours == seen.headers["authorization"]


async def test_the_official_client_with_a_wrong_secret_is_refused() -> None:
    async with StrictTencent(now=lambda: datetime.now(UTC)).serving() as cloud:
        with pytest.raises(TencentCloudSDKException) as refused:
            await asyncio.to_thread(official(cloud, "wrong").SendSms, as_the_sdk_asks())
    assert refused.value.get_code() == "AuthFailure.SignatureFailure"


async def test_what_we_send_says_the_same_as_the_official_client(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    [result] = await channel.send([message(1, key="task-1")])
    [seen] = cloud.seen
    assert result.accepted
    theirs = json.loads(as_the_sdk_asks().to_json_string())
    assert seen.asked == {name: value for name, value in theirs.items() if value is not None}
    assert seen.headers["authorization"].endswith(signature(seen, SECRET_KEY))
    assert seen.headers["x-tc-timestamp"] == str(int(NOW.timestamp()))
    assert (seen.headers["x-tc-version"], seen.headers["x-tc-region"]) == ("2021-01-11", "ap-guangzhou")


@pytest.mark.parametrize("value", ["a b", "c*~", "1+1=2&x", "张三#?;/\\", "\"'\n", "😀", "{1}"])
async def test_any_value_survives_the_wire_and_its_signature(
    value: str, cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    words = SmsWords("", SIGN, {"name": value, "n": "3"}, "", TEMPLATES)
    [result] = await channel.send([message(1, words=words)])
    assert result.accepted
    assert cloud.taken[0]["values"] == [value, "3"]


# ---- sending ------------------------------------------------------------------------------------------------------


async def test_an_accepted_message_is_known_by_its_serial_number(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    assert channel.out_ids([message(1)]) == ["key-1"]
    [result] = await channel.send([message(1)])
    assert (result.id, result.reaction, result.code) == (1, None, "Ok")
    assert result.provider_id == cloud.taken[0]["serial"]


async def test_up_to_200_numbers_with_the_same_words_go_in_one_call(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    results = await channel.send(named(channel, crowd(201)))
    assert sorted(len(seen.asked["PhoneNumberSet"]) for seen in cloud.seen) == [1, 200]
    assert all(result.accepted for result in results)
    assert [result.id for result in results] == list(range(1, 202))
    assert len({result.provider_id for result in results}) == 201


async def test_other_values_go_in_calls_of_their_own(cloud: StrictTencent, channel: TencentSmsChannel) -> None:
    one, two = message(1), message(2, "15483503032", SmsWords("", SIGN, {"n": "4", "name": "李"}, "", TEMPLATES))
    assert channel.out_ids([one, two]) == ["key-1", "key-2"]
    await channel.send([one, two])
    assert len(cloud.seen) == 2


async def test_a_number_comes_once_in_a_call(channel: TencentSmsChannel) -> None:
    names = channel.out_ids([message(1, words=PLAIN), message(2, words=PLAIN), message(3, "15483503032", PLAIN)])
    assert names[0] == names[2] != names[1] == "key-2"


async def test_a_number_refused_in_a_call_is_no_word_about_the_others(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    batch = crowd(3)
    cloud.codes = {f"+86{batch[1].address}": "FailedOperation.PhoneNumberInBlacklist"}
    results = await channel.send(named(channel, batch))
    assert [result.reaction for result in results] == [None, Reaction.SUPPRESS, None]
    assert batch[1].address not in results[1].detail


@pytest.mark.parametrize("code", ["InvalidParameterValue.IncorrectPhoneNumber", "LimitExceeded.PhoneNumberDailyLimit"])
async def test_a_call_refused_for_one_number_goes_again_one_by_one(
    code: str, cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    error = {"Response": {"Error": {"Code": code, "Message": "no"}, "RequestId": "R"}}
    cloud.faults = [(200, json.dumps(error).encode())]
    results = await channel.send(named(channel, crowd(3)))
    assert [len(seen.asked["PhoneNumberSet"]) for seen in cloud.seen] == [3, 1, 1, 1]
    assert all(result.accepted for result in results)


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_connection_lost_after_the_request_left_is_an_unknown_outcome(fault: str, cloud: StrictTencent) -> None:
    result = await send_one(cloud, fault)
    assert (result.reaction, result.code, result.provider_id) == (Reaction.UNKNOWN, "no answer", "")
    assert len(cloud.seen) == 1


async def test_silence_is_an_unknown_outcome_and_nothing_is_sent_again(cloud: StrictTencent) -> None:
    result = await send_one(cloud, "slow after", timeout=0.2)
    assert result.reaction is Reaction.UNKNOWN
    assert len(cloud.seen) == len(cloud.taken) == 1


@pytest.mark.parametrize(
    "answer",
    [(502, b"<html>bad gateway"), (200, b"{"), (200, b"[]"), (200, b'{"Response":{}}'), (500, b""), (200, b"null")],
)
async def test_an_answer_that_is_none_is_an_unknown_outcome(answer: tuple[int, bytes], cloud: StrictTencent) -> None:
    assert (await send_one(cloud, answer)).reaction is Reaction.UNKNOWN


async def test_a_number_the_answer_leaves_out_is_of_unknown_outcome(cloud: StrictTencent) -> None:
    assert (await send_one(cloud, (200, b'{"Response":{"SendStatusSet":[]}}'))).reaction is Reaction.UNKNOWN


async def test_what_never_left_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = StrictTencent(endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
        async with opened(closed) as channel:
            with pytest.raises(ChannelUnavailable):
                await channel.send([message(1)])


async def test_a_wrong_secret_stops_the_channel_and_the_rest_is_not_tried(cloud: StrictTencent) -> None:
    async with opened(cloud, secret="wrong") as channel:
        results = await channel.send([message(number) for number in range(1, 40)])
    assert {result.reaction for result in results} == {Reaction.PAUSE_CHANNEL}
    assert len(cloud.seen) <= 10


async def test_a_clock_that_is_off_stops_the_channel(cloud: StrictTencent) -> None:
    async with opened(cloud, now=NOW - timedelta(minutes=6)) as channel:
        [result] = await channel.send([message(1)])
    assert (result.reaction, result.code) == (Reaction.PAUSE_CHANNEL, "AuthFailure.SignatureExpire")


async def test_http_429_waits_as_long_as_it_says(cloud: StrictTencent, channel: TencentSmsChannel) -> None:
    cloud.faults = [(429, b"")]
    [result] = await channel.send([message(1)])
    assert result.reaction is Reaction.SLOW


async def test_values_refused_three_times_in_a_row_are_the_templates_fault(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    cloud.refuse = "InvalidParameterValue.TemplateParameterLengthLimit"
    found = [(await channel.send([message(number)]))[0].reaction for number in (1, 2, 3)]
    assert found == [Reaction.DROP, Reaction.DROP, Reaction.PAUSE_TEMPLATE]


async def test_what_cannot_go_by_it_is_not_sent(cloud: StrictTencent, channel: TencentSmsChannel) -> None:
    alone = SmsWords("SMS_1", SIGN, {}, "")
    results = await channel.send([message(1, words=alone), message(2, "12345")])
    assert [(one.reaction, one.code) for one in results] == [
        (Reaction.DROP, "no template"),
        (Reaction.SUPPRESS, "bad address"),
    ]
    assert cloud.seen == []


def test_settings_that_cannot_work_are_refused_by_name() -> None:
    for settings, name in (
        (TencentSettings("", "", ""), "TENCENT_SMS_SECRET_ID"),
        (TencentSettings("a", "b", ""), "TENCENT_SMS_SDK_APP_ID"),
        (TencentSettings("a", "b", "c", "http://sms.example.com"), "TENCENT_SMS_ENDPOINT"),
        (TencentSettings("a", "b", "c", "https://sms.example.com/path"), "TENCENT_SMS_ENDPOINT"),
    ):
        with pytest.raises(ConfigError, match=name):
            TencentSmsChannel(settings, lambda: NOW)
    assert "hidden" not in repr(TencentSettings("a", "hidden", "c"))


# ---- codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reaction"),
    [
        ("FailedOperation.ContainSensitiveWord", Reaction.PAUSE_TEMPLATE),
        ("InvalidParameterValue.TemplateWithDirtyWords", Reaction.PAUSE_TEMPLATE),
        ("FailedOperation.PhoneNumberInBlacklist", Reaction.SUPPRESS),
        ("FailedOperation.PhoneNumberParseFail", Reaction.SUPPRESS),
        ("InvalidParameterValue.IncorrectPhoneNumber", Reaction.SUPPRESS),
        ("FailedOperation.SignatureIncorrectOrUnapproved", Reaction.PAUSE_TEMPLATE),
        ("FailedOperation.TemplateIncorrectOrUnapproved", Reaction.PAUSE_TEMPLATE),
        ("FailedOperation.TemplateUnapprovedOrNotExist", Reaction.PAUSE_TEMPLATE),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", Reaction.PAUSE_TEMPLATE),
        ("InvalidParameterValue.MarketingTemplateWithoutUnsubscribe", Reaction.PAUSE_TEMPLATE),
        ("InvalidParameterValue.UnsupportedTemplateVariable", Reaction.PAUSE_TEMPLATE),
        ("InvalidParameterValue.ContentLengthLimit", Reaction.DROP),
        ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", Reaction.DROP),
        ("InvalidParameterValue.TemplateParameterFormatError", Reaction.DROP),
        ("FailedOperation.InsufficientBalanceInSmsPackage", Reaction.PAUSE_CHANNEL),
        ("UnauthorizedOperation.ServiceSuspendDueToArrears", Reaction.PAUSE_CHANNEL),
        ("UnauthorizedOperation.RequestIpNotInWhitelist", Reaction.PAUSE_CHANNEL),
        ("UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny", Reaction.PAUSE_CHANNEL),
        ("LimitExceeded.AppDailyLimit", Reaction.NEXT_DAY),
        ("LimitExceeded.DailyLimit", Reaction.NEXT_DAY),
        ("LimitExceeded.GlobalSmsSendingRateLimit", Reaction.SLOW),
        ("RequestLimitExceeded", Reaction.SLOW),
        ("RequestLimitExceeded.UinLimitExceeded", Reaction.SLOW),
        ("LimitExceeded.PhoneNumberCountLimit", Reaction.DROP),
        ("InternalError", Reaction.UNKNOWN),
        ("InternalError.Timeout", Reaction.UNKNOWN),
        ("InternalError.SendAndRecvFail", Reaction.UNKNOWN),
        ("InternalError.OtherError", Reaction.UNKNOWN),
        ("InternalError.RequestTimeException", Reaction.PAUSE_CHANNEL),
        ("AuthFailure.SignatureExpire", Reaction.PAUSE_CHANNEL),
        ("AuthFailure.TokenFailure", Reaction.PAUSE_CHANNEL),
        ("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber", Reaction.PAUSE_TEMPLATE),
        ("Strange.Code", Reaction.DROP),
    ],
)
def test_what_a_code_means(code: str, reaction: Reaction) -> None:
    assert read_submission(code, NOW).reaction is reaction


@pytest.mark.parametrize(
    ("code", "wait"),
    [
        ("LimitExceeded.PhoneNumberDailyLimit", timedelta(days=1)),
        ("LimitExceeded.PhoneNumberOneHourLimit", timedelta(hours=1)),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", timedelta(seconds=30)),
        ("LimitExceeded.PhoneNumberSameContentDailyLimit", timedelta(days=1)),
        ("LimitExceeded.DeliveryFrequencyLimit", timedelta(hours=1)),
    ],
)
def test_a_frequency_limit_says_when_there_is_room(code: str, wait: timedelta) -> None:
    meaning = read_submission(code, NOW)
    assert (meaning.reaction, meaning.retry_after) == (Reaction.DEFER_RECIPIENT, wait)


@pytest.mark.parametrize(("hour", "wait"), [(23, 9), (3, 5), (7, 1), (22, 10)])
def test_marketing_outside_its_hours_goes_when_they_open(hour: int, wait: int) -> None:
    local = datetime(2026, 11, 23, hour, tzinfo=UTC) - timedelta(hours=8)
    meaning = read_submission("FailedOperation.MarketingSendTimeConstraint", local)
    assert (meaning.reaction, meaning.retry_after) == (Reaction.DEFER_RECIPIENT, timedelta(hours=wait))


# ---- asking -------------------------------------------------------------------------------------------------------


async def test_a_message_whose_answer_was_lost_is_found_by_its_name(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    cloud.faults = ["after"]
    [lost] = await channel.send([message(1)])
    assert lost.reaction is Reaction.UNKNOWN
    found = await channel.look_up(message(1))
    assert found == SendResult(1, provider_id=cloud.taken[0]["serial"], code="DELIVRD")


async def test_what_never_arrived_is_not_found_and_stays_unknown(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    cloud.faults = ["before"]
    await channel.send([message(1)])
    await channel.send([message(2)])  # another message to the same number
    assert await channel.look_up(message(1)) is None


async def test_a_record_without_our_name_is_nobodys(cloud: StrictTencent, channel: TencentSmsChannel) -> None:
    """It could be of another message to this number: better uncertain than wrong."""
    cloud.gives_context = False
    await channel.send([message(1)])
    assert await channel.look_up(message(1)) is None


async def test_one_of_a_batch_is_found_by_the_batch_and_its_number(
    cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    batch = named(channel, crowd(3))
    cloud.faults = ["after"]
    assert {result.reaction for result in await channel.send(batch)} == {Reaction.UNKNOWN}
    cloud.records[1] |= {"ReportStatus": "FAIL", "Description": "MK:0001"}
    found = [await channel.look_up(one) for one in batch]
    assert [one and one.reaction for one in found] == [None, Reaction.SUPPRESS, None]
    assert [one and one.provider_id for one in found] == [one["serial"] for one in cloud.taken]


async def test_the_records_are_read_page_by_page(cloud: StrictTencent, channel: TencentSmsChannel) -> None:
    await channel.send([message(1)])
    cloud.records[:0] = [cloud.records[0] | {"SessionContext": f"other-{n}"} for n in range(100)]
    assert await channel.look_up(message(1))
    assert [seen.asked["Offset"] for seen in cloud.seen[1:]] == [0, 100]


@pytest.mark.parametrize("fault", ["before", (500, b""), (200, b"{}")])
async def test_where_it_cannot_be_asked_nothing_is_said(
    fault: Fault, cloud: StrictTencent, channel: TencentSmsChannel
) -> None:
    await channel.send([message(1)])
    cloud.faults = [fault]
    assert await channel.look_up(message(1)) is None


# ---- callbacks ----------------------------------------------------------------------------------------------------

STATUS = {
    "user_receive_time": "2026-11-23 09:17:03",
    "nationcode": "86",
    "mobile": MOBILE,
    "report_status": "SUCCESS",
    "errmsg": "DELIVRD",
    "description": "用户短信送达成功",
    "sid": "2433:1",
}
ANSWER = {"extend": "0", "mobile": MOBILE, "nationcode": "86", "sign": SIGN, "text": "TD", "time": 1795396623}


def request(door: str, body: object, method: str = "POST") -> InboundRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return InboundRequest(method, door, body=raw)


def read(door: str, body: object) -> list:
    channel = quiet()
    channel.verify(request(door, body))
    return channel.parse(request(door, body))


def test_a_status_is_a_receipt_known_by_its_serial_number() -> None:
    [receipt] = read("status", [STATUS])
    assert receipt == Receipt(
        event_id=f"2433:1:{MOBILE}:delivered",
        channel=ChannelName.SMS,
        at=datetime(2026, 11, 23, 1, 17, 3, tzinfo=UTC),
        delivered=True,
        provider_id="2433:1",
        address=MOBILE,
        code="DELIVRD",
    )


def test_the_session_context_in_a_status_names_our_message() -> None:
    [alone] = read("status", [{**STATUS, "ext": "key-1"}])
    [batch] = read("status", [{**STATUS, "ext": "b-key-1-00"}])
    assert (alone.key, batch.key) == ("key-1", "")


@pytest.mark.parametrize(
    ("code", "reaction"),
    [("MK:0001", Reaction.SUPPRESS), ("MBBLACK", Reaction.SUPPRESS), ("UNDELIV", Reaction.RETRY), ("?", Reaction.DROP)],
)
def test_a_failure_means_what_the_carrier_says(code: str, reaction: Reaction) -> None:
    [receipt] = read("status", [{**STATUS, "report_status": "FAIL", "errmsg": code}])
    assert (receipt.delivered, receipt.reaction, receipt.code) == (False, reaction, code)


def test_a_reply_is_named_by_sender_time_and_words() -> None:
    [one], [same], [other] = read("reply", ANSWER), read("reply", ANSWER), read("reply", {**ANSWER, "text": "T"})
    assert isinstance(one, Reply)
    assert (one.address, one.text, one.at) == (MOBILE, "TD", datetime.fromtimestamp(1795396623, UTC))
    assert one.event_id == same.event_id != other.event_id


def test_a_reply_without_a_time_is_taken_now() -> None:
    [one] = read("reply", {**ANSWER, "time": "soon"})
    assert one.at == NOW


def test_an_item_that_cannot_be_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    items = [{**STATUS, "sid": ""}, {**STATUS, "report_status": "?"}, {**STATUS, "mobile": ""}, 3, STATUS]
    assert len(read("status", items)) == 1
    assert MOBILE not in caplog.text
    assert read("reply", {**ANSWER, "text": None}) == []


@pytest.mark.parametrize(
    ("door", "body", "method"),
    [
        ("status", STATUS, "POST"),
        ("reply", [ANSWER], "POST"),
        ("status", b"{", "POST"),
        ("status", b"[" * 100_000, "POST"),
        ("status", b"x" * 1_000_001, "POST"),
        ("status", [STATUS], "GET"),
        ("report", [STATUS], "POST"),
    ],
)
def test_what_is_not_a_callback_is_turned_away(door: str, body: object, method: str) -> None:
    with pytest.raises(WebhookRejected):
        quiet().verify(request(door, body, method))


def test_the_answer_is_the_one_the_provider_waits_for() -> None:
    assert json.loads(quiet().answer(request("status", [STATUS])).body) == {"result": 0, "errmsg": "OK"}

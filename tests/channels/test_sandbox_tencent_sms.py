"""Tencent's stand-in: every kind of wrong request gets the documented refusal, and of many numbers each its own."""

import asyncio
import contextlib
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.customers import Customers
from bot.sandbox.listening import Listener, Received
from bot.sandbox.sms_carrier import Quirks
from bot.sandbox.sms_customers import ReplyNotTaken, SmsCustomer
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.tencent_account import ONE_DAY, ONE_HOUR, SAME_CONTENT, THIRTY_SECONDS, Frequency, SmsTemplate
from bot.sandbox.tencent_signature import canonical_request, sign
from bot.sandbox.tencent_sms import FAULTS, TencentSmsSandbox
from campaigns.errors import InputError
from campaigns.terms import ChannelName, Intent

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
ID, KEY, APP = "AKID-made-up", "a made-up key", "1400006666"
SIGN, OTHER_SIGN = "云溪人才网", "云溪招聘"
UNREAD, PROMO, PENDING, LONG = "449739", "449740", "449741", "449742"
PHONE, OTHER = "15483503031", "15483503032"
TEXT = "【云溪人才网】张三您好，有 3 份简历等您查看。"
TEMPLATES = {
    UNREAD: "{1}您好，有 {2} 份简历等您查看。",
    PROMO: "云溪人才网的新功能上线了，欢迎登录查看。拒收请回复R",
    PENDING: SmsTemplate("{1}您好，活动开始了。", approved=False),
    LONG: "长" * 63 + "尾",
}
QUIET = Quirks(empty_share=0, failure_share=0, duplicate_share=0, reply_duplicate_share=0)
numbers = itertools.count()


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, delta: timedelta) -> None:
        self.moment += delta


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def stage(clock: Hand) -> Stage:
    return Stage(clock, seed=1)


def make(stage: Stage, **changes: Any) -> TencentSmsSandbox:
    wanted = {
        "secret_id": ID,
        "secret_key": KEY,
        "sdk_app_id": APP,
        "signs": [SIGN, OTHER_SIGN],
        "templates": TEMPLATES,
        "quirks": QUIET,
    }
    return TencentSmsSandbox(stage, **(wanted | changes))


@contextlib.asynccontextmanager
async def serving(sandbox: Any) -> AsyncIterator[Any]:
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def sms(stage: Stage) -> AsyncIterator[TencentSmsSandbox]:
    async with serving(make(stage)) as sandbox:
        yield sandbox


class Caller:
    """A hand-made client, to send what the official one cannot. Signs as the documentation does."""

    def __init__(self, sms: TencentSmsSandbox) -> None:
        self.sms = sms

    async def __call__(self, action: str = "SendSms", /, **changes: Any) -> httpx.Response:
        return await self.send(self.request(action, **changes))

    def request(
        self,
        action: str = "SendSms",
        given: object = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        method: str = "POST",
        target: str = "/",
        signed: tuple[str, ...] = ("content-type", "host", "x-tc-action"),
        key: str = KEY,
        secret_id: str = ID,
        date: str | None = None,
        service: str = "sms",
    ) -> httpx.Request:
        """A header of None is left out. `given` is written as JSON unless `body` is."""
        if body is None:
            body = json.dumps(send_sms() if given is None else given, ensure_ascii=False).encode()
        moment = self.sms.stage.now().replace(microsecond=0)
        wanted: dict[str, str | None] = {
            "host": self.sms.endpoint,
            "content-type": "application/json; charset=utf-8",
            "x-tc-action": action,
            "x-tc-version": "2021-01-11",
            "x-tc-region": "ap-guangzhou",
            "x-tc-timestamp": str(int(moment.timestamp())),
            **(headers or {}),
        }
        sent = {name: value for name, value in wanted.items() if value is not None}
        if sent.get("x-tc-timestamp", "").isdigit():
            moment = datetime.fromtimestamp(int(sent["x-tc-timestamp"]), UTC)
        known = [name for name in signed if name in sent]
        path, _, query = target.partition("?")
        signature = sign(key, moment, canonical_request(Received(method, path, query, sent, body), known), service)
        sent.setdefault(
            "authorization",
            f"TC3-HMAC-SHA256 Credential={secret_id}/{date or moment.date()}/{service}/tc3_request, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}",
        )
        return httpx.Request(method, f"http://{self.sms.endpoint}{target}", headers=sent, content=body)

    async def send(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            return await client.send(request)


@pytest.fixture
def call(sms: TencentSmsSandbox) -> Caller:
    return Caller(sms)


def send_sms(*numbers: str, **changes: Any) -> dict[str, Any]:
    """A flawless SendSms to these eleven digits; a parameter of None is left out."""
    wanted = {
        "PhoneNumberSet": [f"+86{number}" for number in numbers or (PHONE,)],
        "SmsSdkAppId": APP,
        "TemplateId": UNREAD,
        "SignName": SIGN,
        "TemplateParamSet": ["张三", "3"],
        "SessionContext": "k-1",
        **changes,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def rows(sms: TencentSmsSandbox) -> list[Accepted]:
    return sms.stage.ledger.rows(ChannelName.SMS)


def response(answer: httpx.Response) -> dict[str, Any]:
    """What stands in Response; every answer of this provider is HTTP 200 with a RequestId."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    found = answer.json()
    assert set(found) == {"Response"}
    assert found["Response"].pop("RequestId")
    return found["Response"]


def refused(answer: httpx.Response) -> str:
    """The code of Response.Error."""
    found = response(answer)
    assert set(found) == {"Error"}, found
    assert set(found["Error"]) == {"Code", "Message"}
    return found["Error"]["Code"]


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return response(answer)["SendStatusSet"]


def codes(answer: httpx.Response) -> list[str]:
    return [line["Code"] for line in lines(answer)]


async def accept(call: Caller, *numbers: str, **changes: Any) -> Accepted:
    answer = await call(given=send_sms(*numbers, **changes))
    assert set(codes(answer)) == {"Ok"}, answer.text
    return rows(call.sms)[-1]


# The signature, against vectors that were made by others.

DOC_BODY = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
T1 = (
    rb'{"PhoneNumberSet": ["+8613800138000"], "SmsSdkAppId": "1400006666", "TemplateId": "449739", '
    rb'"SignName": "\u529b\u4f17\u4eba\u624d\u7f51", "TemplateParamSet": ["\u5f20\u4e09", "3"], '
    rb'"SessionContext": "task-1"}'
)
JSON, JSON_UTF8 = "application/json", "application/json; charset=utf-8"
VECTOR_KEY = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"


@pytest.mark.parametrize(
    ("service", "headers", "body", "seconds", "key", "request_hash", "signature"),
    [
        (
            "cvm",
            {"content-type": JSON_UTF8},
            DOC_BODY,
            1551113065,
            VECTOR_KEY,
            "",
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        ),
        (
            "cvm",
            {"content-type": JSON_UTF8, "x-tc-action": "DescribeInstances"},
            DOC_BODY,
            1551113065,
            "*" * 32,
            "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
            "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
        ),
        (
            "sms",
            {"content-type": JSON},
            T1,
            1767323045,
            VECTOR_KEY,
            "e50005d64dc1edcace77401c486d9f1c969500c0f48a8638eac477758cf80777",
            "2900e489eb19ff04962ade8a602275d3cc4990a93093afc9dff763cd490dd59b",
        ),
        (
            "sms",
            {"content-type": JSON_UTF8, "x-tc-action": "SendSms"},
            T1,
            1767323045,
            VECTOR_KEY,
            "bc324969dec316b2fddc969d703661930897edd85fcf50023875f40d24b39171",
            "d7a36e58aeb5d3dd410ceb2ff9a6598295ddd1296da1eab55dcb860877b3de53",
        ),
    ],
    ids=["official", "official with its action", "as the SDK signs", "as the documentation signs"],
)
def test_the_signature_agrees_with_its_vectors(
    service: str, headers: dict[str, str], body: bytes, seconds: int, key: str, request_hash: str, signature: str
) -> None:
    headers = headers | {"host": f"{service}.tencentcloudapi.com"}
    request = canonical_request(Received("POST", "/", "", headers, body), sorted(headers))
    assert not request_hash or hashlib.sha256(request.encode()).hexdigest() == request_hash
    assert sign(key, datetime.fromtimestamp(seconds, UTC), request, service) == signature


def test_the_body_of_the_vectors_is_octet_for_octet_the_documented_one() -> None:
    assert hashlib.sha256(T1).hexdigest() == "4b4c183d79c287d6f52f70ab86ab365fc453a19b6bd6fea04ebfcbecb7c83dfd"


# What the gateway refuses, whatever is asked.


async def test_a_flawless_request_is_accepted_and_stands_in_the_ledger(call: Caller, sms: TencentSmsSandbox) -> None:
    [line] = lines(await call())
    [row] = rows(sms)
    assert line == {
        "SerialNo": row.provider_id,
        "PhoneNumber": f"+86{PHONE}",
        "Fee": 1,
        "SessionContext": "k-1",
        "Code": "Ok",
        "Message": "send success",
        "IsoCode": "CN",
    }
    assert (row.to, row.key, row.at) == (PHONE, "k-1", START)
    assert row.words == {"text": TEXT, "template_id": UNREAD, "sign": SIGN, "params": ["张三", "3"]}


@pytest.mark.parametrize(
    "signed",
    [("content-type", "host"), ("content-type", "host", "x-tc-action"), ("content-type", "host", "x-tc-timestamp")],
)
async def test_whatever_else_is_signed_type_and_host_must_be(call: Caller, signed: tuple[str, ...]) -> None:
    assert codes(await call(signed=signed)) == ["Ok"]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("AuthFailure.InvalidAuthorization", {"headers": {"authorization": "Bearer abc"}}),
        ("AuthFailure.InvalidAuthorization", {"headers": {"authorization": ""}}),
        ("AuthFailure.InvalidAuthorization", {"signed": ("host", "x-tc-action")}),
        ("AuthFailure.InvalidAuthorization", {"signed": ("content-type", "x-tc-action")}),
        ("AuthFailure.InvalidAuthorization", {"signed": ("host", "content-type")}),
        ("AuthFailure.InvalidAuthorization", {"signed": ("content-type", "host", "host")}),
        ("AuthFailure.InvalidAuthorization", {"signed": ("content-type", "host", "x-tc-missing")}),
        ("AuthFailure.InvalidAuthorization", {"service": "cvm"}),
        ("AuthFailure.SignatureFailure", {"key": "another"}),
        ("AuthFailure.SignatureFailure", {"date": "2026-11-22"}),
        ("AuthFailure.SecretIdNotFound", {"secret_id": "nobody"}),
        ("AuthFailure.SignatureExpire", {"headers": {"x-tc-timestamp": str(int(START.timestamp()) - 301)}}),
        ("AuthFailure.SignatureExpire", {"headers": {"x-tc-timestamp": str(int(START.timestamp()) + 301)}}),
        ("AuthFailure.TokenFailure", {"headers": {"x-tc-token": "temporary"}}),
        ("MissingParameter", {"headers": {"x-tc-timestamp": None}}),
        ("InvalidParameter", {"headers": {"x-tc-timestamp": "2026-11-23T01:00:00Z"}}),
        ("MissingParameter", {"headers": {"x-tc-action": None}, "signed": ("content-type", "host")}),
        ("MissingParameter", {"headers": {"x-tc-version": None}}),
        ("MissingParameter", {"headers": {"x-tc-region": None}}),
        ("NoSuchVersion", {"headers": {"x-tc-version": "2019-07-11"}}),
        ("UnsupportedRegion", {"headers": {"x-tc-region": "eu-frankfurt"}}),
        ("UnsupportedProtocol", {"method": "GET"}),
        ("UnsupportedProtocol", {"target": "/sms"}),
        ("UnsupportedProtocol", {"target": "/?Action=SendSms"}),
        ("UnsupportedProtocol", {"headers": {"content-type": "application/x-www-form-urlencoded"}}),
        ("InvalidParameter", {"body": b"{"}),
        ("InvalidParameter", {"body": b"[]"}),
        ("InvalidParameter", {"body": b"\xff"}),
        ("InvalidParameter", {"body": b"[" * 3000}),
        ("InvalidParameter", {"body": b'{"SignName": "a", "SignName": "b"}'}),
        ("UnknownParameter", {"given": send_sms(Priority=1)}),
        ("UnknownParameter", {"given": send_sms(PhoneNumbers=[PHONE])}),
        ("InvalidParameter", {"given": send_sms(PhoneNumberSet=f"+86{PHONE}")}),
        ("InvalidParameter", {"given": send_sms(PhoneNumberSet=[15483503031])}),
        ("InvalidParameter", {"given": send_sms(TemplateId=449739)}),
        ("InvalidParameter", {"given": send_sms(SmsSdkAppId=1400006666)}),
        ("InvalidParameter", {"given": send_sms(TemplateParamSet={"1": "张三"})}),
        ("InvalidParameter", {"given": send_sms(TemplateParamSet=["张三", 3])}),
        ("InvalidParameter", {"given": send_sms() | {"SessionContext": None}}),
        ("MissingParameter", {"given": send_sms(PhoneNumberSet=None)}),
        ("MissingParameter", {"given": send_sms(TemplateId=None)}),
        ("MissingParameter", {"given": send_sms(SmsSdkAppId=None)}),
    ],
)
async def test_the_gateway_refuses(call: Caller, sms: TencentSmsSandbox, code: str, changes: dict[str, Any]) -> None:
    assert refused(await call(**changes)) == code
    assert not rows(sms)
    assert sms.account.balance == 1_000_000


async def test_an_action_of_another_service_is_none_here(call: Caller) -> None:
    assert refused(await call("SendMail")) == "InvalidAction"


async def test_a_body_over_ten_megabytes_is_too_large(call: Caller) -> None:
    assert refused(await call(body=b" " * 10_000_001)) == "RequestSizeLimitExceeded"


@pytest.mark.parametrize("moved", [5 * MINUTE, -5 * MINUTE])
async def test_five_minutes_of_skew_are_allowed(call: Caller, clock: Hand, moved: timedelta) -> None:
    request = call.request()
    clock.forward(moved)
    assert codes(await call.send(request)) == ["Ok"]


async def test_the_date_of_the_key_is_that_of_the_timestamp_in_utc(call: Caller, clock: Hand) -> None:
    clock.moment = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # the 24th in Shanghai
    assert codes(await call()) == ["Ok"]
    assert refused(await call(date="2026-11-24")) == "AuthFailure.SignatureFailure"


async def test_a_body_changed_on_the_way_is_seen(call: Caller, sms: TencentSmsSandbox) -> None:
    request = call.request()
    forged = json.dumps(send_sms(OTHER)).encode()
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    answer = await call.send(httpx.Request("POST", request.url, headers=headers, content=forged))
    assert refused(answer) == "AuthFailure.SignatureFailure"
    assert not rows(sms)


async def test_the_same_request_again_is_another_message_for_there_is_no_nonce(
    call: Caller, sms: TencentSmsSandbox, clock: Hand
) -> None:
    request = call.request()
    assert codes(await call.send(request)) == ["Ok"]
    assert codes(await call.send(request)) == [THIRTY_SECONDS]
    clock.forward(31 * SECOND)
    assert codes(await call.send(request)) == ["Ok"]
    assert [row.key for row in rows(sms)] == ["k-1", "k-1"]


async def test_a_key_without_the_right_is_refused(stage: Stage) -> None:
    async with serving(make(stage, rights=["SendSms"])) as sms:
        await accept(Caller(sms))
        assert refused(await Caller(sms)("PullSmsSendStatus", given=pull())) == "AuthFailure.UnauthorizedOperation"


async def test_too_many_requests_a_second_are_throttled(stage: Stage) -> None:
    seconds = [100.0]
    async with serving(make(stage, qps={"SendSms": 1}, seconds=lambda: seconds[0])) as sms:
        call = Caller(sms)
        await accept(call)
        assert refused(await call(given=send_sms(OTHER))) == "RequestLimitExceeded"
        seconds[0] += 1
        await accept(call, OTHER)


# What is wrong with all of a request.


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", {"SmsSdkAppId": "1400000000"}),
        ("MissingParameter.EmptyPhoneNumberSet", {"PhoneNumberSet": []}),
        ("LimitExceeded.PhoneNumberCountLimit", {"PhoneNumberSet": [f"+86{PHONE}"] * 201}),
        ("FailedOperation.SignatureIncorrectOrUnapproved", {"SignName": "别家人才网"}),
        ("FailedOperation.SignatureIncorrectOrUnapproved", {"SignName": None}),
        ("FailedOperation.TemplateUnapprovedOrNotExist", {"TemplateId": "999"}),
        ("FailedOperation.TemplateIncorrectOrUnapproved", {"TemplateId": PENDING, "TemplateParamSet": ["张三"]}),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", {"TemplateParamSet": ["张三"]}),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", {"TemplateParamSet": None}),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", {"TemplateParamSet": ["张三", "3", "杭州"]}),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", {"TemplateId": PROMO}),
        ("InvalidParameterValue.TemplateParameterLengthLimit", {"TemplateParamSet": ["七个字就太长了", "3"]}),
        ("InvalidParameterValue.TemplateParameterFormatError", {"TemplateParamSet": ["", "3"]}),
        ("InvalidParameterValue.TemplateParameterFormatError", {"TemplateParamSet": ["【张三】", "3"]}),
        ("InvalidParameterValue.TemplateParameterFormatError", {"TemplateParamSet": ["张三\n", "3"]}),
        ("InvalidParameterValue.TemplateParameterFormatError", {"TemplateParamSet": ["{2}", "3"]}),
        ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", {"TemplateParamSet": ["a.cn", "3"]}),
        ("FailedOperation.ContainSensitiveWord", {"TemplateParamSet": ["请加微信", "3"]}),
        ("InvalidParameterValue", {"SessionContext": "简" * 171}),
        ("InvalidParameterValue", {"ExtendCode": "abc"}),
        ("InvalidParameterValue", {"SenderId": "Qsms"}),
        ("UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone", {"PhoneNumberSet": ["+85251234567"]}),
        (
            "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
            {"PhoneNumberSet": [f"+86{PHONE}", "+85251234567"]},
        ),
    ],
)
async def test_a_request_is_refused_as_a_whole(
    call: Caller, sms: TencentSmsSandbox, code: str, changes: dict[str, Any]
) -> None:
    assert refused(await call(given=send_sms(**changes))) == code
    assert not rows(sms)
    assert sms.account.balance == 1_000_000


async def test_what_is_wrong_with_a_template_can_stand_at_each_number_too(stage: Stage) -> None:
    async with serving(make(stage, refuses_each=True)) as sms:
        found = lines(await Caller(sms)(given=send_sms(PHONE, OTHER, TemplateId="999")))
        assert [(line["SerialNo"], line["Fee"]) for line in found] == [("", 0), ("", 0)]
        assert {line["Code"] for line in found} == {"FailedOperation.TemplateUnapprovedOrNotExist"}
        assert refused(await Caller(sms)(given=send_sms(SmsSdkAppId="1"))).startswith("UnauthorizedOperation.")


async def test_the_longest_of_everything_still_passes(call: Caller, sms: TencentSmsSandbox) -> None:
    row = await accept(call, TemplateParamSet=["六个字的名字", "3"], SessionContext="k" * 511, ExtendCode="77")
    assert (row.key, row.words["extend_code"]) == ("k" * 511, "77")
    everybody = [f"154{number:08d}" for number in range(200)]
    assert codes(await call(given=send_sms(*everybody))) == ["Ok"] * 200
    assert len({row.provider_id for row in rows(sms)}) == 201


@pytest.mark.parametrize(
    ("local", "allowed"), [("07:59:59", False), ("08:00:00", True), ("21:59:59", True), ("22:00:00", False)]
)
async def test_marketing_goes_out_from_eight_to_ten_only(call: Caller, clock: Hand, local: str, allowed: bool) -> None:
    clock.moment = datetime.fromisoformat(f"2026-11-23T{local}+08:00")
    answer = await call(given=send_sms(TemplateId=PROMO, TemplateParamSet=[]))
    if allowed:
        assert codes(answer) == ["Ok"]
    else:
        assert refused(answer) == "FailedOperation.MarketingSendTimeConstraint"
    await accept(call, OTHER)  # a notice may go at any hour


async def test_a_signature_or_template_can_be_used_once_it_is_approved(call: Caller, sms: TencentSmsSandbox) -> None:
    sms.set_sign(SIGN, approved=False)
    assert refused(await call()) == "FailedOperation.SignatureIncorrectOrUnapproved"
    sms.set_sign(SIGN)
    sms.set_template(PENDING, "{1}您好，活动开始了。")
    row = await accept(call, TemplateId=PENDING, TemplateParamSet=["张三"])
    assert row.words["text"] == "【云溪人才网】张三您好，活动开始了。"


def test_a_variable_may_stand_twice_and_in_any_order(stage: Stage) -> None:
    assert SmsTemplate("{2}、{1}和{2}").variables == 2
    assert make(stage, templates={"7": "{2}、{1}和{2}"}).entrance()["template_params"] == ["3", "3"]


@pytest.mark.parametrize(
    ("template_id", "text"),
    [
        ("1", ""),
        ("1", "【云溪】您好"),
        ("1", "{1}{2}您好"),
        ("1", "{1}"),
        ("1", "您好{公司}"),
        ("1", "您好{1"),
        ("1", "您好{2}"),
        ("SMS_1", "您好"),
    ],
)
def test_a_template_that_no_reviewer_would_pass_is_sent_back(stage: Stage, template_id: str, text: str) -> None:
    with pytest.raises(InputError, match=template_id):
        make(stage, templates={template_id: text})


async def test_the_account_can_be_in_any_kind_of_trouble(call: Caller, sms: TencentSmsSandbox) -> None:
    sms.refuse_all_with("UnauthorizedOperation.ServiceSuspendDueToArrears")
    assert refused(await call()) == "UnauthorizedOperation.ServiceSuspendDueToArrears"
    sms.refuse_all_with("")
    await accept(call)
    with pytest.raises(InputError, match="no code"):
        sms.refuse_all_with("FailedOperation.Nonsense")


# What is wrong with one number of many.


async def test_of_a_mixed_batch_each_number_has_its_own_line(call: Caller, sms: TencentSmsSandbox) -> None:
    await accept(call, "15483503033")
    await sms.say("15483503033", "TD")
    wanted = ["+8615483503032", "15483503034", "+8612345", "+8615483503033", "+8615483503031", "+8615483503031"]
    found = lines(await call(given=send_sms(PhoneNumberSet=wanted, SessionContext="k-2")))
    assert [line["PhoneNumber"] for line in found] == wanted
    assert [line["Code"] for line in found] == [
        "Ok",
        "FailedOperation.PhoneNumberParseFail",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "FailedOperation.PhoneNumberInBlacklist",
        "Ok",
        THIRTY_SECONDS,
    ]
    assert [bool(line["SerialNo"]) for line in found] == [True, False, False, False, True, False]
    assert [line["Fee"] for line in found] == [1, 0, 0, 0, 1, 0]
    assert {line["SessionContext"] for line in found} == {"k-2"}
    assert [row.to for row in rows(sms)][1:] == ["15483503032", "15483503031"]
    assert sms.account.balance == 1_000_000 - 3


@pytest.mark.parametrize(
    "written",
    [PHONE, f"86{PHONE}", f"0086{PHONE}", f"+86 {PHONE}", f"+86{PHONE} ", "＋8615483503031", "+012345678"],
)
async def test_a_number_that_is_not_e164_is_refused(call: Caller, sms: TencentSmsSandbox, written: str) -> None:
    assert codes(await call(given=send_sms(PhoneNumberSet=[written]))) == ["FailedOperation.PhoneNumberParseFail"]
    assert not rows(sms)


async def test_the_same_words_go_to_one_number_once_in_thirty_seconds(call: Caller, clock: Hand) -> None:
    await accept(call)
    clock.forward(29 * SECOND)
    assert codes(await call()) == [THIRTY_SECONDS]
    await accept(call, TemplateParamSet=["李四", "4"])
    await accept(call, OTHER)
    clock.forward(SECOND)
    await accept(call)


async def test_ten_a_day_may_go_to_one_number_and_the_day_is_shanghais(call: Caller, clock: Hand) -> None:
    clock.moment = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    for _ in range(10):
        await accept(call)
        clock.forward(MINUTE)
    assert codes(await call()) == [ONE_DAY]
    await accept(call, OTHER)
    clock.moment = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    await accept(call)


async def test_the_console_can_set_other_frequencies(stage: Stage, clock: Hand) -> None:
    limits = [Frequency(1, HOUR, ONE_HOUR), Frequency(2, None, SAME_CONTENT, same_content=True)]
    async with serving(make(stage, frequencies=limits)) as sms:
        call = Caller(sms)
        await accept(call)
        assert codes(await call(given=send_sms(TemplateParamSet=["李四", "4"]))) == [ONE_HOUR]
        clock.forward(HOUR)
        await accept(call)
        clock.forward(HOUR)
        assert codes(await call()) == [SAME_CONTENT]
        await accept(call, TemplateParamSet=["李四", "4"])


async def test_frequencies_and_serial_numbers_outlive_a_restart(clock: Hand, tmp_path: Path) -> None:
    serials = []
    for number in (PHONE, OTHER):
        stage = Stage(clock, seed=1, ledger_path=tmp_path / "ledger.jsonl")
        async with serving(make(stage)) as sms:
            serials.append((await accept(Caller(sms), number)).provider_id)
            assert codes(await Caller(sms)()) == [THIRTY_SECONDS]
        await stage.stop()
    assert serials[0] != serials[1]


async def test_segments_are_paid_for_and_with_an_empty_purse_the_rest_of_the_numbers_go_without(
    call: Caller, sms: TencentSmsSandbox
) -> None:
    sms.account.balance = 3
    given = send_sms(PHONE, OTHER, TemplateId=LONG, TemplateParamSet=[])  # 7 of signature and 64: two segments each
    found = lines(await call(given=given))
    assert [(line["Code"], line["Fee"]) for line in found] == [
        ("Ok", 2),
        ("FailedOperation.InsufficientBalanceInSmsPackage", 0),
    ]
    assert sms.account.balance == 1
    sms.top_up(1)
    await accept(call, OTHER, TemplateId=LONG, TemplateParamSet=[])
    assert sms.account.balance == 0


async def test_the_account_has_a_day_limit_of_its_own(stage: Stage, clock: Hand) -> None:
    async with serving(make(stage, daily_limit=2)) as sms:
        call = Caller(sms)
        found = codes(await call(given=send_sms(PHONE, OTHER, "15483503033")))
        assert found == ["Ok", "Ok", "LimitExceeded.AppMainlandChinaDailyLimit"]
        clock.forward(DAY)
        await accept(call, "15483503033")


@pytest.mark.parametrize("word", ["R", "r", "T", "TD", "td。", "退订", " 退 订 ", "ＴＤ"])
async def test_a_word_of_refusal_closes_that_signature_for_that_number(
    call: Caller, sms: TencentSmsSandbox, clock: Hand, word: str
) -> None:
    await accept(call)
    await sms.say(PHONE, word)
    clock.forward(MINUTE)
    assert codes(await call(given=send_sms(PHONE, OTHER))) == ["FailedOperation.PhoneNumberInBlacklist", "Ok"]
    await accept(call, SignName=OTHER_SIGN)


async def test_a_refusal_out_of_the_blue_is_meant_for_every_signature(call: Caller, sms: TencentSmsSandbox) -> None:
    await sms.say(PHONE, "TD")
    assert codes(await call(given=send_sms(SignName=OTHER_SIGN))) == ["FailedOperation.PhoneNumberInBlacklist"]


@pytest.mark.parametrize("word", ["别发了", "退订单怎么办", "T恤", "好的", ""])
async def test_the_providers_own_list_knows_exact_words_only(
    call: Caller, sms: TencentSmsSandbox, clock: Hand, word: str
) -> None:
    await accept(call)
    await sms.say(PHONE, word)
    clock.forward(MINUTE)
    await accept(call)


# Faults.


@pytest.mark.parametrize(("fault", "kept"), [("reset_before", 0), ("reset_after", 1), ("truncate", 1)])
async def test_a_connection_breaks_before_or_after_the_effect(
    call: Caller, sms: TencentSmsSandbox, fault: str, kept: int
) -> None:
    sms.faults.order(fault)
    with pytest.raises(httpx.TransportError):
        await call()
    assert len(rows(sms)) == kept
    await accept(call, OTHER)


@pytest.mark.parametrize(
    ("fault", "code", "kept"),
    [
        ("throttled", "RequestLimitExceeded", 0),
        ("internal_error", "InternalError.OtherError", 0),
        ("internal_error_after", "InternalError.Timeout", 1),
    ],
)
async def test_an_error_of_the_provider_leaves_open_whether_it_was_sent(
    call: Caller, sms: TencentSmsSandbox, fault: str, code: str, kept: int
) -> None:
    sms.faults.order(fault)
    assert refused(await call()) == code
    assert len(rows(sms)) == kept


@pytest.mark.parametrize(("fault", "status"), [("unavailable", 503), ("bad_gateway", 502)])
async def test_a_gateway_that_is_down_speaks_no_json(
    call: Caller, sms: TencentSmsSandbox, fault: str, status: int
) -> None:
    sms.faults.order(fault)
    answer = await call()
    assert answer.status_code == status
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert not rows(sms)


@pytest.mark.parametrize("fault", ["delay", "slow_body"])
async def test_a_late_answer_is_late_and_right(call: Caller, sms: TencentSmsSandbox, fault: str) -> None:
    sms.delay_seconds = 0.2
    sms.faults.order(fault)
    began = asyncio.get_running_loop().time()
    await accept(call)
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_an_answer_that_comes_twice_is_the_same_answer_on_the_same_connection(
    call: Caller, sms: TencentSmsSandbox
) -> None:
    sms.faults.order("twice")
    request = call.request()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    reader, writer = await asyncio.open_connection(sms.endpoint.partition(":")[0], int(sms.endpoint.partition(":")[2]))
    writer.write(f"POST / HTTP/1.1\r\n{head}\r\n".encode() + request.content)
    answers = [await _one_answer(reader) for _ in range(2)]
    writer.close()
    assert answers[0] == answers[1]
    assert answers[0]["Response"]["SendStatusSet"][0]["Code"] == "Ok"
    assert len(rows(sms)) == 1


async def _one_answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 200 ok\r\n")
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    return json.loads(await reader.readexactly(length))


async def test_a_forgotten_message_is_acknowledged_and_lost(call: Caller, sms: TencentSmsSandbox) -> None:
    sms.faults.order("forget")
    assert codes(await call(given=send_sms(PHONE, OTHER))) == ["Ok", "Ok"]
    assert [row.to for row in rows(sms)] == [PHONE]


async def test_faults_are_off_until_they_are_asked_for(call: Caller, sms: TencentSmsSandbox) -> None:
    for number in range(40):
        await accept(call, f"154{number:08d}")
    sms.faults.shares(unavailable=1.0)
    assert (await call()).status_code == 503
    with pytest.raises(ValueError, match="unknown fault"):
        sms.faults.order("earthquake")
    assert len(FAULTS) == 13


# Our doors: receipts.


class Doors:
    """Our side of the pushes. `answers` are given one after the other, then always the right one."""

    def __init__(self) -> None:
        self.reports: list[Any] = []
        self.replies: list[Any] = []
        self.answers: list[Response] = []
        app = Starlette(
            routes=[Route("/reports", self._take, methods=["POST"]), Route("/replies", self._take, methods=["POST"])]
        )
        self._listener = Listener(app, "127.0.0.1", 0)

    async def start(self) -> None:
        self.base = f"http://127.0.0.1:{await self._listener.start()}"

    async def stop(self) -> None:
        await self._listener.stop()

    async def _take(self, request: Request) -> Response:
        assert request.headers["content-type"].startswith("application/json")
        taken = self.reports if request.url.path == "/reports" else self.replies
        taken.append(await request.json())
        return self.answers.pop(0) if self.answers else JSONResponse({"result": 0, "errmsg": "OK"})


@pytest.fixture
async def doors(sms: TencentSmsSandbox) -> AsyncIterator[Doors]:
    async with serving(Doors()) as found:
        sms.connect(f"{found.base}/reports", f"{found.base}/replies")
        yield found


async def run_for(sms: TencentSmsSandbox, clock: Hand, time: timedelta) -> None:
    """Let the stage's time pass, stopping at everything that is due on the way."""
    end = clock.moment + time
    while (due := sms.stage.timetable.next_at()) is not None and due <= end:
        clock.moment = max(clock.moment, due)
        await sms.stage.timetable.run_due()
    clock.moment = end
    assert sms.stage.timetable.failures == []


def _local(moment: datetime) -> str:
    return f"{moment + 8 * HOUR:%Y-%m-%d %H:%M:%S}"


async def test_a_receipt_is_an_array_and_comes_within_a_minute(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand
) -> None:
    row = await accept(call)
    await run_for(sms, clock, SECOND)
    assert not doors.reports
    await run_for(sms, clock, MINUTE)
    [[report]] = doors.reports
    assert report.pop("ext", "k-1") == "k-1"  # on newer pages only
    assert report == {
        "user_receive_time": _local(sms.fate_of(row).at),
        "nationcode": "86",
        "mobile": PHONE,
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": row.provider_id,
    }


async def test_the_newer_key_is_in_some_receipts_and_not_in_others(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand
) -> None:
    await accept(call, *(f"154{number:08d}" for number in range(40)))
    await run_for(sms, clock, MINUTE)
    assert {"ext" in item for items in doors.reports for item in items} == {True, False}


async def test_after_a_jump_of_the_clock_receipts_come_in_batches_and_out_of_order(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand
) -> None:
    everybody = [f"154{number:08d}" for number in range(200)]
    await accept(call, *everybody)
    sms.carrier.quirks = Quirks(empty_share=0, failure_share=0, duplicate_share=0, largest_batch=50)
    clock.forward(HOUR)
    await sms.stage.timetable.run_due()
    assert all(1 <= len(items) <= 50 for items in doors.reports)
    told = [item["mobile"] for items in doors.reports for item in items]
    assert sorted(told) == everybody
    assert told != everybody
    dated = [item["user_receive_time"] for items in doors.reports for item in items]
    assert dated != sorted(dated)


@pytest.mark.parametrize(
    "wrong",
    [
        Response(status_code=500),
        JSONResponse({"result": 1, "errmsg": "no"}),
        JSONResponse({"result": "0"}),
        JSONResponse({"code": 0}),
        JSONResponse({"result": False}),
        JSONResponse({"result": 0}, status_code=202),
        Response("ok"),
    ],
    ids=["500", "result 1", "result as text", "Aliyun's answer", "result false", "202", "no JSON"],
)
async def test_a_receipt_comes_again_until_it_is_answered_as_documented(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand, wrong: Response
) -> None:
    await accept(call)
    doors.answers = [wrong] * 3
    await run_for(sms, clock, DAY)
    assert len(doors.reports) == 4
    assert doors.reports.count(doors.reports[0]) == 4
    assert not sms.carrier.reports.lost


async def test_a_receipt_can_come_before_the_answer(call: Caller, sms: TencentSmsSandbox, doors: Doors) -> None:
    sms.faults.order("receipt_first")
    [line] = lines(await call())
    [[report]] = doors.reports
    assert report["sid"] == line["SerialNo"]
    assert len(sms.stage.timetable) == 0


async def test_receipts_can_come_thrice_late_never_or_about_nobody(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand
) -> None:
    async def after(quirks: Quirks, time: timedelta) -> list[list[dict[str, Any]]]:
        sms.carrier.quirks = quirks
        doors.reports.clear()
        await accept(call, f"154{next(numbers):08d}")
        await run_for(sms, clock, time)
        return list(doors.reports)

    surely = {"empty_share": 0.0, "failure_share": 0.0, "duplicate_share": 0.0}
    times = {len(await after(Quirks(**surely | {"duplicate_share": 1.0}), 11 * MINUTE)) for _ in range(12)}
    assert times == {2, 3}
    assert await after(Quirks(**surely, missing_share=1.0), 30 * DAY) == []
    late = Quirks(**surely, late_share=1.0)
    assert await after(late, MINUTE) == []
    await run_for(sms, clock, 22 * DAY)
    assert len(doors.reports) == 1
    [[mine, strange]] = await after(Quirks(**surely, unknown_share=1.0), MINUTE)
    assert mine["sid"] == rows(sms)[-1].provider_id
    assert strange["sid"] not in {row.provider_id for row in rows(sms)}


async def test_what_the_carrier_could_not_deliver_is_told_with_its_code(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand
) -> None:
    sms.stage.unknown.add(PHONE)
    sms.stage.full.add(OTHER)
    await accept(call, PHONE, OTHER)
    clock.forward(2 * MINUTE)
    await sms.stage.timetable.run_due()
    assert not any(sms.stage.reached(row) for row in sms.stage.ledger)
    told = {item["mobile"]: item for items in doors.reports for item in items}
    assert (told[PHONE]["report_status"], told[PHONE]["errmsg"], told[PHONE]["description"]) == (
        "FAIL",
        "MK:0001",
        "空号",
    )
    assert (told[OTHER]["report_status"], told[OTHER]["errmsg"] == "MK:0001") == ("FAIL", False)


# Our doors: what customers say.


async def test_a_customers_words_are_one_object_without_an_id(
    call: Caller, sms: TencentSmsSandbox, doors: Doors
) -> None:
    await accept(call, ExtendCode="77")
    assert await sms.say(PHONE, "好的 谢谢🙏")
    assert doors.replies == [
        {
            "extend": "77",
            "mobile": PHONE,
            "nationcode": "86",
            "sign": SIGN,
            "text": "好的 谢谢🙏",
            "time": int(START.timestamp()),
        }
    ]


async def test_a_reply_repeated_is_the_same_second_and_words_though_time_has_passed(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand
) -> None:
    row = await accept(call)
    await run_for(sms, clock, MINUTE)  # its receipt has come
    doors.answers = [Response(status_code=500) for _ in range(4)]
    with pytest.raises(ReplyNotTaken):
        await SmsCustomer(sms).answer(row, "好的", automatic=False)
    with pytest.raises(ReplyNotTaken):  # the provider is at it already
        await SmsCustomer(sms).answer(row, "好的", automatic=False)
    assert len(doors.replies) == 1
    await run_for(sms, clock, HOUR)
    await SmsCustomer(sms).answer(row, "好的", automatic=False)
    assert doors.replies == [doors.replies[0]] * 5
    sms.carrier.quirks = Quirks(reply_duplicate_share=1.0)
    await sms.say(PHONE, "又及")
    await run_for(sms, clock, HOUR)
    assert doors.replies[5] == doors.replies[6]


async def test_a_refusal_counts_even_where_our_door_is_closed(
    call: Caller, sms: TencentSmsSandbox, doors: Doors
) -> None:
    await accept(call)
    doors.answers = [Response(status_code=500)]
    assert not await sms.say(PHONE, "TD")
    assert codes(await call()) == ["FailedOperation.PhoneNumberInBlacklist"]


async def test_customers_answer_by_the_provider_that_wrote_to_them(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, clock: Hand, stage: Stage
) -> None:
    aliyun = AliyunSmsSandbox(
        stage, access_key_id="a", access_key_secret="b", signs=[SIGN], templates={"SMS_1": "您好"}, quirks=QUIET
    )
    customers = Customers(stage, {Intent.THANKS: ["收到"], Intent.STOP: ["TD"]}, reply_share=0.5)
    customers.answer_by(ChannelName.SMS, SmsCustomer(aliyun, sms))
    stage.listeners.append(customers.on_accepted)
    words = {"text": "您好", "template_code": "SMS_1", "sign": SIGN, "params": {}}
    for number in range(40):
        stage.accept(ChannelName.SMS, f"153{number:08d}", key="k", words=words, provider_id=f"a{number}")
    await accept(call, *(f"154{number:08d}" for number in range(40)))
    await run_for(sms, clock, 2 * DAY)
    by_tencent = [said for said in customers.said if said.address.startswith("154")]
    assert sorted(reply["mobile"] for reply in doors.replies) == sorted(said.address for said in by_tencent)
    assert len(by_tencent) > 10
    assert len(customers.said) - len(by_tencent) > 10
    assert {phone[:3] for _, phone in sms.account.blocked} == {"154"}
    assert {phone[:3] for _, phone in aliyun.account.blocked} == {"153"}


async def test_the_last_sms_of_the_other_provider_is_not_what_is_answered_here(
    call: Caller, sms: TencentSmsSandbox, doors: Doors, stage: Stage
) -> None:
    await accept(call)
    words = {"text": "您好", "template_code": "SMS_1", "sign": OTHER_SIGN, "params": {}}
    stage.accept(ChannelName.SMS, PHONE, key="k", words=words, provider_id="a1")
    await sms.say(PHONE, "好的")
    assert doors.replies[0]["sign"] == SIGN


# Asking.


def pull(**changes: Any) -> dict[str, Any]:
    return {"Limit": 100, "SmsSdkAppId": APP} | changes


def of_number(**changes: Any) -> dict[str, Any]:
    begin = int((START - HOUR).timestamp())
    wanted = {"BeginTime": begin, "Offset": 0, "PhoneNumber": f"+86{PHONE}"}
    return {name: value for name, value in (pull() | wanted | changes).items() if value is not None}


def hours(**changes: Any) -> dict[str, Any]:
    return pull(Limit=0) | {"BeginTime": "2026112309", "EndTime": "2026112309", "Offset": 0} | changes


async def test_receipts_wait_to_be_pulled_and_what_is_read_is_gone(
    call: Caller, sms: TencentSmsSandbox, clock: Hand
) -> None:
    await accept(call, *(f"154{number:08d}" for number in range(150)))

    async def pulled(limit: int) -> list[dict[str, Any]]:
        return response(await call("PullSmsSendStatus", given=pull(Limit=limit)))["PullSmsSendStatusSet"]

    assert await pulled(100) == []
    await run_for(sms, clock, MINUTE)
    first, second, third = await pulled(100), await pulled(100), await pulled(100)
    assert [len(found) for found in (first, second, third)] == [100, 50, 0]
    assert {item["SerialNo"] for item in first + second} == {row.provider_id for row in rows(sms)}
    row = next(row for row in rows(sms) if row.provider_id == first[0]["SerialNo"])
    assert first[0] == {
        "UserReceiveTime": int(sms.fate_of(row).at.timestamp()),
        "CountryCode": "86",
        "SubscriberNumber": row.to,
        "PhoneNumber": f"+86{row.to}",
        "SerialNo": row.provider_id,
        "ReportStatus": "SUCCESS",
        "Description": "DELIVRD",
        "SessionContext": "k-1",
    }


async def test_replies_wait_to_be_pulled_and_what_is_read_is_gone(call: Caller, sms: TencentSmsSandbox) -> None:
    await accept(call, ExtendCode="77")
    await sms.say(PHONE, "好的")
    await sms.say(OTHER, "你是谁")
    answers = [await call("PullSmsReplyStatus", given=pull(Limit=1)) for _ in range(3)]
    first, second, third = (response(answer)["PullSmsReplyStatusSet"] for answer in answers)
    assert first == [
        {
            "ExtendCode": "77",
            "CountryCode": "86",
            "PhoneNumber": f"+86{PHONE}",
            "SignName": SIGN,
            "ReplyContent": "好的",
            "ReplyTime": int(START.timestamp()),
            "SubscriberNumber": PHONE,
        }
    ]
    assert [item["PhoneNumber"] for item in second] == [f"+86{OTHER}"]
    assert third == []


async def test_pulling_has_to_be_enabled_for_the_account_first(stage: Stage) -> None:
    async with serving(make(stage, pull_enabled=False)) as sms:
        call = Caller(sms)
        for action in ("PullSmsSendStatus", "PullSmsReplyStatus"):
            assert refused(await call(action, given=pull())) == "UnauthorizedOperation.RequestPermissionDeny"
        assert response(await call("PullSmsSendStatusByPhoneNumber", given=of_number())) == {"PullSmsSendStatusSet": []}


async def test_one_number_can_be_asked_for_again_and_again_for_seven_days(
    call: Caller, sms: TencentSmsSandbox, clock: Hand
) -> None:
    row = await accept(call)
    await accept(call, OTHER)

    async def found(**changes: Any) -> list[str]:
        answer = await call("PullSmsSendStatusByPhoneNumber", given=of_number(**changes))
        return [item["SerialNo"] for item in response(answer)["PullSmsSendStatusSet"]]

    assert await found() == []  # the carrier has said nothing yet
    await run_for(sms, clock, MINUTE)
    assert await found() == await found() == [row.provider_id]
    assert await found(EndTime=int(START.timestamp())) == [row.provider_id]
    assert await found(EndTime=int(START.timestamp()) - 1) == []
    await sms.say(PHONE, "好的")
    asked = of_number()
    told = response(await call("PullSmsReplyStatusByPhoneNumber", given=asked))["PullSmsReplyStatusSet"]
    assert [item["ReplyContent"] for item in told] == ["好的"]
    clock.forward(7 * DAY)
    late = await call("PullSmsSendStatusByPhoneNumber", given=of_number())
    assert refused(late) == "InvalidParameterValue.BeginTimeVerifyFail"


@pytest.mark.parametrize(
    ("action", "code", "given"),
    [
        ("PullSmsSendStatus", "InvalidParameterValue.LimitVerifyFail", pull(Limit=101)),
        ("PullSmsReplyStatus", "InvalidParameterValue.LimitVerifyFail", pull(Limit=0)),
        ("PullSmsSendStatus", "InvalidParameter", pull(Limit="100")),
        ("PullSmsSendStatus", "InvalidParameter", pull(Limit=True)),
        ("PullSmsSendStatus", "UnknownParameter", pull(Offset=0)),
        ("PullSmsSendStatus", "UnauthorizedOperation.SmsSdkAppIdVerifyFail", pull(SmsSdkAppId="1")),
        ("PullSmsSendStatusByPhoneNumber", "MissingParameter", of_number(BeginTime=None)),
        ("PullSmsSendStatusByPhoneNumber", "InvalidParameterValue.BeginTimeVerifyFail", of_number(BeginTime=10**15)),
        ("PullSmsSendStatusByPhoneNumber", "InvalidParameterValue.EndTimeVerifyFail", of_number(EndTime=1)),
        ("PullSmsSendStatusByPhoneNumber", "InvalidParameterValue.OffsetVerifyFail", of_number(Offset=1)),
        ("PullSmsSendStatusByPhoneNumber", "FailedOperation.PhoneNumberParseFail", of_number(PhoneNumber=PHONE)),
        ("PullSmsReplyStatusByPhoneNumber", "InvalidParameterValue.LimitVerifyFail", of_number(Limit=101)),
        ("SendStatusStatistics", "InvalidParameterValue.BeginTimeVerifyFail", hours(BeginTime="2026-11-23")),
        ("SendStatusStatistics", "InvalidParameterValue.EndTimeVerifyFail", hours(EndTime="2026112308")),
        ("SendStatusStatistics", "InvalidParameterValue.EndTimeVerifyFail", hours(EndTime="2026112325")),
        ("SendStatusStatistics", "InvalidParameterValue.LimitVerifyFail", hours(Limit=10)),
        ("SendStatusStatistics", "InvalidParameterValue.OffsetVerifyFail", hours(Offset=1)),
    ],
)
async def test_a_question_is_refused(call: Caller, action: str, code: str, given: dict[str, Any]) -> None:
    assert refused(await call(action, given=given)) == code


async def test_one_number_is_asked_for_twenty_times_a_second_at_most(stage: Stage) -> None:
    async with serving(make(stage, seconds=lambda: 100.0)) as sms:
        answers = [await Caller(sms)("PullSmsSendStatusByPhoneNumber", given=of_number()) for _ in range(21)]
        assert [set(response(answer)) for answer in answers[:20]] == [{"PullSmsSendStatusSet"}] * 20
        assert refused(answers[20]) == "RequestLimitExceeded"


async def test_the_counts_are_by_hours_of_shanghai(call: Caller, clock: Hand) -> None:
    await accept(call, TemplateId=LONG, TemplateParamSet=[])
    await call(given=send_sms(PHONE, OTHER, TemplateId=LONG, TemplateParamSet=[]))  # the first is too soon

    async def counts(**changes: Any) -> list[int]:
        found = response(await call("SendStatusStatistics", given=hours(**changes)))["SendStatusStatistics"]
        return [found["RequestCount"], found["RequestSuccessCount"], found["FeeCount"]]

    clock.forward(HOUR)
    await accept(call, OTHER)
    assert await counts() == [3, 2, 4]
    assert await counts(EndTime="2026112310") == [4, 3, 5]
    assert await counts(BeginTime="2026112310", EndTime="2026112310") == [1, 1, 1]


# The stand-in itself.


async def test_its_entrance_is_enough_for_a_client_that_knows_nothing_else(sms: TencentSmsSandbox, clock: Hand) -> None:
    clock.moment = datetime.fromisoformat("2026-11-23T03:00:00+08:00")  # a notice: taken at any hour
    entrance = sms.entrance()
    assert list(entrance) == [
        "endpoint", "secret_id", "secret_key", "sdk_app_id", "sign_name", "template_id", "template_params"
    ]  # fmt: skip
    given = send_sms(
        SmsSdkAppId=entrance["sdk_app_id"],
        SignName=entrance["sign_name"],
        TemplateId=entrance["template_id"],
        TemplateParamSet=entrance["template_params"],
    )
    assert codes(await Caller(sms)(given=given)) == ["Ok"]


async def test_both_sms_providers_keep_their_books_apart_in_one_ledger(
    call: Caller, sms: TencentSmsSandbox, stage: Stage
) -> None:
    row = await accept(call)
    words = {"text": TEXT, "template_code": "SMS_1", "sign": SIGN, "params": {}}
    other = stage.accept(ChannelName.SMS, OTHER, key="k", words=words, provider_id="a1")
    assert (sms.sent(row), sms.sent(other)) == (True, False)
    await accept(call, OTHER)  # the same words by the other provider are none of its business

"""The SMS provider: the official client gets through, every kind of wrong request gets the documented refusal."""

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
import signal
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import httpx
import pytest
from alibabacloud_dysmsapi20170525 import models
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.models import Config
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.aliyun_account import Frequency, SmsTemplate
from bot.sandbox.aliyun_signature import (
    canonical_request,
    read_pairs,
    rpc_string_to_sign,
    sign_rpc,
    sign_v3,
)
from bot.sandbox.aliyun_sms import FAULTS, AliyunSmsSandbox
from bot.sandbox.customers import Customers
from bot.sandbox.listening import Listener, Received
from bot.sandbox.sms_carrier import Quirks
from bot.sandbox.sms_customers import ReplyNotTaken, SmsCustomer
from bot.sandbox.stage import Accepted, Stage
from campaigns.errors import InputError
from campaigns.terms import ChannelName, Intent

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY_ID, SECRET = "LTAI-made-up", "a made-up secret"
SIGN, OTHER_SIGN = "云溪人才网", "云溪招聘"
UNREAD, PLAIN, PENDING = "SMS_100001", "SMS_100002", "SMS_100003"
PHONE, OTHER = "15483503031", "15483503032"
PARAMS = {"name": "张三", "count": "3"}
TEXT = "【云溪人才网】张三您好，有 3 份简历等您查看。"
TEMPLATES = {
    UNREAD: "${name}您好，有 ${count} 份简历等您查看。",
    PLAIN: "您好，云溪人才网的新功能上线了，欢迎登录查看。拒收请回复R",
    PENDING: SmsTemplate("${name}您好，活动开始了。", approved=False),
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


def make(stage: Stage, **changes: Any) -> AliyunSmsSandbox:
    wanted = {
        "access_key_id": KEY_ID,
        "access_key_secret": SECRET,
        "signs": [SIGN, OTHER_SIGN],
        "templates": TEMPLATES,
        "quirks": QUIET,
    }
    return AliyunSmsSandbox(stage, **(wanted | changes))


@pytest.fixture
async def sms(stage: Stage) -> AsyncIterator[AliyunSmsSandbox]:
    sandbox = make(stage)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


class Doors:
    """Our side of the pushes. `answers` are given one after the other, then always the right one."""

    def __init__(self) -> None:
        self.reports: list[list[dict[str, Any]]] = []
        self.replies: list[list[dict[str, Any]]] = []
        self.answers: list[Response] = []
        app = Starlette(
            routes=[Route("/reports", self._take, methods=["POST"]), Route("/replies", self._take, methods=["POST"])]
        )
        self._listener = Listener(app, "127.0.0.1", 0)

    async def start(self) -> None:
        port = await self._listener.start()
        self.base = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self._listener.stop()

    async def _take(self, request: Request) -> Response:
        assert request.headers["content-type"].startswith("application/json")
        taken = self.reports if request.url.path == "/reports" else self.replies
        taken.append(await request.json())
        return self.answers.pop(0) if self.answers else JSONResponse({"code": 0, "msg": "接收成功"})


@pytest.fixture
async def doors(sms: AliyunSmsSandbox) -> AsyncIterator[Doors]:
    found = Doors()
    await found.start()
    sms.connect(f"{found.base}/reports", f"{found.base}/replies")
    yield found
    await found.stop()


class Caller:
    """A hand-made client of the newer form, to send what the official one cannot."""

    def __init__(self, sms: AliyunSmsSandbox) -> None:
        self.sms = sms

    async def __call__(self, action: str = "SendSms", /, **changes: Any) -> httpx.Response:
        return await self.send(self.request(action, **changes))

    def request(
        self,
        action: str = "SendSms",
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        body: bytes = b"",
        method: str = "POST",
        path: str = "/",
        unsigned: tuple[str, ...] = (),
        secret: str = SECRET,
        key_id: str = KEY_ID,
    ) -> httpx.Request:
        """A header of None is left out; one of `unsigned` is sent but not signed."""
        query = urlencode(send_sms() if params is None else params, quote_via=quote)
        wanted: dict[str, str | None] = {
            "host": self.sms.endpoint,
            "x-acs-action": action,
            "x-acs-version": "2017-05-25",
            "x-acs-date": f"{self.sms.stage.now():%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": f"nonce-{next(numbers)}",
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            **({"content-type": "application/x-www-form-urlencoded"} if body else {}),
            **(headers or {}),
        }
        sent = {name: value for name, value in wanted.items() if value is not None}
        signed = sorted(set(sent) - set(unsigned))
        signature = sign_v3(secret, canonical_request(Received(method, path, query, sent, body), signed))
        if "authorization" not in sent:
            sent["authorization"] = (
                f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={';'.join(signed)},Signature={signature}"
            )
        url = f"http://{self.sms.endpoint}{path}?{query}"
        return httpx.Request(method, url, headers=sent, content=body)

    async def send(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
            return await client.send(request)


@pytest.fixture
def call(sms: AliyunSmsSandbox) -> Caller:
    return Caller(sms)


def send_sms(**changes: str | None) -> dict[str, str]:
    """A flawless SendSms; a parameter of None is left out."""
    wanted = {
        "PhoneNumbers": PHONE,
        "SignName": SIGN,
        "TemplateCode": UNREAD,
        "TemplateParam": json.dumps(PARAMS, ensure_ascii=False),
        "OutId": "k-1",
        **changes,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def batch(**changes: Any) -> dict[str, str]:
    """A flawless SendBatchSms; lists are written as JSON."""
    wanted = {
        "PhoneNumberJson": [PHONE, OTHER],
        "SignNameJson": [SIGN, SIGN],
        "TemplateCode": UNREAD,
        "TemplateParamJson": [PARAMS, PARAMS],
        **changes,
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in wanted.items()}


def query(**changes: str | None) -> dict[str, str]:
    wanted = {"PhoneNumber": PHONE, "SendDate": "20261123", "PageSize": "10", "CurrentPage": "1", **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def params(**values: object) -> dict[str, str]:
    return send_sms(TemplateParam=json.dumps(values))


def rows(sms: AliyunSmsSandbox) -> list[Accepted]:
    return sms.stage.ledger.rows(ChannelName.SMS)


async def accept(call: Caller, **changes: str | None) -> Accepted:
    answer = await call(params=send_sms(**changes))
    assert answer.json()["Code"] == "OK", answer.text
    return rows(call.sms)[-1]


# The official client, as it comes from its makers.


def official(sms: AliyunSmsSandbox, secret: str = SECRET, key_id: str = KEY_ID) -> Client:
    # It dates its requests by the machine's clock: so does the stage of these tests.
    sms.stage.now.moment = datetime.now(UTC)  # type: ignore[attr-defined]
    config = Config(access_key_id=key_id, access_key_secret=secret, endpoint=sms.endpoint, protocol="HTTP")
    return Client(config)


def send_request(**changes: Any) -> models.SendSmsRequest:
    wanted = {
        "phone_numbers": PHONE,
        "sign_name": SIGN,
        "template_code": UNREAD,
        "template_param": json.dumps(PARAMS),
        "out_id": "k-1",
    }
    return models.SendSmsRequest(**(wanted | changes))


async def test_the_official_client_sends_an_sms_and_it_stands_in_the_ledger(sms: AliyunSmsSandbox) -> None:
    answer = await asyncio.to_thread(official(sms).send_sms, send_request())
    assert answer.status_code == 200
    assert (answer.body.code, answer.body.message) == ("OK", "OK")
    [row] = rows(sms)
    assert (row.to, row.key, row.provider_id) == (PHONE, "k-1", answer.body.biz_id)
    assert row.words == {"text": TEXT, "template_code": UNREAD, "sign": SIGN, "params": PARAMS}


async def test_blanks_pluses_stars_and_tildes_of_the_official_client_arrive_as_they_are(sms: AliyunSmsSandbox) -> None:
    name = "a b+c*d~e%20/é 🙂"
    request = send_request(template_param=json.dumps({"name": name, "count": "3"}), out_id="k 1+*~")
    answer = await asyncio.to_thread(official(sms).send_sms, request)
    assert answer.body.code == "OK"
    assert rows(sms)[0].words["params"]["name"] == name
    assert rows(sms)[0].key == "k 1+*~"


async def test_the_official_client_sends_a_batch(sms: AliyunSmsSandbox) -> None:
    request = models.SendBatchSmsRequest(
        phone_number_json=json.dumps([PHONE, f"+86{OTHER}"]),
        sign_name_json=json.dumps([SIGN, OTHER_SIGN]),
        template_code=UNREAD,
        template_param_json=json.dumps([{"name": "a b", "count": "1"}, {"name": "c*~", "count": "2"}]),
        out_id="batch-1",
    )
    answer = await asyncio.to_thread(official(sms).send_batch_sms, request)
    assert answer.body.code == "OK"
    assert [(row.to, row.words["text"]) for row in rows(sms)] == [
        (PHONE, "【云溪人才网】a b您好，有 1 份简历等您查看。"),
        (OTHER, "【云溪招聘】c*~您好，有 2 份简历等您查看。"),
    ]
    assert {row.provider_id for row in rows(sms)} == {answer.body.biz_id}


async def test_the_official_client_asks_what_became_of_a_message(sms: AliyunSmsSandbox, clock: Hand) -> None:
    client = official(sms)
    sent = await asyncio.to_thread(client.send_sms, send_request())
    day = f"{clock.moment + timedelta(hours=8):%Y%m%d}"
    asked = models.QuerySendDetailsRequest(
        phone_number=PHONE, send_date=day, page_size=10, current_page=1, biz_id=sent.body.biz_id
    )
    before = (await asyncio.to_thread(client.query_send_details, asked)).body
    clock.forward(2 * MINUTE)
    after = (await asyncio.to_thread(client.query_send_details, asked)).body

    assert before.total_count == after.total_count == "1"
    [waiting], [done] = (body.sms_send_detail_dtos.sms_send_detail_dto for body in (before, after))
    assert (waiting.send_status, waiting.receive_date) == (1, None)
    assert (done.send_status, done.err_code, done.out_id, done.content) == (3, "DELIVERED", "k-1", TEXT)


async def test_a_business_refusal_reaches_the_official_client_as_an_answer(sms: AliyunSmsSandbox) -> None:
    answer = await asyncio.to_thread(official(sms).send_sms, send_request(phone_numbers="12345"))
    assert answer.status_code == 200
    assert (answer.body.code, answer.body.message) == ("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号")
    assert not rows(sms)


@pytest.mark.parametrize(
    ("key_id", "secret", "code"),
    [(KEY_ID, "another", "SignatureDoesNotMatch"), ("nobody", SECRET, "InvalidAccessKeyId.NotFound")],
)
async def test_wrong_credentials_are_an_error_to_the_official_client(
    sms: AliyunSmsSandbox, key_id: str, secret: str, code: str
) -> None:
    with pytest.raises(ClientException) as caught:
        await asyncio.to_thread(official(sms, secret, key_id).send_sms, send_request())
    assert caught.value.code == code
    assert not rows(sms)


async def test_faults_reach_the_official_client_as_its_own_errors(sms: AliyunSmsSandbox) -> None:
    client = official(sms)
    runtime = RuntimeOptions(read_timeout=300, connect_timeout=300, autoretry=False)
    sms.delay_seconds = 0.6
    sms.faults.order("unavailable", "reset_after", "delay")
    for error in (ServerException, UnretryableException, UnretryableException):
        with pytest.raises(error):
            await asyncio.to_thread(client.send_sms_with_options, send_request(), runtime)
    # A reset after the effect, and an answer that came too late: both were sent.
    await asyncio.sleep(sms.delay_seconds)
    assert len(rows(sms)) == 2


# The signature, against vectors that were made by others.

V3_VECTORS = {
    "official ECS": (
        "YourAccessKeySecret",
        {
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-version": "2014-05-26",
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        },
        "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
        b"",
        "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
    ),
    "SendSms": (
        "testsecret",
        {
            "host": "dysmsapi.aliyuncs.com",
            "x-acs-action": "SendSms",
            "x-acs-version": "2017-05-25",
            "x-acs-date": "2026-01-02T03:04:05Z",
            "x-acs-signature-nonce": "45e25e9b0a6f40708c852956eda1b466",
        },
        "OutId=task-1&PhoneNumbers=13800138000&SignName=%E5%8A%9B%E4%BC%97%E4%BA%BA%E6%89%8D%E7%BD%91"
        "&TemplateCode=SMS_153055065&TemplateParam=%7B%22name%22%3A%22%E5%BC%A0%E4%B8%89%22%2C%22n%22%3A%223%22%7D",
        b"",
        "bd26781260d6ce4a2d9d8d00c123cec7f2a2bb01c34e926a007fe86611879de3",
        "eb999836f251d807f4819f8acf4dc70d780cf00956bc2ee516b68f0c65596aa5",
    ),
    "SendBatchSms": (
        "testsecret",
        {
            "content-type": "application/x-www-form-urlencoded",
            "host": "dysmsapi.aliyuncs.com",
            "x-acs-action": "SendBatchSms",
            "x-acs-version": "2017-05-25",
            "x-acs-date": "2026-01-02T03:04:05Z",
            "x-acs-signature-nonce": "45e25e9b0a6f40708c852956eda1b466",
        },
        "TemplateCode=SMS_153055065",
        b"PhoneNumberJson=%5B%2213800138000%22%2C%2213800138001%22%5D&SignNameJson=%5B%22%E5%8A%9B%E4%BC%97%E4%BA%BA"
        b"%E6%89%8D%E7%BD%91%22%2C%22%E5%8A%9B%E4%BC%97%E4%BA%BA%E6%89%8D%E7%BD%91%22%5D&TemplateParamJson=%5B%7B%22"
        b"name%22%3A%22a+b%22%7D%2C%7B%22name%22%3A%22c%2A~%22%7D%5D",
        "4acada9a148ef599bd2aee68e13769274dffb536286b16a8cc11072931ada62d",
        "13313fd99d3ed8ff2555c1635b4741864c8158152e05d239811dbf34c668f980",
    ),
}


@pytest.mark.parametrize("name", V3_VECTORS)
def test_the_newer_signature_agrees_with_its_vectors(name: str) -> None:
    secret, headers, query, body, request_hash, signature = V3_VECTORS[name]
    headers = headers | {"x-acs-content-sha256": hashlib.sha256(body).hexdigest()}
    request = canonical_request(Received("POST", "/", query, headers, body), sorted(headers))
    assert hashlib.sha256(request.encode()).hexdigest() == request_hash
    assert sign_v3(secret, request) == signature


RPC_SMS = {
    "AccessKeyId": "testid",
    "Action": "SendSms",
    "Version": "2017-05-25",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
    "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
    "Timestamp": "2026-01-02T03:04:05Z",
    "Format": "JSON",
    "RegionId": "cn-hangzhou",
    "SignatureType": "",
    "PhoneNumbers": "13800138000",
    "SignName": "力众人才网",
    "TemplateCode": "SMS_153055065",
    "TemplateParam": '{"name":"张三","n":"3"}',
    "OutId": "task-1",
}
RPC_OFFICIAL_SMS = {
    "AccessKeyId": "testId",
    "Action": "SendSms",
    "Version": "2017-05-25",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
    "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
    "Timestamp": "2017-07-12T02:42:19Z",
    "Format": "XML",
    "RegionId": "cn-hangzhou",
    "PhoneNumbers": "15300000001",
    "SignName": "阿里云短信测试专用",
    "TemplateCode": "SMS_71390007",
    "TemplateParam": '{"customer":"test"}',
    "OutId": "123",
}
RPC_OFFICIAL_ECS = {
    "AccessKeyId": "testid",
    "Action": "DescribeRegions",
    "Version": "2014-05-26",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
    "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    "Timestamp": "2016-02-23T12:46:24Z",
    "Format": "XML",
}
WITHOUT_TYPE = {name: value for name, value in RPC_SMS.items() if name != "SignatureType"}


@pytest.mark.parametrize(
    ("method", "given", "secret", "signature"),
    [
        ("GET", RPC_OFFICIAL_ECS, "testsecret", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="),
        ("GET", RPC_OFFICIAL_SMS, "testSecret", "zJDF+Lrzhj/ThnlvIToysFRq6t4="),
        ("GET", RPC_SMS, "testsecret", "YJs1DJLhF1jQssVMwzFrDPCkM0I="),
        ("POST", RPC_SMS, "testsecret", "Vwindv74vOtFXSQazpmdsMUH7jA="),
        ("GET", WITHOUT_TYPE, "testsecret", "CYy9j0DChb0i75kltHvpMVdp58A="),
        ("POST", WITHOUT_TYPE, "testsecret", "6paNVq8BP538nUpYd5MCRaOTO3w="),
    ],
)
def test_the_older_signature_agrees_with_its_vectors(
    method: str, given: dict[str, str], secret: str, signature: str
) -> None:
    wire = urlencode(given | {"Signature": "whatever"})
    assert sign_rpc(secret, rpc_string_to_sign(method, read_pairs(wire))) == signature


# What the gateway refuses, whatever is asked.


def assert_gateway(answer: httpx.Response, sms: AliyunSmsSandbox, code: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["Code"]) == (status, code), answer.text
    assert set(answer.json()) == {"Code", "Message", "RequestId", "HostId", "Recommend"}
    assert answer.json()["HostId"] == sms.endpoint
    assert not rows(sms)


async def test_a_flawless_hand_made_request_is_accepted(call: Caller) -> None:
    assert (await accept(call)).words["text"] == TEXT
    assert (await accept(call, PhoneNumbers=OTHER)).to == OTHER


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("MissingAccessKeyId", {"headers": {"authorization": None, "x-acs-date": None}, "drop": True}),
        ("IncompleteSignature", {"headers": {"authorization": "Bearer abc"}}),
        ("IncompleteSignature", {"unsigned": ("host",)}),
        ("IncompleteSignature", {"unsigned": ("x-acs-date",)}),
        ("IncompleteSignature", {"unsigned": ("x-acs-action",)}),
        ("IncompleteSignature", {"unsigned": ("x-acs-version",)}),
        ("IncompleteSignature", {"unsigned": ("x-acs-signature-nonce",)}),
        ("IncompleteSignature", {"unsigned": ("x-acs-content-sha256",)}),
        ("IncompleteSignature", {"headers": {"x-acs-date": None}}),
        ("IncompleteSignature", {"headers": {"x-acs-extra": "1"}, "unsigned": ("x-acs-extra",)}),
        ("IncompleteSignature", {"body": b"TemplateCode=SMS_1", "unsigned": ("content-type",)}),
        ("SignatureDoesNotMatch", {"secret": "another"}),
        ("SignatureDoesNotMatch", {"headers": {"x-acs-content-sha256": "0" * 64}}),
        ("InvalidAccessKeyId.NotFound", {"key_id": "nobody"}),
        ("InvalidTimeStamp.Format", {"headers": {"x-acs-date": "2026-11-23 01:00:00"}}),
        ("InvalidTimeStamp.Format", {"headers": {"x-acs-date": "2026-1-23T01:00:00Z"}}),
        ("InvalidTimeStamp.Expired", {"headers": {"x-acs-date": "2026-11-23T00:44:59Z"}}),
        ("InvalidTimeStamp.Expired", {"headers": {"x-acs-date": "2026-11-23T01:15:01Z"}}),
        ("InvalidAction.NotFound", {"action": "SendFax"}),
        ("InvalidAction.NotFound", {"path": "/sms"}),
        ("InvalidVersion", {"headers": {"x-acs-version": "2018-05-01"}}),
        ("UnsupportedHTTPMethod", {"method": "PUT"}),
        ("MissingPhoneNumbers", {"params": send_sms(PhoneNumbers=None)}),
        ("MissingSignName", {"params": send_sms(SignName="")}),
        ("MissingTemplateCode", {"params": send_sms(TemplateCode=None)}),
        ("InvalidParameter", {"params": send_sms(Priority="1")}),
        ("InvalidParameter", {"body": b"OutId=again"}),
        ("InvalidParameter", {"body": b"{}", "headers": {"content-type": "application/json"}}),
        ("InvalidParameter", {"body": b"OutId2=%ff"}),
    ],
)
async def test_the_gateway_refuses(call: Caller, sms: AliyunSmsSandbox, code: str, changes: dict[str, Any]) -> None:
    changes = dict(changes)
    drop = changes.pop("drop", False)
    request = call.request(changes.pop("action", "SendSms"), **changes)
    if drop:
        del request.headers["authorization"]
        # Nobody says who is calling: such a request is read as the older form, whose answers are XML.
        assert f"<Code>{code}</Code>" in (await call.send(request)).text
        return
    status = 404 if code in ("InvalidAction.NotFound", "InvalidAccessKeyId.NotFound") else 400
    assert_gateway(await call.send(request), sms, code, status)


@pytest.mark.parametrize("moved", [timedelta(minutes=15), timedelta(minutes=-15)])
async def test_fifteen_minutes_of_skew_are_allowed(call: Caller, clock: Hand, moved: timedelta) -> None:
    request = call.request()
    clock.forward(moved)
    assert (await call.send(request)).json()["Code"] == "OK"


async def test_a_nonce_is_good_for_one_request(call: Caller, sms: AliyunSmsSandbox) -> None:
    request = call.request(headers={"x-acs-signature-nonce": "once"})
    assert (await call.send(request)).json()["Code"] == "OK"
    again = await call.send(request)
    assert (again.status_code, again.json()["Code"]) == (400, "SignatureNonceUsed")
    assert len(rows(sms)) == 1


async def test_a_nonce_stays_used_as_long_as_its_date_is_accepted(call: Caller, clock: Hand) -> None:
    request = call.request(headers={"x-acs-date": "2026-11-23T01:15:00Z"})
    assert (await call.send(request)).json()["Code"] == "OK"
    clock.forward(timedelta(minutes=30))
    assert (await call.send(request)).json()["Code"] == "SignatureNonceUsed"


async def test_a_parameter_changed_on_the_way_breaks_the_signature(call: Caller, sms: AliyunSmsSandbox) -> None:
    request = call.request()
    request.url = httpx.URL(str(request.url).replace(PHONE, OTHER))
    assert_gateway(await call.send(request), sms, "SignatureDoesNotMatch")


async def test_a_body_changed_on_the_way_is_seen(call: Caller, sms: AliyunSmsSandbox) -> None:
    given = send_sms()
    request = call.request(params={}, body=urlencode(given).encode())
    changed = urlencode(given | {"PhoneNumbers": OTHER}).encode()
    forged = httpx.Request("POST", request.url, headers=request.headers, content=changed)
    assert_gateway(await call.send(forged), sms, "SignatureDoesNotMatch")


async def test_parameters_may_come_as_a_form(call: Caller, sms: AliyunSmsSandbox) -> None:
    answer = await call(params={}, body=urlencode(send_sms()).encode())
    assert answer.json()["Code"] == "OK"
    assert rows(sms)[0].words["text"] == TEXT


# The older form, as older clients still send it.


def rpc(sms: AliyunSmsSandbox, method: str = "GET", secret: str = SECRET, **changes: str | None) -> httpx.Request:
    wanted = {
        **send_sms(),
        "AccessKeyId": KEY_ID,
        "Action": "SendSms",
        "Version": "2017-05-25",
        "Format": "JSON",
        "RegionId": "cn-hangzhou",
        "SignatureType": "",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": f"nonce-{next(numbers)}",
        "Timestamp": f"{sms.stage.now():%Y-%m-%dT%H:%M:%SZ}",
        **changes,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    given.setdefault("Signature", sign_rpc(secret, rpc_string_to_sign(method, list(given.items()))))
    return httpx.Request(method, f"http://{sms.endpoint}/?{urlencode(given)}")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_older_form_gets_through_too(call: Caller, sms: AliyunSmsSandbox, method: str) -> None:
    answer = await call.send(rpc(sms, method))
    assert answer.json()["Code"] == "OK"
    assert rows(sms)[0].words["text"] == TEXT


async def test_the_older_form_is_answered_in_xml_unless_it_asks_for_json(call: Caller, sms: AliyunSmsSandbox) -> None:
    answer = ElementTree.fromstring((await call.send(rpc(sms, Format=None))).content)
    assert (answer.tag, answer.findtext("Code")) == ("SendSmsResponse", "OK")
    asked = dict.fromkeys(send_sms()) | query(PhoneNumber=PHONE) | {"Action": "QuerySendDetails"}
    found = ElementTree.fromstring((await call.send(rpc(sms, **asked, Format="XML"))).content)
    assert found.findtext("SmsSendDetailDTOs/SmsSendDetailDTO/Content") == TEXT
    refused = ElementTree.fromstring((await call.send(rpc(sms, secret="another", Format=None))).content)
    assert (refused.tag, refused.findtext("Code")) == ("Error", "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("MissingAccessKeyId", {"AccessKeyId": None}),
        ("MissingTimestamp", {"Timestamp": None}),
        ("MissingSignatureNonce", {"SignatureNonce": None}),
        ("MissingVersion", {"Version": None}),
        ("MissingSignature", {"Signature": ""}),
        ("IncompleteSignature", {"SignatureMethod": "HMAC-MD5"}),
        ("InvalidAccessKeyId.NotFound", {"AccessKeyId": "nobody"}),
        ("InvalidTimeStamp.Expired", {"Timestamp": "2026-11-23T00:28:59Z"}),
        ("SignatureDoesNotMatch", {"Signature": base64.b64encode(b"x" * 20).decode()}),
        ("InvalidAction.NotFound", {"Action": "SendFax"}),
        ("InvalidVersion", {"Version": "2016-01-01"}),
        ("InvalidParameter", {"Priority": "1"}),
    ],
)
async def test_the_gateway_refuses_of_the_older_form(
    call: Caller, sms: AliyunSmsSandbox, code: str, changes: dict[str, str | None]
) -> None:
    status = 404 if code in ("InvalidAction.NotFound", "InvalidAccessKeyId.NotFound") else 400
    assert_gateway(await call.send(rpc(sms, **changes)), sms, code, status)


async def test_the_older_form_allows_half_an_hour_and_each_nonce_once(
    call: Caller, sms: AliyunSmsSandbox, clock: Hand
) -> None:
    request = rpc(sms)
    clock.forward(timedelta(minutes=31))
    assert (await call.send(request)).json()["Code"] == "OK"
    assert (await call.send(request)).json()["Code"] == "SignatureNonceUsed"


async def test_the_older_form_is_told_what_was_signed_here(call: Caller, sms: AliyunSmsSandbox) -> None:
    answer = await call.send(rpc(sms, secret="another"))
    assert "server string to sign is:GET&%2F&AccessKeyId%3D" in answer.json()["Message"]


# What the business refuses: HTTP 200 and another Code.


def assert_refused(answer: httpx.Response, code: str, message: str = "") -> None:
    assert (answer.status_code, answer.json()["Code"]) == (200, code), answer.text
    assert set(answer.json()) == {"Code", "Message", "RequestId"}
    assert message in answer.json()["Message"]


@pytest.mark.parametrize("written", [PHONE, f"+86{PHONE}", f"0086{PHONE}", f"86{PHONE}"])
async def test_a_number_is_taken_in_each_of_its_four_forms(call: Caller, written: str) -> None:
    assert (await accept(call, PhoneNumbers=written)).to == PHONE


async def test_any_well_formed_mobile_is_taken(call: Caller, sms: AliyunSmsSandbox) -> None:
    anybody = ",".join(f"1{second}{serial:09d}" for second in range(3, 10) for serial in (0, 999999999))
    assert (await call(params=send_sms(PhoneNumbers=anybody))).json()["Code"] == "OK"
    assert len(rows(sms)) == 14


@pytest.mark.parametrize(
    ("code", "message", "given"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号", send_sms(PhoneNumbers="1548350303")),
        ("isv.MOBILE_NUMBER_ILLEGAL", "", send_sms(PhoneNumbers="12483503031")),
        ("isv.MOBILE_NUMBER_ILLEGAL", "", send_sms(PhoneNumbers=f"+85{PHONE}")),
        ("isv.MOBILE_NUMBER_ILLEGAL", "", send_sms(PhoneNumbers=f"{PHONE},")),
        ("isv.MOBILE_NUMBER_ILLEGAL", "", send_sms(PhoneNumbers="１５４８３５０３０３１")),
        ("isv.MOBILE_COUNT_OVER_LIMIT", "", send_sms(PhoneNumbers=",".join([PHONE] * 1001))),
        ("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名", send_sms(SignName="别家人才网")),
        ("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板", send_sms(TemplateCode="SMS_999")),
        ("isv.SMS_TEMPLATE_ILLEGAL", "", send_sms(TemplateCode=PENDING, TemplateParam='{"name":"张三"}')),
        ("isv.TEMPLATE_MISSING_PARAMETERS", "模板缺少变量", params(name="张三")),
        ("isv.TEMPLATE_MISSING_PARAMETERS", "", params(name="张三", count=" ")),
        ("isv.TEMPLATE_MISSING_PARAMETERS", "", send_sms(TemplateParam=None)),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name="张三", count="3", city="杭州")),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name="【别家】张三", count="3")),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name="张三\n", count="3")),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name="\ud83d", count="3")),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name="${count}", count="3")),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name="请加微信", count="3")),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", "", params(name=f"电话{OTHER}", count="3")),
        ("isv.PARAM_LENGTH_LIMIT", "参数超出长度限制", params(name="长" * 36, count="3")),
        ("isv.PARAM_NOT_SUPPORT_URL", "不支持URL", params(name="https://site.example/a", count="3")),
        ("isv.PARAM_NOT_SUPPORT_URL", "", params(name="看 www.site", count="3")),
        ("isv.PARAM_NOT_SUPPORT_URL", "", params(name="site.example/a", count="3")),
        ("isv.PARAM_NOT_SUPPORT_URL", "", params(name="看Site.COM吧", count="3")),
        ("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值", params(name="张三", count=3)),
        ("isv.INVALID_JSON_PARAM", "", params(name="张三", count=None)),
        ("isv.INVALID_JSON_PARAM", "", send_sms(TemplateParam="name=张三")),
        ("isv.INVALID_JSON_PARAM", "", send_sms(TemplateParam='["张三"]')),
        ("isv.INVALID_JSON_PARAM", "", send_sms(TemplateParam="[" * 3000)),
        ("isv.INVALID_PARAMETERS", "参数异常", send_sms(OutId="k" * 256)),
        ("isv.EXTEND_CODE_ERROR", "", send_sms(SmsUpExtendCode="abc")),
    ],
)
async def test_an_sms_is_refused(
    call: Caller, sms: AliyunSmsSandbox, code: str, message: str, given: dict[str, str]
) -> None:
    assert_refused(await call(params=given), code, message)
    assert not rows(sms)
    assert sms.account.balance == 1_000_000


async def test_a_value_of_thirty_five_characters_and_an_out_id_of_255_still_pass(call: Caller) -> None:
    row = await accept(
        call, TemplateParam=json.dumps({"name": "长" * 35, "count": "3"}), OutId="k" * 255, SmsUpExtendCode="12"
    )
    assert row.key == "k" * 255


async def test_a_template_without_variables_takes_none(call: Caller, sms: AliyunSmsSandbox) -> None:
    row = await accept(call, TemplateCode=PLAIN, TemplateParam=None)
    assert row.words["params"] == {}
    assert_refused(await call(params=send_sms(TemplateCode=PLAIN)), "isv.TEMPLATE_PARAMS_ILLEGAL")
    assert len(rows(sms)) == 1


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("isv.INVALID_JSON_PARAM", batch(PhoneNumberJson=PHONE)),
        ("isv.INVALID_JSON_PARAM", batch(PhoneNumberJson=[15483503031, 15483503032])),
        ("isv.INVALID_JSON_PARAM", batch(TemplateParamJson=json.dumps(PARAMS))),
        ("isv.INVALID_JSON_PARAM", batch(TemplateParamJson=[json.dumps(PARAMS), json.dumps(PARAMS)])),
        ("isv.INVALID_PARAMETERS", batch(SignNameJson=[SIGN])),
        ("isv.INVALID_PARAMETERS", batch(TemplateParamJson=[PARAMS])),
        ("isv.INVALID_PARAMETERS", batch(SmsUpExtendCodeJson=["1"])),
        ("isv.INVALID_PARAMETERS", batch(PhoneNumberJson=[], SignNameJson=[], TemplateParamJson=[])),
        ("isv.MOBILE_COUNT_OVER_LIMIT", batch(PhoneNumberJson=[PHONE] * 101, SignNameJson=[SIGN] * 101)),
        ("isv.MOBILE_NUMBER_ILLEGAL", batch(PhoneNumberJson=[PHONE, "110"])),
        ("isv.SMS_SIGNATURE_ILLEGAL", batch(SignNameJson=[SIGN, "别家"])),
        ("isv.TEMPLATE_MISSING_PARAMETERS", batch(TemplateParamJson=[PARAMS, {"name": "李四"}])),
    ],
)
async def test_a_batch_is_refused_as_a_whole(
    call: Caller, sms: AliyunSmsSandbox, code: str, given: dict[str, str]
) -> None:
    assert_refused(await call("SendBatchSms", params=given), code)
    assert not rows(sms)


async def test_a_signature_under_review_cannot_be_used(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.set_sign(SIGN, approved=False)
    assert_refused(await call(), "isv.SIGN_STATE_ILLEGAL", "签名状态不可用")


async def test_a_template_can_be_used_once_it_is_approved(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.set_template(PENDING, "${name}您好，活动开始了。")
    row = await accept(call, TemplateCode=PENDING, TemplateParam='{"name":"张三"}')
    assert row.words["text"] == "【云溪人才网】张三您好，活动开始了。"


@pytest.mark.parametrize(
    "text", ["", "【云溪】您好", "${a}${b}您好", "${a} ${b}您好", "${all}", "您好${公司}", "您好${name"]
)
def test_a_template_that_no_reviewer_would_pass_is_sent_back(stage: Stage, text: str) -> None:
    with pytest.raises(InputError, match="SMS_9"):
        make(stage, templates={"SMS_9": text})


async def test_fifty_a_day_may_go_to_one_number_and_then_no_more(
    call: Caller, sms: AliyunSmsSandbox, clock: Hand
) -> None:
    for _ in range(49):
        await accept(call)
        clock.forward(MINUTE)
    too_many = send_sms(PhoneNumbers=f"{PHONE},{PHONE}")
    assert_refused(await call(params=too_many), "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50")
    await accept(call)
    assert_refused(await call(), "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50")
    await accept(call, PhoneNumbers=OTHER)
    await accept(call, SignName=OTHER_SIGN)
    await accept(call, TemplateCode=PLAIN, TemplateParam=None)
    # The window rolls: the first of them is a day old now, the second is not.
    clock.forward(timedelta(hours=24) - 49 * MINUTE)
    await accept(call)
    assert_refused(await call(), "isv.BUSINESS_LIMIT_CONTROL")


async def test_a_refusal_of_frequency_names_its_window(stage: Stage, clock: Hand) -> None:
    limits = [Frequency(1, MINUTE, "分钟级"), Frequency(2, 60 * MINUTE, "小时级")]
    async with serving(make(stage, frequencies=limits)) as sms:
        call = Caller(sms)
        await accept(call)
        assert_refused(await call(), "isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1")
        clock.forward(MINUTE)
        await accept(call)
        clock.forward(MINUTE)
        assert_refused(await call(), "isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:2")


async def test_the_frequency_outlives_a_restart(clock: Hand, tmp_path: Path) -> None:
    limits = [Frequency(1, timedelta(hours=24), "天级")]
    ids = []
    for number in (PHONE, OTHER):
        stage = Stage(clock, seed=1, ledger_path=tmp_path / "ledger.jsonl")
        async with serving(make(stage, frequencies=limits)) as sms:
            ids.append((await accept(Caller(sms), PhoneNumbers=number)).provider_id)
            assert_refused(await Caller(sms)(), "isv.BUSINESS_LIMIT_CONTROL")
        await stage.stop()
    assert ids[0] != ids[1]


async def test_segments_are_paid_for_and_an_empty_purse_sends_nothing(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.set_template("SMS_LONG", "长" * 63 + "尾")
    sms.account.balance = 2
    await accept(call, TemplateCode="SMS_LONG", TemplateParam=None)  # 7 of signature and 64: one over 70
    assert sms.account.balance == 0
    assert_refused(await call(), "isv.AMOUNT_NOT_ENOUGH", "账户余额不足")
    sms.top_up(1)
    await accept(call)
    assert sms.account.balance == 0


async def test_the_account_has_limits_for_a_day_and_a_month_of_shanghai(
    call: Caller, sms: AliyunSmsSandbox, clock: Hand
) -> None:
    sms.account.day_limit, sms.account.month_limit = 2, 3
    both = send_sms(PhoneNumbers=f"{PHONE},{OTHER}")
    assert (await call(params=both)).json()["Code"] == "OK"
    assert_refused(await call(), "isv.DAY_LIMIT_CONTROL", "触发日发送限额")
    clock.moment = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight
    assert_refused(await call(params=both), "isv.MONTH_LIMIT_CONTROL", "触发月发送限额")
    await accept(call)
    clock.moment = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
    await accept(call)


async def test_a_key_without_the_right_is_refused(stage: Stage) -> None:
    async with serving(make(stage, rights=["SendSms"])) as sms:
        await accept(Caller(sms))
        answer = await Caller(sms)("QuerySendDetails", params=query())
        assert_refused(answer, "isp.RAM_PERMISSION_DENY", "RAM权限DENY")


async def test_the_account_can_be_in_any_kind_of_trouble(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.refuse_all_with("isv.OUT_OF_SERVICE")
    assert_refused(await call(), "isv.OUT_OF_SERVICE", "业务停机")
    sms.refuse_all_with("isv.BUSINESS_LIMIT_CONTROL")
    assert_refused(await call(), "isv.BUSINESS_LIMIT_CONTROL", "流控")
    sms.refuse_all_with("")
    await accept(call)
    with pytest.raises(InputError, match="no code"):
        sms.refuse_all_with("isv.NONSENSE")


async def test_too_many_requests_a_second_are_throttled(stage: Stage) -> None:
    seconds = [100.0]
    async with serving(make(stage, qps=2, seconds=lambda: seconds[0])) as sms:
        call = Caller(sms)
        await accept(call)
        await accept(call)
        answer = await call()
        assert (answer.status_code, answer.json()["Code"]) == (400, "Throttling.User")
        seconds[0] += 1
        await accept(call)


# Asking what became of it.


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", query(PhoneNumber="110")),
        ("isv.INVALID_PARAMETERS", query(SendDate="2026-11-23")),
        ("isv.INVALID_PARAMETERS", query(PageSize="51")),
        ("isv.INVALID_PARAMETERS", query(PageSize="ten")),
        ("isv.INVALID_PARAMETERS", query(CurrentPage="0")),
    ],
)
async def test_a_question_is_refused(call: Caller, code: str, given: dict[str, str]) -> None:
    assert_refused(await call("QuerySendDetails", params=given), code)


async def test_a_question_without_its_date_is_the_gateways_to_refuse(call: Caller, sms: AliyunSmsSandbox) -> None:
    assert_gateway(await call("QuerySendDetails", params=query(SendDate=None)), sms, "MissingSendDate")


async def test_details_are_of_one_number_one_day_of_beijing_and_come_in_pages(call: Caller, clock: Hand) -> None:
    clock.moment = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)
    for number in range(3):
        await accept(call, OutId=f"k-{number}")
    await accept(call, PhoneNumbers=OTHER)
    clock.forward(MINUTE)
    last = await accept(call, OutId="tomorrow")

    async def found(**changes: str) -> tuple[str, list[str]]:
        body = (await call("QuerySendDetails", params=query(**changes))).json()
        return body["TotalCount"], [row["OutId"] for row in body["SmsSendDetailDTOs"]["SmsSendDetailDTO"]]

    assert await found() == ("3", ["k-2", "k-1", "k-0"])
    assert await found(PageSize="2", CurrentPage="2") == ("3", ["k-0"])
    assert await found(SendDate="20261124") == ("1", ["tomorrow"])
    assert await found(BizId=last.provider_id) == ("0", [])


# Faults.


@contextlib.asynccontextmanager
async def serving(sandbox: AliyunSmsSandbox) -> AsyncIterator[AliyunSmsSandbox]:
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.mark.parametrize(
    ("fault", "kept"),
    [("reset_before", 0), ("reset_after", 1), ("truncate", 1)],
)
async def test_a_connection_breaks_before_or_after_the_effect(
    call: Caller, sms: AliyunSmsSandbox, fault: str, kept: int
) -> None:
    sms.faults.order(fault)
    with pytest.raises(httpx.TransportError):
        await call()
    assert len(rows(sms)) == kept
    await accept(call)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("throttled", 400, "Throttling.User"),
        ("unavailable", 503, "ServiceUnavailable"),
        ("system_error", 200, "isp.SYSTEM_ERROR"),
    ],
)
async def test_a_passing_trouble_has_its_code_and_no_effect(
    call: Caller, sms: AliyunSmsSandbox, fault: str, status: int, code: str
) -> None:
    sms.faults.order(fault)
    answer = await call()
    assert (answer.status_code, answer.json()["Code"]) == (status, code)
    assert not rows(sms)
    await accept(call)


async def test_a_gateway_that_is_down_answers_html(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.faults.order("bad_gateway")
    answer = await call()
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert not rows(sms)


async def test_a_late_answer_is_late_and_right(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.delay_seconds = 0.2
    sms.faults.order("delay")
    began = asyncio.get_running_loop().time()
    await accept(call)
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_a_slow_body_comes_in_halves_and_is_right(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.delay_seconds = 0.2
    sms.faults.order("slow_body")
    began = asyncio.get_running_loop().time()
    await accept(call)
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_an_answer_can_come_twice_on_the_same_connection(call: Caller, sms: AliyunSmsSandbox) -> None:
    sms.faults.order("twice")
    request = call.request()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    host, _, port = sms.endpoint.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /?{request.url.query.decode()} HTTP/1.1\r\n{head}\r\n".encode())
    whole = await reader.readuntil(b'"RequestId": ')
    assert whole.endswith(b'"RequestId": ')
    rest = await reader.readuntil(b'"RequestId": ')
    writer.close()
    assert rest.count(b"HTTP/1.1 200 OK") == 1
    assert len(rows(sms)) == 1


async def test_a_forgotten_message_is_acknowledged_and_lost(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    sms.faults.order("forget")
    assert (await call()).json()["Code"] == "OK"
    clock.forward(2 * MINUTE)
    await sms.stage.timetable.run_due()
    assert not rows(sms)
    assert not doors.reports


async def test_faults_are_off_until_they_are_asked_for(call: Caller, sms: AliyunSmsSandbox) -> None:
    for number in range(40):
        await accept(call, OutId=f"k-{number}")
    sms.faults.shares(unavailable=1.0)
    assert (await call()).status_code == 503
    with pytest.raises(ValueError, match="unknown fault"):
        sms.faults.order("earthquake")
    assert len(FAULTS) == 12


# Receipts.


async def run_for(sms: AliyunSmsSandbox, clock: Hand, time: timedelta) -> None:
    """Let the stage's time pass, stopping at everything that is due on the way."""
    end = clock.moment + time
    while (due := sms.stage.timetable.next_at()) is not None and due <= end:
        clock.moment = max(clock.moment, due)
        await sms.stage.timetable.run_due()
    clock.moment = end
    assert sms.stage.timetable.failures == []


async def test_a_receipt_comes_within_a_minute_of_the_stages_time(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    row = await accept(call)
    await run_for(sms, clock, timedelta(seconds=1))
    assert not doors.reports
    await run_for(sms, clock, MINUTE)
    [[report]] = doors.reports
    newer = {"sign_name": SIGN, "template_code": UNREAD}
    assert {name: value for name, value in report.items() if name not in newer} == {
        "phone_number": PHONE,
        "send_time": "2026-11-23 09:00:00",
        "report_time": f"{sms.fate_of(row).at + timedelta(hours=8):%Y-%m-%d %H:%M:%S}",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": row.provider_id,
        "out_id": "k-1",
    }
    assert {name: value for name, value in report.items() if name in newer} in ({}, newer)


async def test_after_a_jump_of_the_clock_receipts_come_in_batches_of_any_size_and_out_of_order(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    everybody = [f"154{number:08d}" for number in range(250)]
    await accept(call, PhoneNumbers=",".join(everybody))
    clock.forward(timedelta(hours=1))
    await sms.stage.timetable.run_due()
    sizes = [len(items) for items in doors.reports]
    assert sum(sizes) == 250
    assert all(1 <= size <= 500 for size in sizes)
    told = [item["phone_number"] for items in doors.reports for item in items]
    assert sorted(told) == everybody
    assert told != everybody
    dated = [item["report_time"] for items in doors.reports for item in items]
    assert dated != sorted(dated)


@pytest.mark.parametrize(
    "wrong",
    [
        Response(status_code=500),
        JSONResponse({"code": 1, "msg": "no"}),
        JSONResponse({"code": "0"}),
        JSONResponse({"code": False}),
        JSONResponse({"code": 0}, status_code=202),
        JSONResponse([0]),
        Response("ok"),
    ],
    ids=["500", "code 1", "code as text", "code false", "202", "array", "no JSON"],
)
async def test_a_receipt_not_taken_comes_again_after_one_five_and_ten_minutes(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand, wrong: Response
) -> None:
    row = await accept(call)
    clock.moment = sms.fate_of(row).at
    doors.answers = [wrong] * 3
    moments = []
    for minutes in (0, 1, 5, 10):
        clock.forward(minutes * MINUTE - timedelta(seconds=1 if minutes else 0))
        await sms.stage.timetable.run_due()
        clock.forward(timedelta(seconds=1 if minutes else 0))
        await sms.stage.timetable.run_due()
        moments.append(len(doors.reports))
    assert moments == [1, 2, 3, 4]
    assert doors.reports.count(doors.reports[0]) == 4
    assert len(sms.stage.timetable) == 0
    assert not sms.carrier.reports.lost


async def test_a_push_not_taken_four_times_is_lost_and_said_so(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    await accept(call)
    doors.answers = [Response(status_code=500) for _ in range(9)]
    await run_for(sms, clock, timedelta(days=1))
    assert len(doors.reports) == 4
    assert len(sms.carrier.reports.lost) == 1


async def test_a_door_that_is_not_there_is_tried_again_too(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    there = sms.carrier.reports.url
    sms.carrier.reports.url = "http://127.0.0.1:9/reports"
    await accept(call)
    await run_for(sms, clock, MINUTE)
    sms.carrier.reports.url = there
    await run_for(sms, clock, 2 * MINUTE)
    assert len(doors.reports) == 1


async def test_a_receipt_can_come_before_the_answer(call: Caller, sms: AliyunSmsSandbox, doors: Doors) -> None:
    sms.faults.order("receipt_first")
    answer = await call()
    [[report]] = doors.reports
    assert report["biz_id"] == answer.json()["BizId"]
    assert len(sms.stage.timetable) == 0


async def test_some_receipts_come_two_or_three_times(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    sms.carrier.quirks = Quirks(empty_share=0, failure_share=0, duplicate_share=1.0)
    times = set()
    for number in range(12):
        doors.reports.clear()
        await accept(call, OutId=f"k-{number}")
        await run_for(sms, clock, timedelta(minutes=7))
        assert all(items == doors.reports[0] for items in doors.reports)
        times.add(len(doors.reports))
    assert times == {2, 3}


async def test_carriers_fail_for_a_seeded_share_and_a_number_nobody_has_stays_so(
    sms: AliyunSmsSandbox, clock: Hand
) -> None:
    sms.carrier.quirks = Quirks(empty_share=0.05, failure_share=0.1)
    sent = [Accepted(ChannelName.SMS, f"154{n % 1000:08d}", "k", START, {}, f"b-{n}") for n in range(4000)]
    codes = Counter(sms.fate_of(row).code for row in sent)
    assert 0.8 < codes["DELIVERED"] / 4000 < 0.9
    assert codes["MK:0001"] > 100
    assert codes["MK:0010"] > 50
    assert [sms.fate_of(row) for row in sent] == [
        make(Stage(clock, seed=1), quirks=sms.carrier.quirks).fate_of(r) for r in sent
    ]
    assert all(timedelta(seconds=2) <= sms.fate_of(row).at - START <= MINUTE for row in sent)
    nobody = {row.to for row in sent if sms.fate_of(row).code == "MK:0001"}
    assert {sms.fate_of(row).code for row in sent if row.to in nobody} == {"MK:0001"}


async def test_numbers_the_stage_calls_unknown_or_full_fail_at_the_carrier(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    sms.stage.unknown.add(PHONE)
    sms.stage.full.add(OTHER)
    await accept(call, PhoneNumbers=f"{PHONE},{OTHER}")
    clock.forward(2 * MINUTE)
    await sms.stage.timetable.run_due()
    assert not any(sms.stage.reached(row) for row in sms.stage.ledger)
    told = {item["phone_number"]: item for items in doors.reports for item in items}
    assert (told[PHONE]["success"], told[PHONE]["err_code"], told[PHONE]["err_msg"]) == (False, "MK:0001", "空号")
    assert told[OTHER]["success"] is False
    assert told[OTHER]["err_code"] != "MK:0001"
    failed = (await call("QuerySendDetails", params=query())).json()["SmsSendDetailDTOs"]["SmsSendDetailDTO"][0]
    assert (failed["SendStatus"], failed["ErrCode"]) == (2, "MK:0001")


async def test_receipts_can_come_weeks_late_or_about_a_message_that_nobody_sent(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    surely = {"empty_share": 0.0, "failure_share": 0.0, "duplicate_share": 0.0}
    sms.carrier.quirks = Quirks(**surely, late_share=1.0, unknown_share=1.0)
    row = await accept(call)
    await run_for(sms, clock, MINUTE)
    assert not doors.reports
    await run_for(sms, clock, timedelta(days=22))
    [[mine, strange]] = doors.reports
    assert mine["biz_id"] == row.provider_id
    assert strange["biz_id"] != row.provider_id
    assert strange.get("out_id", "") == ""


async def test_keys_that_newer_pushes_hold_are_absent_from_the_others(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    everybody = ",".join(f"154{number:08d}" for number in range(60))
    assert (await call(params=send_sms(PhoneNumbers=everybody, OutId=None))).json()["Code"] == "OK"
    await run_for(sms, clock, MINUTE)
    items = [item for items in doors.reports for item in items]
    for key in ("sign_name", "template_code", "out_id"):
        assert {key in item for item in items} == {True, False}


async def test_a_receipt_can_fail_to_come(call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand) -> None:
    sms.carrier.quirks = Quirks(missing_share=1.0)
    await accept(call)
    await run_for(sms, clock, timedelta(days=30))
    assert not doors.reports


async def test_with_no_door_the_provider_keeps_its_receipts(call: Caller, sms: AliyunSmsSandbox, clock: Hand) -> None:
    await accept(call)
    await run_for(sms, clock, timedelta(days=1))
    assert not sms.carrier.reports.lost
    assert await sms.say(PHONE, "好的")


# The customer's phone.


async def test_a_customers_words_are_pushed_to_our_door(call: Caller, sms: AliyunSmsSandbox, doors: Doors) -> None:
    await accept(call, SmsUpExtendCode="77")
    assert await sms.say(PHONE, "好的 谢谢🙏")
    [[reply]] = doors.replies
    reply.pop("sign_name", None)
    assert str(reply.pop("sequence_id")).isdecimal()
    assert reply == {
        "phone_number": PHONE,
        "send_time": "2026-11-23 09:00:00",
        "content": "好的 谢谢🙏",
        "dest_code": "1069081177",
    }


async def test_the_id_of_a_reply_is_a_number_or_a_string_and_never_twice_the_same(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors
) -> None:
    await accept(call)
    for _ in range(40):
        await sms.say(PHONE, "好的")
    ids = [items[0]["sequence_id"] for items in doors.replies]
    assert {type(one) for one in ids} == {int, str}
    assert len({str(one) for one in ids}) == 40
    assert {"sign_name" in items[0] for items in doors.replies} == {True, False}


async def test_a_reply_can_come_twice_with_its_id_as_number_and_as_string(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    sms.carrier.quirks = Quirks(reply_duplicate_share=1.0)
    await sms.say(PHONE, "好的")
    await run_for(sms, clock, timedelta(minutes=6))
    [first], [second] = doors.replies
    assert {type(first["sequence_id"]), type(second["sequence_id"])} == {int, str}
    assert str(first["sequence_id"]) == str(second["sequence_id"])


async def test_a_reply_not_taken_is_pushed_again_by_the_provider(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    await accept(call)
    doors.answers = [Response(status_code=500)]
    assert not await sms.say(PHONE, "好的")
    await run_for(sms, clock, 2 * MINUTE)
    assert len(doors.replies) == 2
    assert doors.replies[0] == doors.replies[1]


@pytest.mark.parametrize("word", ["R", "r", "T", "TD", "td。", "退订", " 退 订 ", "ＴＤ"])
async def test_a_word_of_refusal_closes_that_signature_for_that_number(
    call: Caller, sms: AliyunSmsSandbox, word: str
) -> None:
    await accept(call)
    await sms.say(PHONE, word)
    assert_refused(await call(), "isv.CUSTOMER_REFUSED", "用户已退订推广短信")
    assert_refused(await call("SendBatchSms", params=batch()), "isv.CUSTOMER_REFUSED")
    await accept(call, SignName=OTHER_SIGN)
    await accept(call, PhoneNumbers=OTHER)


async def test_a_refusal_out_of_the_blue_is_meant_for_every_signature(call: Caller, sms: AliyunSmsSandbox) -> None:
    await sms.say(PHONE, "TD")
    assert_refused(await call(params=send_sms(SignName=OTHER_SIGN)), "isv.CUSTOMER_REFUSED")


@pytest.mark.parametrize("word", ["别发了", "退订单怎么办", "T恤", "好的", ""])
async def test_the_providers_own_list_knows_exact_words_only(call: Caller, sms: AliyunSmsSandbox, word: str) -> None:
    await accept(call)
    await sms.say(PHONE, word)
    await accept(call)


async def test_a_refusal_counts_even_where_our_door_is_closed(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors
) -> None:
    await accept(call)
    doors.answers = [Response(status_code=500)]
    assert not await sms.say(PHONE, "TD")
    assert_refused(await call(), "isv.CUSTOMER_REFUSED")


async def test_a_customers_answer_is_the_same_reply_however_often_it_is_given(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    row = await accept(call)
    customer = SmsCustomer(sms)
    doors.answers = [Response(status_code=500)]
    with pytest.raises(ReplyNotTaken):
        await customer.answer(row, "好的", automatic=False)
    with pytest.raises(ReplyNotTaken):  # the provider is at it already
        await customer.answer(row, "好的", automatic=False)
    assert len(doors.replies) == 1
    await run_for(sms, clock, MINUTE)
    await customer.answer(row, "好的", automatic=False)
    assert len(doors.replies) == 2
    await customer.answer(row, "不好", automatic=False)
    assert len({str(items[0]["sequence_id"]) for items in doors.replies}) == 2


async def test_what_the_provider_has_given_up_goes_out_anew_under_the_same_id(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    row = await accept(call)
    await run_for(sms, clock, MINUTE)
    doors.answers = [Response(status_code=500) for _ in range(4)]
    with pytest.raises(ReplyNotTaken):
        await SmsCustomer(sms).answer(row, "好的", automatic=False)
    await run_for(sms, clock, timedelta(hours=1))
    await SmsCustomer(sms).answer(row, "好的", automatic=False)
    assert len(doors.replies) == 5
    assert len({str(items[0]["sequence_id"]) for items in doors.replies}) == 1


async def test_customers_answer_by_sms_and_all_of_it_arrives_once(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, clock: Hand
) -> None:
    customers = Customers(sms.stage, {Intent.THANKS: ["收到"], Intent.STOP: ["TD"]}, reply_share=0.5)
    customers.answer_by(ChannelName.SMS, SmsCustomer(sms))
    sms.stage.listeners.append(customers.on_accepted)
    doors.answers = [Response(status_code=503) for _ in range(10)]
    await accept(call, PhoneNumbers=",".join(f"154{number:08d}" for number in range(60)))
    await run_for(sms, clock, timedelta(days=2))
    heard = [(items[0]["phone_number"], str(items[0]["sequence_id"])) for items in doors.replies]
    assert sorted({phone for phone, _ in heard}) == sorted(said.address for said in customers.said)
    assert len(set(heard)) == len(customers.said) > 15
    refused = {said.address for said in customers.said if said.text == "TD"}
    assert {phone for _, phone in sms.account.blocked} == refused


# The stand-in itself.


async def test_its_entrance_is_enough_for_a_client_that_knows_nothing_else(sms: AliyunSmsSandbox) -> None:
    entrance = sms.entrance()
    assert set(entrance) == {
        "endpoint",
        "access_key_id",
        "access_key_secret",
        "sign_name",
        "template_code",
        "template_params",
    }
    given = send_sms(
        SignName=entrance["sign_name"],
        TemplateCode=entrance["template_code"],
        TemplateParam=json.dumps(entrance["template_params"]),
    )
    assert (await Caller(sms)(params=given)).json()["Code"] == "OK"


async def test_it_takes_no_signals_and_starts_no_threads_and_its_port_is_free_afterwards(stage: Stage) -> None:
    handlers, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    first = make(stage)
    port = await first.start()
    assert (signal.getsignal(signal.SIGINT), threading.active_count()) == (handlers, threads)
    second = make(stage, port=port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await first.stop()
    assert await second.start() == port
    await second.stop()
    await second.stop()


async def test_answers_are_not_held_back_until_the_client_has_confirmed_the_first_packet() -> None:
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = scope["extensions"]["sandbox.transport"].get_extra_info("socket")
        found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await Response()(scope, receive, send)

    listener = Listener(app, "127.0.0.1", 0)
    port = await listener.start()
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
        await client.get(f"http://127.0.0.1:{port}/")
    await listener.stop()
    assert found == [1]


async def test_a_proxy_in_the_environment_is_left_alone(
    call: Caller, sms: AliyunSmsSandbox, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert httpx.AsyncClient()._mounts
    assert await sms.say(PHONE, "好的")

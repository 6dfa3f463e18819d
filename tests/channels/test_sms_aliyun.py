"""The Aliyun SMS channel: signature vectors, both tables, sending over a faulty wire, asking, pushes."""

import asyncio
import hashlib
import hmac
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import pytest
from alibabacloud_dysmsapi20170525.client import Client as OfficialClient
from alibabacloud_dysmsapi20170525.models import SendBatchSmsRequest, SendSmsRequest
from alibabacloud_tea_openapi.utils_models import Config

from bot.channels.acs3 import authorization, body_hash, canonical_query, canonical_request
from bot.channels.aliyun_codes import read_submission
from bot.channels.base import Channel, InboundRequest
from bot.channels.carrier_codes import read_receipt
from bot.channels.sms_aliyun import AliyunSettings, AliyunSmsChannel
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import (
    ChannelName,
    MailWords,
    MessageClass,
    Outbound,
    Reaction,
    Receipt,
    Reply,
    SendResult,
    SmsWords,
)

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
KEY_ID, SECRET = "test-id", "test-secret"
MOBILE = "15483503031"
WORDS = SmsWords("SMS_153055065", "力众人才网", {"name": "张三", "n": "3"}, "【力众人才网】张三您好，3 份简历未读")
OK = (200, b'{"Code":"OK","Message":"OK","BizId":"900619746936498440^0","RequestId":"R"}')


def message(number: int, address: str = MOBILE, words=WORDS) -> Outbound:
    return Outbound(number, f"key-{number}", address, MessageClass.SERVICE, words)


# ---- the stand-in: reads one request, checks it, does as told -------------------------------------------------------


def signature_problem(method: str, target: str, headers: Mapping[str, str], body: bytes, secret: str) -> str:
    """Why the signature of a received request is wrong; empty where it is right. From what came, as a server must."""
    scheme, _, rest = headers["authorization"].partition(" ")
    given = dict(part.split("=", 1) for part in rest.split(","))
    signed = given["SignedHeaders"].split(";")
    needed = {"host", *(name for name in headers if name.startswith("x-acs-"))}
    needed |= {"content-type"} if body else set()
    if scheme != "ACS3-HMAC-SHA256" or signed != sorted(signed) or not needed <= set(signed):
        return f"signed headers {signed}"
    if headers["x-acs-content-sha256"] != hashlib.sha256(body).hexdigest():
        return "content hash"
    pairs = sorted(parse_qsl(target.partition("?")[2], keep_blank_values=True, strict_parsing=True))
    query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs)
    lines = "".join(f"{name}:{headers[name]}\n" for name in signed)
    canonical = f"{method}\n/\n{query}\n{lines}\n{';'.join(signed)}\n{headers['x-acs-content-sha256']}"
    text = f"{scheme}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    right = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return "" if right == given["Signature"] else "signature"


class Seen:
    """One request as it came."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode().rstrip().split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.body = body

    @property
    def action(self) -> str:
        return self.headers["x-acs-action"]

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


Told = tuple[int, bytes] | str  # an answer, or a fault: "reset", "slow", "truncated", "redirect", "flood"


class Provider:
    """Answers each request by `tell`; counts those at work at once; refuses a wrong signature."""

    def __init__(self, tell: Callable[[Seen], Told] = lambda seen: OK) -> None:
        self.tell = tell
        self.seen: list[Seen] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.linger = 0.0
        self.at_once = self.most_at_once = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen = Seen(head, b"")
                seen.body = await reader.readexactly(int(seen.headers.get("content-length", "0")))
                await self.serve(seen, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def serve(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.seen.append(seen)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.linger)
        self.at_once -= 1
        problem = signature_problem(seen.method, seen.target, seen.headers, seen.body, SECRET)
        refusal = (400, json.dumps({"Code": "SignatureDoesNotMatch", "Message": problem}).encode())
        await self.do(refusal if problem else self.tell(seen), writer)
        await writer.drain()

    async def do(self, told: Told, writer: asyncio.StreamWriter) -> None:
        match told:
            case "reset":
                writer.transport.abort()
            case "slow":
                await asyncio.sleep(2)
            case "truncated":
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{"Code":"OK","Mess')
                await writer.drain()
                writer.close()
            case "redirect":
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
            case "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                for _ in range(100):
                    writer.write(b"x" * 1_000_000)
                    await writer.drain()
            case (int(status), bytes(body)):
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[tuple[str, asyncio.Server]]:
    server = await asyncio.start_server(provider.connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", server
    finally:
        server.close()
        for writer in provider.writers:
            writer.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def opened(
    provider: Provider, *, now: datetime = NOW, timeout: float = 2.0, nonces: Callable[[], str] | None = None
) -> AsyncIterator[AliyunSmsChannel]:
    async with serving(provider) as (endpoint, _):
        settings = AliyunSettings(KEY_ID, SECRET, endpoint, timeout)
        more = {"nonce": nonces} if nonces else {}
        channel = AliyunSmsChannel(settings, lambda: now, **more)
        try:
            yield channel
        finally:
            await channel.close()


async def send_one(tell: Callable[[Seen], Told], *, timeout: float = 2.0) -> SendResult:
    async with opened(Provider(tell), timeout=timeout) as channel:
        [result] = await channel.send([message(1)])
    return result


def refusing(code: str, status: int = 200, text: str = "no") -> Told:
    return status, json.dumps({"Code": code, "Message": text, "RequestId": "R"}, ensure_ascii=False).encode()


def records(*rows: Mapping[str, object], total: int | None = None) -> Told:
    fields = {"Code": "OK", "TotalCount": len(rows) if total is None else total}
    return 200, json.dumps(fields | {"SmsSendDetailDTOs": {"SmsSendDetailDTO": list(rows)}}).encode()


def quiet_channel(now: datetime = NOW) -> AliyunSmsChannel:
    """A channel that no test sends by."""
    return AliyunSmsChannel(AliyunSettings(KEY_ID, SECRET), lambda: now)


# ---- signature ----------------------------------------------------------------------------------------------------

ECS = {
    "host": "ecs.cn-shanghai.aliyuncs.com",
    "x-acs-action": "RunInstances",
    "x-acs-version": "2014-05-26",
    "x-acs-date": "2023-10-26T10:22:32Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
}
SMS = {
    "host": "dysmsapi.aliyuncs.com",
    "x-acs-version": "2017-05-25",
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "45e25e9b0a6f40708c852956eda1b466",
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
BATCH_BODY = (
    b"PhoneNumberJson=%5B%2213800138000%22%2C%2213800138001%22%5D&SignNameJson=%5B%22%E5%8A%9B%E4%BC%97"
    b"%E4%BA%BA%E6%89%8D%E7%BD%91%22%2C%22%E5%8A%9B%E4%BC%97%E4%BA%BA%E6%89%8D%E7%BD%91%22%5D"
    b"&TemplateParamJson=%5B%7B%22name%22%3A%22a+b%22%7D%2C%7B%22name%22%3A%22c%2A~%22%7D%5D"
)
VECTORS = {
    "ECS": (
        ("YourAccessKeyId", "YourAccessKeySecret"),
        {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"},
        ECS,
        b"",
        "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
    ),
    "SendSms": (
        ("testid", "testsecret"),
        {
            "PhoneNumbers": "13800138000",
            "OutId": "task-1",
            "SignName": "力众人才网",
            "TemplateParam": '{"name":"张三","n":"3"}',
            "TemplateCode": "SMS_153055065",
        },
        SMS | {"x-acs-action": "SendSms"},
        b"",
        "bd26781260d6ce4a2d9d8d00c123cec7f2a2bb01c34e926a007fe86611879de3",
        "eb999836f251d807f4819f8acf4dc70d780cf00956bc2ee516b68f0c65596aa5",
    ),
    "SendBatchSms": (
        ("testid", "testsecret"),
        {"TemplateCode": "SMS_153055065"},
        SMS | FORM | {"x-acs-action": "SendBatchSms"},
        BATCH_BODY,
        "4acada9a148ef599bd2aee68e13769274dffb536286b16a8cc11072931ada62d",
        "13313fd99d3ed8ff2555c1635b4741864c8158152e05d239811dbf34c668f980",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors_are_signed_to_the_letter(name):
    (key_id, secret), parameters, headers, body, request_hash, signature = VECTORS[name]
    headers = headers | {"x-acs-content-sha256": body_hash(body)}
    canonical = canonical_request("POST", canonical_query(parameters), headers, body)
    signed = authorization(key_id, secret, canonical, headers)
    assert hashlib.sha256(canonical.encode()).hexdigest() == request_hash
    assert signed == (
        f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
    )


def test_escaping_follows_rfc_3986():
    query = canonical_query({"b": "x y*~+/=&%", "a": "力"})
    assert query == "a=%E5%8A%9B&b=x%20y%2A~%2B%2F%3D%26%25"


def our_signature(seen: Seen) -> str:
    names = seen.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: seen.headers[name] for name in names}
    canonical = canonical_request(seen.method, canonical_query(seen.parameters), headers, seen.body)
    return authorization(KEY_ID, SECRET, canonical, headers)


async def test_the_official_client_signs_as_we_do():
    provider = Provider()
    async with serving(provider) as (endpoint, _):
        config = Config(
            endpoint=endpoint.removeprefix("http://"),
            protocol="HTTP",
            access_key_id=KEY_ID,
            access_key_secret=SECRET,
        )
        client = OfficialClient(config)
        values = json.dumps({"name": "a b*~+张", "n": "3"}, ensure_ascii=False)
        one = SendSmsRequest(
            phone_numbers=MOBILE, sign_name="力众人才网", template_code="SMS_1", template_param=values, out_id="k 1"
        )
        many = SendBatchSmsRequest(
            phone_number_json=json.dumps([MOBILE]),
            sign_name_json='["力众人才网"]',
            template_code="SMS_1",
            template_param_json=f"[{values}]",
        )
        answer = await asyncio.to_thread(client.send_sms, one)
        await asyncio.to_thread(client.send_batch_sms, many)
    assert answer.body.code == "OK"
    assert [seen.action for seen in provider.seen] == ["SendSms", "SendBatchSms"]
    assert provider.seen[1].body
    for seen in provider.seen:
        assert our_signature(seen) == seen.headers["authorization"]


async def test_our_send_sms_carries_the_parameters_of_the_official_client():
    provider = Provider()
    async with opened(provider) as channel:
        await channel.send([message(1)])
    [seen] = provider.seen
    assert (seen.method, seen.action, seen.body) == ("POST", "SendSms", b"")
    assert seen.target.startswith("/?")
    assert seen.headers["content-length"] == "0"
    assert "content-type" not in seen.headers
    assert seen.headers["x-acs-version"] == "2017-05-25"
    assert seen.headers["x-acs-date"] == "2026-11-23T01:00:00Z"
    assert seen.parameters == {
        "PhoneNumbers": MOBILE,
        "SignName": "力众人才网",
        "TemplateCode": "SMS_153055065",
        "TemplateParam": '{"name":"张三","n":"3"}',
        "OutId": "key-1",
    }


@pytest.mark.parametrize("value", ["a b", "c*~", "1+1=2&x", "%41 100%", "张三#?;/\\", "\"'\n", "😀", ""])
async def test_any_value_survives_the_wire_and_its_signature(value):
    provider = Provider()
    words = SmsWords("SMS_1", "力众 人才+网", {"v": value}, "text")
    async with opened(provider) as channel:
        [result] = await channel.send([message(1, words=words)])
    assert result.accepted
    assert json.loads(provider.seen[0].parameters["TemplateParam"]) == {"v": value}
    assert provider.seen[0].parameters["SignName"] == "力众 人才+网"


async def test_a_number_among_the_values_goes_as_text():
    provider = Provider()
    words = SmsWords("SMS_1", "力众人才网", {"n": 3}, "text")  # type: ignore[dict-item]
    async with opened(provider) as channel:
        await channel.send([message(1, words=words)])
    assert provider.seen[0].parameters["TemplateParam"] == '{"n":"3"}'


async def test_every_request_has_its_own_nonce():
    provider = Provider()
    async with opened(provider) as channel:
        await channel.send([message(n) for n in range(20)])
    assert len({seen.headers["x-acs-signature-nonce"] for seen in provider.seen}) == 20


async def test_a_wrong_secret_stops_the_channel():
    async with serving(Provider()) as (endpoint, _):
        channel = AliyunSmsChannel(AliyunSettings(KEY_ID, "another", endpoint), lambda: NOW)
        [result] = await channel.send([message(1)])
        await channel.close()
    assert (result.reaction, result.code) == (Reaction.PAUSE_CHANNEL, "SignatureDoesNotMatch")


# ---- tables -------------------------------------------------------------------------------------------------------

SUBMISSIONS = {
    "isv.DAY_LIMIT_CONTROL": Reaction.NEXT_DAY,
    "isv.MONTH_LIMIT_CONTROL": Reaction.PAUSE_CHANNEL,
    "isv.MOBILE_NUMBER_ILLEGAL": Reaction.SUPPRESS,
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": Reaction.SUPPRESS,
    "isv.MOBILE_COUNT_OVER_LIMIT": Reaction.DROP,
    "isv.CUSTOMER_REFUSED": Reaction.SUPPRESS,
    "isv.TEMPLATE_MISSING_PARAMETERS": Reaction.DROP,
    "isv.TEMPLATE_PARAMS_ILLEGAL": Reaction.DROP,
    "isv.INVALID_PARAMETERS": Reaction.DROP,
    "isv.INVALID_JSON_PARAM": Reaction.DROP,
    "isv.PARAM_LENGTH_LIMIT": Reaction.DROP,
    "isv.PARAM_NOT_SUPPORT_URL": Reaction.DROP,
    "isv.BLACK_KEY_CONTROL_LIMIT": Reaction.PAUSE_TEMPLATE,
    "isv.SMS_CONTENT_ILLEGAL": Reaction.PAUSE_TEMPLATE,
    "FILTER": Reaction.PAUSE_TEMPLATE,
    "isv.SMS_SIGNATURE_ILLEGAL": Reaction.PAUSE_TEMPLATE,
    "isv.SMS_SIGN_ILLEGAL": Reaction.PAUSE_TEMPLATE,
    "isv.SIGN_STATE_ILLEGAL": Reaction.PAUSE_TEMPLATE,
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": Reaction.PAUSE_TEMPLATE,
    "isv.SMS_TEMPLATE_ILLEGAL": Reaction.PAUSE_TEMPLATE,
    "isv.EXTEND_CODE_ERROR": Reaction.PAUSE_TEMPLATE,
    "isv.AMOUNT_NOT_ENOUGH": Reaction.PAUSE_CHANNEL,
    "isv.OUT_OF_SERVICE": Reaction.PAUSE_CHANNEL,
    "isv.PRODUCT_UN_SUBSCRIPT": Reaction.PAUSE_CHANNEL,
    "isv.PRODUCT_UNSUBSCRIBE": Reaction.PAUSE_CHANNEL,
    "isv.ACCOUNT_NOT_EXISTS": Reaction.PAUSE_CHANNEL,
    "isv.ACCOUNT_ABNORMAL": Reaction.PAUSE_CHANNEL,
    "isv.SECURITY_FROZEN_ACCOUNT": Reaction.PAUSE_CHANNEL,
    "isp.RAM_PERMISSION_DENY": Reaction.PAUSE_CHANNEL,
    "isv.DENY_IP_RANGE": Reaction.PAUSE_CHANNEL,
    "isp.SYSTEM_ERROR": Reaction.RETRY,
    "ServiceUnavailable": Reaction.RETRY,
    "InternalError": Reaction.RETRY,
    "SignatureDoesNotMatch": Reaction.PAUSE_CHANNEL,
    "InvalidAccessKeyId.NotFound": Reaction.PAUSE_CHANNEL,
    "InvalidAccessKeyId.Inactive": Reaction.PAUSE_CHANNEL,
    "SignatureNonceUsed": Reaction.UNKNOWN,
    "InvalidTimeStamp.Expired": Reaction.PAUSE_CHANNEL,
    "Throttling.User": Reaction.SLOW,
    "Throttling": Reaction.SLOW,
}
WINDOWS = {
    ("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10"): timedelta(days=1),
    ("isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5"): timedelta(hours=1),
    ("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"): timedelta(minutes=1),
    ("isv.BUSINESS_LIMIT_CONTROL", "in words we do not know"): timedelta(hours=1),
    ("VALVE:M_MC", ""): timedelta(minutes=1),
    ("VALVE:H_MC", ""): timedelta(hours=1),
    ("VALVE:D_MC", ""): timedelta(days=1),
}
RECEIPTS = {
    Reaction.SUPPRESS: "MK:0001 CB:0001 CB:0053 DB:0101 空号 MBBLACK DBBLACK BLACK TDBLACK TSBLACK DB:0144 HD:0001"
    " MY:0001",
    Reaction.RETRY: "MK:0005 MK:0013 DB:0102 UNDELIV",
    Reaction.DROP: "MK:0010 MK:0023 EXPIRED MK:0000 REJECTD XX:9999",
    Reaction.PAUSE_TEMPLATE: "ID:0076 MA:0001 MA:0054 KEYWORD SIGNBLOCKED",
    Reaction.DEFER_RECIPIENT: "ID:0044",
}


@pytest.mark.parametrize(("code", "reaction"), SUBMISSIONS.items())
def test_every_listed_refusal_has_its_reaction(code, reaction):
    meaning = read_submission(code, "")
    assert meaning is not None
    assert (meaning.reaction, meaning.retry_after) == (reaction, None)


@pytest.mark.parametrize(("told", "wait"), WINDOWS.items())
def test_a_frequency_limit_waits_as_long_as_its_window(told, wait):
    meaning = read_submission(*told)
    assert meaning is not None
    assert (meaning.reaction, meaning.retry_after) == (Reaction.DEFER_RECIPIENT, wait)


def test_a_code_of_no_table_is_not_known():
    assert read_submission("isv.SOMETHING_NEW", "") is None


@pytest.mark.parametrize(
    ("code", "reaction"), [(code, reaction) for reaction, codes in RECEIPTS.items() for code in codes.split()]
)
def test_every_listed_receipt_code_has_its_reaction(code, reaction):
    assert read_receipt(code) is reaction


# ---- sending ------------------------------------------------------------------------------------------------------


def test_it_is_a_channel():
    channel: Channel = quiet_channel()
    assert channel.name is ChannelName.SMS


async def test_an_accepted_message_has_the_providers_id():
    result = await send_one(lambda seen: OK)
    assert result == SendResult(1, provider_id="900619746936498440^0", code="OK")
    assert result.accepted


async def test_results_come_in_the_order_of_the_batch_whatever_the_order_of_answers():
    def tell(seen: Seen) -> Told:
        return 200, json.dumps({"Code": "OK", "BizId": seen.parameters["OutId"]}).encode()

    async with opened(Provider(tell)) as channel:
        results = await channel.send([message(n) for n in range(60)])
    assert [(result.id, result.provider_id) for result in results] == [(n, f"key-{n}") for n in range(60)]


async def test_at_most_ten_are_on_the_wire_at_once_over_kept_connections():
    provider = Provider()
    provider.linger = 0.02
    async with opened(provider) as channel:
        await channel.send([message(n) for n in range(40)])
        await channel.send([message(n) for n in range(40)])
    assert provider.most_at_once == 10
    assert len(provider.writers) == 10


async def test_an_empty_batch_sends_nothing():
    provider = Provider()
    async with opened(provider) as channel:
        assert await channel.send([]) == []
    assert provider.seen == []


async def test_one_refused_message_leaves_the_others_of_its_batch():
    def tell(seen: Seen) -> Told:
        return refusing("isv.CUSTOMER_REFUSED") if seen.parameters["OutId"] == "key-1" else OK

    async with opened(Provider(tell)) as channel:
        results = await channel.send([message(n) for n in range(3)])
    assert [result.reaction for result in results] == [None, Reaction.SUPPRESS, None]


async def test_a_gateway_error_is_read_by_its_code():
    result = await send_one(lambda seen: refusing("Throttling.User", status=400))
    assert (result.reaction, result.code) == (Reaction.SLOW, "Throttling.User")


async def test_a_code_nobody_knows_drops_the_message_and_is_kept():
    result = await send_one(lambda seen: refusing("isv.SOMETHING_NEW"))
    assert (result.reaction, result.code) == (Reaction.DROP, "isv.SOMETHING_NEW")


async def test_the_window_of_a_frequency_limit_reaches_the_sender():
    result = await send_one(lambda seen: refusing("isv.BUSINESS_LIMIT_CONTROL", text="触发小时级流控Permits:5"))
    assert (result.reaction, result.retry_after) == (Reaction.DEFER_RECIPIENT, timedelta(hours=1))


async def test_the_detail_shows_no_number_that_the_provider_echoes():
    result = await send_one(lambda seen: refusing("isv.MOBILE_NUMBER_ILLEGAL", text=f"+86{MOBILE}号码不合法"))
    assert MOBILE not in result.detail
    assert "号码不合法" in result.detail


async def test_an_address_that_is_no_mobile_and_foreign_words_never_reach_the_wire():
    provider = Provider()
    mail = MailWords("subject", "text", "html")
    async with opened(provider) as channel:
        results = await channel.send([message(1, "0912-5550123"), message(2, words=mail), message(3)])
    assert [result.reaction for result in results] == [Reaction.SUPPRESS, Reaction.DROP, None]
    assert len(provider.seen) == 1


async def test_a_nonce_said_to_be_used_means_that_somebody_repeated_our_request_and_it_may_have_been_taken():
    provider = Provider(lambda seen: refusing("SignatureNonceUsed", 400))
    async with opened(provider) as channel:
        [result] = await channel.send([message(1)])
    assert result.reaction is Reaction.UNKNOWN
    assert len(provider.seen) == 1


async def test_a_question_whose_nonce_was_used_is_asked_once_more():
    nonces = iter(["first", "second"])
    used, row = refusing("SignatureNonceUsed", 400), {"OutId": "key-1", "SendStatus": 3}
    provider = Provider(lambda seen: used if seen.headers["x-acs-signature-nonce"] == "first" else records(row))
    async with opened(provider, nonces=lambda: next(nonces)) as channel:
        found = await channel.look_up(message(1))
    assert found is not None
    assert found.accepted
    assert len(provider.seen) == 2


async def test_three_refusals_of_values_in_a_row_are_the_templates_fault():
    async with opened(Provider(lambda seen: refusing("isv.TEMPLATE_PARAMS_ILLEGAL"))) as channel:
        reactions = [(await channel.send([message(n)]))[0].reaction for n in range(3)]
    assert reactions == [Reaction.DROP, Reaction.DROP, Reaction.PAUSE_TEMPLATE]


async def test_refusals_of_values_between_successes_are_each_a_members_own():
    turns = iter(range(6))
    tell = lambda seen: OK if next(turns) % 2 else refusing("isv.TEMPLATE_PARAMS_ILLEGAL")  # noqa: E731
    async with opened(Provider(tell)) as channel:
        reactions = [(await channel.send([message(n)]))[0].reaction for n in range(6)]
    assert reactions == [Reaction.DROP, None] * 3


# ---- faults on the wire -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        "reset",
        "slow",
        "truncated",
        "redirect",
        "flood",
        (502, b"<html><body>502 Bad Gateway</body></html>"),
        (200, b"<html>welcome</html>"),
        (200, b'{"Code":"OK","Mess'),
        (200, b"{}"),
        (200, b"[]"),
        (200, b""),
        (500, b'{"Code":"SomethingNew"}'),
        (500, b'{"Code":"OK"}'),
        (404, b"not here"),
    ],
    ids=str,
)
async def test_after_the_request_left_no_clear_answer_means_unknown_and_no_second_request(told):
    provider = Provider(lambda seen: told)
    async with opened(provider, timeout=0.3) as channel:
        [result] = await channel.send([message(1)])
    assert result.reaction is Reaction.UNKNOWN
    assert len(provider.seen) == 1


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_batch_that_cannot_start_says_so():
    channel = AliyunSmsChannel(AliyunSettings(KEY_ID, SECRET, f"http://127.0.0.1:{closed_port()}"), lambda: NOW)
    with pytest.raises(ChannelUnavailable, match="cannot be reached") as caught:
        await channel.send([message(1), message(2, "not a number"), message(3)])
    await channel.close()
    assert MOBILE not in str(caught.value)


async def test_a_connection_that_fails_within_a_batch_is_tried_again_later():
    provider = Provider()
    provider.linger = 0.2
    async with serving(provider) as (endpoint, server):
        channel = AliyunSmsChannel(AliyunSettings(KEY_ID, SECRET, endpoint), lambda: NOW)
        await channel.send([message(0)])
        server.close()  # the connection that is kept lives on, a new one is refused
        results = await channel.send([message(n) for n in range(1, 4)])
        await channel.close()
    assert sorted(str(result.reaction) for result in results) == ["None", "retry", "retry"]
    assert len(provider.seen) == 2


@pytest.mark.parametrize("fault", [refusing("isp.SYSTEM_ERROR"), refusing("ServiceUnavailable", 503)], ids=str)
async def test_the_providers_own_fault_is_tried_again_only_when_its_records_hold_nothing(fault):
    provider = Provider(lambda seen: fault if seen.action == "SendSms" else records())
    async with opened(provider) as channel:
        [result] = await channel.send([message(1)])
    assert result.reaction is Reaction.RETRY
    assert [seen.action for seen in provider.seen] == ["SendSms", "QuerySendDetails", "QuerySendDetails"]


async def test_a_message_sent_in_spite_of_the_providers_fault_counts_as_sent():
    row = {"OutId": "key-1", "SendStatus": 1}
    result = await send_one(lambda seen: refusing("isp.SYSTEM_ERROR") if seen.action == "SendSms" else records(row))
    assert result.accepted


async def test_a_fault_of_a_provider_that_cannot_be_asked_stays_unknown():
    result = await send_one(lambda seen: refusing("InternalError", 500))
    assert result.reaction is Reaction.UNKNOWN


# ---- asking -------------------------------------------------------------------------------------------------------


async def asked(tell: Callable[[Seen], Told], *, now: datetime = NOW, address: str = MOBILE):
    provider = Provider(tell)
    async with opened(provider, now=now, timeout=0.5) as channel:
        found = await channel.look_up(message(1, address))
    return found, provider.seen


async def test_a_message_is_found_by_its_out_id_among_others_to_the_same_number():
    rows = [{"OutId": "key-9", "SendStatus": 2, "ErrCode": "MK:0001"}, {"OutId": "key-1", "SendStatus": 3}]
    found, [seen] = await asked(lambda seen: records(*rows))
    assert found == SendResult(1, code="OK")
    assert seen.action == "QuerySendDetails"
    assert seen.parameters == {
        "PhoneNumber": MOBILE,
        "SendDate": "20261123",
        "PageSize": "50",
        "CurrentPage": "1",
    }


@pytest.mark.parametrize("status", [1, 3, "1", "3"])
async def test_waiting_and_delivered_both_mean_that_it_was_accepted(status):
    found, _ = await asked(lambda seen: records({"OutId": "key-1", "SendStatus": status, "BizId": "B^0"}))
    assert found is not None
    assert (found.accepted, found.provider_id) == (True, "B^0")


async def test_a_failed_one_has_the_reaction_of_its_receipt_code():
    found, _ = await asked(lambda seen: records({"OutId": "key-1", "SendStatus": 2, "ErrCode": "MK:0001"}))
    assert found is not None
    assert (found.reaction, found.code) == (Reaction.SUPPRESS, "MK:0001")


async def test_a_failure_that_is_not_the_addresss_fault_is_still_a_failure():
    found, _ = await asked(lambda seen: records({"OutId": "key-1", "SendStatus": 2, "ErrCode": "MK:0010"}))
    assert found is not None
    assert (found.reaction, found.accepted) == (Reaction.DROP, False)


async def test_what_was_sent_just_before_midnight_in_shanghai_is_found_just_after():
    just_after = datetime(2026, 11, 23, 16, 0, 30, tzinfo=UTC)  # 00:00:30 on the 24th in Shanghai
    row = {"OutId": "key-1", "SendStatus": 1}
    found, seen = await asked(
        lambda seen: records(row) if seen.parameters["SendDate"] == "20261123" else records(), now=just_after
    )
    assert found is not None
    assert [one.parameters["SendDate"] for one in seen] == ["20261124", "20261123"]


async def test_later_pages_are_read():
    others = [{"OutId": f"other-{n}", "SendStatus": 3} for n in range(50)]
    mine = {"OutId": "key-1", "SendStatus": 3}

    def tell(seen: Seen) -> Told:
        return records(*(others if seen.parameters["CurrentPage"] == "1" else [mine]), total=51)

    found, seen = await asked(tell)
    assert found is not None
    assert [one.parameters["CurrentPage"] for one in seen] == ["1", "2"]


async def test_what_its_records_do_not_hold_is_not_known_yet():
    found, seen = await asked(lambda seen: records())
    assert found is None
    assert len(seen) == 2


@pytest.mark.parametrize(
    "told",
    [
        "reset",
        "slow",
        (502, b"<html>"),
        refusing("Throttling.User", 400),
        (200, b'{"Code":"OK"}'),
        records({"OutId": "key-1", "SendStatus": 7}),
    ],
    ids=str,
)
async def test_a_question_without_a_clear_answer_leaves_it_unknown(told):
    found, _ = await asked(lambda seen: told)
    assert found is None


async def test_a_provider_that_is_not_there_cannot_be_asked():
    channel = AliyunSmsChannel(AliyunSettings(KEY_ID, SECRET, f"http://127.0.0.1:{closed_port()}"), lambda: NOW)
    assert await channel.look_up(message(1)) is None
    await channel.close()


# ---- pushes -------------------------------------------------------------------------------------------------------

REPORT = {
    "phone_number": MOBILE,
    "send_time": "2026-11-23 09:00:01",
    "report_time": "2026-11-23 09:00:05",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "900619746936498440^0",
    "out_id": "key-1",
}
UP = {
    "phone_number": MOBILE,
    "send_time": "2026-11-23 09:05:00",
    "content": "退订",
    "dest_code": "1069000",
    "sequence_id": 1234567890,
}


def push(door: str, *items: object, body: bytes | None = None, method: str = "POST") -> InboundRequest:
    return InboundRequest(method, door, body=json.dumps(items).encode() if body is None else body)


def parsed(door: str, *items: object) -> list:
    channel = quiet_channel()
    request = push(door, *items)
    channel.verify(request)
    return channel.parse(request)


def without(item: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in item.items() if name not in names}


def test_a_report_becomes_a_receipt():
    assert parsed("report", REPORT) == [
        Receipt(
            event_id=f"900619746936498440^0:{MOBILE}:delivered",
            channel=ChannelName.SMS,
            at=datetime(2026, 11, 23, 1, 0, 5, tzinfo=UTC),
            delivered=True,
            key="key-1",
            provider_id="900619746936498440^0",
            address=MOBILE,
            code="DELIVERED",
        )
    ]


def test_a_failed_report_says_what_it_means_for_the_address():
    [receipt] = parsed("report", REPORT | {"success": False, "err_code": "MBBLACK"})
    assert (receipt.delivered, receipt.reaction, receipt.code) == (False, Reaction.SUPPRESS, "MBBLACK")


@pytest.mark.parametrize("form", [MOBILE, f"86{MOBILE}", f"+86{MOBILE}", f"0086{MOBILE}", int(MOBILE)])
def test_every_form_of_a_number_is_one_number_and_one_event(form):
    [receipt] = parsed("report", REPORT | {"phone_number": form})
    [reply] = parsed("reply", UP | {"phone_number": form})
    assert receipt.address == reply.address == MOBILE
    assert receipt.event_id == f"900619746936498440^0:{MOBILE}:delivered"


def test_a_report_with_the_newer_keys_and_one_without_the_optional_ones_are_both_read():
    newer = {"sign_name": "力众人才网", "template_code": "SMS_1", "message_id": "M", "request_id": "R"}
    least = {"phone_number": MOBILE, "success": False, "out_id": "key-2"}
    full, short = parsed("report", REPORT | newer, least)
    assert full.key == "key-1"
    assert (short.key, short.provider_id, short.at) == ("key-2", "", NOW)


def test_two_numbers_of_one_biz_id_are_two_events():
    first, second = parsed("report", REPORT, REPORT | {"phone_number": "15483503032"})
    assert first.event_id != second.event_id


def test_a_reply_becomes_a_reply():
    assert parsed("reply", UP) == [
        Reply(
            event_id="1234567890",
            channel=ChannelName.SMS,
            at=datetime(2026, 11, 23, 1, 5, tzinfo=UTC),
            address=MOBILE,
            text="退订",
        )
    ]


def test_a_sequence_id_is_the_same_as_number_and_as_text():
    number, text = parsed("reply", UP, UP | {"sequence_id": "1234567890"})
    assert number.event_id == text.event_id


def test_replies_without_a_sequence_id_are_kept_apart_by_what_they_say():
    first, again, other = parsed(
        "reply", without(UP, "sequence_id"), without(UP, "sequence_id"), without(UP, "sequence_id") | {"content": "好"}
    )
    assert first.event_id == again.event_id != other.event_id


BROKEN = [
    7,
    None,
    "text",
    [],
    {},
    {"phone_number": MOBILE},
    without(REPORT, "phone_number") | without(UP, "phone_number"),
    REPORT | {"success": "yes", "content": None},
    REPORT | {"biz_id": "", "out_id": None, "content": 5},
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
@pytest.mark.parametrize(("door", "good"), [("report", REPORT), ("reply", UP)])
def test_a_bad_item_costs_only_itself_and_no_log_shows_a_number(door, good, broken, caplog):
    caplog.set_level(logging.DEBUG)
    assert len(parsed(door, good, broken, good)) == 2
    assert "item 1 left out" in caplog.text
    assert MOBILE not in caplog.text


def test_half_an_emoji_and_a_nul_cost_neither_the_push_nor_the_database_its_peace():
    body = json.dumps([UP | {"content": "退订\ud83d\0"}, UP]).encode()
    channel = quiet_channel()
    first, second = channel.parse(push("reply", body=body))
    first.text.encode()
    assert first.text.startswith("退订")
    assert "\0" not in first.text
    assert second.text == "退订"


def test_bytes_that_are_no_utf_8_cost_one_character():
    body = json.dumps([UP], ensure_ascii=False).encode().replace("订".encode(), b"\xff")
    [reply] = quiet_channel().parse(push("reply", body=body))
    assert reply.text.startswith("退")


def test_five_hundred_items_come_in_one_push():
    items = [REPORT | {"biz_id": f"{n}^0", "out_id": f"key-{n}"} for n in range(500)]
    assert [receipt.key for receipt in parsed("report", *items)] == [f"key-{n}" for n in range(500)]


def test_an_empty_push_is_no_event():
    assert parsed("report") == []


def test_a_very_long_id_is_shortened_and_stays_the_same():
    long = UP | {"sequence_id": "9" * 500}
    first, again = parsed("reply", long, long)
    assert first.event_id == again.event_id
    assert len(first.event_id) <= 128


@pytest.mark.parametrize(
    "request_",
    [
        push("report", REPORT, method="GET"),
        push("report", body=b""),
        push("report", body=b'{"phone_number": "1"}'),
        push("report", body=b"<xml/>"),
        push("report", body=b"[" * 200_000),
        push("report", body=b"[" + b"9" * 10_000 + b"]"),
        push("report", body=b"[" + b" " * 1_000_000 + b"]"),
        push("callback", REPORT),
    ],
    ids=lambda request: f"{request.method} {request.door} {request.body[:20]!r} {len(request.body)}",
)
def test_what_is_no_push_of_the_provider_is_rejected(request_):
    with pytest.raises(WebhookRejected):
        quiet_channel().verify(request_)


def test_the_answer_is_the_one_the_provider_waits_for():
    answer = quiet_channel().answer(push("report", REPORT))
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert json.loads(answer.body) == {"code": 0, "msg": "接收成功"}


# ---- settings and logs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    ["", "dysmsapi.aliyuncs.com", "127.0.0.1:8080", "ftp://sms.example", "https://sms.example/path", "https://"],
)
def test_an_endpoint_that_is_no_url_is_refused(endpoint):
    with pytest.raises(ConfigError, match="endpoint"):
        AliyunSmsChannel(AliyunSettings(KEY_ID, SECRET, endpoint), lambda: NOW)


def test_numbers_do_not_travel_in_the_clear():
    with pytest.raises(ConfigError, match="https"):
        AliyunSmsChannel(AliyunSettings(KEY_ID, SECRET, "http://sms.example"), lambda: NOW)


def test_missing_credentials_are_named():
    with pytest.raises(ConfigError, match="access key"):
        AliyunSmsChannel(AliyunSettings("", ""), lambda: NOW)


def test_the_secret_is_not_shown():
    assert SECRET not in repr(AliyunSettings(KEY_ID, SECRET))


@pytest.mark.parametrize(
    "told", [OK, "reset", "truncated", (502, b"<html>"), refusing("isv.CUSTOMER_REFUSED")], ids=str
)
async def test_no_log_shows_a_number_a_word_or_the_secret(told, caplog):
    for name in ("", "httpx", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with opened(Provider(lambda seen: told)) as channel:
        await channel.send([message(1)])
        await channel.look_up(message(1))
    for secret in (MOBILE, SECRET, "张三", quote("张三")):
        assert secret not in caplog.text

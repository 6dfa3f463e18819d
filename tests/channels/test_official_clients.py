"""The providers' own clients, as they come from their makers, against the stand-ins: they get through, and are refused
with a wrong secret, an old date, a nonce used twice where the protocol has one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alibabacloud_dysmsapi20170525 import models as aliyun_models
from alibabacloud_dysmsapi20170525.client import Client as NewAliyunClient
from alibabacloud_tea_openapi.exceptions import ClientException as NewAliyunRefusal
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.acs_exception.exceptions import ServerException as OldAliyunRefusal
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.utils import parameter_helper
from aliyunsdkdysmsapi.request.v20170525.QuerySendDetailsRequest import QuerySendDetailsRequest
from aliyunsdkdysmsapi.request.v20170525.SendBatchSmsRequest import SendBatchSmsRequest
from aliyunsdkdysmsapi.request.v20170525.SendSmsRequest import SendSmsRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models as tencent_models
from tencentcloud.sms.v20210111.sms_client import SmsClient
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatMessage
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException

from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.listening import Listener
from bot.sandbox.sms_carrier import Quirks
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.tencent_sms import TencentSmsSandbox
from bot.sandbox.wechat import WechatSandbox
from campaigns.terms import ChannelName

# Of Python 3.12 and later; the clients' to mend.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

ID, SECRET, APP = "made-up-id", "a made-up secret", "1400006666"
SIGN, PHONE, OTHER = "云溪人才网", "15483503031", "15483503032"
TEXT = "【云溪人才网】张三您好，有 3 份简历等您查看。"
QUIET = Quirks(empty_share=0, failure_share=0, duplicate_share=0, reply_duplicate_share=0)
PARAMS = {"name": "张三", "count": "3"}
MINUTE = timedelta(minutes=1)


class Shifted:
    """The machine's clock, by which these clients date what they send, and how far the provider's is ahead of it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> Shifted:
    return Shifted()


@pytest.fixture
def stage(clock: Shifted) -> Stage:
    return Stage(clock, seed=1)


@pytest.fixture
async def aliyun(stage: Stage) -> AsyncIterator[AliyunSmsSandbox]:
    templates = {"SMS_100001": "${name}您好，有 ${count} 份简历等您查看。"}
    sandbox = AliyunSmsSandbox(
        stage, access_key_id=ID, access_key_secret=SECRET, signs=[SIGN], templates=templates, quirks=QUIET
    )
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def tencent(stage: Stage) -> AsyncIterator[TencentSmsSandbox]:
    sandbox = TencentSmsSandbox(
        stage,
        secret_id=ID,
        secret_key=SECRET,
        sdk_app_id=APP,
        signs=[SIGN],
        templates={"449739": "{1}您好，有 {2} 份简历等您查看。"},
        quirks=QUIET,
    )
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


def rows(stage: Stage) -> list[Accepted]:
    return stage.ledger.rows(ChannelName.SMS)


# Tencent.


def tencent_client(sandbox: TencentSmsSandbox, key: str = SECRET, secret_id: str = ID, timeout: int = 10) -> SmsClient:
    profile = ClientProfile()
    profile.httpProfile = HttpProfile(protocol="http", endpoint=sandbox.endpoint, reqTimeout=timeout)
    return SmsClient(Credential(secret_id, key), "ap-guangzhou", profile)


def tencent_sms(**changes: Any) -> tencent_models.SendSmsRequest:
    request = tencent_models.SendSmsRequest()
    wanted = {
        "PhoneNumberSet": [f"+86{PHONE}"],
        "SmsSdkAppId": APP,
        "TemplateId": "449739",
        "SignName": SIGN,
        "TemplateParamSet": ["张三", "3"],
        "SessionContext": "k-1",
    }
    request.from_json_string(json.dumps(wanted | changes))
    return request


async def refusal_of(call: Callable[[Any], Any], request: object) -> str:
    with pytest.raises(TencentCloudSDKException) as caught:
        await asyncio.to_thread(call, request)
    return str(caught.value.code)


async def test_tencents_client_sends_and_each_number_has_its_status(tencent: TencentSmsSandbox, stage: Stage) -> None:
    request = tencent_sms(PhoneNumberSet=[f"+86{PHONE}", "12345"])
    answer = await asyncio.to_thread(tencent_client(tencent).SendSms, request)
    good, bad = answer.SendStatusSet
    [row] = rows(stage)
    assert (good.Code, good.SerialNo, good.Fee, good.SessionContext) == ("Ok", row.provider_id, 1, "k-1")
    assert (bad.Code, bad.SerialNo) == ("FailedOperation.PhoneNumberParseFail", "")
    assert (row.to, row.words["text"]) == (PHONE, TEXT)
    assert answer.RequestId


async def test_tencents_client_pulls_and_asks(tencent: TencentSmsSandbox, clock: Shifted, stage: Stage) -> None:
    client = tencent_client(tencent)
    begin = int(clock().timestamp()) - 1
    await asyncio.to_thread(client.SendSms, tencent_sms())
    clock.ahead += 2 * MINUTE
    await stage.timetable.run_due()
    await tencent.say(PHONE, "好的")

    def asked(kind: Any, **given: Any) -> Any:
        request = kind()
        request.from_json_string(json.dumps({"SmsSdkAppId": APP} | given))
        return request

    of_number = {"BeginTime": begin, "Offset": 0, "Limit": 10, "PhoneNumber": f"+86{PHONE}"}
    statuses = client.PullSmsSendStatus, asked(tencent_models.PullSmsSendStatusRequest, Limit=10)
    by_number = (
        client.PullSmsSendStatusByPhoneNumber,
        asked(tencent_models.PullSmsSendStatusByPhoneNumberRequest, **of_number),
    )
    for call, request in (statuses, by_number):
        [status] = (await asyncio.to_thread(call, request)).PullSmsSendStatusSet
        assert (status.SerialNo, status.ReportStatus, status.Description) == (
            rows(stage)[0].provider_id,
            "SUCCESS",
            "DELIVRD",
        )
    pulled = asked(tencent_models.PullSmsReplyStatusRequest, Limit=10)
    [reply] = (await asyncio.to_thread(client.PullSmsReplyStatus, pulled)).PullSmsReplyStatusSet
    assert (reply.ReplyContent, reply.SubscriberNumber) == ("好的", PHONE)
    assert (await asyncio.to_thread(client.PullSmsReplyStatus, pulled)).PullSmsReplyStatusSet == []


async def test_tencents_client_is_refused_with_a_wrong_secret_and_an_old_date(
    tencent: TencentSmsSandbox, clock: Shifted, stage: Stage
) -> None:
    send = tencent_client(tencent, key="another").SendSms
    assert await refusal_of(send, tencent_sms()) == "AuthFailure.SignatureFailure"
    send = tencent_client(tencent, secret_id="nobody").SendSms
    assert await refusal_of(send, tencent_sms()) == "AuthFailure.SecretIdNotFound"
    send = tencent_client(tencent).SendSms
    for ahead in (6 * MINUTE, -6 * MINUTE):
        clock.ahead = ahead
        assert await refusal_of(send, tencent_sms()) == "AuthFailure.SignatureExpire"
    assert not rows(stage)
    assert await refusal_of(send, tencent_sms()) == "AuthFailure.SignatureExpire"


async def test_what_tencents_client_sends_wrong_is_its_own_error(tencent: TencentSmsSandbox) -> None:
    send = tencent_client(tencent).SendSms
    assert await refusal_of(send, tencent_sms(SignName="别家")) == "FailedOperation.SignatureIncorrectOrUnapproved"
    assert await refusal_of(send, tencent_sms(TemplateId=449739)) == "InvalidParameter"


async def test_faults_reach_tencents_client_as_its_own_errors(tencent: TencentSmsSandbox, stage: Stage) -> None:
    send = tencent_client(tencent, timeout=1).SendSms
    tencent.delay_seconds = 1.5
    for fault, code in (
        ("unavailable", "ServerNetworkError"),
        ("bad_gateway", "ServerNetworkError"),
        ("reset_before", "ClientNetworkError"),
        ("throttled", "RequestLimitExceeded"),
        ("delay", "ClientNetworkError"),
    ):
        tencent.faults.order(fault)
        assert await refusal_of(send, tencent_sms()) == code
    await asyncio.sleep(1)  # the answer that came too late was to a message that went out
    assert len(rows(stage)) == 1


# Aliyun, the newer form.


def new_client(sandbox: AliyunSmsSandbox, secret: str = SECRET, key_id: str = ID) -> NewAliyunClient:
    return NewAliyunClient(
        Config(access_key_id=key_id, access_key_secret=secret, endpoint=sandbox.endpoint, protocol="HTTP")
    )


def new_sms() -> aliyun_models.SendSmsRequest:
    return aliyun_models.SendSmsRequest(
        phone_numbers=PHONE,
        sign_name=SIGN,
        template_code="SMS_100001",
        template_param=json.dumps(PARAMS),
        out_id="k-1",
    )


async def test_aliyuns_newer_client_is_refused_with_a_wrong_secret_an_old_date_and_a_nonce_used_twice(
    aliyun: AliyunSmsSandbox, clock: Shifted, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusal(client: NewAliyunClient) -> str:
        with pytest.raises(NewAliyunRefusal) as caught:
            await asyncio.to_thread(client.send_sms, new_sms())
        return str(caught.value.code)

    assert await refusal(new_client(aliyun, secret="another")) == "SignatureDoesNotMatch"
    assert await refusal(new_client(aliyun, key_id="nobody")) == "InvalidAccessKeyId.NotFound"
    for ahead in (16 * MINUTE, -16 * MINUTE):
        clock.ahead = ahead
        assert await refusal(new_client(aliyun)) == "InvalidTimeStamp.Expired"
    clock.ahead = timedelta()
    assert not rows(stage)
    monkeypatch.setattr(Utils, "get_nonce", staticmethod(lambda: "always the same"))
    assert (await asyncio.to_thread(new_client(aliyun).send_sms, new_sms())).body.code == "OK"
    assert await refusal(new_client(aliyun)) == "SignatureNonceUsed"
    assert len(rows(stage)) == 1


# Aliyun, the older form.


def old_client(sandbox: AliyunSmsSandbox, secret: str = SECRET, key_id: str = ID) -> AcsClient:
    return AcsClient(key_id, secret, "cn-hangzhou", port=int(sandbox.endpoint.partition(":")[2]), auto_retry=False)


def old_sms() -> SendSmsRequest:
    request = SendSmsRequest()
    request.set_endpoint("127.0.0.1")
    request.set_PhoneNumbers(PHONE)
    request.set_SignName(SIGN)
    request.set_TemplateCode("SMS_100001")
    request.set_TemplateParam(json.dumps(PARAMS))
    request.set_OutId("k 1+*~")
    return request


async def asked_by(client: AcsClient, request: Any) -> dict[str, Any]:
    return dict(json.loads(await asyncio.to_thread(client.do_action_with_exception, request)))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_aliyuns_older_client_sends(aliyun: AliyunSmsSandbox, stage: Stage, method: str) -> None:
    request = old_sms()
    request.set_method(method)
    answer = await asked_by(old_client(aliyun), request)
    [row] = rows(stage)
    assert (answer["Code"], answer["BizId"]) == ("OK", row.provider_id)
    assert (row.to, row.key, row.words["text"]) == (PHONE, "k 1+*~", TEXT)


async def test_aliyuns_older_client_sends_a_batch_and_asks(aliyun: AliyunSmsSandbox, clock: Shifted) -> None:
    batch = SendBatchSmsRequest()
    batch.set_endpoint("127.0.0.1")
    batch.set_PhoneNumberJson(json.dumps([PHONE, OTHER]))
    batch.set_SignNameJson(json.dumps([SIGN, SIGN]))
    batch.set_TemplateCode("SMS_100001")
    batch.set_TemplateParamJson(json.dumps([PARAMS, PARAMS]))
    sent = await asked_by(old_client(aliyun), batch)
    assert sent["Code"] == "OK"
    details = QuerySendDetailsRequest()
    details.set_endpoint("127.0.0.1")
    details.set_PhoneNumber(OTHER)
    details.set_SendDate(f"{clock() + timedelta(hours=8):%Y%m%d}")
    details.set_PageSize(10)
    details.set_CurrentPage(1)
    found = await asked_by(old_client(aliyun), details)
    assert [row["Content"] for row in found["SmsSendDetailDTOs"]["SmsSendDetailDTO"]] == [TEXT]


async def test_aliyuns_older_client_is_refused_with_a_wrong_secret_an_old_date_and_a_nonce_used_twice(
    aliyun: AliyunSmsSandbox, clock: Shifted, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusal(client: AcsClient) -> str:
        with pytest.raises(OldAliyunRefusal) as caught:
            await asked_by(client, old_sms())
        return str(caught.value.get_error_code())

    # So it says where the string signed here is its own, byte for byte, and only the secret can be wrong.
    assert await refusal(old_client(aliyun, secret="another")) == "InvalidAccessKeySecret"
    assert await refusal(old_client(aliyun, key_id="nobody")) == "InvalidAccessKeyId.NotFound"
    for ahead in (32 * MINUTE, -32 * MINUTE):
        clock.ahead = ahead
        assert await refusal(old_client(aliyun)) == "InvalidTimeStamp.Expired"
    clock.ahead = timedelta()
    assert not rows(stage)
    monkeypatch.setattr(parameter_helper, "get_uuid", lambda: "always the same")
    assert (await asked_by(old_client(aliyun), old_sms()))["Code"] == "OK"
    assert await refusal(old_client(aliyun)) == "SignatureNonceUsed"
    assert len(rows(stage)) == 1


# WeChat: its calls carry a token, so an old one takes the place of an old date; nonces are in its callbacks alone.

APPID, WECHAT_SECRET, TOKEN = "wx1234567890abcdef", "0123456789abcdef0123456789abcdef", "testtoken"
KEY, ANNA = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"


class Wechatpy(WeChatClient):  # type: ignore[misc]
    message = WeChatMessage()

    def __init__(self, base_url: str, secret: str = WECHAT_SECRET) -> None:
        self.API_BASE_URL = f"{base_url}/cgi-bin/"
        super().__init__(APPID, secret, auto_retry=False)
        self._http.trust_env = False

    def fetch_access_token(self) -> Any:
        params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(f"{self.API_BASE_URL}token", params)


@pytest.fixture
async def wechat(stage: Stage) -> AsyncIterator[WechatSandbox]:
    sandbox = WechatSandbox(
        stage,
        appid=APPID,
        secret=WECHAT_SECRET,
        token=TOKEN,
        encoding_aes_key=KEY,
        templates={},
        subscribe_templates={},
        push_to=None,
        followers=[ANNA],
    )
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


async def test_wechatpy_is_refused_with_a_wrong_secret_and_an_old_token(wechat: WechatSandbox, clock: Shifted) -> None:
    wechat.open_window(ANNA)

    def errcode(client: Wechatpy) -> int:
        with pytest.raises(WeChatClientException) as caught:
            client.message.send_text(ANNA, "您好")
        return int(caught.value.errcode)

    assert await asyncio.to_thread(errcode, Wechatpy(wechat.base_url, secret="f" * 32)) in (40001, 40125)
    client = Wechatpy(wechat.base_url)
    await asyncio.to_thread(client.message.send_text, ANNA, "您好")
    clock.ahead = timedelta(hours=3)  # it goes by its own clock and takes its token for good
    assert await asyncio.to_thread(errcode, client) in (40001, 40014, 42001)
    client._http.close()


async def test_wechatpy_refuses_a_callback_that_was_not_signed_with_its_token_nonce_and_date(
    wechat: WechatSandbox,
) -> None:
    pushed: list[tuple[dict[str, str], bytes]] = []

    async def take(request: Request) -> Response:
        pushed.append((dict(request.query_params), await request.body()))
        return PlainTextResponse("success")

    door = Listener(Starlette(routes=[Route("/", take, methods=["POST"])]), "127.0.0.1", 0)
    wechat.connect(f"http://127.0.0.1:{await door.start()}/")
    await wechat.write(ANNA, "好的")
    await door.stop()
    query, body = pushed[0]
    given = (body, query["msg_signature"], query["timestamp"], query["nonce"])
    assert "好的" in WeChatCrypto(TOKEN, KEY, APPID).decrypt_message(*given)
    for token, changed in (
        ("another", given),
        (TOKEN, (*given[:3], "1")),
        (TOKEN, (*given[:2], "1700000000", given[3])),
    ):
        with pytest.raises(InvalidSignatureException):
            WeChatCrypto(token, KEY, APPID).decrypt_message(*changed)

"""Aliyun's older official client (signature V1), as it comes, against the stand-in: taken or rightly refused."""

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.stage import Stage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own sources
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkdysmsapi.request.v20170525.SendSmsRequest import SendSmsRequest

SIGN, TEMPLATE = "云溪人才网", "SMS_100001"
PARAMS = {"name": "a b+c*d~张", "count": "3"}


class Off:
    """The stage's clock, so far from the client's, which is the machine's."""

    by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def clock() -> Off:
    return Off()


@pytest.fixture
async def sms(clock: Off) -> AsyncIterator[AliyunSmsSandbox]:
    sandbox = AliyunSmsSandbox(
        Stage(clock, seed=1),
        access_key_id="testid",
        access_key_secret="testsecret",
        signs=[SIGN],
        templates={TEMPLATE: "${name}您好，有 ${count} 份简历等您查看。"},
    )
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


def request(sms: AliyunSmsSandbox) -> SendSmsRequest:
    made = SendSmsRequest()
    made.set_endpoint("127.0.0.1")
    made.set_accept_format("json")
    made.set_PhoneNumbers("15483503031")
    made.set_SignName(SIGN)
    made.set_TemplateCode(TEMPLATE)
    made.set_TemplateParam(json.dumps(PARAMS))
    made.set_OutId("k-1")
    return made


async def call(sms: AliyunSmsSandbox, secret: str = "testsecret", method: str = "POST") -> dict[str, str]:
    port = int(sms.endpoint.rpartition(":")[2])
    client = AcsClient("testid", secret, "cn-hangzhou", port=port)
    asked = request(sms)
    asked.set_method(method)
    return dict(json.loads(await asyncio.to_thread(client.do_action_with_exception, asked)))


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_its_signature_is_the_one_that_is_worked_out_from_what_arrived(
    sms: AliyunSmsSandbox, method: str
) -> None:
    assert (await call(sms, method=method))["Code"] == "OK"
    [row] = sms.stage.ledger
    assert (row.key, row.words["params"]) == ("k-1", PARAMS)


async def test_a_wrong_secret_is_refused(sms: AliyunSmsSandbox) -> None:
    with pytest.raises(ServerException) as refused:
        await call(sms, secret="wrong")
    # what it makes of SignatureDoesNotMatch where the text that was signed there is its own to the letter
    assert refused.value.get_error_code() == "InvalidAccessKeySecret"
    assert list(sms.stage.ledger) == []


async def test_an_old_date_is_refused(sms: AliyunSmsSandbox, clock: Off) -> None:
    clock.by = timedelta(hours=1)
    with pytest.raises(ServerException) as refused:
        await call(sms)
    assert refused.value.get_error_code() == "InvalidTimeStamp.Expired"

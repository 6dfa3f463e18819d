"""What every channel owes, as a table that channels join: each brings a stand-in that can be told how to behave.

To join: a class with the members of `Kit`, and a line in `SMS_KITS` or in `other_kits.KITS`.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from bot.channels.base import Channel, InboundRequest
from bot.channels.sms_aliyun import AliyunSettings, AliyunSmsChannel
from bot.channels.sms_generic import GenericSmsChannel
from bot.channels.sms_generic_file import load_gateway
from bot.channels.sms_tencent import TencentSettings, TencentSmsChannel
from bot.sandbox.aliyun_carrier import Quirks
from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.sms_carrier import Quirks as SmsQuirks
from bot.sandbox.stage import Stage
from bot.sandbox.tencent_sms import TencentSmsSandbox
from campaigns.terms import (
    ChannelName,
    InboundEvent,
    MessageClass,
    Outbound,
    Reaction,
    SmsProvider,
    SmsTemplate,
    SmsWords,
)
from tests.channels.strict_tencent import APP_ID, NOW, SECRET_ID, SECRET_KEY, SIGN
from tests.scripted import Fault, Seen, Told, answer, serving

EVENTS = ("refuse", "throttle", "cut before", "cut after")
TEMPLATE = "SMS_100001"
WORDS = SmsWords(
    TEMPLATE,
    SIGN,
    {"name": "张三", "count": "3"},
    f"【{SIGN}】张三您好，有 3 份简历等您查看。",
    {
        SmsProvider.TENCENT: SmsTemplate("449739", ("name", "count")),
        SmsProvider.GENERIC: SmsTemplate("G1", ("name", "count")),
    },
)


class Kit(Protocol):
    """A channel with its stand-in.

    `keeps_records`: it can be asked about what got no answer. `refusal`: what its refusal means. `lost`: what a
    connection means that is cut before the effect. `tells`: receipts and replies are pushed to our doors.
    """

    channel: Channel
    keeps_records: bool
    refusal: Reaction
    lost: Reaction
    tells: bool

    def message(self, number: int) -> Outbound: ...

    def tell(self, event: str) -> None:
        """What becomes of the next call: one of EVENTS."""

    def taken(self) -> list[str]:
        """The names of all messages that took effect, in order."""

    def take(self, request: InboundRequest) -> list[InboundEvent]:
        """What our door makes of a push. Raises WebhookRejected."""

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        """What the provider pushes once that message was delivered; where it does not, anything it pushes."""

    def reply(self, address: str, text: str) -> InboundRequest: ...

    def forged(self) -> Sequence[InboundRequest]:
        """What cannot be the provider's."""


class ByHttp:
    """A kit whose provider calls our doors."""

    channel: Channel
    keeps_records = True
    refusal = Reaction.PAUSE_TEMPLATE
    lost = Reaction.UNKNOWN
    tells = True

    def message(self, number: int) -> Outbound:
        return _message(number)

    def take(self, request: InboundRequest) -> list[InboundEvent]:
        self.channel.verify(request)
        return self.channel.parse(request)


def _message(number: int) -> Outbound:
    return Outbound(number, f"key-{number}", f"1548350{number:04}", MessageClass.SERVICE, WORDS)


def _post(door: str, body: object) -> InboundRequest:
    return InboundRequest("POST", door, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def _forged(door: str) -> list[InboundRequest]:
    bodies = (b"", b"{", b"\xff\xfe", b"3", b'"x"', b"[" * 200_000, b"[]" + b" " * 1_000_001)
    return [*(_post(door, body) for body in bodies), _post("nowhere", b"[]"), replace(_post(door, []), method="PUT")]


@dataclass
class AliyunKit(ByHttp):
    sandbox: AliyunSmsSandbox
    channel: Channel

    def tell(self, event: str) -> None:
        if event == "refuse":
            self.sandbox.account.signs.clear()
        else:
            faults = {"throttle": "throttled", "cut before": "reset_before", "cut after": "reset_after"}
            self.sandbox.faults.order(faults[event])

    def taken(self) -> list[str]:
        return [row.key for row in self.sandbox.stage.ledger if row.channel is ChannelName.SMS]

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        item = {
            "phone_number": address,
            "success": True,
            "err_code": "DELIVERED",
            "biz_id": provider_id,
            "out_id": name,
        }
        return _post("report", [item | {"report_time": "2026-11-23 09:00:10"}])

    def reply(self, address: str, text: str) -> InboundRequest:
        item = {"phone_number": address, "content": text, "send_time": "2026-11-23 09:01:00"}
        return _post("reply", [item | {"sequence_id": f"{address}-{text}"}])

    def forged(self) -> Sequence[InboundRequest]:
        return _forged("report")


@asynccontextmanager
async def _aliyun(folder: Path) -> AsyncIterator[Kit]:
    sandbox = AliyunSmsSandbox(
        Stage(lambda: NOW, seed=1),
        access_key_id="id",
        access_key_secret="secret",
        signs=[SIGN],
        templates={TEMPLATE: "${name}您好，有 ${count} 份简历等您查看。"},
        quirks=Quirks(empty_share=0, failure_share=0, duplicate_share=0, reply_duplicate_share=0),
    )
    await sandbox.start()
    channel = AliyunSmsChannel(AliyunSettings("id", "secret", f"http://{sandbox.endpoint}", 2.0), lambda: NOW)
    try:
        yield AliyunKit(sandbox, channel)
    finally:
        await channel.close()
        await sandbox.stop()


@dataclass
class TencentKit(ByHttp):
    cloud: TencentSmsSandbox
    channel: Channel

    def tell(self, event: str) -> None:
        if event == "refuse":
            self.cloud.account.signs.clear()
        else:
            faults = {"throttle": "throttled", "cut before": "reset_before", "cut after": "reset_after"}
            self.cloud.faults.order(faults[event])

    def taken(self) -> list[str]:
        return [row.key for row in self.cloud.stage.ledger if row.channel is ChannelName.SMS]

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        item = {"mobile": address, "nationcode": "86", "report_status": "SUCCESS", "errmsg": "DELIVRD"}
        return _post("status", [item | {"user_receive_time": "2026-11-23 09:00:10", "sid": provider_id or "2433:x"}])

    def reply(self, address: str, text: str) -> InboundRequest:
        return _post("reply", {"mobile": address, "nationcode": "86", "text": text, "time": 1795396623, "sign": SIGN})

    def forged(self) -> Sequence[InboundRequest]:
        return _forged("status")


@asynccontextmanager
async def _tencent(folder: Path) -> AsyncIterator[Kit]:
    # a carrier that has always spoken already: before, there is nothing to be asked
    spoken = SmsQuirks(
        soonest=-timedelta(minutes=2), latest=-timedelta(minutes=1), empty_share=0, failure_share=0, duplicate_share=0
    )
    cloud = TencentSmsSandbox(
        Stage(lambda: NOW, seed=1),
        secret_id=SECRET_ID,
        secret_key=SECRET_KEY,
        sdk_app_id=APP_ID,
        signs=[SIGN],
        templates={"449739": "{1}您好，有 {2} 份简历等您查看。"},
        quirks=spoken,
    )
    await cloud.start()
    settings = TencentSettings(SECRET_ID, SECRET_KEY, APP_ID, f"http://{cloud.endpoint}", timeout=60)
    channel = TencentSmsChannel(settings, lambda: NOW)
    try:
        yield TencentKit(cloud, channel)
    finally:
        await channel.close()
        await cloud.stop()


GATEWAY = """
url = "{url}/send?v=2"
timeout = 2
body = '''{{"mobile": "$number", "content": "$text", "template": "$template", "args": $values,
"uid": "$name", "key": "${{env:KEY}}"}}'''
[headers]
X-Token = "${{env:TOKEN}}"
[success]
code = "result.code"
accepted = [0]
id = "result.id"
answer = "SUCCESS"
[codes]
"7" = "pause_template"
"9" = "slow"
[report]
items = "list"
number = "mobile"
id = "id"
name = "uid"
status = "state"
delivered = ["DELIVRD"]
at = "when"
[reply]
number = "mobile"
text = "content"
at = "when"
"""


@dataclass
class GenericKit(ByHttp):
    channel: Channel
    took: list[dict[str, Any]]
    told: list[str] = field(default_factory=list)
    keeps_records = False

    def tell(self, event: str) -> None:
        self.told.append(event)

    def taken(self) -> list[str]:
        return [row["uid"] for row in self.took]

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        item = {"mobile": address, "id": provider_id or "g-x", "uid": name, "state": "DELIVRD"}
        return _post("report", {"list": [item | {"when": "2026-11-23 09:00:10"}]})

    def reply(self, address: str, text: str) -> InboundRequest:
        return _post("reply", {"mobile": address, "content": text, "when": "2026-11-23 09:01:00"})

    def forged(self) -> Sequence[InboundRequest]:
        return _forged("report")


def _gateway(took: list[dict[str, Any]], told: list[str]) -> Callable[[Seen], Told]:
    """A gateway that answers `{"result": {"code", "id"}}`."""

    def tell(seen: Seen) -> Told:
        event = told.pop(0) if told else ""
        if event in ("refuse", "throttle"):
            return answer({"result": {"code": 7 if event == "refuse" else 9}})
        if event != "cut before":
            took.append(json.loads(seen.body))
        return Fault.RESET if event else answer({"result": {"code": 0, "id": f"g-{len(took)}"}})

    return tell


@asynccontextmanager
async def _generic(folder: Path) -> AsyncIterator[Kit]:
    took: list[dict[str, Any]] = []
    told: list[str] = []
    async with serving(_gateway(took, told)) as server:
        path = folder / "gateway.toml"
        path.write_text(GATEWAY.format(url=server.url), encoding="utf-8")
        channel = GenericSmsChannel(load_gateway(path, {"KEY": 'a"b$c', "TOKEN": "t"}), lambda: NOW)
        try:
            yield GenericKit(channel, took, told)
        finally:
            await channel.close()


SMS_KITS = {"sms by Aliyun": _aliyun, "sms by Tencent": _tencent, "sms by a gateway of a file": _generic}

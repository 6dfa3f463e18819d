"""WeChat, WeCom and mail join the table of what every channel owes."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from bot.channels.base import Channel, InboundRequest
from bot.channels.email import EmailChannel, EmailSettings
from bot.channels.mailbox import read_mail
from bot.channels.wechat import WechatChannel, WechatSettings
from bot.channels.wecom import WecomChannel
from bot.channels.wecom_api import WecomSettings
from bot.sandbox.smtp import SmtpServer
from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_push import Envelope, Push
from bot.sandbox.wecom.account import WecomApp
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.sandbox.wecom.people import Staff
from campaigns.terms import (
    InboundEvent,
    MailWords,
    MessageClass,
    Outbound,
    Reaction,
    WechatMode,
    WechatWords,
    WecomWords,
)
from tests.channels.contract import SMS_KITS, ByHttp, Kit
from tests.channels.strict_tencent import NOW

APPID, SECRET, TOKEN = "wx5a4e64b0c5a4e64b", "0123456789abcdef0123456789abcdef", "a token"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
NOTICE = WechatWords(WechatMode.TEMPLATE, "张三：3 份", template_id="TPL", data={"thing1": "张三", "number2": "3"})
CORPID, APP_SECRET, DESK = "ww5a4e64b0c5a4e64b", "s" * 43, "wkHUIFANG0000000000000000000000"
REPLIES, IDS = "reply.talent.example", "mail.talent.example"


def _posted(push: Push) -> InboundRequest:
    return InboundRequest("POST", "callback", query=push.query, body=push.body)


def _garbled(push: Push) -> list[InboundRequest]:
    """What cannot be the provider's: signed wrongly, for another body, not at all, no XML, in the wrong way."""
    right = _posted(push)
    bodies = (b"", b"<xml>", b"\xff\xfe", b"{}", b"<xml></xml>", right.body + b" " * 1_000_001)
    return [
        *(replace(right, body=body) for body in bodies),
        replace(right, query={**push.query, "msg_signature": "0" * 40}),
        replace(right, query={}),
        replace(right, method="PUT"),
        replace(right, door="nowhere"),
    ]


# ---- WeChat -----------------------------------------------------------------------------------------------------


@dataclass
class WechatKit(ByHttp):
    sandbox: WechatSandbox
    channel: Channel
    envelope: Envelope
    keeps_records = False

    def message(self, number: int) -> Outbound:
        return Outbound(number, f"key-{number}", f"o{number:027}", MessageClass.SERVICE, NOTICE)

    def tell(self, event: str) -> None:
        """A notice whose answer is lost is sent once more, under a name that WeChat takes once: that is lost, too."""
        faults = {
            "refuse": "40037",
            "throttle": "minute_limit",
            "cut before": "reset_before",
            "cut after": "reset_after",
        }
        self.sandbox.faults.order(*[faults[event]] * (2 if event.startswith("cut") else 1))

    def taken(self) -> list[str]:
        return [row.key for row in self.sandbox.stage.ledger]

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        number = "".join(filter(str.isdigit, provider_id)) or "7"
        fields = {"Event": "TEMPLATESENDJOBFINISH", "MsgID": number, "Status": "success"}
        return _posted(self.envelope.wrap(address, "event", fields, NOW))

    def reply(self, address: str, text: str) -> InboundRequest:
        number = 10**17 + sum(text.encode())
        return _posted(self.envelope.wrap(address, "text", {"Content": text, "MsgId": number}, NOW))

    def forged(self) -> Sequence[InboundRequest]:
        return _garbled(self.envelope.wrap("oX", "text", {"Content": "x", "MsgId": 1}, NOW))


@asynccontextmanager
async def _wechat(folder: Path) -> AsyncIterator[Kit]:
    sandbox = WechatSandbox(
        Stage(lambda: NOW, seed=1),
        appid=APPID,
        secret=SECRET,
        token=TOKEN,
        encoding_aes_key=AES_KEY,
        templates={"TPL": "{{thing1.DATA}} {{number2.DATA}}"},
        subscribe_templates={},
        push_to=None,
    )
    await sandbox.start()
    envelope = Envelope(
        "secure", token=TOKEN, encoding_aes_key=AES_KEY, appid=APPID, original_id="gh_1", dice=random.Random(1)
    )
    settings = WechatSettings(
        appid=APPID, secret=SECRET, token=TOKEN, encoding_aes_key=AES_KEY, base_url=sandbox.base_url
    )
    channel = WechatChannel(settings, lambda: NOW)
    try:
        yield WechatKit(sandbox, channel, envelope)
    finally:
        await channel.close()
        await sandbox.stop()


# ---- WeCom ------------------------------------------------------------------------------------------------------


@dataclass
class WecomKit(ByHttp):
    """Answers in customer service. What customers write, and what failed, is fetched: a push says only that."""

    sandbox: WecomSandbox
    channel: Channel
    keeps_records = False
    refusal = Reaction.CONSENT_USED
    tells = False

    def message(self, number: int) -> Outbound:
        customer = f"wm{number:030}"
        self.sandbox.kf.open_window(self.sandbox.kf.talk(DESK, customer))
        return Outbound(number, f"key-{number}", customer, MessageClass.ANSWER, WecomWords("张三您好，马上处理"))

    def tell(self, event: str) -> None:
        faults = {"refuse": "95018", "throttle": "rate_limit", "cut before": "reset_before", "cut after": "reset_after"}
        self.sandbox.faults.order(faults[event])

    def taken(self) -> list[str]:
        return [row.key for row in self.sandbox.stage.ledger]

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        return self._summons(f"{name} {provider_id}")

    def reply(self, address: str, text: str) -> InboundRequest:
        return self._summons(text)

    def forged(self) -> Sequence[InboundRequest]:
        return _garbled(self._push("x"))

    def _summons(self, about: str) -> InboundRequest:
        return _posted(self._push(about))

    def _push(self, about: str) -> Push:
        fields = {"MsgType": "event", "Event": "kf_msg_or_event", "Token": f"T{about}", "OpenKfId": DESK}
        return self.sandbox.callbacks.envelope.wrap(about, fields, NOW)


@asynccontextmanager
async def _wecom(folder: Path) -> AsyncIterator[Kit]:
    sandbox = WecomSandbox(
        Stage(lambda: NOW, seed=1),
        corpid=CORPID,
        apps=[WecomApp(1000002, APP_SECRET)],
        token=TOKEN,
        encoding_aes_key=AES_KEY,
        staff=[Staff("wangfang")],
        open_kfids=[DESK],
        push_to=None,
    )
    await sandbox.start()

    async def desk_of(customer: str) -> str:
        return DESK

    settings = WecomSettings(CORPID, APP_SECRET, 1000002, TOKEN, AES_KEY, sandbox.base_url, timeout=60)
    channel = WecomChannel(settings, lambda: NOW, desk_of)
    try:
        yield WecomKit(sandbox, channel)
    finally:
        await channel.close()
        await sandbox.stop()


# ---- mail -------------------------------------------------------------------------------------------------------


@dataclass
class MailKit:
    """What comes back is a mail, not a call: our HTTP doors turn everything away."""

    relay: SmtpServer
    channel: Channel
    keeps_records = False
    refusal = Reaction.SUPPRESS
    lost = Reaction.RETRY  # SMTP says how far it came
    tells = True

    def message(self, number: int) -> Outbound:
        words = MailWords("有简历等您", "张三您好", "<p>张三您好</p>")
        return Outbound(number, f"key-{number}", f"li{number}@datong.example", MessageClass.SERVICE, words)

    def tell(self, event: str) -> None:
        if event == "refuse":
            self.relay.stage.unknown.add("li1@datong.example")
            return
        self.relay.stage.unknown.clear()
        self.relay.busy_about.clear()
        if event == "throttle":
            self.relay.busy_about.add("datong.example")
        else:
            faults = {"cut before": "drop_before_data", "cut after": "drop_after_dot"}
            self.relay.faults.order(faults[event])

    def taken(self) -> list[str]:
        return [row.key for row in self.relay.stage.ledger]

    def take(self, request: InboundRequest) -> list[InboundEvent]:
        if request.door != "mail":
            self.channel.verify(request)
        to = str(request.query["to"])
        return read_mail(
            request.body, now=NOW, reply_domain=REPLIES, message_id_domain=IDS, envelope_from="", envelope_to=[to]
        )

    def receipt(self, name: str, address: str, provider_id: str) -> InboundRequest:
        report = (
            f"From: MAILER-DAEMON@mx.datong.example\r\nTo: bounce+{name}@{REPLIES}\r\nSubject: Delivered\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
            "--B\r\nContent-Type: text/plain\r\n\r\nDelivered.\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; mx.datong.example\r\n\r\nFinal-Recipient: rfc822; {address}\r\n"
            "Action: delivered\r\nStatus: 2.0.0\r\n\r\n--B--\r\n"
        )
        return InboundRequest("POST", "mail", query={"to": f"bounce+{name}@{REPLIES}"}, body=report.encode())

    def reply(self, address: str, text: str) -> InboundRequest:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = address, f"reply+key-1@{REPLIES}", "回复：有简历等您"
        mail.set_content(text)
        return InboundRequest("POST", "mail", query={"to": f"reply+key-1@{REPLIES}"}, body=mail.as_bytes(policy=SMTP))

    def forged(self) -> Sequence[InboundRequest]:
        return [InboundRequest("POST", door, body=body) for door in ("report", "callback") for body in (b"", b"{}")]


@asynccontextmanager
async def _mail(folder: Path) -> AsyncIterator[Kit]:
    relay = SmtpServer(Stage(lambda: NOW, seed=1), sender_domains=None, password=None)
    host, port = await relay.start()
    settings = EmailSettings(
        host=host, port=port, sender_name="人才网", sender_address="service@talent.example", reply_domain=REPLIES,
        message_id_domain=IDS, starttls=False, timeout=60,
    )  # fmt: skip
    channel = EmailChannel(settings, lambda: NOW)
    try:
        yield MailKit(relay, channel)
    finally:
        await channel.close()
        await relay.stop()


KITS: dict[str, Callable[[Path], AbstractAsyncContextManager[Kit]]] = {
    **SMS_KITS,
    "WeChat": _wechat,
    "WeCom": _wecom,
    "mail": _mail,
}

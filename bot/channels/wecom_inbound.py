"""WeCom's callback: which requests are its own, always encrypted, and what its events mean to us."""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from bot.channels.wechat_envelope import AES_KEY, LARGEST, decipher, envelope, moment, read_fields, sign
from bot.channels.wecom_events import (
    ArchiveApproved,
    CustomerAdded,
    CustomerDropped,
    CustomerEdited,
    DeskNews,
    OtherPush,
    StaffRemoved,
    StaffWrote,
    TransferFailed,
    WecomPush,
    read_push,
)
from campaigns.errors import ConfigError, WebhookRejected
from campaigns.terms import ChannelName, InboundEvent, ReachChange, StaffLine, Summons

log = logging.getLogger(__name__)

_SKEW = timedelta(minutes=10)  # its repeats keep the first push's timestamp, and end within 15 s


@dataclass(frozen=True, slots=True)
class WecomCallback:
    """The message server of one application. `corpid` is for whom every push must be."""

    corpid: str
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigError."""
        if not self.token:
            raise ConfigError("WECOM_TOKEN: 要填应用“接收消息”里的 Token (the token of the message server)")
        if not AES_KEY.fullmatch(self.encoding_aes_key):
            raise ConfigError("WECOM_ENCODING_AES_KEY: 43 个字母和数字 (43 letters and digits)")

    def echo(self, query: Mapping[str, str], now: datetime | None = None) -> str:
        """What a URL check wants to read: the deciphered echostr, nothing around it. Raises WebhookRejected."""
        echostr = query.get("echostr", "")
        if not echostr:
            raise WebhookRejected("a URL check without echostr")
        self._check(query, echostr, now)
        return self._decipher(echostr)

    def read(self, query: Mapping[str, str], body: bytes, now: datetime) -> WecomPush:
        """Raises WebhookRejected where a push is not WeCom's, too old, or cannot be read."""
        if len(body) > LARGEST:
            raise WebhookRejected("a push of over 1 MB")
        try:
            encrypted = envelope(body)
            self._check(query, encrypted, now)
            return read_push(read_fields(self._decipher(encrypted).encode()))
        except WebhookRejected:
            raise
        except Exception as problem:  # expat, struct, binascii and wechatpy's own errors
            raise WebhookRejected(f"a push that cannot be read ({type(problem).__name__})") from None

    def _check(self, query: Mapping[str, str], encrypted: str, now: datetime | None) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        made, given = sign(self.token, timestamp, nonce, encrypted), query.get("msg_signature", "")
        if not hmac.compare_digest(made.encode(), given.encode("utf-8", "replace")):
            raise WebhookRejected(
                "a signature with another token than this application's (where real: compare WECOM_TOKEN)"
            )
        if now is not None and abs(now - moment(timestamp)) > _SKEW:
            raise WebhookRejected("a timestamp more than 10 minutes away from now")

    def _decipher(self, encrypted: str) -> str:
        try:
            return decipher(self.encoding_aes_key, encrypted, self.corpid)
        except Exception as problem:
            raise WebhookRejected(f"cannot be decrypted ({type(problem).__name__}): check key and corpid") from None


def events_of(push: WecomPush) -> list[InboundEvent]:
    """What a push changes. A customer whom staff removed, or renamed, can be written to as before by others."""
    match push:
        case CustomerAdded():
            change = "half" if push.half else "add"
            return [_reach(push, change, followed=True, scene=push.state)]
        case StaffRemoved():
            return [_reach(push, "removed", followed=False)]
        case DeskNews():
            name = _named("desk", push.desk, push.at, push.token)
            return [Summons(name, ChannelName.WECOM, push.at, push.desk, push.token)]
        case StaffWrote():
            name = f"line:{push.msgid}" if push.msgid else _named("line", push.staff, push.at, push.text)
            return [StaffLine(name, ChannelName.WECOM, push.at, push.staff, push.text)]
        case CustomerEdited() | CustomerDropped() | ArchiveApproved() | OtherPush():
            return []
        case TransferFailed():
            log.warning("a customer could not be handed to another colleague: %s", push.reason)
            return []
        case _:
            assert_never(push)


def _reach(push: CustomerAdded | StaffRemoved, change: str, *, followed: bool, scene: str = "") -> ReachChange:
    return ReachChange(
        _named(change, f"{push.staff}:{push.customer}", push.at),
        ChannelName.WECOM,
        push.at,
        push.customer,
        followed=followed,
        scene=scene,
        staff=push.staff,
    )


def _named(kind: str, who: str, at: datetime, more: str = "") -> str:
    """The same for every repeat: an event has no id."""
    digest = hashlib.sha256(f"{who}:{more}".encode()).hexdigest()[:40]
    return f"{kind}:{at.timestamp():.0f}:{digest}"

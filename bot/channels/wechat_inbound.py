"""WeChat's callback: which requests are its own."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.channels.wechat_envelope import AES_KEY, LARGEST, decipher, sign
from bot.channels.wechat_envelope import envelope as _envelope
from bot.channels.wechat_envelope import moment as _moment
from bot.channels.wechat_envelope import read_fields as _fields
from bot.channels.wechat_events import read_events
from campaigns.errors import ConfigError, WebhookRejected
from campaigns.terms import InboundEvent

_SKEW = timedelta(minutes=10)  # its repeats keep the first push's timestamp, and end within 15 s


@dataclass(frozen=True, slots=True)
class Callback:
    """One account's message server. With an `encoding_aes_key` only encrypted pushes are taken."""

    appid: str
    token: str = field(repr=False)
    encoding_aes_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigError."""
        if not self.token:
            raise ConfigError("WECHAT_TOKEN: 要填公众号后台消息推送的 Token (the token of the message server)")
        if self.encoding_aes_key and not AES_KEY.fullmatch(self.encoding_aes_key):
            raise ConfigError(
                "WECHAT_ENCODING_AES_KEY: 43 个字母和数字，明文模式就空着 (43 letters and digits, or empty)"
            )

    def check_echo(self, query: Mapping[str, str], now: datetime) -> None:
        """Raises WebhookRejected where a URL check is not WeChat's."""
        if not query.get("echostr"):
            raise WebhookRejected("a URL check without echostr")
        self._check(query, now, query["echostr"])
        self.echo(query)

    def echo(self, query: Mapping[str, str]) -> str:
        """What a URL check wants to read."""
        text = query["echostr"]
        return self._decrypt(text) if _is_encrypted(query) else text

    def check_push(self, query: Mapping[str, str], body: bytes, now: datetime) -> list[InboundEvent]:
        """The events of a push. Raises WebhookRejected where it is not WeChat's, too old, or cannot be read."""
        if len(body) > LARGEST:
            raise WebhookRejected("a push of over 1 MB")
        self._check(query, now, _envelope(body) if _is_encrypted(query) else "")
        if self.encoding_aes_key and not _is_encrypted(query):
            raise WebhookRejected("a plain push, though WECHAT_ENCODING_AES_KEY is set: empty it for plain mode")
        return self.read_push(query, body)

    def read_push(self, query: Mapping[str, str], body: bytes) -> list[InboundEvent]:
        """The events of a push that was checked. Raises WebhookRejected where it cannot be read."""
        try:
            return read_events(_fields(self._decrypt(_envelope(body)).encode() if _is_encrypted(query) else body))
        except WebhookRejected:
            raise
        except Exception as problem:  # wechatpy lets struct, binascii, expat and its own errors through
            raise WebhookRejected(f"a push that cannot be read ({type(problem).__name__})") from None

    def _check(self, query: Mapping[str, str], now: datetime, encrypted: str) -> None:
        """`signature` does not cover the body, so of an encrypted request the other one counts."""
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if _is_encrypted(query):
            given, made = query.get("msg_signature", ""), sign(self.token, timestamp, nonce, encrypted)
        else:
            given, made = query.get("signature", ""), sign(self.token, timestamp, nonce)
        if not hmac.compare_digest(made.encode(), given.encode("utf-8", "replace")):
            raise WebhookRejected(
                "a signature with another token than this account's (where real: compare WECHAT_TOKEN)"
            )
        if abs(now - _moment(timestamp)) > _SKEW:
            raise WebhookRejected("a timestamp more than 10 minutes away from now")

    def _decrypt(self, encrypted: str) -> str:
        if not self.encoding_aes_key:
            raise WebhookRejected("an encrypted request, but WECHAT_ENCODING_AES_KEY is empty")
        try:
            return decipher(self.encoding_aes_key, encrypted, self.appid)
        except Exception as problem:
            raise WebhookRejected(f"cannot be decrypted ({type(problem).__name__}): check key and appid") from None


def _is_encrypted(query: Mapping[str, str]) -> bool:
    return query.get("encrypt_type", "") == "aes" or "msg_signature" in query

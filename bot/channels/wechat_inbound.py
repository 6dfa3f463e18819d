"""WeChat's callback: which requests are its own, and what their messages and events say."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.channels.wechat_envelope import AES_KEY, LARGEST, Fields, decipher, sign
from bot.channels.wechat_envelope import envelope as _envelope
from bot.channels.wechat_envelope import moment as _moment
from bot.channels.wechat_envelope import read_fields as _fields
from bot.channels.wechat_envelope import text as _text
from campaigns.errors import ConfigError, WebhookRejected
from campaigns.terms import ChannelName, InboundEvent, ReachChange, Reaction, Receipt, Reply

_SKEW = timedelta(minutes=10)  # its repeats keep the first push's timestamp, and end within 15 s
_OPENID = re.compile(r"[\w.@-]{1,64}", re.ASCII)


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
            return _events(_fields(self._decrypt(_envelope(body)).encode() if _is_encrypted(query) else body))
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


def _items(fields: Fields, name: str) -> list[Fields]:
    """The Lists of an event: one or many, and as XML one does not look like many."""
    holder = fields.get(name)
    found = holder.get("List") if isinstance(holder, dict) else holder
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


# ---- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Push:
    """What every push has."""

    address: str
    at: datetime
    event: str
    key: str
    fields: Fields

    @classmethod
    def read(cls, fields: Fields) -> "_Push":
        """Raises WebhookRejected where one is missing."""
        address, event, key = (_text(fields, name) for name in ("FromUserName", "Event", "EventKey"))
        if not _OPENID.fullmatch(address):
            raise WebhookRejected("a push without a sender")
        return cls(address, _moment(_text(fields, "CreateTime")), event, key.removeprefix("qrscene_"), fields)

    def name(self, *detail: str) -> str:
        """The same for every repeat. An event has no id, and two of one follower may share a second."""
        text = ":".join((self.address, f"{self.at.timestamp():.0f}", self.event, *detail))
        return text if len(text) <= 128 else hashlib.sha256(text.encode()).hexdigest()


def _events(fields: Fields) -> list[InboundEvent]:
    kind = _text(fields, "MsgType").lower()
    if not kind:
        raise WebhookRejected("a push without MsgType")
    if kind != "event":
        return _message(_Push.read(fields), kind)
    read = _EVENTS.get(_text(fields, "Event").lower())
    return read(_Push.read(fields)) if read else []


def _message(push: _Push, kind: str) -> list[InboundEvent]:
    text = _words(push.fields, kind)
    name = _text(push.fields, "MsgId")[:64] or push.name(kind, hashlib.sha256(text.encode()).hexdigest()[:32])
    # A tap on a menu in a message of ours is a click that comes as text.
    window = _CLICKED if _text(push.fields, "bizmsgmenuid") else _WRITTEN
    return [
        _reach(push, f"{name}:window", window),
        Reply(name, ChannelName.WECHAT, push.at, push.address, text),
    ]


def _words(fields: Fields, kind: str) -> str:
    """Of a voice message the words WeChat heard, where it was asked to listen: they may be a refusal."""
    if kind == "text":
        return _text(fields, "Content")
    return _text(fields, "Recognition").strip() or _KINDS.get(kind, "[消息]")


def _follow(push: _Push) -> list[InboundEvent]:
    return [_reach(push, push.name(push.key), _CLICKED, followed=True, scene=push.key[:64])]


def _click(push: _Push) -> list[InboundEvent]:
    return [_reach(push, push.name(push.key), _CLICKED)]


def _unfollow(push: _Push) -> list[InboundEvent]:
    return [ReachChange(push.name(push.key), ChannelName.WECHAT, push.at, push.address, followed=False)]


def _reach(
    push: _Push, name: str, window: tuple[timedelta, int], followed: bool | None = None, scene: str = ""
) -> ReachChange:
    lasts, count = window
    return ReachChange(
        name,
        ChannelName.WECHAT,
        push.at,
        push.address,
        followed=followed,
        window_until=push.at + lasts,
        window_left=count,
        scene=scene,
    )


def _template_done(push: _Push) -> list[InboundEvent]:
    return [_receipt(push, push.fields, _text(push.fields, "Status"))]


def _notice_done(push: _Push) -> list[InboundEvent]:
    """Its Lists name no reason but in ErrorStatus."""
    return [
        _receipt(push, item, "success" if _text(item, "ErrorCode") == "0" else _text(item, "ErrorStatus"))
        for item in _items(push.fields, "SubscribeMsgSentEvent")
    ]


def _receipt(push: _Push, fields: Fields, status: str) -> Receipt:
    sent_as = (_text(fields, "MsgID") or _text(fields, "MsgId"))[:64]
    if not sent_as:
        raise WebhookRejected("a receipt without MsgID")
    delivered, code, reaction = _read_status(status)
    return Receipt(
        push.name(sent_as),
        ChannelName.WECHAT,
        push.at,
        delivered,
        provider_id=sent_as,
        address=push.address,
        reaction=reaction,
        code=code,
    )


def _read_status(status: str) -> tuple[bool, str, Reaction | None]:
    """`failed:user block`, `failed: system failed`: the blank after the colon comes and goes."""
    head, _, why = status.lower().partition(":")
    if head.strip() == "success":
        return True, "success", None
    word = why.strip() or head.strip()
    return False, word[:64], _STATUSES.get(word, Reaction.DROP)


def _popup(push: _Push) -> list[InboundEvent]:
    return _credits(push, _items(push.fields, "SubscribeMsgPopupEvent"))


def _switched_off(push: _Push) -> list[InboundEvent]:
    return _credits(push, _items(push.fields, "SubscribeMsgChangeEvent"))


def _credits(push: _Push, items: Sequence[Fields]) -> list[InboundEvent]:
    """One accept is one notice; a refusal takes back what was there."""
    credits = dict[str, int]()
    for item in items:
        template, said = _text(item, "TemplateId")[:128], _text(item, "SubscribeStatusString")
        if template and said == "accept":
            credits[template] = credits.get(template, 0) + 1
        elif template and said == "reject":
            credits[template] = 0
    if not credits:
        return []
    name = push.name(*(f"{template}={count}" for template, count in sorted(credits.items())))
    return [ReachChange(name, ChannelName.WECHAT, push.at, push.address, credits=credits)]


# What a follower's action opens: for how long, for how many messages.
_WRITTEN = (timedelta(hours=48), 5)
_CLICKED = (timedelta(minutes=1), 3)

_KINDS = {
    "image": "[图片]",
    "voice": "[语音]",
    "video": "[视频]",
    "shortvideo": "[小视频]",
    "location": "[位置]",
    "link": "[链接]",
}

# Other events (a view of a page, a position, a mass message's end) change nothing.
_EVENTS: Mapping[str, Callable[[_Push], list[InboundEvent]]] = {
    "subscribe": _follow,
    "scan": _follow,
    "unsubscribe": _unfollow,
    "click": _click,
    "scancode_push": _click,
    "scancode_waitmsg": _click,
    "templatesendjobfinish": _template_done,
    "subscribe_msg_popup_event": _popup,
    "subscribe_msg_change_event": _switched_off,
    "subscribe_msg_sent_event": _notice_done,
}

_STATUSES = {
    "user block": Reaction.SUPPRESS,
    "freq limit": Reaction.DEFER_RECIPIENT,
    "system failed": Reaction.DROP,
}

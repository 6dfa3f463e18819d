"""What WeChat's callback says: a follower's words and deeds, receipts, the end of a mass send."""

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from bot.channels.wechat_envelope import Fields
from bot.channels.wechat_envelope import moment as _moment
from bot.channels.wechat_envelope import text as _text
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName, InboundEvent, ReachChange, Reaction, Receipt, Reply

log = logging.getLogger(__name__)

_OPENID = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_JUDGED = re.compile(r"err\((\d{1,6})\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Push:
    """What every push has."""

    address: str
    at: datetime
    event: str
    key: str
    fields: Fields

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Raises WebhookRejected where one is missing."""
        address, event, key = (_text(fields, name) for name in ("FromUserName", "Event", "EventKey"))
        if not _OPENID.fullmatch(address):
            raise WebhookRejected("a push without a sender")
        return cls(address, _moment(_text(fields, "CreateTime")), event, key.removeprefix("qrscene_"), fields)

    def name(self, *detail: str) -> str:
        """The same for every repeat. An event has no id, and two of one follower may share a second."""
        text = ":".join((self.address, f"{self.at.timestamp():.0f}", self.event, *detail))
        return text if len(text) <= 128 else hashlib.sha256(text.encode()).hexdigest()


def read_events(fields: Fields) -> list[InboundEvent]:
    kind = _text(fields, "MsgType").lower()
    if not kind:
        raise WebhookRejected("a push without MsgType")
    if kind != "event":
        return _message(_Push.read(fields), kind)
    name = _text(fields, "Event")
    read = _EVENTS.get(name.lower())
    if read is None:
        log.info("WeChat event %.40r is in no table", name)
        return []
    return read(_Push.read(fields))


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


def _mass_done(push: _Push) -> list[InboundEvent]:
    """The end of a mass send. It comes from the account, not from a follower, and tells how many, never who."""
    sent_as = (_text(push.fields, "MsgID") or _text(push.fields, "MsgId"))[:64]
    if not sent_as:
        raise WebhookRejected("the end of a mass send without MsgID")
    total, sent = (_number(push.fields, name) for name in ("TotalCount", "SentCount"))
    delivered, code, reaction = _read_mass_status(_text(push.fields, "Status"), total, sent)
    named = push.name(sent_as)
    return [
        Receipt(
            named,
            ChannelName.WECHAT,
            push.at,
            delivered,
            provider_id=sent_as,
            reaction=reaction,
            code=code,
            of_call=True,
        )
    ]


def _read_mass_status(status: str, total: int | None, sent: int | None) -> tuple[bool, str, Reaction | None]:
    """`send success` comes with and without its blank. Where it did not reach all, nobody knows whom."""
    word = status.strip().lower()
    if word.replace(" ", "") == "sendsuccess":
        if total is None or sent is None or sent >= total:
            return True, "send success", None
        return False, f"sent {sent} of {total}", Reaction.UNKNOWN if sent else Reaction.DROP
    if _JUDGED.fullmatch(word.replace(" ", "")):
        return False, word[:64], Reaction.PAUSE_TEMPLATE  # it was judged: the words, or nobody of ours confirmed it
    return False, word[:64], Reaction.DROP


def _number(fields: Fields, name: str) -> int | None:
    value = _text(fields, name)
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 12 else None


def _items(fields: Fields, name: str) -> list[Fields]:
    """The Lists of an event: one or many, and as XML one does not look like many."""
    holder = fields.get(name)
    found = holder.get("List") if isinstance(holder, dict) else holder
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


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


def _nothing(push: _Push) -> list[InboundEvent]:
    """Seen, and no more: it opens no window and says nothing about a message of ours."""
    return []


# All that the documents name; one that is in no table is logged by its name and changes nothing.
_EVENTS: Mapping[str, Callable[[_Push], list[InboundEvent]]] = {
    "subscribe": _follow,
    "scan": _follow,
    "unsubscribe": _unfollow,
    "click": _click,
    "scancode_push": _click,
    "scancode_waitmsg": _click,
    "view": _nothing,
    "view_miniprogram": _nothing,
    "location": _nothing,
    "templatesendjobfinish": _template_done,
    "masssendjobfinish": _mass_done,
    "subscribe_msg_popup_event": _popup,
    "subscribe_msg_change_event": _switched_off,
    "subscribe_msg_sent_event": _notice_done,
}

_STATUSES = {
    "user block": Reaction.SUPPRESS,
    "freq limit": Reaction.DEFER_RECIPIENT,
    "system failed": Reaction.DROP,
}

"""WeCom's customer service: messages fetched page by page, each read into what it means, and answers to them."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.channels.wecom_api import Answer, WecomApi, result_of
from bot.channels.wecom_codes import DESK_TOKEN, read_fail_type
from campaigns.terms import ChannelName, InboundEvent, ReachChange, Reaction, Receipt, Reply, SendResult

log = logging.getLogger(__name__)

WINDOW, COUNT = timedelta(hours=48), 5  # what a customer's message opens
_WELCOME = timedelta(seconds=20)
_PAGE = 1000
_CURSOR = 128  # characters of a cursor that are kept; WeCom says 64 bytes
_CUSTOMER, _SYSTEM = 3, 4
_MSGID = re.compile(r"[\w-]{1,32}", re.ASCII)
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_TEXT = 2048  # bytes
_KINDS = {
    "image": "[图片]",
    "voice": "[语音]",
    "video": "[视频]",
    "file": "[文件]",
    "location": "[位置]",
    "link": "[链接]",
    "business_card": "[名片]",
    "miniprogram": "[小程序]",
}


@dataclass(frozen=True, slots=True)
class Welcome:
    """A session began: one message may be sent with `code`, until then."""

    event_id: str
    until: datetime
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """`problem` None: it was read, and up to `cursor` nothing is left out. `unread`: messages of no known form."""

    cursor: str = ""
    has_more: bool = False
    events: Sequence[InboundEvent] = ()
    welcomes: Sequence[Welcome] = ()
    unread: int = 0
    problem: SendResult | None = None


async def fetch_page(api: WecomApi, desk: str, cursor: str, token: str) -> Page:
    """The messages after `cursor`, the oldest first. Without a token WeCom lets us ask only seldom."""
    asked: dict[str, object] = {"open_kfid": desk, "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
    answer = await api.call("kf/sync_msg", {**asked, **({"token": token} if token else {})})
    if token and answer.errcode == DESK_TOKEN:
        answer = await api.call("kf/sync_msg", asked)
    if not answer.ok:
        return Page(problem=result_of(0, answer))
    return _page(answer, desk, cursor)


async def send_text(api: WecomApi, number: int, customer: str, desk: str, text: str, msgid: str) -> SendResult:
    """An answer, inside the window. `msgid` is ours, and a failure is told under it later: success is no delivery."""
    if not desk:
        return _refuse(number, Reaction.CONSENT_USED, "no desk", "the customer never wrote to customer service")
    if not text.strip() or len(text.encode("utf-8", "replace")) > _TEXT:
        return _refuse(number, Reaction.DROP, "text", f"a text of 1 to {_TEXT} bytes")
    if not _MSGID.fullmatch(msgid):
        return _refuse(number, Reaction.DROP, "long key", "msgid takes 32 letters, digits, - and _")
    body = {"touser": customer, "open_kfid": desk, "msgid": msgid, "msgtype": "text", "text": {"content": text}}
    answer = await api.call("kf/send_msg", body)
    return result_of(number, answer, provider_id=answer.text("msgid") or msgid)


async def send_welcome(api: WecomApi, welcome: Welcome, text: str) -> SendResult:
    """The first word of a session, once. Never repeated: its code is good for one call."""
    body = {"code": welcome.code, "msgtype": "text", "text": {"content": text}}
    return result_of(0, await api.call("kf/send_msg_on_event", body))


def _refuse(number: int, reaction: Reaction, code: str, detail: str) -> SendResult:
    return SendResult(number, reaction, code=code, detail=f"not sent: {detail}")


# ---- what a page says -----------------------------------------------------------------------------------------------


def _page(answer: Answer, desk: str, cursor: str) -> Page:
    events: list[InboundEvent] = []
    welcomes: list[Welcome] = []
    unread = 0
    for message in answer.items("msg_list"):
        try:
            found, welcome = _read(message, desk)
        except (ValueError, OverflowError, OSError):
            log.warning("a message of customer service cannot be read")
            unread += 1
            continue
        events += found
        welcomes += [welcome] if welcome else []
    following = answer.text("next_cursor")[:_CURSOR] or cursor
    return Page(following, answer.fields.get("has_more") in (1, True), events, welcomes, unread)


def _read(message: Mapping[str, object], desk: str) -> tuple[list[InboundEvent], Welcome | None]:
    """Raises ValueError where a message lacks what every one has. Our own colleagues' messages say nothing to us."""
    msgid, at = _text(message, "msgid")[:128], _moment(message.get("send_time"))
    if not msgid:
        raise ValueError("msgid")
    if message.get("origin") == _CUSTOMER:
        return _written(message, msgid, at, _text(message, "open_kfid") or desk), None
    event = message.get("event")
    if message.get("msgtype") == "event" and isinstance(event, dict):
        return _happened(event, msgid, at, desk)
    return [], None


def _written(message: Mapping[str, object], msgid: str, at: datetime, desk: str) -> list[InboundEvent]:
    customer, kind = _customer(message), _text(message, "msgtype")
    body = message.get(kind)
    said = _text(body, "content") if kind == "text" and isinstance(body, dict) else _KINDS.get(kind, "[消息]")
    opened = ReachChange(
        f"{msgid}:window",
        ChannelName.WECOM,
        at,
        customer,
        window_until=at + WINDOW,
        window_left=COUNT,
        desk=desk,
    )
    return [opened, Reply(msgid, ChannelName.WECOM, at, customer, said)]


def _happened(
    event: Mapping[str, object], msgid: str, at: datetime, desk: str
) -> tuple[list[InboundEvent], Welcome | None]:
    """enter_session binds and may be welcomed, msg_send_fail is a receipt; of a servicer's or session's state and of a
    message taken back nothing follows: the words were read and acted on when they came.
    """
    match _text(event, "event_type"):
        case "enter_session":
            code = _text(event, "welcome_code")[:256]
            welcome = Welcome(msgid, at + _WELCOME, code) if code else None
            scene = _text(event, "scene_param")[:64] or _text(event, "scene")[:64]
            return [ReachChange(msgid, ChannelName.WECOM, at, _customer(event), scene=scene)], welcome
        case "msg_send_fail":
            return _failed(event, msgid, at), None
        case "servicer_status_change" | "session_status_change" | "user_recall_msg":
            return [], None
        case other:
            log.info("customer service event %s means nothing to us", other[:40])
            return [], None


def _failed(event: Mapping[str, object], msgid: str, at: datetime) -> list[InboundEvent]:
    customer, number = _customer(event), event.get("fail_type")
    reaction = read_fail_type(number if isinstance(number, int) else 0)
    sent_as = _text(event, "fail_msgid")[:64]
    if not sent_as:
        raise ValueError("fail_msgid")
    receipt = Receipt(
        msgid,
        ChannelName.WECOM,
        at,
        delivered=False,
        provider_id=sent_as,
        address=customer,
        reaction=reaction,
        code=f"fail_type {number}"[:64],
    )
    if reaction is not Reaction.CONSENT_USED:
        return [receipt]
    closed = ReachChange(f"{msgid}:closed", ChannelName.WECOM, at, customer, window_until=at, window_left=0)
    return [receipt, closed]


def _customer(fields: Mapping[str, object]) -> str:
    name = _text(fields, "external_userid")
    if not _NAME.fullmatch(name):
        raise ValueError("external_userid")
    return name


def _moment(seconds: object) -> datetime:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**11:
        raise ValueError("send_time")
    return datetime.fromtimestamp(seconds, UTC)


def _text(fields: Mapping[str, object], name: str) -> str:
    """Without what no database takes: NUL and half a character."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")

"""WeCom's callback events, each kind a type of its own, read from the fields of a push."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.channels.wechat_envelope import Fields, moment, text
from campaigns.errors import WebhookRejected

_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CustomerAdded:
    """A customer and a person of ours are in touch; `half`: the customer has not agreed to it yet.

    `state` is that of the way in they used, `welcome_code` good for one message within 20 s.
    """

    at: datetime
    staff: str
    customer: str
    state: str = ""
    welcome_code: str = field(default="", repr=False)
    half: bool = False


@dataclass(frozen=True, slots=True)
class CustomerEdited:
    at: datetime
    staff: str
    customer: str


@dataclass(frozen=True, slots=True)
class CustomerDropped:
    """A person of ours removed the customer. `source`: by whom that was started, `DELETE_BY_TRANSFER` say."""

    at: datetime
    staff: str
    customer: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class StaffRemoved:
    """The customer removed the person of ours: they want no more of us."""

    at: datetime
    staff: str
    customer: str


@dataclass(frozen=True, slots=True)
class ArchiveApproved:
    """The customer agrees to the keeping of the conversation."""

    at: datetime
    staff: str
    customer: str
    welcome_code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TransferFailed:
    at: datetime
    staff: str
    customer: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeskNews:
    """Messages wait in a customer service account; `token` is good for 10 minutes."""

    at: datetime
    desk: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StaffWrote:
    """A person of ours writes to the application."""

    at: datetime
    staff: str
    text: str
    msgid: str


@dataclass(frozen=True, slots=True)
class OtherPush:
    """Anything else, of which nothing is wanted: a picture, an event of another kind."""

    at: datetime
    kind: str


WecomPush = (
    CustomerAdded
    | CustomerEdited
    | CustomerDropped
    | StaffRemoved
    | ArchiveApproved
    | TransferFailed
    | DeskNews
    | StaffWrote
    | OtherPush
)


def read_push(fields: Fields) -> WecomPush:
    """Raises WebhookRejected where what its kind must have is missing."""
    at, kind = moment(text(fields, "CreateTime")), text(fields, "MsgType").lower()
    if not kind:
        raise WebhookRejected("a push without MsgType")
    if kind == "text":
        return StaffWrote(at, _name(fields, "FromUserName"), text(fields, "Content"), text(fields, "MsgId")[:64])
    event = text(fields, "Event").lower() if kind == "event" else ""
    match event:
        case "kf_msg_or_event":
            return DeskNews(at, _name(fields, "OpenKfId"), text(fields, "Token")[:512])
        case "change_external_contact":
            return _change(at, fields)
        case _:
            return OtherPush(at, f"{kind}:{event}"[:64] if event else kind[:64])


def _change(at: datetime, fields: Fields) -> WecomPush:
    change = text(fields, "ChangeType").lower()
    read = _CHANGES.get(change)
    if read is None:
        return OtherPush(at, f"change_external_contact:{change}"[:64])
    return read(at, _name(fields, "UserID"), _name(fields, "ExternalUserID"), fields)


def _name(fields: Fields, key: str) -> str:
    name = text(fields, key)
    if not _NAME.fullmatch(name):
        raise WebhookRejected(f"a push without {key}")
    return name


def _added(half: bool) -> Callable[[datetime, str, str, Fields], WecomPush]:
    def read(at: datetime, staff: str, customer: str, fields: Fields) -> WecomPush:
        state, code = text(fields, "State")[:64], text(fields, "WelcomeCode")[:256]
        return CustomerAdded(at, staff, customer, state, code, half)

    return read


_CHANGES: Mapping[str, Callable[[datetime, str, str, Fields], WecomPush]] = {
    "add_external_contact": _added(half=False),
    "add_half_external_contact": _added(half=True),
    "edit_external_contact": lambda at, staff, customer, fields: CustomerEdited(at, staff, customer),
    "del_external_contact": lambda at, staff, customer, fields: CustomerDropped(
        at, staff, customer, text(fields, "Source")[:64]
    ),
    "del_follow_user": lambda at, staff, customer, fields: StaffRemoved(at, staff, customer),
    "msg_audit_approved": lambda at, staff, customer, fields: ArchiveApproved(
        at, staff, customer, text(fields, "WelcomeCode")[:256]
    ),
    "transfer_fail": lambda at, staff, customer, fields: TransferFailed(
        at, staff, customer, text(fields, "FailReason")[:64]
    ),
}

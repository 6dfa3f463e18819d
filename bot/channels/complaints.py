"""Complaints that a mailbox provider passes on: ARF (RFC 5965), and Microsoft's forwards without it."""

import re
from email.message import Message
from email.utils import getaddresses, parseaddr

from bot.channels.mime import header, headers, part_text, parts

_ADDRESS = re.compile(r"[^\s<>()\[\]\";,:]+@[^\s<>()\[\]\";,:]+")
_ORIGINAL = ("x-hmxmroriginalrecipient", "x-rocketrcpt", "x-original-to", "delivered-to", "to")
_JMRP = re.compile(
    r"(staff@hotmail\.com|(feedback|fbl|staff|complaints?)@|abuse@.*(hotmail|outlook|aol|yahoo))", re.IGNORECASE
)


def is_complaint(message: Message) -> bool:
    """A report of abuse; that something is no spam is none."""
    if (kind := feedback_field(message, "feedback-type")) is not None:
        return kind.lower() != "not-spam"
    return any(header(inner, "x-hmxmroriginalrecipient") for inner in _returned(message)) or (
        bool(_JMRP.search(parseaddr(header(message, "from"))[1]))
        and bool(
            re.match(r"complaint about message|fw:|spam complaint|feedback", header(message, "subject"), re.IGNORECASE)
        )
        and bool(_returned(message))
    )


def complained_recipients(message: Message) -> list[str]:
    """Who complained; empty where the provider hides it."""
    for name in ("original-rcpt-to", "removal-recipient"):
        if addresses := _ADDRESS.findall(" ".join(_feedback_fields(message, name) or ())):
            return list(dict.fromkeys(addresses))
    for inner in _returned(message):
        for name in _ORIGINAL:
            addresses = [a for _, a in getaddresses(headers(inner, name)) if "@" in a and "redact" not in a.lower()]
            if addresses:
                return addresses[:1]
    return []


def feedback_field(message: Message, name: str) -> str | None:
    """A field of the report, empty where it is missing; None where the mail holds no report."""
    found = _feedback_fields(message, name)
    return None if found is None else next(iter(found), "").strip()


def _feedback_fields(message: Message, name: str) -> list[str] | None:
    for part in parts(message):
        if part.get_content_type() == "message/feedback-report":
            return re.findall(rf"^{name}[ \t]*:[ \t]*(.*)$", _source(part), re.IGNORECASE | re.MULTILINE)
    return None


def _source(part: Message) -> str:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return part_text(part)
    blocks = [block for block in payload if isinstance(block, Message)]
    lines = [f"{name}: {value}" for block in blocks for name, value in block.raw_items()]
    bodies = [str(block.get_payload()) for block in blocks]
    return "\n".join([*lines, *bodies])


def _returned(message: Message) -> list[Message]:
    found = []
    for part in parts(message):
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list):
            found += [inner for inner in payload if isinstance(inner, Message)]
    return found

"""A raw mail that came in, as events: a bounce, a complaint, or an answer with its new words."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parseaddr

from bot.channels.automatic import is_answer_of_a_machine, is_said_to_be_automatic
from bot.channels.bounce_reasons import Failure, Permanence, read_failure
from bot.channels.complaints import complained_recipients, feedback_field, is_complaint
from bot.channels.delivery_reports import Reported, delivery_report, envelope_id
from bot.channels.free_bounces import human_text
from bot.channels.mime import bodies, decoded, header, headers, part_text, parts
from bot.channels.new_words import new_words
from bot.channels.refusals import read_returned, reply_token
from bot.channels.returned import Kind, Read, Returned, read_bounce
from campaigns.terms import ChannelName, InboundEvent, Reaction, Receipt, Reply

UNSUBSCRIBE_WORDS = "退订"
_MAIL_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_SUBJECT_KEPT = 200
_BOUNCE_LIMIT = 10_000  # characters of a bounce in plain words that are looked at

_AUTO_SUBJECT = re.compile(
    r"[\s\[【(（<《]*(自动(回复|答复)|自動(回覆|回復)|auto:|auto[- ]?reply|automatic reply|"
    r"out of (the )?office|ooo\b|休假)",
    re.IGNORECASE,
)
_AUTO_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-auto-response-suppress",
)
_AUTO_PRECEDENCE = frozenset({"auto_reply", "bulk", "junk", "list"})
# Anybody may forge a bounce, and every recipient knows the key of its own mail: a bounce may close one
# address, never stop a campaign or the channel.
_BOUNCE_REACTIONS = frozenset({Reaction.SUPPRESS, Reaction.RETRY, Reaction.DEFER_RECIPIENT})


@dataclass(frozen=True, slots=True)
class _Mail:
    message: Message
    event_id: str
    at: datetime
    sender: str
    subject: str
    null_sender: bool
    route: str  # which of our addresses it came to: reply, bounce, unsub, or none
    key: str


def read_mail(
    raw: bytes,
    *,
    now: datetime,
    reply_domain: str,
    message_id_domain: str | None = None,
    envelope_from: str | None = None,
    envelope_to: Sequence[str] = (),
) -> list[InboundEvent]:
    """What a mail says, never raising: the worst is a Reply without words, so that a person may look.

    `envelope_from` is "" for the null sender, None where it is not known. Without `message_id_domain` a
    Message-ID of any domain may give the key. A Receipt with code "complaint" and reaction SUPPRESS is a spam
    report (`delivered` is true then). An address keeps the case of its local part.
    """
    try:
        return _events(_read(raw, now, reply_domain, message_id_domain, envelope_from, envelope_to))
    except Exception:  # the parser meets every broken mail there is; one of them must not stop the door
        route, key = _route(reply_domain, envelope_to)
        words = UNSUBSCRIBE_WORDS if route == "unsub" else ""
        return [Reply(_digest(raw), ChannelName.EMAIL, now, _address(envelope_from or ""), words, key)]


def _read(
    raw: bytes,
    now: datetime,
    reply_domain: str,
    message_id_domain: str | None,
    envelope_from: str | None,
    envelope_to: Sequence[str],
) -> _Mail:
    message = message_from_bytes(raw)
    route, key = _route(reply_domain, [*envelope_to, *_recipients(message)])
    return_path = header(message, "return-path").strip()
    sender = _address(parseaddr(header(message, "from"))[1] or envelope_from or "")
    return _Mail(
        message=message,
        event_id=_event_id(message, sender, raw),
        at=now,
        sender=sender,
        subject=unicodedata.normalize("NFKC", decoded(header(message, "subject"))),
        null_sender=envelope_from in ("", "<>") or return_path == "<>",
        route=route,
        key=key or _reported_key(message, reply_domain) or _answered_key(message, message_id_domain),
    )


def _events(mail: _Mail) -> list[InboundEvent]:
    if mail.route == "unsub":  # any mail to this address is a refusal (RFC 2369)
        return [_reply(mail, UNSUBSCRIBE_WORDS, automatic=False)]
    if (kind := feedback_field(mail.message, "feedback-type")) is not None or is_complaint(mail.message):
        return [] if (kind or "").lower() == "not-spam" else _complaint(mail)
    if reported := delivery_report(mail.message):
        return _receipts(mail, reported)
    bounced = read_bounce(mail.message, nobody=mail.null_sender)
    if bounced is not None:
        return _free_form_bounce(mail, bounced)
    words = new_words(*bodies(mail.message), sender=mail.sender)
    automatic = _is_automatic(mail) or is_said_to_be_automatic(words)
    return [_reply(mail, words, automatic=automatic)]


def _reply(mail: _Mail, words: str, *, automatic: bool) -> Reply:
    named = _MAIL_ID.fullmatch(header(mail.message, "message-id").strip())
    return Reply(
        mail.event_id,
        ChannelName.EMAIL,
        mail.at,
        mail.sender,
        words,
        mail.key,
        automatic,
        mail_id=named[0] if named else "",
        subject=decoded(header(mail.message, "subject"))[:_SUBJECT_KEPT],
    )


# --- bounces and complaints


def _complaint(mail: _Mail) -> list[InboundEvent]:
    """RFC 5965. A report that something is not spam is no event."""
    reaction = Reaction.SUPPRESS if mail.key else Reaction.DROP
    address = next(iter(complained_recipients(mail.message)), "")
    return [_receipt(mail, 1, True, _address(address), reaction, "complaint")]


def _receipts(mail: _Mail, reported: Sequence[Reported]) -> list[InboundEvent]:
    """RFC 3464: one receipt per recipient that failed or arrived; a delay is no outcome yet."""
    receipts: list[InboundEvent] = []
    for number, one in enumerate(reported, 1):
        address = _address(one.address)
        if one.action == "failed":
            failure = read_failure(one.status, one.diagnostic, human_text(mail.message))
            reaction, code = _reaction(mail, failure, one.diagnostic)
            receipts.append(_receipt(mail, number, False, address, reaction, code))
        elif one.action == "delivered":
            receipts.append(_receipt(mail, number, True, address, None, one.status))
    return receipts


def _free_form_bounce(mail: _Mail, bounced: Read) -> list[InboundEvent]:
    """QQ and 163 also send bounces of plain words. One that names nobody is about whom its key says."""
    if bounced.kind is not Kind.BOUNCE:
        return []
    text = human_text(mail.message)
    found = bounced.recipients or (Returned("", read_failure("", text), text),)
    receipts: list[InboundEvent] = []
    for number, one in enumerate(found, 1):
        reaction, code = _reaction(mail, one.failure, one.said)
        receipts.append(_receipt(mail, number, False, _address(one.address), reaction, code or "bounce"))
    return receipts


def _reaction(mail: _Mail, failure: Failure, said: str) -> tuple[Reaction, str]:
    """The reaction and the code of one failed delivery."""
    words = " ".join(said.split())[:_BOUNCE_LIMIT]
    answer = words[words.find(failure.code) + 3 :].lstrip(" -") if failure.code else words
    reaction = read_returned(failure, answer).reaction
    if reaction not in _BOUNCE_REACTIONS or (reaction is Reaction.SUPPRESS and not mail.key):
        reaction = Reaction.DROP
    elif reaction is Reaction.SUPPRESS and failure.permanence is not Permanence.HARD:
        reaction = Reaction.RETRY
    exact = reply_token(words) or failure.status.removesuffix(".0.0")
    return reaction, f"{failure.code} {exact if len(exact) > 1 else ''}".strip()


def _receipt(mail: _Mail, number: int, delivered: bool, address: str, reaction: Reaction | None, code: str) -> Receipt:
    event_id = mail.event_id if number == 1 else f"{mail.event_id}-{number}"
    return Receipt(
        event_id,
        ChannelName.EMAIL,
        mail.at,
        delivered,
        mail.key,
        address=address,
        reaction=reaction,
        code=code,
    )


def _is_automatic(mail: _Mail) -> bool:
    """The other side's machine: RFC 3834 and what the providers do in its place."""
    message = mail.message
    submitted = header(message, "auto-submitted").partition(";")[0].strip().lower()
    return (
        mail.null_sender
        or submitted not in ("", "no")
        or any(header(message, name) for name in _AUTO_HEADERS)
        or header(message, "precedence").strip().lower() in _AUTO_PRECEDENCE
        or message.get_content_type() == "multipart/report"
        or bool(_AUTO_SUBJECT.match(mail.subject))
        or is_answer_of_a_machine(message, mail.subject)
    )


# --- whose answer it is


def _route(reply_domain: str, recipients: Sequence[str]) -> tuple[str, str]:
    """Which of our addresses was written to, and the key it holds."""
    ours = re.compile(rf"<?(reply|bounce|unsub)\+([A-Za-z0-9-]{{1,40}})@{re.escape(reply_domain)}>?", re.IGNORECASE)
    for recipient in recipients:
        if found := ours.fullmatch(recipient.strip()):
            return found[1].lower(), found[2]
    return "", ""


def _recipients(message: Message) -> list[str]:
    names = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
    values = [value for name in names for value in headers(message, name)]
    return [address for _, address in getaddresses(values)]


def _reported_key(message: Message, reply_domain: str) -> str:
    """The key of the mail that a bounce or a complaint is about, from the report's own fields."""
    if found := re.fullmatch(r"[A-Za-z0-9-]{1,40}", envelope_id(message)):
        return found[0]
    return _route(reply_domain, [feedback_field(message, "original-mail-from") or ""])[1]


def _answered_key(message: Message, domain: str | None) -> str:
    """The key in the Message-ID that is answered, or that of the mail a report gives back."""
    values = [*headers(message, "in-reply-to"), *reversed(headers(message, "references"))]
    for part in parts(message):
        if message.get_content_type() == "multipart/report":
            values += _returned_message_id(part)
    for value in values:
        for key, found in reversed(re.findall(r"<([A-Za-z0-9-]{1,40})@([^<>\s@]{1,253})>", value[:20_000])):
            if domain is None or found.lower() == domain.lower():
                return str(key)
    return ""


def _returned_message_id(part: Message) -> list[str]:
    payload = part.get_payload()
    if part.get_content_type() == "message/rfc822" and isinstance(payload, list):
        return [header(block, "message-id") for block in payload if isinstance(block, Message)]
    if part.get_content_type() == "text/rfc822-headers":
        found = re.search(r"^message-id:\s{0,3}(<[^<>\s]{1,300}>)", part_text(part), re.IGNORECASE | re.MULTILINE)
        return [found[1]] if found else []
    return []


def _event_id(message: Message, sender: str, raw: bytes) -> str:
    """The same for a second delivery, which differs in its trace headers only.

    Not the Message-ID alone: clients that repeat theirs exist, and a refusal must not pass for a repeat.
    """
    body = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1]
    marks = [header(message, name) for name in ("message-id", "date", "subject")]
    return _digest("\0".join([sender, *marks]).encode("utf-8", "replace") + b"\0" + b"".join(body.split()))


def _digest(octets: bytes) -> str:
    return f"mail-{hashlib.sha256(octets).hexdigest()[:32]}"


def _address(value: str) -> str:
    local, at, domain = value.strip().strip("<>").strip().rpartition("@")
    return f"{local}@{domain.lower()}" if at else ""

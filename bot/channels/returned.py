"""What any mail is: a bounce and whose, a complaint, a machine's answer, a person's answer, or none of these."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from enum import StrEnum

from bot.channels.automatic import (
    is_answer_of_a_machine,
    is_for_many,
    is_said_to_be_automatic,
    opens_as_a_machine,
)
from bot.channels.bounce_reasons import Failure, Permanence, read_failure
from bot.channels.bounce_words import Reason
from bot.channels.complaints import complained_recipients, is_complaint
from bot.channels.delivery_reports import Reported, delivery_report
from bot.channels.free_bounces import human_text, lists_failures, named_recipients, returned_recipients, stated_cause
from bot.channels.mime import bodies, decoded, header, parts
from bot.channels.new_words import new_words


class Kind(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    REPLY = "reply"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Returned:
    """One recipient whose mail failed, or who complained."""

    address: str
    failure: Failure
    said: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    kind: Kind
    recipients: tuple[Returned, ...] = ()
    text: str = ""


_DAEMON = re.compile(
    r"mailer-?daemon|post-?master|mail.?delivery|maildelivery|mdaemon|mail-?daemon|\bmaiser\b|"
    r"delivery.{0,3}(subsystem|system|notif)|"
    r"system.?admin|mail.?admin|internet mail|mail (system|server|router|transfer)|\bexchange|bounce|\buucp|undeliver|"
    r"microsoftexchange|^root@|^mmdf|^smtp|amavis|\bMTA\b|groupwise|退信|系统(管理|邮件)|邮件系统",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT = re.compile(
    r"退信|退回|投递(失败|状态)|无法(投递|送达|传递|发送)|未(能)?(送达|投递|传递|发送)|发送失败|系统退|寄送失敗|無法(傳遞|投遞|"
    r"寄達)|"
    r"un-?deliver|non-?deliver|not.?deliver|(could|can|was|is|be) ?n[o'].{0,12}deliver|delivery.{0,30}(fail|error|"
    r"problem|status|notif|report|unsuccess)|"
    r"(fail|error|problem).{0,12}deliver|returned (mail|to sender|message|e-?mail)|(mail|message).{0,12}(return|fail|"
    r"reject|bounce)|"
    r"failure (notice|notif|delivering)|failed (mail|message|delivery|recipient)|bounced?\b|undeliv|user unknown|"
    r"mail (system|server) error|rejected|delivery status|mail (could|not|was not)|message (status|not|undel|could|"
    r"you sent)|"
    r"unzustellbar|nicht zugestellt|nicht .bermittelt|non remis|échec|non recapitab|impossibile|no se ha podido|"
    r"devuelto|onbestelbaar|olevererbart|niet bezorgd|"
    r"failure|配信(不能|できません|エラー)|送信できません|недоставл|zwrot|mensagem.{0,20}(não|nao)|retourn",
    re.IGNORECASE,
)
_PENDING = re.compile(
    r"warning: (could not send|message|mail)|(delivery|message|mail)( status)?( notification)? ?\(?(delay|still)|"
    r"delayed|is a warning message only|this is (only )?a warning|"
    r"(do|does) not need to (resend|re-send|retransmit)|still (being|trying|attempting|queued|undelivered)|(will|"
    r"continue|keep).{0,20}(retr|try|attempt).{0,60}(hour|day|minute|until)|"
    r"not yet (been )?delivered|尚未(送达|投递).{0,40}(继续|重试)|将继续(尝试|投递)|延迟",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"giving up|given up|permanent|could not be delivered for|(no|not) (longer|further|more).{0,20}(attempt|tr(y|"
    r"ies))|failed|unknown|undeliverable",
    re.IGNORECASE,
)
_BOUNCE_WORDS = re.compile(
    r"(could|can|was|has|have|were|is|are|been|will)( ?not| ?n't|not) (be )?(been )?(successfully )?(deliver|sent|"
    r"reach|transmit|complet)|"
    r"un(able|deliver)\w*( to)?( deliver| send| relay| be)?|deliver\w* .{0,40}fail|fail\w* .{0,50}(deliver|recipient|"
    r"address|permanent|message|mail)|"
    r"returned (mail|message|to (you|sender)|unopened|below)|(did|does) ?(not|n't) reach|user unknown|unknown (user|"
    r"address|recipient|host)|no such (user|mailbox|account|recipient|address)|"
    r"qmail-send|has been returned|failed recipient|permanent (fatal )?error|following (address|recipient|error|"
    r"destination|user)|rejected|mailbox|"
    r"\b5\d\d[ -]|[45]\.\d\.\d|transcript of session|bounced|could not (be )?(find|found|locate)|cannot be|not found|"
    r"does not exist|"
    r"退信|退回|无法(投递|送达|发送)|不存在|未能(送达|投递)|投递失败|发送失败|拒收",
    re.IGNORECASE,
)
_SAYS_FAILED = re.compile(
    r"(could|can|was|has|have|were|is|are|been|did|does)( ?not| ?n't|not)( be| been)?( successfully)? (deliver|reach|"
    r"sent|receive)|undeliver|"
    r"deliver\w*.{0,20} fail|fail\w*.{0,20} deliver|following (address|recipient|destination)|unable to (deliver|"
    r"send)|unknown|invalid|not (a )?valid|"
    r"no such|has been returned|failed recipient|not taken|deliver\w* (problem|"
    r"error)|n'a pas pu|退信|退回|无法(投递|送达|发送)|"
    r"不存在|未能|失败",
    re.IGNORECASE,
)
_ANSWERED_SUBJECT = re.compile(
    r"\s*[\[【(（]?\s*((re|aw|sv|antw|ré|rép|odp|vs|ynt|回复|回覆|答复|答覆|回信|回應|回复全部|전체|"
    r"답장)\s*(\[\d+\]|\(\d+\)|\d+)?\s*[:：])",
    re.IGNORECASE,
)
_QUOTATION = re.compile(
    r"^\s*>|原始邮件|原始郵件|original message|(写道|寫道|wrote)\s*[:：]|回复的原邮件|replied message|邮件原件|"
    r"^\s*(发件人|寄件者|"
    r"from)\s*[:：].{0,200}",
    re.IGNORECASE | re.MULTILINE,
)
_NO_FAILURE = Failure(Permanence.SOFT, Reason.UNKNOWN, "")


def inspect_mail(raw: bytes) -> Read:
    """What a mail is, whoever caused it. Never raises: what cannot be read is OTHER."""
    try:
        return read_any(message_from_bytes(raw))
    except Exception:  # the parser meets every broken mail there is
        return Read(Kind.OTHER)


def read_any(message: Message) -> Read:
    if not message.keys() or not (header(message, "from") or header(message, "received") or header(message, "subject")):
        return Read(Kind.OTHER)
    if is_complaint(message):
        return Read(Kind.COMPLAINT, tuple(Returned(a, _NO_FAILURE) for a in complained_recipients(message)))
    if (bounced := read_bounce(message)) is not None:
        return bounced
    words = new_words(*bodies(message), sender=parseaddr(decoded(header(message, "from")))[1])
    return Read(_kind_of_words(message, words), (), words)


def read_bounce(message: Message, *, nobody: bool = False) -> Read | None:
    """A bounce with its recipients; OTHER for a report of a delay or an arrival; None for anything else.

    `nobody`: its envelope had the null sender.
    """
    text = human_text(message)
    if reported := delivery_report(message) or delivery_report(_wrapped(message)):
        failed = [one for one in reported if one.action == "failed"]
        if not failed:
            return Read(Kind.OTHER) if any(one.action for one in reported) else None
        return Read(Kind.BOUNCE, _each_once([_from_report(message, one, text) for one in failed]))
    nobody = nobody or header(message, "return-path").strip() == "<>"
    if not _looks_bounced(message, text, nobody):
        return None
    subject = _subject(message)
    if _PENDING.search(subject) or (_PENDING.search(text[:3000]) and not _GIVEN_UP.search(f"{subject} {text[:3000]}")):
        return Read(Kind.OTHER)
    named = named_recipients(message, text)
    cause = stated_cause(text)  # Coremail's, for all its recipients
    said = [(one.address, cause or one.said) for one in named]
    found = tuple(Returned(address, read_failure("", words, cause or text), words) for address, words in said)
    return Read(Kind.BOUNCE, found)


def _each_once(recipients: Sequence[Returned]) -> tuple[Returned, ...]:
    first: dict[str, Returned] = {}
    for one in recipients:
        first.setdefault(one.address.lower(), one)
    return tuple(first.values())


def _wrapped(message: Message) -> Message:
    """The bounce itself, where a filter on the way has put it into a mail of its own."""
    if "delivery-status" in str(message.get("content-type", "")).lower() or _is_daemon(message):
        for part in parts(message):
            payload = part.get_payload()
            if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
                inner = payload[0]
                if isinstance(inner, Message) and inner.get_content_type() == "multipart/report":
                    return inner
    return Message()


def _from_report(message: Message, one: Reported, text: str) -> Returned:
    address = one.address or next(iter(returned_recipients(message)), "")
    return Returned(address, read_failure(one.status, one.diagnostic, text), one.diagnostic)


def _looks_bounced(message: Message, text: str, nobody: bool) -> bool:
    if header(message, "x-failed-recipients") or _refuses_by_receipt(message, text):
        return True
    subject = _subject(message)
    report = "delivery-status" in str(message.get("content-type", "")).lower()
    daemon, about = _is_daemon(message), bool(_BOUNCE_SUBJECT.search(subject))
    if report or (daemon and about and not opens_as_a_machine(subject)):
        return True
    if not _BOUNCE_WORDS.search(text):
        return False
    if _ANSWERED_SUBJECT.match(subject) or opens_as_a_machine(subject):
        return False
    if _is_daemon(message, strictly=True):
        return not is_for_many(message) or _holds_returned(message) or bool(_SAYS_FAILED.search(text))
    return about and bool(_SAYS_FAILED.search(text)) and (nobody or _holds_returned(message) or lists_failures(text))


def _is_daemon(message: Message, *, strictly: bool = False) -> bool:
    """`strictly`: by its address alone, which no person and no shop has."""
    name, address = parseaddr(decoded(header(message, "from")))
    if strictly:
        return bool(re.match(r"(mailer-?daemon|post-?master|mdaemon|mail-?daemon)@|\Z", address, re.IGNORECASE))
    return not address or bool(_DAEMON.search(name) or _DAEMON.search(address.partition("@")[0]))


def _refuses_by_receipt(message: Message, text: str) -> bool:
    """A receipt by which a mailbox's own filter refuses a mail (RFC 5429)."""
    told = "disposition-notification" in str(message.get("content-type", "")).lower()
    return told and bool(re.search(r"automatically rejected|was rejected", text, re.IGNORECASE))


def _holds_returned(message: Message) -> bool:
    return any(part.get_content_type() in ("message/rfc822", "text/rfc822-headers") for part in parts(message)) or bool(
        re.search(r"^(received|message-id|return-path):", bodies(message)[0], re.IGNORECASE | re.MULTILINE)
    )


def _kind_of_words(message: Message, words: str) -> Kind:
    subject = _subject(message)
    if is_answer_of_a_machine(message, subject) or is_said_to_be_automatic(words):
        return Kind.AUTO_REPLY
    if is_for_many(message):
        return Kind.OTHER
    plain, rich = bodies(message)
    answered = (
        header(message, "in-reply-to")
        or header(message, "references")
        or _ANSWERED_SUBJECT.match(subject)
        or _QUOTATION.search(plain or html_text_of(rich))
    )
    return Kind.REPLY if answered else Kind.OTHER


def html_text_of(rich: str) -> str:
    return re.sub(r"<[^<>]*>", "\n", rich[:20_000])


def _subject(message: Message) -> str:
    return unicodedata.normalize("NFKC", decoded(header(message, "subject"))).strip()


def as_found(file: str, read: Read) -> dict[str, object]:
    """One entry of `huifang inspect mail --json`."""
    return {
        "file": _writable(file),
        "kind": str(read.kind),
        "recipients": _as_rows(read.recipients),
        "text": _writable(read.text),
    }


def _as_rows(recipients: Sequence[Returned]) -> list[dict[str, str]]:
    return [
        {
            "address": _writable(one.address),
            "permanence": str(one.failure.permanence),
            "status": one.failure.status,
            "reason": str(one.failure.reason),
        }
        for one in recipients
        if one.address
    ]


def _writable(text: str) -> str:
    """Without what has no place in UTF-8: halves of characters, and octets of a name that is no text."""
    return text.encode("utf-8", "replace").decode()

"""A raw mail that came in, as events: a bounce, a complaint, or an answer with its new words."""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parseaddr

from bot.channels.mime import bodies, decoded, header, headers, part_text, parts
from bot.channels.smtp import read_refusal, reply_status, reply_token
from campaigns.terms import ChannelName, InboundEvent, Reaction, Receipt, Reply

UNSUBSCRIBE_WORDS = "退订"
_TEXT_LIMIT = 200_000  # characters of one body that are looked at; a reply's new words stand at its beginning
_WORDS_LIMIT = 10_000
_MARK_LIMIT = 400  # longer lines are nobody's signature or quotation mark, and patterns on them would cost

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
_BOUNCE_SUBJECT = re.compile(
    r"退信|投递失败|无法投递|未送达|undeliver|delivery (status|failure|has failed)|returned (mail|to sender)|"
    r"failure notice",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"(mailer-daemon|postmaster)@", re.IGNORECASE)

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
    if blocks := _report(mail.message, "message/feedback-report"):
        return _complaint(mail, blocks[0])
    if blocks := _report(mail.message, "message/delivery-status"):
        return _receipts(mail, [block for block in blocks if block.get("action")])
    words = _new_words_of(mail.message)
    if _AUTO_SUBJECT.match(mail.subject) or not _looks_bounced(mail):
        return [_reply(mail, words, automatic=_is_automatic(mail))]
    return [_free_form_bounce(mail)]


def _reply(mail: _Mail, words: str, *, automatic: bool) -> Reply:
    return Reply(mail.event_id, ChannelName.EMAIL, mail.at, mail.sender, words, mail.key, automatic)


# --- bounces and complaints


def _complaint(mail: _Mail, block: Message) -> list[InboundEvent]:
    """RFC 5965. A report that something is not spam is no event."""
    if header(block, "feedback-type").strip().lower() == "not-spam":
        return []
    reaction = Reaction.SUPPRESS if mail.key else Reaction.DROP
    address = _address(header(block, "original-rcpt-to"))
    return [_receipt(mail, 1, True, address, reaction, "complaint")]


def _receipts(mail: _Mail, blocks: Sequence[Message]) -> list[InboundEvent]:
    """RFC 3464: one receipt per recipient that failed or arrived; a delay is no outcome yet."""
    if not blocks:
        return [_free_form_bounce(mail)]
    receipts: list[InboundEvent] = []
    for number, block in enumerate(blocks, 1):
        action = header(block, "action").strip().lower()
        address = _recipient(block)
        if action == "failed":
            reaction, code = _failure(mail, header(block, "diagnostic-code"), header(block, "status"))
            receipts.append(_receipt(mail, number, False, address, reaction, code))
        elif action in ("delivered", "relayed"):
            receipts.append(_receipt(mail, number, True, address, None, header(block, "status").strip()[:20]))
    return receipts


def _free_form_bounce(mail: _Mail) -> Receipt:
    """QQ and 163 also send bounces of plain words: the server's answer stands somewhere in the text."""
    plain, rich = bodies(mail.message)
    text = plain or _html_text(rich, drop_quotes=False)
    found = re.search(r"\b[45]\d\d[ -].{0,300}", text[:_WORDS_LIMIT])
    reaction, code = _failure(mail, found[0] if found else text[:500], "")
    return _receipt(mail, 1, False, "", reaction, code or "bounce")


def _failure(mail: _Mail, diagnostic: str, status_field: str) -> tuple[Reaction, str]:
    """The reaction and the code of one failed delivery."""
    text = diagnostic.partition(";")[2] or diagnostic
    said = re.match(r"\s*([45]\d\d)[ -]?(.*)", " ".join(text.split()))
    words = said[2] if said else text
    status = reply_status(status_field)
    if not status or status.endswith(".0.0"):  # QQ writes 5.0.0 and tells the truth in its words
        status = reply_status(words) or status
    code = int(said[1]) if said else 450 if status.startswith("4.") else 550
    reaction = read_refusal(code, words, status).reaction
    if reaction not in _BOUNCE_REACTIONS or (reaction is Reaction.SUPPRESS and not mail.key):
        reaction = Reaction.DROP
    return reaction, f"{said[1] if said else ''} {reply_token(words) or status}".strip()


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


def _recipient(block: Message) -> str:
    """The address as we gave it where the server says so, else the one it ended at."""
    original = header(block, "original-recipient").rpartition(";")[2]
    if original:  # in xtext (RFC 3461), which the final one is not
        return _address(re.sub(r"\+([0-9A-F]{2})", lambda hexed: chr(int(hexed[1], 16)), original))
    return _address(header(block, "final-recipient").rpartition(";")[2])


def _looks_bounced(mail: _Mail) -> bool:
    from_daemon = bool(_DAEMON.match(mail.sender))
    says_so = bool(_BOUNCE_SUBJECT.search(mail.subject))
    return (from_daemon and (says_so or mail.route == "bounce")) or (mail.null_sender and says_so)


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
    )


def _report(message: Message, content_type: str) -> list[Message]:
    """The header blocks of a machine-readable report."""
    for part in parts(message):
        if part.get_content_type() == content_type:
            payload = part.get_payload()
            return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    return []


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
    for block in _report(message, "message/delivery-status")[:1]:
        if found := re.fullmatch(r"[A-Za-z0-9-]{1,40}", header(block, "original-envelope-id").strip()):
            return found[0]
    for block in _report(message, "message/feedback-report")[:1]:
        return _route(reply_domain, [header(block, "original-mail-from")])[1]
    return ""


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


# --- the words


def _new_words_of(message: Message) -> str:
    return next((words for words in map(new_words, _readings(message)) if words), "")


def _readings(message: Message) -> Iterator[str]:
    plain, rich = bodies(message)
    yield plain
    yield _html_text(rich, drop_quotes=True)
    yield _html_text(rich, drop_quotes=False)  # some clients indent what was typed by a blockquote


_QUOTED = re.compile(r"\s*>(?![_.<])")
_RULE = re.compile(r"\s*[-_=*—－─][\s\-_=*—－─]{2,}")
_LONG_RULE = re.compile(r"\s*[-—─]{10,}\s*")
_SEPARATOR = re.compile(
    r"[\s>|]*[-_—*]{2,}(?:\s|&nbsp;)*(原始邮件|回复的原邮件|邮件原件|原邮件|转发的?邮件|original( message)?|"
    r"replied message|forwarded message)(?:\s|&nbsp;)*[-_—*]{2,}.*",  # QQ leaves the entity in its plain text
    re.IGNORECASE,
)
_FROM_LABEL = re.compile(r"[\s>*|]*(发\s*件\s*人|寄件者|寄件人|from)[\s*]*[|:：]", re.IGNORECASE)
_OTHER_LABEL = re.compile(
    r"[\s>*|]*(发送时间|发送日期|日\s*期|时\s*间|收\s*件\s*人|收件者|抄\s*送|主\s*题|主旨|sent|date|to|cc|subject)[\s*]*[|:：]",
    re.IGNORECASE,
)
_ATTRIBUTION_END = re.compile(r"(写道|寫道|wrote)\s*[:：]?\s*$", re.IGNORECASE)
_ATTRIBUTION_START = re.compile(r"[\s>]*(on|at|在|于)\b|[\s>]*[在于]", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}\s*[年/.-]\s*\d{1,2}|\d{1,2}[:：]\d{2}|\b(19|20)\d\d\b")
_NAME_AND_ADDRESS = re.compile(r".{0,80}<[^<>\s]+@[^<>\s]+>\s*")
_MAILED_FROM = re.compile(
    r"\s*(((发自|来自|來自)\s*(我的)?\s*(iPhone|iPad|Mac|手机|安卓|Android|华为|HUAWEI|荣耀|HONOR|小米|Xiaomi|Redmi|"
    r"vivo|OPPO|realme|一加|魅族|三星|Galaxy|网易|QQ|163|126|139|钉钉|阿里|新浪|企业微信|Outlook|邮箱)"
    r"[^，,。;；!！?？]{0,25})|从我的.{1,15}(发送|发出)|从\s*Windows.{0,20}发送|"
    r"sent from (my|mail|outlook|yahoo)\b.{0,40}|get outlook for .{0,60}|"
    r"(获取|下载)\s*(适用于.{0,20})?Outlook.{0,60}|"
    r"签名由.{1,20}定制|邮箱[:：]\s*\S+@\S+|\|[\s|]*)\s*",
    re.IGNORECASE,
)


def new_words(text: str) -> str:
    """What the writer of a reply typed: without quotation, header of the quoted mail and signature."""
    lines = [_clean(line) for line in text[:_TEXT_LIMIT].splitlines()]
    start, end = _quotation([line if len(line) <= _MARK_LIMIT else "" for line in lines])
    own = [line for line in lines[:start] if not _QUOTED.match(line)]
    return _unsigned(own) or _unsigned(_below_the_quotation(lines[end:]))


def _clean(line: str) -> str:
    return re.sub("[\u200b\u2060\ufeff\u00ad]", "", line).replace("\u00a0", " ").rstrip()


def _quotation(lines: Sequence[str]) -> tuple[int, int]:
    """Where the quoted mail's introduction begins and ends."""
    for number, line in enumerate(lines):
        if _SEPARATOR.fullmatch(line) or _is_header_block(lines, number):
            return number, len(lines)
        if _ATTRIBUTION_END.search(line) and (start := _attribution_start(lines, number)) is not None:
            return start, number + 1
    return len(lines), len(lines)


def _is_header_block(lines: Sequence[str], number: int) -> bool:
    if not _FROM_LABEL.match(lines[number]):
        return False
    return sum(1 for line in lines[number + 1 : number + 9] if _OTHER_LABEL.match(line)) >= 2


def _attribution_start(lines: Sequence[str], end: int) -> int | None:
    """`On …, X <x@y> wrote:` and `在…，X 写道：` may run over three lines; the shortest reading counts."""
    for start in range(end, max(end - 3, -1), -1):
        joined = " ".join(lines[start : end + 1])
        introduced = _ATTRIBUTION_START.match(joined) or (start == end and re.search(r"[<@]|于\s*\d{4}", joined))
        if introduced and _MOMENT.search(joined):
            wrapped = start == end and start > 0 and _NAME_AND_ADDRESS.fullmatch(lines[start - 1])
            return start - 1 if wrapped else start
    return None


def _below_the_quotation(lines: Sequence[str]) -> list[str]:
    """An answer written under the quotation: only behind `>`, where the quotation's end can be seen."""
    quoted = [number for number, line in enumerate(lines) if _QUOTED.match(line)]
    if not quoted or any(lines[: quoted[0]]):
        return []
    last = list(lines[quoted[-1] + 1 :])
    return last if any(last) else [line for line in lines if not _QUOTED.match(line)]


def _unsigned(lines: Sequence[str]) -> str:
    kept: list[str] = []
    typed = False
    for line in lines:
        if typed and (line == "--" or _LONG_RULE.fullmatch(line)):
            break
        if len(line) > _MARK_LIMIT or not (_MAILED_FROM.fullmatch(line) or _RULE.fullmatch(line)):
            kept.append(line)
            typed = typed or bool(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()[:_WORDS_LIMIT]


_TAG = re.compile(r"<!--|<(/?)([a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>|<[!?/][^<>]*+>")
_BREAKING = frozenset(
    ["p", "div", "br", "hr", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "pre", "table", "ul", "ol"]
)
_HIDDEN = frozenset(["script", "style", "title", "template", "noscript", "blockquote"])
_QUOTING = re.compile(r"\s.*(cite|quote|reply)", re.IGNORECASE)


def _html_text(rich: str, *, drop_quotes: bool) -> str:
    """Words and line breaks only, in one pass over the tags; a blockquote marked as a quotation always goes.

    Not by a parser that builds a tree: nh3 needs a second for 20,000 open tags, and the square of it for more.
    """
    flat = re.sub(r"\s+", " ", rich[:_TEXT_LIMIT])
    words: list[str] = []
    position = hidden = 0
    while tag := _TAG.search(flat, position):
        if not hidden:
            words.append(flat[position : tag.start()])
        position = tag.end()
        name = (tag[2] or "").lower()
        if tag[0] == "<!--":
            end = flat.find("-->", position - 2)
            position = end + 3 if end >= 0 else len(flat)
        elif name in _HIDDEN and tag[1]:
            hidden = max(0, hidden - 1)
        elif name in _HIDDEN and (hidden or name != "blockquote" or drop_quotes or _QUOTING.search(tag[0])):
            hidden += 1
        if not hidden:
            words.append("\n" if name in _BREAKING else " " if name in ("td", "th") else "")
    return html.unescape("".join(words) + ("" if hidden else flat[position:]))

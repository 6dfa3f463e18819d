"""MIME: one outbound mail as bytes ready for the wire, and the headers and texts of one that came in.

Built without `email.message`, which costs 1.6 ms a mail. Nothing here checks headers for us, so every
slot goes through `_line`, which turns line breaks into blanks.
"""

import codecs
import re
from binascii import b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import format_datetime
from functools import lru_cache
from struct import Struct
from urllib.parse import quote

from campaigns.terms import SHANGHAI, MailWords, MessageClass, Outbound

# base64 never holds "=_", so the boundary cannot occur in a body and may be the same in every mail.
BOUNDARY = "=_huifang_alternative"
_LINE, _LINE_BYTES = 76, 57  # a line of base64, and what it says
_WORD_BYTES = 39  # 52 characters of base64, 12 of frame, 9 of "Subject: ": under the 76 of RFC 2047
_BREAK = re.compile(r"\r\n|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~"
_PLAIN_URL = re.compile(rf"[A-Za-z0-9_.\-{re.escape(_URL_SAFE)}]+")  # what quoting leaves alone
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN = re.compile(r"[A-Za-z0-9 ,.!:/+()-]{0,60}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ]{1,60}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_REFERENCES = 10
_BULK = frozenset({MessageClass.MARKETING, MessageClass.GREETING})


@dataclass(frozen=True, slots=True)
class MailFrame:
    """What every mail of one sender has in common. Replies come to reply+KEY, refusals to unsub+KEY."""

    sender_name: str
    sender_address: str
    reply_domain: str
    message_id_domain: str


def build_mail(outbound: Outbound, words: MailWords, frame: MailFrame, now: datetime) -> bytes:
    """The whole mail. `now` (aware) becomes its Date; the Message-ID follows from the key alone."""
    fixed, key = _fixed(frame, outbound.message_class), _line(outbound.key)
    head = (
        f"Message-ID: <{key}@{fixed.message_id_domain}>\r\n"
        f"Date: {_date(now.timestamp() // 1)}\r\n"
        f"{fixed.sender}"
        f"To: <{_line(outbound.address)}>\r\n"
        f"Reply-To: <reply+{key}@{fixed.reply_domain}>\r\n"
        f"Subject: {_text(words.subject)}\r\n"
        f"{fixed.kind}"
        f"{_unsubscribe(outbound.unsubscribe_url, key, fixed.reply_domain)}"
        f"{_AUTOMATIC if words.thread is None else _thread(words.thread)}"
        f"{_FIXED_HEADERS}"
    )
    begun, rest = _begun(words.html_head)
    rich = _in_lines(rest + _octets(words.html[len(words.html_head) :]))
    return b"".join((head.encode("ascii", "replace"), _PLAIN_HEAD, _base64(words.text), _HTML_HEAD, begun, rich, _END))


def message_id(key: str, domain: str) -> str:
    """Without the angle brackets."""
    return f"{_line(key)}@{_line(domain)}"


def wire_address(address: str) -> str | None:
    """The address as SMTP and headers may carry it (an international domain as ASCII); None if unusable."""
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if not at or len(domain) > 253 or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What the mails of one frame and class have in common, as header lines and parts of them."""

    message_id_domain: str
    reply_domain: str
    sender: str
    kind: str


@lru_cache(maxsize=64)
def _fixed(frame: MailFrame, message_class: MessageClass) -> _Fixed:
    return _Fixed(
        message_id_domain=_line(frame.message_id_domain),
        reply_domain=_line(frame.reply_domain),
        sender=f"From: {_display_name(frame.sender_name)} <{_line(frame.sender_address)}>\r\n",
        kind=f"Feedback-ID: {message_class.value}:huifang\r\n"
        + ("Precedence: bulk\r\n" if message_class in _BULK else ""),
    )


@lru_cache(maxsize=8)
def _date(second: float) -> str:
    """Thousands of mails go out in one second, and this costs 5 µs."""
    return format_datetime(datetime.fromtimestamp(second, SHANGHAI))


def _unsubscribe(url: str, key: str, reply_domain: str) -> str:
    if not url:
        return ""
    if not _PLAIN_URL.fullmatch(url):
        url = quote(_line(url), safe=_URL_SAFE, errors="replace")
    return (
        f"List-Unsubscribe: <{url}>,\r\n <mailto:unsub+{key}@{reply_domain}>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


def _thread(ids: str) -> str:
    """A person's mail in the thread it answers; what is no Message-ID is left out."""
    known = [one for one in ids.split() if _MESSAGE_ID.fullmatch(one)]
    if not known:
        return ""
    references = "\r\n ".join(known[-_REFERENCES:])
    return f"In-Reply-To: {known[-1]}\r\nReferences: {references}\r\n"


def _line(value: str) -> str:
    """A header slot: CR LF and every other control character or line separator becomes a blank."""
    if not value.isprintable():
        value = _BREAK.sub(" ", value)
    return value.strip()


def _text(value: str) -> str:
    """Unstructured header text, as RFC 2047 words where it is not plain ASCII."""
    line = _line(value)
    return line if _PLAIN.fullmatch(line) else _encoded_words(line)


def _display_name(value: str) -> str:
    line = _line(value)
    return line if _PLAIN_NAME.fullmatch(line) else _encoded_words(line)


def _encoded_words(line: str) -> str:
    octets = line.encode("utf-8", "replace")
    words, start = [], 0
    while True:
        end = start + _WORD_BYTES
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # a character may not be split over two words
            end -= 1
        words.append(f"=?utf-8?B?{b2a_base64(octets[start:end], newline=False).decode()}?=")
        if end >= len(octets):
            return "\r\n ".join(words)
        start = end


@lru_cache(maxsize=64)
def _begun(head: str) -> tuple[bytes, bytes]:
    """The whole lines of what every mail of a mailing begins with, half of it and more, and what is left over."""
    octets = _octets(head)
    end = len(octets) - len(octets) % _LINE_BYTES
    return _in_lines(octets[:end]), octets[end:]


def _base64(text: str) -> bytes:
    return _in_lines(_octets(text))


def _octets(text: str) -> bytes:
    """The text's own lines with CRLF."""
    octets = text.encode("utf-8", "replace")  # first, for bytes are searched in half the time
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return octets.replace(b"\n", b"\r\n")


def _in_lines(octets: bytes) -> bytes:
    """Lines of 76, each with its CRLF."""
    coded = b2a_base64(octets, newline=False)
    full, rest = divmod(len(coded), _LINE)
    lines = _lines(full).unpack_from(coded)
    return b"\r\n".join((*lines, coded[-rest:], b"") if rest else (*lines, b""))


@lru_cache(maxsize=256)
def _lines(count: int) -> Struct:
    """Cuts a body into its lines in one call, four times as fast as slicing them off."""
    return Struct(f"{_LINE}s" * count)


_AUTOMATIC = "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"
_FIXED_HEADERS = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n\r\n'
_PLAIN_HEAD, _HTML_HEAD = (
    (
        f"--{BOUNDARY}\r\nContent-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode("ascii")
    for content_type in ("text/plain", "text/html")
)
_END = f"--{BOUNDARY}--\r\n".encode("ascii")


def header(message: Message, name: str) -> str:
    """The first value, raw but unfolded; empty where there is none. `name` in lower case."""
    return next(iter(headers(message, name)), "")


def headers(message: Message, name: str) -> list[str]:
    """Every value, raw but unfolded, 8-bit bytes read as whatever they are. `name` in lower case."""
    return [_unfolded(str(value)[:_HEADER_LIMIT]) for found, value in message.raw_items() if found.lower() == name]


def decoded(value: str) -> str:
    """RFC 2047 words as text."""
    try:
        pieces = decode_header(value)
    except (MessageError, ValueError):
        return value
    return "".join(piece if isinstance(piece, str) else characters(piece, charset or "") for piece, charset in pieces)


def bodies(message: Message) -> tuple[str, str]:
    """All plain text and all HTML of a mail, attachments and attached mails left out."""
    plain, rich = [], []
    for part in parts(message):
        if part.get_content_disposition() == "attachment":
            continue
        if part.get_content_type() == "text/plain":
            plain.append(part_text(part))
        elif part.get_content_type() == "text/html":
            rich.append(part_text(part))
    return "\n".join(plain), "\n".join(rich)


def parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """The leaves; what a message/* part holds is not entered."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        yield message
    elif depth < _DEPTH_LIMIT:
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from parts(part, depth + 1)


def part_text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return characters(payload, part.get_content_charset() or "") if isinstance(payload, bytes) else ""


def characters(octets: bytes, charset: str) -> str:
    """Text from bytes whatever their label says: Chinese mail calls GB18030 gb2312, or nothing at all."""
    name = charset.strip().strip("\"'").lower()
    named = ["gb18030"] if _SIMPLIFIED.fullmatch(name) else [name] if _TEXT_CHARSETS.fullmatch(name) else []
    for candidate in [*named, "utf-8", "gb18030"]:
        try:
            return octets.decode(codecs.lookup(candidate).name)
        except (UnicodeError, LookupError):
            continue
    return octets.decode(named[0] if "gb18030" in named else "utf-8", "replace")


def _unfolded(value: str) -> str:
    line = " ".join(value.splitlines())
    return line if line.isascii() else characters(line.encode("utf-8", "surrogateescape"), "")


_HEADER_LIMIT = 20_000
_DEPTH_LIMIT = 20
_TEXT_CHARSETS = re.compile(
    r"(us-)?ascii|utf-?(8|16|16le|16be|32)|iso-?8859-?\d+|(windows|cp)-?125\d|big5(-hkscs)?|hz(-gb-2312)?|"
    r"iso-2022-(jp|kr)|shift[_-]?jis|euc-?(jp|kr)|koi8-[ru]"
)
_SIMPLIFIED = re.compile(r"(x-)?gbk|gb_?2312(-80)?|gb18030|cp936|euc-?cn|hz-gbk|chinese")

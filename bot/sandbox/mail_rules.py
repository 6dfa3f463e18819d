"""What a strict mail server reads a mail by: RFC 5322, 2047, 8058 and MIME, and which domains there are to write to."""

import hashlib
import re
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, parsedate_to_datetime
from typing import Any

# Nobody real can be reached: RFC 2606 and 6761 give these names to nobody.
RESERVED = ("example", "test", "example.com", "example.net", "example.org")
MAY_REPEAT = re.compile(r"received|dkim-signature|authentication-results|arc-.*|resent-.*|comments|keywords")
FIELD = re.compile(rb"([!-9;-~]+):(.*)", re.DOTALL)
MESSAGE_ID = re.compile(r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)@[A-Za-z0-9.-]+>")
ONE_CLICK_TARGET = re.compile(r"<(https://[^<>\s]+|http://(127\.0\.0\.1|localhost)[:/][^<>\s]*)>")
LONGEST_LINE = 998

Fields = list[tuple[str, str]]  # name as written, value unfolded and still encoded


class MailRefused(Exception):
    """The reply to a mail that no strict relay would take."""


def completed(content: bytes, now: datetime) -> bytes:
    """A mail from any client, with the Date and Message-ID it left to its server (RFC 6409 section 8)."""
    head = content.partition(b"\r\n\r\n")[0].lower()
    added = b""
    if not re.search(rb"^date:", head, re.MULTILINE):
        added += f"Date: {format_datetime(now)}\r\n".encode()
    if not re.search(rb"^message-id:", head, re.MULTILINE):
        added += b"Message-ID: <%s@mx.sandbox.example>\r\n" % hashlib.sha256(content).hexdigest()[:24].encode()
    return added + content


def read_header(content: bytes, eight_bit: bool) -> Fields:
    """The header of a mail as received. Raises MailRefused for whatever RFC 5322, 2047 or 8058 forbids."""
    _check_lines(content, eight_bit)
    head, blank, _ = content.partition(b"\r\n\r\n")
    if not blank:
        raise MailRefused("554 5.6.0 No blank line after the header")
    if not head.isascii():
        raise MailRefused("554 5.6.7 Header is not ASCII, see RFC 2047")
    fields = [_read_field(line) for line in re.split(rb"\r\n(?![ \t])", head)]
    _check_fields(fields)
    return fields


def read_words(content: bytes) -> dict[str, Any]:
    """Subject, text and HTML as the customer sees them, LF line ends. Raises MailRefused for broken MIME."""
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    try:
        text, html = _body(mail, "plain"), _body(mail, "html")
        subject = decoded(str(mail.get("Subject", "")))
    except (LookupError, UnicodeError, MessageError, KeyError) as error:
        raise MailRefused(f"554 5.6.0 Unreadable body: {type(error).__name__}") from error
    if defects := [type(defect).__name__ for part in mail.walk() for defect in part.defects]:
        raise MailRefused(f"554 5.6.0 Malformed MIME: {defects[0]}")
    if not (text.strip() or html.strip()):
        raise MailRefused("554 5.6.0 Nothing to read in it")
    return {"subject": subject, "text": text, "html": html}


def value_of(fields: Fields, name: str) -> str:
    """The first value of that name (lower case), "" where there is none."""
    return next((value for found, value in fields if found.lower() == name), "")


def address_of(value: str) -> str:
    """The one address of an address field, "" where there is none or more than one."""
    found = [address for _, address in getaddresses([value])]
    return found[0] if len(found) == 1 and "@" in found[0] else ""


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def is_reserved(domain: str) -> bool:
    return any(domain == name or domain.endswith(f".{name}") for name in RESERVED)


def decoded(value: str) -> str:
    """A header value with its RFC 2047 words read."""
    return str(make_header(decode_header(value)))


def _check_lines(content: bytes, eight_bit: bool) -> None:
    without = content.replace(b"\r\n", b"")
    if b"\n" in without or b"\r" in without:
        raise MailRefused("554 5.6.0 Bare CR or LF, see RFC 5322 2.3")
    if any(len(line) > LONGEST_LINE for line in content.split(b"\r\n")):
        raise MailRefused("500 5.5.2 Line too long, 998 octets at most")
    if not eight_bit and not content.isascii():
        raise MailRefused("554 5.6.3 8-bit data without BODY=8BITMIME")


def _read_field(line: bytes) -> tuple[str, str]:
    match = FIELD.fullmatch(line)
    if match is None or any(not part.strip() for part in line.split(b"\r\n")):
        raise MailRefused("554 5.6.0 Malformed header line")
    value = match[2].replace(b"\r\n", b"").decode("ascii").strip()
    try:
        plain = decoded(value)
    except (LookupError, UnicodeError, MessageError) as error:
        raise MailRefused("554 5.6.0 Unreadable encoded word in the header") from error
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", plain):
        raise MailRefused("554 5.6.0 Control character in the header")
    return match[1].decode("ascii"), value


def _check_fields(fields: Fields) -> None:
    names = [name.lower() for name, _ in fields]
    for name in names:
        if names.count(name) > 1 and not MAY_REPEAT.fullmatch(name):
            raise MailRefused(f"554 5.6.0 Header field {name} occurs more than once")
    for name in ("from", "date", "message-id"):
        if name not in names:
            raise MailRefused(f"554 5.6.0 Header field {name} is missing")
    if "bcc" in names:
        raise MailRefused("554 5.6.0 Bcc must not travel")
    if "content-type" in names and "mime-version" not in names:
        raise MailRefused("554 5.6.0 Content-Type without MIME-Version")
    _check_values(fields)
    _check_marketing(fields)


def _check_values(fields: Fields) -> None:
    if not address_of(value_of(fields, "from")):
        raise MailRefused("554 5.6.0 From is not one address")
    if not MESSAGE_ID.fullmatch(value_of(fields, "message-id")):
        raise MailRefused("554 5.6.0 Malformed Message-ID")
    try:
        parsedate_to_datetime(value_of(fields, "date"))
    except ValueError as error:
        raise MailRefused("554 5.6.0 Malformed Date") from error


def _check_marketing(fields: Fields) -> None:
    if value_of(fields, "precedence").lower() != "bulk":
        return
    if not ONE_CLICK_TARGET.search(value_of(fields, "list-unsubscribe")):
        raise MailRefused("550 5.7.1 Bulk mail without an https List-Unsubscribe, see RFC 8058")
    if value_of(fields, "list-unsubscribe-post") != "List-Unsubscribe=One-Click":
        raise MailRefused("550 5.7.1 Bulk mail without List-Unsubscribe-Post, see RFC 8058")


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    return str(part.get_content(errors="strict")).replace("\r\n", "\n")

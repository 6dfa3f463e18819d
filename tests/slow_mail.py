"""An outbound mail built header by header and byte by byte: what `bot.channels.mime` is measured by."""

import base64
import re
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from bot.channels.mime import BOUNDARY, MailFrame
from campaigns.terms import SHANGHAI, MailWords, MessageClass, Outbound

_BREAK = re.compile(r"\r\n|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[A-Za-z0-9 ,.!:/+()-]{0,60}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ]{1,60}")


def build_slowly(outbound: Outbound, words: MailWords, frame: MailFrame, now: datetime) -> bytes:
    headers = [*_message_headers(outbound, words, frame, now), *_class_headers(outbound, frame), *_FIXED_HEADERS]
    body = _part("text/plain", words.text) + _part("text/html", words.html)
    return "\r\n".join(headers).encode("ascii", "replace") + b"\r\n\r\n" + body + f"--{BOUNDARY}--\r\n".encode("ascii")


def _message_headers(outbound: Outbound, words: MailWords, frame: MailFrame, now: datetime) -> list[str]:
    return [
        f"Message-ID: <{_line(outbound.key)}@{_line(frame.message_id_domain)}>",
        f"Date: {format_datetime(now.astimezone(SHANGHAI))}",
        f"From: {_encoded(frame.sender_name, _PLAIN_NAME)} <{_line(frame.sender_address)}>",
        f"To: <{_line(outbound.address)}>",
        f"Reply-To: <reply+{_line(outbound.key)}@{_line(frame.reply_domain)}>",
        f"Subject: {_encoded(words.subject, _PLAIN)}",
        f"Feedback-ID: {outbound.message_class.value}:huifang",
    ]


def _class_headers(outbound: Outbound, frame: MailFrame) -> list[str]:
    bulk = outbound.message_class in (MessageClass.MARKETING, MessageClass.GREETING)
    headers = ["Precedence: bulk"] if bulk else []
    if outbound.unsubscribe_url:
        url = quote(_line(outbound.unsubscribe_url), safe="%/:?#[]@!$&'()*+,;=~", errors="replace")
        mailbox = f"unsub+{_line(outbound.key)}@{_line(frame.reply_domain)}"
        headers.append(f"List-Unsubscribe: <{url}>,\r\n <mailto:{mailbox}>")
        headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return headers


_FIXED_HEADERS = (
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"',
)


def _line(value: str) -> str:
    return _BREAK.sub(" ", value).strip()


def _encoded(value: str, plain: re.Pattern[str]) -> str:
    line = _line(value)
    if plain.fullmatch(line):
        return line
    words, chunk = [], b""
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(chunk) + len(octets) > 39:
            words.append(chunk)
            chunk = b""
        chunk += octets
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in [*words, chunk])


def _part(content_type: str, text: str) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return head.encode("ascii") + base64.encodebytes(lines.encode("utf-8", "replace")).replace(b"\n", b"\r\n")

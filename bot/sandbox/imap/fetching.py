"""What FETCH gives of one mail (RFC 3501 sections 6.4.5 and 7.4.2), parts of a multipart mail left out."""

import email.message
import email.parser
import email.policy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses

from bot.sandbox.imap.box import Stored
from bot.sandbox.imap.words import Word, Wrong, quoted

MACROS = {
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
}
WHOLE = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY.PEEK[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}
_BODY = re.compile(r"BODY(\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)
_FIELDS = re.compile(r"HEADER\.FIELDS(\.NOT)? \(([^()]+)\)", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SEEN = "\\Seen"


def read_items(word: Word) -> list[str]:
    """The names of what is wanted. Raises Wrong."""
    names = [word] if isinstance(word, str) else word
    if not names or not all(isinstance(name, str) for name in names):
        raise Wrong("names of items are wanted")
    if isinstance(word, str) and word.upper() in MACROS:
        return list(MACROS[word.upper()])
    return [_known(str(name)) for name in names]


def marks_as_seen(items: Sequence[str]) -> bool:
    sections = [_section(item) for item in items]
    return any(section is not None and not section.peeks for section in sections)


def fetched(number: int, mail: Stored, items: Sequence[str], flags: Sequence[str]) -> bytes:
    """One untagged answer; `flags` are the mail's, \\Recent among them where it is."""
    parts = [_item(item, mail, flags) for item in items]
    return b"* %d FETCH (%s)" % (number, b" ".join(parts))


def header_of(mail: Stored) -> email.message.Message:
    return email.parser.BytesParser(policy=email.policy.compat32).parsebytes(mail.raw, headersonly=True)


def _known(name: str) -> str:
    upper = name.upper()
    if upper in ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE") or upper in WHOLE:
        return upper
    if section := _section(name):
        _cut(b"\r\n\r\n", section.name)
        return name
    raise Wrong(f"{name[:40]} is not told here")


@dataclass(frozen=True, slots=True)
class _Section:
    """`count` octets from `start` on, None for all; `peeks`: it is not marked as seen by that."""

    peeks: bool
    name: str
    start: int
    count: int | None


def _section(item: str) -> _Section | None:
    """None where it is no part of the mail's text."""
    match = _BODY.fullmatch(WHOLE.get(item, item))
    if match is None:
        return None
    return _Section(bool(match[1]), match[2], int(match[3] or 0), int(match[4]) if match[4] else None)


def _item(item: str, mail: Stored, flags: Sequence[str]) -> bytes:
    match item:
        case "UID":
            return b"UID %d" % mail.uid
        case "FLAGS":
            return f"FLAGS ({' '.join(flags)})".encode()
        case "INTERNALDATE":
            return f'INTERNALDATE "{_date_time(mail.arrived)}"'.encode()
        case "RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(mail.raw)
        case "ENVELOPE":
            return b"ENVELOPE " + _envelope(header_of(mail)).encode()
    return _body(item, mail)


def _body(item: str, mail: Stored) -> bytes:
    section = _section(item)
    assert section is not None
    end = None if section.count is None else section.start + section.count
    octets = _cut(mail.raw, section.name)[section.start : end]
    origin = "" if section.count is None else f"<{section.start}>"
    label = item if item in WHOLE else f"BODY[{section.name.upper()}]{origin}"
    return b"%s {%d}\r\n%s" % (label.encode(), len(octets), octets)


def _cut(raw: bytes, section: str) -> bytes:
    head, _, text = raw.partition(b"\r\n\r\n")
    match section.upper():
        case "":
            return raw
        case "HEADER":
            return head + b"\r\n\r\n"
        case "TEXT":
            return text
    fields = _FIELDS.fullmatch(section)
    if fields is None:
        raise Wrong("parts of a mail are not told here; ask for all of it")
    wanted = {name.strip('"').lower().encode() for name in fields[2].split()}
    lines = re.split(rb"\r\n(?![ \t])", head)
    kept = [line for line in lines if (line.partition(b":")[0].strip().lower() in wanted) != bool(fields[1])]
    return b"".join(line + b"\r\n" for line in kept) + b"\r\n"


def _date_time(moment: datetime) -> str:
    return f"{moment.day:2d}-{_MONTHS[moment.month - 1]}-{moment:%Y %H:%M:%S} {moment:%z}"


def _envelope(header: email.message.Message) -> str:
    people = {name: _people(header, name) for name in ("from", "sender", "reply-to", "to", "cc", "bcc")}
    for name in ("sender", "reply-to"):
        people[name] = people["from"] if people[name] == "NIL" else people[name]
    told = [_text(header["date"]), _text(header["subject"]), *people.values()]
    return f"({' '.join([*told, _text(header['in-reply-to']), _text(header['message-id'])])})"


def _people(header: email.message.Message, name: str) -> str:
    found = [
        f"({_text(person or None)} NIL {_text(address.rpartition('@')[0])} {_text(address.rpartition('@')[2])})"
        for person, address in getaddresses([str(value) for value in header.get_all(name, [])])
    ]
    return f"({''.join(found)})" if found else "NIL"


def _text(value: object) -> str:
    return "NIL" if value is None else quoted(re.sub(r"[\r\n]+", "", str(value)).encode("ascii", "replace").decode())

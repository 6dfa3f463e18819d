"""The part of a bounce that is written for machines (RFC 3464), however badly it is wrapped."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message

from bot.channels.mime import characters, part_text, parts

_LIMIT = 200_000  # characters of a report that are looked at
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)")
_MARK = re.compile(r"^(final-recipient|original-recipient|reporting-mta)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"[^\s<>()\[\]\";,:]+@[^\s<>()\[\]\";,:]+")
_FAILING = re.compile(r"fail|permanent|undeliver|error|bounce|reject", re.IGNORECASE)
_PENDING = re.compile(r"delay|transient|defer|retry|queued|warning", re.IGNORECASE)
_ARRIVED = re.compile(r"deliver|relay|expand|success", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reported:
    """One recipient of a report. `action` is failed, delayed, delivered, or empty where nobody can tell."""

    address: str  # as we wrote to it where the report says so; empty where it names none
    action: str
    status: str
    diagnostic: str


def delivery_report(message: Message) -> list[Reported]:
    """Every recipient a report names, in its order; none where the mail holds no report."""
    return [_reported(block) for text in _report_texts(message) for block in _blocks(text)]


def envelope_id(message: Message) -> str:
    """The Original-Envelope-Id of a report; empty where there is none."""
    for text in _report_texts(message):
        if found := re.search(r"^original-envelope-id[ \t]*:[ \t]*(\S+)", text, re.IGNORECASE | re.MULTILINE):
            return found[1]
    return ""


def _report_texts(message: Message) -> list[str]:
    """By their type; else plain parts that hold the fields, as those of gateways that lose the type."""
    leaves = list(parts(message))
    typed = [_part_source(part) for part in leaves if part.get_content_type().endswith("delivery-status")]
    if any(_MARK.search(text) for text in typed):
        return typed
    plain = [part_text(part)[:_LIMIT] for part in leaves if _may_hold_fields(part)]
    return [text[found.start() :] for text in plain if (found := _MARK.search(text)) and _is_report(text)]


def _may_hold_fields(part: Message) -> bool:
    return not part.is_multipart() and part.get_content_type() not in ("text/html", "text/rfc822-headers")


def _is_report(text: str) -> bool:
    """A recipient and an action or a status: what a person quotes of a report begins with `>`."""
    return bool(
        re.search(r"^(final|original)-recipient[ \t]*:", text, re.IGNORECASE | re.MULTILINE)
        and re.search(r"^(action|status)[ \t]*:", text, re.IGNORECASE | re.MULTILINE)
    )


def _part_source(part: Message) -> str:
    """The text of a part that the parser has split into header blocks."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return part_text(part)[:_LIMIT]
    blocks = [block for block in payload if isinstance(block, Message)]
    text = "\n\n".join(_block_source(block) for block in blocks)[:_LIMIT]
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding not in ("base64", "quoted-printable") or _MARK.search(text):
        return text.replace("=\n", "") if encoding == "quoted-printable" else text
    bare = Message()  # the parser leaves an encoded report as it is
    bare["Content-Transfer-Encoding"] = encoding
    bare.set_payload("".join(text.split()) if encoding == "base64" else text)
    decoded = bare.get_payload(decode=True)
    return characters(decoded, "")[:_LIMIT] if isinstance(decoded, bytes) else text


def _block_source(block: Message) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in block.raw_items())
    rest = block.get_payload()
    return f"{head}\n{rest}" if isinstance(rest, str) and rest else head


def _blocks(text: str) -> Iterator[Mapping[str, str]]:
    """A recipient's fields: from one recipient to the next. Blank lines stand where they should not, or are missing."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if found := _FIELD.match(line):
            name, value = found[1].lower(), found[2].strip()
            if name in fields and name in ("final-recipient", "original-recipient", "action"):
                if _names_recipient(fields):
                    yield fields
                fields = {}
            if name not in fields or name == "diagnostic-code":
                fields[name] = f"{fields.get(name, '')} {value}".strip()
        elif line[:1] in (" ", "\t") and name:
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif not line.strip():
            if _names_recipient(fields) and "action" in fields:
                yield fields
                fields = {}
            name = ""
        elif name == "diagnostic-code":  # Lines of an answer that were not folded
            fields[name] = f"{fields[name]} {line.strip()}"
    if _names_recipient(fields):
        yield fields


def _names_recipient(fields: Mapping[str, str]) -> bool:
    return "final-recipient" in fields or "original-recipient" in fields


def _reported(fields: Mapping[str, str]) -> Reported:
    status = fields.get("status", "")
    found = re.search(r"[245]\.\d{1,3}\.\d{1,3}", status)
    return Reported(
        address=_recipient(fields),
        action=_action(fields.get("action", ""), found[0] if found else ""),
        status=found[0] if found else "",
        diagnostic=_diagnostic(fields, status),
    )


def _diagnostic(fields: Mapping[str, str], status: str) -> str:
    kind, semicolon, answer = fields.get("diagnostic-code", "").partition(";")
    said = answer if semicolon and len(kind) < 40 else fields.get("diagnostic-code", "")
    comment = re.search(r"\((.*)\)", status)  # "5.1.1 (bad destination mailbox address)"
    return said.strip() or (comment[1] if comment else "") or fields.get("x-notes", "")


def _recipient(fields: Mapping[str, str]) -> str:
    original = fields.get("original-recipient", "").rpartition(";")[2]
    # in xtext (RFC 3461), which the final one is not
    candidates = [re.sub(r"\+([0-9A-F]{2})", lambda hexed: chr(int(hexed[1], 16)), original)]
    names = ("final-recipient", "x-actual-recipient", "x-original-recipient", "final-log-id")
    candidates += [fields.get(name, "").rpartition(";")[2] or fields.get(name, "") for name in names[:3]]
    return next((address for value in candidates if (address := _address(value))), "")


def _address(value: str) -> str:
    found = _ADDRESS.search(value.strip().strip("<>"))
    return found[0].strip(".") if found else ""


def _action(action: str, status: str) -> str:
    if _PENDING.search(action):
        return "delayed"
    if _FAILING.search(action):
        return "failed"
    if _ARRIVED.search(action):
        return "delivered"
    return {"2": "delivered", "4": "failed", "5": "failed"}.get(status[:1], "")

"""Bounces in plain words: which recipients they name, and what is said of each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses, parseaddr

from bot.channels.mime import bodies, header, headers, part_text, parts
from bot.channels.new_words import html_text

_TEXT_LIMIT = 30_000
_LINE_LIMIT = 400
_NAMED_LIMIT = 200

_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9._%+=/&*~-])([A-Za-z0-9_#$%&*/=?^`{|}~+!-][A-Za-z0-9.#$%&'*/=?^`{|}~+_!-]{0,80}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})\.)+[A-Za-z][A-Za-z0-9-]{0,20})(?![A-Za-z0-9@])"
)
# From here on it is the mail that came back.
_RETURNED = re.compile(
    r"[ \t>*|#=_-]{0,80}(?:"
    r"(?:below this line|below the next line|this) is a copy of (?:the|your)|(?:here is a )?copy of (?:the|"
    r"your) (?:original |first )?(?:message|mail|part)|"
    r"(?:here is )?(?:the )?(?:original|returned|unsent|failed|undelivered|source) (?:message|mail|e-?mail)"
    r"(?: text| headers?| source| details?| data)?(?: follows?| below| is included| body| attached|"
    r" as received)?[^@\n\w]{0,40}(?:\([^@\n]{0,30}\))?\W*$|"
    r"(?:the |your )?(?:original )?(?:message|mail) (?:(?:text|headers?|body|contents?) )?(?:follows?|below|"
    r"is attached|reads)\b[^@\n]{0,40}$|"
    r"start of returned|"
    r"unsent message|message headers? follow|headers? (?:of|from|follow)|returned (?:message|mail|text)|"
    r"the (?:header|text|first|body|beginning|following is (?:the|a copy)) .{0,40}(?:message|mail|header)|"
    r"(?:received|return-path|message-id|x-mailer|mime-version|dkim-signature|delivered-to)[ \t]*:[ \t]|"
    r"begin (?:original|returned|message)|start of (?:returned|original|message)|"
    r"原(?:始)?邮件(?:内容|如下)|(?:退回|您?发送的?)(?:的)?邮件(?:内容|原文|如下)|(?:以下|下面).{0,8}(?:是|为).{0,8}(?:原邮件|原信|邮件)"
    r")",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"^(postmaster|mailer-?daemon|abuse|help(desk)?|support|admin(istrator)?|webmaster|hostmaster|noreply|no-reply|"
    r"mail-?master|root|info-?bounce|daemon|sysadmin|security|spam|unblock|whitelist|removeme|delist)@",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"\b(try|instead|e\.g\.|for example|such as|standard form|formerly)\b|contact|forward (this|it|a copy)|"
    r"send (an? |the )?(e-?mail|mail|message|note|copy) to|e-?mail us|mailto:|"
    r"assistance|questions|help from|write to|report (this|it|false|errors|problem)|complain|联系|咨询|客服|举报|反馈",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"(?:退信原因|bounce reason)\s*(?:/\s*bounce reason)?\s*[:：]?(.{3,2000}?)"
    r"(?:(?:建议)?解决方案|proposed solution|邮差|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_SERVER_WORDS = re.compile(r"(?:英文说明|english)\s*[:：](.*)", re.IGNORECASE | re.DOTALL)
_LISTED = re.compile(
    r"did not reach the following recipient|following (recipient|address|destination)[^:\n]{0,80}(fail|not|unable|"
    r"undeliver|error)?|"
    r"(fail\w*|not delivered|undeliverable) (to )?(address|recipient)\w*",
    re.IGNORECASE,
)
_SENDER_LINE = re.compile(
    r"^\W*(from|sender|return-path|mail from|envelope-from|reply-to|发件人|发送人|message-id|in-reply-to|references|by|"
    r"your message from)\b\W|\bmail from:|\bfrom:? ?<?\S+@\S+>? (on|at)\b",
    re.IGNORECASE,
)
_NAMING = re.compile(
    r"rcpt to|recipients?\b|<[^<>\s]+@[^<>\s]+>|\bto\b.{0,60}@|smtp:|"
    r"address|user|mailbox|account|deliver|undeliver|fail|unknown|reject|收件|投递|发送|地址|用户|邮箱",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient and the words that stand with it."""

    address: str
    said: str


def human_text(message: Message) -> str:
    """What the bounce itself says, the returned mail cut off."""
    plain, rich = bodies(message)
    text = (plain if plain.strip() else html_text(rich, drop_quotes=False))[:_TEXT_LIMIT]
    own = text[: _returned_at(text)]
    return own if re.search(r"\w", own) else text


def _returned_at(text: str) -> int:
    """Where the returned mail begins; the text's length where it is not there."""
    at = 0
    for line in text.splitlines(keepends=True):
        if at and len(line) <= _LINE_LIMIT and _RETURNED.match(line.rstrip("\r\n")):
            return at
        at += len(line)
    return at


def lists_failures(text: str) -> bool:
    """A line of its own for a recipient with what became of it, as every qmail writes it, or a title over them."""
    return bool(re.search(r"^[ \t]*<[^<>\s]+@[^<>\s]+>:|\bnon-?delivery report\b", text, re.MULTILINE | re.IGNORECASE))


def stated_cause(text: str) -> str:
    """What Coremail (163, 126 and many companies) gives as the cause, its advice left out; empty in other bounces.

    The remote server's own words stand behind 英文说明 and come first.
    """
    found = _CAUSE.search(text)
    if not found:
        return ""
    own = _SERVER_WORDS.search(found[1])
    return own[1].strip() if own and own[1].strip() else found[1].strip()


def named_recipients(message: Message, text: str) -> list[Named]:
    """Recipients of a bounce without a report: by header, else by its words, else those of the mail it returns."""
    if failed := headers(message, "x-failed-recipients"):
        found = [address for _, address in getaddresses(failed) if "@" in address]
        return [Named(address, _said_of(address, text)) for address in _once(found)]
    ours = _not_recipients(message)
    if sections := _local_names(message, text) or _sections(text, ours):
        return sections
    returned = [a for a in returned_recipients(message) if a.lower() not in ours]
    return [Named(address, text) for address in returned] if len(returned) == 1 else []


def returned_recipients(message: Message) -> list[str]:
    """Whom the returned mail was written to."""
    return _once([a for _, a in getaddresses(_returned_headers(message, "to")) if _ADDRESS.fullmatch(a)])


def _sections(text: str, ours: frozenset[str]) -> list[Named]:
    lines = [line[:_LINE_LIMIT] for line in _from_the_list(text).splitlines()]
    best: dict[float, list[tuple[int, str]]] = {}
    for number, line in enumerate(lines):
        for found in _ADDRESS.findall(line):
            address = re.sub(r"^(smtp|rfc822)=", "", found, flags=re.IGNORECASE)
            if _OTHERS.match(address):
                continue
            rank = _rank(lines, number, address)
            if address.lower() in ours:  # whoever writes to himself
                rank = 2.5 if re.match(r"\s*<[^<>]+>:", line) else 5
            best.setdefault(rank, []).append((number, address))
    if not best or min(best) > 3 or (min(best) == 2 and len({address.lower() for _, address in best[2]}) > 1):
        return []  # several addresses in running text are examples, or people to ask
    found = best[min(best)][:_NAMED_LIMIT]
    named: dict[str, Named] = {}
    for at, (number, address) in enumerate(found):
        others = (line for line, other in found[at + 1 :] if other.lower() != address.lower() and line > number)
        said = "\n".join(lines[number : next(others, len(lines))])
        named.setdefault(address.lower(), Named(address, said or lines[number]))
    return list(named.values())


def _local_names(message: Message, text: str) -> list[Named]:
    """AOL names its own people without their domain."""
    domain = parseaddr(header(message, "from"))[1].rpartition("@")[2]
    found = re.search(
        r"following recipients? (?:could|was|were)[^:]{0,300}:\s*\n((?:[ \t]+[\w.-]+[ \t]*\r?\n?)+)", text
    )
    return [Named(f"{name}@{domain}", text) for name in found[1].split()] if found and domain else []


def _from_the_list(text: str) -> str:
    """From the words after which Exchange and others list those they did not reach, where addresses follow."""
    found = _LISTED.search(text)
    return text[found.start() :] if found and _ADDRESS.search(text, found.end()) else text


def _rank(lines: Sequence[str], number: int, address: str) -> float:
    """0 for a line that is about a recipient, more the less sure; above 3 it is somebody else's address."""
    line = lines[number]
    near = " ".join(lines[max(0, number - 1) : number + 1])
    if _SENDER_LINE.search(line):
        return 5
    if _CONTACT.search(near):
        return 4
    if re.match(r"\W*(to|cc|bcc)\W*:", line, re.IGNORECASE):
        return 3
    bare = re.sub(
        r"[\s<>\"'()\[\]:;,.*-]|smtp:|mailto:|rfc822;|\d+\.", "", line.replace(address, ""), flags=re.IGNORECASE
    )
    if not bare.replace(address, "") or re.match(r"\s*<[^<>]+>:", line):
        return 0
    if re.search(r"rcpt to|recipient|收件", line, re.IGNORECASE):
        return 0
    return 1 if _NAMING.search(line) else 2


def _said_of(address: str, text: str) -> str:
    at = text.lower().find(address.lower())
    return text[at : at + 1000] if at >= 0 else text


def _not_recipients(message: Message) -> frozenset[str]:
    """The writer of the returned mail, to whom the bounce came, and the machine that sent it."""
    values = [header(message, name) for name in ("to", "from", "reply-to", "sender", "delivered-to", "errors-to")]
    values += _returned_headers(message, "from")[:1]
    addresses = {address.lower() for _, address in getaddresses(values) if address}
    return frozenset(addresses | {parseaddr(header(message, "return-path"))[1].lower()})


def _returned_headers(message: Message, name: str) -> list[str]:
    for part in parts(message):
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
            inner = payload[0]
            if isinstance(inner, Message) and (values := headers(inner, name)):
                return values
        if part.get_content_type() in ("text/rfc822-headers", "message/rfc822-headers", "text/rfc822"):
            return _field(part_text(part), name)
    text = bodies(message)[0][:_TEXT_LIMIT]
    return _field(text[_returned_at(text) :], name)


def _field(text: str, name: str) -> list[str]:
    pattern = rf"^[ \t>|]{{0,8}}{name}[ \t]*:[ \t]*(.*(?:\n[ \t>|]{{0,8}}[ \t]+\S.*)*)"
    found = re.search(pattern, text[:_TEXT_LIMIT], re.IGNORECASE | re.MULTILINE)
    return [" ".join(found[1].split())] if found else []


def _once(addresses: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(address.lower(), address)
    return list(first.values())

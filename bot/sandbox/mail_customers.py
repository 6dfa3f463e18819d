"""A customer's mail program: honest replies as QQ邮箱, 163, Outlook and Gmail write them, and bounces."""

import asyncio
import html
import smtplib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.policy import compat32
from email.utils import format_datetime, getaddresses, parsedate_to_datetime
from functools import partial
from typing import Protocol

from bot.sandbox.mail_bounces import Quirks, nobodys, write_bounce
from bot.sandbox.mail_parts import encoded, message_id, text_part
from bot.sandbox.stage import Accepted, Stage
from campaigns.terms import SHANGHAI

TIMEOUT_SECONDS = 60  # RFC 5321 section 4.5.3.2 gives a server minutes
WIRE = compat32.clone(linesep="\r\n")  # the older policy alone writes headers in other charsets
WEEKDAYS = "一二三四五六日"


class Box(Protocol):
    """A mailbox at a provider (bot.sandbox.imap.box.Mailbox is one)."""

    def deliver(self, sender: str, to: str, mail: bytes) -> int: ...


class MailCustomer:
    """Delivers answers and bounces to our mail door at `host`:`port`, by LMTP or else by SMTP, and into `box`.

    Without a host there is no door of ours: what comes back lies in the mailbox.
    """

    def __init__(
        self,
        stage: Stage,
        host: str = "",
        port: int = 0,
        lmtp: bool = True,
        quirks: Quirks | None = None,
        box: Box | None = None,
    ) -> None:
        self.quirks = quirks or Quirks()
        self._stage, self._box = stage, box
        self._host, self._port = host, port
        self._client = smtplib.LMTP if lmtp else smtplib.SMTP
        self._queue: dict[str, bytes] = {}  # Message-ID → the mail, until the door has taken it

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        """Raises smtplib.SMTPException or OSError where the door did not take it. Called again with the same words it
        is the same mail, octet for octet, as a mail server's queue keeps it.
        """
        mail = self._queued(write_reply(accepted, text, self._stage.now(), automatic))
        # A machine's answer has no sender to bounce to, RFC 3834 section 3.3; QQ and 163 do not care.
        sender = "" if automatic and _program(accepted.to).honest_machine else accepted.to
        await self._deliver(sender, _reply_address(accepted), mail)

    async def bounce(self, accepted: Accepted) -> None:
        """Report to the envelope's sender, if there is one, that there is no such mailbox. Raises like `answer`; what
        comes late fails in the timetable.
        """
        dice, quirks, later = (
            self._stage.dice(f"bounce {accepted.provider_id} {accepted.to}"),
            self.quirks,
            timedelta(0),
        )
        if dice.random() < quirks.missing_share or not accepted.words["mail_from"]:
            return
        if dice.random() < quirks.late_share:
            later = quirks.latest_of_the_late * dice.random()
        about = [accepted] * (3 if dice.random() < quirks.duplicate_share else 1)
        if dice.random() < quirks.unknown_share:
            about.append(nobodys(accepted))
        for one in about:
            if later:
                self._stage.timetable.later(later, partial(self._bounce, one), "bounce comes late")
            else:
                await self._bounce(one)

    async def _bounce(self, accepted: Accepted) -> None:
        mail = self._queued(write_bounce(accepted, self._stage.now()))
        await self._deliver("", accepted.words["mail_from"], mail)

    def _queued(self, mail: Message) -> str:
        message_id = str(mail["Message-ID"])
        self._queue.setdefault(message_id, mail.as_bytes(policy=WIRE))
        return message_id

    async def _deliver(self, sender: str, to: str, message_id: str) -> None:
        mail = self._queue[message_id]
        if self._host:
            await asyncio.to_thread(self._send, sender, to, mail)
        if self._box is not None:
            self._box.deliver(sender, to, mail)
        self._queue.pop(message_id, None)

    def _send(self, sender: str, to: str, mail: bytes) -> None:
        # A name of our own: smtplib would ask the DNS for this machine's.
        with self._client(self._host, self._port, "mx.customer.example", timeout=TIMEOUT_SECONDS) as door:
            door.sendmail(sender, [to], mail)


@dataclass(frozen=True, slots=True)
class _Original:
    """What a mail program shows of the mail that is answered."""

    sender: str  # the name, or the address where there is none
    address: str
    to: str
    subject: str
    at: datetime
    text: str
    html: str
    message_id: str
    references: str


@dataclass(frozen=True, slots=True)
class _Program:
    quote: Callable[[_Original], str]
    charset: str
    reply_prefix: str
    machine_prefix: str
    machine_headers: tuple[tuple[str, str], ...] = ()

    @property
    def honest_machine(self) -> bool:
        return bool(self.machine_headers)


def write_reply(accepted: Accepted, text: str, now: datetime, automatic: bool) -> Message:
    """The answer to an accepted mail; the same words to the same mail have the same Message-ID."""
    original, program = _original_of(accepted), _program(accepted.to)
    mail = _machine_body(text, program) if automatic else _body(text, original, program)
    prefix = program.machine_prefix if automatic else program.reply_prefix
    mail["From"] = accepted.to
    mail["To"] = _reply_address(accepted)
    mail["Subject"] = encoded(prefix + original.subject, program.charset)
    mail["Date"] = format_datetime(now.astimezone(SHANGHAI))
    mail["Message-ID"] = message_id(accepted, text)
    if not automatic or program.honest_machine:
        mail["In-Reply-To"] = original.message_id
        mail["References"] = f"{original.references} {original.message_id}".strip()
    for name, value in program.machine_headers if automatic else ():
        mail[name] = value
    return mail


def _original_of(accepted: Accepted) -> _Original:
    headers = {name.lower(): str(value) for name, value in accepted.words["headers"].items()}
    name, address = (getaddresses([headers["from"]]) or [("", "")])[0]
    return _Original(
        sender=name or address,
        address=address,
        to=accepted.to,
        subject=accepted.words["subject"],
        at=parsedate_to_datetime(headers["date"]).astimezone(SHANGHAI),
        text=accepted.words["text"].rstrip("\n"),
        html=accepted.words["html"],
        message_id=headers["message-id"],
        references=headers.get("references", ""),
    )


def _reply_address(accepted: Accepted) -> str:
    headers = {name.lower(): str(value) for name, value in accepted.words["headers"].items()}
    found = getaddresses([headers.get("reply-to") or headers["from"]])
    return found[0][1] if found else ""


def _body(text: str, original: _Original, program: _Program) -> Message:
    plain = text + program.quote(original)
    rich = f"<div>{html.escape(text)}</div><br><blockquote>{original.html or html.escape(original.text)}</blockquote>"
    mail = MIMEMultipart("alternative")
    mail.attach(text_part(plain, program.charset))
    mail.attach(text_part(rich, program.charset, "html"))
    return mail


def _machine_body(text: str, program: _Program) -> Message:
    return text_part(text + "\n", program.charset)


def _qq_quote(mail: _Original) -> str:
    day = mail.at
    hour = f"{_part_of_day(day)}{(day.hour - 1) % 12 + 1}:{day:%M}"
    # The entities, and half of the brackets, are no mistake of ours: QQ leaves them in its plain text.
    return (
        "\n\n\n\n------------------&nbsp;原始邮件&nbsp;------------------\n"
        f'发件人:&nbsp;"{mail.sender}"<{mail.address}&gt;;\n'
        f"发送时间:&nbsp;{day.year}年{day.month}月{day.day}日(星期{WEEKDAYS[day.weekday()]}) {hour}\n"
        f'收件人:&nbsp;"{mail.to.partition("@")[0]}"<{mail.to}&gt;;\n'
        f"主题:&nbsp;{mail.subject}\n\n{mail.text}\n"
    )


def _netease_quote(mail: _Original) -> str:
    quoted = "\n".join(f"> {line}".rstrip() for line in mail.text.split("\n"))
    return f'\n\n\n\n\n在 {mail.at:%Y-%m-%d %H:%M:%S}，"{mail.sender}" <{mail.address}> 写道：\n{quoted}\n'


def _outlook_quote(mail: _Original) -> str:
    day = mail.at
    return (
        "\n\n________________________________\n"
        f"发件人: {mail.sender} <{mail.address}>\n"
        f"发送时间: {day.year}年{day.month}月{day.day}日 {day:%H:%M}\n"
        f"收件人: {mail.to} <{mail.to}>\n主题: {mail.subject}\n\n{mail.text}\n"
    )


def _gmail_quote(mail: _Original) -> str:
    day = mail.at
    quoted = "\n".join(f"> {line}".rstrip() for line in mail.text.split("\n"))
    when = f"{day.year}年{day.month}月{day.day}日周{WEEKDAYS[day.weekday()]} {day:%H:%M}"
    return f"\n\n{mail.sender} <{mail.address}> 于{when}写道：\n\n{quoted}\n"


def _part_of_day(moment: datetime) -> str:
    for before, word in ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午")):
        if moment.hour < before:
            return word
    return "晚上"


QQ = _Program(_qq_quote, "gb18030", "回复:", "自动回复:")
NETEASE = _Program(_netease_quote, "gbk", "Re:", "自动回复:")
OUTLOOK = _Program(
    _outlook_quote,
    "utf-8",
    "答复: ",
    "自动答复: ",
    (("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")),
)
GMAIL = _Program(
    _gmail_quote,
    "utf-8",
    "Re: ",
    "休假中 Re: ",
    (("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), ("X-Autoreply", "yes")),
)


def _program(address: str) -> _Program:
    domain = address.rpartition("@")[2].lower()
    if domain.startswith("qq."):
        return QQ
    if domain.startswith(("163.", "126.")):
        return NETEASE
    return (OUTLOOK, GMAIL)[zlib.crc32(address.lower().encode()) % 2]

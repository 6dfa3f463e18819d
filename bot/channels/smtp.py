"""SMTP transactions over kept connections, and what a server's refusal means.

aiosmtplib opens, secures and logs in; we drive its single commands, because only whoever knows the phase of a
transaction can tell a loss that is safe to repeat from one that may have been a delivery.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import cast

import aiosmtplib

from campaigns.errors import ChannelUnavailable
from campaigns.terms import Reaction


@dataclass(frozen=True, slots=True)
class Meaning:
    """What to do about a refusal. `ours`: a policy against us, not the address; the caller counts these."""

    reaction: Reaction
    retry_after: timedelta | None = None
    ours: bool = False


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_HARD = Meaning(Reaction.SUPPRESS)
_FULL = Meaning(Reaction.DEFER_RECIPIENT, _DAY)
_SOFT = Meaning(Reaction.RETRY, 5 * _MINUTE)  # greylisting wants five minutes at least
_SOON = Meaning(Reaction.RETRY, 2 * _MINUTE)
_DROP = Meaning(Reaction.DROP)
_SLOW = Meaning(Reaction.SLOW, 5 * _MINUTE)
_SLOW_HOUR = Meaning(Reaction.SLOW, _HOUR)
_CONTENT = Meaning(Reaction.PAUSE_TEMPLATE)
_CHANNEL = Meaning(Reaction.PAUSE_CHANNEL)
_POLICY = Meaning(Reaction.DROP, ours=True)

# The wording of the Chinese providers comes before any code: a 550 of QQ may be a passing thing.
_TEXTS: tuple[tuple[str, Meaning], ...] = (
    (r"mailbox unavailable or access denied", _FULL),  # QQ: the recipient is flooded, not gone
    (r"(ip|connection|domain) frequency limited|connection denied", _SLOW_HOUR),  # QQ
    (r"mail content denied|spam is embedded in the email", _CONTENT),  # QQ
    (r"reject by content spam", _CONTENT),  # Aliyun DirectMail
    (r"message (is )?too large|message size exceeds", _DROP),
    (r"ip\b.{0,40}\bblack ?list", _CHANNEL),  # 163
    (r"mailbox (is )?full|over ?quota|quota exceeded|exceeded.{0,20}quota|邮箱已满|邮箱空间不足", _FULL),
    (r"mailbox not found|user not found|user suspended|bad address syntax|invalid rcptto", _HARD),
    (
        r"user unknown|unknown user|no such (user|recipient|mailbox)|用户不存在|(收件人|邮箱).{0,80}不存在",
        _HARD,
    ),
    (r"(user|recipient|mailbox|account)( \S+)? (does not|doesn't) exist", _HARD),
)
_TEXT_RULES = tuple((re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in _TEXTS)

# 163 and 126 name the rule: `451 MI:SFQ 163 smtp7,…`. The same token means other things under other codes.
_NETEASE: dict[tuple[int, str], Meaning] = {
    (421, "HL:REP"): _SLOW_HOUR,
    (421, "HL:ICC"): _SLOW,
    (421, "HL:IFC"): _SLOW,
    (421, "HL:MEP"): _SLOW,
    (450, "DT:RBL"): _SLOW_HOUR,
    (450, "WM:BLI"): _SLOW_HOUR,
    (450, "WM:BLU"): _SLOW_HOUR,
    **{(450, t): _SOFT for t in ("MI:CEL", "MI:DMC", "MI:CCL", "RP:DRC", "RP:CCL")},
    **{(451, t): _SOON for t in ("DT:SPM", "RP:QRC", "RP:CEL")},
    (451, "MI:SFQ"): Meaning(Reaction.RETRY, 15 * _MINUTE),
    **{(550, t): _CHANNEL for t in ("MI:NHD", "MI:IMF", "MI:SPF", "MI:DMA", "MI:STC", "RP:FRL", "RP:RCL")},
    (554, "DT:SPM"): _CONTENT,
    (554, "HL:IHU"): _CHANNEL,
}
_CODES: dict[int, Meaning] = {
    421: _SLOW,  # the server closes the session; it says nothing about the address
    530: _CHANNEL,
    534: _CHANNEL,
    535: _CHANNEL,
    538: _CHANNEL,
    559: _HARD,  # Aliyun DirectMail: invalid recipient
    561: _HARD,  # Aliyun DirectMail: a honeypot
}
_STATUSES: dict[str, Meaning] = {  # RFC 3463, without its class digit
    **dict.fromkeys(("1.1", "1.2", "1.3", "1.6", "1.10", "2.1"), _HARD),
    "2.2": _FULL,
    "2.3": _DROP,
    "3.4": _DROP,
    "7.8": _CHANNEL,  # our login
    "7.9": _CHANNEL,
}
_FINAL = frozenset({Reaction.SUPPRESS, Reaction.PAUSE_TEMPLATE, Reaction.PAUSE_CHANNEL})
_TOKEN = re.compile(r"\b[A-Z]{2}:[A-Z]{3}\b")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def read_refusal(code: int, text: str, status: str = "") -> Meaning:
    """What a 4xx or 5xx answer about one recipient means.

    `status` is the RFC 3463 status of a bounce; where it is empty the one that opens `text` counts.
    """
    status = status or reply_status(text)
    meaning = _by_text(code, text) or _CODES.get(code) or _by_status(status) or _by_class(code)
    passing = code < 500 or status.startswith("4.")
    if passing and (meaning.reaction in _FINAL or meaning.ours):
        return _SOFT  # the server itself says that it may pass
    return meaning


def reply_status(text: str) -> str:
    """The RFC 3463 status that opens a reply; empty where there is none."""
    found = _STATUS.match(text)
    return found[1] if found else ""


def reply_token(text: str) -> str:
    """The rule that 163 and 126 name in a refusal; empty where there is none."""
    found = _TOKEN.search(text)
    return found[0] if found else ""


def _by_text(code: int, text: str) -> Meaning | None:
    if meaning := _NETEASE.get((code, reply_token(text))):
        return meaning
    return next((meaning for rule, meaning in _TEXT_RULES if rule.search(text)), None)


def _by_status(status: str) -> Meaning | None:
    detail = status[2:]
    if meaning := _STATUSES.get(detail):
        return meaning
    return _POLICY if detail.startswith("7.") else None


def _by_class(code: int) -> Meaning:
    """Without a known text or status even a 5xx is soft; whoever counts the tries may give up after three."""
    return _FULL if code == 552 else _SOFT


class Phase(StrEnum):
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"  # asked to send the message, not sent yet
    FINAL_DOT = "final dot"  # the whole message has left us


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to hand mail in. Port 465 is TLS from the first byte; a login goes with `username`."""

    host: str
    port: int
    hello: str  # the name we greet with: 163 refuses an empty one
    username: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = True
    ca_file: str | None = None
    timeout: float = 30.0
    per_connection: int = 50


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one recipient. `content` has CRLF line ends."""

    key: str
    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    reply: str


@dataclass(frozen=True, slots=True)
class Refused:
    phase: Phase
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection died, fell silent or spoke nonsense; after the final dot the message may be theirs."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class NotTried:
    """Never on the wire: the server had stopped to serve us before its turn came."""


Outcome = Accepted | Refused | Lost | NotTried


class SmtpPool:
    """At most `width` connections to one server, kept between batches."""

    def __init__(self, server: SmtpServer, width: int) -> None:
        self._server = server
        self._width = width
        self._idle: list[_Connection] = []
        self._slots = asyncio.Semaphore(width)

    async def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """One outcome per envelope, in order. Raises ChannelUnavailable if no connection could be opened."""
        if not envelopes:
            return []
        await self._open_first()
        todo = deque(enumerate(envelopes))
        outcomes: dict[int, Outcome] = {}
        lanes = (self._lane(todo, outcomes) for _ in range(min(self._width, len(envelopes))))
        failures = [failure for failure in await asyncio.gather(*lanes) if failure is not None]
        if failures and not outcomes:
            raise failures[0]
        return [outcomes.get(index, NotTried()) for index in range(len(envelopes))]

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit() for connection in idle))

    async def _open_first(self) -> None:
        """One login before the others: a wrong password tried on all lanes at once may lock the account."""
        async with self._slots:
            if not any(connection.alive for connection in self._idle):
                self._idle.append(await _Connection.open(self._server))

    async def _lane(self, todo: deque[tuple[int, Envelope]], outcomes: dict[int, Outcome]) -> ChannelUnavailable | None:
        """Send from `todo` until it is empty or the server has turned us away too often in a row."""
        async with self._slots:
            connection: _Connection | None = None
            turned_away = 0
            try:
                while todo and turned_away < _GIVE_UP_AFTER:
                    index, envelope = todo.popleft()
                    try:
                        connection = await self._ready(connection)
                        outcome = await connection.transact(envelope)
                        if _never_begun(outcome):  # kept too long, say: replaced once, and nobody hears of it
                            connection = await _Connection.open(self._server)
                            outcome = await connection.transact(envelope)
                    except ChannelUnavailable as failure:
                        todo.appendleft((index, envelope))
                        return failure
                    outcomes[index] = outcome
                    turned_away = 0 if connection.alive else turned_away + 1
            finally:
                if connection is not None and connection.alive:
                    self._idle.append(connection)
            return None

    async def _ready(self, connection: "_Connection | None") -> "_Connection":
        while connection is None and self._idle:
            kept = self._idle.pop()
            connection = kept if kept.alive else None
        if connection is not None and connection.alive and not connection.used_up:
            return connection
        if connection is not None:
            await connection.quit()
        return await _Connection.open(self._server)


_GIVE_UP_AFTER = 3
# A relay that scans content answers the final dot late, and giving up there leaves an unknown outcome.
_FINAL_DOT_PATIENCE = 4
_QUIT_SECONDS = 2.0


def _never_begun(outcome: Outcome) -> bool:
    match outcome:
        case Lost(Phase.MAIL) | Refused(Phase.MAIL, 421):
            return True
        case _:
            return False


class _Connection:
    """One open session and the phase of its transaction."""

    def __init__(self, server: SmtpServer, client: aiosmtplib.SMTP) -> None:
        self._server = server
        self._client = client
        self._protocol = client.protocol
        self._phase = Phase.MAIL
        self._messages = 0

    @classmethod
    async def open(cls, server: SmtpServer) -> "_Connection":
        client = None
        try:
            client = _client(server)
            await client.connect()
            if client.is_ehlo_or_helo_needed:  # aiosmtplib greets late, and we must know what is on offer
                await client.ehlo()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if client is not None:
                client.close()
            raise _unavailable(server, error) from error
        return cls(server, client)

    @property
    def alive(self) -> bool:
        return self._client.is_connected

    @property
    def used_up(self) -> bool:
        return self._messages >= self._server.per_connection

    async def transact(self, envelope: Envelope) -> Outcome:
        """Never raises but for cancellation. A connection that cannot be trusted any more is closed."""
        self._phase = Phase.MAIL
        self._messages += 1
        try:
            return await self._transaction(envelope)
        except BaseException:  # cancelled half-way: the next answer would belong to this message
            self._client.close()
            raise

    async def _transaction(self, envelope: Envelope) -> Outcome:
        try:
            return Accepted(await self._commands(envelope))
        except aiosmtplib.SMTPResponseException as refusal:
            return await self._refused(refusal)
        except Exception:  # whatever it was, what matters is the phase
            await self._leave()
            return Lost(self._phase)

    async def quit(self) -> None:
        with suppress(aiosmtplib.SMTPException, OSError):
            if self.alive:
                await self._client.quit(timeout=_QUIT_SECONDS)
        await self._leave()

    async def _commands(self, envelope: Envelope) -> str:
        mail_options, rcpt_options = self._options(envelope)
        await self._client.mail(envelope.sender, options=mail_options)
        self._phase = Phase.RCPT
        await self._client.rcpt(envelope.recipient, options=rcpt_options)
        self._phase = Phase.DATA
        ready = await self._client.execute_command(b"DATA")
        if ready.code != 354:
            raise aiosmtplib.SMTPDataError(ready.code, ready.message)
        reply = await self._message(envelope.content)
        if not 200 <= reply.code <= 299:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)
        return reply.message

    async def _message(self, content: bytes) -> aiosmtplib.SMTPResponse:
        """Not `client.data()`, which cannot say whether the loss came before the message or after it."""
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol.write(_dot_stuffed(content))
        self._phase = Phase.FINAL_DOT
        return await protocol.read_response(timeout=self._server.timeout * _FINAL_DOT_PATIENCE)

    def _options(self, envelope: Envelope) -> tuple[list[str], list[str]]:
        """Only what this server's EHLO offered."""
        mail, rcpt = [], []
        if self._client.supports_extension("size"):
            mail.append(f"SIZE={len(envelope.content)}")
        if self._client.supports_extension("dsn"):
            mail += ["RET=HDRS", f"ENVID={envelope.key}"]
            rcpt += ["NOTIFY=FAILURE", f"ORCPT=rfc822;{_xtext(envelope.recipient)}"]
        return mail, rcpt

    async def _refused(self, refusal: aiosmtplib.SMTPResponseException) -> Outcome:
        if not 400 <= refusal.code <= 599:
            await self._leave()
            return Lost(self._phase)
        if refusal.code == 421 or reply_token(refusal.message):  # 163 counts per connection: a new one next time
            await self.quit()
        else:
            await self._reset()
        return Refused(self._phase, refusal.code, refusal.message)

    async def _reset(self) -> None:
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            await self._leave()

    async def _leave(self) -> None:
        """Close and wait a moment for the transport to be gone; one that will not go is cut off."""
        self._client.close()
        protocol = self._protocol
        for _ in range(100):
            if protocol is None or protocol.transport is None:
                return
            await asyncio.sleep(0.005)
        if protocol is not None and protocol.transport is not None:
            cast(asyncio.WriteTransport, protocol.transport).abort()  # uvloop's is none by its class


def _client(server: SmtpServer) -> aiosmtplib.SMTP:
    secure = server.port == 465
    needs_tls = secure or server.starttls
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username or None,
        password=server.password or None,
        local_hostname=server.hello,
        timeout=server.timeout,
        use_tls=secure,
        start_tls=server.starttls and not secure,
        tls_context=_tls_context(server.ca_file) if needs_tls else None,
    )


@cache
def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Reading the authorities takes 10 ms and more: once, not once a connection."""
    return ssl.create_default_context(cafile=ca_file)


def _unavailable(server: SmtpServer, error: Exception) -> ChannelUnavailable:
    where = f"mail server {server.host}:{server.port}"
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return ChannelUnavailable(
                f"邮件服务器拒绝登录 · {where} refused the credentials ({error.code}): check user name and "
                "password; QQ and 163 want the 授权码 from their settings page, not the mailbox's password"
            )
        case ssl.SSLError():
            return ChannelUnavailable(
                f"邮件服务器证书无效 · {where} showed a certificate that is not trusted: check the host "
                "name, or name the authority's certificate as the CA file"
            )
        case aiosmtplib.SMTPResponseException() if error.code > 0:
            return ChannelUnavailable(
                f"邮件服务器暂不接受连接 · {where} answered {error.code} to the connection: try later, or "
                "ask the provider whether this address is blocked"
            )
        case FileNotFoundError():
            return ChannelUnavailable(f"CA 证书文件不存在 · CA file for {where} not found: {server.ca_file}")
        case aiosmtplib.SMTPConnectError() | aiosmtplib.SMTPTimeoutError() | OSError():
            return ChannelUnavailable(f"邮件服务器连不上 · {where} cannot be reached: check host, port and firewall")
        case _:  # no STARTTLS or AUTH on offer
            return ChannelUnavailable(f"邮件服务器不支持所需功能 · {where}: {error}; check port and STARTTLS")


def _dot_stuffed(content: bytes) -> bytes:
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    start = b"." if stuffed.startswith(b".") else b""
    return start + stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


def _xtext(value: str) -> str:
    """RFC 3461 section 4: everything but printable ASCII, and + and =, as +XX."""
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}" for octet in value.encode()
    )

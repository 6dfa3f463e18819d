"""A strict stand-in for a mail provider's relay: refuses what a real one refuses and keeps the mailboxes."""

import asyncio
import hashlib
import hmac
import logging
import ssl
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from aiosmtpd.smtp import SMTP, AuthResult

from bot.sandbox.certificate import make_certificate
from bot.sandbox.mail_rules import (
    Fields,
    MailRefused,
    address_of,
    completed,
    decoded,
    domain_of,
    is_reserved,
    read_header,
    read_words,
    value_of,
)
from bot.sandbox.stage import Accepted, Stage, same_address
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

# After the final dot: `unavailable` and `web_page` keep nothing; `truncate`, `slow_answer`, `twice` and `bounce_first`
# (its bounce is there before the 250) are of a mail that was taken. `forget` is the worst: 250, and nothing is kept.
FAULTS = (
    "busy",
    "greylist",
    "drop_before_data",
    "unavailable",
    "web_page",
    "drop_after_dot",
    "delay",
    "truncate",
    "slow_answer",
    "twice",
    "bounce_first",
    "forget",
)
MINUTE = timedelta(minutes=1)
WEB_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class SmtpServer:
    """The relay. AUTH (PLAIN, LOGIN) is required; with `starttls` only inside TLS (throw-away certificate).

    `password` None makes it a provider's MX in place of its relay: everybody may deliver, nobody logs in.
    `sender_domains` are the domains mail may come from, None any. `per_minute` is how many one of the great
    mail providers takes in a minute of the stage's time before it says so in its own words, None any. Mailboxes
    in `stage.unknown` and `stage.full` are refused. What was accepted stands in `stage.ledger` before the client
    has its 250.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        sender_domains: Collection[str] | None,
        user: str = "",
        password: str | None,
        size_limit: int = 10_000_000,
        starttls: bool = False,
        per_minute: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.stage = stage
        self.sender_domains = None if sender_domains is None else frozenset(map(str.lower, sender_domains))
        self.user, self.password = user, password
        self.size_limit = size_limit
        self.host, self.port = host, port
        self.faults = stage.fault_plan("smtp" if password is not None else "smtp mx", FAULTS)
        self.delay_seconds = 1.0  # real time, of "delay" and "slow_answer": written down, and the 250 comes late
        self.per_minute = per_minute
        self.bounce: Callable[[Accepted], Awaitable[None]] | None = None  # of the fault "bounce_first"
        self.silent_about: set[str] = set()  # domains: who names a recipient there hears nothing any more
        self.busy_about: set[str] = set()  # domains: who names a recipient there hears 421 and is hung up on
        self.greylisting = timedelta()  # for so long (stage time) a new pair of sender and recipient is turned away
        self._first_tried: dict[tuple[str, str], datetime] = {}
        self._recent: dict[str, deque[datetime]] = {}
        self.full_for_good = True  # False: a full mailbox is 452, try again later
        self.certificate = ""  # PEM, for clients that check it
        self._tls = self._prepare_tls() if starttls else None
        self._server: asyncio.Server | None = None
        self.links: set[_Link] = set()

    async def start(self) -> tuple[str, int]:
        """Listen; returns where. Port 0 is any free port. Raises OSError where the port is taken."""
        # The library writes every command, addresses included, to its log.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._link, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.host, self.port

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(link.hang_up() for link in list(self.links)))
        await self._server.wait_closed()
        self._server = None

    def mailbox(self, address: str) -> list[Accepted]:
        return self.stage.ledger.sent_to(ChannelName.EMAIL, address)

    def _link(self) -> "_Link":
        return _Link(self, self._tls)

    def _prepare_tls(self) -> ssl.SSLContext:
        self.certificate, key = make_certificate()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            # The standard library loads certificates from files only.
            pem = Path(folder) / "relay.pem"
            pem.write_text(self.certificate + key, encoding="ascii")
            context.load_cert_chain(pem)
        return context

    # What follows is called by the library; the names are its own.

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = self.password is not None and (
            hmac.compare_digest(data.login, self.user.encode())
            and hmac.compare_digest(data.password, self.password.encode())
        )
        return AuthResult(success=right, handled=False)

    async def handle_EHLO(self, _link: Any, session: Any, _envelope: Any, name: str, offers: list[str]) -> list[str]:
        session.host_name = name
        return [*offers[:-1], "250-PIPELINING", offers[-1]]

    async def handle_MAIL(self, link: "_Link", session: Any, envelope: Any, sender: str, options: list[str]) -> str:
        if self.password is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if not self._may_send(sender):
            return "550 5.1.8 Sender domain is not known here"
        link.fault = self.faults.draw()
        if link.fault == "busy":
            await link.hang_up_with("421 4.3.2 Service not available, closing transmission channel")
        envelope.mail_from = sender
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, link: "_Link", _session: Any, envelope: Any, to: str, _options: list[str]) -> str:
        if not is_reserved(domain_of(to)):
            return "550 5.7.1 Relay denied: the sandbox writes to reserved domains only"
        if same_address(ChannelName.EMAIL, to) in self.stage.unknown:
            return "550 5.1.1 Mailbox not found"
        if same_address(ChannelName.EMAIL, to) in self.stage.full:
            return "552 5.2.2 Mailbox full" if self.full_for_good else "452 4.2.2 Mailbox full, try again later"
        if domain_of(to) in self.silent_about:
            await asyncio.Event().wait()  # until the client hangs up, and the library cancels us
        if domain_of(to) in self.busy_about:
            await link.hang_up_with("421 4.7.0 Try again later, closing connection")
        if too_many := self._too_many(domain_of(to)):
            return too_many
        if link.fault == "greylist" or self._is_greylisted(envelope.mail_from, to):
            return "451 4.7.1 Greylisted, try again later"
        if link.fault == "drop_before_data":
            await link.hang_up_with("")
        envelope.rcpt_tos.append(to)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, link: "_Link", _session: Any, envelope: Any) -> str:
        content: bytes = envelope.content
        try:
            if self.password is None:
                content = completed(content, self.stage.now())
            eight_bit = self.password is None or "BODY=8BITMIME" in envelope.mail_options
            fields = read_header(content, eight_bit=eight_bit)
            words = read_words(content)
        except MailRefused as refusal:
            return str(refusal)
        if not self._may_send(address_of(value_of(fields, "from"))):
            return "550 5.7.1 The domain of From is not yours"
        words |= {
            "mail_from": envelope.mail_from,
            "headers": {name: decoded(value) for name, value in fields},
        }
        if link.fault == "unavailable":
            return "451 4.3.0 Temporarily unavailable, try again later"
        if link.fault == "web_page":
            await link.hang_up_with(WEB_PAGE)
        queue_id = self._queue_id(content)
        rows = [] if link.fault == "forget" else self._keep(envelope.rcpt_tos, fields, words, queue_id)
        return await self._answer(link, rows, f"250 2.0.0 Ok: queued as {queue_id}")

    async def _answer(self, link: "_Link", rows: list[Accepted], answer: str) -> str:
        """The answer to a mail that was taken, as it comes through."""
        match link.fault:
            case "bounce_first":
                await self._bounce(rows)
            case "delay":
                await asyncio.sleep(self.delay_seconds)
            case "slow_answer":
                await link.write(answer[:8])
                await asyncio.sleep(self.delay_seconds)
                return answer[8:]
            case "truncate":
                await link.write(answer[:8])
                await link.hang_up_with("", politely=True)
            case "drop_after_dot":
                await link.hang_up_with("")
            case "twice":
                return f"{answer}\r\n{answer}"
        return answer

    async def _bounce(self, rows: list[Accepted]) -> None:
        for row in rows if self.bounce else ():
            assert self.bounce is not None
            self.stage.lose(row)
            await self.bounce(row)

    def _too_many(self, domain: str) -> str:
        """What a great provider says to one more mail in this minute, "" where it takes it."""
        provider = domain.partition(".")[0]
        if self.per_minute is None or provider not in ("qq", "163", "126"):
            return ""
        now, recent = self.stage.now(), self._recent.setdefault(provider, deque())
        while recent and now - recent[0] >= MINUTE:
            recent.popleft()
        if len(recent) < self.per_minute:
            recent.append(now)
            return ""
        if provider == "qq":
            return "550 Ip frequency limited. http://service.mail.qq.com/"
        return f"450 RP:CEL {provider} mx1,PsmowAAXXXXX 1,please see http://mail.163.com/help/help_spam_16.htm"

    async def handle_exception(self, error: Exception) -> str:
        log.error("sandbox mail: %s", type(error).__name__)
        return "451 4.3.0 The sandbox itself failed"

    def _is_greylisted(self, sender: str, to: str) -> bool:
        now = self.stage.now()
        return now < self._first_tried.setdefault((sender, to), now) + self.greylisting

    def _may_send(self, address: str) -> bool:
        return self.sender_domains is None or domain_of(address) in self.sender_domains

    def _keep(self, recipients: list[str], fields: Fields, words: dict[str, Any], queue_id: str) -> list[Accepted]:
        key = value_of(fields, "message-id").strip("<> ").rpartition("@")[0]
        return [
            self.stage.accept(ChannelName.EMAIL, to, key=key, words=words, provider_id=queue_id) for to in recipients
        ]

    def _queue_id(self, content: bytes) -> str:
        # From the ledger's length as well: unique after a restart and the same in every run.
        return hashlib.sha256(b"%d " % len(self.stage.ledger) + content).hexdigest()[:12].upper()


class _Link(SMTP):  # type: ignore[misc, unused-ignore]
    """One client's connection."""

    def __init__(self, relay: SmtpServer, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            relay,
            hostname="mx.sandbox.example",
            ident="ESMTP",
            data_size_limit=relay.size_limit,
            tls_context=tls,
            auth_require_tls=tls is not None or relay.password is None,  # an MX offers no AUTH in clear
            authenticator=relay.authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._relay = relay
        self.fault = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._relay.links.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._relay.links.discard(self)
        super().connection_lost(error)

    async def write(self, words: str) -> None:
        """As they stand, without the end of a line."""
        self._writer.write(words.encode("ascii"))
        await self._writer.drain()

    async def hang_up_with(self, last_word: str, *, politely: bool = False) -> NoReturn:
        """Close in the client's face, after a last word or none. Never returns: the library cancels us."""
        transport: Any = self.transport  # uvloop's are no subclass of asyncio.Transport
        if last_word:
            await self.push(last_word)
        if last_word or politely:
            transport.close()
        else:
            transport.abort()
        await asyncio.Event().wait()
        raise AssertionError("a closed connection went on")

    async def hang_up(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            await asyncio.wait([self._handler_coroutine], timeout=1)

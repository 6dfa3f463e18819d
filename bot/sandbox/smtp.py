"""A strict stand-in for a mail provider's relay: refuses what a real one refuses and keeps the mailboxes."""

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import re
import ssl
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.sandbox.stage import Accepted, Stage, same_address
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

# Nobody real can be reached: RFC 2606 and 6761 give these names to nobody.
RESERVED = ("example", "test", "example.com", "example.net", "example.org")
# Of the faults, `forget` is the worst: the relay says 250 and neither writes the mail down nor delivers it.
FAULTS = ("busy", "greylist", "drop_before_data", "drop_after_dot", "delay", "forget")
MAY_REPEAT = re.compile(r"received|dkim-signature|authentication-results|arc-.*|resent-.*|comments|keywords")
FIELD = re.compile(rb"([!-9;-~]+):(.*)", re.DOTALL)
MESSAGE_ID = re.compile(r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)@[A-Za-z0-9.-]+>")
ONE_CLICK_TARGET = re.compile(r"<(https://[^<>\s]+|http://(127\.0\.0\.1|localhost)[:/][^<>\s]*)>")
LONGEST_LINE = 998

Fields = list[tuple[str, str]]  # name as written, value unfolded and still encoded


class SmtpServer:
    """The relay. AUTH (PLAIN, LOGIN) is required; with `starttls` only inside TLS (throw-away certificate).

    `password` None makes it a provider's MX in place of its relay: everybody may deliver, nobody logs in.
    `sender_domains` are the domains mail may come from, None any. Mailboxes in `stage.unknown` and
    `stage.full` are refused. What was accepted stands in `stage.ledger` before the client has its 250.
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
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.stage = stage
        self.sender_domains = None if sender_domains is None else frozenset(map(str.lower, sender_domains))
        self.user, self.password = user, password
        self.size_limit = size_limit
        self.host, self.port = host, port
        self.faults = stage.fault_plan("smtp" if password is not None else "smtp mx", FAULTS)
        self.delay_seconds = 1.0  # real time, of the fault "delay": written down, and the 250 comes late
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
        if link.fault == "greylist":
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
        queue_id = self._queue_id(content)
        if link.fault != "forget":
            self._keep(envelope.rcpt_tos, fields, words, queue_id)
        if link.fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if link.fault == "drop_after_dot":
            await link.hang_up_with("")
        return f"250 2.0.0 Ok: queued as {queue_id}"

    async def handle_exception(self, error: Exception) -> str:
        log.error("sandbox mail: %s", type(error).__name__)
        return "451 4.3.0 The sandbox itself failed"

    def _may_send(self, address: str) -> bool:
        return self.sender_domains is None or domain_of(address) in self.sender_domains

    def _keep(self, recipients: list[str], fields: Fields, words: dict[str, Any], queue_id: str) -> None:
        key = value_of(fields, "message-id").strip("<> ").rpartition("@")[0]
        for to in recipients:
            self.stage.accept(ChannelName.EMAIL, to, key=key, words=words, provider_id=queue_id)

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

    async def hang_up_with(self, last_word: str) -> NoReturn:
        """Close in the client's face, after a last word or none. Never returns: the library cancels us."""
        transport: Any = self.transport  # uvloop's are no subclass of asyncio.Transport
        if last_word:
            await self.push(last_word)
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


def make_certificate() -> tuple[str, str]:
    """A self-signed certificate for loopback and its key, both PEM, good for ten days of real time."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.sandbox.example")])
    # Real time, not the stage's: the client's TLS library knows no other.
    start = datetime.now(UTC) - timedelta(days=1)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=10))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem).decode("ascii"), secret.decode("ascii")

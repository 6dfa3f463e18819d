"""The e-mail channel: outbound messages as SMTP transactions, every outcome as one reaction."""

import asyncio
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import assert_never

from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.dkim import DkimSigner
from bot.channels.envelopes import Accepted, Envelope, Lost, NotTried, Outcome, Phase, Refused
from bot.channels.meaning import Meaning
from bot.channels.mime import MailFrame, build_mail, wire_address
from bot.channels.refusals import read_refusal, reply_status, reply_token
from bot.channels.smtp import SmtpPool, SmtpServer
from campaigns.errors import ConfigError, WebhookRejected
from campaigns.terms import SHANGHAI, ChannelName, InboundEvent, MailWords, Outbound, Reaction, SendResult

_AFTER_LOSS = timedelta(minutes=5)
_AFTER_TURN_AWAY = timedelta(minutes=5)
_SILENT_REST = timedelta(minutes=5)
# A policy against us stops the channel once it is more than one odd mailbox: 3 mails and 1 % of a provider's.
_POLICY_LEAST, _POLICY_SHARE = 3, 0.01
_PROVIDERS = {
    "foxmail.com": "qq.com",
    "vip.qq.com": "qq.com",
    "126.com": "163.com",
    "yeah.net": "163.com",
    "vip.163.com": "163.com",
}
_QUEUED_AS = re.compile(r"queued (?:mail )?(?:as|id:?) ?([\w.-]{1,60})", re.IGNORECASE)
_PERSONAL = re.compile(r"\S*@\S*|\+?\d[\d-]{6,}\d")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """How mail leaves and where answers come: reply+KEY@, bounce+KEY@ and unsub+KEY@ the reply domain.

    `timeout` in seconds, for each command. `ca_file`: an authority of one's own in place of the system's.
    Port 465 is TLS from the first byte, whatever `starttls` says. With the three `dkim_` settings we sign ourselves;
    without them the relay may.
    """

    host: str
    port: int
    sender_name: str
    sender_address: str
    reply_domain: str
    message_id_domain: str
    username: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = True
    connections: int = 10
    timeout: float = 30.0
    per_connection: int = 50
    ca_file: str | None = None
    dkim_domain: str = ""
    dkim_selector: str = ""
    dkim_private_key: str = field(default="", repr=False)  # PEM


class EmailChannel:
    """Mail out by SMTP. What comes in comes by the mail door, not over HTTP."""

    name = ChannelName.EMAIL

    def __init__(self, settings: EmailSettings, now: Clock) -> None:
        """Raises ConfigError where the settings cannot work."""
        _check(settings)
        self._settings = settings
        self._now = now
        self._frame = MailFrame(
            settings.sender_name, settings.sender_address, settings.reply_domain, settings.message_id_domain
        )
        self._pool = SmtpPool(_server(settings), settings.connections)
        self._signatures = _signatures(settings)
        self._policy = _PolicyWatch()
        self._silence = _Silence(now)

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        return [outbound.key for outbound in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no connection could be opened."""
        now = self._now()
        envelopes = [self._envelope(outbound, now) for outbound in batch]
        sendable = [envelope for envelope in envelopes if isinstance(envelope, Envelope)]
        if self._signatures is not None:
            sendable = await self._signatures.put_on(sendable, now)
        outcomes, today = iter(await self._pool.send(sendable)), self._today()
        return [
            self._result(outbound, next(outcomes), today) if isinstance(envelope, Envelope) else envelope
            for outbound, envelope in zip(batch, envelopes, strict=True)
        ]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """SMTP cannot be asked what became of a message."""
        return None

    def verify(self, request: InboundRequest) -> None:
        raise WebhookRejected("mail does not come in over HTTP: deliver it to the mail door")

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        raise WebhookRejected("mail does not come in over HTTP: deliver it to the mail door")

    def answer(self, request: InboundRequest) -> InboundAnswer:
        raise WebhookRejected("mail does not come in over HTTP: deliver it to the mail door")

    async def close(self) -> None:
        await self._pool.close()
        if self._signatures is not None:
            self._signatures.close()

    def _envelope(self, outbound: Outbound, now: datetime) -> Envelope | SendResult:
        """The message ready for the wire, or why it cannot go there."""
        if not isinstance(outbound.words, MailWords):
            return SendResult(outbound.id, Reaction.DROP, code="no mail", detail="the words are not a mail's")
        address = wire_address(outbound.address)
        if address is None:
            return SendResult(outbound.id, Reaction.SUPPRESS, code="bad address", detail="not sent")
        if self._silence.rests(address):
            detail = "its mail server is silent, others of its domain waited for it in vain"
            return SendResult(outbound.id, Reaction.RETRY, code="not tried", detail=detail, retry_after=_AFTER_LOSS)
        return Envelope(
            key=outbound.key,
            sender=f"bounce+{outbound.key}@{self._settings.reply_domain}",
            recipient=address,
            content=build_mail(outbound, outbound.words, self._frame, now),
        )

    def _result(self, outbound: Outbound, outcome: Outcome, today: date) -> SendResult:
        self._silence.learn(outbound.address, outcome)
        match outcome:
            case Accepted(reply):
                self._policy.count(today, outbound.address, refused=False)
                queued = _QUEUED_AS.search(reply)
                return SendResult(outbound.id, provider_id=queued[1] if queued else "", code="250")
            case Refused():
                return self._refused(outbound, outcome, today)
            case Lost(Phase.FINAL_DOT):
                return SendResult(outbound.id, Reaction.UNKNOWN, code="lost", detail="no answer after the final dot")
            case Lost(phase):
                detail = f"connection lost at {phase}, nothing was handed over"
                return SendResult(outbound.id, Reaction.RETRY, code="lost", detail=detail, retry_after=_AFTER_LOSS)
            case NotTried():
                detail = "the server stopped serving before its turn"
                return SendResult(
                    outbound.id, Reaction.SLOW, code="not tried", detail=detail, retry_after=_AFTER_TURN_AWAY
                )
            case _:
                assert_never(outcome)

    def _refused(self, outbound: Outbound, refusal: Refused, today: date) -> SendResult:
        meaning = read_refusal(refusal.code, refusal.text)
        return SendResult(
            outbound.id,
            self._reaction(outbound, refusal, meaning, today),
            code=f"{refusal.code} {reply_token(refusal.text) or reply_status(refusal.text)}".strip(),
            detail=f"{refusal.phase}: {_scrubbed(refusal.text, outbound.address)}",
            retry_after=meaning.retry_after,
        )

    def _reaction(self, outbound: Outbound, refusal: Refused, meaning: Meaning, today: date) -> Reaction:
        if refusal.phase is Phase.MAIL:
            return _about_the_sender(refusal.code, meaning)
        grown = self._policy.count(today, outbound.address, refused=meaning.ours)
        return Reaction.PAUSE_CHANNEL if grown else meaning.reaction

    def _today(self) -> date:
        return self._now().astimezone(SHANGHAI).date()


class _Signatures:
    """Signs in threads: an RSA signature takes 300 µs, during which cryptography lets other threads run."""

    def __init__(self, signer: DkimSigner) -> None:
        self._signer = signer
        self._width = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._width, "dkim")

    async def put_on(self, envelopes: Sequence[Envelope], now: datetime) -> list[Envelope]:
        share = -(-len(envelopes) // self._width) or 1
        parts = [envelopes[start : start + share] for start in range(0, len(envelopes), share)]
        loop = asyncio.get_running_loop()
        signed = await asyncio.gather(*(loop.run_in_executor(self._threads, self._sign, part, now) for part in parts))
        return list(chain.from_iterable(signed))

    def _sign(self, envelopes: Sequence[Envelope], now: datetime) -> list[Envelope]:
        return [replace(one, content=self._signer.signature(one.content, now) + one.content) for one in envelopes]

    def close(self) -> None:
        self._threads.shutdown(wait=False)


class _PolicyWatch:
    """Per receiving provider and day: mails tried, and those refused by a policy against us."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._tried: dict[str, int] = {}
        self._refused: dict[str, int] = {}

    def count(self, day: date, address: str, *, refused: bool) -> bool:
        """True when this refusal is one of too many."""
        if day != self._day:
            self._day, self._tried, self._refused = day, {}, {}
        provider = _provider(address)
        self._tried[provider] = self._tried.get(provider, 0) + 1
        self._refused[provider] = self._refused.get(provider, 0) + refused
        refusals = self._refused[provider]
        return refused and refusals >= _POLICY_LEAST and refusals > _POLICY_SHARE * self._tried[provider]


class _Silence:
    """Receiving providers about which the relay fell silent when it was told the recipient.

    A group is answered when its last message is, so one such recipient in each would slow everybody down to the
    speed of our patience. A silent one rests; then a single message asks again, and the others wait for its answer.
    """

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}

    def rests(self, address: str) -> bool:
        until = self._until.get(_provider(address)) if self._until else None
        if until is None:
            return False
        now = self._now()
        if now >= until:
            self._until[_provider(address)] = now + _SILENT_REST
        return now < until

    def learn(self, address: str, outcome: Outcome) -> None:
        match outcome:
            case Lost(Phase.RCPT, silent=True):
                self._until[_provider(address)] = self._now() + _SILENT_REST
            case Accepted() | Refused() if self._until:
                self._until.pop(_provider(address), None)


def _provider(address: str) -> str:
    """Whose mail server it is, as far as we know."""
    domain = address.rpartition("@")[2].lower()
    return _PROVIDERS.get(domain, domain)


def _about_the_sender(code: int, meaning: Meaning) -> Reaction:
    """At MAIL no recipient has been named, so none can be at fault.

    QQ's `501 mail from address must be same as authorization user` and the 553 of 163 come here.
    """
    permanent = code >= 500 and meaning.reaction is Reaction.RETRY
    if permanent or meaning.ours or meaning.reaction is Reaction.SUPPRESS:
        return Reaction.PAUSE_CHANNEL
    return Reaction.RETRY if meaning.reaction is Reaction.DEFER_RECIPIENT else meaning.reaction


def _check(settings: EmailSettings) -> None:
    for place, address in (
        ("sender_address", settings.sender_address),
        ("reply_domain", f"reply@{settings.reply_domain}"),
        ("message_id_domain", f"key@{settings.message_id_domain}"),
    ):
        if wire_address(address) != address:
            raise ConfigError(
                f"MAIL_{place.upper()}: 不能用在邮件地址里，用英文字母写 ({place}: no address, give it in ASCII)"
            )
    if settings.connections < 1 or settings.per_connection < 1:
        raise ConfigError("SMTP_CONNECTIONS、SMTP_PER_CONNECTION: 至少是 1 (connections must be 1 or more)")
    encrypted = settings.starttls or settings.port == 465
    if settings.username and not encrypted and settings.host not in _LOOPBACK:
        raise ConfigError(
            f"SMTP_STARTTLS: 给 {settings.host} 的密码会明文传出去，打开它 (the password would travel in the clear)"
        )


def _signatures(settings: EmailSettings) -> _Signatures | None:
    given = settings.dkim_domain, settings.dkim_selector, settings.dkim_private_key
    return _Signatures(DkimSigner(*given)) if any(given) else None


def _server(settings: EmailSettings) -> SmtpServer:
    return SmtpServer(
        host=settings.host,
        port=settings.port,
        hello=settings.message_id_domain,
        username=settings.username,
        password=settings.password,
        starttls=settings.starttls,
        ca_file=settings.ca_file,
        timeout=settings.timeout,
        per_connection=settings.per_connection,
    )


def _scrubbed(text: str, address: str) -> str:
    """A server's words without the addresses and numbers it likes to echo."""
    local = address.rpartition("@")[0]
    line = " ".join(_PERSONAL.sub("…", text).split())
    return re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "…", line, flags=re.IGNORECASE)[:160]

"""The connections to one mail server: aiosmtplib opens them, secures them and logs in, our own protocol speaks on them.

All calls share one queue, first come, first served; whichever connection is free takes the next letter.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import aiosmtplib

from bot.channels.envelopes import Bundle, Envelope, Letter, Outcome
from bot.channels.pipelining import Conversation, Offer
from bot.channels.refusals import reply_token
from campaigns.errors import ChannelUnavailable


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
    idle: float = 60.0  # seconds; after a minute many servers and most firewalls have forgotten us


class SmtpPool:
    """At most `width` connections to one server, kept between calls."""

    def __init__(self, server: SmtpServer, width: int) -> None:
        self._server = server
        self._width = width
        self._queue: deque[Letter] = deque()
        self._connections: set[Conversation] = set()  # every one whose transport is not closed yet
        self._idle: dict[Conversation, asyncio.TimerHandle] = {}  # the one used last stands last
        self._lanes: set[asyncio.Task[None]] = set()
        self._working = 0  # lanes on a connection; the others are opening one
        self._enough_until = 0.0  # by the loop's clock: the server does not want more connections

    async def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """One outcome per envelope, in order. Raises ChannelUnavailable if no connection could be opened.

        May be called several times at once. After a cancellation no further body of this call is sent.
        """
        bundle = Bundle(envelopes)
        if envelopes:
            self._queue.extend(bundle.letters)
            self._widen()
            await bundle.done
        outcomes = [letter.outcome for letter in bundle.letters]
        bundle.letters.clear()  # bundle and letters point at each other: a mail's bytes would wait for the collector
        return outcomes

    async def close(self) -> None:
        """Say goodbye on kept connections; what is still being sent is lost."""
        lanes = list(self._lanes)
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        self._lanes.clear()  # one that was cancelled before its first step has not left by itself
        self._give_up(None)
        self._dismiss_idle()
        await asyncio.gather(*(connection.gone for connection in self._connections))

    def _widen(self) -> None:
        """Start as many lanes as there is work for and the server allows."""
        starting = len(self._lanes) - self._working
        wanted = min(self._most_lanes() - len(self._lanes), len(self._queue) - starting)
        for _ in range(wanted):
            lane = asyncio.create_task(self._lane(), name="smtp")
            self._lanes.add(lane)

    def _most_lanes(self) -> int:
        standing = self._working + sum(not kept.ended for kept in self._idle)
        if not standing:
            return 1  # a wrong password tried on all lanes at once may lock the account
        return standing if asyncio.get_running_loop().time() < self._enough_until else self._width

    async def _lane(self) -> None:
        """Send from the queue until it is empty or the server has turned us away too often in a row."""
        connection: Conversation | None = None
        failure: ChannelUnavailable | None = None
        turned_away = 0
        try:
            while self._queue and turned_away < _GIVE_UP_AFTER:
                connection = await self._ready(connection)
                await self._converse(connection)
                turned_away = turned_away + 1 if _useless(connection) else 0
                if turned_away and self._has_enough():
                    break
        except ChannelUnavailable as error:
            self._has_enough()
            failure = error
        finally:
            if connection is not None:
                self._keep(connection)
            self._lanes -= {asyncio.current_task()}
            if not self._lanes:
                self._give_up(failure)

    def _has_enough(self) -> bool:
        """Called where one connection was turned away: if others stand, there shall be no more of them for a while."""
        if self._working:
            self._enough_until = asyncio.get_running_loop().time() + _ENOUGH_SECONDS
        return self._working > 0

    async def _converse(self, connection: Conversation) -> None:
        self._working += 1
        try:
            over = connection.start(self._queue, self._server.per_connection - connection.taken)
            self._widen()
            await over
        except asyncio.CancelledError:
            connection.end()
            raise
        finally:
            self._working -= 1

    async def _ready(self, connection: Conversation | None) -> Conversation:
        """The lane's own connection, a kept one, or a new one."""
        if connection is not None and self._fit(connection):
            return connection
        if connection is not None:
            if connection.ended:
                self._dismiss_idle()  # what ended this one may have ended them, and they do not know yet
            connection.quit()
            await connection.gone
        while self._idle:
            kept, timer = self._idle.popitem()
            timer.cancel()
            if not kept.ended:
                return kept
        opened = await _open(self._server)
        self._connections.add(opened)
        opened.gone.add_done_callback(lambda _: self._connections.discard(opened))
        return opened

    def _keep(self, connection: Conversation) -> None:
        if self._fit(connection):
            loop = asyncio.get_running_loop()
            self._idle[connection] = loop.call_later(self._server.idle, self._dismiss, connection)
        else:
            connection.quit()

    def _fit(self, connection: Conversation) -> bool:
        spent = connection.ended or connection.leaving
        return not spent and connection.taken < self._server.per_connection

    def _dismiss(self, connection: Conversation) -> None:
        self._idle.pop(connection).cancel()
        connection.quit()

    def _dismiss_idle(self) -> None:
        for connection in list(self._idle):
            self._dismiss(connection)

    def _give_up(self, failure: ChannelUnavailable | None) -> None:
        """Nobody is left to send what waits."""
        while self._queue:
            self._queue.popleft().bundle.give_up(failure)


_GIVE_UP_AFTER = 3
_ENOUGH_SECONDS = 30.0


def _useless(connection: Conversation) -> bool:
    """A connection that was over, or is to be, before it served one message."""
    return not connection.served and (connection.ended or connection.leaving)


async def _open(server: SmtpServer) -> Conversation:
    client = None
    try:
        client = _client(server)
        await client.connect()
        if client.is_ehlo_or_helo_needed:  # aiosmtplib greets late, and we must know what is on offer
            await client.ehlo()
        return _taken_over(client, server.timeout)
    except BaseException as error:
        if client is not None:
            client.close()
        if isinstance(error, aiosmtplib.SMTPException | OSError | ValueError):
            raise _unavailable(server, error) from error
        raise


def _taken_over(client: aiosmtplib.SMTP, timeout: float) -> Conversation:
    if client.transport is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    transport = cast(asyncio.Transport, client.transport)  # uvloop's is none by its class
    offer = Offer(*map(client.supports_extension, ("pipelining", "size", "dsn")))
    conversation = Conversation(transport, offer, timeout, reply_token)
    transport.set_protocol(conversation)
    return conversation


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
    cause = error.__cause__
    match cause if isinstance(cause, ssl.SSLError) else error:  # on port 465 aiosmtplib hides it
        case aiosmtplib.SMTPAuthenticationError(code=code):
            return ChannelUnavailable(
                f"邮件服务器拒绝登录 · {where} refused the credentials ({code}): check user name and "
                "password; QQ and 163 want the 授权码 from their settings page, not the mailbox's password"
            )
        case ssl.SSLCertVerificationError():
            return ChannelUnavailable(
                f"邮件服务器证书无效 · {where} showed a certificate that is not trusted: check the host "
                "name, or name the authority's certificate as the CA file"
            )
        case ssl.SSLError():
            return ChannelUnavailable(
                f"邮件服务器加密失败 · {where} speaks no TLS we understand: check the port; 465 is TLS from the first "
                "byte, 587 and 25 begin with STARTTLS"
            )
        case aiosmtplib.SMTPResponseException(code=code) if code > 0:
            return ChannelUnavailable(
                f"邮件服务器暂不接受连接 · {where} answered {code} to the connection: try later, or "
                "ask the provider whether this address is blocked"
            )
        case aiosmtplib.SMTPResponseException():
            return ChannelUnavailable(f"对方说的不是 SMTP · {where} does not speak SMTP: check host and port")
        case FileNotFoundError():
            return ChannelUnavailable(f"CA 证书文件不存在 · CA file for {where} not found: {server.ca_file}")
        case aiosmtplib.SMTPConnectError() | aiosmtplib.SMTPTimeoutError() | OSError():
            return ChannelUnavailable(f"邮件服务器连不上 · {where} cannot be reached: check host, port and firewall")
        case _:  # no STARTTLS or AUTH on offer
            return ChannelUnavailable(f"邮件服务器不支持所需功能 · {where}: {error}; check port and STARTTLS")

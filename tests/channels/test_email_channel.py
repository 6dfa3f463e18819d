"""The e-mail channel against aiosmtpd: TLS, login, refusals, and what each outcome becomes."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from bot.channels.base import Channel, InboundRequest
from bot.channels.dkim import DkimSigner
from bot.channels.email import EmailChannel, EmailSettings
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import ChannelName, MailWords, MessageClass, Outbound, Reaction, SendResult, SmsWords

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
WORDS = MailWords("您有 5 份简历未读", "您好。", "<p>您好。</p>")


class Relay:
    """Takes mail; `refusals` maps a step and a recipient to an answer."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.refusals: dict[tuple[str, str], str] = {}
        self.logins: list[bytes] = []
        self.open: set[SMTP] = set()

    async def handle_EHLO(self, server, session, envelope, name, offers):
        session.host_name = name
        return [*offers[:-1], "250-PIPELINING", offers[-1]]

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.refusals.get(("RCPT", address)) or self.refusals.get(("RCPT", address.partition("@")[2]))
        if answer == "SILENCE":
            await asyncio.sleep(60)
        if answer == "DROP":
            server.transport.abort()
            await asyncio.sleep(1)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_MAIL(self, server, session, envelope, address, options):
        if answer := self.refusals.get(("MAIL", address)):
            return answer
        envelope.mail_from = address
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        answer = self.refusals.get(("DATA", envelope.rcpt_tos[0]))
        if answer == "DROP":
            server.transport.abort()
            await asyncio.sleep(1)
        if answer:
            return answer
        self.taken.append(envelope)
        return f"250 2.0.0 Ok: queued as Q{len(self.taken)}"

    def authenticate(self, server, session, envelope, mechanism, data):
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        return AuthResult(success=(data.login, data.password) == (b"talent", b"right"), handled=False)


class Tracked(SMTP):
    def connection_made(self, transport):
        super().connection_made(transport)
        self.event_handler.open.add(self)

    def connection_lost(self, error):
        super().connection_lost(error)
        self.event_handler.open.discard(self)


@asynccontextmanager
async def relay_and_channel(
    certificate: tuple[Path, Path] | None = None, **changes
) -> AsyncIterator[tuple[Relay, EmailChannel]]:
    relay, options = Relay(), {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": relay.authenticate,
        }
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Tracked(relay, hostname="relay.example", loop=loop, **options), "127.0.0.1", 0
    )
    settings = replace(plain_settings(server.sockets[0].getsockname()[1]), **changes)
    channel = EmailChannel(settings, lambda: NOW)
    try:
        yield relay, channel
    finally:
        await channel.close()
        server.close()
        for session in list(relay.open):
            session.transport.abort()
        await asyncio.sleep(0.01)


def plain_settings(port: int = 25) -> EmailSettings:
    return EmailSettings(
        host="127.0.0.1",
        port=port,
        sender_name="大同人才网",
        sender_address="service@talent.example",
        reply_domain="reply.talent.example",
        message_id_domain="mail.talent.example",
        starttls=False,
        timeout=5.0,
    )


def outbound(number: int = 1, address: str = "") -> Outbound:
    address = address or f"li{number}@datong.example"
    return Outbound(number, f"k-{number}", address, MessageClass.SERVICE, WORDS)


async def sent_with(refusal: str, step: str = "RCPT", message: Outbound | None = None) -> SendResult:
    message = message or outbound()
    async with relay_and_channel() as (relay, channel):
        relay.refusals[step, message.address] = refusal
        relay.refusals[step, f"bounce+{message.key}@reply.talent.example"] = refusal
        return (await channel.send([message]))[0]


async def test_a_batch_is_sent_and_answered_in_its_order():
    async with relay_and_channel(connections=3) as (relay, channel):
        batch = [outbound(number) for number in range(1, 41)]
        relay.refusals["RCPT", "li7@datong.example"] = "550 5.1.1 unknown"
        results = await channel.send(batch)
        assert [result.id for result in results] == [message.id for message in batch]
        assert [result.id for result in results if not result.accepted] == [7]
        assert all(result.provider_id.startswith("Q") for result in results if result.accepted)
        assert len(relay.taken) == 39
        assert all(len(envelope.rcpt_tos) == 1 for envelope in relay.taken)


async def test_what_arrives_is_the_mail_with_its_own_bounce_address():
    async with relay_and_channel() as (relay, channel):
        await channel.send([outbound(5)])
        envelope = relay.taken[0]
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert envelope.mail_from == "bounce+k-5@reply.talent.example"
        assert envelope.rcpt_tos == ["li5@datong.example"]
        assert message["Message-ID"] == "<k-5@mail.talent.example>"
        assert message["Subject"] == WORDS.subject


async def test_starttls_and_login_come_before_the_mail(certificate):
    changes = {"starttls": True, "ca_file": str(certificate[0]), "username": "talent", "password": "right"}
    async with relay_and_channel(certificate, **changes) as (relay, channel):
        results = await channel.send([outbound(number) for number in range(1, 6)])
        assert all(result.accepted for result in results)
        assert set(relay.logins) == {b"talent"}


async def test_refused_credentials_are_said_to_be_that_and_tried_on_one_connection_only(certificate):
    changes = {"starttls": True, "ca_file": str(certificate[0]), "username": "talent", "password": "wrong"}
    async with relay_and_channel(certificate, **changes) as (relay, channel):
        with pytest.raises(ChannelUnavailable, match=r"127\.0\.0\.1:\d+ refused the credentials \(535\)") as caught:
            await channel.send([outbound(number) for number in range(1, 20)])
        assert len(relay.logins) <= 2  # PLAIN and LOGIN
        assert "wrong" not in str(caught.value)


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    async with relay_and_channel(certificate, starttls=True) as (relay, channel):
        with pytest.raises(ChannelUnavailable, match="certificate"):
            await channel.send([outbound()])
        assert relay.taken == []


async def test_a_missing_authority_file_is_named(certificate):
    async with relay_and_channel(certificate, starttls=True, ca_file="/nowhere/ca.pem") as (_, channel):
        with pytest.raises(ChannelUnavailable, match=r"/nowhere/ca\.pem"):
            await channel.send([outbound()])


@pytest.mark.parametrize(
    ("refusal", "reaction", "code"),
    [
        ("550 5.1.1 unknown", Reaction.SUPPRESS, "550 5.1.1"),
        ("550 Mailbox unavailable or access denied", Reaction.DEFER_RECIPIENT, "550"),
        ("550 Ip frequency limited", Reaction.SLOW, "550"),
        ("451 MI:SFQ 163 smtp7,x", Reaction.RETRY, "451 MI:SFQ"),
        ("450 4.2.0 greylisted", Reaction.RETRY, "450 4.2.0"),
        ("554 Reject by content spam", Reaction.PAUSE_TEMPLATE, "554"),
        ("552 5.2.2 mailbox full", Reaction.DEFER_RECIPIENT, "552 5.2.2"),
        ("550 MI:SPF 163", Reaction.PAUSE_CHANNEL, "550 MI:SPF"),
    ],
)
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_refusal_becomes_its_reaction(step, refusal, reaction, code):
    result = await sent_with(refusal, step)
    assert (result.reaction, result.code) == (reaction, code)


@pytest.mark.parametrize(
    ("refusal", "reaction"),
    [
        ("501 mail from address must be same as authorization user", Reaction.PAUSE_CHANNEL),
        ("553 5.1.1 sender unknown", Reaction.PAUSE_CHANNEL),
        ("550 5.7.1 denied by policy", Reaction.PAUSE_CHANNEL),
        ("550 Ip frequency limited", Reaction.SLOW),
        ("451 4.3.0 try later", Reaction.RETRY),
        ("552 5.3.4 too big", Reaction.DROP),
    ],
)
async def test_a_refused_sender_is_never_the_recipients_fault(refusal, reaction):
    assert (await sent_with(refusal, "MAIL")).reaction is reaction


async def test_lost_after_the_final_dot_is_unknown():
    result = await sent_with("DROP", "DATA")
    assert (result.reaction, result.code) == (Reaction.UNKNOWN, "lost")


async def test_a_destination_that_was_silent_rests_and_then_one_mail_asks_for_all():
    mails = [outbound(n, f"li{n}@quiet.example") for n in range(1, 5)]
    other = outbound(9)
    async with relay_and_channel(timeout=0.3) as (relay, channel):
        relay.refusals["RCPT", "quiet.example"] = "SILENCE"
        assert await _codes(channel, mails[0], other) == ["lost", "250"]
        assert await _codes(channel, *mails, other) == [*["not tried"] * 4, "250"]

        channel._silence._now = lambda: NOW + timedelta(minutes=6)
        assert await _codes(channel, *mails, other) == ["lost", *["not tried"] * 3, "250"]

        channel._silence._now = lambda: NOW + timedelta(minutes=12)
        relay.refusals.clear()
        assert await _codes(channel, *mails) == ["250", *["not tried"] * 3]
        assert await _codes(channel, *mails[1:]) == ["250"] * 3


async def test_a_connection_that_is_cut_says_nothing_about_the_destination():
    async with relay_and_channel() as (relay, channel):
        relay.refusals["RCPT", "datong.example"] = "DROP"
        assert await _codes(channel, outbound()) == ["lost"]
        relay.refusals.clear()
        assert await _codes(channel, outbound()) == ["250"]


async def _codes(channel: EmailChannel, *mails: Outbound) -> list[str]:
    return [result.code for result in await channel.send(mails)]


async def test_one_policy_refusal_is_dropped_and_many_stop_the_channel():
    async with relay_and_channel(connections=1) as (relay, channel):
        batch = [outbound(number) for number in range(1, 6)]
        for message in batch:
            relay.refusals["RCPT", message.address] = "550 5.7.1 denied by policy"
        reactions = [result.reaction for result in await channel.send(batch)]
        assert reactions == [Reaction.DROP] * 2 + [Reaction.PAUSE_CHANNEL] * 3


async def test_policy_refusals_under_one_per_cent_of_a_provider_stop_nothing():
    async with relay_and_channel(connections=1) as (relay, channel):
        batch = [outbound(number) for number in range(1, 401)]
        for message in batch[-3:]:
            relay.refusals["RCPT", message.address] = "550 5.7.1 denied by policy"
        reactions = [result.reaction for result in await channel.send(batch)]
        assert reactions[-3:] == [Reaction.DROP] * 3


async def test_no_detail_shows_an_address_or_a_number():
    result = await sent_with("550 5.1.1 <li1@datong.example>: li1 unknown, call 13800138000 or LI1")
    assert result.detail == "RCPT: 5.1.1 … … unknown, call … or …"


async def test_nothing_is_logged_about_an_address(caplog):
    for name in ("bot", "aiosmtplib", ""):
        caplog.set_level(logging.DEBUG, logger=name)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the test server's own
    await sent_with("550 5.1.1 unknown")
    assert "datong" not in caplog.text


async def test_an_unusable_address_never_reaches_the_wire_and_the_rest_is_sent():
    async with relay_and_channel() as (relay, channel):
        hostile = outbound(1, "li@datong.example>\r\nRCPT TO:<x@example.com")
        results = await channel.send([hostile, outbound(2), outbound(3, "李@datong.example")])
        assert [result.reaction for result in results] == [Reaction.SUPPRESS, None, Reaction.SUPPRESS]
        assert [envelope.rcpt_tos for envelope in relay.taken] == [["li2@datong.example"]]


async def test_words_of_another_channel_are_dropped():
    words = SmsWords("T1", "大同人才网", {}, "您好")
    async with relay_and_channel() as (relay, channel):
        results = await channel.send([replace(outbound(), words=words)])
        assert results[0].reaction is Reaction.DROP
        assert relay.taken == []


async def test_it_is_a_channel_that_takes_nothing_over_http_and_cannot_be_asked():
    channel: Channel = EmailChannel(plain_settings(), lambda: NOW)
    assert channel.name is ChannelName.EMAIL
    request = InboundRequest("POST", "report")
    for call in (channel.verify, channel.parse, channel.answer):
        with pytest.raises(WebhookRejected):
            call(request)
    assert await channel.look_up(outbound()) is None
    await channel.close()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sender_address": "service"}, "sender_address"),
        ({"reply_domain": "reply talent"}, "reply_domain"),
        ({"message_id_domain": ""}, "message_id_domain"),
        ({"connections": 0}, "connections"),
        ({"host": "smtp.talent.example", "username": "talent"}, "in the clear"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(changes, named):
    with pytest.raises(ConfigError, match=named):
        EmailChannel(replace(plain_settings(), **changes), lambda: NOW)


def test_no_secret_is_in_a_representation():
    assert "secret" not in repr(replace(plain_settings(), password="secret", dkim_private_key="secret"))


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def signing(request) -> dict[str, str]:
    """Settings of a domain that signs."""
    key = rsa.generate_private_key(65537, 2048) if request.param == "rsa" else ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {"dkim_domain": "talent.example", "dkim_selector": "s1", "dkim_private_key": pem}


async def test_every_mail_carries_the_signature_of_its_own_bytes(signing):
    async with relay_and_channel(**signing) as (relay, channel):
        results = await channel.send([outbound(number) for number in range(1, 8)])
        assert all(result.accepted for result in results)
        signer = DkimSigner(*signing.values())
        for envelope in relay.taken:
            begins = envelope.content.index(b"Message-ID:")
            signature, mail = envelope.content[:begins], envelope.content[begins:]
            assert signature == signer.signature(mail, NOW)
        assert {envelope.rcpt_tos[0] for envelope in relay.taken} == {f"li{n}@datong.example" for n in range(1, 8)}


async def test_nothing_to_send_is_nothing_to_sign(signing):
    async with relay_and_channel(**signing) as (_, channel):
        assert await channel.send([]) == []


@pytest.mark.parametrize("missing", ["dkim_domain", "dkim_selector", "dkim_private_key"])
def test_half_a_signature_is_refused_by_name(signing, missing):
    with pytest.raises(ConfigError, match=missing.upper()):
        EmailChannel(replace(plain_settings(), **{**signing, missing: ""}), lambda: NOW)

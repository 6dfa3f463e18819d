"""Several SMS providers as one channel: who carries a message is decided once, and its name says who it was."""

import asyncio
import hashlib
import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.channels.base import Channel, InboundAnswer, InboundRequest
from bot.channels.restraint import NO_CONNECTION
from bot.channels.sms_rules import SmsRules
from campaigns.cells import parse_mobile
from campaigns.errors import ChannelUnavailable, WebhookRejected
from campaigns.terms import (
    ChannelName,
    InboundEvent,
    Outbound,
    ReachChange,
    Reaction,
    Receipt,
    SendResult,
    SmsProvider,
    SmsWords,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_CLOSED, _NO_TEMPLATE = "provider closed", "no template"
_ASK_AGAIN = timedelta(minutes=10)
_LONGEST_ID, _LONGEST_EVENT = 64, 128


class SmsRouter:
    """`out_ids` chooses; from then on the name a message is kept under says by whom it went.

    A name is `PROVIDER.` and what that provider calls it; Aliyun's come without, as they were before there were others.
    So a message of unknown outcome is asked about where it went and never handed to another, and a receipt is matched
    with messages of its own provider only. A refusal closes the address on the whole channel, which is the ledger's to
    see to: nothing here tries an address again elsewhere.

    A door is the provider's own with `PROVIDER-` before it; Aliyun's come without.
    """

    name = ChannelName.SMS

    def __init__(
        self,
        providers: Mapping[SmsProvider, Channel],
        rules: SmsRules,
        pushed_from: Mapping[SmsProvider, Collection[Network]] | None = None,
    ) -> None:
        """`pushed_from`: the only addresses a provider pushes from; without them any."""
        self.providers = providers
        self._rules, self._pushed_from = rules, pushed_from or {}
        self._closed: frozenset[SmsProvider] = frozenset()

    # ---- who carries what -----------------------------------------------------------------------------------------

    def provider_of(self, outbound: Outbound) -> SmsProvider:
        """Who carries or carried it: by its name, else by the rules."""
        return _named(outbound.key) or self._choose(outbound) or self._rules.default

    def closure_of(self, provider: SmsProvider) -> str:
        """What is closed when this one must not be called: the whole channel, where all goes by it alone."""
        named = [one for one in self._rules.named if one in self.providers]
        return self.name if named in ([provider], []) or len(self.providers) == 1 else f"{self.name}_{provider}"

    def rest(self, closed: Collection[str]) -> None:
        """From now on nothing goes by providers whose closure is among these."""
        self._closed = frozenset(one for one in self.providers if f"{self.name}_{one}" in closed)

    def _choose(self, outbound: Outbound) -> SmsProvider | None:
        """The first by the rules that has a template for the words and is not closed; of closed ones the first.

        One that no rule names carries only what nobody else has a template for.
        """
        words, number = outbound.words, parse_mobile(outbound.address) or outbound.address
        if not isinstance(words, SmsWords):
            return None
        able = [one for one in self.providers if words.template_at(one)]
        named = [one for one in self._rules.order(number) if one in able] or able
        return next((one for one in named if one not in self._closed), named[0] if named else None)

    # ---- out ------------------------------------------------------------------------------------------------------

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        names = {one.id: one.key for one in batch}
        chosen = [(self._choose(one), one) for one in batch]
        for provider, channel in self.providers.items():
            mine = [one for who, one in chosen if who is provider]
            for one, name in zip(mine, channel.out_ids(mine), strict=True):
                names[one.id] = _known_as(provider, name)
        return [names[one.id] for one in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no message could leave."""
        groups = [(one, [item for item in batch if self._sent_by(item) is one]) for one in self.providers]
        groups = [(provider, mine) for provider, mine in groups if mine]
        told = await asyncio.gather(*(self._send(*group) for group in groups), return_exceptions=True)
        results: dict[int, SendResult] = {}
        for (_, mine), answer in zip(groups, told, strict=True):
            if isinstance(answer, BaseException):
                if len(groups) == 1 or not isinstance(answer, ChannelUnavailable):
                    raise answer
                answer = [SendResult(one.id, Reaction.RETRY, code=NO_CONNECTION) for one in mine]
            results |= {result.id: result for result in answer}
        return [results.get(one.id) or _nobody(one) for one in batch]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Asked of the provider it went by, and of no other."""
        provider = _named(outbound.key) or SmsProvider.ALIYUN
        channel = self.providers.get(provider)
        found = await channel.look_up(_stripped(outbound)) if channel else None
        return found and _marked(provider, found)

    def _sent_by(self, outbound: Outbound) -> SmsProvider | None:
        """A bare name is Aliyun's, or of a message that nobody can carry."""
        if provider := _named(outbound.key):
            return provider
        words = outbound.words
        able = not isinstance(words, SmsWords) or words.template_at(SmsProvider.ALIYUN)
        return SmsProvider.ALIYUN if able else None

    async def _send(self, provider: SmsProvider, mine: Sequence[Outbound]) -> list[SendResult]:
        if provider in self._closed:
            return [SendResult(one.id, Reaction.DEFER_RECIPIENT, code=_CLOSED, retry_after=_ASK_AGAIN) for one in mine]
        results = await self.providers[provider].send([_stripped(one) for one in mine])
        return [_marked(provider, result) for result in results]

    # ---- in -------------------------------------------------------------------------------------------------------

    def verify(self, request: InboundRequest) -> None:
        provider, inner = self._at(request)
        allowed = self._pushed_from.get(provider)
        if allowed and not _is_from(request.client, allowed):
            raise WebhookRejected(f"{provider} does not push from there")
        self.providers[provider].verify(inner)

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        provider, inner = self._at(request)
        return [_event(provider, event) for event in self.providers[provider].parse(inner)]

    def answer(self, request: InboundRequest) -> InboundAnswer:
        provider, inner = self._at(request)
        return self.providers[provider].answer(inner)

    async def close(self) -> None:
        for channel in self.providers.values():
            await channel.close()

    def _at(self, request: InboundRequest) -> tuple[SmsProvider, InboundRequest]:
        head, dash, door = request.door.partition("-")
        provider = SmsProvider(head) if dash and head in list(SmsProvider) else SmsProvider.ALIYUN
        if provider not in self.providers:
            raise WebhookRejected(f"no SMS provider {provider} is set up")
        return provider, replace(request, door=door) if dash and provider == head else request


def _known_as(provider: SmsProvider, name: str) -> str:
    """What the ledger calls it; 64 characters at most."""
    return name if provider is SmsProvider.ALIYUN or not name else f"{provider}.{name}"[:_LONGEST_ID]


def _named(name: str) -> SmsProvider | None:
    head, dot, _ = name.partition(".")
    return SmsProvider(head) if dot and head in list(SmsProvider) else None


def _stripped(outbound: Outbound) -> Outbound:
    """As the provider itself knows it."""
    return replace(outbound, key=outbound.key.partition(".")[2]) if _named(outbound.key) else outbound


def _marked(provider: SmsProvider, result: SendResult) -> SendResult:
    return replace(result, provider_id=_known_as(provider, result.provider_id))


def _event(provider: SmsProvider, event: InboundEvent) -> InboundEvent:
    """Names are unique among the provider's own only."""
    if provider is SmsProvider.ALIYUN or isinstance(event, ReachChange):
        return event
    if isinstance(event, Receipt):
        event = replace(event, provider_id=_known_as(provider, event.provider_id))
    named = f"{provider}:{event.event_id}"
    short = named if len(named) <= _LONGEST_EVENT else f"{provider}:{hashlib.sha256(named.encode()).hexdigest()}"
    return replace(event, event_id=short)


def _nobody(outbound: Outbound) -> SendResult:
    return SendResult(
        outbound.id, Reaction.PAUSE_TEMPLATE, code=_NO_TEMPLATE, detail="no provider that is set up has a template"
    )


def _is_from(client: str, allowed: Collection[Network]) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in allowed)

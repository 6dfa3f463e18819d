"""WeCom: answers in customer service out, its callback in; what goes to our own staff is in wecom_staff."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.restraint import Round
from bot.channels.wechat_token import TokenStore
from bot.channels.wecom_api import WecomApi, WecomSettings
from bot.channels.wecom_codes import NO_CUSTOMER
from bot.channels.wecom_desk import send_text
from bot.channels.wecom_inbound import WecomCallback, events_of
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName, InboundEvent, Outbound, Reaction, SendResult, WecomWords

_STRANGERS = 10_000  # customers remembered
DeskOf = Callable[[str], Awaitable[str]]


class WecomChannel:
    name = ChannelName.WECOM

    def __init__(
        self, settings: WecomSettings, now: Clock, desk_of: DeskOf, token_store: TokenStore | None = None
    ) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first call.

        `desk_of`: the customer service account a customer wrote to last, or nothing.
        """
        self.api = WecomApi(settings, now, token_store)
        self._callback = WecomCallback(settings.corpid, settings.token, settings.encoding_aes_key)
        self._now, self._desk_of = now, desk_of
        self._strangers = set[str]()
        self._slots = asyncio.Semaphore(settings.at_once)
        self._opened: tuple[InboundRequest, list[InboundEvent]] | None = None  # the last push, read to verify it

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        return [outbound.key for outbound in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """Answers to customers who wrote; one result per message, in order."""
        learned = Round(self.api.rest)
        return list(await asyncio.gather(*(self._submit(outbound, learned) for outbound in batch)))

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Always None: of one message nothing can be asked. A failure comes with the customer's next messages."""
        return None

    def verify(self, request: InboundRequest) -> None:
        if request.door != "callback":
            raise WebhookRejected(f"WeCom has no door {request.door[:20]!r}: callback")
        match request.method:
            case "GET":
                self._callback.echo(request.query, self._now())
            case "POST":
                self._opened = request, events_of(self._callback.read(request.query, request.body, self._now()))
            case method:
                raise WebhookRejected(f"WeCom asks by GET and pushes by POST, not {method[:10]}")

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        if request.method != "POST":
            return []
        opened, self._opened = self._opened, None
        if opened and opened[0] is request:  # deciphered when it was verified a moment ago
            return opened[1]
        return events_of(self._callback.read(request.query, request.body, self._now()))

    def answer(self, request: InboundRequest) -> InboundAnswer:
        """The deciphered echo as it is; to a push nothing, which is no passive reply."""
        return InboundAnswer(self._callback.echo(request.query).encode() if request.method == "GET" else b"")

    async def close(self) -> None:
        await self.api.close()

    async def _submit(self, outbound: Outbound, learned: Round) -> SendResult:
        words = outbound.words
        if not isinstance(words, WecomWords):
            return SendResult(outbound.id, Reaction.DROP, code="no wecom", detail="not sent: the words are not WeCom's")
        async with self._slots:
            if closed := learned.refuse(outbound.id):
                return closed
            desk = await self._desk_of(outbound.address)
            sent = await send_text(self.api, outbound.id, outbound.address, desk, words.text, outbound.key)
            result = self._judge(outbound.address, sent)
            learned.learn(result)
        return result

    def _judge(self, customer: str, result: SendResult) -> SendResult:
        """For a moment after they came to us WeCom does not know a customer yet: it is believed the second time."""
        if result.code != str(NO_CUSTOMER):
            self._strangers.discard(customer)
            return result
        if customer in self._strangers:
            return result
        if len(self._strangers) >= _STRANGERS:
            self._strangers.clear()
        self._strangers.add(customer)
        return replace(result, reaction=Reaction.RETRY)

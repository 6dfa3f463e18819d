"""The WeChat Official Account: custom, template, subscription and mass messages out, its callback in."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.restraint import NO_CONNECTION, NOT_TRIED, Round
from bot.channels.wechat_answers import result_of, without_token
from bot.channels.wechat_api import Answer, WechatApi, WechatSettings, as_json
from bot.channels.wechat_codes import TOKEN_CODES, Runs
from bot.channels.wechat_inbound import Callback
from bot.channels.wechat_mass import (
    GET,
    LEAST,
    TOO_FEW,
    MassCall,
    end_of,
    for_all,
    mass_calls,
    mass_words,
    name_mass_calls,
    submitted,
)
from bot.channels.wechat_requests import PATHS, REFUSED_HERE, body_of, refusal, refuse
from bot.channels.wechat_token import TokenStore, TokenUnavailable
from campaigns.errors import ChannelUnavailable, WebhookRejected
from campaigns.terms import ChannelName, InboundEvent, Outbound, Reaction, SendResult, WechatMode, WechatWords

__all__ = ["WechatChannel", "WechatSettings"]

log = logging.getLogger(__name__)

_NO_WECHAT = "no wechat"
_NEVER_LEFT = REFUSED_HERE | {_NO_WECHAT, TOO_FEW, NO_CONNECTION, NOT_TRIED}


@dataclass(slots=True)
class _Batch:
    """What the messages of one batch share."""

    token: str
    learned: Round
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    refused: set[str] = field(default_factory=set)  # tokens another was fetched for, even if it was the same again
    proven: bool = False  # the new token was taken
    hopeless: Answer | None = None  # the new one was refused, too


class WechatChannel:
    """Mass messages that were given one name by `out_ids` go in one call; every other goes alone, under its own key."""

    name = ChannelName.WECHAT

    def __init__(self, settings: WechatSettings, now: Clock, token_store: TokenStore | None = None) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first message.

        `token_store`: where several processes share one token; without it this one keeps its own.
        """
        self.api = WechatApi(settings, now, token_store)
        self._now = now
        self._callback = Callback(settings.appid, settings.token, settings.encoding_aes_key)
        self._opened: tuple[InboundRequest, list[InboundEvent]] | None = None  # the last push, deciphered to verify it
        self._slots = asyncio.Semaphore(settings.at_once)
        self._runs = Runs()

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        """Of a mass send one for all that go in a call: write it down before they are sent."""
        return name_mass_calls(batch)

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no message could leave."""
        if not batch:
            return []
        token = await self._token_unless_resting()
        if token is None:
            return [self.api.rest.refuse(outbound.id) for outbound in batch]
        state = _Batch(token, Round(self.api.rest))
        alone = [outbound for outbound in batch if not mass_words(outbound)]
        told, told_together = await asyncio.gather(
            asyncio.gather(*(self._submit(outbound, state) for outbound in alone)),
            asyncio.gather(*(self._submit_call(call, state) for call in mass_calls(batch))),
        )
        judged = self._runs.judge([_kind(outbound) for outbound in alone], told, self._now())
        results = {result.id: result for result in (*judged, *(one for many in told_together for one in many))}
        codes = {result.code for result in results.values()}
        if NO_CONNECTION in codes and codes <= _NEVER_LEFT:
            raise ChannelUnavailable(f"微信连不上 · WeChat cannot be reached at {self.api.settings.base_url}")
        return [results[outbound.id] for outbound in batch]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """None: WeChat has no question about one message. A template's fate comes as its receipt.

        Of a mass send whose number (msg_id) is known it tells how it ended.
        """
        if not mass_words(outbound) or not outbound.key.isdecimal():
            return None
        return end_of(outbound, await self._exchange(GET, as_json({"msg_id": int(outbound.key)})))

    async def ask_call(self, outbounds: Sequence[Outbound]) -> SendResult | None:
        """What became of a mass send whose answer was lost: submitted once more under its name, which WeChat keeps
        for 24 hours. `outbounds` are those of the call who may be written to now.

        OK_DUP: the first was submitted, and nothing more was. Accepted: it was not, these are now. None: nobody knows.
        """
        calls = mass_calls(outbounds)
        if len(calls) != 1 or len(calls[0].openids) < LEAST:
            return None
        told = submitted(calls[0], await self._exchange(PATHS[WechatMode.MASS], calls[0].body))
        if told.reaction is Reaction.OK_DUP and told.provider_id:
            number = as_json({"msg_id": int(told.provider_id)}) if told.provider_id.isdecimal() else b""
            ended = end_of(outbounds[0], await self._exchange(GET, number)) if number else None
            return ended if ended and not ended.accepted else told
        return told if told.accepted else None

    def verify(self, request: InboundRequest) -> None:
        if request.door != "callback":
            raise WebhookRejected(f"WeChat has no door {request.door[:20]!r}: callback")
        match request.method:
            case "GET":
                self._callback.check_echo(request.query, self._now())
            case "POST":
                events = self._callback.check_push(request.query, request.body, self._now())
                self._opened = request, events
            case method:
                raise WebhookRejected(f"WeChat asks by GET and pushes by POST, not {method[:10]}")

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        if request.method != "POST":
            return []
        opened, self._opened = self._opened, None
        if opened and opened[0] is request:  # deciphered when it was verified a moment ago
            return opened[1]
        return self._callback.read_push(request.query, request.body)

    def answer(self, request: InboundRequest) -> InboundAnswer:
        """`success` means: no passive reply. What is to be said goes out by `send`."""
        text = self._callback.echo(request.query) if request.method == "GET" else "success"
        return InboundAnswer(text.encode())

    async def close(self) -> None:
        await self.api.close()

    # ---- one message, one call ------------------------------------------------------------------------------------

    async def _submit(self, outbound: Outbound, batch: _Batch) -> SendResult:
        words = outbound.words
        if not isinstance(words, WechatWords):
            return refuse(outbound, Reaction.DROP, _NO_WECHAT, "the words are not WeChat's")
        if refused := refusal(outbound, words):
            return refused
        async with self._slots:
            if closed := batch.learned.refuse(outbound.id):
                return closed
            result = await self._deliver(outbound, words, batch)
            batch.learned.learn(result)
        return result

    async def _submit_call(self, call: MassCall, batch: _Batch) -> list[SendResult]:
        if len(call.openids) < LEAST:
            why = "a mass send needs two followers at least"
            return [refuse(message, Reaction.CONSENT_USED, TOO_FEW, why) for message in call.messages]
        if refused := refusal(call.messages[0], call.words):
            return for_all(call, refused)
        async with self._slots:
            if closed := batch.learned.refuse(0):
                return for_all(call, closed)
            try:
                answer, _ = await self._post(PATHS[WechatMode.MASS], call.body, batch)
            except TokenUnavailable as problem:
                return for_all(call, without_token(call.messages[0], problem))
            told = submitted(call, answer)
            batch.learned.learn(told)
        log.info("mass send %s: %s %s, %d messages", call.name, told.code, told.provider_id, len(call.messages))
        return for_all(call, told)

    async def _deliver(self, outbound: Outbound, words: WechatWords, batch: _Batch) -> SendResult:
        """Sent once; twice only where the first was refused for its token, or WeChat itself drops the second."""
        path, body = PATHS[words.mode], body_of(outbound, words)
        try:
            answer, repeated = await self._post(path, body, batch)
        except TokenUnavailable as problem:
            return without_token(outbound, problem)
        if answer.lost and words.mode is WechatMode.TEMPLATE and answer.wait is None and not repeated:
            # One openid and client_msg_id is sent once within 10 minutes, and the answer has the msgid that the
            # receipt will name. Only a yes counts: a refusal of the second says nothing about the first.
            again = result_of(outbound, await self.api.post(path, body, batch.token), repeated=True)
            return again if again.accepted else result_of(outbound, answer)
        return result_of(outbound, answer, repeated)

    async def _post(self, path: str, body: bytes, batch: _Batch) -> tuple[Answer, bool]:
        """The answer, and whether it is that to a repeat: the first was refused for its token.

        The first that is refused finds out for all others whether a new token mends it.
        """
        token = batch.token
        answer = await self.api.post(path, body, token)
        if answer.errcode not in TOKEN_CODES:
            return answer, False
        async with batch.renewing:
            if batch.hopeless:
                return batch.hopeless, True
            await self._renew(batch, token)
            if not batch.proven:
                again = await self.api.post(path, body, batch.token)
                batch.proven = again.errcode not in TOKEN_CODES
                batch.hopeless = None if batch.proven else again
                return again, True
        return await self.api.post(path, body, batch.token), True

    async def _renew(self, batch: _Batch, token: str) -> None:
        """Once for a token, however late the last refusal of it comes in."""
        if token not in batch.refused:
            batch.token = await self.api.token(stale=token)
            batch.refused.add(token)

    async def _exchange(self, path: str, body: bytes) -> Answer:
        """A question. Raises TokenUnavailable."""
        token = await self._token_unless_resting()
        if token is None:
            return Answer(None, left=False)
        return (await self._post(path, body, _Batch(token, Round(self.api.rest))))[0]

    async def _token_unless_resting(self) -> str | None:
        """None where WeChat wants no calls for a while."""
        if self.api.rest.left():
            return None
        try:
            return await self.api.token()
        except TokenUnavailable:
            if self.api.rest.left():
                return None
            raise


def _kind(outbound: Outbound) -> str:
    words = outbound.words
    return words.template_id or words.mode if isinstance(words, WechatWords) else ""

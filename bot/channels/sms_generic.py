"""The SMS channel by any HTTP gateway that a file describes: one message a call; receipts and replies by its pushes."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

import httpx
import orjson

from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.carrier_codes import read_receipt
from bot.channels.http import left_us, open_client
from bot.channels.restraint import NO_CONNECTION, NOT_TRIED, Rest, Round
from bot.channels.sms_generic_file import Gateway, Push
from campaigns.cells import parse_mobile, parse_moment
from campaigns.errors import ChannelUnavailable, WebhookRejected
from campaigns.terms import (
    ChannelName,
    InboundEvent,
    Outbound,
    Reaction,
    Receipt,
    Reply,
    SendResult,
    SmsProvider,
    SmsTemplate,
    SmsWords,
)

log = logging.getLogger(__name__)

_PUSH = 1_000_000  # bytes
_NO_TEMPLATE, _BAD_ADDRESS = "no template", "bad address"
_NEVER_LEFT = frozenset({NO_CONNECTION, NOT_TRIED, _NO_TEMPLATE, _BAD_ADDRESS})


class GenericSmsChannel:
    """A gateway that cannot be asked: what got no answer stays of unknown outcome until a receipt names it."""

    name = ChannelName.SMS

    def __init__(self, gateway: Gateway, now: Clock) -> None:
        self._gateway, self._now = gateway, now
        self._client = open_client(gateway.base, timeout=gateway.timeout)
        self._slots = asyncio.Semaphore(gateway.at_once)
        self._rest = Rest(now)

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        return [outbound.key for outbound in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no message could leave."""
        learned = Round(self._rest)
        results = await asyncio.gather(*(self._submit(outbound, learned) for outbound in batch))
        codes = {result.code for result in results}
        if NO_CONNECTION in codes and codes <= _NEVER_LEFT:
            raise ChannelUnavailable(f"the SMS gateway cannot be reached at {self._gateway.base}")
        return list(results)

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        return None

    def verify(self, request: InboundRequest) -> None:
        """The secret path, which is not seen here, and the form are all there is to check."""
        if self._push_of(request) is None:
            raise WebhookRejected(f"the SMS gateway has no door {request.door!r}")
        if request.method not in ("POST", "GET"):
            raise WebhookRejected("the SMS gateway pushes by POST or GET")
        if len(request.body) > _PUSH:
            raise WebhookRejected("a push of over 1 MB")
        self._items(request)

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        """The events of a push. An item that cannot be read is logged and left out: the others count."""
        push, events = self._push_of(request), list[InboundEvent]()
        for place, item in enumerate(self._items(request) if push else []):
            try:
                events.append(self._event(request.door, push, item))  # type: ignore[arg-type]
            except ValueError as problem:
                log.warning("gateway %s push: item %d left out: %s", request.door, place, problem)
        return events

    def answer(self, request: InboundRequest) -> InboundAnswer:
        return InboundAnswer(self._gateway.answer.encode())

    async def close(self) -> None:
        await self._client.aclose()

    # ---- out ------------------------------------------------------------------------------------------------------

    async def _submit(self, outbound: Outbound, learned: Round) -> SendResult:
        words, number = outbound.words, parse_mobile(outbound.address)
        template = words.template_at(SmsProvider.GENERIC) if isinstance(words, SmsWords) else None
        if number is None:
            return SendResult(outbound.id, Reaction.SUPPRESS, code=_BAD_ADDRESS, detail="not sent")
        if not isinstance(words, SmsWords) or template is None:
            return SendResult(outbound.id, Reaction.DROP, code=_NO_TEMPLATE, detail="no template for the gateway")
        async with self._slots:
            if closed := learned.refuse(outbound.id, template.code):
                return closed
            result = await self._call(outbound, number, words, template)
            learned.learn(result, template.code)
        return result

    async def _call(self, outbound: Outbound, number: str, words: SmsWords, template: SmsTemplate) -> SendResult:
        body = self._fill(outbound.key, number, words, template)
        try:
            response = await self._client.post(self._gateway.target, headers=self._gateway.headers, content=body)
        except httpx.RequestError as problem:
            why = type(problem).__name__
            if left_us(problem):
                return SendResult(outbound.id, Reaction.UNKNOWN, code="no answer", detail=why)
            return SendResult(outbound.id, Reaction.RETRY, code=NO_CONNECTION, detail=why)
        wait = self._rest.read(response)
        if response.status_code == 429:  # by its meaning nothing was done
            return SendResult(outbound.id, Reaction.SLOW, code="http 429", retry_after=wait)
        return self._judge(outbound.id, response)

    def _fill(self, name: str, number: str, words: SmsWords, template: SmsTemplate) -> bytes:
        """What is filled in cannot end its place: it is escaped as the body is written."""
        values = [words.params[one] for one in template.order]
        given = {
            "number": number,
            "text": words.text,
            "sign": words.sign_name,
            "body_text": words.text.removeprefix(f"【{words.sign_name}】"),
            "template": template.code,
            "name": name,
        }
        if self._gateway.is_json:
            filled = {key: _json(value)[1:-1] for key, value in given.items()} | {"values": _json(values)}
        else:
            filled = {key: quote(value, safe="") for key, value in (given | {"values": ",".join(values)}).items()}
        return self._gateway.body.substitute(filled).strip().encode("utf-8", "replace")

    def _judge(self, message_id: int, response: httpx.Response) -> SendResult:
        gateway, fields = self._gateway, _read(response.content)
        code = _at(fields, gateway.code)
        if code in gateway.accepted and response.status_code == 200:
            return SendResult(
                message_id, provider_id=_at(fields, gateway.id)[:64] if gateway.id else "", code=code[:64]
            )
        if reaction := gateway.codes.get(code):
            return SendResult(message_id, reaction, code=code[:64])
        if not code or code in gateway.accepted or response.status_code >= 500:
            return SendResult(message_id, Reaction.UNKNOWN, code=code[:64] or f"http {response.status_code}")
        return SendResult(message_id, Reaction.DROP, code=code[:64], detail="a code the file does not name")

    # ---- in -------------------------------------------------------------------------------------------------------

    def _push_of(self, request: InboundRequest) -> Push | None:
        return {"report": self._gateway.report, "reply": self._gateway.reply}.get(request.door)

    def _items(self, request: InboundRequest) -> list[object]:
        """JSON, a form or a query. Raises WebhookRejected."""
        push = self._push_of(request)
        raw = request.body.decode("utf-8-sig", "replace")
        try:
            whole = json.loads(raw) if raw.lstrip()[:1] in ("{", "[") else dict(parse_qsl(raw)) or dict(request.query)
        except (ValueError, RecursionError):
            raise WebhookRejected("a push that cannot be read") from None
        found = _walk(whole, push.items) if push and push.items else whole
        if not isinstance(found, dict | list) or not found:
            raise WebhookRejected("a push without items")
        return found if isinstance(found, list) else [found]

    def _event(self, door: str, push: Push, item: object) -> InboundEvent:
        """Raises ValueError."""
        given = _at(item, push.number)
        if not given:
            raise ValueError("no number")
        number = parse_mobile(given) or given[:64]
        at = self._moment(_at(item, push.at))
        return self._receipt(push, item, number, at) if door == "report" else _reply(push, item, number, at)

    def _receipt(self, push: Push, item: object, number: str, at: datetime) -> Receipt:
        known, key, status = _at(item, push.id), _at(item, push.name), _at(item, push.status)
        if not (known or key) or not status:
            raise ValueError("no status, or neither id nor name")
        delivered = status in push.delivered
        reaction = None if delivered else self._gateway.codes.get(status) or read_receipt(status)
        named = f"{known or key}:{number}:{'delivered' if delivered else 'failed'}"
        return Receipt(_event_id(named), ChannelName.SMS, at, delivered, key, known[:64], number, reaction, status[:64])

    def _moment(self, text: str) -> datetime:
        """In UTC; a gateway's are Shanghai's. A missing or odd one is no reason to lose the item."""
        try:
            return parse_moment(text)
        except ValueError:
            return self._now().astimezone(UTC)


def _reply(push: Push, item: object, number: str, at: datetime) -> Reply:
    """One without a number of its own is named by all that stands in it."""
    text = _walk(item, push.text)
    if not isinstance(text, str):
        raise ValueError("no text")
    whole = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
    clean = text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Reply(_event_id(_at(item, push.id) or whole), ChannelName.SMS, at, number, clean)


def _read(content: bytes) -> object:
    """JSON, else the bare text of gateways that answer with a code alone, under the name `text`."""
    try:
        return orjson.loads(content)
    except ValueError:
        return {"text": content.decode("utf-8", "replace").strip()[:200]}


def _walk(value: object, place: str) -> object:
    for name in place.split("."):
        if isinstance(value, list):
            value = value[int(name)] if name.isdecimal() and int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _at(value: object, place: str) -> str:
    found = _walk(value, place) if place else None
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found).replace("\0", "").strip() if isinstance(found, str | int) else ""


def _json(value: object) -> str:
    return json.dumps(value)


def _event_id(text: str) -> str:
    return text if len(text) <= 100 else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

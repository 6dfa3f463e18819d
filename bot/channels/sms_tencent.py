"""The SMS channel by Tencent Cloud: messages out, up to 200 numbers in a call; receipts and replies in by callback."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx

from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.http import left_us, open_client
from bot.channels.restraint import NO_CONNECTION, NOT_TRIED, Rest, Round
from bot.channels.sms_calls import ValueWatch, is_batch, name_calls
from bot.channels.tc3 import authorization
from bot.channels.tencent_answers import (
    Answer,
    judge_each,
    judge_record,
    judge_whole,
    read_answer,
    read_body,
    read_reply,
    read_status,
    text_of,
)
from bot.channels.tencent_codes import VALUE_CODES
from bot.channels.tencent_requests import (
    MOST,
    PAGE,
    Addressed,
    Call,
    addressed,
    asking,
    calls_of,
    sending,
)
from campaigns.cells import parse_mobile
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import ChannelName, InboundEvent, Outbound, Reaction, Receipt, SendResult

log = logging.getLogger(__name__)

_SERVICE, _VERSION = "sms", "2021-01-11"
_JSON = "application/json; charset=utf-8"
_PUSH = 1_000_000  # bytes
_PAGES = 10
_KEPT = timedelta(days=7) - timedelta(minutes=5)  # its records by number; our clock may differ from theirs
_NO_TEMPLATE, _BAD_ADDRESS = "no template", "bad address"
_NEVER_LEFT = frozenset({NO_CONNECTION, NOT_TRIED, _NO_TEMPLATE, _BAD_ADDRESS})
_ONE_NUMBER = frozenset({Reaction.SUPPRESS, Reaction.DEFER_RECIPIENT})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class TencentSettings:
    """`endpoint` is a URL without a path; http:// only on this machine. `timeout` in seconds; calls `at_once`."""

    secret_id: str
    secret_key: str = field(repr=False)
    sdk_app_id: str
    endpoint: str = "https://sms.tencentcloudapi.com"
    region: str = "ap-guangzhou"
    timeout: float = 10.0
    at_once: int = 10


class TencentSmsChannel:
    """Messages that were given one name by `out_ids` go in one call; every other goes alone, under its own key.

    The name is the SessionContext. What was accepted is known by its SerialNo from then on, which every receipt has.
    """

    name = ChannelName.SMS

    def __init__(self, settings: TencentSettings, now: Clock) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first message."""
        _check(settings)
        self._settings, self._now = settings, now
        self._client = open_client(settings.endpoint, timeout=settings.timeout)
        self._slots = asyncio.Semaphore(settings.at_once)
        self._rest = Rest(now)
        self._values = ValueWatch(VALUE_CODES)

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        """The key each message should be sent and asked about under: write it down before the message is sent.

        It is one for up to 200 of the same words; where a message goes alone it is its own.
        """
        ready = [message for outbound in batch if (message := addressed(outbound))]
        names = dict(zip((message.outbound.id for message in ready), name_calls(ready, MOST), strict=True))
        return [names.get(outbound.id, outbound.key) for outbound in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no message could leave."""
        ready = [message for outbound in batch if (message := addressed(outbound))]
        learned = Round(self._rest)
        told = await asyncio.gather(*(self._submit(call, learned) for call in calls_of(ready)))
        results = {result.id: result for of_call in told for result in of_call}
        codes = {result.code for result in results.values()}
        if NO_CONNECTION in codes and codes <= _NEVER_LEFT:
            raise ChannelUnavailable(f"Tencent SMS cannot be reached at {self._settings.endpoint}")
        return [results.get(outbound.id) or _refuse(outbound) for outbound in batch]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Asks for the records of the number, 7 days back, and takes the one with our SessionContext.

        There is none before a carrier has spoken, and an account must be allowed to see SessionContext there; without
        it a record could be of another message to this number. `outbound.key` must be the name it was sent under.
        Not PullSmsSendStatus: what it hands out is gone for everybody else.
        """
        message = addressed(outbound)
        if message is None:
            return None
        now = self._now()
        for page in range(_PAGES):
            body = asking(message.number, self._settings.sdk_app_id, now - _KEPT, now, page)
            rows = await self._records(body)
            if rows is None:
                return None
            for row in rows:
                if text_of(row, "SessionContext") == outbound.key and _is_of(row, message):
                    found = judge_record(row)
                    return None if found.reaction is Reaction.UNKNOWN else replace(found, id=outbound.id)
            if len(rows) < PAGE:
                break
        return None

    def verify(self, request: InboundRequest) -> None:
        """Callbacks are unsigned: the secret path, which is not seen here, and the form are all there is to check."""
        if request.door not in _DOORS:
            raise WebhookRejected(f"Tencent SMS has no door {request.door!r}: status or reply")
        if request.method != "POST":
            raise WebhookRejected("Tencent SMS calls back by POST")
        if len(request.body) > _PUSH:
            raise WebhookRejected("a callback of over 1 MB")
        _items(request)

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        """The events of a callback. An item that cannot be read is logged and left out: the others count."""
        read, events = _DOORS[request.door], list[InboundEvent]()
        for place, item in enumerate(_items(request)):
            try:
                events.append(read(item, self._now()))
            except ValueError as problem:
                log.warning("Tencent %s callback: item %d left out: %s", request.door, place, problem)
        return events

    def answer(self, request: InboundRequest) -> InboundAnswer:
        return InboundAnswer(b'{"result":0,"errmsg":"OK"}', "application/json")

    async def close(self) -> None:
        await self._client.aclose()

    # ---- a call that sends ----------------------------------------------------------------------------------------

    async def _submit(self, call: Call, learned: Round) -> list[SendResult]:
        async with self._slots:
            if closed := learned.refuse(0, call.template):
                return _for_all(call, closed)
            answer = await self._exchange("SendSms", sending(call, self._settings.sdk_app_id))
            results = self._judge(call, answer)
            one_by_one = len(results) == 1 < len(call.messages) and results[0].reaction in _ONE_NUMBER
            if not one_by_one:
                results = [self._values.judge(call.template, result) for result in results]
                for result in results:
                    learned.learn(result, call.template)
        if one_by_one:
            return await self._one_by_one(call, learned)
        if len(results) == 1:
            return _for_all(call, results[0])
        return [replace(one, id=message.outbound.id) for message, one in zip(call.messages, results, strict=True)]

    def _judge(self, call: Call, answer: Answer | httpx.RequestError) -> list[SendResult]:
        """One result for the whole call, or one for each of its numbers."""
        if not isinstance(answer, Answer):
            return [_unanswered(answer)]
        if whole := judge_whole(answer, self._now()):
            return [whole]
        return judge_each(answer, [message.number for message in call.messages], self._now())

    async def _one_by_one(self, call: Call, learned: Round) -> list[SendResult]:
        """The whole call was refused, for what is one number's fault: nothing went, and the others need not suffer."""
        log.info("SMS batch %s refused; its %d messages go one by one", call.name, len(call.messages))
        alone = (Call(call.name, [message]) for message in call.messages)
        told = await asyncio.gather(*(self._submit(one, learned) for one in alone))
        return [result for of_call in told for result in of_call]

    # ---- the wire -------------------------------------------------------------------------------------------------

    async def _records(self, body: bytes) -> list[Mapping[str, object]] | None:
        """None where it could not be asked."""
        async with self._slots:
            if self._rest.left():
                return None
            answer = await self._exchange("PullSmsSendStatusByPhoneNumber", body)
        return answer.rows("PullSmsSendStatusSet") if isinstance(answer, Answer) else None

    async def _exchange(self, action: str, body: bytes) -> Answer | httpx.RequestError:
        try:
            response = await self._post(action, body)
        except httpx.RequestError as problem:
            return problem
        return read_answer(response, self._rest.read(response))

    async def _post(self, action: str, body: bytes) -> httpx.Response:
        settings, timestamp = self._settings, int(self._now().timestamp())
        signed = {"content-type": _JSON, "host": self._client.host, "x-tc-action": action}
        headers = signed | {
            "authorization": authorization(settings.secret_id, settings.secret_key, _SERVICE, timestamp, signed, body),
            "x-tc-version": _VERSION,
            "x-tc-timestamp": str(timestamp),
            "x-tc-region": settings.region,
        }
        return await self._client.post("/", headers=headers, content=body)


def _check(settings: TencentSettings) -> None:
    url = httpx.URL(settings.endpoint)
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise ConfigError(
            "TENCENT_SMS_ENDPOINT: 要写成 https://sms.tencentcloudapi.com 这样，不带路径 (a URL without a path)"
        )
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ConfigError(f"TENCENT_SMS_ENDPOINT: 号码会明文传给 {url.host}，用 https:// (in the clear: use https://)")
    if not (settings.secret_id and settings.secret_key and settings.sdk_app_id):
        raise ConfigError(
            "TENCENT_SMS_SECRET_ID、TENCENT_SMS_SECRET_KEY、TENCENT_SMS_SDK_APP_ID: 要一起填 (all three are needed)"
        )


def _refuse(outbound: Outbound) -> SendResult:
    if parse_mobile(outbound.address) is None:
        return SendResult(outbound.id, Reaction.SUPPRESS, code=_BAD_ADDRESS, detail="not sent")
    return SendResult(outbound.id, Reaction.DROP, code=_NO_TEMPLATE, detail="the words have no template for Tencent")


def _unanswered(problem: httpx.RequestError) -> SendResult:
    why = type(problem).__name__
    if left_us(problem):
        return SendResult(0, Reaction.UNKNOWN, code="no answer", detail=why)
    return SendResult(0, Reaction.RETRY, code=NO_CONNECTION, detail=why)


def _for_all(call: Call, verdict: SendResult) -> list[SendResult]:
    return [replace(verdict, id=message.outbound.id) for message in call.messages]


def _is_of(row: Mapping[str, object], message: Addressed) -> bool:
    given = text_of(row, "PhoneNumber") or text_of(row, "SubscriberNumber")
    return parse_mobile(given) == message.number


def _items(request: InboundRequest) -> list[object]:
    """Status comes as an array, a reply as one object. Raises WebhookRejected."""
    body = read_body(request.body)
    if request.door == "reply" and isinstance(body, dict):
        return [body]
    if request.door == "status" and isinstance(body, list):
        return body
    raise WebhookRejected("a callback of another form than its door takes")


def _status(item: object, now: datetime) -> Receipt:
    """The name of a batch is nobody's own key: then the SerialNo tells."""
    receipt = read_status(item, now)
    return replace(receipt, key="") if is_batch(receipt.key) else receipt


_DOORS: Mapping[str, Callable[[object, datetime], InboundEvent]] = {"status": _status, "reply": read_reply}

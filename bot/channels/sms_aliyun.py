"""The SMS channel by Aliyun: messages out one by one or a hundred in a call, receipts and replies in by its push."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import httpx

from bot.channels.acs3 import authorization, body_hash, canonical_query, canonical_request
from bot.channels.aliyun_answers import (
    Answer,
    items_of,
    judge,
    judge_record,
    read_answer,
    read_reply,
    read_report,
    records_of,
    text_of,
)
from bot.channels.aliyun_codes import VALUE_CODES, may_be_one_of_many
from bot.channels.aliyun_requests import (
    MOST,
    PAGE,
    Addressed,
    Ask,
    Call,
    addressed,
    asking,
    calls_of,
    sending,
)
from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.http import left_us, open_client
from bot.channels.restraint import NO_CONNECTION, NOT_TRIED, Rest, Round
from bot.channels.sms_calls import ValueWatch, is_batch, name_calls
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import SHANGHAI, ChannelName, InboundEvent, Outbound, Reaction, Receipt, SendResult, SmsWords

log = logging.getLogger(__name__)

_VERSION = "2017-05-25"
_FORM = "application/x-www-form-urlencoded"
_PUSH = 1_000_000  # bytes
_PAGES = 20
_NO_SMS, _BAD_ADDRESS = "no sms", "bad address"
_NEVER_LEFT = frozenset({NO_CONNECTION, NOT_TRIED, _NO_SMS, _BAD_ADDRESS})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class AliyunSettings:
    """`endpoint` is a URL without a path; http:// only on this machine. `timeout` in seconds; calls `at_once`."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    endpoint: str = "https://dysmsapi.aliyuncs.com"
    timeout: float = 10.0
    at_once: int = 10


def _new_nonce() -> str:
    return uuid.uuid4().hex


class AliyunSmsChannel:
    """Messages that were given one name by `out_ids` go in one call; every other goes alone, under its own key.

    The name of a batch and a number name one message: it is the `provider_id` of all that went out in it.
    """

    name = ChannelName.SMS

    def __init__(self, settings: AliyunSettings, now: Clock, nonce: Callable[[], str] = _new_nonce) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first message."""
        _check(settings)
        self._settings, self._now, self._nonce = settings, now, nonce
        self._client = open_client(settings.endpoint, timeout=settings.timeout)
        self._slots = asyncio.Semaphore(settings.at_once)
        self._rest = Rest(now)
        self._values = ValueWatch(VALUE_CODES)

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        """The key each message should be sent and asked about under: write it down before the message is sent.

        It is one for up to 100 of the same template and signature; where a message goes alone it is its own.
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
            raise ChannelUnavailable(f"Aliyun SMS cannot be reached at {self._settings.endpoint}")
        return [results.get(outbound.id) or _refuse(outbound) for outbound in batch]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Asks by number for today and yesterday (the question must name the day): older messages are not found.

        `outbound.key` must be the name it was sent under.
        """
        message = addressed(outbound)
        found = await self._ask(message, outbound.key) if message else None
        return None if found is None or found.reaction is Reaction.UNKNOWN else found

    def verify(self, request: InboundRequest) -> None:
        """Pushes are unsigned: the secret path, which is not seen here, and the form are all there is to check."""
        if request.door not in _DOORS:
            raise WebhookRejected(f"Aliyun SMS has no door {request.door!r}: report or reply")
        if request.method != "POST":
            raise WebhookRejected("Aliyun SMS pushes by POST")
        if len(request.body) > _PUSH:
            raise WebhookRejected("a push of over 1 MB")
        items_of(request.body)

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        """The events of a push. An item that cannot be read is logged and left out: the others count."""
        read, events = _DOORS[request.door], list[InboundEvent]()
        for place, item in enumerate(items_of(request.body)):
            try:
                events.append(read(item, self._now()))
            except ValueError as problem:
                log.warning("Aliyun %s push: item %d left out: %s", request.door, place, problem)
        return events

    def answer(self, request: InboundRequest) -> InboundAnswer:
        return InboundAnswer('{"code":0,"msg":"接收成功"}'.encode(), "application/json")

    async def close(self) -> None:
        await self._client.aclose()

    # ---- a call that sends ----------------------------------------------------------------------------------------

    async def _submit(self, call: Call, learned: Round) -> list[SendResult]:
        async with self._slots:
            if closed := learned.refuse(0, call.template):
                return _for_all(call, closed)
            verdict = _told(await self._exchange(sending(call)))
            one_of_many = len(call.messages) > 1 and may_be_one_of_many(verdict.code, verdict.reaction)
            if not one_of_many:
                verdict = self._values.judge(call.template, verdict)
                learned.learn(verdict, call.template)
        if one_of_many:
            return await self._one_by_one(call, learned)
        if verdict.reaction is Reaction.RETRY and verdict.code != NO_CONNECTION:
            return await self._after_its_fault(call, verdict)
        return _for_all(call, verdict)

    async def _one_by_one(self, call: Call, learned: Round) -> list[SendResult]:
        """The whole call was refused, for what may be one message's fault: the others need not suffer."""
        log.info("SMS batch %s refused; its %d messages go one by one", call.out_id, len(call.messages))
        alone = (Call(call.out_id, [message]) for message in call.messages)
        told = await asyncio.gather(*(self._submit(one, learned) for one in alone))
        return [result for of_call in told for result in of_call]

    async def _after_its_fault(self, call: Call, verdict: SendResult) -> list[SendResult]:
        """isp.SYSTEM_ERROR and the like may have sent all the same: again only where its records hold nothing."""
        found = await asyncio.gather(*(self._ask(message, call.out_id) for message in call.messages))
        return [one or told for one, told in zip(found, _for_all(call, verdict), strict=True)]

    # ---- its records ----------------------------------------------------------------------------------------------

    async def _ask(self, message: Addressed, out_id: str) -> SendResult | None:
        """What its records say. None: they hold no such message. UNKNOWN: it could not be asked."""
        today = self._now().astimezone(SHANGHAI).date()
        for day in (today, today - timedelta(days=1)):
            if found := await self._search(message, out_id, day):
                return _named(replace(found, id=message.outbound.id), out_id)
        return None

    async def _search(self, message: Addressed, out_id: str, day: date) -> SendResult | None:
        for page in range(1, _PAGES + 1):
            total, rows = records_of(await self._question(asking(message.number, day, page)))
            if total is None:
                return SendResult(0, Reaction.UNKNOWN, code="no answer", detail="could not be asked")
            for row in rows:
                if text_of(row, "OutId") == out_id:
                    return judge_record(row)
            if page * PAGE >= total:
                break
        return None

    async def _question(self, ask: Ask) -> Answer | httpx.RequestError | None:
        async with self._slots:
            if self._rest.left():
                return None
            answer = await self._exchange(ask)
            if isinstance(answer, Answer) and answer.code == "SignatureNonceUsed":
                return await self._exchange(ask)
            return answer

    # ---- the wire -------------------------------------------------------------------------------------------------

    async def _exchange(self, ask: Ask) -> Answer | httpx.RequestError:
        try:
            response = await self._post(ask)
        except httpx.RequestError as problem:
            return problem
        return read_answer(response, self._rest.read(response))

    async def _post(self, ask: Ask) -> httpx.Response:
        query, body = canonical_query(ask.query), urlencode(ask.form).encode()
        headers = {
            "host": self._client.host,
            "x-acs-action": ask.action,
            "x-acs-version": _VERSION,
            "x-acs-date": f"{self._now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": self._nonce(),
            "x-acs-content-sha256": body_hash(body),
        }
        headers |= {"content-type": _FORM} if body else {}
        signed = authorization(
            self._settings.access_key_id,
            self._settings.access_key_secret,
            canonical_request("POST", query, headers, body),
            headers,
        )
        headers |= {"authorization": signed, "accept": "application/json"}
        return await self._client.post(f"/?{query}", headers=headers, content=body)


def _check(settings: AliyunSettings) -> None:
    url = httpx.URL(settings.endpoint)
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise ConfigError(
            "ALIYUN_SMS_ENDPOINT: 要写成 https://dysmsapi.aliyuncs.com 这样，不带路径 (endpoint: a URL without a path)"
        )
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ConfigError(f"ALIYUN_SMS_ENDPOINT: 号码会明文传给 {url.host}，用 https:// (in the clear: use https://)")
    if not settings.access_key_id or not settings.access_key_secret:
        raise ConfigError(
            "ALIYUN_SMS_ACCESS_KEY_ID、ALIYUN_SMS_ACCESS_KEY_SECRET: 要一起填 (an access key id and its secret)"
        )


def _refuse(outbound: Outbound) -> SendResult:
    if not isinstance(outbound.words, SmsWords):
        return SendResult(outbound.id, Reaction.DROP, code=_NO_SMS, detail="the words are not an SMS's")
    return SendResult(outbound.id, Reaction.SUPPRESS, code=_BAD_ADDRESS, detail="not sent")


def _told(answer: Answer | httpx.RequestError) -> SendResult:
    if isinstance(answer, Answer):
        return judge(answer)
    why = type(answer).__name__
    if left_us(answer):
        return SendResult(0, Reaction.UNKNOWN, code="no answer", detail=why)
    return SendResult(0, Reaction.RETRY, code=NO_CONNECTION, detail=why)


def _for_all(call: Call, verdict: SendResult) -> list[SendResult]:
    if verdict.accepted and is_batch(call.out_id):
        log.info("SMS batch %s taken as %s: %d messages", call.out_id, verdict.provider_id, len(call.messages))
    named = _named(verdict, call.out_id)
    return [replace(named, id=message.outbound.id) for message in call.messages]


def _named(verdict: SendResult, out_id: str) -> SendResult:
    """What its receipt will be found by. A message alone is found by its key, and keeps the provider's BizId."""
    went_out = verdict.accepted or verdict.reaction is Reaction.UNKNOWN
    return replace(verdict, provider_id=out_id[:64]) if went_out and is_batch(out_id) else verdict


def _receipt(item: object, now: datetime) -> Receipt:
    receipt = read_report(item, now)
    return replace(receipt, key="", provider_id=receipt.key[:64]) if is_batch(receipt.key) else receipt


_DOORS: Mapping[str, Callable[[object, datetime], InboundEvent]] = {"report": _receipt, "reply": read_reply}

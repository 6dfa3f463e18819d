"""The SMS channel by Aliyun: messages out by SendSms, receipts and replies in by its HTTP batch push."""

import asyncio
import hashlib
import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx
import orjson

from bot.channels.acs3 import authorization, body_hash, canonical_query, canonical_request
from bot.channels.aliyun_codes import VALUE_CODES, read_receipt, read_submission
from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.http import left_us, open_client
from campaigns.cells import parse_mobile, parse_moment
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import (
    SHANGHAI,
    ChannelName,
    InboundEvent,
    Outbound,
    Reaction,
    Receipt,
    Reply,
    SendResult,
    SmsWords,
)

log = logging.getLogger(__name__)

_VERSION = "2017-05-25"
_AT_ONCE = 10
_PUSH = 1_000_000  # bytes
_PAGE, _PAGES = 50, 20
_VALUES_REFUSED = 3  # in a row, and the template is at fault, not the member
_NO_CONNECTION, _NO_SMS, _BAD_ADDRESS = "no connection", "no sms", "bad address"
_UNTRIED = frozenset({_NO_CONNECTION, _NO_SMS, _BAD_ADDRESS})
_NUMBERS = re.compile(r"\+?\d[\d -]{5,}\d")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class AliyunSettings:
    """`endpoint` is a URL without a path; http:// only on this machine. `timeout` in seconds."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    endpoint: str = "https://dysmsapi.aliyuncs.com"
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """The JSON object of an answer, empty where there was none to read."""

    status: int
    fields: Mapping[str, object]

    @property
    def code(self) -> str:
        return _text(self.fields, "Code")

    @property
    def message(self) -> str:
        return _NUMBERS.sub("…", _text(self.fields, "Message"))[:120]


def _new_nonce() -> str:
    return uuid.uuid4().hex


class AliyunSmsChannel:
    """One SendSms per message: an OutId names one message, and a BizId of many numbers could not be asked about."""

    name = ChannelName.SMS

    def __init__(self, settings: AliyunSettings, now: Clock, nonce: Callable[[], str] = _new_nonce) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first message."""
        _check(settings)
        self._settings, self._now, self._nonce = settings, now, nonce
        self._client = open_client(settings.endpoint, timeout=settings.timeout)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._values_refused: dict[str, int] = {}  # template code -> refusals in a row

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no message could leave."""
        results = await asyncio.gather(*(self._submit(outbound) for outbound in batch))
        codes = {result.code for result in results}
        if _NO_CONNECTION in codes and codes <= _UNTRIED:
            raise ChannelUnavailable(f"Aliyun SMS cannot be reached at {self._settings.endpoint}")
        return results

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Asks by number for today and yesterday (the question must name the day): older messages are not found."""
        found = await self._ask(outbound)
        return None if found is None or found.reaction is Reaction.UNKNOWN else found

    def verify(self, request: InboundRequest) -> None:
        """Pushes are unsigned: the secret path, which is not seen here, and the form are all there is to check."""
        if request.door not in _DOORS:
            raise WebhookRejected(f"Aliyun SMS has no door {request.door!r}: report or reply")
        if request.method != "POST":
            raise WebhookRejected("Aliyun SMS pushes by POST")
        if len(request.body) > _PUSH:
            raise WebhookRejected("a push of over 1 MB")
        _items(request.body)

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        """The events of a push. An item that cannot be read is logged and left out: the others count."""
        read, events = _DOORS[request.door], list[InboundEvent]()
        for place, item in enumerate(_items(request.body)):
            try:
                events.append(read(item, self._now()))
            except ValueError as problem:
                log.warning("Aliyun %s push: item %d left out: %s", request.door, place, problem)
        return events

    def answer(self, request: InboundRequest) -> InboundAnswer:
        return InboundAnswer('{"code":0,"msg":"接收成功"}'.encode(), "application/json")

    async def close(self) -> None:
        await self._client.aclose()

    async def _submit(self, outbound: Outbound) -> SendResult:
        words, number = outbound.words, parse_mobile(outbound.address)
        if not isinstance(words, SmsWords):
            return SendResult(outbound.id, Reaction.DROP, code=_NO_SMS, detail="the words are not an SMS's")
        if number is None:
            return SendResult(outbound.id, Reaction.SUPPRESS, code=_BAD_ADDRESS, detail="not sent")
        answer = await self._call("SendSms", _parameters(outbound.key, number, words))
        if isinstance(answer, httpx.RequestError):
            return _unanswered(outbound, answer)
        result = _result(outbound, answer)
        if result.reaction is Reaction.RETRY:
            return await self._after_its_fault(outbound, result)
        return self._judge_values(words.template_code, result)

    async def _after_its_fault(self, outbound: Outbound, result: SendResult) -> SendResult:
        """isp.SYSTEM_ERROR and the like may have sent all the same: again only where its records hold nothing."""
        return await self._ask(outbound) or result

    def _judge_values(self, template: str, result: SendResult) -> SendResult:
        if result.accepted:
            self._values_refused.pop(template, None)
        if result.code not in VALUE_CODES:
            return result
        self._values_refused[template] = self._values_refused.get(template, 0) + 1
        if self._values_refused[template] < _VALUES_REFUSED:
            return result
        return SendResult(result.id, Reaction.PAUSE_TEMPLATE, code=result.code, detail=result.detail)

    async def _ask(self, outbound: Outbound) -> SendResult | None:
        """What its records say. None: they hold no such message. UNKNOWN: it could not be asked."""
        today = self._now().astimezone(SHANGHAI).date()
        for day in (today, today - timedelta(days=1)):
            if found := await self._search(outbound, day):
                return found
        return None

    async def _search(self, outbound: Outbound, day: date) -> SendResult | None:
        for page in range(1, _PAGES + 1):
            answer = await self._call("QuerySendDetails", _question(outbound, day, page))
            total, rows = _details(answer)
            if total is None:
                return SendResult(outbound.id, Reaction.UNKNOWN, code="no answer", detail="could not be asked")
            for row in rows:
                if _text(row, "OutId") == outbound.key:
                    return _found(outbound, row)
            if page * _PAGE >= total:
                break
        return None

    async def _call(self, action: str, parameters: Mapping[str, str]) -> _Answer | httpx.RequestError:
        answer = await self._exchange(action, parameters)
        if isinstance(answer, _Answer) and answer.code == "SignatureNonceUsed":
            return await self._exchange(action, parameters)
        return answer

    async def _exchange(self, action: str, parameters: Mapping[str, str]) -> _Answer | httpx.RequestError:
        async with self._slots:
            try:
                response = await self._client.send(self._request(action, parameters))
            except httpx.RequestError as problem:
                return problem
        return _Answer(response.status_code, _object(response.content))

    def _request(self, action: str, parameters: Mapping[str, str]) -> httpx.Request:
        """All parameters in the query and an empty body, as the provider's own client does."""
        query = canonical_query(parameters)
        headers = {
            "host": self._client.base_url.netloc.decode(),
            "x-acs-action": action,
            "x-acs-version": _VERSION,
            "x-acs-date": f"{self._now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": self._nonce(),
            "x-acs-content-sha256": body_hash(b""),
        }
        signed = authorization(
            self._settings.access_key_id,
            self._settings.access_key_secret,
            canonical_request("POST", query, headers),
            headers,
        )
        headers |= {"authorization": signed, "accept": "application/json"}
        return self._client.build_request("POST", f"/?{query}", headers=headers)


def _check(settings: AliyunSettings) -> None:
    url = httpx.URL(settings.endpoint)
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise ConfigError("Aliyun SMS endpoint: a URL without a path, such as https://dysmsapi.aliyuncs.com")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ConfigError(f"Aliyun SMS endpoint: numbers would travel to {url.host} in the clear: use https://")
    if not settings.access_key_id or not settings.access_key_secret:
        raise ConfigError("Aliyun SMS needs an access key id and its secret")


# ---- out ----------------------------------------------------------------------------------------------------------


def _parameters(key: str, number: str, words: SmsWords) -> dict[str, str]:
    return {
        "PhoneNumbers": number,
        "SignName": words.sign_name,
        "TemplateCode": words.template_code,
        # A bare number among the values is isv.INVALID_JSON_PARAM.
        "TemplateParam": orjson.dumps({name: str(value) for name, value in words.params.items()}).decode(),
        "OutId": key,
    }


def _unanswered(outbound: Outbound, problem: httpx.RequestError) -> SendResult:
    why = type(problem).__name__
    if left_us(problem):
        return SendResult(outbound.id, Reaction.UNKNOWN, code="no answer", detail=why)
    return SendResult(outbound.id, Reaction.RETRY, code=_NO_CONNECTION, detail=why)


def _result(outbound: Outbound, answer: _Answer) -> SendResult:
    code = answer.code[:64]
    if code == "OK" and answer.status == 200:
        return SendResult(outbound.id, provider_id=_text(answer.fields, "BizId"), code=code)
    meaning = read_submission(code, _text(answer.fields, "Message"))
    if meaning is not None:
        return SendResult(
            outbound.id, meaning.reaction, code=code, detail=answer.message, retry_after=meaning.retry_after
        )
    if code in ("", "OK") or answer.status >= 500:
        detail = f"HTTP {answer.status} {code or 'without a code'}"
        return SendResult(outbound.id, Reaction.UNKNOWN, code=code or f"http {answer.status}", detail=detail)
    return SendResult(outbound.id, Reaction.DROP, code=code, detail=answer.message)


def _question(outbound: Outbound, day: date, page: int) -> dict[str, str]:
    return {
        "PhoneNumber": parse_mobile(outbound.address) or outbound.address,
        "SendDate": f"{day:%Y%m%d}",
        "PageSize": str(_PAGE),
        "CurrentPage": str(page),
    }


def _details(answer: _Answer | httpx.RequestError) -> tuple[int | None, list[Mapping[str, object]]]:
    """How many in all, and those of this page; (None, []) where the answer is not one."""
    if isinstance(answer, httpx.RequestError) or answer.code != "OK":
        return None, []
    total, listed = _text(answer.fields, "TotalCount"), answer.fields.get("SmsSendDetailDTOs")
    rows = listed.get("SmsSendDetailDTO") if isinstance(listed, dict) else listed
    if not total.isdecimal():
        return None, []
    return int(total), [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _found(outbound: Outbound, row: Mapping[str, object]) -> SendResult:
    """SendStatus: 1 waiting for the carrier, 2 failed, 3 delivered."""
    code = _text(row, "ErrCode")[:64]
    match _text(row, "SendStatus"):
        case "1" | "3":
            return SendResult(outbound.id, provider_id=_text(row, "BizId"), code=code or "OK")
        case "2":
            return SendResult(outbound.id, read_receipt(code), code=code, detail="its records say: failed")
        case status:
            return SendResult(outbound.id, Reaction.UNKNOWN, code=code, detail=f"SendStatus {status[:20]!r}")


def _object(body: bytes) -> Mapping[str, object]:
    try:
        value = orjson.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# ---- in -----------------------------------------------------------------------------------------------------------


def _items(body: bytes) -> list[object]:
    try:
        # The standard library's reader takes half an emoji (a lone surrogate); a stricter one loses the whole push.
        value = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise WebhookRejected("a push that is not JSON") from None
    if not isinstance(value, list):
        raise WebhookRejected("a push that is not a JSON array")
    return value


def _receipt(item: object, now: datetime) -> Receipt:
    fields = _fields(item)
    number, delivered = _number(fields), fields.get("success")
    sent_as, key, code = _text(fields, "biz_id"), _text(fields, "out_id"), _text(fields, "err_code")
    if not isinstance(delivered, bool):
        raise ValueError("success is not true or false")
    if not (sent_as or key):
        raise ValueError("neither biz_id nor out_id")
    return Receipt(
        event_id=_event_id(f"{sent_as or key}:{number}:{'delivered' if delivered else 'failed'}"),
        channel=ChannelName.SMS,
        at=_moment(fields, "report_time", now),
        delivered=delivered,
        key=key,
        provider_id=sent_as[:64],
        address=number,
        reaction=None if delivered else read_receipt(code),
        code=code[:64],
    )


def _reply(item: object, now: datetime) -> Reply:
    fields = _fields(item)
    number, content = _number(fields), fields.get("content")
    if not isinstance(content, str):
        raise ValueError("no content")
    # A refusal without a number of its own must not be lost: the whole item then is its name.
    unnamed = hashlib.sha256(repr(sorted(fields.items())).encode("utf-8", "replace")).hexdigest()
    return Reply(
        event_id=_event_id(_text(fields, "sequence_id") or unnamed),
        channel=ChannelName.SMS,
        at=_moment(fields, "send_time", now),
        address=number,
        text=_clean(content),
    )


_DOORS: Mapping[str, Callable[[object, datetime], InboundEvent]] = {"report": _receipt, "reply": _reply}


def _fields(item: object) -> Mapping[str, object]:
    if not isinstance(item, dict):
        raise ValueError("not an object")
    return item


def _number(fields: Mapping[str, object]) -> str:
    """Eleven digits; what is no mobile (an operator's own number) stays as it came, for staff to see."""
    given = _text(fields, "phone_number")
    if not given:
        raise ValueError("no phone_number")
    return parse_mobile(given) or given[:64]


def _moment(fields: Mapping[str, object], name: str, now: datetime) -> datetime:
    """In UTC; Aliyun's are Shanghai's without saying so. A missing or odd one is no reason to lose the item."""
    try:
        return parse_moment(_text(fields, name))
    except ValueError:
        return now.astimezone(UTC)


def _event_id(text: str) -> str:
    return text if len(text) <= 128 else hashlib.sha256(text.encode()).hexdigest()


def _text(fields: Mapping[str, object], name: str) -> str:
    """Text, or a number as text (sequence_id is either); empty for all else."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _clean(str(value)).strip()


def _clean(text: str) -> str:
    """Without what no database takes: NUL and half a character."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")

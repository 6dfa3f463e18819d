"""What Aliyun SMS says: answers to calls, its records, and the items of its pushes, read without trust."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import orjson

from bot.channels.aliyun_codes import read_submission
from bot.channels.carrier_codes import read_receipt
from campaigns.cells import parse_mobile, parse_moment
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName, Reaction, Receipt, Reply, SendResult

_NUMBERS = re.compile(r"\+?\d[\d -]{5,}\d")
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON object of an answer, empty where there was none to read. `wait`: its Retry-After."""

    status: int
    fields: Mapping[str, object]
    wait: timedelta | None = None

    @property
    def code(self) -> str:
        return text_of(self.fields, "Code")

    @property
    def message(self) -> str:
        return _NUMBERS.sub("…", text_of(self.fields, "Message"))[:120]


def read_answer(response: httpx.Response, wait: timedelta | None) -> Answer:
    try:
        fields = orjson.loads(response.content)
    except ValueError:
        fields = None
    return Answer(response.status_code, fields if isinstance(fields, dict) else {}, wait)


def judge(answer: Answer) -> SendResult:
    """What an answer to a call that sends means for every message of it; `id` is still 0."""
    code = answer.code[:64]
    if code == "OK" and answer.status == 200:
        return SendResult(0, provider_id=text_of(answer.fields, "BizId")[:64], code=code)
    meaning = read_submission(code, text_of(answer.fields, "Message"))
    if meaning is not None:
        wait = meaning.retry_after or answer.wait
        return SendResult(0, meaning.reaction, code=code, detail=answer.message, retry_after=wait)
    detail = f"HTTP {answer.status} {code or 'without a code'}"
    if answer.status == _TOO_MANY:  # by its meaning nothing was done
        return SendResult(0, Reaction.SLOW, code=code or "http 429", detail=detail, retry_after=answer.wait)
    if code in ("", "OK") or answer.status >= 500:
        return SendResult(0, Reaction.UNKNOWN, code=code or f"http {answer.status}", detail=detail)
    return SendResult(0, Reaction.DROP, code=code, detail=answer.message)


# ---- its records --------------------------------------------------------------------------------------------------


def records_of(answer: Answer | httpx.RequestError | None) -> tuple[int | None, list[Mapping[str, object]]]:
    """How many in all, and those of this page; (None, []) where the answer is not one."""
    if not isinstance(answer, Answer) or answer.code != "OK":
        return None, []
    total, listed = text_of(answer.fields, "TotalCount"), answer.fields.get("SmsSendDetailDTOs")
    rows = listed.get("SmsSendDetailDTO") if isinstance(listed, dict) else listed
    if not total.isdecimal():
        return None, []
    return int(total), [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def judge_record(row: Mapping[str, object]) -> SendResult:
    """SendStatus: 1 waiting for the carrier, 2 failed, 3 delivered. `id` is still 0."""
    code = text_of(row, "ErrCode")[:64]
    match text_of(row, "SendStatus"):
        case "1" | "3":
            return SendResult(0, provider_id=text_of(row, "BizId")[:64], code=code or "OK")
        case "2":
            return SendResult(0, read_receipt(code), code=code, detail="its records say: failed")
        case status:
            return SendResult(0, Reaction.UNKNOWN, code=code, detail=f"SendStatus {status[:20]!r}")


# ---- its pushes ---------------------------------------------------------------------------------------------------


def items_of(body: bytes) -> list[object]:
    """The items of a push. Raises WebhookRejected."""
    try:
        # The standard library's reader takes half an emoji (a lone surrogate); a stricter one loses the whole push.
        value = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise WebhookRejected("a push that is not JSON") from None
    if not isinstance(value, list):
        raise WebhookRejected("a push that is not a JSON array")
    return value


def read_report(item: object, now: datetime) -> Receipt:
    """`key` is the out_id as it came. Raises ValueError."""
    fields = _fields(item)
    number, delivered = _number(fields), fields.get("success")
    sent_as, key, code = text_of(fields, "biz_id"), text_of(fields, "out_id"), text_of(fields, "err_code")
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


def read_reply(item: object, now: datetime) -> Reply:
    """Raises ValueError."""
    fields = _fields(item)
    number, content = _number(fields), fields.get("content")
    if not isinstance(content, str):
        raise ValueError("no content")
    # A refusal without a number of its own must not be lost: the whole item then is its name.
    unnamed = hashlib.sha256(repr(sorted(fields.items())).encode("utf-8", "replace")).hexdigest()
    return Reply(
        event_id=_event_id(text_of(fields, "sequence_id") or unnamed),
        channel=ChannelName.SMS,
        at=_moment(fields, "send_time", now),
        address=number,
        text=_clean(content),
    )


def text_of(fields: Mapping[str, object], name: str) -> str:
    """Text, or a number as text (sequence_id is either); empty for all else."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _clean(str(value)).strip()


def _fields(item: object) -> Mapping[str, object]:
    if not isinstance(item, dict):
        raise ValueError("not an object")
    return item


def _number(fields: Mapping[str, object]) -> str:
    """Eleven digits; what is no mobile (an operator's own number) stays as it came, for staff to see."""
    given = text_of(fields, "phone_number")
    if not given:
        raise ValueError("no phone_number")
    return parse_mobile(given) or given[:64]


def _moment(fields: Mapping[str, object], name: str, now: datetime) -> datetime:
    """In UTC; Aliyun's are Shanghai's without saying so. A missing or odd one is no reason to lose the item."""
    try:
        return parse_moment(text_of(fields, name))
    except ValueError:
        return now.astimezone(UTC)


def _event_id(text: str) -> str:
    return text if len(text) <= 128 else hashlib.sha256(text.encode()).hexdigest()


def _clean(text: str) -> str:
    """Without what no database takes: NUL and half a character."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")

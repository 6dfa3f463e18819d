"""What Tencent Cloud SMS says: answers to calls, its records, and its callbacks, read without trust."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import orjson

from bot.channels.carrier_codes import read_receipt
from bot.channels.tencent_codes import read_submission
from campaigns.cells import parse_mobile, parse_moment
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName, Reaction, Receipt, Reply, SendResult

_NUMBERS = re.compile(r"\+?\d[\d -]{5,}\d")
_TOO_MANY = 429
_OK = "Ok"  # of one number; "OK" is another provider's word


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands in `Response`, empty where there was none to read. `wait`: its Retry-After."""

    status: int
    fields: Mapping[str, object]
    wait: timedelta | None = None

    @property
    def error(self) -> Mapping[str, object] | None:
        found = self.fields.get("Error")
        return found if isinstance(found, dict) else None

    def rows(self, name: str) -> list[Mapping[str, object]] | None:
        """None where the answer has no such list: it says nothing."""
        found = self.fields.get(name)
        if self.error is not None or not isinstance(found, list):
            return None
        return [row for row in found if isinstance(row, dict)]


def read_answer(response: httpx.Response, wait: timedelta | None) -> Answer:
    try:
        whole = orjson.loads(response.content)
    except ValueError:
        whole = None
    fields = whole.get("Response") if isinstance(whole, dict) else None
    return Answer(response.status_code, fields if isinstance(fields, dict) else {}, wait)


def judge_whole(answer: Answer, now: datetime) -> SendResult | None:
    """What an answer to SendSms means for every number of it; None where each has a status of its own. `id` is 0."""
    if answer.error is not None:
        code = text_of(answer.error, "Code")
        return _refusal(code, text_of(answer.error, "Message"), now, answer.wait)
    if answer.status == 200 and answer.rows("SendStatusSet") is not None:
        return None
    detail = f"HTTP {answer.status} without a Response"
    if answer.status == _TOO_MANY:  # by its meaning nothing was done
        return SendResult(0, Reaction.SLOW, code="http 429", detail=detail, retry_after=answer.wait)
    return SendResult(0, Reaction.UNKNOWN, code=f"http {answer.status}", detail=detail)


def judge_each(answer: Answer, numbers: Sequence[str], now: datetime) -> list[SendResult]:
    """One result a number, in their order; a number without a status is UNKNOWN. `id` is 0."""
    rows = {parse_mobile(text_of(row, "PhoneNumber")): row for row in answer.rows("SendStatusSet") or []}
    return [_judge_row(rows.get(number), now) for number in numbers]


def _judge_row(row: Mapping[str, object] | None, now: datetime) -> SendResult:
    if row is None:
        return SendResult(0, Reaction.UNKNOWN, code="no status", detail="the answer leaves this number out")
    code = text_of(row, "Code")
    if code != _OK:
        return _refusal(code, text_of(row, "Message"), now, None)
    return SendResult(0, provider_id=text_of(row, "SerialNo")[:64], code=code)


def _refusal(code: str, message: str, now: datetime, wait: timedelta | None) -> SendResult:
    detail = _NUMBERS.sub("…", message)[:120]
    if not code:
        return SendResult(0, Reaction.UNKNOWN, code="no code", detail=detail)
    meaning = read_submission(code, now)
    return SendResult(0, meaning.reaction, code=code[:64], detail=detail, retry_after=meaning.retry_after or wait)


# ---- its records --------------------------------------------------------------------------------------------------


def judge_record(row: Mapping[str, object]) -> SendResult:
    """A record is there once a carrier has spoken: SUCCESS or FAIL. `id` is still 0."""
    code, serial = _carrier_code(text_of(row, "Description")), text_of(row, "SerialNo")[:64]
    match text_of(row, "ReportStatus"):
        case "SUCCESS":
            return SendResult(0, provider_id=serial, code=code or "SUCCESS")
        case "FAIL":
            return SendResult(0, read_receipt(code), provider_id=serial, code=code, detail="its records say: failed")
        case status:
            return SendResult(0, Reaction.UNKNOWN, code=code, detail=f"ReportStatus {status[:20]!r}")


def _carrier_code(text: str) -> str:
    """A record has the carrier's code where the callback has it apart; words after it are for people."""
    return text.partition(" ")[0][:64]


# ---- its callbacks ------------------------------------------------------------------------------------------------


def read_body(body: bytes) -> object:
    """Raises WebhookRejected."""
    try:
        # The standard library's reader takes half an emoji (a lone surrogate); a stricter one loses the whole push.
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise WebhookRejected("a push that is not JSON") from None


def read_status(item: object, now: datetime) -> Receipt:
    """`key` is what stands in `ext`, our SessionContext, where the account has it. Raises ValueError."""
    fields = _fields(item)
    number, serial, code = _number(fields), text_of(fields, "sid"), text_of(fields, "errmsg")
    status = text_of(fields, "report_status")
    if status not in ("SUCCESS", "FAIL"):
        raise ValueError("report_status is neither SUCCESS nor FAIL")
    if not serial:
        raise ValueError("no sid")
    delivered = status == "SUCCESS"
    return Receipt(
        event_id=_event_id(f"{serial}:{number}:{'delivered' if delivered else 'failed'}"),
        channel=ChannelName.SMS,
        at=_moment(fields, now),
        delivered=delivered,
        key=text_of(fields, "ext"),
        provider_id=serial[:64],
        address=number,
        reaction=None if delivered else read_receipt(code),
        code=code[:64],
    )


def read_reply(item: object, now: datetime) -> Reply:
    """It has no number of its own: sender, time and words name it. Raises ValueError."""
    fields = _fields(item)
    number, words, sent = _number(fields), fields.get("text"), fields.get("time")
    if not isinstance(words, str):
        raise ValueError("no text")
    named = json.dumps([number, text_of(fields, "time"), words])
    return Reply(
        event_id=hashlib.sha256(named.encode()).hexdigest(),
        channel=ChannelName.SMS,
        at=_second(sent, now),
        address=number,
        text=_clean(words),
    )


def text_of(fields: Mapping[str, object], name: str) -> str:
    """Text, or a number as text; empty for all else."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _clean(str(value)).strip()


def _fields(item: object) -> Mapping[str, object]:
    if not isinstance(item, dict):
        raise ValueError("not an object")
    return item


def _number(fields: Mapping[str, object]) -> str:
    """Eleven digits; what is no mobile of the mainland stays as it came, for staff to see."""
    given, nation = text_of(fields, "mobile"), text_of(fields, "nationcode")
    if not given:
        raise ValueError("no mobile")
    if nation not in ("", "86"):
        return f"+{nation}{given}"[:64]
    return parse_mobile(given) or given[:64]


def _moment(fields: Mapping[str, object], now: datetime) -> datetime:
    """In UTC; theirs are Shanghai's without saying so. A missing or odd one is no reason to lose the item."""
    try:
        return parse_moment(text_of(fields, "user_receive_time"))
    except ValueError:
        return now.astimezone(UTC)


def _second(value: object, now: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(int(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        return now.astimezone(UTC)


def _event_id(text: str) -> str:
    return text if len(text) <= 128 else hashlib.sha256(text.encode()).hexdigest()


def _clean(text: str) -> str:
    """Without what no database takes: NUL and half a character."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")

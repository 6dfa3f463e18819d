"""A strict stand-in for Aliyun SMS: checks what the real one checks, keeps the phones, pushes receipts and replies."""

import asyncio
import hashlib
import heapq
import re
import time
import unicodedata
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.aliyun_account import (
    MESSAGES,
    Account,
    Frequency,
    Refused,
    Sms,
    SmsTemplate,
    mobile_of,
    price,
    segments,
)
from bot.sandbox.aliyun_push import (
    DELIVERED,
    EMPTY_NUMBER,
    LARGEST_BATCH,
    PASSING,
    Delivery,
    Door,
    Fate,
    Item,
    local,
    other_type,
    reply_item,
    report_item,
)
from bot.sandbox.aliyun_signature import Call, Gateway, GatewayError, Received, no_such_api, wants_xml
from bot.sandbox.listening import Cut, Listener, bad_gateway, formatted
from bot.sandbox.stage import Accepted, Stage
from campaigns.errors import InputError
from campaigns.terms import SHANGHAI, ChannelName

VERSION = "2017-05-25"
# What each action must be given, and what it may.
ACTIONS = {
    "SendSms": (
        ("PhoneNumbers", "SignName", "TemplateCode"),
        ("TemplateParam", "SmsUpExtendCode", "OutId"),
    ),
    "SendBatchSms": (
        ("PhoneNumberJson", "SignNameJson", "TemplateCode"),
        ("TemplateParamJson", "SmsUpExtendCodeJson", "OutId"),
    ),
    "QuerySendDetails": (("PhoneNumber", "SendDate", "PageSize", "CurrentPage"), ("BizId",)),
}
IGNORED = ("RegionId", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")  # taken by every action
# `receipt_first` pushes the receipt before the answer leaves. `forget` is the worst: OK, and nothing is kept.
FAULTS = (
    "delay",
    "throttled",
    "unavailable",
    "bad_gateway",
    "system_error",
    "reset_before",
    "reset_after",
    "truncate",
    "receipt_first",
    "forget",
)
MOST_PER_PAGE = 50
REFUSALS = {"R", "T", "TD", "退订"}
NOISE = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Quirks:
    """How carriers and pushes behave; every share is 0 to 1."""

    soonest: timedelta = timedelta(seconds=2)
    latest: timedelta = timedelta(seconds=60)
    empty_share: float = 0.01  # of numbers: nobody has them
    failure_share: float = 0.02  # of messages: switched off, no coverage …
    missing_share: float = 0.0  # of messages: no receipt ever
    duplicate_share: float = 0.05  # of messages: the receipt comes two or three times
    reply_duplicate_share: float = 0.05  # of replies: pushed twice, the id once a number and once a string


class AliyunSmsSandbox:
    """One account at the provider. `templates`: a code to its approved text, or to an SmsTemplate.

    Any well-formed mainland number is accepted. `is_empty` says which numbers nobody has (default: a seeded
    share; those in `stage.unknown` always). `balance` is in segments. `qps` is counted in real time, as a
    client's pace is. Raises InputError for a template that no reviewer would pass.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        access_key_id: str,
        access_key_secret: str,
        signs: Iterable[str],
        templates: Mapping[str, str | SmsTemplate],
        push_reports_to: str | None = None,
        push_replies_to: str | None = None,
        balance: int = 1_000_000,
        rights: Collection[str] = tuple(ACTIONS),
        frequencies: Iterable[Frequency] = (Frequency(50, timedelta(hours=24), "天级"),),
        qps: int | None = None,
        quirks: Quirks | None = None,
        is_empty: Callable[[str], bool] | None = None,
        seconds: Callable[[], float] = time.monotonic,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.stage = stage
        self.access_key_id, self.access_key_secret = access_key_id, access_key_secret
        self.account = Account(signs, templates, balance, frequencies)
        self.rights, self.qps, self.quirks = set(rights), qps, quirks or Quirks()
        self.delay_seconds = 1.0  # real time, of the fault "delay"
        self.faults = stage.fault_plan("aliyun sms", FAULTS)
        self.reports = Door("sms receipts", push_reports_to, stage.timetable.later)
        self.replies = Door("sms reply", push_replies_to, stage.timetable.later)
        self.app = Starlette(
            routes=[Route("/{path:path}", self._serve, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
        )
        self._listener = Listener(self.app, host, port)
        self._gateway = Gateway({access_key_id: access_key_secret}, stage.now)
        self._is_empty = is_empty or self._is_seldom_empty
        self._seconds, self._recent = seconds, deque[float]()
        self._dice = stage.dice("aliyun sms")
        # The ledger's length as well: after a restart no id comes a second time.
        self._epoch, self._submits = len(stage.ledger), 0
        self._planned = 0
        self._due: list[tuple[datetime, int, Accepted]] = []
        self._said: dict[int, Delivery] = {}

    async def start(self) -> int:
        """Serve; returns the port. Raises OSError where the one asked for is taken."""
        return await self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()
        await self.reports.close()
        await self.replies.close()

    @property
    def endpoint(self) -> str:
        return f"{self._listener.host}:{self._listener.port}"

    def connect(self, push_reports_to: str | None, push_replies_to: str | None) -> None:
        """From now on receipts and replies go to these doors."""
        self.reports.url, self.replies.url = push_reports_to, push_replies_to

    def entrance(self) -> dict[str, Any]:
        """Where it is and what it accepts, for a client that knows nothing of it."""
        sign = next(sign for sign, approved in self.account.signs.items() if approved)
        code, template = next((code, found) for code, found in self.account.templates.items() if found.approved)
        return {
            "endpoint": self.endpoint,
            "access_key_id": self.access_key_id,
            "access_key_secret": self.access_key_secret,
            "sign_name": sign,
            "template_code": code,
            "template_params": dict.fromkeys(template.variables, "3"),
        }

    def set_sign(self, sign: str, approved: bool = True) -> None:
        self.account.signs[sign] = approved

    def set_template(self, code: str, text: str, approved: bool = True) -> None:
        """Hand a template in, or in again. Raises InputError for one that no reviewer would pass."""
        self.account.hand_in(code, SmsTemplate(text, approved))

    def top_up(self, segments: int) -> None:
        self.account.balance += segments

    def refuse_all_with(self, code: str) -> None:
        """From now on every send gets this business refusal; "" ends it."""
        if code and code not in MESSAGES:
            raise InputError(f"{code} is no code of this provider; there are {', '.join(MESSAGES)}")
        self.account.refuses_with = code

    def fate_of(self, row: Accepted) -> Fate:
        """What becomes of an accepted message; the same in every run."""
        dice = self.stage.dice(f"sms receipt {row.provider_id} {row.to}")
        at = row.at + self.quirks.soonest + (self.quirks.latest - self.quirks.soonest) * dice.random()
        roll, passing = dice.random(), dice.choice(PASSING)
        if row.to in self.stage.unknown or self._is_empty(row.to):
            return Fate(EMPTY_NUMBER, at)
        if row.to in self.stage.full or roll < self.quirks.failure_share:
            return Fate(passing, at)
        return Fate(DELIVERED, at)

    async def say(self, phone: str, text: str, *, answering: Accepted | None = None, reply_id: str = "") -> bool:
        """The customer of this phone writes back. True once our door has taken it.

        `answering` defaults to the last SMS on that phone. The same `reply_id` again is the same reply: it is
        pushed anew only where the provider has given up. A word of refusal closes the signature for this
        number, whatever becomes of the push.
        """
        answering = answering or self._last_on(phone)
        self._hear(phone, text, answering)
        sequence_id = _sequence_id(reply_id or f"{phone} {len(self._said)}")
        known = self._said.get(sequence_id)
        if known is not None and not known.lost:
            return known.taken
        item = self._reply_item(phone, text, answering, sequence_id)
        delivery = self._said[sequence_id] = Delivery([item])
        await self.replies.deliver(delivery)
        if delivery.taken and self._dice.random() < self.quirks.reply_duplicate_share:
            self._repeat(self.replies, [item | {"sequence_id": other_type(item["sequence_id"])}])
        return delivery.taken

    async def _serve(self, request: Request) -> Response:
        received = await _read(request)
        xml = wants_xml(received)
        try:
            call = self._gateway.open(received)
            _check_parameters(call)
            self._check_pace()
            return await self._carry_out(call, self.faults.draw(), xml)
        except GatewayError as error:
            return formatted(self._error_body(error, received), "Error", error.status, xml=xml)

    async def _carry_out(self, call: Call, fault: str, xml: bool) -> Response:
        if fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if fault == "throttled":
            raise _throttled()
        if fault == "unavailable":
            raise GatewayError(
                "ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503
            )
        if fault == "bad_gateway":
            return bad_gateway()
        if fault == "reset_before":
            return Cut()
        body = await self._act(call, fault)
        response = formatted(body | {"RequestId": self._request_id()}, f"{call.action}Response", 200, xml=xml)
        if fault == "reset_after":
            return Cut()
        return Cut(response) if fault == "truncate" else response

    async def _act(self, call: Call, fault: str) -> dict[str, Any]:
        """The body of the answer. A refusal leaves nothing done."""
        try:
            if call.action not in self.rights:
                raise Refused("isp.RAM_PERMISSION_DENY")
            if call.action == "QuerySendDetails":
                return self._query(call.parameters)
            messages = self.account.read(call.action, call.parameters)
            self.account.check(messages, self.stage.now(), self._sent_at)
            if fault == "system_error":
                raise Refused("isp.SYSTEM_ERROR")
        except Refused as refusal:
            return {"Code": refusal.code, "Message": refusal.message}
        biz_id = self._biz_id()
        if fault != "forget":
            await self._keep(messages, call.parameters.get("OutId", ""), biz_id, fault == "receipt_first")
        return {"Code": "OK", "Message": "OK", "BizId": biz_id}

    async def _keep(self, messages: Sequence[Sms], out_id: str, biz_id: str, receipt_first: bool) -> None:
        self.account.balance -= price(messages)
        rows = [
            self.stage.accept(ChannelName.SMS, sms.phone, key=out_id, words=sms.as_words(), provider_id=biz_id)
            for sms in messages
        ]
        if receipt_first:
            await self._push_reports(rows)
            return
        for row in rows:
            self._plan_report(row)

    def _sent_at(self, sms: Sms) -> list[datetime]:
        # The ledger is the memory: it outlives a restart.
        return [
            row.at
            for row in self.stage.ledger.sent_to(ChannelName.SMS, sms.phone)
            if (row.words["sign"], row.words["template_code"]) == (sms.sign, sms.template_code)
        ]

    def _query(self, given: Mapping[str, str]) -> dict[str, Any]:
        phone, day = mobile_of(given["PhoneNumber"]), given["SendDate"]
        size, page = _whole(given["PageSize"]), _whole(given["CurrentPage"])
        if not re.fullmatch(r"\d{8}", day, re.ASCII) or not 1 <= size <= MOST_PER_PAGE or page < 1:
            raise Refused("isv.INVALID_PARAMETERS")
        found = [
            row
            for row in reversed(self.stage.ledger.sent_to(ChannelName.SMS, phone))
            if f"{row.at.astimezone(SHANGHAI):%Y%m%d}" == day and given.get("BizId") in (None, "", row.provider_id)
        ]
        shown = [self._detail(row) for row in found[(page - 1) * size : page * size]]
        details = {"TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": shown}}
        return {"Code": "OK", "Message": "OK"} | details

    def _detail(self, row: Accepted) -> dict[str, Any]:
        fate = self.fate_of(row)
        detail = {
            "PhoneNum": row.to,
            "TemplateCode": row.words["template_code"],
            "Content": row.words["text"],
            "SendDate": local(row.at),
            "OutId": row.key,
            "SendStatus": 1,
        }
        if self.stage.now() < fate.at:
            return detail
        status = 3 if fate.delivered else 2
        return detail | {"SendStatus": status, "ErrCode": fate.code, "ReceiveDate": local(fate.at)}

    def _plan_report(self, row: Accepted) -> None:
        dice = self.stage.dice(f"sms receipt missing {row.provider_id} {row.to}")
        if dice.random() < self.quirks.missing_share:
            return
        at = self.fate_of(row).at
        self._planned += 1
        heapq.heappush(self._due, (at, self._planned, row))
        self.stage.timetable.at(at, partial(self._report_due, at), "sms receipts")

    async def _report_due(self, moment: datetime) -> None:
        """Whatever is due by now: one receipt where time creeps, many where the clock has jumped."""
        until = max(moment, self.stage.now())
        rows = []
        while self._due and self._due[0][0] <= until:
            rows.append(heapq.heappop(self._due)[2])
        self._dice.shuffle(rows)  # no order is promised
        for start in range(0, len(rows), LARGEST_BATCH):
            await self._push_reports(rows[start : start + LARGEST_BATCH])

    async def _push_reports(self, rows: Sequence[Accepted]) -> None:
        items = [self._report_item(row) for row in rows]
        await self.reports.deliver(Delivery(items))
        again = [item for item in items if self._dice.random() < self.quirks.duplicate_share]
        for _ in range(self._dice.randint(1, 2) if again else 0):
            self._repeat(self.reports, again)

    def _repeat(self, door: Door, items: list[Item]) -> None:
        delay = timedelta(seconds=self._dice.randint(5, 300))
        self.stage.timetable.later(delay, partial(door.deliver, Delivery(items)), "sms push repeated")

    def _report_item(self, row: Accepted) -> Item:
        size, newer = segments(row.words["text"]), self._dice.random() < 0.5
        return report_item(row.to, row.at, self.fate_of(row), row.words, (row.provider_id, row.key), size, newer)

    def _last_on(self, phone: str) -> Accepted | None:
        sent = self.stage.ledger.sent_to(ChannelName.SMS, phone)
        return sent[-1] if sent else None

    def _hear(self, phone: str, text: str, answering: Accepted | None) -> None:
        if NOISE.sub("", unicodedata.normalize("NFKC", text)).upper() in REFUSALS:
            # Out of the blue it can be meant for any of them.
            signs = [answering.words["sign"]] if answering else self.account.signs
            self.account.blocked.update((sign, phone) for sign in signs)

    def _reply_item(self, phone: str, text: str, answering: Accepted | None, sequence_id: int) -> Item:
        dice, words = self._dice, answering.words if answering else {}
        shown = sequence_id if dice.random() < 0.5 else str(sequence_id)
        return reply_item(phone, text, self.stage.now(), words, shown, dice.random() < 0.5)

    def _is_seldom_empty(self, phone: str) -> bool:
        return self.stage.dice(f"empty number {phone}").random() < self.quirks.empty_share

    def _check_pace(self) -> None:
        if self.qps is None:
            return
        now = self._seconds()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        if len(self._recent) >= self.qps:
            raise _throttled()
        self._recent.append(now)

    def _biz_id(self) -> str:
        self._submits += 1
        return f"{_number(f'{self.stage.seed} {self._epoch} {self._submits}'):018d}^0"

    def _request_id(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4)).upper()

    def _error_body(self, error: GatewayError, received: Received) -> dict[str, Any]:
        return {
            "Code": error.code,
            "Message": error.message,
            "RequestId": self._request_id(),
            "HostId": received.headers.get("host", ""),
            "Recommend": f"https://api.aliyun.com/troubleshoot?q={error.code}&product=Dysmsapi",
        }


async def _read(request: Request) -> Received:
    return Received(
        request.method,
        request.scope["path"],
        request.scope["query_string"].decode("latin-1"),
        dict(request.headers),
        await request.body(),
    )


def _check_parameters(call: Call) -> None:
    if call.action not in ACTIONS:
        raise no_such_api()
    if call.version != VERSION:
        raise GatewayError("InvalidVersion", "Specified parameter Version is not valid.")
    must, may = ACTIONS[call.action]
    for name in must:
        if not call.parameters.get(name):
            raise GatewayError(f"Missing{name}", f"{name} is mandatory for this action.")
    for name in call.parameters:
        if name not in (*must, *may, *IGNORED):
            raise GatewayError("InvalidParameter", f"Parameter {name} is not known to {call.action}.")


def _throttled() -> GatewayError:
    return GatewayError("Throttling.User", "Request was denied due to user flow control.")


def _whole(value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise Refused("isv.INVALID_PARAMETERS")
    return int(value)


def _sequence_id(about: str) -> int:
    return _number(f"reply {about}") % 10**15


def _number(about: str) -> int:
    """Eighteen digits at most, the same for the same words."""
    return int(hashlib.sha256(about.encode()).hexdigest(), 16) % 10**18

"""A strict stand-in for Aliyun SMS: checks what the real one checks, keeps the phones, pushes receipts and replies."""

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.aliyun_account import MESSAGES, Account, Frequency, Refused, Sms, SmsTemplate, mobile_of, price
from bot.sandbox.aliyun_calls import ACTIONS, check_parameters, throttled
from bot.sandbox.aliyun_carrier import Carrier
from bot.sandbox.aliyun_signature import Call, Gateway, GatewayError, wants_xml
from bot.sandbox.listening import Cut, Listener, Pace, Received, answered, bad_gateway, formatted, receive
from bot.sandbox.pushing import local
from bot.sandbox.sms_carrier import Fate, Quirks, number_of, segments
from bot.sandbox.stage import Accepted, Stage
from campaigns.errors import InputError
from campaigns.terms import SHANGHAI, ChannelName

# `receipt_first` pushes the receipt before the answer leaves. `forget` is the worst: OK, and the last is not kept.
FAULTS = (
    "delay",
    "throttled",
    "unavailable",
    "bad_gateway",
    "system_error",
    "reset_before",
    "reset_after",
    "truncate",
    "slow_body",
    "twice",
    "receipt_first",
    "forget",
)
MOST_PER_PAGE = 50


class AliyunSmsSandbox:
    """One account at the provider. `templates`: a code to its approved text, or to an SmsTemplate.

    Any well-formed mainland number is accepted; `is_empty` is the Carrier's. `balance` is in segments. `qps` is
    counted in real time, as a client's pace is. Raises InputError for a template that no reviewer would pass.
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
        self.carrier = Carrier(stage, self.account, quirks or Quirks(), is_empty)
        self.carrier.connect(push_reports_to, push_replies_to)
        self.rights = set(rights)
        self.delay_seconds = 1.0  # real time, of the faults "delay" and "slow_body"
        self.faults = stage.fault_plan("aliyun sms", FAULTS)
        self.app = Starlette(
            routes=[Route("/{path:path}", self._serve, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
        )
        self._listener = Listener(self.app, host, port)
        self._gateway = Gateway({access_key_id: access_key_secret}, stage.now)
        self._pace = Pace(qps, seconds)
        self._dice = stage.dice("aliyun sms")
        # The ledger's length as well: after a restart no id comes a second time.
        self._epoch, self._submits = len(stage.ledger), 0

    async def start(self) -> int:
        """Serve; returns the port. Raises OSError where the one asked for is taken."""
        return await self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()
        await self.carrier.close()

    @property
    def endpoint(self) -> str:
        return f"{self._listener.host}:{self._listener.port}"

    def connect(self, push_reports_to: str | None, push_replies_to: str | None) -> None:
        """From now on receipts and replies go to these doors."""
        self.carrier.connect(push_reports_to, push_replies_to)

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

    def top_up(self, by: int) -> None:
        self.account.balance += by

    def refuse_all_with(self, code: str) -> None:
        """From now on every send gets this business refusal; "" ends it."""
        if code and code not in MESSAGES:
            raise InputError(f"{code} is no code of this provider; there are {', '.join(MESSAGES)}")
        self.account.refuses_with = code

    def sent(self, row: Accepted) -> bool:
        """Whether this message went out here."""
        return self.carrier.sent(row)

    def fate_of(self, row: Accepted) -> Fate:
        """See SmsCarrier.fate_of."""
        return self.carrier.fate_of(row)

    async def say(self, phone: str, text: str, *, answering: Accepted | None = None, reply_id: str = "") -> bool:
        """The customer of this phone writes back; see SmsCarrier.say."""
        return await self.carrier.say(phone, text, answering=answering, reply_id=reply_id)

    async def _serve(self, request: Request) -> Response:
        received = await receive(request)
        xml = wants_xml(received)
        try:
            call = self._gateway.open(received)
            check_parameters(call)
            if not self._pace.allows():
                raise throttled()
            return await self._carry_out(call, self.faults.draw(), xml)
        except GatewayError as error:
            return formatted(self._error_body(error, received), "Error", error.status, xml=xml)

    async def _carry_out(self, call: Call, fault: str, xml: bool) -> Response:
        if fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if fault == "throttled":
            raise throttled()
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
        return answered(response, fault, self.delay_seconds)

    async def _act(self, call: Call, fault: str) -> dict[str, Any]:
        """The body of the answer. A refusal leaves nothing done."""
        try:
            if call.action not in self.rights:
                raise Refused("isp.RAM_PERMISSION_DENY")
            if call.action == "QuerySendDetails":
                return self._query(call.parameters)
            messages = self.account.read(call.action, call.parameters)
            self.account.check(messages, self.stage.now(), self._sent_at)
            self.account.check_limits(messages, self._spent)
            if fault == "system_error":
                raise Refused("isp.SYSTEM_ERROR")
        except Refused as refusal:
            self.stage.refuse(ChannelName.SMS, refusal.code)
            return {"Code": refusal.code, "Message": refusal.message}
        biz_id = self._biz_id()
        kept = messages[:-1] if fault == "forget" else messages
        await self._keep(kept, call.parameters.get("OutId", ""), biz_id, fault == "receipt_first")
        return {"Code": "OK", "Message": "OK", "BizId": biz_id}

    async def _keep(self, messages: Sequence[Sms], out_id: str, biz_id: str, receipt_first: bool) -> None:
        self.account.balance -= price(messages)
        rows = [
            self.stage.accept(ChannelName.SMS, sms.phone, key=out_id, words=sms.as_words(), provider_id=biz_id)
            for sms in messages
        ]
        for row in rows:
            if not self.carrier.fate_of(row).delivered:
                self.stage.lose(row)
        if receipt_first:
            await self.carrier.push_reports(rows)
            return
        for row in rows:
            self.carrier.plan_report(row)

    def _sent_at(self, sms: Sms) -> list[datetime]:
        # The ledger is the memory: it outlives a restart.
        return [
            row.at
            for row in self.stage.ledger.sent_to(ChannelName.SMS, sms.phone)
            if self.carrier.sent(row)
            and (row.words["sign"], row.words["template_code"]) == (sms.sign, sms.template_code)
        ]

    def _spent(self, period: str) -> int:
        now = f"{self.stage.now().astimezone(SHANGHAI):{period}}"
        rows = [row for row in self.stage.ledger.rows(ChannelName.SMS) if self.carrier.sent(row)]
        return sum(segments(row.words["text"]) for row in rows if f"{row.at.astimezone(SHANGHAI):{period}}" == now)

    def _query(self, given: Mapping[str, str]) -> dict[str, Any]:
        phone, day = mobile_of(given["PhoneNumber"]), given["SendDate"]
        size, page = _whole(given["PageSize"]), _whole(given["CurrentPage"])
        if not re.fullmatch(r"\d{8}", day, re.ASCII) or not 1 <= size <= MOST_PER_PAGE or page < 1:
            raise Refused("isv.INVALID_PARAMETERS")
        found = [
            row
            for row in reversed(self.stage.ledger.sent_to(ChannelName.SMS, phone))
            if self.carrier.sent(row)
            and f"{row.at.astimezone(SHANGHAI):%Y%m%d}" == day
            and given.get("BizId") in (None, "", row.provider_id)
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

    def _biz_id(self) -> str:
        self._submits += 1
        return f"{number_of(f'{self.stage.seed} {self._epoch} {self._submits}'):018d}^0"

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


def _whole(value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise Refused("isv.INVALID_PARAMETERS")
    return int(value)

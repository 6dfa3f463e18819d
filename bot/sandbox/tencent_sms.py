"""A strict stand-in for Tencent Cloud SMS: checks what the real one checks, number by number; receipts and replies."""

import asyncio
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.sandbox.listening import Cut, Listener, Pace, Received, answered, as_json, bad_gateway, receive
from bot.sandbox.sms_carrier import Fate, Quirks, number_of, segments
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.tencent_account import FREQUENCIES, MESSAGES, Account, Frequency, Sms, SmsTemplate, refusal
from bot.sandbox.tencent_calls import ACTIONS, QPS, Call, check_protocol, read_call, throttled
from bot.sandbox.tencent_carrier import Carrier
from bot.sandbox.tencent_enquiries import Enquiries
from bot.sandbox.tencent_signature import Gateway, Refused
from campaigns.errors import InputError
from campaigns.terms import SHANGHAI, ChannelName

# `internal_error_after` is an error though all was sent; `receipt_first` pushes receipts before the answer leaves.
# `forget` is the worst: Ok, and the last is not kept.
FAULTS = (
    "delay",
    "throttled",
    "unavailable",
    "bad_gateway",
    "internal_error",
    "internal_error_after",
    "reset_before",
    "reset_after",
    "truncate",
    "slow_body",
    "twice",
    "receipt_first",
    "forget",
)


class TencentSmsSandbox:
    """One application at the provider. `templates`: an id to its approved text ({1}, {2} …), or to an SmsTemplate.

    `balance` and `daily_limit` are in segments. `qps` by action replaces the documented pace, counted in real time as
    a client's is. `pull_enabled` False: nothing can be pulled but by number. With `refuses_each` what is wrong with a
    signature or template stands in each number's line and not in Response.Error: the real one has been seen to do
    either. Raises InputError for a template that no reviewer would pass.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        secret_id: str,
        secret_key: str,
        sdk_app_id: str,
        signs: Iterable[str],
        templates: Mapping[str, str | SmsTemplate],
        push_reports_to: str | None = None,
        push_replies_to: str | None = None,
        balance: int = 1_000_000,
        longest_value: int = 6,
        frequencies: Iterable[Frequency] = FREQUENCIES,
        daily_limit: int | None = None,
        rights: Collection[str] = tuple(ACTIONS),
        pull_enabled: bool = True,
        refuses_each: bool = False,
        qps: Mapping[str, int] | None = None,
        quirks: Quirks | None = None,
        is_empty: Callable[[str], bool] | None = None,
        seconds: Callable[[], float] = time.monotonic,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.stage = stage
        self.secret_id, self.secret_key = secret_id, secret_key
        self.account = Account(
            sdk_app_id,
            signs,
            templates,
            balance=balance,
            longest_value=longest_value,
            frequencies=frequencies,
            daily_limit=daily_limit,
        )
        self.carrier = Carrier(stage, self.account, quirks or Quirks(), is_empty)
        self.carrier.connect(push_reports_to, push_replies_to)
        self.carrier.pull_enabled = pull_enabled
        self.rights, self.refuses_each = set(rights), refuses_each
        self.delay_seconds = 1.0  # real time, of the faults "delay" and "slow_body"
        self.faults = stage.fault_plan("tencent sms", FAULTS)
        self.app = Starlette(
            routes=[Route("/{path:path}", self._serve, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
        )
        self._listener = Listener(self.app, host, port)
        self._gateway = Gateway({secret_id: secret_key}, stage.now)
        self._paces = {action: Pace((qps or QPS).get(action), seconds) for action in ACTIONS}
        self._dice = stage.dice("tencent sms")
        self._enquiries = Enquiries(stage, self.account, self.carrier)
        # The ledger's length as well: after a restart no serial number comes a second time.
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
        """Where it is and what it accepts at any hour, for a client that knows nothing of it."""
        usable = {id_: found for id_, found in self.account.templates.items() if found.approved}
        template_id = min(usable, key=lambda id_: usable[id_].is_marketing)  # a notice if there is one
        return {
            "endpoint": self.endpoint,
            "secret_id": self.secret_id,
            "secret_key": self.secret_key,
            "sdk_app_id": self.account.sdk_app_id,
            "sign_name": next(sign for sign, approved in self.account.signs.items() if approved),
            "template_id": template_id,
            "template_params": ["3"] * usable[template_id].variables,
        }

    def set_sign(self, sign: str, approved: bool = True) -> None:
        self.account.signs[sign] = approved

    def set_template(self, template_id: str, text: str, approved: bool = True) -> None:
        """Hand a template in, or in again. Raises InputError for one that no reviewer would pass."""
        self.account.hand_in(template_id, SmsTemplate(text, approved))

    def top_up(self, by: int) -> None:
        self.account.balance += by

    def refuse_all_with(self, code: str) -> None:
        """From now on every send gets this refusal; "" ends it."""
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
        try:
            call = self._open(await receive(request))
            return await self._carry_out(call, self.faults.draw())
        except Refused as error:
            self.stage.refuse(ChannelName.SMS, error.code)
            return self._answer({"Error": {"Code": error.code, "Message": error.message}})

    def _open(self, received: Received) -> Call:
        check_protocol(received)
        self._gateway.check(received)
        call = read_call(received)
        if call.action not in self.rights:
            raise Refused("AuthFailure.UnauthorizedOperation", f"You are not authorized to perform {call.action}.")
        if not self._paces[call.action].allows():
            raise throttled()
        return call

    async def _carry_out(self, call: Call, fault: str) -> Response:
        if fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if fault == "throttled":
            raise throttled()
        if fault == "internal_error":
            raise refusal("InternalError.OtherError")
        if fault == "unavailable":
            return PlainTextResponse("Service Unavailable", 503)
        if fault == "bad_gateway":
            return bad_gateway()
        if fault == "reset_before":
            return Cut()
        response = self._answer(await self._act(call, fault))
        if fault == "internal_error_after":
            raise refusal("InternalError.Timeout")
        return answered(response, fault, self.delay_seconds)

    def _answer(self, body: Mapping[str, Any]) -> Response:
        return as_json({"Response": {**body, "RequestId": str(uuid.UUID(int=self._dice.getrandbits(128), version=4))}})

    async def _act(self, call: Call, fault: str) -> dict[str, Any]:
        """What stands in Response. Raises Refused."""
        if call.action != "SendSms":
            return self._enquiries.answer(call)
        return {"SendStatusSet": await self._send(call.given, fault)}

    async def _send(self, given: Mapping[str, Any], fault: str) -> list[dict[str, Any]]:
        numbers, context = given["PhoneNumberSet"], given.get("SessionContext", "")
        self._enquiries.asked.append((self.stage.now(), len(numbers)))
        try:
            sms = self.account.read(given, self.stage.now())
        except Refused as error:
            if self.refuses_each and error.code.startswith("FailedOperation."):
                self.stage.refuse(ChannelName.SMS, error.code)
                return [_refused_line(number, context, error) for number in numbers]
            raise
        rows: list[Accepted] = []
        lines = [
            self._send_to(number, sms, context, rows, forgotten=fault == "forget" and place == len(numbers) - 1)
            for place, number in enumerate(numbers)
        ]
        await self._plan_receipts(rows, at_once=fault == "receipt_first")
        return lines

    def _send_to(self, number: str, sms: Sms, context: str, rows: list[Accepted], *, forgotten: bool) -> dict[str, Any]:
        """The line of one number, and its row of the ledger added to `rows`."""
        fee = segments(sms.text)
        try:
            phone = self.account.check_number(number, sms, self.stage.now(), self._sent_to)
            self.account.check_money(fee, self._spent_today())
        except Refused as error:
            self.stage.refuse(ChannelName.SMS, error.code)
            return _refused_line(number, context, error)
        serial = self._serial_number()
        self.account.balance -= fee
        if not forgotten:
            words = sms.as_words()
            rows.append(self.stage.accept(ChannelName.SMS, phone, key=context, words=words, provider_id=serial))
        return _line(number, context, serial, fee, "Ok", "send success")

    async def _plan_receipts(self, rows: Sequence[Accepted], *, at_once: bool) -> None:
        for row in rows:
            if not self.carrier.fate_of(row).delivered:
                self.stage.lose(row)
        if at_once and rows:
            await self.carrier.push_reports(rows)
            return
        for row in rows:
            self.carrier.plan_report(row)

    def _sent_to(self, phone: str) -> Iterator[tuple[datetime, str]]:
        # The ledger is the memory: it outlives a restart.
        return ((row.at, row.words["text"]) for row in self.carrier.rows_of(phone))

    def _spent_today(self) -> int:
        if self.account.daily_limit is None:
            return 0
        today = self.stage.now().astimezone(SHANGHAI).date()
        rows = self.carrier.rows()
        return sum(segments(row.words["text"]) for row in rows if row.at.astimezone(SHANGHAI).date() == today)

    def _serial_number(self) -> str:
        self._submits += 1
        number = number_of(f"tencent {self.stage.seed} {self._epoch} {self._submits}")
        return f"{1000 + number % 9000}:{number:018d}{self._epoch + self._submits:06d}"


def _line(number: str, context: str, serial: str, fee: int, code: str, message: str) -> dict[str, Any]:
    """One number's line of SendStatusSet."""
    return {
        "SerialNo": serial,
        "PhoneNumber": number,
        "Fee": fee,
        "SessionContext": context,
        "Code": code,
        "Message": message,
        "IsoCode": "CN" if number.startswith("+86") else "DEF",
    }


def _refused_line(number: str, context: str, error: Refused) -> dict[str, Any]:
    return _line(number, context, "", 0, error.code, error.message)

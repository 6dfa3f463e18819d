"""A small strict server that speaks as Tencent Cloud SMS does, for the tests of what sends to it."""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SECRET_ID, SECRET_KEY, APP_ID, SIGN = "AKIDtest", "test-secret", "1400006666", "力众人才网"
TEMPLATES = {"449739": 2, "449740": 0}  # approved, and how many variables
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
_SENDS = {"PhoneNumberSet", "SmsSdkAppId", "TemplateId", "SignName", "TemplateParamSet", "SessionContext"}
_ASKS = {"BeginTime", "EndTime", "Offset", "Limit", "PhoneNumber", "SmsSdkAppId"}

Fault = str | tuple[int, bytes] | None
"""`before` and `after`: the connection is cut before or after the effect; `slow after`; else an answer as it stands."""


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def action(self) -> str:
        return self.headers.get("x-tc-action", "")

    @property
    def asked(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


def signature(seen: Seen, secret: str, service: str = "sms") -> str:
    """What the signature of a received request must be, by the headers it says it signed."""
    given = seen.headers["authorization"]
    day = given.split("Credential=")[1].split("/")[1]
    signed = given.split("SignedHeaders=")[1].split(",")[0]
    lines = "".join(f"{name}:{seen.headers[name].strip().lower()}\n" for name in signed.split(";"))
    canonical = f"POST\n/\n\n{lines}\n{signed}\n{hashlib.sha256(seen.body).hexdigest()}"
    text = "\n".join(
        (
            "TC3-HMAC-SHA256",
            seen.headers["x-tc-timestamp"],
            f"{day}/{service}/tc3_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = ("TC3" + secret).encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass
class StrictTencent:
    """`codes`: number → the Code it fails with. `refuse`: an error of the whole call. Every accepted SMS in `taken`."""

    now: Callable[[], datetime] = lambda: NOW
    codes: dict[str, str] = field(default_factory=dict)
    refuse: str = ""
    faults: list[Fault] = field(default_factory=list)  # for the calls to come, one after the other
    gives_context: bool = True
    sign: str = SIGN
    templates: Mapping[str, int] = field(default_factory=lambda: TEMPLATES)
    seen: list[Seen] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    endpoint: str = ""
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["StrictTencent"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().rstrip().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = first.split(" ")
                await self._serve(Seen(method, path, headers, body), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.seen.append(seen)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "before":
            writer.transport.abort()
            return
        if isinstance(fault, tuple):
            _write(writer, *fault)
            return
        answer = {"Response": {**self.answer(seen), "RequestId": "R"}}
        if fault == "after":
            writer.transport.abort()
            return
        if fault == "slow after":
            await asyncio.sleep(2)
        _write(writer, 200, json.dumps(answer).encode())

    def answer(self, seen: Seen) -> dict[str, Any]:
        if problem := self._gate(seen):
            return _error(problem)
        if self.refuse:
            return _error(self.refuse)
        asked = seen.asked
        return self._send(asked) if seen.action == "SendSms" else self._pull(asked)

    def _gate(self, seen: Seen) -> str:
        given, signed = seen.headers.get("authorization", ""), ""
        if "SignedHeaders=" in given:
            signed = given.split("SignedHeaders=")[1].split(",")[0]
        if (seen.method, seen.path) != ("POST", "/") or not {"content-type", "host"} <= set(signed.split(";")):
            return "AuthFailure.InvalidAuthorization"
        if f"Credential={SECRET_ID}/" not in given:
            return "AuthFailure.SecretIdNotFound"
        stamp = datetime.fromtimestamp(int(seen.headers["x-tc-timestamp"]), UTC)
        if abs((self.now() - stamp).total_seconds()) > 300:
            return "AuthFailure.SignatureExpire"
        if given.split("Credential=")[1].split("/")[1] != f"{stamp:%Y-%m-%d}":
            return "AuthFailure.SignatureFailure"
        if given.split("Signature=")[1] != signature(seen, SECRET_KEY):
            return "AuthFailure.SignatureFailure"
        if seen.headers.get("x-tc-version") != "2021-01-11" or not seen.headers.get("x-tc-region"):
            return "MissingParameter"
        known = {"SendSms": _SENDS, "PullSmsSendStatusByPhoneNumber": _ASKS}.get(seen.action)
        if known is None:
            return "InvalidAction"
        return "" if set(seen.asked) <= known else "UnknownParameter"

    def _send(self, asked: dict[str, Any]) -> dict[str, Any]:
        numbers, values = asked["PhoneNumberSet"], asked["TemplateParamSet"]
        if asked["SmsSdkAppId"] != APP_ID:
            return _error("UnauthorizedOperation.SmsSdkAppIdVerifyFail")
        if len(numbers) > 200:
            return _error("LimitExceeded.PhoneNumberCountLimit")
        if len(asked["SessionContext"].encode()) >= 512 or not all(isinstance(one, str) for one in values):
            return _error("InvalidParameterValue.TemplateParameterFormatError")
        return {"SendStatusSet": [self._status(number, asked, values) for number in numbers]}

    def _status(self, number: str, asked: dict[str, Any], values: list[str]) -> dict[str, Any]:
        code = self.codes.get(number, "Ok")
        if not re.fullmatch(r"\+861[3-9]\d{9}", number):
            code = "InvalidParameterValue.IncorrectPhoneNumber"
        elif asked["SignName"] != self.sign:
            code = "FailedOperation.SignatureIncorrectOrUnapproved"
        elif self.templates.get(asked["TemplateId"]) != len(values):
            code = "FailedOperation.TemplateIncorrectOrUnapproved"
        context, serial = asked["SessionContext"], ""
        if code == "Ok":
            serial = f"2433:{len(self.taken):021d}"
            self.taken.append({"number": number, "name": context, "values": values, "serial": serial})
            self.records.append(self._record(number, serial, context))
        row = {"SerialNo": serial, "PhoneNumber": number, "Fee": int(code == "Ok"), "SessionContext": context}
        return row | {"Code": code, "Message": "send success" if code == "Ok" else f"no to {number}", "IsoCode": "CN"}

    def _record(self, number: str, serial: str, context: str) -> dict[str, Any]:
        return {
            "UserReceiveTime": int(self.now().timestamp()),
            "CountryCode": "86",
            "SubscriberNumber": number.removeprefix("+86"),
            "PhoneNumber": number,
            "SerialNo": serial,
            "ReportStatus": "SUCCESS",
            "Description": "DELIVRD",
            "SessionContext": context if self.gives_context else "",
        }

    def _pull(self, asked: dict[str, Any]) -> dict[str, Any]:
        oldest = self.now().timestamp() - 7 * 86400
        if not (oldest <= asked["BeginTime"] < asked["EndTime"]) or not 1 <= asked["Limit"] <= 100:
            return _error("InvalidParameterValue.BeginTimeVerifyFail")
        found = [row for row in self.records if row["PhoneNumber"] == asked["PhoneNumber"]]
        return {"PullSmsSendStatusSet": found[asked["Offset"] : asked["Offset"] + asked["Limit"]]}


def _error(code: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": f"no: {code}"}}


def _write(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    kind = b"application/json"  # the official client reads errors in no other
    writer.write(b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body)) + body)

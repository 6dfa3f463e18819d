"""Tencent Cloud's gateway: who calls? TC3-HMAC-SHA256 recomputed from the received bytes; a date, no nonce."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.sandbox.listening import Received

ALGORITHM = "TC3-HMAC-SHA256"
SERVICE = "sms"
SKEW = timedelta(minutes=5)
SIGNED_AT_LEAST = ("content-type", "host")
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^/,\s]+)/(\d{{4}}-\d\d-\d\d)/([a-z]+)/tc3_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
    re.ASCII,
)
TIMESTAMP = re.compile(r"[1-9]\d{0,10}", re.ASCII)


class Refused(Exception):
    """Answered with HTTP 200 and Response.Error, as every refusal of this provider is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Authorization:
    secret_id: str
    date: str
    service: str
    signed: Sequence[str]
    signature: str


class Gateway:
    """Lets authentic requests through. The same request again is authentic too: this protocol knows no nonce."""

    def __init__(self, keys: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._keys, self._now = keys, now

    def check(self, received: Received) -> None:
        """Raises Refused."""
        given = read_authorization(received.headers.get("authorization", ""))
        _check_signed_headers(received, given.signed)
        if given.service != SERVICE:
            raise _malformed(f"the credential is for {given.service}, not for {SERVICE}")
        if "x-tc-token" in received.headers:
            raise Refused("AuthFailure.TokenFailure", "Token verification failure.")
        moment = self._check_date(received.headers.get("x-tc-timestamp", ""))
        if given.secret_id not in self._keys:
            raise Refused(
                "AuthFailure.SecretIdNotFound",
                "The SecretId is not found, please check it.",
            )
        # The date is that of the timestamp in UTC: by Beijing's the key is another for eight hours a day.
        right = sign(self._keys[given.secret_id], moment, canonical_request(received, given.signed))
        if given.date != f"{moment:%Y-%m-%d}" or not hmac.compare_digest(right, given.signature):
            raise Refused(
                "AuthFailure.SignatureFailure",
                "The provided credentials could not be validated. Please check your signature is correct.",
            )

    def _check_date(self, value: str) -> datetime:
        if not value:
            raise Refused("MissingParameter", "The request is missing a required parameter `Timestamp`.")
        if not TIMESTAMP.fullmatch(value):
            raise Refused("InvalidParameter", "The value of `Timestamp` is not valid.")
        moment = datetime.fromtimestamp(int(value), UTC)
        if abs(self._now() - moment) > SKEW:
            raise Refused("AuthFailure.SignatureExpire", "The provided signature is expired.")
        return moment


def read_authorization(value: str) -> Authorization:
    """Raises Refused."""
    match = AUTHORIZATION.fullmatch(value)
    if match is None:
        raise _malformed(f"it is not {ALGORITHM} Credential=…/date/{SERVICE}/tc3_request, SignedHeaders=…, Signature=…")
    return Authorization(match[1], match[2], match[3], match[4].split(";"), match[5])


def canonical_request(received: Received, signed: Iterable[str]) -> str:
    """Of whatever headers the client has signed: the official client leaves the action out, the documentation not."""
    names = list(signed)
    headers = "".join(f"{name}:{received.headers[name].strip().lower()}\n" for name in names)
    body_hash = hashlib.sha256(received.body).hexdigest()
    return "\n".join([received.method, received.path, received.query, headers, ";".join(names), body_hash])


def sign(secret: str, moment: datetime, request: str, service: str = SERVICE) -> str:
    """Hex HMAC-SHA256 over a canonical request; `moment` (UTC, whole seconds) is that of X-TC-Timestamp."""
    date = f"{moment:%Y-%m-%d}"
    request_hash = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{moment.timestamp():.0f}\n{date}/{service}/tc3_request\n{request_hash}"
    key = f"TC3{secret}".encode()
    for part in (date, service, "tc3_request"):
        key = _hmac(key, part)
    return _hmac(key, to_sign).hex()


def _check_signed_headers(received: Received, signed: Sequence[str]) -> None:
    if list(signed) != sorted(set(signed)):
        raise _malformed("SignedHeaders must be sorted, each name once")
    for name in SIGNED_AT_LEAST:
        if name not in signed:
            raise _malformed(f"header {name} is not signed")
    for name in signed:
        if not received.headers.get(name, "").strip():
            raise _malformed(f"header {name} is signed but missing or empty")


def _malformed(what: str) -> Refused:
    return Refused(
        "AuthFailure.InvalidAuthorization", f"The `Authorization` in request header is not in standard form: {what}."
    )


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

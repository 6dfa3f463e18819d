"""Aliyun's gateway: who calls? Both signature forms recomputed from the received bytes, dates, nonces, keys."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_plus

from bot.sandbox.listening import Received

ALGORITHM = "ACS3-HMAC-SHA256"
SKEW = timedelta(minutes=15)
RPC_SKEW = timedelta(minutes=31)
NONCES_KEPT_FOR = 2 * RPC_SKEW  # a nonce older than this comes with a date that is refused anyway
FORM = "application/x-www-form-urlencoded"
SIGNED_AT_LEAST = (
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
)
RPC_PUBLIC = (
    "AccessKeyId",
    "Action",
    "Version",
    "Timestamp",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
)
RPC_OPTIONAL = ("Format", "SignatureType")
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^,\s]+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{{64}})", re.ASCII
)
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """What an authentic request asks for; `parameters` are the action's own."""

    action: str
    version: str
    parameters: Mapping[str, str]


class GatewayError(Exception):
    """Answered with `status` and a body of Code, Message, RequestId, HostId, Recommend."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class Gateway:
    """Lets authentic requests through, each nonce once."""

    def __init__(self, keys: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._keys, self._now = keys, now
        self._nonces: dict[tuple[str, str], datetime] = {}

    def open(self, received: Received) -> Call:
        """Raises GatewayError for whatever the gateway of the real service refuses."""
        if received.method not in ("GET", "POST"):
            raise GatewayError("UnsupportedHTTPMethod", "This http method is not supported.")
        if received.path != "/":
            raise no_such_api()
        return self._open_v3(received) if "authorization" in received.headers else self._open_rpc(received)

    def _open_v3(self, received: Received) -> Call:
        key_id, signed, signature = read_authorization(received.headers["authorization"])
        _check_signed_headers(received, signed)
        headers = received.headers
        secret = self._secret(key_id)
        self._check_date(headers["x-acs-date"], SKEW)
        if headers["x-acs-content-sha256"] != hashlib.sha256(received.body).hexdigest():
            raise GatewayError("SignatureDoesNotMatch", "Specified x-acs-content-sha256 does not match the body.")
        request = canonical_request(received, signed)
        if not hmac.compare_digest(sign_v3(secret, request), signature):
            raise _v3_mismatch(request)
        self._spend_nonce(key_id, headers["x-acs-signature-nonce"])
        return Call(headers["x-acs-action"], headers["x-acs-version"], _once_each(parameters_of(received)))

    def _open_rpc(self, received: Received) -> Call:
        pairs = parameters_of(received)
        given = _once_each(pairs)
        for name in RPC_PUBLIC:
            if not given.get(name):
                raise GatewayError(f"Missing{name}", f"{name} is mandatory for this action.")
        if (given["SignatureMethod"], given["SignatureVersion"]) != ("HMAC-SHA1", "1.0"):
            raise incomplete("only HMAC-SHA1 of version 1.0 is known here")
        secret = self._secret(given["AccessKeyId"])
        self._check_date(given["Timestamp"], RPC_SKEW)
        to_sign = rpc_string_to_sign(received.method, pairs)
        if not hmac.compare_digest(sign_rpc(secret, to_sign), given["Signature"]):
            raise _rpc_mismatch(to_sign)
        self._spend_nonce(given["AccessKeyId"], given["SignatureNonce"])
        public = {*RPC_PUBLIC, *RPC_OPTIONAL}
        own = {name: value for name, value in given.items() if name not in public}
        return Call(given["Action"], given["Version"], own)

    def _secret(self, key_id: str) -> str:
        if key_id not in self._keys:
            raise GatewayError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        return self._keys[key_id]

    def _check_date(self, value: str, skew: timedelta) -> None:
        try:
            moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            moment = None
        if moment is None or not DATE.fullmatch(value):
            raise GatewayError("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
        if abs(self._now() - moment) > skew:
            raise GatewayError("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _spend_nonce(self, key_id: str, nonce: str) -> None:
        now = self._now()
        self._forget_old_nonces(now)
        if (key_id, nonce) in self._nonces:
            raise GatewayError("SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces[key_id, nonce] = now

    def _forget_old_nonces(self, now: datetime) -> None:
        # In the order of their coming: the old ones stand first.
        while self._nonces:
            oldest = next(iter(self._nonces))
            if now - self._nonces[oldest] <= NONCES_KEPT_FOR:
                return
            del self._nonces[oldest]


def no_such_api() -> GatewayError:
    return GatewayError("InvalidAction.NotFound", "Specified api is not found, please check your url and method.", 404)


def incomplete(what: str) -> GatewayError:
    return GatewayError("IncompleteSignature", f"The request signature does not conform to Aliyun standards: {what}.")


def wants_xml(received: Received) -> bool:
    """The older form answers XML unless asked for JSON; the newer knows JSON only."""
    if "authorization" in received.headers:
        return False
    try:
        return dict(parameters_of(received)).get("Format", "XML").upper() != "JSON"
    except GatewayError:
        return False


def read_authorization(value: str) -> tuple[str, Sequence[str], str]:
    """Key id, names of the signed headers, signature in hex."""
    match = AUTHORIZATION.fullmatch(value)
    if match is None:
        raise incomplete(f"Authorization is not {ALGORITHM} Credential=…,SignedHeaders=…,Signature=…")
    return match[1], match[2].split(";"), match[3]


def canonical_request(received: Received, signed: Iterable[str]) -> str:
    """The newer form's request: parsed and encoded again, because a client may send `+` and sign `%20`."""
    names = list(signed)
    headers = "".join(f"{name}:{received.headers[name].strip()}\n" for name in names)
    body_hash = hashlib.sha256(received.body).hexdigest()
    query = _encoded(read_pairs(received.query))
    return "\n".join([received.method, received.path, query, headers, ";".join(names), body_hash])


def sign_v3(secret: str, request: str) -> str:
    """Hex HMAC-SHA256 over a canonical request."""
    return hmac.new(secret.encode(), _v3_string_to_sign(request).encode(), hashlib.sha256).hexdigest()


def rpc_string_to_sign(method: str, pairs: Pairs) -> str:
    """All parameters but the signature itself; an empty value is signed like any other."""
    signed = [(name, value) for name, value in pairs if name != "Signature"]
    return f"{method}&%2F&{_escape(_encoded(signed))}"


def sign_rpc(secret: str, to_sign: str) -> str:
    """Base64 HMAC-SHA1; the key is the secret with an ampersand behind it."""
    return base64.b64encode(hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()).decode()


def parameters_of(received: Received) -> Pairs:
    """Those of the query, then those of a form in the body."""
    if not received.body:
        return read_pairs(received.query)
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise GatewayError("InvalidParameter", f"The body must be {FORM}.")
    return read_pairs(received.query) + read_pairs(_text(received.body))


def read_pairs(raw: str) -> Pairs:
    """`a=1&b=x+y` as it stood on the wire; an empty value is a value."""
    pieces = [piece.partition("=") for piece in raw.split("&") if piece]
    return [(_unescape(name), _unescape(value)) for name, _, value in pieces]


def _check_signed_headers(received: Received, signed: Sequence[str]) -> None:
    if list(signed) != sorted(set(signed)):
        raise incomplete("SignedHeaders must be sorted, each name once")
    must = {*SIGNED_AT_LEAST, *(name for name in received.headers if name.startswith("x-acs-"))}
    if received.body:
        must.add("content-type")
    for name in sorted(must):
        if name not in signed:
            raise incomplete(f"header {name} is not signed")
    for name in signed:
        if not received.headers.get(name, "").strip():
            raise incomplete(f"header {name} is signed but missing or empty")


def _v3_string_to_sign(request: str) -> str:
    return f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"


def _v3_mismatch(request: str) -> GatewayError:
    return GatewayError(
        "SignatureDoesNotMatch",
        "Specified signature does not match our calculation. "
        f"server StringToSign is [{_v3_string_to_sign(request)}], server CanonicalRequest is [{request}]",
    )


def _rpc_mismatch(to_sign: str) -> GatewayError:
    # An older client takes the text behind the colon apart and breaks where there is none.
    return GatewayError(
        "SignatureDoesNotMatch",
        f"Specified signature is not matched with our calculation. server string to sign is:{to_sign}",
    )


def _once_each(pairs: Pairs) -> dict[str, str]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise GatewayError("InvalidParameter", "A parameter is given more than once.")
    return found


def _encoded(pairs: Pairs) -> str:
    return "&".join(f"{_escape(name)}={_escape(value)}" for name, value in sorted(pairs))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8() from error


def _unescape(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise _not_utf8() from error


def _not_utf8() -> GatewayError:
    return GatewayError("InvalidParameter", "A parameter is not UTF-8.")


def _escape(text: str) -> str:
    return quote(text, safe="~")

"""Tencent Cloud's signature (TC3-HMAC-SHA256): pure text and bytes in, the Authorization header out."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

_ALGORITHM = "TC3-HMAC-SHA256"


def canonical_request(headers: Mapping[str, str], body: bytes) -> str:
    """The text that is signed, for a POST to "/" without a query. `headers`: those to sign, names in lower case."""
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in sorted(headers))
    return "\n".join(("POST", "/", "", lines, _names(headers), hashlib.sha256(body).hexdigest()))


def authorization(
    secret_id: str, secret_key: str, service: str, timestamp: int, headers: Mapping[str, str], body: bytes
) -> str:
    """The Authorization header of a request over these headers. `timestamp`: seconds, the X-TC-Timestamp header."""
    day = f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}"
    scope = f"{day}/{service}/tc3_request"
    hashed = hashlib.sha256(canonical_request(headers, body).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{hashed}"
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = _hmac(key, part)
    signature = _hmac(key, text).hex()
    return f"{_ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={_names(headers)}, Signature={signature}"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))

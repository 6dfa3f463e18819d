"""Aliyun's signature V3 (ACS3-HMAC-SHA256): pure text and bytes in, the Authorization header out."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

_ALGORITHM = "ACS3-HMAC-SHA256"


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Names sorted, names and values escaped by RFC 3986 (blank %20, * %2A, ~ bare)."""
    return "&".join(f"{_escape(name)}={_escape(value)}" for name, value in sorted(parameters.items()))


def canonical_request(method: str, query: str, headers: Mapping[str, str], body: bytes = b"") -> str:
    """The text that is signed, for the path "/". `headers`: those to sign, names in lower case."""
    lines = [f"{name}:{headers[name].strip()}\n" for name in sorted(headers)]
    return "\n".join((method, "/", query, "".join(lines), _names(headers), body_hash(body)))


def authorization(key_id: str, secret: str, canonical: str, headers: Mapping[str, str]) -> str:
    """The Authorization header for a canonical request over these headers."""
    signature = _sign(secret, canonical)
    return f"{_ALGORITHM} Credential={key_id},SignedHeaders={_names(headers)},Signature={signature}"


def body_hash(body: bytes) -> str:
    """What x-acs-content-sha256 must say."""
    return hashlib.sha256(body).hexdigest()


def _sign(secret: str, canonical: str) -> str:
    text = f"{_ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))


def _escape(text: str) -> str:
    return quote(text, safe="~")

"""DKIM signatures (RFC 6376 relaxed/relaxed, RFC 8463) over the bytes of a mail that is ready for the wire.

Written for mails of our own making: CRLF lines, ASCII headers, base64 bodies. Canonicalising such a mail leaves its
body as it is, which three searches find out; whatever else is signed is canonicalised in full.
"""

import re
from binascii import b2a_base64
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from textwrap import wrap

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.channels.dkim_record import record_of
from campaigns.errors import ConfigError

# List-Unsubscribe and -Post by RFC 8058, Feedback-ID by Google's feedback loop; what relays rewrite is left out.
_SIGNED = (
    b"from",
    b"reply-to",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"feedback-id",
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})+")
_BITS = range(2048, 4097)  # what RFC 8301 asks of signers, and the most a verifier has to take
_LINE = 72
_BLANKS = re.compile(rb"[ \t]+")
_AT_LINE_END = re.compile(rb" +(?=\r\n|\Z)")
_LAST_LINES = re.compile(rb"(?:\r\n)+\Z")


class DkimSigner:
    """Signs for one domain with the key whose public half stands in DNS at SELECTOR._domainkey.DOMAIN."""

    __slots__ = ("_domain", "_key", "_selector")

    def __init__(self, domain: str, selector: str, private_key_pem: str) -> None:
        """Raises ConfigError naming DKIM_DOMAIN, DKIM_SELECTOR or DKIM_PRIVATE_KEY, never what the key holds."""
        if not _DOMAIN.fullmatch(domain):
            raise ConfigError("DKIM_DOMAIN: 要写 mail.example.com 这样的域名 (a domain in ASCII is expected)")
        if not _SELECTOR.fullmatch(selector):
            raise ConfigError("DKIM_SELECTOR: 只用字母、数字和连字符，如 s2026 (letters, digits and hyphens)")
        self._domain = domain
        self._selector = selector
        self._key = _private_key(private_key_pem)

    def __repr__(self) -> str:
        return f"DkimSigner({self._domain!r}, {self._selector!r})"

    def dns_record(self) -> str:
        """What is to stand in DNS at SELECTOR._domainkey.DOMAIN."""
        return record_of(self._key)

    def signature(self, mail: bytes, now: datetime) -> bytes:
        """The DKIM-Signature header, folded, with its CRLF: it goes in front of the mail. `now` is aware."""
        head, _, body = mail.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = tuple((name, len(fields.get(name, ()))) for name in _SIGNED)
        algorithm = "rsa" if isinstance(self._key, RSAPrivateKey) else "ed25519"
        unsigned = (
            f"DKIM-Signature: v=1; a={algorithm}-sha256; c=relaxed/relaxed;\r\n"
            f" d={self._domain}; s={self._selector}; t={int(now.timestamp())};\r\n"
            f" h={_names(names)};\r\n"
            f" bh={_base64(sha256(relaxed_body(body)).digest())};\r\n"
            f" b="
        ).encode("ascii")
        signed = [b"%b:%b\r\n" % (name, value) for name in _SIGNED for value in reversed(fields.get(name, ()))]
        own = unsigned.replace(b"DKIM-Signature: ", b"dkim-signature:", 1).replace(b"\r\n ", b" ")
        return unsigned + _folded(self._sign(b"".join([*signed, own]))) + b"\r\n"

    def _sign(self, octets: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(octets, PKCS1v15(), SHA256())
        return self._key.sign(sha256(octets).digest())  # RFC 8463: ed25519 signs the hash


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4: runs of blanks become one, those at line ends and empty lines at the end go."""
    if b"\t" in body or _has_loose_blank(body):
        body = _AT_LINE_END.sub(b"", _BLANKS.sub(b" ", body))
    if body.endswith(b"\r\n\r\n") or body == b"\r\n":
        body = _LAST_LINES.sub(b"", body)
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


def _has_loose_blank(body: bytes) -> bool:
    """A blank before another one or before a line's end. Base64 has none, and so the search is over at once."""
    at = body.find(b" ")
    while at >= 0:
        if body[at + 1 : at + 2] in (b" ", b"\r", b""):
            return True
        at = body.find(b" ", at + 1)
    return False


def _fields(head: bytes) -> Mapping[bytes, list[bytes]]:
    """RFC 6376, 3.4.2: the values of each header, in their order."""
    head = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    if b"\t" in head or b"  " in head:
        head = _BLANKS.sub(b" ", head)
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip(b" ").lower(), []).append(value.strip(b" "))
    return fields


@lru_cache(maxsize=64)
def _names(counts: tuple[tuple[bytes, int], ...]) -> str:
    """Each once more than the mail has it, so that nobody can add another one (RFC 6376, 8.15)."""
    names = [name.decode() for name, count in counts for _ in range(count + 1)]
    lines = wrap(" ".join(names), _LINE, break_long_words=False, break_on_hyphens=False)
    return ":\r\n ".join(line.replace(" ", ":") for line in lines)


def _base64(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).decode()


def _folded(octets: bytes) -> bytes:
    coded = b2a_base64(octets, newline=False)
    return b"\r\n ".join(coded[start : start + _LINE] for start in range(0, len(coded), _LINE))


def _private_key(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(
            "DKIM_PRIVATE_KEY: 读不出，要没有密码的 PEM，RSA 或 Ed25519 (cannot be read: PEM without a password)"
        ) from None  # from its text nothing may reach a log
    if isinstance(key, RSAPrivateKey) and key.key_size not in _BITS:
        raise ConfigError(f"DKIM_PRIVATE_KEY: RSA 只有 {key.key_size} 位，换一把 2048 位的 (make one with 2048 bits)")
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ConfigError("DKIM_PRIVATE_KEY: 要 RSA 或 Ed25519 的，这把是别的 (a key of another kind)")
    return key

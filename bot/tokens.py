"""Signed names of messages: the key a provider gives back, and the links a message carries.

A link's token says only which message and which kind of link. How long it is good for follows from when the message
was sent, so the same words always carry the same link and none needs to be stored.
"""

import base64
import hashlib
import hmac
import re
from enum import StrEnum

_KEY = re.compile(r"m(\d{1,15})-([a-z2-7]{16})")
_TOKEN = re.compile(r"([0-9a-z]{1,12})\.([A-Za-z0-9_-]{22})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class LinkKind(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    WAY_IN = "way_in"
    CLICK = "click"
    OPEN = "open"


class Tokens:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def message_key(self, message_id: int) -> str:
        """At most 32 characters: WeChat takes no longer client_msg_id."""
        mac = base64.b32encode(self._mac("key", message_id)[:10]).decode().lower()
        return f"m{message_id}-{mac}"

    def message_id(self, key: str) -> int | None:
        """The message a key names; None where the key is not ours."""
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        message_id = int(match[1])
        return message_id if hmac.compare_digest(self.message_key(message_id), key) else None

    def link(self, kind: LinkKind, message_id: int) -> str:
        mac = base64.urlsafe_b64encode(self._mac(kind, message_id)[:16]).rstrip(b"=").decode()
        return f"{_base36(message_id)}.{mac}"

    def read_link(self, kind: LinkKind, token: str) -> int | None:
        """The message a link of this kind belongs to; None for anything altered, or of another kind."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        message_id = int(match[1], 36)
        return message_id if hmac.compare_digest(self.link(kind, message_id), token) else None

    def derive(self, purpose: str) -> str:
        """A secret of its own for one purpose, safe in a URL."""
        return hmac.digest(self._secret, f"derive:{purpose}".encode(), hashlib.sha256).hex()[:32]

    def _mac(self, purpose: str, message_id: int) -> bytes:
        return hmac.digest(self._secret, f"{purpose}:{message_id}".encode(), hashlib.sha256)


def _base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if number == 0:
            return text

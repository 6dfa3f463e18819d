"""The envelope WeChat and WeCom push in: signed, mostly encrypted, XML or JSON, and nothing of it to be trusted."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree

from wechatpy.crypto import PrpCrypto

from campaigns.errors import WebhookRejected

Fields = Mapping[str, object]

LARGEST = 1_000_000  # bytes
AES_KEY = re.compile(r"[A-Za-z0-9]{43}")
# Parsing costs 5 us a tag, so 200,000 nested ones a second. A real push has about thirty; a customer's text is
# CDATA and may hold some more.
_TAGS = 5_000
# All that is taken from the envelope: what makes it WeChat's is the signature over these letters, not the XML.
_ENCRYPT = re.compile(rb"<Encrypt>\s{0,9}(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?\s{0,9}</Encrypt>")


def sign(*parts: str) -> str:
    """Hex SHA-1 of the parts, sorted as bytes and joined."""
    joined = b"".join(sorted(part.encode("utf-8", "replace") for part in parts))
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def decipher(encoding_aes_key: str, encrypted: str, receiver: str) -> str:
    """The words for `receiver` (an appid or a corpid). Raises whatever wechatpy lets through."""
    return str(PrpCrypto(base64.b64decode(encoding_aes_key + "=")).decrypt(encrypted, receiver))


def envelope(body: bytes) -> str:
    if body.lstrip().startswith(b"{"):
        return text(_json(body), "Encrypt")
    found = _ENCRYPT.findall(body)
    if not found:
        raise WebhookRejected("an encrypted push without Encrypt")
    return bytes(found[-1]).decode("ascii")  # in compat mode a customer's own words stand before it


def read_fields(body: bytes) -> Fields:
    if body.lstrip().startswith(b"{"):
        return _json(body)
    if body.count(b"<") > _TAGS:
        raise WebhookRejected("a push of too many tags")
    parser = ElementTree.XMLParser(target=_PlainTree())  # noqa: S314  it takes no declarations
    parser.feed(body)
    root = parser.close()
    if root.tag != "xml":
        raise WebhookRejected("a push that is not an xml")
    fields = _value(root)
    return fields if isinstance(fields, dict) else {}


class _PlainTree(ElementTree.TreeBuilder):
    """Without what a push could declare for itself: entities that grow, or that name a file."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise WebhookRejected("a push with declarations")


def _value(element: ElementTree.Element) -> object:
    """Its text, or its children by their names; of many of one name a list."""
    if not len(element):
        return (element.text or "").strip()
    fields: dict[str, object] = {}
    for child in element:
        value, before = _value(child), fields.get(child.tag)
        if before is None:
            fields[child.tag] = value
        else:
            fields[child.tag] = [*(before if isinstance(before, list) else [before]), value]
    return fields


def _json(body: bytes) -> Fields:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookRejected("a push that is not JSON") from None
    if not isinstance(value, dict):
        raise WebhookRejected("a push that is not a JSON object")
    return value


def text(fields: Fields, name: str) -> str:
    """Text, or a number as text; empty for all else. Without what no database takes: NUL and half a character."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    found = str(value)
    if found.isascii() and found.isprintable():  # nearly all, and their two copies cost as much as the deciphering
        return found
    return found.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def moment(seconds: str) -> datetime:
    if not re.fullmatch(r"[0-9]{1,11}", seconds):
        raise WebhookRejected("a time that is not a number of seconds")
    return datetime.fromtimestamp(int(seconds), UTC)

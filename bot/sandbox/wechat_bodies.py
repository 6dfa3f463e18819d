"""The two forms in which WeChat pushes and is answered: XML, and JSON where the account was set up so."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

Fields = Mapping[str, Any]

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NAMES = {name.lower(): name for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")}


class ReplyUnreadable(Exception):
    """An answer to a push that is neither empty, nor `success`, nor a passive reply of this account."""


def to_xml(fields: Fields) -> str:
    """Strings as CDATA, numbers bare, mappings nested, sequences as repeated elements."""
    return _element("xml", fields)


def from_xml(body: bytes) -> dict[str, str]:
    """The children of the root. Raises ReplyUnreadable."""
    try:
        text = body.decode("utf-8")
        if "<!DOCTYPE" in text:
            raise ReplyUnreadable("passive reply: a document type")
        root = ET.fromstring(text)  # noqa: S314 - entities can only come from a document type
    except (ET.ParseError, ValueError) as error:
        raise ReplyUnreadable("passive reply: no XML") from error
    return {child.tag: child.text or "" for child in root}


def to_json(fields: Fields, *, numbers_as_strings: bool) -> str:
    """A sequence of one is that one itself: `List` is an object then, an array only of several."""
    return json.dumps(_plain(fields, numbers_as_strings), ensure_ascii=False)


def from_json(body: bytes) -> dict[str, str]:
    """Names of an encrypted reply are in lower case here. Raises ReplyUnreadable."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReplyUnreadable("passive reply: no JSON") from error
    if not isinstance(found, dict):
        raise ReplyUnreadable("passive reply: no object")
    return {NAMES.get(str(name), str(name)): str(value) for name, value in found.items()}


def _plain(value: object, numbers_as_strings: bool) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(inner, numbers_as_strings) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        inside = [_plain(inner, numbers_as_strings) for inner in value]
        return inside[0] if len(inside) == 1 else inside
    return str(value) if numbers_as_strings else value


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_element(child, found) for child, found in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(_element(name, item) for item in value)
    else:
        inside = str(value) if isinstance(value, int) else _cdata(str(value))
    return f"<{name}>{inside}</{name}>"


def _cdata(text: str) -> str:
    return f"<![CDATA[{NOT_IN_XML.sub('', text).replace(']]>', ']]]]><![CDATA[>')}]]>"

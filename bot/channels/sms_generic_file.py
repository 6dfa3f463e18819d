"""The file that describes an SMS gateway: how it is called, what success looks like, what it pushes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import httpx

from campaigns.content import read_table, read_toml
from campaigns.errors import DefinitionError
from campaigns.terms import Reaction

_TOP = ("url", "timeout", "at_once", "headers", "body", "success", "codes", "report", "reply")
_PLACE = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*", re.ASCII | re.IGNORECASE)
_SECRET = re.compile(r"\$\{env:([A-Z][A-Z0-9_]*)\}", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
FILLED = ("number", "text", "sign", "body_text", "template", "name", "values")


@dataclass(frozen=True, slots=True)
class Push:
    """Where things stand in an item of a push; a place is names parted by dots.

    `items` is where the list of them is; empty where the push is the list, or one item.
    """

    number: str
    items: str = ""
    id: str = ""  # the gateway's own
    name: str = ""  # ours, where it gives it back
    at: str = ""
    status: str = ""  # receipts
    delivered: frozenset[str] = frozenset()
    text: str = ""  # replies


@dataclass(frozen=True, slots=True)
class Gateway:
    """`body` is JSON or a form; `$number`, `$text` and the others of FILLED stand for what changes."""

    base: str
    target: str
    body: Template = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    code: str
    accepted: frozenset[str]
    id: str
    codes: Mapping[str, Reaction]
    is_json: bool
    report: Push | None = None
    reply: Push | None = None
    answer: str = "ok"
    timeout: float = 10.0
    at_once: int = 5


def load_gateway(path: Path, environment: Mapping[str, str]) -> Gateway:
    """Raises DefinitionError naming the key. `${env:NAME}` in url, headers and body is taken from the environment."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文本 (cannot be read: {type(exc).__name__})") from exc
    return _Reader(path.name, environment).gateway(read_toml(text, path.name))


class _Reader:
    def __init__(self, file: str, environment: Mapping[str, str]) -> None:
        self._file, self._environment = file, environment

    def gateway(self, table: Mapping[str, Any]) -> Gateway:
        self._known(table, _TOP, "")
        url = httpx.URL(self._text(table, "url"))
        if url.scheme not in ("https", "http") or not url.host:
            raise self._wrong("url", "要写完整网址 (a URL is expected)")
        if url.scheme == "http" and url.host not in _LOOPBACK:
            raise self._wrong("url", f"号码会明文传给 {url.host}，用 https:// (in the clear: use https://)")
        headers = {
            k.lower(): self._secret(f"headers.{k}", v) for k, v in read_table(table, "headers", self._file).items()
        }
        success = read_table(table, "success", self._file)
        self._known(success, ("code", "accepted", "id", "answer"), "success.")
        body = self._text(table, "body")
        return Gateway(
            base=f"{url.scheme}://{url.netloc.decode()}",
            target=url.raw_path.decode(),
            body=self._template(body),
            headers={"content-type": _kind_of(body), **headers},
            code=self._place(success, "success.code", "code"),
            accepted=self._words(success, "success.accepted", "accepted"),
            id=self._place(success, "success.id", "id", ""),
            codes=self._codes(table),
            is_json=_kind_of(body) == _JSON,
            report=self._push(table, "report"),
            reply=self._push(table, "reply"),
            answer=str(success.get("answer", "ok")),
            timeout=self._number(table, "timeout", 10.0),
            at_once=int(self._number(table, "at_once", 5)),
        )

    def _push(self, table: Mapping[str, Any], door: str) -> Push | None:
        if door not in table:
            return None
        given = read_table(table, door, self._file)
        wanted = ("number", "items", "id", "name", "at", *(("status", "delivered") if door == "report" else ("text",)))
        self._known(given, wanted, f"{door}.")
        places = {key: self._place(given, f"{door}.{key}", key, "") for key in wanted if key != "delivered"}
        for key in ("number", "status" if door == "report" else "text"):
            if not places[key]:
                raise self._wrong(f"{door}.{key}", "要写它在哪里 (its place is missing)")
        if door == "report" and not (places["id"] or places["name"]):
            raise self._wrong("report.id", "要写 id 或 name，否则不知道是哪一条 (which message? id or name)")
        delivered = self._words(given, f"{door}.delivered", "delivered") if door == "report" else frozenset()
        return Push(**places, delivered=delivered)

    def _codes(self, table: Mapping[str, Any]) -> dict[str, Reaction]:
        codes: dict[str, Reaction] = {}
        for code, reaction in read_table(table, "codes", self._file).items():
            if reaction not in list(Reaction):
                raise self._wrong(f"codes.{code}", f"只能是 {'、'.join(Reaction)} (unknown reaction)")
            codes[code] = Reaction(reaction)
        return codes

    def _template(self, body: str) -> Template:
        escape = _escaped_json if _kind_of(body) == _JSON else _escaped_form
        template = Template(self._secret("body", body, escape))
        for name in template.get_identifiers():
            if name not in FILLED:
                raise self._wrong("body", f"没有 ${name}，只有 {'、'.join(FILLED)} (unknown name)")
        if "number" not in template.get_identifiers():
            raise self._wrong("body", "里面要有 $number (no number)")
        return template

    def _secret(self, where: str, value: object, escape: Callable[[str], str] = str) -> str:
        """A secret stands in the environment, by name; its characters are never taken for ours."""

        def find(match: re.Match[str]) -> str:
            if not (found := self._environment.get(match[1], "")):
                raise self._wrong(where, f"环境变量 {match[1]} 是空的 (not set)")
            return escape(found)

        if not isinstance(value, str):
            raise self._wrong(where, "要写成一段文字 (a text is expected)")
        return _SECRET.sub(find, value)

    def _text(self, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, "要填 (missing)")
        return self._secret(key, value) if key == "url" else value

    def _place(self, table: Mapping[str, Any], where: str, key: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (value and not _PLACE.fullmatch(value)) or (not value and default is None):
            raise self._wrong(where, "写名字，层次用点隔开，如 data.code (names parted by dots)")
        return value

    def _words(self, table: Mapping[str, Any], where: str, key: str) -> frozenset[str]:
        value = table.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(one, str | int) for one in value):
            raise self._wrong(where, '写成列表，如 ["0", "OK"] (a list is expected)')
        return frozenset(str(one) for one in value)

    def _number(self, table: Mapping[str, Any], key: str, default: float) -> float:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 60:
            raise self._wrong(key, "写 60 以内的数 (a number up to 60)")
        return float(value)

    def _known(self, table: Mapping[str, Any], known: tuple[str, ...], before: str) -> None:
        for key in table:
            if key not in known:
                raise self._wrong(f"{before}{key}", f"没有这一项，只有 {'、'.join(known)} (unknown key)")

    def _wrong(self, key: str, problem: str) -> DefinitionError:
        return DefinitionError(self._file, key, problem)


_JSON = "application/json; charset=utf-8"


def _kind_of(body: str) -> str:
    return _JSON if body.lstrip().startswith(("{", "[")) else "application/x-www-form-urlencoded; charset=utf-8"


def _escaped_json(secret: str) -> str:
    return json.dumps(secret)[1:-1].replace("$", "$$")


def _escaped_form(secret: str) -> str:
    return quote(secret, safe="")

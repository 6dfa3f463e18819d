"""What a WeChat call may say: JSON, template fields with their limits, and what the follower reads of them."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.wechat_errors import Refused
from campaigns.errors import InputError

FIELD = re.compile(r"\{\{\s*([a-z_]+[0-9]*)\.DATA\s*\}\}")
_DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|[-/.]\d{1,2}[-/.]\d{1,2})"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
KINDS: Mapping[str, Callable[[str], bool]] = {
    "thing": lambda value: len(value) <= 20,
    "short_thing": lambda value: len(value) <= 5,
    "character_string": lambda value: bool(re.fullmatch(r"[ -~]{1,32}", value)),
    "number": lambda value: bool(re.fullmatch(r"-?[0-9]{1,32}(\.[0-9]{1,32})?", value)),
    "time": lambda value: bool(re.fullmatch(rf"(?:{_DAY} ?)?{_CLOCK}(?: ?~ ?(?:{_DAY} ?)?{_CLOCK})?", value)),
    "date": lambda value: bool(re.fullmatch(rf"{_DAY}(?: ?{_CLOCK})?(?: ?~ ?{_DAY}(?: ?{_CLOCK})?)?", value)),
    "amount": lambda value: bool(re.fullmatch(r"[¥￥]?[0-9]{1,10}(\.[0-9]{1,2})?元?", value)),
    "phone_number": lambda value: bool(re.fullmatch(r"[0-9+\- ]{1,17}", value)),
    "const": lambda value: len(value) <= 20,
}

Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WechatTemplate:
    """`content` as the library shows it, `企业：{{thing1.DATA}}`; a field's name is its kind and a number.

    `constants` are the values that a `const` field may have.
    """

    content: str
    title: str = "服务通知"
    approved: bool = True
    banned: bool = False
    constants: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def fields(self) -> list[str]:
        return FIELD.findall(self.content)

    def read_as_customer(self, values: Mapping[str, str]) -> str:
        return FIELD.sub(lambda match: values[match[1]], self.content)


def review(template_id: str, template: WechatTemplate) -> WechatTemplate:
    """Raises InputError for a template that the provider's library could not hold."""
    if not template.fields:
        raise InputError(f"WeChat template {template_id} has no field; write them as {{{{thing1.DATA}}}}")
    for name in template.fields:
        if kind_of(name) not in KINDS:
            raise InputError(f"WeChat template {template_id}: {name} is of no kind; there are {', '.join(KINDS)}")
    return template


def kind_of(name: str) -> str:
    return name.rstrip("0123456789")


def read_json(body: bytes, *, escapes_stay: bool = False) -> dict[str, Any]:
    """The object in a request's body. Raises Refused (44002, 47001).

    `escapes_stay`: `\\u4e2d` means those six characters, as customer-service messages have shown them.
    """
    if not body.strip():
        raise Refused(44002)
    try:
        text = body.decode("utf-8")
        given = json.loads(_keep_escapes(text) if escapes_stay else text)
        # Half of a surrogate pair is no text: nobody could read it, nor write it down.
        json.dumps(given, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused(47001) from error
    if not isinstance(given, dict):
        raise Refused(47001)
    return given


def read_template(given: Mapping[str, Any], template: WechatTemplate) -> Words:
    """What the follower sees of a template message. Raises Refused."""
    check_names(given, {"touser", "template_id", "url", "miniprogram", "data", "client_msg_id", "topcolor", "color"})
    _string(given, "url")
    _string(given, "client_msg_id")
    return _read_notice("template", given, template)


def read_subscription(given: Mapping[str, Any], template: WechatTemplate) -> Words:
    """What the follower sees of a subscription notice. Raises Refused."""
    # This one call complains about the openid, whatever else is named wrongly.
    if set(given) - {"touser", "template_id", "page", "miniprogram", "data"}:
        raise Refused(40003)
    _string(given, "page")
    return _read_notice("subscribe", given, template)


def find_template(templates: Mapping[str, WechatTemplate], template_id: object) -> WechatTemplate:
    """Raises Refused (40036, 40037, 43116)."""
    if not isinstance(template_id, str) or not template_id:
        raise Refused(40036)
    template = templates.get(template_id)
    if template is None or not template.approved:
        raise Refused(40037)
    if template.banned:
        raise Refused(43116)
    return template


def _read_notice(kind: str, given: Mapping[str, Any], template: WechatTemplate) -> Words:
    _check_miniprogram(given.get("miniprogram"))
    values = _read_values(given.get("data"), template)
    return {
        "kind": kind,
        "text": template.read_as_customer(values),
        "template_id": given["template_id"],
        "data": values,
        "url": given.get("url") or given.get("page") or "",
    }


def _read_values(data: object, template: WechatTemplate) -> dict[str, str]:
    if not isinstance(data, dict):
        raise Refused(47003, "data is missing")
    for name in data:
        if name not in template.fields:
            raise Refused(47003, f"data.{name} is not in the template")
    return {name: _read_value(name, data.get(name), template) for name in template.fields}


def _read_value(name: str, part: object, template: WechatTemplate) -> str:
    value = part.get("value") if isinstance(part, dict) else None
    if not isinstance(value, str):
        raise Refused(47003, f"data.{name}.value is missing or no string")
    if not value.strip():
        raise Refused(47003, f"data.{name}.value is empty")
    if not KINDS[kind_of(name)](value) or value not in template.constants.get(name, (value,)):
        raise Refused(47003, f"data.{name}.value invalid")
    return value


def _string(given: Mapping[str, Any], name: str) -> None:
    if not isinstance(given.get(name, ""), str):
        raise Refused(47003, f"{name} is no string")


def check_names(given: Mapping[str, Any], known: Collection[object]) -> None:
    """Stricter than the real one, which ignores a misspelt name and with it what was meant."""
    for name in given:
        if name not in known:
            raise Refused(47003, f"{name} is not known")


def _check_miniprogram(part: object) -> None:
    if part is None:
        return
    if not isinstance(part, dict) or not all(isinstance(part.get(name), str) for name in ("appid", "pagepath")):
        raise Refused(47003, "miniprogram needs appid and pagepath")


def _keep_escapes(text: str) -> str:
    # Pair by pair, or the second half of an escaped backslash would be taken for the start of an escape.
    return re.sub(r"\\(.)", lambda pair: r"\\u" if pair[1] == "u" else pair[0], text)

"""What a WeChat call may say: error words, template fields with their limits, and what the follower reads."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.errors import InputError

# Whatever the account may be answered; the words are nothing to compare with, the real ones change.
ERRORS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40035: "invalid parameter",
    40036: "invalid template_id size",
    40037: "invalid template_id",
    40052: "invalid action name",
    40053: "invalid action info",
    40066: "invalid url",
    40125: "invalid appsecret",
    40132: "invalid username",
    40164: "invalid ip",
    40200: "invalid account type",
    40241: "the same message was sent within 60 seconds",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41030: "invalid page",
    42001: "access_token expired",
    42007: "access_token invalid, the user changed the password",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "user is in the blacklist",
    43101: "user refuse to accept the msg",
    43102: "invalid template type",
    43104: "appid does not match the openid",
    43107: "the ability to send is banned",
    43108: "concurrent sending to the same user",
    43116: "this template is banned",
    43117: "too frequent to this user",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45168: "the content holds sensitive words",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48002: "user block receiving message",
    48004: "api forbidden for irregularities",
    48008: "no permission for this msgtype",
    50001: "user unauthorized",
    50002: "user limited",
    61452: "invalid kf_account",
    87014: "risky content",
}
LONGEST_TEXT = 2048  # bytes
# Kinds whose parts must have been uploaded first; nothing was.
WITH_MEDIA = ("image", "voice", "video", "music", "mpnews", "mpnewsarticle", "wxcard", "miniprogrampage")
FIELD = re.compile(r"\{\{\s*([a-z_]+[0-9]*)\.DATA\s*\}\}")
LINK = re.compile(r"""<a\s[^>]*?href\s*=\s*["']([^"']*)["'][^>]*>(.*?)</a>""", re.DOTALL | re.IGNORECASE)
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


class Refused(Exception):
    """A call that is answered with an errcode; `detail` goes into errmsg (the field of 47003, the IP of 40164)."""

    def __init__(self, errcode: int, detail: str = "") -> None:
        super().__init__(f"{errcode} {detail}")
        self.errcode, self.detail = errcode, detail

    @property
    def errmsg(self) -> str:
        return f"{ERRORS[self.errcode]} {self.detail}".strip()


@dataclass(frozen=True, slots=True)
class WechatTemplate:
    """`content` as the library shows it, `企业：{{thing1.DATA}}`; a field's name is its kind and a number.

    `constants` are the values that a `const` field may have.
    """

    content: str
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


def read_custom(given: Mapping[str, Any]) -> Words:
    """What the follower sees of a customer-service message. Raises Refused."""
    msgtype = given.get("msgtype")
    if not isinstance(msgtype, str):
        raise Refused(40008)
    _check_names(given, {"touser", "msgtype", msgtype, "customservice"})
    _check_account(given.get("customservice"))
    if msgtype in WITH_MEDIA:
        raise Refused(40007)
    read = {"text": _read_text, "news": _read_news, "msgmenu": _read_menu}.get(msgtype)
    if read is None:
        raise Refused(40008)
    part = given.get(msgtype, {})
    if not isinstance(part, dict):
        raise Refused(47001)
    return {"kind": "custom", "msgtype": msgtype, **read(part)}


def read_template(given: Mapping[str, Any], template: WechatTemplate) -> Words:
    """What the follower sees of a template message. Raises Refused."""
    _check_names(given, {"touser", "template_id", "url", "miniprogram", "data", "client_msg_id", "topcolor", "color"})
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


def _read_text(part: Mapping[str, Any]) -> Words:
    content = _filled(part, "content")
    links = [{"text": match[2], "url": match[1]} for match in LINK.finditer(content)]
    return {"text": LINK.sub(r"\2", content), "content": content, "links": links}


def _read_news(part: Mapping[str, Any]) -> Words:
    articles = part.get("articles")
    if not isinstance(articles, list) or not articles or not isinstance(articles[0], dict):
        raise Refused(44004)
    if len(articles) > 1:
        raise Refused(45008)
    title, url = _filled(articles[0], "title"), _filled(articles[0], "url")
    description = articles[0].get("description") or ""
    if not isinstance(description, str):
        raise Refused(47001)
    return {"text": f"{title}\n{description}".strip(), "links": [{"text": title, "url": url}]}


def _read_menu(part: Mapping[str, Any]) -> Words:
    items = part.get("list")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refused(44004)
    menu = [{"id": str(item.get("id", "")), "content": _filled(item, "content")} for item in items]
    head, tail = (_filled(part, name) if part.get(name) else "" for name in ("head_content", "tail_content"))
    lines = [head, *(item["content"] for item in menu), tail]
    return {"text": "\n".join(line for line in lines if line), "menu": menu}


def _filled(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if value is None or value == "":
        raise Refused(44004)
    if not isinstance(value, str):
        raise Refused(47001)
    if len(value.encode("utf-8")) > LONGEST_TEXT:
        raise Refused(45002)
    return value


def _string(given: Mapping[str, Any], name: str) -> None:
    if not isinstance(given.get(name, ""), str):
        raise Refused(47003, f"{name} is no string")


def _check_names(given: Mapping[str, Any], known: Collection[object]) -> None:
    """Stricter than the real one, which ignores a misspelt name and with it what was meant."""
    for name in given:
        if name not in known:
            raise Refused(47003, f"{name} is not known")


def _check_account(part: object) -> None:
    if part is None:
        return
    name = part.get("kf_account") if isinstance(part, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", name):
        raise Refused(61452)


def _check_miniprogram(part: object) -> None:
    if part is None:
        return
    if not isinstance(part, dict) or not all(isinstance(part.get(name), str) for name in ("appid", "pagepath")):
        raise Refused(47003, "miniprogram needs appid and pagepath")


def _keep_escapes(text: str) -> str:
    # Pair by pair, or the second half of an escaped backslash would be taken for the start of an escape.
    return re.sub(r"\\(.)", lambda pair: r"\\u" if pair[1] == "u" else pair[0], text)

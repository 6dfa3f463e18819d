"""An account's menu, the three buttons below the conversation, and its library of templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wechat_errors import Refused
from bot.sandbox.wechat_words import WechatTemplate, check_names, read_json

Given = Mapping[str, Any]
Answer = dict[str, Any]

MOST_BUTTONS, MOST_BELOW = 3, 5
LONGEST_KEY, LONGEST_URL = 128, 1024  # bytes
BY_KEY = (
    "click",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
)
WITH_MEDIA = ("media_id", "view_limited", "article_id", "article_view_limited")
OK: Answer = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True, slots=True)
class _Level:
    """What is wrong with a button has another errcode on each level. `longest` is of its name, in bytes."""

    longest: int
    type: int
    name: int
    key: int
    url: int
    domain: int


_TOP = _Level(16, 40017, 40018, 40019, 40020, 40055)
_BELOW = _Level(60, 40024, 40025, 40026, 40027, 40054)


class Menu:
    """`buttons` as they were given; empty where there is no menu."""

    def __init__(self) -> None:
        self.buttons: list[Answer] = []

    def create(self, body: bytes) -> Answer:
        given = read_json(body)
        check_names(given, {"button"})
        buttons = given.get("button")
        if not isinstance(buttons, list) or not 1 <= len(buttons) <= MOST_BUTTONS:
            raise Refused(40016)
        self.buttons = [_read_top(button) for button in buttons]
        return OK

    def get(self) -> Answer:
        """A success of this one has no errcode."""
        if not self.buttons:
            raise Refused(46003)
        return {"menu": {"button": [{"sub_button": [], **button} for button in self.buttons]}}

    def delete(self) -> Answer:
        self.buttons = []
        return OK

    def keys(self, *types: str) -> list[str]:
        """Keys of the buttons of these types that a follower can tap, and addresses of `view`."""
        leaves = [leaf for button in self.buttons for leaf in button.get("sub_button") or [button]]
        return [str(leaf.get("key") or leaf.get("url")) for leaf in leaves if leaf.get("type") in types]


def _read_top(button: object) -> Answer:
    below = button.get("sub_button") if isinstance(button, dict) else None
    if not isinstance(button, dict) or not below:
        return _read_button(button, _TOP)
    check_names(button, {"name", "sub_button"})
    if not isinstance(below, list) or len(below) > MOST_BELOW:
        raise Refused(40023)
    if any(isinstance(one, dict) and one.get("sub_button") for one in below):
        raise Refused(40022)
    return {"name": _name(button, _TOP), "sub_button": [_read_button(one, _BELOW) for one in below]}


def _read_button(button: object, level: _Level) -> Answer:
    if not isinstance(button, dict):
        raise Refused(47001)
    kind = button.get("type")
    if kind in WITH_MEDIA:
        raise Refused(40007)
    name = _name(button, level)
    known = {"type", "name", "sub_button"}
    if kind in BY_KEY:
        check_names(button, known | {"key"})
        return {"type": kind, "name": name, "key": _string(button, "key", LONGEST_KEY, level.key)}
    if kind not in ("view", "miniprogram"):
        raise Refused(level.type)
    more = ("appid", "pagepath") if kind == "miniprogram" else ()
    check_names(button, known | {"url", *more})
    url = _string(button, "url", LONGEST_URL, level.url)
    if not url.startswith(("http://", "https://")):
        raise Refused(level.domain)
    return {"type": kind, "name": name, "url": url, **{one: _string(button, one, 1024, 40013) for one in more}}


def _name(button: Given, level: _Level) -> str:
    return _string(button, "name", level.longest, level.name)


def _string(button: Given, name: str, longest: int, errcode: int) -> str:
    value = button.get(name)
    if not isinstance(value, str) or not 1 <= len(value.encode("utf-8", "surrogatepass")) <= longest:
        raise Refused(errcode)
    return value


def library(templates: Mapping[str, WechatTemplate]) -> Answer:
    """What template/get_all_private_template tells: what is approved and not banned."""
    usable = {name: template for name, template in templates.items() if template.approved and not template.banned}
    return {"template_list": [_listed(name, template) for name, template in usable.items()]}


def _listed(template_id: str, template: WechatTemplate) -> Answer:
    return {
        "template_id": template_id,
        "title": template.title,
        "primary_industry": "人力资源",
        "deputy_industry": "人力资源",
        "content": template.content,
        "example": _example(template.fields),
    }


def _example(fields: Sequence[str]) -> str:
    return "\n".join(f"{name}：示例" for name in fields)

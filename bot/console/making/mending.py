"""What a button of the lint does to the words that are typed."""

import re
from collections.abc import Mapping

from bot.console.making.editing import FOOT
from campaigns.content import REFUSAL_LINE, SMS_SLOT

_SIGNED = re.compile(r"^\s*【[^【】]*】")
_WAY_OUT = "不想再收到就回“退订”。"


def mend(typed: Mapping[str, str], channel: str, tag: str) -> dict[str, str]:
    """The boxes with one problem mended; the same ones where there is no such problem."""
    name = {"email": "email/text", "sms": "sms/text", "wecom": "wecom/text"}.get(channel, "")
    text = typed.get(name, "")
    match channel, tag:
        case "sms", "no opt-out line":
            return {**typed, name: _ended(text.replace(REFUSAL_LINE, ""))}
        case "sms", "opt-out line":
            return {**typed, name: text.replace(REFUSAL_LINE, "").rstrip()}
        case "sms", "brackets":
            return {**typed, name: _SIGNED.sub("", text).replace("【", "").replace("】", "")}
        case "sms", "unused":
            return _without_unused(typed)
        case "email", "no 广告":
            return {**typed, "email/subject": f"（广告）{typed.get('email/subject', '')}"}
        case "email", ("no way to refuse" | "sender not named"):
            return {**typed, name: text if FOOT in text else f"{text.rstrip()}\n\n{FOOT}\n"}
        case "wechat" | "wecom", "no way to refuse":
            return {**typed, **{one: _with_way_out(typed[one]) for one in _spoken(typed, channel)}}
    return dict(typed)


def _ended(text: str) -> str:
    text = text.rstrip()
    return f"{text}{'' if not text or text[-1] in '。！？.!?' else '。'}{REFUSAL_LINE}"


def _spoken(typed: Mapping[str, str], channel: str) -> list[str]:
    asked = ("wecom/text",) if channel == "wecom" else ("wechat/custom/text", "wechat/mass/text")
    return [one for one in asked if one in typed and "退订" not in typed[one]]


def _with_way_out(text: str) -> str:
    return f"{text.rstrip()}\n{_WAY_OUT}".lstrip() + "\n"


def _without_unused(typed: Mapping[str, str]) -> dict[str, str]:
    """Only what the form says; the file's own params follow from the text as it is kept."""
    slots = set(SMS_SLOT.findall(typed.get("sms/text", "")))
    return {name: text for name, text in typed.items() if not name.startswith("sms/params/") or name[11:] in slots}

"""What WeChat is sent for one message, and what is not sent because it would be refused or punished."""

from typing import assert_never

from bot.channels.wechat_api import as_json
from campaigns.content import too_much
from campaigns.reach import COUNTED
from campaigns.terms import Article, Outbound, Reaction, SendResult, TapMenu, WechatMode, WechatWords

EMPTY, TOO_LONG, LONG_KEY, NO_TEMPLATE, NO_MARKETING = "empty", "too long", "long key", "no template", "no marketing"
TOO_MUCH = "too much"
REFUSED_HERE = frozenset({EMPTY, TOO_LONG, LONG_KEY, NO_TEMPLATE, NO_MARKETING, TOO_MUCH})
PATHS = {
    WechatMode.CUSTOM: "/cgi-bin/message/custom/send",
    WechatMode.TEMPLATE: "/cgi-bin/message/template/send",
    WechatMode.SUBSCRIBE: "/cgi-bin/message/subscribe/bizsend",
    WechatMode.MASS: "/cgi-bin/message/mass/send",
}
_KEY = 32  # characters of a client_msg_id
_NAMES = {"text": TOO_LONG}


def refusal(outbound: Outbound, words: WechatWords) -> SendResult | None:
    """What WeChat would refuse, or punish, is not sent."""
    if words.mode in (WechatMode.CUSTOM, WechatMode.MASS):
        if not words.text.strip() and not words.media_id:
            return refuse(outbound, Reaction.DROP, EMPTY, "no text")
        for key, _ in too_much(words):
            return refuse(outbound, Reaction.DROP, _NAMES.get(key, TOO_MUCH), f"{key} is not what WeChat takes")
        return None
    if not words.template_id:
        return refuse(outbound, Reaction.PAUSE_TEMPLATE, NO_TEMPLATE, "the template id is missing")
    if words.mode is WechatMode.TEMPLATE and outbound.message_class in COUNTED:
        # First the template is deleted, then the account is banned, at last for ever.
        return refuse(outbound, Reaction.PAUSE_TEMPLATE, NO_MARKETING, "a template message must be a service notice")
    if words.mode is WechatMode.TEMPLATE and len(outbound.key) > _KEY:
        return refuse(outbound, Reaction.DROP, LONG_KEY, f"client_msg_id takes {_KEY} characters")
    return None


def refuse(outbound: Outbound, reaction: Reaction, code: str, detail: str) -> SendResult:
    return SendResult(outbound.id, reaction, code=code, detail=f"not sent: {detail}")


def body_of(outbound: Outbound, words: WechatWords) -> bytes:
    """Of a message to one follower."""
    fields: dict[str, object] = {"touser": outbound.address}
    match words.mode:
        case WechatMode.CUSTOM:
            return as_json(fields | _custom(words))
        case WechatMode.TEMPLATE:
            fields |= {"url": words.url} if words.url else {}
            fields["client_msg_id"] = outbound.key
        case WechatMode.SUBSCRIBE:
            fields |= {"page": words.url} if words.url else {}
        case WechatMode.MASS:
            raise AssertionError("a mass send is for many")
        case _:
            assert_never(words.mode)
    data = {key: {"value": value} for key, value in words.data.items()}
    return as_json(fields | {"template_id": words.template_id, "data": data})


def _custom(words: WechatWords) -> dict[str, object]:
    match words.card:
        case Article(title, description, url, picurl):
            article = {"title": title, "description": description, "url": url, "picurl": picurl}
            return {"msgtype": "news", "news": {"articles": [article]}}
        case TapMenu(head, items, tail):
            # letters were reported lost in an id, so numbers
            listed = [{"id": str(number), "content": item} for number, item in enumerate(items, 1)]
            return {"msgtype": "msgmenu", "msgmenu": {"head_content": head, "list": listed, "tail_content": tail}}
        case None:
            return {"msgtype": "text", "text": {"content": words.text}}

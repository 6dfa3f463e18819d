"""What is wrong with words for WeChat, and what it would refuse or punish."""

import re
from collections.abc import Iterator, Mapping

from campaigns.content import WECHAT_LIMITS, too_much
from campaigns.reach import COUNTED
from campaigns.terms import Article, MessageClass, WechatMode, WechatWords

# The kinds of field in WeChat's template library; a field's name is its kind and a number.
_FIELD = re.compile(
    r"(thing|short_thing|character_string|number|time|date|amount|phone_number|const|phrase|name|letter|symbol)\d+",
    re.ASCII,
)
_NOTICES = (WechatMode.TEMPLATE, WechatMode.SUBSCRIBE)


def wechat_problems(words: WechatWords, message_class: MessageClass) -> Iterator[tuple[str, str]]:
    """(key in wechat.toml, problem) of one way to write."""
    if words.mode is WechatMode.TEMPLATE and message_class is not MessageClass.SERVICE:
        yield "template", "模板消息只能发服务通知，营销和问候会被封号，删掉 [template]"
    if words.mode in _NOTICES and not words.template_id:
        yield f"{words.mode}.template_id", "要写上公众平台里的模板编号 (missing)"
    if words.mode not in _NOTICES and message_class in COUNTED and "退订" not in words.text:
        yield f"{words.mode}.text", "要说怎么拒收，如：不想再收到就回“退订” (no way to refuse)"
    for key, problem in too_much(words):
        yield f"{words.mode}.{key}", problem
    if isinstance(words.card, Article):
        yield from _insecure({"url": words.card.url, "picurl": words.card.picurl})
    yield from _fields(words.data)


def _insecure(urls: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, url in urls.items():
        if url and not url.startswith("https://"):
            yield f"custom.{key}", "要写完整网址，以 https:// 开头 (not an https address)"


def _fields(data: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if not _FIELD.fullmatch(name):
            yield name, "字段名是种类加数字，如 thing1、number2 (unknown kind)"
        if not value:
            yield name, "样例填出来是空的，微信不收 (empty)"
        limit = WECHAT_LIMITS.get(name.rstrip("0123456789"))
        if limit is not None and len(value) == limit and value.endswith("…"):
            yield name, f"样例超过{limit}字，会被截断，写短一点 (too long)"

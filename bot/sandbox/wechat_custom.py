"""What a customer-service message may say, and what the follower reads of it and can tap on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.sandbox.wechat_errors import Refused
from bot.sandbox.wechat_words import Words, check_names

LONGEST_TEXT, LONGEST_TITLE, LONGEST_URL = 2048, 512, 1024  # bytes
# Kinds whose parts must have been uploaded first; nothing was.
WITH_MEDIA = ("image", "voice", "video", "music", "mpnews", "mpnewsarticle", "wxcard", "miniprogrampage")
LINK = re.compile(r"""<a\s[^>]*?href\s*=\s*["']([^"']*)["'][^>]*>(.*?)</a>""", re.DOTALL | re.IGNORECASE)
TAP = "weixin"  # the scheme of a link that is an item of a menu: weixin://bizmsgmenu?msgmenucontent=…&msgmenuid=…


def read_custom(given: Mapping[str, Any]) -> Words:
    """What the follower sees. Raises Refused."""
    msgtype = given.get("msgtype")
    if not isinstance(msgtype, str):
        raise Refused(40008)
    check_names(given, {"touser", "msgtype", msgtype, "customservice"})
    _check_account(given.get("customservice"))
    if msgtype in WITH_MEDIA:
        raise Refused(40007)
    read = {"text": read_text, "news": _read_news, "msgmenu": _read_menu}.get(msgtype)
    if read is None:
        raise Refused(40008)
    part = given.get(msgtype, {})
    if not isinstance(part, dict):
        raise Refused(47001)
    return {"kind": "custom", "msgtype": msgtype, **read(part)}


def read_text(part: Mapping[str, Any]) -> Words:
    check_names(part, {"content"})
    content = _filled(part, "content")
    found = [(match[1], match[2]) for match in LINK.finditer(content)]
    links = [{"text": text, "url": url} for url, text in found if urlsplit(url).scheme != TAP]
    taps = [_tap(url, text) for url, text in found if urlsplit(url).scheme == TAP]
    words: Words = {"text": LINK.sub(r"\2", content), "content": content, "links": links}
    return words | ({"menu": _distinct(taps)} if taps else {})


def _read_news(part: Mapping[str, Any]) -> Words:
    check_names(part, {"articles"})
    articles = part.get("articles")
    if not isinstance(articles, list) or not articles or not isinstance(articles[0], dict):
        raise Refused(44004)
    if len(articles) > 1:
        raise Refused(45008)
    [article] = articles
    check_names(article, {"title", "description", "url", "picurl"})
    title, url = _filled(article, "title", LONGEST_TITLE, 45003), _filled(article, "url", LONGEST_URL, 45005)
    description = _filled(article, "description", LONGEST_TEXT, 45004) if article.get("description") else ""
    _filled(article, "picurl", LONGEST_URL, 45005) if article.get("picurl") else None
    if not url.startswith(("http://", "https://")):
        raise Refused(47003, "articles.url must be a web address")
    return {"text": f"{title}\n{description}".strip(), "links": [{"text": title, "url": url}]}


def _read_menu(part: Mapping[str, Any]) -> Words:
    check_names(part, {"head_content", "list", "tail_content"})
    items = part.get("list")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refused(44004)
    menu = _distinct([_read_item(item) for item in items])
    head, tail = (_filled(part, name) if part.get(name) else "" for name in ("head_content", "tail_content"))
    lines = [line for line in (head, *(item["content"] for item in menu), tail) if line]
    if len("\n".join(lines).encode()) > LONGEST_TEXT:
        raise Refused(45002)
    return {"text": "\n".join(lines), "menu": menu}


def _read_item(item: Mapping[str, Any]) -> dict[str, str]:
    check_names(item, {"id", "content"})
    number = item.get("id", "")
    if isinstance(number, bool) or not isinstance(number, str | int) or number == "":
        raise Refused(47003, "msgmenu.list.id is missing or wrong")
    return {"id": str(number), "content": _filled(item, "content")}


def _distinct(menu: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Stricter than the real one: of two items with one id nobody can tell which was tapped."""
    if len({item["id"] for item in menu}) < len(menu):
        raise Refused(47003, "two items have the same id")
    return list(menu)


def _tap(url: str, text: str) -> dict[str, str]:
    query = parse_qs(urlsplit(url).query)
    content, number = query.get("msgmenucontent", [text]), query.get("msgmenuid", [""])
    return {"id": number[0], "content": content[0]}


def _filled(part: Mapping[str, Any], name: str, longest: int = LONGEST_TEXT, too_long: int = 45002) -> str:
    value = part.get(name)
    if value is None or value == "":
        raise Refused(44004)
    if not isinstance(value, str):
        raise Refused(47001)
    if len(value.encode("utf-8")) > longest:
        raise Refused(too_long)
    return value


def _check_account(part: object) -> None:
    if part is None:
        return
    name = part.get("kf_account") if isinstance(part, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", name):
        raise Refused(61452)

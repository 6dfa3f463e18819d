"""What a WeCom call may say: error words, the sizes of messages, and what staff or customers read of them."""

import json
from collections.abc import Collection, Mapping
from typing import Any

# Whatever the account may be answered; the words are nothing to compare with, the real ones change.
ERRORS = {
    -1: "system busy",
    6000: "data version conflict",
    40001: "invalid credential",
    40003: "invalid userid",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40031: "invalid userid list",
    40032: "invalid userid list size",
    40056: "invalid agentid",
    40058: "invalid parameter",
    40091: "invalid secret",
    41001: "access_token missing",
    41004: "corpsecret missing",
    41048: "no customer to send",
    42001: "access_token expired",
    42009: "suite access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    44004: "content is empty",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    47001: "data format error",
    48002: "api forbidden",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    81013: "user & party & tag all invalid",
    84061: "not external contact",
    95000: "invalid open_kfid",
    95001: "send msg count out of limit",
    95007: "invalid msg token",
    95013: "conversation is ended",
    95017: "kf account out of limit",
    95018: "send msg session status invalid",
    301002: "no privilege to operate this agent",
}
WRONG_JSON = "Warning: wrong json format. "
LONGEST_TEXT = 2048  # bytes, of an app message and of a message of customer service
LONGEST_MASS = 4000
LONGEST_MENU = 1024
LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_URL = 128, 512, 2048
MOST_ARTICLES, MOST_ATTACHMENTS, MOST_ITEMS = 8, 9, 50
# Kinds whose parts must have been uploaded first; nothing was.
WITH_MEDIA = ("image", "voice", "video", "file", "mpnews", "miniprogram", "miniprogram_notice")
ENVELOPE = {
    "touser",
    "toparty",
    "totag",
    "agentid",
    "msgtype",
    "safe",
    "enable_id_trans",
    "enable_duplicate_check",
    "duplicate_check_interval",
}

Words = dict[str, Any]
Given = Mapping[str, Any]


class Refused(Exception):
    """A call that is answered with an errcode; `more` are further keys of that answer."""

    def __init__(self, errcode: int, detail: str = "", **more: object) -> None:
        super().__init__(f"{errcode} {detail}")
        self.errcode, self.detail, self.more = errcode, detail, more

    @property
    def errmsg(self) -> str:
        return f"{ERRORS[self.errcode]} {self.detail}".strip()


def refuse_by(errcode: int) -> None:
    """0 is no refusal."""
    if errcode:
        raise Refused(errcode)


def read_json(body: bytes) -> tuple[dict[str, Any], bool]:
    """The object in a request's body, and whether it was JSON to the letter. Raises Refused (47001).

    A line break inside a string is read all the same, and the answer's errmsg says so.
    """
    try:
        text = body.decode("utf-8")
        given, exact = _loads(text)
        json.dumps(given, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise Refused(47001) from error
    if not isinstance(given, dict):
        raise Refused(47001)
    return given, exact


def read_app_message(given: Given) -> Words:
    """What a member of staff sees of an app message. What is too long is cut off, without a word."""
    msgtype = given.get("msgtype")
    if not isinstance(msgtype, str):
        raise Refused(40008)
    check_names(given, {*ENVELOPE, msgtype})
    if msgtype in WITH_MEDIA:
        raise Refused(40007)
    read = {
        "text": _read_app_text,
        "markdown": _read_app_text,
        "textcard": _read_textcard,
        "news": _read_news,
        "template_card": _read_card,
    }.get(msgtype)
    if read is None:
        raise Refused(40008)
    return {"msgtype": msgtype, **read(part_of(given, msgtype))}


def read_mass(given: Given) -> Words:
    """What a customer sees of a mass message or a welcome: text, then attachments. Raises Refused."""
    text = _mass_text(given)
    attachments = given.get("attachments", [])
    if not isinstance(attachments, list) or len(attachments) > MOST_ATTACHMENTS:
        raise Refused(40058, "attachments")
    links = [_attached_link(part) for part in attachments]
    if not text and not links:
        raise Refused(44004)
    lines = [text, *(link["text"] for link in links)]
    return {"text": "\n".join(line for line in lines if line), "content": text, "links": links}


def read_kf(given: Given, kinds: Collection[str]) -> Words:
    """What a customer sees of a message of customer service. Raises Refused."""
    msgtype = given.get("msgtype")
    if not isinstance(msgtype, str) or msgtype not in kinds:
        raise Refused(40008)
    if msgtype in WITH_MEDIA:
        raise Refused(40007)
    part = part_of(given, msgtype)
    if msgtype == "text":
        return {"msgtype": "text", "text": filled(part, "content", LONGEST_TEXT)}
    if msgtype == "link":
        link = _link(part)
        return {"msgtype": "link", "text": link["text"], "links": [link]}
    return {"msgtype": "msgmenu", **_read_menu(part)}


def part_of(given: Given, name: str) -> Given:
    part = given.get(name)
    if not isinstance(part, dict):
        raise Refused(40058, f"{name} is missing or no object")
    return part


def filled(part: Given, name: str, longest: int) -> str:
    """Raises Refused (44004, 40058)."""
    value = part.get(name)
    if value is None or value == "":
        raise Refused(44004, name)
    if not isinstance(value, str):
        raise Refused(40058, f"{name} is no string")
    if len(value.encode()) > longest:
        raise Refused(40058, f"{name} is longer than {longest} bytes")
    return value


def string(given: Given, name: str, default: str = "") -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise Refused(40058, f"{name} is no string")
    return value


def whole(given: Given, name: str, default: int | None = None) -> int:
    """A whole number, never a string of digits, nor true."""
    value = given.get(name, default)
    if type(value) is not int:
        raise Refused(40058, f"{name} is missing or no integer")
    return value


def strings(given: Given, name: str, most: int) -> list[str]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or len(value) > most:
        raise Refused(40058, f"{name} must be a list of at most {most} strings")
    return value


def check_names(given: Given, known: Collection[str]) -> None:
    """Stricter than the real one, which ignores a misspelt name and with it what was meant."""
    for name in given:
        if name not in known:
            raise Refused(40058, f"{name} is not known")


def cut(text: str, longest: int) -> str:
    """The first bytes of it, whole characters only."""
    return text.encode()[:longest].decode("utf-8", "ignore")


def _loads(text: str) -> tuple[object, bool]:
    try:
        return json.loads(text), True
    except ValueError:
        return json.loads(text, strict=False), False


def _read_app_text(part: Given) -> Words:
    content = part.get("content")
    if not isinstance(content, str) or not content:
        raise Refused(44004, "content")
    return _cut_words({"text": content}, {"text": LONGEST_TEXT})


def _read_textcard(part: Given) -> Words:
    title, description, url = (_some(part, name) for name in ("title", "description", "url"))
    if len(url.encode()) > LONGEST_URL:
        raise Refused(40058, "url")
    words = _cut_words(
        {"title": title, "description": description},
        {"title": LONGEST_TITLE, "description": LONGEST_DESCRIPTION},
    )
    return words | {
        "text": f"{words['title']}\n{words['description']}",
        "links": [{"text": part.get("btntxt") or "详情", "url": url}],
    }


def _read_news(part: Given) -> Words:
    articles = part.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= MOST_ARTICLES:
        raise Refused(40058, "articles")
    links = [{"text": _some(article, "title"), "url": _some(article, "url")} for article in articles]
    return {"text": "\n".join(link["text"] for link in links), "links": links}


def _read_card(part: Given) -> Words:
    if part.get("card_type") != "text_notice":
        raise Refused(40058, "template_card.card_type")
    title, action = part_of(part, "main_title"), part_of(part, "card_action")
    url = _some(action, "url")
    lines = [_some(title, "title"), string(title, "desc"), string(part, "sub_title_text")]
    return {"text": "\n".join(line for line in lines if line), "links": [{"text": lines[0], "url": url}]}


def _cut_words(words: dict[str, str], longest: Mapping[str, int]) -> Words:
    kept = {name: cut(text, longest[name]) for name, text in words.items()}
    return {**kept, "cut": True} if kept != words else dict(kept)


def _some(part: object, name: str) -> str:
    value = part.get(name) if isinstance(part, dict) else None
    if not isinstance(value, str) or not value:
        raise Refused(44004, name)
    return value


def _mass_text(given: Given) -> str:
    if "text" not in given:
        return ""
    part = part_of(given, "text")
    return filled(part, "content", LONGEST_MASS) if part.get("content") else ""


def _attached_link(part: object) -> dict[str, str]:
    msgtype = part.get("msgtype") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(msgtype, str):
        raise Refused(40058, "attachments.msgtype")
    if msgtype in WITH_MEDIA:
        raise Refused(40007)
    if msgtype != "link":
        raise Refused(40008)
    return _link(part_of(part, "link"))


def _link(part: Given) -> dict[str, str]:
    title, url = filled(part, "title", LONGEST_TITLE), filled(part, "url", LONGEST_URL)
    if part.get("desc"):
        filled(part, "desc", LONGEST_DESCRIPTION)
    return {"text": title, "url": url}


def _read_menu(part: Given) -> Words:
    items = part.get("list")
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise Refused(40058, "msgmenu.list")
    menu = [_read_item(item) for item in items]
    head, tail = (
        filled(part, name, LONGEST_MENU) if part.get(name) else "" for name in ("head_content", "tail_content")
    )
    lines = [head, *(item["content"] for item in menu), tail]
    return {"text": "\n".join(line for line in lines if line), "menu": menu}


def _read_item(item: object) -> dict[str, str]:
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(item, dict) or kind not in ("click", "view", "text"):
        raise Refused(40058, "msgmenu.list.type")
    inside = part_of(item, kind)
    read = {"id": string(inside, "id"), "content": filled(inside, "content", LONGEST_MENU)}
    return read | ({"url": filled(inside, "url", LONGEST_URL)} if kind == "view" else {})

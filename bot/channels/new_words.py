"""The words a person typed into a mail: without markup, quotation, the quoted mail's header and signature."""

import html
import re
from collections.abc import Iterator, Sequence

_TEXT_LIMIT = 200_000  # characters of one body that are looked at; a reply's new words stand at its beginning
_WORDS_LIMIT = 10_000
_MARK_LIMIT = 400  # longer lines are nobody's signature or quotation mark, and patterns on them would cost

_QUOTED = re.compile(r"\s*>(?![_.<])")
_RULE = re.compile(r"\s*[-_=*—－─][\s\-_=*—－─]{2,}")
_LONG_RULE = re.compile(r"\s*[-—─]{10,}\s*")
_SEPARATOR = re.compile(
    r"[\s>|]*[-_—*]{2,}(?:\s|&nbsp;)*(原始(邮件|郵件|信息|訊息)(信息|内容)?|(原|回复的?原?)(邮件|郵件)(信息|原文|内容)?|邮件原[件文]|"
    r"转发的?邮件|original( message| mail)?|replied message|forwarded message)(?:\s|"
    r"&nbsp;)*[-_—*]{2,}.*",  # QQ leaves the entity in its plain text
    re.IGNORECASE,
)
_FROM_LABEL = re.compile(r"[\s>*|]*(发\s*件\s*人|寄件者|寄件人|from)[\s*]*[|:：]", re.IGNORECASE)
_OTHER_LABEL = re.compile(
    r"[\s>*|]*(发送时间|发送日期|日\s*期|时\s*间|收\s*件\s*人|收件者|抄\s*送|主\s*题|主旨|sent|date|to|cc|subject)[\s*]*[|:：]",
    re.IGNORECASE,
)
_ATTRIBUTION_END = re.compile(r"(写道|寫道|wrote)\s*[:：]?\s*$", re.IGNORECASE)
_ATTRIBUTION_START = re.compile(r"[\s>]*(on|at|在|于)\b|[\s>]*[在于]", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}\s*[年/.-]\s*\d{1,2}|\d{1,2}[:：]\d{2}|\b(19|20)\d\d\b")
_NAME_AND_ADDRESS = re.compile(r".{0,80}<[^<>\s]+@[^<>\s]+>\s*")
_MAILED_FROM = re.compile(
    r"\s*(((发自|来自|來自)\s*(我的)?\s*(iPhone|iPad|Mac|手机|安卓|Android|华为|HUAWEI|荣耀|HONOR|小米|Xiaomi|Redmi|"
    r"vivo|OPPO|realme|一加|魅族|三星|Galaxy|网易|QQ|163|126|139|钉钉|阿里|新浪|企业微信|Outlook|邮箱)"
    r"[^，,。;；!！?？]{0,25})|从我的.{1,15}(发送|发出)|从\s*Windows.{0,20}发送|"
    r"sent from (my|mail|outlook|yahoo)\b.{0,40}|get outlook for .{0,60}|"
    r"(获取|下载)\s*(适用于.{0,20})?Outlook.{0,60}|"
    r"签名由.{1,20}定制|邮箱[:：]\s*\S+@\S+|\|[\s|]*)\s*",
    re.IGNORECASE,
)

_EMPTY = re.compile(r"(\s|&nbsp;)*")
_CARD_START = re.compile(r"\s*\|\s*\|\s*")  # of NetEase's apps: a table turned to text
_ADDRESS_LABEL = re.compile(r"^\s*(邮箱|邮件|e-?mail|mail)\s*[:：]", re.IGNORECASE)
_CARD_LINES = 2
_NAME_LENGTH = 20

_TAG = re.compile(r"<!--|<(/?)([a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>|<[!?/][^<>]*+>")
_BREAKING = frozenset(
    ["p", "div", "br", "hr", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "pre", "table", "ul", "ol"]
)
_HIDDEN = frozenset(["script", "style", "title", "template", "noscript", "blockquote"])
_QUOTING = re.compile(r"\s.*(cite|quote|reply)", re.IGNORECASE)


def new_words(plain: str, rich: str = "", sender: str = "") -> str:
    """What the writer of a mail typed, from its plain text, or from its HTML where the plain text has none of it.

    `sender` is the writer's address: QQ mail, Foxmail and NetEase end a mail with a card of it.
    """
    readings = (_without_card(_typed(text), sender) for text in _readings(plain, rich))
    return next((words for words in readings if words), "")


def _readings(plain: str, rich: str) -> Iterator[str]:
    yield plain
    yield html_text(rich, drop_quotes=True)
    yield html_text(rich, drop_quotes=False)  # some clients indent what was typed by a blockquote


def _typed(text: str) -> str:
    lines = [_clean(line) for line in text[:_TEXT_LIMIT].splitlines()]
    start, end = _quotation([line if len(line) <= _MARK_LIMIT else "" for line in lines])
    own = [line for line in lines[:start] if not _QUOTED.match(line)]
    return _unsigned(own) or _unsigned(_below_the_quotation(lines[end:]))


def _without_card(words: str, sender: str) -> str:
    """The card that a client adds: a name, if any, and the writer's own address, under an empty line."""
    if not sender:
        return words
    typed, empty, card = words.rpartition("\n\n")
    lines = card.splitlines()
    is_card = (
        empty and len(lines) <= _CARD_LINES and _ADDRESS_LABEL.sub("", lines[-1]).strip().lower() == sender.lower()
    )
    return typed.strip() if is_card and all(len(line) <= _NAME_LENGTH for line in lines[:-1]) else words


def _clean(line: str) -> str:
    bare = re.sub("[\u200b\u2060\ufeff\u00ad]", "", line).replace("\u00a0", " ").rstrip()
    return "" if _EMPTY.fullmatch(bare) else bare


def _quotation(lines: Sequence[str]) -> tuple[int, int]:
    """Where the quoted mail's introduction begins and ends."""
    for number, line in enumerate(lines):
        if _SEPARATOR.fullmatch(line) or _is_header_block(lines, number):
            return number, len(lines)
        if _ATTRIBUTION_END.search(line) and (start := _attribution_start(lines, number)) is not None:
            return start, number + 1
    return len(lines), len(lines)


def _is_header_block(lines: Sequence[str], number: int) -> bool:
    if not _FROM_LABEL.match(lines[number]):
        return False
    return sum(1 for line in lines[number + 1 : number + 9] if _OTHER_LABEL.match(line)) >= 2


def _attribution_start(lines: Sequence[str], end: int) -> int | None:
    """`On …, X <x@y> wrote:` and `在…，X 写道：` may run over three lines; the shortest reading counts."""
    for start in range(end, max(end - 3, -1), -1):
        joined = " ".join(lines[start : end + 1])
        introduced = _ATTRIBUTION_START.match(joined) or (start == end and re.search(r"[<@]|于\s*\d{4}", joined))
        if introduced and _MOMENT.search(joined):
            wrapped = start == end and start > 0 and _NAME_AND_ADDRESS.fullmatch(lines[start - 1])
            return start - 1 if wrapped else start
    return None


def _below_the_quotation(lines: Sequence[str]) -> list[str]:
    """An answer written under the quotation: only behind `>`, where the quotation's end can be seen."""
    quoted = [number for number, line in enumerate(lines) if _QUOTED.match(line)]
    if not quoted or any(lines[: quoted[0]]):
        return []
    last = list(lines[quoted[-1] + 1 :])
    return last if any(last) else [line for line in lines if not _QUOTED.match(line)]


def _unsigned(lines: Sequence[str]) -> str:
    kept: list[str] = []
    typed = False
    for line in lines:
        if typed and (line == "--" or _LONG_RULE.fullmatch(line) or _CARD_START.fullmatch(line)):
            break
        if len(line) > _MARK_LIMIT or not (_MAILED_FROM.fullmatch(line) or _RULE.fullmatch(line)):
            kept.append(line)
            typed = typed or bool(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()[:_WORDS_LIMIT]


def html_text(rich: str, *, drop_quotes: bool) -> str:
    """Words and line breaks only, in one pass over the tags; a blockquote marked as a quotation always goes.

    Not by a parser that builds a tree: nh3 needs a second for 20,000 open tags, and the square of it for more.
    """
    flat = re.sub(r"\s+", " ", rich[:_TEXT_LIMIT])
    words: list[str] = []
    position = hidden = 0
    while tag := _TAG.search(flat, position):
        if not hidden:
            words.append(flat[position : tag.start()])
        position = tag.end()
        name = (tag[2] or "").lower()
        if tag[0] == "<!--":
            end = flat.find("-->", position - 2)
            position = end + 3 if end >= 0 else len(flat)
        elif name in _HIDDEN and tag[1]:
            hidden = max(0, hidden - 1)
        elif name in _HIDDEN and (hidden or name != "blockquote" or drop_quotes or _QUOTING.search(tag[0])):
            hidden += 1
        if not hidden:
            words.append("\n" if name in _BREAKING else " " if name in ("td", "th") else "")
    return html.unescape("".join(words) + ("" if hidden else flat[position:]))

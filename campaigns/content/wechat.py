"""What is said by WeChat: the ways of one wechat.toml made ready, filled for one follower, and what is too much."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.content.expressions import Scope
from campaigns.content.tables import check_keys, read_table, read_toml
from campaigns.content.texts import Text, Workshop
from campaigns.content.values import cut, one_line, tidy
from campaigns.errors import DefinitionError
from campaigns.terms import Article, TapMenu, WechatMode, WechatWords

WECHAT_LIMITS = {"thing": 20, "short_thing": 5, "character_string": 32, "phone_number": 17}
_FILE = "wechat.toml"
_TEXT_BYTES = 2048
# WeChat names an error for each of these and publishes no figure: these are ours, and a phone shows no more.
_TITLE, _DESCRIPTION, _URL_BYTES, _ITEMS, _ITEM = 64, 120, 1024, 10, 20
_NOTICE = ("template_id", "text", "url", "data")
_CUSTOM = {
    "text": ("kind", "text", "url"),
    "news": ("kind", "title", "description", "url", "picurl"),
    "msgmenu": ("kind", "head", "list", "tail"),
}
_MASS = {"text": ("kind", "text"), "mpnews": ("kind", "text", "media_id")}
# A mass send says the same to all: nothing in it may be about one of them.
_OF_ALL = frozenset({"site", "today", "festival"})

Filler = Callable[[Text, Scope], str]


@dataclass(frozen=True, slots=True)
class NewsTexts:
    title: Text
    description: Text
    picurl: Text


@dataclass(frozen=True, slots=True)
class MenuTexts:
    head: Text
    items: tuple[Text, ...]
    tail: Text


@dataclass(frozen=True, slots=True)
class Wechat:
    """One way to write: custom words of one kind, the fields of a template, or a mass send's."""

    text: Text
    url: Text
    template_id: str = ""
    data: Mapping[str, Text] = field(default_factory=dict)
    card: NewsTexts | MenuTexts | None = None
    media_id: str = ""

    @property
    def texts(self) -> list[Text]:
        match self.card:
            case NewsTexts(title, description, picurl):
                card = [title, description, picurl]
            case MenuTexts(head, items, tail):
                card = [head, *items, tail]
            case None:
                card = []
        return [self.text, self.url, *self.data.values(), *card]


def compile_wechat(source: str, words: Workshop) -> dict[WechatMode, Wechat]:
    """Raises DefinitionError naming what cannot be used."""
    table = read_toml(source, _FILE)
    check_keys(table, tuple(WechatMode), _FILE)
    ways = {mode: _way(mode, read_table(table, mode, _FILE), words) for mode in WechatMode if mode in table}
    if WechatMode.MASS in ways and len(ways) > 1:
        raise DefinitionError(_FILE, "mass", "群发是单独的一次，别的写法放到另一个活动里 (a mass send stands alone)")
    return ways


def fill_wechat(fill: Filler, way: Wechat, mode: WechatMode, variables: Scope) -> WechatWords:
    """The text may quote the fields as {{ data.thing1 }}: exactly what the follower reads, cut where they are cut."""
    data = {name: _fit(name, one_line(fill(text, variables))) for name, text in way.data.items()}
    url = fill(way.url, variables).strip()
    card = _card(fill, way.card, url, variables)
    text = _shown(card) if card else tidy(fill(way.text, {**variables, "data": data})) or "\n".join(data.values())
    return WechatWords(mode, text, url, way.template_id, data, card, way.media_id)


def too_much(words: WechatWords) -> Iterator[tuple[str, str]]:
    """(key, problem) of what WeChat takes in no custom message and no mass send."""
    if words.mode in (WechatMode.TEMPLATE, WechatMode.SUBSCRIBE):
        return
    match words.card:
        case Article():
            yield from _too_much_news(words.card)
        case TapMenu():
            yield from _too_much_menu(words.card)
        case None if not words.text and not words.media_id:
            yield "text", "是空的，写上要说的话 (empty)"
    if not isinstance(words.card, Article) and len(words.text.encode("utf-8", "replace")) > _TEXT_BYTES:
        yield "text", f"超过{_TEXT_BYTES}字节，缩短 (too long)"


def _too_much_news(article: Article) -> Iterator[tuple[str, str]]:
    if not article.title:
        yield "title", "是空的，写一句标题 (empty)"
    for key, value, most in (("title", article.title, _TITLE), ("description", article.description, _DESCRIPTION)):
        if len(value) > most:
            yield key, f"有{len(value)}字，最多{most}字，缩短 (too long)"
    if not article.url:
        yield "url", "要写点开去哪里 (no page behind it)"
    for key, value in (("url", article.url), ("picurl", article.picurl)):
        if len(value.encode("utf-8", "replace")) > _URL_BYTES:
            yield key, f"超过{_URL_BYTES}字节，缩短 (too long)"


def _too_much_menu(menu: TapMenu) -> Iterator[tuple[str, str]]:
    if not menu.head:
        yield "head", "是空的，写一句问什么 (empty)"
    if not 1 <= len(menu.items) <= _ITEMS:
        yield "list", f"有{len(menu.items)}项，要1到{_ITEMS}项 (1 to {_ITEMS} items)"
    if len(set(menu.items)) < len(menu.items):
        yield "list", "两项一样，点哪项分不出来 (the same item twice)"
    for item in menu.items:
        if not 1 <= len(item) <= _ITEM:
            yield "list", f"“{item}”有{len(item)}字，要1到{_ITEM}字 (1 to {_ITEM} characters)"


# ---- made ready ---------------------------------------------------------------------------------------------------


def _way(mode: WechatMode, way: Mapping[str, Any], words: Workshop) -> Wechat:
    match mode:
        case WechatMode.CUSTOM:
            return _custom(_kind(way, mode, _CUSTOM), way, words)
        case WechatMode.MASS:
            return _mass(_kind(way, mode, _MASS), way, words)
        case WechatMode.TEMPLATE | WechatMode.SUBSCRIBE:
            check_keys(way, _NOTICE, _FILE)
            data = {name: words.text(value, _FILE) for name, value in read_table(way, "data", _FILE).items()}
            return Wechat(_said(way, words), _plain(way, "url", words), str(way.get("template_id", "")), data)


def _kind(way: Mapping[str, Any], mode: WechatMode, kinds: Mapping[str, tuple[str, ...]]) -> str:
    kind = way.get("kind", "text")
    if kind not in kinds:
        raise DefinitionError(_FILE, f"{mode}.kind", f"只能是 {'、'.join(kinds)} (unknown kind)")
    check_keys(way, kinds[kind], _FILE)
    return str(kind)


def _custom(kind: str, way: Mapping[str, Any], words: Workshop) -> Wechat:
    card: NewsTexts | MenuTexts | None = None
    if kind == "news":
        card = NewsTexts(*(_plain(way, key, words) for key in ("title", "description", "picurl")))
    if kind == "msgmenu":
        items = way.get("list")
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise DefinitionError(_FILE, "custom.list", '写成列表，如 ["已看", "稍后"] (a list of texts)')
        head, tail = (words.wechat(way.get(key, ""), _FILE) for key in ("head", "tail"))
        card = MenuTexts(head, tuple(words.wechat(item, _FILE) for item in items), tail)
    return Wechat(_said(way, words), _plain(way, "url", words), card=card)


def _mass(kind: str, way: Mapping[str, Any], words: Workshop) -> Wechat:
    made = Wechat(_said(way, words), _plain(way, "url", words), media_id=str(way.get("media_id", "")))
    if kind == "mpnews" and not made.media_id:
        raise DefinitionError(_FILE, "mass.media_id", "要写上素材库里图文的 media_id (missing)")
    for path in made.text.paths:
        if path[0] not in _OF_ALL:
            problem = f"群发给每个人的话都一样，不能用 {'.'.join(path)} (the same for all)"
            raise DefinitionError(_FILE, "mass.text", problem)
    return made


def _said(way: Mapping[str, Any], words: Workshop) -> Text:
    return words.wechat(way.get("text", ""), _FILE)


def _plain(way: Mapping[str, Any], key: str, words: Workshop) -> Text:
    return words.text(way.get(key, ""), _FILE)


# ---- filled -------------------------------------------------------------------------------------------------------


def _card(fill: Filler, card: NewsTexts | MenuTexts | None, url: str, variables: Scope) -> Article | TapMenu | None:
    match card:
        case NewsTexts(title, description, picurl):
            named, said = (one_line(fill(text, variables)) for text in (title, description))
            return Article(named, said, url, fill(picurl, variables).strip())
        case MenuTexts(head, items, tail):
            listed = tuple(one_line(fill(item, variables)) for item in items)
            return TapMenu(tidy(fill(head, variables)), listed, tidy(fill(tail, variables)))
        case None:
            return None


def _shown(card: Article | TapMenu) -> str:
    """A card as lines, for who reads it without a picture."""
    if isinstance(card, Article):
        return "\n".join(line for line in (card.title, card.description, card.url) if line)
    return "\n".join(line for line in (card.head, *(f"· {item}" for item in card.items), card.tail) if line)


def _fit(name: str, value: str) -> str:
    """Cut to the limit of its kind: a notice cut short beats one refused."""
    return cut(value, WECHAT_LIMITS.get(name.rstrip("0123456789"), len(value)))

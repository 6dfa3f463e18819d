"""MJML to html with its styles on the elements, done when content is compiled, never per mail."""

import re
from collections.abc import Iterable, Iterator

import css_inline
import mrml

from campaigns.errors import DefinitionError

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_HIDDEN_TAG = re.compile(r"jinja(\d+)tag")


def to_html(mjml: str) -> str:
    """Jinja's tags are hidden meanwhile, or they would be escaped. Raises DefinitionError naming email.mjml."""
    tags: list[str] = []

    def hide(tag: re.Match[str]) -> str:
        tags.append(tag[0])
        return f"jinja{len(tags) - 1}tag"

    if _HIDDEN_TAG.search(mjml):
        raise DefinitionError("email.mjml", "jinja0tag", "这个词留给程序用，换一个 (reserved)")
    hidden = _TAG.sub(hide, mjml)
    try:
        html = mrml.to_html(hidden).content
    except OSError as exc:
        raise DefinitionError("email.mjml", "mjml", f"读不懂：{exc} (cannot be read)") from exc
    html = css_inline.inline(html, load_remote_stylesheets=False)  # drops mrml's link to fonts abroad, too
    _check_order(tags, html)
    return _HIDDEN_TAG.sub(lambda found: tags[int(found[1])], html)


def _check_order(tags: list[str], html: str) -> None:
    """Html allows no text between the rows of a table and moves it out: a loop there would lose its body."""
    found = dict.fromkeys(int(number) for number in _HIDDEN_TAG.findall(html))
    there = set(_statements(found, tags))
    for number, before in _statements(range(len(tags)), tags):
        if (number, before) not in there:
            raise DefinitionError("email.mjml", tags[number], "不在 <mj-text> 里面，移进去 (moved out of a table)")


def _statements(order: Iterable[int], tags: list[str]) -> Iterator[tuple[int, frozenset[int]]]:
    """Each {% … %} with the expressions between it and the one before."""
    between: set[int] = set()
    for number in order:
        if tags[number].startswith("{%"):
            yield number, frozenset(between)
            between = set()
        else:
            between.add(number)

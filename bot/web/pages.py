"""Pages from templates: autoescaped, no inline style or script, one policy for all."""

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot.language import PRODUCT, SOURCE, in_number, language, say, say_n
from bot.tier_words import tier_reason_words
from campaigns.terms import SHANGHAI

HTML = Path(__file__).parent / "html"
STATIC = Path(__file__).parent / "static"
_CHINESE = re.compile("[\u3400-\u9fff]")


def page(request: Request, name: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render one of our own templates; `site`, `product` and `now` are there for all of them."""
    runtime = request.app.state.runtime
    html = (
        environment()
        .get_template(name)
        .render(
            request=request,
            language=language(),
            product=PRODUCT[language()],
            site=runtime.rulebook.site,
            now=runtime.clock(),
            **context,
        )
    )
    return HTMLResponse(html, status_code=status_code)


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HTML),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(say, say_n, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    made.globals["gettext"] = _gettext
    made.globals["zh"] = zh
    made.filters.update(moment=_moment, clock=_clock, short=_short, masked=masked, number=_number, part=_part)
    made.filters["tier_reason"] = tier_reason_words
    return made


def _gettext(text: str, /, **values: object) -> str:
    """As Jinja's own of the new style, and in the right number."""
    return Markup(in_number(say(text), values)) % values  # noqa: S704 - ours, or our translation of it


def zh(*values: object) -> str:
    """The attribute of an element that holds nothing but what people wrote: in another language a page says what is
    Chinese in it, so that it is read out as such."""
    marked = language() != SOURCE and any(_CHINESE.search(str(value)) for value in values if value)
    return Markup(' lang="zh"') if marked else ""


def masked(address: str | None) -> str:
    """138****0000, h***@example.com: enough to recognise, too little to use."""
    if not address:
        return ""
    if "@" in address:
        name, _, domain = address.partition("@")
        return f"{name[:1]}***@{domain}"
    return f"{address[:3]}****{address[-4:]}" if len(address) > 7 else "****"


def _moment(value: datetime | None) -> str:
    if value is None:
        return "—"
    local = value.astimezone(SHANGHAI)
    if language() == "en":
        return f"{local:%a %-d %b %Y %H:%M}"
    return f"{local.year}年{local.month}月{local.day}日 周{'一二三四五六日'[local.weekday()]} {local:%H:%M}"


def _clock(value: datetime) -> str:
    return f"{value.astimezone(SHANGHAI):%H:%M}"


def _short(value: datetime) -> str:
    """11-23 09:30, for lists of what lies near."""
    return f"{value.astimezone(SHANGHAI):%m-%d %H:%M}"


def _part(text: str) -> str:
    """As one part of a path: jinja's own urlencode leaves a slash as it is."""
    return quote(text, safe="")


def _number(value: float) -> str:
    return f"{value:,}"

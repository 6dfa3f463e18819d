"""Chinese and English: every word of the staff's pages has both, and a person chooses."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import nodes
from jinja2.ext import babel_extract

from bot import calendar_words, language, line_words, result_words, wording
from bot.console import places
from bot.runtime import Runtime
from bot.web.pages import HTML, environment
from campaigns import calendar
from campaigns.columns import TableKind, fields_of, label_of
from campaigns.models import StaffAccount
from campaigns.segments.fields import ANY_ATTR, FIELDS, attr_field
from tests.web_cast import NOW, as_staff, browse, settle_some

CHINESE = re.compile(r"[\u3400-\u9fff]")
HOUSE = Path(language.__file__).parent
CUSTOMERS = {"sheet.html", "preferences.html", "gone.html", "way_in.html", "refused.html"}
"""Pages that customers read: in Chinese alone."""
TEMPLATES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if path.relative_to(HTML).as_posix() not in CUSTOMERS
)
TABLES = ("REASONS", "TIER_PARTS", "CHANNELS", "MODES", "CLASSES", "CAMPAIGN_STATES", "INTENTS", "ROLES", "RIGHTS",
          "ACTION_WORDS", "TASKS", "TOUCHES", "HOOK_KINDS", "POSTING_STATES", "BLOCKS", "SOURCES")  # fmt: skip
RESULT_TABLES = ("RESULT_WORDS", "MEDIA", "USED", "EFFECTS", "MOODS", "FAULTS", "PROMISE_STATES")
VARIABLE = re.compile(r'data-insert="\{\w+\}"')  # what a message is written with
PLACES = re.compile(r"%\((\w+)\)s|(?<!\{)\{(\w*)(?:[:!][^{}]*)?\}")


@cache
def used() -> dict[str, str]:
    """Every text that is asked for in another language, with the first place that asks."""
    found: dict[str, str] = {}
    for text, where in (*_of_templates(), *_of_modules(), *_of_tables()):
        found.setdefault(text, where)
    return found


@pytest.mark.parametrize(
    ("n", "told"), [(1, "1 day late"), ("1", "1 day late"), (2, "2 days late"), (0, "0 days late")]
)
def test_english_says_one_day_and_two_days(n: object, told: str) -> None:
    language.speak("en")
    try:
        assert language.say("已超{n}天").format(n=n) == told
        page = environment().from_string("{{ _('超期%(n)s天', n=n) }}")
        assert page.render(n=n) == told
    finally:
        language.speak("zh")


def test_what_is_filled_in_is_never_taken_for_a_choice() -> None:
    assert language.Phrase("{n} [day|days] of {who}").format(n=1, who="[a|b]") == "1 day of [a|b]"


def test_no_english_text_has_a_number_before_a_word_that_is_always_many() -> None:
    texts = language.translations("en").values()
    many = {found.split()[0] for text in texts for found in re.findall(r"\[[^|\[\]]*\|([^|\[\]]*)\]", text)}
    rigid = re.compile(rf"(?:%\(\w+\)s|\{{\w+\}}) (?:{'|'.join(sorted(many))})\b(?!-)")
    assert [text for text in texts if rigid.search(text)] == []


def _of_templates() -> Iterator[tuple[str, str]]:
    for name in TEMPLATES:
        source = BytesIO((HTML / name).read_bytes())
        options = {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
        for line, _, texts, _ in babel_extract(source, ("_", "gettext", "ngettext"), (), options):
            for text in texts if isinstance(texts, tuple) else (texts,):
                if text:
                    yield text, f"html/{name}:{line}"


def _of_modules() -> Iterator[tuple[str, str]]:
    for path in sorted(HOUSE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "say_n"):
                for text in (one for given in node.args for one in _literals(given)):
                    yield text, f"{path.relative_to(HOUSE)}:{node.lineno}"


def _literals(node: ast.expr) -> Iterator[str]:
    """The text of an argument, also of both sides of an `if`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _of_tables() -> Iterator[tuple[str, str]]:
    for table in TABLES:
        for value in getattr(wording, table).values():
            for text in value if isinstance(value, tuple) else (value,):
                yield text, f"wording.{table}"
    yield from ((text, "line_words.WRONGS") for text in line_words.WRONGS.values())
    for table in RESULT_TABLES:
        yield from ((text, f"result_words.{table}") for text in getattr(result_words, table).values())
    for field in (*(one for name, one in FIELDS.items() if name != ANY_ATTR), attr_field("contract")):
        yield from ((text, f"field {field.name}") for text in (field.explanation, field.measure) if text)
    yield from ((name, "calendar") for name in (*calendar._FEASTS, *calendar_words.TERMS))
    yield from ((label_of(kind, one), "columns") for kind in TableKind for one in fields_of(kind))
    yield from ((f"每周{day}", "console/campaign_dates.py") for day in "一二三四五六日")
    yield from ((label, "console/places.py") for group in places._GROUPS for _, _, _, label, _ in group)


def english() -> dict[str, str]:
    return dict(language.translations("en"))


# ---- the catalogue --------------------------------------------------------------------------------------------------


def test_every_text_has_english() -> None:
    known, asked = english(), used()
    missing = [f"{where}: {text}" for text, where in asked.items() if text not in known and needs_english(text)]
    assert not missing, "no English in bot/web/locales/en.po for:\n" + "\n".join(missing)


def needs_english(text: str) -> bool:
    return bool(CHINESE.search(text) or re.search("[，、：；。（）“”]", text))


def test_nothing_is_translated_that_nobody_reads() -> None:
    read = used_anywhere()
    unused = [text for text in english() if text not in read]
    assert not unused, "in bot/web/locales/en.po, but no template or module has it:\n" + "\n".join(unused)


def used_anywhere() -> set[str]:
    """Also the texts that a table of a module holds, which reach say() through a name."""
    found = set(used())
    for path in sorted(HOUSE.rglob("*.py")):
        found |= {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found


def test_nothing_is_translated_twice() -> None:
    lines = (language.CATALOGUES / "en.po").read_text().splitlines()
    again = [text for text, n in Counter(line for line in lines if line.startswith("msgid ")).items() if n > 1]
    assert [text for text in again if text != 'msgid ""'] == []


def test_english_has_the_places_of_the_chinese() -> None:
    with (language.CATALOGUES / "en.po").open("rb") as file:
        catalogue = read_po(file, locale="en")
    wrong = [
        f"{message.id} → {message.string}"
        for message in catalogue
        if message.id and sorted(PLACES.findall(str(message.id))) != sorted(PLACES.findall(str(message.string)))
    ]
    assert not wrong, "the English lacks a place, or has one of its own:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_chinese_stands_bare_in_a_staff_template(name: str) -> None:
    tree = environment().parse((HTML / name).read_text())
    wrapped = {
        id(given)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in ("_", "gettext", "ngettext")
        for given in (*call.args, *call.find_all(nodes.Const))
    }
    compared = {id(one) for kind in (nodes.Pair, nodes.Compare) for node in tree.find_all(kind) for one in _keys(node)}
    bare = [
        f"{name}:{one.lineno}: {_of(one).strip()[:80]}"
        for one in (*tree.find_all(nodes.TemplateData), *tree.find_all(nodes.Const))
        if CHINESE.search(_of(one)) and id(one) not in wrapped | compared
    ]
    assert not bare, 'write {{ _("…") }} around:\n' + "\n".join(bare)


def _of(node: nodes.Node) -> str:
    if isinstance(node, nodes.TemplateData):
        return VARIABLE.sub("", node.data)
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else ""


def _keys(node: nodes.Node) -> list[nodes.Node]:
    """Chinese that is data: what a value is looked up by or held against."""
    if isinstance(node, nodes.Pair):
        return [node.key]
    return list(node.find_all(nodes.Const)) if isinstance(node, nodes.Compare) else []


# ---- pages ----------------------------------------------------------------------------------------------------------

OPENED = (
    *("/", "/inbox", "/tasks", "/segments", "/campaigns", "/calendar", "/templates"),
    *("/settings", "/staff", "/audit", "/me", "/no/such/page"),
)
DATA = re.compile(r"<(title|textarea|option|code|script)\b.*?</\1>|中文|回访", re.S)
"""The names of things as they were written, in English too."""


@pytest.mark.parametrize("path", OPENED)
async def test_a_page_in_english_has_no_chinese_of_ours(runtime: Runtime, path: str) -> None:
    await settle_some(runtime)
    known = sorted((text for text in english() if len(text) > 1 and "%(" not in text), key=len, reverse=True)
    async with as_staff(runtime, name="Ann") as client:
        await StaffAccount.filter(name="Ann").update(language="en")
        page = (await client.get(path, follow_redirects=True)).text
    assert '<html lang="en">' in page
    texts = re.findall(r">([^<>]+)<", DATA.sub("", page))
    ours = [text.strip() for text in texts if text.strip() in known]
    assert not ours, f"{path} says in Chinese what has English:\n" + "\n".join(ours)


async def test_the_menu_changes_the_language_and_leads_back(runtime: Runtime) -> None:
    async with as_staff(runtime) as client:
        answer = await client.post("/me/language", data={"language": "en", "to": "/tasks?mine=1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/tasks?mine=1")
        assert ">Tasks<" in (await client.get("/tasks")).text
        await client.post("/me/language", data={"language": "zh"})
        assert '<html lang="zh-CN">' in (await client.get("/tasks")).text


@pytest.mark.parametrize(
    "form", [{"language": "tlh", "to": "//evil.example"}, {"language": "", "to": "https://evil.example"}]
)
async def test_a_language_or_an_address_that_is_none_of_ours_changes_nothing(
    runtime: Runtime, form: dict[str, str]
) -> None:
    async with as_staff(runtime, name="Ann") as client:
        assert (await client.post("/me/language", data=form)).headers["location"] == "/"
        assert (await StaffAccount.get(name="Ann")).language == "zh"


async def test_the_log_in_page_speaks_as_the_browser_asks_and_the_address_before_it(runtime: Runtime) -> None:
    async with browse(runtime) as client:
        client.headers["accept-language"] = "en-GB,en;q=0.9,zh;q=0.5"
        assert "Password" in (await client.get("/login")).text
        assert "密码" in (await client.get("/login?lang=zh")).text
        wrong = await client.post("/login?lang=en", data={"login": "nobody", "password": "x", "next": "/tasks"})
        assert "Wrong account or password." in wrong.text
        assert 'action="/login?lang=en"' in wrong.text
        assert 'href="/login?lang=zh&amp;next=%2Ftasks"' in wrong.text


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("", "zh"),
        ("en", "en"),
        ("fr, en;q=0.5", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.2,zh;q=0.9", "zh"),
        ("en;q=0", "zh"),
        ("en;q=lots,*", "zh"),
        (",;;q=,", "zh"),
        ("EN-us", "en"),
    ],
)
def test_the_browser_s_languages_are_weighed(accepted: str, spoken: str) -> None:
    assert language.wanted_language(accepted) == spoken


def test_moments_are_written_as_the_language_writes_them() -> None:
    moment = environment().filters["moment"]
    assert moment(NOW) == "2026年11月23日 周一 09:30"
    language.speak("en")
    try:
        assert moment(NOW) == "Mon 23 Nov 2026 09:30"
        assert wording.fate_words("deferred:outside_hours") == "Put off: Outside hours"
    finally:
        language.speak("zh")
    assert wording.fate_words("deferred:outside_hours") == "推迟：不在时段"

"""Texts filled by slots against the same texts filled by the template engine, and by what is kept of the variables."""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from campaigns.content import Compiled, compile_content, one_line, render, render_slowly
from campaigns.content.filling import tidy
from campaigns.content.language import Sandbox
from campaigns.content.reads import pruned
from campaigns.content.slots import show_html, take_apart
from campaigns.content.texts import Text, Workshop
from campaigns.errors import DefinitionError
from campaigns.folders import compiled_content, read_folder, sample_ways
from campaigns.terms import ChannelName, Tier, WechatMode

SHIPPED = Path(__file__).resolve().parents[2] / "templates"
PARTS = {
    "foot.txt": "{{ site.name }}{% if member.unread %}<{{ member.unread }}>{% endif %}{{ contact.name }}",
    "tips.txt": "{% set tips = [{'title': '甲<', 'n': 1}, {'title': '乙'}] %}{% set one = 3 %}",
    "set.txt": "{% set a = 'x' %}{{ a }}",
    "reads.txt": "{{ n }}",
}


WORKSHOP = Workshop(PARTS)
SANDBOX = Sandbox(PARTS, autoescape=True)


def texts(source: str) -> list[Text]:
    return [make(source, "email.txt") for make in (WORKSHOP.text, WORKSHOP.html, WORKSHOP.wechat)]


def outcome(work: Callable[[], Any]) -> Any:
    """The result, or what was said against it, less the places in memory that an error of the engine may name."""
    try:
        return work()
    except DefinitionError as exc:
        return exc.file, exc.key, re.sub(r"0x[0-9a-f]+", "0x", exc.problem)


# ---- what people are called --------------------------------------------------------------------------------------

HOSTILE = [
    "{{ 7*7 }}",
    "{% for n in range(9) %}",
    "<script>alert('1')</script>&amp;\"",
    "大同\r\nBcc: x@example.com",
    "\n\n\n",
    " \t\n",
    "\ud800",
    "\x00\x85\u2028",
    "＜a>< / A href=x>WeiXin://weixin:甲",
    "园区" * 20_000,
]
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=8)
FACTS = st.fixed_dictionaries(
    {
        "member": st.fixed_dictionaries(
            {
                "name": NAMES,
                "unread": st.integers(-3, 99),
                "never_in": st.booleans(),
                "since": st.dates().map(str),
                "attr": st.dictionaries(st.sampled_from(["园区", "电话"]), NAMES),
            }
        ),
        "contact": st.fixed_dictionaries({"name": NAMES | st.none() | st.floats()}),
        "site": st.fixed_dictionaries({"name": NAMES, "sign_name": st.just("古城人才网")}),
        "digest": st.lists(
            st.fixed_dictionaries({"title": NAMES}, optional={"city": st.just("大同")}), min_size=1, max_size=3
        ),
        "links": st.fixed_dictionaries({"click": st.just("https://huifang.example.com/c/1")}),
    }
)

# ---- what the slots must fill by themselves ----------------------------------------------------------------------

VALUES = [
    "member.name",
    "member['name']",
    "contact.name",
    "member.unread",
    "site.name",
    "links.click",
    "member.name or '同行'",
    "member.attr.园区 | default('没<填')",
    "member.attr.电话 | default",
    "member.since[5:7]|int",
    "member.name|truncate(6, true, '…', 0)",
    "'多' if member.unread > 3 and member.attr.电话 is defined else '少'",
    "-member.unread // 2 % 5 - 1",
    "left / 2",
    "digest[0].title",
    "digest|length",
]
TESTS = [
    "member.unread",
    "not member.never_in",
    "member.name == '春节'",
    "member.name in ('元旦', '\\n\\n\\n')",
    "contact.name is not none",
    "member.attr.电话 is defined",
    "left >= 3 or digest",
]
FIXED = st.sampled_from(["您好，", " ", "\n", "\n\n\n", "<b>&", "\t \n", "%s {0}", "{% include 'foot.txt' %}"])
SLOTS = st.sampled_from(VALUES).map("{{{{ {} }}}}".format)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tests = st.sampled_from(TESTS)
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, tests, inner),
        st.builds(
            "{{% if {} %}}{}{{% elif {} %}}{}{{% else %}}{}{{% endif %}}".format, tests, inner, tests, inner, inner
        ),
    )


SAID = st.recursive(FIXED | SLOTS, larger, max_leaves=8)
NOT_TAKING_IN = SAID.filter(lambda body: "include" not in body)
LISTED = st.builds(
    "{}{{% for line in digest %}}{}{{{{ loop.index }}}}{{{{ line.title }}}}{{% if line.city is defined %}}"
    "{{{{ line.city }}}}{{% endif %}}{{% else %}}{}{{% endfor %}}{}".format,
    SAID,
    NOT_TAKING_IN,
    NOT_TAKING_IN,
    SAID,
)
ORDINARY = (SAID | LISTED).map(
    "{{% from 'tips.txt' import tips as all %}}{{% set tip = all[1] %}}"
    "{{% set left = member.unread or 0 %}}{}{{{{ tip.title }}}}".format
)


@settings(max_examples=60, deadline=None)
@given(source=ORDINARY, facts=FACTS)
def test_what_authors_usually_write_is_filled_without_the_template_engine_and_the_same_byte_for_byte(
    source: str, facts: dict[str, Any]
) -> None:
    parts = {name: SANDBOX.parse(text) for name, text in PARTS.items()}
    fast = take_apart(SANDBOX.parse(source), SANDBOX, show_html, parts)
    assert fast(facts) == SANDBOX.from_string(source).render(facts)
    for text in texts(source):
        assert text.fill(facts) == text.fill_slowly(facts)


# ---- and what they may leave to it ---------------------------------------------------------------------------------

PATHS = [
    "member",
    "member.name",
    "member.attr.园区",
    "member.items",
    "member['items']",
    "member.0",
    "contact.nope",
    "digest",
    "digest[0].title",
    "n",
    "n.title",
    "a",
    "nope",
    "nope.x",
    "range",
    "self",
    "loop",
    "loop.index",
    "loop.last",
]
CONSTANTS = ["0", "3", "1.5", "true", "none", "'<甲>'", "''", "('高端', 1)", "[1, 2]", "{'title': 1}"]
FILTERS = ["default('<')", "d", "default('x', true)", "first", "last", "count", "int", "lower", "upper", "trim"]
ODD_TESTS = ["is defined", "is undefined", "is not none", "is odd", "is string", "is mapping", "is in ['甲', 3]"]
SIGNS = ["==", "!=", ">", ">=", "<", "<=", "in", "not in", "and", "or", "-", "/", "//", "%"]


def larger_expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    paths = st.sampled_from(PATHS)
    return st.one_of(
        st.builds("({} | {})".format, inner, st.sampled_from(FILTERS)),
        st.builds("({} {})".format, inner, st.sampled_from(ODD_TESTS)),
        st.builds("({} {} {})".format, inner, st.sampled_from(SIGNS), inner),
        st.builds("({} < {} <= {})".format, inner, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} if {})".format, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("({})[{}]".format, paths, inner),
        st.builds("({})[{}:{}]".format, paths, st.sampled_from(["", "1", "-2"]), st.sampled_from(["", "3"])),
        st.builds("({}).title".format, inner),
    )


EXPRESSIONS = st.recursive(st.sampled_from(PATHS) | st.sampled_from(CONSTANTS), larger_expressions, max_leaves=4)
NAMED = st.sampled_from(["n", "a", "member", "x"])
TAKEN_IN = [
    "{% include 'foot.txt' %}",
    "{% include 'set.txt' %}",
    "{% include 'foot.txt' without context %}",
    "{% include 'nowhere.txt' ignore missing %}",
    "{% include nope %}",
    "{% from 'tips.txt' import tips %}",
    "{% from 'tips.txt' import tips as a, one %}",
    "{% from 'tips.txt' import nope %}",
    "{% for tip in tips %}{{ loop.index }}{{ tip.title }}{% endfor %}",
    "{{- member.name -}}",
]


def larger_bodies(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, inner, inner),
        st.builds("{{% for {} in {} %}}{}{{% endfor %}}".format, NAMED, EXPRESSIONS, inner),
        st.builds("{{% for {} in {} %}}{}{{% else %}}{}{{% endfor %}}".format, NAMED, EXPRESSIONS, inner, inner),
        st.builds("{{% for x in {} if {} %}}{}{{% endfor %}}".format, EXPRESSIONS, EXPRESSIONS, inner),
        st.builds("{{% set {} = {} %}}".format, NAMED, EXPRESSIONS),
        st.sampled_from(TAKEN_IN),
    )


ANYTHING = st.recursive(FIXED | EXPRESSIONS.map("{{{{ {} }}}}".format), larger_bodies, max_leaves=8)


class Giving(dict[str, Any]):
    """A table that is none of JSON's: it has whatever it is asked for."""

    def __missing__(self, key: str) -> str:
        return f"给{key}"


def tables(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    table = st.dictionaries(st.sampled_from(["name", "attr", "园区", "items", "title"]), inner, max_size=4)
    return st.one_of(table, st.lists(inner, max_size=3), st.builds(OrderedDict, table), st.builds(Giving, table))


ODD = [Markup("<b>甲</b>"), Tier.TOP, True, None, 0, -7, 12, 0.1, float("nan"), b"<b>", ("甲", 1), len]
ODDITIES = st.recursive(NAMES | st.sampled_from(ODD), tables, max_leaves=8)
ODD_FACTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("member", "contact", "site", "digest", "n", "a", "loop", "range", "self"), ODDITIES),
)


@settings(max_examples=100, deadline=None)
@given(source=ANYTHING, facts=FACTS | ODD_FACTS)
def test_whatever_is_written_and_filled_in_the_slots_agree_with_the_template_engine_in_its_errors_too(
    source: str, facts: dict[str, Any]
) -> None:
    made = outcome(lambda: texts(source))
    if isinstance(made, tuple):  # not a template
        return
    for text in made:
        assert outcome(lambda text=text: text.fill(facts)) == outcome(lambda text=text: text.fill_slowly(facts))


class Titled(dict[str, Any]):
    """A table that has an attribute, too."""

    title = "属性"


LINES = {"digest": [{"title": "甲", "list": [1, 2]}, {"title": "", "list": [3]}], "n": 9, "a": "外"}
CORNERS: list[tuple[str, dict[str, Any]]] = [
    # constants are shown when a text is compiled, and otherwise than values
    ("{{ none }}|{{ true }}|{{ '<' }}|{{ 'a<' if true else n }}", LINES),
    # only texts, numbers and None are shown
    *(("<{{ n }}>", {"n": odd}) for odd in [*ODD, {}, [1]]),
    # a table's own attributes come before what stands in it
    ("{{ n.items }}", {"n": {"items": "甲"}}),
    ("{{ n['items'] }}{{ n['keys'] is defined }}", {"n": {"items": "甲"}}),
    ("{{ n.title }}", {"n": Titled(title="里")}),
    ("{{ n.title | default('没填') }}", {"n": Titled()}),
    ("{{ n.title }}{{ n.name }}", {"n": Giving(title="里")}),
    # names that Jinja gives itself
    ("{{ range }}{{ self }}", {"range": "甲", "self": "乙"}),
    ("{{ self }}", {"self": "甲"}),
    ("{{ loop }}", {"loop": "甲"}),
    ("{{ loop.index }}", {"loop": {"index": "甲"}}),
    ("{% for x in digest %}{{ loop }}{% endfor %}", LINES),
    ("{% for x in digest %}{{ loop.length }}{% endfor %}", {**LINES, "loop": "甲"}),
    ("{% for x in digest %}{{ loop|length }}{% endfor %}", {**LINES, "loop": "甲"}),
    (
        "{% for x in digest %}{{ loop.index }}{% for y in x.list %}{{ loop.index }}{{ y }}{% endfor %}{% endfor %}",
        LINES,
    ),
    # a loop keeps its names to itself, a branch and the top do not
    ("{% for n in digest %}{{ n.title }}{% set a = 1 %}{% endfor %}{{ n }}{{ a }}", LINES),
    ("{% for n in digest %}{{ n.title }}{% else %}没有{% endfor %}{{ n }}", LINES),
    ("{% for n in digest %}{% else %}{{ n }}{% endfor %}", {"digest": [], "n": 9}),
    ("{% for x in digest if x.title %}[{{ x.title }}]{% endfor %}", LINES),
    ("{% for x, y in digest %}{{ y }}{% endfor %}", {"digest": [("甲", "乙")]}),
    ("{% if n %}{% set a = n %}{% endif %}{{ a }}", LINES),
    ("{{ a }}{% set a = n %}{{ a }}", LINES),
    ("{% include 'set.txt' %}{{ a }}", LINES),
    ("{% include 'reads.txt' %}", LINES),
    ("{% include 'reads.txt' without context %}", LINES),
    ("{% include a %}", {**LINES, "a": "reads.txt"}),
    # comparing and counting
    ("{{ 1 < n <= 3 }}{{ n < 3 < 99 }}", LINES),
    *(
        (f"{{{{ n {sign} 9 }}}}{{{{ n {sign} 8 }}}}{{{{ n {sign} 10 }}}}", LINES)
        for sign in ("==", "!=", ">=", ">", "<=", "<")
    ),
    ("{{ n % 2 }}{{ n // 2 }}{{ n / 2 }}{{ n - 1 }}{{ -n }}{{ not n }}", LINES),
    ("{{ n % 2 }}", {"n": "%9d"}),
    ("{{ n in a }}{{ n not in a }}{{ a[:1] }}{{ a[1:] }}{{ a[::-1] }}", {"n": "甲", "a": "甲乙"}),
    # what is not there
    ("{{ a.b | default('没填') }}{{ a.b is defined }}{{ a.b is undefined }}", {"a": {}}),
    ("{{ a.b | default('没填') }}{{ a.b is defined }}{{ a.b is undefined }}", {"a": {"b": None}}),
    ("{{ a.b | default('没填', true) }}", {"a": {"b": ""}}),
    ("{{ a.b | default('没填') }}", {"a": None}),
    ("{{ a | default('没填') }}", {}),
    ("{{ a.b.c | default('没填') }}", {"a": {}}),
    ("{{ a.b }}", {"a": {}}),
    ("{{ n if a.b }}", {"a": {"b": 0}, "n": 1}),
]


@pytest.mark.parametrize(("source", "facts"), CORNERS)
def test_the_slots_agree_with_the_template_engine_in_its_corners(source: str, facts: dict[str, Any]) -> None:
    given_before = repr(facts)
    for text in texts(source):
        assert outcome(lambda text=text: text.fill(facts)) == outcome(lambda text=text: text.fill_slowly(facts))
    assert repr(facts) == given_before


@pytest.mark.parametrize(("source", "facts"), CORNERS)
def test_what_is_kept_is_enough_in_the_corners(source: str, facts: dict[str, Any]) -> None:
    said_again(source, facts)


def test_a_number_too_long_to_be_shown_is_refused_by_both() -> None:
    for text in texts("{{ n }}"):
        said = outcome(lambda text=text: text.fill({"n": 10**5000}))
        assert said == outcome(lambda text=text: text.fill_slowly({"n": 10**5000}))
        assert said[:2] == ("email.txt", "template")


@pytest.mark.parametrize("source", ["(" * 3000, "a" + " and a" * 3000, "a" + ".a" * 3000])
def test_an_expression_nested_beyond_reason_is_refused_by_its_file(source: str) -> None:
    with pytest.raises(DefinitionError, match=r"email\.txt: template"):
        texts(f"{{{{ {source} }}}}")


# ---- what is kept --------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(source=ORDINARY | ANYTHING, facts=FACTS | ODD_FACTS)
def test_what_is_kept_of_the_facts_says_the_same_words_again(source: str, facts: dict[str, Any]) -> None:
    said_again(source, facts)


def kept_facts(
    compiled: Compiled, channel: ChannelName, mode: WechatMode | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    kept: dict[str, Any] = pruned(dict(given), compiled.kept_for(channel, mode, str(given.get("intent", ""))))
    return kept


def said_again(source: str, facts: dict[str, Any]) -> None:
    toml = f"[custom]\ntext = {json.dumps(source)}\n"
    try:
        compiled = compile_content({**PARTS, "wechat.toml": toml})
    except DefinitionError:
        return
    kept = kept_facts(compiled, ChannelName.WECHAT, WechatMode.CUSTOM, facts)
    again = {**kept, **({"links": facts["links"]} if "links" in facts else {})}
    assert outcome(lambda: render(compiled, ChannelName.WECHAT, again, WechatMode.CUSTOM)) == outcome(
        lambda: render(compiled, ChannelName.WECHAT, facts, WechatMode.CUSTOM)
    )


def test_only_what_the_words_read_is_kept() -> None:
    source = (
        "{{ member.name }}{{ member.attr.园区 }}{% for line in digest %}{{ line.title }}{% endfor %}{{ links.click }}"
    )
    facts = {
        "member": {"name": "甲", "city": "大同", "attr": {"园区": "开发区", "电话": "0352"}},
        "digest": [{"title": "电焊工", "heads": 3}],
        "links": {"click": "https://huifang.example.com/c/1"},
        "contact": {"name": "乙"},
    }
    compiled = compile_content({"wechat.toml": f"[custom]\ntext = {json.dumps(source)}\n"})
    assert kept_facts(compiled, ChannelName.WECHAT, WechatMode.CUSTOM, facts) == {
        "member": {"name": "甲", "attr": {"园区": "开发区"}},
        "digest": [{"title": "电焊工", "heads": 3}],
    }
    assert compiled.variables_used(ChannelName.WECHAT, WechatMode.CUSTOM) == {
        "member.name",
        "member.attr.园区",
        "digest",
        "links.click",
    }
    assert compiled.variables_used(ChannelName.EMAIL) == frozenset()


# ---- the ends of a text ------------------------------------------------------------------------------------------

BLANKS = st.text(st.sampled_from("甲 \t\n\r\x85\u2028\u3000\x00\ud800"), max_size=12)


@given(BLANKS)
@example("甲 \n乙")
@example("甲\t\n乙")
@example("甲\n\n\n乙")
@example("甲\n \n\t\n乙")
def test_what_is_in_order_is_left_alone_and_the_rest_tidied(text: str) -> None:
    assert tidy(text) == re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()
    assert one_line(text) == re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def test_every_control_character_and_line_separator_becomes_a_blank() -> None:
    broken = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)]
    assert [one_line(f"甲{character}乙") for character in broken] == ["甲 乙"] * len(broken)
    others = [chr(code) for code in range(0x20, 0x110000) if chr(code) not in broken]
    assert one_line(f"甲{''.join(others)}乙") == f"甲{''.join(others)}乙"


# ---- the shipped words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(path.parent.name for path in SHIPPED.glob("*/campaign.toml")))
def test_shipped_words_are_the_same_quickly_slowly_and_from_what_is_kept(key: str) -> None:
    folder = read_folder(SHIPPED / key)
    compiled = compiled_content(folder.files)
    for way in sample_ways(folder, compiled):
        words = way.words(compiled)
        assert words == render_slowly(compiled, way.channel, way.given, way.mode)
        kept = kept_facts(compiled, way.channel, way.mode, way.given)
        assert "links" not in kept
        assert words == render(compiled, way.channel, {**kept, "links": way.given["links"]}, way.mode)

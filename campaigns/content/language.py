"""What a template may say, and the sandbox it is said in.

Values, `if` and `for`, and another .txt of its own content version. It cannot call anything, nor run long: whatever
could grow beyond its own length is not part of the language.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from campaigns.errors import DefinitionError

# What a template may be made of, by the names Jinja gives the pieces.
_LANGUAGE = re.compile(
    "TemplateData|Output|If|For|Assign|Include|FromImport|Name|Const|List|Tuple|Dict|Pair|Keyword|Getattr|Getitem|Slice"
    "|CondExpr|Compare|Operand|And|Or|Not|Neg|Sub|Div|FloorDiv|Mod|Test|Filter"
)
_FILTERS = re.compile("default|d|first|last|length|count|int|lower|upper|trim|truncate")
_WECHAT_TAG = re.compile(r"<(?=\s*/?\s*a(?![a-z0-9]))", re.IGNORECASE)
_WECHAT_SCHEME = re.compile(r"(weixin):(?=//)", re.IGNORECASE)


class Sandbox(ImmutableSandboxedEnvironment):
    """Where templates are read and filled: a missing variable is an error, and only texts and numbers are shown."""

    intercepted_binops = frozenset({"%"})

    def __init__(
        self, parts: Mapping[str, str], *, autoescape: bool = False, finalize: Callable[[Any], Any] | None = None
    ) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=autoescape,
            finalize=finalize or _shown,
            loader=DictLoader(dict(parts)),
        )

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, str):  # a format's width is as long as its author likes
            raise SecurityError("% is for numbers")
        return super().call_binop(context, operator, left, right)


@contextmanager
def blaming(file: str) -> Iterator[None]:
    """Whatever the template engine or Python has against a text is a mistake in that file."""
    try:
        yield
    except (TemplateError, SyntaxError, RecursionError) as exc:
        raise DefinitionError(file, "template", f"模板写错了：{exc} (cannot be compiled)") from exc


def check_language(tree: nodes.Template, file: str) -> None:
    """No calls, macros, products or joined texts, nothing marked safe, and loops at most two deep."""
    for node in tree.find_all(nodes.Node):
        if problem := _outside_language(node):
            raise DefinitionError(file, f"第{node.lineno}行", f"模板里不能用 {problem} (not part of the language)")


def shared_parts(files: Mapping[str, str]) -> dict[str, str]:
    """The files that others may take in: texts that take in nothing themselves, so that no chain of them grows."""
    sandbox = Sandbox({})
    found: dict[str, str] = {}
    for name, text in files.items():
        if not name.endswith(".txt"):
            continue
        with blaming(name):
            tree = sandbox.parse(text)
            if not takes_in(tree):
                check_language(tree, name)
                found[name] = text
    return found


def takes_in(node: nodes.Node) -> bool:
    return any(isinstance(one, nodes.Include | nodes.FromImport) for one in node.find_all(nodes.Node))


def no_link(value: Any) -> Any:
    """WeChat makes links of what a text holds: of the author's own, never of somebody's name."""
    if isinstance(value, str):
        value = _WECHAT_SCHEME.sub(r"\1：", _WECHAT_TAG.sub("＜", value))
    return _shown(value)


def _outside_language(node: nodes.Node) -> str:
    match node:
        case nodes.Filter(name=name) if not _FILTERS.fullmatch(name):
            return f"|{name}"
        case nodes.Getattr(attr=attr) if attr.startswith("_"):
            return f".{attr}"
        case nodes.List() | nodes.Tuple() | nodes.Dict() if _holds_values(node):
            return "[变量]"
        case nodes.For() if takes_in(node):
            return "for 里的 include"
        case nodes.For() if any(inner.find(nodes.For) for inner in node.find_all(nodes.For)):
            return "三层 for"
        case _ if not _LANGUAGE.fullmatch(type(node).__name__):
            return type(node).__name__.lower()
    return ""


def _holds_values(node: nodes.Node) -> bool:
    """A list of lists of itself, forty deep, is short to write and endless to show."""
    return any(name.ctx == "load" for name in node.find_all(nodes.Name))


def _shown(value: Any) -> Any:
    """Texts and numbers are shown, a method or a whole table never; None is nothing to show."""
    if value is None:
        return ""
    if isinstance(value, str | int | float | Undefined):
        return value
    raise SecurityError(f"a {type(value).__name__} is neither text nor number")

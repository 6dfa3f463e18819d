"""A template taken apart: fixed texts with slots between them, filled without a template engine.

Jinja takes 20 to 60 µs for a text of a mail; this takes a few. It covers what Jinja does with plain values, in the
same order and with the same result. The rest, and every surprise (a variable that is missing, a value of another
type), ends in an exception, and then Jinja fills the whole text and says what is wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import nodes

from campaigns.content.expressions import Expressions, NotPlain, Scope, Value, constant
from campaigns.content.language import Sandbox

Fill = Callable[[Scope], str]
Show = Callable[[Any], str]
_Piece = str | Fill
_NUMBERS = frozenset({int, float, bool})


def take_apart(tree: nodes.Template, sandbox: Sandbox, show: Show, parts: Mapping[str, nodes.Template]) -> Fill:
    """`show` makes text of a value as the sandbox would; `parts` are what may be taken in. Raises NotPlain."""
    return _Splitter(sandbox, show, parts).template(tree)


def show_text(value: Any) -> str:
    """Raises NotPlain."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind in _NUMBERS:
        return str(value)
    if value is None:
        return ""
    raise NotPlain


def show_html(value: Any) -> str:
    """Five times `replace` is half the cost of markupsafe, which makes an object of each text. Raises NotPlain."""
    if type(value) is not str:
        return show_text(value)
    if value.isalnum():  # most names are
        return value
    text = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("'", "&#39;").replace('"', "&#34;")


class _Splitter:
    def __init__(self, sandbox: Sandbox, show: Show, parts: Mapping[str, nodes.Template]) -> None:
        self._sandbox = sandbox
        self._show = show
        self._parts = parts
        self._expressions = Expressions(sandbox)

    def template(self, tree: nodes.Template) -> Fill:
        """Names are given at the top only, where they hold from there to the end for Jinja as for a scope."""
        pieces: list[_Piece] = []
        names = False
        for node in tree.body:
            match node:
                case nodes.Assign(target=nodes.Name(name=name), node=expression):
                    pieces.append(_assign(name, self._expressions.value(expression)))
                    names = True
                case nodes.FromImport():
                    pieces += [_assign(name, constant(value)) for name, value in self._imported(node)]
                    names = True
                case _:
                    pieces += self._pieces([node])
        fill = _joined(pieces)
        return (lambda scope: fill(scope.copy())) if names else fill

    def _body(self, body: Iterable[nodes.Node]) -> Fill:
        return _joined(self._pieces(body))

    def _pieces(self, body: Iterable[nodes.Node]) -> Iterator[_Piece]:
        for node in body:
            match node:
                case nodes.Output():
                    yield from (self._shown(one) for one in node.nodes)
                case nodes.If():
                    yield self._if(node)
                case nodes.For():
                    yield self._for(node)
                case nodes.Include(template=nodes.Const(value=str(name)), with_context=True) if name in self._parts:
                    yield from self._pieces(self._parts[name].body)
                case _:
                    raise NotPlain

    def _shown(self, node: nodes.Expr) -> _Piece:
        if isinstance(node, nodes.TemplateData):
            return node.data
        if self._expressions.is_constant(node):  # Jinja shows it when it compiles, and not as it shows a value
            raise NotPlain
        value, show = self._expressions.value(node), self._show
        return lambda scope: show(value(scope))

    def _if(self, node: nodes.If) -> Fill:
        branches = [(self._expressions.value(one.test), self._body(one.body)) for one in [node, *node.elif_]]
        otherwise = self._body(node.else_)

        def fill(scope: Scope) -> str:
            for test, body in branches:
                if test(scope):
                    return body(scope)
            return otherwise(scope)

        return fill

    def _for(self, node: nodes.For) -> Fill:
        if not isinstance(node.target, nodes.Name) or node.test or node.recursive:
            raise NotPlain
        name, many, otherwise = node.target.name, self._expressions.value(node.iter), self._body(node.else_)
        self._expressions.loops += 1
        body = self._body(node.body)
        self._expressions.loops -= 1

        def fill(scope: Scope) -> str:
            inner = scope.copy()
            said = []
            for index, one in enumerate(many(scope), 1):
                inner[name], inner["loop"] = one, {"index": index}
                said.append(body(inner))
            return "".join(said) if said else otherwise(scope)

        return fill

    def _imported(self, node: nodes.FromImport) -> Iterator[tuple[str, Any]]:
        """What is imported knows no variables, so its values are the same for everybody."""
        if not isinstance(node.template, nodes.Const) or node.with_context:
            raise NotPlain
        try:
            module = self._sandbox.get_template(node.template.value).module
        except Exception as exc:  # what an author wrote may fail in any way Python can
            raise NotPlain from exc
        for asked in node.names:
            name, alias = asked if isinstance(asked, tuple) else (asked, asked)
            if not hasattr(module, name):
                raise NotPlain
            yield alias, getattr(module, name)


def _joined(pieces: Iterable[_Piece]) -> Fill:
    """Neighbouring texts become one, and only the slots are asked."""
    parts: list[str] = []
    slots: list[tuple[int, Fill]] = []
    for piece in pieces:
        if not isinstance(piece, str):
            slots.append((len(parts), piece))
            parts.append("")
        elif parts and not (slots and slots[-1][0] == len(parts) - 1):
            parts[-1] += piece
        else:
            parts.append(piece)
    if not slots:
        return constant("".join(parts))

    def fill(scope: Scope) -> str:
        filled = parts.copy()
        for place, slot in slots:
            filled[place] = slot(scope)
        return "".join(filled)

    return fill


def _assign(name: str, value: Value) -> Fill:
    def fill(scope: Scope) -> str:
        scope[name] = value(scope)
        return ""

    return fill

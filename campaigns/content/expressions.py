"""Expressions of a template as functions of the variables, with Jinja's results for plain values.

They raise whatever they like where Jinja would find something undefined or refuse: it is asked again then.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined, nodes
from jinja2.nodes import EvalContext

from campaigns.content.language import Sandbox

Scope = dict[str, Any]
Value = Callable[[Scope], Any]


class NotPlain(Exception):
    """Only the template engine can say this."""


_METHODS = frozenset(dir(dict))  # `a.b` finds these on a table before it looks into it
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda one, many: one in many,
    "notin": lambda one, many: one not in many,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "-": operator.sub,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": lambda one, other: operator.mod(_number(one), other),
}
_OWN_NAMES = frozenset({"self", "loop"})  # Jinja's
# What is said of a variable that may be missing.
_FOR_MISSING = frozenset({"default", "d", "defined", "undefined"})


class Expressions:
    """`loops` counts the loops around what is being read: in one `loop.index` is known, and stands in the scope."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.loops = 0

    def is_constant(self, node: nodes.Expr) -> bool:
        try:
            node.as_const(EvalContext(self._sandbox))
        except Exception:  # as Jinja does it
            return False
        return True

    def value(self, node: nodes.Node | None) -> Value:
        """Raises NotPlain."""
        match node:
            case nodes.Name(name=name) if name not in _OWN_NAMES:
                return operator.itemgetter(name)
            case nodes.Const(value=value):
                return constant(value)
            case nodes.List() | nodes.Tuple() | nodes.Dict() if self.is_constant(node):
                return constant(node.as_const(EvalContext(self._sandbox)))
            case nodes.Getattr(node=nodes.Name(name="loop"), attr="index") if self.loops:
                return lambda scope: scope["loop"]["index"]
            case nodes.Getattr(node=nodes.Name(name=table), attr=name) if (
                name not in _METHODS and table not in _OWN_NAMES
            ):
                return _attribute_of(table, name)
            case nodes.Getattr(node=owner, attr=name) if name not in _METHODS:
                return _attribute(self.value(owner), name)
            case nodes.Getitem(node=owner, arg=nodes.Slice(start=start, stop=stop, step=step)):
                return _cut(self.value(owner), *(self.value(one or nodes.Const(None)) for one in (start, stop, step)))
            case nodes.Getitem(node=owner, arg=key):
                return _both(operator.getitem, self.value(owner), self.value(key))
            case nodes.Compare(expr=first, ops=[nodes.Operand(op=sign, expr=second)]):
                return _both(_COMPARE[sign], self.value(first), self.value(second))
            case nodes.BinExpr(operator=sign, left=left, right=right) if sign in _ARITHMETIC:
                return _both(_ARITHMETIC[sign], self.value(left), self.value(right))
            case nodes.Neg(node=one):
                return _of(operator.neg, self.value(one))
            case nodes.Filter():
                return self._call(self._sandbox.call_filter, node)
            case nodes.Test():
                return self._call(self._sandbox.call_test, node)
        return self._choice(node)

    def _choice(self, node: nodes.Node | None) -> Value:
        match node:
            case nodes.CondExpr(test=test, expr1=yes, expr2=no) if no:
                return _if(self.value(test), self.value(yes), self.value(no))
            case nodes.And(left=left, right=right):
                return _and(self.value(left), self.value(right))
            case nodes.Or(left=left, right=right):
                return _or(self.value(left), self.value(right))
            case nodes.Not(node=one):
                return _of(operator.not_, self.value(one))
        raise NotPlain

    def _call(self, call: Callable[..., Any], node: nodes.Filter | nodes.Test) -> Value:
        if node.dyn_args or node.dyn_kwargs or not isinstance(node.node, nodes.Expr):
            raise NotPlain
        value = self._maybe(node.node) if node.name in _FOR_MISSING else self.value(node.node)
        args = [self.value(one) for one in node.args]
        kwargs = {str(pair.key): self.value(pair.value) for pair in node.kwargs}
        return lambda scope: call(
            node.name, value(scope), [one(scope) for one in args], {key: one(scope) for key, one in kwargs.items()}
        )

    def _maybe(self, node: nodes.Expr) -> Value:
        """The value, or Jinja's own sign that there is none."""
        if not isinstance(node, nodes.Getattr) or node.attr in _METHODS:
            return self.value(node)
        return _attribute_or(self.value(node.node), node.attr, self._sandbox.undefined(name=node.attr))


def constant(value: Any) -> Value:
    return lambda scope: value


def _attribute(owner: Value, name: str) -> Value:
    def get(scope: Scope) -> Any:
        table = owner(scope)
        if type(table) is not dict:
            raise NotPlain
        return table[name]

    return get


def _attribute_of(table: str, name: str) -> Value:
    """What most slots say, `member.name`, in one call for three."""

    def get(scope: Scope) -> Any:
        found = scope[table]
        if type(found) is not dict:
            raise NotPlain
        return found[name]

    return get


def _attribute_or(owner: Value, name: str, missing: Undefined) -> Value:
    def get(scope: Scope) -> Any:
        table = owner(scope)
        if type(table) is not dict:
            raise NotPlain
        return table.get(name, missing)

    return get


def _cut(whole: Value, start: Value, stop: Value, step: Value) -> Value:
    return lambda scope: whole(scope)[start(scope) : stop(scope) : step(scope)]


def _if(test: Value, yes: Value, no: Value) -> Value:
    return lambda scope: yes(scope) if test(scope) else no(scope)


def _of(work: Callable[[Any], Any], one: Value) -> Value:
    return lambda scope: work(one(scope))


def _both(work: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    return lambda scope: work(left(scope), right(scope))


def _and(left: Value, right: Value) -> Value:
    return lambda scope: left(scope) and right(scope)


def _or(left: Value, right: Value) -> Value:
    return lambda scope: left(scope) or right(scope)


def _number(value: Any) -> Any:
    if isinstance(value, str):  # a format's width is as long as its author likes
        raise NotPlain
    return value

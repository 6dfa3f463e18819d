"""Which variables words read, as the paths to them, and a set of variables cut down to those."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import meta, nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from campaigns.content.language import Sandbox, blaming

Path = tuple[str, ...]
# A tree of names; None means: with everything below.
Reads = Mapping[str, "Reads | None"]

NOT_WORDS = re.compile(r"(campaign|(.*/)?sample)\.toml")
# Given where words are filled, beside `variables`: the answer's own, and the fields of a WeChat notice.
_GIVEN_LATER = frozenset({"answer", "answer_lines", "data"})


def unknown_names(files: Mapping[str, str], known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(file, name) of what words ask for and `known` has not, in the branches that no sample takes, too."""
    found: dict[tuple[str, str], None] = {}
    sandbox = Sandbox({})
    for file, text in files.items():
        if NOT_WORDS.fullmatch(file):
            continue
        with blaming(file):
            tree = sandbox.parse(text)
        unknown = meta.find_undeclared_variables(tree) - set(known) - _GIVEN_LATER
        found |= {(file, name): None for name in sorted(unknown)}
        for asked in tree.find_all(nodes.Getattr):
            owner = known.get(asked.node.name) if isinstance(asked.node, nodes.Name) else None
            if isinstance(owner, Mapping) and asked.attr not in owner:
                found[file, asked.attr] = None
    return list(found)


def paths_read(tree: nodes.Template) -> frozenset[Path]:
    """Every variable of this text, whichever branch asks for it: `{{ member.attr.园区 }}` is (member, attr, 园区)."""
    asked = (meta.find_undeclared_variables(tree) | set(DEFAULT_NAMESPACE)) - _GIVEN_LATER
    return frozenset(path for path in _paths(tree) if path[0] in asked)


def path_of(node: nodes.Node) -> Path | None:
    """Of `a`, `a.b`, `a["b"]` and so on; None for anything else."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return (name,)
        case nodes.Getattr(node=owner, attr=str(key)) | nodes.Getitem(node=owner, arg=nodes.Const(value=str(key))):
            above = path_of(owner)
            return (*above, key) if above else None
    return None


def reads(paths: Iterable[Path]) -> Reads:
    """A path that ends above another one takes everything below with it."""
    tree: dict[str, Any] = {}
    for path in sorted(paths, key=len, reverse=True):
        branch = tree
        for name in path[:-1]:
            branch = branch.setdefault(name, {})
        branch[path[-1]] = None
    return tree


def pruned(value: Any, tree: Reads | None) -> Any:
    """The same with nothing beside what the tree names. What is no plain table is kept whole."""
    if tree is None or type(value) is not dict:
        return value
    return {name: pruned(value[name], below) for name, below in tree.items() if name in value}


def _paths(node: nodes.Node) -> Iterator[Path]:
    if path := path_of(node):
        yield path
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)

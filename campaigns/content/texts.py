"""One text of a content version, made ready once and filled for everybody."""

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Template, meta, nodes

from campaigns.content.expressions import NotPlain, Scope
from campaigns.content.language import Sandbox, blaming, check_language, no_link, shared_parts
from campaigns.content.reads import Path, paths_read
from campaigns.content.slots import Fill, Show, show_html, show_text, take_apart
from campaigns.errors import DefinitionError

UNDEFINED = "没有这个变量，能用的都在 _shared/sample.toml 里 (undefined)"
_MISSING = re.compile(r"^'(\w+)' is undefined|has no attribute '(\w+)'")


class Text:
    """A subject, a body or a field. `paths` are the variables it reads, `head` is what it begins with for everybody."""

    __slots__ = ("_fast", "_template", "file", "head", "paths")

    def __init__(self, file: str, template: Template, fast: Fill | None, paths: frozenset[Path], head: str) -> None:
        self.file = file
        self.paths = paths
        self.head = head
        self._template = template
        self._fast = fast

    def fill(self, variables: Scope) -> str:
        """Raises DefinitionError naming the file and the variable that is missing."""
        if self._fast is None:
            return self.fill_slowly(variables)
        try:
            return self._fast(variables)
        except Exception:  # whatever surprises the slots is for the template engine to fill or to refuse
            return self.fill_slowly(variables)

    def fill_slowly(self, variables: Scope) -> str:
        """The same by the template engine alone."""
        try:
            return self._template.render(variables)
        except Exception as exc:  # what an author wrote may fail in any way Python can
            if missing := _MISSING.search(str(exc)):
                raise DefinitionError(self.file, missing[1] or missing[2], UNDEFINED) from exc
            raise DefinitionError(self.file, "template", f"填不出来：{exc} (cannot be filled)") from exc


class Workshop:
    """Makes the texts of one content version, each named after its file."""

    def __init__(self, files: Mapping[str, str]) -> None:
        parts = shared_parts(files)
        self._html = Sandbox(parts, autoescape=True)
        self._text = Sandbox(parts)
        self._wechat = Sandbox(parts, finalize=no_link)
        self._parts = {name: self._text.parse(text) for name, text in parts.items()}

    def html(self, source: str, file: str) -> Text:
        return self._made(self._html, show_html, source, file)

    def text(self, source: object, file: str) -> Text:
        return self._made(self._text, show_text, str(source), file)

    def wechat(self, source: object, file: str) -> Text:
        """WeChat makes links of what a text holds: of the author's own, never of somebody's name."""
        return self._made(self._wechat, _show_wechat, str(source), file)

    def _made(self, sandbox: Sandbox, show: Show, source: str, file: str) -> Text:
        with blaming(file):
            tree = sandbox.parse(source)
            check_language(tree, file)
            template = sandbox.from_string(source)
            paths = paths_read(tree).union(*map(paths_read, self._taken_in(tree)))
            return Text(file, template, self._fast(tree, sandbox, show), paths, _head(tree))

    def _fast(self, tree: nodes.Template, sandbox: Sandbox, show: Show) -> Fill | None:
        try:
            return take_apart(tree, sandbox, show, self._parts)
        except (NotPlain, RecursionError):
            return None

    def _taken_in(self, tree: nodes.Template) -> list[nodes.Template]:
        names = set(meta.find_referenced_templates(tree))
        return [part for name, part in self._parts.items() if name in names or None in names]


def _head(tree: nodes.Template) -> str:
    match tree.body:
        case [nodes.Output(nodes=[nodes.TemplateData(data=fixed), *_]), *_]:
            return str(fixed)
    return ""


def _show_wechat(value: Any) -> str:
    return show_text(no_link(value)) if type(value) is str else show_text(value)

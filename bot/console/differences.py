"""Two versions of a text beside each other: which lines differ, and in them which words."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

MOST_LINES = 3000
"""Of each side: beyond it the comparison itself would hold everybody up."""
_LONGEST = 2000  # letters of a line whose words are compared
_AROUND = 3
_WORDS = re.compile(r"[A-Za-z0-9_]+|\s+|.", re.DOTALL)


_NOTHING = Markup()


@dataclass(frozen=True, slots=True)
class Row:
    """`kind`: same, changed, was (only before), is (only now), skip (`left_no` same lines left out)."""

    kind: str
    left_no: int = 0
    left: Markup = _NOTHING
    right_no: int = 0
    right: Markup = _NOTHING


def compare(before: str, after: str) -> list[Row] | None:
    """Line by line with three lines around each change; None where it is too much."""
    left, right = before.splitlines(), after.splitlines()
    if max(len(left), len(right)) > MOST_LINES:
        return None
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=len(left) + len(right) > 1000)
    return list(_folded(list(_rows(matcher, left, right))))


def _rows(matcher: difflib.SequenceMatcher[str], left: Sequence[str], right: Sequence[str]) -> Iterator[Row]:
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield from (
                Row("same", a + n + 1, escape(left[a + n]), c + n + 1, escape(left[a + n])) for n in range(b - a)
            )
            continue
        both = min(b - a, d - c)
        for n in range(both):
            yield Row("changed", a + n + 1, *_marked(left[a + n], right[c + n], c + n + 1))
        yield from (Row("was", n + 1, escape(left[n])) for n in range(a + both, b))
        yield from (Row("is", 0, Markup(), n + 1, escape(right[n])) for n in range(c + both, d))


def _marked(before: str, after: str, right_no: int) -> tuple[Markup, int, Markup]:
    if max(len(before), len(after)) > _LONGEST:
        return escape(before), right_no, escape(after)
    left, right = _WORDS.findall(before), _WORDS.findall(after)
    was, now = Markup(), Markup()
    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        old, new = "".join(left[a:b]), "".join(right[c:d])
        was += escape(old) if tag == "equal" else Markup("<del>{}</del>").format(old) if old else ""
        now += escape(new) if tag == "equal" else Markup("<ins>{}</ins>").format(new) if new else ""
    return was, right_no, now


def _folded(rows: Sequence[Row]) -> Iterator[Row]:
    """Long runs of equal lines become one row that says how many."""
    near = [False] * len(rows)
    for at, row in enumerate(rows):
        if row.kind != "same":
            for n in range(max(0, at - _AROUND), min(len(rows), at + _AROUND + 1)):
                near[n] = True
    hidden = 0
    for row, shown in zip(rows, near, strict=True):
        if not shown:
            hidden += 1
            continue
        if hidden:
            yield Row("skip", hidden)
            hidden = 0
        yield row
    if hidden:
        yield Row("skip", hidden)

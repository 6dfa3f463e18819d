"""The benchmarks' parts, what is wanted of them and the page about them speak of the same things."""

from pathlib import Path

from tests.benchmarks.__main__ import PARTS
from tests.benchmarks.figures import WANTED, Figures, Wanted, as_line

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")


def test_every_part_stands_on_the_page() -> None:
    assert [part for part in PARTS if f"| `{part}` |" not in _PAGE] == []


def test_every_figure_that_has_a_bound_stands_on_the_page() -> None:
    assert [figure for _, figure in WANTED if f"`{figure}`" not in _PAGE] == []


def test_what_is_wanted_is_wanted_of_a_part_that_there_is() -> None:
    assert {part for part, _ in WANTED} <= set(PARTS)


def test_a_bound_holds_on_its_own_side_only() -> None:
    least, most = Wanted("a", "b", 10), Wanted("a", "b", 10, at_most=True)
    assert [(least.holds(value), most.holds(value)) for value in (9, 10, 11)] == [
        (False, True),
        (True, True),
        (True, False),
    ]


def test_the_last_line_is_one_json_document() -> None:
    found: dict[str, Figures] = {"email": {"per_s": 10_000, "ratio": 0.6}}
    assert as_line(found) == '{"email": {"per_s": 10000, "ratio": 0.6}}'

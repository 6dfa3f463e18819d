"""The table of docs/reliability.md: one row a fault, written by `make faults` alone."""

from dataclasses import dataclass
from pathlib import Path

from tests.faults.books import Books

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGINS, _ENDS = "<!-- make faults: begin -->", "<!-- make faults: end -->"
_HEAD = (
    "| Fault | What was done | Messages | Lost | Doubled on at-most-once channels | Uncertain, all marked "
    "| Work went on after | Result |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """`went_on`: seconds from the end of the fault to the next message accepted; None where nothing stood still."""

    fault: str
    done: str
    books: Books
    went_on: float | None
    result: str

    def __str__(self) -> str:
        counts = (len(self.books.lost), len(self.books.doubled), len(self.books.uncertain))
        after = "–" if self.went_on is None else f"{self.went_on:.1f} s"
        cells = (self.fault, self.done, f"{self.books.messages:,}", *counts, after, self.result)
        return f"| {' | '.join(map(str, cells))} |"


class Rows:
    """What the tests of this run saw."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}
        self._failed: list[str] = []

    def add(self, fault: str, done: str, books: Books, *, went_on: float | None = None, result: str = "held") -> None:
        self._rows[fault, done] = _Row(fault, done, books, went_on, result)

    def failed(self, test: str) -> None:
        self._failed.append(test.rpartition("::")[2])

    def lines(self) -> list[str]:
        held = [str(row) for row in sorted(self._rows.values(), key=_order)]
        return held + [f"| – | {test} | – | – | – | – | – | **failed** |" for test in self._failed]

    def __len__(self) -> int:
        return len(self._rows)


def write_table(rows: Rows, page: Path = PAGE) -> None:
    """Put the table between the page's two marks."""
    text = page.read_text(encoding="utf-8")
    before, begins, rest = text.partition(_BEGINS)
    _, ends, after = rest.partition(_ENDS)
    assert (begins, ends) == (_BEGINS, _ENDS), f"{page} has lost its marks"
    table = "\n".join([_HEAD, *rows.lines()])
    page.write_text(f"{before}{begins}\n{table}\n{ends}{after}", encoding="utf-8")


def _order(row: _Row) -> tuple[int, str, str]:
    number = row.fault.removeprefix("F").partition("–")[0]
    return (int(number) if number.isdigit() else 99, row.fault, row.done)

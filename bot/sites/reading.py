"""A source's rows, page by page in the order of their key, as rows of an export."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sites.connection import LostConnection, Raw, SiteConnection
from bot.sites.decoding import Decoder
from bot.sites.mapping import Names
from bot.sites.plan import BesidePlan, Place, Plan, marks_of
from bot.sites.probing import Schema
from campaigns.columns import Recognised, TableKind
from campaigns.errors import Interrupted

PAGE = 5000
_AGAIN = 1000  # rows that are read again by their numbers at once
_WAITS = (0.5, 2.0, 8.0)  # seconds before a page is asked for again
_KEYS = frozenset(("no", "member_no", "posting_no", "seeker_no"))
_MOST_NAMES = 200_000

NameLists = Mapping[str, Mapping[str, str]]
Progress = Callable[[int, int], None]
Page = tuple[list[int], list[list[str]]]
"""The keys, and for each cell its text for every row."""


@dataclass(slots=True)
class Reader:
    """`rows` can be iterated again and again. `last_id`: the greatest key that was read."""

    connection: SiteConnection
    plan: Plan
    names: NameLists
    decoder: Decoder
    now: datetime
    after: int = 0  # the greatest key of the reading before
    since: datetime | None = None  # when that was; None reads all
    again: Sequence[int] = ()  # keys of rows to be read besides what is new: they may have changed without a moment
    number_prefix: str = ""
    progress: Progress = lambda done, total: None
    last_id: int = 0
    read: int = 0
    met: set[int] = field(default_factory=set)  # every key that was read
    stopped: bool = field(default=False)

    @property
    def encoding(self) -> str:
        return next((column.charset for column in self.plan.columns if column.charset), "")

    @property
    def rows(self) -> "Reader":
        return self

    def __iter__(self) -> Iterator[tuple[int, Sequence[str]]]:
        """(key, cells) as the import wants them."""
        for keys, columns in self.pages():
            yield from zip(keys, zip(*columns, strict=True), strict=True)

    def recognised(self, kind: TableKind) -> Recognised:
        cells = [cell for cell, _ in self.plan.cells]
        mapping = {index: cell.field for index, cell in enumerate(cells)}
        return Recognised(kind, self.plan.header(), mapping, {}, ())

    def pages(self) -> Iterator[Page]:
        self.last_id, self.read = self.after if self.since else 0, 0
        total = self.total()
        for condition, values in self._conditions():
            yield from self._pages(condition, values, total)

    def _pages(self, condition: str, values: Sequence[object], total: int) -> Iterator[Page]:
        last = -1
        while True:
            self._go_on()
            raw = self._page(condition, values, last)
            if raw:
                keys, columns = self._cells(raw)
                last = keys[-1]
                self.met.update(keys)
                self.last_id, self.read = max(self.last_id, last), self.read + len(keys)
                self.progress(self.read, max(total, self.read))
                yield keys, columns
            if len(raw) < PAGE:
                return

    def total(self) -> int:
        newer, values = self._newer()
        rows = self._asked(self.plan.count(newer), [*self.plan.join_values, *values, *self.plan.values])
        return int(_text(rows[0][0]) or 0)

    def sums(self, alias: str) -> dict[str, str] | None:
        """What stands beside all rows, summed for each of our numbers; None where the site does not have it."""
        plan = next((one for one in self.plan.beside if one.alias == alias), None)
        if plan is None:
            return None
        return {self._numbered(_text(key)): str(total or 0) for key, total in self._asked(plan.sums, plan.values)}

    def _conditions(self) -> Iterator[tuple[str, list[object]]]:
        """What came or changed since; then by their numbers those that are read again, each row once."""
        newer, values = self._newer()
        yield newer, values
        if self.since is None:
            return
        for n in range(0, len(self.again), _AGAIN):
            some = self.again[n : n + _AGAIN]
            yield self.plan.among(len(some), newer), [*some, *values]

    def _newer(self) -> tuple[str, list[object]]:
        overlap = timedelta(days=self.plan.source.overlap_days)
        return self.plan.newer(self.after, self.since - overlap if self.since else None)

    def _page(self, newer: str, values: Sequence[object], last: int) -> list[Raw]:
        given = [*self.plan.join_values, last, *values, *self.plan.values, PAGE]
        return self._asked(self.plan.page(newer), given)

    def _asked(self, statement: str, values: Sequence[object]) -> list[Raw]:
        """A connection that broke is made again a few times: a page is read anew, and nothing before it."""
        for wait in _WAITS:
            self._go_on()
            try:
                return self.connection.all(statement, values)
            except LostConnection:
                time.sleep(wait)
        return self.connection.all(statement, values)

    def _go_on(self) -> None:
        if self.stopped:
            raise Interrupted("已中断 (interrupted)")

    def _cells(self, raw: list[Raw]) -> Page:
        raw = _once_each(raw, self.plan.firsts)
        columns = [
            self.decoder.texts(values, column.charset)
            for values, column in zip(zip(*raw, strict=True), self.plan.columns, strict=True)
        ]
        beside = {one.alias: self._beside(one, columns) for one in self.plan.beside}
        made = []
        for cell, places in self.plan.cells:
            values = [self._values(place, columns, beside, len(raw)) for place in places]
            texts = list(map(cell.make, *values))
            made.append([self._numbered(text) for text in texts] if cell.field in _KEYS else texts)
        return [int(key) for key in columns[0]], made

    def _values(
        self, place: Place | str, columns: list[list[str]], beside: Mapping[str, list[str]], count: int
    ) -> Sequence[str]:
        if isinstance(place, Place):
            names = self.names.get(place.names, {})
            return [names.get(value, value) for value in columns[place.index]] if names else columns[place.index]
        if place == "now":
            return [str(int(self.now.timestamp()))] * count
        return beside[place.partition(".")[0]] if place else [""] * count

    def _beside(self, plan: BesidePlan, columns: list[list[str]]) -> list[str]:
        """What stands beside each row of the page, with blanks between."""
        keys = list(zip(*(columns[place] for place in plan.places), strict=True))
        asked = [sorted({key[n] for key in keys}) for n in range(len(plan.places))]
        where = " AND ".join(
            f"{name} IN ({marks_of(len(some))})" for name, some in zip(plan.columns, asked, strict=True)
        )
        found: dict[tuple[str, ...], list[str]] = {}
        for *key, value in self._asked(
            plan.statement + where, [*plan.values, *(one for some in asked for one in some)]
        ):
            found.setdefault(tuple(map(_text, key)), []).append(_text(value))
        return [" ".join(found.get(key, ())) for key in keys]

    def _numbered(self, text: str) -> str:
        return f"{self.number_prefix}{text}" if text.strip("0 ") else ""


def read_names(
    connection: SiteConnection, schema: Schema, wanted: Mapping[str, Names], decoder: Decoder
) -> dict[str, dict[str, str]]:
    """The site's own lists of names; one that it lacks leaves its numbers as they are."""
    found: dict[str, dict[str, str]] = {}
    for name, one in wanted.items():
        table = schema.table(one.tables)
        key = schema.column(table, one.key) if table else None
        value = schema.column(table, one.value) if table else None
        if table and key and value:
            text = f"CAST(LEFT(`{value.name}`, 200) AS BINARY)" if value.is_text else f"`{value.name}`"
            rows = connection.all(f"SELECT `{key.name}`, {text} FROM `{schema.prefix}{table}` LIMIT {_MOST_NAMES}")
            words = decoder.texts([row[1] for row in rows], value.charset)
            found[name] = dict(zip((_text(row[0]) for row in rows), words, strict=True))
    return found


def _once_each(raw: list[Raw], firsts: Sequence[int]) -> list[Raw]:
    """One row for each key. Of several that a join finds the one of the least number, in whatever order they come.

    The last key of a full page may have more rows on the next: it is left for that.
    """
    found: dict[object, Raw] = {}
    for row in raw:
        other = found.setdefault(row[0], row)
        if other is not row:
            found[row[0]] = min(other, row, key=lambda one: [int(_text(one[place]) or 0) for place in firsts])
    kept = list(found.values())
    return kept[:-1] if len(raw) == PAGE and 1 < len(kept) < PAGE else kept


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""

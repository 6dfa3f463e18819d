"""What is asked of one source of this very site: the columns it has of those a mapping names, as a statement."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.sites.mapping import Beside, Cell, Source
from bot.sites.probing import Column, Schema
from campaigns.terms import SHANGHAI

LONGEST = 4000
"""Characters of a text that are fetched: a description says all it says to us in these."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column of the statement, and the list of names its values are looked up in."""

    index: int
    column: Column
    names: str = ""


@dataclass(frozen=True, slots=True)
class BesidePlan:
    """The statement for a page, but for the numbers asked about; `places`: where a row has them.

    `sums`: the statement of what all rows come to for each number.
    """

    alias: str
    statement: str
    sums: str
    values: tuple[object, ...]
    columns: tuple[str, ...]
    places: tuple[int, ...]
    value: Column


@dataclass(slots=True)
class Plan:
    """`found` and `missing`: the needs of the mapping, for the report; `unreadable`: why it cannot be read at all."""

    source: Source
    table: str = ""
    key: str = ""
    selects: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    tables: str = ""
    join_values: list[object] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    cells: list[tuple[Cell, list[Place | str]]] = field(default_factory=list)
    times: list[tuple[str, Column]] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)  # the numbers of what a join found, of which the least counts
    beside: list[BesidePlan] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unreadable: str = ""

    def newer(self, last_id: int, since: datetime | None) -> tuple[str, list[object]]:
        """The condition of rows that came or changed since."""
        if since is None:
            return "TRUE", []
        parts, values = [f"{self.key} > %s"], list[object]([last_id])
        for expression, column in self.times:
            parts.append(f"{expression} >= %s")
            values.append(_as_column(since, column))
        return f"({' OR '.join(parts)})", values

    def among(self, count: int, newer: str) -> str:
        """The condition of so many rows by their keys, but for those that came or changed since."""
        return f"({self.key} IN ({marks_of(count)}) AND {newer} IS NOT TRUE)"

    def page(self, newer: str) -> str:
        where = " AND ".join([f"{self.key} > %s", newer, *self.conditions])
        return f"SELECT {', '.join(self.selects)} FROM {self.tables} WHERE {where} ORDER BY {self.key} LIMIT %s"

    def count(self, newer: str) -> str:
        return f"SELECT COUNT(*) FROM {self.tables} WHERE {' AND '.join([newer, *self.conditions])}"

    def header(self) -> tuple[str, ...]:
        """What each cell is called in a report: the site's own column, where it is one."""
        return tuple(
            next((place.column.name for place in places if isinstance(place, Place)), cell.field)
            for cell, places in self.cells
        )


def make_plan(source: Source, schema: Schema, since_paid: int) -> Plan:
    return _Planner(source, schema).plan(since_paid)


class _Planner:
    def __init__(self, source: Source, schema: Schema) -> None:
        self._schema = schema
        self._aliases: dict[str, str] = {}  # alias → table, of those the site has
        self._plan = Plan(source)
        self._places: dict[str, int] = {}

    def plan(self, since_paid: int) -> Plan:
        source, plan = self._plan.source, self._plan
        if source.unless in self._schema.tables:
            plan.unreadable = f"有 {source.unless}"
            return plan
        table = self._schema.table(source.tables)
        key = self._schema.column(table, source.key) if table else None
        if table is None or key is None or not key.is_whole:
            plan.unreadable = f"没有表 {'、'.join(source.tables)}" if table is None else f"没有列 {source.key}"
            return plan
        plan.table, self._aliases[source.alias] = table, table
        plan.key = f"{source.alias}.`{key.name}`"
        plan.tables = f"{self._named(table)} {source.alias}"
        self._join()
        self._restrict()
        if not plan.unreadable:
            self._place(f"{source.alias}.{key.name}")
            plan.firsts = [self._place(f"{alias}.id") for alias in self._numbered()]
            plan.beside = [found for one in source.beside if (found := self._beside(one, since_paid))]
            self._fill()
        return plan

    def _join(self) -> None:
        for join in self._plan.source.joins:
            table = self._schema.table(join.tables)
            if table is None:
                continue
            ours = [(self._schema.column(table, column), self._expression(need)) for column, need in join.on]
            only = [(self._schema.column(table, column), value) for column, value in join.only]
            if any(column is None or not other for column, other in ours) or any(column is None for column, _ in only):
                continue
            on = [f"{join.alias}.`{column.name}` = {other}" for column, other in ours if column]
            on += [f"{join.alias}.`{column.name}` = %s" for column, _ in only if column]
            self._aliases[join.alias] = table
            self._plan.tables += f" LEFT JOIN {self._named(table)} {join.alias} ON {' AND '.join(on)}"
            self._plan.join_values += [value for _, value in only]

    def _numbered(self) -> list[str]:
        """The joined tables that have numbers of their own."""
        columns = ((one.alias, self._column(f"{one.alias}.id")) for one in self._plan.source.joins)
        return [alias for alias, column in columns if column and column.is_whole]

    def _restrict(self) -> None:
        plan = self._plan
        for need, value in plan.source.only:
            expression = self._expression(need)
            if not expression:  # without it rows of others would come in
                plan.unreadable = f"没有列 {need}"
                return
            plan.conditions.append(f"{expression} {'LIKE' if '%' in value else '='} %s")
            plan.values.append(value)
        for need in plan.source.times:
            column = self._column(need)
            if column:
                plan.times.append((self._expression(need), column))

    def _fill(self) -> None:
        plan, beside = self._plan, {one.alias for one in self._plan.beside}
        for cell in plan.source.cells:
            places = [self._need(need, beside) for need in cell.needs]
            told = [isinstance(place, Place) or place not in ("", "now") for place in places]
            if any(told):
                plan.cells.append((cell, places))
            for need, there in zip(cell.needs, told, strict=True):
                (plan.found if there else plan.missing).append(need)
        plan.found = list(dict.fromkeys(plan.found))
        plan.missing = [one for one in dict.fromkeys(plan.missing) if one != "now"]

    def _need(self, need: str, beside: Iterable[str]) -> Place | str:
        """Where its values are; `now`, the alias of a Beside, or nothing."""
        if need == "now":
            return need
        alias = need.partition(".")[0]
        if need.endswith(".*"):
            return need if alias in beside else ""
        for one in need.split("|"):
            text, _, names = (one if "." in one else f"{alias}.{one}").partition("@")
            if column := self._column(text):
                return Place(self._place(f"{text.partition('.')[0]}.{column.name}"), column, names)
        return ""

    def _beside(self, beside: Beside, since: int) -> BesidePlan | None:
        table = self._schema.table(beside.tables)
        if table is None:
            return None
        names = [*(key for key, _ in beside.keys), beside.value, *(name for name, _ in beside.only)]
        columns = {name: self._schema.column(table, name) for name in [*names, *filter(None, [beside.since])]}
        places = [self._need(need, ()) for _, need in beside.keys]
        if not all(columns.values()) or not all(isinstance(place, Place) for place in places):
            return None
        real = {name: column for name, column in columns.items() if column}
        keys = tuple(f"`{real[key].name}`" for key, _ in beside.keys)
        where = [f"`{real[name].name}` = %s" for name, _ in beside.only]
        values: list[object] = [value for _, value in beside.only]
        if beside.since:
            where.append(f"`{real[beside.since].name}` >= %s")
            values.append(since)
        statement = f"SELECT {', '.join(keys)}, `{real[beside.value].name}` FROM {self._named(table)} WHERE "
        statement += "".join(f"{one} AND " for one in where)
        by = ", ".join(keys)
        sums = f"SELECT {by}, SUM(`{real[beside.value].name}`) FROM {self._named(table)}"
        sums += f" WHERE {' AND '.join(where) or 'TRUE'} GROUP BY {by}"
        found = tuple(place.index for place in places if isinstance(place, Place))
        return BesidePlan(beside.alias, statement, sums, tuple(values), keys, found, real[beside.value])

    def _place(self, named: str) -> int:
        """The index of `alias.column` in the statement; asked for once."""
        if named not in self._places:
            column = self._column(named)
            assert column is not None
            expression = self._expression(named)
            if column.is_text:
                expression = f"CAST(LEFT({expression}, {LONGEST}) AS BINARY)"
            self._places[named] = len(self._plan.selects)
            self._plan.selects.append(expression)
            self._plan.columns.append(column)
        return self._places[named]

    def _column(self, need: str) -> Column | None:
        return self._find(need)[1]

    def _expression(self, need: str) -> str:
        alias, column = self._find(need)
        return f"{alias}.`{column.name}`" if column else ""

    def _find(self, need: str) -> tuple[str, Column | None]:
        first = need.partition(".")[0]
        for one in need.split("|"):
            alias, _, name = (one if "." in one else f"{first}.{one}").partition(".")
            table = self._aliases.get(alias)
            if table and (column := self._schema.column(table, name.partition("@")[0])):
                return alias, column
        return first, None

    def _named(self, table: str) -> str:
        return f"`{self._schema.prefix}{table}`"


def _as_column(moment: datetime, column: Column) -> object:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if column.is_moment else int(moment.timestamp())


def marks_of(count: int) -> str:
    return ", ".join(["%s"] * count)

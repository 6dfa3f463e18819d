"""Indexes over part of a table, which Tortoise knows only for columns that equal a value."""

from typing import Any

from tortoise.indexes import Index


class FilledIndex(Index):
    """Of the rows that have a value in `filled`, "" being none: small, and unmoved by changes of the others."""

    def __init__(
        self, *, fields: tuple[str, ...] | list[str], name: str, filled: str, empty: str | None = None
    ) -> None:
        super().__init__(fields=fields, name=name)
        self.filled, self.empty = filled, empty
        self.extra = f" WHERE {filled} IS NOT NULL" if empty is None else f" WHERE {filled} <> '{empty}'"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "filled": self.filled, "empty": self.empty}

"""Indexes over part of a table, which Tortoise knows only for columns that equal a value."""

from typing import Any

from tortoise.indexes import Index


class FilledIndex(Index):
    """Of the rows that have a value in `filled`: small, and unmoved by changes of the rows that have none."""

    def __init__(self, *, fields: tuple[str, ...] | list[str], name: str, filled: str) -> None:
        super().__init__(fields=fields, name=name)
        self.filled = filled
        self.extra = f" WHERE {filled} IS NOT NULL"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "filled": self.filled}

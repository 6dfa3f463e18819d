"""What a kind of site says where: our fields from its tables and columns, as data.

A need names a column as `alias.column`, several of different versions with `|` between them: the first that the site
has is read. `@names` after it looks the value up in one of the site's own lists of names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from campaigns.columns import TableKind
from campaigns.errors import InputError

Make = Callable[..., str]
"""The values of a cell's needs, each "" where there is none → the text of the cell, as an export would have it."""

_FORBIDDEN = re.compile(r"pass|pwd|psw|salt|token|secret|hash|session|cookie|captcha|auth_?key|private", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of the import, the columns it is made of, and how."""

    field: str
    needs: tuple[str, ...]
    make: Make


@dataclass(frozen=True, slots=True)
class Join:
    """One row, or none, of another table beside each; left out where the site lacks it."""

    alias: str
    tables: tuple[str, ...]
    on: tuple[tuple[str, str], ...]  # (column of this table, need)
    only: tuple[tuple[str, str], ...] = ()  # (column of this table, its value)


@dataclass(frozen=True, slots=True)
class Beside:
    """Values of many rows of another table, looked up for a page at once. A need `alias.*` has them, blanks between.

    `since`: a column of unix seconds; only rows of the last 365 days.
    """

    alias: str
    tables: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]  # (columns of this table, need)
    value: str
    only: tuple[tuple[str, str], ...] = ()
    since: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One table of the site with what stands beside it. `kind` None: no table of an export, see `bot.sites.history`.

    `only`: rows where a need has this value, or, with % in it, is like it. `unless`: not where the site has that table.
    `times`: needs whose moments say that a row is new or changed.
    `overlap_days`: how far before the last reading they are read again, for what changes without a moment of its own.
    """

    name: str
    kind: TableKind | None
    tables: tuple[str, ...]
    alias: str
    key: str
    cells: tuple[Cell, ...]
    joins: tuple[Join, ...] = ()
    beside: tuple[Beside, ...] = ()
    only: tuple[tuple[str, str], ...] = ()
    times: tuple[str, ...] = ()
    overlap_days: int = 2
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """A list of the site's own, name by number. Of several columns the first that there is."""

    tables: tuple[str, ...]
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    prefix: str
    sources: tuple[Source, ...]
    names: dict[str, Names]


def permitted(column: str) -> str:
    """The column's name. What could be a password, a salt or a token is refused before any statement is made of it."""
    if _FORBIDDEN.search(column):
        raise InputError(f"不读取 {column}：它可能是密码或密钥 (this column is never read)")
    return column

"""Which tables and columns a site has, by information_schema: versions differ, and no version number tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.sites.connection import SiteConnection
from bot.sites.mapping import permitted
from campaigns.errors import InputError

_TEXTS = frozenset(("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"))
_MOMENTS = frozenset(("date", "datetime", "timestamp"))
_WHOLE = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint"))
_STATEMENT = """
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME LIKE %s ORDER BY TABLE_NAME, ORDINAL_POSITION
"""


@dataclass(frozen=True, slots=True)
class Column:
    """`charset`: what the table declares its text to be, which need not be true."""

    name: str
    type: str
    charset: str

    @property
    def is_text(self) -> bool:
        return self.type in _TEXTS

    @property
    def is_moment(self) -> bool:
        return self.type in _MOMENTS

    @property
    def is_whole(self) -> bool:
        return self.type in _WHOLE


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables by their names without the prefix, columns by their names in lower case."""

    prefix: str
    tables: Mapping[str, Mapping[str, Column]]

    def table(self, names: Sequence[str]) -> str | None:
        """The first of these that the site has."""
        return next((name for name in names if name in self.tables), None)

    def column(self, table: str, names: str) -> Column | None:
        """The first of `a|b` that the table has; what is never read is refused whether it is there or not."""
        wanted = [permitted(name) for name in names.split("|")]
        columns = self.tables[table]
        return next((columns[name.lower()] for name in wanted if name.lower() in columns), None)


def probe(connection: SiteConnection, prefix: str) -> Schema:
    """InputError where the library has no table with this prefix."""
    pattern = prefix.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%") + "%"
    tables: dict[str, dict[str, Column]] = {}
    for row in connection.rows(_STATEMENT, (connection.dsn.database, pattern)):
        table, name, kind, charset = (_plain(value) for value in row)
        tables.setdefault(table[len(prefix) :].lower(), {})[name.lower()] = Column(name, kind.lower(), charset)
    if not tables:
        raise InputError(
            f"{connection.dsn.shown}：没有 {prefix} 开头的表，或者这个账号看不到；"
            "表前缀不同就写 --prefix (no table with this prefix)"
        )
    return Schema(prefix, tables)


def _plain(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""

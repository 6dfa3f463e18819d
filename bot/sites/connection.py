"""A connection to a site's database that can only read, and the refusal of an account that could do more.

Rows come through a cursor that keeps them on the server until they are asked for. A connection that is lost is made
again by whoever reads the next page.
"""

import contextlib
import re
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from bot.sites.dsn import Dsn
from campaigns.errors import InputError

Raw = tuple[bytes | str | None, ...]

_HARMLESS = frozenset(("USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT"))
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<where>.+?) TO ", re.IGNORECASE | re.DOTALL)
_COLUMNS = re.compile(r"\([^)]*\)")
_AS_TEXT: Any = dict(encoders)  # no decoders: numbers and times come as text, zero dates among them
_SECONDS = 15
_READ_SECONDS = 600
_UNKNOWN_STATEMENT = 1064  # MySQL before 5.6.5 knows no session that may only read


class SiteConnection:
    """One connection; opened when first needed, and again after it broke."""

    def __init__(self, dsn: Dsn) -> None:
        self.dsn = dsn
        self._connection: pymysql.Connection[Any] | None = None

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(pymysql.Error, OSError):
                self._connection.close()
        self._connection = None

    def rows(self, statement: str, values: Sequence[object] = ()) -> Iterator[Raw]:
        """Every value as the server writes it: bytes of what was cast to binary, else text. None where it is NULL."""
        try:
            with self._opened().cursor(SSCursor) as cursor:
                cursor.execute(statement, tuple(values))
                while some := cursor.fetchmany(1000):
                    yield from some
        except (pymysql.Error, OSError) as exc:
            self.close()
            raise _refusal(self.dsn, exc) from None

    def all(self, statement: str, values: Sequence[object] = ()) -> list[Raw]:
        return list(self.rows(statement, values))

    def rights_to_write(self) -> list[str]:
        """What the account may do beside reading, each as the server grants it; nothing where it may only read."""
        found = (right for (grant,) in self.all("SHOW GRANTS") for right in _more_than_reading(_text(grant)))
        return list(dict.fromkeys(found))

    def _opened(self) -> "pymysql.Connection[Any]":
        if self._connection is None:
            self._connection = _connect(self.dsn)
        return self._connection


class LostConnection(InputError):
    """The connection broke; the next page may be asked for again."""


def _connect(dsn: Dsn) -> "pymysql.Connection[Any]":
    connection = pymysql.connect(
        host=dsn.host,
        port=dsn.port,
        user=dsn.user,
        password=dsn.password,
        database=dsn.database,
        charset="utf8mb4",
        conv=_AS_TEXT,
        autocommit=True,
        connect_timeout=_SECONDS,
        read_timeout=_READ_SECONDS,
        local_infile=False,
        ssl=ssl.create_default_context() if dsn.tls else None,
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
    except pymysql.Error as exc:
        if exc.args[:1] != (_UNKNOWN_STATEMENT,):
            connection.close()
            raise
    return connection


def _more_than_reading(grant: str) -> list[str]:
    form = _GRANT.match(grant)
    if not form:
        return [grant.partition(" IDENTIFIED ")[0]]  # a role, or a right to be somebody else
    rights = [_COLUMNS.sub("", right).strip().upper() for right in _split_rights(form["rights"])]
    more = [f"{right} ON {form['where']}" for right in rights if right not in _HARMLESS]
    return [*more, f"GRANT OPTION ON {form['where']}"] if "WITH GRANT OPTION" in grant.upper() else more


def _split_rights(rights: str) -> list[str]:
    return re.split(r",(?![^(]*\))", rights)


def _refusal(dsn: Dsn, exc: Exception) -> InputError:
    code = exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0
    said = str(exc.args[1] if len(exc.args) > 1 else exc)[:300]
    if dsn.password:
        said = said.replace(dsn.password, "***")
    kind = LostConnection if code in (0, 1053, 1927, 2006, 2013, 2014) or isinstance(exc, OSError) else InputError
    return kind(f"{dsn.shown}：网站的库答复 {code} {said} (the site's database refused)")


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""

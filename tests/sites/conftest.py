"""A real MariaDB with a recruiting site in it, and an account that may only read."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pymysql
import pytest

from tests.servers import MariaDb
from tests.sites.schemas import statements

PASSWORD = "a pass/word@of the site"


@dataclass(frozen=True, slots=True)
class SiteBase:
    """A database of a site, written to as its root."""

    server: MariaDb
    name: str
    prefix: str

    def dsn(self, user: str = "reader", options: str = "") -> str:
        secret = PASSWORD.replace("/", "%2F").replace("@", "%40").replace(" ", "%20")
        return f"mysql://{user}:{secret}@127.0.0.1:{self.server.port}/{self.name}{options}"

    def run(self, statement: str, values: Sequence[object] = (), *, charset: str = "utf8mb4") -> None:
        with pymysql.connect(
            host="127.0.0.1", port=self.server.port, user="root", database=self.name, charset=charset, autocommit=True
        ) as connection, connection.cursor() as cursor:  # fmt: skip
            cursor.execute(statement, tuple(values) or None)

    def add(self, table: str, *rows: Mapping[str, object], charset: str = "utf8mb4") -> None:
        for row in rows:
            names, marks = ", ".join(f"`{name}`" for name in row), ", ".join(["%s"] * len(row))
            statement = f"INSERT INTO `{self.prefix}{table}` ({names}) VALUES ({marks})"
            self.run(statement, list(row.values()), charset=charset)

    def asked(self) -> list[str]:
        """What this database's readers asked, as the server's own log has it."""
        return [line for line in self.server.asked.splitlines() if "SELECT" in line]


class Builder:
    def __init__(self, server: MariaDb) -> None:
        self._server = server
        self._root = SiteBase(server, "mysql", "")

    def make(self, columns: str, *, prefix: str, charset: str = "utf8mb4") -> SiteBase:
        name = f"site_{uuid.uuid4().hex[:10]}"
        self._root.run(f"CREATE DATABASE {name} DEFAULT CHARSET {charset}")
        self._root.run("CREATE USER IF NOT EXISTS reader@'%%' IDENTIFIED BY %s", [PASSWORD])
        self._root.run(f"GRANT SELECT ON {name}.* TO reader@'%'")
        base = SiteBase(self._server, name, prefix)
        for statement in statements(columns, prefix=prefix, charset=charset):
            base.run(statement)
        return base


@pytest.fixture
def builder(mariadb_server: MariaDb) -> Builder:
    return Builder(mariadb_server)

"""A reading that breaks off half way loses nothing: the page is asked for again, or all of it another day."""

import asyncio

import pymysql
import pytest

from bot.commands.site_importing import SiteImport, read_site
from bot.settings import Settings
from bot.sites.cms74 import SITE as CMS74
from bot.sites.mapping import permitted
from bot.sites.phpyun import SITE as PHPYUN
from campaigns.errors import InputError, Interrupted
from campaigns.models import Login, Member, SiteRead
from tests.sites.conftest import Builder, SiteBase
from tests.sites.schemas import CMS74_SE

COUNT = 6_000  # more than a page


@pytest.fixture
def site(builder: Builder) -> SiteBase:
    base = builder.make(CMS74_SE, prefix="qs_")
    numbers = f"SELECT seq FROM seq_1_to_{COUNT}"
    base.run(
        "INSERT INTO qs_member (uid, utype, username, reg_time) "
        f"SELECT seq, 1, CONCAT('会员', seq), 1700000000 + seq FROM ({numbers}) n"
    )
    base.run(
        "INSERT INTO qs_member_action_log (id, utype, uid, is_login, addtime) "
        f"SELECT seq, 1, seq, 1, 1750000000 + seq FROM ({numbers}) n"
    )
    return base


def _asked(site: SiteBase) -> SiteImport:
    return SiteImport("74cms", site.dsn())


async def test_a_connection_that_is_cut_is_made_again(sqlite_database: Settings, site: SiteBase) -> None:
    cut: list[int] = []

    def progress(name: str, done: int, total: int) -> None:
        if name.endswith("members") and not cut:
            cut.extend(_cut_readers(site))

    await read_site(sqlite_database, _asked(site), progress)
    assert cut
    assert await Member.all().count() == COUNT


async def test_whoever_stops_it_begins_again_and_has_all(sqlite_database: Settings, site: SiteBase) -> None:
    loop = asyncio.get_running_loop()

    def progress(name: str, done: int, total: int) -> None:
        if name.endswith("logins"):
            loop.call_soon_threadsafe(reading.cancel)

    reading = asyncio.create_task(read_site(sqlite_database, _asked(site), progress))
    with pytest.raises(Interrupted, match="再导入一次"):
        await reading
    assert await Member.all().count() == COUNT
    assert not await SiteRead.filter(source="logins").exists()
    found = await read_site(sqlite_database, _asked(site), lambda *_: None)
    assert await Login.all().count() == COUNT
    assert {one["kind"]: one["offered"] for one in found["files"]}["members"] == 0  # they were in to the last


@pytest.mark.parametrize("name", ["password", "pwd_hash", "salt", "PassWord2", "token", "api_secret", "session_id"])
def test_what_may_be_a_secret_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(InputError):
        permitted(name)


def test_no_mapping_names_a_secret() -> None:
    for site in (CMS74, PHPYUN):
        needs = [need for source in site.sources for cell in source.cells for need in cell.needs]
        needs += [one.value for one in site.names.values()]
        assert all(permitted(need) for need in needs)


def _cut_readers(site: SiteBase) -> list[int]:
    with pymysql.connect(host="127.0.0.1", port=site.server.port, user="root", autocommit=True) as connection:
        with connection.cursor() as cursor:
            asked = "SELECT id FROM information_schema.PROCESSLIST WHERE user = 'reader' AND db = %s"
            cursor.execute(asked, [site.name])
            readers = [int(row[0]) for row in cursor.fetchall()]
            for reader in readers:
                cursor.execute(f"KILL CONNECTION {reader}")
    return readers

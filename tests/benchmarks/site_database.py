"""A site's own database: how many of its rows are read a second, made to cells, and stored."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pymysql

from bot.commands.site_importing import SiteImport, read_site
from bot.database import open_database
from bot.sites.cms74 import SITE
from bot.sites.connection import SiteConnection
from bot.sites.decoding import Decoder
from bot.sites.dsn import parse_dsn
from bot.sites.plan import make_plan
from bot.sites.probing import probe
from bot.sites.reading import Reader
from tests import servers
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground, postgres_ground
from tests.benchmarks.readings import Stopwatch, own_cpu, peak_mb
from tests.sites.schemas import CMS74_SE, statements

_COUNT = 100_000
_TABLES = ("member", "company", "company_contact", "job", "job_apply", "member_action_log")


def read_database(bench: Bench) -> dict[str, Figures]:
    """`rows` of each of six tables. `read_per_s` is without our database, `per_s` with it: sixfold rows offered."""
    count = bench.size(_COUNT)
    with postgres_ground() as ground, servers.mariadb(log=False) as server:
        bench.say(ground.about)
        dsn = _fill(server.port, count)
        read = _read_alone(dsn, count)
        ground.rest()
        stored = run(_store(bench, ground, dsn, count))
    return {"site": {"rows": count, **read, **stored, "rss_mb": round(peak_mb())}}


def _read_alone(dsn: str, count: int) -> Figures:
    connection = SiteConnection(parse_dsn(dsn))
    schema = probe(connection, "qs_")
    watch, before, rows = Stopwatch({}), own_cpu(), 0
    watch.start()
    for source in SITE.sources:
        plan = make_plan(source, schema, 0)
        if not plan.unreadable:
            rows += sum(len(keys) for keys, _ in Reader(connection, plan, {}, Decoder(), datetime.now(UTC)).pages())
    seconds = watch.wall()
    if rows != 5 * count:
        raise WrongResult(f"{5 * count} rows should be read, {rows} were")
    return {"read_per_s": round(rows / seconds), "read_cpu_us": round((own_cpu() - before) / rows * 1e6, 1)}


async def _store(bench: Bench, ground: Ground, dsn: str, count: int) -> Figures:
    settings = ground.settings()
    async with open_database(settings):
        watch, before = Stopwatch({"database": ground.postgres}), own_cpu()
        watch.start()
        found = await read_site(settings, SiteImport("74cms", dsn, allow_writable=True), bench.tick)
        seconds, own = watch.wall(), own_cpu() - before
    bench.rest()
    rows = sum(one["added"] for one in found["files"])
    if rows != 5 * count:
        raise WrongResult(f"{5 * count} rows should be new: {found['files']}")
    return {"per_s": round(rows / seconds), "cpu_us": round(own / rows * 1e6, 1)}


def _fill(port: int, count: int) -> str:
    """Members with company, contact, one posting, one application and one login each."""
    with pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE site DEFAULT CHARSET utf8mb4")
            cursor.execute("USE site")
            for statement in [*statements(CMS74_SE, prefix="qs_", charset="utf8mb4"), *_rows(count)]:
                cursor.execute(statement)
    return f"mysql://root@127.0.0.1:{port}/site"


def _rows(count: int) -> Iterator[str]:
    values = {
        "member": "uid, utype, username, mobile, reg_time) SELECT seq, 1, CONCAT('u', seq), 13800000000 + seq, "
        "1700000000 + seq",
        "company": "id, uid, companyname, addtime) SELECT seq, seq, CONCAT('大同第', seq, '商贸有限公司'), 1700000000",
        "company_contact": "id, uid, contact, mobile) SELECT seq, seq, '张晓燕', 13900000000 + seq",
        "job": "id, uid, jobname, minwage, maxwage, content, audit, is_display, addtime) SELECT seq, seq, '焊工', "
        "5000, 7000, REPEAT('焊接，双休。', 40), 1, 1, 1750000000",
        "job_apply": "id, company_uid, jobid, resume_id, addtime, is_look) SELECT seq, seq, seq, seq, "
        "1751000000, seq MOD 2",
        "member_action_log": "id, utype, uid, is_login, addtime) SELECT seq, 1, seq, 1, 1750000000 + seq",
    }
    for table in _TABLES:
        yield f"INSERT INTO qs_{table} ({values[table]} FROM seq_1_to_{count}"

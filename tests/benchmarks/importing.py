"""Import of a site's export into PostgreSQL: read, recognised, validated, stored."""

import csv
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.commands.importing import import_paths
from bot.database import open_database
from bot.importing import FileReport
from campaigns.terms import SHANGHAI
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground, postgres_ground
from tests.benchmarks.readings import Stopwatch, own_cpu, peak_mb, profiled

_MEMBERS = (
    "会员编号,企业名称,行业,企业性质,企业规模,地区,注册时间,最近登录时间,登录次数,会员套餐,到期日期,负责客服,园区"
)
_CONTACTS = (
    "联系人编号,会员编号,姓名,职务,手机,邮箱,微信openid,QQ,主联系人,上级联系人编号,同意接收营销,同意时间,同意来源"
)
_TRADES = ("机械制造", "餐饮酒店", "物流仓储", "装饰装修", "批发零售")
_CITIES = ("大同", "朔州", "忻州", "太原", "阳泉")
_SIZES = ("1-20人", "20-99人", "100-499人")
_NAMES = ("张晓燕", "高建国", "魏倩", "蒋永红", "程雪", "石磊")
_BLOCKS = ("154", "160", "161", "163", "164", "168", "169", "179")
_COUNT = 100_000


def import_members(bench: Bench) -> dict[str, Figures]:
    """`per_s` is rows of the members' table; the contacts' table, of as many rows, is imported after it."""
    count = bench.size(_COUNT)
    with postgres_ground() as ground:
        bench.say(ground.about)
        members = _write(ground.folder / "members.csv", _MEMBERS, _member_rows(count))
        contacts = _write(ground.folder / "contacts.csv", _CONTACTS, _contact_rows(count))
        # one row in fifty is wrong: a member's is refused, and with it its contact's; other contacts lose their mobile
        faults = len(range(0, count, 50))
        first = _import(bench, ground, members, count, faults)
        second = _import(bench, ground, contacts, count, 2 * faults)
    return {
        "import": {
            "rows": count,
            **first,
            "contacts_per_s": second["per_s"],
            "contacts_cpu_us": second["cpu_us"],
            "rss_mb": round(peak_mb()),
        }
    }


def _import(bench: Bench, ground: Ground, path: Path, count: int, faults: int) -> Figures:
    run(_open_once(ground))
    ground.rest()
    figures, report = run(_import_file(bench, ground, path, count))
    bench.rest()
    for line in ground.statements():
        bench.say(line)
    if report.added + report.rejected != count or report.rejected + report.problems != faults:
        raise WrongResult(f"{count} rows should be new, {faults} with a fault: {report}")
    return figures


async def _open_once(ground: Ground) -> None:
    """The first to open a database brings its schema up to date, which is not what we measure."""
    async with open_database(ground.settings()):
        pass


async def _import_file(bench: Bench, ground: Ground, path: Path, count: int) -> tuple[Figures, FileReport]:
    settings = ground.settings()
    async with open_database(settings):
        watch, before = Stopwatch({"database": ground.postgres}), own_cpu()
        watch.start()
        with profiled():
            [report] = await import_paths(settings, [path], datetime.now(UTC), bench.tick)
        seconds, own, beside = watch.wall(), own_cpu() - before, watch.cpu()
    return {
        "per_s": round(count / seconds),
        "cpu_us": round(own / count * 1e6, 1),
        "database_us": round(beside["database"] / count * 1e6, 1),
    }, report


def _write(path: Path, head: str, rows: Iterator[list[object]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows([head.split(","), *rows])
    return path


def _member_rows(count: int) -> Iterator[list[object]]:
    dice = random.Random(1)
    for n in range(count):
        seen = datetime(2026, 11, 1, 9, tzinfo=SHANGHAI) - timedelta(
            days=dice.randrange(900), minutes=dice.randrange(600)
        )
        # sites write dates in every manner, and sometimes what is none
        expires = (date(2027, 6, 14).strftime("%Y%m%d"), "2027-06-14", "2027/6/14", "")[n % 4]
        yield [
            f"Q{n:07}",
            f"{dice.choice(_CITIES)}第{n}商贸有限公司",
            dice.choice(_TRADES),
            dice.choice(("民营", "国企", "个体")),
            dice.choice(_SIZES),
            dice.choice(_CITIES),
            (seen - timedelta(days=400)).strftime("%Y-%m-%d %H:%M:%S"),
            seen.strftime("%Y-%m-%d %H:%M:%S"),
            dice.randrange(300),
            dice.choice(("包年", "包季", "免费")),
            "长期" if n % 50 == 0 else expires,
            dice.choice(_NAMES),
            f"御东产业园{n % 7}区",
        ]


def _contact_rows(count: int) -> Iterator[list[object]]:
    dice = random.Random(2)
    for n in range(count):
        mobile = f"{dice.choice(_BLOCKS)}{n:08}"
        yield [
            f"L{n:07}",
            f"Q{n:07}",
            dice.choice(_NAMES),
            dice.choice(("人事经理", "店长", "厂长")),
            "没有" if n % 50 == 1 else (mobile, f"+86 {mobile}", f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}")[n % 3],
            f"HR{n}@Firm.example",
            f"oBenchmark{n:018}",
            str(100_000_000 + n),
            "是",
            "",
            ("是", "否")[n % 9 == 0],
            "2026-02-17 14:35:00",
            "注册页勾选",
        ]

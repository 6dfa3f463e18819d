"""Made-up members by the hundred thousand, made by the database itself: one statement a table, in either dialect."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tortoise.fields import JSONField
from tortoise.models import Model

from campaigns import statements
from campaigns.models import Contact, Member

_TRADES = ("机械制造", "餐饮酒店", "物流仓储", "装饰装修", "批发零售", "医药卫生", "电子信息", "煤炭能源")
_NATURES = ("民营", "国企", "个体")
_SIZES = ("1-19人", "20-99人", "100-499人", "500人以上")
_CITIES = ("大同", "朔州", "忻州", "太原", "阳泉")
_DOMAINS = ("qq.example.com", "163.example.com", "126.example.com", "firm.example.com")
_FAMILIES = tuple("张王李赵高魏蒋程石郭")
_NAMES = ("晓燕", "建国", "永红", "倩", "雪", "磊", "志强", "玉兰", "海峰")


async def settle_in(size: int, *, first: int = 1, idle: tuple[int, int] = (91, 400)) -> None:
    """Members first, first + 1 … each with one contact who consented.

    They have not looked in for so many days as `idle` says, or up to its second number longer.
    """
    now = datetime.now(UTC)
    await fill(
        Member,
        {
            "id": "n",
            "no": "'Y' || n",
            "name": f"{pick(_CITIES)} || '第' || n || '商贸有限公司'",
            "trade": pick(_TRADES),
            "nature": pick(_NATURES),
            "size": pick(_SIZES),
            "city": pick(_CITIES),
            "plan": pick(("", "包年", "包季")),
            "owner": pick(("程雪", "石磊", "李娜")),
            "tier": pick(("一般", "优质", "低端", "一般", "高端")),
            "attrs": as_document("'{\"园区\":\"御东产业园' || (n % 7) || '区\",\"产业\":\"' || " + pick(_TRADES)
                           + " || '\",\"网格\":\"第' || (n % 31) || '网格\"}'"),
            "registered_at": ago(now, 900, 400),
            "last_login_at": ago(now, *idle),
            "idle_since": ago(now, *idle),
            "login_count": "n % 50",
        },
        size,
        first,
    )  # fmt: skip
    await fill(
        Contact,
        {
            "id": "n",
            "no": "'C' || n",
            "member_id": "n",
            "name": f"{pick(_FAMILIES)} || {pick(_NAMES)}",
            "title": pick(("人事经理", "店长", "厂长")),
            "mobile": "'154' || (10000000 + n)",
            "email": f"'c' || n || '@' || {pick(_DOMAINS)}",
            "openid": "'oBenchmark' || (100000000 + n)",
            "is_primary": "TRUE",
            "consent": "TRUE",
        },
        size,
        first,
    )


async def fill(model: type[Model], given: dict[str, str], size: int, first: int = 1) -> None:
    """Insert rows for n = first … ; columns not given take the model's own defaults."""
    values = {**_defaults(model), **given}
    await statements.run(
        f"""
        WITH RECURSIVE numbers(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2)
        INSERT INTO {model._meta.db_table} ({", ".join(values)}) SELECT {", ".join(values.values())} FROM numbers
        """.replace("$1", str(int(first))).replace("$2", str(int(first + size - 1)))
    )
    if statements.is_postgres(statements.connection()):
        table = model._meta.db_table
        if model._meta.pk.generated:
            await statements.query(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            )
        await statements.run(f"ANALYZE {table}")


def _defaults(model: type[Model]) -> dict[str, str]:
    """What a row of this model holds where nothing is said."""
    found = {}
    for name, column in model._meta.fields_db_projection.items():
        field = model._meta.fields_map[name]
        if field.pk or field.generated or (field.default is None and not field.null):
            continue
        value = field.default() if callable(field.default) else field.default
        found[column] = as_document(_literal(value)) if isinstance(field, JSONField) else _literal(value)
    return found


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return str(value)
        case dict() | list():
            return f"'{statements.as_json(value)}'"
        case date():
            return f"'{value.isoformat()}'"
    return f"'{value}'"


def as_document(expression: str) -> str:
    return f"CAST({expression} AS jsonb)" if statements.is_postgres(statements.connection()) else expression


def pick(choices: tuple[str, ...]) -> str:
    """One of them by n; the multiplier keeps two columns of the same length from going hand in hand."""
    whens = " ".join(f"WHEN {place} THEN '{choice}'" for place, choice in enumerate(choices))
    return f"(CASE (n * 31 + {len(choices[0])} * n / 7) % {len(choices)} {whens} END)"


def ago(now: datetime, least: int, spread: int) -> str:
    """A moment `least` days ago or up to `spread` days longer."""
    latest = now - timedelta(days=least)
    if statements.is_postgres(statements.connection()):
        return f"TIMESTAMPTZ '{latest.isoformat()}' - (n % {spread}) * INTERVAL '1 day'"
    text = f"{latest:%Y-%m-%d %H:%M:%S}"
    return f"strftime('%Y-%m-%d %H:%M:%f+00:00', '{text}', '-' || (n % {spread}) || ' days')"

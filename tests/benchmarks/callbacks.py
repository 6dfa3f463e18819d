"""WeChat's callback at the product's own web process: AES, signature, event stored and applied, then the answer."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.database import open_database
from campaigns import definitions, outbox, statements
from campaigns.models import Message
from tests import fleet, servers
from tests.benchmarks import mailing
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.callers import AES_KEY, APPID, TOKEN, Order
from tests.benchmarks.children import started
from tests.benchmarks.crowds import fill
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground, postgres_ground
from tests.benchmarks.mail_run import Planned, plan_mail, working
from tests.benchmarks.readings import Stopwatch

_SECRET = "benchmark-hooks-"
_PATH = f"/hooks/{_SECRET}/wechat/callback"
_FLOOD, _WARM, _WORDS = 20_000, 500, 4_000
_RATE, _SECONDS = 1_000, 10
_MAILS_A_CALL = 10  # the mailing must last as long as the calls beside it
_LONGEST_START = 20.0
_LAST_WORDS = 2000  # characters


@dataclass(slots=True)
class Door:
    """The web process, and which of the messages have not had their receipt yet."""

    ground: Ground
    port: int
    pid: int
    told: int = 0

    def take(self, count: int, *, rate: int = 0, kind: str = "receipts") -> dict[str, Any]:
        """Call so often, for all it takes or at a rate. Raises WrongResult where a call was not answered with 200."""
        order = Order(self.port, _PATH, kind, first=self.told + 1, count=count, rate=rate)
        with started("callers", settings={}) as caller:
            caller.say(order.as_line())
            caller.wait_until_ready()
            watch = Stopwatch({"web": self.pid, "database": self.ground.postgres})
            watch.start()
            caller.say("go")
            found = caller.result()
            cpu = watch.cpu()
        if kind == "receipts":
            self.told += count
        if found["failed"]:
            raise WrongResult(f"{found['failed']} of {count} calls were refused")
        return {**found, "per_s": count / found["seconds"], **{name: cpu[name] / count * 1e6 for name in cpu}}


def webhook(bench: Bench) -> dict[str, Figures]:
    """Receipts of messages in the ledger: for all the door takes, at 1,000 a second, and the same beside a mailing."""
    flood = bench.size(_FLOOD)
    steady = min(flood, _RATE * _SECONDS)
    receipts = flood + 2 * steady + 2 * _WARM
    with postgres_ground() as ground:
        bench.say(ground.about)
        bench.tick("mailing and messages", 0)
        planned = run(plan_mail(ground, max(flood * _MAILS_A_CALL, receipts)))
        run(_send_by_wechat(ground, receipts))
        with _web(ground) as door:
            door.take(_WARM)
            door.take(_WARM, kind="texts")
            ground.rest()
            bench.tick("as many as it takes", 0)
            full = door.take(flood)
            bench.tick(f"{_RATE:,} a second", 0)
            # a door that cannot keep the rate is late either way, and need not be late for minutes
            steady = min(steady, int(full["per_s"] * _SECONDS))
            even = door.take(steady, rate=_RATE)
            bench.tick(f"{_RATE:,} a second beside a mailing", 0)
            beside = _beside_mailing(door, planned, steady)
            bench.tick("words of customers", 0)
            words = door.take(min(_WORDS, flood), kind="texts", rate=0)
        bench.rest()
        for line in ground.statements():
            bench.say(line)
        run(_check(ground, door.told))
    for name, found in (("alone", even), ("beside a mailing", beside)):
        bench.say(f"{_RATE:,} a second {name}: half within {found['p50_ms']:.1f} ms, worst {found['worst_ms']:.0f} ms")
    return {
        "webhook": {
            "calls": flood,
            "per_s": round(full["per_s"]),
            "cpu_us": round(full["web"], 1),
            "database_us": round(full["database"], 1),
            "p99_ms": round(even["p99_ms"], 1),
            "p99_beside_campaign_ms": round(beside["p99_ms"], 1),
            "texts_per_s": round(words["per_s"]),
            "texts_cpu_us": round(words["web"], 1),
        }
    }


def _beside_mailing(door: Door, planned: Planned, count: int) -> dict[str, Any]:
    """Raises WrongResult where the mailing ended first: then it was no burden to the end."""
    with servers.smtp_sink() as sink, working(door.ground, planned, sink, processes=1) as [worker]:
        worker.say("go")
        before, deadline = sink.received(), time.monotonic() + _LONGEST_START
        while sink.received() == before and time.monotonic() < deadline:
            time.sleep(0.05)
        found = door.take(count, rate=_RATE)
        if not worker.is_working():
            raise WrongResult("the mailing ended before the calls did: give a larger BENCH_COUNT")
        return found


@contextlib.contextmanager
def _web(ground: Ground) -> Iterator[Door]:
    with servers.redis() as redis:
        given = ground.environment(
            redis_url=redis,
            web_port=0,
            mail_door_port=0,
            hook_secret=_SECRET,
            wechat_appid=APPID,
            wechat_secret="none",
            wechat_token=TOKEN,
            wechat_encoding_aes_key=AES_KEY,
            wechat_base_url="http://127.0.0.1:9",
        )
        with fleet.started("web", "--json", settings=given, folder=ground.folder / "web") as web:
            port = urlsplit(json.loads(web.line_now())["web"]).port
            assert port is not None
            try:
                yield Door(ground, port, web.process.pid)
            except WrongResult as exc:
                raise WrongResult(f"{exc}\n{web.errors()[-_LAST_WORDS:]}") from exc


async def _send_by_wechat(ground: Ground, count: int) -> None:
    """Messages to members 1 to `count` that WeChat has taken over and not reported on."""
    now = datetime.now(UTC)
    async with open_database(ground.settings()):
        campaign = await definitions.read_campaign(mailing.KEY)
        occurrence = await outbox.add_occurrence(campaign.id, campaign.version_id, "wechat", now, useless_at=None)
        await outbox.close_planning(occurrence, now)
        moment = f"TIMESTAMPTZ '{now.isoformat()}'"
        await fill(
            Message,
            {
                "occurrence_id": str(occurrence),
                "member_id": "n",
                "contact_id": "n",
                "message_class": "'service'",
                "channel": "'wechat'",
                "address": "'oBenchmark' || (100000000 + n)",
                "state": "'sent'",
                "not_before": moment,
                "sent_at": moment,
                "provider_id": "(9000000000 + n)::text",
            },
            count,
        )


async def _check(ground: Ground, told: int) -> None:
    """Raises WrongResult where a receipt was not stored and applied."""
    async with open_database(ground.settings()):
        [row] = await statements.query(
            """
            SELECT (SELECT count(*) FROM messages WHERE state = 'delivered') AS delivered,
                   (SELECT count(*) FROM events WHERE kind = 'receipt' AND outcome = 'applied') AS applied
            """
        )
    if row != {"delivered": told, "applied": told}:
        raise WrongResult(f"{told} receipts were pushed, found {row}")

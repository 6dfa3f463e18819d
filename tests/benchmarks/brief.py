"""访前检查 over a hundred thousand members: what the server takes for the page of one after the other."""

import asyncio
import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bot.clock import ProductClock
from bot.database import open_database
from bot.inbox import Inbox
from bot.runtime import Runtime, open_runtime
from bot.serving import listen, serve
from bot.web.app import make_app
from bot.web.desk import COOKIE
from campaigns import statements
from campaigns.members.peers import keep_site
from campaigns.models import Application, Login, Posting, Promise, Touch, Visit
from campaigns.rights import Role
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.crowds import ago, fill, pick, settle_in
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground, postgres_ground
from tests.web_cast import add_colleague, logged_in

_MEMBERS = 100_000
_CALLS = int(os.environ.get("BENCH_CALLS") or 300)
_LARGE = 100  # postings of the first member
_OCCUPATIONS, _PLACES = 60, 20
_COMMON = "n % 20 = 0"  # a twentieth of all postings are of one occupation in one city
_SAID = ("好的，谢谢", "最近没人投简历", "嗯")
_TITLES = ("氩弧焊工（二保焊）", "熟手", "学徒/包吃住", "夜班")
_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def brief(bench: Bench) -> dict[str, Figures]:
    """`p50_ms` and `p95_ms` of different members, each asked once; `large_ms` of one with a hundred postings."""
    members = bench.size(_MEMBERS)
    with postgres_ground() as ground:
        bench.say(ground.about)
        return {"brief": run(_measure(bench, ground, members))}


async def _measure(bench: Bench, ground: Ground, members: int) -> Figures:
    settings = ground.settings(huifang_templates=_TEMPLATES)
    async with open_database(settings), open_runtime(settings, clock=ProductClock()) as runtime:
        await _settle(bench, members)
        began = time.perf_counter()
        await keep_site(datetime.now(UTC))
        kept = time.perf_counter() - began
        await asyncio.to_thread(ground.forget)
        took, large = await _ask(bench, runtime, members)
        for line in (await asyncio.to_thread(ground.statements))[:12]:
            bench.say(f"    {line}")
    took.sort()
    return {
        "members": members,
        "calls": len(took),
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(took[-(-len(took) * 95 // 100) - 1], 1),
        "worst_ms": round(took[-1], 1),
        "large_ms": round(large, 1),
        "site_s": round(kept, 1),
    }


async def _settle(bench: Bench, members: int) -> None:
    """Two postings a member, ten applications, three logins, ten touches; an occupation and a city that are crowded."""
    now = datetime.now(UTC)
    bench.tick("members", 0)
    await settle_in(members)
    bench.tick("postings", 0)
    await fill(
        Posting,
        {"no": "'P' || n", "member_id": f"CASE WHEN n <= {_LARGE} THEN 1 ELSE 1 + n % {members} END",
         "title": pick(_TITLES), "state": "'live'",
         "category": f"CASE WHEN {_COMMON} THEN '焊工' ELSE '职业' || (n * 7 % {_OCCUPATIONS}) END",
         "parent_category": f"'大类' || (n * 7 % {_OCCUPATIONS} % 8)",
         "city": f"CASE WHEN {_COMMON} THEN '大同' ELSE '城' || (n / 7 % {_PLACES}) END",
         "pay_min": "3000 + n % 30 * 100", "pay_max": "6000 + n % 70 * 100", "views": "n % 400",
         "education": pick(("高中", "大专", "", "中专")), "experience": pick(("1-3年", "", "3-5年")),
         "published_at": ago(now, 5, 80), "refreshed_at": ago(now, 1, 80)},
        members * 2,
    )  # fmt: skip
    bench.tick("applications", 0)
    await fill(
        Application,
        {"no": "'A' || n", "posting_id": f"1 + n % {members * 2}", "applied_at": ago(now, 2, 80),
         "first_viewed_at": f"CASE WHEN n % 3 > 0 THEN {ago(now, 0, 2)} END"},
        members * 10,
    )  # fmt: skip
    bench.tick("touches", 0)
    await fill(
        Touch,
        {"member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}", "at": ago(now, 1, 350),
         "direction": "CASE WHEN n % 3 = 0 THEN 'in' ELSE 'out' END", "medium": "'sms'",
         "kind": "CASE WHEN n % 3 = 0 THEN 'reply' WHEN n % 3 = 1 THEN 'visit' ELSE 'message' END",
         "text": pick(_SAID)},
        members * 10,
    )  # fmt: skip
    await fill(Login, {"member_id": f"1 + n % {members}", "at": ago(now, 0, 120)}, members * 3)
    bench.tick("tasks and promises", 0)
    await fill(
        Visit,
        {"member_id": f"1 + n % {members}", "contact_id": f"1 + n % {members}", "category": "'renewal'",
         "state": pick(("open", "done")), "opened_at": ago(now, 1, 90), "due_at": ago(now, -5, 60),
         "cause": "'town:' || n"},
        members,
    )  # fmt: skip
    await fill(
        Promise,
        {"member_id": f"1 + n % {members}", "what": "'发一份薪资表'", "due_on": "DATE '2026-11-20'",
         "state": pick(("open", "kept", "broken")), "made_at": ago(now, 1, 90), "settled_at": ago(now, 0, 30)},
        members * 2,
    )  # fmt: skip
    bench.tick("counters", 0)
    await statements.recount_members()
    await statements.run("VACUUM ANALYZE")
    bench.rest()


async def _ask(bench: Bench, runtime: Runtime, members: int) -> tuple[list[float], float]:
    """(of different members all over the town, of the member with many postings), in ms over loopback."""
    token = await logged_in((await add_colleague(Role.ADMIN)).id)
    web = await serve(make_app(Inbox(runtime)), listen("127.0.0.1", 0))
    step = max(1, members // (_CALLS + 1))
    try:
        async with httpx.AsyncClient(base_url=web.url, cookies={COOKIE: token}, timeout=120, trust_env=False) as client:
            for number in range(5):  # compiles the templates
                await _once(client, members - number)
            took = []
            for number in range(_CALLS):
                bench.tick("briefs", number, _CALLS)
                took.append(await _once(client, 2 + number * step))
            large = [await _once(client, 1) for _ in range(5)]
    finally:
        await web.stop()
    bench.rest()
    return took, statistics.median(large)


async def _once(client: httpx.AsyncClient, member: int) -> float:
    began = time.perf_counter()
    answer = await client.get(f"/members/Y{member}/brief")
    elapsed = (time.perf_counter() - began) * 1000
    if answer.status_code != 200 or "话术" not in answer.text:
        raise WrongResult(f"/members/Y{member}/brief: {answer.status_code}")
    return elapsed

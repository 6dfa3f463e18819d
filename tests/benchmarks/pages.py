"""Every page of the console over a hundred thousand members: what the server takes, when Chromium paints."""

import asyncio
import contextlib
import os
import re
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
from playwright.async_api import Browser, async_playwright
from rich.table import Table

from bot.clock import ProductClock
from bot.database import open_database
from bot.inbox import Inbox
from bot.runtime import Runtime, open_runtime
from bot.serving import listen, serve
from bot.web.app import make_app
from bot.web.desk import COOKIE
from campaigns.rights import Role
from tests import servers
from tests.addresses import addresses
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.conditions import conditions
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground, postgres_ground
from tests.benchmarks.town import MEMBERS, found_town
from tests.browser.surfing import FLAGS
from tests.web_cast import add_colleague, logged_in

SERVER_MS, PAINT_MS = 300.0, 700.0
_CALLS = int(os.environ.get("BENCH_CALLS") or 20)
_PAINTS = 3
_VARIANTS = 8  # addresses of one page that differ in their query
_FILES = (".csv", ".xlsx")
_WHOLE = ".xlsx"  # is made whole before its first byte: how long it takes is no page's time
_OWN_COLUMNS = ("attr.园区", "attr.产业", "attr.网格")
_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_PAINTED = """() => new Promise((done) => new PerformanceObserver((list) => {
  for (const one of list.getEntriesByName("first-contentful-paint")) done(one.startTime);
}).observe({type: "paint", buffered: true}))"""


@dataclass(frozen=True, slots=True)
class Timed:
    who: str
    url: str
    p50: float
    p95: float
    size: int  # bytes


def pages(bench: Bench) -> dict[str, Figures]:
    """`slowest_p95_ms` at the server, `slowest_paint_ms` in Chromium, each of the worst page."""
    members = bench.size(MEMBERS)
    with postgres_ground() as ground, servers.chromium() as binary:
        bench.say(ground.about)
        return {"pages": run(_measure(bench, ground, members, binary))}


async def _measure(bench: Bench, ground: Ground, members: int, binary: str) -> Figures:
    settings = ground.settings(huifang_templates=_TEMPLATES)
    async with open_database(settings), open_runtime(settings, clock=ProductClock()) as runtime:
        began = time.perf_counter()
        await found_town(bench, runtime, members)
        bench.say(f"{members:,} members, {members * 10:,} messages made in {time.perf_counter() - began:.0f} s")
        who = await people()
        async with _served(runtime) as url:
            found = await _time_pages(bench, ground, url, who)
            _show(bench, found)
            paints = await _time_paints(bench, url, who["admin"], binary)
    slow = [one for one in found if one.p95 > SERVER_MS]
    return {
        "pages": len({one.url.partition("?")[0] for one in found}),
        "addresses": len(found),
        "median_p50_ms": round(statistics.median(one.p50 for one in found), 1),
        "slowest_p95_ms": round(max(one.p95 for one in found), 1),
        "over_300_ms": len(slow),
        "median_paint_ms": round(statistics.median(paints.values()), 1),
        "slowest_paint_ms": round(max(paints.values()), 1),
    }


async def people() -> dict[str, str]:
    """Who → the cookie of a session: one who sees all members, one a third of them, one of a department two thirds."""
    seen = {
        "admin": await add_colleague(Role.ADMIN),
        "agent": await add_colleague(Role.AGENT, name="程雪"),
        "department": await add_colleague(Role.AGENT, name="石磊", department="大同"),
    }
    await add_colleague(Role.AGENT, name="李娜", department="大同")
    return {who: await logged_in(one.id) for who, one in seen.items()}


@contextlib.asynccontextmanager
async def _served(runtime: Runtime) -> AsyncIterator[str]:
    web = await serve(make_app(Inbox(runtime)), listen("127.0.0.1", 0))
    try:
        yield web.url
    finally:
        await web.stop()


# ---- the server -----------------------------------------------------------------------------------------------------


async def _time_pages(bench: Bench, ground: Ground, url: str, people: dict[str, str]) -> list[Timed]:
    found = []
    for who, token in people.items():
        async with httpx.AsyncClient(base_url=url, cookies={COOKIE: token}, timeout=120, trust_env=False) as client:
            urls = await _addresses(client)
            for done, one in enumerate(urls):
                bench.tick(f"pages of an {who}", done, len(urls))
                await asyncio.to_thread(ground.forget)
                found.append(timed := await _time(client, who, one))
                if timed.p95 > SERVER_MS / 2:
                    bench.say(f"{who} {one}: p50 {timed.p50:.0f} ms, p95 {timed.p95:.0f} ms")
                    for line in (await asyncio.to_thread(ground.statements))[:4]:
                        bench.say(f"    {line}")
    bench.rest()
    return found


async def _addresses(client: httpx.AsyncClient) -> list[str]:
    """Every page this person may open, what it links to of itself and others, and what nothing links to on its own."""
    await client.get("/members", params={"columns": "1", "column": ["trade", "unread", "login", *_OWN_COLUMNS]})
    asked = [one.url for one in await addresses() if not one.url.endswith(_WHOLE)]
    found: dict[str, None] = {}
    for one in [*asked, *await conditions()]:
        if one in found:
            continue
        answer = await client.get(one)
        if answer.status_code >= 500:
            raise WrongResult(f"{one}: {answer.status_code}")
        if answer.status_code == 200:
            found[one] = None
        for href in map(unescape, re.findall(r'href="(/[^"#]*\?[^"#]*)"', answer.text)):
            path = href.partition("?")[0]
            beside = [known for known in found if "?" in known and _kind(known) == _kind(path)]
            if len(beside) < _VARIANTS and not path.endswith(_FILES) and (await client.get(href)).status_code == 200:
                found[href] = None
    return list(found)


def _kind(url: str) -> str:
    """`/members/Y10033?at=8` → /members/N: the pages of all members are one page that differs in its query."""
    return re.sub(r"[A-Z]?\d+", "N", url.partition("?")[0])


async def _time(client: httpx.AsyncClient, who: str, url: str) -> Timed:
    took, size = [], 0
    for number in range(_CALLS + 1):
        began = time.perf_counter()
        async with client.stream("GET", url) as answer:
            pieces = answer.aiter_bytes()
            size = len(await anext(pieces, b""))
            elapsed = (time.perf_counter() - began) * 1000  # of a file, until the browser begins to keep it
            if not url.partition("?")[0].endswith(_FILES):
                async for piece in pieces:
                    size += len(piece)
                elapsed = (time.perf_counter() - began) * 1000
        if answer.status_code != 200:
            raise WrongResult(f"{who} {url}: {answer.status_code}")
        if number:  # the first compiles templates and plans
            took.append(elapsed)
        if number == 3 and elapsed > 10 * SERVER_MS:
            break  # it is slow, and that is all there is to know
    took.sort()
    return Timed(who, url, statistics.median(took), took[max(0, -(-len(took) * 95 // 100) - 1)], size)


def _show(bench: Bench, found: Sequence[Timed]) -> None:
    table = Table("who", "page", "p50 ms", "p95 ms", "of 300", "kB", title="the slowest at the server")
    for one in sorted(found, key=lambda one: -one.p95)[:25]:
        colour = "[red]" if one.p95 > SERVER_MS else ""
        figures = f"{one.p50:.0f}", f"{colour}{one.p95:.0f}", f"{one.p95 / SERVER_MS:.2f}", f"{one.size / 1000:.0f}"
        table.add_row(one.who, one.url, *figures)
    bench.console.print(table)


# ---- Chromium -------------------------------------------------------------------------------------------------------


async def _time_paints(bench: Bench, url: str, token: str, binary: str) -> dict[str, float]:
    """Milliseconds to the first paint with anything on it, the median of some loads with an empty cache."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=FLAGS)
        urls = await _whole_pages(url, token)
        found = {}
        for done, one in enumerate(urls):
            bench.tick("first paint", done, len(urls))
            found[one] = statistics.median([await _paint(browser, url, one, token) for _ in range(_PAINTS)])
        await browser.close()
    bench.rest()
    table = Table("page", "first paint ms", "of 700", title="the slowest in Chromium")
    for one, paint in sorted(found.items(), key=lambda pair: -pair[1])[:12]:
        table.add_row(one, f"{'[red]' if paint > PAINT_MS else ''}{paint:.0f}", f"{paint / PAINT_MS:.2f}")
    bench.console.print(table)
    return found


async def _whole_pages(url: str, token: str) -> list[str]:
    """No part of a page, nothing to keep as a file."""
    async with httpx.AsyncClient(base_url=url, cookies={COOKIE: token}, timeout=120, trust_env=False) as client:
        asked = [one.url for one in await addresses() if not one.url.endswith(_FILES)]
        answers = [(one, await client.get(one)) for one in asked]
    return [
        one for one, answer in answers if answer.status_code == 200 and answer.text.lstrip().startswith("<!doctype")
    ]


async def _paint(browser: Browser, url: str, path: str, token: str) -> float:
    context = await browser.new_context(base_url=url, viewport={"width": 1440, "height": 900})
    try:
        await context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
        page = await context.new_page()
        await page.goto(path)
        return float(await page.evaluate(_PAINTED))
    finally:
        await context.close()

"""`make screens`: a picture of every page, large and on a phone, into docs/screens.

The same morning in the same made-up network each time: fixed seeds, a virtual clock. SCREENS=members,inbox for those
whose names begin so.
"""

import asyncio
import os
import signal
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import uvloop
from playwright.async_api import Browser, async_playwright
from rich.console import Console

from bot.clock import ProductClock
from bot.commands.demo import BEGINS, demo_settings
from bot.commands.importing import import_paths
from bot.commands.printing import bars
from bot.commands.serving import House, house
from bot.conductor import Conductor
from bot.database import open_database
from bot.runtime import set_clock
from bot.sandbox.site import write_export
from bot.settings import Settings
from bot.web.desk import COOKIE
from campaigns import marks
from campaigns.models import Member, Touch
from campaigns.rights import Role
from campaigns.terms import SHANGHAI
from tests import servers
from tests.addresses import doors
from tests.benchmarks.bench import Bench, progress_on
from tests.browser.house import furniture, start
from tests.browser.pictures import take_picture
from tests.browser.surfing import FLAGS, NARROW, WIDE, whole_pages
from tests.web_cast import add_colleague, logged_in

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
MEMBERS = 300
_FIRST = ("auto_replies", "unread_resumes", "renewal_visit", "forgotten_account", "festival_greeting")
_LATER = ("recruiting_tips", datetime(2026, 11, 24, 10, tzinfo=SHANGHAI))
_LOOKED_AT = datetime(2026, 11, 25, 10, 20, tzinfo=SHANGHAI)  # a Wednesday, with things still to go out
_DARK = ("today", "inbox", "campaigns-key")


async def main() -> None:
    aside = Console(stderr=True)
    with servers.chromium() as binary, tempfile.TemporaryDirectory() as folder, progress_on(aside) as progress:
        bench = Bench(aside, progress)
        settings = demo_settings().model_copy(
            update={"huifang_var": Path(folder) / "var", "web_port": 0, "mail_door_port": 0}
        )
        clock = ProductClock()
        clock.set(BEGINS)
        async with open_database(settings):
            await _begin(settings, clock)
            async with house(settings, clock) as running:
                await _live(running, bench)
                async with async_playwright() as playwright:
                    browser = await playwright.chromium.launch(executable_path=binary, args=FLAGS)
                    await _take_all(browser, running, bench)
                    await browser.close()
    pictures = list(FOLDER.glob("*.png"))
    aside.print(f"{len(pictures)} pictures, {sum(one.stat().st_size for one in pictures) / 1e6:.1f} MB, in {FOLDER}")


async def _begin(settings: Settings, clock: ProductClock) -> None:
    await marks.write_mark_once("holdout_secret", "00" * 16)
    await set_clock(clock, settings)
    write_export(settings.var / "site", members=MEMBERS, as_of=BEGINS)
    with bars(True) as silent:
        await import_paths(settings, [settings.var / "site"], BEGINS, silent)


async def _live(running: House, bench: Bench) -> None:
    """Two days and a morning; what is planned for later waits."""
    conductor = Conductor(running.runtime, running.sandbox)
    minutes = int((_LOOKED_AT - BEGINS).total_seconds()) // 60

    def moved(moment: datetime) -> None:
        bench.tick("two days and a morning", int((moment - BEGINS).total_seconds()) // 60, minutes)

    for login, name, role, department in (
        ("chengxue", "程雪", Role.MARKETER, "东区"),
        ("shilei", "石磊", Role.AGENT, "东区"),
        ("lina", "李娜", Role.MANAGER, "西区"),
    ):
        await add_colleague(role, login=login, name=name, department=department)
    for key in _FIRST:
        await start(running, key)
    await conductor.live_until(_LATER[1], moved)
    await start(running, _LATER[0])
    await conductor.live_until(_LOOKED_AT, moved)
    await furniture()


async def _worth_looking_at() -> dict[str, str]:
    """The member with most to tell, the campaign that everybody asks about."""
    told = Touch.filter(direction="in", kind="reply").order_by("-at")
    member_id = await told.first().values_list("member_id", flat=True)
    member = await Member.get(id=member_id)
    return {
        "members/number": member.no, "members/no": member.no, "inbox/number": member.no,
        "campaigns/key": "unread_resumes",
    }  # fmt: skip


async def _take_all(browser: Browser, running: House, bench: Bench) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    account = await add_colleague(Role.ADMIN, login="wangfang", name="王芳")
    cookie = {"name": COOKIE, "value": await logged_in(account.id), "url": running.web.url}
    inside = await browser.new_context(base_url=running.web.url, locale="zh-CN")
    await inside.add_cookies([cookie])  # type: ignore[list-item]
    workshop = await inside.new_page()
    there = [*await whole_pages(workshop, await _worth_looking_at()), *await doors(running.runtime)]
    asked = tuple(filter(None, os.environ.get("SCREENS", "").split(",")))
    pages = [one for one in there if one.name.startswith(asked or ("",))]
    shots = [(one, size, "light") for one in pages for size in (WIDE, NARROW)]
    shots += [(one, WIDE, "dark") for one in pages if one.name in _DARK]
    for done, (one, size, scheme) in enumerate(shots):
        bench.tick(f"{one.name} {size[0]}", done, len(shots))
        context = await browser.new_context(
            base_url=running.web.url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme,
            locale="zh-CN", reduced_motion="reduce",
        )  # fmt: skip
        if one.inside:
            await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        await page.goto(one.url)
        name = f"{one.name}-{size[0]}{'-dark' if scheme == 'dark' else ''}.png"
        await asyncio.to_thread((FOLDER / name).write_bytes, await take_picture(page, workshop))
        await context.close()
    bench.rest()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())

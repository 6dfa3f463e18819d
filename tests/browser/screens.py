"""`make screens`: a picture of every page, large and on a phone, into docs/screens.

The same morning in the same made-up network each time: fixed seeds, a virtual clock. SCREENS=members,inbox for those
whose names begin so.
"""

import asyncio
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import uvloop
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from rich.console import Console

from bot.clock import ProductClock
from bot.commands.demo import BEGINS, demo_settings
from bot.commands.demo_desk import furnish_desk, set_targets
from bot.commands.demo_matching import hold_a_fair, introduce_some
from bot.commands.demo_visiting import plan_some_visits
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
from campaigns.models import Member, StaffAccount, Suppression, Touch
from campaigns.rights import Role
from campaigns.terms import SHANGHAI
from tests import servers
from tests.addresses import doors
from tests.benchmarks.bench import Bench, progress_on
from tests.browser.house import furniture, start
from tests.browser.pictures import take_picture
from tests.browser.scenes import Arrive, at, furnish, scenes
from tests.browser.surfing import FLAGS, NARROW, WIDE, whole_pages
from tests.web_cast import add_colleague, logged_in

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
MEMBERS = 300
_FIRST = ("auto_replies", "unread_resumes", "renewal_visit", "forgotten_account", "festival_greeting")
_LATER = ("recruiting_tips", datetime(2026, 11, 24, 10, tzinfo=SHANGHAI))
_LOOKED_AT = datetime(2026, 11, 25, 10, 20, tzinfo=SHANGHAI)  # a Wednesday, with things still to go out
_DARK = (
    "today", "inbox", "campaigns", "campaigns-key", "members", "members-number", "imports", "segments-new", "settings",
    "settings-policy", "settings-suppressions", "staff", "audit", "tasks", "calendar", "login", "u-token",
    "inbox-number", "tasks-id", "campaigns-key-make-words", "campaigns-key-make-check", "members-conditions",
    "members-number-stop", "imports-checked", "imports-question", "segments-groups", "staff-leaving",
    "visits", "visits-id",
)  # fmt: skip
_ENGLISH = (
    "today", "inbox-number", "tasks-id", "campaigns", "campaigns-key", "campaigns-key-make-words", "members",
    "members-number", "segments-new", "settings-policy", "calendar", "audit", "imports",
)  # fmt: skip
_WHOLE = ("members-number", "campaigns-key", "settings-policy")


async def main() -> None:
    servers.need_chinese_font()
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

    await furnish_desk(running.runtime)
    await introduce_some(running.runtime)
    await hold_a_fair(running.runtime)
    for key in _FIRST:
        await start(running, key)
    await conductor.live_until(_LATER[1], moved)
    await start(running, _LATER[0])
    await conductor.live_until(_LOOKED_AT, moved)
    await set_targets(running.runtime)
    await furniture()
    await plan_some_visits(running.runtime)


async def _worth_looking_at() -> tuple[str, str]:
    """(the member with most to tell, one who refused), by their numbers."""
    told: dict[int, int] = {}
    for touch in await Touch.filter(direction="in"):
        told[touch.member_id] = told.get(touch.member_id, 0) + 1
    refused = {one.member_id for one in await Suppression.filter(channel=None, until=None)} & told.keys()
    most = max((one for one in told if one not in refused), key=lambda one: (told[one], one))
    return (await Member.get(id=most)).no, (await Member.get(id=max(refused))).no


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: whose browser, how large, how one gets there. `whole`: down to the end of the page."""

    name: str
    arrive: Arrive
    cookie: str
    size: tuple[int, int] = WIDE
    scheme: Literal["light", "dark"] = "light"
    whole: bool = False


async def _take_all(browser: Browser, running: House, bench: Bench) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    mine = await add_colleague(Role.ADMIN, login="wangfang", name="王芳")
    theirs = await add_colleague(Role.ADMIN, login="olivia", name="Olivia Wang")
    await StaffAccount.filter(id=theirs.id).update(language="en")
    await furnish(mine.id)
    inside = await _context(browser, running, await logged_in(mine.id))
    workshop = await inside.new_page()
    asked = tuple(filter(None, os.environ.get("SCREENS", "").split(","))) or ("",)
    every = await _shots(workshop, running, await logged_in(mine.id), await logged_in(theirs.id))
    shots = [one for one in every if one.name.startswith(asked)]
    for done, one in enumerate(shots):
        bench.tick(one.name, done, len(shots))
        context = await _context(browser, running, one.cookie, one.size, one.scheme)
        page = await context.new_page()
        await one.arrive(page)
        await page.locator(".htmx-request").first.wait_for(state="detached")  # parts that ask for themselves
        taken = await take_picture(page, workshop, whole=one.whole)
        await asyncio.to_thread((FOLDER / f"{one.name}.png").write_bytes, taken)
        await context.close()
    bench.rest()


async def _shots(workshop: Page, running: House, mine: str, theirs: str) -> list[Shot]:
    number, refused = await _worth_looking_at()
    chosen = {
        "members/number": number, "members/no": number, "inbox/number": number, "campaigns/key": "unread_resumes",
    }  # fmt: skip
    found: list[Shot] = []
    for one in [*await whole_pages(workshop, chosen), *await doors(running.runtime)]:
        name, arrive, cookie = one.name, at(one.url), mine if one.inside else ""
        found += [Shot(f"{name}-{size[0]}", arrive, cookie, size) for size in (WIDE, NARROW)]
        if name in _WHOLE:
            found += [Shot(f"{name}-whole-{size[0]}", arrive, cookie, size, whole=True) for size in (WIDE, NARROW)]
        if name in _DARK:
            found.append(Shot(f"{name}-{WIDE[0]}-dark", arrive, cookie, scheme="dark"))
        if name in _ENGLISH:
            found += [Shot(f"{name}-{size[0]}-en", arrive, theirs, size) for size in (WIDE, NARROW)]
    later = running.runtime.settings.var / "site-later"
    write_export(later, members=MEMBERS + 20, as_of=_LOOKED_AT)
    for name, arrive in (await scenes(later, number, refused)).items():
        found += [Shot(f"{name}-{size[0]}", arrive, mine, size) for size in (WIDE, NARROW)]
        if name in _DARK:
            found.append(Shot(f"{name}-{WIDE[0]}-dark", arrive, mine, scheme="dark"))
    return found


async def _context(
    browser: Browser,
    running: House,
    cookie: str,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
) -> BrowserContext:
    made = await browser.new_context(
        base_url=running.web.url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme,
        locale="zh-CN", reduced_motion="reduce",
    )  # fmt: skip
    if cookie:
        await made.add_cookies([{"name": COOKIE, "value": cookie, "url": running.web.url}])
    return made


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())

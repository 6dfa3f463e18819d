"""`make guide`: the walk of docs/guide.md and docs/guide.zh.md in a fresh house, with a picture of each step.

From the log-in page to a first campaign in the sandbox, an answer and what is done about it, pressing what the screen
says. A button that is called otherwise by now ends the walk: the guides name it too.
"""

import asyncio
import re
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from rich.console import Console

from bot.clock import ProductClock
from bot.commands.demo import BEGINS, demo_settings
from bot.commands.serving import House, house
from bot.database import open_database
from bot.language import LANGUAGES, SOURCE, translations
from bot.runtime import set_clock
from bot.sandbox.site import write_export
from bot.web.log_in import FIRST_LOGIN, first_admin
from campaigns import marks
from tests import servers
from tests.browser.house import sandbox_of
from tests.browser.pictures import take_picture
from tests.browser.surfing import FLAGS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "guide"
MEMBERS = 300
_SIZE = (1180, 780)
_PASSWORD = "correct-horse-battery"
_PLACES = re.compile(r"%\(\w+\)s|\{\w+\}")


@dataclass(frozen=True, slots=True)
class Walk:
    """One person's way in one language. What is pressed is given in Chinese, as the guide of the staff has it."""

    page: Page
    workshop: Page
    language: str
    home: House

    def words(self, text: str) -> str:
        if self.language == SOURCE:
            return text
        known = translations(self.language)
        head, colon, tail = text.partition("：")
        return known[text] if text in known else known[f"{head}{colon}%(step)s"].replace("%(step)s", known[tail])

    def said(self, text: str) -> re.Pattern[str]:
        """The same with any number where the page has one."""
        parts = _PLACES.split(self.words(text))
        return re.compile("^" + r"[\d,]+".join(map(re.escape, parts)) + "$")

    async def press(self, text: str, role: str = "button", within: Locator | Page | None = None) -> None:
        await (within or self.page).get_by_role(role, name=self.said(text)).first.click()  # type: ignore[arg-type]

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(self.words(label), exact=True).first

    async def heading(self, text: str) -> None:
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(self.said(text))

    async def picture(self, name: str) -> None:
        await self.page.wait_for_load_state("networkidle")
        taken = await take_picture(self.page, self.workshop)
        await asyncio.to_thread((FOLDER / f"{name}.{self.language}.png").write_bytes, taken)


async def main() -> None:
    servers.need_chinese_font()
    aside = Console(stderr=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with servers.chromium() as binary:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=binary, args=FLAGS)
            for language in LANGUAGES:
                await _walk_in(language, browser, aside)
            await browser.close()
    pictures = list(FOLDER.glob("*.png"))
    aside.print(f"{len(pictures)} pictures, {sum(one.stat().st_size for one in pictures) / 1e6:.1f} MB, in {FOLDER}")


async def _walk_in(language: str, browser: Browser, aside: Console) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = demo_settings().model_copy(
            update={"huifang_var": Path(folder) / "var", "web_port": 0, "mail_door_port": 0}
        )
        clock = ProductClock()
        clock.set(BEGINS)
        async with open_database(settings):
            await marks.write_mark_once("holdout_secret", "00" * 16)
            await set_clock(clock, settings)
            export = Path(folder) / "site"
            write_export(export, members=MEMBERS, as_of=BEGINS)
            password = await first_admin(clock())
            async with house(settings, clock) as home:
                assert home.sandbox is not None
                home.sandbox.stage.listeners.clear()  # who answers here is this walk alone
                context = await browser.new_context(
                    base_url=home.web.url, viewport={"width": _SIZE[0], "height": _SIZE[1]},
                    locale={"zh": "zh-CN", "en": "en-GB"}[language], reduced_motion="reduce",
                )  # fmt: skip
                context.set_default_timeout(60_000)
                walk = Walk(await context.new_page(), await context.new_page(), language, home)
                for step in _STEPS:
                    aside.print(f"{language}: {step.__name__}")
                    await step(walk, password or "", export)
                await context.close()


async def log_in(walk: Walk, password: str, export: Path) -> None:
    await walk.page.goto("/")
    await walk.field("账号").fill(FIRST_LOGIN)
    await walk.field("密码").fill(password)
    await walk.picture("01-login")
    await walk.press("登录")
    await walk.field("新密码，至少10个字符").fill(_PASSWORD)
    await walk.field("再填一次新密码").fill(_PASSWORD)
    await walk.press("改密码")
    await walk.heading("今日")
    await walk.picture("02-today")


async def import_export(walk: Walk, password: str, export: Path) -> None:
    await walk.press("导入企业会员", "link")
    files = await asyncio.to_thread(lambda: sorted(one for one in export.iterdir() if one.suffix in (".csv", ".xlsx")))
    await walk.page.locator("input[type=file]").set_input_files(files)
    await walk.press("传文件，下一步认列")
    await walk.picture("03-columns")
    await walk.press("试%(n)s个文件")
    await walk.heading("试过了，还没有写进去")
    await walk.picture("04-tried")
    await walk.press("导入%(n)s行", "link")
    await walk.press("导入%(n)s行", within=walk.page.get_by_role("dialog"))
    await walk.heading("导入完了")


async def pick_members(walk: Walk, password: str, export: Path) -> None:
    await walk.press("下一步：圈一群会员", "link")
    await walk.field("字段").select_option("unread_resumes")
    await expect(walk.field("怎么比")).to_have_value(">=")
    await walk.field("值").fill("1")
    await expect(walk.page.get_by_role("region", name=walk.words("现在有谁"))).to_contain_text(re.compile(r"\d"))
    await walk.field("分群的名字").fill("有未读的" if walk.language == SOURCE else "With unread")
    await walk.picture("05-segment")
    await walk.press("存分群")
    await walk.press("给这一群做个活动", "link")


async def make_campaign(walk: Walk, password: str, export: Path) -> None:
    title = "第一次提醒" if walk.language == SOURCE else "First reminder"
    await walk.field("名称").fill(title)
    await walk.page.get_by_text("未读简历提醒", exact=True).first.click()
    await walk.press("下一步：给谁")
    await walk.page.get_by_label(walk.words("分群"), exact=True).select_option(index=1)
    await expect(walk.page.get_by_role("region", name=walk.words("现在有谁"))).to_contain_text(re.compile(r"\d"))
    await walk.picture("06-audience")
    await walk.press("下一步：为了什么")
    await walk.press("下一步：写什么")
    await walk.picture("07-words")
    await walk.press("下一步：什么时候")
    await walk.page.get_by_text(walk.words("批准后马上发一次")).first.click()
    await walk.picture("08-when")
    await walk.press("下一步：检查")


async def begin(walk: Walk, password: str, export: Path) -> None:
    await walk.press("批准并开始，%(n)s家", "link")
    await walk.picture("09-begin")
    await walk.press("批准并开始，%(n)s家", within=walk.page.get_by_role("dialog"))
    await expect(walk.page.locator("main")).to_contain_text(re.compile(r"[1-9]\d*\s*/"), timeout=120_000)
    await walk.picture("10-under-way")


async def answer(walk: Walk, password: str, export: Path) -> None:
    await walk.page.get_by_role("link", name=walk.words("手机"), exact=True).first.click()
    await walk.picture("11-phone")
    accepted = sandbox_of(walk.home).stage.ledger.rows("email")[0]
    await sandbox_of(walk.home).customers.say(accepted, "简历我看了，给我打个电话吧")
    await walk.page.goto("/inbox")
    await walk.page.locator("a[href^='/inbox/Y']").first.click()
    await walk.page.get_by_label(walk.words("要说的话")).fill(
        "今天下午三点前打给您。" if walk.language == SOURCE else "We will ring you before three this afternoon."
    )
    await walk.picture("12-inbox")
    await walk.page.locator(".composer button[type=submit]:visible").first.click()


async def write_down(walk: Walk, password: str, export: Path) -> None:
    await walk.page.goto("/tasks")
    await walk.page.get_by_role("link", name=walk.said("记结果")).first.click()
    await walk.page.get_by_label(walk.words("记一句")).fill(
        "简历看过了，下周再招两个人。" if walk.language == SOURCE else "They have read them and hire two more."
    )
    await walk.page.locator(".outcome label").first.click()
    await walk.picture("13-task")
    await walk.press("记下结果")
    await walk.page.locator("h1 a[href^='/members/']").click()
    await walk.picture("14-member")


_STEPS: tuple[Callable[[Walk, str, Path], Awaitable[None]], ...] = (
    log_in, import_export, pick_members, make_campaign, begin, answer, write_down,
)  # fmt: skip

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())

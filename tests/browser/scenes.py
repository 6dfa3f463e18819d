"""States of pages that no address shows by itself: what was chosen, asked, filled in or just done, as in a browser."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Locator, Page

from campaigns import saved_views
from campaigns.models import ApiToken, ImportRun, SavedSegment, Suppression
from tests import cast

Arrive = Callable[[Page], Awaitable[object]]
_DIALOGS = ("conditions", "columns", "save-view")
_CHIPS = "tier=一般&owner=石磊&idle=30&sort=unread&down=1"


async def furnish(staff_id: int) -> None:
    """What the scenes want to be there, beside what colleagues have at their desks."""
    for name, query in (("忘了账号的老会员", _CHIPS), ("30天内到期", "renewal=30&sort=expires")):
        await saved_views.save_view(staff_id, "members", name, query, now=cast.NOW)
    await ApiToken.all().update(rights=["see"])
    await SavedSegment.create(
        name="很久没来、能发短信",
        rule='idle_days >= 60 and (unread_resumes >= 1 or live_postings = 0) and (city = "包头" or trade = "餐饮酒店")',
        by="程雪",
        at=cast.NOW,
    )


def exported(site: Path) -> list[Path]:
    return sorted(site.glob("*.csv"))


async def scenes(site: Path, number: str, refused: str) -> Mapping[str, Arrive]:
    """Name of the picture → how one gets there. `number`: a member with much to tell; `site`: files of an export."""
    groups = await SavedSegment.all().order_by("-id").first()
    blocked = await Suppression.all().order_by("-id").first()
    assert groups
    files = exported(site)
    return {
        "today-clock": _clock_open,
        "members-chips": at(f"/members?{_CHIPS}"),
        "members-marked": at(f"/members?{_CHIPS}&marked=all"),
        "members-assign": _assign,
        "members-chosen": at("/members?columns=1&column=tier&column=plan&column=nature&column=size&column=registered"),
        "members-nobody": at("/members?q=没有这样的名字"),
        **{f"members-{one}": at(f"/members?{_CHIPS}&city=包头#{one}") for one in _DIALOGS},
        "members-views": at("/members?all=1#views"),
        "members-number-pause": at(f"/members/{number}#pause"),
        "members-number-stop": at(f"/members/{number}#stop"),
        "members-number-refused": at(f"/members/{refused}"),
        "members-number-contacts-new": at(f"/members/{number}/contacts?edit=new"),
        "imports-columns": _uploaded(files),
        "imports-checked": _checked(files),
        "imports-question": _asked(files),
        "imports-done": _taken_in(files),
        "segments-groups": at(f"/segments/{groups.id}"),
        "settings-policy-versions": _policy,
        "settings-suppressions-question": _suppress,
        "settings-suppressions-lift": at(f"/settings/suppressions#lift-{blocked.id if blocked else 0}"),
        "settings-fields-edit": at("/settings/fields?edit=园区"),
        "settings-fields-delete": at("/settings/fields#delete-1"),
        "settings-tokens-made": _token,
        "staff-open": _person,
        "staff-leaving": _leaving,
        "audit-members": at("/audit?subject=member/"),
        "imports-running": _running,  # the last: others wait for it
    }  # fmt: skip


def at(url: str) -> Arrive:
    return lambda page: page.goto(url)


async def _press(button: Locator) -> None:
    """Where it leads is there when this returns: a picture of a page that is just leaving cannot be taken."""
    async with button.page.expect_navigation():
        await button.click()


async def _assign(page: Page) -> None:
    await page.goto(f"/members?{_CHIPS}")
    await _press(page.locator("button[name=which][value=all]"))


async def _clock_open(page: Page) -> None:
    await page.goto("/")
    await page.locator("summary.env").click()


def _uploaded(files: list[Path]) -> Arrive:
    async def arrive(page: Page) -> None:
        await page.goto("/imports")
        await page.locator("input[type=file]").set_input_files(files)
        await _press(page.locator("form[action='/imports'] button"))

    return arrive


def _checked(files: list[Path]) -> Arrive:
    async def arrive(page: Page) -> None:
        await _uploaded(files)(page)
        await page.locator("button[name=do][value=check]").click()
        await page.locator(".kpis").wait_for()

    return arrive


def _asked(files: list[Path]) -> Arrive:
    async def arrive(page: Page) -> None:
        await _checked(files)(page)
        await page.locator("a[href='#start'], a[href='#delete']").last.click()

    return arrive


def _taken_in(files: list[Path]) -> Arrive:
    async def arrive(page: Page) -> None:
        if not await ImportRun.exists(state="done"):
            await _checked(files)(page)
            await page.locator("a[href='#start']").click()
            await page.locator("#start button").click()
            await page.locator(".page-head a[href='/segments/new']").wait_for()
        done = await ImportRun.filter(state="done").order_by("-id").first()
        assert done is not None
        await page.goto(f"/imports/{done.id}")

    return arrive


async def _running(page: Page) -> None:
    run, _ = await ImportRun.get_or_create(
        {
            "by": "王芳", "at": cast.NOW, "seen_at": cast.NOW + timedelta(days=30),
            "progress": {"step": "importing", "file": "企业会员.csv", "done": 12_400, "total": 102_386},
        },
        folder="elsewhere", state="importing",
    )  # fmt: skip
    await page.goto(f"/imports/{run.id}")


async def _policy(page: Page) -> None:
    await page.goto("/settings/policy")
    form = page.locator("form[action='/settings/policy']")
    number = form.locator("input[inputmode=numeric]").first
    await number.fill(str(int(await number.input_value()) + 1))
    await _press(form.get_by_role("button"))


async def _suppress(page: Page) -> None:
    await page.goto("/settings/suppressions")
    await page.locator("textarea").fill("13800000001\nnobody@mail.example\nY300009\n不是号码的一行")
    await _press(page.locator("form:has(textarea) button"))


async def _token(page: Page) -> None:
    await page.goto("/settings/tokens")
    await page.locator("#name").fill(f"官网后台{await ApiToken.all().count()}")
    await page.locator("input[name=right]").first.check()
    await _press(page.locator("form:has(#name) button"))


async def _person(page: Page) -> None:
    await page.goto("/staff")
    await page.locator("details.person summary").nth(2).click()


async def _leaving(page: Page) -> None:
    await _person(page)
    form = page.locator("details.person[open] form").first
    await form.locator("input[name=active]").uncheck()
    await _press(form.get_by_role("button"))

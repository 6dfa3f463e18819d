"""The templates' pages: versions, differences, editing that loses nobody's work, mail without anything that runs."""

import hashlib

import httpx
import pytest

from bot.console.differences import MOST_LINES, compare
from bot.console.material import clean_mail
from bot.runtime import Runtime
from campaigns import edits
from campaigns.models import AuditEntry
from campaigns.rights import Role
from tests.web_cast import NOW, approved, as_staff

PATH = "/templates/unread_resumes"


def text_of(runtime: Runtime, file: str) -> str:
    return (runtime.settings.huifang_templates / "unread_resumes" / file).read_text("utf-8")


def seen(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def test_folders_are_listed_with_where_they_are_used(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/templates")).text
    for words in (
        "未读简历提醒",
        'href="/campaigns/unread_resumes"',
        "没有问题",
        "/templates/_top",
        "/templates/_shared",
    ):
        assert words in page, words
    for path in (PATH, f"{PATH}?file=nonsense", "/templates/_top", "/templates/_shared", "/templates/auto_replies"):
        assert (await browser.get(path)).status_code == 200, path
    for path in ("/templates/nowhere", "/templates/..%2f..", "/templates/<script>"):
        assert (await browser.get(path)).status_code == 404, path


async def test_a_file_is_written_anew_and_the_version_before_is_restored(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    old = text_of(runtime, "email.txt")
    new = f"{old}\n<script>alert(1)</script> 再见\n"
    data = {"file": "email.txt", "text": new.replace("\n", "\r\n"), "base": seen(old)}
    assert (await browser.post(PATH, data=data)).status_code == 303
    page = (await browser.get(f"{PATH}?file=email.txt")).text
    assert "<script>alert" not in page
    assert "员工0" in page
    [edit] = await edits.versions_of("unread_resumes")
    assert edit.text == new
    back = {"file": "email.txt", "version": "disk", "base": seen(new)}
    assert (await browser.post(PATH, data=back)).status_code == 303
    assert [one.text for one in await edits.versions_of("unread_resumes")] == [old, new]
    assert await AuditEntry.filter(action="file_written").count() == 2


async def test_what_somebody_else_has_just_changed_is_not_overwritten(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    old = text_of(runtime, "email.txt")
    await edits.write_files("unread_resumes", {"email.txt": f"{old}对方"}, by="程雪", now=NOW)
    answer = await browser.post(PATH, data={"file": "email.txt", "text": f"{old}我的", "base": seen(old)})
    assert answer.status_code == 409
    assert "另一个人刚改过" in answer.text
    assert "我的</textarea>" in answer.text
    assert len(await edits.versions_of("unread_resumes")) == 1


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("campaign.toml", 'title = "x"\nclass = "nonsense"', "campaign.toml: class"),
        ("campaign.toml", "not toml [", "campaign.toml"),
        ("sms.toml", "{% if %}", "sms.toml"),
        ("email.txt", "{{ member.nonsense.more }}", "email.txt"),
        ("email.txt", "长" * 100_001, "太长了"),
    ],
)
async def test_what_would_not_hold_is_refused_by_file_and_key_and_kept_on_the_screen(
    runtime: Runtime, browser: httpx.AsyncClient, file: str, text: str, says: str
) -> None:
    answer = await browser.post(PATH, data={"file": file, "text": text, "base": seen(text_of(runtime, file))})
    assert answer.status_code == 422
    assert says in answer.text.partition('id="text-err"')[2][:400]
    assert await edits.versions_of("unread_resumes") == []


async def test_only_files_that_are_there_are_written_and_only_by_who_plans(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    for path, file in ((PATH, "../policy.toml"), (PATH, "new.toml"), ("/templates/_top", "policy.toml")):
        answer = await browser.post(path, data={"file": file, "text": "x", "base": seen("")})
        assert answer.status_code == 404, path
    async with as_staff(runtime, Role.AGENT) as agent:
        assert "edit=1" not in (await agent.get(PATH)).text
        assert (await agent.post(PATH, data={"file": "email.txt"})).status_code == 403


async def test_two_versions_beside_each_other_mark_the_words(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await approved(runtime, "unread_resumes")
    old = text_of(runtime, "email.txt")
    await edits.write_files("unread_resumes", {"email.txt": f"<i>新的开头</i>\n{old}"}, by="程雪", now=NOW)
    for view in ("side", "inline"):
        page = (await browser.get(f"{PATH}/difference?file=email.txt&a=v1&b=e1&view={view}")).text
        assert "&lt;i&gt;新的开头" in page
        assert "<i>新的" not in page
    assert "两版一样" in (await browser.get(f"{PATH}/difference?file=email.txt&a=e1&b=e1")).text
    assert (await browser.get(f"{PATH}/difference?file=email.txt&a=e9&b=e1")).status_code == 404


def test_words_are_marked_and_long_files_are_not_compared() -> None:
    [row] = compare("收到3份简历", "收到12份<简历>") or []
    assert str(row.left) == "收到<del>3</del>份简历"
    assert str(row.right) == "收到<ins>12</ins>份<ins>&lt;</ins>简历<ins>&gt;</ins>"
    assert compare("a\n" * (MOST_LINES + 1), "b") is None
    many = "".join(f"第{n}行\n" for n in range(MOST_LINES))
    rows = compare(many, many.replace("第1500行", "别的")) or []
    assert [one.kind for one in rows].count("skip") == 2
    assert len(rows) == 9
    assert compare("", "") == []
    assert (compare("x" * 5000, "y" * 5000) or [])[0].kind == "changed"


async def test_a_mail_is_shown_in_a_frame_under_its_own_policy(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{PATH}/mail/email")
    [policy] = answer.headers.get_list("content-security-policy")
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "<table" in answer.text
    assert 'sandbox=""' in (await browser.get(PATH)).text
    assert (await browser.get(f"{PATH}/mail/sms")).status_code == 404


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        "<svg/onload=alert(1)>",
        '<iframe src="//x.example"></iframe>',
        '<form action="//x.example"><input></form>',
        "<style>@import url(//x.example)</style>",
        '<meta http-equiv=refresh content="0;url=//x.example">',
    ],
)
def test_a_hostile_mail_is_cleaned(html: str) -> None:
    cleaned = clean_mail(f"<p>好</p>{html}")
    assert cleaned.startswith("<p>好</p>")
    for bad in ("script", "onerror", "onload", "iframe", "form", "x.example", "http-equiv"):
        assert bad not in cleaned

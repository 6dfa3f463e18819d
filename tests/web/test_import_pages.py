"""导入: upload, columns, weighing, import, rejects; files as hostile and broken as they come."""

import asyncio
import io
import re
import stat
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import xlsxwriter

from bot.console.imports.files import shown_name
from bot.console.imports.work import work
from bot.runtime import Runtime
from campaigns import imports
from campaigns.models import AuditEntry, ImportRun, Member, Posting
from campaigns.rights import Role
from tests.web_cast import NOW, add_member, as_staff

MEMBERS = (
    "会员编号,企业名称,注册时间,合同号\nQ1,大同机械,2026-01-01,H1\nQ2,朔州商贸,2026-01-02,H2\n,没有编号,2026-01-02,\n"
)


async def upload(browser: httpx.AsyncClient, *files: tuple[str, bytes]) -> str:
    """The address of the import."""
    answer = await browser.post("/imports", files=[("file", one) for one in files])
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def chosen(page: str) -> dict[str, Any]:
    """The mapping form as it stands."""
    form: dict[str, Any] = {}
    for name, inside in re.findall(r'<select[^>]*name="(\w+)">(.*?)</select>', page, re.DOTALL):
        found = re.search(r'<option value="([^"]*)" selected', inside)
        form.setdefault(name, []).append(found[1] if found else "")
    return form


async def weigh(runtime: Runtime, browser: httpx.AsyncClient, where: str, **changed: Any) -> str:
    """The page after the weighing."""
    data = {**chosen((await browser.get(f"{where}?columns=1")).text), **changed, "do": "check"}
    answer = await browser.post(where, data=data)
    assert answer.status_code == 303, answer.text
    await finished(runtime)
    return (await browser.get(where)).text


async def finished(runtime: Runtime) -> None:
    await work(runtime)
    async with asyncio.timeout(20):
        while await ImportRun.filter(state__in=("checking", "importing")).exists():
            await asyncio.sleep(0.02)


async def test_a_file_is_uploaded_weighed_imported_and_its_rejects_taken(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    where = await upload(browser, ("会员.csv", MEMBERS.encode("gb18030")))
    page = (await browser.get(where)).text
    assert "gb18030" not in page  # how it is read is nobody's concern where it was read well
    assert "大同机械" in page
    assert chosen(page)["column0"] == ["no", "name", "registered_at", "*"]
    weighed = await weigh(runtime, browser, where)
    assert "还没有写进去" in weighed
    assert "导入2行？" in weighed
    assert "不能撤销" in weighed
    assert await Member.all().count() == 0
    assert (await browser.post(f"{where}/start")).status_code == 303
    await finished(runtime)
    page = (await browser.get(where)).text
    assert "导入完了" in page
    assert (await Member.get(no="Q1")).attrs == {"合同号": "H1"}
    rejects = await browser.get(f"{where}/rejects.csv")
    assert rejects.headers["content-disposition"].startswith("attachment")
    assert "没有编号,整行没有导入" in rejects.text
    did = {entry.action for entry in await AuditEntry.all()}
    assert {"import_uploaded", "import_started", "rejects_taken"} <= did
    assert "会员.csv" in (await browser.get("/imports")).text


async def test_a_posting_that_goes_to_a_new_member_is_weighed_as_the_import_takes_it(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await Posting.create(no="P1", member_id=(await add_member("Q9")).id, title="厨师", state="live")
    postings = "职位编号,会员编号,职位名称,状态\nP1,Q1,厨师,在招\nP2,Q1,司机,在招\n"
    where = await upload(browser, ("会员.csv", MEMBERS.encode()), ("职位.csv", postings.encode()))
    weighed = numbers_of(await weigh(runtime, browser, where))
    await browser.post(f"{where}/start")
    await finished(runtime)
    assert numbers_of((await browser.get(where)).text)[:4] == weighed[:4] == ["5", "3", "1", "0"]


def numbers_of(page: str) -> list[str]:
    """Read, added, changed, unchanged and the rest, of the head of the page."""
    return re.findall(r'<div class="v">([\d,]+)', page)


async def test_a_column_may_be_left_out_or_read_as_another(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    where = await upload(browser, ("a.csv", MEMBERS.encode()))
    await weigh(runtime, browser, where, column0=["no", "name", "registered_at", ""])
    await browser.post(f"{where}/start")
    await finished(runtime)
    assert (await Member.get(no="Q1")).attrs == {}


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        (["no", "", "registered_at", ""], "还缺企业名称"),
        (["no", "name", "name", ""], "有两列都选了“企业名称”"),
        (["", "", "", ""], "还缺会员编号"),
    ],
)
async def test_wrong_columns_are_told_beside_the_file(
    browser: httpx.AsyncClient, columns: list[str], fault: str
) -> None:
    where = await upload(browser, ("a.csv", MEMBERS.encode()))
    answer = await browser.post(where, data={"kind0": "members", "column0": columns, "do": "check"})
    assert answer.status_code == 422
    assert fault in answer.text
    assert chosen(answer.text)["column0"] == columns


async def test_a_sheet_with_words_nobody_knows_is_mapped_by_hand(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate([["甲", "乙", "丙"], ["Q7", "应县陶瓷", "2026-03-01"]]):
            sheet.write_row(line, 0, row)
    where = await upload(browser, ("表.xlsx", made.getvalue()))
    page = (await browser.get(where)).text
    assert "xlsx" in page
    assert "应县陶瓷" in page
    await weigh(runtime, browser, where, column0=["no", "name", "registered_at"])
    await browser.post(f"{where}/start")
    await finished(runtime)
    assert (await Member.get(no="Q7")).name == "应县陶瓷"


async def test_a_kind_is_changed_and_the_columns_are_read_anew(browser: httpx.AsyncClient) -> None:
    where = await upload(browser, ("a.csv", "id,姓名,会员编号\n1,张,Q1\n".encode()))
    assert (await browser.post(where, data={"kind0": "contacts", "do": "kind"})).status_code == 303
    page = (await browser.get(where)).text
    assert chosen(page) == {"kind0": ["contacts"], "column0": ["no", "name", "member_no"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("会员编号,企业名称\n", "只有表头"),
        ("会员编号,企业名称,企业名称\nQ1,甲,乙\n", "企业名称"),
        ("会员编号,企业名称\nQ1," + "长" * 200_000 + "\n", "长…"),
        ("x", "读不了"),
        ("\x00\x01\x02" * 50, "读不了"),
        ("<html><script>alert(1)</script></html>", "读不了"),
        ("会员编号,<script>alert(1)</script>\nQ1,<script>alert(1)</script>\n", "alert"),
    ],
)
async def test_whatever_a_file_holds_there_is_an_answer(
    runtime: Runtime, browser: httpx.AsyncClient, text: str, words: str
) -> None:
    where = await upload(browser, ("a.csv", text.encode()))
    page = (await browser.get(where)).text
    assert words in page
    assert "<script>alert" not in page
    data = {**chosen(page), "do": "check"}
    answer = await browser.post(where, data=data)
    assert answer.status_code in (303, 422)
    assert "<script>alert" not in answer.text
    await finished(runtime)
    after = await browser.get(where)
    assert after.status_code == 200
    assert "<script>alert" not in after.text
    assert await Member.all().count() == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\表\\会员.csv", "会员.csv"),
        ("<script>alert(1)</script>.csv", "script>.csv"),
        ("..", ".."),
        ("", "文件3"),
        ("a\x00\n\u202eb.csv", "ab.csv"),
        ("长" * 300 + ".csv", "长" * 120),
    ],
)
def test_the_name_of_a_file_is_only_shown(given: str, shown: str) -> None:
    assert shown_name(given, 3) == shown


async def test_no_name_leads_out_of_the_private_folder(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    for name in ("../../../tmp/evil.csv", "/etc/passwd", "..", "a/../../b.csv", '"><script>alert(1)</script>.csv'):
        where = await upload(browser, (name, MEMBERS.encode()))
        page = (await browser.get(where)).text + (await browser.get("/imports")).text
        assert "<script>alert" not in page
    kept = [path for path in (runtime.settings.var / "imports").rglob("*") if path.is_file()]
    assert len(kept) == 5
    assert {path.name for path in kept} <= {"1.csv", "1.dat"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)
    assert all(stat.S_IMODE(path.parent.stat().st_mode) == 0o700 for path in kept)


async def test_an_import_that_was_killed_is_failed_and_runs_again(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    where = await upload(browser, ("a.csv", MEMBERS.encode()))
    await weigh(runtime, browser, where)
    run = (await imports.list_runs())[0]
    await imports.queue_run(run.id, "importing")
    assert await imports.claim_run(datetime.now(UTC) - timedelta(minutes=2))  # by a process that is gone
    page = (await browser.get(where)).text
    assert "程序停了" in page
    assert "再导入一遍" in page
    await browser.post(f"{where}/start")
    await finished(runtime)
    assert "导入完了" in (await browser.get(where)).text
    assert await Member.all().count() == 2


async def test_progress_is_shown_while_it_works_and_the_page_comes_back_after(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    where = await upload(browser, ("a.csv", MEMBERS.encode()))
    number = int(where.rpartition("/")[2])
    await ImportRun.filter(id=number).update(
        state="importing",
        seen_at=datetime.now(UTC),
        progress={"step": "importing", "file": "a.csv", "done": 1000, "total": 2000},
    )
    page = (await browser.get(where)).text
    assert "1,000行，共2,000行" in page
    assert 'value="1000"' in (await browser.get(f"{where}/progress")).text
    assert (await browser.post(f"{where}/delete")).status_code == 303
    assert await imports.find_run(number)
    await imports.finish_run(number, {"files": [], "rejects": 0}, done_at=NOW)
    assert (await browser.get(f"{where}/progress")).headers["hx-redirect"] == where


async def test_files_go_when_they_are_deleted_or_old(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    first = await upload(browser, ("a.csv", MEMBERS.encode()))
    await ImportRun.all().update(at=NOW - timedelta(days=15))
    second = await upload(browser, ("b.csv", MEMBERS.encode()))
    assert "已经删了" in (await browser.get(first)).text
    assert len(list((runtime.settings.var / "imports").iterdir())) == 1
    await browser.post(f"{second}/delete")
    assert list((runtime.settings.var / "imports").iterdir()) == []
    assert (await browser.get(second)).status_code == 404
    assert (await browser.get(f"{first}/rejects.csv")).status_code == 404


async def test_an_upload_too_large_or_without_a_file_or_key_is_refused(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    large = await browser.post("/imports", content=b"", headers={"content-length": str(300 * 2**20)})
    assert large.status_code == 413
    assert (await browser.post("/imports", data={"x": "y"})).status_code == 422
    del browser.headers["x-form-key"]
    answer = await browser.post("/imports", files={"file": ("a.csv", b"x")})
    assert answer.status_code == 403
    assert not (runtime.settings.var / "imports").exists()


async def test_no_other_form_takes_a_file_or_more_than_before(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/segments", files={"file": ("a.csv", b"x")})
    assert answer.status_code == 400
    large = await browser.post("/segments", content=b"", headers={"content-length": str(2 * 2**20)})
    assert large.status_code == 413


async def test_who_may_not_import_uploads_nothing(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.MARKETER) as client:
        assert (await client.post("/imports", files={"file": ("a.csv", b"x")})).status_code == 403
    async with as_staff(runtime, Role.MARKETER, grants=["import"]) as client:
        assert (await client.post("/imports", files={"file": ("a.csv", MEMBERS.encode())})).status_code == 303
    assert await ImportRun.all().count() == 1


async def test_a_member_is_changed_and_its_figures_come_with_it(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await add_member("Q1", "旧名")
    where = await upload(browser, ("a.csv", MEMBERS.encode()))
    page = await weigh(runtime, browser, where)
    assert "新增1行，更新1行" in page


async def test_an_import_that_was_only_just_begun_shows_how_far_it_is(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    made = await imports.add_run("folder", {}, by="林", now=NOW)
    assert await imports.queue_run(made.id, "checking")
    assert await imports.claim_run(datetime.now(UTC))
    for path in (f"/imports/{made.id}", f"/imports/{made.id}/progress"):
        assert "正在打开文件" in (await browser.get(path)).text


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT])
async def test_who_may_not_import_is_offered_no_link_and_told_who_may(runtime: Runtime, role: Role) -> None:
    async with as_staff(runtime, role) as client:
        empty = (await client.get("/members")).text
        assert "请主管或管理员导入" in empty
        await add_member("Q1")
        for page in (empty, (await client.get("/members")).text, (await client.get("/")).text):
            assert "/imports" not in page
        refused = await client.get("/imports")
    assert refused.status_code == 403
    assert "找管理员" in refused.text


async def test_a_dry_run_says_that_one_file_repeats_another(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    where = await upload(browser, ("a.csv", MEMBERS.encode()), ("b.csv", MEMBERS.encode()))
    one = chosen((await browser.get(f"{where}?columns=1")).text)
    weighed = await weigh(runtime, browser, where, **one)
    assert "导入2行？" in weighed
    assert "2行和前面的文件一样，只算一次" in weighed


async def test_an_import_opens_for_who_uploaded_it_and_who_sees_all_alone(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    where = await upload(browser, ("members.csv", "企业编号,企业名称\nE1,甲公司\n".encode()))

    async with as_staff(runtime, Role.MARKETER, name="石", grants=["import"]) as shi:
        assert (await shi.get(where)).status_code == 404
        assert (await shi.get(f"{where}/rejects.csv")).status_code == 404
        own = await upload(shi, ("members.csv", "企业编号,企业名称\nE2,乙公司\n".encode()))
        assert (await shi.get(own)).status_code == 200
    assert (await browser.get(own)).status_code == 200

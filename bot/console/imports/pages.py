"""The pages of an import: upload, say what the columns mean, weigh, take in, read what came of it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from bot.console.imports.files import keep_files, preview_of, read_again, remove_files, table_of
from bot.console.imports.work import REJECTS, start_working
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, read_upload, visitor_of
from bot.web.pages import page
from bot.wording import fault_words
from campaigns import imports
from campaigns.audit import Action
from campaigns.columns import CUSTOM, TableKind, fields_of, label_of
from campaigns.errors import InputError
from campaigns.imports import Run
from campaigns.rights import SCOPES, Right, Scope

_KEPT = timedelta(days=14)
KINDS = {
    TableKind.MEMBERS: "企业会员",
    TableKind.CONTACTS: "联系人",
    TableKind.POSTINGS: "职位",
    TableKind.APPLICATIONS: "投递",
    TableKind.LOGINS: "登录记录",
    TableKind.SEEKERS: "求职者",
}


async def runs(request: Request) -> Response:
    return await _list(request)


async def upload(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_upload(request)
    files = [one for one in form.getlist("file") if isinstance(one, UploadFile) and (one.filename or one.size)]
    if not files:
        return await _list(request, fault=say("选至少1个CSV或XLSX文件"), status_code=422)
    await _remove_old(runtime)
    try:
        folder, columns = await asyncio.to_thread(keep_files, runtime.settings, files)
    except OSError as exc:
        fault = say("存不下：{why}。腾出磁盘空间再传").format(why=exc.strerror or type(exc).__name__)
        return await _list(request, fault=fault, status_code=507)
    run = await imports.add_run(str(folder), columns, by=visitor_of(request).staff.name, now=runtime.clock())
    await log(request, Action.IMPORT_UPLOADED, f"import/{run.id}", files=[one["name"] for one in columns.values()])
    return RedirectResponse(f"/imports/{run.id}", status_code=303)


async def one(request: Request) -> Response:
    run = await _find(request)
    if run is None:
        return await _missing(request)
    return await _show(request, run, columns=request.query_params.get("columns") == "1")


async def check(request: Request) -> Response:
    """The columns as chosen; then, unless only a kind was changed, weigh the files."""
    run = await _find(request)
    if run is None or not run.folder or run.works or run.state == "done":
        return await _missing(request) if run is None else _to(run)
    form = await read_form(request)
    columns, again = await asyncio.to_thread(_chosen, run, form)
    await imports.keep_columns(run.id, columns)
    if again:
        return RedirectResponse(f"/imports/{run.id}?columns=1", status_code=303)
    faults = await asyncio.to_thread(_faults, run, columns)
    if faults:
        found = await imports.find_run(run.id)
        assert found
        return await _show(request, found, columns=True, faults=faults, status_code=422)
    return await _queue(request, run, "checking")


async def start(request: Request) -> Response:
    """Take in what was weighed; or, where it failed, the same step again."""
    run = await _find(request)
    if run is None:
        return await _missing(request)
    step = "checking" if run.state == "failed" and run.progress.get("step") == "checking" else "importing"
    if step == "importing" and run.state in ("checked", "failed"):
        await log(request, Action.IMPORT_STARTED, f"import/{run.id}")
    return await _queue(request, run, step)


async def progress(request: Request) -> Response:
    """The part of the page that moves; the whole page again once the work is over."""
    run = await _find(request)
    if run is None:
        return Response(status_code=404)
    if not run.works:
        return Response(status_code=204, headers={"HX-Redirect": f"/imports/{run.id}"})
    return page(request, "imports/progress.html", run=run)


async def rejects(request: Request) -> Response:
    run = await _find(request)
    if run is None or not run.folder or not (Path(run.folder) / REJECTS).is_file():
        return await not_found(request, here="members", what=say("没有这份清单，文件14天后就删了"))
    await log(request, Action.REJECTS_TAKEN, f"import/{run.id}", lines=run.report.get("rejects", 0))
    return FileResponse(
        Path(run.folder) / REJECTS, media_type="text/csv; charset=utf-8", filename=f"import-{run.id}-rejects.csv"
    )


async def delete(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    run = await _find(request)
    if run is None:
        return await _missing(request)
    if not await imports.delete_run(run.id):
        return _to(run)
    await asyncio.to_thread(remove_files, runtime.settings, run.folder)
    await log(request, Action.IMPORT_DELETED, f"import/{run.id}")
    return RedirectResponse("/imports?gone=1", status_code=303)


async def _queue(request: Request, run: Run, step: str) -> Response:
    if await imports.queue_run(run.id, step):
        start_working(request.app.state, request.app.state.runtime)
    return _to(run)


async def _find(request: Request) -> Run | None:
    """The import, as it is now, for who uploaded it or may see all members; one whose process died is failed."""
    await imports.fail_dead(datetime.now(UTC))
    if await imports.any_waiting():
        start_working(request.app.state, request.app.state.runtime)
    run = await imports.find_run(request.path_params["id"])
    return run if run and _may_open(request, run) else None


def _may_open(request: Request, run: Run) -> bool:
    staff = visitor_of(request).staff
    return run.by == staff.name or SCOPES[staff.role] is Scope.ALL


def _chosen(run: Run, form: FormData) -> tuple[dict[str, Any], bool]:
    """The stored columns with what was chosen, and whether a file became a table of another kind."""
    columns: dict[str, Any] = {}
    again = False
    for number, (file, stored) in enumerate(run.columns.items()):
        kind = str(form.get(f"kind{number}", stored["kind"]))
        made = dict(stored)
        if kind != stored["kind"] and kind in list(TableKind):
            made, again = read_again(Path(run.folder) / file, stored, TableKind(kind)), True
        else:
            given = [str(one) for one in form.getlist(f"column{number}")]
            allowed = {"", CUSTOM, *fields_of(TableKind(made["kind"]))}
            if len(given) == len(made["chosen"]):
                made["chosen"] = [one if one in allowed else "" for one in given]
        made["skip"] = form.get(f"skip{number}") == "1"
        columns[file] = made
    return columns, again or form.get("do") == "kind"


def _faults(run: Run, columns: Mapping[str, Any]) -> dict[str, str]:
    faults: dict[str, str] = {}
    for file, stored in columns.items():
        if stored["refused"] or stored["skip"]:
            continue
        try:
            table_of(Path(run.folder) / file, stored)
        except InputError as exc:
            faults[file] = fault_words(exc)
    if not faults and all(one["refused"] or one["skip"] for one in columns.values()):
        faults[""] = say("没有一个文件能导入")
    return faults


async def _show(
    request: Request,
    run: Run,
    *,
    columns: bool = False,
    faults: Mapping[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    mapping = run.folder and (run.state == "uploaded" or (columns and not run.works and run.state != "done"))
    files = []
    if mapping:
        files = [await asyncio.to_thread(preview_of, Path(run.folder) / file, one) for file, one in run.columns.items()]
    return await staff_page(
        request,
        "imports/columns.html" if mapping else "imports/run.html",
        here="members",
        status_code=status_code,
        run=run,
        files=files,
        faults=faults or {},
        kinds={kind.value: say(words) for kind, words in KINDS.items()},
        fields={kind.value: [(one, say(label_of(kind, one))) for one in fields_of(kind)] for kind in TableKind},
        CUSTOM=CUSTOM,
        sums=_sums(run.report),
        may_plan=visitor_of(request).may(Right.PLAN),
        DIED=imports.DIED,
    )


def _sums(report: Mapping[str, Any]) -> dict[str, int]:
    names = ("offered", "added", "changed", "unchanged", "rejected", "duplicates", "problems")
    return {name: sum(one[name] for one in report.get("files", ())) for name in names}


async def _list(request: Request, *, fault: str = "", status_code: int = 200) -> Response:
    await imports.fail_dead(datetime.now(UTC))
    return await staff_page(
        request,
        "imports/list.html",
        here="members",
        status_code=status_code,
        runs=await imports.list_runs(),
        fault=fault,
        gone=request.query_params.get("gone") == "1",
    )


async def _remove_old(runtime: Runtime) -> None:
    for number, folder in await imports.old_folders(runtime.clock() - _KEPT):
        await asyncio.to_thread(remove_files, runtime.settings, folder)
        await imports.forget_folder(number)


async def _missing(request: Request) -> Response:
    return await not_found(request, here="members", what=say("没有这次导入"))


def _to(run: Run) -> Response:
    return RedirectResponse(f"/imports/{run.id}", status_code=303)


routes = [
    StaffRoute("/imports", runs, right=Right.IMPORT),
    StaffRoute("/imports", upload, right=Right.IMPORT, methods=["POST"], upload=True),
    StaffRoute("/imports/{id:int}", one, right=Right.IMPORT),
    StaffRoute("/imports/{id:int}", check, right=Right.IMPORT, methods=["POST"]),
    StaffRoute("/imports/{id:int}/progress", progress, right=Right.IMPORT),
    StaffRoute("/imports/{id:int}/start", start, right=Right.IMPORT, methods=["POST"]),
    StaffRoute("/imports/{id:int}/delete", delete, right=Right.IMPORT, methods=["POST"]),
    StaffRoute("/imports/{id:int}/rejects.csv", rejects, right=Right.IMPORT),
]

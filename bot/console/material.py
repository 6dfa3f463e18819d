"""素材: the files behind the words, their versions, what differs between two, how they look, and changing them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

import nh3
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot import wording
from bot.console.differences import MOST_LINES, compare
from bot.console.paging import page_of
from bot.console.previews import samples_of
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import definitions, edits
from campaigns.audit import Action
from campaigns.errors import DefinitionError, OutreachError
from campaigns.folders import CampaignFolder, folder_of, lint_folder, read_own, read_shared, render_sample
from campaigns.models import ContentVersion
from campaigns.rights import Right
from campaigns.terms import MailWords

TOP, SHARED = "_top", "_shared"
_LARGEST = 100_000  # letters of a file: a form carries each as up to nine bytes
_MOST_VERSIONS = 100
_PAGE = 20  # each is checked as it is listed
_FILE = re.compile(r"[\w.-]{1,64}")
_DISK = "disk"
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_MAIL_TAGS = (
    "a b blockquote br center div em h1 h2 h3 h4 hr i img li ol p s small span strong table tbody td tfoot th thead "
    "tr u ul"
)
_MAIL_ATTRIBUTES = (
    "align alt bgcolor border cellpadding cellspacing class colspan height role rowspan style title valign width"
)


@dataclass(frozen=True, slots=True)
class Version:
    """`id`: disk, e17 (an edit), v3 (as it was approved)."""

    id: str
    what: str
    by: str
    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Folder:
    """`own` are its files as they stand; `disk` those that lie on the disk."""

    name: str
    own: Mapping[str, str]
    disk: Mapping[str, str]
    shared: Mapping[str, str]

    @property
    def is_campaign(self) -> bool:
        return self.name not in (TOP, SHARED)

    def as_campaign(self, **changed: str) -> CampaignFolder:
        """With these files in place of its own. DefinitionError where they are wrong."""
        return folder_of(self.name, {**self.shared, **self.own, **changed})


async def folders(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    templates = runtime.settings.huifang_templates
    edited = await edits.edited_folders()
    keys = sorted({*await definitions.campaign_keys(templates), *(one for one in edited if one)})
    paged, rows = page_of(request, keys, _PAGE), await definitions.find_campaigns()
    lines = []
    for key in paged.rows:
        folder, row = await _stood(runtime, key), rows.get(key)
        title = row.definition.title if row else _title(folder)
        lines.append((key, title, folder, row.state if row else "draft", len(_problems(folder)), key in edited))
    return await staff_page(
        request,
        "templates/list.html",
        here="templates",
        lines=lines,
        paged=paged,
        turn=lambda number: f"/templates?page={number}",
        others=[
            (TOP, say("全站设置"), await _read(runtime, TOP)),
            (SHARED, say("各活动共用"), await _read(runtime, SHARED)),
        ],
    )


async def folder(request: Request) -> Response:
    found = await _read(request.app.state.runtime, request.path_params["folder"])
    if found is None:
        return await _missing(request)
    return await _page(request, found, request.query_params.get("file", ""))


async def _page(
    request: Request,
    found: Folder,
    file: str,
    *,
    typed: str | None = None,
    base: str = "",
    fault: str = "",
    theirs: bool = False,
    status: int = 200,
) -> Response:
    """One folder with one of its files open; `typed` is what somebody wrote and could not be kept."""
    file = file if file in found.own else "campaign.toml" if "campaign.toml" in found.own else next(iter(found.own), "")
    may_edit = visitor_of(request).may(Right.PLAN) and found.is_campaign
    text = found.own.get(file, "")
    campaign = _campaign_or_none(found)
    row = await definitions.find_campaign(found.name)
    return await staff_page(
        request,
        "templates/folder.html",
        here="templates",
        status_code=status,
        folder=found,
        file=file,
        text=text,
        typed=typed,
        base=base or _digest(text),
        fault=fault,
        theirs=theirs,
        editing=may_edit and (typed is not None or request.query_params.get("edit") == "1"),
        may_edit=may_edit,
        versions=await _versions(found, file),
        samples=samples_of(campaign),
        problems=_problems(found) if found.is_campaign else [],
        row=row,
        title=row.definition.title if row else _title(found),
        address=lambda name, **more: f"/templates/{quote(found.name, safe='')}?{urlencode({'file': name, **more})}",
        mail=lambda sample: f"/templates/{quote(found.name, safe='')}/mail/{quote(sample.key, safe='')}",
    )


async def write(request: Request) -> Response:
    """A file's text, or an older version of it, written anew: only over the text that was seen, only if it holds."""
    runtime: Runtime = request.app.state.runtime
    found = await _read(runtime, request.path_params["folder"])
    form = await read_form(request)
    file = str(form.get("file", ""))
    if found is None or not found.is_campaign or file not in found.own or not _FILE.fullmatch(file):
        return await _missing(request)
    text = str(form.get("text", "")).replace("\r\n", "\n")
    if version_id := str(form.get("version", "")):
        version = next((one for one in await _versions(found, file) if one.id == version_id), None)
        if version is None:
            return await _missing(request)
        text = version.text
    base = str(form.get("base", ""))
    if base != _digest(found.own[file]):
        return await _page(request, found, file, typed=text, base=_digest(found.own[file]), theirs=True, status=409)
    if fault := _fault(found, file, text):
        return await _page(request, found, file, typed=text, base=base, fault=fault, status=422)
    if text != found.own[file]:
        me = visitor_of(request).staff.name
        await edits.write_files(found.name, {file: text}, by=me, now=runtime.clock())
        await log(request, Action.FILE_WRITTEN, f"campaign/{found.name}", file=file, restored=version_id)
    return RedirectResponse(f"/templates/{quote(found.name, safe='')}?{urlencode({'file': file})}", status_code=303)


async def difference(request: Request) -> Response:
    found = await _read(request.app.state.runtime, request.path_params["folder"])
    asked = {name: request.query_params.get(name, "") for name in ("file", "a", "b", "view")}
    versions = {one.id: one for one in await _versions(found, asked["file"])} if found else {}
    before, after = versions.get(asked["a"]), versions.get(asked["b"])
    if found is None or before is None or after is None:
        return await _missing(request)
    return await staff_page(
        request,
        "templates/difference.html",
        here="templates",
        folder=found,
        title=_title(found),
        file=asked["file"],
        before=before,
        after=after,
        rows=compare(before.text, after.text),
        most=MOST_LINES,
        inline=asked["view"] == "inline",
        turn=lambda view: f"?{urlencode({**asked, 'view': view})}",
        versions=list(versions.values()),
    )


async def mail(request: Request) -> Response:
    """The mail as its reader gets it, without anything that could run: in a frame, under a policy of its own."""
    found = await _read(request.app.state.runtime, request.path_params["folder"])
    campaign = _campaign_or_none(found) if found else None
    try:
        words = render_sample(campaign).get(request.path_params["name"]) if campaign else None
    except OutreachError:
        words = None
    if not isinstance(words, MailWords):
        return await _missing(request)
    return HTMLResponse(clean_mail(words.html), headers={"Content-Security-Policy": _MAIL_POLICY})


def clean_mail(html: str) -> str:
    """Only what a letter needs: no script, no form, no picture from elsewhere, no link that leads away."""
    return nh3.clean(
        html,
        tags=set(_MAIL_TAGS.split()),
        clean_content_tags={"script", "style", "title", "head", "template", "textarea", "noscript", "svg", "math"},
        attributes={"*": set(_MAIL_ATTRIBUTES.split()), "img": {"src"}},
        url_schemes={"data"},
        link_rel=None,
    )


async def _missing(request: Request) -> Response:
    return await not_found(request, here="templates", what=say("没有这个文件"))


async def _read(runtime: Runtime, name: str) -> Folder | None:
    """A folder as it stands: what staff wrote in place of what lies on the disk."""
    templates = runtime.settings.huifang_templates
    if name == TOP:
        own = read_own(templates)
        return Folder(TOP, dict(sorted((await edits.apply_edits(edits.TOP, own)).items())), own, {})
    if name == SHARED:
        own = read_own(templates / SHARED)
        return Folder(SHARED, dict(sorted(own.items())), own, {})
    if not name or not (await definitions.is_campaign(templates, name) or await edits.newest_of(name)):
        return None
    return await _stood(runtime, name)


async def _stood(runtime: Runtime, name: str) -> Folder:
    """Of a folder that there is."""
    templates = runtime.settings.huifang_templates
    disk = read_own(templates / name)
    own = await edits.apply_edits(name, disk)
    return Folder(name, dict(sorted(own.items())), disk, read_shared(templates))


def _campaign_or_none(found: Folder) -> CampaignFolder | None:
    if not found.is_campaign:
        return None
    try:
        return found.as_campaign()
    except OutreachError:
        return None


def _title(found: Folder) -> str:
    campaign = _campaign_or_none(found)
    return campaign.definition.title if campaign else found.name


def _problems(found: Folder) -> Sequence[str]:
    """What stands in the way of sending it, each with its file and key."""
    try:
        return [_placed(one.file, one.key, one.problem) for one in lint_folder(found.as_campaign())]
    except DefinitionError as exc:
        return [_placed(exc.file, exc.key, exc.problem)]
    except OutreachError as exc:
        return [wording.fault_words(exc)]


def _placed(file: str, key: str, problem: str) -> str:
    where = ": ".join(one for one in (file, key) if one)
    return say("{what}：{why}").format(what=where, why=wording.fault_words(problem))


def _fault(found: Folder, file: str, text: str) -> str:
    """Why this text cannot be kept; "" where it can."""
    if len(text) > _LARGEST:
        return say("太长了，一个文件最多{n}字").format(n=f"{_LARGEST:,}")
    if "\x00" in text:
        return say("里面有看不见的符号，删掉再存")
    try:
        render_sample(found.as_campaign(**{file: text}))
    except DefinitionError as exc:
        return _placed(exc.file, exc.key, exc.problem)
    except OutreachError as exc:
        return _placed(file, "", str(exc))
    return ""


async def _versions(found: Folder, file: str) -> list[Version]:
    """Newest first: what staff wrote, what was approved, and what lies on the disk."""
    name = edits.TOP if found.name == TOP else found.name
    written = [
        Version(f"e{one.id}", say("写的"), one.by, one.at, one.text)
        for one in (await edits.versions_of(name, file))[:_MOST_VERSIONS]
        if one.text is not None
    ]
    approved = []
    if found.is_campaign:
        for row in await ContentVersion.filter(campaign=found.name).order_by("-id").limit(_MOST_VERSIONS):
            if file in row.files:
                approved.append(Version(f"v{row.id}", say("批准过的"), "", row.created_at, row.files[file]))
    dated = sorted([*written, *approved], key=lambda one: one.at.timestamp() if one.at else 0, reverse=True)
    lying = [Version(_DISK, say("磁盘上的"), "", None, found.disk[file])] if file in found.disk else []
    return [*dated, *lying]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


routes = [
    StaffRoute("/templates", folders, right=Right.SEE),
    StaffRoute("/templates/{folder}", folder, right=Right.SEE),
    StaffRoute("/templates/{folder}", write, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/templates/{folder}/difference", difference, right=Right.SEE),
    StaffRoute("/templates/{folder}/mail/{name}", mail, right=Right.SEE),
]

"""设置 › 关键词表: what answers are read by, shown by what it does, tried on a sentence, edited and checked."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.keyword_table import FILE, FOLDER, examples_of, table_in_force, text_in_force
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words
from campaigns import conversations, edits
from campaigns.audit import Action
from campaigns.errors import DefinitionError
from campaigns.intents import IntentTable, Reading, read_intent
from campaigns.intents.table import Keywords, line_of, parse_keywords
from campaigns.intents.trial import Change, broken_proofs, compare, remembering, table_beside
from campaigns.rights import Right
from campaigns.terms import Intent

_LONGEST = 200_000
_SHOWN = 100
_TRIED = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text would do. `problems`: why it cannot be saved, each with its line where that is known."""

    problems: Sequence[tuple[int | None, str]]
    changes: Sequence[Change]
    total: int  # replies that were read
    digest: str  # of the text


async def keywords(request: Request) -> Response:
    return await _shown(request)


async def check(request: Request) -> Response:
    """Look at it first; it is saved only as it was looked at."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    text = str(form.get("text", "")).replace("\r\n", "\n")
    checked = await _check(runtime, text)
    if checked.problems or form.get("seen") != checked.digest:
        return await _shown(request, text=text, checked=checked)
    by = visitor_of(request).staff.name
    await edits.write_files(FOLDER, {FILE: text}, by=by, now=runtime.clock())
    await log(request, Action.KEYWORDS_CHANGED, f"file/{FOLDER}/{FILE}", changes=len(checked.changes))
    return RedirectResponse("/settings/keywords?saved=1", status_code=303)


async def corrections(request: Request) -> Response:
    """All corrections as a file for auto_replies/examples."""
    text = await conversations.read_as_examples()
    headers = {"content-disposition": 'attachment; filename="corrections.toml"'}
    return Response(text, media_type="application/toml; charset=utf-8", headers=headers)


async def _shown(request: Request, *, text: str | None = None, checked: Checked | None = None) -> Response:
    runtime: Runtime = request.app.state.runtime
    templates = runtime.settings.huifang_templates
    tried = request.query_params.get("try", "").strip()[:_TRIED]
    stands = await text_in_force(templates)
    read: Reading | None = None
    if tried:
        table = await table_in_force(templates)
        read = await asyncio.to_thread(read_intent, tried, table)
    return await settings_page(
        request,
        "settings/keywords.html",
        tab="keywords",
        status_code=422 if checked and checked.problems else 200,
        table=_parsed(stands),
        text=stands if text is None else text,
        checked=checked,
        shown=checked.changes[:_SHOWN] if checked else (),
        tried=tried,
        read=read,
        saved=request.query_params.get("saved") == "1",
        corrected=await conversations.list_corrections(limit=_SHOWN),
        corrections_total=await conversations.count_corrections(),
        edited=next(iter(await edits.versions_of(FOLDER, FILE)), None),
    )


async def _check(runtime: Runtime, text: str) -> Checked:
    templates = runtime.settings.huifang_templates
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    if len(text) > _LONGEST:
        return Checked([(None, say("太长了，最多{n}个字").format(n=f"{_LONGEST:,}"))], (), 0, digest)
    try:
        new = parse_keywords(text, FILE)
    except DefinitionError as exc:
        why = say("{what}：{why}").format(what=exc.key, why=fault_words(exc.problem))
        return Checked([(line_of(text, exc.key), why)], (), 0, digest)
    if broken := broken_proofs(new):
        told = [(line_of(text, one.key), _proof_words(one.name, one.text, is_hit=one.is_hit)) for one in broken]
        return Checked(told, (), 0, digest)
    corrected = [(one.text, one.now) for one in await conversations.list_corrections()]
    said = [*((one.text, one.intent) for one in examples_of(templates)), *corrected]
    table = await table_in_force(templates)
    changes = await asyncio.to_thread(_compared, table, new, said, templates)
    return Checked((), changes, len(said), digest)


def _compared(
    table: IntentTable, new: Keywords, said: Sequence[tuple[str, Intent]], templates: Path
) -> Sequence[Change]:
    now = _kept(_Same(table))
    return sorted(
        compare(now, table_beside(now, new, examples_of(templates)), said),
        key=lambda one: (one.better is not False, one.better is None),
    )


class _Same:
    """Carries the table past the cache, which goes by its identity."""

    def __init__(self, table: IntentTable) -> None:
        self.table = table

    def __hash__(self) -> int:
        return id(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.table is self.table


@lru_cache(maxsize=2)
def _kept(same: _Same) -> IntentTable:
    """The table in force with what its model made of each example: six seconds that the next check spares."""
    return remembering(same.table)


@lru_cache(maxsize=2)
def _parsed(text: str) -> Keywords:
    return parse_keywords(text, FILE)


def _proof_words(name: str, text: str, *, is_hit: bool) -> str:
    if is_hit:
        return say("{name}：应该听到“{text}”，现在听不到").format(name=name, text=text)
    return say("{name}：不该听到“{text}”，现在听到了").format(name=name, text=text)


routes = [
    StaffRoute("/settings/keywords", keywords, right=Right.SETTINGS),
    StaffRoute("/settings/keywords", check, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/keywords/corrections.toml", corrections, right=Right.SETTINGS),
]

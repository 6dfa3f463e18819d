"""审计日志: who did what, newest first, by person, kind, thing and day; and as a table to take away."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.console.audit_words import detail_words, thing_words
from bot.console.settings.tabs import settings_page
from bot.console.sheets import Pieces, as_file
from bot.console.shell import not_found
from bot.language import say
from bot.web.desk import StaffRoute, log, visitor_of
from bot.wording import ACTION_WORDS, action_words
from campaigns import staff
from campaigns.audit import PAGE, Action, Entry, read_audit
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_LONGEST = {"who": 64, "action": 32, "subject": 128, "day": 10}  # as its columns are
_PIECE, _MOST_EXPORTED = 1_000, 200_000


async def entries(request: Request) -> Response:
    asked, day = _asked(request)
    given = request.query_params.get("page", "1")
    number = max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1
    found, total = await read_audit(number, **_filters(asked), day=day)
    query = {k: v for k, v in asked.items() if v}
    return await settings_page(
        request,
        "audit.html",
        tab="audit",
        here="audit",
        status_code=422 if asked["day"] and not day else 200,
        entries=[(one, thing_words(one.subject), detail_words(one.detail)) for one in found],
        total=total,
        number=number,
        first=(number - 1) * PAGE + 1,
        pages=max(1, -(-total // PAGE)),
        asked=asked,
        bad_day=bool(asked["day"]) and not day,
        people=[one.name for one in await staff.list_staff()],
        actions={action: action_words(action) for action in ACTION_WORDS},
        turn=lambda to: f"/audit?{urlencode({**query, 'page': to})}",
        export=f"/audit.csv?{urlencode(query)}" if visitor_of(request).may(Right.EXPORT) else "",
        most=_MOST_EXPORTED,
    )


async def export(request: Request) -> Response:
    """Everything the filter finds, newest first; taking it away is an entry too."""
    asked, day = _asked(request)
    if not visitor_of(request).may(Right.EXPORT) or (asked["day"] and not day):
        return await not_found(request, here="audit", what=say("没有这张表"))
    _, total = await read_audit(1, **_filters(asked), day=day, most=1)
    await log(
        request, Action.EXPORTED, "audit", rows=min(total, _MOST_EXPORTED), asked={k: v for k, v in asked.items() if v}
    )
    head = [say(one) for one in ("时间", "员工", "做了什么", "对什么", "细节", "来自")]
    return await as_file("csv", "audit", head, _pieces(asked, day))


async def _pieces(asked: Mapping[str, str], day: date | None) -> Pieces:
    for number in range(1, _MOST_EXPORTED // _PIECE + 1):
        found, _ = await read_audit(number, **_filters(asked), day=day, most=_PIECE)
        if not found:
            return
        yield [_row(one) for one in found]


def _row(one: Entry) -> list[str]:
    at = f"{one.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    detail = json.dumps(one.detail, ensure_ascii=False) if one.detail else ""
    return [at, one.who, action_words(one.action), one.subject, detail, one.came_from]


def _asked(request: Request) -> tuple[dict[str, str], date | None]:
    """What the filter says, and its day where that is one."""
    asked = {name: request.query_params.get(name, "").strip()[:longest] for name, longest in _LONGEST.items()}
    try:
        return asked, date.fromisoformat(asked["day"])
    except ValueError:
        return asked, None


def _filters(asked: Mapping[str, str]) -> dict[str, Any]:
    return {name: asked[name] for name in ("who", "action", "subject")}


routes = [
    StaffRoute("/audit", entries, right=Right.AUDIT),
    StaffRoute("/audit.csv", export, right=Right.AUDIT),
]

"""审计日志: who did what, newest first, by person, kind and thing."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.console.settings.tabs import settings_page
from bot.web.desk import StaffRoute
from bot.wording import ACTION_WORDS, action_words
from campaigns.audit import PAGE, read_audit
from campaigns.rights import Right

_LONGEST = {"who": 64, "action": 32, "subject": 128}  # as its columns are


async def entries(request: Request) -> Response:
    asked = {name: request.query_params.get(name, "")[:longest] for name, longest in _LONGEST.items()}
    given = request.query_params.get("page", "1")
    number = max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1
    found, total = await read_audit(number, **asked)
    return await settings_page(
        request,
        "audit.html",
        tab="audit",
        here="audit",
        entries=found,
        total=total,
        number=number,
        first=(number - 1) * PAGE + 1,
        pages=max(1, -(-total // PAGE)),
        asked=asked,
        actions={action: action_words(action) for action in ACTION_WORDS},
        turn=lambda to: f"/audit?{urlencode({**{k: v for k, v in asked.items() if v}, 'page': to})}",
    )


routes = [StaffRoute("/audit", entries, right=Right.AUDIT)]

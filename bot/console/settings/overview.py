"""设置 · 概况: where everything is set, and how much there is of it."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from bot.console.settings.tabs import settings_page
from bot.runtime import Runtime
from bot.web.desk import StaffRoute
from campaigns import api_tokens, edits, marks, outbox, staff
from campaigns.rights import Right


async def overview(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    everyone = await staff.list_staff()
    versions = await edits.versions_of(edits.TOP)
    return await settings_page(
        request,
        "settings/overview.html",
        tab="overview",
        closed=len(await outbox.closed_channels(now)),
        connected=len(runtime.channels),
        tokens=len([one for one in await api_tokens.list_tokens() if one.revoked_at is None]),
        active=sum(one.active for one in everyone),
        departments=len({one.department for one in everyone if one.department}),
        changed={edit.file: edit for edit in reversed(versions)},
        worker=await marks.worker_alive(datetime.now(UTC)),
        database=runtime.settings.database_shown,
        policy=runtime.rulebook.policy,
    )


routes = [StaffRoute("/settings", overview, right=Right.SETTINGS)]

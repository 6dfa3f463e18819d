"""设置 · 诊断: from which figure on something is wrong with a posting or a member."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.diagnosis_limits import DIAGNOSIS_GROUPS
from bot.console.settings.rules import save_limits, standing_limits, version_of
from bot.console.settings.tabs import settings_page
from bot.runtime import POLICY_FILE
from bot.web.desk import StaffRoute
from campaigns.rights import Right

_AT = "/settings/diagnosis"


async def diagnosis(request: Request) -> Response:
    _, stands = await standing_limits(request)
    return await _page(request, stands, {}, 200)


async def change(request: Request) -> Response:
    """In force on every page within two seconds; in the segments, which ask what the night found, the next night."""
    saved = await save_limits(request, DIAGNOSIS_GROUPS)
    if saved.faults:
        return await _page(request, saved.typed, saved.faults, saved.status)
    return RedirectResponse(f"{_AT}?done={saved.changed}", status_code=303)


async def _page(request: Request, typed: Mapping[str, str], faults: Mapping[str, str], status: int) -> Response:
    return await settings_page(
        request,
        "settings/diagnosis.html",
        tab="diagnosis",
        status_code=status,
        groups=DIAGNOSIS_GROUPS,
        typed=typed,
        faults=faults,
        version=await version_of(POLICY_FILE),
        done=request.query_params.get("done", "")[:3],
    )


routes = [
    StaffRoute(_AT, diagnosis, right=Right.SETTINGS),
    StaffRoute(_AT, change, right=Right.SETTINGS, methods=["POST"]),
]

"""任务: what is due, late, mine, my department's; grouped by the day it is due."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.console.moments import full_day
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import staff, visit_lists
from campaigns.rights import Right
from campaigns.staff import StaffMember
from campaigns.terms import SHANGHAI
from campaigns.visit_lists import PAGE, Asker, TaskLine, Which

_LABELS = {
    Which.DUE: "到期的",
    Which.LATE: "超期的",
    Which.MINE: "我的",
    Which.DEPARTMENT: "我部门的",
    Which.ALL: "全部",
    Which.DONE: "办完的",
}


async def tasks(request: Request) -> Response:
    """Fifty a page; which ones stands in the address."""
    runtime: Runtime = request.app.state.runtime
    now, who = runtime.clock(), visitor_of(request).staff
    asked = request.query_params.get("which", "")
    which = Which(asked) if asked in list(Which) else Which.DUE
    number = _page_number(request.query_params.get("page", ""))
    asker = await asker_for(who)
    counts = await visit_lists.count_tasks(asker, now)
    lines = await visit_lists.browse_tasks(which, asker, now, number)
    return await staff_page(
        request,
        "tasks/list.html",
        here="tasks",
        which=which,
        tabs=[(one, say(_LABELS[one]), _url(one), counts[one]) for one in Which],
        days=_days(lines, now.astimezone(SHANGHAI).date()),
        total=counts[which],
        number=number,
        pages=max(1, -(-counts[which] // PAGE)),
        turn=lambda to: _url(which, to),
        may=visitor_of(request).may(Right.ANSWER),
    )


async def asker_for(who: StaffMember) -> Asker:
    """Whoever belongs to no department is one by himself."""
    colleagues = [one.name for one in await staff.list_staff() if one.department == who.department != ""]
    return Asker(who.name, who.owners, frozenset({who.name, *colleagues}))


def _days(lines: Sequence[TaskLine], today: date) -> list[tuple[str, list[TaskLine]]]:
    """(the day in words, its tasks)."""
    return [(full_day(day, today), list(rows)) for day, rows in groupby(lines, key=_day_of)]


def _day_of(line: TaskLine) -> date:
    return (line.closed_at or line.due_at).astimezone(SHANGHAI).date()


def _url(which: Which, page: int = 1) -> str:
    asked = {"which": "" if which is Which.DUE else str(which), "page": str(page) if page > 1 else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/tasks?{query}" if query else "/tasks"


def _page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


routes = [StaffRoute("/tasks", tasks, right=Right.SEE)]

"""What a form of an outcome needs, and how one that was filled in is taken in: the same for a task and without one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request

from bot.keyword_table import table_in_force
from bot.language import say
from bot.problem_categories import categories_in_force
from bot.result_words import EFFECTS, FAULTS, MEDIA, MOODS, RESULTS, USED, category_words
from bot.runtime import Runtime
from bot.web.desk import log, visitor_of
from campaigns import introducing
from campaigns.audit import Action
from campaigns.members.facts import facts_for
from campaigns.members.find import Head
from campaigns.replies.results import Recorded, record_visit_result
from campaigns.results import Result, VisitResult
from campaigns.visits import VisitTask


async def choices(runtime: Runtime, today: date) -> dict[str, Any]:
    """What stands in the form, in the reader's language."""
    tables = {
        "results": RESULTS, "media": MEDIA, "used_words": USED, "effects": EFFECTS, "moods": MOODS, "faults_of": FAULTS,
    }  # fmt: skip
    categories = await categories_in_force(runtime.settings.huifang_templates)
    return {
        **{name: [(key, say(words)) for key, words in table.items()] for name, table in tables.items()},
        "categories": [(one.key, category_words(one)) for one in categories.all],
        "this_month": f"{today:%Y-%m}",
    }


async def take(
    request: Request, head: Head, result: VisitResult, *, key: str, task: VisitTask | None = None
) -> Recorded:
    """Write it down, once. Raises StateError for a task somebody else closed meanwhile."""
    runtime: Runtime = request.app.state.runtime
    table = await table_in_force(runtime.settings.huifang_templates) if result.said else None
    by, now = visitor_of(request).staff.name, runtime.clock()
    recorded = await record_visit_result(
        head.id, result, key=key, by=by, now=now, calendar=runtime.rulebook.calendar, table=table, task=task
    )
    if recorded.new:
        if result.result is Result.TALKED:
            policy = runtime.rulebook.policy
            await introducing.propose_after_visit(head.id, recorded.outcome_id, now, policy, by=by)
        told: Mapping[str, object] = {"problems": recorded.problems, "plans": recorded.plans}
        about = {"task": task.id} if task else {}
        action = Action.TASK_CHANGED if task else Action.VISIT_RECORDED
        await log(
            request, action, f"member/{head.no}", result=result.result, medium=result.medium, **about,
            **{name: n for name, n in told.items() if n},
        )  # fmt: skip
    return recorded


async def pressure(runtime: Runtime, head: Head) -> tuple[int, int, int]:
    """(contacts in the window of the company's cap, the cap, days of the window)."""
    policy, now = runtime.rulebook.policy, runtime.clock()
    facts = (await facts_for([head.id], now, history=policy.company_window))[head.id]
    made = sum(at <= now for at in facts.marketing_at)
    return made, policy.company_touches[facts.tier], policy.company_window.days

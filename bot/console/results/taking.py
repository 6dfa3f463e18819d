"""What a form of an outcome needs, and how one that was filled in is taken in: the same for a task and without one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request

from bot.language import say
from bot.problem_categories import categories_in_force
from bot.recording import record_result
from bot.result_words import (
    EFFECTS,
    FAULTS,
    MEDIA,
    MOODS,
    SETTLED_PROBLEM,
    SETTLED_PROMISE,
    USED,
    category_words,
    result_chips,
)
from bot.runtime import Runtime
from bot.web.desk import came_from, visitor_of
from campaigns.members.facts import facts_for
from campaigns.members.find import Head
from campaigns.promises import PromiseLine
from campaigns.replies.results import Matter, Recorded
from campaigns.results import VisitResult
from campaigns.visits import VisitTask


async def choices(runtime: Runtime, today: date) -> dict[str, Any]:
    """What stands in the form, in the reader's language."""
    tables = {
        "media": MEDIA, "used_words": USED, "effects": EFFECTS, "moods": MOODS, "faults_of": FAULTS,
    }  # fmt: skip
    categories = await categories_in_force(runtime.settings.huifang_templates)
    return {
        **{name: [(key, say(words)) for key, words in table.items()] for name, table in tables.items()},
        "results": result_chips(),
        "categories": [(one.key, category_words(one)) for one in categories.all],
        "this_month": f"{today:%Y-%m}",
    }


def answers_to(matter: Matter | None) -> Mapping[str, str]:
    """What can be said of the promise or problem that a task is for."""
    if matter is None:
        return {}
    return SETTLED_PROMISE if isinstance(matter, PromiseLine) else SETTLED_PROBLEM


async def take(
    request: Request, head: Head, result: VisitResult, *, key: str, task: VisitTask | None = None
) -> Recorded:
    """Raises StateError for a task somebody else closed meanwhile."""
    who = visitor_of(request).staff
    return await record_result(
        request.app.state.runtime,
        head,
        result,
        key=key,
        by=who.name,
        staff_id=who.id,
        came_from=came_from(request),
        task=task,
    )


async def pressure(runtime: Runtime, head: Head) -> tuple[int, int, int]:
    """(contacts in the window of the company's cap, the cap, days of the window)."""
    policy, now = runtime.rulebook.policy, runtime.clock()
    facts = (await facts_for([head.id], now, history=policy.company_window))[head.id]
    made = sum(at <= now for at in facts.marketing_at)
    return made, policy.company_touches[facts.tier], policy.company_window.days

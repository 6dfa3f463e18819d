"""huifang plans: what companies mean to hire, and whether it still holds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.result_words import PLAN_STATES
from bot.runtime import open_runtime
from bot.settings import Settings
from campaigns import audit, hiring, hiring_plans
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.hiring_plans import PlanLine, PlanState
from campaigns.terms import SHANGHAI

_HERE = "命令行"


async def list_plans(settings: Settings, state: str, number: str, page: int) -> dict[str, Any]:
    which = _state(state, "--state")
    async with open_database(settings), open_runtime(settings) as runtime:
        today = runtime.clock().astimezone(SHANGHAI).date()
        counts = await hiring_plans.count_plans(today, number=number)
        found = await hiring_plans.plans_from(today, page=page, number=number, state=which)
    told = {str(one): {"plans": n, "heads": heads} for one, (n, heads) in counts.items()}
    return {"counts": told, "plans": [_plan(one) for one in found]}


async def close_plan(settings: Settings, plan_id: int, state: str, by: str) -> dict[str, Any]:
    """Raises InputError where there is none, StateError where it is so already."""
    which = _state(state, "--as")
    async with open_database(settings), open_runtime(settings) as runtime:
        found = await hiring_plans.find_plan(plan_id)
        if found is None:
            raise InputError(f"没有编号是 {plan_id} 的用工计划，看 huifang plans list (no such plan)")
        await hiring.settle_plan(plan_id, which, by=by, now=runtime.clock())
        detail = {"role": found.role, "state": str(which)}
        await audit.record_audit(
            Action.PLAN_CHANGED, at=datetime.now(UTC), who=by, subject=f"member/{found.member_no}", detail=detail,
            came_from=_HERE,
        )  # fmt: skip
        settled = await hiring_plans.find_plan(plan_id)
        assert settled is not None
    return _plan(settled)


def _state(said: str, option: str) -> PlanState:
    """The word of the code, or as staff read it."""
    key = next((key for key, words in PLAN_STATES.items() if words == said), said)
    if key not in list(PlanState):
        raise InputError(f"{option} {said[:20]}：只能是 {' / '.join(PlanState)} (one of these)")
    return PlanState(key)


def _plan(one: PlanLine) -> dict[str, Any]:
    return {
        "id": one.id,
        "member": one.member_no,
        "company": one.member,
        "role": one.role,
        "heads": one.heads,
        "month": f"{one.month:%Y-%m}",
        "owner": one.owner,
        "told_at": one.told_at.isoformat(),
        "by": one.by,
        "task": one.visit_id,
        "state": one.state,
        "closed_at": one.closed_at.isoformat() if one.closed_at else None,
        "closed_by": one.closed_by,
    }


def plan_lines(found: Mapping[str, Any]) -> list[Shown]:
    counts = "  ".join(f"{PLAN_STATES[name]} {one['plans']}" for name, one in found["counts"].items())
    columns = ("编号", "月份", "企业", "岗位", "人数", "负责人", "听说的")
    names = ("id", "month", "member", "role", "heads", "owner", "by")
    rows = [[one[name] for name in names] for one in found["plans"]]
    return [counts, table(columns, rows)] if rows else [counts]


def closed_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['month']} {found['role']}{found['heads']}人：{PLAN_STATES.get(found['state'], found['state'])}"]

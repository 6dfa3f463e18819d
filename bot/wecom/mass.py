"""Mass messages as tasks of staff: made in WeCom, looked at until they are confirmed, taken back where one refused."""

import logging
from datetime import timedelta

from bot.channels.wecom_api import WecomApi
from bot.channels.wecom_staff import Fate, cancel_task, create_task, look_at_task, was_confirmed
from bot.runtime import Runtime
from bot.wecom.reach import again_at, heed, open_wecom
from campaigns import mass
from campaigns.mass import Task
from campaigns.terms import Reaction, SendResult

log = logging.getLogger(__name__)

_FIRST_DAY, _FIRST, _THEN = timedelta(days=1), timedelta(minutes=10), timedelta(hours=1)
_STATES = {Fate.SENT: "sent", Fate.NO_FRIEND: "blocked", Fate.OTHER_CAME_FIRST: "deferred"}


async def run_tasks(runtime: Runtime) -> None:
    """Make what is due, look at what waits."""
    await mass.give_up_lost()
    api = await open_wecom(runtime)
    if api is None:
        return
    for task in await mass.due_tasks("due", runtime.clock()):
        await _make(runtime, api, task)
    for task in await mass.due_tasks("waiting", runtime.clock()):
        await _look(runtime, api, task)


async def _make(runtime: Runtime, api: WecomApi, task: Task) -> None:
    now = runtime.clock()
    await mass.close_barred(task.id, now)
    customers = await mass.waiting_customers(task.id)
    if not customers:
        await mass.move_task(task.id, "done", next_at=now)
        return
    if not await mass.take_task(task.id):
        return
    created = await create_task(api, task.id, task.sender, customers, task.text, task.link, task.link_title)
    result = created.result
    await heed(result)
    if result.accepted:
        await mass.settle_copies(task, dict.fromkeys(created.refused, "refused"), now)
        await mass.move_task(task.id, "waiting", next_at=now + _FIRST, msgid=result.provider_id)
    elif result.reaction is Reaction.UNKNOWN:
        await mass.move_task(task.id, "unknown", next_at=now, code=result.code)
    elif again := again_at(result, task.attempts + 1, now):
        await mass.move_task(task.id, "due", next_at=again, code=result.code)
    else:
        log.error("a mass message was refused by WeCom: %s %s", result.code, result.detail)
        await mass.move_task(task.id, "refused", next_at=now, code=result.code)


async def _look(runtime: Runtime, api: WecomApi, task: Task) -> None:
    now = runtime.clock()
    confirmed = await was_confirmed(api, task.msgid, task.sender)
    if isinstance(confirmed, SendResult):
        await _later(task, confirmed, runtime)
        return
    if confirmed:
        looked = await look_at_task(api, task.msgid, task.sender)
        if looked.problem:
            await _later(task, looked.problem, runtime)
            return
        states = {copy.customer: _STATES[copy.fate] for copy in looked.copies if copy.fate in _STATES}
        await mass.settle_copies(task, states, now)
    elif await mass.close_barred(task.id, now) or task.has_lapsed(now):
        await _take_back(runtime, api, task)
        return
    if not await mass.waiting_customers(task.id):
        await mass.move_task(task.id, "done", next_at=now)
    elif task.has_lapsed(now):
        await mass.move_task(task.id, "lapsed", next_at=now)
    else:
        young = now - task.made_at < _FIRST_DAY
        await mass.move_task(task.id, "waiting", next_at=now + (_FIRST if young else _THEN))


async def _take_back(runtime: Runtime, api: WecomApi, task: Task) -> None:
    """One who has since refused cannot be taken out alone: the whole task goes, and may be proposed anew."""
    result = await cancel_task(api, task.msgid)
    if not result.accepted:
        await _later(task, result, runtime)
        return
    now = runtime.clock()
    await mass.move_task(task.id, "lapsed" if task.has_lapsed(now) else "cancelled", next_at=now)


async def _later(task: Task, problem: SendResult, runtime: Runtime) -> None:
    await heed(problem)
    await mass.move_task(task.id, "waiting", next_at=runtime.clock() + _FIRST, code=problem.code)

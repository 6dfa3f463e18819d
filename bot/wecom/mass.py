"""Mass messages as tasks of staff: made in WeCom, looked at until they are confirmed, taken back where one refused."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from tortoise.transactions import in_transaction

from bot.channels.wecom_api import WecomApi
from bot.channels.wecom_staff import Fate, cancel_task, create_task, find_task, look_at_task, remind, was_confirmed
from bot.runtime import Runtime
from bot.sender.settling import other_channel
from bot.wecom.reach import again_at, heed, open_wecom
from campaigns import mass, outbox
from campaigns.mass import Copy, Task
from campaigns.outbox import Claimed, Settlement
from campaigns.terms import SHANGHAI, DeliveryState, Reaction, Reason, SendResult

log = logging.getLogger(__name__)

_FIRST_DAY, _FIRST, _THEN = timedelta(days=1), timedelta(minutes=10), timedelta(hours=1)
_REMIND_AFTER = timedelta(days=1)
_REMIND_FROM, _REMIND_TO = 9, 18  # o'clock
_OTHER_CAME_FIRST = timedelta(days=1)
_TRIES = 3
_STATES = {Fate.SENT: "sent", Fate.NO_FRIEND: "blocked", Fate.OTHER_CAME_FIRST: "deferred"}


async def run_tasks(runtime: Runtime) -> None:
    """Make what is due, look at what waits and at what may have been made."""
    await mass.give_up_lost()
    api = await open_wecom(runtime)
    if api is None:
        return
    for task in await mass.due_tasks("due", runtime.clock()):
        await _make(runtime, api, task)
    for task in await mass.due_tasks("unknown", runtime.clock()):
        await _find(runtime, api, task)
    waiting = {task.id: task for task in await mass.due_tasks("waiting", runtime.clock())}
    waiting |= {task.id: task for task in await mass.disturbed_tasks()}
    for task in waiting.values():
        await _look(runtime, api, task)


async def _make(runtime: Runtime, api: WecomApi, task: Task) -> None:
    now = runtime.clock()
    if not await mass.take_task(task.id):
        return
    await _end(runtime, task, await mass.close_barred(task.id, now))
    customers = [] if task.has_lapsed(now) else await mass.waiting_customers(task.id)
    if not customers:
        await _close(runtime, task, "lapsed" if task.has_lapsed(now) else "done")
        return
    created = await create_task(api, task.id, task.sender, customers, task.text, task.link, task.link_title)
    result = created.result
    await heed(result)
    if result.accepted:
        settled = await mass.settle_copies(task, dict.fromkeys(created.refused, "refused"), now)
        await mass.move_task(task.id, "waiting", next_at=now + _FIRST, msgid=result.provider_id)
        await _end(runtime, task, settled)
    elif result.reaction is Reaction.UNKNOWN:
        await mass.move_task(task.id, "unknown", next_at=now + _FIRST, code=result.code)
    elif again := again_at(result, task.attempts + 1, now):
        await mass.move_task(task.id, "due", next_at=again, code=result.code)
    else:
        log.error("a mass message was refused by WeCom: %s %s", result.code, result.detail)
        await _close(runtime, task, "refused", code=result.code)


async def _find(runtime: Runtime, api: WecomApi, task: Task) -> None:
    """Its answer was lost: WeCom lists the tasks it has. One that is not there was never made, and is made now."""
    now = runtime.clock()
    if task.has_lapsed(now):  # WeCom could not be asked in all that time
        await _close(runtime, task, "unknown")
        return
    found = await find_task(api, task.sender, task.text, task.made_at - _FIRST, now, await mass.known_msgids())
    if isinstance(found, SendResult):
        await heed(found)
        await mass.move_task(task.id, "unknown", next_at=now + _THEN, code=found.code)
    elif found:
        await mass.move_task(task.id, "waiting", next_at=now, msgid=found)
    else:
        await mass.move_task(task.id, "due", next_at=now)


async def _look(runtime: Runtime, api: WecomApi, task: Task) -> None:
    now = runtime.clock()
    confirmed = await was_confirmed(api, task.msgid, task.sender)
    if isinstance(confirmed, SendResult):
        await _later(task, confirmed, runtime)
        return
    if confirmed:
        await _read(runtime, api, task)
        return
    barred = await mass.close_barred(task.id, now)
    await _end(runtime, task, barred)
    if barred or task.has_lapsed(now):
        await _take_back(runtime, api, task)
        return
    await _remind(runtime, api, task)
    await _look_again(runtime, task)


async def _read(runtime: Runtime, api: WecomApi, task: Task) -> None:
    """What became of each copy, now that the person has sent them."""
    now = runtime.clock()
    looked = await look_at_task(api, task.msgid, task.sender)
    if looked.problem:
        await _later(task, looked.problem, runtime)
        return
    states = {copy.customer: _STATES[copy.fate] for copy in looked.copies if copy.fate in _STATES}
    await _end(runtime, task, await mass.settle_copies(task, states, now))
    if not await mass.waiting_customers(task.id):
        await mass.move_task(task.id, "done", next_at=now)
    elif task.has_lapsed(now):
        await _close(runtime, task, "lapsed")
    else:
        await _look_again(runtime, task)


async def _look_again(runtime: Runtime, task: Task) -> None:
    now = runtime.clock()
    young = now - task.made_at < _FIRST_DAY
    soon = now + (_FIRST if young else _THEN)
    await mass.move_task(task.id, "waiting", next_at=max(min(soon, task.lapses_at), now))


async def _remind(runtime: Runtime, api: WecomApi, task: Task) -> None:
    """Once a day, in the day: who was asked and has not answered."""
    now = runtime.clock()
    hour = now.astimezone(SHANGHAI).hour
    if now - task.asked_at < _REMIND_AFTER or not _REMIND_FROM <= hour < _REMIND_TO:
        return
    result = await remind(api, task.msgid)
    await heed(result)
    if result.accepted:
        await mass.was_reminded(task.id, now)


async def _take_back(runtime: Runtime, api: WecomApi, task: Task) -> None:
    """One who has since refused cannot be taken out alone: the whole task goes, and the others are proposed anew.

    What was confirmed before WeCom heard of it stands.
    """
    result = await cancel_task(api, task.msgid)
    if not result.accepted:
        await _later(task, result, runtime)
        return
    if await was_confirmed(api, task.msgid, task.sender) is True:
        await mass.move_task(task.id, "waiting", next_at=runtime.clock())
        return
    await _close(runtime, task, "lapsed" if task.has_lapsed(runtime.clock()) else "cancelled")


async def _later(task: Task, problem: SendResult, runtime: Runtime) -> None:
    await heed(problem)
    await mass.move_task(task.id, "waiting", next_at=runtime.clock() + _FIRST, code=problem.code)


# ---- what becomes of the campaign's messages ------------------------------------------------------------------------


async def _close(runtime: Runtime, task: Task, state: str, *, code: str = "") -> None:
    """The task is over. What nobody sent goes another way, or again where only the task was at fault."""
    now = runtime.clock()
    left = await mass.close_waiting(task.id, now) if task.is_of_run else []
    becomes = {"cancelled": "again", "refused": "refused", "unknown": "unknown"}.get(state, "lapsed")
    await _end(runtime, task, [Copy(one.message_id, becomes) for one in left])
    await mass.move_task(task.id, "lost" if state == "unknown" else state, next_at=now, code=code)


async def _end(runtime: Runtime, task: Task, copies: Sequence[Copy]) -> None:
    """Give each message of a campaign its end, or its next way."""
    states = {copy.message_id: copy.state for copy in copies if copy.message_id and copy.state != "sent"}
    messages = await outbox.waiting_for_staff(states.keys())
    ends = [await _end_of(runtime, task, one, states[one.id]) for one in messages]
    if ends:
        async with in_transaction():
            await outbox.end_waiting(ends)


async def _end_of(runtime: Runtime, task: Task, one: Claimed, state: str) -> Settlement:
    now = runtime.clock()
    match state:
        case "blocked":
            return Settlement(
                one.id, DeliveryState.FAILED, reason=Reason.PROVIDER_REFUSED, code="no friend", settled_at=now
            )
        case "deferred" if one.attempts < _TRIES:
            later = now + _OTHER_CAME_FIRST
            return Settlement(one.id, DeliveryState.QUEUED, reason=Reason.RETRY, not_before=later)
        case "unknown":
            return Settlement(one.id, DeliveryState.UNKNOWN, sent_at=now, settled_at=now, uncertain=True)
        case "barred" | "stopped" | "again":
            return Settlement(one.id, DeliveryState.QUEUED, not_before=now)  # read again, before anybody is asked
        case _:
            chosen = await other_channel(runtime, one, now)
            if chosen.state is DeliveryState.QUEUED:
                return chosen
            reason = Reason.NOT_CONFIRMED if state == "lapsed" else Reason.PROVIDER_REFUSED
            ended = DeliveryState.EXPIRED if state == "lapsed" else DeliveryState.FAILED
            return Settlement(one.id, ended, reason=reason, code=state, settled_at=now)

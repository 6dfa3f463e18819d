"""What staff decide about one member or one channel: a refusal told by phone, one taken back, a task done."""

import getpass
from typing import Any

from bot.clock import ProductClock
from bot.database import open_database
from bot.providers import WECHAT_MASS
from bot.runtime import follow_clock
from bot.settings import Settings
from campaigns import outbox, visits
from campaigns.cells import parse_key
from campaigns.errors import InputError, StateError
from campaigns.members import consent, find
from campaigns.replies.refusals import record_staff_refusal
from campaigns.replies.results import matter_of
from campaigns.terms import ChannelName, SmsProvider


async def refuse(settings: Settings, number: str) -> dict[str, Any]:
    """Every channel, the whole company, from now on."""
    async with open_database(settings):
        member_id = await _member_id(number)
        clock = await _clock(settings)
        new = await record_staff_refusal(member_id, now=clock(), by=getpass.getuser())
        return {"member": number, "refused": True, "new": new}


async def lift(settings: Settings, number: str) -> dict[str, Any]:
    """Take a refusal, or a pause in doubt, back; addresses that were closed stay closed."""
    async with open_database(settings):
        member_id = await _member_id(number)
        clock = await _clock(settings)
        if not await consent.lift_opt_out(member_id, at=clock(), source=f"staff:{getpass.getuser()}"):
            raise StateError(f"{number} 没有退订，也没有暂停 (nothing to lift)")
        return {"member": number, "refused": False}


async def done(settings: Settings, task: int, note: str) -> dict[str, Any]:
    """Close a task for a person with what came of it."""
    async with open_database(settings):
        clock = await _clock(settings)
        found = await visits.find_visit(task)
        if found and await matter_of(found):
            raise StateError(
                f"这个任务是答应的事或问题，写清办到了没有：huifang visit record 会员编号 --task {task} "
                "--result talked --settled kept|broken|solved (say whether it is settled)"
            )
        await visits.close_visit(task, outcome={"note": note, "by": getpass.getuser()}, at=clock())
        return {"task": task, "state": "done"}


async def open_channel(settings: Settings, name: str) -> dict[str, Any]:
    """Let a channel that a provider's answer closed send again."""
    known = [*ChannelName, *(f"sms_{one}" for one in SmsProvider), WECHAT_MASS]
    if name not in known:
        raise InputError(f"没有叫 {name} 的渠道，只有 {'、'.join(known)} (no such channel)")
    async with open_database(settings):
        await outbox.open_channel(name)
        return {"channel": name, "closed": False}


async def _member_id(number: str) -> int:
    member_id = await find.member_id_of(parse_key(number) or number)
    if member_id is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    return member_id


async def _clock(settings: Settings) -> ProductClock:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock

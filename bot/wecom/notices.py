"""The owner of a member is told in WeCom that a customer answered: once for a task, and no more than WeCom delivers."""

import logging
from datetime import datetime, timedelta
from urllib.parse import quote

from bot import wording
from bot.channels.wecom_api import WecomApi
from bot.channels.wecom_staff import notify
from bot.runtime import Runtime
from bot.wecom.reach import again_at, heed, open_wecom
from campaigns import notices
from campaigns.errors import DefinitionError
from campaigns.notices import DueNotice
from campaigns.staff_file import Staff, load_staff
from campaigns.terms import SHANGHAI, Reaction, SendResult
from campaigns.visits import HANDOVER

log = logging.getLogger(__name__)

_USELESS_AFTER = timedelta(days=1)
# Over 30 a minute and 1,000 an hour to one person WeCom drops in silence. Two workers may count at the same moment.
_LIMITS = ((timedelta(minutes=1), 25), (timedelta(hours=1), 950))


async def tell_owners(runtime: Runtime) -> int:
    """Tell what is due. Returns how many were told. Without WeCom it stays due for a day."""
    await notices.give_up_lost()
    api = await open_wecom(runtime)
    if api is None:
        return 0
    try:
        staff = load_staff(runtime.settings.huifang_templates / "staff.toml")
    except DefinitionError as exc:  # being edited: what is due waits
        log.error("nobody is told of answers: %s", exc)
        return 0
    told = 0
    for one in await notices.due_notices(runtime.clock()):
        result = await _tell(runtime, api, staff, one)
        told += bool(result and result.accepted)
        if result and result.reaction is Reaction.PAUSE_CHANNEL:
            break
    return told


async def _tell(runtime: Runtime, api: WecomApi, staff: Staff, one: DueNotice) -> SendResult | None:
    now, person = runtime.clock(), staff.of(one.owner)
    if not one.is_open or now - one.made_at > _USELESS_AFTER:
        await notices.close_notice(one.id, "late")
        return None
    if person is None or not person.wecom:
        await notices.close_notice(one.id, "nobody")
        return None
    for within, most in _LIMITS:
        if await notices.told(person.wecom, now, within) >= most:
            await notices.put_off(one.id, now + within / 10)
            return None
    if not await notices.take_notice(one.id, person.wecom, now):
        return None
    url = f"{runtime.public_url}/members/{quote(one.member_no, safe='')}"
    result = await notify(api, one.id, person.wecom, *_words(one), url)
    await _settle(one, result, now)
    return result


async def _settle(one: DueNotice, result: SendResult, now: datetime) -> None:
    await heed(result)
    if result.accepted:
        await notices.settle_notice(one.id, "sent")
    elif result.reaction is Reaction.UNKNOWN:
        await notices.settle_notice(one.id, "unknown", code=result.code)
    elif again := again_at(result, one.attempts + 1, now):
        await notices.put_off(one.id, again, code=result.code, tried=True)
    else:
        log.error("a colleague could not be told in WeCom: %s %s", result.code, result.detail)
        await notices.settle_notice(one.id, "failed", code=result.code)


def _words(one: DueNotice) -> tuple[str, str]:
    """Title and text. What the customer wrote stands behind the link, not in a chat."""
    if one.category == HANDOVER:
        return wording.task_words(one.category), one.note
    until = one.due_at.astimezone(SHANGHAI)
    return (
        f"客户回复了：{one.member_name}",
        f"{wording.task_words(one.category)}，请在 {until.month}月{until.day}日 {until:%H:%M} 前处理",
    )

"""Whoever takes the others' tasks (templates/staff.toml) learns in WeCom what stopped by itself: a campaign, a channel.

Once for each stop, whichever worker sees it first; one that comes again after it was mended is told again.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from bot import wording
from bot.channels.wecom_staff import notify
from bot.runtime import Runtime
from bot.wecom.reach import heed, open_wecom
from campaigns import definitions, marks, outbox, webhooks
from campaigns.errors import DefinitionError
from campaigns.staff_file import Person, load_staff
from campaigns.terms import Reaction

log = logging.getLogger(__name__)

_MARK = "told:"
_KEPT = timedelta(minutes=10)  # a worker that read the stops a moment ago must not forget what another has just told


@dataclass(frozen=True, slots=True)
class Stop:
    """`path`: the page on which it is seen and mended."""

    title: str
    reason: str
    path: str

    @property
    def mark(self) -> str:
        return _MARK + hashlib.sha256(f"{self.title}\n{self.reason}".encode()).hexdigest()[:24]


async def tell_stops(runtime: Runtime) -> int:
    """Returns how many were told. Without WeCom, or without such a person, they stand on the pages alone."""
    api = await open_wecom(runtime)
    person = _who_takes_others(runtime)
    if api is None or person is None:
        return 0
    stops, told = await _stops(runtime.clock()), 0
    await _forget_mended(stops)
    for stop in stops:
        if not await _is_first(stop):
            continue
        result = await notify(api, 0, person.wecom, stop.title, stop.reason, f"{runtime.public_url}{stop.path}")
        await heed(result)
        if result.reaction is Reaction.RETRY:
            await marks.delete_mark(stop.mark)
        elif not result.accepted:
            log.error("a stop could not be told in WeCom: %s %s", result.code, result.detail)
        told += result.accepted
    return told


def _who_takes_others(runtime: Runtime) -> Person | None:
    try:
        staff = load_staff(runtime.settings.huifang_templates / "staff.toml")
    except DefinitionError as exc:  # being edited
        log.error("nobody is told of stops: %s", exc)
        return None
    person = staff.people.get(staff.otherwise)
    return person if person and person.wecom else None


async def _stops(now: datetime) -> list[Stop]:
    campaigns = [
        Stop(f"营销活动停了：{row.definition.title}", row.note, f"/campaigns/{quote(row.key, safe='')}")
        for row in await definitions.stopped_campaigns()
    ]
    closed = await outbox.closed_channels(now, for_good=True)
    hooks = [
        Stop(f"对外通知停了：{hook.host}", hook.note, f"/settings/webhooks/{hook.id}")
        for hook in await webhooks.stopped_webhooks()
    ]
    return [
        *campaigns,
        *hooks,
        *(Stop(f"通道停了：{wording.channel_words(name)}", why, "/") for name, why in closed.items()),
    ]


async def _is_first(stop: Stop) -> bool:
    mine = f"{datetime.now(UTC).isoformat()} {secrets.token_hex(8)}"
    return await marks.write_mark_once(stop.mark, mine) == mine


async def _forget_mended(stops: list[Stop]) -> None:
    standing = {stop.mark for stop in stops}
    for mark, value in (await marks.read_marks(_MARK)).items():
        if mark not in standing and datetime.fromisoformat(value.split()[0]) < datetime.now(UTC) - _KEPT:
            await marks.delete_mark(mark)

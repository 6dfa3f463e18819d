"""A campaign is called off: it runs no more, nobody is added to it, and what waits is not sent."""

from dataclasses import dataclass
from datetime import datetime

from campaigns import definitions, outbox


@dataclass(frozen=True, slots=True)
class CalledOff:
    """Messages that are not sent any more; `waited_for_staff` of them lay before a colleague."""

    messages: int
    waited_for_staff: int


async def call_off(key: str, now: datetime) -> CalledOff:
    """What is on the wire goes out. Raises StateError for one that was called off before, or never approved."""
    campaign_id = await definitions.cancel(key)
    await outbox.end_planning(campaign_id, now)
    stopped = await outbox.cancel_queued(campaign_id)
    waited = await outbox.cancel_waiting(campaign_id)
    return CalledOff(stopped + waited, waited)

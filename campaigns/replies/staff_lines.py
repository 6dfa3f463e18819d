"""What colleagues wrote to our application and nobody has read yet: read once, and then its words are not kept."""

from collections.abc import Sequence
from datetime import datetime

from campaigns.models import Event
from campaigns.replies.events import STAFF_LINE
from campaigns.terms import ChannelName, StaffLine

WAITING = "waiting"


async def waiting_lines(limit: int = 50) -> Sequence[tuple[int, StaffLine]]:
    """(the event, what was written), the oldest first."""
    rows = await Event.filter(outcome=WAITING, kind=STAFF_LINE).order_by("id").limit(limit)
    return [(row.id, _line(row)) for row in rows]


async def hold_line(event_id: int) -> bool:
    """For this transaction. False where it has been read meanwhile."""
    held = Event.filter(id=event_id, outcome=WAITING).select_for_update(no_key=True)
    return await held.first() is not None


async def settle_line(event_id: int, outcome: str) -> None:
    row = await Event.get(id=event_id)
    await Event.filter(id=event_id).update(outcome=outcome, payload={**row.payload, "text": ""})


def _line(row: Event) -> StaffLine:
    given = {name: str(row.payload.get(name) or "") for name in ("staff", "text")}
    return StaffLine(row.event_id, ChannelName(row.channel), datetime.fromisoformat(str(row.payload["at"])), **given)

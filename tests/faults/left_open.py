"""What a test that failed left behind, for whoever reads its log: a wait that ran out says only what it waited for."""

from collections import Counter
from pathlib import Path

import pytest

from campaigns.models import Claim, Event, Message

FAILED = pytest.StashKey[bool]()
_LAST_LINES = 15


async def left_open(folder: Path, accepted: int) -> str:
    """Messages by state, channel, kind and attempts, the claims, the events that wait, each process's last words."""
    try:
        ledger = await _ledger()
    except Exception as exc:  # the test may have taken the database away
        ledger = f"the ledger cannot be read: {type(exc).__name__}"
    return "\n".join([f"the stand-ins accepted {accepted}", ledger, *_last_words(folder)])


async def _ledger() -> str:
    columns = ("state", "channel", "message_class", "attempts", "reason", "uncertain")
    messages = Counter(await Message.all().values_list(*columns))
    rows = [f"  {count} × {', '.join(map(str, row))}" for row, count in messages.most_common()]
    claims = await Claim.all().values_list("id", "lease_until")
    waiting = await Event.filter(outcome="waiting").count()
    return "\n".join([f"messages ({', '.join(columns)}):", *rows, f"claims: {claims}", f"events that wait: {waiting}"])


def _last_words(folder: Path) -> list[str]:
    logs = {log.name: log.read_text(encoding="utf-8") for log in sorted(folder.glob("*.log"))}
    return [f"{name}:\n" + "\n".join(text.splitlines()[-_LAST_LINES:]) for name, text in logs.items()]

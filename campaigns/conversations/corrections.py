"""Meanings that people put right: rows of the keyword table's tests, written as its examples are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Conversation, Correction
from campaigns.statements import as_json
from campaigns.terms import Intent

_HEAD = "# Answers whose meaning a colleague put right, by what they mean. Put this file into auto_replies/examples.\n"


@dataclass(frozen=True, slots=True)
class Corrected:
    touch_id: int
    text: str
    was: str
    now: Intent
    by: str
    at: datetime


async def put_right(touch_id: int, *, text: str, was: str, now: Intent, by: str, at: datetime) -> None:
    """What it means, said by a person; said again the last word stands. What it was heard as stays where it was."""
    await Correction.update_or_create(
        touch_id=touch_id, defaults={"text": text, "was": was, "now": str(now), "by": by, "at": at}
    )
    await Conversation.filter(touch_id=touch_id).update(intent=str(now))


async def corrections_of(touch_ids: Collection[int]) -> Mapping[int, Corrected]:
    return {row.touch_id: _read(row) for row in await Correction.filter(touch_id__in=list(touch_ids))}


async def list_corrections(limit: int | None = None) -> list[Corrected]:
    """The newest first."""
    asked = Correction.all().order_by("-at", "-id")
    return [_read(row) for row in await (asked.limit(limit) if limit else asked)]


async def count_corrections() -> int:
    return await Correction.all().count()


async def read_as_examples() -> str:
    """All of them as a file of the folder `examples`."""
    by_intent: dict[str, list[str]] = {}
    for one in reversed(await list_corrections()):
        if one.text.strip() and one.text not in by_intent.setdefault(str(one.now), []):
            by_intent[str(one.now)].append(one.text)
    parts = [
        f"[{intent}]\nexamples = [\n" + "".join(f"    {_quoted(text)},\n" for text in texts) + "]\n"
        for intent, texts in sorted(by_intent.items())
        if texts
    ]
    return "\n".join([_HEAD, *parts])


def _quoted(text: str) -> str:
    """A text as TOML writes it: JSON's way, but for one sign that JSON leaves bare."""
    return as_json(text).replace("\x7f", "\\u007F")


def _read(row: Correction) -> Corrected:
    return Corrected(row.touch_id, row.text, row.was, Intent(row.now), row.by, row.at)

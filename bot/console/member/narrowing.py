"""What a member's timeline is narrowed to, as it stands in the address: who spoke, by which channel, which campaign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from bot.language import say
from bot.wording import channel_words
from campaigns.terms import Direction
from campaigns.touches import LineFilter

_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Choice:
    """`href`: the timeline with this chosen; of what is chosen already, the timeline without it."""

    label: str
    href: str
    on: bool


@dataclass(frozen=True, slots=True)
class Narrowing:
    """`chips`: channels, then campaigns."""

    sides: Sequence[Choice]
    chips: Sequence[Choice]


def only_of(query: Mapping[str, str]) -> LineFilter:
    side = query.get("side", "")
    return LineFilter(
        medium=query.get("medium", "")[:_LONGEST],
        direction=side if side in list(Direction) else "",
        campaign=query.get("campaign", "")[:_LONGEST],
    )


def narrowing(number: str, only: LineFilter, media: Sequence[str], campaigns: Sequence[tuple[str, str]]) -> Narrowing:
    """`campaigns`: (key, title). One channel or one campaign alone is no choice, unless it is chosen."""

    def choice(label: str, name: str, value: str) -> Choice:
        on = getattr(only, name) == value
        changed: dict[str, Any] = {name: "" if on else value}
        return Choice(label, lines_url(number, replace(only, **changed)), on)

    sides = [("全部", ""), ("对方说的", Direction.IN), ("我们发的", Direction.OUT)]
    channels = [choice(channel_words(one), "medium", one) for one in media]
    titled = [choice(title, "campaign", key) for key, title in campaigns]
    return Narrowing(
        [choice(say(label), "direction", str(side)) for label, side in sides],
        [
            *(channels if len(media) > 1 or only.medium else []),
            *(titled if len(campaigns) > 1 or only.campaign else []),
        ],
    )


def lines_url(number: str, only: LineFilter, skip: int = 0) -> str:
    asked = {"medium": only.medium, "side": only.direction, "campaign": only.campaign, "skip": str(skip or "")}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/members/{quote(number, safe='')}{'?' if query else ''}{query}#h-touches"

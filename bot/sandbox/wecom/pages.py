"""Pages of a WeCom list: limit, cursor, next_cursor. A cursor is opaque, and good for its own list only."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from bot.sandbox.wecom.words import Refused, string, whole

LONGEST_CURSOR = 64  # bytes
T = TypeVar("T")


def page(found: Sequence[T], given: Mapping[str, Any], scope: str, most: int, usual: int) -> tuple[Sequence[T], str]:
    """This page and the cursor of the next, "" after the last. A limit beyond `most` counts as the usual one."""
    start = place_of(string(given, "cursor"), scope)
    limit = limit_of(given, most, usual)
    end = start + limit
    return found[start:end], cursor_at(end, scope) if end < len(found) else ""


def limit_of(given: Mapping[str, Any], most: int, usual: int) -> int:
    limit = whole(given, "limit", usual)
    return limit if 1 <= limit <= most else usual


def cursor_at(place: int, scope: str) -> str:
    mark = hashlib.sha256(f"{scope} {place}".encode()).hexdigest()[:12]
    return base64.urlsafe_b64encode(f"{place}.{mark}".encode()).decode("ascii").rstrip("=")


def place_of(cursor: str, scope: str) -> int:
    """Raises Refused (40058)."""
    if not cursor:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = base64.urlsafe_b64decode(padded).decode("ascii").split(".")[0]
    except ValueError as error:
        raise Refused(40058, "cursor") from error
    if len(cursor) > LONGEST_CURSOR or not place.isdigit() or cursor_at(int(place), scope) != cursor:
        raise Refused(40058, "cursor")
    return int(place)

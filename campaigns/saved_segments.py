"""分群: rules that were given a name, whoever gave it, and where they stand in campaigns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.exceptions import IntegrityError

from campaigns.errors import InputError
from campaigns.models import SavedSegment
from campaigns.segments import parse_segment

LONGEST_NAME = 64
_LARGEST = 2**31 - 1  # a number of the database


@dataclass(frozen=True, slots=True)
class Saved:
    """`rule` in the canonical spelling; `at` of the last change, `by` whoever made it."""

    id: int
    name: str
    rule: str
    by: str
    at: datetime


async def list_segments() -> list[Saved]:
    """All of them, in the order of their names."""
    return [_saved(row) for row in await SavedSegment.all().order_by("name")]


async def find_segment(segment_id: int) -> Saved | None:
    row = await SavedSegment.get_or_none(id=segment_id) if segment_id <= _LARGEST else None
    return _saved(row) if row else None


async def save_segment(name: str, rule: str, *, by: str, now: datetime, segment_id: int | None = None) -> Saved:
    """A new one, or with `segment_id` new words for that one; its campaigns keep the rule they have.

    Raises InputError for a rule that is wrong (naming the place), and NameTaken or NameMissing for such a name.
    """
    name, rule = " ".join(name.split()), canonical(rule)
    if not name or len(name) > LONGEST_NAME:
        raise NameMissing(f"名字写1到{LONGEST_NAME}个字 (a name of 1 to {LONGEST_NAME} characters)")
    taken = await SavedSegment.filter(name=name).exclude(id=segment_id or 0).exists()
    if taken:
        raise NameTaken(f"已经有一个叫{name}的分群 (this name is taken)")
    by = by[:64]
    try:
        if segment_id is None:
            return _saved(await SavedSegment.create(name=name, rule=rule, by=by, at=now))
        await SavedSegment.filter(id=segment_id).update(name=name, rule=rule, by=by, at=now)
    except IntegrityError:  # somebody was quicker
        raise NameTaken(f"已经有一个叫{name}的分群 (this name is taken)") from None
    return _saved(await SavedSegment.get(id=segment_id))


async def delete_segment(segment_id: int) -> None:
    """Where it is used is for the caller to ask, see `uses`."""
    await SavedSegment.filter(id=segment_id).delete()


def uses(segments: Iterable[Saved], campaigns: Mapping[str, str]) -> dict[int, list[str]]:
    """Segment id → keys of the campaigns that select by the same rule. `campaigns` is key → rule as it was written."""
    by_rule: dict[str, list[str]] = {}
    for key, rule in campaigns.items():
        by_rule.setdefault(_same(rule), []).append(key)
    return {one.id: sorted(by_rule.get(one.rule, [])) for one in segments}


def canonical(rule: str) -> str:
    """The rule in the one spelling by which two are the same. Raises InputError naming the place of a mistake."""
    spelled = str(parse_segment(rule))
    parse_segment(spelled)  # the canonical spelling may be longer than a rule may be
    return spelled


class NameMissing(InputError):
    """No name, or one that is too long."""


class NameTaken(InputError):
    """Another segment has this name."""


def _same(rule: str) -> str:
    try:
        return canonical(rule)
    except InputError:
        return rule


def _saved(row: SavedSegment) -> Saved:
    return Saved(row.id, row.name, row.rule, row.by, row.at)

"""Raw rows to values by field: what is kept, what is rejected and why, repeats of a key folded (last one wins).

The rows are judged to the last before any is handed out, and wait on disk meanwhile: a million rows cost the memory
of their keys, not of themselves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from campaigns.cells import clean_text
from campaigns.columns import Recognised, TableKind
from campaigns.fields import ABSENT, FIELDS
from campaigns.rows import Judge, Judged, Reject
from campaigns.spool import Spool

CHUNK = 1000
"""Rows judged, and stored, together."""

Rows = Iterable[tuple[int, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One table, judged. offered = duplicates + kept + rejected; blank rows are not offered.

    `chunks()` yields the `kept` rows in the order of the file, as often as it is asked, at most CHUNK at a time.
    """

    recognised: Recognised
    offered: int
    duplicates: int
    kept: int
    rejects: tuple[Reject, ...]
    repeats: Mapping[str, int]  # key that stands in several rows → line of the one that counts
    spool: Spool[Judged]

    def chunks(self) -> Iterator[Judged]:
        for judged in self.spool:
            yield self._counting(judged) if self.repeats else judged

    def _counting(self, judged: Judged) -> Judged:
        keys = _keys(self.recognised.kind, judged)
        counts = [self.repeats.get(key, line) == line for key, line in zip(keys, judged.lines, strict=True)]
        return judged if all(counts) else judged.only(counts)


def read_records(recognised: Recognised, rows: Rows) -> Reading:
    """Judge every row, the whole table before anything of it is used."""
    judge = _judge_of(recognised)
    seen: set[str] = set()
    repeats: dict[str, int] = {}
    rejects: list[Reject] = []
    spool = Spool[Judged]()
    offered = 0
    filled = ((line, cells) for line, cells in rows if any(map(clean_text, cells)))
    while chunk := list(islice(filled, CHUNK)):
        judged, refused = judge.judge(chunk)
        offered += len(chunk)
        rejects += refused
        _note_repeats(_keys(recognised.kind, judged), judged.lines, seen, repeats)
        spool.add(judged)
    duplicates = offered - len(rejects) - len(seen)
    return Reading(recognised, offered, duplicates, len(seen), tuple(rejects), repeats, spool)


def _judge_of(recognised: Recognised) -> Judge:
    custom = recognised.custom if recognised.kind is TableKind.MEMBERS else None
    return Judge(recognised.header, recognised.mapping, custom, FIELDS[recognised.kind], ABSENT)


def _keys(kind: TableKind, judged: Judged) -> Sequence[str]:
    if kind is TableKind.LOGINS:
        logins = zip(judged.columns["member_no"], judged.columns["at"], strict=True)
        return [f"{member_no} {at.timestamp():.0f}" for member_no, at in logins]
    return judged.columns["no"]


def _note_repeats(keys: Sequence[str], lines: Sequence[int], seen: set[str], repeats: dict[str, int]) -> None:
    new = set(keys)
    if len(new) == len(keys) and seen.isdisjoint(new):
        seen |= new
        return
    for key, line in zip(keys, lines, strict=True):
        if key in seen:
            repeats[key] = line
        seen.add(key)

"""A keyword table before it is saved: are its own proofs held, and what would be heard otherwise than now?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from campaigns.intents.model import Reader
from campaigns.intents.reading import IntentTable, Reading, make_table, read_intent
from campaigns.intents.table import Example, Keywords, Pattern
from campaigns.intents.words import bare, fold
from campaigns.terms import Intent

_TRAP = "〇"


@dataclass(frozen=True, slots=True)
class Broken:
    """A proof the table does not hold. `key` as `line_of` reads it."""

    key: str
    name: str
    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One reply that would be heard otherwise. `meant`: what it should be heard as."""

    text: str
    meant: Intent
    before: Reading
    after: Reading

    @property
    def better(self) -> bool | None:
        """None where both are right, or both are wrong."""
        was, will = self.before.intent is self.meant, self.after.intent is self.meant
        return None if was is will else will


class Remembering:
    """A model that reads each reply once: tables differ in their words, seldom in what was learned."""

    def __init__(self, model: Reader) -> None:
        self._model = model
        self._read: dict[str, tuple[dict[Intent, float], float]] = {}

    def read(self, folded: str) -> tuple[dict[Intent, float], float]:
        if folded not in self._read:
            self._read[folded] = self._model.read(folded)
        guess, stop = self._read[folded]
        return dict(guess), stop


def remembering(table: IntentTable) -> IntentTable:
    return table if isinstance(table.model, Remembering) else replace(table, model=Remembering(table.model))


def table_beside(table: IntentTable, keywords: Keywords, examples: Sequence[Example]) -> IntentTable:
    """What these keywords would make of it. Nothing is learned anew where the cues are the same."""
    if keywords.cues == table.keywords.cues:
        return make_table(keywords, examples, model=table.model)
    return remembering(make_table(keywords, examples))


def compare(now: IntentTable, then: IntentTable, said: Iterable[tuple[str, Intent]]) -> Iterator[Change]:
    for text, meant in said:
        before, after = read_intent(text, now), read_intent(text, then)
        if (before.intent, before.stop) != (after.intent, after.stop):
            yield Change(text, meant, before, after)


def broken_proofs(keywords: Keywords) -> list[Broken]:
    """The examples beside each pattern and rule that it does not catch, or should leave alone and catches."""
    found: list[Broken] = []
    for place, pattern in enumerate(keywords.stop_patterns):
        found += _broken(f"stop.pattern[{place}]", pattern, keywords.traps)
    for place, trap in enumerate(keywords.traps):
        found += _broken(f"trap[{place}]", trap, ())
    for place, rule in enumerate(keywords.rules):
        for is_hit, texts in ((True, rule.hits), (False, rule.misses)):
            found += [
                Broken(f"rule[{place}].{'hits' if is_hit else 'misses'}", rule.id, text, is_hit)
                for text in texts
                if rule.matches(fold(text), bare(fold(text))) is not is_hit
            ]
    return found


def _broken(key: str, pattern: Pattern, traps: Sequence[Pattern]) -> Iterator[Broken]:
    for is_hit, texts in ((True, pattern.hits), (False, pattern.misses)):
        for text in texts:
            folded = fold(text)
            for trap in traps:
                folded = trap.regex.sub(_TRAP, folded)
            if (pattern.regex.search(folded) is not None) is not is_hit:
                yield Broken(f"{key}.{'hits' if is_hit else 'misses'}", pattern.id, text, is_hit)

"""What a reply means: automatic or not, a refusal or not, and one intent with the evidence for it.

The order is the point. A machine's answer stops nothing; a refusal is looked for by words, by sound and by the
classifier, each of which may only add; then the keyword rules and the classifier agree on the intent.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.intents.model import Reader, train
from campaigns.intents.table import Example, Keywords, Pattern, StopVerdict, load_examples, load_keywords
from campaigns.intents.words import bare, fold, own_words, sounds
from campaigns.terms import Intent

__all__ = ["IntentTable", "Reading", "StopVerdict", "load_table", "read_intent"]

# The classifier's stop probability that counts as a word of refusal, and those that are enough for doubt: alone,
# and where a trap stands in the reply or a keyword rule reads it as something else. With whole families of wording
# held out, 97.7 % of refusals stop and 6.0 % of the other replies do; the examples hold far more oblique refusals
# and traps than customers write.
REFUSE_FROM = 0.75
PAUSE_FROM = 0.14
PAUSE_WHERE_DOUBTED_FROM = 0.4
# Said around a refusal without changing it.
_POLITE = re.compile(
    r"^(?:你好|您好|请|麻烦|帮我|给我|我要|我想|我|快|赶紧|直接|申请|需要|要|回复?|那就|那)+"
    r"|(?:了|啦|啊|呀|吧|嘛|呢|哦|噢|哈|嘞|咯|撒|哟|喽|呗|谢谢|多谢|拜托|一下|下|please|pls|thanks|thankyou)+$"
)
_CLAUSE_END = re.compile(r"[,.!;:~、。…\n]")
_LATIN_WORD = re.compile(r"[a-z]{6,16}")
_TRAP = "〇"  # stands where a trap stood, so that what is left beside it is not taken for the whole
_SLIP = 0.85  # likeness at which a Latin word is a stop word with one letter wrong, missing or out of turn


@dataclass(frozen=True, slots=True)
class IntentTable:
    keywords: Keywords
    stop_sounds: frozenset[str]
    model: Reader


@dataclass(frozen=True, slots=True)
class Reading:
    intent: Intent
    stop: StopVerdict
    matched: str  # the rule, the word, or "classifier 0.83"
    score: float

    @property
    def stops(self) -> bool:
        return self.stop is not StopVerdict.NO


def load_table(folder: Path) -> IntentTable:
    """`folder` holds keywords.toml and examples/*.toml. Raises DefinitionError naming file and key."""
    return make_table(load_keywords(folder / "keywords.toml"), load_examples(folder / "examples"))


def make_table(keywords: Keywords, examples: Sequence[Example], *, model: Reader | None = None) -> IntentTable:
    """A second of work where no model is given: the classifier learns anew, for the cues are in the table."""
    stop_sounds = frozenset("".join(sounds(word)) for word in keywords.stop_sounds)
    return IntentTable(keywords, stop_sounds, model or train(examples, keywords.cues))


def read_intent(text: str, table: IntentTable) -> Reading:
    folded = fold(own_words(text))
    letters = bare(folded)
    if not letters:
        return Reading(Intent.UNKNOWN, StopVerdict.NO, "empty", 1.0)
    guess, stop_chance = table.model.read(folded)
    hits = [rule for rule in table.keywords.rules if rule.matches(folded, letters)]
    if auto := next((rule for rule in hits if rule.intent is Intent.AUTO_REPLY), None):
        return Reading(Intent.AUTO_REPLY, StopVerdict.NO, auto.id, 1.0)
    untrapped = _without_traps(folded, table.keywords.traps)
    verdict, word = _refusal_in_words(untrapped, table)
    for rule in hits:
        guess[rule.intent] += rule.weight
    intent = _intent(guess, verdict)
    if verdict is StopVerdict.NO:
        doubted = untrapped != folded or any(rule.intent is not Intent.STOP for rule in hits)
        verdict = _refusal_by_chance(stop_chance, intent, doubted=doubted)
        if verdict is StopVerdict.NO and intent is Intent.STOP:  # then it is the next likely thing
            intent = max((one for one in guess if one is not Intent.STOP), key=lambda one: guess[one])
    elif intent is Intent.AUTO_REPLY:
        verdict = StopVerdict.PAUSE  # a machine by its manner, a refusal by its words: a person should look
    named = next((rule.id for rule in hits if rule.intent is intent), "")
    return Reading(intent, verdict, word or named or f"classifier {guess[intent]:.2f}", min(guess[intent], 1.0))


def _intent(guess: dict[Intent, float], verdict: StopVerdict) -> Intent:
    likely = max(guess, key=lambda intent: guess[intent])
    if verdict is StopVerdict.REFUSE and likely not in {Intent.COMPLAINT, Intent.AUTO_REPLY}:
        return Intent.STOP
    return likely


def _refusal_by_chance(chance: float, intent: Intent, *, doubted: bool) -> StopVerdict:
    if chance >= (PAUSE_WHERE_DOUBTED_FROM if doubted else PAUSE_FROM):
        return StopVerdict.REFUSE if chance >= REFUSE_FROM else StopVerdict.PAUSE
    return StopVerdict.PAUSE if intent is Intent.STOP and not doubted else StopVerdict.NO


def _without_traps(folded: str, traps: tuple[Pattern, ...]) -> str:
    for trap in traps:
        folded = trap.regex.sub(_TRAP, folded)
    return folded


def _refusal_in_words(folded: str, table: IntentTable) -> tuple[StopVerdict, str]:
    if word := _whole_word(folded, table):
        return StopVerdict.REFUSE, word
    for pattern in table.keywords.stop_patterns:
        if pattern.regex.search(folded):
            return pattern.verdict, pattern.id
    return StopVerdict.NO, ""


def _whole_word(folded: str, table: IntentTable) -> str:
    """The stop word that is the whole reply, or its first clause; politeness, spelling and sound forgiven."""
    keywords = table.keywords
    whole = _core(bare(folded))
    if bare(folded) in keywords.stop_alone or whole in keywords.stop_alone:
        return whole
    for core in (bare(folded), whole, _core(bare(_CLAUSE_END.split(folded.strip(), maxsplit=1)[0]))):
        if core in keywords.stop_words or "".join(sounds(core)) in table.stop_sounds:
            return core
    if _LATIN_WORD.fullmatch(whole):
        meant = [word for word in keywords.stop_words | table.stop_sounds if abs(len(word) - len(whole)) <= 1]
        return next(iter(difflib.get_close_matches(whole, meant, n=1, cutoff=_SLIP)), "")
    return ""


def _core(letters: str) -> str:
    return _POLITE.sub("", letters)

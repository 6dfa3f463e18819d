"""The reply table that staff edit: stop words, traps and keyword rules in one file, examples in a folder beside it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from campaigns.errors import DefinitionError
from campaigns.intents.words import bare, fold
from campaigns.terms import Intent

_PLACE = re.compile(r"(?P<section>stop\.pattern|stop|trap|rule|cues)(?:\[(?P<number>\d+)\])?(?:\.(?P<name>.+))?")
Word = TypeVar("Word", bound=StrEnum)


class StopVerdict(StrEnum):
    NO = "no"
    PAUSE = "pause"  # in doubt: 24 hours of silence while a person looks
    REFUSE = "refuse"  # a word of refusal


class RuleKind(StrEnum):
    EXACT = "exact"  # one of the words is the whole reply
    CONTAINS = "contains"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One regular expression over the folded reply, with the examples that prove it."""

    id: str
    regex: re.Pattern[str]
    hits: tuple[str, ...]
    misses: tuple[str, ...]
    verdict: StopVerdict = StopVerdict.NO


@dataclass(frozen=True, slots=True)
class KeywordRule:
    id: str
    intent: Intent
    kind: RuleKind
    words: tuple[str, ...]
    regex: re.Pattern[str] | None
    weight: float
    hits: tuple[str, ...]
    misses: tuple[str, ...]

    def matches(self, folded: str, letters: str) -> bool:
        match self.kind:
            case RuleKind.EXACT:
                return letters in self.words
            case RuleKind.CONTAINS:
                return any(word in letters for word in self.words)
            case RuleKind.REGEX:
                return self.regex is not None and self.regex.search(folded) is not None


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    intent: Intent
    stop: bool


@dataclass(frozen=True, slots=True)
class Keywords:
    stop_words: frozenset[str]  # as the whole reply or its first clause
    stop_alone: frozenset[str]  # as the whole reply only
    stop_sounds: tuple[str, ...]
    stop_patterns: tuple[Pattern, ...]
    traps: tuple[Pattern, ...]
    rules: tuple[KeywordRule, ...]
    cues: Mapping[str, tuple[str, ...]]


def load_keywords(path: Path) -> Keywords:
    return _keywords(_read(path), path.name)


def parse_keywords(text: str, name: str = "keywords.toml") -> Keywords:
    """The same from its text. Raises DefinitionError naming file and key; `line_of` finds the key's line."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise DefinitionError(name, "-", f"不是 TOML (not TOML): {problem}") from problem
    return _keywords(document, name)


def line_of(text: str, key: str) -> int | None:
    """The line, from 1, on which a key that DefinitionError names stands: `rule[3].regex`, `stop.words`."""
    found = _PLACE.fullmatch(key)
    if found is None:
        return None
    section, number, name = found["section"], found["number"], found["name"]
    header = f"[[{section}]]" if number else f"[{section}]"
    lines = [line.strip() for line in text.splitlines()]
    headers = [place for place, line in enumerate(lines) if line == header]
    if len(headers) <= int(number or 0):
        return None
    start = headers[int(number or 0)]
    for place in range(start + 1, len(lines)):
        if lines[place].startswith("[") and lines[place].endswith("]") and "=" not in lines[place]:
            break
        if name and re.match(rf"{re.escape(name)}\s*=", lines[place]):
            return place + 1
    return start + 1


def _keywords(document: Mapping[str, Any], where: str) -> Keywords:
    whole = _Section(where, "", document)
    whole.allow("stop", "trap", "rule", "cues")
    stop = _Section(where, "stop", document.get("stop", {}))
    stop.allow("words", "words_alone", "sounds_like", "pattern")
    cues = _Section(where, "cues", document.get("cues", {}))
    return Keywords(
        stop_words=frozenset(bare(fold(word)) for word in stop.texts("words")),
        stop_alone=frozenset(bare(fold(word)) for word in stop.texts("words_alone")),
        stop_sounds=tuple(bare(fold(word)) for word in stop.texts("sounds_like")),
        stop_patterns=tuple(_pattern(section, stops=True) for section in stop.sections("pattern")),
        traps=tuple(_pattern(section, stops=False) for section in whole.sections("trap")),
        rules=tuple(_rule(section) for section in whole.sections("rule")),
        cues={name: tuple(fold(word) for word in cues.texts(name)) for name in cues.values},
    )


def load_examples(folder: Path) -> list[Example]:
    """Every *.toml of the folder, in the order of the names; a text given twice counts once."""
    found: dict[tuple[str, Intent], Example] = {}
    for path in sorted(folder.glob("*.toml")):
        for example in _examples(path):
            found.setdefault((example.text, example.intent), example)
    if not found:
        raise DefinitionError(str(folder), "*.toml", "没有例句，分类器无从学习 (no examples to learn from)")
    return list(found.values())


def _examples(path: Path) -> Iterator[Example]:
    for key, value in _read(path).items():
        if key not in set(Intent):
            raise DefinitionError(path.name, key, f"没有这个意图 (no such intent): {', '.join(Intent)}")
        section = _Section(path.name, key, value)
        section.allow("examples", "also_stop")
        intent = Intent(key)
        for text in section.texts("examples"):
            yield Example(text, intent, stop=intent is Intent.STOP)
        for text in section.texts("also_stop"):
            yield Example(text, intent, stop=True)


def _pattern(section: "_Section", *, stops: bool) -> Pattern:
    section.allow("id", "regex", "hits", "misses", *(["verdict"] if stops else []))
    verdict = section.choice("verdict", StopVerdict, "refuse") if stops else StopVerdict.NO
    return Pattern(section.text("id"), section.regex(), section.proofs("hits"), section.proofs("misses"), verdict)


def _rule(section: "_Section") -> KeywordRule:
    section.allow("id", "intent", "kind", "words", "regex", "weight", "hits", "misses")
    kind = section.choice("kind", RuleKind, None)
    return KeywordRule(
        id=section.text("id"),
        intent=section.choice("intent", Intent, None),
        kind=kind,
        words=tuple(bare(fold(word)) for word in section.texts("words")),
        regex=section.regex() if kind is RuleKind.REGEX else None,
        weight=section.number("weight", 1.0),
        hits=section.proofs("hits"),
        misses=section.proofs("misses"),
    )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DefinitionError(path.name, "-", f"读不到 (cannot be read): {problem.strerror}") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DefinitionError(path.name, "-", f"不是 UTF-8 的 TOML (not UTF-8 TOML): {problem}") from problem


class _Section:
    """One TOML table that names file and key when a value is not what it should be."""

    def __init__(self, file: str, name: str, values: object) -> None:
        self.file, self.name = file, name
        if not isinstance(values, Mapping):
            raise self.wrong("", "应为一个小节 (must be a table)")
        self.values = values

    def wrong(self, key: str, problem: str) -> DefinitionError:
        return DefinitionError(self.file, ".".join(part for part in (self.name, key) if part) or "-", problem)

    def allow(self, *keys: str) -> None:
        for key in self.values:
            if key not in keys:
                raise self.wrong(key, f"不认识，可用 (unknown key, use one of): {', '.join(keys)}")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "应为一段文字 (must be a text)")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
            raise self.wrong(key, "应为一列文字 (must be a list of texts)")
        return tuple(value)

    def proofs(self, key: str) -> tuple[str, ...]:
        if not (texts := self.texts(key)):
            raise self.wrong(key, "至少要有一个例子 (needs at least one example)")
        return texts

    def number(self, key: str, default: float) -> float:
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 10:
            raise self.wrong(key, "应为 0 到 10 之间的数 (must be a number above 0, up to 10)")
        return float(value)

    def choice(self, key: str, kind: type[Word], default: str | None) -> Word:
        value = self.values.get(key, default)
        if value not in set(kind):
            raise self.wrong(key, f"应为其中之一 (must be one of): {', '.join(kind)}")
        return kind(str(value))

    def regex(self) -> re.Pattern[str]:
        try:
            return re.compile(self.text("regex"), re.IGNORECASE)
        except re.error as problem:
            raise self.wrong("regex", f"正则表达式有误 (not a regular expression): {problem}") from problem

    def sections(self, key: str) -> list["_Section"]:
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "应为 [[小节]] (must be an array of tables)")
        return [_Section(self.file, f"{self.name}{'.' if self.name else ''}{key}[{n}]", v) for n, v in enumerate(value)]

"""The versions of policy.toml that staff made, what each changed, and what would change if it came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.console.settings.limit import Limit
from bot.console.settings.limits import ALL_GROUPS, shown
from bot.runtime import POLICY_FILE, Runtime
from campaigns import edits
from campaigns.errors import DefinitionError
from campaigns.policy_file import parse_policy, read_policy

_SHOWN = 10
_WHERE = {limit.key: (group.title, limit) for group in ALL_GROUPS for limit in group.limits}


@dataclass(frozen=True, slots=True)
class Step:
    """One limit that differs between two versions, as it is typed."""

    key: str
    title: str
    limit: Limit
    now: str
    then: str


@dataclass(frozen=True, slots=True)
class Version:
    """`id` 0 is the file on the disk. `made`: what it changed; `back`: what would change if it came back now."""

    id: int
    by: str
    at: datetime | None
    text: str = field(repr=False)
    made: tuple[Step, ...]
    back: tuple[Step, ...]


async def policy_versions(runtime: Runtime) -> list[Version]:
    """The newest ten, the newest first, and behind them the file on the disk."""
    on_disk = read_policy(runtime.settings.huifang_templates / POLICY_FILE)
    made = [(one.id, one.by, one.at, one.text or "") for one in await edits.versions_of(edits.TOP, POLICY_FILE)]
    texts = [*made, (0, "", None, on_disk)]
    values = [_values(text) for *_, text in texts]
    older = [*values[1:], values[-1]]
    found = [
        Version(number, by, at, text, _steps(before, own), _steps(values[0], own))
        for (number, by, at, text), own, before in zip(texts, values, older, strict=True)
    ]
    return [*found[:-1][:_SHOWN], found[-1]]


def _values(text: str) -> Mapping[str, str]:
    """Every limit as it is typed; nothing for a text of an older house that is not understood any more."""
    try:
        return shown(parse_policy(text, POLICY_FILE))
    except DefinitionError:
        return {}


def _steps(now: Mapping[str, str], then: Mapping[str, str]) -> tuple[Step, ...]:
    changed = [key for key in _WHERE if key in now and key in then and now[key] != then[key]]
    return tuple(Step(key, *_WHERE[key], now[key], then[key]) for key in changed)

"""What the policy and the calendar pages share: a file of templates/ as it stands, and a new version of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request

from bot.console.settings.limit import Group, Limit
from bot.console.settings.limits import LIMITS, shown
from bot.language import say
from bot.runtime import POLICY_FILE, Runtime, follow_rules, read_rule_files
from bot.web.desk import log, read_form, visitor_of
from bot.web.numbers import whole_number
from bot.wording import fault_words
from campaigns import edits
from campaigns.audit import Action
from campaigns.errors import DefinitionError, InputError
from campaigns.policy_file import parse_policy
from campaigns.toml_lines import set_value

_LONGEST = 20  # letters of a limit


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a form of limits: `typed` as it is shown again, `faults` by key; without one `changed` were kept."""

    typed: Mapping[str, str]
    faults: Mapping[str, str]
    changed: int = 0
    status: int = 422


async def save_limits(request: Request, groups: Sequence[Group]) -> Saved:
    """Those of the groups that the form changes, where the file is still the one it was filled by."""
    form = await read_form(request)
    text, stands = await standing_limits(request)
    typed = {**stands, **typed_limits(form, groups)}
    if not await is_current(form, POLICY_FILE):
        return Saved(stands, {"": say("你打开这页以后，别人改过了。看一眼现在的，再改")}, status=409)
    changed = {key: value for key, value in typed.items() if value != stands[key]}
    made, faults = apply(text, changed)
    if faults:
        return Saved(typed, fewer(faults))
    if changed:
        await write(request, POLICY_FILE, made, {key: f"{stands[key]} → {value}" for key, value in changed.items()})
    return Saved(typed, {}, len(changed))


async def standing_limits(request: Request) -> tuple[str, dict[str, str]]:
    """policy.toml as it stands, and every limit of it as it is typed."""
    text = await text_of(request.app.state.runtime, POLICY_FILE)
    return text, shown(parse_policy(text, POLICY_FILE))


def typed_limits(given: FormData | QueryParams, groups: Sequence[Group]) -> dict[str, str]:
    return {key: str(given[key]).strip()[:_LONGEST] for key in keys_of(groups) if key in given}


def keys_of(groups: Sequence[Group]) -> list[str]:
    return [limit.key for group in groups for limit in group.limits]


def fewer(faults: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a sum says nothing where one of its numbers is none."""
    return {key: words for key, words in faults.items() if not any(other.startswith(f"{key}.") for other in faults)}


async def text_of(runtime: Runtime, file: str) -> str:
    return (await read_rule_files(runtime.settings))[file]


async def version_of(file: str) -> int:
    """The number of the version a form was filled by; 0 is the file on the disk."""
    versions = await edits.versions_of(edits.TOP, file)
    return versions[0].id if versions else 0


async def write(request: Request, file: str, text: str, changed: Mapping[str, object]) -> None:
    """Keep a text that was checked; every process goes by it within two seconds."""
    runtime: Runtime = request.app.state.runtime
    await edits.write_files(edits.TOP, {file: text}, by=visitor_of(request).staff.name, now=runtime.clock())
    await log(request, Action.SETTING_CHANGED, f"file/{file}", **changed)
    await follow_rules(runtime)


async def is_current(form: FormData, file: str) -> bool:
    return str(form.get("version", "")) == str(await version_of(file))


def apply(text: str, changed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """policy.toml with limits as they were typed, and what is wrong by key. The file says one mistake at a time: each
    is left out for the next."""
    left, faults = dict(changed), dict[str, str]()
    while True:
        made = text
        try:
            for key, value in left.items():
                table, _, name = key.rpartition(".")
                made = set_value(made, table, name, _value(LIMITS[key], value))
            parse_policy(made, POLICY_FILE)
        except DefinitionError as exc:
            faults[exc.key] = _plain(exc)
            # of values that do not go together the file names one, or their table, whichever was typed
            wrong = {exc.key} if exc.key in left else {key for key in left if _table(key) in (exc.key, _table(exc.key))}
            left = {key: value for key, value in left.items() if key not in wrong}
            if not wrong:
                return text, faults
        except InputError as exc:
            return text, {"": _plain(exc)}
        else:
            return made, faults


def _table(key: str) -> str:
    return key.rpartition(".")[0]


def _value(limit: Limit, typed: str) -> str | int:
    if limit.kind != "number":
        return typed
    number = whole_number(typed)
    return typed if number is None else number


def _plain(problem: InputError) -> str:
    words = problem.problem if isinstance(problem, DefinitionError) else str(problem)
    return fault_words(words)

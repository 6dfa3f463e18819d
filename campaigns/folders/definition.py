"""campaign.toml: what a campaign is, read and checked against the files beside it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from campaigns.content import one_line, read_table, read_toml
from campaigns.errors import DefinitionError, OutreachError
from campaigns.schedule import parse_schedule
from campaigns.segments import parse_segment
from campaigns.terms import ChannelName, Intent, MessageClass

NEEDS = {
    ChannelName.EMAIL: ("email.txt", "email.mjml"),
    ChannelName.SMS: ("sms.toml",),
    ChannelName.WECHAT: ("wechat.toml",),
    ChannelName.WECOM: ("wecom.toml",),
}
_CHATS = (ChannelName.WECHAT, ChannelName.WECOM)  # an answer there is its own words, in no file of the channel's
_DURATION = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_KEYS = frozenset(
    [
        "title",
        "class",
        "segment",
        "schedule",
        "channels",
        "action",
        "visit_category",
        "goal",
        "hold_out",
        "useless_after",
        "links",
        "by_hand",
    ]
)


@dataclass(frozen=True, slots=True)
class Definition:
    """campaign.toml, read and checked. `hold_out` is a share 0 to 1; `answers` the intents of an answer.*.txt.

    `by_hand`: a colleague's own words to one customer, which have no date.
    """

    title: str
    message_class: MessageClass
    segment: str
    schedule: Mapping[str, object]
    channels: tuple[ChannelName, ...]
    action: str
    visit_category: str
    goal: str
    hold_out: float
    useless_after: timedelta | None
    links: Mapping[str, str]
    answers: frozenset[Intent]
    by_hand: bool = False


def parse_definition(files: Mapping[str, str]) -> Definition:
    """What campaign.toml says, checked against the other files. Raises DefinitionError(file, key, problem)."""
    if "campaign.toml" not in files:
        raise DefinitionError("campaign.toml", "file", "文件夹里没有 campaign.toml (file missing)")
    return _parsed(files["campaign.toml"], frozenset(files))


@lru_cache(maxsize=1024)  # every look at the running campaigns reads them all again
def _parsed(text: str, files: frozenset[str]) -> Definition:
    """`files`: the names of all."""
    table = read_toml(text, "campaign.toml")
    for key in table:
        if key not in _KEYS:
            raise DefinitionError("campaign.toml", key, f"没有这一项，只有 {'、'.join(sorted(_KEYS))} (unknown key)")
    definition = Definition(
        title=_text(table, "title"),
        message_class=_message_class(table),
        segment=_text(table, "segment", "all"),
        schedule=read_table(table, "schedule", "campaign.toml"),
        channels=_channels(table),
        action=_one_of(table, "action", ("message", "visit")),
        visit_category=_text(table, "visit_category", "return_visit"),
        goal=_text(table, "goal", ""),
        hold_out=_share(table),
        useless_after=_duration(table, "useless_after"),
        links=_links(table),
        answers=_answers(files),
        by_hand=table.get("by_hand") is True,
    )
    _check(definition, files)
    return definition


def _check(definition: Definition, files: Collection[str]) -> None:
    for key, rule in (("segment", definition.segment), ("goal", definition.goal)):
        _try("campaign.toml", key, lambda rule=rule: parse_segment(rule) if rule else None)
    if not definition.answers and not definition.by_hand:
        _try("campaign.toml", "schedule", lambda: parse_schedule(definition.schedule))
    if definition.action == "message" and not definition.channels:
        raise DefinitionError("campaign.toml", "channels", "至少要有一个渠道 (no channel)")
    for channel in definition.channels:
        for file in NEEDS[channel]:
            if file not in files and not (definition.answers and channel in _CHATS):
                raise DefinitionError("campaign.toml", "channels", f"{channel} 要有 {file} (file missing)")
    if definition.answers and ChannelName.SMS in definition.channels:
        raise DefinitionError("campaign.toml", "channels", "短信要用审核过的模板，不能自动回答 (no SMS answers)")


def _try(file: str, key: str, check: Any) -> None:
    try:
        check()
    except DefinitionError:
        raise
    except OutreachError as exc:
        raise DefinitionError(file, key, str(exc)) from exc


def _text(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise DefinitionError("campaign.toml", key, "要写成一段文字 (a text is expected)")
    return one_line(value)


def _links(table: Mapping[str, Any]) -> Mapping[str, str]:
    links = {str(name): str(target) for name, target in read_table(table, "links", "campaign.toml").items()}
    for name, target in links.items():
        if not target.startswith(("https://", "http://")):
            raise DefinitionError(
                "campaign.toml", f"links.{name}", "要写完整网址，以 https:// 开头 (not a web address)"
            )
    return links


def _one_of(table: Mapping[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    value = table.get(key, allowed[0])
    if value not in allowed:
        raise DefinitionError("campaign.toml", key, f"只能是 {'、'.join(allowed)}")
    return str(value)


def _message_class(table: Mapping[str, Any]) -> MessageClass:
    allowed = tuple(str(one) for one in MessageClass)
    if table.get("class") not in allowed:
        raise DefinitionError("campaign.toml", "class", f"只能是 {'、'.join(allowed)}")
    return MessageClass(table["class"])


def _channels(table: Mapping[str, Any]) -> tuple[ChannelName, ...]:
    names = table.get("channels", [])
    if not isinstance(names, list) or any(name not in list(ChannelName) for name in names):
        raise DefinitionError("campaign.toml", "channels", f"只能从 {'、'.join(ChannelName)} 里选 (unknown channel)")
    return tuple(ChannelName(name) for name in names)


def _share(table: Mapping[str, Any]) -> float:
    value = table.get("hold_out", 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise DefinitionError("campaign.toml", "hold_out", "要在 0 和 1 之间，如 0.1 (a share)")
    return float(value)


def _duration(table: Mapping[str, Any], key: str) -> timedelta | None:
    value = table.get(key)
    if value is None:
        return None
    match = _DURATION.fullmatch(str(value))
    if match is None:
        raise DefinitionError("campaign.toml", key, "写成 36h、3d 或 2w (a duration)")
    return int(match[1]) * _UNITS[match[2]]


def _answers(files: Collection[str]) -> frozenset[Intent]:
    found = [name.removeprefix("answer.").removesuffix(".txt") for name in files if name.startswith("answer.")]
    for name in found:
        if name not in list(Intent):
            raise DefinitionError(f"answer.{name}.txt", "intent", f"没有 {name} 这种意思 (unknown intent)")
    return frozenset(Intent(name) for name in found)

"""A campaign folder: its definition, its words, and what is wrong with them."""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from campaigns.content import (
    REFUSAL_LINE,
    WECHAT_LIMITS,
    Compiled,
    compile_content,
    one_line,
    render,
    sms_segments,
)
from campaigns.errors import DefinitionError, OutreachError
from campaigns.schedule import parse_schedule
from campaigns.segments import parse_segment
from campaigns.terms import ChannelName, Intent, MailWords, MessageClass, SmsWords, WechatMode, WechatWords, Words

_DURATION = re.compile(r"(\d+)([hdw])")
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
    ]
)
_NEEDS = {ChannelName.EMAIL: "email.txt", ChannelName.SMS: "sms.toml", ChannelName.WECHAT: "wechat.toml"}
_SOLICITING = frozenset({MessageClass.MARKETING, MessageClass.GREETING})
_LONGEST_SMS = 500
_SAMPLE_LINKS = {name: f"https://huifang.example.com/{name}/m1" for name in ("unsubscribe", "way_in", "open", "click")}


@dataclass(frozen=True, slots=True)
class Definition:
    """campaign.toml, read and checked. `hold_out` is a share 0 to 1; `answers` the intents of an answer.*.txt."""

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


@dataclass(frozen=True, slots=True)
class CampaignFolder:
    key: str
    files: Mapping[str, str] = field(repr=False)
    digest: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class LintProblem:
    """One thing to mend: where, and how."""

    file: str
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}：{self.key}：{self.problem}"


def read_folder(path: Path) -> CampaignFolder:
    """A folder and the shared files, as one immutable set. Raises DefinitionError where it is wrong."""
    files = {one.name: _read(one) for one in sorted(path.iterdir()) if one.suffix in (".toml", ".mjml", ".txt")}
    files.pop("keywords.toml", None)  # of the intents, not of the words
    shared = path.parent / "_shared"
    if shared.is_dir():
        files |= {f"_shared/{one.name}": _read(one) for one in sorted(shared.iterdir()) if one.is_file()}
    digest = hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()
    return CampaignFolder(path.name, files, digest, parse_definition(files))


def parse_definition(files: Mapping[str, str]) -> Definition:
    table = _toml(files.get("campaign.toml", ""), "campaign.toml")
    for key in table:
        if key not in _KEYS:
            raise DefinitionError("campaign.toml", key, f"没有这一项，只有 {'、'.join(sorted(_KEYS))} (unknown key)")
    definition = Definition(
        title=_text(table, "title"),
        message_class=_message_class(table),
        segment=_text(table, "segment", "all"),
        schedule=_table(table, "schedule"),
        channels=_channels(table),
        action=_one_of(table, "action", ("message", "visit")),
        visit_category=_text(table, "visit_category", "return_visit"),
        goal=_text(table, "goal", ""),
        hold_out=_share(table),
        useless_after=_duration(table, "useless_after"),
        links={str(name): str(target) for name, target in _table(table, "links").items()},
        answers=_answers(files),
    )
    _check(definition, files)
    return definition


def compiled_content(files: Mapping[str, str]) -> Compiled:
    """The compiled form of a content version; the same files are compiled once."""
    return _compiled(tuple(sorted(files.items())))


def render_sample(folder: CampaignFolder) -> dict[str, Words]:
    """The words of every channel, filled with sample.toml's facts."""
    return dict(_samples(folder))


def lint_folder(folder: CampaignFolder) -> list[LintProblem]:
    """What must be mended before this may be sent. Empty: nothing."""
    try:
        samples = render_sample(folder)
    except DefinitionError as exc:
        return [LintProblem(exc.file, exc.key, exc.problem)]
    problems: list[LintProblem] = []
    for words in samples.values():
        match words:
            case MailWords():
                problems += _lint_mail(words, folder)
            case SmsWords():
                problems += _lint_sms(words, folder)
            case WechatWords():
                problems += _lint_wechat(words, folder)
    return problems


# ---- lint -----------------------------------------------------------------------------------------------------------


def _lint_mail(words: MailWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    marketing = folder.definition.message_class is MessageClass.MARKETING
    if marketing and "广告" not in words.subject and not words.subject.startswith("AD"):
        yield LintProblem("email.txt", "Subject", "营销邮件的主题要有“广告”两字，如：（广告）…")
    if not words.subject:
        yield LintProblem("email.txt", "Subject", "主题是空的")
    if folder.definition.message_class in _SOLICITING:
        for name, body in (("email.txt", words.text), ("email.mjml", words.html)):
            if _SAMPLE_LINKS["unsubscribe"] not in body:
                yield LintProblem(name, "unsubscribe", "正文里要有退订链接 {{ links.unsubscribe }}")


def _lint_sms(words: SmsWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    body = words.text.partition("】")[2]
    if not words.template_code:
        yield LintProblem("sms.toml", "template_code", "要写上短信服务商审核通过的模板编号")
    if len(words.text) > _LONGEST_SMS:
        yield LintProblem("sms.toml", "text", f"连签名有 {len(words.text)} 字，最多 {_LONGEST_SMS} 字")
    if sms_segments(words.text) > 3:
        yield LintProblem("sms.toml", "text", f"要拆成 {sms_segments(words.text)} 条计费，缩短到 3 条以内")
    if "【" in body or "】" in body:
        yield LintProblem("sms.toml", "text", "正文里不能有【】，签名由服务商加上")
    soliciting = folder.definition.message_class in _SOLICITING
    if soliciting and not body.endswith(REFUSAL_LINE):
        yield LintProblem("sms.toml", "text", f"营销和问候短信要以“{REFUSAL_LINE}”结尾")
    if not soliciting and REFUSAL_LINE in body:
        yield LintProblem("sms.toml", "text", f"通知短信不能写“{REFUSAL_LINE}”")
    for name, value in words.params.items():
        if re.search(r"https?://|\w\.(com|cn|net)\b", value):
            yield LintProblem("sms.toml", name, "变量里不能有链接，链接要写死在模板里")


def _lint_wechat(words: WechatWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    if words.mode is WechatMode.TEMPLATE and folder.definition.message_class is not MessageClass.SERVICE:
        yield LintProblem("wechat.toml", "template", "模板消息只能发服务通知，营销和问候会被封号")
    if words.mode is not WechatMode.CUSTOM and not words.template_id:
        yield LintProblem("wechat.toml", f"{words.mode}.template_id", "要写上公众平台里的模板编号")
    if len(words.text.encode()) > 2048:
        yield LintProblem("wechat.toml", f"{words.mode}.text", "超过 2048 字节")
    for name, value in words.data.items():
        kind = name.rstrip("0123456789")
        if kind in WECHAT_LIMITS and value.endswith("…"):
            yield LintProblem("wechat.toml", name, f"样例超过 {WECHAT_LIMITS[kind]} 字，会被截断")


def _samples(folder: CampaignFolder) -> Iterator[tuple[str, Words]]:
    compiled = compiled_content(folder.files)
    if not folder.definition.channels:
        return
    given = {**_sample(folder.files, "_shared/sample.toml"), **_sample(folder.files, "sample.toml")}
    given |= {"links": _SAMPLE_LINKS}
    for intent in sorted(folder.definition.answers):
        yield f"answer.{intent}", render(compiled, folder.definition.channels[0], {**given, "intent": intent})
    if folder.definition.answers:
        return
    for channel in folder.definition.channels:
        for mode in sorted(compiled.wechat_modes) if channel is ChannelName.WECHAT else (None,):
            yield f"{channel}.{mode}" if mode else str(channel), render(compiled, channel, given, mode)


def _sample(files: Mapping[str, str], name: str) -> dict[str, Any]:
    """The facts the lint fills words with: the shared ones, then the folder's own on top."""
    return _toml(files.get(name, ""), name)


# ---- campaign.toml --------------------------------------------------------------------------------------------------


def _check(definition: Definition, files: Mapping[str, str]) -> None:
    for key, rule in (("segment", definition.segment), ("goal", definition.goal)):
        _try("campaign.toml", key, lambda rule=rule: parse_segment(rule) if rule else None)
    if not definition.answers:
        _try("campaign.toml", "schedule", lambda: parse_schedule(definition.schedule))
    if definition.action == "message" and not definition.channels:
        raise DefinitionError("campaign.toml", "channels", "至少要有一个渠道 (no channel)")
    for channel in definition.channels:
        if not definition.answers and _NEEDS[channel] not in files:
            raise DefinitionError("campaign.toml", "channels", f"{channel} 要有 {_NEEDS[channel]} (file missing)")


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


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, object]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise DefinitionError("campaign.toml", key, f"要写成 [{key}] 表 (a table is expected)")
    return value


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


def _answers(files: Mapping[str, str]) -> frozenset[Intent]:
    found = [name.removeprefix("answer.").removesuffix(".txt") for name in files if name.startswith("answer.")]
    for name in found:
        if name not in list(Intent):
            raise DefinitionError(f"answer.{name}.txt", "intent", f"没有 {name} 这种意思 (unknown intent)")
    return frozenset(Intent(name) for name in found)


@lru_cache(maxsize=64)
def _compiled(files: tuple[tuple[str, str], ...]) -> Compiled:
    return compile_content(dict(files))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise DefinitionError(path.name, "encoding", "要存成 UTF-8 (not UTF-8)") from exc


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise DefinitionError(file, "toml", str(exc)) from exc


def load_site(templates: Path) -> dict[str, str]:
    """templates/site.toml: who we are, as every message says it."""
    table = _toml(_read(templates / "site.toml"), "site.toml")
    for key in ("name", "sign_name", "url", "phone", "address"):
        if not isinstance(table.get(key), str):
            raise DefinitionError("site.toml", key, "要填 (missing)")
    return {str(key): str(value) for key, value in table.items()}

"""A campaign folder: its definition, its words, and what is wrong with them."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from campaigns.content import (
    REFUSAL_LINE,
    SMS_PARAM,
    SMS_SLOT,
    UNDEFINED,
    WECHAT_LIMITS,
    Compiled,
    compile_content,
    one_line,
    read_table,
    read_toml,
    render,
    sms_segments,
    unknown_names,
)
from campaigns.errors import DefinitionError, OutreachError
from campaigns.schedule import parse_schedule
from campaigns.segments import parse_segment
from campaigns.terms import ChannelName, Intent, MailWords, MessageClass, SmsWords, WechatMode, WechatWords, Words

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
    ]
)
_NEEDS = {
    ChannelName.EMAIL: ("email.txt", "email.mjml"),
    ChannelName.SMS: ("sms.toml",),
    ChannelName.WECHAT: ("wechat.toml",),
}
_SOLICITING = frozenset({MessageClass.MARKETING, MessageClass.GREETING})
_LONGEST_SMS = 500
_MOST_SEGMENTS = 3
_WECHAT_BYTES = 2048
_CLICK = re.compile(r"links\.click\s*\}\}(?:/(\w+))?")
_URL = re.compile(r"://|www\.|[\w-]\.(?:com|cn|net|org|cc|top|vip|xyz|info)\b", re.IGNORECASE | re.ASCII)
_HOST = re.compile(r"(?<![\w.-])(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE | re.ASCII)
_LANDLINE = re.compile(r"(?<!\d)(?:0\d{2,3}-?\d{7,8}|400-?\d{3}-?\d{4})(?!\d)", re.ASCII)
# The kinds of field in WeChat's template library; a field's name is its kind and a number.
_WECHAT_FIELD = re.compile(
    r"(thing|short_thing|character_string|number|time|date|amount|phone_number|const|phrase|name|letter|symbol)\d+",
    re.ASCII,
)
_SITE = "_shared/site.toml"  # under this name in a content version; on the disk one floor up
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
    if not path.is_dir():
        raise DefinitionError(path.name, "folder", "没有这个文件夹 (no such folder)")
    files = {one.name: _read(one) for one in _files_of(path)}
    files.pop("keywords.toml", None)  # of the intents, not of the words
    files |= {f"_shared/{one.name}": _read(one) for one in _files_of(path.parent / "_shared")}
    if (path.parent / "site.toml").is_file():
        files[_SITE] = _read(path.parent / "site.toml")
    digest = hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()
    return CampaignFolder(path.name, files, digest, parse_definition(files))


def parse_definition(files: Mapping[str, str]) -> Definition:
    """What campaign.toml says, checked against the other files. Raises DefinitionError(file, key, problem)."""
    return _parsed(tuple(sorted(files.items())))


@lru_cache(maxsize=64)  # every look at the running campaigns reads them all again
def _parsed(items: tuple[tuple[str, str], ...]) -> Definition:
    files = dict(items)
    if "campaign.toml" not in files:
        raise DefinitionError("campaign.toml", "file", "文件夹里没有 campaign.toml (file missing)")
    table = read_toml(files["campaign.toml"], "campaign.toml")
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
    )
    _check(definition, files)
    return definition


def load_site(templates: Path) -> dict[str, str]:
    """templates/site.toml: who we are, as every message says it."""
    table = read_toml(_read(templates / "site.toml"), "site.toml")
    for key in ("name", "sign_name", "url", "phone", "address"):
        if not isinstance(table.get(key), str):
            raise DefinitionError("site.toml", key, "要填 (missing)")
    return {str(key): str(value) for key, value in table.items()}


def compiled_content(files: Mapping[str, str]) -> Compiled:
    """The compiled form of a content version; the same files are compiled once."""
    return _compiled(tuple(sorted(files.items())))


def render_sample(folder: CampaignFolder) -> dict[str, Words]:
    """The words of every channel, filled with sample.toml's facts; of the answers as the first channel says them."""
    compiled = compiled_content(folder.files)
    found: dict[str, Words] = {}
    for way in _ways(folder, compiled):
        if way.name not in found:
            found[way.name] = way.words(compiled)
    return found


def lint_folder(folder: CampaignFolder) -> list[LintProblem]:
    """What must be mended before this may be sent. Empty: nothing."""
    try:
        compiled = compiled_content(folder.files)
        ways = list(_ways(folder, compiled))
    except DefinitionError as exc:
        return [_problem(exc)]
    problems = [*_lint_names(folder), *_lint_clicks(folder), *_lint_unused_files(folder), *_lint_sms_template(folder)]
    for way in ways:
        try:
            problems += _lint_words(way.words(compiled), folder)
        except DefinitionError as exc:
            problems.append(_problem(exc))
    return list(dict.fromkeys(problems))


def lint_together(folders: Sequence[CampaignFolder]) -> list[tuple[str, LintProblem]]:
    """(campaign, problem) of what is wrong between campaigns only: an SMS template that two of them fill."""
    users: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        if "sms.toml" in folder.files and (code := _sms_table(folder).get("template_code")):
            users[str(code)].append(folder.key)
    shared = {code: keys for code, keys in users.items() if len(keys) > 1}
    return [
        (key, LintProblem("sms.toml", "template_code", f"{code} 在{'、'.join(keys)}里都用了，各用各的 (shared)"))
        for code, keys in shared.items()
        for key in keys
    ]


# ---- lint -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    """One way the campaign's words can go out, with the sample's facts to fill them."""

    name: str
    channel: ChannelName
    given: Mapping[str, Any]
    mode: WechatMode | None = None

    def words(self, compiled: Compiled) -> Words:
        return render(compiled, self.channel, self.given, self.mode)


def _ways(folder: CampaignFolder, compiled: Compiled) -> Iterator[_Way]:
    given = _sample(folder.files)
    for channel in folder.definition.channels:
        if folder.definition.answers:
            for intent in sorted(folder.definition.answers):
                yield _Way(f"answer.{intent}", channel, {**given, "intent": intent})
        elif channel is ChannelName.WECHAT:
            for mode in sorted(compiled.wechat_modes):
                yield _Way(f"{channel}.{mode}", channel, given, mode)
        else:
            yield _Way(str(channel), channel, given)


def _sample(files: Mapping[str, str]) -> dict[str, Any]:
    """The facts the lint fills words with: the shared ones, then the folder's own on top."""
    names = ("_shared/sample.toml", "sample.toml")
    shared, own = (read_toml(files.get(name, ""), name) for name in names)
    site = {"site": read_toml(files[_SITE], _SITE)} if _SITE in files else {}
    return {**_over(shared, own), **site, "links": _SAMPLE_LINKS}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Table by table: a sample that names one fact leaves its neighbours as they are."""
    return {**below} | {
        key: _over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }


def _problem(exc: DefinitionError) -> LintProblem:
    return LintProblem(exc.file, exc.key, exc.problem)


def _lint_words(words: Words, folder: CampaignFolder) -> Iterator[LintProblem]:
    match words:
        case MailWords():
            yield from _lint_mail(words, folder)
        case SmsWords():
            yield from _lint_sms(words, folder)
        case WechatWords():
            yield from _lint_wechat(words, folder)


def _lint_mail(words: MailWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    if not words.subject:
        yield LintProblem("email.txt", "Subject", "主题是空的，写一句说明来意 (empty subject)")
    marketing = folder.definition.message_class is MessageClass.MARKETING
    if marketing and "广告" not in words.subject:
        yield LintProblem("email.txt", "Subject", "营销邮件的主题要有“广告”两字，如：（广告）… (no 广告)")
    if folder.definition.message_class not in _SOLICITING:
        return
    site = _sample(folder.files).get("site", {})
    for file, body in (("email.txt", words.text), ("email.mjml", words.html)):
        if _SAMPLE_LINKS["unsubscribe"] not in body:
            yield LintProblem(
                file, "links.unsubscribe", "正文里要有退订链接 {{ links.unsubscribe }} (no way to refuse)"
            )
        for key in ("name", "phone", "address"):
            if str(site.get(key, "")) not in body:
                yield LintProblem(file, f"site.{key}", f"正文里要写明是谁发的：{{{{ site.{key} }}}} (sender not named)")


def _lint_sms(words: SmsWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    body = words.text.partition("】")[2]
    if not words.template_code:
        yield LintProblem("sms.toml", "template_code", "要写上短信服务商审核通过的模板编号 (missing)")
    if len(words.text) > _LONGEST_SMS:
        yield LintProblem("sms.toml", "text", f"连签名有{len(words.text)}字，最多{_LONGEST_SMS}字，缩短 (too long)")
    elif sms_segments(words.text) > _MOST_SEGMENTS:
        problem = f"要拆成{sms_segments(words.text)}条计费，缩短到{_MOST_SEGMENTS}条以内 (too long)"
        yield LintProblem("sms.toml", "text", problem)
    if "【" in body or "】" in body:
        yield LintProblem("sms.toml", "text", "正文里不能有【】，签名由服务商加上，删掉 (brackets)")
    soliciting = folder.definition.message_class in _SOLICITING
    if soliciting and not body.endswith(REFUSAL_LINE):
        yield LintProblem("sms.toml", "text", f"营销和问候短信要以“{REFUSAL_LINE}”结尾 (no opt-out line)")
    if not soliciting and REFUSAL_LINE in body:
        yield LintProblem("sms.toml", "text", f"通知短信不能写“{REFUSAL_LINE}”，删掉 (opt-out line)")
    for name, value in words.params.items():
        if _URL.search(value):
            yield LintProblem("sms.toml", name, "变量里不能有链接，链接要写死在 text 里 (link in a variable)")
        if len(value) == SMS_PARAM and value.endswith("…"):
            yield LintProblem("sms.toml", name, f"样例超过{SMS_PARAM}字，会被截断，换短一点的变量 (too long)")


def _lint_sms_template(folder: CampaignFolder) -> Iterator[LintProblem]:
    """What the provider refuses in the template itself."""
    if "sms.toml" not in folder.files:
        return
    table = _sms_table(folder)
    text = str(table.get("text", "")).strip()
    slots, fixed = SMS_SLOT.findall(text), SMS_SLOT.sub("", text)
    for name in table.get("params", {}):
        if name not in slots:
            yield LintProblem("sms.toml", name, f"text 里没有用到，删掉或写上 ${{{name}}} (unused)")
    if re.search(r"\}\s*\$\{", text):
        yield LintProblem("sms.toml", "text", "两个变量不能挨着，中间要有字 (adjacent variables)")
    if not fixed.strip():
        yield LintProblem("sms.toml", "text", "不能全是变量，也不能空着 (nothing but variables)")
    if any(mark in fixed for mark in ("${", "{{", "{%")):
        problem = "变量只能写成 ${名字}，名字用英文字母、数字和下划线，值写在 [params] 里 (not a variable)"
        yield LintProblem("sms.toml", "text", problem)
    yield from _lint_constants(fixed, _sample(folder.files).get("site", {}))


def _lint_constants(fixed: str, site: Mapping[str, Any]) -> Iterator[LintProblem]:
    """What the provider approved word by word cannot be filled from site.toml, so it has to agree with it."""
    phone, host = str(site.get("phone", "")), urlsplit(str(site.get("url", ""))).hostname or ""
    for found in _LANDLINE.findall(fixed):
        if phone and found.replace("-", "") != phone.replace("-", ""):
            yield LintProblem("sms.toml", "text", f"写的电话是{found}，site.toml 里是{phone} (another phone)")
    for found in _HOST.findall(fixed):
        if host and found.lower() != host:
            yield LintProblem("sms.toml", "text", f"写的网址是 {found}，site.toml 里是 {host} (another site)")


def _sms_table(folder: CampaignFolder) -> Mapping[str, Any]:
    return read_toml(folder.files["sms.toml"], "sms.toml")


def _lint_wechat(words: WechatWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    soliciting = folder.definition.message_class in _SOLICITING
    if words.mode is WechatMode.TEMPLATE and folder.definition.message_class is not MessageClass.SERVICE:
        yield LintProblem("wechat.toml", "template", "模板消息只能发服务通知，营销和问候会被封号，删掉 [template]")
    if words.mode is not WechatMode.CUSTOM and not words.template_id:
        yield LintProblem("wechat.toml", f"{words.mode}.template_id", "要写上公众平台里的模板编号 (missing)")
    if words.mode is WechatMode.CUSTOM and soliciting and "退订" not in words.text:
        yield LintProblem("wechat.toml", "custom.text", "要说怎么拒收，如：不想再收到就回“退订” (no way to refuse)")
    if len(words.text.encode()) > _WECHAT_BYTES:
        yield LintProblem("wechat.toml", f"{words.mode}.text", f"超过{_WECHAT_BYTES}字节，缩短 (too long)")
    for name, value in words.data.items():
        if not _WECHAT_FIELD.fullmatch(name):
            yield LintProblem("wechat.toml", name, "字段名是种类加数字，如 thing1、number2 (unknown kind)")
        if not value:
            yield LintProblem("wechat.toml", name, "样例填出来是空的，微信不收 (empty)")
        limit = WECHAT_LIMITS.get(name.rstrip("0123456789"))
        if limit is not None and len(value) == limit and value.endswith("…"):
            yield LintProblem("wechat.toml", name, f"样例超过{limit}字，会被截断，写短一点 (too long)")


def _lint_names(folder: CampaignFolder) -> Iterator[LintProblem]:
    for file, name in unknown_names(folder.files, _sample(folder.files)):
        yield LintProblem(file, name, UNDEFINED)


def _lint_clicks(folder: CampaignFolder) -> Iterator[LintProblem]:
    for file, text in folder.files.items():
        for name in _CLICK.findall(text):
            if not name:
                yield LintProblem(file, "links.click", "后面写上 /名字，名字在 campaign.toml 的 [links] 里 (no target)")
            elif name not in folder.definition.links:
                yield LintProblem(file, f"links.click/{name}", "campaign.toml 的 [links] 里没有它 (unknown link)")


def _lint_unused_files(folder: CampaignFolder) -> Iterator[LintProblem]:
    for channel, files in _NEEDS.items():
        if channel not in folder.definition.channels and files[0] in folder.files:
            yield LintProblem(files[0], "channels", f"channels 里没有 {channel}，写上它或删掉这个文件 (never sent)")


# ---- campaign.toml --------------------------------------------------------------------------------------------------


def _check(definition: Definition, files: Mapping[str, str]) -> None:
    for key, rule in (("segment", definition.segment), ("goal", definition.goal)):
        _try("campaign.toml", key, lambda rule=rule: parse_segment(rule) if rule else None)
    if not definition.answers:
        _try("campaign.toml", "schedule", lambda: parse_schedule(definition.schedule))
    if definition.action == "message" and not definition.channels:
        raise DefinitionError("campaign.toml", "channels", "至少要有一个渠道 (no channel)")
    for channel in definition.channels:
        for file in _NEEDS[channel]:
            if file not in files and not (definition.answers and channel is ChannelName.WECHAT):
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


def _answers(files: Mapping[str, str]) -> frozenset[Intent]:
    found = [name.removeprefix("answer.").removesuffix(".txt") for name in files if name.startswith("answer.")]
    for name in found:
        if name not in list(Intent):
            raise DefinitionError(f"answer.{name}.txt", "intent", f"没有 {name} 这种意思 (unknown intent)")
    return frozenset(Intent(name) for name in found)


@lru_cache(maxsize=64)
def _compiled(files: tuple[tuple[str, str], ...]) -> Compiled:
    return compile_content(dict(files))


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [one for one in sorted(folder.iterdir()) if one.suffix in (".toml", ".mjml", ".txt") and one.is_file()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except UnicodeDecodeError as exc:
        raise DefinitionError(path.name, "encoding", "要存成 UTF-8 (not UTF-8)") from exc

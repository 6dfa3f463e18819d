"""What is wrong with a campaign's words: what no law, no provider and no reader should meet."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from campaigns.content import (
    REFUSAL_LINE,
    SMS_PARAM,
    SMS_SLOT,
    UNDEFINED,
    read_toml,
    sms_segments,
    unknown_names,
)
from campaigns.errors import DefinitionError
from campaigns.folders.definition import NEEDS
from campaigns.folders.reading import CampaignFolder, compiled_content
from campaigns.folders.samples import SAMPLE_LINKS, sample_facts, sample_ways
from campaigns.folders.wechat_words import wechat_problems
from campaigns.terms import (
    MailWords,
    MessageClass,
    SmsProvider,
    SmsTemplate,
    SmsWords,
    WechatWords,
    WecomWords,
    Words,
)

_SOLICITING = frozenset({MessageClass.MARKETING, MessageClass.GREETING})
_LONGEST_SMS = 500
_MOST_SEGMENTS = 3
_WECOM_BYTES, _WECOM_TITLE_BYTES = 4000, 128
_CLICK = re.compile(r"links\.click\s*\}\}(?:/(\w+))?")
_URL = re.compile(r"://|www\.|[\w-]\.(?:com|cn|net|org|cc|top|vip|xyz|info)\b", re.IGNORECASE | re.ASCII)
_HOST = re.compile(r"(?<![\w.-])(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE | re.ASCII)
_LANDLINE = re.compile(r"(?<!\d)(?:0\d{2,3}-?\d{7,8}|400-?\d{3}-?\d{4})(?!\d)", re.ASCII)
_TENCENT_ID = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LintProblem:
    """One thing to mend: where, and how."""

    file: str
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}：{self.key}：{self.problem}"


def lint_folder(folder: CampaignFolder) -> list[LintProblem]:
    """What must be mended before this may be sent. Empty: nothing."""
    try:
        compiled = compiled_content(folder.files)
        ways = list(sample_ways(folder, compiled))
    except DefinitionError as exc:
        return [_problem(exc)]
    problems = [*_lint_names(folder), *_lint_clicks(folder), *_lint_unused_files(folder), *_lint_sms_template(folder)]
    for way in ways:
        try:
            problems += _lint_words(way.words(compiled), folder)
        except DefinitionError as exc:
            problems.append(_problem(exc))
    return list(dict.fromkeys(problems))


def lint_together(sms: Mapping[str, str]) -> list[tuple[str, LintProblem]]:
    """(campaign, problem) of what is wrong between campaigns only: an SMS template that two of them fill.

    `sms`: campaign → its sms.toml; one that cannot be read, and that is not there, clashes with none.
    """
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, text in sms.items():
        for named in _sms_codes(text):
            users[named].append(key)
    shared = {named: keys for named, keys in users.items() if len(keys) > 1}
    return [
        (key, LintProblem("sms.toml", where, f"{code} 在{'、'.join(keys)}里都用了，各用各的 (shared)"))
        for (where, code), keys in shared.items()
        for key in keys
    ]


def _sms_codes(text: str) -> Iterator[tuple[str, str]]:
    """Where a template is named, and its code."""
    try:
        table = read_toml(text, "sms.toml")
    except DefinitionError:  # its own page says so
        return
    for where, value in (("template_code", table), *((one, table.get(one)) for one in SmsProvider)):
        key = "template_code" if where == "template_code" else "template_id"
        if isinstance(value, dict) and (code := value.get(key)):
            yield where if where == key else f"{where}.{key}", str(code)


def _problem(exc: DefinitionError) -> LintProblem:
    return LintProblem(exc.file, exc.key, exc.problem)


def _lint_words(words: Words, folder: CampaignFolder) -> Iterator[LintProblem]:
    match words:
        case MailWords():
            yield from _lint_mail(words, folder)
        case SmsWords():
            yield from _lint_sms(words, folder)
        case WechatWords():
            found = wechat_problems(words, folder.definition.message_class)
            yield from (LintProblem("wechat.toml", key, problem) for key, problem in found)
        case WecomWords() if not folder.definition.answers:
            yield from _lint_wecom(words, folder)


def _lint_mail(words: MailWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    if not words.subject:
        yield LintProblem("email.txt", "Subject", "主题是空的，写一句说明来意 (empty subject)")
    marketing = folder.definition.message_class is MessageClass.MARKETING
    if marketing and "广告" not in words.subject:
        yield LintProblem("email.txt", "Subject", "营销邮件的主题要有“广告”两字，如：（广告）… (no 广告)")
    if folder.definition.message_class not in _SOLICITING:
        return
    site = sample_facts(folder.files).get("site", {})
    for file, body in (("email.txt", words.text), ("email.mjml", words.html)):
        if SAMPLE_LINKS["unsubscribe"] not in body:
            yield LintProblem(
                file, "links.unsubscribe", "正文里要有退订链接 {{ links.unsubscribe }} (no way to refuse)"
            )
        for key in ("name", "phone", "address"):
            if str(site.get(key, "")) not in body:
                yield LintProblem(file, f"site.{key}", f"正文里要写明是谁发的：{{{{ site.{key} }}}} (sender not named)")


def _lint_sms(words: SmsWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    body = words.text.partition("】")[2]
    if not words.template_code and not words.templates:
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
    yield from _lint_constants(fixed, sample_facts(folder.files).get("site", {}))
    for provider, template in _sms_templates(folder).items():
        yield from _lint_elsewhere(provider, template, slots)


def _lint_elsewhere(provider: SmsProvider, template: SmsTemplate, slots: Sequence[str]) -> Iterator[LintProblem]:
    """A template of a provider that numbers its variables: {1}, {2} … in the order of `params`."""
    if not template.code:
        yield LintProblem("sms.toml", f"{provider}.template_id", "要写上它审核通过的模板编号 (missing)")
    elif provider is SmsProvider.TENCENT and not _TENCENT_ID.fullmatch(template.code):
        yield LintProblem("sms.toml", "tencent.template_id", f"{template.code} 不是编号，只有数字 (digits only)")
    by_name = provider is SmsProvider.GENERIC and not template.order  # a gateway may take the words as they stand
    for name in dict.fromkeys(slots if not by_name else ()):
        if name not in template.order:
            problem = f"text 里用了 ${{{name}}}，顺序里没有，照 {{1}}{{2}}… 的次序写全 (missing in the order)"
            yield LintProblem("sms.toml", f"{provider}.params", problem)
    for name in template.order:
        if name not in slots:
            yield LintProblem("sms.toml", f"{provider}.params", f"text 里没有用到 {name}，删掉 (unused)")
    if len(set(template.order)) < len(template.order):
        yield LintProblem("sms.toml", f"{provider}.params", "一个名字只写一次 (named twice)")


def _lint_constants(fixed: str, site: Mapping[str, Any]) -> Iterator[LintProblem]:
    """What the provider approved word by word cannot be filled from site.toml, so it has to agree with it."""
    phone, host = str(site.get("phone", "")), urlsplit(str(site.get("url", ""))).hostname or ""
    for found in _LANDLINE.findall(fixed):
        if phone and found.replace("-", "") != phone.replace("-", ""):
            yield LintProblem("sms.toml", "text", f"写的电话是{found}，site.toml 里是{phone} (another phone)")
    for found in _HOST.findall(fixed):
        if host and found.lower() != host:
            yield LintProblem("sms.toml", "text", f"写的网址是 {found}，site.toml 里是 {host} (another site)")


def _sms_templates(folder: CampaignFolder) -> Mapping[SmsProvider, SmsTemplate]:
    sms = compiled_content(folder.files).sms
    return sms.templates if sms else {}


def _sms_table(folder: CampaignFolder) -> Mapping[str, Any]:
    return read_toml(folder.files["sms.toml"], "sms.toml")


def _lint_wecom(words: WecomWords, folder: CampaignFolder) -> Iterator[LintProblem]:
    if not words.text:
        yield LintProblem("wecom.toml", "text", "空着，写上要请同事群发的话 (empty)")
    if len(words.text.encode()) > _WECOM_BYTES:
        yield LintProblem("wecom.toml", "text", f"超过{_WECOM_BYTES}字节，缩短 (too long)")
    if folder.definition.message_class in _SOLICITING and "退订" not in words.text:
        yield LintProblem("wecom.toml", "text", "要说怎么拒收，如：不想再收到就回“退订” (no way to refuse)")
    if words.link and not words.link.startswith(("https://", "http://")):
        yield LintProblem("wecom.toml", "link", "要写完整的网址，以 https:// 开头 (not a web address)")
    if len(words.link_title.encode()) > _WECOM_TITLE_BYTES:
        yield LintProblem("wecom.toml", "link_title", f"超过{_WECOM_TITLE_BYTES}字节，缩短 (too long)")


def _lint_names(folder: CampaignFolder) -> Iterator[LintProblem]:
    for file, name in unknown_names(folder.files, sample_facts(folder.files)):
        yield LintProblem(file, name, UNDEFINED)


def _lint_clicks(folder: CampaignFolder) -> Iterator[LintProblem]:
    for file, text in folder.files.items():
        for name in _CLICK.findall(text):
            if not name:
                yield LintProblem(file, "links.click", "后面写上 /名字，名字在 campaign.toml 的 [links] 里 (no target)")
            elif name not in folder.definition.links:
                yield LintProblem(file, f"links.click/{name}", "campaign.toml 的 [links] 里没有它 (unknown link)")


def _lint_unused_files(folder: CampaignFolder) -> Iterator[LintProblem]:
    for channel, files in NEEDS.items():
        if files and channel not in folder.definition.channels and files[0] in folder.files:
            yield LintProblem(files[0], "channels", f"channels 里没有 {channel}，写上它或删掉这个文件 (never sent)")

"""How the words of a draft look to who gets them, and what is wrong with them: by channel, each for itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot import wording
from bot.console.making.editing import Field, field_at_fault, fields_of, own_files
from bot.console.making.frame import Draft
from bot.language import say
from campaigns.content import render, sms_segments
from campaigns.errors import DefinitionError, OutreachError
from campaigns.folders import CampaignFolder, LintProblem, compiled_content, folder_of, lint_folder
from campaigns.folders.samples import sample_facts
from campaigns.folders.writing import write_definition
from campaigns.terms import ChannelName, MailWords, MessageClass, SmsWords, WechatMode, WechatWords, Words

_MOST_SHOWN = 5_000  # letters
_SINGLE = 70
_WHY = {
    "no opt-out line": "不写这一句，营销短信违法，服务商也不收",
    "opt-out line": "服务类短信带这一句，服务商会退回",
    "no 广告": "法规要求营销邮件在主题里标明",
    "no way to refuse": "收信人要有办法不再收",
    "sender not named": "法规要求写明发件人是谁",
    "brackets": "服务商把【】当签名",
    "unused": "模板送审时变量对不上",
    "missing in the order": "少了的变量会是空的",
    "too long": "超出的部分会被截断或拒收",
    "another phone": "送审时按这里的写，客户打的是另一个",
    "another site": "客户会点到别的网站",
}
MENDS = {
    "no opt-out line": "加上这一句",
    "opt-out line": "删掉这一句",
    "no 广告": "加上“（广告）”",
    "no way to refuse": "加上这一句",
    "sender not named": "加上页脚",
    "brackets": "删掉【】",
    "unused": "删掉它",
    "missing in the order": "照正文排好",
}
_NO_MEND = frozenset({("email.mjml", "no way to refuse"), ("email.mjml", "sender not named")})


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of the lint. `mend`: what the button does, named as the problem; `said` its label."""

    level: str  # bad, warn
    problem: str
    why: str = ""
    mend: str = ""
    said: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One channel. `way` of WeChat which kind. `html`: the mail has a layout."""

    channel: ChannelName
    label: str
    used: bool
    state: str
    remarks: Sequence[Remark]
    words: Sequence[tuple[str, Words]]
    gauge: Mapping[str, str]

    @property
    def bad(self) -> int:
        return sum(one.level == "bad" for one in self.remarks)


@dataclass(frozen=True, slots=True)
class Person:
    """For whom it is shown; `given` None: the sample's facts."""

    no: str
    label: str
    contact: str
    given: Mapping[str, Any] | None


def one_channel(draft: Draft, files: Mapping[str, str], channel: ChannelName) -> CampaignFolder:
    """The draft as a campaign of this channel alone, whatever else is wrong with it. Raises DefinitionError."""
    others = {file for one in ChannelName if one is not channel and one in _WRITTEN for file in own_files(one)}
    table = {
        "title": str(draft.table.get("title", draft.key)),
        "class": _class(draft),
        "channels": [str(channel)],
        "by_hand": True,  # no date is asked for
        "links": draft.table.get("links", {}),
    }
    own = {name: text for name, text in files.items() if name not in others}
    return folder_of(draft.key, {**own, "campaign.toml": write_definition(table)})


_WRITTEN = (ChannelName.WECHAT, ChannelName.SMS, ChannelName.EMAIL, ChannelName.WECOM)


def _class(draft: Draft) -> str:
    given = draft.table.get("class")
    return str(given) if given in list(MessageClass) else str(MessageClass.SERVICE)


def looks(
    draft: Draft, files: Mapping[str, str], used: Sequence[ChannelName], person: Person, yuan: Decimal
) -> list[Look]:
    """Every channel there can be words for."""
    return [_look(draft, files, channel, channel in used, person, yuan) for channel in _WRITTEN]


def _look(
    draft: Draft, files: Mapping[str, str], channel: ChannelName, used: bool, person: Person, yuan: Decimal
) -> Look:
    label = wording.channel_words(channel)
    if not used:
        return Look(channel, label, False, say("没有用"), (), (), {})
    words: list[tuple[str, Words]] = []
    problems: list[LintProblem] = []
    refused: list[Remark] = []
    try:
        folder = one_channel(draft, files, channel)
        problems += lint_folder(folder)
        words, refused = _filled(folder, channel, person)
    except DefinitionError as exc:
        problems.append(LintProblem(exc.file, exc.key, exc.problem))
    except OutreachError as exc:
        problems.append(LintProblem("", "", str(exc)))
    boxes = boxes_of(files, channel)
    remarks = [_remark(one, boxes) for one in dict.fromkeys(problems)]
    gauge, advice = _measured(words, yuan)
    bad = len(remarks)
    state = say("{n}处必改").format(n=bad) if bad else say("无问题")
    return Look(channel, label, True, state, [*remarks, *refused, *advice], words, gauge)


def _filled(
    folder: CampaignFolder, channel: ChannelName, person: Person
) -> tuple[list[tuple[str, Words]], list[Remark]]:
    """What cannot be filled for one member is no fault of the words: that one is not written to."""
    try:
        return fill(folder, channel, person), []
    except DefinitionError as exc:
        if person.given is None:
            raise
        why = say("{what}：{why}").format(what=exc.key, why=wording.fault_words(exc.problem))
        return [], [Remark("warn", say("{name}填不出来，不会发").format(name=person.label), why)]


def fill(folder: CampaignFolder, channel: ChannelName, person: Person) -> list[tuple[str, Words]]:
    """The exact words, as the sender fills them: (kind of WeChat message, words). Raises DefinitionError."""
    compiled = compiled_content(folder.files)
    given = {**sample_facts(folder.files), **(person.given or {})}
    if channel is not ChannelName.WECHAT:
        return [("", render(compiled, channel, given))]
    modes = [mode for mode in WechatMode if mode in compiled.wechat]
    return [(str(mode), render(compiled, channel, given, mode)) for mode in modes]


def text_of(words: Words) -> str:
    return words.text[:_MOST_SHOWN]


def subject_of(words: Words) -> str:
    return words.subject if isinstance(words, MailWords) else ""


def notice_of(words: Words) -> bool:
    return isinstance(words, WechatWords) and words.mode in (WechatMode.TEMPLATE, WechatMode.SUBSCRIBE)


def boxes_of(files: Mapping[str, str], channel: ChannelName) -> list[Field]:
    """None where the channel's file cannot be read."""
    try:
        return fields_of(files, channel)
    except DefinitionError:
        return []


def _remark(found: LintProblem, boxes: Sequence[Field]) -> Remark:
    problem, _, rest = found.problem.rpartition(" (")
    tag = rest.removesuffix(")") if problem else ""
    where = found.key if found.key not in ("text", "Subject", "template") else ""
    why = wording.fault_words(found.problem)
    said = say("{what}：{why}").format(what=where, why=why) if where else why
    mend = tag if tag in MENDS and (found.file, tag) not in _NO_MEND else ""
    return Remark(
        "bad",
        said,
        say(_WHY[tag]) if tag in _WHY else "",
        mend,
        say(MENDS[mend]) if mend else "",
        field_at_fault(DefinitionError(found.file, found.key, found.problem), boxes),
    )


def _measured(words: Sequence[tuple[str, Words]], yuan: Decimal) -> tuple[Mapping[str, str], list[Remark]]:
    found = next((one for _, one in words if isinstance(one, SmsWords)), None)
    if found is None:
        return {}, []
    length, parts = len(found.text), sms_segments(found.text)
    gauge = {
        "length": say("{n}字").format(n=length),
        "parts": say("{n}条").format(n=parts),
        "yuan": say("每家{n}元").format(n=f"{yuan * parts:f}"),
        "level": "warn" if parts > 1 else "",
    }
    if parts == 1:
        return gauge, []
    saved = f"{yuan * (parts - 1):f}"
    over = say("超过{most}字，按{n}条收费").format(most=_SINGLE, n=parts)
    why = say("删掉{over}字，每家省{yuan}元").format(over=length - _SINGLE, yuan=saved)
    return gauge, [Remark("warn", over, why, field="sms/text")]

"""A content version from its files: whatever does not depend on who is written to is done here."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from campaigns.content.html import to_html
from campaigns.content.reads import NOT_WORDS, Path, Reads, reads
from campaigns.content.tables import check_keys, read_table, read_toml
from campaigns.content.texts import Text, Workshop
from campaigns.content.values import EXTRAS
from campaigns.content.wechat import Wechat, compile_wechat
from campaigns.errors import DefinitionError
from campaigns.terms import ChannelName, SmsProvider, SmsTemplate, WechatMode

MAIL_FRAME = "_shared/mail.mjml"
SMS_SLOT = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_BODY_MARK = "<!-- body -->"
_ELSEWHERE = tuple(one for one in SmsProvider if one is not SmsProvider.ALIYUN)
_SHARED = frozenset({"site", "festival", "written"})  # what is the same for all it is written to
_ANSWER = re.compile(r"answer\.([a-z_]+)\.txt")


@dataclass(frozen=True, slots=True)
class Mail:
    subject: Text
    text: Text
    html: Text
    thread: Text | None = None  # of a person's own mail: the Message-IDs it follows


@dataclass(frozen=True, slots=True)
class Sms:
    template_code: str
    text: str
    params: Mapping[str, Text]
    templates: Mapping[SmsProvider, SmsTemplate] = field(default_factory=dict)  # of those beside Aliyun


@dataclass(frozen=True, slots=True)
class Answer:
    """The same words twice: what is a link differs."""

    mail: Text
    wechat: Text


@dataclass(frozen=True, slots=True)
class Wecom:
    """What staff send to all their customers, word by word the same."""

    text: Text
    link: Text
    link_title: Text


_INTENT: Reads = {"intent": None}  # of what nobody wrote words for, to say so


class Way(NamedTuple):
    """How words go out: of a campaign's by channel and WeChat mode, of the answers by channel and intent."""

    channel: ChannelName
    mode: WechatMode | None = None
    intent: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content version ready to be filled. `wants` names the extra variables its words use."""

    mail: Mail | None
    sms: Sms | None
    wechat: Mapping[WechatMode, Wechat]
    wecom: Wecom | None
    answers: Mapping[str, Answer]
    wants: frozenset[str]
    paths: Mapping[Way, frozenset[Path]]
    kept: Mapping[Way, Reads]  # the same as trees, without the links

    @property
    def wechat_modes(self) -> frozenset[WechatMode]:
        return frozenset(self.wechat) | ({WechatMode.CUSTOM} if self.answers else frozenset())

    @property
    def subscribe_template(self) -> str:
        way = self.wechat.get(WechatMode.SUBSCRIBE)
        return way.template_id if way else ""

    @property
    def unapproved(self) -> frozenset[ChannelName]:
        """Channels whose words no provider has approved yet: they name no template."""
        if self.sms is None or self.sms.template_code or any(one.code for one in self.sms.templates.values()):
            return frozenset()
        return frozenset({ChannelName.SMS})

    def kept_for(self, channel: ChannelName, mode: WechatMode | None = None, intent: str = "") -> Reads:
        """What `render` needs to say the same again later, but for `links`: those follow from the message's id."""
        return self.kept.get(Way(channel, intent=intent) if self.answers else Way(channel, mode), _INTENT)

    def variables_used(self, channel: ChannelName, mode: WechatMode | None = None) -> frozenset[str]:
        """`member.name`, `member.attr.园区`, `links.unsubscribe`; a name alone (`digest`) is all of that variable."""
        ways = [way for way in self.paths if (way.channel, way.mode) == (channel, None if self.answers else mode)]
        return frozenset(".".join(path) for way in ways for path in self.paths[way])


def compile_content(files: Mapping[str, str]) -> Compiled:
    """Raises DefinitionError naming the file that cannot be compiled."""
    words = Workshop(files)
    mail = _mail(files, words) if "email.txt" in files else None
    sms = _sms(files["sms.toml"], words) if "sms.toml" in files else None
    wechat = compile_wechat(files["wechat.toml"], words) if "wechat.toml" in files else {}
    wecom = _wecom(files["wecom.toml"], words) if "wecom.toml" in files else None
    answers = {match[1]: _answer(files, name, words) for name in files if (match := _ANSWER.fullmatch(name))}
    paths = dict(_answer_paths(mail, answers) if answers else _campaign_paths(mail, sms, wechat, wecom))
    return Compiled(
        mail=mail,
        sms=sms,
        wechat=wechat,
        wecom=wecom,
        answers=answers,
        wants=_wants(files),
        paths=paths,
        kept={way: reads(path for path in found if path[0] != "links") for way, found in paths.items()},
    )


def _wants(files: Mapping[str, str]) -> frozenset[str]:
    words = [text for name, text in files.items() if not NOT_WORDS.fullmatch(name)]
    return frozenset(name for name in EXTRAS if any(re.search(rf"\b{name}\b", text) for text in words))


def _mail(files: Mapping[str, str], words: Workshop) -> Mail:
    head, _, text = files["email.txt"].partition("\n\n")
    head, _, thread = head.partition("\nThread: ")
    if not head.startswith("Subject: "):
        raise DefinitionError("email.txt", "Subject", "第一行写“Subject: 主题”，再空一行 (subject line missing)")
    frame = files.get(MAIL_FRAME, "")
    if _BODY_MARK not in frame:
        raise DefinitionError(MAIL_FRAME, "body", f"信放在哪里，要用 {_BODY_MARK} 标出来 (no place for the body)")
    return Mail(
        subject=words.text(head.removeprefix("Subject: "), "email.txt"),
        text=words.text(text, "email.txt"),
        html=words.html(to_html(frame.replace(_BODY_MARK, files.get("email.mjml", ""))), "email.mjml"),
        thread=words.text(thread, "email.txt") if thread else None,
    )


def _sms(text: str, words: Workshop) -> Sms:
    table = read_toml(text, "sms.toml")
    check_keys(table, ("template_code", "text", "params", *_ELSEWHERE), "sms.toml")
    params = read_table(table, "params", "sms.toml")
    body = str(table.get("text", "")).strip()
    for slot in SMS_SLOT.findall(body):
        if slot not in params:
            raise DefinitionError("sms.toml", slot, f"text 里用了 ${{{slot}}}，[params] 里没有 (not in [params])")
    return Sms(
        template_code=str(table.get("template_code", "")),
        text=body,
        params={name: words.text(value, "sms.toml") for name, value in params.items()},
        templates={
            one: _sms_template(read_table(table, one, "sms.toml"), one, params) for one in _ELSEWHERE if one in table
        },
    )


def _sms_template(table: Mapping[str, Any], provider: SmsProvider, params: Mapping[str, Any]) -> SmsTemplate:
    check_keys(table, ("template_id", "params", "longest"), "sms.toml")
    order, longest = table.get("params", []), table.get("longest", 0)
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        raise DefinitionError(
            "sms.toml", f"{provider}.params", '写成名字的列表，如 ["company", "count"] (a list of names)'
        )
    for name in order:
        if name not in params:
            raise DefinitionError("sms.toml", f"{provider}.params", f"[params] 里没有 {name} (not in [params])")
    if isinstance(longest, bool) or not isinstance(longest, int) or longest < 0:
        raise DefinitionError("sms.toml", f"{provider}.longest", "写一个变量最多几个字，如 6 (a whole number)")
    return SmsTemplate(str(table.get("template_id", "")), tuple(order), longest)


def _wecom(text: str, words: Workshop) -> Wecom:
    table = read_toml(text, "wecom.toml")
    check_keys(table, ("text", "link", "link_title"), "wecom.toml")
    found = Wecom(
        words.text(table.get("text", ""), "wecom.toml"),
        words.text(table.get("link", ""), "wecom.toml"),
        words.text(table.get("link_title", ""), "wecom.toml"),
    )
    for path in sorted(_read_by([found.text, found.link, found.link_title])):
        if path[0] not in _SHARED:
            problem = (
                "群发对所有客户是同样的话，只能用 site 和 festival (the same words for all: nothing of one customer)"
            )
            raise DefinitionError("wecom.toml", ".".join(path), problem)
    return found


def _answer(files: Mapping[str, str], name: str, words: Workshop) -> Answer:
    return Answer(words.text(files[name], name), words.wechat(files[name], name))


def _campaign_paths(
    mail: Mail | None, sms: Sms | None, wechat: Mapping[WechatMode, Wechat], wecom: Wecom | None
) -> Iterator[tuple[Way, frozenset[Path]]]:
    if mail:
        yield Way(ChannelName.EMAIL), _read_by(_mail_texts(mail))
    if sms:
        yield Way(ChannelName.SMS), _read_by(sms.params.values()) | {("site", "sign_name")}
    for mode, way in wechat.items():
        yield Way(ChannelName.WECHAT, mode), _read_by(way.texts)
    if wecom:
        yield Way(ChannelName.WECOM), _read_by([wecom.text, wecom.link, wecom.link_title])


def _answer_paths(mail: Mail | None, answers: Mapping[str, Answer]) -> Iterator[tuple[Way, frozenset[Path]]]:
    for intent, answer in answers.items():
        for chat in (ChannelName.WECHAT, ChannelName.WECOM):
            yield Way(chat, intent=intent), _read_by([answer.wechat]) | {("intent",)}
        if mail:
            yield Way(ChannelName.EMAIL, intent=intent), _read_by([answer.mail, *_mail_texts(mail)]) | {("intent",)}


def _mail_texts(mail: Mail) -> tuple[Text, ...]:
    return mail.subject, mail.text, mail.html, *((mail.thread,) if mail.thread else ())


def _read_by(texts: Iterable[Text]) -> frozenset[Path]:
    return frozenset(path for text in texts for path in text.paths)

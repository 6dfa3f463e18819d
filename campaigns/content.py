"""Template folder + variables → exact words, per channel. Compiled once for each content version.

What a template may see are plain values (`variables`), never objects; a missing one is an error. Html is autoescaped;
subjects, text and SMS are not, for there is nothing to escape there, but a line break in a name never breaks a line.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import css_inline
import mrml
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import escape

from campaigns.errors import DefinitionError
from campaigns.terms import (
    SHANGHAI,
    ChannelName,
    ContactFacts,
    Facts,
    MailWords,
    SmsWords,
    WechatMode,
    WechatWords,
    Words,
)

MAIL_FRAME = "_shared/mail.mjml"
_BODY_MARK = "<!-- body -->"
_ANSWER = re.compile(r"answer\.([a-z_]+)\.txt")
_SMS_SLOT = re.compile(r"\$\{(\w+)\}")
REFUSAL_LINE = "拒收请回复R"
_SMS_PARAM = 35  # characters Aliyun takes in one variable
WECHAT_LIMITS = {"thing": 20, "short_thing": 5, "character_string": 32, "phone_number": 17}
EXTRAS = ("digest", "unread_postings", "festival")


@dataclass(frozen=True, slots=True)
class _Mail:
    subject: Template
    text: Template
    html: Template


@dataclass(frozen=True, slots=True)
class _Sms:
    template_code: str
    text: str
    params: Mapping[str, Template]
    refusal: bool


@dataclass(frozen=True, slots=True)
class _Wechat:
    """One of the three ways: custom text, or fields of a template."""

    text: Template
    url: Template
    template_id: str = ""
    data: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content version ready to be filled. `wants` names the extra variables its words use."""

    mail: _Mail | None
    sms: _Sms | None
    wechat: Mapping[WechatMode, _Wechat]
    answers: Mapping[str, Template]
    wants: frozenset[str]

    @property
    def wechat_modes(self) -> frozenset[WechatMode]:
        return frozenset(self.wechat) | ({WechatMode.CUSTOM} if self.answers else frozenset())

    @property
    def subscribe_template(self) -> str:
        way = self.wechat.get(WechatMode.SUBSCRIBE)
        return way.template_id if way else ""


def compile_content(files: Mapping[str, str]) -> Compiled:
    """Raises DefinitionError naming the file that cannot be compiled."""
    answers = {match[1]: name for name in files if (match := _ANSWER.fullmatch(name))}
    return Compiled(
        mail=_compile_mail(files) if "email.txt" in files else None,
        sms=_compile_sms(files["sms.toml"]) if "sms.toml" in files else None,
        wechat=_compile_wechat(files["wechat.toml"]) if "wechat.toml" in files else {},
        answers={intent: _template(files[name], name) for intent, name in answers.items()},
        wants=frozenset(name for name in EXTRAS if any(name in text for text in files.values())),
    )


def render(
    compiled: Compiled, channel: ChannelName, variables: Mapping[str, Any], wechat_mode: WechatMode | None = None
) -> Words:
    """The exact words for one person. Raises DefinitionError naming the channel and the variable that is missing."""
    try:
        if compiled.answers:
            return _render_answer(compiled, channel, variables)
        match channel:
            case ChannelName.EMAIL if compiled.mail:
                return _render_mail(compiled.mail, variables)
            case ChannelName.SMS if compiled.sms:
                return _render_sms(compiled.sms, variables)
            case ChannelName.WECHAT if wechat_mode in compiled.wechat:
                assert wechat_mode is not None
                return _render_wechat(compiled.wechat[wechat_mode], wechat_mode, variables)
    except TemplateError as exc:
        raise DefinitionError(channel, "variables", str(exc)) from exc
    raise DefinitionError(channel, wechat_mode or "words", "this campaign has no words for it")


def variables(
    facts: Facts,
    contact: ContactFacts,
    *,
    now: datetime,
    site: Mapping[str, str],
    links: Mapping[str, str],
    extra: Mapping[str, object],
) -> dict[str, object]:
    """What words may be filled with: plain values only, every text on one line."""
    today = now.astimezone(SHANGHAI).date()
    idle = facts.last_login_at or facts.registered_at or now
    waiting = now - facts.oldest_unread_at if facts.oldest_unread_at else timedelta()
    return {
        "member": {
            "no": facts.member_no,
            "name": one_line(facts.name),
            "city": one_line(facts.city),
            "trade": one_line(facts.trade),
            "tier": str(facts.tier),
            "owner": one_line(facts.owner),
            "plan": one_line(facts.plan),
            "plan_days_left": (facts.plan_expires_on - today).days if facts.plan_expires_on else None,
            "unread": facts.unread_resumes,
            "oldest_unread_days": waiting.days,
            "postings": facts.postings,
            "live_postings": facts.live_postings,
            "idle_days": max(0, (now - idle).days),
            "never_in": facts.last_login_at is None,
            "attr": {name: one_line(value) for name, value in facts.attrs.items()},
        },
        "contact": {"name": one_line(contact.name), "title": one_line(contact.title)},
        "site": dict(site),
        "links": dict(links),
        **extra,
    }


def one_line(text: str) -> str:
    """No name of anybody breaks a line, and so none makes a header."""
    return re.sub(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+", " ", text).strip()


def sms_segments(text: str) -> int:
    """Segments the carriers bill: 70 characters, then 67 each; the signature counts."""
    return 1 if len(text) <= 70 else -(-len(text) // 67)


# ---- compiling ----------------------------------------------------------------------------------------------------


def _compile_mail(files: Mapping[str, str]) -> _Mail:
    head, _, text = files["email.txt"].partition("\n\n")
    if not head.startswith("Subject: "):
        raise DefinitionError("email.txt", "Subject", "the first line must be `Subject: …`, then an empty line")
    body = files.get("email.mjml", "")
    frame = files.get(MAIL_FRAME, "")
    if _BODY_MARK not in frame:
        raise DefinitionError(MAIL_FRAME, "body", f"must hold {_BODY_MARK} where the mail goes")
    return _Mail(
        subject=_template(head.removeprefix("Subject: "), "email.txt"),
        text=_template(text, "email.txt"),
        html=_template(_to_html(frame.replace(_BODY_MARK, body)), "email.mjml", html=True),
    )


def _to_html(mjml: str) -> str:
    try:
        html = mrml.to_html(mjml).content
    except OSError as exc:
        raise DefinitionError("email.mjml", "mjml", f"cannot be read: {exc}") from exc
    return css_inline.inline(html, load_remote_stylesheets=False)


def _compile_sms(text: str) -> _Sms:
    table = _toml(text, "sms.toml")
    params = table.get("params", {})
    body = str(table.get("text", "")).strip()
    for slot in _SMS_SLOT.findall(body):
        if slot not in params:
            raise DefinitionError("sms.toml", slot, "is used in text but is not in [params]")
    return _Sms(
        template_code=str(table.get("template_code", "")),
        text=body,
        params={name: _template(str(value), "sms.toml") for name, value in params.items()},
        refusal=bool(table.get("refusal", False)),
    )


def _compile_wechat(text: str) -> dict[WechatMode, _Wechat]:
    table = _toml(text, "wechat.toml")
    found: dict[WechatMode, _Wechat] = {}
    for mode in WechatMode:
        if mode not in table:
            continue
        way = table[mode]
        data = {name: _template(str(value), "wechat.toml") for name, value in way.get("data", {}).items()}
        found[mode] = _Wechat(
            text=_template(str(way.get("text", "")), "wechat.toml"),
            url=_template(str(way.get("url", "")), "wechat.toml"),
            template_id=str(way.get("template_id", "")),
            data=data,
        )
    return found


def _template(source: str, file: str, *, html: bool = False) -> Template:
    try:
        return (_HTML if html else _TEXT).from_string(source)
    except TemplateError as exc:
        raise DefinitionError(file, "template", str(exc)) from exc


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise DefinitionError(file, "toml", str(exc)) from exc


# ---- filling ------------------------------------------------------------------------------------------------------


def _render_mail(mail: _Mail, variables: Mapping[str, Any]) -> MailWords:
    return MailWords(
        subject=one_line(mail.subject.render(variables)),
        text=mail.text.render(variables).strip() + "\n",
        html=mail.html.render(variables),
    )


def _render_sms(sms: _Sms, variables: Mapping[str, Any]) -> SmsWords:
    sign = str(variables["site"]["sign_name"])
    params = {name: one_line(template.render(variables))[:_SMS_PARAM] for name, template in sms.params.items()}
    filled = _SMS_SLOT.sub(lambda slot: params[slot[1]], sms.text)
    return SmsWords(
        template_code=sms.template_code,
        sign_name=sign,
        params=params,
        text=f"【{sign}】{filled}",
    )


def _render_wechat(way: _Wechat, mode: WechatMode, variables: Mapping[str, Any]) -> WechatWords:
    data = {name: _fit(name, one_line(template.render(variables))) for name, template in way.data.items()}
    text = way.text.render(variables).strip() or "\n".join(data.values())
    return WechatWords(
        mode=mode, text=text, url=way.url.render(variables).strip(), template_id=way.template_id, data=data
    )


def _render_answer(compiled: Compiled, channel: ChannelName, variables: Mapping[str, Any]) -> Words:
    intent = str(variables["intent"])
    if intent not in compiled.answers:
        raise DefinitionError(f"answer.{intent}.txt", "words", "there are no words for this intent")
    text = compiled.answers[intent].render(variables).strip()
    match channel:
        case ChannelName.WECHAT:
            return WechatWords(mode=WechatMode.CUSTOM, text=text)
        case ChannelName.EMAIL:
            paragraphs = "".join(f"<p>{escape(line)}</p>" for line in text.splitlines() if line.strip())
            return MailWords(
                f"回复：{variables['site']['name']}", text + "\n", f"<html><body>{paragraphs}</body></html>"
            )
        case ChannelName.SMS:
            raise DefinitionError("campaign.toml", "channels", "an SMS needs an approved template: answer by a person")


def _fit(name: str, value: str) -> str:
    """Cut to the limit of its kind (channels.md A3): a notice cut short beats one refused."""
    kind = name.rstrip("0123456789")
    limit = WECHAT_LIMITS.get(kind)
    return value if limit is None or len(value) <= limit else value[: limit - 1] + "…"


_HTML = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
_TEXT = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)

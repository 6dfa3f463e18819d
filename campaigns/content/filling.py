"""The exact words for one person from a compiled content version and the variables."""

from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.content.compiling import SMS_SLOT, Compiled, Mail, Sms, Wecom
from campaigns.content.expressions import Scope
from campaigns.content.texts import Text
from campaigns.content.values import cut, one_line, tidy
from campaigns.content.wechat import Filler, fill_wechat
from campaigns.errors import DefinitionError
from campaigns.terms import ChannelName, MailWords, SmsWords, WechatMode, WechatWords, WecomWords, Words

SMS_PARAM = 35  # characters Aliyun takes in one variable, and at least 1
_BRACKETS = str.maketrans("【】", "[]")  # the provider's mark of a signature: refused anywhere else


def render(
    compiled: Compiled, channel: ChannelName, variables: Mapping[str, Any], wechat_mode: WechatMode | None = None
) -> Words:
    """The exact words for one person. Raises DefinitionError naming the file and the variable that is missing."""
    return _render(Text.fill, compiled, channel, dict(variables), wechat_mode)


def render_slowly(
    compiled: Compiled, channel: ChannelName, variables: Mapping[str, Any], wechat_mode: WechatMode | None = None
) -> Words:
    """The same by the template engine alone: what `render` is measured by."""
    return _render(Text.fill_slowly, compiled, channel, dict(variables), wechat_mode)


def _render(
    fill: Filler, compiled: Compiled, channel: ChannelName, variables: Scope, wechat_mode: WechatMode | None
) -> Words:
    if compiled.answers:
        return _answer(fill, compiled, channel, variables)
    match channel:
        case ChannelName.EMAIL if compiled.mail:
            return _mail(fill, compiled.mail, variables)
        case ChannelName.SMS if compiled.sms:
            return _sms(fill, compiled.sms, variables)
        case ChannelName.WECHAT if wechat_mode and wechat_mode in compiled.wechat:
            return fill_wechat(fill, compiled.wechat[wechat_mode], wechat_mode, variables)
        case ChannelName.WECOM if compiled.wecom:
            return _wecom(fill, compiled.wecom, variables)
    raise DefinitionError("campaign.toml", "channels", f"没有写 {wechat_mode or channel} 的文字 (no words for it)")


def _mail(fill: Filler, mail: Mail, variables: Scope) -> MailWords:
    return MailWords(
        subject=one_line(fill(mail.subject, variables)),
        text=tidy(fill(mail.text, variables)) + "\n",
        html=fill(mail.html, variables),
        html_head=mail.html.head,
        thread=one_line(fill(mail.thread, variables)) if mail.thread else None,
    )


def _sms(fill: Filler, sms: Sms, variables: Scope) -> SmsWords:
    sign = variables["site"].get("sign_name")
    if not isinstance(sign, str):
        raise DefinitionError("site.toml", "sign_name", "要填短信签名 (missing)")
    params = dict(_sms_params(fill, sms, variables))
    filled = SMS_SLOT.sub(lambda slot: params[slot[1]], sms.text)
    return SmsWords(sms.template_code, sign, params, f"【{sign}】{filled}", sms.templates)


def _sms_params(fill: Filler, sms: Sms, variables: Scope) -> Iterator[tuple[str, str]]:
    for name, text in sms.params.items():
        value = cut(one_line(fill(text, variables)).translate(_BRACKETS), SMS_PARAM)
        if not value:
            raise DefinitionError("sms.toml", name, "变量填出来是空的，短信服务商不收 (empty)")
        yield name, value


def _wecom(fill: Filler, wecom: Wecom, variables: Scope) -> WecomWords:
    return WecomWords(
        tidy(fill(wecom.text, variables)),
        fill(wecom.link, variables).strip(),
        one_line(fill(wecom.link_title, variables)),
    )


def _answer(fill: Filler, compiled: Compiled, channel: ChannelName, variables: Scope) -> Words:
    """The words for `intent`; a mail sets them into the folder's email files as {{ answer }} or {{ answer_lines }}."""
    intent = str(variables["intent"])
    if intent not in compiled.answers:
        raise DefinitionError(f"answer.{intent}.txt", "words", "没有写对这种意思的回答 (no words for this intent)")
    answer = compiled.answers[intent]
    match channel:
        case ChannelName.WECHAT:
            return WechatWords(mode=WechatMode.CUSTOM, text=tidy(fill(answer.wechat, variables)))
        case ChannelName.WECOM:
            return WecomWords(tidy(fill(answer.wechat, variables)))
        case ChannelName.EMAIL if compiled.mail:
            text = tidy(fill(answer.mail, variables))
            return _mail(fill, compiled.mail, {**variables, "answer": text, "answer_lines": text.splitlines()})
    raise DefinitionError("campaign.toml", "channels", f"没有写 {channel} 的回答 (no words for it)")

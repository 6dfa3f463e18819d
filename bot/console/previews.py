"""A campaign's words with sample facts, in the shapes in which they reach a customer."""

import re
from dataclasses import dataclass

from bot import wording
from bot.language import say
from campaigns.content import sms_segments
from campaigns.errors import OutreachError
from campaigns.folders import CampaignFolder, render_sample
from campaigns.terms import MailWords, SmsWords, WechatMode, WecomWords, Words

_LINK = re.compile(r"<a\s[^<>]*>([^<>]*)</a>")


@dataclass(frozen=True, slots=True)
class Sample:
    """The words of one channel with sample facts. `kind` is mail, sms or wechat, a `notice` WeChat's card.

    `key` is the name `render_sample` gives it; `html` the mail's own, not cleaned.
    """

    key: str
    name: str
    kind: str
    text: str
    subject: str = ""
    html: str = ""
    note: str = ""
    notice: bool = False

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        return pieces_of(self.text)


def samples_of(folder: CampaignFolder | None) -> list[Sample]:
    """Every way the folder's words go out; none where they cannot be filled."""
    if folder is None:
        return []
    try:
        return [_sample(key, words) for key, words in render_sample(folder).items()]
    except OutreachError:
        return []


def pieces_of(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, and of each whether it is a link: WeChat shows of an <a> only what stands inside."""
    found, at = list[tuple[str, bool]](), 0
    for link in _LINK.finditer(text):
        found += [(text[at : link.start()], False), (link[1], True)]
        at = link.end()
    return [*found, (text[at:], False)]


def _sample(key: str, words: Words) -> Sample:
    name = _name(key)
    if isinstance(words, MailWords):
        return Sample(key, name, "mail", words.text, subject=words.subject, html=words.html)
    if isinstance(words, SmsWords):
        note = say("{n}字，计{parts}条").format(n=len(words.text), parts=sms_segments(words.text))
        return Sample(key, name, "sms", words.text, note=note)
    if isinstance(words, WecomWords):
        return Sample(key, name, "wechat", words.text)
    return Sample(key, name, "wechat", words.text, notice=words.mode is not WechatMode.CUSTOM)


def _name(key: str) -> str:
    """email, wechat.template, answer.stop → 邮件, 公众号（模板消息）, 退订."""
    head, _, rest = key.partition(".")
    if head == "answer":
        return say("对方说：{what}").format(what=wording.intent_words(rest))
    channel = wording.channel_words(head)
    return f"{channel}{say('（{what}）').format(what=wording.mode_words(rest))}" if rest else channel

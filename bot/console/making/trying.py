"""One message to oneself: the words as they stand, marked as a test where the words are ours to mark."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.requests import Request

from bot import wording
from bot.console.settings.channels import read_address, refusal_of, why_not_try
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import log
from bot.web.pages import masked
from campaigns.audit import Action
from campaigns.terms import ChannelName, MailWords, MessageClass, Outbound, WechatMode, Words

_LONGEST_ADDRESS = 200
_MARK = "【测试】"


async def try_on_oneself(
    request: Request, key: str, channel: ChannelName, typed: str, found: Sequence[tuple[str, Words]]
) -> tuple[str, Mapping[str, str]]:
    """(what was sent, why not by field: the channel's, the address's or "test"). Nothing of it stands in the outbox.

    WeChat takes the first kind of message that it lets through to this follower.
    """
    runtime: Runtime = request.app.state.runtime
    if channel not in runtime.channels or channel is ChannelName.WECOM:
        return "", {"test_channel": say("这个通道没有接，接好再试")}
    address = read_address(channel, typed.strip()[:_LONGEST_ADDRESS])
    if why := await why_not_try(channel, address):
        return "", {"test_to": why}
    single = [words for mode, words in found if mode != WechatMode.MASS]
    if not single:
        return "", {"test_channel": say("还没有写这个通道的话")}
    for words in single:
        outbound = Outbound(0, f"test-{secrets.token_hex(8)}", address, MessageClass.SERVICE, _marked(words))
        (result,) = await runtime.channels[channel].send([outbound])
        if result.accepted:
            break
    outcome = "accepted" if result.accepted else str(result.reaction)
    await log(request, Action.CAMPAIGN_TESTED, f"campaign/{key}", channel=channel, to=masked(address), outcome=outcome)
    if not result.accepted:
        return "", {"test": refusal_of(result)}
    sent = say("已发到{address}的{channel}").format(address=masked(address), channel=wording.channel_words(channel))
    return sent + (say("，演练环境，到的是演练手机") if channel in runtime.sandboxed else ""), {}


def _marked(words: Words) -> Words:
    """A template's words are the provider's, who takes no other ones."""
    return replace(words, subject=f"{_MARK}{words.subject}") if isinstance(words, MailWords) else words

"""What messages on the wire use up of a window or of accepted notices, and what of it comes back."""

from collections.abc import Collection, Sequence
from datetime import datetime

from bot.sender.filling import Ready
from bot.sender.settling import Back
from campaigns.members import reach
from campaigns.terms import ChannelName, Outbound, Reaction, WechatMode, WechatWords, WecomWords


def use_of(outbound: Outbound) -> reach.Use | None:
    """None where a message needs neither."""
    words = outbound.words
    if isinstance(words, WecomWords):
        return reach.Use(ChannelName.WECOM, outbound.address)
    if isinstance(words, WechatWords) and words.mode is WechatMode.CUSTOM:
        return reach.Use(ChannelName.WECHAT, outbound.address)
    if isinstance(words, WechatWords) and words.mode is WechatMode.SUBSCRIBE:
        return reach.Use(ChannelName.WECHAT, outbound.address, words.template_id)
    return None


class Purse:
    """What the messages of one drain have taken, until their answers are in."""

    def __init__(self) -> None:
        self._taken: dict[int, tuple[reach.Use, datetime | None]] = {}

    async def take(self, group: Sequence[Ready], back: Back, now: datetime) -> list[Ready]:
        """Those of a group that got what they need; in the transaction that marks them, and before it.

        What the answers in `back` say is not there after all is written down first.
        """
        wanted = {one.claimed.id: use for one in group if (use := use_of(one.outbound))}
        refused = [one.outbound for one, result in back.told if result.reaction is Reaction.CONSENT_USED]
        closed = [use for one in refused if (use := use_of(one))]
        got = await reach.spend(wanted, now, closed=closed) if wanted or closed else {}
        self._taken |= {one: (wanted[one], until) for one, until in got.items()}
        return [one for one in group if one.claimed.id not in wanted or one.claimed.id in got]

    async def give_back(self, messages: Collection[int]) -> None:
        """Nothing was sent for these. Lost where we die before it: a chance, no harm."""
        unused = [self._taken.pop(one) for one in messages if one in self._taken]
        if unused:
            await reach.give_back(unused)

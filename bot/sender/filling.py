"""Words for claimed messages, and the same words again from what the ledger kept."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from bot.channels.base import Channel
from bot.runtime import Runtime
from bot.tokens import without_links
from campaigns import outbox
from campaigns.content import Compiled, render
from campaigns.folders import compiled_content
from campaigns.outbox import Claimed, Sending
from campaigns.planner import Checked
from campaigns.terms import MessageClass, Outbound, WechatMode, Words

_LINKS_AT = "links"  # in what is kept, for the links themselves: the address they lead to
_UNSUBSCRIBABLE = frozenset({MessageClass.MARKETING, MessageClass.GREETING})


@dataclass(frozen=True, slots=True)
class Ready:
    """One message with its words, ready for the wire."""

    claimed: Claimed
    sending: Sending
    outbound: Outbound


def fill(runtime: Runtime, compiled: Compiled, one: Checked) -> Ready:
    """Raises DefinitionError where the words cannot be filled."""
    claimed = one.claimed
    links = runtime.links(claimed.id)
    variables = {**one.variables, "links": links}
    words = render(compiled, claimed.channel, variables, one.wechat_mode)
    return Ready(
        claimed,
        Sending(claimed.id, {**one.variables, _LINKS_AT: runtime.public_url}, one.wechat_mode or ""),
        Outbound(
            id=claimed.id,
            key=runtime.tokens.message_key(claimed.id),
            address=claimed.address,
            message_class=claimed.message_class,
            words=words,
            unsubscribe_url=links["unsubscribe"] if claimed.message_class in _UNSUBSCRIBABLE else "",
        ),
    )


def named(channel: Channel, group: Sequence[Ready]) -> list[Ready]:
    """The group under the names the provider will know it by; a name that several share is kept in the ledger."""
    names = channel.out_ids([ready.outbound for ready in group])
    return [
        ready
        if name == ready.outbound.key
        else Ready(ready.claimed, replace(ready.sending, provider_id=name), replace(ready.outbound, key=name))
        for ready, name in zip(group, names, strict=True)
    ]


async def refill(runtime: Runtime, claimed: Sequence[Claimed]) -> list[Ready]:
    """What was on the wire, as it was, from the facts that were kept."""
    words = await _sent_words(runtime, [one.id for one in claimed])
    return [
        Ready(
            one,
            Sending(one.id, {}),
            Outbound(one.id, _name(runtime, one), one.address, one.message_class, words[one.id]),
        )
        for one in claimed
        if one.id in words
    ]


def _name(runtime: Runtime, one: Claimed) -> str:
    """What it was last sent under. Of an unknown outcome no id of the provider's is known, so this is one of ours."""
    return one.provider_id or runtime.tokens.message_key(one.id)


async def show_words(runtime: Runtime, message_ids: Sequence[int]) -> dict[int, Words]:
    """The exact words of messages that went out, for colleagues to read: their links are dead."""
    return {key: _shown(words) for key, words in (await _sent_words(runtime, message_ids)).items()}


async def _sent_words(runtime: Runtime, message_ids: Sequence[int]) -> dict[int, Words]:
    """The exact words of messages that went out, filled again from what was kept."""
    found: dict[int, Words] = {}
    for sent in (await outbox.sent_words(message_ids)).values():
        if sent.facts is None:
            continue
        mode = WechatMode(sent.wechat_mode) if sent.wechat_mode else None
        variables = {**sent.facts, "links": runtime.links(sent.message_id, str(sent.facts.get(_LINKS_AT, "")))}
        found[sent.message_id] = render(compiled_content(sent.files), sent.channel, variables, mode)
    return found


def _shown(words: Words) -> Words:
    said = {one.name: getattr(words, one.name) for one in fields(words)}
    dead: dict[str, Any] = {name: without_links(text) for name, text in said.items() if isinstance(text, str)}
    return replace(words, **dead)

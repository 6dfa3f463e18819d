"""Mass sends: the same words to many followers in one call, known by a name of ours (clientmsgid).

The answer says that the call was submitted, and brings its number (msg_id); an event tells its end. There is no word
on one follower.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.channels.wechat_answers import result_of, sent_as
from bot.channels.wechat_api import Answer, as_json
from campaigns.terms import Outbound, Reaction, SendResult, WechatMode, WechatWords

MOST, LEAST = 10_000, 2
TOO_FEW = "fewer than two"
GET = "/cgi-bin/message/mass/get"
_CALL = "g-"  # no message's own key begins like this
_BYTES = 15  # the name has 32 characters then: 64 are documented, 36 were reported refused
_AGAIN_TOO_SOON, _BUSY = "45066", "-1"
_ENDED_BADLY = frozenset({"SEND_FAIL", "DELETE"})
# A no for one follower's sake says nothing about the others of the call, and not whose it was.
_ABOUT_ONE = frozenset({Reaction.SUPPRESS, Reaction.CONSENT_USED, Reaction.DEFER_RECIPIENT})


@dataclass(frozen=True, slots=True)
class MassCall:
    """Messages that go together, under the name they were given."""

    name: str
    messages: Sequence[Outbound]
    words: WechatWords

    @property
    def openids(self) -> list[str]:
        """Each once: who is the contact of two members reads it once."""
        return list(dict.fromkeys(message.address for message in self.messages))

    @property
    def body(self) -> bytes:
        words = self.words
        said: dict[str, object] = {"msgtype": "text", "text": {"content": words.text}}
        if words.media_id:
            said = {"msgtype": "mpnews", "mpnews": {"media_id": words.media_id}, "send_ignore_reprint": 0}
        return as_json({"touser": self.openids, **said, "clientmsgid": self.name})


def mass_words(outbound: Outbound) -> WechatWords | None:
    words = outbound.words
    return words if isinstance(words, WechatWords) and words.mode is WechatMode.MASS else None


def name_mass_calls(batch: Sequence[Outbound]) -> list[str]:
    """The name each message should go out under: one for up to 10,000 followers who are told the same.

    A name is not made twice. What is no mass send keeps its own key, and so does one whom nobody shares a call with.
    """
    names = [outbound.key for outbound in batch]
    calls: dict[tuple[str, str], list[list[int]]] = {}
    for place, outbound in enumerate(batch):
        if words := mass_words(outbound):
            alike = calls.setdefault((words.text, words.media_id), [[]])
            if len(alike[-1]) == MOST:
                alike.append([])
            alike[-1].append(place)
    for places in (places for alike in calls.values() for places in alike if len(places) > 1):
        name = f"{_CALL}{secrets.token_hex(_BYTES)}"
        for place in places:
            names[place] = name
    return names


def mass_calls(batch: Sequence[Outbound]) -> list[MassCall]:
    """The calls of a batch: messages of one name and the same words."""
    calls: dict[tuple[str, str, str], list[Outbound]] = {}
    for outbound in batch:
        if words := mass_words(outbound):
            calls.setdefault((outbound.key, words.text, words.media_id), []).append(outbound)
    return [MassCall(name, alike, words) for (name, _, _), alike in calls.items() if (words := mass_words(alike[0]))]


def submitted(call: MassCall, answer: Answer) -> SendResult:
    """What the answer means for all of the call. What may have been taken is asked about under its name."""
    told = result_of(call.messages[0], answer)
    if told.code in (_AGAIN_TOO_SOON, _BUSY):
        return replace(told, reaction=Reaction.UNKNOWN)
    if told.reaction in _ABOUT_ONE:
        return replace(told, reaction=Reaction.PAUSE_TEMPLATE)
    return told


def end_of(outbound: Outbound, answer: Answer) -> SendResult | None:
    """What mass/get says of a call; None where it does not know."""
    state = answer.text("msg_status")
    if answer.errcode != 0 or not state:
        return None
    if state.upper() in _ENDED_BADLY:
        return SendResult(outbound.id, Reaction.DROP, code=state.lower()[:64])
    return SendResult(outbound.id, provider_id=sent_as(answer.fields), code="0")


def for_all(call: MassCall, told: SendResult) -> list[SendResult]:
    return [replace(told, id=message.id) for message in call.messages]

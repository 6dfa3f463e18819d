"""What Tencent Cloud SMS is asked: which messages go together in one call, and the body of each call."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from campaigns.cells import parse_mobile
from campaigns.terms import Outbound, SmsProvider, SmsTemplate, SmsWords

PAGE = 100  # records in one answer
_MOST = 200  # numbers in one SendSms
_BATCH = "b-"  # no message's own key begins like this


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message that can go out; `number` in eleven digits."""

    outbound: Outbound
    number: str
    words: SmsWords
    template: SmsTemplate

    @property
    def kind(self) -> tuple[str, str, tuple[str, ...]]:
        """What all messages of one call have in common: the provider fills one set of values for all its numbers."""
        return self.template.code, self.words.sign_name, self.values

    @property
    def values(self) -> tuple[str, ...]:
        """Half a character becomes a question mark."""
        return tuple(self.words.params[name].encode("utf-8", "replace").decode() for name in self.template.order)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that sends, to one number or to many with the same words. Its SessionContext is `name`."""

    name: str
    messages: Sequence[Addressed]

    @property
    def template(self) -> str:
        return self.messages[0].template.code


def addressed(outbound: Outbound) -> Addressed | None:
    """None where the words have no template of this provider or the address is no mobile number."""
    number, words = parse_mobile(outbound.address), outbound.words
    template = words.template_at(SmsProvider.TENCENT) if isinstance(words, SmsWords) else None
    if not number or not template or not isinstance(words, SmsWords):
        return None
    return Addressed(outbound, number, words, template)


def name_calls(messages: Sequence[Addressed]) -> list[str]:
    """The SessionContext each message should go out under: one for all that can share a call, else its own key.

    A number comes once in a call, for a record names no more than SessionContext and number. The name of a batch is not
    made twice: it is the key of the first message and chance.
    """
    calls: dict[tuple[str, str, tuple[str, ...]], list[dict[str, int]]] = {}  # kind -> calls, number -> place
    for place, message in enumerate(messages):
        alike = calls.setdefault(message.kind, [{}])
        if len(alike[-1]) == _MOST:
            alike.append({})
        alike[-1].setdefault(message.number, place)
    names = [message.outbound.key for message in messages]
    for call in (call for alike in calls.values() for call in alike if len(call) > 1):
        places = list(call.values())
        name = f"{_BATCH}{names[places[0]]}-{secrets.token_hex(4)}"
        for place in places:
            names[place] = name
    return names


def is_batch(name: str) -> bool:
    return name.startswith(_BATCH)


def calls_of(messages: Sequence[Addressed]) -> list[Call]:
    """Messages that were given the same name go in one call."""
    calls: dict[tuple[str, tuple[str, str, tuple[str, ...]]], list[Addressed]] = {}
    for message in messages:
        calls.setdefault((message.outbound.key, message.kind), []).append(message)
    return [Call(name, alike) for (name, _), alike in calls.items()]


def sending(call: Call, sdk_app_id: str) -> bytes:
    template, sign, values = call.messages[0].kind
    return _json(
        {
            "PhoneNumberSet": [e164(message.number) for message in call.messages],
            "SmsSdkAppId": sdk_app_id,
            "TemplateId": template,
            "SignName": sign,
            "TemplateParamSet": list(values),
            "SessionContext": call.name,
        }
    )


def asking(number: str, sdk_app_id: str, since: datetime, until: datetime, page: int) -> bytes:
    return _json(
        {
            "BeginTime": int(since.timestamp()),
            "EndTime": int(until.timestamp()),
            "Offset": PAGE * page,
            "Limit": PAGE,
            "PhoneNumber": e164(number),
            "SmsSdkAppId": sdk_app_id,
        }
    )


def e164(number: str) -> str:
    return f"+86{number}"


def _json(value: Mapping[str, object]) -> bytes:
    return orjson.dumps(value)

"""What Tencent Cloud SMS is asked: which messages go together in one call, and the body of each call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from bot.channels.sms_calls import by_name
from campaigns.cells import parse_mobile
from campaigns.terms import Outbound, SmsProvider, SmsTemplate, SmsWords

PAGE = 100  # records in one answer
MOST = 200  # numbers in one SendSms


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


def calls_of(messages: Sequence[Addressed]) -> list[Call]:
    return [Call(name, alike) for name, alike in by_name(messages)]


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

"""What Aliyun SMS is asked: which messages go together in one call, and the parameters of each call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import orjson

from bot.channels.sms_calls import by_name
from campaigns.cells import parse_mobile
from campaigns.terms import Outbound, SmsWords

PAGE = 50  # records in one answer
MOST = 100  # numbers in one SendBatchSms


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message that can go out; `number` in eleven digits."""

    outbound: Outbound
    number: str
    words: SmsWords

    @property
    def kind(self) -> tuple[str, str]:
        """What all messages of one call have in common."""
        return self.words.template_code, self.words.sign_name


@dataclass(frozen=True, slots=True)
class Call:
    """One request that sends, to one number or to many. Its OutId and a number name one message."""

    out_id: str
    messages: Sequence[Addressed]

    @property
    def template(self) -> str:
        return self.messages[0].words.template_code


@dataclass(frozen=True, slots=True)
class Ask:
    """An action with its parameters; `form` is what the provider's own client puts into the body."""

    action: str
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)


def addressed(outbound: Outbound) -> Addressed | None:
    """None where the words are not an SMS's or the address is no mobile number."""
    number = parse_mobile(outbound.address)
    return Addressed(outbound, number, outbound.words) if number and isinstance(outbound.words, SmsWords) else None


def calls_of(messages: Sequence[Addressed]) -> list[Call]:
    return [Call(name, alike) for name, alike in by_name(messages)]


def sending(call: Call) -> Ask:
    if len(call.messages) > 1:
        return _sending_many(call)
    [message] = call.messages
    template, sign = message.kind
    return Ask(
        "SendSms",
        {
            "PhoneNumbers": message.number,
            "SignName": sign,
            "TemplateCode": template,
            "TemplateParam": _json(_values(message)),
            "OutId": call.out_id,
        },
    )


def asking(number: str, day: date, page: int) -> Ask:
    query = {"PhoneNumber": number, "SendDate": f"{day:%Y%m%d}", "PageSize": str(PAGE), "CurrentPage": str(page)}
    return Ask("QuerySendDetails", query)


def _sending_many(call: Call) -> Ask:
    template, sign = call.messages[0].kind
    return Ask(
        "SendBatchSms",
        {"TemplateCode": template, "OutId": call.out_id},
        {
            "PhoneNumberJson": _json([message.number for message in call.messages]),
            "SignNameJson": _json([sign] * len(call.messages)),
            "TemplateParamJson": _json([_values(message) for message in call.messages]),
        },
    )


def _values(message: Addressed) -> dict[str, str]:
    """A bare number among them is isv.INVALID_JSON_PARAM; half a character becomes a question mark."""
    return {name: str(value).encode("utf-8", "replace").decode() for name, value in message.words.params.items()}


def _json(value: object) -> str:
    return orjson.dumps(value).decode()

"""The calls Tencent Cloud SMS knows: actions, their parameters and types, the version, the regions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.listening import Received
from bot.sandbox.tencent_signature import Refused

VERSION = "2021-01-11"
REGIONS = ("ap-guangzhou", "ap-beijing", "ap-nanjing")
CONTENT_TYPE = "application/json"
LARGEST_BODY = 10_000_000


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of one action: names and types it must be given, and may. `list` is a list of strings."""

    must: Mapping[str, type]
    may: Mapping[str, type]


APP: dict[str, type] = {"SmsSdkAppId": str}
OF_ONE_NUMBER = Parameters({"BeginTime": int, "Offset": int, "Limit": int, "PhoneNumber": str, **APP}, {"EndTime": int})
ACTIONS = {
    "SendSms": Parameters(
        {"PhoneNumberSet": list, "TemplateId": str, **APP},
        {"SignName": str, "TemplateParamSet": list, "ExtendCode": str, "SessionContext": str, "SenderId": str},
    ),
    "PullSmsSendStatus": Parameters({"Limit": int, **APP}, {}),
    "PullSmsReplyStatus": Parameters({"Limit": int, **APP}, {}),
    "PullSmsSendStatusByPhoneNumber": OF_ONE_NUMBER,
    "PullSmsReplyStatusByPhoneNumber": OF_ONE_NUMBER,
    "SendStatusStatistics": Parameters({"BeginTime": str, "EndTime": str, "Limit": int, "Offset": int, **APP}, {}),
}
# How many a second, as documented.
QPS = {
    "SendSms": 3000,
    "PullSmsSendStatus": 100,
    "PullSmsReplyStatus": 100,
    "PullSmsSendStatusByPhoneNumber": 20,
    "PullSmsReplyStatusByPhoneNumber": 20,
    "SendStatusStatistics": 10,
}


@dataclass(frozen=True, slots=True)
class Call:
    """What an authentic request asks for; `given` has every required parameter, each of its type."""

    action: str
    given: Mapping[str, Any]


def check_protocol(received: Received) -> None:
    """What is looked at before the signature. Raises Refused."""
    if received.method != "POST" or received.path != "/" or received.query:
        raise Refused("UnsupportedProtocol", "Only POST / without a query is known here.")
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Refused("UnsupportedProtocol", f"The body must be {CONTENT_TYPE}.")
    if len(received.body) > LARGEST_BODY:
        raise Refused("RequestSizeLimitExceeded", "The request is over 10 MB.")


def read_call(received: Received) -> Call:
    """Raises Refused."""
    action, version, region = (received.headers.get(f"x-tc-{name}", "") for name in ("action", "version", "region"))
    for name, value in (("Action", action), ("Version", version), ("Region", region)):
        if not value:
            raise Refused("MissingParameter", f"The request is missing a required parameter `{name}`.")
    if version != VERSION:
        raise Refused("NoSuchVersion", f"The API version {version} does not exist.")
    if action not in ACTIONS:
        raise Refused("InvalidAction", "The API does not exist or is not supported in this version.")
    if region not in REGIONS:
        raise Refused("UnsupportedRegion", f"The region {region} is not supported.")
    return Call(action, _check_parameters(ACTIONS[action], _read_body(received.body)))


def throttled() -> Refused:
    return Refused("RequestLimitExceeded", "Your current request times exceed the limit of this API per second.")


def _read_body(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise Refused("InvalidParameter", "The body is not JSON in UTF-8, each name once.") from error
    if not isinstance(found, dict):
        raise Refused("InvalidParameter", "The body is not a JSON object.")
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given more than once")
    return found


def _check_parameters(known: Parameters, given: dict[str, Any]) -> dict[str, Any]:
    types = {**known.must, **known.may}
    for name, value in given.items():
        if name not in types:
            raise Refused("UnknownParameter", f"The parameter `{name}` is not recognized.")
        _check_type(name, value, types[name])
    for name in known.must:
        if name not in given:
            raise Refused("MissingParameter", f"The request is missing the required parameter `{name}`.")
    return given


def _check_type(name: str, value: object, wanted: type) -> None:
    # JSON's true is an int to Python, not to this provider.
    if type(value) is not wanted:
        raise Refused("InvalidParameter", f"The value type of parameter `{name}` is not valid.")
    for number, item in enumerate(value if isinstance(value, list) else ()):
        _check_type(f"{name}.{number}", item, str)

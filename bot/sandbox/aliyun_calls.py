"""The calls Aliyun's SMS gateway knows: actions and their parameters, the version, and how many a second."""

from collections import deque
from collections.abc import Callable

from bot.sandbox.aliyun_signature import Call, GatewayError, no_such_api

VERSION = "2017-05-25"
# What each action must be given, and what it may.
ACTIONS = {
    "SendSms": (
        ("PhoneNumbers", "SignName", "TemplateCode"),
        ("TemplateParam", "SmsUpExtendCode", "OutId"),
    ),
    "SendBatchSms": (
        ("PhoneNumberJson", "SignNameJson", "TemplateCode"),
        ("TemplateParamJson", "SmsUpExtendCodeJson", "OutId"),
    ),
    "QuerySendDetails": (("PhoneNumber", "SendDate", "PageSize", "CurrentPage"), ("BizId",)),
}
IGNORED = ("RegionId", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")  # taken by every action


class Pace:
    """At most `qps` calls in any second of `seconds`; None: as many as they like."""

    def __init__(self, qps: int | None, seconds: Callable[[], float]) -> None:
        self._qps, self._seconds = qps, seconds
        self._recent = deque[float]()

    def check(self) -> None:
        """Raises GatewayError."""
        if self._qps is None:
            return
        now = self._seconds()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        if len(self._recent) >= self._qps:
            raise throttled()
        self._recent.append(now)


def check_parameters(call: Call) -> None:
    """Raises GatewayError."""
    if call.action not in ACTIONS:
        raise no_such_api()
    if call.version != VERSION:
        raise GatewayError("InvalidVersion", "Specified parameter Version is not valid.")
    must, may = ACTIONS[call.action]
    for name in must:
        if not call.parameters.get(name):
            raise GatewayError(f"Missing{name}", f"{name} is mandatory for this action.")
    for name in call.parameters:
        if name not in (*must, *may, *IGNORED):
            raise GatewayError("InvalidParameter", f"Parameter {name} is not known to {call.action}.")


def throttled() -> GatewayError:
    return GatewayError("Throttling.User", "Request was denied due to user flow control.")

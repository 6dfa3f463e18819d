"""The calls Aliyun's SMS gateway knows: actions and their parameters, and the version."""

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

"""What Aliyun's SMS codes mean, by table: the answers to a submission."""

from datetime import timedelta

from bot.channels.carrier_codes import by_code
from bot.channels.meaning import Meaning
from campaigns.terms import Reaction

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# Template values: one message's fault, or the template's where several in a row are refused.
VALUE_CODES = frozenset(
    {
        "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.TEMPLATE_PARAMS_ILLEGAL",
        "isv.INVALID_PARAMETERS",
        "isv.INVALID_JSON_PARAM",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
    }
)
_ONE_NUMBER = frozenset({Reaction.SUPPRESS, Reaction.DEFER_RECIPIENT})
# The words a filter stumbles over may stand in one message's values only.
_CONTENT_CODES = frozenset({"isv.BLACK_KEY_CONTROL_LIMIT", "isv.SMS_CONTENT_ILLEGAL", "FILTER"})


def read_submission(code: str, message: str) -> Meaning | None:
    """What a refusal of SendSms means; None for a code that no table knows.

    RETRY: the provider's own fault, and it may have sent all the same: ask before sending again.
    """
    if code == "isv.BUSINESS_LIMIT_CONTROL":
        return Meaning(Reaction.DEFER_RECIPIENT, _window(message))
    if code in _VALVES:
        return Meaning(Reaction.DEFER_RECIPIENT, _VALVES[code])
    reaction = _SUBMISSIONS.get(code) or _GATEWAY.get(code.partition(".")[0])
    return Meaning(reaction) if reaction else None


def may_be_one_of_many(code: str, reaction: Reaction | None) -> bool:
    """Whether a refusal of many numbers may be the fault of one. Never where anything may have been sent."""
    if (
        reaction is Reaction.DROP
    ):  # a code of no table, too; by their names these are ours, refused before they are taken
        return code.startswith("isv.")
    return reaction in _ONE_NUMBER or (reaction is Reaction.PAUSE_TEMPLATE and code in _CONTENT_CODES)


def _window(message: str) -> timedelta:
    """`触发天级流控Permits:10`: the word says when there is room again."""
    return next((wait for word, wait in _WINDOWS.items() if word in message), _HOUR)


_WINDOWS = {"天级": _DAY, "小时级": _HOUR, "分钟级": _MINUTE}
# The same words to the same number within a minute, an hour, a day.
_VALVES = {"VALVE:M_MC": _MINUTE, "VALVE:H_MC": _HOUR, "VALVE:D_MC": _DAY}

_SUBMISSIONS = by_code(
    {
        Reaction.NEXT_DAY: ["isv.DAY_LIMIT_CONTROL"],
        Reaction.SUPPRESS: [
            "isv.MOBILE_NUMBER_ILLEGAL",
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
            "isv.CUSTOMER_REFUSED",
        ],
        Reaction.DROP: ["isv.MOBILE_COUNT_OVER_LIMIT", *VALUE_CODES],
        Reaction.PAUSE_TEMPLATE: [
            "isv.BLACK_KEY_CONTROL_LIMIT",
            "isv.SMS_CONTENT_ILLEGAL",
            "FILTER",
            "isv.SMS_SIGNATURE_ILLEGAL",
            "isv.SMS_SIGN_ILLEGAL",
            "isv.SIGN_STATE_ILLEGAL",
            "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
            "isv.SMS_TEMPLATE_ILLEGAL",
            "isv.EXTEND_CODE_ERROR",
        ],
        Reaction.PAUSE_CHANNEL: [
            "isv.MONTH_LIMIT_CONTROL",
            "isv.AMOUNT_NOT_ENOUGH",
            "isv.OUT_OF_SERVICE",
            "isv.PRODUCT_UN_SUBSCRIPT",
            "isv.PRODUCT_UNSUBSCRIBE",
            "isv.ACCOUNT_NOT_EXISTS",
            "isv.ACCOUNT_ABNORMAL",
            "isv.SECURITY_FROZEN_ACCOUNT",
            "isp.RAM_PERMISSION_DENY",
            "isv.DENY_IP_RANGE",
        ],
        Reaction.RETRY: ["isp.SYSTEM_ERROR"],
    }
)

# The gateway's codes by the word before the dot (InvalidAccessKeyId.NotFound, .Inactive): a key that is wrong in a
# way no table lists must stop the channel too, not drop a thousand messages one by one.
_GATEWAY = by_code(
    {
        Reaction.PAUSE_CHANNEL: ["SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidTimeStamp"],
        Reaction.RETRY: ["ServiceUnavailable", "InternalError"],
        # Ours are never the same: somebody on the way said it twice, and the first may have been taken.
        Reaction.UNKNOWN: ["SignatureNonceUsed"],
        Reaction.SLOW: ["Throttling"],
    }
)

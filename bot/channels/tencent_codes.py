"""What Tencent Cloud's SMS codes mean, by table: of a whole call, and of one number in it."""

from datetime import datetime, timedelta

from bot.channels.carrier_codes import by_code
from bot.channels.meaning import Meaning
from campaigns.terms import SHANGHAI, Reaction

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_OPENS = 8  # o'clock: marketing goes from 08:00 to 22:00
# A frequency that the provider limits for one number, and when there is room again.
_FREQUENCIES = {
    "LimitExceeded.PhoneNumberDailyLimit": _DAY,
    "LimitExceeded.PhoneNumberOneHourLimit": _HOUR,
    "LimitExceeded.PhoneNumberThirtySecondLimit": timedelta(seconds=30),
    "LimitExceeded.PhoneNumberSameContentDailyLimit": _DAY,
    "LimitExceeded.DeliveryFrequencyLimit": _HOUR,
}
_OUTSIDE_HOURS = "FailedOperation.MarketingSendTimeConstraint"
# Template values: one message's fault, or the template's where several in a row are refused.
VALUE_CODES = frozenset(
    {
        "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.TemplateParameterLengthLimit",
        "InvalidParameterValue.TemplateParameterFormatError",
    }
)


def read_submission(code: str, now: datetime) -> Meaning:
    """What a refusal of SendSms means. One of no table goes by the word before its dot, else it is this message's."""
    if code == _OUTSIDE_HOURS:
        return Meaning(Reaction.DEFER_RECIPIENT, _until_morning(now))
    if code in _FREQUENCIES:
        return Meaning(Reaction.DEFER_RECIPIENT, _FREQUENCIES[code])
    return Meaning(_CODES.get(code) or _FAMILIES.get(code.partition(".")[0], Reaction.DROP))


def _until_morning(now: datetime) -> timedelta:
    local = now.astimezone(SHANGHAI)
    opens = local.replace(hour=_OPENS, minute=0, second=0, microsecond=0)
    return (opens if local < opens else opens + _DAY) - local


_CODES = by_code(
    {
        Reaction.SUPPRESS: [
            "FailedOperation.PhoneNumberInBlacklist",
            "FailedOperation.PhoneNumberParseFail",
            "InvalidParameterValue.IncorrectPhoneNumber",
        ],
        Reaction.PAUSE_TEMPLATE: [
            "FailedOperation.ContainSensitiveWord",
            "InvalidParameterValue.TemplateWithDirtyWords",
            "FailedOperation.SignatureIncorrectOrUnapproved",
            "FailedOperation.TemplateIncorrectOrUnapproved",
            "FailedOperation.TemplateUnapprovedOrNotExist",
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
            "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe",
            "InvalidParameterValue.UnsupportedTemplateVariable",
        ],
        Reaction.DROP: ["LimitExceeded.PhoneNumberCountLimit", *VALUE_CODES],
        Reaction.PAUSE_CHANNEL: [
            "FailedOperation.InsufficientBalanceInSmsPackage",
            "InternalError.RequestTimeException",  # our clock, over 10 minutes off
        ],
        Reaction.NEXT_DAY: [
            "LimitExceeded.AppDailyLimit",
            "LimitExceeded.AppMainlandChinaDailyLimit",
            "LimitExceeded.AppGlobalDailyLimit",
            "LimitExceeded.AppCountryOrRegionDailyLimit",
            "LimitExceeded.DailyLimit",
        ],
        Reaction.SLOW: ["LimitExceeded.GlobalSmsSendingRateLimit"],
    }
)

# By the word before the dot: a key or a right that is wrong in a way no table lists must stop the channel too, not drop
# a thousand messages one by one.
_FAMILIES = by_code(
    {
        Reaction.PAUSE_CHANNEL: ["AuthFailure", "UnauthorizedOperation", "UnsupportedRegion", "InvalidAction"],
        Reaction.PAUSE_TEMPLATE: ["UnsupportedOperation"],
        Reaction.SLOW: ["RequestLimitExceeded"],
        Reaction.UNKNOWN: ["InternalError"],  # it may have sent all the same
    }
)

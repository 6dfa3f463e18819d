"""Every provider's table of errors, row by row, as one vocabulary of reactions."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest

from bot.channels.aliyun_codes import read_submission as aliyun
from bot.channels.carrier_codes import read_receipt as carrier
from bot.channels.meaning import Meaning
from bot.channels.refusals import read_refusal
from bot.channels.tencent_codes import read_submission as tencent
from bot.channels.wechat_codes import read_errcode as wechat
from bot.channels.wechat_codes import read_token_errcode as wechat_token
from bot.channels.wecom_codes import read_errcode as wecom
from bot.channels.wecom_codes import read_fail_type as wecom_failure
from bot.channels.wecom_codes import read_token_errcode as wecom_token
from campaigns.terms import Reaction
from tests.web_cast import NOW

R = Reaction
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

WECHAT = {
    R.RETRY: "-1 45066",
    R.REFRESH: "40001 40014 42001 42007",
    R.PAUSE_CHANNEL: "40002 40013 40125 40164 41001 41002 41003 41004 45035 61004 48001 48003 48004 50001 50002",
    R.SUPPRESS: "40003 40132 46004 43004 43019 48002",
    R.DROP: "40008 40007 40035 47001 47003 44001 44002 44003 44004 45001 45002 45003 45004 45005 45007 45008 70000",
    R.PAUSE_TEMPLATE: "40036 40037 40200 41030 43102 43104 43107 43106 43116 45026 45027 45168 48008 87014",
    R.DEFER_RECIPIENT: "40241 43108 43117",
    R.CONSENT_USED: "43101 45015 45047",
    R.NEXT_DAY: "45009 45028",
    R.SLOW: "45011",
    R.OK_DUP: "45065",
}
WECHAT_TOKEN = {
    R.PAUSE_CHANNEL: "40001 40013 40125 40164 41002 41004 43002",
    R.NEXT_DAY: "45009",
    R.SLOW: "45011",
    R.RETRY: "-1",
}
WECOM = {
    R.RETRY: "-1 6000",
    R.REFRESH: "40014 42001 42009",
    R.PAUSE_CHANNEL: "40001 40091 40013 40056 41001 41004 48002 60011 301002 60020",
    R.SUPPRESS: "40003 40031 40032 60111 81013 84061",
    R.DROP: "41048 95000 95001 95017 40058 47001 44004",
    R.SLOW: "45009 45033",
    R.CONSENT_USED: "95013 95018",
}
WECOM_FAILED = {
    R.CONSENT_USED: "4 5 6",
    R.SUPPRESS: "10",
    R.PAUSE_CHANNEL: "1 2 8 11",
    R.DROP: "0 12 13",
}
WECOM_TOKEN = {R.PAUSE_CHANNEL: "40001 40013 40091 41004 60020", R.SLOW: "45009 45033", R.RETRY: "-1 6000"}
ALIYUN = {
    R.NEXT_DAY: "isv.DAY_LIMIT_CONTROL",
    R.SUPPRESS: "isv.MOBILE_NUMBER_ILLEGAL isv.DOMESTIC_NUMBER_NOT_SUPPORTED isv.CUSTOMER_REFUSED",
    R.DROP: "isv.MOBILE_COUNT_OVER_LIMIT isv.TEMPLATE_MISSING_PARAMETERS isv.TEMPLATE_PARAMS_ILLEGAL "
    "isv.INVALID_PARAMETERS isv.INVALID_JSON_PARAM isv.PARAM_LENGTH_LIMIT isv.PARAM_NOT_SUPPORT_URL",
    R.PAUSE_TEMPLATE: "isv.BLACK_KEY_CONTROL_LIMIT isv.SMS_CONTENT_ILLEGAL FILTER isv.SMS_SIGNATURE_ILLEGAL "
    "isv.SMS_SIGN_ILLEGAL isv.SIGN_STATE_ILLEGAL isv.SMS_SIGNATURE_SCENE_ILLEGAL isv.SMS_TEMPLATE_ILLEGAL "
    "isv.EXTEND_CODE_ERROR",
    R.PAUSE_CHANNEL: "isv.MONTH_LIMIT_CONTROL isv.AMOUNT_NOT_ENOUGH isv.OUT_OF_SERVICE isv.PRODUCT_UN_SUBSCRIPT "
    "isv.PRODUCT_UNSUBSCRIBE isv.ACCOUNT_NOT_EXISTS isv.ACCOUNT_ABNORMAL isv.SECURITY_FROZEN_ACCOUNT "
    "isp.RAM_PERMISSION_DENY isv.DENY_IP_RANGE SignatureDoesNotMatch InvalidAccessKeyId.NotFound "
    "InvalidTimeStamp.Expired",
    R.RETRY: "isp.SYSTEM_ERROR ServiceUnavailable InternalError",
    R.DEFER_RECIPIENT: "isv.BUSINESS_LIMIT_CONTROL VALVE:M_MC VALVE:H_MC VALVE:D_MC",
    R.UNKNOWN: "SignatureNonceUsed",
    R.SLOW: "Throttling.User Throttling",
}
_FAILED, _INVALID, _LIMIT, _RIGHT = (
    "FailedOperation.",
    "InvalidParameterValue.",
    "LimitExceeded.",
    "UnauthorizedOperation.",
)
TENCENT = {
    R.PAUSE_TEMPLATE: f"{_FAILED}ContainSensitiveWord {_INVALID}TemplateWithDirtyWords "
    f"{_FAILED}SignatureIncorrectOrUnapproved {_FAILED}TemplateIncorrectOrUnapproved "
    f"{_FAILED}TemplateUnapprovedOrNotExist {_FAILED}TemplateParamSetNotMatchApprovedTemplate "
    f"{_INVALID}MarketingTemplateWithoutUnsubscribe {_INVALID}UnsupportedTemplateVariable "
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber UnsupportedOperation.Whatever",
    R.SUPPRESS: f"{_FAILED}PhoneNumberInBlacklist {_FAILED}PhoneNumberParseFail {_INVALID}IncorrectPhoneNumber",
    R.DEFER_RECIPIENT: f"{_FAILED}MarketingSendTimeConstraint {_LIMIT}PhoneNumberDailyLimit "
    f"{_LIMIT}PhoneNumberOneHourLimit {_LIMIT}PhoneNumberThirtySecondLimit {_LIMIT}PhoneNumberSameContentDailyLimit "
    f"{_LIMIT}DeliveryFrequencyLimit",
    R.DROP: f"{_INVALID}ContentLengthLimit {_INVALID}ProhibitedUseUrlInTemplateParameter "
    f"{_INVALID}TemplateParameterLengthLimit {_INVALID}TemplateParameterFormatError {_LIMIT}PhoneNumberCountLimit",
    R.PAUSE_CHANNEL: f"{_FAILED}InsufficientBalanceInSmsPackage {_RIGHT}ServiceSuspendDueToArrears "
    f"{_RIGHT}SdkAppIdIsDisabled {_RIGHT}SmsSdkAppIdVerifyFail {_RIGHT}RequestIpNotInWhitelist "
    f"{_RIGHT}RequestPermissionDeny {_RIGHT}IndividualUserMarketingSmsPermissionDeny "
    "InternalError.RequestTimeException AuthFailure.SignatureExpire AuthFailure.SignatureFailure "
    "AuthFailure.SecretIdNotFound AuthFailure.TokenFailure",
    R.NEXT_DAY: f"{_LIMIT}AppDailyLimit {_LIMIT}AppMainlandChinaDailyLimit {_LIMIT}AppGlobalDailyLimit "
    f"{_LIMIT}AppCountryOrRegionDailyLimit {_LIMIT}DailyLimit",
    R.SLOW: f"{_LIMIT}GlobalSmsSendingRateLimit RequestLimitExceeded",
    R.UNKNOWN: "InternalError.Timeout InternalError.SendAndRecvFail InternalError.OtherError InternalError",
}
CARRIER = {
    R.SUPPRESS: "MK:0001 CB:0001 CB:0053 DB:0101 空号 MBBLACK DBBLACK BLACK TDBLACK TSBLACK DB:0144 HD:0001 MY:0001",
    R.RETRY: "MK:0005 MK:0013 DB:0102 UNDELIV",
    R.DROP: "MK:0010 MK:0023 EXPIRED MK:0000 REJECTD whatever",
    R.PAUSE_TEMPLATE: "ID:0076 MA:0001 MA:0054 KEYWORD SIGNBLOCKED",
    R.DEFER_RECIPIENT: "ID:0044",
}
MAIL = [
    *((R.SUPPRESS, 550, f"{status} no") for status in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")),
    *((R.RETRY, 450, f"{status} no") for status in ("4.1.1", "4.2.1", "4.3.0", "4.4.1")),
    (R.DEFER_RECIPIENT, 552, "5.2.2 no"),
    (R.DEFER_RECIPIENT, 452, "4.2.2 no"),
    (R.DROP, 552, "5.2.3 no"),
    (R.DROP, 552, "5.3.4 no"),
    (R.RETRY, 550, "5.4.4 no"),
    (R.RETRY, 550, "5.0.0 no"),
    (R.RETRY, 550, "no"),
    *((R.DROP, 550, f"5.7.{detail} no") for detail in (1, 23, 25, 26, 27, 515)),  # counted, see below
    (R.SUPPRESS, 550, "Mailbox not found"),
    (R.DEFER_RECIPIENT, 550, "Mailbox unavailable or access denied"),
    *((R.SLOW, 550, f"{what} frequency limited") for what in ("Ip", "Connection", "Domain")),
    (R.SLOW, 550, "Connection denied"),
    (R.PAUSE_TEMPLATE, 550, "Mail content denied"),
    (R.PAUSE_TEMPLATE, 550, "Spam is embedded in the email"),
    (R.DROP, 552, "Message too large"),
    (R.SUPPRESS, 501, "Bad address syntax"),
    *((R.SLOW, 421, f"HL:{token} 163 smtp7") for token in ("REP", "ICC", "IFC", "MEP")),
    *((R.RETRY, 450, f"{token} 163 smtp7") for token in ("MI:CEL", "MI:DMC", "MI:CCL", "RP:DRC", "RP:CCL")),
    *((R.SLOW, 450, f"{token} 163 smtp7") for token in ("DT:RBL", "WM:BLI", "WM:BLU")),
    *((R.RETRY, 451, f"{token} 163 smtp7") for token in ("DT:SPM", "MI:SFQ", "RP:QRC", "RP:CEL")),
    *(
        (R.PAUSE_CHANNEL, 550, f"{token} 163 smtp7")
        for token in ("MI:NHD", "MI:IMF", "MI:SPF", "MI:DMA", "MI:STC", "RP:FRL", "RP:RCL")
    ),
    (R.SUPPRESS, 550, "User not found"),
    (R.SUPPRESS, 550, "User suspended"),
    (R.PAUSE_TEMPLATE, 554, "DT:SPM 163 smtp7"),
    (R.PAUSE_CHANNEL, 554, "HL:IHU 163 smtp7"),
    (R.SUPPRESS, 559, "invalid rcptto"),
    (R.SUPPRESS, 561, "no"),
    (R.DEFER_RECIPIENT, 552, "no"),
    (R.PAUSE_TEMPLATE, 554, "Reject by content spam"),
    (R.PAUSE_CHANNEL, 535, "no"),
    (R.SLOW, 421, "closing"),
]


def _rows() -> Iterator[tuple[str, str, Reaction, Reaction]]:
    """Table, code, what it must mean, what it means."""
    numbers: list[tuple[str, Mapping[Reaction, str], object]] = [
        ("wechat", WECHAT, wechat),
        ("wechat token", WECHAT_TOKEN, wechat_token),
        ("wecom", WECOM, wecom),
        ("wecom token", WECOM_TOKEN, wecom_token),
        ("wecom delivery", WECOM_FAILED, wecom_failure),
    ]
    for name, table, read in numbers:
        for reaction, codes in table.items():
            yield from ((name, code, reaction, _said(read(int(code)))) for code in codes.split())  # type: ignore[operator]
    for reaction, codes in ALIYUN.items():
        yield from (("aliyun", code, reaction, _said(aliyun(code, ""))) for code in codes.split())
    for reaction, codes in TENCENT.items():
        yield from (("tencent", code, reaction, _said(tencent(code, NOW))) for code in codes.split())
    for reaction, codes in CARRIER.items():
        yield from (("carrier", code, reaction, carrier(code)) for code in codes.split())
    yield from (
        ("mail", f"{code} {text}", reaction, read_refusal(code, text).reaction) for reaction, code, text in MAIL
    )


def _said(meaning: Meaning | Reaction | None) -> Reaction:
    assert meaning is not None
    return meaning if isinstance(meaning, Reaction) else meaning.reaction


def test_every_row_of_every_table_has_its_reaction() -> None:
    rows = list(_rows())
    assert len(rows) > 300
    assert [row for row in rows if row[2] is not row[3]] == []


@pytest.mark.parametrize(
    ("meaning", "wait"),
    [
        (wechat(43117), _HOUR),
        (wechat(45066), _MINUTE),
        (wechat(45011), _MINUTE),
        (wecom(45009), _MINUTE),
        (wecom(84061), timedelta(seconds=30)),
        (aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10"), _DAY),
        (aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5"), _HOUR),
        (aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"), _MINUTE),
        (aliyun("VALVE:D_MC", ""), _DAY),
        (tencent("LimitExceeded.PhoneNumberDailyLimit", NOW), _DAY),
        (tencent("LimitExceeded.PhoneNumberThirtySecondLimit", NOW), timedelta(seconds=30)),
        (read_refusal(550, "Mailbox unavailable or access denied"), _DAY),
        (read_refusal(550, "Ip frequency limited"), _HOUR),
        (read_refusal(451, "MI:SFQ 163"), 15 * _MINUTE),
        (read_refusal(451, "DT:SPM 163"), 2 * _MINUTE),
    ],
)
def test_a_wait_that_the_table_names_is_kept(meaning: Meaning | None, wait: timedelta) -> None:
    assert meaning is not None
    assert meaning.retry_after == wait


@pytest.mark.parametrize("detail", [1, 23, 25, 26, 27, 515])
def test_a_policy_against_us_is_counted_and_no_word_about_the_address(detail: int) -> None:
    assert read_refusal(550, f"5.7.{detail} no").ours


@pytest.mark.parametrize("text", ["5.1.1 user unknown", "5.7.1 listed in a blocklist", "Mail content denied", ""])
def test_what_may_pass_by_itself_stops_and_closes_nothing(text: str) -> None:
    grave = {R.SUPPRESS, R.PAUSE_TEMPLATE, R.PAUSE_CHANNEL, R.DROP}
    assert not {read_refusal(code, text).reaction for code in range(400, 500)} & grave

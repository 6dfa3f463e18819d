"""One account at Tencent Cloud SMS, and what a send is checked against: numbers, signatures, templates, hours, money.

Some refusals are of the request, Response.Error; those of a number stand in its own line of the answer.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from bot.sandbox.tencent_signature import Refused
from campaigns.errors import InputError
from campaigns.terms import SHANGHAI

MOST_NUMBERS = 200
LONGEST_CONTEXT = 511  # octets
LONGEST_SMS = 500  # signature and brackets counted
OPENS, CLOSES = time(8), time(22)  # of marketing, in Shanghai
THIRTY_SECONDS = "LimitExceeded.PhoneNumberThirtySecondLimit"
ONE_HOUR = "LimitExceeded.PhoneNumberOneHourLimit"
ONE_DAY = "LimitExceeded.PhoneNumberDailyLimit"
SAME_CONTENT = "LimitExceeded.PhoneNumberSameContentDailyLimit"

# Refusals by this code can be answered; the sentence is for people, and the provider's own differ from time to time.
MESSAGES = {
    "FailedOperation.ContainSensitiveWord": "短信内容中含有敏感词",
    "FailedOperation.InsufficientBalanceInSmsPackage": "套餐包余量不足，请购买套餐包",
    "FailedOperation.MarketingSendTimeConstraint": "营销短信发送时间限制，只允许在8点到22点发送",
    "FailedOperation.PhoneNumberInBlacklist": "手机号在免打扰名单库中",
    "FailedOperation.PhoneNumberParseFail": "号码解析失败，请检查号码是否符合 E.164 标准",
    "FailedOperation.SignatureIncorrectOrUnapproved": "签名未审批或格式错误",
    "FailedOperation.TemplateIncorrectOrUnapproved": "模板未审批或内容不匹配",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": "请求内容与审核通过的模板内容不匹配",
    "FailedOperation.TemplateUnapprovedOrNotExist": "模板未审批或不存在",
    "InternalError.OtherError": "其他错误",
    "InternalError.SendAndRecvFail": "接口超时或短信收发包超时",
    "InternalError.Timeout": "请求下发短信超时",
    "InvalidParameterValue.ContentLengthLimit": "请求的短信内容太长",
    "InvalidParameterValue.IncorrectPhoneNumber": "手机号格式错误",
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": "禁止在模板变量中使用 URL",
    "InvalidParameterValue.TemplateParameterFormatError": "模板参数格式错误",
    "InvalidParameterValue.TemplateParameterLengthLimit": "单个模板变量字符数超过规定数量",
    "LimitExceeded.AppMainlandChinaDailyLimit": "业务短信中国大陆日下发条数超过设定的上限",
    "LimitExceeded.DeliveryFrequencyLimit": "下发短信命中了频率限制策略",
    "LimitExceeded.GlobalSmsSendingRateLimit": "短信下发频率超过上限",
    "LimitExceeded.PhoneNumberCountLimit": "单次提交的手机号个数超过200个",
    THIRTY_SECONDS: "单个手机号30秒内下发短信条数超过设定的上限",
    ONE_HOUR: "单个手机号1小时内下发短信条数超过设定的上限",
    ONE_DAY: "单个手机号日下发短信条数超过设定的上限",
    SAME_CONTENT: "单个手机号下发相同内容超过设定的上限",
    "MissingParameter.EmptyPhoneNumberSet": "传入的号码列表为空",
    "UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny": "个人用户没有发营销短信的权限",
    "UnauthorizedOperation.RequestIpNotInWhitelist": "请求 IP 不在白名单中",
    "UnauthorizedOperation.RequestPermissionDeny": "请求没有权限",
    "UnauthorizedOperation.SdkAppIdIsDisabled": "SdkAppId 已禁用",
    "UnauthorizedOperation.ServiceSuspendDueToArrears": "欠费被停止服务",
    "UnauthorizedOperation.SmsSdkAppIdVerifyFail": "SmsSdkAppId 校验失败",
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": "国内短信模板不支持发送国际/港澳台手机号",
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber": "群发请求里既有国内手机号也有国际手机号",
}
E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
MOBILE = re.compile(r"\+86(1[3-9]\d{9})", re.ASCII)
VARIABLE = re.compile(r"\{(\d{1,2})\}", re.ASCII)
ADJACENT = re.compile(r"\}\s*\{")
OPT_OUT = re.compile(r"(?:拒收请?回复?R|回复?(?:T|TD|N)退订)$")
EXTEND_CODE = re.compile(r"\d{1,6}", re.ASCII)
URL = re.compile(
    r"://|www\.|\d+\.\d+\.\d+\.\d+|[a-z0-9-]\.[a-z]{2,}/|[a-z0-9-]\.(?:com|cn|net|org|cc|top|vip|xyz|info)\b",
    re.IGNORECASE | re.ASCII,
)
FORBIDDEN = re.compile(r"[【】{}\x00-\x1f\x7f\ud800-\udfff]")  # a bracket would fake a signature
SENSITIVE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|加微信|加V信|加VX", re.IGNORECASE)


def refusal(code: str) -> Refused:
    return Refused(code, MESSAGES[code])


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """A template as handed in for review: text without signature, variables {1}, {2} … in any order."""

    text: str
    approved: bool = True

    @property
    def variables(self) -> int:
        return len(set(VARIABLE.findall(self.text)))

    @property
    def is_marketing(self) -> bool:
        """A notice must not offer what only marketing has to."""
        return OPT_OUT.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Frequency:
    """At most `permits` to one number in a rolling window; None is the day in Shanghai."""

    permits: int
    window: timedelta | None
    code: str
    same_content: bool = False

    def counts(self, sent: datetime, now: datetime) -> bool:
        if self.window is None:
            return sent.astimezone(SHANGHAI).date() == now.astimezone(SHANGHAI).date()
        return sent > now - self.window


FREQUENCIES = (
    Frequency(1, timedelta(seconds=30), THIRTY_SECONDS, same_content=True),
    Frequency(10, None, ONE_DAY),
)


@dataclass(frozen=True, slots=True)
class Sms:
    """What a request asks to be sent to each of its numbers; `text` as the customer reads it."""

    sign: str
    template_id: str
    params: Sequence[str]
    text: str
    extend_code: str

    def as_words(self) -> dict[str, Any]:
        words = {"text": self.text, "template_id": self.template_id, "sign": self.sign, "params": list(self.params)}
        return words | ({"extend_code": self.extend_code} if self.extend_code else {})


SentTo = Callable[[str], Iterable[tuple[datetime, str]]]


class Account:
    """One application: signatures, templates, money and the provider's own list of those who refused.

    `balance` is in segments. `longest_value` is what one variable may hold: 6 characters for accounts made after
    2024-01-25 until they ask for more. `daily_limit` is of segments to the mainland, a day in Shanghai.
    """

    def __init__(
        self,
        sdk_app_id: str,
        signs: Iterable[str],
        templates: Mapping[str, str | SmsTemplate],
        *,
        balance: int,
        longest_value: int,
        frequencies: Iterable[Frequency],
        daily_limit: int | None,
    ) -> None:
        self.sdk_app_id, self.balance, self.longest_value = sdk_app_id, balance, longest_value
        self.frequencies, self.daily_limit = tuple(frequencies), daily_limit
        self.refuses_with = ""  # a code of MESSAGES that every send gets
        self.blocked: set[tuple[str, str]] = set()  # signature and number
        self.signs = dict.fromkeys(signs, True)  # name to approved or not
        self.templates: dict[str, SmsTemplate] = {}
        for template_id, template in templates.items():
            self.hand_in(template_id, template if isinstance(template, SmsTemplate) else SmsTemplate(template))

    def hand_in(self, template_id: str, template: SmsTemplate) -> None:
        """Raises InputError for a template that no reviewer would pass."""
        _review(template_id, template.text)
        self.templates[template_id] = template

    def read(self, given: Mapping[str, Any], now: datetime) -> Sms:
        """What SendSms asks for, its numbers apart. Raises Refused."""
        self._check_request(given)
        _check_kind(given["PhoneNumberSet"])
        sms = self._compose(given)
        if self.templates[sms.template_id].is_marketing and not OPENS <= now.astimezone(SHANGHAI).time() < CLOSES:
            raise refusal("FailedOperation.MarketingSendTimeConstraint")
        if self.refuses_with:
            raise refusal(self.refuses_with)
        return sms

    def check_number(self, number: str, sms: Sms, now: datetime, sent_to: SentTo) -> str:
        """The eleven digits of a number that may get this. Raises Refused, of this number alone.

        `sent_to`: when something went to these digits, and its text.
        """
        phone = mobile_of(number)
        if (sms.sign, phone) in self.blocked:
            raise refusal("FailedOperation.PhoneNumberInBlacklist")
        earlier = list(sent_to(phone))
        for limit in self.frequencies:
            same = [at for at, text in earlier if text == sms.text or not limit.same_content]
            if sum(limit.counts(at, now) for at in same) >= limit.permits:
                raise refusal(limit.code)
        return phone

    def check_money(self, fee: int, spent_today: int) -> None:
        """Raises Refused, of one number: those before it in the request went out."""
        if self.daily_limit is not None and spent_today + fee > self.daily_limit:
            raise refusal("LimitExceeded.AppMainlandChinaDailyLimit")
        if fee > self.balance:
            raise refusal("FailedOperation.InsufficientBalanceInSmsPackage")

    def check_app(self, given: Mapping[str, Any]) -> None:
        """Raises Refused."""
        if given["SmsSdkAppId"] != self.sdk_app_id:
            raise refusal("UnauthorizedOperation.SmsSdkAppIdVerifyFail")

    def _check_request(self, given: Mapping[str, Any]) -> None:
        self.check_app(given)
        if not given["PhoneNumberSet"]:
            raise refusal("MissingParameter.EmptyPhoneNumberSet")
        if len(given["PhoneNumberSet"]) > MOST_NUMBERS:
            raise refusal("LimitExceeded.PhoneNumberCountLimit")
        if len(given.get("SessionContext", "").encode("utf-8", "replace")) > LONGEST_CONTEXT:
            raise Refused("InvalidParameterValue", "SessionContext must be shorter than 512 bytes.")
        if given.get("ExtendCode") and not EXTEND_CODE.fullmatch(given["ExtendCode"]):
            raise Refused("InvalidParameterValue", "ExtendCode is not a number of 1 to 6 digits.")
        if given.get("SenderId"):
            raise Refused("InvalidParameterValue", "SenderId is for numbers outside the mainland.")

    def _compose(self, given: Mapping[str, Any]) -> Sms:
        sign, template_id = given.get("SignName", ""), given["TemplateId"]
        if not self.signs.get(sign):
            raise refusal("FailedOperation.SignatureIncorrectOrUnapproved")
        if template_id not in self.templates:
            raise refusal("FailedOperation.TemplateUnapprovedOrNotExist")
        template = self.templates[template_id]
        if not template.approved:
            raise refusal("FailedOperation.TemplateIncorrectOrUnapproved")
        params = given.get("TemplateParamSet", [])
        if len(params) != template.variables:
            raise refusal("FailedOperation.TemplateParamSetNotMatchApprovedTemplate")
        for value in params:
            self._check_value(value)
        return Sms(sign, template_id, params, _as_read(sign, template, params), given.get("ExtendCode", ""))

    def _check_value(self, value: str) -> None:
        if not value.strip() or FORBIDDEN.search(value):
            raise refusal("InvalidParameterValue.TemplateParameterFormatError")
        if len(value) > self.longest_value:
            raise refusal("InvalidParameterValue.TemplateParameterLengthLimit")
        if URL.search(value):
            raise refusal("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter")
        if SENSITIVE.search(value):
            raise refusal("FailedOperation.ContainSensitiveWord")


def mobile_of(number: str) -> str:
    """The eleven digits of a mainland mobile in E.164. Raises Refused."""
    if not E164.fullmatch(number):
        raise refusal("FailedOperation.PhoneNumberParseFail")
    match = MOBILE.fullmatch(number)
    if match is None:
        raise refusal("InvalidParameterValue.IncorrectPhoneNumber")
    return match[1]


def _check_kind(numbers: Sequence[str]) -> None:
    """All of the mainland: this application has no other templates. A number that is none is its own trouble."""
    abroad = [number for number in numbers if E164.fullmatch(number) and not number.startswith("+86")]
    if not abroad:
        return
    if len(abroad) < len(numbers):
        raise refusal("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber")
    raise refusal("UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone")


def _review(template_id: str, text: str) -> None:
    fixed = VARIABLE.sub("", text)
    if not template_id.isascii() or not template_id.isdigit():
        raise InputError(f"SMS template {template_id}: an id at Tencent is a number")
    if not fixed.strip():
        raise InputError(f"SMS template {template_id}: no words but variables; write some of the text itself")
    if "【" in text or "】" in text:
        raise InputError(f"SMS template {template_id}: leave 【】 out, the provider puts the signature in front")
    if ADJACENT.search(text):
        raise InputError(f"SMS template {template_id}: two variables stand side by side; put words between them")
    if "{" in fixed or "}" in fixed:
        raise InputError(f"SMS template {template_id}: a variable is written {{1}}, {{2}} …")
    numbers = {int(number) for number in VARIABLE.findall(text)}
    if numbers != set(range(1, len(numbers) + 1)):
        raise InputError(f"SMS template {template_id}: the variables must be numbered from 1 without a gap")


def _as_read(sign: str, template: SmsTemplate, params: Sequence[str]) -> str:
    text = f"【{sign}】" + VARIABLE.sub(lambda match: params[int(match[1]) - 1], template.text)
    if len(text) > LONGEST_SMS:
        raise refusal("InvalidParameterValue.ContentLengthLimit")
    return text

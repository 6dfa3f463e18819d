"""One account at Aliyun SMS, and what a send is checked against: numbers, signatures, templates, money, refusals."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.sms_carrier import segments
from campaigns.errors import InputError

MOST_NUMBERS, MOST_IN_BATCH = 1000, 100
LONGEST_OUT_ID = 255
LONGEST_VALUE = 35
LONGEST_SMS = 500  # signature and brackets counted

# Business refusals: HTTP 200 and this code. Only what is in here can be answered.
MESSAGES = {
    "isv.BUSINESS_LIMIT_CONTROL": "触发{window}流控Permits:{permits}",
    "isv.DAY_LIMIT_CONTROL": "触发日发送限额",
    "isv.MONTH_LIMIT_CONTROL": "触发月发送限额",
    "isv.MOBILE_NUMBER_ILLEGAL": "非法手机号",
    "isv.MOBILE_COUNT_OVER_LIMIT": "手机号码数量超过限制",
    "isv.CUSTOMER_REFUSED": "用户已退订推广短信",
    "isv.TEMPLATE_MISSING_PARAMETERS": "模板缺少变量",
    "isv.TEMPLATE_PARAMS_ILLEGAL": "模板变量里包含非法关键字",
    "isv.INVALID_PARAMETERS": "参数异常",
    "isv.INVALID_JSON_PARAM": "JSON参数不合法，只接受字符串值",
    "isv.PARAM_LENGTH_LIMIT": "参数超出长度限制",
    "isv.PARAM_NOT_SUPPORT_URL": "不支持URL",
    "isv.BLACK_KEY_CONTROL_LIMIT": "黑名单管控",
    "isv.SMS_CONTENT_ILLEGAL": "短信内容包含禁止发送内容",
    "isv.SMS_SIGNATURE_ILLEGAL": "该账号下找不到对应签名",
    "isv.SIGN_STATE_ILLEGAL": "签名状态不可用",
    "isv.SMS_TEMPLATE_ILLEGAL": "该账号下找不到对应模板",
    "isv.EXTEND_CODE_ERROR": "扩展码使用错误",
    "isv.AMOUNT_NOT_ENOUGH": "账户余额不足",
    "isv.OUT_OF_SERVICE": "业务停机",
    "isv.PRODUCT_UN_SUBSCRIPT": "未开通云通信产品的阿里云客户",
    "isv.ACCOUNT_NOT_EXISTS": "账户不存在",
    "isv.ACCOUNT_ABNORMAL": "账户异常",
    "isv.SECURITY_FROZEN_ACCOUNT": "账号已被安全冻结",
    "isv.DENY_IP_RANGE": "源IP地址所在的地区被禁用",
    "isp.RAM_PERMISSION_DENY": "RAM权限DENY",
    "isp.SYSTEM_ERROR": "系统错误",
}
NUMBER = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})", re.ASCII)
VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
ADJACENT = re.compile(r"\}\s*\$\{")
EXTEND_CODE = re.compile(r"\d{1,8}", re.ASCII)
URL = re.compile(
    r"://|www\.|\d+\.\d+\.\d+\.\d+|[a-z0-9-]\.[a-z]{2,}/|[a-z0-9-]\.(?:com|cn|net|org|cc|top|vip|xyz|info)\b",
    re.IGNORECASE | re.ASCII,
)
# A bracket would fake a signature; a private number or 微信 is the way round the provider that it looks for.
FORBIDDEN = re.compile(
    r"[【】\x00-\x1f\x7f\ud800-\udfff]|\$\{|(?<!\d)1[3-9]\d{9}(?!\d)|加微信|加V信|加VX", re.IGNORECASE
)


class Refused(Exception):
    """A business refusal: HTTP 200 with a Code that is not OK."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.message = MESSAGES[code].format(**{"window": "天级", "permits": 10, **details})


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """A template as handed in for review: text without signature, variables as ${name}."""

    text: str
    approved: bool = True

    @property
    def variables(self) -> Sequence[str]:
        return VARIABLE.findall(self.text)


@dataclass(frozen=True, slots=True)
class Frequency:
    """At most `permits` to one number in a rolling window, per signature and template."""

    permits: int
    window: timedelta
    word: str  # 天级, 小时级, 分钟级: as the refusal names it


@dataclass(frozen=True, slots=True)
class Sms:
    """One message that passed its checks; `text` as the customer reads it."""

    phone: str
    sign: str
    template_code: str
    params: Mapping[str, str]
    text: str
    extend_code: str

    def as_words(self) -> dict[str, Any]:
        words = {
            "text": self.text,
            "template_code": self.template_code,
            "sign": self.sign,
            "params": dict(self.params),
        }
        return words | ({"extend_code": self.extend_code} if self.extend_code else {})


SentAt = Callable[[Sms], Collection[datetime]]


class Account:
    """Signatures, templates, money and the provider's own list of those who refused.

    `balance` is in segments; so are the limits that staff may set in the console, for a day and a month in Shanghai.
    """

    def __init__(
        self,
        signs: Iterable[str],
        templates: Mapping[str, str | SmsTemplate],
        balance: int,
        frequencies: Iterable[Frequency],
    ) -> None:
        self.balance, self.frequencies = balance, tuple(frequencies)
        self.day_limit: int | None = None
        self.month_limit: int | None = None
        self.refuses_with = ""  # a code of MESSAGES that every send gets
        self.blocked: set[tuple[str, str]] = set()  # signature and number
        self.signs = dict.fromkeys(signs, True)  # name to approved or not
        self.templates: dict[str, SmsTemplate] = {}
        for code, template in templates.items():
            self.hand_in(code, template if isinstance(template, SmsTemplate) else SmsTemplate(template))

    def hand_in(self, code: str, template: SmsTemplate) -> None:
        """Raises InputError for a template that no reviewer would pass."""
        _review(code, template.text)
        self.templates[code] = template

    def read(self, action: str, given: Mapping[str, str]) -> list[Sms]:
        """The messages that SendSms or SendBatchSms asks for. Raises Refused."""
        if len(given.get("OutId", "")) > LONGEST_OUT_ID:
            raise Refused("isv.INVALID_PARAMETERS")
        return self._read_send_sms(given) if action == "SendSms" else self._read_send_batch(given)

    def check(self, messages: Sequence[Sms], now: datetime, sent_at: SentAt) -> None:
        """All or none. `sent_at`: when the same signature and template went to the same number. Raises Refused."""
        if self.refuses_with:
            raise Refused(self.refuses_with)
        if any((sms.sign, sms.phone) in self.blocked for sms in messages):
            raise Refused("isv.CUSTOMER_REFUSED")
        self._check_frequency(messages, now, sent_at)
        if price(messages) > self.balance:
            raise Refused("isv.AMOUNT_NOT_ENOUGH")

    def check_limits(self, messages: Sequence[Sms], spent: Callable[[str], int]) -> None:
        """`spent`: segments since the start of this day or month, as strftime writes it. Raises Refused."""
        for limit, period, code in (
            (self.day_limit, "%Y%m%d", "isv.DAY_LIMIT_CONTROL"),
            (self.month_limit, "%Y%m", "isv.MONTH_LIMIT_CONTROL"),
        ):
            if limit is not None and spent(period) + price(messages) > limit:
                raise Refused(code)

    def _read_send_sms(self, given: Mapping[str, str]) -> list[Sms]:
        numbers = given["PhoneNumbers"].split(",")
        if len(numbers) > MOST_NUMBERS:
            raise Refused("isv.MOBILE_COUNT_OVER_LIMIT")
        values = _json(given["TemplateParam"]) if given.get("TemplateParam") else {}
        sign, code, extend_code = given["SignName"], given["TemplateCode"], given.get("SmsUpExtendCode", "")
        return [self._compose(number, sign, code, values, extend_code) for number in numbers]

    def _read_send_batch(self, given: Mapping[str, str]) -> list[Sms]:
        numbers, signs = _strings(given["PhoneNumberJson"]), _strings(given["SignNameJson"])
        if len(numbers) > MOST_IN_BATCH:
            raise Refused("isv.MOBILE_COUNT_OVER_LIMIT")
        values = _list(given["TemplateParamJson"]) if given.get("TemplateParamJson") else [{}] * len(numbers)
        codes = _strings(given["SmsUpExtendCodeJson"]) if given.get("SmsUpExtendCodeJson") else [""] * len(numbers)
        if not len(numbers) == len(signs) == len(values) == len(codes) or not numbers:
            raise Refused("isv.INVALID_PARAMETERS")
        return [
            self._compose(number, sign, given["TemplateCode"], value, code)
            for number, sign, value, code in zip(numbers, signs, values, codes, strict=True)
        ]

    def _check_frequency(self, messages: Sequence[Sms], now: datetime, sent_at: SentAt) -> None:
        asked = Counter((sms.phone, sms.sign, sms.template_code) for sms in messages)
        for sms in messages:
            earlier = sent_at(sms)
            for limit in self.frequencies:
                recent = sum(at > now - limit.window for at in earlier)
                if recent + asked[sms.phone, sms.sign, sms.template_code] > limit.permits:
                    raise Refused("isv.BUSINESS_LIMIT_CONTROL", window=limit.word, permits=limit.permits)

    def _compose(self, number: str, sign: str, code: str, values: object, extend_code: str) -> Sms:
        phone = mobile_of(number)
        template = self._usable(sign, code)
        params = _check_values(template, values)
        if extend_code and not EXTEND_CODE.fullmatch(extend_code):
            raise Refused("isv.EXTEND_CODE_ERROR")
        return Sms(phone, sign, code, params, _as_read(sign, template, params), extend_code)

    def _usable(self, sign: str, code: str) -> SmsTemplate:
        if sign not in self.signs:
            raise Refused("isv.SMS_SIGNATURE_ILLEGAL")
        if not self.signs[sign]:
            raise Refused("isv.SIGN_STATE_ILLEGAL")
        template = self.templates.get(code)
        if template is None or not template.approved:
            raise Refused("isv.SMS_TEMPLATE_ILLEGAL")
        return template


def mobile_of(number: str) -> str:
    """The eleven digits of a mainland mobile number, in any of the four forms. Raises Refused."""
    match = NUMBER.fullmatch(number)
    if match is None:
        raise Refused("isv.MOBILE_NUMBER_ILLEGAL")
    return match[1]


def price(messages: Iterable[Sms]) -> int:
    return sum(segments(sms.text) for sms in messages)


def _review(code: str, text: str) -> None:
    fixed = VARIABLE.sub("", text)
    if not fixed.strip():
        raise InputError(f"SMS template {code}: no words but variables; write some of the text itself")
    if "【" in text or "】" in text:
        raise InputError(f"SMS template {code}: leave 【】 out, the provider puts the signature in front")
    if ADJACENT.search(text):
        raise InputError(f"SMS template {code}: two variables stand side by side; put words between them")
    if "${" in fixed:
        raise InputError(f"SMS template {code}: a variable is written ${{name}}, of letters, digits and _")


def _check_values(template: SmsTemplate, values: object) -> dict[str, str]:
    """The values of this template's variables: all of them, no others, each a string that may be sent."""
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise Refused("isv.INVALID_JSON_PARAM")
    if set(template.variables) - {name for name, value in values.items() if value.strip()}:
        raise Refused("isv.TEMPLATE_MISSING_PARAMETERS")
    if set(values) - set(template.variables):
        raise Refused("isv.TEMPLATE_PARAMS_ILLEGAL")
    for value in values.values():
        _check_value(value)
    return values


def _check_value(value: str) -> None:
    if len(value) > LONGEST_VALUE:
        raise Refused("isv.PARAM_LENGTH_LIMIT")
    if URL.search(value):
        raise Refused("isv.PARAM_NOT_SUPPORT_URL")
    if FORBIDDEN.search(value):
        raise Refused("isv.TEMPLATE_PARAMS_ILLEGAL")


def _as_read(sign: str, template: SmsTemplate, values: Mapping[str, str]) -> str:
    text = f"【{sign}】" + VARIABLE.sub(lambda match: values[match[1]], template.text)
    if len(text) > LONGEST_SMS:
        raise Refused("isv.PARAM_LENGTH_LIMIT")
    return text


def _json(raw: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused("isv.INVALID_JSON_PARAM") from error


def _list(raw: str) -> list[object]:
    found = _json(raw)
    if not isinstance(found, list):
        raise Refused("isv.INVALID_JSON_PARAM")
    return found


def _strings(raw: str) -> list[str]:
    found = _list(raw)
    strings = [item for item in found if isinstance(item, str)]
    if len(strings) != len(found):
        raise Refused("isv.INVALID_JSON_PARAM")
    return strings

"""What an SMS of this text would be: how long, how many segments are billed, and what carriers or the law object to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SINGLE, PART, MOST = 70, 67, 500  # characters in one segment, in each of several, and in all
OPT_OUT = re.compile(r"(?:拒收请回复R|回复?(?:TD|T|N|R)退订|退订回复?(?:TD|T|N|R))[。.!！]?$", re.IGNORECASE)
_MENTIONS_OPT_OUT = re.compile(r"拒收请?回复?R|回复?(?:TD|T|N|R)退订|退订回复?(?:TD|T|N|R)", re.IGNORECASE)
_SIGNATURE = re.compile(r"^【[^【】]{1,30}】")
_LINK = re.compile(r"https?://|www\.|[\w-]\.(?:com|cn|net|org|cc|top|vip|xyz|info|io|me)\b", re.IGNORECASE | re.ASCII)
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", re.ASCII)
_PRIVATE = re.compile(r"[加＋+] ?(?:我)?(?:微信|薇信|威信|vx|wx|v信|qq)|微信号|(?:微信|vx|wx|QQ)[:：]", re.IGNORECASE)
_SUBJECTS = re.compile(r"面试|招聘|召回|拉新|问卷")
_SOLICITS = re.compile(r"优惠|折扣|促销|特价|限时|抢购|免费|赠送|红包|活动|快乐|安康|祝您|恭贺")
_SLOTS_TOUCH = re.compile(r"\$\{[^}]*\}\s*\$\{|\{\d+\}\s*\{\d+\}")
_SLOT = re.compile(r"\$\{[^}]*\}|\{\d+\}")


@dataclass(frozen=True, slots=True)
class SmsText:
    """`problems` are for people: what, and in brackets one word of English for it."""

    length: int
    segments: int
    problems: tuple[str, ...]


def sms_segments(text: str) -> int:
    """Segments the carriers bill: 70 characters, then 67 each; the signature counts, every character as one."""
    return 1 if len(text) <= SINGLE else -(-len(text) // PART)


def inspect_sms(text: str, signature: str = "") -> SmsText:
    """The text is counted as it stands; a signature comes without its brackets and is counted with them."""
    whole = f"【{signature}】{text}" if signature else text
    return SmsText(len(whole), sms_segments(whole), tuple(_problems(whole)))


def _problems(whole: str) -> Iterator[str]:
    body = _SIGNATURE.sub("", whole, count=1)
    if not body.strip():
        yield "没有正文 (empty)"
    if not _SIGNATURE.match(whole):
        yield "没有签名，服务商会拒绝 (no signature)"
    if len(whole) > MOST:
        yield f"连签名有{len(whole)}字，最多{MOST}字 (too long)"
    if "【" in body or "】" in body:
        yield "正文里不能有【】，签名由服务商加上 (brackets)"
    if _LINK.search(body):
        yield "有链接：要写死在模板里，网站要备案，不能放进变量 (link)"
    if _MOBILE.search(body):
        yield "有手机号：不能写私人手机号 (mobile number)"
    if _PRIVATE.search(body):
        yield "不能让人加微信、QQ (private contact)"
    if found := sorted(set(_SUBJECTS.findall(body))):
        yield f"服务商限制的内容：{'、'.join(found)}，先把模板送审 (forbidden words)"
    yield from _opt_out(body)
    if _SLOTS_TOUCH.search(body):
        yield "两个变量不能挨着，中间要有字 (adjacent variables)"
    if _SLOT.search(body) and not _SLOT.sub("", body).strip():
        yield "不能全是变量 (nothing but variables)"


def _opt_out(body: str) -> Iterator[str]:
    """A marketing text must end with the way out; a notice must not have one, so only what solicits is asked for it."""
    ends = OPT_OUT.search(body.rstrip())
    if _MENTIONS_OPT_OUT.search(body) and not ends:
        yield "拒收的说法要放在最后 (opt-out not last)"
    elif not ends and _SOLICITS.search(body):
        yield "像营销或问候，却没有以“拒收请回复R”结尾 (missing opt-out)"

"""What a mail server's refusal means: one reaction for every documented code, status and wording."""

import re
from dataclasses import dataclass
from datetime import timedelta

from campaigns.terms import Reaction


@dataclass(frozen=True, slots=True)
class Meaning:
    """What to do about a refusal. `ours`: a policy against us, not the address; the caller counts these."""

    reaction: Reaction
    retry_after: timedelta | None = None
    ours: bool = False


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_HARD = Meaning(Reaction.SUPPRESS)
_FULL = Meaning(Reaction.DEFER_RECIPIENT, _DAY)
_SOFT = Meaning(Reaction.RETRY, 5 * _MINUTE)  # greylisting wants five minutes at least
_SOON = Meaning(Reaction.RETRY, 2 * _MINUTE)
_DROP = Meaning(Reaction.DROP)
_SLOW = Meaning(Reaction.SLOW, 5 * _MINUTE)
_SLOW_HOUR = Meaning(Reaction.SLOW, _HOUR)
_CONTENT = Meaning(Reaction.PAUSE_TEMPLATE)
_CHANNEL = Meaning(Reaction.PAUSE_CHANNEL)
_POLICY = Meaning(Reaction.DROP, ours=True)

# The wording of the Chinese providers comes before any code: a 550 of QQ may be a passing thing.
_TEXTS: tuple[tuple[str, Meaning], ...] = (
    (r"mailbox unavailable or access denied", _FULL),  # QQ: the recipient is flooded, not gone
    (r"(ip|connection|domain) frequency limited|connection denied", _SLOW_HOUR),  # QQ
    (r"mail content denied|spam is embedded in the email", _CONTENT),  # QQ
    (r"reject by content spam", _CONTENT),  # Aliyun DirectMail
    (r"message (is )?too large|message size exceeds", _DROP),
    (r"ip\b.{0,40}\bblack ?list", _CHANNEL),  # 163
    (r"mailbox (is )?full|over ?quota|quota exceeded|exceeded.{0,20}quota|邮箱已满|邮箱空间不足", _FULL),
    (r"mailbox not found|user not found|user suspended|bad address syntax|invalid rcptto", _HARD),
    (
        r"user unknown|unknown user|no such (user|recipient|mailbox)|用户不存在|(收件人|邮箱).{0,80}不存在",
        _HARD,
    ),
    (r"(user|recipient|mailbox|account)( \S+)? (does not|doesn't) exist", _HARD),
)
_TEXT_RULES = tuple((re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in _TEXTS)

# 163 and 126 name the rule: `451 MI:SFQ 163 smtp7,…`. The same token means other things under other codes.
_NETEASE: dict[tuple[int, str], Meaning] = {
    (421, "HL:REP"): _SLOW_HOUR,
    (421, "HL:ICC"): _SLOW,
    (421, "HL:IFC"): _SLOW,
    (421, "HL:MEP"): _SLOW,
    (450, "DT:RBL"): _SLOW_HOUR,
    (450, "WM:BLI"): _SLOW_HOUR,
    (450, "WM:BLU"): _SLOW_HOUR,
    **{(450, t): _SOFT for t in ("MI:CEL", "MI:DMC", "MI:CCL", "RP:DRC", "RP:CCL")},
    **{(451, t): _SOON for t in ("DT:SPM", "RP:QRC", "RP:CEL")},
    (451, "MI:SFQ"): Meaning(Reaction.RETRY, 15 * _MINUTE),
    **{(550, t): _CHANNEL for t in ("MI:NHD", "MI:IMF", "MI:SPF", "MI:DMA", "MI:STC", "RP:FRL", "RP:RCL")},
    (554, "DT:SPM"): _CONTENT,
    (554, "HL:IHU"): _CHANNEL,
}
_CODES: dict[int, Meaning] = {
    421: _SLOW,  # the server closes the session; it says nothing about the address
    530: _CHANNEL,
    534: _CHANNEL,
    535: _CHANNEL,
    538: _CHANNEL,
    559: _HARD,  # Aliyun DirectMail: invalid recipient
    561: _HARD,  # Aliyun DirectMail: a honeypot
}
_STATUSES: dict[str, Meaning] = {  # RFC 3463, without its class digit
    **dict.fromkeys(("1.1", "1.2", "1.3", "1.6", "1.10", "2.1"), _HARD),
    "2.2": _FULL,
    "2.3": _DROP,
    "3.4": _DROP,
    "7.8": _CHANNEL,  # our login
    "7.9": _CHANNEL,
}
_FINAL = frozenset({Reaction.SUPPRESS, Reaction.PAUSE_TEMPLATE, Reaction.PAUSE_CHANNEL})
_TOKEN = re.compile(r"\b[A-Z]{2}:[A-Z]{3}\b")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def read_refusal(code: int, text: str, status: str = "") -> Meaning:
    """What a 4xx or 5xx answer about one recipient means.

    `status` is the RFC 3463 status of a bounce; where it is empty the one that opens `text` counts.
    """
    status = status or reply_status(text)
    meaning = _by_text(code, text) or _CODES.get(code) or _by_status(status) or _by_class(code)
    passing = code < 500 or status.startswith("4.")
    if passing and (meaning.reaction in _FINAL or meaning.ours):
        return _SOFT  # the server itself says that it may pass
    return meaning


def reply_status(text: str) -> str:
    """The RFC 3463 status that opens a reply; empty where there is none."""
    found = _STATUS.match(text)
    return found[1] if found else ""


def reply_token(text: str) -> str:
    """The rule that 163 and 126 name in a refusal; empty where there is none."""
    found = _TOKEN.search(text)
    return found[0] if found else ""


def _by_text(code: int, text: str) -> Meaning | None:
    if meaning := _NETEASE.get((code, reply_token(text))):
        return meaning
    return next((meaning for rule, meaning in _TEXT_RULES if rule.search(text)), None)


def _by_status(status: str) -> Meaning | None:
    detail = status[2:]
    if meaning := _STATUSES.get(detail):
        return meaning
    return _POLICY if detail.startswith("7.") else None


def _by_class(code: int) -> Meaning:
    """Without a known text or status even a 5xx is soft; whoever counts the tries may give up after three."""
    return _FULL if code == 552 else _SOFT

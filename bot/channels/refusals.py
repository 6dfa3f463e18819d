"""What a mail server's refusal means, said at once or in a bounce: one reaction for every code, status and wording.

Why a mail is refused is read by bounce_reasons; here stands what follows, and what some providers mean by words and
tokens of their own.
"""

import re
from datetime import timedelta

from bot.channels.bounce_reasons import Failure, Permanence, read_failure
from bot.channels.bounce_words import Reason
from bot.channels.meaning import Meaning
from campaigns.terms import Reaction

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
    (r"ip\b.{0,40}\bblack ?list", _CHANNEL),  # 163
    (r"mailbox not found|user not found|user suspended|bad address syntax|invalid rcptto", _HARD),
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
_LOG_IN = frozenset({"7.8", "7.9"})  # RFC 3463, without its class digit: ours was refused
# Why a mail is refused for now, and what follows. What is not here may pass by itself.
_REASONS: dict[Reason, Meaning] = {
    Reason.MAILBOX_FULL: _FULL,
    Reason.TOO_LARGE: _DROP,
    Reason.RATE_LIMITED: _SLOW,
    **dict.fromkeys((Reason.SPAM, Reason.BLOCKED, Reason.POLICY, Reason.SENDER, Reason.RELAYING), _POLICY),
}
_FINAL = frozenset({Reaction.SUPPRESS, Reaction.PAUSE_TEMPLATE, Reaction.PAUSE_CHANNEL, Reaction.DROP})
_TOKEN = re.compile(r"\b[A-Z]{2}:[A-Z]{3}\b")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def read_refusal(code: int, text: str, status: str = "") -> Meaning:
    """What a 4xx or 5xx answer about one recipient means.

    `status` is the RFC 3463 status of a bounce; where it is empty the one that opens `text` counts.
    """
    status = status or reply_status(text)
    meaning = _by_text(code, text) or _CODES.get(code) or _by_log_in(status)
    return _unless_passing(meaning or _by_failure(read_failure(status, f"{code} {text}")), code, status)


def read_returned(failure: Failure, answer: str) -> Meaning:
    """The same of a mail that came back: `answer` is what the other server said, its code left out."""
    code = int(failure.code or (450 if failure.status.startswith("4") else 550))
    return _unless_passing(_by_text(code, answer) or _by_failure(failure), code, failure.status)


def _unless_passing(meaning: Meaning, code: int, status: str) -> Meaning:
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


def _by_log_in(status: str) -> Meaning | None:
    return _CHANNEL if status[2:] in _LOG_IN else None


def _by_failure(failure: Failure) -> Meaning:
    """Without a known text or status even a 5xx is soft; whoever counts the tries may give up after three."""
    if failure.permanence is Permanence.HARD:
        return _HARD
    return _REASONS.get(failure.reason) or (_FULL if failure.code == "552" else _SOFT)

"""Why a mail came back, and whether its address is gone: by the words first, then by the code.

What is not known to be final is soft: to write to a dead address once more costs little, to give up a good one a
member.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.channels.bounce_words import UNAVAILABLE, WORDS, Reason


class Permanence(StrEnum):
    HARD = "hard"  # the address is gone
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class Failure:
    """`status` is RFC 3463's where one is given or follows from a code of three digits, else empty."""

    permanence: Permanence
    reason: Reason
    status: str
    code: str = ""  # SMTP's, of three digits


FINAL = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.DISABLED, Reason.MOVED, Reason.BAD_ADDRESS})

_RULES = tuple((reason, re.compile(pattern, re.IGNORECASE)) for reason, pattern in WORDS)

_STATUSES: dict[str, Reason] = {  # RFC 3463 without its class
    **dict.fromkeys(("1.0", "1.1", "1.4", "1.5", "1.9"), Reason.USER_UNKNOWN),
    **dict.fromkeys(("1.2", "1.10"), Reason.HOST_UNKNOWN),
    "1.3": Reason.BAD_ADDRESS,
    "1.6": Reason.MOVED,
    **dict.fromkeys(("1.7", "1.8"), Reason.SENDER),
    "2.1": Reason.DISABLED,
    "2.2": Reason.MAILBOX_FULL,
    **dict.fromkeys(("2.3", "3.4"), Reason.TOO_LARGE),
    "4.6": Reason.LOOP,
    "4.7": Reason.TIMEOUT,
}
_STATUS_FAMILIES = {"3": Reason.SYSTEM, "4": Reason.NETWORK, "5": Reason.SYSTEM, "6": Reason.SYSTEM, "7": Reason.POLICY}

_CODE = re.compile(r"(?<![\d.:/@=-])([45][0-6]\d)(?=[\s:,;#)>\]-]|$)(?!-\d{3}-)")
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,2}\.\d{1,3})(?![\d.]*\d)")
_URL = re.compile(r"(https?://|www\.)[^\s<>\"')）]+", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"':;,（）]+@[^\s<>()\[\]\"':;,（）]+")


def read_failure(status: str, diagnostic: str, context: str = "") -> Failure:
    """What a failed delivery means. `status` is the report's field, `diagnostic` the other server's answer, `context`
    what is said around it for people, asked only where the answer says nothing.
    """
    said = _plain(diagnostic)
    code = _found(_CODE, said)
    given, stated = _found(_STATUS, status), _found(_STATUS, said)
    exact = stated if stated and not (stated.endswith(".0.0") and given) else given or stated
    final = _is_final(code, exact, given)
    reason = _by_words(said, final) or _by_status(exact) or _by_words(_plain(context), final) or Reason.UNKNOWN
    if not code and not exact:
        code = _found(_CODE, _plain(context))
        exact = _found(_STATUS, _plain(context))
        final = _is_final(code, exact, "")
    hard = final and reason in FINAL
    return Failure(
        Permanence.HARD if hard else Permanence.SOFT, reason, exact or (f"{code[0]}.0.0" if code else ""), code
    )


def _plain(text: str) -> str:
    """One line without web addresses and mail addresses, in which any word may stand."""
    return " ".join(_ADDRESS.sub("x@x", _URL.sub(" ", text[:4000])).split())


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _is_final(code: str, exact: str, given: str) -> bool:
    if code:
        return code[0] == "5"
    return (exact or given or "5")[0] != "4"


def _by_words(text: str, final: bool) -> Reason | None:
    found = next((reason for reason, rule in _RULES if rule.search(text)), None)
    if found is None and final and UNAVAILABLE.search(text):
        return Reason.USER_UNKNOWN
    return found


def _by_status(status: str) -> Reason | None:
    detail = status[2:]
    if detail in ("", "0.0"):
        return None
    return _STATUSES.get(detail) or _STATUS_FAMILIES.get(detail[0])

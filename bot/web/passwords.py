"""Passwords and one-time codes: made, kept and checked. Argon2 by argon2-cffi, RFC 6238 by pyotp."""

import asyncio
import hmac
import secrets
from datetime import datetime

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.language import say

SHORTEST = 10
LONGEST = 256
_STEP = 30  # seconds of a code
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike: it is read from a terminal
_WELL_KNOWN = frozenset(
    [
        "qwertyuiop",
        "asdfghjkl1",
        "1q2w3e4r5t",
        "1qaz2wsx3edc",
        "q1w2e3r4t5",
        "qwerty12345",
        "password12",
        "password123",
        "password1234",
        "passw0rd123",
        "iloveyou123",
        "admin12345",
        "administrator",
        "woaini1314",
        "woaini520520",
        "abcd123456",
        "a123456789",
        "abc1234567",
    ]
)
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")


async def keep_password(given: str) -> str:
    """Argon2's own text, salt and parameters in it. In a thread: it takes tens of milliseconds on purpose."""
    return await asyncio.to_thread(_hasher.hash, given)


async def is_password(kept: str | None, given: str) -> bool:
    """Whether it is the one that was kept. It takes as long where there is none: no log-in can be guessed by time."""
    found = await asyncio.to_thread(_verify, kept or _NOBODY, given[:LONGEST])
    return found and kept is not None


def _verify(kept: str, given: str) -> bool:
    try:
        return _hasher.verify(kept, given)
    except (VerificationError, InvalidHashError):
        return False


def make_password() -> str:
    """A one-time password, 60 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def fault_of(password: str, *, login: str, name: str) -> str:
    """What is wrong with a new password, in words for who chose it; "" for nothing. Length counts (NIST 800-63B)."""
    if len(password) < SHORTEST:
        return say("至少{n}个字符。几个不相干的词连起来，好记也够长").format(n=SHORTEST)
    if len(password) > LONGEST:
        return say("最多{n}个字符").format(n=LONGEST)
    if len(set(password)) < 5:
        return say("重复的字符太多，换一个")
    if password.isdigit() or password.casefold() in _WELL_KNOWN:
        return say("太常见，一猜就中，换一个")
    if password.casefold() in {login.casefold() * 2, name.casefold() * 2} or login.casefold() in password.casefold():
        return say("不要把账号放进密码")
    return ""


def make_totp_secret() -> str:
    return pyotp.random_base32()


def totp_uri(secret: str, login: str, issuer: str) -> str:
    """What an authenticator app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def totp_step(secret: str, code: str, now: datetime) -> int | None:
    """The number of the half minute a code belongs to: this one or one beside it; None where it is wrong."""
    digits = code.replace(" ", "")
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    totp, this = pyotp.TOTP(secret), int(now.timestamp()) // _STEP
    for step in (this, this - 1, this + 1):
        if hmac.compare_digest(totp.at(step * _STEP), digits):
            return step
    return None

"""What the provider keeps of one account: tokens and ids given out, quotas, QR codes that carry a scene."""

import base64
import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from campaigns.terms import SHANGHAI

Clock = Callable[[], datetime]

LIFE = timedelta(seconds=7200)
OVERLAP = timedelta(minutes=5)
TOKEN = re.compile(r"[0-9]{2}_[0-9A-Za-z_-]{509}")  # 512 in all: whoever stores less loses its end
FORCED_PER_DAY, FORCED_APART = 20, timedelta(seconds=30)
DAILY: Final[Mapping[str, int]] = {
    "token": 2_000,
    "stable_token": 500_000,
    "message/template/send": 100_000,
    "message/mass/send": 100,
    "menu/create": 1_000,
}
LONGEST_LIFE, USUAL_LIFE = 2_592_000, 60  # seconds, of a QR code
INVALID_NAME, INVALID_INFO = 40052, 40053
MINUTELY: Final[Mapping[str, int]] = {"stable_token": 10_000, "message/mass/send": 60}


@dataclass(frozen=True, slots=True)
class Grant:
    token: str
    expires_in: int  # seconds


@dataclass(slots=True)
class _Issued:
    expires_at: datetime
    ends_at: datetime | None = None  # a newer one has taken its place


class Tokens:
    """Both families of access tokens. They know nothing of each other."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._issued: dict[str, _Issued] = {}
        self._plain = self._stable = ""
        self._forced: list[datetime] = []

    def plain(self) -> Grant:
        """Always a new one; the one before it lives on for five minutes."""
        self._end(self._plain, self._now() + OVERLAP)
        self._plain, grant = self._issue()
        return grant

    def stable(self, force: bool) -> Grant | int:
        """The same one until its last five minutes, or an errcode where a new one was forced too often."""
        now = self._now()
        if force:
            if errcode := self._forced_too_often(now):
                return errcode
            self._forced.append(now)
            self._end(self._stable, now)
        elif issued := self._issued.get(self._stable):
            left = issued.expires_at - now
            if left >= OVERLAP and issued.ends_at is None:
                return Grant(self._stable, int(left.total_seconds()))
        self._stable, grant = self._issue()
        return grant

    def verdict(self, token: str) -> int:
        """0, or the errcode that a call with this token gets."""
        if not token:
            return 41001
        if not TOKEN.fullmatch(token):
            return 40014
        issued = self._issued.get(token)
        if issued is None or (issued.ends_at is not None and self._now() >= issued.ends_at):
            return 40001
        return 42001 if self._now() >= issued.expires_at else 0

    def revoke(self) -> None:
        """The account's password was changed, say: nothing given out so far is good any more."""
        for issued in self._issued.values():
            issued.ends_at = self._now()

    def _issue(self) -> tuple[str, Grant]:
        token = f"{len(self._issued) % 90 + 10}_{secrets.token_urlsafe(400)[:509]}"
        self._issued[token] = _Issued(self._now() + LIFE)
        return token, Grant(token, int(LIFE.total_seconds()))

    def _end(self, token: str, moment: datetime) -> None:
        issued = self._issued.get(token)
        if issued is not None and issued.ends_at is None:
            issued.ends_at = moment

    def _forced_too_often(self, now: datetime) -> int:
        if self._forced and now - self._forced[-1] < FORCED_APART:
            return 45011
        today = sum(_day(moment) == _day(now) for moment in self._forced)
        return 45009 if today >= FORCED_PER_DAY else 0


class Quotas:
    """Calls per API and Shanghai's day, or minute; the rest is unlimited."""

    def __init__(self, daily: Mapping[str, int], now: Clock) -> None:
        self.daily = {**DAILY, **daily}
        self._now = now
        self._counts: Counter[tuple[str, str]] = Counter()

    def verdict(self, api: str) -> int:
        """Counts this call; 0, or the errcode it gets."""
        now = self._now().astimezone(SHANGHAI)
        if self._is_over(api, f"{now:%Y-%m-%d}", self.daily.get(api)):
            return 45009
        return 45011 if self._is_over(api, f"{now:%Y-%m-%d %H:%M}", MINUTELY.get(api)) else 0

    def _is_over(self, api: str, period: str, limit: int | None) -> bool:
        if limit is None:
            return False
        self._counts[api, period] += 1
        return self._counts[api, period] > limit


@dataclass(frozen=True, slots=True)
class _Code:
    scene: str
    expires_at: datetime | None  # None: for ever


class SceneCodes:
    def __init__(self) -> None:
        self._codes: dict[str, _Code] = {}

    def create(self, given: Mapping[str, Any], now: datetime, noise: bytes) -> dict[str, Any] | int:
        """The answer to qrcode/create, or an errcode. `noise`: 48 random bytes, the ticket is made of them."""
        name = given.get("action_name")
        if not isinstance(name, str) or name not in _SCENES:
            return INVALID_NAME
        scene = _scene(name, given.get("action_info"))
        if scene is None:
            return INVALID_INFO
        ticket = f"gQ{base64.b64encode(noise).decode('ascii')}=="
        answer = {"ticket": ticket, "url": f"http://weixin.qq.com/q/{noise[:12].hex()}"}
        if "LIMIT" in name:
            self._codes[ticket] = _Code(scene, None)
            return answer
        seconds = given.get("expire_seconds", USUAL_LIFE)
        if type(seconds) is not int or not 1 <= seconds <= LONGEST_LIFE:
            return INVALID_INFO
        self._codes[ticket] = _Code(scene, now + timedelta(seconds=seconds))
        return {**answer, "expire_seconds": seconds}

    def scene_of(self, ticket: str, now: datetime) -> str | None:
        code = self._codes.get(ticket)
        if code is None or (code.expires_at is not None and now >= code.expires_at):
            return None
        return code.scene


class Numbers:
    """Ids of messages: 64 bits, and more than a JavaScript number can hold. `epoch` differs after a restart."""

    def __init__(self, seed: int, epoch: int, now: Clock) -> None:
        self._seed, self._epoch, self._now = seed, epoch, now
        self._given = 0

    def next(self) -> int:
        self._given += 1
        return self.of(f"{self._epoch} {self._given} {self._now().isoformat()}")

    def of(self, about: str) -> int:
        """The same for the same words."""
        mark = hashlib.sha256(f"{self._seed} {about}".encode()).digest()
        return 1 << 62 | int.from_bytes(mark[:7], "big")


def verdict_on_credentials(given: Mapping[str, Any], appid: str, secret: str) -> int:
    """0, or the errcode of a call for a token; appid and secret are the account's own."""
    offered = given.get("secret")
    if given.get("grant_type") != "client_credential":
        return 40002
    if not given.get("appid"):
        return 41002
    if not offered:
        return 41004
    if given["appid"] != appid:
        return 40013
    if not isinstance(offered, str) or len(offered) != len(secret):
        return 40125
    return 0 if hmac.compare_digest(offered.encode(), secret.encode()) else 40001


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d}"


# Per action the key of its scene and, of a number, the largest; text has 1 to 64 characters.
_SCENES = {
    "QR_STR_SCENE": ("scene_str", 0),
    "QR_LIMIT_STR_SCENE": ("scene_str", 0),
    "QR_SCENE": ("scene_id", 2**32 - 1),
    "QR_LIMIT_SCENE": ("scene_id", 100_000),
}


def _scene(name: str, info: object) -> str | None:
    scene = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(scene, dict):
        return None
    key, largest = _SCENES[name]
    value = scene.get(key)
    if key == "scene_str":
        return value if isinstance(value, str) and 1 <= len(value) <= 64 else None
    return str(value) if type(value) is int and 1 <= value <= largest else None

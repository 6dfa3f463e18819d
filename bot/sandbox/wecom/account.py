"""What WeCom keeps of one corporation: its apps, their tokens, whom it has blocked, how often it was called."""

import hashlib
import hmac
import secrets
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bot.sandbox.wecom.words import Refused

Clock = Callable[[], datetime]

LIFE = timedelta(seconds=7200)
LENGTH = 512  # whoever stores less of a token loses its end
PER_MINUTE, PER_HOUR = 10_000, 150_000  # calls of one API
# How many failing calls are too frequent is not published.
FAILURES, WITHIN, BLOCKED_FOR = 20, timedelta(minutes=1), timedelta(hours=1)
MESSAGE: Final = "message"
CONTACT: Final = "externalcontact"
KF: Final = "kf"


@dataclass(frozen=True, slots=True)
class WecomApp:
    """A self-built app. `may`: the families of APIs it is listed for; the system's own secrets have had none of
    customer contact since 2023-12-01."""

    agentid: int
    secret: str
    may: frozenset[str] = frozenset((MESSAGE, CONTACT, KF))


@dataclass(slots=True)
class _Issued:
    token: str
    app: WecomApp
    expires_at: datetime
    ended: bool = False


class Tokens:
    """One token for each app's secret: asked for again, it is the same one until it ends."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._by_token: dict[str, _Issued] = {}
        self._newest: dict[str, _Issued] = {}

    def give(self, app: WecomApp) -> dict[str, Any]:
        now, issued = self._now(), self._newest.get(app.secret)
        if issued is None or issued.ended or now >= issued.expires_at:
            issued = _Issued(secrets.token_urlsafe(LENGTH)[:LENGTH], app, now + LIFE)
            self._newest[app.secret] = self._by_token[issued.token] = issued
        return {"access_token": issued.token, "expires_in": int((issued.expires_at - now).total_seconds())}

    def app_of(self, token: str) -> WecomApp:
        """Raises Refused (41001, 40014, 42001)."""
        if not token:
            raise Refused(41001)
        issued = self._by_token.get(token)
        if issued is None or issued.ended:
            raise Refused(40014)
        if self._now() >= issued.expires_at:
            raise Refused(42001)
        return issued.app

    def revoke(self) -> None:
        """The operator may end tokens early."""
        for issued in self._by_token.values():
            issued.ended = True


class Gate:
    """Who may call: credentials, the caller's address, the app's rights, and how often. Every check raises Refused.

    `ip_allow_list` None: calls are taken from anywhere.
    """

    def __init__(
        self,
        corpid: str,
        apps: Sequence[WecomApp],
        now: Clock,
        ip_allow_list: Collection[str] | None,
        limits: Mapping[str, int],
    ) -> None:
        self.ip_allow_list, self.limits = ip_allow_list, dict(limits)
        self._corpid, self._apps, self._now = corpid, list(apps), now
        self._tokens = Tokens(now)
        self._calls: Counter[tuple[str, str]] = Counter()
        self._failures: dict[str, deque[datetime]] = {}
        self._blocked: dict[str, datetime] = {}

    def give_token(self, query: Mapping[str, str], ip: str) -> dict[str, Any]:
        until = self._blocked.get(ip)
        if until is not None and self._now() < until:
            raise Refused(45009, "too many failing calls")
        try:
            return self._tokens.give(self._app_by(query))
        except Refused:
            self._note_failure(ip)
            raise

    def admit(self, token: str, family: str, ip: str) -> WecomApp:
        """The app that the caller speaks for."""
        app = self._tokens.app_of(token)
        if self.ip_allow_list is not None and ip not in self.ip_allow_list:
            raise Refused(60020)
        if family not in app.may:
            raise Refused(48002)
        return app

    def count(self, api: str) -> None:
        """One more call of this API, such as "message/send"."""
        now = self._now()
        for period, most in (
            (f"{now:%Y-%m-%d %H:%M}", self.limits.get(api, PER_MINUTE)),
            (f"{now:%Y-%m-%d %H}", PER_HOUR),
        ):
            self._calls[api, period] += 1
            if self._calls[api, period] > most:
                raise Refused(45009)

    def revoke(self) -> None:
        """Every token given out is void."""
        self._tokens.revoke()

    def _app_by(self, query: Mapping[str, str]) -> WecomApp:
        offered = query.get("corpsecret", "")
        if query.get("corpid") != self._corpid:
            raise Refused(40013)
        if not offered:
            raise Refused(41004)
        if len(offered) != len(self._apps[0].secret):
            raise Refused(40091)
        for app in self._apps:
            if hmac.compare_digest(offered.encode(), app.secret.encode()):
                return app
        raise Refused(40001)

    def _note_failure(self, ip: str) -> None:
        failures = self._failures.setdefault(ip, deque(maxlen=FAILURES))
        failures.append(self._now())
        if len(failures) == FAILURES and self._now() - failures[0] <= WITHIN:
            self._blocked[ip] = self._now() + BLOCKED_FOR
            failures.clear()


class Ids:
    """Opaque ids. `epoch` differs after a restart, so that none comes a second time."""

    def __init__(self, seed: int, epoch: int, now: Clock) -> None:
        self._seed, self._epoch, self._now = seed, epoch, now
        self._given = 0

    def next(self, prefix: str, length: int = 32) -> str:
        self._given += 1
        return prefix + self.of(f"{self._epoch} {self._given} {self._now().isoformat()}", length - len(prefix))

    def of(self, about: str, length: int = 32) -> str:
        """The same for the same words, hexadecimal."""
        return hashlib.sha512(f"{self._seed} {about}".encode()).hexdigest()[:length]

    def number(self) -> int:
        """64 bits, and more than a JavaScript number can hold."""
        return 1 << 62 | int(self.next("", 14), 16)

"""When to leave a provider alone: it says so, it is silent, or its answer is about more than one message."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from campaigns.terms import Reaction, SendResult

NO_CONNECTION, NOT_TRIED = "no connection", "not tried"
_SILENCE_BORNE = 5  # calls in a row without an answer
_LONGEST = timedelta(days=1)
_WHOLE_CHANNEL = frozenset({Reaction.SLOW, Reaction.NEXT_DAY, Reaction.PAUSE_CHANNEL})


class Rest:
    """How long a provider wants no calls, by the Retry-After of its answers."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._until = now, datetime.min.replace(tzinfo=UTC)

    def read(self, response: httpx.Response) -> timedelta | None:
        """What an answer other than 200 asks for; it is kept from now on. None where it asks for nothing."""
        wait = _retry_after(response, self._now()) if response.status_code != 200 else None
        if wait is not None:
            self._until = max(self._until, self._now() + wait)
        return wait

    def left(self) -> timedelta:
        """Zero where there is nothing to wait for."""
        return max(self._until - self._now(), timedelta())

    def refuse(self, message_id: int) -> SendResult:
        """The result of a message that is not tried meanwhile."""
        return SendResult(message_id, Reaction.SLOW, code=NOT_TRIED, detail="Retry-After", retry_after=self.left())


class Round:
    """What the calls of one send() learn from each other: why the rest of it is not tried."""

    def __init__(self, rest: Rest) -> None:
        self._rest, self._silent = rest, 0
        self._closed: dict[str, SendResult] = {}  # a template, or "" for the whole channel

    def learn(self, result: SendResult, template: str = "") -> None:
        unanswered = result.reaction is Reaction.UNKNOWN or result.code == NO_CONNECTION
        self._silent = self._silent + 1 if unanswered else 0
        if result.reaction in _WHOLE_CHANNEL:
            self._closed[""] = result
        elif result.reaction is Reaction.PAUSE_TEMPLATE and template:
            self._closed[template] = result
        elif self._silent >= _SILENCE_BORNE:
            self._closed[""] = SendResult(result.id, Reaction.SLOW, code=NOT_TRIED)

    def refuse(self, message_id: int, template: str = "") -> SendResult | None:
        """The result of a message that is not tried; None where it may be."""
        if self._rest.left():
            return self._rest.refuse(message_id)
        closed = self._closed.get("") or self._closed.get(template)
        return replace(closed, id=message_id, provider_id="", detail=NOT_TRIED) if closed else None


def _retry_after(response: httpx.Response, now: datetime) -> timedelta | None:
    """Seconds, or a moment: by the answer's own clock where it tells the time, for ours may differ."""
    given = response.headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return min(timedelta(seconds=int(given[:9])), _LONGEST)
    until, then = _moment(given), _moment(response.headers.get("date", "")) or now
    return min(max(until - then, timedelta()), _LONGEST) if until else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

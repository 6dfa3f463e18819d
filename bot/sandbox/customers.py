"""Who answers what: customers with habits of their own, on every channel, and the list of what they said."""

import random
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol

from bot.sandbox.stage import Accepted, Stage, Where, same_address
from campaigns.errors import DefinitionError
from campaigns.terms import SHANGHAI, Intent

# How often each is meant, of a hundred answers; the rare ones are what must not be missed.
WEIGHTS = {
    Intent.STOP: 12,
    Intent.COMPLAINT: 4,
    Intent.INTERESTED: 12,
    Intent.CALL_ME: 10,
    Intent.PROBLEM_POST: 6,
    Intent.PROBLEM_LOGIN: 10,
    Intent.PROBLEM_UNREAD: 7,
    Intent.PROBLEM_NOAPPLY: 6,
    Intent.PROBLEM_PAY: 4,
    Intent.HIRING_PLAN: 8,
    Intent.FILLED: 6,
    Intent.WRONG_CONTACT: 3,
    Intent.THANKS: 8,
    Intent.UNKNOWN: 4,
}
WAKES, SLEEPS = time(8, 0), time(21, 0)  # Asia/Shanghai
SOONEST, LATEST = timedelta(minutes=2), timedelta(hours=6)
# The same person does not chat: without this our answer to an answer would be answered for ever.
SILENT_AFTER_A_WORD = timedelta(days=3)
SILENT_AFTER_A_MACHINE = timedelta(days=7)  # RFC 3834: once to each correspondent and week
TRY_AGAIN = timedelta(minutes=10)
TRIES = 5


class Behaviour(StrEnum):
    SILENT = "silent"
    READS = "reads"
    ANSWERS = "answers"
    AUTOMATIC = "automatic"
    BOUNCES = "bounces"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer that our door took. `intent` is what the customer meant, `key` the message it answers."""

    channel: Where
    address: str
    text: str
    intent: Intent
    automatic: bool
    at: datetime
    key: str = ""


class Answerer(Protocol):
    """A channel's way back: delivers a customer's words to our door. Raises where the door did not take them.

    It may be called again with the same words; the provider's id of the answer must then be the same.
    """

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None: ...


class Bouncer(Protocol):
    """Where a channel can report later that an address does not exist."""

    async def bounce(self, accepted: Accepted) -> None: ...


Reader = Callable[[Accepted], Awaitable[None]]


class Customers:
    """Add `on_accepted` to `stage.listeners`, and each channel's answerer by `answer_by`.

    `reply_share` is the share of addresses that belong to people who answer. What an address does depends on the
    seed and the address alone, not on the order of events.
    """

    def __init__(
        self,
        stage: Stage,
        phrases: Mapping[Intent, Sequence[str]],
        reply_share: float = 0.25,
        automatic_share: float = 0.06,
        bounce_share: float = 0.01,
    ) -> None:
        self.stage = stage
        self.said: list[Said] = []
        self.read: list[Accepted] = []
        self.bounced: list[Accepted] = []
        self.readers: list[Reader] = []
        self._phrases = phrases
        self._meant = [intent for intent in WEIGHTS if phrases.get(intent)]
        self._shares = {
            Behaviour.ANSWERS: reply_share,
            Behaviour.AUTOMATIC: automatic_share if phrases.get(Intent.AUTO_REPLY) else 0.0,
            Behaviour.BOUNCES: bounce_share,
            Behaviour.READS: 0.3,
        }
        self._answerers: dict[Where, Answerer] = {}
        self._bouncers: dict[Where, Bouncer] = {}
        self._silent_until: dict[tuple[Where, str], datetime | None] = {}  # None: for ever

    def answer_by(self, channel: Where, answerer: Answerer, bouncer: Bouncer | None = None) -> None:
        self._answerers[channel] = answerer
        if bouncer is not None:
            self._bouncers[channel] = bouncer

    def on_accepted(self, accepted: Accepted) -> None:
        """Decide what this customer does about it and put it into the timetable."""
        if accepted.channel not in self._answerers:
            return
        match self.behaviour(accepted.channel, accepted.to):
            case Behaviour.ANSWERS:
                self._plan_answer(accepted)
            case Behaviour.AUTOMATIC:
                self._plan_automatic(accepted)
            case Behaviour.BOUNCES:
                self._plan_bounce(accepted)
            case Behaviour.READS:
                self.stage.timetable.at(self._leisure(accepted), partial(self._read, accepted), "customer reads")
            case Behaviour.SILENT:
                pass

    def behaviour(self, channel: Where, address: str) -> Behaviour:
        """What the owner of this address does, always."""
        roll = self._dice(channel, address, "behaviour").random()
        for behaviour, share in self._shares.items():
            if roll < share:
                return behaviour
            roll -= share
        return Behaviour.SILENT

    async def say(
        self, accepted: Accepted, text: str, intent: Intent = Intent.UNKNOWN, automatic: bool = False
    ) -> Said:
        """Answer now, as somebody at the customer's phone does. Raises where our door did not take it."""
        await self._answerers[accepted.channel].answer(accepted, text, automatic)
        said = Said(accepted.channel, accepted.to, text, intent, automatic, self.stage.now(), accepted.key)
        self.said.append(said)
        return said

    def _plan_answer(self, accepted: Accepted) -> None:
        if not self._meant or self._is_silent(accepted):
            return
        dice = self._dice_for(accepted)
        weights = [WEIGHTS[intent] for intent in self._meant]
        intent = dice.choices(self._meant, weights)[0]
        text = dice.choice(self._phrases[intent])
        moment = self._leisure(accepted)
        self._fall_silent(accepted, None if intent is Intent.STOP else moment + SILENT_AFTER_A_WORD)
        self._plan_words(moment, accepted, text, intent)

    def _plan_automatic(self, accepted: Accepted) -> None:
        if self._is_silent(accepted):
            return
        text = self._dice_for(accepted).choice(self._phrases[Intent.AUTO_REPLY])
        moment = self.stage.now() + timedelta(seconds=20)
        self._fall_silent(accepted, moment + SILENT_AFTER_A_MACHINE)
        self._plan_words(moment, accepted, text, Intent.AUTO_REPLY)

    def _plan_words(self, moment: datetime, accepted: Accepted, text: str, intent: Intent, tries: int = 1) -> None:
        action = partial(self._say_or_try_again, accepted, text, intent, tries)
        self.stage.timetable.at(moment, action, f"customer answers by {accepted.channel}")

    async def _say_or_try_again(self, accepted: Accepted, text: str, intent: Intent, tries: int) -> None:
        if not self.stage.reached(accepted):
            return
        try:
            await self.say(accepted, text, intent, automatic=intent is Intent.AUTO_REPLY)
        except Exception:
            if tries == TRIES:
                raise
            # A provider tries again too; our door may be down while a test kills what stands behind it.
            self._plan_words(self.stage.now() + TRY_AGAIN, accepted, text, intent, tries + 1)

    def _plan_bounce(self, accepted: Accepted) -> None:
        bouncer = self._bouncers.get(accepted.channel)
        if bouncer is not None:
            self.stage.lose(accepted)
            action = partial(self._bounce, bouncer, accepted)
            self.stage.timetable.later(timedelta(minutes=1), action, f"bounce by {accepted.channel}")

    async def _bounce(self, bouncer: Bouncer, accepted: Accepted) -> None:
        await bouncer.bounce(accepted)
        self.bounced.append(accepted)

    async def _read(self, accepted: Accepted) -> None:
        if not self.stage.reached(accepted):
            return
        self.read.append(accepted)
        for reader in self.readers:
            await reader(accepted)

    def _leisure(self, accepted: Accepted) -> datetime:
        """When this customer looks at it: soon as a rule, always by day."""
        dice = self._dice(accepted.channel, accepted.to, f"leisure {accepted.provider_id}")
        moment = self.stage.now() + SOONEST + (LATEST - SOONEST) * dice.random() ** 2
        return by_day(moment, timedelta(minutes=90) * dice.random())

    def _is_silent(self, accepted: Accepted) -> bool:
        who = _who(accepted)
        if who not in self._silent_until:
            return False
        until = self._silent_until[who]
        return until is None or self.stage.now() < until

    def _fall_silent(self, accepted: Accepted, until: datetime | None) -> None:
        self._silent_until[_who(accepted)] = until

    def _dice_for(self, accepted: Accepted) -> random.Random:
        return self._dice(accepted.channel, accepted.to, f"words {accepted.provider_id}")

    def _dice(self, channel: Where, address: str, about: str) -> random.Random:
        return self.stage.dice(f"customer {channel} {same_address(channel, address)} {about}")


def load_phrases(path: Path) -> dict[Intent, list[str]]:
    """`[intent] phrases = […]` for each intent. Raises DefinitionError where a name or a list is wrong."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError(path.name, "file", str(error)) from error
    return {_intent(path, name): _phrases(path, name, table) for name, table in tables.items()}


def _intent(path: Path, name: str) -> Intent:
    try:
        return Intent(name)
    except ValueError as error:
        raise DefinitionError(path.name, name, f"no such intent; there are {', '.join(Intent)}") from error


def _phrases(path: Path, name: str, table: object) -> list[str]:
    phrases = table.get("phrases") if isinstance(table, dict) else None
    if not isinstance(phrases, list) or not phrases or not all(isinstance(p, str) and p.strip() for p in phrases):
        raise DefinitionError(path.name, f"{name}.phrases", "must be a list of phrases, none of them empty")
    return phrases


def _who(accepted: Accepted) -> tuple[Where, str]:
    return accepted.channel, same_address(accepted.channel, accepted.to)


def by_day(moment: datetime, after_waking: timedelta) -> datetime:
    local = moment.astimezone(SHANGHAI)
    if WAKES <= local.time() < SLEEPS:
        return moment
    day = local.date() if local.time() < WAKES else local.date() + timedelta(days=1)
    return datetime.combine(day, WAKES, SHANGHAI) + after_waking

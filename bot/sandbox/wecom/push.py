"""WeCom's callbacks to our door: always encrypted, signed over the ciphertext, repeated until answered with 200."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.sandbox.stage import Stage
from bot.sandbox.wechat_bodies import Fields, to_xml
from bot.sandbox.wechat_push import Door, Push, aes_key, encrypt, sign


@dataclass(frozen=True, slots=True)
class Quirks:
    """How pushes behave, and what customers did beforehand; every share is 0 to 1."""

    missing_share: float = 0.0  # of pushes: never made
    late_share: float = 0.0  # of pushes: hours later, out of their order
    latest_of_the_late: timedelta = timedelta(hours=12)
    duplicate_share: float = 0.05  # of pushes: pushed again although answered,
    again: int = 1  # so often
    empty_page_share: float = 0.2  # of pages of sync_msg: no message, yet more to come
    kf_failure_share: float = 0.01  # of accepted messages of customer service: never arrive
    kf_verdict_late: bool = False  # a message too many or too late is accepted, and reported as failed afterwards
    contact_lag: timedelta = timedelta(0)  # so long after the change event a new contact is still unknown
    soonest: timedelta = timedelta(seconds=2)
    latest: timedelta = timedelta(seconds=30)


class Envelope:
    """What the corporation's app pushes. Raises InputError for a key that is none."""

    def __init__(self, *, token: str, encoding_aes_key: str, corpid: str, agentid: int, dice: random.Random) -> None:
        self.token, self.key, self.corpid, self.agentid = token, aes_key(encoding_aes_key), corpid, agentid
        self._dice = dice

    def wrap(self, about: str, fields: Fields, moment: datetime) -> Push:
        """`about` names whom it is about, for whoever reads the list of pushes that were lost."""
        whole = {"ToUserName": self.corpid, "CreateTime": int(moment.timestamp()), **fields}
        return self.seal(about, to_xml(whole), moment)

    def seal(self, about: str, text: str, moment: datetime, receive_id: str | None = None) -> Push:
        encrypted = encrypt(self.key, self.corpid if receive_id is None else receive_id, text, self._dice.randbytes(16))
        return self.enclose(about, encrypted, moment)

    def enclose(self, about: str, encrypted: str, moment: datetime) -> Push:
        """Signed as it must be, whatever is in it."""
        outer = {"ToUserName": self.corpid, "AgentID": str(self.agentid), "Encrypt": encrypted}
        return Push(about, self.signed(encrypted, moment), to_xml(outer).encode())

    def signed(self, encrypted: str, moment: datetime) -> dict[str, str]:
        timestamp, nonce = str(int(moment.timestamp())), str(self._dice.randrange(10**8, 10**10))
        signature = sign(self.token, timestamp, nonce, encrypted)
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    def challenge(self, moment: datetime) -> tuple[dict[str, str], str]:
        """The query of the URL verification, and the words inside it that must come back."""
        words = str(self._dice.randrange(10**18, 10**19))
        echo = encrypt(self.key, self.corpid, words, self._dice.randbytes(16))
        return self.signed(echo, moment) | {"echostr": echo}, words


class Callbacks:
    """Everything that leaves by `door`."""

    def __init__(self, stage: Stage, envelope: Envelope, quirks: Quirks) -> None:
        self.quirks = quirks
        self.envelope = envelope
        self.verify_seconds = 1.0  # real time
        self.door = Door(None, stage.now, stage.timetable.at, lambda _push, _answer: None)
        self._stage = stage
        self._dice = stage.dice("wecom callbacks")

    async def verify_url(self) -> bool:
        """Ask our door to prove itself, as WeCom does when the address is set up: the words decrypted, within a
        second, with nothing around them."""
        query, words = self.envelope.challenge(self._stage.now())
        try:
            async with asyncio.timeout(self.verify_seconds):
                return await self.door.ask(query) == words.encode()
        except TimeoutError:
            return False

    async def push(self, about: str, fields: Mapping[str, object]) -> Push:
        push = self.envelope.wrap(about, fields, self._stage.now())
        if self._is_lost_or_late(push):
            push.taken = True  # as far as those know whom it is about
            return push
        await self.door.deliver(push)
        if push.taken and self._dice.random() < self.quirks.duplicate_share:
            for _ in range(self.quirks.again):
                delay = timedelta(seconds=self._dice.randint(5, 60))
                self._stage.timetable.later(delay, partial(self.door.repeat, push), "wecom push repeated")
        return push

    def _is_lost_or_late(self, push: Push) -> bool:
        if self._dice.random() < self.quirks.missing_share:
            return True
        if self._dice.random() >= self.quirks.late_share:
            return False
        delay = self.quirks.latest_of_the_late * self._dice.random()
        self._stage.timetable.later(delay, partial(self.door.deliver, push), "wecom push comes late")
        return True

    async def tell_contact(self, change: str, userid: str, external_userid: str, **more: object) -> Push:
        """One `change_external_contact`."""
        fields = {"Event": "change_external_contact", "ChangeType": change, "UserID": userid}
        whole = {"FromUserName": "sys", "MsgType": "event", **fields, "ExternalUserID": external_userid, **more}
        return await self.push(external_userid, whole)

"""What a WeChat account pushes to our door: receipts, words and events; and what followers see of our answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wechat_account import Numbers
from bot.sandbox.wechat_bodies import ReplyUnreadable
from bot.sandbox.wechat_push import Door, Envelope, Push
from campaigns.terms import ChannelName

SUCCESS, BLOCKED, FAILED = "success", "failed:user block", "failed: system failed"
SILENT = (b"", b"success")
NO_SERVICE = "该公众号提供的服务出现故障，请稍后再试"


@dataclass(frozen=True, slots=True)
class Quirks:
    """How followers and pushes behave; every share is 0 to 1."""

    soonest: timedelta = timedelta(seconds=2)
    latest: timedelta = timedelta(seconds=30)
    block_share: float = 0.01  # of followers: they have refused template messages
    failure_share: float = 0.01  # of template messages
    missing_share: float = 0.0  # of receipts: never pushed
    late_share: float = 0.0  # of receipts: days or weeks after the message, out of their order
    latest_of_the_late: timedelta = timedelta(days=21)
    unknown_share: float = 0.0  # of receipts: with one about a message that nobody sent
    duplicate_share: float = 0.05  # of pushes: pushed again although answered,
    again: int = 1  # so often


Event = tuple[str, Mapping[str, object]]  # about whom, and its fields
MakeEvent = Callable[[], Event]  # asked when it is pushed


@dataclass(frozen=True, slots=True)
class Notice:
    """What WeChat shows a follower when the account's server does not answer as it must."""

    openid: str
    at: datetime
    text: str = NO_SERVICE


class Callbacks:
    """Everything that leaves by `door`. `follows` says whether somebody follows the account now."""

    def __init__(
        self, stage: Stage, envelope: Envelope, numbers: Numbers, quirks: Quirks, follows: Callable[[str], bool]
    ) -> None:
        self.quirks = quirks
        self.notices: list[Notice] = []
        self.door = Door(None, stage.now, stage.timetable.at, self._hear_answer)
        self._stage, self._envelope, self._numbers, self._follows = stage, envelope, numbers, follows
        self._dice = stage.dice("wechat callbacks")
        self._overtaking: list[MakeEvent] = []

    async def verify_url(self) -> bool:
        """Ask our door to prove itself, as the provider does when the address is set up."""
        query = self._envelope.challenge(self._stage.now())
        return await self.door.ask(query) == query["echostr"].encode()

    async def push(self, openid: str, msgtype: str, fields: Mapping[str, object]) -> Push:
        """Tell of a message or an event."""
        push = self._envelope.wrap(openid, msgtype, fields, self._stage.now())
        await self.door.deliver(push)
        if push.taken and self._dice.random() < self.quirks.duplicate_share:
            for _ in range(self.quirks.again):
                delay = timedelta(seconds=self._dice.randint(5, 60))
                self._stage.timetable.later(delay, partial(self.door.repeat, push), "wechat push repeated")
        return push

    def takes(self, openid: str) -> bool:
        """Whether this follower lets such messages in; the same in every run."""
        return openid not in self._stage.full and self._roll(f"block {openid}") >= self.quirks.block_share

    def status_of(self, row: Accepted) -> str:
        """What becomes of an accepted template message; the same in every run."""
        if not self.takes(row.to) or not self._follows(row.to):
            return BLOCKED
        return FAILED if self._roll(f"failure {row.provider_id}") < self.quirks.failure_share else SUCCESS

    def plan_receipt(self, row: Accepted, *, overtakes: bool) -> None:
        """Of a template message or a subscription notice."""
        self._lose_if_failed(row)
        self.plan(row.provider_id, row.at, partial(self._receipt, row), overtakes=overtakes)

    def plan(self, about: str, moment: datetime, event: MakeEvent, *, overtakes: bool) -> None:
        """Push an event about something of `moment` as the quirks have it. `overtakes`: it leaves with
        `push_overtaking`, not some seconds later."""
        if self._roll(f"missing {about}") < self.quirks.missing_share:
            return
        if overtakes:
            self._overtaking.append(event)
            return
        self._stage.timetable.at(moment + self._wait(about), partial(self._push_event, event), "wechat receipt")
        if self._roll(f"unknown {about}") < self.quirks.unknown_share:
            strange = partial(_renumbered, event, self._numbers.of(f"unknown {about}"))
            self._stage.timetable.at(moment + self.quirks.latest, partial(self._push_event, strange), "wechat receipt")

    async def push_overtaking(self) -> None:
        """The receipts that are there before the answer to the call."""
        events, self._overtaking = self._overtaking, []
        for event in events:
            await self._push_event(event)

    async def _push_event(self, event: MakeEvent) -> None:
        openid, fields = event()
        await self.push(openid, "event", fields)

    def _wait(self, about: str) -> timedelta:
        quirks = self.quirks
        if self._roll(f"late {about}") < quirks.late_share:
            return quirks.latest_of_the_late * self._roll(f"so late {about}")
        return quirks.soonest + (quirks.latest - quirks.soonest) * self._roll(about)

    def _receipt(self, row: Accepted) -> Event:
        number = int(row.provider_id)
        if row.words["kind"] == "template":
            self._lose_if_failed(row)  # who has left since is reported as a block
            return row.to, {"Event": "TEMPLATESENDJOBFINISH", "MsgID": number, "Status": self.status_of(row)}
        sent = {"TemplateId": row.words["template_id"], "MsgID": number, "ErrorCode": 0, "ErrorStatus": SUCCESS}
        return row.to, {"Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": [sent]}}

    def _lose_if_failed(self, row: Accepted) -> None:
        if row.words["kind"] == "template" and self.status_of(row) != SUCCESS:
            self._stage.lose(row)

    def _hear_answer(self, push: Push, answer: bytes | None) -> None:
        """What the follower sees of our door's answer: nothing, a passive reply, or that something is broken."""
        if answer in SILENT:
            return
        try:
            msgtype, text = self._envelope.read_reply(push.openid, answer or b"")
        except ReplyUnreadable:
            self.notices.append(Notice(push.openid, self._stage.now()))
            return
        if msgtype != "transfer_customer_service":
            words = {"kind": "passive", "msgtype": msgtype, "text": text}
            number = f"passive-{self._numbers.next()}"
            self._stage.accept(ChannelName.WECHAT, push.openid, key="", words=words, provider_id=number)

    def _roll(self, about: str) -> float:
        return self._stage.dice(f"wechat {about}").random()


def _renumbered(event: MakeEvent, number: int) -> Event:
    """The same about a message that nobody sent."""
    openid, fields = event()
    if "MsgID" in fields:
        return openid, {**fields, "MsgID": number}
    sent = fields["SubscribeMsgSentEvent"]
    assert isinstance(sent, Mapping)
    return openid, {**fields, "SubscribeMsgSentEvent": {"List": [{**one, "MsgID": number} for one in sent["List"]]}}

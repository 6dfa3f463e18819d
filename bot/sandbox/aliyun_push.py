"""Aliyun's HTTP batch push: receipts and customers' words to our doors, unsigned, repeated until taken."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from campaigns.terms import SHANGHAI

RETRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=10))  # each after the one before
LARGEST_BATCH = 100
TIMEOUT_SECONDS = 10  # real time

DELIVERED, EMPTY_NUMBER = "DELIVERED", "MK:0001"
CARRIER_WORDS = {
    DELIVERED: "用户接收成功",
    EMPTY_NUMBER: "空号",
    "MK:0005": "停机",
    "MK:0010": "关机",
    "MK:0023": "不在服务区",
    "EXPIRED": "超时",
    "UNDELIV": "未送达",
}
PASSING = ("MK:0010", "MK:0010", "MK:0023", "MK:0005", "EXPIRED", "UNDELIV")  # not the number's fault for ever
NUMBER_SEEN = "10690811"  # the sender on the customer's phone, our extension behind it

Item = dict[str, Any]
Later = Callable[[timedelta, Callable[[], Awaitable[None]], str], datetime]


@dataclass(frozen=True, slots=True)
class Fate:
    """What the carrier made of one message, and when it said so."""

    code: str
    at: datetime

    @property
    def delivered(self) -> bool:
        return self.code == DELIVERED


@dataclass(slots=True)
class Delivery:
    """One push, through all its tries."""

    items: list[Item]
    tries: int = 0
    taken: bool = False

    @property
    def lost(self) -> bool:
        return not self.taken and self.tries > len(RETRIES)


class Door:
    """One of our addresses that the provider pushes to; without one (`url` None) it keeps things to itself.

    `later` runs an action in the stage's time. What was not taken at the last try stands in `lost`.
    """

    def __init__(self, label: str, url: str | None, later: Later) -> None:
        self.url = url
        self.lost: list[Delivery] = []
        self._label, self._later = label, later
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def deliver(self, delivery: Delivery) -> None:
        """Push once; where it is not taken, again by the provider's timetable."""
        delivery.tries += 1
        delivery.taken = await self._push(delivery.items)
        if delivery.taken:
            return
        if delivery.lost:
            self.lost.append(delivery)
            return
        self._later(RETRIES[delivery.tries - 1], partial(self.deliver, delivery), f"{self._label} pushed again")

    async def _push(self, items: list[Item]) -> bool:
        if self.url is None:
            return True
        if self._client is None:
            # A proxy named in this machine's environment must neither see nor lose a push to loopback.
            self._client = httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS)
        try:
            answer = await self._client.post(self.url, json=items)
            body = answer.json()
        except (httpx.HTTPError, ValueError):
            return False
        # Only a numeric zero counts, whatever else the answer says.
        code = body.get("code") if isinstance(body, dict) else None
        return answer.status_code == 200 and type(code) is int and code == 0


def report_item(
    phone: str, sent_at: datetime, fate: Fate, words: Mapping[str, Any], ids: tuple[str, str], size: int, newer: bool
) -> Item:
    """One SmsReport. `ids` are the provider's and the client's own; `newer` adds what newer pushes hold."""
    item = {
        "phone_number": phone,
        "send_time": local(sent_at),
        "report_time": local(fate.at),
        "success": fate.delivered,
        "err_code": fate.code,
        "err_msg": CARRIER_WORDS[fate.code],
        "sms_size": str(size),
        "biz_id": ids[0],
        "out_id": ids[1],
    }
    return item | ({"sign_name": words["sign"], "template_code": words["template_code"]} if newer else {})


def reply_item(
    phone: str, text: str, at: datetime, answered: Mapping[str, Any], sequence_id: int | str, newer: bool
) -> Item:
    """One SmsUp. `answered` are the words of the SMS it answers, if any."""
    item = {
        "phone_number": phone,
        "send_time": local(at),
        "content": text,
        "dest_code": f"{NUMBER_SEEN}{answered.get('extend_code', '')}",
        "sequence_id": sequence_id,
    }
    return item | ({"sign_name": answered["sign"]} if newer and answered else {})


def other_type(sequence_id: int | str) -> int | str:
    """The older page has it as a number, the newer as a string."""
    return int(sequence_id) if isinstance(sequence_id, str) else str(sequence_id)


def local(moment: datetime) -> str:
    """The provider writes its times in Beijing's, without a zone."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"

"""WeCom's people at work: customers who answer by customer service, and staff who confirm their tasks after a while."""

from collections.abc import Collection
from datetime import timedelta
from functools import partial

from bot.sandbox.customers import by_day
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wecom.mass import Mass, Task
from bot.sandbox.wecom.phones import Phones

SOONEST, LATEST = timedelta(minutes=5), timedelta(hours=8)


class MessageNotTaken(Exception):
    """Our door has not taken the callback yet; the words wait to be fetched all the same."""


class WecomCustomer:
    """Answers a mass message or one of customer service on the customer's behalf.

    Of those who answer one of `stop_phrases`, `delete_share` delete the member of staff as well.
    """

    def __init__(
        self, stage: Stage, phones: Phones, stop_phrases: Collection[str] = (), delete_share: float = 0.25
    ) -> None:
        self._stage, self._phones = stage, phones
        self._stop_phrases, self._delete_share = frozenset(stop_phrases), delete_share

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        """Raises MessageNotTaken. Called again with the same words it is the same message, of the same msgid."""
        message_id = f"{accepted.provider_id} {accepted.to} {text}"
        open_kfid = accepted.words.get("open_kfid", "")
        if not await self._phones.write(accepted.to, text, message_id=message_id, open_kfid=open_kfid):
            raise MessageNotTaken(f"the answer to {accepted.provider_id} was not taken")
        if text in self._stop_phrases and self._deletes(accepted):
            for userid in list(self._phones.people.customer(accepted.to).followed_by):
                await self._phones.delete_staff(accepted.to, userid)

    def _deletes(self, accepted: Accepted) -> bool:
        return self._stage.dice(f"delete {accepted.to}").random() < self._delete_share


class WecomStaff:
    """Confirms tasks by day, `prompt_share` of them unasked; the rest now and then after a reminder, or never."""

    def __init__(self, stage: Stage, mass: Mass, prompt_share: float = 0.8, reminded_share: float = 0.5) -> None:
        self._stage, self._mass = stage, mass
        self._prompt_share, self._reminded_share = prompt_share, reminded_share
        self._planned: set[tuple[str, str]] = set()
        mass.listeners.append(self.hear)

    def hear(self, task: Task, userid: str) -> None:
        """A task has come, or a reminder of it."""
        share = self._reminded_share if task.reminded else self._prompt_share
        dice = self._stage.dice(f"staff {userid} {task.msgid} {len(task.reminded)}")
        if (userid, task.msgid) in self._planned or dice.random() >= share:
            return
        self._planned.add((userid, task.msgid))
        moment = self._stage.now() + SOONEST + (LATEST - SOONEST) * dice.random() ** 2
        moment = by_day(moment, timedelta(minutes=90) * dice.random())
        self._stage.timetable.at(moment, partial(self._confirm, task, userid), "wecom staff confirms")

    async def _confirm(self, task: Task, userid: str) -> None:
        if not task.cancelled and userid in self._mass.unconfirmed(task):
            self._mass.confirm(userid, task.msgid)

"""WeCom's mass messages to customers: tasks that staff confirm, what came of them, and how many a customer may get."""

import calendar
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Literal

from bot.sandbox.stage import Accepted, Line, Stage
from bot.sandbox.wecom.account import Ids
from bot.sandbox.wecom.pages import page
from bot.sandbox.wecom.people import Customer, People
from bot.sandbox.wecom.words import Given, Refused, Words, check_names, read_mass, string, strings, whole
from campaigns.errors import InputError
from campaigns.terms import SHANGHAI, ChannelName

MOST_CUSTOMERS, MOST_CHATS = 10_000, 2_000
REMINDERS, REMINDED_WITHIN = 3, timedelta(hours=24)
LONGEST_SPAN = timedelta(days=31)
KNOWN = {"chat_type", "external_userid", "chat_id_list", "tag_filter", "sender", "allow_select", "text", "attachments"}

Rule = Literal["month", "week", "day"]  # as many a month as it has days, or seven a week, or one a day
Answer = dict[str, Any]
Heard = Callable[["Task", str], None]


class Status(IntEnum):
    """Of one customer in one task."""

    UNSENT = 0
    SENT = 1
    NO_FRIEND = 2
    HAD_ANOTHER = 3


@dataclass(slots=True)
class Part:
    """What one member of staff has to confirm."""

    targets: dict[str, tuple[Status, datetime | None]]
    sent_at: datetime | None = None


@dataclass(slots=True)
class Task:
    msgid: str
    chat_type: str
    created_at: datetime
    words: Words
    content: Mapping[str, Any]
    parts: dict[str, Part]
    cancelled: bool = False
    reminded: list[datetime] = field(default_factory=list)


class Mass:
    """`listeners` hear of each task, once for every member of staff who has to confirm it, and of each reminder."""

    def __init__(self, stage: Stage, people: People, ids: Ids, rule: Rule, lag: timedelta) -> None:
        self.rule: Rule = rule
        self.tasks: dict[str, Task] = {}
        self.listeners: list[Heard] = []
        self._stage, self._people, self._ids, self._lag = stage, people, ids, lag

    # ---- what our side calls

    def add(self, given: Given, forget: bool = False) -> Answer:
        """`forget`: the answer is the usual one and nothing is kept."""
        check_names(given, KNOWN)
        chat_type = string(given, "chat_type", "single")
        if chat_type not in ("single", "group"):
            raise Refused(40058, "chat_type")
        words = read_mass(given)
        sender = self._sender(given)
        parts, failed = self._group_parts(given, sender) if chat_type == "group" else self._single_parts(given, sender)
        msgid = self._ids.next("msg", 34)
        if not forget:
            content = {name: given[name] for name in ("text", "attachments") if name in given}
            self._open(Task(msgid, chat_type, self._stage.now(), words, content, parts))
        return {"fail_list": failed, "msgid": msgid}

    def remind(self, given: Given) -> Answer:
        task = self._task(given, {"msgid"})
        now = self._stage.now()
        task.reminded = [moment for moment in task.reminded if now - moment < REMINDED_WITHIN]
        if task.cancelled:
            raise Refused(40058, "the task was stopped")
        if len(task.reminded) >= REMINDERS:
            raise Refused(45009, "reminded too often")
        task.reminded.append(now)
        for userid in self.unconfirmed(task):
            self._tell(task, userid)
        return {}

    def cancel(self, given: Given) -> Answer:
        self._task(given, {"msgid"}).cancelled = True
        return {}

    def records(self, given: Given) -> Answer:
        check_names(given, {"chat_type", "start_time", "end_time", "creator", "filter_type", "limit", "cursor"})
        chat_type, start, end = (
            string(given, "chat_type", "single"),
            whole(given, "start_time"),
            whole(given, "end_time"),
        )
        if not 0 <= end - start <= LONGEST_SPAN.total_seconds():
            raise Refused(40058, "start_time and end_time must lie within a month")
        wanted = whole(given, "filter_type", 2)
        found = [
            task
            for task in self.tasks.values()
            if task.chat_type == chat_type and start <= task.created_at.timestamp() <= end and wanted in (0, 2)
        ]
        rows, following = page(found, given, f"list {chat_type} {start} {end}", 100, 50)
        return {"next_cursor": following, "group_msg_list": [_listed(task) for task in rows]}

    def task_list(self, given: Given) -> Answer:
        task = self._task(given, {"msgid", "limit", "cursor"})
        rows, following = page(list(task.parts.items()), given, f"task {task.msgid}", 1000, 500)
        return {"next_cursor": following, "task_list": [_task_row(userid, part) for userid, part in rows]}

    def send_result(self, given: Given) -> Answer:
        task = self._task(given, {"msgid", "userid", "limit", "cursor"})
        member = self._people.member(string(given, "userid"))
        part = task.parts.get(member.userid) if member else None
        if member is None or part is None:
            raise Refused(60111)
        seen = [pair for pair in part.targets.items() if task.chat_type == "single" or pair[1][0] is Status.SENT]
        rows, following = page(seen, given, f"result {task.msgid} {member.userid}", 1000, 500)
        name = "external_userid" if task.chat_type == "single" else "chat_id"
        return {
            "next_cursor": following,
            "send_list": [_result_row(name, member.userid, target, *outcome) for target, outcome in rows],
        }

    # ---- what people do

    def unconfirmed(self, task: Task) -> list[str]:
        return [userid for userid, part in task.parts.items() if part.sent_at is None]

    def confirm(self, userid: str, msgid: str) -> list[Accepted]:
        """A member of staff taps "send" on the phone. Raises InputError where there is nothing to send."""
        task = self.tasks.get(msgid)
        part = task.parts.get(userid) if task else None
        if task is None or part is None or task.cancelled or part.sent_at is not None:
            raise InputError("this task is not theirs, was stopped, or has been sent already")
        part.sent_at = now = self._stage.now()
        sent = []
        for target in part.targets:
            status = self._verdict(task, userid, target)
            part.targets[target] = (status, now if status is Status.SENT else None)
            if status is Status.SENT:
                sent.append(self._send(task, userid, target))
        return sent

    def left(self, external_userid: str) -> int:
        """How many more mass messages this customer may get now."""
        now = self._stage.now().astimezone(SHANGHAI)
        most = {"month": calendar.monthrange(now.year, now.month)[1], "week": 7, "day": 1}[self.rule]
        period = _period(self.rule, now)
        had = [
            row for row in self._stage.ledger.sent_to(ChannelName.WECOM, external_userid) if row.words["kind"] == "mass"
        ]
        return most - sum(_period(self.rule, row.at.astimezone(SHANGHAI)) == period for row in had)

    def _verdict(self, task: Task, userid: str, target: str) -> Status:
        if task.chat_type == "group":
            return Status.SENT
        customer = self._people.find(target)
        if customer is None or userid not in customer.followed_by or target in self._stage.full:
            return Status.NO_FRIEND
        return Status.SENT if self.left(target) > 0 else Status.HAD_ANOTHER

    def _send(self, task: Task, userid: str, target: str) -> Accepted:
        words = {"kind": "mass", "from": userid, "chat_type": task.chat_type, **task.words}
        return self._stage.accept(ChannelName.WECOM, target, key=task.msgid, words=words, provider_id=task.msgid)

    def _open(self, task: Task) -> None:
        self.tasks[task.msgid] = task
        for userid, part in task.parts.items():
            words = {"kind": "task", "targets": list(part.targets), **task.words}
            self._stage.accept(Line.WECOM_STAFF, userid, key="", words=words, provider_id=task.msgid)
            self._tell(task, userid)

    def _tell(self, task: Task, userid: str) -> None:
        for listener in self.listeners:
            listener(task, userid)

    def _task(self, given: Given, known: set[str]) -> Task:
        check_names(given, known)
        task = self.tasks.get(string(given, "msgid"))
        if task is None:
            raise Refused(40058, "msgid")
        return task

    def _sender(self, given: Given) -> str:
        userid = string(given, "sender")
        if not userid:
            return ""
        member = self._people.member(userid)
        if member is None:
            raise Refused(40003)
        if not member.visible or not member.contact:
            raise Refused(60011)
        return member.userid

    def _single_parts(self, given: Given, sender: str) -> tuple[dict[str, Part], list[str]]:
        if "chat_id_list" in given:
            raise Refused(40058, "chat_id_list is for groups")
        named = strings(given, "external_userid", MOST_CUSTOMERS)
        if not named and not sender:
            raise Refused(40058, "external_userid and sender are both empty")
        if given.get("tag_filter"):
            raise Refused(41048, fail_list=[])  # nobody carries a tag here
        customers = {one: self._find(one, sender) for one in dict.fromkeys(named)}
        if named and not any(customers.values()):
            raise Refused(84061, fail_list=named)
        if not named:
            customers = {one.external_userid: one for one in self._people.customers_of(sender)}
        owners = {one: self._owner(customer, sender) for one, customer in customers.items()}
        failed = [one for one, owner in owners.items() if owner is None]
        if len(failed) == len(owners):
            raise Refused(41048, fail_list=failed)
        return _parted((owner, one) for one, owner in owners.items() if owner is not None), failed

    def _find(self, external_userid: str, sender: str) -> Customer | None:
        """Just after the change event a customer is still unknown to this API."""
        customer = self._people.find(external_userid, sender)
        if customer is None:
            return None
        since = min((follow.since for follow in customer.followed_by.values()), default=None)
        fresh = since is not None and self._stage.now() - since < self._lag
        return None if fresh else customer

    def _owner(self, customer: Customer | None, sender: str) -> str | None:
        """Who has to confirm it: who last chatted with the customer, and nobody else."""
        owner = customer.owner if customer else None
        if customer is None or owner is None or (sender and sender not in customer.followed_by):
            return None
        if self.left(customer.external_userid) <= 0:
            return None
        return sender or owner

    def _group_parts(self, given: Given, sender: str) -> tuple[dict[str, Part], list[str]]:
        if "external_userid" in given:
            raise Refused(40058, "external_userid is for single chats")
        chats = strings(given, "chat_id_list", MOST_CHATS)
        if not sender:
            raise Refused(40058, "sender is needed for groups")
        owned = [one for one in chats if self._people.groups.get(one) == sender]
        owned = owned if chats else [one for one, owner in self._people.groups.items() if owner == sender]
        if not owned:
            raise Refused(41048, fail_list=chats)
        return _parted((sender, one) for one in owned), [one for one in chats if one not in owned]


def _parted(pairs: Iterable[tuple[str, str]]) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for userid, target in pairs:
        parts.setdefault(userid, Part({})).targets[target] = (Status.UNSENT, None)
    return parts


def _listed(task: Task) -> Answer:
    """The creator is not told of a task that came by the API."""
    return {
        "msgid": task.msgid,
        "create_time": str(int(task.created_at.timestamp())),
        "create_type": 0,
        **task.content,
    }


def _task_row(userid: str, part: Part) -> Answer:
    if part.sent_at is None:
        return {"userid": userid, "status": 0}
    return {"userid": userid, "status": 2, "send_time": int(part.sent_at.timestamp())}


def _result_row(name: str, userid: str, target: str, status: Status, at: datetime | None) -> Answer:
    row = {name: target, "userid": userid, "status": int(status)}
    return row | ({"send_time": int(at.timestamp())} if at else {})


def _period(rule: Rule, moment: datetime) -> tuple[int, ...]:
    if rule == "month":
        return moment.year, moment.month
    return tuple(moment.isocalendar()[:2]) if rule == "week" else (moment.year, moment.month, moment.day)

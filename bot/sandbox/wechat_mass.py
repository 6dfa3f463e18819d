"""Mass sends of a WeChat account by a list of openids: submitted, sent some minutes later, told of once as a whole."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wechat_account import Numbers
from bot.sandbox.wechat_custom import read_text
from bot.sandbox.wechat_errors import Refused
from bot.sandbox.wechat_followers import Follower
from bot.sandbox.wechat_words import Words, check_names, read_json
from campaigns.terms import SHANGHAI, ChannelName

FEWEST, MOST = 2, 10_000
MONTHLY = 4  # to one follower
LONGEST_KEY = 32  # bytes; 64 by the book, and 36 have been refused
ONCE, TOO_FAST = timedelta(hours=24), timedelta(minutes=1)
SUCCESSES = ("send success", "sendsuccess")  # both have been seen
FAILURES = ("send fail", "err(10001)", "err(20008)", "err(21000)", "err(30003)")
WITH_MEDIA = ("mpnews", "image", "voice", "mpvideo", "wxcard")
ADMINISTRATOR = "oADMINISTRATOR00000000000000"  # in whose name the end is told

Answer = dict[str, Any]
Event = tuple[str, Mapping[str, object]]  # about whom, and its fields


class Receipts(Protocol):
    """How word of an accepted message travels back (Callbacks is one)."""

    def plan(self, about: str, moment: datetime, event: Callable[[], Event], *, overtakes: bool) -> None: ...

    def takes(self, openid: str) -> bool: ...


@dataclass(slots=True)
class Job:
    """One submission. `status` is SENDING until it has ended, `verdict` then what the event says."""

    msg_id: int
    msg_data_id: int
    mark: str  # of what it says and to whom
    at: datetime
    total: int
    rows: list[Accepted] = field(default_factory=list)
    status: str = "SENDING"
    verdict: str = ""
    filtered: int = 0
    errors: int = 0


class Mass:
    """`find` gives the account's people; `agreed` False: nobody has accepted the rules of mass sending yet."""

    def __init__(
        self, stage: Stage, numbers: Numbers, find: Callable[[str], Follower | None], receipts: Receipts
    ) -> None:
        self.agreed = True
        self.takes_seconds = 60.0  # of the stage's time, from the submission to its end
        self.failure_share = 0.0  # of submissions, each as a whole
        self.verdicts: list[str] = []  # of the next ones, where they are not left to chance
        self.jobs: dict[int, Job] = {}
        self._stage, self._numbers, self._find, self._receipts = stage, numbers, find, receipts

    def send(self, body: bytes, fault: str) -> Answer:
        """Refused as a whole where one of the followers has had his four of this month: stricter than the real one,
        which leaves him out and counts him. Raises Refused."""
        given = read_json(body)
        if not self.agreed:
            raise Refused(48003)
        people = self._recipients(given)
        words = _read(given)
        key = _key(given)
        mark = hashlib.sha256(json.dumps([people, words], ensure_ascii=False).encode()).hexdigest()
        self._refuse_repeated(key, mark)
        had = [openid for openid in people if self.left(openid) <= 0]
        if had:
            raise Refused(45028, f"{len(had)} of the list have had {MONTHLY} this month")
        job = self._submit(people, key, words, mark, forget=fault == "forget")
        if fault != "forget":
            self._stage.timetable.at(self._ends_at(job), partial(self._end_later, job), "wechat mass send ends")
            if fault == "receipt_first":
                self._end(job)
                self._tell(job, overtakes=True)
        return {"errcode": 0, "errmsg": "send job submission success", **_ids(job)}

    def send_to_tag(self, body: bytes) -> Answer:
        """mass/sendall: there are no tags in this account, and nobody writes to all."""
        chosen = read_json(body).get("filter")
        if not isinstance(chosen, dict):
            raise Refused(47003, "filter is missing")
        raise Refused(48001 if chosen.get("is_to_all", False) else 45159)

    def get(self, body: bytes) -> Answer:
        job = self._job(body)
        return {"msg_id": job.msg_id, "msg_status": job.status}

    def delete(self, body: bytes) -> Answer:
        """What was sent is no longer to be opened; followers keep its card."""
        job = self._job(body)
        if job.status == "SENDING":
            raise Refused(40059, "not sent yet")
        job.status = "DELETE"
        return {"errcode": 0, "errmsg": "ok"}

    def left(self, openid: str) -> int:
        """How many more this follower may get this month."""
        month = self._month(self._stage.now())
        rows = self._stage.ledger.sent_to(ChannelName.WECHAT, openid)
        had = [row for row in rows if row.words["kind"] == "mass" and self._month(row.at) == month]
        return MONTHLY - sum(self._stage.reached(row) for row in had)

    def _recipients(self, given: Mapping[str, Any]) -> list[str]:
        named = given.get("touser")
        if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
            raise Refused(40130)
        openids = list(dict.fromkeys(named))
        if not len(openids) >= FEWEST or len(named) > MOST:
            raise Refused(40130)
        if any(one in self._stage.unknown or self._find(one) is None for one in openids):
            raise Refused(40003)
        return openids

    def _refuse_repeated(self, key: str, mark: str) -> None:
        now = self._stage.now()
        earlier = self._earlier(key, mark)
        if earlier is None or now - earlier[0] >= ONCE:
            return
        # Only who names it himself can be told that he asks too fast.
        if key and now - earlier[0] < TOO_FAST:
            raise Refused(45066)
        raise Refused(45065, more={"msg_id": earlier[1], "msg_data_id": self._data_id(earlier[1])})

    def _earlier(self, key: str, mark: str) -> tuple[datetime, int] | None:
        """When the same was submitted last, and its id. What has a key is in the ledger, which outlives a restart."""
        if key:
            rows = [row for row in self._stage.ledger.by_key(ChannelName.WECHAT, key) if row.words["kind"] == "mass"]
            return (rows[-1].at, int(rows[-1].provider_id)) if rows else None
        found = [job for job in self.jobs.values() if job.mark == mark]
        return (found[-1].at, found[-1].msg_id) if found else None

    def _submit(self, people: Sequence[str], key: str, words: Words, mark: str, *, forget: bool) -> Job:
        number = self._numbers.next() >> 30
        job = Job(number, self._data_id(number), mark, self._stage.now(), len(people))
        if forget:
            return job
        self.jobs[number] = job
        for openid in people:
            row = self._stage.accept(ChannelName.WECHAT, openid, key=key, words=words, provider_id=str(number))
            job.rows.append(row)
        return job

    async def _end_later(self, job: Job) -> None:
        if job.status == "SENDING":
            self._end(job)
            self._tell(job, overtakes=False)

    def _end(self, job: Job) -> None:
        job.verdict = self.verdicts.pop(0) if self.verdicts else self._verdict(job)
        sent = job.verdict in SUCCESSES
        job.status = "SEND_SUCCESS" if sent else "SEND_FAIL"
        people = {row.to: self._find(row.to) for row in job.rows}
        here = {openid for openid, person in people.items() if person and person.follows and not person.blacklisted}
        wanting = {openid for openid in here if self._receipts.takes(openid)}
        job.filtered, job.errors = len(here), len(here) - len(wanting) if sent else len(here)
        for row in job.rows:
            if not sent or row.to not in wanting:
                self._stage.lose(row)

    def _verdict(self, job: Job) -> str:
        dice = self._stage.dice(f"wechat mass {job.msg_id}")
        return dice.choice(FAILURES if dice.random() < self.failure_share else SUCCESSES)

    def _tell(self, job: Job, *, overtakes: bool) -> None:
        about, event = f"mass {job.msg_id}", partial(_event, job)
        self._receipts.plan(about, self._stage.now(), event, overtakes=overtakes)

    def _ends_at(self, job: Job) -> datetime:
        return job.at + timedelta(seconds=self.takes_seconds)

    def _job(self, body: bytes) -> Job:
        number = str(read_json(body).get("msg_id"))
        job = self.jobs.get(int(number)) if number.isdecimal() else None
        if job is None:
            raise Refused(40059)
        return job

    def _data_id(self, msg_id: int) -> int:
        return self._numbers.of(f"data {msg_id}") >> 30

    def _month(self, moment: datetime) -> str:
        return f"{moment.astimezone(SHANGHAI):%Y-%m}"


def _read(given: Mapping[str, Any]) -> Words:
    msgtype = given.get("msgtype")
    if not isinstance(msgtype, str):
        raise Refused(40008)
    check_names(given, {"touser", "msgtype", msgtype, "clientmsgid", "send_ignore_reprint"})
    if given.get("send_ignore_reprint", 0) not in (0, 1):
        raise Refused(47003, "send_ignore_reprint is 0 or 1")
    if msgtype in WITH_MEDIA:
        raise Refused(40007)
    if msgtype != "text":
        raise Refused(40008)
    part = given.get("text", {})
    if not isinstance(part, dict):
        raise Refused(47001)
    return {"kind": "mass", "msgtype": msgtype, **read_text(part)}


def _key(given: Mapping[str, Any]) -> str:
    key = given.get("clientmsgid", "")
    if not isinstance(key, str):
        raise Refused(47003, "clientmsgid is no string")
    if len(key.encode("utf-8")) > LONGEST_KEY:
        raise Refused(45067)
    return key


def _ids(job: Job) -> Answer:
    return {"msg_id": job.msg_id, "msg_data_id": job.msg_data_id}


def _event(job: Job) -> Event:
    """FilterCount is SentCount and ErrorCount together."""
    nothing: Mapping[str, object] = {"Count": 0, "ResultList": ""}
    return ADMINISTRATOR, {
        "Event": "MASSSENDJOBFINISH",
        "MsgID": job.msg_id,
        "Status": job.verdict,
        "TotalCount": job.total,
        "FilterCount": job.filtered,
        "SentCount": job.filtered - job.errors,
        "ErrorCount": job.errors,
        "CopyrightCheckResult": {**nothing, "CheckState": 2},
        "ArticleUrlResult": nothing,
    }

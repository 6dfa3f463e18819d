"""WeCom's app messages to our own people: who gets them, who is invalid, and what is dropped without a word."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from bot.sandbox.stage import Accepted, Line, Stage
from bot.sandbox.wecom.account import Ids, WecomApp
from bot.sandbox.wecom.people import People, Staff
from bot.sandbox.wecom.words import Given, Refused, Words, read_app_message, string, whole
from campaigns.terms import SHANGHAI

MOST_USERS, MOST_PARTIES = 1000, 100
PER_MINUTE, PER_HOUR = 30, 1000  # to one member from one app; what comes above is dropped
PER_HEAD_AND_DAY = 200
USUAL_INTERVAL, LONGEST_INTERVAL = 1800, 4 * 3600  # seconds

Answer = dict[str, Any]


class _Named(NamedTuple):
    """Whom a call named, and what of it is nobody."""

    staff: list[Staff]
    users: list[str]
    parties: list[str]
    tags: list[str]


class AppMessages:
    """`heads`: how many accounts the corporation may have; 200 messages a day each."""

    def __init__(self, stage: Stage, people: People, ids: Ids, heads: int) -> None:
        self.heads = heads
        self._stage, self._people, self._ids = stage, people, ids
        rows = stage.ledger.rows(Line.WECOM_STAFF)
        self._sent = Counter((row.words["agentid"], _day(row.at)) for row in rows if row.words["kind"] == "app")

    def send(self, given: Given, app: WecomApp, known: Iterable[int], forget: bool = False) -> Answer:
        """`known`: the agentids of all apps. `forget`: the usual answer, and nothing is kept."""
        _check_agent(given, app, known)
        words = read_app_message(given)
        interval = _interval(given)
        _check_flags(given)
        named = self._named(given)
        told = _told(named)
        if not named.staff:
            raise Refused(81013, **told)
        licensed = [one for one in named.staff if one.licensed]
        told |= _joined("unlicenseduser", [one.userid.lower() for one in named.staff if not one.licensed])
        self._check_day(app, len(licensed))
        msgid = self._ids.next("")
        mark = _mark(given)
        fresh = [one for one in licensed if not self._had(one.userid, mark, interval)]
        for one in () if forget else fresh:
            self._accept(one.userid, {"kind": "app", "agentid": app.agentid, "mark": mark, **words}, msgid)
        return {**told, "msgid": msgid}

    def _named(self, given: Given) -> _Named:
        users = _split(given, "touser", MOST_USERS)
        parties, tags = _split(given, "toparty", MOST_PARTIES), _split(given, "totag", MOST_PARTIES)
        if not users and not parties and not tags:
            raise Refused(40058, "touser, toparty and totag are all empty")
        everybody = [one for one in self._people.staff.values() if one.visible]
        if "@all" in users:
            return _Named(everybody, [], [], [])
        found = {one.userid: one for one in everybody if one.userid.casefold() in {user.casefold() for user in users}}
        found |= {one.userid: one for one in everybody if str(one.party) in parties or str(one.tag) in tags}
        lower = {one.userid.casefold() for one in everybody}
        return _Named(
            list(found.values()),
            [user for user in users if user.casefold() not in lower],
            [party for party in parties if party not in {str(one.party) for one in everybody}],
            [tag for tag in tags if tag not in {str(one.tag) for one in everybody}],
        )

    def _check_day(self, app: WecomApp, more: int) -> None:
        """Person-times of an app and Shanghai's day."""
        place = (app.agentid, _day(self._stage.now()))
        if self._sent[place] + more > self.heads * PER_HEAD_AND_DAY:
            raise Refused(45009)
        self._sent[place] += more

    def _had(self, userid: str, mark: str, interval: timedelta) -> bool:
        return any(row.words.get("mark") == mark for row in self._since(userid, interval))

    def _since(self, userid: str, time: timedelta) -> Iterator[Accepted]:
        """The messages of this time, newest first. The ledger is the memory: it outlives a restart."""
        since = self._stage.now() - time
        rows = reversed(self._stage.ledger.sent_to(Line.WECOM_STAFF, userid))
        return takewhile(lambda row: row.at > since, rows)

    def _accept(self, userid: str, words: Words, msgid: str) -> None:
        dropped = self._drops(userid, words["agentid"])
        row = self._stage.accept(
            Line.WECOM_STAFF,
            userid,
            key="",
            words=words | ({"dropped": dropped} if dropped else {}),
            provider_id=msgid,
        )
        if dropped:
            self._stage.lose(row)

    def _drops(self, userid: str, agentid: int) -> str:
        """Which limit this message is above, "" for none."""
        hour = self._since(userid, timedelta(hours=1))
        had = [row.at for row in hour if row.words.get("agentid") == agentid and not row.words.get("dropped")]
        if sum(self._stage.now() - at < timedelta(minutes=1) for at in had) >= PER_MINUTE:
            return "minute"
        return "hour" if len(had) >= PER_HOUR else ""


def _check_agent(given: Given, app: WecomApp, known: Iterable[int]) -> None:
    agentid = given.get("agentid")
    if type(agentid) is not int or agentid not in known:
        raise Refused(40056)
    if agentid != app.agentid:
        raise Refused(301002)


def _check_flags(given: Given) -> None:
    for name in ("safe", "enable_id_trans", "enable_duplicate_check"):
        if whole(given, name, 0) not in (0, 1):
            raise Refused(40058, name)


def _interval(given: Given) -> timedelta:
    """Zero where duplicates are not looked for."""
    seconds = whole(given, "duplicate_check_interval", USUAL_INTERVAL)
    if not 1 <= seconds <= LONGEST_INTERVAL:
        raise Refused(40058, "duplicate_check_interval")
    return timedelta(seconds=seconds if given.get("enable_duplicate_check") == 1 else 0)


def _split(given: Given, name: str, most: int) -> list[str]:
    found = [part for part in string(given, name).split("|") if part]
    if len(found) > most:
        raise Refused(40032)
    return found


def _told(named: _Named) -> Answer:
    """Only what is not empty, userids in lower case whatever they were sent in."""
    users = _joined("invaliduser", [user.lower() for user in named.users])
    return users | _joined("invalidparty", named.parties) | _joined("invalidtag", named.tags)


def _joined(name: str, found: list[str]) -> Answer:
    return {name: "|".join(found)} if found else {}


def _mark(given: Given) -> str:
    """The same for the same content."""
    content = {"msgtype": given["msgtype"], "part": given[given["msgtype"]]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d}"

"""WeCom's customer service (微信客服): conversations, messages that wait to be fetched, what may be sent back."""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wecom.account import Ids
from bot.sandbox.wecom.conversations import BECOMES, COUNT, WINDOW, Conversation, State
from bot.sandbox.wecom.pages import cursor_at, limit_of, place_of
from bot.sandbox.wecom.people import People
from bot.sandbox.wecom.push import Quirks
from bot.sandbox.wecom.words import Given, Refused, check_names, read_kf, string, whole
from campaigns.terms import ChannelName

KEPT = timedelta(days=3)
TOKEN_LIFE = timedelta(minutes=10)
CODE_LIFE, QUEUE_CODE_LIFE = timedelta(seconds=20), timedelta(hours=48)
# How strictly calls without a token are limited is not published.
WITHOUT_TOKEN, PER = 5, timedelta(minutes=1)
MOST_MESSAGES = 1000
LONGEST_TOKEN = 128
MSGID = re.compile(r"[0-9A-Za-z_-]{0,32}")
SENDABLE = ("text", "image", "voice", "video", "file", "link", "miniprogram", "msgmenu", "location")
REPLIES = ("text", "msgmenu")  # to an event
TOO_LATE, TOO_MANY, REFUSED, UNKNOWN_FAULT = 4, 6, 10, 0  # fail_type

Answer = dict[str, Any]
Report = Callable[[Accepted, int], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of sync_msg; rows are counted over all accounts."""

    open_kfid: str
    at: datetime
    row: Answer


@dataclass(slots=True)
class _Code:
    talk: Conversation
    expires_at: datetime
    state: State | None  # the one it is good in, None for any
    used: bool = False


class KfAccounts:
    """Raises Refused where the real one refuses. `quirks` say how pages and deliveries misbehave.

    `listeners` hear of a message that was accepted and does not arrive, with its fail_type, as soon as that is known.
    """

    def __init__(self, stage: Stage, people: People, ids: Ids, open_kfids: Sequence[str], quirks: Quirks) -> None:
        self.open_kfids = tuple(open_kfids)
        self.listeners: list[Report] = []
        self.scenes: dict[str, tuple[str, str]] = {}  # a link of add_contact_way -> account, scene
        self._stage, self._people, self._ids = stage, people, ids
        self.quirks = quirks
        self._dice = stage.dice("wecom kf")
        self._talks: dict[tuple[str, str], Conversation] = {}
        self._waiting: list[Waiting] = []
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._codes: dict[str, _Code] = {}
        self._untokened: deque[datetime] = deque()
        self._was_empty = False

    # ---- what our side calls

    def sync(self, given: Given) -> Answer:
        check_names(given, {"cursor", "token", "limit", "voice_format", "open_kfid"})
        scope = string(given, "open_kfid")
        if scope and scope not in self.open_kfids:
            raise Refused(95000)
        self._check_token(string(given, "token"), scope)
        place = place_of(string(given, "cursor"), f"kf {scope}")
        limit = limit_of(given, MOST_MESSAGES, MOST_MESSAGES)
        waiting = self._after(place, scope)
        if waiting and not self._was_empty and self._dice.random() < self.quirks.empty_page_share:
            waiting, limit, self._was_empty = waiting[:1], 0, True
        else:
            self._was_empty = False
        rows = waiting[:limit]
        reached = rows[-1][0] + 1 if rows else place
        return {
            "next_cursor": cursor_at(reached, f"kf {scope}"),
            "has_more": int(len(waiting) > len(rows)),
            "msg_list": [one.row for _, one in rows],
        }

    def send(self, given: Given, forget: bool = False) -> Answer:
        check_names(given, {"touser", "open_kfid", "msgid", "msgtype", str(given.get("msgtype"))})
        msgid = self._msgid(given)
        talk = self._talk_of(given, "touser")
        words = read_kf(given, SENDABLE)
        fail_type = self._verdict(talk)
        talk.left -= 1
        if not forget:
            row = self._accept(talk, msgid, {"kind": "kf", **words})
            self._judge(row, fail_type)
        return {"msgid": msgid}

    def send_on_event(self, given: Given, forget: bool = False) -> Answer:
        check_names(given, {"code", "msgid", "msgtype", str(given.get("msgtype"))})
        msgid = self._msgid(given)
        words = read_kf(given, REPLIES)
        code = self._codes.get(string(given, "code"))
        now = self._stage.now()
        if code is None or code.used or now >= code.expires_at:
            raise Refused(40058, "code")
        if code.state is not None and code.talk.state is not code.state:
            raise Refused(95018)
        code.used, code.talk.welcomed_at = True, now
        if not forget:
            self._accept(code.talk, msgid, {"kind": "kf_event", **words})
        return {"msgid": msgid}

    def state(self, given: Given) -> Answer:
        check_names(given, {"open_kfid", "external_userid"})
        talk = self._talk_of(given, "external_userid")
        state = talk.state_at(self._stage.now())
        return {"service_state": int(state)} | ({"servicer_userid": talk.servicer} if state is State.STAFF else {})

    def trans(self, given: Given) -> Answer:
        check_names(given, {"open_kfid", "external_userid", "service_state", "servicer_userid"})
        talk = self._talk_of(given, "external_userid")
        wanted = whole(given, "service_state")
        if wanted not in list(State):
            raise Refused(40058, "service_state")
        if State(wanted) not in BECOMES[talk.state_at(self._stage.now())]:
            raise Refused(95013 if talk.is_over(self._stage.now()) else 95018)
        servicer = self._servicer(string(given, "servicer_userid")) if wanted == State.STAFF else ""
        talk.state, talk.servicer = State(wanted), servicer
        life = {State.WAITING: QUEUE_CODE_LIFE, State.ENDED: CODE_LIFE}.get(talk.state)
        return {"msg_code": self._give_code(talk, life, talk.state)} if life else {}

    def add_contact_way(self, given: Given) -> Answer:
        check_names(given, {"open_kfid", "scene"})
        open_kfid, scene = string(given, "open_kfid"), string(given, "scene")
        if open_kfid not in self.open_kfids:
            raise Refused(95000)
        if not MSGID.fullmatch(scene):
            raise Refused(40058, "scene")
        url = f"https://work.weixin.qq.com/kfid/kf{self._ids.of(open_kfid, 16)}"
        url += f"?enc_scene=ENC{self._ids.of(f'{open_kfid} {scene}', 24)}" if scene else ""
        self.scenes[url] = (open_kfid, scene)
        return {"url": url}

    # ---- what people do; a token for the callback that follows comes back

    def talk(self, open_kfid: str, external_userid: str) -> Conversation:
        place = (open_kfid, external_userid)
        return self._talks.setdefault(place, Conversation(open_kfid, external_userid))

    def open_window(self, talk: Conversation) -> None:
        """As the customer's message does: 48 hours, five messages, and an ended conversation is a new one."""
        now = self._stage.now()
        if talk.state_at(now) is State.ENDED:
            talk.state, talk.servicer = State.NEW, ""
        talk.written_at, talk.left = now, COUNT

    def hear(self, talk: Conversation, msgid: str, msgtype: str, part: Given) -> str:
        """The customer's message waits to be fetched."""
        self.open_window(talk)
        more = {"servicer_userid": talk.servicer} if talk.servicer else {}
        return self._keep(talk, 3, {"msgid": msgid, **more, "msgtype": msgtype, msgtype: part})

    def answer_as_staff(self, talk: Conversation, text: str) -> str:
        """A member of staff writes back by hand; that takes the conversation over."""
        talk.state = State.STAFF
        row = {"msgid": self._ids.next("staff"), "servicer_userid": talk.servicer, "msgtype": "text"}
        return self._keep(talk, 5, {**row, "text": {"content": text}})

    def enter(self, talk: Conversation, scene: str, scene_param: str) -> str:
        """The customer opens the conversation. A welcome_code comes with it unless they wrote or were welcomed in
        the last 48 hours."""
        now = self._stage.now()
        welcomed = talk.welcomed_at is not None and now - talk.welcomed_at < WINDOW
        code = {} if welcomed or not talk.is_over(now) else {"welcome_code": self._give_code(talk, CODE_LIFE, None)}
        return self.tell(talk, "enter_session", scene=scene, scene_param=scene_param, **code)

    def tell(self, talk: Conversation, event_type: str, **more: object) -> str:
        """An event waits to be fetched; it names the account and the customer inside, not outside."""
        who = {"external_userid": talk.external_userid} if talk.external_userid else {}
        event = {"event_type": event_type, "open_kfid": talk.open_kfid, **who, **more}
        row = {"msgid": self._ids.next("event"), "msgtype": "event", "event": event}
        return self._keep(talk, 4, row)

    def give_token(self, open_kfid: str) -> str:
        """What the callback carries: good for ten minutes."""
        token = f"ENC{self._ids.next('', 60)}"
        self._tokens[token] = (open_kfid, self._stage.now() + TOKEN_LIFE)
        return token

    # ---- inside

    def _verdict(self, talk: Conversation) -> int:
        """0, or the fail_type that is reported later. Raises Refused (95013, 95018, 95001)."""
        late = self.quirks.kf_verdict_late and talk.written_at is not None
        if talk.is_over(self._stage.now()):
            if late:
                return TOO_LATE
            raise Refused(95013)
        if talk.state not in (State.NEW, State.ASSISTANT):
            raise Refused(95018)
        if talk.left <= 0:
            if late:
                return TOO_MANY
            raise Refused(95001)
        return 0

    def _judge(self, row: Accepted, fail_type: int) -> None:
        if self._people.customer(row.to).refuses_kf or row.to in self._stage.full:
            self._fail(row, REFUSED)
        elif fail_type or self._stage.dice(f"kf {row.provider_id}").random() < self.quirks.kf_failure_share:
            self._fail(row, fail_type or UNKNOWN_FAULT)

    def _fail(self, row: Accepted, fail_type: int) -> None:
        self._stage.lose(row)
        self._stage.refuse(ChannelName.WECOM, f"fail_type {fail_type}")
        for listener in self.listeners:
            listener(row, fail_type)

    def _accept(self, talk: Conversation, msgid: str, words: Answer) -> Accepted:
        whole_words = {**words, "open_kfid": talk.open_kfid}
        return self._stage.accept(
            ChannelName.WECOM, talk.external_userid, key=msgid, words=whole_words, provider_id=msgid
        )

    def _keep(self, talk: Conversation, origin: int, row: Answer) -> str:
        now = self._stage.now()
        names = {} if origin == 4 else {"open_kfid": talk.open_kfid, "external_userid": talk.external_userid}
        whole_row = {"msgid": row["msgid"], **names, "send_time": int(now.timestamp()), "origin": origin, **row}
        self._waiting.append(Waiting(talk.open_kfid, now, whole_row))
        return self.give_token(talk.open_kfid)

    def _after(self, place: int, scope: str) -> list[tuple[int, Waiting]]:
        since = self._stage.now() - KEPT
        found = enumerate(self._waiting[place:], place)
        return [(number, one) for number, one in found if one.at > since and scope in ("", one.open_kfid)]

    def _check_token(self, token: str, scope: str) -> None:
        now = self._stage.now()
        if len(token) > LONGEST_TOKEN:
            raise Refused(40058, "token")
        if token:
            open_kfid, expires_at = self._tokens.get(token, ("", now))
            if now >= expires_at or scope not in ("", open_kfid):
                raise Refused(95007)
            return
        while self._untokened and now - self._untokened[0] >= PER:
            self._untokened.popleft()
        if len(self._untokened) >= WITHOUT_TOKEN:
            raise Refused(45009, "without token")
        self._untokened.append(now)

    def _talk_of(self, given: Given, name: str) -> Conversation:
        open_kfid, external_userid = string(given, "open_kfid"), string(given, name)
        if open_kfid not in self.open_kfids:
            raise Refused(95000)
        if self._people.find(external_userid) is None:
            raise Refused(84061)
        return self.talk(open_kfid, external_userid)

    def _servicer(self, userid: str) -> str:
        member = self._people.member(userid)
        if member is None:
            raise Refused(60111)
        if not member.servicer:
            raise Refused(40058, "servicer_userid does not receive")
        return member.userid

    def _msgid(self, given: Given) -> str:
        msgid = string(given, "msgid")
        if not MSGID.fullmatch(msgid):
            raise Refused(40058, "msgid")
        return msgid or self._ids.next("", 32)

    def _give_code(self, talk: Conversation, life: timedelta, state: State | None) -> str:
        code = self._ids.next("CODE")
        self._codes[code] = _Code(talk, self._stage.now() + life, state)
        return code

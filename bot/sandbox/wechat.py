"""A strict stand-in for a WeChat Official Account: its API, its followers' phones, its callbacks to our door."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.listening import Cut, Listener, bad_gateway
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wechat_account import Grant, Quotas, SceneCodes, Tokens, verdict_on_credentials
from bot.sandbox.wechat_followers import Follower, Followers
from bot.sandbox.wechat_push import Door, Envelope, Mode, Push, ReplyUnreadable
from bot.sandbox.wechat_words import (
    ERRORS,
    Refused,
    WechatTemplate,
    Words,
    find_template,
    read_custom,
    read_json,
    read_subscription,
    read_template,
    review,
)
from campaigns.errors import InputError
from campaigns.terms import ChannelName

# `receipt_first` pushes the receipt before the answer leaves, `revoked` kills every token. `forget` is the
# worst: ok, and nothing is kept. Any errcode of ERRORS can be ordered as well, "45168".
FAULTS = (
    "delay",
    "busy",
    "minute_limit",
    "revoked",
    "bad_gateway",
    "reset_before",
    "reset_after",
    "truncate",
    "receipt_first",
    "forget",
)
CODE_OF = {"busy": -1, "minute_limit": 45011, "revoked": 40001}
ONCE = timedelta(minutes=10)  # for one client_msg_id to one openid
SUCCESS, BLOCKED, FAILED = "success", "failed:user block", "failed: system failed"
SILENT = (b"", b"success")
NO_SERVICE = "该公众号提供的服务出现故障，请稍后再试"

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Quirks:
    """How followers and pushes behave; every share is 0 to 1."""

    soonest: timedelta = timedelta(seconds=2)
    latest: timedelta = timedelta(seconds=30)
    block_share: float = 0.01  # of followers: they have refused template messages
    failure_share: float = 0.01  # of template messages
    missing_share: float = 0.0  # of receipts: never pushed
    duplicate_share: float = 0.05  # of pushes: pushed again although answered


@dataclass(frozen=True, slots=True)
class Notice:
    """What WeChat shows a follower when the account's server does not answer as it must."""

    openid: str
    at: datetime
    text: str = NO_SERVICE


@dataclass(frozen=True, slots=True)
class _Api:
    method: str
    act: Callable[[Query, bytes, str], dict[str, Any]]
    open_to_all: bool = False  # needs no access token, it gives one


class WechatSandbox(Followers):
    """One certified service account. `templates`: an id to its content (`企业：{{thing1.DATA}}`) or WechatTemplate.

    With `adopt` any well-formed openid is a follower without a window; those in `stage.unknown` are nobody,
    those in `stage.full` have refused template messages. `quotas` replace daily ones by API
    ("message/template/send"). `push_to` is our callback door, None keeps messages and events here. Raises
    InputError for a template or a key that the provider would not take.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        appid: str,
        secret: str,
        token: str,
        encoding_aes_key: str,
        templates: Mapping[str, str | WechatTemplate],
        subscribe_templates: Mapping[str, str | WechatTemplate],
        push_to: str | None,
        followers: Iterable[str] = (),
        mode: Mode = "secure",
        adopt: bool = True,
        ip_allow_list: Collection[str] | None = None,
        quotas: Mapping[str, int] | None = None,
        quirks: Quirks | None = None,
        original_id: str = "gh_0123456789ab",
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.stage = stage
        self.appid, self.secret, self.token, self.encoding_aes_key = appid, secret, token, encoding_aes_key
        self.ip_allow_list, self.quirks = ip_allow_list, quirks or Quirks()
        self.templates = _reviewed(templates)
        self.subscribe_templates = _reviewed(subscribe_templates)
        super().__init__(stage.now, self.subscribe_templates, adopt)
        self.tokens, self.codes = Tokens(stage.now), SceneCodes()
        self.quotas = Quotas(quotas or {}, stage.now)
        self.notices: list[Notice] = []
        self.delay_seconds = 1.0  # real time, of the fault "delay"
        known = (*FAULTS, *map(str, ERRORS))
        self.faults = stage.fault_plan("wechat", known)
        self.token_faults = stage.fault_plan("wechat token", known)  # apart: clients keep tokens as they like
        self.door = Door(push_to, stage.now, stage.timetable.at, self._hear_answer)
        self._dice = stage.dice("wechat")
        self._envelope = Envelope(
            mode,
            token=token,
            encoding_aes_key=encoding_aes_key,
            appid=appid,
            original_id=original_id,
            dice=self._dice,
        )
        # The ledger's length as well: after a restart no id comes a second time.
        self._epoch, self._ids = len(stage.ledger), 0
        self._before_the_answer: list[Callable[[], Awaitable[None]]] = []
        self._apis = self._make_apis()
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        self.app = Starlette(routes=[Route("/{path:path}", self._serve, methods=methods)])
        self._listener = Listener(self.app, host, port)
        self.ensure_followers(followers)

    async def start(self) -> int:
        """Serve; returns the port. Raises OSError where the one asked for is taken."""
        self.door.open()
        return await self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()
        await self.door.close()

    @property
    def base_url(self) -> str:
        return f"http://{self._listener.host}:{self._listener.port}"

    def connect(self, push_to: str | None) -> None:
        """From now on messages and events go to this door."""
        self.door.url = push_to

    def entrance(self) -> dict[str, str]:
        """Where it is and what it accepts, for a client that knows nothing of it: a follower's window is open."""
        follower = self.first_follower()
        if follower is None:
            raise InputError("the WeChat sandbox has no follower yet; give it one by ensure_followers")
        self.open_window(follower.openid)
        return {
            "base_url": self.base_url,
            "appid": self.appid,
            "secret": self.secret,
            "token": self.token,
            "encoding_aes_key": self.encoding_aes_key,
            "openid": follower.openid,
        }

    async def verify_url(self) -> bool:
        """Ask our door to prove itself, as the provider does when the address is set up."""
        query = self._envelope.challenge(self.stage.now())
        return await self.door.ask(query) == query["echostr"].encode()

    # The API.

    def _make_apis(self) -> dict[str, _Api]:
        return {
            "cgi-bin/token": _Api("GET", self._give_token, open_to_all=True),
            "cgi-bin/stable_token": _Api("POST", self._give_stable_token, open_to_all=True),
            "cgi-bin/message/custom/send": _Api("POST", self._send_custom),
            "cgi-bin/message/template/send": _Api("POST", self._send_template),
            "cgi-bin/message/subscribe/bizsend": _Api("POST", self._send_subscription),
            "cgi-bin/user/info": _Api("GET", self._tell_user),
            "cgi-bin/qrcode/create": _Api("POST", self._make_code),
        }

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        path = request.path_params["path"]
        try:
            api = self._open(path, request)
            plan = self.token_faults if api.open_to_all else self.faults
            return await self._carry_out(api, request.query_params, body, plan.draw())
        except Refused as refusal:
            return self._refusal(refusal)

    def _open(self, path: str, request: Request) -> _Api:
        api = self._apis.get(path)
        if api is None:
            raise Refused(40066)
        if request.method != api.method:
            raise Refused(43002 if api.method == "POST" else 43001)
        if api.open_to_all:
            self._check_caller(request.client.host if request.client else "")
        else:
            _refuse_by(self.tokens.verdict(request.query_params.get("access_token", "")))
        _refuse_by(self.quotas.verdict(path.removeprefix("cgi-bin/")))
        return api

    def _check_caller(self, ip: str) -> None:
        if self.ip_allow_list is not None and ip not in self.ip_allow_list:
            raise Refused(40164, f"{ip} ipv6 ::ffff:{ip}, not in whitelist")

    async def _carry_out(self, api: _Api, query: Query, body: bytes, fault: str) -> Response:
        if fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if fault == "revoked":
            self.tokens.revoke()
        if fault in CODE_OF or fault not in ("", *FAULTS):
            raise Refused(CODE_OF.get(fault) or int(fault))
        if fault == "bad_gateway":
            return bad_gateway()
        if fault == "reset_before":
            return Cut()
        response = _json(api.act(query, body, fault))
        first, self._before_the_answer = self._before_the_answer, []
        for push in first:
            await push()
        if fault == "reset_after":
            return Cut()
        return Cut(response) if fault == "truncate" else response

    def _refusal(self, refusal: Refused) -> Response:
        rid = "-".join(f"{self._dice.getrandbits(32):08x}" for _ in range(3))
        return _json({"errcode": refusal.errcode, "errmsg": f"{refusal.errmsg} rid: {rid}"})

    def _give_token(self, query: Query, _body: bytes, _fault: str) -> dict[str, Any]:
        _refuse_by(verdict_on_credentials(query, self.appid, self.secret))
        return _granted(self.tokens.plain())

    def _give_stable_token(self, _query: Query, body: bytes, _fault: str) -> dict[str, Any]:
        given = read_json(body)
        _refuse_by(verdict_on_credentials(given, self.appid, self.secret))
        force = given.get("force_refresh", False)
        if not isinstance(force, bool):
            raise Refused(47001)
        grant = self.tokens.stable(force)
        if isinstance(grant, int):
            raise Refused(grant)
        return _granted(grant)

    def _send_custom(self, _query: Query, body: bytes, fault: str) -> dict[str, Any]:
        given = read_json(body, escapes_stay=True)
        follower = self._recipient(given)
        words = read_custom(given)
        _refuse_by(follower.verdict_on_custom(self.stage.now()))
        follower.window_left -= 1
        # The client never sees this id: the call answers with none.
        self._accept(follower, "", words, f"custom-{self._next_number()}", fault)
        return _OK

    def _send_template(self, _query: Query, body: bytes, fault: str) -> dict[str, Any]:
        given = read_json(body)
        follower = self._recipient(given)
        words = read_template(given, find_template(self.templates, given.get("template_id")))
        _refuse_by(follower.verdict_on_template())
        key = given.get("client_msg_id", "")
        if earlier := self._sent_already(follower.openid, key):
            return {**_OK, "msgid": int(earlier.provider_id)}
        number = self._next_number()
        row = self._accept(follower, key, words, str(number), fault)
        if row is not None:
            self._plan_receipt(row, fault)
        return {**_OK, "msgid": number}

    def _send_subscription(self, _query: Query, body: bytes, fault: str) -> dict[str, Any]:
        given = read_json(body)
        follower = self._recipient(given)
        template_id = given.get("template_id", "")
        if isinstance(template_id, str) and template_id in self.templates:
            raise Refused(43102)
        words = read_subscription(given, find_template(self.subscribe_templates, template_id))
        _refuse_by(follower.verdict_on_subscription(str(template_id)))
        follower.credits[str(template_id)] -= 1
        row = self._accept(follower, "", words, str(self._next_number()), fault)
        if row is not None:
            self._plan_receipt(row, fault)
        return _OK

    def _tell_user(self, query: Query, _body: bytes, _fault: str) -> dict[str, Any]:
        follower = self._recipient({"touser": query.get("openid")})
        return follower.as_json(query.get("lang", "zh_CN"))

    def _make_code(self, _query: Query, body: bytes, _fault: str) -> dict[str, Any]:
        code = self.codes.create(read_json(body), self.stage.now(), self._dice.randbytes(48))
        if isinstance(code, int):
            raise Refused(code)
        return code

    def _recipient(self, given: Mapping[str, Any]) -> Follower:
        openid = given.get("touser")
        if not isinstance(openid, str) or openid in self.stage.unknown:
            raise Refused(40003)
        follower = self.find(openid)
        if follower is None:
            raise Refused(40003)
        return follower

    def _sent_already(self, openid: str, key: str) -> Accepted | None:
        # The ledger is the memory: it outlives a restart.
        rows = self.stage.ledger.by_key(ChannelName.WECHAT, key) if key else []
        since = self.stage.now() - ONCE
        return next((row for row in reversed(rows) if row.to == openid and row.at > since), None)

    def _accept(self, follower: Follower, key: str, words: Words, provider_id: str, fault: str) -> Accepted | None:
        if fault == "forget":
            return None
        return self.stage.accept(ChannelName.WECHAT, follower.openid, key=key, words=words, provider_id=provider_id)

    # What the provider pushes.

    def status_of(self, row: Accepted) -> str:
        """What becomes of an accepted template message; the same in every run."""
        if row.to in self.stage.full or not self.follows(row.to):
            return BLOCKED
        if self._roll(f"block {row.to}") < self.quirks.block_share:
            return BLOCKED
        return FAILED if self._roll(f"failure {row.provider_id}") < self.quirks.failure_share else SUCCESS

    def _plan_receipt(self, row: Accepted, fault: str) -> None:
        if self._roll(f"missing {row.provider_id}") < self.quirks.missing_share:
            return
        push = partial(self._push_receipt, row)
        if fault == "receipt_first":
            self._before_the_answer.append(push)
            return
        wait = self.quirks.soonest + (self.quirks.latest - self.quirks.soonest) * self._roll(row.provider_id)
        self.stage.timetable.at(row.at + wait, push, "wechat receipt")

    async def _push_receipt(self, row: Accepted) -> None:
        number = int(row.provider_id)
        if row.words["kind"] == "template":
            await self._tell(row.to, "TEMPLATESENDJOBFINISH", MsgID=number, Status=self.status_of(row))
            return
        sent = {"TemplateId": row.words["template_id"], "MsgID": number, "ErrorCode": 0, "ErrorStatus": SUCCESS}
        await self._tell(row.to, "subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": sent})

    async def _push(self, openid: str, msgtype: str, fields: Mapping[str, object]) -> Push:
        push = self._envelope.wrap(openid, msgtype, fields, self.stage.now())
        await self.door.deliver(push)
        if push.taken and self._dice.random() < self.quirks.duplicate_share:
            delay = timedelta(seconds=self._dice.randint(5, 60))
            self.stage.timetable.later(delay, partial(self.door.repeat, push), "wechat push repeated")
        return push

    def _hear_answer(self, push: Push, answer: bytes | None) -> None:
        """What the follower sees of our door's answer: nothing, a passive reply, or that something is broken."""
        if answer in SILENT:
            return
        try:
            msgtype, text = self._envelope.read_reply(push.openid, answer or b"")
        except ReplyUnreadable:
            self.notices.append(Notice(push.openid, self.stage.now()))
            return
        if msgtype != "transfer_customer_service":
            words = {"kind": "passive", "msgtype": msgtype, "text": text}
            number = f"passive-{self._next_number()}"
            self.stage.accept(ChannelName.WECHAT, push.openid, key="", words=words, provider_id=number)

    def _scene_of(self, ticket: str) -> str | None:
        return self.codes.scene_of(ticket, self.stage.now())

    def _message_number(self, message_id: str) -> int:
        return self._number(f"message {message_id}") if message_id else self._next_number()

    def _next_number(self) -> int:
        self._ids += 1
        return self._number(f"{self._epoch} {self._ids} {self.stage.now().isoformat()}")

    def _number(self, about: str) -> int:
        """64 bits, and more than a JavaScript number can hold."""
        mark = hashlib.sha256(f"{self.stage.seed} {about}".encode()).digest()
        return 1 << 62 | int.from_bytes(mark[:7], "big")

    def _roll(self, about: str) -> float:
        return self.stage.dice(f"wechat {about}").random()


_OK = {"errcode": 0, "errmsg": "ok"}


def _refuse_by(errcode: int) -> None:
    if errcode:
        raise Refused(errcode)


def _granted(grant: Grant) -> dict[str, Any]:
    return {"access_token": grant.token, "expires_in": grant.expires_in}


def _reviewed(templates: Mapping[str, str | WechatTemplate]) -> dict[str, WechatTemplate]:
    made = {name: WechatTemplate(found) if isinstance(found, str) else found for name, found in templates.items()}
    return {name: review(name, template) for name, template in made.items()}


def _json(answer: Mapping[str, Any]) -> Response:
    return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json; encoding=utf-8")

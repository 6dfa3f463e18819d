"""A strict stand-in for a corporation on WeCom (企业微信): its APIs, its people's phones, its callbacks to our door."""

import asyncio
import json
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.listening import Cut, Listener, answered, bad_gateway
from bot.sandbox.stage import Stage
from bot.sandbox.wecom.account import CONTACT, MESSAGE, Gate, Ids, WecomApp
from bot.sandbox.wecom.app_messages import AppMessages
from bot.sandbox.wecom.contacts import Contacts
from bot.sandbox.wecom.kf import KfAccounts
from bot.sandbox.wecom.mass import Mass, Rule
from bot.sandbox.wecom.people import People, Staff
from bot.sandbox.wecom.phones import Phones
from bot.sandbox.wecom.push import Callbacks, Envelope, Quirks
from bot.sandbox.wecom.words import ERRORS, WRONG_JSON, Refused, read_json
from campaigns.errors import InputError
from campaigns.terms import ChannelName

# `twice` answers once more on the same connection; `warn` as ever, with the warning of wrong JSON before errmsg;
# `revoked` ends every token. `forget` is the worst: ok, and nothing is kept. Any errcode of ERRORS can be ordered as
# well, "6000".
FAULTS = (
    "delay",
    "busy",
    "rate_limit",
    "revoked",
    "bad_gateway",
    "reset_before",
    "reset_after",
    "truncate",
    "slow_body",
    "twice",
    "warn",
    "forget",
)
CODE_OF = {"busy": -1, "rate_limit": 45009, "revoked": 40014}

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Call:
    """One admitted request."""

    app: WecomApp
    query: Mapping[str, str]
    given: Mapping[str, Any]
    forget: bool


@dataclass(frozen=True, slots=True)
class _Api:
    family: str
    act: Callable[[_Call], Answer]
    method: str = "POST"


class WecomSandbox:
    """One corporation. The first of `apps` is ours: callbacks carry its agentid.

    With `adopt` any well-formed external_userid is a customer of somebody's; those in `stage.unknown` are nobody,
    those in `stage.full` have deleted staff and refuse customer service. `limits` replace the calls a minute by API
    ("message/send"). `push_to` is our callback door, None keeps events here. Raises InputError for a key that is none.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        corpid: str,
        apps: Sequence[WecomApp],
        token: str,
        encoding_aes_key: str,
        staff: Iterable[Staff],
        open_kfids: Sequence[str],
        push_to: str | None,
        adopt: bool = True,
        heads: int = 200,
        mass_rule: Rule = "month",
        ip_allow_list: Collection[str] | None = None,
        limits: Mapping[str, int] | None = None,
        quirks: Quirks | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        quirks = quirks or Quirks()
        self.stage, self.corpid, self.apps = stage, corpid, list(apps)
        self.token, self.encoding_aes_key = token, encoding_aes_key
        self.gate = Gate(corpid, apps, stage.now, ip_allow_list, limits or {})
        self.delay_seconds = 1.0  # real time, of the faults "delay" and "slow_body"
        known = (*FAULTS, *map(str, ERRORS))
        self.faults = stage.fault_plan("wecom", known)
        self.token_faults = stage.fault_plan("wecom token", known)  # apart: clients keep tokens as they like
        self._dice = stage.dice("wecom")
        ids = Ids(stage.seed, len(stage.ledger), stage.now)
        self.people = People(stage, staff, adopt)
        envelope = Envelope(
            token=token,
            encoding_aes_key=encoding_aes_key,
            corpid=corpid,
            agentid=self.apps[0].agentid,
            dice=self._dice,
        )
        self.callbacks = Callbacks(stage, envelope, quirks)
        self.messages = AppMessages(stage, self.people, ids, heads)
        self.mass = Mass(stage, self.people, ids, mass_rule, quirks.contact_lag)
        self.contacts = Contacts(stage, self.people, ids)
        self.kf = KfAccounts(stage, self.people, ids, open_kfids, quirks)
        self.phones = Phones(stage, self.people, self.kf, ids, self.callbacks)
        self._apis = self._make_apis()
        self.connect(push_to)
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        self.app = Starlette(routes=[Route("/cgi-bin/{path:path}", self._serve, methods=methods)])
        self._listener = Listener(self.app, host, port)

    async def start(self) -> int:
        """Serve; returns the port. Raises OSError where the one asked for is taken."""
        self.callbacks.door.open()
        return await self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()
        await self.callbacks.door.close()

    @property
    def base_url(self) -> str:
        return f"http://{self._listener.host}:{self._listener.port}"

    def connect(self, push_to: str | None) -> None:
        """From now on events go to this door."""
        self.callbacks.door.url = push_to

    def misbehave(self, dice: random.Random) -> None:
        """From now on events come late, again or never, and pages of messages are empty."""
        quirks = replace(
            self.callbacks.quirks,
            missing_share=dice.uniform(0.02, 0.1),
            late_share=dice.uniform(0.1, 0.3),
            duplicate_share=dice.uniform(0.1, 0.3),
            again=2,
            empty_page_share=dice.uniform(0.2, 0.5),
            kf_failure_share=dice.uniform(0.02, 0.1),
            kf_verdict_late=dice.random() < 0.5,
        )
        self.callbacks.quirks = self.kf.quirks = quirks

    def entrance(self, external_userid: str) -> Answer:
        """Where it is and what it accepts, for a client that knows nothing of it: this customer's window is open."""
        customer = self.people.customer(external_userid)
        if customer.owner is None:
            raise InputError("this customer has nobody of the staff; call people.follow first")
        self.kf.open_window(self.kf.talk(self.kf.open_kfids[0], external_userid))
        return {
            "base_url": self.base_url,
            "corpid": self.corpid,
            "secret": self.apps[0].secret,
            "agentid": self.apps[0].agentid,
            "token": self.token,
            "encoding_aes_key": self.encoding_aes_key,
            "open_kfid": self.kf.open_kfids[0],
            "userid": customer.owner,
            "staff": self.contacts.follow_users()["follow_user"],
            "external_userid": external_userid,
        }

    def _make_apis(self) -> dict[str, _Api]:
        mass, kf, contacts = self.mass, self.kf, self.contacts
        plain = {
            "externalcontact/remind_groupmsg_send": mass.remind,
            "externalcontact/cancel_groupmsg_send": mass.cancel,
            "externalcontact/get_groupmsg_list_v2": mass.records,
            "externalcontact/get_groupmsg_task": mass.task_list,
            "externalcontact/get_groupmsg_send_result": mass.send_result,
            "externalcontact/add_contact_way": contacts.add_way,
            "externalcontact/get_contact_way": contacts.get_way,
            "externalcontact/del_contact_way": contacts.del_way,
            "externalcontact/send_welcome_msg": contacts.welcome,
            "kf/sync_msg": kf.sync,
            "kf/service_state/get": kf.state,
            "kf/service_state/trans": kf.trans,
            "kf/add_contact_way": kf.add_contact_way,
        }
        keeping = {
            "externalcontact/add_msg_template": mass.add,
            "kf/send_msg": kf.send,
            "kf/send_msg_on_event": kf.send_on_event,
        }
        return {
            "message/send": _Api(MESSAGE, self._send_app_message),
            "externalcontact/get": _Api(CONTACT, lambda call: contacts.get(call.query), "GET"),
            "externalcontact/list": _Api(CONTACT, lambda call: contacts.list_of(call.query), "GET"),
            "externalcontact/get_follow_user_list": _Api(CONTACT, lambda _call: contacts.follow_users(), "GET"),
            **{path: _Api(path.split("/")[0], _plain(act)) for path, act in plain.items()},
            **{path: _Api(path.split("/")[0], _keeping(act)) for path, act in keeping.items()},
        }

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        path, ip = request.path_params["path"], request.client.host if request.client else ""
        try:
            if path == "gettoken":
                return await self._meet(self.token_faults.draw(), lambda _forget: self._give_token(request, ip))
            return await self._answer(path, request, body, ip)
        except Refused as refusal:
            return self._refusal(refusal, ip)

    def _give_token(self, request: Request, ip: str) -> Answer:
        _check_method(request, "GET")
        return self.gate.give_token(request.query_params, ip)

    async def _answer(self, path: str, request: Request, body: bytes, ip: str) -> Response:
        api = self._apis.get(path)
        if api is None:
            return Response("404 page not found", 404)
        _check_method(request, api.method)
        app = self.gate.admit(request.query_params.get("access_token", ""), api.family, ip)
        self.gate.count(path)
        given, exact = read_json(body) if api.method == "POST" else ({}, True)
        fault = self.faults.draw()
        try:
            act = api.act
            response = await self._meet(fault, lambda forget: act(_Call(app, request.query_params, given, forget)))
        except Refused as refusal:
            return self._refusal(refusal, ip, warn=not exact)
        return response if exact and fault != "warn" else _warned(response)

    async def _meet(self, fault: str, act: Callable[[bool], Answer]) -> Response:
        """Act, and answer as this fault lets it."""
        if fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if fault == "revoked":
            self.gate.revoke()
        if fault in CODE_OF or fault not in ("", *FAULTS):
            raise Refused(CODE_OF.get(fault) or int(fault))
        if fault == "bad_gateway":
            return bad_gateway()
        if fault == "reset_before":
            return Cut()
        response = _json({"errcode": 0, "errmsg": "ok", **act(fault == "forget")})
        return answered(response, fault, self.delay_seconds)

    def _send_app_message(self, call: _Call) -> Answer:
        known = [app.agentid for app in self.apps]
        return self.messages.send(call.given, call.app, known, call.forget)

    def _refusal(self, refusal: Refused, ip: str, *, warn: bool = False) -> Response:
        """The caller's address and a hint for the operator's own search stand behind the words."""
        self.stage.refuse(ChannelName.WECOM, refusal.errcode)
        hint = f"{self._dice.randrange(10**18, 10**19)}{self._dice.randrange(10**5, 10**6)}"
        seek = f"more info at https://open.work.weixin.qq.com/devtool/query?e={refusal.errcode}"
        errmsg = f"{refusal.errmsg}, hint: [{hint}], from ip: {ip}, {seek}"
        before = WRONG_JSON if warn or refusal.errcode == 47001 else ""
        return _json({"errcode": refusal.errcode, "errmsg": f"{before}{errmsg}", **refusal.more})


def _plain(act: Callable[[Mapping[str, Any]], Answer]) -> Callable[[_Call], Answer]:
    return lambda call: act(call.given)


def _keeping(act: Callable[[Mapping[str, Any], bool], Answer]) -> Callable[[_Call], Answer]:
    return lambda call: act(call.given, call.forget)


def _check_method(request: Request, method: str) -> None:
    if request.method != method:
        raise Refused(43002 if method == "POST" else 43001)


def _warned(response: Response) -> Response:
    """The same with the warning before errmsg; what is cut off or no JSON stays as it is."""
    if type(response) is not Response:
        return response
    answer = json.loads(bytes(response.body))
    return _json({**answer, "errmsg": f"{WRONG_JSON}{answer['errmsg']}"})


def _json(answer: Mapping[str, Any]) -> Response:
    return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json; charset=UTF-8")

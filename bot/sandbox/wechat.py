"""A strict stand-in for a WeChat Official Account: its API, its followers' phones, its callbacks to our door."""

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from bot.sandbox.listening import Listener
from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wechat_account import Numbers, Quotas, SceneCodes, Tokens
from bot.sandbox.wechat_callbacks import Callbacks, Quirks
from bot.sandbox.wechat_custom import read_custom
from bot.sandbox.wechat_errors import Refused, refuse_by
from bot.sandbox.wechat_followers import Follower, Followers
from bot.sandbox.wechat_front import KNOWN, Api, Front, Query
from bot.sandbox.wechat_gate import Gate
from bot.sandbox.wechat_mass import Mass
from bot.sandbox.wechat_menu import OK, Menu, library
from bot.sandbox.wechat_push import Envelope, Form, Mode, Push
from bot.sandbox.wechat_words import (
    WechatTemplate,
    Words,
    find_template,
    read_json,
    read_subscription,
    read_template,
    review,
)
from campaigns.errors import InputError
from campaigns.terms import ChannelName

ONCE = timedelta(minutes=10)  # for one client_msg_id to one openid


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
        form: Form = "xml",
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
        self.templates = _reviewed(templates)
        self.subscribe_templates = _reviewed(subscribe_templates)
        super().__init__(stage.now, self.subscribe_templates, adopt)
        self.codes = SceneCodes()
        self.gate = Gate(appid, secret, ip_allow_list, Tokens(stage.now), Quotas(quotas or {}, stage.now))
        self.faults = stage.fault_plan("wechat", KNOWN)
        self.token_faults = stage.fault_plan("wechat token", KNOWN)  # apart: clients keep tokens as they like
        self._dice = stage.dice("wechat")
        # The ledger's length as well: after a restart no id comes a second time.
        self._numbers = Numbers(stage.seed, len(stage.ledger), stage.now)
        self.envelope = Envelope(
            mode,
            token=token,
            encoding_aes_key=encoding_aes_key,
            appid=appid,
            original_id=original_id,
            dice=self._dice,
            form=form,
        )
        self.callbacks = Callbacks(stage, self.envelope, self._numbers, quirks or Quirks(), self.follows)
        self.connect(push_to)
        self.menu = Menu()
        self.mass = Mass(stage, self._numbers, self.find, self.callbacks)
        self.front = Front(
            self._make_apis(),
            self.gate,
            faults=self.faults,
            token_faults=self.token_faults,
            dice=self._dice,
            acted=self.callbacks.push_overtaking,
            refused=partial(stage.refuse, ChannelName.WECHAT),
        )
        self.app = self.front.app
        self._listener = Listener(self.app, host, port)
        self.ensure_followers(followers)

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

    @property
    def delay_seconds(self) -> float:
        """Real time, of the faults "delay" and "slow_body"."""
        return self.front.delay_seconds

    @delay_seconds.setter
    def delay_seconds(self, seconds: float) -> None:
        self.front.delay_seconds = seconds

    def connect(self, push_to: str | None) -> None:
        """From now on messages and events go to this door."""
        self.callbacks.door.url = push_to

    def misbehave(self, dice: random.Random) -> None:
        """From now on events come late, again, never or about nothing we sent, and mass sends fail now and then."""
        callbacks = self.callbacks
        callbacks.quirks = replace(
            callbacks.quirks,
            missing_share=dice.uniform(0.02, 0.1),
            late_share=dice.uniform(0.1, 0.3),
            unknown_share=dice.uniform(0.1, 0.3),
            duplicate_share=dice.uniform(0.1, 0.3),
            again=2,
        )
        self.mass.failure_share = dice.uniform(0.1, 0.3)

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

    def _make_apis(self) -> dict[str, Api]:
        apis = {
            "token": Api("GET", self._give_token, open_to_all=True),
            "stable_token": Api("POST", self._give_stable_token, open_to_all=True),
            "message/custom/send": Api("POST", self._send_custom),
            "message/template/send": Api("POST", self._send_template),
            "message/subscribe/bizsend": Api("POST", self._send_subscription),
            "message/mass/send": Api("POST", lambda _query, body, fault: self.mass.send(body, fault)),
            "message/mass/sendall": _posted(self.mass.send_to_tag),
            "message/mass/get": _posted(self.mass.get),
            "message/mass/delete": _posted(self.mass.delete),
            "menu/create": _posted(self.menu.create),
            "menu/get": Api("GET", lambda _query, _body, _fault: self.menu.get()),
            "menu/delete": Api("GET", lambda _query, _body, _fault: self.menu.delete()),
            "template/get_all_private_template": Api("GET", lambda *_call: library(self.templates)),
            "template/del_private_template": _posted(self._drop_template),
            "user/info": Api("GET", self._tell_user),
            "qrcode/create": Api("POST", self._make_code),
        }
        return {f"cgi-bin/{path}": api for path, api in apis.items()}

    def _give_token(self, query: Query, _body: bytes, _fault: str) -> dict[str, Any]:
        return self.gate.give_token(query)

    def _give_stable_token(self, _query: Query, body: bytes, _fault: str) -> dict[str, Any]:
        return self.gate.give_stable_token(read_json(body))

    def _send_custom(self, _query: Query, body: bytes, fault: str) -> dict[str, Any]:
        given = read_json(body, escapes_stay=True)
        follower = self._recipient(given)
        words = read_custom(given)
        refuse_by(follower.verdict_on_custom(self.stage.now()))
        follower.window_left -= 1
        # The client never sees this id: the call answers with none.
        self._accept(follower, "", words, f"custom-{self._numbers.next()}", fault)
        return OK

    def _send_template(self, _query: Query, body: bytes, fault: str) -> dict[str, Any]:
        given = read_json(body)
        follower = self._recipient(given)
        words = read_template(given, find_template(self.templates, given.get("template_id")))
        refuse_by(follower.verdict_on_template())
        key = given.get("client_msg_id", "")
        if earlier := self._sent_already(follower.openid, key):
            return {**OK, "msgid": int(earlier.provider_id)}
        number = self._numbers.next()
        row = self._accept(follower, key, words, str(number), fault)
        if row is not None:
            self.callbacks.plan_receipt(row, overtakes=fault == "receipt_first")
        return {**OK, "msgid": number}

    def _send_subscription(self, _query: Query, body: bytes, fault: str) -> dict[str, Any]:
        given = read_json(body)
        follower = self._recipient(given)
        template_id = given.get("template_id", "")
        if isinstance(template_id, str) and template_id in self.templates:
            raise Refused(43102)
        words = read_subscription(given, find_template(self.subscribe_templates, template_id))
        refuse_by(follower.verdict_on_subscription(str(template_id)))
        follower.credits[str(template_id)] -= 1
        row = self._accept(follower, "", words, str(self._numbers.next()), fault)
        if row is not None:
            self.callbacks.plan_receipt(row, overtakes=fault == "receipt_first")
        return OK

    def _drop_template(self, body: bytes) -> dict[str, Any]:
        template_id = read_json(body).get("template_id")
        find_template(self.templates, template_id)
        del self.templates[str(template_id)]
        return OK

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

    async def _push(self, openid: str, msgtype: str, fields: Mapping[str, object]) -> Push:
        return await self.callbacks.push(openid, msgtype, fields)

    def _scene_of(self, ticket: str) -> str | None:
        return self.codes.scene_of(ticket, self.stage.now())

    def _message_number(self, message_id: str) -> int:
        return self._numbers.of(f"message {message_id}") if message_id else self._numbers.next()


def _posted(act: Callable[[bytes], dict[str, Any]]) -> Api:
    return Api("POST", lambda _query, body, _fault: act(body))


def _reviewed(templates: Mapping[str, str | WechatTemplate]) -> dict[str, WechatTemplate]:
    made = {name: WechatTemplate(found) if isinstance(found, str) else found for name, found in templates.items()}
    return {name: review(name, template) for name, template in made.items()}

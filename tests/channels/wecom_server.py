"""WeCom's host for one test, written from its documents: keeps what came, refuses what it would refuse."""

import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.channels.wecom_api import WecomSettings
from bot.serving import listen, serve

CORPID, SECRET, AGENT = "wwabcdef0123456789", "an application's secret", 1000002
TOKEN, AES_KEY = "a token", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
CUSTOMER, OTHER = "wmAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1", "wmAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2"
DESK = "wkAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1"

Fields = dict[str, Any]
Play = Callable[[Fields], Mapping[str, object] | Response]


class WecomServer:
    """`plays`: what a path answers, in place of a yes. A token is refused after `forget()`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Fields]] = []
        self.fetches = 0
        self.valid: set[str] = set()
        self.secret = SECRET
        self.always_refuse = 0  # this errcode to every call
        self.lasts = 7200  # seconds of a token
        self.plays: dict[str, Play] = {}
        self.base_url = ""

    def forget(self) -> None:
        self.valid.clear()

    def to(self, path: str) -> list[Fields]:
        return [body for called, body in self.calls if called == path]

    def settings(self, **changes: Any) -> WecomSettings:
        given = {
            "corpid": CORPID,
            "secret": SECRET,
            "agentid": AGENT,
            "token": TOKEN,
            "encoding_aes_key": AES_KEY,
            "base_url": self.base_url,
            "timeout": 2.0,
        }
        return WecomSettings(**{**given, **changes})

    async def gettoken(self, request: Request) -> Response:
        self.fetches += 1
        query = request.query_params
        if query.get("corpid") != CORPID:
            return said(40013, "invalid corpid")
        if query.get("corpsecret") != self.secret:
            return said(40001, "invalid credential")
        token = next(iter(self.valid), f"T{self.fetches}" + "x" * 200)
        self.valid.add(token)
        return said(0, access_token=token, expires_in=self.lasts)

    async def call(self, request: Request) -> Response:
        path, body = request.url.path.removeprefix("/cgi-bin/"), json.loads(await request.body())
        self.calls.append((path, body))
        if request.query_params.get("access_token") not in self.valid:
            return said(40014, "invalid access_token")
        if self.always_refuse:
            return said(self.always_refuse, "no")
        if path in self.plays:
            answer = self.plays[path](body)
            return answer if isinstance(answer, Response) else JSONResponse(dict(answer))
        return _CHECKS[path](body)


def said(code: int, why: str = "ok", **more: object) -> JSONResponse:
    return JSONResponse({"errcode": code, "errmsg": why, **more})


def _message(body: Fields) -> Response:
    if body.get("agentid") != AGENT or body.get("msgtype") != "textcard":
        return said(40056, "invalid agentid")
    card = body["textcard"]
    if not card["url"].startswith("http") or len(card["title"].encode()) > 128:
        return said(40058, "textcard")
    if len(card["description"].encode()) > 512 or len(card["btntxt"]) > 4:
        return said(40058, "textcard")
    return said(0, invaliduser="", msgid="M1")


def _send(body: Fields) -> Response:
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,32}", body.get("msgid", "")):
        return said(40058, "msgid")
    if not body["touser"] or not body["open_kfid"] or not body[body["msgtype"]]["content"]:
        return said(40058, "missing")
    return said(0, msgid=body["msgid"])


def _welcome(body: Fields) -> Response:
    return said(0, msgid="W1") if body.get("code") and body["text"]["content"] else said(40058, "code")


def _template(body: Fields) -> Response:
    if body["chat_type"] != "single" or not body["sender"] or not 0 < len(body["external_userid"]) <= 10_000:
        return said(40058, "argument")
    if len(body["text"]["content"].encode()) > 4000 or len(body.get("attachments", [])) > 9:
        return said(40058, "too long")
    return said(0, fail_list=[], msgid="msg" + "G" * 30)


_CHECKS: dict[str, Callable[[Fields], Response]] = {
    "message/send": _message,
    "kf/send_msg": _send,
    "kf/send_msg_on_event": _welcome,
    "kf/sync_msg": lambda body: said(0, next_cursor="", has_more=0, msg_list=[]),
    "externalcontact/add_msg_template": _template,
    "externalcontact/get_groupmsg_task": lambda body: said(0, next_cursor="", task_list=[]),
    "externalcontact/get_groupmsg_send_result": lambda body: said(0, next_cursor="", send_list=[]),
    "externalcontact/cancel_groupmsg_send": lambda body: said(0),
}


@asynccontextmanager
async def wecom_server() -> AsyncIterator[WecomServer]:
    made = WecomServer()
    routes = [Route("/cgi-bin/gettoken", made.gettoken, methods=["GET"])]
    routes += [Route(f"/cgi-bin/{path}", made.call, methods=["POST"]) for path in _CHECKS]
    listener: socket.socket = listen("127.0.0.1", 0)
    served = await serve(Starlette(routes=routes), listener)
    made.base_url = served.url
    try:
        yield made
    finally:
        await served.stop()
        listener.close()

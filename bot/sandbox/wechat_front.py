"""The HTTP face of a WeChat account: which API is called, by whom, under which fault, and the answer's form."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.listening import Cut, answered, bad_gateway
from bot.sandbox.stage import FaultPlan
from bot.sandbox.wechat_errors import ERRORS, Refused
from bot.sandbox.wechat_gate import Gate

# `slow_body`, `twice`, `reset_after` and `truncate` are of a call that had its effect, `receipt_first` pushes the
# receipt before the answer leaves, `revoked` kills every token. `forget` is the worst: ok, and nothing is kept. Any
# errcode of ERRORS can be ordered as well, "45168".
FAULTS = (
    "delay",
    "busy",
    "minute_limit",
    "revoked",
    "bad_gateway",
    "reset_before",
    "reset_after",
    "truncate",
    "slow_body",
    "twice",
    "receipt_first",
    "forget",
)
CODE_OF = {"busy": -1, "minute_limit": 45011, "revoked": 40001}
KNOWN = (*FAULTS, *map(str, ERRORS))

Query = Mapping[str, str]
Answer = dict[str, Any]
Act = Callable[[Query, bytes, str], Answer]


@dataclass(frozen=True, slots=True)
class Api:
    method: str
    act: Act
    open_to_all: bool = False  # needs no access token, it gives one


class Front:
    """`app` serves `apis` by their paths. `token_faults` are met by calls that need no token, `faults` by the rest;
    `acted` is awaited between the effect and the answer, `refused` told each errcode."""

    def __init__(
        self,
        apis: Mapping[str, Api],
        gate: Gate,
        *,
        faults: FaultPlan,
        token_faults: FaultPlan,
        dice: random.Random,
        acted: Callable[[], Awaitable[None]],
        refused: Callable[[int], None],
    ) -> None:
        self.delay_seconds = 1.0  # real time, of the faults "delay" and "slow_body"
        self._apis, self._gate, self._dice, self._acted = apis, gate, dice, acted
        self._faults, self._token_faults, self._refused = faults, token_faults, refused
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        self.app = Starlette(routes=[Route("/{path:path}", self._serve, methods=methods)])

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        path = request.path_params["path"]
        try:
            api = self._open(path, request)
            plan = self._token_faults if api.open_to_all else self._faults
            return await self._carry_out(api, request.query_params, body, plan.draw())
        except Refused as refusal:
            self._refused(refusal.errcode)
            return self._refusal(refusal)

    def _open(self, path: str, request: Request) -> Api:
        api = self._apis.get(path)
        if api is None:
            raise Refused(40066)
        if request.method != api.method:
            raise Refused(43002 if api.method == "POST" else 43001)
        if api.open_to_all:
            self._gate.check_address(request.client.host if request.client else "")
        else:
            self._gate.check_token(request.query_params.get("access_token", ""))
        self._gate.count(path.removeprefix("cgi-bin/"))
        return api

    async def _carry_out(self, api: Api, query: Query, body: bytes, fault: str) -> Response:
        if fault == "delay":
            await asyncio.sleep(self.delay_seconds)
        if fault == "revoked":
            self._gate.revoke()
        if fault in CODE_OF or fault not in ("", *FAULTS):
            raise Refused(CODE_OF.get(fault) or int(fault))
        if fault == "bad_gateway":
            return bad_gateway()
        if fault == "reset_before":
            return Cut()
        response = _json(api.act(query, body, fault))
        await self._acted()
        return answered(response, fault, self.delay_seconds)

    def _refusal(self, refusal: Refused) -> Response:
        rid = "-".join(f"{self._dice.getrandbits(32):08x}" for _ in range(3))
        return _json({"errcode": refusal.errcode, "errmsg": f"{refusal.errmsg} rid: {rid}", **refusal.more})


def _json(answer: Answer) -> Response:
    return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json; encoding=utf-8")

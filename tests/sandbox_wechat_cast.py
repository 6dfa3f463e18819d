"""Who stands in the tests of the WeChat stand-in: a clock moved by hand, our door, a client that knows only HTTP."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from wechatpy import WeChatClient, parse_message
from wechatpy.client.api import WeChatMessage
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from bot.sandbox.stage import Accepted, Stage
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_callbacks import Quirks
from bot.sandbox.wechat_words import WechatTemplate
from campaigns.terms import ChannelName

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
APPID, SECRET, TOKEN = "wx1234567890abcdef", "0123456789abcdef0123456789abcdef", "testtoken"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
ANNA = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
BERT = "o386789759610c54d13b246c6ffe"
UNREAD, INTERVIEW, BANNED, DRAFT, SUB = "TM_UNREAD", "TM_INTERVIEW", "TM_BANNED", "TM_DRAFT", "SUB_UNREAD"
VALUES = {"thing1": {"value": "大同机械"}, "number2": {"value": "5"}}
CALM = Quirks(block_share=0, failure_share=0, duplicate_share=0)
EXACT = "企业：{{thing1.DATA}}\n未读：{{number2.DATA}}份"


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def skip(self, time: timedelta) -> None:
        self.moment += time


class OurDoor:
    """Takes callbacks, answers what it is told to; "success" where nothing is."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, str] | float] = []  # a number is how many seconds it sleeps

    async def take(self, request: Request) -> Response:
        query = dict(request.query_params)
        if request.method == "GET":
            return PlainTextResponse(self._echo(query["echostr"]))
        self.got.append((query, await request.body()))
        answer = self.answers.pop(0) if self.answers else (200, "success")
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = (200, "success")
        return PlainTextResponse(answer[1], answer[0])

    def _echo(self, echostr: str) -> str:
        told = self.answers.pop(0) if self.answers else None
        return told[1].replace("ECHO", echostr) if isinstance(told, tuple) else echostr

    def read(self, index: int = -1) -> Any:
        """Verified, decrypted and parsed by wechatpy."""
        query, body = self.got[index]
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        xml = WeChatCrypto(TOKEN, KEY, APPID).decrypt_message(
            body, query["msg_signature"], query["timestamp"], query["nonce"]
        )
        return parse_message(xml)


class Peer:
    """A client of the stand-in that knows only HTTP; without sockets, as a server takes a while to stop."""

    def __init__(self, sandbox: WechatSandbox) -> None:
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url=sandbox.base_url)

    async def get(self, api: str, **query: str) -> dict[str, Any]:
        return await self._ask("GET", api, query, None)

    async def post(self, api: str, body: object, **query: str) -> dict[str, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self._ask("POST", api, {"access_token": await self.access_token()} | query, content)

    async def custom(self, to: str = ANNA, content: str = "您好") -> int:
        body = {"touser": to, "msgtype": "text", "text": {"content": content}}
        return int((await self.post("message/custom/send", body))["errcode"])

    async def template(self, to: str = ANNA, **changes: object) -> dict[str, Any]:
        body = {"touser": to, "template_id": UNREAD, "data": VALUES} | changes
        return await self.post("message/template/send", body)

    async def notice(self, to: str = ANNA, **changes: object) -> dict[str, Any]:
        body = {"touser": to, "template_id": SUB, "data": {"thing1": {"value": "有简历没看"}}} | changes
        return await self.post("message/subscribe/bizsend", body)

    async def stable(self, **changes: object) -> dict[str, Any]:
        given = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET} | changes
        return await self._ask("POST", "stable_token", {}, json.dumps(given).encode())

    async def plain(self, **changes: str) -> dict[str, Any]:
        given = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET} | changes
        return await self.get("token", **{name: value for name, value in given.items() if value})

    async def verdict_on(self, token: str) -> int:
        """The errcode that a token gets; 0 for a good one."""
        return int((await self.get("user/info", openid=ANNA, access_token=token)).get("errcode", 0))

    async def access_token(self) -> str:
        return str((await self.stable())["access_token"])

    async def _ask(self, method: str, api: str, query: dict[str, str], body: bytes | None) -> dict[str, Any]:
        answer = await self.http.request(method, f"/cgi-bin/{api}", params=query, content=body)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        if found.get("errcode"):
            assert re.search(r" rid: [0-9a-f]+-[0-9a-f]+-[0-9a-f]+$", found["errmsg"])
        return found


def make(stage: Stage, **changes: Any) -> WechatSandbox:
    templates = {
        UNREAD: EXACT,
        INTERVIEW: WechatTemplate(
            "{{short_thing1.DATA}}{{character_string2.DATA}}{{time3.DATA}}{{date4.DATA}}{{amount5.DATA}}"
            "{{phone_number6.DATA}}{{const7.DATA}}",
            constants={"const7": ("已通过", "未通过")},
        ),
        BANNED: WechatTemplate(EXACT, banned=True),
        DRAFT: WechatTemplate(EXACT, approved=False),
    }
    given: dict[str, Any] = {
        "appid": APPID,
        "secret": SECRET,
        "token": TOKEN,
        "encoding_aes_key": KEY,
        "templates": templates,
        "subscribe_templates": {SUB: "{{thing1.DATA}}", "SUB_TWO": "{{thing1.DATA}}"},
        "push_to": None,
        "followers": [ANNA],
        "quirks": CALM,
    }
    return WechatSandbox(stage, **given | changes)


def rows(stage: Stage) -> list[Accepted]:
    return stage.ledger.rows(ChannelName.WECHAT)


class Wechatpy(WeChatClient):  # type: ignore[misc]
    message = WeChatMessage()

    def __init__(self, base_url: str) -> None:
        self.API_BASE_URL = f"{base_url}/cgi-bin/"
        super().__init__(APPID, SECRET, auto_retry=False)
        self._http.trust_env = False

    def fetch_access_token(self) -> Any:
        params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(f"{self.API_BASE_URL}token", params)

"""Who stands in the tests of the WeCom stand-in: a clock moved by hand, our door, a client that knows only HTTP."""

import asyncio
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from wechatpy.enterprise.crypto import WeChatCrypto

from bot.sandbox.stage import Accepted, Line, Stage
from bot.sandbox.wecom.account import WecomApp
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.sandbox.wecom.people import Staff
from bot.sandbox.wecom.push import Quirks
from campaigns.terms import ChannelName

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 9:00 in Shanghai
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CORPID, TOKEN, KEY = "ww1234567890abcdef", "wecomtoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SECRET, OTHER_SECRET, SYSTEM_SECRET = ("s" * 43, "o" * 43, "y" * 43)
AGENT, OTHER_AGENT, SYSTEM_AGENT = 1000002, 1000003, 1
LIU, HE = "Liu.Yang", "hemei"
ANNA, BERT, NOBODY = (
    "wmANNA00000000000000000000000000",
    "wmBERT00000000000000000000000000",
    "wmNOBODY000000000000000000000000",
)
KFID, OTHER_KFID = "wkHUIFANG0000000000000000000000", "wkOTHER000000000000000000000000"
CALM = Quirks(duplicate_share=0, empty_page_share=0, kf_failure_share=0)


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def skip(self, time: timedelta) -> None:
        self.moment += time


class OurDoor:
    """Takes callbacks as wechatpy reads them, answers what it is told to; "success" where nothing is."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int | float] = []  # a status, or how many seconds it sleeps
        self.echo = "{}"  # what stands around the words of a verification
        self.crypto = WeChatCrypto(TOKEN, KEY, CORPID)

    async def take(self, request: Request) -> Response:
        query = dict(request.query_params)
        if request.method == "GET":
            return await self._prove(query)
        self.got.append((query, await request.body()))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, float):
            await asyncio.sleep(answer)
        return PlainTextResponse("success", answer if isinstance(answer, int) else 200)

    async def _prove(self, query: dict[str, str]) -> Response:
        if self.answers:
            await asyncio.sleep(self.answers.pop(0))
        words = self.crypto.check_signature(
            query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"]
        )
        return PlainTextResponse(self.echo.format(words.decode() if isinstance(words, bytes) else words))

    def read(self, index: int = -1) -> dict[str, str]:
        """Verified and decrypted by wechatpy."""
        query, body = self.got[index]
        xml = self.crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        return {child.tag: child.text or "" for child in ET.fromstring(xml)}

    def events(self) -> list[dict[str, str]]:
        return [self.read(index) for index in range(len(self.got))]


class Peer:
    """A client of the stand-in that knows only HTTP; without sockets, as a server takes a while to stop."""

    def __init__(self, sandbox: WecomSandbox) -> None:
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url=sandbox.base_url)

    async def token(self, secret: str = SECRET, corpid: str = CORPID) -> dict[str, Any]:
        return await self._ask("GET", "gettoken", {"corpid": corpid, "corpsecret": secret}, None)

    async def get(self, api: str, secret: str = SECRET, **query: str) -> dict[str, Any]:
        token = {"access_token": (await self.token(secret))["access_token"]}
        return await self._ask("GET", api, token | query, None)

    async def post(self, api: str, body: object, secret: str = SECRET, **query: str) -> dict[str, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        token = {} if "access_token" in query else {"access_token": (await self.token(secret))["access_token"]}
        return await self._ask("POST", api, token | query, content)

    async def app(self, to: str = LIU, content: str = "客户回复了", **changes: object) -> dict[str, Any]:
        body = {"touser": to, "msgtype": "text", "agentid": AGENT, "text": {"content": content}} | changes
        return await self.post("message/send", body)

    async def mass(self, *to: str, **changes: object) -> dict[str, Any]:
        body = {"external_userid": list(to), "text": {"content": "您好，有新简历"}} | changes
        return await self.post("externalcontact/add_msg_template", body)

    async def kf(self, to: str = ANNA, **changes: object) -> dict[str, Any]:
        body = {"touser": to, "open_kfid": KFID, "msgtype": "text", "text": {"content": "好的"}} | changes
        return await self.post("kf/send_msg", body)

    async def sync(self, **given: object) -> dict[str, Any]:
        return await self.post("kf/sync_msg", {"open_kfid": KFID} | given)

    async def result(self, msgid: str, userid: str = LIU, **given: object) -> dict[str, Any]:
        body = {"msgid": msgid, "userid": userid} | given
        return await self.post("externalcontact/get_groupmsg_send_result", body)

    async def verdict_on(self, token: str) -> int:
        """The errcode that a token gets; 0 for a good one."""
        body = {"open_kfid": KFID, "external_userid": ANNA}
        return int((await self.post("kf/service_state/get", body, access_token=token))["errcode"])

    async def _ask(self, method: str, api: str, query: dict[str, str], body: bytes | None) -> dict[str, Any]:
        answer = await self.http.request(method, f"/cgi-bin/{api}", params=query, content=body)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        if found["errcode"]:
            assert "hint: [" in found["errmsg"]
            assert found["errmsg"].endswith(f"query?e={found['errcode']}")
        return found


def make(stage: Stage, **changes: Any) -> WecomSandbox:
    given: dict[str, Any] = {
        "corpid": CORPID,
        "apps": [
            WecomApp(AGENT, SECRET),
            WecomApp(OTHER_AGENT, OTHER_SECRET),
            WecomApp(SYSTEM_AGENT, SYSTEM_SECRET, frozenset()),
        ],
        "token": TOKEN,
        "encoding_aes_key": KEY,
        "staff": [
            Staff(LIU),
            Staff(HE, party=2),
            Staff("gone", visible=False),
            Staff("free", licensed=False, contact=False, servicer=False),
        ],
        "open_kfids": [KFID, OTHER_KFID],
        "push_to": None,
        "adopt": False,
        "quirks": CALM,
    }
    sandbox = WecomSandbox(stage, **given | changes)
    sandbox.people.follow(ANNA, LIU)
    sandbox.people.follow(BERT, HE)
    return sandbox


def to_staff(stage: Stage, kind: str = "app") -> list[Accepted]:
    return [row for row in stage.ledger.rows(Line.WECOM_STAFF) if row.words["kind"] == kind]


def to_customers(stage: Stage) -> list[Accepted]:
    return stage.ledger.rows(ChannelName.WECOM)

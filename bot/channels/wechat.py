"""The WeChat Official Account: custom, template and subscription messages out, its callback in."""

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never
from urllib.parse import quote

import httpx
import orjson

from bot.channels.base import Clock, InboundAnswer, InboundRequest
from bot.channels.http import left_us, open_client
from bot.channels.restraint import NO_CONNECTION, NOT_TRIED, Rest, Round
from bot.channels.wechat_codes import (
    DUPLICATE,
    TOKEN_CODES,
    Runs,
    errcode_of,
    read_errcode,
    read_token_errcode,
)
from bot.channels.wechat_inbound import Callback
from bot.channels.wechat_token import AccessToken, MemoryTokenStore, SharedToken, TokenStore, TokenUnavailable
from campaigns.errors import ChannelUnavailable, ConfigError, WebhookRejected
from campaigns.terms import (
    ChannelName,
    InboundEvent,
    MessageClass,
    Outbound,
    Reaction,
    SendResult,
    WechatMode,
    WechatWords,
)

log = logging.getLogger(__name__)

_TEXT = 2048  # bytes
_DAY = 86_400  # seconds; a token lives 7,200
_KEY = 32  # characters of a client_msg_id
_NO_WECHAT, _EMPTY, _TOO_LONG, _LONG_KEY = "no wechat", "empty", "too long", "long key"
_NO_TEMPLATE, _NO_MARKETING = "no template", "no marketing"
_REFUSED_HERE = frozenset({_NO_WECHAT, _EMPTY, _TOO_LONG, _LONG_KEY, _NO_TEMPLATE, _NO_MARKETING})
_NEVER_LEFT = _REFUSED_HERE | {NO_CONNECTION, NOT_TRIED}
_NO_TEMPLATE_FOR = frozenset({MessageClass.MARKETING, MessageClass.GREETING})
_TOO_MANY = 429
_PATHS = {
    WechatMode.CUSTOM: "/cgi-bin/message/custom/send",
    WechatMode.TEMPLATE: "/cgi-bin/message/template/send",
    WechatMode.SUBSCRIBE: "/cgi-bin/message/subscribe/bizsend",
}
_OPENIDS = re.compile(r"\bo[\w-]{20,}", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class WechatSettings:
    """`base_url` without a path; http:// only on this machine. Without `encoding_aes_key` the callback is plain.

    `timeout` in seconds; calls `at_once`.
    """

    appid: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(default="", repr=False)
    base_url: str = "https://api.weixin.qq.com"
    timeout: float = 10.0
    at_once: int = 20


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back. `errcode` None: nothing that can be read, and `why`. `wait`: its Retry-After."""

    errcode: int | None
    fields: Mapping[str, object] = field(default_factory=dict)
    why: str = ""
    left: bool = True
    too_many: bool = False  # HTTP 429: by its meaning nothing was done
    wait: timedelta | None = None

    @property
    def lost(self) -> bool:
        return self.errcode is None and self.left and not self.too_many


@dataclass(slots=True)
class _Batch:
    """What the messages of one batch share."""

    token: str
    learned: Round
    refused: set[str] = field(default_factory=set)  # tokens another was fetched for, even if it was the same again


class WechatChannel:
    name = ChannelName.WECHAT

    def __init__(self, settings: WechatSettings, now: Clock, token_store: TokenStore | None = None) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first message.

        `token_store`: where several processes share one token; without it this one keeps its own.
        """
        _check(settings)
        self._settings, self._now = settings, now
        self._callback = Callback(settings.appid, settings.token, settings.encoding_aes_key)
        self._opened: tuple[InboundRequest, list[InboundEvent]] | None = None  # the last push, deciphered to verify it
        self._client = open_client(settings.base_url, timeout=settings.timeout)
        self._token = SharedToken(self._fetch_token, now, token_store or MemoryTokenStore())
        self._slots = asyncio.Semaphore(settings.at_once)
        self._rest = Rest(now)
        self._runs = Runs()

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        return [outbound.key for outbound in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        """One result per message, in order. Raises ChannelUnavailable where no message could leave."""
        if not batch:
            return []
        token = await self._token_unless_resting()
        if token is None:
            return [self._rest.refuse(outbound.id) for outbound in batch]
        state = _Batch(token, Round(self._rest))
        results = await asyncio.gather(*(self._submit(outbound, state) for outbound in batch))
        codes = {result.code for result in results}
        if NO_CONNECTION in codes and codes <= _NEVER_LEFT:
            raise ChannelUnavailable(f"微信连不上 · WeChat cannot be reached at {self._settings.base_url}")
        return self._runs.judge([_kind(outbound) for outbound in batch], results, self._now())

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Always None: WeChat has no question about one message. A template's fate comes as its receipt."""
        return None

    def verify(self, request: InboundRequest) -> None:
        if request.door != "callback":
            raise WebhookRejected(f"WeChat has no door {request.door[:20]!r}: callback")
        match request.method:
            case "GET":
                self._callback.check_echo(request.query, self._now())
            case "POST":
                events = self._callback.check_push(request.query, request.body, self._now())
                self._opened = request, events
            case method:
                raise WebhookRejected(f"WeChat asks by GET and pushes by POST, not {method[:10]}")

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        if request.method != "POST":
            return []
        opened, self._opened = self._opened, None
        if opened and opened[0] is request:  # deciphered when it was verified a moment ago
            return opened[1]
        return self._callback.read_push(request.query, request.body)

    def answer(self, request: InboundRequest) -> InboundAnswer:
        """`success` means: no passive reply. What is to be said goes out by `send`."""
        text = self._callback.echo(request.query) if request.method == "GET" else "success"
        return InboundAnswer(text.encode())

    async def close(self) -> None:
        await self._client.aclose()

    async def _submit(self, outbound: Outbound, batch: _Batch) -> SendResult:
        words = outbound.words
        if not isinstance(words, WechatWords):
            return _refuse(outbound, Reaction.DROP, _NO_WECHAT, "the words are not WeChat's")
        if refusal := _refusal(outbound, words):
            return refusal
        async with self._slots:
            if closed := batch.learned.refuse(outbound.id):
                return closed
            result = await self._deliver(outbound, words, batch)
            batch.learned.learn(result)
        return result

    async def _deliver(self, outbound: Outbound, words: WechatWords, batch: _Batch) -> SendResult:
        """Sent once; twice only where the first was refused for its token, or WeChat itself drops the second."""
        path, body = _PATHS[words.mode], _body(outbound, words)
        token = batch.token
        answer = await self._call(path, body, token)
        if answer.errcode in TOKEN_CODES:
            try:
                await self._renew(batch, token)
            except TokenUnavailable as problem:
                return _without_token(outbound, problem)
            return _result(outbound, await self._call(path, body, batch.token), repeated=True)
        if answer.lost and words.mode is WechatMode.TEMPLATE and answer.wait is None:
            # One openid and client_msg_id is sent once within 10 minutes, and the answer has the msgid that the
            # receipt will name. Only a yes counts: a refusal of the second says nothing about the first.
            again = _result(outbound, await self._call(path, body, token), repeated=True)
            return again if again.accepted else _result(outbound, answer)
        return _result(outbound, answer)

    async def _renew(self, batch: _Batch, token: str) -> None:
        """Once for a token, however late the last refusal of it comes in."""
        if token not in batch.refused:
            batch.token = await self._token.current(stale=token)
            batch.refused.add(token)

    async def _token_unless_resting(self) -> str | None:
        """None where WeChat wants no calls for a while."""
        if self._rest.left():
            return None
        try:
            return await self._token.current()
        except TokenUnavailable:
            if self._rest.left():
                return None
            raise

    async def _fetch_token(self) -> AccessToken:
        """Never with force_refresh: it is allowed 20 times a day, and two systems on one account that force would
        end each other's tokens for ever."""
        answer = await self._call(
            "/cgi-bin/stable_token",
            _json(
                {
                    "grant_type": "client_credential",
                    "appid": self._settings.appid,
                    "secret": self._settings.secret,
                    "force_refresh": False,
                }
            ),
        )
        value, lasts = answer.fields.get("access_token"), answer.fields.get("expires_in")
        if answer.errcode == 0 and isinstance(value, str) and value and isinstance(lasts, int) and 0 < lasts < _DAY:
            return AccessToken(value, self._now() + timedelta(seconds=lasts))
        raise _token_unavailable(answer, self._settings.base_url)

    async def _call(self, path: str, body: bytes, token: str = "") -> _Answer:
        headers = {"content-type": "application/json; charset=utf-8"}
        url = f"{path}?access_token={quote(token, safe='')}" if token else path
        try:
            response = await self._client.post(url, content=body, headers=headers)
        except httpx.RequestError as problem:
            return _Answer(None, why=type(problem).__name__, left=left_us(problem))
        return _read(response, self._rest.read(response))


def _check(settings: WechatSettings) -> None:
    url = httpx.URL(settings.base_url)
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise ConfigError("WECHAT_BASE_URL: 要写成 https://api.weixin.qq.com 这样，不带路径 (a URL without a path)")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ConfigError(f"WECHAT_BASE_URL: 密钥会明文传给 {url.host}，用 https:// (in the clear: use https://)")
    if not settings.appid or not settings.secret:
        raise ConfigError("WECHAT_APPID、WECHAT_SECRET: 要一起填 (both must be set)")


# ---- requests -----------------------------------------------------------------------------------------------------


def _refusal(outbound: Outbound, words: WechatWords) -> SendResult | None:
    """What WeChat would refuse, or punish, is not sent."""
    if words.mode is WechatMode.CUSTOM:
        if not words.text.strip():
            return _refuse(outbound, Reaction.DROP, _EMPTY, "no text")
        if len(words.text.encode("utf-8", "replace")) > _TEXT:
            return _refuse(outbound, Reaction.DROP, _TOO_LONG, f"a text of over {_TEXT} bytes")
        return None
    if not words.template_id:
        return _refuse(outbound, Reaction.PAUSE_TEMPLATE, _NO_TEMPLATE, "the template id is missing")
    if words.mode is WechatMode.TEMPLATE and outbound.message_class in _NO_TEMPLATE_FOR:
        # First the template is deleted, then the account is banned, at last for ever.
        return _refuse(outbound, Reaction.PAUSE_TEMPLATE, _NO_MARKETING, "a template message must be a service notice")
    if words.mode is WechatMode.TEMPLATE and len(outbound.key) > _KEY:
        return _refuse(outbound, Reaction.DROP, _LONG_KEY, f"client_msg_id takes {_KEY} characters")
    return None


def _refuse(outbound: Outbound, reaction: Reaction, code: str, detail: str) -> SendResult:
    return SendResult(outbound.id, reaction, code=code, detail=f"not sent: {detail}")


def _body(outbound: Outbound, words: WechatWords) -> bytes:
    fields: dict[str, object] = {"touser": outbound.address}
    match words.mode:
        case WechatMode.CUSTOM:
            return _json(fields | {"msgtype": "text", "text": {"content": words.text}})
        case WechatMode.TEMPLATE:
            fields |= {"url": words.url} if words.url else {}
            fields["client_msg_id"] = outbound.key
        case WechatMode.SUBSCRIBE:
            fields |= {"page": words.url} if words.url else {}
        case _:
            assert_never(words.mode)
    data = {key: {"value": value} for key, value in words.data.items()}
    return _json(fields | {"template_id": words.template_id, "data": data})


def _json(fields: Mapping[str, object]) -> bytes:
    r"""Real Chinese: \uXXXX was known to be shown as it stands. Half a character becomes a question mark."""
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def _kind(outbound: Outbound) -> str:
    words = outbound.words
    return words.template_id or words.mode if isinstance(words, WechatWords) else ""


# ---- answers ------------------------------------------------------------------------------------------------------


def _read(response: httpx.Response, wait: timedelta | None) -> _Answer:
    """WeChat answers everything with 200 and JSON. All else is somebody's on the way, before it or behind it."""
    status = response.status_code
    if status != 200:
        return _Answer(None, why=f"HTTP {status}", too_many=status == _TOO_MANY, wait=wait)
    try:
        fields = orjson.loads(response.content)
    except ValueError:
        return _Answer(None, why="an answer that is not JSON")
    if not isinstance(fields, dict):
        return _Answer(None, why="an answer that is not a JSON object")
    return _Answer(errcode_of(fields), fields, why="an errcode that is no integer")


def _result(outbound: Outbound, answer: _Answer, repeated: bool = False) -> SendResult:
    if answer.errcode is None:
        if answer.too_many:
            return SendResult(outbound.id, Reaction.SLOW, code="http 429", detail=answer.why, retry_after=answer.wait)
        if answer.left:
            return SendResult(outbound.id, Reaction.UNKNOWN, code="no answer", detail=answer.why)
        return SendResult(outbound.id, Reaction.RETRY, code=NO_CONNECTION, detail=answer.why)
    sent_as = _sent_as(answer.fields)
    if answer.errcode == 0:
        return SendResult(outbound.id, provider_id=sent_as, code="0")
    reaction, retry_after = _reaction(answer.errcode, repeated)
    return SendResult(
        outbound.id,
        reaction,
        provider_id=sent_as if reaction is Reaction.OK_DUP else "",
        code=str(answer.errcode),
        detail=_detail(answer, outbound.address),
        retry_after=retry_after,
    )


def _reaction(errcode: int, repeated: bool) -> tuple[Reaction, timedelta | None]:
    if errcode in TOKEN_CODES:  # a new token did not mend it
        return Reaction.PAUSE_CHANNEL, None
    if errcode == DUPLICATE and repeated:
        return Reaction.OK_DUP, None
    meaning = read_errcode(errcode)
    if meaning is None:
        log.warning("WeChat errcode %d is in no table", errcode)
        return Reaction.DROP, None
    return meaning.reaction, meaning.retry_after


def _sent_as(fields: Mapping[str, object]) -> str:
    value = fields.get("msgid", fields.get("msg_id", ""))
    return str(value)[:64] if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _detail(answer: _Answer, address: str = "") -> str:
    """errmsg names what was wrong, and sometimes whom it was for."""
    said = answer.fields.get("errmsg")
    text = said if isinstance(said, str) else ""
    return _OPENIDS.sub("…", text.replace(address, "…") if address else text)[:120]


def _without_token(outbound: Outbound, problem: TokenUnavailable) -> SendResult:
    """Refused for its token, so it is not delivered; and there was no new one."""
    if problem.code is None:
        return SendResult(outbound.id, Reaction.SLOW, code="no token", detail=str(problem)[:120])
    meaning = read_token_errcode(problem.code)
    return SendResult(
        outbound.id,
        meaning.reaction,
        code=str(problem.code),
        detail=str(problem)[:120],
        retry_after=meaning.retry_after,
    )


def _token_unavailable(answer: _Answer, base_url: str) -> TokenUnavailable:
    if answer.errcode is None:
        return TokenUnavailable(f"微信连不上 · no access token from {base_url}: {answer.why}")
    if answer.errcode == 0:
        return TokenUnavailable("微信没有给出凭证 · stable_token answered without a token")
    return TokenUnavailable(
        f"微信不给凭证 · stable_token answered {answer.errcode} {_detail(answer)}: check WECHAT_APPID and "
        "WECHAT_SECRET (40001, 40013, 40125) and the IP whitelist of the account's settings (40164)",
        answer.errcode,
    )

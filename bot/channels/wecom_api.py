"""Calls to WeCom with the application's one token: refused for it, a call is made once more with a new one."""

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import orjson

from bot.channels.base import Clock
from bot.channels.http import left_us, open_client
from bot.channels.restraint import NO_CONNECTION, NOT_TRIED, Rest
from bot.channels.wechat_codes import errcode_of
from bot.channels.wechat_token import AccessToken, MemoryTokenStore, SharedToken, TokenStore, TokenUnavailable
from bot.channels.wecom_codes import TOKEN_CODES, read_errcode, read_token_errcode
from campaigns.errors import ConfigError
from campaigns.terms import Reaction, SendResult

log = logging.getLogger(__name__)

_DAY = 86_400  # seconds; a token lives 7,200
# gettoken repeats the same token to its end: renewed earlier, it would be asked for at every call.
_EARLY = timedelta(seconds=5)
_STOPPED = timedelta(minutes=1)
_TOO_MANY = 429
_CALLER = 60020  # its errmsg names the IP to be entered
_CUSTOMERS = re.compile(r"\bw[mo][\w-]{20,}", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class WecomSettings:
    """`base_url` without a path; http:// only on this machine. `secret` is the application's, with its `agentid`."""

    corpid: str
    secret: str = field(repr=False)
    agentid: int
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    base_url: str = "https://qyapi.weixin.qq.com"
    timeout: float = 10.0
    at_once: int = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `errcode` None: nothing that can be read, and `why`; `left`: it may have been acted on."""

    errcode: int | None
    fields: Mapping[str, object] = field(default_factory=dict)
    why: str = ""
    left: bool = True
    no_token: TokenUnavailable | None = None
    wait: timedelta | None = None

    @property
    def ok(self) -> bool:
        return self.errcode == 0

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

    def items(self, name: str) -> list[Mapping[str, object]]:
        """The objects of a list; what is none is left out."""
        value = self.fields.get(name)
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class WecomApi:
    def __init__(self, settings: WecomSettings, now: Clock, token_store: TokenStore | None = None) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first call."""
        _check(settings)
        self.settings, self._now = settings, now
        self._client = open_client(settings.base_url, timeout=settings.timeout)
        self._token = SharedToken(self._fetch_token, now, token_store or MemoryTokenStore(), _EARLY)
        self.rest = Rest(now)
        self._renewing = asyncio.Lock()
        self._refused, self._stopped_until = Answer(None), datetime.min.replace(tzinfo=UTC)

    async def call(self, path: str, fields: Mapping[str, object]) -> Answer:
        """One call under /cgi-bin/. Nothing is raised: what went wrong is in the answer."""
        if self.rest.left():
            return Answer(None, why=NOT_TRIED, left=False, wait=self.rest.left())
        if self._is_stopped():
            return self._refused
        try:
            token = await self._token.current()
        except TokenUnavailable as problem:
            answer = _without(problem)
            return self._stop(answer) if problem.code is not None else answer
        answer = await self._post(path, fields, token)
        return await self._once_more(path, fields, token) if answer.errcode in TOKEN_CODES else answer

    async def _once_more(self, path: str, fields: Mapping[str, object], token: str) -> Answer:
        """The first that is refused finds out for all others whether a new token mends it."""
        async with self._renewing:
            if self._is_stopped():
                return self._refused
            try:
                fresh = await self._token.current(stale=token)
            except TokenUnavailable as problem:
                return self._stop(_without(problem))
            answer = await self._post(path, fields, fresh)
        return self._stop(answer) if answer.errcode in TOKEN_CODES else answer

    def _is_stopped(self) -> bool:
        return self._now() < self._stopped_until

    def _stop(self, answer: Answer) -> Answer:
        """What WeCom says no to is not asked again at once: it bars whoever does."""
        self._refused, self._stopped_until = replace(answer, left=False), self._now() + _STOPPED
        return answer

    async def close(self) -> None:
        await self._client.aclose()

    async def _fetch_token(self) -> AccessToken:
        own = self.settings
        query = f"corpid={quote(own.corpid, safe='')}&corpsecret={quote(own.secret, safe='')}"
        try:
            answer = self._read(await self._client.get(f"/cgi-bin/gettoken?{query}"))
        except httpx.RequestError as problem:
            answer = Answer(None, why=type(problem).__name__)
        value, lasts = answer.fields.get("access_token"), answer.fields.get("expires_in")
        if answer.ok and isinstance(value, str) and value and isinstance(lasts, int) and 0 <= lasts < _DAY:
            return AccessToken(value, self._now() + timedelta(seconds=max(lasts, 1)))  # 0 in its last second
        raise _unavailable(answer, own.base_url)

    async def _post(self, path: str, fields: Mapping[str, object], token: str) -> Answer:
        content = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"content-type": "application/json; charset=utf-8"}
        try:
            response = await self._client.post(
                f"/cgi-bin/{path}?access_token={quote(token, safe='')}", content=content, headers=headers
            )
        except httpx.RequestError as problem:
            return Answer(None, why=type(problem).__name__, left=left_us(problem))
        return self._read(response)

    def _read(self, response: httpx.Response) -> Answer:
        """WeCom answers everything with 200 and JSON. All else is somebody's on the way, before it or behind it."""
        status = response.status_code
        if status != 200:
            wait = self.rest.read(response)
            return Answer(None, why=f"HTTP {status}", left=status != _TOO_MANY, wait=wait or _too_many(status))
        try:
            fields = orjson.loads(response.content)
        except ValueError:
            return Answer(None, why="an answer that is not JSON")
        if not isinstance(fields, dict):
            return Answer(None, why="an answer that is not a JSON object")
        return Answer(errcode_of(fields), fields, why="an errcode that is no integer")


def result_of(number: int, answer: Answer, *, provider_id: str = "") -> SendResult:
    """What an answer means for one message."""
    if answer.no_token is not None:
        return _without_token(number, answer.no_token)
    if answer.errcode is None:
        return _unanswered(number, answer)
    if answer.ok:
        return SendResult(number, provider_id=provider_id[:64], code="0")
    code, detail = str(answer.errcode), _said(answer)
    if answer.errcode in TOKEN_CODES:  # a new token did not mend it
        return SendResult(number, Reaction.PAUSE_CHANNEL, code=code, detail=detail)
    meaning = read_errcode(answer.errcode)
    if meaning is None:
        log.warning("WeCom errcode %d is in no table", answer.errcode)
        return SendResult(number, Reaction.DROP, code=code, detail=detail)
    return SendResult(number, meaning.reaction, code=code, detail=detail, retry_after=meaning.retry_after)


def _unanswered(number: int, answer: Answer) -> SendResult:
    if answer.left:
        return SendResult(number, Reaction.UNKNOWN, code="no answer", detail=answer.why)
    if answer.wait is not None:
        return SendResult(number, Reaction.SLOW, code="not now", detail=answer.why, retry_after=answer.wait)
    return SendResult(number, Reaction.RETRY, code=NO_CONNECTION, detail=answer.why)


def _without_token(number: int, problem: TokenUnavailable) -> SendResult:
    if problem.code is None:
        return SendResult(number, Reaction.SLOW, code="no token", detail=str(problem)[:120])
    meaning = read_token_errcode(problem.code)
    return SendResult(
        number, meaning.reaction, code=str(problem.code), detail=str(problem)[:120], retry_after=meaning.retry_after
    )


def _unavailable(answer: Answer, base_url: str) -> TokenUnavailable:
    if answer.errcode is None:
        return TokenUnavailable(f"企业微信连不上 · no access token from {base_url}: {answer.why}")
    if answer.ok:
        return TokenUnavailable("企业微信没有给出凭证 · gettoken answered without a token")
    return TokenUnavailable(
        f"企业微信不给凭证 · gettoken answered {answer.errcode}: check WECOM_CORPID and WECOM_SECRET, "
        "and the trusted IPs of the application (60020)",
        answer.errcode,
    )


def _said(answer: Answer) -> str:
    """errmsg up to its hints, which repeat the request: the rest may name people."""
    said = _CUSTOMERS.sub("…", answer.text("errmsg"))
    return said[:160] if answer.errcode == _CALLER else said.partition(",")[0].partition("hint")[0][:60]


def _without(problem: TokenUnavailable) -> Answer:
    return Answer(problem.code, why=str(problem), left=False, no_token=problem)


def _too_many(status: int) -> timedelta | None:
    return timedelta(minutes=1) if status == _TOO_MANY else None


def _check(settings: WecomSettings) -> None:
    url = httpx.URL(settings.base_url)
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise ConfigError("WECOM_BASE_URL: 要写成 https://qyapi.weixin.qq.com 这样，不带路径 (a URL without a path)")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ConfigError(f"WECOM_BASE_URL: 密钥会明文传给 {url.host}，用 https:// (in the clear: use https://)")
    if not settings.corpid or not settings.secret or settings.agentid <= 0:
        raise ConfigError("WECOM_CORPID、WECOM_SECRET、WECOM_AGENTID: 要一起填 (all three must be set)")

"""Calls to WeChat with the account's one token: what leaves, what comes back, and what a new token mends."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import httpx
import orjson

from bot.channels.base import Clock
from bot.channels.http import left_us, open_client
from bot.channels.restraint import Rest
from bot.channels.wechat_codes import TOKEN_CODES, errcode_of
from bot.channels.wechat_token import AccessToken, MemoryTokenStore, SharedToken, TokenStore, TokenUnavailable
from campaigns.errors import ConfigError, OutreachError

log = logging.getLogger(__name__)

_DAY = 86_400  # seconds; a token lives 7,200
_TOO_MANY = 429
_OPENIDS = re.compile(r"\bo[\w-]{20,}", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HEADERS = {"content-type": "application/json; charset=utf-8"}


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
class Answer:
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

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


class WechatRefused(OutreachError):
    """WeChat said no to a question of staff, or nothing that can be read."""

    def __init__(self, message: str, errcode: int | None) -> None:
        super().__init__(message)
        self.errcode = errcode


class WechatApi:
    def __init__(self, settings: WechatSettings, now: Clock, token_store: TokenStore | None = None) -> None:
        """Raises ConfigError where the settings cannot work. Opens nothing before the first call.

        `token_store`: where several processes share one token; without it this one keeps its own.
        """
        _check(settings)
        self.settings, self._now = settings, now
        self._client = open_client(settings.base_url, timeout=settings.timeout)
        self._token = SharedToken(self._fetch_token, now, token_store or MemoryTokenStore())
        self.rest = Rest(now)

    async def token(self, stale: str = "") -> str:
        """As `SharedToken.current`."""
        return await self._token.current(stale)

    async def post(self, path: str, body: bytes | None, token: str = "") -> Answer:
        """Without a body it is a GET, as some questions are."""
        url = f"{path}?access_token={quote(token, safe='')}" if token else path
        try:
            if body is None:
                response = await self._client.get(url)
            else:
                response = await self._client.post(url, content=body, headers=_HEADERS)
        except httpx.RequestError as problem:
            return Answer(None, why=type(problem).__name__, left=left_us(problem))
        return _read(response, self.rest.read(response))

    async def ask(self, path: str, fields: Mapping[str, object] | None = None) -> Answer:
        """One call for staff, a GET without fields; a token that is refused costs one new one and one repeat.

        Raises WechatRefused where the answer is not a yes, TokenUnavailable without a token.
        """
        body, token = None if fields is None else as_json(fields), await self.token()
        answer = await self.post(path, body, token)
        if answer.errcode in TOKEN_CODES:
            answer = await self.post(path, body, await self.token(stale=token))
        if answer.errcode != 0:
            why = f"{answer.errcode} {said(answer)}" if answer.errcode is not None else answer.why
            raise WechatRefused(f"微信没有答应 {path} (refused by WeChat): {why}", answer.errcode)
        return answer

    async def close(self) -> None:
        await self._client.aclose()

    async def _fetch_token(self) -> AccessToken:
        """Never with force_refresh: it is allowed 20 times a day, and two systems on one account that force would
        end each other's tokens for ever."""
        own = self.settings
        answer = await self.post(
            "/cgi-bin/stable_token",
            as_json(
                {
                    "grant_type": "client_credential",
                    "appid": own.appid,
                    "secret": own.secret,
                    "force_refresh": False,
                }
            ),
        )
        value, lasts = answer.fields.get("access_token"), answer.fields.get("expires_in")
        if answer.errcode == 0 and isinstance(value, str) and value and isinstance(lasts, int) and 0 <= lasts < _DAY:
            return AccessToken(value, self._now() + timedelta(seconds=max(lasts, 1)))  # 0 in its last second
        raise _unavailable(answer, own.base_url)


def as_json(fields: Mapping[str, object]) -> bytes:
    r"""Real Chinese: \uXXXX was known to be shown as it stands. Half a character becomes a question mark."""
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def said(answer: Answer, address: str = "") -> str:
    """errmsg names what was wrong, and sometimes whom it was for."""
    words = answer.fields.get("errmsg")
    text = words if isinstance(words, str) else ""
    return _OPENIDS.sub("…", text.replace(address, "…") if address else text)[:120]


def _check(settings: WechatSettings) -> None:
    url = httpx.URL(settings.base_url)
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise ConfigError("WECHAT_BASE_URL: 要写成 https://api.weixin.qq.com 这样，不带路径 (a URL without a path)")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ConfigError(f"WECHAT_BASE_URL: 密钥会明文传给 {url.host}，用 https:// (in the clear: use https://)")
    if not settings.appid or not settings.secret:
        raise ConfigError("WECHAT_APPID、WECHAT_SECRET: 要一起填 (both must be set)")


def _read(response: httpx.Response, wait: timedelta | None) -> Answer:
    """WeChat answers everything with 200 and JSON. All else is somebody's on the way, before it or behind it."""
    status = response.status_code
    if status != 200:
        return Answer(None, why=f"HTTP {status}", too_many=status == _TOO_MANY, wait=wait)
    try:
        fields = orjson.loads(response.content)
    except ValueError:
        return Answer(None, why="an answer that is not JSON")
    if not isinstance(fields, dict):
        return Answer(None, why="an answer that is not a JSON object")
    return Answer(errcode_of(fields), fields, why="an errcode that is no integer")


def _unavailable(answer: Answer, base_url: str) -> TokenUnavailable:
    if answer.errcode is None:
        return TokenUnavailable(f"微信连不上 · no access token from {base_url}: {answer.why}")
    if answer.errcode == 0:
        return TokenUnavailable("微信没有给出凭证 · stable_token answered without a token")
    return TokenUnavailable(
        f"微信不给凭证 · stable_token answered {answer.errcode} {said(answer)}: check WECHAT_APPID and "
        "WECHAT_SECRET (40001, 40013, 40125) and the IP whitelist of the account's settings (40164)",
        answer.errcode,
    )

"""One delivery on the wire: to the address that was looked at, without redirects, with an end to all patience."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import httpx

from bot.outgoing.reaching import Forbidden, find_way
from bot.settings import Network

_LARGEST = 65_536  # bytes of an answer that are read; nobody looks at them
_LONGEST_WAIT = 3600
_AGENT = "Huifang-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` None: nobody answered. `problem`: empty where it was taken. `wait`: seconds they ask us to wait."""

    status: int | None
    problem: str = ""
    wait: int = 0

    @property
    def taken(self) -> bool:
        return not self.problem


async def call(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: Sequence[Network], sandboxed: bool, patience: float
) -> Answer:
    try:
        async with asyncio.timeout(patience):
            return await _call(url, body, headers, allowed=allowed, sandboxed=sandboxed)
    except TimeoutError:
        return Answer(None, f"{patience:g}秒没有回音 (no answer in time)")
    except Forbidden as exc:
        return Answer(None, str(exc))
    except OSError as exc:
        return Answer(None, f"找不到这个主机 (no such host: {type(exc).__name__})")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict) as exc:
        return Answer(None, f"没有连上，或者中途断了 (not connected: {type(exc).__name__})")


async def _call(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: Sequence[Network], sandboxed: bool
) -> Answer:
    way = await find_way(url, allowed=allowed, sandboxed=sandboxed)
    sent = {**headers, "host": way.named, "content-type": "application/json", "user-agent": _AGENT}
    async with httpx.AsyncClient(verify=_certificates(), trust_env=False, timeout=None) as client:  # noqa: S113
        request = client.build_request("POST", way.url, content=body, headers=sent)
        request.extensions = {**request.extensions, "sni_hostname": way.host}
        answer = await client.send(request, stream=True, follow_redirects=False)
        try:
            await _read(answer)
        finally:
            await answer.aclose()
    return _read_answer(answer)


async def _read(answer: httpx.Response) -> None:
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > _LARGEST:
            return


def _read_answer(answer: httpx.Response) -> Answer:
    status = answer.status_code
    if answer.is_success:
        return Answer(status)
    if answer.has_redirect_location or 300 <= status < 400:
        return Answer(status, f"{status}：要我们转到别处，不跟 (a redirect, which is not followed)")
    asked = answer.headers.get("retry-after", "")
    wait = min(int(asked), _LONGEST_WAIT) if asked.isdigit() else 0
    return Answer(status, f"对方回答{status} (answered {status})", wait)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes 20 ms."""
    return httpx.create_ssl_context()

"""A QR code with a scene of ours: who scans it tells us the scene, and follows the account if they did not."""

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import httpx

from bot.channels.http import open_client
from bot.channels.wechat_api import WechatApi, WechatRefused

LONGEST = timedelta(days=30)
_CREATE, _PICTURE = "/cgi-bin/qrcode/create", "/cgi-bin/showqrcode"
_OFFICIAL, _PICTURES = "https://api.weixin.qq.com", "https://mp.weixin.qq.com"
_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # of a PNG, of a JPEG


@dataclass(frozen=True, slots=True)
class QrCode:
    """`picture` is where the picture is, `url` what it holds. Whoever has either can be bound by it."""

    ticket: str = field(repr=False)
    url: str = field(repr=False)
    picture: str = field(repr=False)


async def create_code(api: WechatApi, scene: str, lasting: timedelta) -> QrCode:
    """`scene`: 1 to 64 characters; `lasting` up to 30 days. Raises WechatRefused, TokenUnavailable."""
    fields = {
        "expire_seconds": int(min(lasting, LONGEST).total_seconds()),
        "action_name": "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": scene}},
    }
    answer = await api.ask(_CREATE, fields)
    ticket = answer.text("ticket")
    if not ticket:
        raise WechatRefused(f"微信没有给出二维码 · {_CREATE} answered without a ticket", answer.errcode)
    return QrCode(ticket, answer.text("url"), f"{_host(api)}{_target(ticket)}")


async def fetch_picture(api: WechatApi, code: QrCode) -> bytes:
    """The picture as WeChat draws it, a PNG or a JPEG. Raises WechatRefused where it gives none."""
    client = open_client(_host(api), timeout=api.settings.timeout)
    try:
        response = await client.get(_target(code.ticket))
    except httpx.RequestError as problem:
        why = type(problem).__name__
        raise WechatRefused(f"二维码图片取不到 · the picture cannot be fetched: {why}", None) from None
    finally:
        await client.aclose()
    if response.status_code != 200 or not any(response.content.startswith(mark) for mark in _MARKS):
        raise WechatRefused(f"二维码图片取不到 · no picture came back (HTTP {response.status_code})", None)
    return response.content


def _host(api: WechatApi) -> str:
    """Pictures have a host of their own; where somebody stands in for WeChat it stands in for that, too."""
    base = api.settings.base_url.rstrip("/")
    return _PICTURES if base == _OFFICIAL else base


def _target(ticket: str) -> str:
    return f"{_PICTURE}?ticket={quote(ticket, safe='')}"

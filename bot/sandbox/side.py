"""The sandbox's side door: where the stand-ins are, their ledger, the customer's phone, the recruiting site."""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox.customers import Customers
from bot.sandbox.stage import Accepted, Line, Stage, Where, same_address
from campaigns.terms import SHANGHAI, ChannelName

log = logging.getLogger(__name__)

_HTML = Path(__file__).parent / "html"
_STATIC = Path(__file__).parents[1] / "web" / "static"
_NEWEST = 200
_LABELS: dict[Where, str] = {ChannelName.WECHAT: "公众号", ChannelName.SMS: "短信", ChannelName.EMAIL: "邮件"}
_LINES: dict[Where, str] = {
    ChannelName.WECOM: "企业微信",
    Line.WECOM_STAFF: "企业微信（员工）",
}  # shown only where something arrived
_ALL = _LABELS | _LINES
_QUICK = ("好的，谢谢", "忘记密码了", "已经招满了", "给我打个电话", "退订")
_URL = re.compile(r"(https?://[^\s<>\"'，。；）)]+)")
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",  # the console of this machine
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Play(Protocol):
    """The sandbox as the side door sees it."""

    stage: Stage
    customers: Customers

    def endpoints(self) -> Mapping[str, Any]: ...

    def connect_to(self, hooks: str, mail_host: str, mail_port: int) -> None: ...

    def follow_clock(self, mark: str) -> None: ...

    def hand_in(self, files: Sequence[str]) -> list[str]: ...

    @property
    def site_hook(self) -> str: ...


def make_app(play: Play) -> Starlette:
    app = Starlette(
        routes=[
            Route("/endpoints", endpoints),
            Route("/ledger", ledger),
            Route("/said", said),
            Route("/connect", connect, methods=["POST"]),
            Route("/clock", follow_clock, methods=["POST"]),
            Route("/templates", hand_in, methods=["POST"]),
            Route("/phone", phone),
            Route("/phone/answer", answer, methods=["POST"]),
            Route("/unread", unread),
            Route("/unread", read_all, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]
    )
    app.state.play = play
    return app


async def endpoints(request: Request) -> Response:
    return JSONResponse(dict(_play(request).endpoints()))


async def ledger(request: Request) -> Response:
    """Everything the stand-ins accepted, written down before they answered."""
    name = request.query_params.get("channel")
    channel = next((one for one in _ALL if one == name), None)
    return JSONResponse(_play(request).stage.ledger.as_json(channel))


async def said(request: Request) -> Response:
    """What customers said and our doors took."""
    return JSONResponse(
        [
            {"channel": one.channel, "address": one.address, "text": one.text, "intent": one.intent,
             "automatic": one.automatic, "at": one.at.isoformat(), "key": one.key}
            for one in _play(request).customers.said
        ]
    )  # fmt: skip


async def connect(request: Request) -> Response:
    doors = await request.json()
    _play(request).connect_to(doors["hooks"], doors["mail_host"], int(doors["mail_port"]))
    return JSONResponse({"ok": True})


async def follow_clock(request: Request) -> Response:
    """The product's virtual clock moved: stand-ins that check a request's time must go by the same."""
    _play(request).follow_clock((await request.json())["mark"])
    return JSONResponse({"ok": True})


async def hand_in(request: Request) -> Response:
    """SMS templates of campaigns that were made since the sandbox started."""
    return JSONResponse({"turned_down": _play(request).hand_in((await request.json())["sms"])})


async def phone(request: Request) -> Response:
    """One customer's phone: what arrived by WeChat, SMS and mail. Without an address, the list of customers.

    The query gives the customer's address on each channel, `?sms=…&email=…&wechat=…`; a stand-in knows addresses, not
    people, so who asks says which belong together.
    """
    play, addresses = _play(request), _addresses(request.query_params)
    if not addresses:
        return _page("customers.html", customers=_customers(play), now=play.stage.now())
    return _phone_page(play, addresses)


async def answer(request: Request) -> Response:
    """Answer as the customer: the message named by its number, in words typed or picked."""
    play = _play(request)
    form = await request.form()
    accepted = _message(play, str(form.get("message", "")))
    text = next((word for word in map(str, form.getlist("text")) if word.strip()), "").strip()
    addresses = _addresses(form) or {accepted.channel: accepted.to}
    if text:
        try:
            await play.customers.say(accepted, text)
        except Exception as error:  # each channel fails in its own way; all mean that our door did not take it
            log.warning("sandbox: an answer by %s was not taken: %s", accepted.channel, type(error).__name__)
            return _phone_page(play, addresses, untaken=accepted.channel)
    return RedirectResponse(f"/phone?{urlencode(list(addresses.items()))}", status_code=303)


async def unread(request: Request) -> Response:
    """The recruiting site's page of a posting's unread résumés, where the way back in leads."""
    member, posting = request.query_params.get("member", ""), request.query_params.get("posting", "")
    taken = await _tell_product(request, {"event": "login", "member": member})
    return _page("unread.html", member=member, posting=posting, seen=False, untaken=not taken)


async def read_all(request: Request) -> Response:
    form = await request.form()
    member, posting = str(form.get("member", "")), str(form.get("posting", ""))
    about = {"posting": posting} if posting else {}
    taken = await _tell_product(request, {"event": "viewed", "member": member, **about})
    return _page("unread.html", member=member, posting=posting, seen=taken, untaken=not taken)


async def _tell_product(request: Request, event: Mapping[str, str]) -> bool:
    """False where the product's door did not take it. With no door known there is nobody to tell."""
    play = _play(request)
    if not play.site_hook:
        return True
    body = [{**event, "at": play.stage.now().isoformat()}]
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            return (await client.post(play.site_hook, json=body)).is_success
    except httpx.HTTPError:
        return False


# ---- the phone ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a conversation: what arrived (`words` as the stand-in kept them), or what the customer said."""

    at: datetime
    mine: bool
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """One channel of one customer. `answers` is the number of the message an answer goes to, -1 for none."""

    channel: Where
    label: str
    address: str
    shown: Sequence[Shown]  # newest first
    answers: int
    quick: Sequence[str]  # words that one tap says: what the last message offers, then the usual ones


def _phone_page(play: Play, addresses: Mapping[Where, str], untaken: Where | None = None) -> HTMLResponse:
    return _page(
        "phone.html",
        status_code=502 if untaken else 200,
        devices=[_device(play, line, addresses.get(line, "")) for line in _ALL if line in _LABELS or line in addresses],
        addresses=addresses,
        untaken=_ALL[untaken] if untaken else "",
        sender=_sender,
        now=play.stage.now(),
    )


def _device(play: Play, channel: Where, address: str) -> Device:
    mine = [
        Shown(said.at, True, {"text": said.text})
        for said in play.customers.said
        if said.channel is channel and same_address(channel, said.address) == same_address(channel, address)
    ]
    rows = [row for row in play.stage.ledger.sent_to(channel, address) if play.stage.reached(row)] if address else []
    shown = [Shown(row.at, False, row.words) for row in rows] + mine
    return Device(
        channel=channel,
        label=_ALL[channel],
        address=address,
        shown=sorted(shown, key=lambda one: (one.at, one.mine))[::-1],
        answers=play.stage.ledger.rows().index(rows[-1]) if rows and channel is not Line.WECOM_STAFF else -1,
        quick=[*(_offers(rows[-1].words) if rows else ()), *_QUICK],
    )


def _offers(words: Mapping[str, Any]) -> list[str]:
    """The items of a message's own menu."""
    return [str(item["content"]) for item in words.get("menu", ()) if item.get("content")]


def _sender(words: Mapping[str, Any]) -> str:
    """Who a mail says it is from."""
    headers = {name.lower(): str(value) for name, value in words.get("headers", {}).items()}
    return headers.get("from", "")


def _addresses(given: QueryParams | FormData) -> dict[Where, str]:
    """The customer's address on each channel named."""
    found = {channel: str(given.get(channel, "")).strip() for channel in _ALL}
    return {channel: address for channel, address in found.items() if address}


def _message(play: Play, number: str) -> Accepted:
    rows = play.stage.ledger.rows()
    if not number.isascii() or not number.isdigit() or int(number) >= len(rows):
        raise HTTPException(404)
    row = rows[int(number)]
    if row.channel is Line.WECOM_STAFF or not play.stage.reached(row):
        raise HTTPException(404)
    return row


def _customers(play: Play) -> list[tuple[Accepted, str, int]]:
    """(newest message, words for its channel, messages in all) for each address written to, newest first."""
    rows = [row for row in play.stage.ledger if play.stage.reached(row)]
    counts = Counter((row.channel, row.to) for row in rows)
    newest = {(row.channel, row.to): row for row in rows}
    latest = sorted(newest.values(), key=lambda row: row.at, reverse=True)[:_NEWEST]
    return [(row, _ALL[row.channel], counts[row.channel, row.to]) for row in latest]


# ---- pages ----------------------------------------------------------------------------------------------------------


def _play(request: Request) -> Play:
    play: Play = request.app.state.play
    return play


def _page(name: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    html = _ENVIRONMENT.get_template(name).render(**context)
    return HTMLResponse(html, status_code=status_code, headers=_HEADERS)


def _clock(moment: datetime) -> str:
    local = moment.astimezone(SHANGHAI)
    return f"{local.month}月{local.day}日 周{'一二三四五六日'[local.weekday()]} {local:%H:%M}"


def _linked(text: str) -> Markup:
    """Plain text with its web addresses as links: the customer taps them. Everything else stays literal."""
    parts = _URL.split(text)  # text, address, text, …
    return Markup("").join(
        Markup('<a href="{0}" rel="noreferrer" target="_blank">{0}</a>').format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HTML), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters.update(clock=_clock, linked=_linked)

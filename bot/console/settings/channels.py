"""设置 · 通道: is each open, by whom it goes, why it is closed and what to do about it; and a message to try it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.channels.wecom_staff import notify
from bot.console.settings.causes import cure
from bot.console.settings.quotas import Account, accounts_of
from bot.console.settings.tabs import settings_page
from bot.language import say
from bot.pacing import PaceBook, load_pace_book
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form
from bot.web.pages import masked
from bot.wecom.reach import wecom_of
from bot.wording import channel_words, fault_words
from campaigns import definitions, outbox
from campaigns.audit import Action, Entry, last_of
from campaigns.cells import parse_email, parse_mobile
from campaigns.errors import OutreachError
from campaigns.folders import render_sample
from campaigns.members import find
from campaigns.rights import Right
from campaigns.tallies import sent_on
from campaigns.terms import SHANGHAI, ChannelName, MessageClass, Outbound, Reaction, SendResult, Words

_LONGEST_ADDRESS = 200
_REACTIONS = {
    Reaction.RETRY: "这次没有成，过一会儿再试",
    Reaction.SLOW: "服务商嫌快，过一会儿再试",
    Reaction.NEXT_DAY: "今天的额度用完了",
    Reaction.PAUSE_TEMPLATE: "这段话或模板没有通过服务商的审核",
    Reaction.PAUSE_CHANNEL: "账号、余额或权限不对，整个通道都会停",
    Reaction.SUPPRESS: "这个地址不存在，或者不收我们的消息",
    Reaction.DEFER_RECIPIENT: "对方这边暂时不收",
    Reaction.CONSENT_USED: "对方现在没有允许我们发",
    Reaction.DROP: "服务商不收这一条",
    Reaction.UNKNOWN: "发了，没有等到回音，可能到了也可能没到",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One channel. `closures`: (name, reason, cure, until). `last`: what stopped it before, `tried` its last test."""

    name: ChannelName
    label: str
    state: str
    dot: str
    sent: int
    accounts: Sequence[Account]
    closures: Sequence[tuple[str, str, str, datetime | None]]
    last: Entry | None
    tried: Entry | None
    tried_words: str


async def channels(request: Request) -> Response:
    return await _page(request)


async def open_again(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    name = str((await read_form(request)).get("channel", ""))
    if closed := next((one for one in await outbox.list_closures(runtime.clock()) if one.channel == name), None):
        await outbox.open_channel(name)
        await log(request, Action.CHANNEL_OPENED, f"channel/{name}", reason=closed.reason)
    return RedirectResponse("/settings/channels?opened=1", status_code=303)


async def test(request: Request) -> Response:
    """One message with a campaign's sample words, to an address of one's own; in the sandbox to its stand-in."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    given, typed = str(form.get("channel", "")), str(form.get("to", "")).strip()[:_LONGEST_ADDRESS]
    if given not in runtime.channels:
        return await _page(request, fault=(given, typed, say("这个通道没有接")), status_code=422)
    name = ChannelName(given)
    address = read_address(name, typed)
    if why := await why_not_try(name, address):
        return await _page(request, fault=(name, typed, why), status_code=422)
    try:
        result = await _try(runtime, name, address)
        if result is None:
            fault = (name, typed, say("没有一个活动写了这个通道的话，先写一个"))
            return await _page(request, fault=fault, status_code=422)
    except OutreachError as exc:
        return await _page(request, fault=(name, typed, fault_words(exc)), status_code=502)
    outcome = "accepted" if result.accepted else str(result.reaction)
    await log(request, Action.CHANNEL_TESTED, f"channel/{name}", to=masked(address), outcome=outcome)
    if not result.accepted:
        return await _page(request, fault=(name, typed, refusal_of(result)), status_code=502)
    return await _page(request, sent=(name, address))


async def _try(runtime: Runtime, name: ChannelName, address: str) -> SendResult | None:
    """None where no campaign has words. WeCom takes no first word to a customer: a colleague gets a card instead."""
    if name is ChannelName.WECOM:
        api = wecom_of(runtime)
        assert api is not None  # a runtime has no other WeCom
        title, text = say("会访试发"), say("看到这一张，企业微信就是通的。不用回。")
        return await notify(api, 0, address, title, f"{text}{secrets.token_hex(2)}", f"{runtime.public_url}/settings")
    if (words := await _words(runtime, name)) is None:
        return None
    outbound = Outbound(0, f"test-{secrets.token_hex(8)}", address, MessageClass.SERVICE, words)
    (result,) = await runtime.channels[name].send([outbound])
    return result


def refusal_of(result: SendResult) -> str:
    words = say(_REACTIONS[result.reaction]) if result.reaction in _REACTIONS else str(result.reaction)
    said = " ".join(one for one in (result.code, result.detail) if one)
    return f"{words}（{said}）" if said else words


async def why_not_try(name: ChannelName, address: str) -> str:
    """Why no test goes there, in words: a test asks no consent and counts in nobody's cap, so it is for colleagues."""
    if not address:
        return say("这个地址不对，改好再发")
    if await find.is_a_customers(name, address):
        return say("这是客户的地址，或者退订过：试发只能发给自己")
    return ""


def read_address(name: ChannelName, typed: str) -> str:
    read = {ChannelName.SMS: parse_mobile, ChannelName.EMAIL: parse_email}.get(name)
    try:
        return (read(typed) or "") if read else typed if typed.isascii() and typed.isprintable() else ""
    except ValueError:
        return ""


async def _words(runtime: Runtime, name: ChannelName) -> Words | None:
    """The sample words of the first campaign that has some for this channel."""
    templates = runtime.settings.huifang_templates
    for key, defined in (await definitions.standing_definitions(templates)).items():
        if isinstance(defined, OutreachError) or name not in defined.channels:
            continue
        try:
            found = render_sample(await definitions.load_campaign(templates, key))
        except OutreachError:
            continue
        if words := next((one for way, one in found.items() if way.partition(".")[0] == name), None):
            return words
    return None


async def _line(
    runtime: Runtime, name: ChannelName, closures: Sequence[outbox.Closure], book: PaceBook, sent: Mapping[str, int]
) -> Line:
    mine = [one for one in closures if one.channel == name or one.channel.startswith(f"{name}_")]
    if name not in runtime.channels:
        state, dot = "没有接", "none"
    elif mine:
        state, dot = "停了", "bad"
    else:
        state, dot = ("演练", "ok") if name in runtime.sandboxed else ("正常", "ok")
    tried = await last_of(Action.CHANNEL_TESTED, f"channel/{name}")
    return Line(
        name,
        channel_words(name),
        say(state),
        dot,
        sent.get(name, 0),
        await accounts_of(runtime, name, book, sent),
        [(one.channel, one.reason, say(cure(one.reason)), one.until) for one in mine],
        await last_of(Action.CHANNEL_OPENED, f"channel/{name}"),
        tried,
        _outcome(str(tried.detail.get("outcome", ""))) if tried else "",
    )


def _outcome(code: str) -> str:
    if code == "accepted":
        return say("服务商收下了")
    return say(_REACTIONS[Reaction(code)]) if code in list(Reaction) and Reaction(code) in _REACTIONS else code


async def _page(
    request: Request,
    *,
    fault: tuple[str, str, str] | None = None,
    sent: tuple[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    closures = await outbox.list_closures(now)
    sent_today = await sent_on(now.astimezone(SHANGHAI).date())
    book = load_pace_book(runtime.settings.huifang_templates / "pacing.toml")
    return await settings_page(
        request,
        "settings/channels.html",
        tab="channels",
        status_code=status_code,
        lines=[await _line(runtime, name, closures, book, sent_today) for name in ChannelName],
        sandboxed=runtime.sandboxed,
        fault=fault,
        sent=(channel_words(sent[0]), masked(sent[1]), sent[0] in runtime.sandboxed) if sent else None,
        opened=request.query_params.get("opened") == "1",
        cure=lambda reason: say(cure(reason)),
        paced=book.pace_sandbox,
    )


routes = [
    StaffRoute("/settings/channels", channels, right=Right.SETTINGS),
    StaffRoute("/settings/channels/open", open_again, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/channels/test", test, right=Right.SETTINGS, methods=["POST"]),
]

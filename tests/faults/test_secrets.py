"""Nobody's number, address, name or words, and no secret of ours, is ever in a log, not even at DEBUG."""

import asyncio
import json
import smtplib
import socket
from datetime import timedelta

import httpx

from bot.clock import ProductClock
from bot.providers import SANDBOX_MAIL_DOMAIN
from bot.runtime import set_clock
from campaigns.models import Contact, Event, Member
from tests.cast import NOW, crowd
from tests.faults.scene import Stage, ids_in, run_nudge
from tests.fleet import started, until

_NAME, _PERSON = "独一无二家居馆", "司徒独秀"
_MOBILE, _MAIL, _OPENID = "15491827364", "only.one.7781@qq.example.com", "oOnlyOne00000000000000007781"
_WORDS = "我们早就招满了别再来烦我退订"


async def test_a_small_run_leaves_no_person_and_no_secret_in_the_logs(stage: Stage) -> None:
    environment = {**stage.environment, "log_level": "DEBUG", "web_port": _free_port(), "mail_door_port": 0}
    planned = await _nudge_three(stage)
    with (
        started("web", "--json", settings=environment, folder=stage.folder) as web,
        started("worker", settings=environment, folder=stage.folder) as worker,
    ):
        doors = json.loads(await web.line())
        await worker.line()

        async def sent() -> bool:
            return await ids_in("sent", "delivered", "bounced") == planned

        await until(sent, "all three are sent")
        for row in stage.sandbox.stage.ledger:
            await stage.sandbox.customers.say(row, _WORDS)
        await _knock(stage, doors["mail_door"])
        await _let_receipts_come(stage)
        assert await worker.terminate() == 0
        assert await web.terminate() == 0
        logs = web.errors() + worker.errors()

    assert "INFO bot.inbox" in logs  # it does say something
    assert "WARNING" in logs
    stand_ins = stage.sandbox.endpoints()
    secrets = [
        stage.settings.huifang_secret,
        stage.sandbox.site_hook.split("/")[-2],
        stand_ins["smtp"]["password"],
        stand_ins["aliyun_sms"]["access_key_secret"],
        stand_ins["tencent_sms"]["secret_key"],
        stand_ins["wechat"]["secret"],
        stand_ins["wechat"]["token"],
        stand_ins["wechat"]["encoding_aes_key"],
    ]
    persons = [_NAME, _PERSON, _MOBILE, _MAIL, _MAIL.partition("@")[0], _OPENID, _WORDS]
    assert all(secrets)
    assert [mark for mark in (*persons, *secrets) if mark in logs] == []


async def _nudge_three(stage: Stage) -> set[int]:
    """One member for each channel, all with names of their own."""
    members = await crowd(3, unread=4)
    stage.sandbox.wechat.ensure_followers([_OPENID])
    none = {"mobile": None, "email": None, "openid": None, "name": _PERSON}
    for member_id, address in zip(members, ({"mobile": _MOBILE}, {"email": _MAIL}, {"openid": _OPENID}), strict=True):
        await Contact.filter(member_id=member_id).update(**{**none, **address})
    await Member.filter(id__in=members).update(name=_NAME)
    planned = await run_nudge(stage)
    assert len(planned) == 3
    return planned


async def _knock(stage: Stage, mail_door: str) -> None:
    """What must be refused, or cannot be understood, with the marks in it."""
    hooks = stage.sandbox.site_hook.removesuffix("/site")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as stranger:
        for path, body in (
            ("sms/reply", f"not json {_MOBILE}"),
            ("sms/reply", json.dumps([{"phone_number": _MOBILE, "content": 7}])),
            ("sms/report", json.dumps([{"phone_number": _MOBILE}])),
            ("wechat/callback", f"<xml><FromUserName>{_OPENID}</FromUserName></xml>"),
            ("site", json.dumps([{"event": "login", "member": _NAME, "at": _NAME}])),
        ):
            await stranger.post(f"{hooks}/{path}", content=body.encode())
        await stranger.post(f"{hooks[:-4]}/sms/reply", content=b"[]")
    host, port = mail_door.split(":")
    await asyncio.to_thread(_deliver_rubbish, host, int(port))


def _deliver_rubbish(host: str, port: int) -> None:
    with smtplib.LMTP(host, port, "mx.customer.example") as door:
        door.sendmail(_MAIL, [f"reply+forged@{SANDBOX_MAIL_DOMAIN}"], f"From: {_MAIL}\r\n\r\n{_WORDS}".encode())


async def _let_receipts_come(stage: Stage) -> None:
    clock = ProductClock()
    clock.set(NOW + timedelta(minutes=10))
    await set_clock(clock, stage.settings)

    async def reported() -> bool:
        return await Event.filter(kind="receipt").count() >= 2  # SMS and WeChat

    await until(reported, "the receipts are here")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

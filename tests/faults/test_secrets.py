"""Nobody's number, address, name or words, and no secret of ours, is ever in a log, not even at DEBUG."""

import smtplib
import socket
from datetime import timedelta

import httpx

from bot.clock import ProductClock
from bot.runtime import set_clock
from campaigns.models import Contact, Member, Message, Touch
from campaigns.terms import ChannelName
from tests.cast import NOW
from tests.faults.conftest import Stage, ids_in, start_nudge
from tests.fleet import started, until

_NAME, _PERSON = "独一无二家居馆", "司徒独秀"
_MOBILE, _MAIL, _OPENID = "15491827364", "only.one.7781@qq.example.com", "oOnlyOne00000000000000007781"
_WORDS = "我们早就招满了别再来烦我退订"


async def test_a_small_run_leaves_no_person_and_no_secret_in_the_logs(stage: Stage) -> None:
    environment = {**stage.environment, "log_level": "DEBUG", "web_port": _free_port(), "mail_door_port": 0}
    await _members_with_marks(stage)
    with (
        started("web", "--json", settings=environment, folder=stage.folder) as web,
        started("worker", "--json", settings=environment, folder=stage.folder) as worker,
    ):
        web.line()
        worker.line()
        await until(lambda: _count_sent(3), "all three are sent")
        await _answer_by_each_channel(stage)
        await _knock_at_the_doors(stage)
        await _let_receipts_come(stage)
        assert await worker.terminate() == 0
        assert await web.terminate() == 0
        logs = worker.errors() + web.errors()

    assert "reply event" in logs.replace("Reply:", "reply event:") or "event Reply" in logs  # they do say something
    entrances = stage.sandbox.endpoints()
    secrets = [
        stage.settings.huifang_secret,
        stage.sandbox.site_hook.split("/")[-2],
        entrances["smtp"]["password"],
        entrances["aliyun_sms"]["access_key_secret"],
        entrances["wechat"]["secret"],
        entrances["wechat"]["encoding_aes_key"],
    ]
    marks = [_NAME, _PERSON, _MOBILE, _MAIL, _MAIL.partition("@")[0], _OPENID, _WORDS]
    assert all(secrets)
    assert [mark for mark in (*marks, *secrets) if mark in logs] == []


async def _members_with_marks(stage: Stage) -> None:
    """Three members with an unread nudge: one reached by each channel."""
    await start_nudge(stage, sms=0, mail=0)
    planned = await start_nudge_again(stage)
    assert len(planned) == 3

"""A house whose WeCom is a server of these tests, on a database of each kind."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.inbox import Inbox
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns.models import Contact, Member
from tests.channels.wecom_server import AES_KEY, AGENT, CORPID, CUSTOMER, SECRET, TOKEN, WecomServer, wecom_server
from tests.web_cast import NOW, add_contact, add_member

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
STAFF = """
welcome = "您好，请问有什么可以帮您？"
otherwise = "石磊"
[[staff]]
name = "程雪"
wecom = "ChengXue"
[[staff]]
name = "石磊"
wecom = "ShiLei"
[[staff]]
name = "没有账号"
"""


@dataclass(slots=True)
class House:
    runtime: Runtime
    inbox: Inbox
    server: WecomServer
    staff_file: Path
    settings: Settings

    def later(self, by: timedelta) -> None:
        self.runtime.clock.set(self.runtime.clock() + by)

    async def customer(self, no: str = "Q1", external: str = CUSTOMER, **columns: object) -> tuple[Member, Contact]:
        member = await add_member(no, **{"owner": "程雪", **columns})
        contact = await add_contact(member, external_userid=external, consent=True)
        return member, contact


@pytest.fixture
async def server() -> AsyncIterator[WecomServer]:
    async with wecom_server() as made:
        yield made


@pytest.fixture
async def house(database: Settings, server: WecomServer, tmp_path: Path) -> AsyncIterator[House]:
    templates = tmp_path / "templates"
    shutil.copytree(TEMPLATES, templates)
    (templates / "staff.toml").write_text(STAFF, encoding="utf-8")
    given = {
        "wecom_base_url": server.base_url,
        "wecom_corpid": CORPID,
        "wecom_agentid": AGENT,
        "wecom_secret": SECRET,
        "wecom_token": TOKEN,
        "wecom_encoding_aes_key": AES_KEY,
        "huifang_templates": templates,
    }
    settings = database.model_copy(update=given)
    clock = ProductClock()
    clock.set(NOW)
    async with open_runtime(settings, clock=clock) as runtime:
        yield House(runtime, Inbox(runtime), server, templates / "staff.toml", settings)

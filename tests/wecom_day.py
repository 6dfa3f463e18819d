"""The whole house with a staff list and WeCom's stand-in, where a test speaks for customers and staff."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.clock import ProductClock
from bot.commands.serving import House, house
from bot.sandbox.stage import Line
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.settings import Settings
from campaigns import marks
from campaigns.models import Contact
from campaigns.terms import ChannelName
from tests.cast import NOW, TEMPLATES, datong
from tests.fleet import HOLDOUT_SECRET

ANNA, BERT, CARL = (f"wm{name:030}" for name in ("ANNA", "BERT", "CARL"))
STAFF = (
    'otherwise = "程雪"\n[[staff]]\nname = "程雪"\nwecom = "wangfang"\n[[staff]]\nname = "石磊"\nwecom = "liqiang"\n'
)


@dataclass(slots=True)
class Day:
    """The whole house, with 大同机械 whose contact is ANNA, a customer of 程雪 (wangfang)."""

    home: House
    member_id: int
    contact_id: int

    @property
    def wecom(self) -> WecomSandbox:
        assert self.home.sandbox is not None
        return self.home.sandbox.wecom

    def pass_by(self, time: timedelta) -> None:
        self.home.runtime.clock.set(self.home.runtime.clock() + time)

    def to_staff(self) -> list[str]:
        rows = self.wecom.stage.ledger.rows(Line.WECOM_STAFF)
        return [row.to for row in rows if row.words["kind"] == "app"]

    def to_customers(self, kind: str) -> list[str]:
        return [row.to for row in self.wecom.stage.ledger.rows(ChannelName.WECOM) if row.words["kind"] == kind]

    @property
    def templates(self) -> Path:
        return self.home.runtime.settings.huifang_templates


@contextlib.asynccontextmanager
async def opened_day(database: Settings, folder: Path) -> AsyncIterator[Day]:
    templates = folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    (templates / "staff.toml").write_text(STAFF, encoding="utf-8")
    await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
    clock = ProductClock()
    clock.set(NOW)
    changes = {"web_port": 0, "mail_door_port": 0, "huifang_templates": templates}
    async with house(database.model_copy(update=changes), clock) as running:
        assert running.sandbox is not None
        running.sandbox.stage.listeners.clear()
        running.sandbox.wecom.mass.listeners.clear()
        running.sandbox.wecom.callbacks.door.answer_seconds = 60  # ours may be slow on a busy machine
        player = await datong()
        await Contact.filter(id=player.contact_id).update(external_userid=ANNA)
        running.sandbox.wecom.people.follow(ANNA, "wangfang")
        yield Day(running, player.member_id, player.contact_id)

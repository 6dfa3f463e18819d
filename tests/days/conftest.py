"""The whole house on loopback: web, worker, mail door and stand-ins, on a virtual clock, with quiet customers.

And the commands in this process.
"""

import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot import cli
from bot.clock import ProductClock
from bot.commands.serving import House, house
from bot.conductor import Conductor
from bot.settings import Settings
from campaigns import marks
from tests.cast import NOW
from tests.fleet import HOLDOUT_SECRET


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def found(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


Call = Callable[..., Done]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Call]:
    """`huifang WORDS` in this process, with a HUIFANG_VAR of its own and no setting of this machine."""
    mask = os.umask(0o022)
    levels = {name: logging.getLogger(name).level for name in ("bot", "campaigns")}
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HUIFANG_HOME", str(tmp_path))
    monkeypatch.setenv("HUIFANG_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("WEB_PORT", "0")
    monkeypatch.setenv("MAIL_DOOR_PORT", "0")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **settings: str) -> Done:
        with monkeypatch.context() as now:
            for name, value in settings.items():
                now.setenv(name, value)
            now.setattr(sys, "argv", ["huifang", *words])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
        code, shown = ended.value.code, capsys.readouterr()
        return Done(code if isinstance(code, int) else 0, shown.out, shown.err)

    yield run
    os.umask(mask)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def home(sqlite_database: Settings) -> AsyncIterator[House]:
    """Customers do nothing of their own accord: a test speaks for them."""
    async with _house(sqlite_database) as running:
        yield running


@pytest.fixture
async def home_on_both(database: Settings) -> AsyncIterator[House]:
    """The same, once on each kind of database."""
    async with _house(database) as running:
        yield running


@pytest.fixture
def conductor(home: House) -> Conductor:
    return Conductor(home.runtime, home.sandbox)


@contextlib.asynccontextmanager
async def _house(database: Settings) -> AsyncIterator[House]:
    await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
    clock = ProductClock()
    clock.set(NOW)
    settings = database.model_copy(update={"web_port": 0, "mail_door_port": 0})
    async with house(settings, clock) as running:
        assert running.sandbox is not None
        running.sandbox.stage.listeners.clear()
        running.sandbox.wechat.callbacks.door.answer_seconds = 60  # ours may be slow on a busy machine
        yield running

"""What the tests of the WeCom stand-in share."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.sandbox.stage import Stage
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.serving import listen, serve
from tests.sandbox_wecom_cast import Hand, OurDoor, Peer, make


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def stage(hand: Hand) -> AsyncIterator[Stage]:
    stage = Stage(hand, seed=7)
    yield stage
    assert stage.timetable.failures == []
    await stage.stop()


@pytest.fixture
async def corporation(stage: Stage) -> AsyncIterator[WecomSandbox]:
    sandbox = make(stage)
    sandbox.callbacks.door.open()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def door(corporation: WecomSandbox) -> AsyncIterator[OurDoor]:
    """Our side of the callbacks, known to the corporation."""
    door = OurDoor()
    app = Starlette(routes=[Route("/wecom/s3cret", door.take, methods=["GET", "POST"])])
    served = await serve(app, listen("127.0.0.1", 0))
    door.url = f"{served.url}/wecom/s3cret"
    corporation.connect(door.url)
    yield door
    await served.stop()


@pytest.fixture
def peer(corporation: WecomSandbox) -> Peer:
    return Peer(corporation)

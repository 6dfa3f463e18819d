"""What the tests of the WeChat stand-in share."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from bot.serving import listen, serve
from tests.sandbox_wechat_cast import Hand, OurDoor, Peer, make


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
async def door(sandbox: WechatSandbox) -> AsyncIterator[OurDoor]:
    """Our side of the callbacks, known to the sandbox."""
    door = OurDoor()
    app = Starlette(routes=[Route("/wechat/s3cret", door.take, methods=["GET", "POST"])])
    served = await serve(app, listen("127.0.0.1", 0))
    door.url = f"{served.url}/wechat/s3cret"
    sandbox.connect(door.url)
    yield door
    await served.stop()


@pytest.fixture
async def sandbox(stage: Stage) -> AsyncIterator[WechatSandbox]:
    sandbox = make(stage)
    sandbox.callbacks.door.open()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def wire(sandbox: WechatSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """The same over a socket."""
    await sandbox.start()
    async with httpx.AsyncClient(trust_env=False, timeout=60, base_url=sandbox.base_url) as wire:
        yield wire


@pytest.fixture
def peer(sandbox: WechatSandbox) -> Peer:
    return Peer(sandbox)

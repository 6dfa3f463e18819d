"""PostgreSQL gone in mid-campaign, at once and for a while, and while recovery runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.database import open_database
from bot.runtime import read_secret
from bot.settings import Settings
from bot.tokens import LinkKind, Tokens
from bot.web.desk import COOKIE
from campaigns.models import Claim
from tests import servers
from tests.faults.books import balanced
from tests.faults.scene import LEASE_SECONDS, LONG, Stage, all_settled, ids_in, stage_on, start_mix
from tests.faults.table import Rows
from tests.fleet import started, until
from tests.web_cast import add_colleague, logged_in

_IN_FLIGHT = 50 + 2 * 60 + 40  # of SMS, of both campaigns' mail, of WeChat
_ANSWERS = 60.0  # seconds: an answer, however busy the machine is, and not a request that hangs


@dataclass(frozen=True, slots=True)
class Form:
    size: int
    stops: int
    away: float  # seconds
    outage: float


_FORMS = pytest.mark.parametrize(
    "form", [Form(1000, 2, 0.3, 2), pytest.param(Form(2000, 5, 2, 30), marks=LONG)], ids=["short", "long"]
)


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Postgres]:
    """A PostgreSQL that the test itself stops and starts."""
    try:
        with servers.own_postgres() as made:
            yield made
    except servers.MissingServer as exc:
        pytest.skip(str(exc))


@pytest.fixture
async def stage(
    server: servers.Postgres, settings: Settings, redis_server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    url = server.new_database()
    database = settings.model_copy(update={"database_url": url})
    async with open_database(database), stage_on(database, redis_server, tmp_path, request.node) as made:
        yield made


@_FORMS
async def test_a_database_stopped_at_once_and_for_a_while_loses_nothing(
    stage: Stage, server: servers.Postgres, form: Form, rows: Rows
) -> None:
    planned = await start_mix(stage, form.size)
    stage.slow_down(sms=0.6, mail=0.6)
    slowest = 0.0
    environment = {**stage.environment, "web_port": 0, "mail_door_port": 0}
    with (
        started("web", "--json", settings=environment, folder=stage.folder) as web,
        started("worker", settings=environment, folder=stage.folder) as worker,
    ):
        pages = _pages(stage, json.loads(await web.line())["web"])
        cookie = await logged_in((await add_colleague()).id)
        await worker.line()
        for away in [*[form.away] * form.stops, form.outage]:
            await stage.goes_on()
            server.stop_at_once()
            await _refuses(pages, cookie)
            await asyncio.sleep(away)
            server.start()
            slowest = max(slowest, await stage.goes_on())
        stage.slow_down(sms=0.01, mail=0.01)
        await all_settled(stage)
        await _answers(pages, cookie)
        assert await worker.terminate() == 0
        assert await web.terminate() == 0
    books = await balanced(stage, planned, at_most=(form.stops + 1) * _IN_FLIGHT)
    done = f"PostgreSQL stopped at once {form.stops} times for {form.away} s, once for {form.outage} s"
    rows.add("F4", done, books, went_on=slowest)


@_FORMS
async def test_a_database_stopped_while_dead_senders_are_recovered_leaves_nothing_stuck(
    stage: Stage, server: servers.Postgres, form: Form, rows: Rows
) -> None:
    planned = await start_mix(stage, form.size)
    stage.slow_down(sms=0.3, mail=0.3)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await stage.goes_on()
        worker.kill()
    assert await ids_in("sending")
    await asyncio.sleep(LEASE_SECONDS)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await worker.line()  # it recovers first of all
        for _ in range(form.stops):
            server.stop_at_once()
            await asyncio.sleep(form.away)
            server.start()
            await asyncio.sleep(0.2)
        went_on = await stage.goes_on()
        stage.slow_down(sms=0.01, mail=0.01)
        await all_settled(stage)
        await until(_no_claims, "no claim is left")
        assert await worker.terminate() == 0
    books = await balanced(stage, planned)
    rows.add(
        "F5",
        f"PostgreSQL stopped {form.stops} times while a dead worker's claims were recovered",
        books,
        went_on=went_on,
    )


async def test_what_came_back_from_the_wire_while_the_database_was_away_is_written_when_it_is_back(
    stage: Stage, server: servers.Postgres, rows: Rows
) -> None:
    planned = await start_mix(stage, 100)  # all of it in flight at once
    stage.slow_down(sms=0.6, mail=0.6)
    patient = {**stage.environment, "lease_seconds": 30}
    with started("worker", settings=patient, folder=stage.folder) as worker:
        await until(_all_on_the_wire, "everything is on the wire")
        server.stop_at_once()
        await asyncio.sleep(2)
        server.start()
        await all_settled(stage)
        assert await worker.terminate() == 0
    books = await balanced(stage, planned, at_most=0)
    rows.add("F4", "PostgreSQL away for 2 s of a 30 s lease, with everything on the wire", books)


# ---- parts --------------------------------------------------------------------------------------------------------


def _pages(stage: Stage, web: str) -> dict[str, str]:
    """A door of each kind: a provider's, a customer's, ours."""
    secret = Tokens(read_secret(stage.settings))
    link = secret.links(1)
    hooks = f"{web}hooks/{secret.derive('hooks')}"
    return {
        "GET health": f"{web}health",
        "GET home": web,
        "GET members": f"{web}members",
        "GET preferences": f"{web}u/{link[LinkKind.UNSUBSCRIBE]}",
        "POST refusal": f"{web}u/{link[LinkKind.UNSUBSCRIBE]}",
        "GET pixel": f"{web}o/{link[LinkKind.OPEN]}.gif",
        "POST site": f"{hooks}/site",
        "POST reply": f"{hooks}/sms/reply",
    }


_LOGIN = [{"event": "login", "member": "Y1001", "at": "2026-11-23T09:40:00+08:00"}]
_REPLY = [{"phone_number": "15400001001", "content": "好的", "send_time": "2026-11-23 09:40:00", "sequence_id": 1}]


async def _ask(pages: Mapping[str, str], cookie: str) -> dict[str, int]:
    async with httpx.AsyncClient(trust_env=False, timeout=_ANSWERS, cookies={COOKIE: cookie}) as visitor:
        found = {}
        for name, url in pages.items():
            body = json.dumps(_LOGIN if name == "POST site" else _REPLY)
            answer = await visitor.request(name.split()[0], url, content=body if "hooks" in url else None)
            found[name] = answer.status_code
        return found


async def _refuses(pages: Mapping[str, str], cookie: str) -> None:
    """Try again later, says every page, and none hangs."""
    assert await _ask(pages, cookie) == dict.fromkeys(pages, 503)


async def _answers(pages: Mapping[str, str], cookie: str) -> None:
    assert set((await _ask(pages, cookie)).values()) == {200}


async def _all_on_the_wire() -> bool:
    return not await ids_in("queued")


async def _no_claims() -> bool:
    return not await Claim.exists()

"""A worker killed between sending a webhook and writing that it arrived: it is sent again, and none is lost."""

import pytest

from bot.settings import Settings
from campaigns import webhooks
from campaigns.members import consent
from campaigns.models import WebhookDelivery
from campaigns.webhooks import WebhookKind
from tests.fleet import Child, started, until
from tests.hook_listener import listening
from tests.web_cast import NOW, add_member

_COUNT, _KILLS = 30, 3


@pytest.mark.timeout(300)
async def test_a_worker_killed_between_sending_and_marking_sends_again_and_loses_none(
    database: Settings, redis_server: str
) -> None:
    settings = {
        "huifang_var": database.huifang_var, "huifang_secret": database.huifang_secret, "redis_url": redis_server,
        "lease_seconds": 2, **({"database_url": database.database_url} if database.database_url else {}),
    }  # fmt: skip
    async with listening() as listener:
        await webhooks.add_webhook(listener.url, [WebhookKind.OPT_OUT], by="林", now=NOW)
        for n in range(_COUNT):
            await consent.record_opt_out((await add_member(f"Q{n}")).id, at=NOW, source="link:1")
        wanted = set(await WebhookDelivery.all().values_list("event_id", flat=True))
        for _ in range(_KILLS):
            with started("worker", settings=settings, folder=database.var) as worker:
                await _killed_while_it_waits(worker, listener)

        async def all_arrived() -> bool:
            return await WebhookDelivery.filter(state="sent").count() == _COUNT

        with started("worker", settings=settings, folder=database.var) as worker:
            await until(all_arrived, "every delivery has arrived", 90)
            assert await worker.terminate() == 0
    heard = [one.id for one in listener.heard]
    assert set(heard) == wanted
    assert len(heard) == _COUNT + _KILLS  # each kill cost one that came twice
    assert (await WebhookDelivery.all().order_by("-attempts").first()).attempts > 1  # type: ignore[union-attr]


async def _killed_while_it_waits(worker: Child, listener: object) -> None:
    """kill -9 while the other side has the delivery and has not answered."""
    before = len(listener.heard)  # type: ignore[attr-defined]
    listener.hears = worker.kill  # type: ignore[attr-defined]

    async def heard() -> bool:
        return len(listener.heard) > before  # type: ignore[attr-defined]

    await until(heard, "the worker called", 60)
    listener.hears = lambda: None  # type: ignore[attr-defined]

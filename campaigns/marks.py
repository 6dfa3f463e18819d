"""Facts about this database itself, kept in it: whether it is a demo's, its virtual clock, its hold-out secret,
when a worker was last alive.
"""

from datetime import datetime, timedelta

from campaigns.models import Mark

RESTORED = "restored"
TIERS_DUE = "tiers_due"
"""Members were changed by a program since tiers were assigned."""
AT_REAL_PACE = "clock_at_real_pace"
"""Somebody said that the virtual clock is not to jump."""
_WORKER = "worker"
_ALIVE = timedelta(seconds=30)  # three signs may be missed


async def read_mark(key: str) -> str | None:
    mark = await Mark.get_or_none(key=key)
    return mark.value if mark else None


async def write_mark(key: str, value: str) -> None:
    await Mark.update_or_create(key=key, defaults={"value": value})


async def write_mark_once(key: str, value: str) -> str:
    """Write unless there is one; returns what stands there now."""
    mark, _ = await Mark.get_or_create(key=key, defaults={"value": value})
    return mark.value


async def swap_mark(key: str, was: str, value: str) -> bool:
    """Write where this still stands there; False where somebody else was quicker."""
    return bool(await Mark.filter(key=key, value=was).update(value=value))


async def count_mark(key: str) -> None:
    """One more, in the transaction of what it counts."""
    await Mark.get_or_create(key=key, defaults={"value": "0"})
    row = await Mark.filter(key=key).select_for_update().get()
    await Mark.filter(key=key).update(value=str(int(row.value) + 1))


async def delete_mark(key: str) -> None:
    await Mark.filter(key=key).delete()


async def read_marks(prefix: str) -> dict[str, str]:
    """Every mark whose key begins like this, with its value."""
    return {row.key: row.value for row in await Mark.filter(key__startswith=prefix)}


async def is_held() -> bool:
    """Whether this is a restored copy that waits for a person's word: nothing of it is planned or sent till then."""
    return await read_mark(RESTORED) is not None


async def sign_of_life(at: datetime) -> None:
    """A worker is alive on this database. `at`: aware, by the wall, whatever the product's clock says."""
    await write_mark(_WORKER, at.isoformat())


async def forget_worker() -> None:
    """No worker has ever run on this database, whatever the one it was copied from had."""
    await Mark.filter(key=_WORKER).delete()


async def worker_alive(at: datetime) -> bool:
    """Whether one gave a sign in the last half minute: without one nothing is planned or sent."""
    sign = await read_mark(_WORKER)
    return sign is not None and at - datetime.fromisoformat(sign) < _ALIVE

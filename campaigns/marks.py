"""Facts about this database itself, kept in it: whether it is a demo's, its virtual clock, its hold-out secret."""

from campaigns.models import Mark

RESTORED = "restored"


async def read_mark(key: str) -> str | None:
    mark = await Mark.get_or_none(key=key)
    return mark.value if mark else None


async def write_mark(key: str, value: str) -> None:
    await Mark.update_or_create(key=key, defaults={"value": value})


async def write_mark_once(key: str, value: str) -> str:
    """Write unless there is one; returns what stands there now."""
    mark, _ = await Mark.get_or_create(key=key, defaults={"value": value})
    return mark.value


async def is_held() -> bool:
    """Whether this is a restored copy that waits for a person's word: nothing of it is planned or sent till then."""
    return await read_mark(RESTORED) is not None

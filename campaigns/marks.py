"""Facts about this database itself, kept in it: whether it is a demo's, its virtual clock, its hold-out secret."""

from campaigns.models import Mark


async def read_mark(key: str) -> str | None:
    mark = await Mark.get_or_none(key=key)
    return mark.value if mark else None


async def write_mark(key: str, value: str) -> None:
    await Mark.update_or_create(key=key, defaults={"value": value})


async def write_mark_once(key: str, value: str) -> str:
    """Write unless there is one; returns what stands there now."""
    mark, _ = await Mark.get_or_create(key=key, defaults={"value": value})
    return mark.value

"""A list as one person likes to see it, under a name of his own."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.exceptions import IntegrityError

from campaigns.errors import InputError
from campaigns.marks import delete_mark, read_mark, write_mark
from campaigns.models import SavedView

LONGEST_NAME, LONGEST_QUERY, MOST = 24, 1024, 12
_LARGEST = 2**31 - 1  # a number of the database


@dataclass(frozen=True, slots=True)
class View:
    id: int
    name: str
    query: str


async def views_of(staff_id: int, page: str) -> list[View]:
    """In the order they were saved."""
    return [
        View(row.id, row.name, row.query) for row in await SavedView.filter(staff_id=staff_id, page=page).order_by("id")
    ]


async def save_view(staff_id: int, page: str, name: str, query: str, *, now: datetime) -> View:
    """Raises InputError for a name or an address that cannot be kept, or one too many."""
    name = _name(name)
    if len(query) > LONGEST_QUERY:
        raise InputError(f"条件太长了，最多{LONGEST_QUERY}个字母 (too long a query)")
    if await SavedView.filter(staff_id=staff_id, page=page).count() >= MOST:
        raise InputError(f"最多存{MOST}个视图，先删一个 (at most {MOST} views)")
    try:
        row = await SavedView.create(staff_id=staff_id, page=page, name=name, query=query, at=now)
    except IntegrityError:
        raise InputError(f"已经有一个叫{name}的视图 (this name is taken)") from None
    return View(row.id, row.name, row.query)


async def rename_view(view_id: int, staff_id: int, name: str) -> bool:
    """One's own; False for another's. Raises InputError for the name."""
    name = _name(name)
    try:
        return bool(await SavedView.filter(id=min(view_id, _LARGEST), staff_id=staff_id).update(name=name))
    except IntegrityError:
        raise InputError(f"已经有一个叫{name}的视图 (this name is taken)") from None


async def default_view(staff_id: int, page: str) -> View | None:
    """The view this person begins with."""
    kept = await read_mark(_key(staff_id, page))
    return next((view for view in await views_of(staff_id, page) if str(view.id) == kept), None)


async def choose_default(view_id: int, staff_id: int, page: str) -> bool:
    """One's own, in place of the one before; chosen again it is the default no more. False for another's."""
    if not await SavedView.filter(id=min(view_id, _LARGEST), staff_id=staff_id, page=page).exists():
        return False
    if await read_mark(_key(staff_id, page)) == str(view_id):
        await delete_mark(_key(staff_id, page))
    else:
        await write_mark(_key(staff_id, page), str(view_id))
    return True


async def delete_view(view_id: int, staff_id: int) -> bool:
    """One's own; False for another's."""
    return bool(await SavedView.filter(id=min(view_id, _LARGEST), staff_id=staff_id).delete())


def _key(staff_id: int, page: str) -> str:
    return f"view:{page}:{staff_id}"


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError(f"名字写1到{LONGEST_NAME}个字 (a name of 1 to {LONGEST_NAME} characters)")
    return name

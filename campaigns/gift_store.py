"""The store of gifts: what lies in it, what of it is promised, and who likes what."""

from collections.abc import Collection
from dataclasses import dataclass

from campaigns.errors import InputError
from campaigns.gifts import Gift
from campaigns.gifts.values import APPROVED, PLANNED
from campaigns.models import GiftItem, GiftLine, GiftPlan, GiftTaste

_LONGEST = 64
_DEAREST, _MOST_PIECES = 100_000, 1_000_000
_MOST_TASTES = 10


@dataclass(frozen=True, slots=True)
class Item:
    """`stock`: pieces in store; `promised`: those of them that approved plans still owe somebody."""

    id: int
    name: str
    value: int
    stock: int
    promised: int
    tastes: tuple[str, ...]
    house: bool
    active: bool

    @property
    def free(self) -> int:
        return max(self.stock - self.promised, 0)

    @property
    def gift(self) -> Gift:
        return Gift(self.id, self.name, self.value, self.free, frozenset(self.tastes), self.house)


@dataclass(frozen=True, slots=True)
class Taste:
    likes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    takes_none: bool = False


async def list_items(*, active: bool = False) -> list[Item]:
    """Dearest first; with `active` without those that are given no more."""
    rows = await (GiftItem.filter(active=True) if active else GiftItem.all()).order_by("-value", "name")
    promised = await _promised()
    return [_item(row, promised.get(row.id, 0)) for row in rows]


async def save_item(
    name: str, value: int, stock: int, tastes: Collection[str], *, house: bool, active: bool = True
) -> Item:
    """New, or anew by its name. Raises InputError that says what is wrong with which."""
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST:
        raise InputError(f"名称写1到{_LONGEST}个字 (a name of 1 to {_LONGEST} characters)")
    if not 0 < value <= _DEAREST:
        raise InputError(f"价值写1到{_DEAREST}元 (a value of 1 to {_DEAREST} yuan)")
    if not 0 <= stock <= _MOST_PIECES:
        raise InputError(f"库存写0到{_MOST_PIECES}件 (a stock of 0 to {_MOST_PIECES} pieces)")
    given = {"value": value, "stock": stock, "tastes": words_of(tastes), "house": house, "active": active}
    row, _ = await GiftItem.update_or_create(name=name, defaults=given)
    return _item(row, (await _promised()).get(row.id, 0))


def words_of(given: Collection[str]) -> list[str]:
    """Kinds as they are kept: trimmed, each once, in the order of the words."""
    words = sorted({" ".join(one.split()) for one in given} - {""})
    if len(words) > _MOST_TASTES or any(len(one) > 16 for one in words):
        raise InputError(f"喜好最多{_MOST_TASTES}个词，每个最多16个字 (at most {_MOST_TASTES} words of 16 characters)")
    return words


async def _promised() -> dict[int, int]:
    """Item id → pieces that approved plans owe."""
    plans = await GiftPlan.filter(state=APPROVED).values_list("id", flat=True)
    owed: dict[int, int] = {}
    for (gifts,) in await GiftLine.filter(plan_id__in=plans, state=PLANNED).values_list("gifts"):
        for gift in gifts:
            owed[gift] = owed.get(gift, 0) + 1
    return owed


async def tastes_of(member_ids: Collection[int]) -> dict[int, Taste]:
    rows = await GiftTaste.filter(member_id__in=list(member_ids))
    return {row.member_id: Taste(tuple(row.likes), tuple(row.dislikes), row.takes_none) for row in rows}


async def save_taste(member_id: int, likes: Collection[str], dislikes: Collection[str], *, takes_none: bool) -> None:
    given = {"likes": words_of(likes), "dislikes": words_of(dislikes), "takes_none": takes_none}
    await GiftTaste.update_or_create(member_id=member_id, defaults=given)


def _item(row: GiftItem, promised: int) -> Item:
    return Item(row.id, row.name, row.value, row.stock, promised, tuple(row.tastes), row.house, row.active)

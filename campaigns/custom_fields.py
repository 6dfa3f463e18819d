"""自定义字段: the columns the site added to its export, what they are called and where staff see them."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from campaigns.errors import InputError
from campaigns.models import CustomField

LONGEST = 64


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


class Shown(StrEnum):
    """In the list, on the page of a member, in the builder of segments, among the variables of words."""

    LIST = "list"
    MEMBER = "member"
    SEGMENT = "segment"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Described:
    """`name` as in the export, `label` for staff."""

    name: str
    label: str
    kind: Kind
    shown: frozenset[Shown]


async def list_fields() -> list[Described]:
    """In the order of their names."""
    return [_described(row) for row in await CustomField.all().order_by("name")]


async def labels_of(names: Collection[str], place: Shown) -> dict[str, str]:
    """Name → what staff call it, of those that are shown there; one nobody described is shown by its name."""
    known = {one.name: one for one in await list_fields()}
    return {
        name: known[name].label if name in known else name
        for name in names
        if name not in known or place in known[name].shown
    }


async def save_field(name: str, label: str, kind: str, shown: Collection[str]) -> Described:
    """New, or anew. Raises InputError for a name or a label that is none."""
    name, label = " ".join(name.split()), " ".join(label.split())
    if not 0 < len(name) <= LONGEST:
        raise InputError(f"名称写1到{LONGEST}个字，和导出文件的表头一样 (a name of 1 to {LONGEST} characters)")
    if len(label) > LONGEST:
        raise InputError(f"显示的名字最多{LONGEST}个字 (a label of at most {LONGEST} characters)")
    if kind not in list(Kind):
        raise InputError("类型选文字、数字或日期 (text, number or date)")
    places = [one for one in Shown if one in shown]
    row, _ = await CustomField.update_or_create(
        name=name, defaults={"label": label or name, "kind": kind, "shown": places}
    )
    return _described(row)


async def delete_field(name: str) -> bool:
    """The description alone: what members have in this column stays."""
    return bool(await CustomField.filter(name=name).delete())


def _described(row: CustomField) -> Described:
    kind = Kind(row.kind) if row.kind in list(Kind) else Kind.TEXT
    return Described(row.name, row.label or row.name, kind, frozenset(one for one in Shown if one in row.shown))

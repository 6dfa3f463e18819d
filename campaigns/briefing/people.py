"""The people of a member: who reports to whom, who decides, whom to speak to first, how to address them."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.terms import ContactRole

DEEPEST = 6
"""Levels of a tree. Whoever stands lower is shown on the last of them, behind whom they report to."""
_RANKS = {role: rank for rank, role in enumerate(ContactRole)}
# A title says what somebody probably is; the first that is in it counts.
_TITLES: tuple[tuple[ContactRole, tuple[str, ...]], ...] = (
    (ContactRole.GATEKEEPER, ("秘书", "助理", "前台", "文员")),
    (ContactRole.PAYS, ("财务", "会计", "出纳", "采购")),
    (ContactRole.USES, ("人事", "人力", "招聘", "行政", "HR", "hr")),
    (ContactRole.ADVISES, ("副总", "副店长", "副厂长", "主管")),
    (ContactRole.DECIDES, ("总经理", "董事长", "总裁", "老板", "厂长", "店长", "法人", "负责人", "院长", "校长")),
)
_ADDRESSES = ("经理", "总监", "主任", "主管", "店长", "厂长", "院长", "校长", "会计", "老师")
_DOUBLE = ("欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "慕容", "司徒", "夏侯")


@dataclass(frozen=True, slots=True)
class Person:
    """`guessed`: nobody wrote the role down, the title makes it likely. `above`: the number of whom they report to."""

    id: int
    no: str
    name: str
    title: str
    mobile: str | None
    above: str = ""
    is_primary: bool = False
    active: bool = True
    role: ContactRole | None = None
    guessed: bool = False
    influence: int | None = None
    interests: tuple[str, ...] = ()
    email: str | None = None
    consent: bool | None = None
    consent_at: datetime | None = None
    consent_source: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A person, and who reports to them."""

    person: Person
    below: "list[Branch]" = field(default_factory=list)


def role_by_title(title: str) -> ContactRole | None:
    return next((role for role, words in _TITLES if any(word in title for word in words)), None)


def deciders(people: Iterable[Person]) -> list[Person]:
    """Those who are there and decide. Who was written down as such leaves no room for a guess."""
    found = [one for one in people if one.active and one.role is ContactRole.DECIDES]
    return [one for one in found if not one.guessed] or found


def in_order(people: Iterable[Person]) -> list[Person]:
    """Who is there before who left; by role, then by how much their word counts, then the primary contact."""
    return sorted(people, key=_place)


def _place(one: Person) -> tuple[bool, int, int, bool, int]:
    rank = _RANKS[one.role] if one.role else len(_RANKS)
    return not one.active, rank, -(one.influence or 0), not one.is_primary, one.id


def tree_of(people: Sequence[Person]) -> list[Branch]:
    """Each under whom they report to. Who reports to nobody here stands at the top, of a circle one of it."""
    above, below = _superiors(people), defaultdict[str, list[Branch]](list)
    for one in people:
        below[above[one.no]].append(Branch(one))
    top = below[""]
    waiting = deque((branch, 1, top) for branch in top)
    while waiting:
        branch, level, beside = waiting.popleft()
        held = branch.below if level < DEEPEST else beside
        held.extend(below[branch.person.no])
        waiting.extend((one, min(level + 1, DEEPEST), held) for one in below[branch.person.no])
    return top


def _superiors(people: Sequence[Person]) -> dict[str, str]:
    """Number → the number of whom they report to, where that is somebody here. A circle is cut where it is met."""
    known = {one.no for one in people}
    above = {one.no: one.above if one.above in known else "" for one in people}
    settled = {""}
    for no in above:
        walked: set[str] = set()
        while no not in settled and no not in walked:
            walked.add(no)
            no = above[no]
        if no in walked:
            above[no] = ""
        settled |= walked
    return above


def is_below(people: Iterable[Person], no: str, other: str) -> bool:
    """Whether `no` is `other`, or reports to them, be it through others."""
    above, walked = {one.no: one.above for one in people}, set[str]()
    while no and no != other and no not in walked:
        walked.add(no)
        no = above.get(no, "")
    return no == other


def salutation(name: str, title: str) -> str:
    """佟佳, 人事经理 → 佟经理. The whole name where the title is no way to address somebody; empty for nobody."""
    name = name.strip()
    if not 2 <= len(name) <= 4 or not all("\u4e00" <= letter <= "\u9fff" for letter in name):
        return name
    surname = name[:2] if name[:2] in _DOUBLE else name[:1]
    if title.endswith(("总经理", "董事长", "总裁")) and "助理" not in title:
        return f"{surname}总"
    address = next((word for word in _ADDRESSES if title.endswith(word)), "")
    return f"{surname}{address}" if address else name

"""设置 · 部门: who is in each, and how many members they see together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.console.settings.tabs import settings_page
from bot.web.desk import StaffRoute
from campaigns import staff
from campaigns.members.find import count_members_of
from campaigns.rights import Right
from campaigns.staff import StaffMember


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    active: bool
    owned: int


async def departments(request: Request) -> Response:
    everyone = await staff.list_staff()
    owned = await count_members_of([one.name for one in everyone])
    names = sorted({one.department for one in everyone if one.department})
    return await settings_page(
        request,
        "settings/departments.html",
        tab="departments",
        departments=[(name, _people(everyone, name, owned)) for name in names],
        without=_people(everyone, "", owned),
    )


def _people(everyone: Sequence[StaffMember], department: str, owned: Mapping[str, int]) -> list[Person]:
    return [Person(one.name, one.active, owned.get(one.name, 0)) for one in everyone if one.department == department]


routes = [StaffRoute("/settings/departments", departments, right=Right.STAFF)]

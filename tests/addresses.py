"""Every page of the router as an address that leads somewhere: a new page is opened by all who walk here by itself.

A part of a path that stands for a thing is filled with one of that kind from the database. A new kind needs a line in
_THINGS; until it has one, `addresses` says so.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from starlette.datastructures import QueryParams

from bot.runtime import Runtime
from bot.web.app import all_routes
from bot.web.desk import StaffRoute
from campaigns import models
from campaigns.rights import Right

Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Address:
    """`path` is the route's, `url` where it leads in this database; `right` is None for everybody who is logged in."""

    path: str
    url: str
    right: Right | None = None
    inside: bool = True  # for who is logged in

    @property
    def name(self) -> str:
        """As the name of a file: /campaigns/{key}/make/{step} is campaigns-key-make-step."""
        parts = [part.strip("{}").partition(":")[0] for part in self.path.strip("/").split("/")]
        return "-".join(filter(None, parts)) or "today"


async def addresses(chosen: Mapping[str, str] | None = None) -> list[Address]:
    """Every GET page of the console, with somebody's or something's number where it wants one.

    `chosen` names it instead, by the keys of _THINGS.
    """
    return [Address(route.path, await _filled(route.path, chosen or {}), route.right) for route in _pages()]


def _pages() -> list[StaffRoute]:
    found = [route for route in all_routes() if isinstance(route, StaffRoute) and "GET" in (route.methods or ())]
    return list({route.path: route for route in found}.values())


async def doors(runtime: Runtime) -> list[Address]:
    """What is open to the world and shows a page: the log-in, and what the links of a message that was sent lead to."""
    sent = models.Message.filter(state__in=("sent", "delivered")).order_by("id")
    links = runtime.links(int(await sent.first().values_list("id", flat=True) or 1))
    return [
        Address("/login", "/login", inside=False),
        Address("/u/{token}", urlsplit(links["unsubscribe"]).path, inside=False),
        Address("/in/{token}", urlsplit(links["way_in"]).path, inside=False),
    ]


async def parameters(client: httpx.AsyncClient) -> dict[str, list[str]]:
    """For each page the names that it asked its own address for while it was opened."""
    found = {}
    with _listening() as heard:
        for one in await addresses():
            heard.clear()
            await client.get(one.url)
            if heard:
                found[one.url] = sorted(heard)
    return found


@contextlib.contextmanager
def _listening() -> Iterator[set[str]]:
    names: set[str] = set()
    originals = {method: getattr(QueryParams, method) for method in ("get", "getlist", "__getitem__", "__contains__")}

    def listener(original: Callable[..., Any]) -> Callable[..., Any]:
        def heard(query: QueryParams, key: str, *rest: Any) -> Any:
            names.add(key)
            return original(query, key, *rest)

        return heard

    try:
        for method, original in originals.items():
            setattr(QueryParams, method, listener(original))
        yield names
    finally:
        for method in originals:
            delattr(QueryParams, method)  # they are its parent's


async def _filled(path: str, chosen: Mapping[str, str]) -> str:
    done: list[str] = []
    for part in path.split("/"):
        done.append(await _thing(path, part, chosen) if part.startswith("{") else part)
    return "/".join(done)


async def _thing(path: str, part: str, chosen: Mapping[str, str]) -> str:
    """One that is there, of the kind this part of the path means; 1 where there is none."""
    name = part[1:].partition("}")[0].partition(":")[0]
    area = path.split("/")[1]
    if given := chosen.get(f"{area}/{name}"):
        return quote(given, safe="")
    ask = _THINGS.get(f"{area}/{name}") or _THINGS.get(name)
    assert ask, f"{path}: say in tests/addresses.py what {part} is filled with"
    return quote(str(await ask() or 1), safe="")


def _first(model: type[models.Member] | type[object], column: str = "id") -> Ask:
    async def ask() -> object:
        rows = model.all().order_by("id")  # type: ignore[union-attr]
        return await rows.first().values_list(column, flat=True)

    return ask


async def _visit_to_come() -> object:
    """One that may still be moved."""
    rows = models.PlannedVisit.filter(task_id=None).order_by("day", "id")
    return await rows.first().values_list("id", flat=True)


def _always(value: str) -> Ask:
    async def ask() -> object:
        return value

    return ask


async def _first_heard() -> object:
    """The number of the first member who ever answered."""
    member_id = await models.Conversation.all().order_by("id").first().values_list("member_id", flat=True)
    return member_id and await models.Member.filter(id=member_id).first().values_list("no", flat=True)


_THINGS: Mapping[str, Ask] = {
    "members/number": _first(models.Member, "no"),
    "members/no": _first(models.Member, "no"),
    "campaigns/key": _first(models.Campaign, "key"),
    "campaigns/id": _first(models.Approval),
    "tasks/id": _first(models.Visit),
    "segments/id": _first(models.SavedSegment),
    "fairs/id": _first(models.Fair),
    "staff/id": _first(models.StaffAccount),
    "calendar/day": _always("2026-11-23"),
    "visits/day": _first(models.PlannedVisit, "day"),
    "visits/id": _visit_to_come,
    "inbox/number": _first_heard,
    "inbox/id": _first(models.CannedAnswer),
    "imports/id": _first(models.ImportRun),
    "settings/id": _first(models.Webhook),
    "gifts/id": _first(models.GiftPlan),
    "gifts/number": _first(models.Member, "no"),
    "templates/folder": _always("unread_resumes"),
    "templates/key": _first(models.Campaign, "key"),
    "templates/file": _always("sms.toml"),
    "templates/name": _always("email"),
}

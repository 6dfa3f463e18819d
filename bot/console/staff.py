"""员工: who may log in, as what, and whose members each sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.console.shell import not_found
from bot.language import say
from bot.web import desk
from bot.web.desk import StaffRoute, read_form
from bot.web.passwords import keep_password, make_password
from bot.wording import right_words, role_words
from campaigns import staff, visits
from campaigns.audit import Action
from campaigns.errors import OutreachError
from campaigns.members.find import count_members_of
from campaigns.rights import GRANTED, Right, Role
from campaigns.staff import StaffMember


async def everybody(request: Request) -> Response:
    return await _page(request)


async def add(request: Request) -> Response:
    """The new person's one-time password stands on the answer and nowhere else."""
    form = await read_form(request)
    login, name = str(form.get("login", "")).strip().lower(), str(form.get("name", "")).strip()[:64]
    typed = {"login": login, "name": name, "role": str(form.get("role", "")), "department": _department(form)}
    if not name:
        return await _page(
            request, typed=typed, faults={"name": say("写姓名，和会员的负责人一栏一样")}, status_code=422
        )
    if typed["role"] not in list(Role):
        return await _page(request, typed=typed, faults={"role": say("选一个角色")}, status_code=422)
    password = make_password()
    try:
        made = await staff.add_staff(
            login=staff.check_login(login),
            name=name,
            role=Role(typed["role"]),
            department=typed["department"],
            password=await keep_password(password),
            now=datetime.now(UTC),
        )
    except OutreachError as exc:
        return await _page(request, typed=typed, faults={"login": _plain(exc)}, status_code=422)
    await desk.log(request, Action.STAFF_ADDED, f"staff/{login}", role=made.role, department=made.department)
    return await _page(request, told=(made.name, login, password))


async def change(request: Request) -> Response:
    form, found = await read_form(request), await staff.find_staff(request.path_params["id"])
    if found is None:
        return await not_found(request, here="staff", what=say("没有这个员工"))
    role, active = str(form.get("role", "")), form.get("active") == "1"
    if found.active and not active and form.get("sure") != "1" and not await _is_last_admin(found):
        return await _page(request, leaving=await _leaving(found, form))
    try:
        made = await staff.change_staff(
            found.id,
            role=Role(role) if role in list(Role) else found.role,
            department=_department(form),
            grants=frozenset(right for right in GRANTED if right in form.getlist("grant")),
            active=active,
        )
    except OutreachError as exc:
        return await _page(request, faults={f"staff-{found.id}": _plain(exc)}, status_code=422)
    await desk.log(
        request,
        Action.STAFF_CHANGED,
        f"staff/{made.login}",
        role=made.role,
        department=made.department,
        active=made.active,
        rights=sorted(made.rights),
    )
    return RedirectResponse(f"/staff?done={made.id}", status_code=303)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody who is about to lose the log-in, what stays in that name, and the form as it was typed."""

    who: StaffMember
    members: int
    tasks: int
    role: str
    department: str
    grants: Sequence[str]


async def _leaving(found: StaffMember, form: FormData) -> Leaving:
    members = (await count_members_of([found.name])).get(found.name, 0)
    grants = [right for right in GRANTED if right in form.getlist("grant")]
    role = str(form.get("role", ""))
    role = role if role in list(Role) else found.role
    return Leaving(found, members, await visits.count_open_of(found.name), role, _department(form), grants)


async def _is_last_admin(found: StaffMember) -> bool:
    admins = [one for one in await staff.list_staff() if one.active and one.role is Role.ADMIN]
    return [one.id for one in admins] == [found.id]


async def reset(request: Request) -> Response:
    """A new one-time password; the second step is off till the person turns it on again."""
    found = await staff.find_staff(request.path_params["id"])
    if found is None:
        return await not_found(request, here="staff", what=say("没有这个员工"))
    password = make_password()
    await staff.set_password(found.id, await keep_password(password), one_time=True)
    await staff.set_totp(found.id, "")
    await desk.log(request, Action.PROOF_CHANGED, f"staff/{found.login}", what="one-time password")
    return await _page(request, told=(found.name, found.login, password))


async def _page(
    request: Request,
    *,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    told: tuple[str, str, str] | None = None,
    leaving: Leaving | None = None,
    status_code: int = 200,
) -> Response:
    everyone = await staff.list_staff()
    done = request.query_params.get("done", "")
    return await settings_page(
        request,
        "staff.html",
        tab="staff",
        here="staff",
        status_code=status_code,
        everyone=everyone,
        departments=sorted({one.department for one in everyone if one.department}),
        roles=[(role, *role_words(role)) for role in Role],
        grantable=[(right, right_words(right)) for right in Right if right in GRANTED],
        typed={**dict.fromkeys(("login", "name", "role", "department"), ""), **(typed or {})},
        faults=faults or {},
        told=told,
        leaving=leaving,
        done=next((one.name for one in everyone if str(one.id) == done), ""),
    )


def _department(form: FormData) -> str:
    return str(form.get("department", "")).strip()[:64]


def _plain(problem: OutreachError) -> str:
    return str(problem).partition(" (")[0]


routes = [
    StaffRoute("/staff", everybody, right=Right.STAFF),
    StaffRoute("/staff", add, right=Right.STAFF, methods=["POST"]),
    StaffRoute("/staff/{id:int}", change, right=Right.STAFF, methods=["POST"]),
    StaffRoute("/staff/{id:int}/password", reset, right=Right.STAFF, methods=["POST"]),
]

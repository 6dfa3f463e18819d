"""Role × page × owner, against a table; a page that is in no table fails here."""

import httpx
import pytest
from starlette.routing import Mount, Route

from bot.runtime import Runtime
from bot.web.app import all_routes
from bot.web.desk import StaffRoute
from campaigns.models import AuditEntry, StaffAccount, StaffSession
from campaigns.rights import RIGHTS, Right, Role
from tests.web_cast import add_colleague, add_member, as_staff, browse

PUBLIC = {
    "/health", "/login", "/login/demo", "/static",
    "/api/v1", "/u/{token}", "/in/{token}", "/c/{token}/{name}", "/o/{token}.gif",
}  # fmt: skip
# who may open what, beside an administrator, who may everything
TABLE: dict[tuple[str, str], str] = {
    ("GET", "/"): "manager marketer agent viewer",
    ("GET", "/phone"): "manager marketer agent viewer",
    ("GET", "/members"): "manager marketer agent viewer",
    ("GET", "/members.csv"): "manager",
    ("GET", "/members.xlsx"): "manager",
    ("POST", "/members/assign"): "manager",
    ("POST", "/members/assign/undo"): "manager",
    ("POST", "/members/views"): "manager marketer agent viewer",
    ("POST", "/members/views/{id:int}"): "manager marketer agent viewer",
    ("GET", "/members/{number:path}"): "manager marketer agent viewer",
    ("GET", "/members/{number:path}/seekers"): "manager marketer agent viewer",
    ("GET", "/members/{number:path}/brief"): "manager marketer agent viewer",
    ("POST", "/members/{number:path}/brief/numbers"): "manager",
    ("POST", "/members/{number:path}/seekers/numbers"): "manager",
    ("GET", "/members/{number:path}/seekers/check"): "manager marketer agent",
    ("POST", "/members/{number:path}/seekers/introduce"): "manager marketer agent",
    ("POST", "/members/{number:path}/seekers/{id:int}/ask"): "manager marketer agent",
    ("POST", "/members/{number:path}/seekers/{id:int}/consent"): "manager marketer agent",
    ("POST", "/members/{number:path}/introductions/{id:int}"): "manager marketer agent",
    ("GET", "/fairs"): "manager marketer agent viewer",
    ("POST", "/fairs"): "manager marketer",
    ("GET", "/fairs/new"): "manager marketer",
    ("GET", "/fairs/{id:int}"): "manager marketer agent viewer",
    ("GET", "/fairs/{id:int}/check"): "manager marketer agent",
    ("POST", "/fairs/{id:int}/invite"): "manager marketer",
    ("POST", "/fairs/{id:int}/by-hand"): "manager marketer agent",
    ("POST", "/fairs/{id:int}/end"): "manager marketer",
    ("POST", "/fairs/invitations/{id:int}"): "manager marketer agent",
    ("GET", "/gifts"): "manager marketer agent viewer",
    ("POST", "/gifts/store"): "manager marketer",
    ("GET", "/gifts/new"): "manager marketer",
    ("POST", "/gifts/new"): "manager marketer",
    ("GET", "/gifts/{id:int}"): "manager marketer agent viewer",
    ("GET", "/gifts/{id:int}/sheet"): "manager marketer agent viewer",
    ("GET", "/gifts/{id:int}.csv"): "manager",
    ("POST", "/gifts/{id:int}/approve"): "manager",
    ("POST", "/gifts/{id:int}/call-off"): "manager",
    ("POST", "/gifts/lines/{id:int}/drop"): "manager marketer",
    ("POST", "/gifts/lines/{id:int}/take-back"): "manager marketer",
    ("POST", "/gifts/lines/{id:int}/hand"): "manager marketer agent",
    ("POST", "/gifts/lines/{id:int}/not-taken"): "manager marketer agent",
    ("GET", "/gifts/tastes/{number:path}"): "manager marketer agent viewer",
    ("POST", "/gifts/tastes/{number:path}"): "manager marketer agent",
    ("GET", "/statistics/funnel"): "manager marketer agent viewer",
    ("GET", "/targets"): "manager marketer agent viewer",
    ("POST", "/targets"): "manager",
    ("GET", "/transfers"): "manager",
    ("POST", "/transfers/{id:int}/undo"): "manager",
    ("GET", "/visits"): "manager marketer agent viewer",
    ("GET", "/visits/days/{day}"): "manager marketer agent viewer",
    ("GET", "/visits/conflicts"): "manager marketer agent viewer",
    ("GET", "/visits/absences"): "manager marketer agent viewer",
    ("POST", "/visits/absences"): "manager marketer agent",
    ("POST", "/visits/absences/{id:int}/remove"): "manager marketer agent",
    ("POST", "/visits/capacity"): "manager",
    ("GET", "/visits/{id:int}"): "manager marketer agent viewer",
    ("POST", "/visits/{id:int}/move"): "manager marketer agent",
    ("POST", "/visits/{id:int}/release"): "manager marketer agent",
    ("POST", "/members/{number:path}/care"): "manager marketer agent",
    ("POST", "/members/{number:path}/care/{id:int}/close"): "manager marketer agent",
    ("GET", "/imports"): "manager",
    ("POST", "/imports"): "manager",
    ("GET", "/imports/{id:int}"): "manager",
    ("POST", "/imports/{id:int}"): "manager",
    ("GET", "/imports/{id:int}/progress"): "manager",
    ("POST", "/imports/{id:int}/start"): "manager",
    ("POST", "/imports/{id:int}/delete"): "manager",
    ("GET", "/imports/{id:int}/rejects.csv"): "manager",
    ("GET", "/segments"): "manager marketer agent viewer",
    ("POST", "/segments"): "manager marketer",
    ("GET", "/segments/new"): "manager marketer",
    ("POST", "/segments/look"): "manager marketer",
    ("GET", "/segments/{id:int}"): "manager marketer agent viewer",
    ("POST", "/segments/{id:int}"): "manager marketer",
    ("GET", "/segments/{id:int}/count"): "manager marketer agent viewer",
    ("POST", "/segments/{id:int}/delete"): "manager marketer",
    ("GET", "/campaigns/approvals"): "manager marketer agent viewer",
    ("GET", "/campaigns/approvals/{id:int}"): "manager marketer agent viewer",
    ("POST", "/campaigns/approvals/{id:int}/approve"): "manager",
    ("POST", "/campaigns/approvals/{id:int}/refuse"): "manager",
    ("POST", "/campaigns/approvals/{id:int}/withdraw"): "manager marketer",
    ("POST", "/campaigns/{key}/start"): "manager marketer",
    ("POST", "/campaigns/{key}/pause"): "manager marketer",
    ("POST", "/campaigns/{key}/resume"): "manager marketer",
    ("POST", "/campaigns/{key}/cancel"): "manager marketer",
    ("POST", "/members/{number:path}/notes"): "manager marketer agent",
    ("POST", "/members/{number:path}/notes/{id:int}"): "manager marketer agent",
    ("POST", "/members/{number:path}/notes/{id:int}/back"): "manager marketer agent",
    ("POST", "/members/{number:path}/numbers"): "manager",
    ("POST", "/members/{number:path}/owner"): "manager",
    ("GET", "/members/{number:path}/contacts"): "manager marketer agent viewer",
    ("POST", "/members/{number:path}/contacts"): "manager marketer agent",
    ("POST", "/members/{number:path}/contacts/{id:int}"): "manager marketer agent",
    ("POST", "/members/{number:path}/contacts/{id:int}/primary"): "manager marketer agent",
    ("POST", "/members/{number:path}/contacts/{id:int}/left"): "manager marketer agent",
    ("POST", "/members/{number:path}/contacts/{id:int}/back"): "manager marketer agent",
    ("POST", "/members/{number:path}/pause"): "manager marketer agent",
    ("POST", "/members/{number:path}/resume"): "manager marketer agent",
    ("POST", "/members/{number:path}/stop"): "manager marketer agent",
    ("POST", "/members/{number:path}/lift"): "manager",
    ("POST", "/members/{number:path}/tier"): "manager marketer",
    ("POST", "/members/{number:path}/tier/end"): "manager marketer",
    ("GET", "/tasks"): "manager marketer agent viewer",
    ("GET", "/tasks/{id:int}"): "manager marketer agent viewer",
    ("POST", "/tasks/{id:int}/numbers"): "manager",
    ("GET", "/tasks/new"): "manager marketer agent",
    ("POST", "/tasks/new"): "manager marketer agent",
    ("POST", "/tasks/{id:int}/outcome"): "manager marketer agent",
    ("POST", "/tasks/{id:int}/postpone"): "manager marketer agent",
    ("POST", "/tasks/{id:int}/hand"): "manager marketer agent",
    ("POST", "/tasks/{id:int}/reopen"): "manager marketer agent",
    ("GET", "/visits/new"): "manager marketer agent",
    ("POST", "/visits/new"): "manager marketer agent",
    ("GET", "/problems"): "manager marketer agent viewer",
    ("GET", "/problems/mended"): "manager marketer agent viewer",
    ("POST", "/problems/mended"): "manager marketer agent",
    ("POST", "/problems/solve"): "manager marketer agent",
    ("POST", "/problems/{id:int}/solve"): "manager marketer agent",
    ("POST", "/problems/{id:int}/reopen"): "manager marketer agent",
    ("GET", "/statistics/problems"): "manager marketer agent viewer",
    ("GET", "/promises"): "manager marketer agent viewer",
    ("POST", "/promises/{id:int}"): "manager marketer agent",
    ("GET", "/plans"): "manager marketer agent viewer",
    ("POST", "/plans/{id:int}"): "manager marketer agent",
    ("GET", "/campaigns"): "manager marketer agent viewer",
    ("GET", "/campaigns/live"): "manager marketer agent viewer",
    ("GET", "/campaigns/new"): "manager marketer",
    ("POST", "/campaigns/new"): "manager marketer",
    ("GET", "/campaigns/{key}/make/audience"): "manager marketer",
    ("GET", "/campaigns/{key}/make/audience/left-out"): "manager marketer",
    ("GET", "/campaigns/{key}/make/purpose"): "manager marketer",
    ("GET", "/campaigns/{key}/make/when"): "manager marketer",
    ("GET", "/campaigns/{key}/make/check"): "manager marketer",
    ("GET", "/campaigns/{key}/make/check/numbers"): "manager marketer",
    ("POST", "/campaigns/{key}/make/audience"): "manager marketer",
    ("POST", "/campaigns/{key}/make/audience/look"): "manager marketer",
    ("POST", "/campaigns/{key}/make/purpose"): "manager marketer",
    ("POST", "/campaigns/{key}/make/when"): "manager marketer",
    ("POST", "/campaigns/{key}/make/check/submit"): "manager marketer",
    ("POST", "/campaigns/{key}/make/check/start"): "manager",
    ("GET", "/campaigns/{key}"): "manager marketer agent viewer",
    ("GET", "/campaigns/{key}/progress"): "manager marketer agent viewer",
    ("GET", "/campaigns/{key}/depth"): "manager marketer agent viewer",
    ("GET", "/campaigns/{key}/export.csv"): "manager",
    ("GET", "/campaigns/{key}/export.xlsx"): "manager",
    ("GET", "/campaigns/{key}/make/words"): "manager marketer",
    ("POST", "/campaigns/{key}/make/words"): "manager marketer",
    ("POST", "/campaigns/{key}/make/words/preview"): "manager marketer",
    ("POST", "/campaigns/{key}/make/words/test"): "manager marketer",
    ("GET", "/calendar"): "manager marketer agent viewer",
    ("GET", "/calendar/{day}"): "manager marketer agent viewer",
    ("GET", "/templates"): "manager marketer agent viewer",
    ("GET", "/templates/{folder}"): "manager marketer agent viewer",
    ("POST", "/templates/{folder}"): "manager marketer",
    ("GET", "/templates/{folder}/difference"): "manager marketer agent viewer",
    ("GET", "/templates/{folder}/mail/{name}"): "manager marketer agent viewer",
    ("POST", "/members/{number:path}/write"): "manager marketer agent",
    ("GET", "/inbox"): "manager marketer agent viewer",
    ("GET", "/inbox/parts/list"): "manager marketer agent viewer",
    ("GET", "/inbox/parts/thread/{number:path}"): "manager marketer agent viewer",
    ("GET", "/inbox/parts/window/{number:path}"): "manager marketer agent viewer",
    ("GET", "/inbox/{number:path}"): "manager marketer agent viewer",
    ("POST", "/inbox/{number:path}/take"): "manager marketer agent",
    ("POST", "/inbox/{number:path}/give"): "manager marketer agent",
    ("POST", "/inbox/{number:path}/close"): "manager marketer agent",
    ("POST", "/inbox/{number:path}/reopen"): "manager marketer agent",
    ("POST", "/inbox/{number:path}/put-off"): "manager marketer agent",
    ("POST", "/inbox/heard/{id:int}"): "manager marketer agent",
    ("GET", "/inbox/canned"): "manager marketer agent viewer",
    ("POST", "/inbox/canned"): "manager marketer agent",
    ("POST", "/inbox/{number:path}/numbers"): "manager",
    ("GET", "/inbox/unknown"): "manager marketer agent viewer",
    ("POST", "/inbox/unknown/{id:int}/link"): "manager marketer agent",
    ("POST", "/inbox/unknown/{id:int}/away"): "manager marketer agent",
    ("POST", "/inbox/canned/{id:int}"): "manager marketer agent",
    ("GET", "/settings/keywords"): "",
    ("POST", "/settings/keywords"): "",
    ("GET", "/settings/keywords/corrections.toml"): "",
    ("GET", "/me"): "manager marketer agent viewer",
    ("POST", "/me/language"): "manager marketer agent viewer",
    ("POST", "/virtual-time"): "manager",
    ("POST", "/me/password"): "manager marketer agent viewer",
    ("POST", "/me/totp"): "manager marketer agent viewer",
    ("POST", "/me/totp/on"): "manager marketer agent viewer",
    ("POST", "/me/totp/off"): "manager marketer agent viewer",
    ("POST", "/logout"): "manager marketer agent viewer",
    ("GET", "/staff"): "",
    ("POST", "/staff"): "",
    ("POST", "/staff/{id:int}"): "",
    ("POST", "/staff/{id:int}/password"): "",
    ("GET", "/audit"): "manager",
    ("GET", "/audit.csv"): "manager",
    ("GET", "/settings"): "",
    ("GET", "/settings/departments"): "",
    ("GET", "/settings/channels"): "",
    ("POST", "/settings/channels/open"): "",
    ("POST", "/settings/channels/test"): "",
    ("GET", "/settings/policy"): "",
    ("POST", "/settings/policy"): "",
    ("POST", "/settings/policy/restore"): "",
    ("GET", "/settings/tiers"): "",
    ("POST", "/settings/tiers"): "",
    ("POST", "/settings/tiers/service"): "",
    ("GET", "/settings/diagnosis"): "",
    ("POST", "/settings/diagnosis"): "",
    ("GET", "/settings/calendar"): "",
    ("POST", "/settings/calendar"): "",
    ("POST", "/settings/calendar/remove"): "",
    ("GET", "/settings/suppressions"): "",
    ("POST", "/settings/suppressions"): "",
    ("POST", "/settings/suppressions/look"): "",
    ("POST", "/settings/suppressions/back"): "",
    ("POST", "/settings/suppressions/{id:int}/lift"): "",
    ("GET", "/settings/fields"): "",
    ("POST", "/settings/fields"): "",
    ("POST", "/settings/fields/delete"): "",
    ("GET", "/settings/webhooks"): "",
    ("POST", "/settings/webhooks"): "",
    ("GET", "/settings/webhooks/{id:int}"): "",
    ("POST", "/settings/webhooks/{id:int}"): "",
    ("POST", "/settings/webhooks/deliveries/{id:int}/again"): "",
    ("GET", "/settings/tokens"): "",
    ("POST", "/settings/tokens"): "",
    ("POST", "/settings/tokens/{id:int}/revoke"): "",
}


def pages() -> list[tuple[str, StaffRoute]]:
    return [
        (method, route)
        for route in all_routes()
        if isinstance(route, StaffRoute)
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]


def address(route: StaffRoute, staff_id: int) -> str:
    filled = {
        "{number:path}": "Q200001",
        "{key}": "unread_resumes",
        "{folder}": "unread_resumes",
        "{day}": "2026-11-23",
        "{name}": "email",
        "{id:int}": str(staff_id),
    }
    path = route.path
    for part, value in filled.items():
        path = path.replace(part, value)
    return path


def test_every_route_is_for_staff_or_stands_among_the_public_ones() -> None:
    public = {route.path for route in all_routes() if not isinstance(route, StaffRoute)}
    assert public == PUBLIC
    assert {type(route) for route in all_routes()} <= {StaffRoute, Route, Mount}


def test_every_page_for_staff_stands_in_the_table() -> None:
    assert {(method, route.path) for method, route in pages()} == set(TABLE)


@pytest.mark.timeout(300)  # every page there is
@pytest.mark.parametrize("role", list(Role))
async def test_a_role_opens_what_the_table_says_and_nothing_else(runtime: Runtime, role: Role) -> None:
    await add_member("Q200001")
    keeper = await add_colleague(Role.ADMIN)
    for method, route in pages():
        path = address(route, keeper.id)
        async with as_staff(runtime, role) as client:
            answer = await client.request(method, path)
        may = role is Role.ADMIN or role in TABLE[method, route.path].split()
        assert (answer.status_code != 403) is may, (method, path, answer.status_code)
        assert answer.status_code < 500


async def test_nobody_opens_a_page_for_staff_without_a_session(runtime: Runtime) -> None:
    async with browse(runtime) as client:
        client.cookies.set("huifang", "guessed")
        for method, route in pages():
            path = address(route, 1)
            answer = await client.request(method, path)
            assert answer.status_code == (303 if method == "GET" else 401), path


def test_only_an_administrator_has_every_right() -> None:
    assert [role for role in Role if RIGHTS[role] == set(Right)] == [Role.ADMIN]
    assert Right.APPROVE not in RIGHTS[Role.MARKETER]
    assert not RIGHTS[Role.VIEWER] - {Right.SEE}


@pytest.fixture
async def two_departments(runtime: Runtime) -> None:
    for login, name, department in (("a1", "甲", "东区"), ("a2", "乙", "东区"), ("b1", "丙", "西区")):
        await add_colleague(Role.AGENT, login=login, name=name, department=department)
    for number, owner in enumerate(("甲", "乙", "丙", "丁", "")):
        await add_member(f"Q20000{number}", f"{owner or '无主'}的企业", owner=owner)


@pytest.mark.parametrize(
    ("role", "department", "seen"),
    [
        (Role.AGENT, "东区", {"甲", "乙", "丁"}),
        (Role.MARKETER, "西区", {"丙", "丁"}),
        (Role.MARKETER, "", {"丁"}),
        (Role.MANAGER, "东区", {"甲", "乙", "丙", "丁", "无主"}),
        (Role.VIEWER, "", {"甲", "乙", "丙", "丁", "无主"}),
    ],
)
@pytest.mark.usefixtures("two_departments")
async def test_members_are_seen_and_counted_by_their_owners(
    runtime: Runtime, role: Role, department: str, seen: set[str]
) -> None:
    async with as_staff(runtime, role, name="丁", department=department) as client:
        page = (await client.get("/members")).text
        assert {one for one in ("甲", "乙", "丙", "丁", "无主") if f"{one}的企业" in page} == seen
        assert f"共{len(seen)}家" in page
        for number, owner in enumerate(("甲", "乙", "丙", "丁", "无主")):
            one = await client.get(f"/members/Q20000{number}")
            assert one.status_code == (200 if owner in seen else 404)
            assert (f"{owner}的企业" in one.text) is (owner in seen)


async def test_what_a_person_may_beyond_the_role_is_given_by_name(runtime: Runtime) -> None:
    made = await add_colleague(Role.AGENT, grants=["addresses", "staff", "nonsense"])
    assert made.may(Right.ADDRESSES)
    assert not made.may(Right.STAFF)


async def test_a_new_role_counts_at_once_for_every_browser(runtime: Runtime) -> None:
    colleague = await add_colleague(Role.AGENT, login="lin")
    async with as_staff(runtime) as admin, as_staff(runtime, Role.AGENT, login="wang", name="王") as agent:
        wang = await StaffAccount.get(login="wang")
        assert (await agent.get("/members")).status_code == 200
        data = {"role": "viewer", "active": "1", "grant": ["export"]}
        assert (await admin.post(f"/staff/{wang.id}", data=data)).status_code == 303
        assert (await agent.get("/members")).status_code == 303
    assert (await StaffAccount.get(id=wang.id)).grants == ["export"]
    assert (await StaffAccount.get(id=colleague.id)).role == "agent"


@pytest.mark.parametrize("what", ["", "/password"])
async def test_a_colleague_who_is_not_there_is_missed_in_words(runtime: Runtime, what: str) -> None:
    async with as_staff(runtime) as admin:
        for number in ("999", "99999999999999999999999"):
            assert (await admin.post(f"/staff/{number}{what}")).status_code == 404


async def test_the_last_administrator_stays_one(runtime: Runtime) -> None:
    async with as_staff(runtime, login="boss") as admin:
        boss = await StaffAccount.get(login="boss")
        for data in ({"role": "viewer", "active": "1"}, {"role": "admin"}):
            refused = await admin.post(f"/staff/{boss.id}", data=data)
            assert refused.status_code == 422
            assert "最后一个管理员" in refused.text


async def test_a_new_colleague_gets_a_password_that_works_once(runtime: Runtime) -> None:
    async with as_staff(runtime) as admin:
        data = {"login": "Lin.2", "name": "林晓芸", "role": "marketer", "department": "东区"}
        page = (await admin.post("/staff", data=data)).text
        password = page.partition("一次性密码是 <code")[2].partition(">")[2].partition("<")[0]
        again = await admin.post("/staff", data={**data, "name": "另一个"})
        assert again.status_code == 422
        assert 'value="lin.2"' in again.text
    async with browse(runtime) as client:
        done = await client.post("/login", data={"login": "lin.2", "password": password})
        assert done.status_code == 303
        assert (await client.get("/members")).headers["location"] == "/me"


async def test_what_staff_did_and_looked_at_stands_in_the_audit_log(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await add_member("Q200001")
    await browser.get("/members/Q200001")
    await browser.post("/staff", data={"login": "lin", "name": "<b>林</b>", "role": "agent"})
    page = (await browser.get("/audit")).text
    assert "看会员资料" in page
    assert "加员工" in page
    assert 'href="/members/Q200001"' in page
    assert "看会员资料</td>" not in (await browser.get("/audit?action=staff_added")).text
    assert {entry.who for entry in await AuditEntry.all()} == {"员工0"}
    assert await StaffSession.all().count() == 1

"""Log-in as a person does it, and as somebody tries who should not."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pyotp
import pytest

from bot.runtime import DEMO_MARK, Runtime
from bot.web.desk import COOKIE
from bot.web.log_in import demo_path, first_admin
from bot.web.passwords import keep_password
from campaigns import marks, staff
from campaigns.models import AuditEntry, StaffAccount, StaffSession
from campaigns.rights import Role
from tests.web_cast import add_colleague, as_staff, browse, logged_in

PASSWORD = "correct-horse-battery"
SECRET = pyotp.random_base32()


async def lin(**columns: object) -> staff.StaffMember:
    return await add_colleague(
        Role.MARKETER, login="lin", name="林晓芸", password=await keep_password(PASSWORD), **columns
    )


async def try_password(client: httpx.AsyncClient, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/login", data={"login": "lin", "password": password, **more})


async def test_the_right_password_opens_the_page_that_was_asked_for(runtime: Runtime) -> None:
    await lin()
    async with browse(runtime) as client:
        asked = await client.get("/members?tier=高端")
        assert asked.status_code == 303
        form = await client.get(asked.headers["location"])
        [to] = re.findall(r'name="next" value="([^"]+)"', form.text)
        done = await try_password(client, next=to.replace("&amp;", "&"))
        assert done.status_code == 303
        assert done.headers["location"].startswith("/members?tier=")
        cookie = done.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert (await client.get("/members")).status_code == 200


@pytest.mark.parametrize(
    ("url", "headers"), [("https://hf.example.com", {}), ("http://127.0.0.1:8750", {"x-forwarded-proto": "https"})]
)
async def test_over_https_the_cookie_never_goes_in_the_clear(
    runtime: Runtime, url: str, headers: dict[str, str]
) -> None:
    await lin()
    async with browse(runtime, base_url=url) as client:
        client.headers.update(headers)
        assert "secure" in (await try_password(client)).headers["set-cookie"].lower()


async def test_the_database_has_no_token_a_thief_could_use(runtime: Runtime) -> None:
    await lin()
    async with browse(runtime) as client:
        await try_password(client)
        token = client.cookies[COOKIE]
    session = await StaffSession.get()
    assert token not in (session.digest, str(session.staff_id))


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y", ""]
)
async def test_a_log_in_ends_on_our_own_pages_only(runtime: Runtime, to: str) -> None:
    await lin()
    async with browse(runtime) as client:
        assert (await try_password(client, next=to)).headers["location"] == "/"


@pytest.mark.parametrize(("login", "password"), [("lin", "wrong"), ("nobody", PASSWORD), ("", ""), ("lin'--", "x")])
async def test_wrong_names_and_wrong_passwords_read_the_same(runtime: Runtime, login: str, password: str) -> None:
    await lin()
    async with browse(runtime) as client:
        refused = await client.post("/login", data={"login": login, "password": password})
        assert refused.status_code == 403
        assert "账号或密码不对" in refused.text
        assert COOKIE not in client.cookies
    assert (await AuditEntry.get()).action == "log_in_failed"


async def test_who_may_not_log_in_any_more_reads_the_same_too(runtime: Runtime) -> None:
    await lin(active=False)
    async with browse(runtime) as client:
        assert "账号或密码不对" in (await try_password(client)).text


async def test_after_five_wrong_ones_even_the_right_one_waits_and_the_wait_doubles(runtime: Runtime) -> None:
    made = await lin()
    waits = []
    async with browse(runtime) as client:
        for _ in range(7):
            await try_password(client, "wrong")
            row = await StaffAccount.get(id=made.id)
            if row.locked_until:
                waits.append(round((row.locked_until - datetime.now(UTC)).total_seconds()))
                assert (await try_password(client)).status_code == 429
                await StaffAccount.all().update(locked_until=datetime.now(UTC) - timedelta(seconds=1))
        assert waits == [pytest.approx(seconds, abs=5) for seconds in (30, 60, 120)]
        assert (await try_password(client)).status_code == 303
    assert (await StaffAccount.get(id=made.id)).failures == 0


async def test_an_address_that_tries_many_names_waits_whatever_the_name(runtime: Runtime) -> None:
    await lin()
    async with browse(runtime) as client:
        for number in range(20):
            await client.post("/login", data={"login": f"name{number}", "password": "x"})
        assert (await try_password(client)).status_code == 429


async def test_behind_our_own_proxy_one_who_guesses_locks_nobody_else_out(runtime: Runtime) -> None:
    await lin()
    async with browse(runtime) as client:
        for number in range(20):
            guess = {"login": f"name{number}", "password": "x"}
            await client.post("/login", data=guess, headers={"x-forwarded-for": "10.0.0.1, 192.0.2.7"})
        assert (await try_password(client)).status_code == 303


async def test_what_a_stranger_says_of_his_address_counts_for_nothing(runtime: Runtime) -> None:
    async with browse(runtime, client="192.0.2.7") as stranger:
        for number in range(21):
            guess = {"login": f"name{number}", "password": "x"}
            answer = await stranger.post("/login", data=guess, headers={"x-forwarded-for": f"10.0.0.{number}"})
        assert answer.status_code == 429


async def test_with_a_second_step_the_password_alone_opens_nothing(runtime: Runtime) -> None:
    await lin(totp_secret=SECRET)
    async with browse(runtime) as client:
        second = await try_password(client)
        assert COOKIE not in client.cookies
        [half] = re.findall(r'name="half" value="([^"]+)"', second.text)
        wrong = await client.post("/login", data={"half": half, "code": "000000"})
        assert wrong.status_code == 403
        code = pyotp.TOTP(SECRET).now()
        assert (await client.post("/login", data={"half": half + "x", "code": code})).status_code == 403
        assert (await client.post("/login", data={"half": half, "code": code})).status_code == 303
        assert (await client.get("/me")).status_code == 200


async def test_a_code_that_was_taken_is_taken_no_second_time(runtime: Runtime) -> None:
    await lin(totp_secret=SECRET)
    code = pyotp.TOTP(SECRET).now()
    answers = []
    for _ in range(2):
        async with browse(runtime) as client:
            [half] = re.findall(r'name="half" value="([^"]+)"', (await try_password(client)).text)
            answers.append((await client.post("/login", data={"half": half, "code": code})).status_code)
    assert answers == [303, 403]


async def test_a_one_time_password_must_be_changed_before_anything_else(runtime: Runtime) -> None:
    await lin()
    await StaffAccount.all().update(one_time=True)
    async with browse(runtime) as client:
        await try_password(client)
        assert (await client.get("/members")).headers["location"] == "/me"
        page = (await client.get("/me")).text
        assert "一次性密码" in page
        assert 'name="old"' not in page  # it was typed a moment ago
        key = re.findall(r'name="form_key" value="([^"]+)"', page)[0]
        same = {"form_key": key, "new": PASSWORD, "again": PASSWORD}
        assert (await client.post("/me/password", data=same)).status_code == 422
        chosen = {"form_key": key, "new": "another-good-one", "again": "another-good-one"}
        assert (await client.post("/me/password", data=chosen)).headers["location"] == "/?done=password"
        assert "密码改好了" in (await client.get("/?done=password")).text


async def test_the_first_log_in_goes_on_in_the_language_of_its_page(runtime: Runtime) -> None:
    await lin()
    await StaffAccount.all().update(one_time=True)
    async with browse(runtime) as client:
        client.headers["accept-language"] = "en"
        await try_password(client)
        assert "one-time password" in (await client.get("/me")).text
    await StaffAccount.all().update(one_time=False)
    async with browse(runtime) as client:
        client.headers["accept-language"] = "zh"
        await try_password(client)
        assert (await StaffAccount.get()).language == "en"  # what was chosen stays


async def change_own(client: httpx.AsyncClient, old: str, new: str, again: str = "") -> httpx.Response:
    return await client.post("/me/password", data={"old": old, "new": new, "again": again or new})


async def test_a_changed_password_logs_every_other_browser_out(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.AGENT, login="wang", name="王", password=await keep_password(PASSWORD)) as client:
        other = await logged_in((await StaffAccount.get(login="wang")).id)
        assert (await change_own(client, "wrong", "another-good-one")).status_code == 422
        assert (await change_own(client, PASSWORD, "short")).status_code == 422
        assert (await change_own(client, PASSWORD, "wang-wang-wang")).status_code == 422
        assert (await change_own(client, PASSWORD, "1234567890")).status_code == 422
        assert (await change_own(client, PASSWORD, "Password123")).status_code == 422
        assert (await change_own(client, PASSWORD, "another-good-one", "another-bad-one")).status_code == 422
        assert (await change_own(client, PASSWORD, "another-good-one")).status_code == 303
        assert (await client.get("/me")).status_code == 200
        client.cookies.clear()
        client.cookies.set(COOKIE, other)
        assert (await client.get("/me")).status_code == 303


async def test_the_second_step_is_set_up_from_the_page(runtime: Runtime) -> None:
    async with as_staff(runtime, password=await keep_password(PASSWORD)) as client:
        shown = await client.post("/me/totp")
        [setting_up] = re.findall(r'name="setting_up" value="([^"]+)"', shown.text)
        [secret] = re.findall(r'<code class="cmd">([A-Z2-7 ]+)</code>', shown.text)
        assert "<svg" in shown.text
        assert (await client.post("/me/totp/on", data={"setting_up": setting_up, "code": "000000"})).status_code == 422
        code = pyotp.TOTP(secret.replace(" ", "")).now()
        done = await client.post("/me/totp/on", data={"setting_up": setting_up, "code": code})
        assert done.status_code == 303
        client.headers.pop("x-form-key")
        [key] = set(re.findall(r'name="form_key" value="([^"]+)"', (await client.get("/me")).text))
        assert (await client.post("/me/totp/off", data={"form_key": key, "old": "wrong"})).status_code == 422
        assert (await client.post("/me/totp/off", data={"form_key": key, "old": PASSWORD})).status_code == 303
    assert not (await StaffAccount.get()).totp_secret


async def test_who_logs_out_is_out(runtime: Runtime) -> None:
    async with as_staff(runtime) as client:
        token = client.cookies[COOKIE]
        assert (await client.post("/logout")).headers["location"] == "/login"
        client.cookies.clear()
        client.cookies.set(COOKIE, token)
        assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize("past", [{"seen_at": timedelta(hours=13)}, {"made_at": timedelta(days=8)}])
async def test_a_session_ends_by_itself(runtime: Runtime, past: dict[str, timedelta]) -> None:
    async with as_staff(runtime) as client:
        await StaffSession.all().update(**{name: datetime.now(UTC) - ago for name, ago in past.items()})
        assert (await client.get("/")).status_code == 303


async def test_a_form_from_elsewhere_changes_nothing(runtime: Runtime) -> None:
    async with as_staff(runtime, login="wang", password=await keep_password(PASSWORD)) as client:
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {"x-form-key": "guessed"}):
            answer = await client.post("/logout", headers=headers)
            assert answer.status_code == 403, headers
        del client.headers["x-form-key"]
        assert (await client.post("/logout")).status_code == 403
        assert (await client.get("/")).status_code == 200
    async with browse(runtime) as stranger:
        data = {"login": "wang", "password": PASSWORD}
        assert (await stranger.post("/login", data=data, headers={"sec-fetch-site": "cross-site"})).status_code == 403


async def test_a_form_without_measure_is_refused_unread(runtime: Runtime) -> None:
    async def endless():  # type: ignore[no-untyped-def]
        yield b"login=a"

    async with browse(runtime) as client:
        assert (await client.post("/login", content=endless())).status_code == 411
        assert (await client.post("/login", content=b"a=" + b"x" * 1_000_001)).status_code == 413


async def test_a_demo_is_entered_without_a_password_and_nothing_else_is(runtime: Runtime) -> None:
    assert await first_admin(datetime.now(UTC), one_time=False)
    async with browse(runtime) as client:
        assert (await client.get(demo_path(runtime))).status_code == 404
        await marks.write_mark(DEMO_MARK, "1")
        assert (await client.get("/login/demo?key=guess")).status_code == 404
        assert (await client.get(demo_path(runtime))).status_code == 303
        assert (await client.get("/members")).status_code == 200


async def test_only_a_database_without_staff_gets_an_administrator(runtime: Runtime) -> None:
    password = await first_admin(datetime.now(UTC))
    assert password
    assert await first_admin(datetime.now(UTC)) is None
    async with browse(runtime) as client:
        await client.post("/login", data={"login": "admin", "password": password})
        assert (await client.get("/")).headers["location"] == "/me"


async def test_the_first_page_says_where_the_first_password_is_until_it_was_changed(runtime: Runtime) -> None:
    where = "huifang staff reset admin"
    async with browse(runtime) as client:
        assert where not in (await client.get("/login")).text
        assert await first_admin(datetime.now(UTC))
        assert where in (await client.get("/login")).text
        wrong = await client.post("/login", data={"login": "admin", "password": "x"})
        assert where in wrong.text
        await StaffAccount.filter(login="admin").update(one_time=False)
        assert where not in (await client.get("/login")).text
        await StaffAccount.filter(login="admin").update(one_time=True)
        await lin()
        assert where not in (await client.get("/login")).text

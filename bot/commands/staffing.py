"""huifang staff: accounts made and let in again from the machine itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.settings import Settings
from bot.web.passwords import keep_password, make_password
from bot.wording import role_words
from campaigns import audit, staff
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Role

_HERE = "命令行"


async def add(settings: Settings, login: str, name: str, role: Role, department: str) -> dict[str, Any]:
    password, now = make_password(), datetime.now(UTC)
    async with open_database(settings):
        made = await staff.add_staff(
            login=staff.check_login(login),
            name=name,
            role=role,
            department=department,
            password=await keep_password(password),
            now=now,
        )
        await audit.record_audit(
            Action.STAFF_ADDED, at=now, who=_HERE, subject=f"staff/{made.login}", detail={"role": made.role}
        )
    return {"login": made.login, "name": made.name, "role": made.role, "one_time_password": password}


async def everybody(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [
            {
                "login": one.login,
                "name": one.name,
                "role": one.role,
                "department": one.department,
                "active": one.active,
                "second_step": one.has_totp,
            }
            for one in await staff.list_staff()
        ]


async def reset(settings: Settings, login: str) -> dict[str, Any]:
    """Raises InputError where nobody who may log in has it."""
    password, now = make_password(), datetime.now(UTC)
    async with open_database(settings):
        proof = await staff.find_proof(login)
        if proof is None:
            raise InputError(f"没有能登录的账号 {login}，看 huifang staff list (no such log-in)")
        await staff.set_password(proof.staff_id, await keep_password(password), one_time=True)
        await staff.set_totp(proof.staff_id, "")
        detail = {"what": "one-time password"}
        await audit.record_audit(Action.PROOF_CHANGED, at=now, who=_HERE, subject=f"staff/{login}", detail=detail)
    return {"login": login, "one_time_password": password}


def password_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"账号 {found['login']}，一次性密码 {found['one_time_password']}，登录后要换 (one-time password)"]


def staff_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [
        [one["login"], one["name"], role_words(one["role"])[0], one["department"], one["active"], one["second_step"]]
        for one in found
    ]
    return [table(("账号", "姓名", "角色", "部门", "可以登录", "两步验证"), rows)]

"""huifang api, huifang webhook: keys for programs, and addresses that are told what happened."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.outgoing.delivering import try_address
from bot.outgoing.signing import secret_of
from bot.runtime import read_secret
from bot.settings import Settings
from bot.tokens import Tokens
from bot.wording import hook_kind_words, right_words
from campaigns import api_tokens, audit, staff, webhooks
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right

_HERE = "命令行"
_RIGHTS = {"read": Right.SEE, "write": Right.IMPORT, "events": Right.EVENTS}


async def add_token(
    settings: Settings, name: str, scopes: Sequence[str], *, addresses: bool, department: str, most: int
) -> dict[str, Any]:
    rights = [_RIGHTS[scope] for scope in scopes] + ([Right.ADDRESSES] if addresses else [])
    now = datetime.now(UTC)
    async with open_database(settings):
        await _check_department(department)
        secret, made = await api_tokens.make_token(
            name, rights, by=_HERE, now=now, department=department, per_minute=most
        )
        detail = {"rights": sorted(made.rights)}
        await audit.record_audit(Action.KEY_MADE, at=now, who=_HERE, subject=f"token/{made.name}", detail=detail)
    return {"name": made.name, "rights": sorted(made.rights), "secret": secret}


async def _check_department(name: str) -> None:
    """A token of one that nobody belongs to would read nothing, and nobody would know why."""
    known = sorted({one.department for one in await staff.list_staff() if one.department})
    if name and name not in known:
        has = f"有：{'、'.join(known)}" if known else "还没有部门，加员工时写：huifang staff add --department"
        raise InputError(f"没有叫{name[:40]}的部门，{has} (no such department)")


async def list_tokens(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [
            {
                "name": one.name,
                "hint": one.hint,
                "rights": sorted(one.rights),
                "department": one.department,
                "per_minute": one.per_minute,
                "used_at": one.used_at,
                "revoked_at": one.revoked_at,
            }
            for one in await api_tokens.list_tokens()
        ]


async def revoke_token(settings: Settings, name: str) -> dict[str, Any]:
    """Raises InputError where there is none of that name."""
    now = datetime.now(UTC)
    async with open_database(settings):
        found = await api_tokens.revoke_named(name, now)
        if found is None:
            raise InputError(f"没有叫 {name} 的令牌，看 huifang api token list (no such token)")
        await audit.record_audit(Action.KEY_REVOKED, at=now, who=_HERE, subject=f"token/{found.name}")
    return {"name": found.name, "revoked_at": found.revoked_at}


async def add_webhook(settings: Settings, url: str, kinds: Sequence[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    async with open_database(settings):
        made = await webhooks.add_webhook(url, kinds, by=_HERE, now=now)
        detail = {"what": "new", "kinds": sorted(made.kinds)}
        subject = f"webhook/{made.host}"
        await audit.record_audit(Action.WEBHOOK_CHANGED, at=now, who=_HERE, subject=subject, detail=detail)
    secret = secret_of(Tokens(read_secret(settings)), made.id, made.generation)
    return {"id": made.id, "name": made.url, "kinds": sorted(made.kinds), "secret": secret}


async def list_webhooks(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        counts = await webhooks.count_deliveries()
        return [
            {
                "id": one.id,
                "url": one.url,
                "kinds": sorted(one.kinds),
                "state": one.state,
                "note": one.note,
                "failing_since": one.failing_since,
                **{state: counts.get((one.id, state), 0) for state in ("due", "sent", "failed")},
            }
            for one in await webhooks.list_webhooks()
        ]


async def test_webhook(settings: Settings, number: int) -> dict[str, Any]:
    """Raises InputError where there is none of that number."""
    async with open_database(settings):
        hook = await webhooks.find_webhook(number)
        if hook is None:
            raise InputError(f"没有编号是 {number} 的通知地址，看 huifang webhook list (no such webhook)")
        answer = await try_address(settings, Tokens(read_secret(settings)), hook)
    return {"id": hook.id, "url": hook.url, "taken": answer.taken, "status": answer.status, "problem": answer.problem}


def secret_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['name']} 的密钥，只出现这一次 (shown once)：{found['secret']}"]


def token_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [
        [
            one["name"], f"…{one['hint']}", "、".join(right_words(right) for right in one["rights"]), one["department"],
            one["per_minute"], one["used_at"], one["revoked_at"],
        ]
        for one in found
    ]  # fmt: skip
    return [table(("名字", "末尾", "可以", "部门", "每分钟", "最近用过", "作废"), rows)]


def webhook_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [
        [
            one["id"], one["url"], "、".join(hook_kind_words(kind) for kind in one["kinds"]), one["state"], one["due"],
            one["sent"], one["failed"], one["note"],
        ]
        for one in found
    ]  # fmt: skip
    return [table(("编号", "地址", "通知什么", "状态", "等着发", "发到了", "没发到", "说明"), rows)]


def test_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['url']}：{'收到了' if found['taken'] else found['problem']} ({found['status'] or '—'})"]

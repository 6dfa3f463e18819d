"""Keys for programs: made once, shown once, kept as a digest, revoked for good."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from campaigns.errors import InputError
from campaigns.models import ApiToken
from campaigns.rights import Right

GIVEN = frozenset({Right.SEE, Right.ADDRESSES, Right.EXPORT, Right.PLAN, Right.IMPORT, Right.EVENTS})
"""What a program may be given; a token with SETTINGS or STAFF would make more of itself."""
WRITING = frozenset({Right.IMPORT, Right.EVENTS})
LONGEST_NAME = 64
PER_MINUTE, MOST_PER_MINUTE = 600, 60_000
"""Requests: as many as a token may make where nothing else is said, and the most that can be said."""
_PREFIX = "hf_"
_LARGEST = 2**31 - 1  # a number of the database
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Token:
    """`hint`: its last letters. `department`: whose members it reads, empty for everybody's.

    A revoked one is good for nothing and kept to be read.
    """

    id: int
    name: str
    hint: str
    rights: frozenset[Right]
    department: str
    per_minute: int
    by: str
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def may(self, right: Right) -> bool:
        return right in self.rights


async def make_token(
    name: str, rights: Collection[Right], *, by: str, now: datetime, department: str = "", per_minute: int = PER_MINUTE
) -> tuple[str, Token]:
    """The secret, which nobody can read again, and what is kept of it.

    Raises InputError for a name, no rights, or one that writes while it is bound to a department.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InputError(f"名字写1到{LONGEST_NAME}个字 (a name of 1 to {LONGEST_NAME} characters)")
    given = sorted(right for right in rights if right in GIVEN)
    if not given:
        raise InputError("至少给一项权限 (at least one right)")
    if department and not WRITING.isdisjoint(given):
        raise InputError("只看一个部门的令牌不能写 (a token of one department only reads)")
    if not 0 < per_minute <= MOST_PER_MINUTE:
        raise InputError(f"每分钟1到{MOST_PER_MINUTE}次 (1 to {MOST_PER_MINUTE} a minute)")
    secret = _PREFIX + secrets.token_urlsafe(32)
    try:
        row = await ApiToken.create(
            name=name,
            digest=_digest(secret),
            hint=secret[-4:],
            rights=given,
            by=by[:64],
            made_at=now,
            department=department[:64] or None,
            per_minute=per_minute,
        )
    except IntegrityError:
        raise InputError(f"已经有一个叫{name}的令牌，换个名字 (this name is taken)") from None
    return secret, _token(row)


async def find(secret: str, now: datetime) -> Token | None:
    """The token a program shows, and a note that it was used; None where it is unknown or revoked."""
    if not secret.startswith(_PREFIX) or len(secret) > 128:
        return None
    row = await ApiToken.get_or_none(digest=_digest(secret), revoked_at=None)
    if row is None:
        return None
    stale = Q(used_at=None) | Q(used_at__lt=now - _SEEN_EVERY)
    await ApiToken.filter(stale, id=row.id).update(used_at=now)
    return _token(row)


async def list_tokens() -> list[Token]:
    """Newest first."""
    return [_token(row) for row in await ApiToken.all().order_by("-id")]


async def revoke_named(name: str, now: datetime) -> Token | None:
    row = await ApiToken.get_or_none(name=" ".join(name.split()))
    return await revoke_token(row.id, now) if row else None


async def revoke_token(token_id: int, now: datetime) -> Token | None:
    """At once and for good; the first time stands. None where there is no such token."""
    if token_id > _LARGEST:
        return None
    await ApiToken.filter(id=token_id, revoked_at=None).update(revoked_at=now)
    row = await ApiToken.get_or_none(id=token_id)
    return _token(row) if row else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: ApiToken) -> Token:
    rights = frozenset(Right(one) for one in row.rights if one in list(Right)) & GIVEN
    return Token(
        row.id, row.name, row.hint, rights, row.department or "", row.per_minute or PER_MINUTE, row.by, row.made_at,
        row.used_at, row.revoked_at,
    )  # fmt: skip

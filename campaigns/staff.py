"""Staff: who they are, whose members they see, where they are logged in. What a password is, is not its business."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.expressions import F

from campaigns.errors import InputError, StateError
from campaigns.models import StaffAccount, StaffSession
from campaigns.rights import SCOPES, Right, Role, Scope, rights_of

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_LARGEST = 2**31 - 1  # a number of the database
_SEEN_EVERY = timedelta(minutes=1)
_FREE_TRIES = 4
_FIRST_LOCK = timedelta(seconds=30)
_LONGEST_LOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """`owners`: the names in members' owner column whose members this person sees; None sees all."""

    id: int
    login: str
    name: str
    role: Role
    department: str
    rights: frozenset[Right]
    owners: frozenset[str] | None
    language: str
    one_time: bool
    has_totp: bool
    active: bool

    def may(self, right: Right) -> bool:
        return right in self.rights

    def sees_owner(self, owner: str) -> bool:
        return self.owners is None or owner in self.owners


@dataclass(frozen=True, slots=True)
class Proof:
    """What a log-in is held against."""

    staff_id: int
    password: str
    totp_secret: str
    totp_step: int
    locked_until: datetime | None


def check_login(text: str) -> str:
    """Raises InputError for what cannot be typed on every keyboard."""
    login = text.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise InputError("账号用2到64个小写字母、数字、点、横线 (2 to 64 of a-z 0-9 . _ -)")
    return login


async def add_staff(
    *, login: str, name: str, role: Role, password: str, now: datetime, department: str = "", one_time: bool = True
) -> StaffMember:
    """`password` as argon2 wrote it. Raises InputError where the log-in or the name is another's."""
    if await StaffAccount.filter(login=login).exists():
        raise InputError(f"账号 {login} 已经有人用 (this log-in is taken)")
    if await StaffAccount.filter(name=name).exists():
        raise InputError(f"已经有一个叫{name}的员工，名字要和会员的负责人一栏对得上 (this name is taken)")
    row = await StaffAccount.create(
        login=login, name=name, role=role, department=department, password=password, one_time=one_time, made_at=now
    )
    return await _staff_member(row)


async def count_staff() -> int:
    return await StaffAccount.all().count()


async def list_staff() -> list[StaffMember]:
    return [await _staff_member(row) for row in await StaffAccount.all().order_by("-active", "department", "login")]


async def names_of_department(department: str) -> frozenset[str]:
    """Its people, those who may not log in any more too, and its own name: whose members are the department's."""
    names = await StaffAccount.filter(department=department).values_list("name", flat=True) if department else []
    return frozenset({department, *map(str, names)})


async def find_staff(staff_id: int) -> StaffMember | None:
    if staff_id > _LARGEST:
        return None
    row = await StaffAccount.get_or_none(id=staff_id)
    return await _staff_member(row) if row else None


async def change_staff(
    staff_id: int, *, role: Role, department: str, grants: frozenset[Right], active: bool
) -> StaffMember:
    """New rights count from the next log-in: every session ends. Raises StateError for the last admin who could."""
    row = await StaffAccount.get(id=staff_id)
    is_admin = row.role == Role.ADMIN and row.active
    others = StaffAccount.filter(role=Role.ADMIN, active=True).exclude(id=staff_id)
    if is_admin and not (role is Role.ADMIN and active) and not await others.exists():
        raise StateError("这是最后一个管理员，先让别人当管理员 (the last admin)")
    changed = {"role": role, "department": department, "grants": sorted(grants), "active": active}
    if any(getattr(row, name) != value for name, value in changed.items()):
        await StaffAccount.filter(id=staff_id).update(**changed)
        await end_sessions(staff_id)
    return await _staff_member(await StaffAccount.get(id=staff_id))


# ---- proofs ---------------------------------------------------------------------------------------------------------


async def find_proof(login: str) -> Proof | None:
    """None for a log-in that nobody has, or somebody who may not log in any more."""
    row = await StaffAccount.get_or_none(login=login, active=True)
    return Proof(row.id, row.password, row.totp_secret, row.totp_step, row.locked_until) if row else None


async def proof_of(staff_id: int) -> Proof:
    row = await StaffAccount.get(id=staff_id)
    return Proof(row.id, row.password, row.totp_secret, row.totp_step, row.locked_until)


async def note_failure(staff_id: int, now: datetime) -> datetime | None:
    """Count a wrong password or code. Returns until when no other is looked at; the wait doubles up to an hour."""
    await StaffAccount.filter(id=staff_id).update(failures=F("failures") + 1)
    failures = (await StaffAccount.get(id=staff_id)).failures
    if failures <= _FREE_TRIES:
        return None
    until: datetime = now + min(_FIRST_LOCK * 2 ** min(failures - _FREE_TRIES - 1, 10), _LONGEST_LOCK)
    await StaffAccount.filter(id=staff_id).update(locked_until=until)
    return until


async def forget_failures(staff_id: int) -> None:
    await StaffAccount.filter(id=staff_id).update(failures=0, locked_until=None)


async def take_totp_step(staff_id: int, step: int) -> bool:
    """Whether this code is newer than any taken before; of two at once one is."""
    return bool(await StaffAccount.filter(id=staff_id, totp_step__lt=step).update(totp_step=step))


async def set_password(staff_id: int, password: str, *, one_time: bool = False) -> None:
    """Every browser that is logged in is logged out."""
    await StaffAccount.filter(id=staff_id).update(password=password, one_time=one_time, failures=0, locked_until=None)
    await end_sessions(staff_id)


async def set_totp(staff_id: int, secret: str) -> None:
    """An empty secret turns it off. Every browser that is logged in is logged out."""
    await StaffAccount.filter(id=staff_id).update(totp_secret=secret, totp_step=0)
    await end_sessions(staff_id)


async def set_language(staff_id: int, language: str) -> None:
    await StaffAccount.filter(id=staff_id).update(language=language)


# ---- sessions -------------------------------------------------------------------------------------------------------


async def open_session(staff_id: int, digest: str, now: datetime, browser: str = "") -> None:
    """`now` by the wall: a virtual clock that jumps a week must log nobody out."""
    await StaffSession.filter(made_at__lt=now - LONGEST).delete()
    await StaffSession.create(digest=digest, staff_id=staff_id, made_at=now, seen_at=now, browser=browser[:128])


async def read_session(digest: str, now: datetime) -> StaffMember | None:
    """Who is logged in there; None after 12 idle hours, 7 days, a log-out, or a change of password or role."""
    session = await StaffSession.get_or_none(digest=digest)
    if session is None or now - session.seen_at > IDLE or now - session.made_at > LONGEST:
        return None
    row = await StaffAccount.get_or_none(id=session.staff_id, active=True)
    if row is None:
        return None
    if now - session.seen_at > _SEEN_EVERY:
        await StaffSession.filter(digest=digest).update(seen_at=now)
    return await _staff_member(row)


async def end_session(digest: str) -> None:
    await StaffSession.filter(digest=digest).delete()


async def end_sessions(staff_id: int) -> None:
    await StaffSession.filter(staff_id=staff_id).delete()


async def _staff_member(row: StaffAccount) -> StaffMember:
    role = Role(row.role)
    return StaffMember(
        id=row.id,
        login=row.login,
        name=row.name,
        role=role,
        department=row.department,
        rights=rights_of(role, frozenset(right for right in Right if right in row.grants)),
        owners=await _owners(row) if SCOPES[role] is Scope.DEPARTMENT else None,
        language=row.language,
        one_time=row.one_time,
        has_totp=bool(row.totp_secret),
        active=row.active,
    )


async def owners_of(department: str) -> frozenset[str]:
    """Whose members are the department's: its people's, and those that are given to itself."""
    names = await StaffAccount.filter(department=department).values_list("name", flat=True)
    return frozenset({department, *map(str, names)})


async def _owners(row: StaffAccount) -> frozenset[str]:
    if not row.department:
        return frozenset({row.name})
    return await owners_of(row.department) | {row.name}

"""The fields of each kind of table and how a cell of each is read: its value, or what is wrong with it."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from campaigns.cells import (
    clean_text,
    fold,
    is_nothing,
    parse_count,
    parse_day,
    parse_email,
    parse_flag,
    parse_key,
    parse_mobile,
    parse_moment,
    parse_words,
    parse_yes,
)
from campaigns.columns import TableKind
from campaigns.rows import Fault, Read
from campaigns.terms import ContactRole


class PostingState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    OFFLINE = "offline"


class Audit(StrEnum):
    """Whether the site's own people have let a posting through; the numbers are 74cms'."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


def _text(width: int) -> Read:
    def read(cell: str) -> str | Fault:
        text = clean_text(cell)
        return text if len(text) <= width else Fault(f"太长,只保留前 {width} 个字", text[:width])

    return read


def _needed_text(width: int) -> Read:
    text = _text(width)
    return lambda cell: text(cell) or Fault("没有填写", fatal=True)


def _key(cell: str) -> str | Fault:
    return parse_key(cell) or Fault("不是可用的编号" if clean_text(cell) else "没有编号", fatal=True)


def _other_key(cell: str) -> str:
    return parse_key(cell) or ""


def _moment(cell: str) -> datetime | Fault | None:
    try:
        return parse_moment(cell)
    except ValueError:
        return None if is_nothing(cell) else Fault("不是可能的日期", fatal=True)


def _needed_moment(cell: str) -> datetime | Fault:
    return _moment(cell) or Fault("没有时间", fatal=True)


def _day(cell: str) -> date | Fault | None:
    try:
        return parse_day(cell)
    except ValueError:
        return None if is_nothing(cell) else Fault("不是可能的日期", fatal=True)


def _count(instead: int | None = None) -> Read:
    def read(cell: str) -> int | Fault | None:
        try:
            return parse_count(cell)
        except ValueError:
            return instead if is_nothing(cell) else Fault("不是整数,没有导入", instead)

    return read


def _yuan(cell: str) -> int | Fault | None:
    """Whole yuan; an amount may carry its sign, its commas and its fen."""
    text = fold(cell).strip("¥￥元 ")
    try:
        return parse_count(re.sub(r"\.\d{1,2}$", "", text))
    except ValueError:
        return None if is_nothing(cell) else Fault("不是金额,没有导入")


def _mobile(cell: str) -> str | Fault | None:
    return parse_mobile(cell) or _no_address(cell, "手机号")


def _email(cell: str) -> str | Fault | None:
    return parse_email(cell) or _no_address(cell, "邮箱")


def _openid(cell: str) -> str | Fault | None:
    text = clean_text(cell)
    return text if 0 < len(text) <= 64 else _no_address(cell, "微信 openid")


def _no_address(cell: str, what: str) -> Fault | None:
    return Fault(f"不是有效的{what},没有导入") if clean_text(cell) else None


def _permission(instead: bool | None = None) -> Read:
    """`instead`: what no record at all counts as."""

    def read(cell: str) -> bool | Fault | None:
        answer = parse_yes(cell)
        if answer is None:
            return instead if is_nothing(cell) else Fault("只有“是”算同意,这一格不算", instead)
        return answer

    return read


def _state(cell: str) -> PostingState | Fault:
    """A word we do not know is never live."""
    found = _STATES.get(fold(cell).lower())
    return found or Fault("不认识的状态,按已下线处理", PostingState.OFFLINE)


def _told_flag(cell: str) -> bool | None:
    return None if is_nothing(cell) else parse_flag(cell)


def _length(cell: str) -> int:
    """Of the words of a text: they say little themselves, and are nobody's to keep."""
    return len(clean_text(cell))


def _audit(cell: str) -> Audit | Fault | None:
    if is_nothing(cell):
        return None
    return _AUDITS.get(fold(cell).lower()) or Fault("不认识的审核状态,没有导入")


def _role(cell: str) -> ContactRole | Fault | None:
    if is_nothing(cell):
        return None
    return _ROLES.get(fold(cell).lower()) or Fault("不认识的角色,没有导入")


def _influence(cell: str) -> int | Fault | None:
    if is_nothing(cell):
        return None
    return _INFLUENCES.get(fold(cell).lower().removesuffix(".0")) or Fault("影响力是1到3,没有导入")


def _interests(cell: str) -> str | Fault | None:
    return None if is_nothing(cell) else _text(255)("、".join(parse_words(cell))) or None


_ROLE_WORDS: Mapping[ContactRole, str] = {
    ContactRole.DECIDES: "拍板人 拍板 决策人 决策者 决定人 decides decider decisionmaker",
    ContactRole.PAYS: "付款人 付款 财务 采购 pays payer buyer",
    ContactRole.ADVISES: "参谋 影响人 影响者 建议人 advises adviser influencer",
    ContactRole.USES: "使用人 使用者 用户 经办人 uses user",
    ContactRole.GATEKEEPER: "把关人 守门人 前台 gatekeeper",
}
_ROLES = {word: role for role, words in _ROLE_WORDS.items() for word in words.split()}
_INFLUENCES = {word: grade for grade, words in enumerate(("1 低 小", "2 中", "3 高 大"), 1) for word in words.split()}

_AUDIT_WORDS: Mapping[Audit, str] = {
    Audit.PENDING: "待审核 审核中 未审核 pending 0",
    Audit.PASSED: "已审核 审核通过 通过 passed approved 1",
    Audit.FAILED: "未通过 审核不通过 审核未通过 不通过 failed refused 2",
}
_AUDITS = {word: audit for audit, words in _AUDIT_WORDS.items() for word in words.split()}

_STATE_WORDS: Mapping[PostingState, str] = {
    PostingState.LIVE: "发布中 招聘中 在招 上架 有效 live active published open online",
    PostingState.EXPIRED: "已过期 过期 expired",
    PostingState.OFFLINE: "已下线 下线 已下架 下架 已关闭 关闭 已暂停 暂停 停止招聘 offline closed paused inactive",
}
_STATES = {word: state for state, words in _STATE_WORDS.items() for word in words.split()}

ABSENT: Mapping[str, Any] = {"state": PostingState.LIVE}
"""What a field has in a file without its column, where that is not what an empty cell says."""

FIELDS: Mapping[TableKind, Mapping[str, Read]] = {
    TableKind.MEMBERS: {
        "no": _key,
        "name": _needed_text(255),
        "trade": _text(64),
        "nature": _text(64),
        "size": _text(64),
        "city": _text(64),
        "registered_at": _moment,
        "last_login_at": _moment,
        "login_count": _count(0),
        "plan": _text(64),
        "plan_expires_on": _day,
        "paid_12m": _yuan,
        "owner": _text(64),
    },
    TableKind.CONTACTS: {
        "no": _key,
        "member_no": _key,
        "name": _text(128),
        "title": _text(128),
        "mobile": _mobile,
        "email": _email,
        "openid": _openid,
        "qq": _text(32),
        "is_primary": parse_flag,
        "parent_no": _other_key,
        "consent": _permission(),  # None: nothing recorded, which is no consent
        "consent_at": _moment,
        "consent_source": _text(128),
        "role": _role,
        "influence": _influence,
        "interests": _interests,
    },
    TableKind.POSTINGS: {
        "no": _key,
        "member_no": _key,
        "title": _text(255),
        "category": _text(128),
        "city": _text(64),
        "pay_min": _count(),
        "pay_max": _count(),
        "heads": _count(),
        "hours": _text(128),
        "contact_name": _text(128),
        "contact_phone": _text(64),
        "published_at": _moment,
        "refreshed_at": _moment,
        "state": _state,
        "parent_category": _text(128),
        "negotiable": _told_flag,
        "duties_length": _length,
        "education": _text(64),
        "experience": _text(64),
        "deadline": _day,
        "audit": _audit,
        "views": _count(),
        "urgent": _told_flag,
    },
    TableKind.APPLICATIONS: {
        "no": _key,
        "posting_no": _key,
        "seeker_no": _other_key,
        "applied_at": _moment,
        "first_viewed_at": _moment,
        "outcome": _text(64),
    },
    TableKind.LOGINS: {
        "member_no": _key,
        "at": _needed_moment,
    },
    TableKind.SEEKERS: {
        "no": _key,
        "name": _text(128),
        "wanted_job": _text(128),
        "wanted_city": _text(64),
        "pay": _count(),
        "years": _count(),
        "registered_at": _moment,
        "video_url": _text(512),
        "recommend": _permission(False),
        "mobile": _mobile,
        "email": _email,
    },
}
"""The order is that of the table: of several faults that each refuse a row, the first is told."""

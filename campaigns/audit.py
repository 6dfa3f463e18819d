"""The audit log: who on the staff changed, sent, took away or looked at what. Append-only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from campaigns.models import AuditEntry
from campaigns.terms import SHANGHAI

PAGE = 50


class Action(StrEnum):
    LOGGED_IN = "logged_in"
    LOG_IN_FAILED = "log_in_failed"
    LOGGED_OUT = "logged_out"
    PROOF_CHANGED = "proof_changed"  # a password, or the second step
    STAFF_ADDED = "staff_added"
    STAFF_CHANGED = "staff_changed"
    MEMBER_SEEN = "member_seen"
    EXPORTED = "exported"
    FILE_WRITTEN = "file_written"
    MEMBERS_EXPORTED = "members_exported"
    MEMBERS_ASSIGNED = "members_assigned"
    SUPPRESSIONS_CHANGED = "suppressions_changed"
    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    SETTING_CHANGED = "setting_changed"
    CHANNEL_OPENED = "channel_opened"
    CHANNEL_TESTED = "channel_tested"
    SEGMENT_SAVED = "segment_saved"
    SEGMENT_DELETED = "segment_deleted"
    IMPORT_UPLOADED = "import_uploaded"
    IMPORT_STARTED = "import_started"
    IMPORT_DELETED = "import_deleted"
    REJECTS_TAKEN = "rejects_taken"
    WRITTEN_BY_HAND = "written_by_hand"
    CONVERSATION_CHANGED = "conversation_changed"  # taken, given, put off, closed, opened again
    INTENT_CORRECTED = "intent_corrected"
    CANNED_CHANGED = "canned_changed"
    KEYWORDS_CHANGED = "keywords_changed"
    CAMPAIGN_EDITED = "campaign_edited"
    CAMPAIGN_SUBMITTED = "campaign_submitted"
    CAMPAIGN_DECIDED = "campaign_decided"  # approved, refused, withdrawn
    CAMPAIGN_CHANGED = "campaign_changed"  # started, paused, resumed, cancelled
    CAMPAIGN_TESTED = "campaign_tested"
    OWNER_CHANGED = "owner_changed"
    CONTACT_LEFT = "contact_left"
    CONTACT_CHANGED = "contact_changed"  # added by hand, described, made the primary one
    MEMBER_CHANGED = "member_changed"  # a note, a pause, a stop, a stop taken back
    TIER_SET = "tier_set"  # by hand, and taken back
    TIER_ENDED = "tier_ended"  # by itself, on its last day
    TASK_CHANGED = "task_changed"
    VISIT_RECORDED = "visit_recorded"
    PROBLEM_CHANGED = "problem_changed"
    PROMISE_CHANGED = "promise_changed"
    PLAN_CHANGED = "plan_changed"
    NUMBERS_SEEN = "numbers_seen"
    SEEKERS_SEEN = "seekers_seen"
    SEEKER_INTRODUCED = "seeker_introduced"
    INTRODUCTION_CHANGED = "introduction_changed"  # asked, told, refused, withdrawn; a seeker's consent
    FAIR_CHANGED = "fair_changed"  # made, called off, held; an invitation, its answer, who came
    API_READ = "api_read"  # by a program
    API_WRITTEN = "api_written"
    WEBHOOK_CHANGED = "webhook_changed"  # made, rotated, paused, on again, stopped, sent again, deleted
    GIFTS_CHANGED = "gifts_changed"  # the store, a plan, a line of it, a taste
    TARGET_SET = "target_set"
    VISITS_CHANGED = "visits_changed"  # a visit moved, intensive care, an absence
    CLOCK_CHANGED = "clock_changed"  # the sandbox's: it jumps, or goes at real pace


@dataclass(frozen=True, slots=True)
class Entry:
    """`who` as it was called then; `subject`: `member/Q200001`, `campaign/unread_resumes`, `staff/lin`."""

    at: datetime
    who: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    came_from: str


async def record_audit(
    action: Action,
    *,
    at: datetime,
    staff_id: int | None = None,
    who: str = "",
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    came_from: str = "",
) -> None:
    """`detail` must hold no phone number, address, password or secret in full."""
    await AuditEntry.create(
        at=at,
        staff_id=staff_id,
        who=who[:64],
        action=action,
        subject=subject[:128],
        detail=dict(detail or {}),
        came_from=came_from[:64],
    )


async def read_audit(
    page: int = 1, *, who: str = "", action: str = "", subject: str = "", day: date | None = None, most: int = PAGE
) -> tuple[list[Entry], int]:
    """One page, newest first, and how many entries there are in all; `day` of Shanghai, `most` on a page."""
    asked = {"who": who, "action": action, "subject": subject}
    query = AuditEntry.filter(**{name: value for name, value in asked.items() if value})
    if day:
        query = query.filter(
            at__gte=datetime.combine(day, time(), SHANGHAI), at__lte=datetime.combine(day, time.max, SHANGHAI)
        )
    rows = await query.order_by("-id").offset((page - 1) * most).limit(most)
    return [_entry(row) for row in rows], await query.count()


async def last_of(action: Action, subject: str) -> Entry | None:
    """The newest of its kind about one thing."""
    row = await AuditEntry.filter(subject=subject, action=action).order_by("-at", "-id").first()
    return _entry(row) if row else None


def _entry(row: AuditEntry) -> Entry:
    return Entry(row.at, row.who, row.action, row.subject, row.detail, row.came_from)

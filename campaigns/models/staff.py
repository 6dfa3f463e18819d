"""The console: who may log in, and what they did. Only campaigns.staff and campaigns.audit write them."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class StaffAccount(Model):
    """员工: a person who may log in. Owned by campaigns.staff."""

    id = fields.IntField(primary_key=True)
    login = fields.CharField(64, unique=True)
    name = fields.CharField(64, unique=True)  # as in the owner column of members
    role = fields.CharField(16)
    department = fields.CharField(64, default="")
    grants: list[str] = fields.JSONField(default=list)
    password = fields.CharField(255)  # argon2's own text
    one_time = fields.BooleanField(default=True)  # the password is to be changed at the next log-in
    totp_secret = fields.CharField(64, default="")
    totp_step = fields.BigIntField(default=0)  # of the last code that was taken: none is taken twice
    language = fields.CharField(8, default="zh")
    active = fields.BooleanField(default=True)
    failures = fields.IntField(default=0)
    locked_until = fields.DatetimeField(null=True)
    made_at = fields.DatetimeField()

    class Meta:
        table = "staff"


class StaffSession(Model):
    """A browser that is logged in, its token only as a digest. Owned by campaigns.staff."""

    digest = fields.CharField(64, primary_key=True)
    staff_id = fields.IntField()
    made_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()
    browser = fields.CharField(128, default="")

    class Meta:
        table = "staff_sessions"
        indexes = (Index(fields=("staff_id",), name="staff_sessions_staff"),)


class AuditEntry(Model):
    """审计: something staff changed, sent, took away or looked at. Append-only, owned by campaigns.audit."""

    id = fields.BigIntField(primary_key=True)
    at: datetime = fields.DatetimeField()
    staff_id = fields.IntField(null=True)  # empty: nobody who is known, a failed log-in say
    who = fields.CharField(64, default="")
    action = fields.CharField(32)
    subject = fields.CharField(128, default="")
    detail: dict[str, Any] = fields.JSONField(default=dict)
    came_from = fields.CharField(64, default="")

    class Meta:
        table = "audit_entries"
        indexes = (
            Index(fields=("at",), name="audit_entries_at"),
            Index(fields=("subject", "at"), name="audit_entries_subject"),
        )

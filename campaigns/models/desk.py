"""What staff make at their desks: files they edit, segments, approvals, conversations, notes, imports.

Each table names the ledger that owns it; nobody else writes it.
"""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class FileEdit(Model):
    """A file of templates/ as somebody on the staff wrote it, the newest stands. Owned by campaigns.edits."""

    id = fields.IntField(primary_key=True)
    folder = fields.CharField(64)  # a campaign's key, auto_replies, or empty for policy.toml and its like
    file = fields.CharField(64)
    text = fields.TextField(null=True)  # empty: taken away
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()

    class Meta:
        table = "file_edits"
        indexes = (Index(fields=("folder", "file", "id"), name="file_edits_newest"),)


class SavedSegment(Model):
    """分群: a rule that was given a name. Owned by campaigns.saved_segments."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(64, unique=True)
    rule = fields.TextField()
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()  # of the last change

    class Meta:
        table = "saved_segments"


class SavedView(Model):
    """A list as one person likes to see it: its address and its name. Owned by campaigns.saved_views."""

    id = fields.IntField(primary_key=True)
    staff_id = fields.IntField()
    page = fields.CharField(32)
    name = fields.CharField(64)
    query = fields.CharField(1024)
    at = fields.DatetimeField()

    class Meta:
        table = "saved_views"
        unique_together = (("staff_id", "page", "name"),)


class Approval(Model):
    """送审: a campaign as it was when somebody asked to send it, and the answer. Owned by campaigns.approvals.

    verdict: empty while it waits, approved, refused, withdrawn.
    """

    id = fields.IntField(primary_key=True)
    campaign = fields.CharField(64)
    version_id = fields.IntField()  # of the content version that was submitted
    audience = fields.IntField(default=0)
    asked_by = fields.CharField(64)
    asked_at = fields.DatetimeField()
    decided_by = fields.CharField(64, default="")
    decided_at = fields.DatetimeField(null=True)
    verdict = fields.CharField(16, default="")
    reason = fields.CharField(255, default="")

    class Meta:
        table = "approvals"
        indexes = (
            Index(fields=("campaign", "id"), name="approvals_campaign"),
            Index(fields=("verdict", "asked_at"), name="approvals_verdict"),
        )


class Conversation(Model):
    """会话: one for each member who ever answered. Owned by campaigns.conversations.

    state: waiting (for a person's answer), answered, closed.
    """

    id = fields.IntField(primary_key=True)
    member_id = fields.IntField(unique=True)
    state = fields.CharField(16, default="waiting")
    assigned = fields.CharField(64, default="")  # the colleague who took it over
    taken_at = fields.DatetimeField(null=True)
    heard_at = fields.DatetimeField()  # of their last word
    answered_at = fields.DatetimeField(null=True)  # of a person's last word
    medium = fields.CharField(16)  # of their last word
    contact_id = fields.IntField(null=True)
    touch_id = fields.BigIntField(null=True)
    intent = fields.CharField(24, default="")
    follow_up_on = fields.DateField(null=True)
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "conversations"
        indexes = (
            Index(fields=("state", "heard_at"), name="conversations_state"),
            Index(fields=("assigned", "state"), name="conversations_assigned"),
            Index(fields=("heard_at", "id"), name="conversations_heard"),
        )


class Correction(Model):
    """A meaning that a person put right: a row of the keyword table's tests. Owned by campaigns.conversations."""

    id = fields.IntField(primary_key=True)
    touch_id = fields.BigIntField(unique=True)
    text = fields.TextField()
    was = fields.CharField(24)
    now = fields.CharField(24)
    by = fields.CharField(64)
    at = fields.DatetimeField()

    class Meta:
        table = "corrections"


class CannedAnswer(Model):
    """常用语: words staff say again and again, with variables. Owned by campaigns.conversations."""

    id = fields.IntField(primary_key=True)
    title = fields.CharField(64, unique=True)
    text = fields.TextField()
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()

    class Meta:
        table = "canned_answers"


class Note(Model):
    """备注: what a colleague wrote about a member, for colleagues. Owned by campaigns.remarks."""

    id = fields.IntField(primary_key=True)
    member_id = fields.IntField()
    text = fields.TextField()
    by = fields.CharField(64)
    at = fields.DatetimeField()

    class Meta:
        table = "notes"
        indexes = (Index(fields=("member_id", "at"), name="notes_member"),)


class ImportRun(Model):
    """导入: files somebody uploaded, how their columns are read, how far it is. Owned by campaigns.imports.

    state: uploaded, checking, checked, importing, done, failed.
    """

    id = fields.IntField(primary_key=True)
    state = fields.CharField(16, default="uploaded")
    folder = fields.CharField(255)  # where its files lie
    columns: dict[str, Any] = fields.JSONField(default=dict)  # file → our column → theirs
    progress: dict[str, Any] = fields.JSONField(default=dict)
    report: dict[str, Any] = fields.JSONField(default=dict)
    note = fields.CharField(255, default="")  # why it failed
    by = fields.CharField(64)
    at = fields.DatetimeField()
    seen_at = fields.DatetimeField(null=True)  # of its last sign of life while it works
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "imports"


class CustomField(Model):
    """自定义字段: a column of the export the site added, and where staff see it. Owned by campaigns.custom_fields."""

    name = fields.CharField(64, primary_key=True)
    label = fields.CharField(64, default="")
    kind = fields.CharField(16, default="text")  # text, number, date
    shown: list[str] = fields.JSONField(default=list)  # list, member, segment

    class Meta:
        table = "custom_fields"


class ApiToken(Model):
    """A key for a program, only as a digest. Owned by campaigns.api_tokens."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(64, unique=True)
    digest = fields.CharField(64, unique=True)
    hint = fields.CharField(8, default="")  # its last letters, to tell it from others
    rights: list[str] = fields.JSONField(default=list)
    department = fields.CharField(64, null=True)  # whose members it reads; empty: everybody's
    per_minute = fields.IntField(null=True)  # requests; empty: as many as any
    by = fields.CharField(64, default="")
    made_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_tokens"

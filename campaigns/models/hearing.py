"""What came of it: touches, events, tasks for people, and the words that tell them."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from campaigns.indexes import FilledIndex
from campaigns.models.people import Contact, Member
from campaigns.models.sending import Message


class Touch(Model):
    """客户接触: a contact that happened, in or out, append-only. Owned by campaigns.touches.

    No key ties it to members, contacts and messages (docs/decisions/0010).
    """

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "campaigns.Member", related_name="touches", db_constraint=False
    )
    member_id: int
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "campaigns.Contact", related_name="touches", null=True, db_constraint=False
    )
    contact_id: int | None
    at = fields.DatetimeField()
    direction = fields.CharField(4)
    kind = fields.CharField(16)
    medium = fields.CharField(16)  # a channel, or phone, web
    message_class = fields.CharField(16, default="")
    message: fields.ForeignKeyNullableRelation[Message] = fields.ForeignKeyField(
        "campaigns.Message", related_name="touches", null=True, db_constraint=False
    )
    message_id: int | None
    event_id = fields.BigIntField(null=True)
    text = fields.TextField(default="")  # inbound words; outbound words are rendered from the message
    intent = fields.CharField(24, default="")
    evidence = fields.CharField(128, default="")
    by = fields.CharField(64, db_default="", default="")  # the colleague who wrote or called

    class Meta:
        table = "touches"
        indexes = (
            Index(fields=("member_id", "at"), name="touches_member_at"),
            FilledIndex(fields=("message_id",), name="touches_heard", filled="direction", empty="out"),
            FilledIndex(fields=("kind", "at"), name="touches_heard_at", filled="direction", empty="out"),
        )


class LinkUse(Model):
    """A signed link that was used: the unique key makes the way back in single-use. Owned by campaigns.touches."""

    id = fields.BigIntField(primary_key=True)
    message: fields.ForeignKeyRelation[Message] = fields.ForeignKeyField("campaigns.Message", related_name="link_uses")
    message_id: int
    kind = fields.CharField(16)  # way_in, click, open
    at = fields.DatetimeField()
    count = fields.IntField(default=1)

    class Meta:
        table = "link_uses"
        unique_together = (("message", "kind"),)


class Event(Model):
    """What a provider told us, stored before it is acted on, once. Owned by campaigns.replies."""

    id = fields.BigIntField(primary_key=True)
    channel = fields.CharField(16)
    event_id = fields.CharField(160)
    kind = fields.CharField(16)
    received_at = fields.DatetimeField()
    payload: dict[str, object] = fields.JSONField()
    repeats = fields.IntField(default=0)
    outcome = fields.CharField(24, default="")  # empty: stored, not yet applied; waiting: its message is on the wire
    message_id = fields.BigIntField(null=True, db_index=True)  # the message it speaks of

    class Meta:
        table = "events"
        unique_together = (("channel", "event_id"),)
        indexes = (Index(fields=("outcome", "kind"), name="events_outcome"),)


class Visit(Model):
    """回访: a task for a person. Owned by campaigns.visits."""

    id = fields.IntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("campaigns.Member", related_name="visits")
    member_id: int
    contact_id = fields.IntField(null=True)
    category = fields.CharField(32)
    state = fields.CharField(16, default="open")  # open, done, missed (the calendar's, planned anew)
    opened_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    cause = fields.CharField(64, unique=True)  # "touch:17", "occurrence:3:member:9": opening twice adds nothing
    note = fields.TextField(default="")
    owner = fields.CharField(64, default="")
    outcome: dict[str, object] = fields.JSONField(null=True)
    closed_at = fields.DatetimeField(null=True)
    closed_by = fields.CharField(64, db_default="", default="")

    class Meta:
        table = "visits"
        indexes = (
            Index(fields=("state", "due_at"), name="visits_due"),
            Index(fields=("state", "closed_at", "id"), name="visits_closed"),
            Index(fields=("member_id",), name="visits_member"),
        )


class Notice(Model):
    """A word to the person who has a task: the customer answered, take over. Owned by campaigns.notices.

    state: due, sending, sent, failed, unknown (it may have been read), late, nobody (no such person in staff.toml).
    """

    id = fields.IntField(primary_key=True)
    visit_id = fields.IntField(unique=True)
    member_id = fields.IntField()
    state = fields.CharField(16, default="due")
    userid = fields.CharField(64, default="")
    code = fields.CharField(64, default="")
    attempts = fields.SmallIntField(default=0)
    made_at = fields.DatetimeField()
    not_before = fields.DatetimeField()
    tried_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)  # by the database's clock

    class Meta:
        table = "notices"
        indexes = (
            Index(fields=("state", "not_before"), name="notices_due"),
            Index(fields=("userid", "tried_at"), name="notices_person"),
        )


class WecomDesk(Model):
    """A customer service account: how far its messages were read. Owned by campaigns.members."""

    desk = fields.CharField(64, primary_key=True)
    cursor = fields.CharField(128, default="")  # saved after the messages before it
    token = fields.CharField(512, default="")  # of the latest summons, good for ten minutes
    token_until = fields.DatetimeField(null=True)
    called = fields.IntField(default=0)  # summons that came
    answered = fields.IntField(default=0)  # of them, those the last complete fetch knew of
    failures = fields.IntField(default=0)  # of the same page, one after the other
    read_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)  # by the database's clock

    class Meta:
        table = "wecom_desks"


class Mark(Model):
    """Facts about this database itself: demo, virtual clock, hold-out secret. Owned by campaigns.marks."""

    key = fields.CharField(32, primary_key=True)
    value = fields.TextField()

    class Meta:
        table = "marks"

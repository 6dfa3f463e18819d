"""What is sent: campaigns, their words, each run of them, the messages of a run."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from campaigns.indexes import FilledIndex
from campaigns.models.people import Contact, Member


class ContentVersion(Model):
    """The files of a campaign folder as they were, for ever. Owned by campaigns.definitions."""

    id = fields.IntField(primary_key=True)
    campaign = fields.CharField(64)
    digest = fields.CharField(64)
    files: dict[str, str] = fields.JSONField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "content_versions"
        unique_together = (("campaign", "digest"),)


class Campaign(Model):
    """营销活动: the state of a definition. Owned by campaigns.definitions."""

    id = fields.IntField(primary_key=True)
    key = fields.CharField(64, unique=True)
    state = fields.CharField(16, default="draft")
    version: fields.ForeignKeyRelation[ContentVersion] = fields.ForeignKeyField(
        "campaigns.ContentVersion", related_name="campaigns"
    )
    version_id: int
    approved_by = fields.CharField(64, default="")
    approved_at = fields.DatetimeField(null=True)
    started_at = fields.DatetimeField(null=True)
    planned_until = fields.DatetimeField(null=True)  # slots up to here have become occurrences
    note = fields.CharField(255, default="")  # why it is paused, in words for staff

    class Meta:
        table = "campaigns"


class Occurrence(Model):
    """期次: one dated run of a campaign, or one automatic answer. Owned by campaigns.outbox.

    `audience` and `planned` (fate → count) are what planning decided; they never change afterwards.
    """

    id = fields.IntField(primary_key=True)
    campaign: fields.ForeignKeyRelation[Campaign] = fields.ForeignKeyField("campaigns.Campaign", related_name="runs")
    campaign_id: int
    version: fields.ForeignKeyRelation[ContentVersion] = fields.ForeignKeyField(
        "campaigns.ContentVersion", related_name="runs"
    )
    version_id: int
    key = fields.CharField(64)
    at = fields.DatetimeField()
    useless_at = fields.DatetimeField(null=True)
    extra: dict[str, object] = fields.JSONField(default=dict)  # the festival, the answered touch
    audience = fields.IntField(default=0)
    planned: dict[str, int] = fields.JSONField(default=dict)
    planned_at = fields.DatetimeField(null=True)  # empty while planning: a crash leaves it to be planned again

    class Meta:
        table = "occurrences"
        unique_together = (("campaign", "key"),)


class Message(Model):
    """待发消息: what we mean to send, and each member of an audience with its one fate. Owned by campaigns.outbox.

    `reason` is why it waits, was suppressed or failed. `facts` are the variables the words were filled with, kept so
    that the exact words can be shown for ever. No key ties it to members and contacts (docs/decisions/0010).
    """

    id = fields.BigIntField(primary_key=True)
    occurrence: fields.ForeignKeyRelation[Occurrence] = fields.ForeignKeyField(
        "campaigns.Occurrence", related_name="messages", db_constraint=False
    )
    occurrence_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "campaigns.Member", related_name="messages", db_constraint=False
    )
    member_id: int
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "campaigns.Contact", related_name="messages", null=True, db_constraint=False
    )
    contact_id: int | None
    step = fields.SmallIntField(default=0)
    message_class = fields.CharField(16)
    channel = fields.CharField(16, null=True)
    address = fields.CharField(254, null=True)
    state = fields.CharField(16)
    reason = fields.CharField(32, default="")
    obstacles = fields.CharField(160, null=True)  # where none could be used, what was in the way of each channel
    code = fields.CharField(64, default="")  # the provider's own code
    not_before = fields.DatetimeField()
    due_at = fields.DatetimeField(null=True)  # not_before while it waits in the queue, empty ever after
    ask_at = fields.DatetimeField(null=True)  # when to ask about an unknown outcome, by the database's clock
    attempts = fields.SmallIntField(default=0)
    claim_id = fields.BigIntField(null=True)  # of the claim that put it on the wire
    wechat_mode = fields.CharField(16, default="")
    provider_id = fields.CharField(64, default="")
    facts: dict[str, object] = fields.JSONField(null=True)
    uncertain = fields.BooleanField(default=False)  # its outcome was unknown at some time
    sent_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "messages"
        unique_together = (("occurrence", "member", "step"),)
        indexes = (
            FilledIndex(fields=("occurrence_id", "channel", "due_at", "id"), name="messages_waiting", filled="due_at"),
            FilledIndex(fields=("channel", "ask_at"), name="messages_unknown", filled="ask_at"),
            FilledIndex(fields=("provider_id",), name="messages_provider", filled="provider_id", empty=""),
            Index(fields=("member_id", "message_class"), name="messages_member_class"),
        )


class Claim(Model):
    """The sole right of one sender to these messages, for the time of a lease. Owned by campaigns.outbox."""

    id = fields.BigIntField(primary_key=True)
    occurrence_id = fields.IntField()
    channel = fields.CharField(16)
    lease_until = fields.DatetimeField()  # by the database's clock
    message_ids: list[int] = fields.JSONField()

    class Meta:
        table = "claims"


class ChannelState(Model):
    """A channel that the answer of a provider stopped or slowed. Owned by campaigns.outbox."""

    channel = fields.CharField(16, primary_key=True)
    closed_until = fields.DatetimeField(null=True)
    closed = fields.BooleanField(default=False)  # until a person opens it
    reason = fields.CharField(255, default="")

    class Meta:
        table = "channel_states"


class MassTask(Model):
    """A message to customers that a person on the staff must confirm in WeCom. Owned by campaigns.mass.

    state: due, making, waiting (for that person), done, refused, unknown (it may have been made), lost
    (nobody could say), cancelled, lapsed.
    """

    id = fields.IntField(primary_key=True)
    key = fields.CharField(64, unique=True)
    occurrence_id = fields.IntField(null=True)  # the run of a campaign it belongs to
    sender = fields.CharField(64)  # userid of that person
    text = fields.TextField()
    link_title = fields.CharField(128, default="")
    link = fields.CharField(512, default="")
    state = fields.CharField(16, default="due")
    code = fields.CharField(64, default="")
    msgid = fields.CharField(128, default="")
    attempts = fields.SmallIntField(default=0)
    made_at = fields.DatetimeField()
    next_at = fields.DatetimeField()
    lapses_at = fields.DatetimeField(null=True)  # taken back then, if nobody confirmed it
    reminded_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)  # by the database's clock

    class Meta:
        table = "mass_tasks"
        indexes = (
            Index(fields=("state", "next_at"), name="mass_tasks_next"),
            Index(fields=("occurrence_id",), name="mass_tasks_run"),
        )


class MassRecipient(Model):
    """One customer of a mass task. Owned by campaigns.mass.

    state: waiting, sent, blocked (by us, or no longer a friend), deferred (another mass message came first), refused,
    lapsed.
    """

    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[MassTask] = fields.ForeignKeyField("campaigns.MassTask", related_name="recipients")
    task_id: int
    message_id = fields.BigIntField(null=True)  # the message of a campaign that this copy is
    member_id = fields.IntField()
    contact_id = fields.IntField()
    external_userid = fields.CharField(64)
    state = fields.CharField(16, default="waiting")
    code = fields.CharField(64, default="")
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mass_recipients"
        unique_together = (("task", "external_userid"),)
        indexes = (Index(fields=("external_userid",), name="mass_recipients_customer"),)


class Tally(Model):
    """How many messages of a run stand how, how many answers came: of alike rows the sum counts. Written by
    triggers (migrations 0008, 0010), read by campaigns.tallies.

    kind message: `state`, `reason`, `channel`, `uncertain` are the message's. touch: `state` is the touch's kind,
    `reason` its intent, `channel` its medium, `day` when it came (Shanghai). link: `state` is the kind of link, `day`
    of its first use. sent: a message that was handed to a provider, `channel` and `day` alone.
    """

    id = fields.BigIntField(primary_key=True)
    occurrence_id = fields.IntField()
    kind = fields.CharField(8)
    state = fields.CharField(16)
    reason = fields.CharField(32)
    channel = fields.CharField(16)
    uncertain = fields.BooleanField()
    day = fields.CharField(10)
    n = fields.IntField()

    class Meta:
        table = "tallies"
        indexes = (Index(fields=("occurrence_id",), name="tallies_occurrence"),)


class KeptCount(Model):
    """What took long to count, and of what. Owned by campaigns.kept, nothing is lost with it but time."""

    key = fields.CharField(64, primary_key=True)
    stamp = fields.CharField(64)
    found = fields.TextField()
    at = fields.DatetimeField()  # by the database's clock

    class Meta:
        table = "kept_counts"

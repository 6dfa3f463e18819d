"""Tables and constraints, nothing else. Only the owning ledger (docs/architecture.md) writes a table.

The first line of a docstring becomes the table's comment in a migration: no quotes, no semicolons in it.
"""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from campaigns.indexes import FilledIndex


class Member(Model):
    """企业会员. Owned by campaigns.members, which keeps the counters too."""

    id = fields.IntField(primary_key=True)
    no = fields.CharField(64, unique=True)
    name = fields.CharField(255)
    trade = fields.CharField(64, default="")
    nature = fields.CharField(64, default="")
    size = fields.CharField(64, default="")
    city = fields.CharField(64, default="")
    registered_at = fields.DatetimeField(null=True)
    last_login_at = fields.DatetimeField(null=True)
    login_count = fields.IntField(default=0)
    plan = fields.CharField(64, default="")
    plan_expires_on = fields.DateField(null=True)
    owner = fields.CharField(64, default="")
    attrs: dict[str, str] = fields.JSONField(default=dict)
    # since the last login, or the registration where there was none: what idle_days counts from
    idle_since = fields.DatetimeField(null=True)
    tier = fields.CharField(8, default="一般")
    tier_since = fields.DatetimeField(null=True)
    tier_score = fields.FloatField(default=0)
    tier_reasons: list[str] = fields.JSONField(default=list)
    postings = fields.IntField(default=0)
    live_postings = fields.IntField(default=0)
    applications = fields.IntField(default=0)
    unread_resumes = fields.IntField(default=0)
    oldest_unread_at = fields.DatetimeField(null=True)

    class Meta:
        table = "members"


class Contact(Model):
    """联系人: a person at a member. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    no = fields.CharField(64, unique=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("campaigns.Member", related_name="contacts")
    member_id: int
    name = fields.CharField(128, default="")
    title = fields.CharField(128, default="")
    mobile = fields.CharField(20, null=True, db_index=True)
    email = fields.CharField(254, null=True, db_index=True)
    openid = fields.CharField(64, null=True, db_index=True)
    external_userid = fields.CharField(64, null=True)  # WeCom's name for this customer
    qq = fields.CharField(32, default="")
    is_primary = fields.BooleanField(default=False)
    parent_no = fields.CharField(64, default="")
    consent = fields.BooleanField(null=True)  # None: never asked, which is no consent
    consent_at = fields.DatetimeField(null=True)
    consent_source = fields.CharField(128, default="")
    active = fields.BooleanField(default=True)  # False: "you have the wrong person"

    class Meta:
        table = "contacts"
        indexes = (
            Index(fields=("member_id",), name="contacts_member"),
            Index(fields=("external_userid",), name="contacts_external"),
        )


class Posting(Model):
    """职位. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    no = fields.CharField(64, unique=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("campaigns.Member", related_name="posts")
    member_id: int
    title = fields.CharField(255, default="")
    category = fields.CharField(128, default="")
    city = fields.CharField(64, default="")
    pay_min = fields.IntField(null=True)
    pay_max = fields.IntField(null=True)
    heads = fields.IntField(null=True)
    hours = fields.CharField(128, default="")
    contact_name = fields.CharField(128, default="")
    contact_phone = fields.CharField(64, default="")
    published_at = fields.DatetimeField(null=True)
    refreshed_at = fields.DatetimeField(null=True)
    state = fields.CharField(16, default="live")

    class Meta:
        table = "postings"
        indexes = (Index(fields=("member_id",), name="postings_member"),)


class Application(Model):
    """投递: unread while first_viewed_at is empty. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    no = fields.CharField(64, unique=True)
    posting: fields.ForeignKeyRelation[Posting] = fields.ForeignKeyField("campaigns.Posting", related_name="received")
    posting_id: int
    seeker_no = fields.CharField(64, default="")
    applied_at = fields.DatetimeField(null=True)
    first_viewed_at = fields.DatetimeField(null=True)
    outcome = fields.CharField(64, default="")

    class Meta:
        table = "applications"
        indexes = (Index(fields=("posting_id",), name="applications_posting"),)


class Login(Model):
    """登录. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("campaigns.Member", related_name="logins")
    member_id: int
    at = fields.DatetimeField()

    class Meta:
        table = "logins"
        unique_together = (("member", "at"),)


class Seeker(Model):
    """求职者. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    no = fields.CharField(64, unique=True)
    name = fields.CharField(128, default="")
    wanted_job = fields.CharField(128, default="")
    wanted_city = fields.CharField(64, default="")
    pay = fields.IntField(null=True)
    years = fields.IntField(null=True)
    registered_at = fields.DatetimeField(null=True)
    video_url = fields.CharField(512, default="")
    recommend = fields.BooleanField(default=False)

    class Meta:
        table = "seekers"


class Suppression(Model):
    """屏蔽: whom not to write to. Owned by campaigns.members.

    With a member and no channel it is a word of refusal (or, with `until`, a pause) of the whole company; with a
    channel and an address it closes that one address. Never deleted: lifting it writes `lifted_at`.
    """

    id = fields.IntField(primary_key=True)
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "campaigns.Member", related_name="suppressions", null=True
    )
    member_id: int | None
    channel = fields.CharField(16, null=True)
    address = fields.CharField(254, null=True)
    reason = fields.CharField(64)
    source = fields.CharField(128, default="")
    at = fields.DatetimeField()
    until = fields.DatetimeField(null=True)
    lifted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "suppressions"
        indexes = (
            Index(fields=("channel", "address"), name="suppressions_address"),
            Index(fields=("member_id",), name="suppressions_member"),
        )


class WechatFollower(Model):
    """What one follower's events let us send (channels.md A2, A4). Owned by campaigns.members."""

    openid = fields.CharField(64, primary_key=True)
    followed = fields.BooleanField(default=True)
    window_until = fields.DatetimeField(null=True)
    window_left = fields.IntField(default=0)
    credits: dict[str, int] = fields.JSONField(default=dict)
    mass_month = fields.CharField(7, default="")  # the calendar month mass_used counts in
    mass_used = fields.SmallIntField(default=0)

    class Meta:
        table = "wechat_followers"


class WecomCustomer(Model):
    """What one WeCom customer has opened for us (channels.md B4, B5). Owned by campaigns.members."""

    external_userid = fields.CharField(64, primary_key=True)
    staff = fields.CharField(64, default="")  # userid of whom they added last
    desk = fields.CharField(64, default="")  # the customer service account they wrote to last
    heard_at = fields.DatetimeField(null=True)  # when WeCom last opened or closed the window
    window_until = fields.DatetimeField(null=True)
    window_left = fields.IntField(default=0)

    class Meta:
        table = "wecom_customers"


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


class Binding(Model):
    """A one-time secret that ties the address of whoever shows it to a contact. Owned by campaigns.members."""

    digest = fields.CharField(64, primary_key=True)
    channel = fields.CharField(16)
    contact_id = fields.IntField(db_index=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    address = fields.CharField(254, default="")  # who showed it first

    class Meta:
        table = "bindings"


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

    class Meta:
        table = "touches"
        indexes = (Index(fields=("member_id", "at"), name="touches_member_at"),)


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
    state = fields.CharField(16, default="open")
    opened_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    cause = fields.CharField(64, unique=True)  # "touch:17", "occurrence:3:member:9": opening twice adds nothing
    note = fields.TextField(default="")
    owner = fields.CharField(64, default="")
    outcome: dict[str, object] = fields.JSONField(null=True)
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "visits"
        indexes = (
            Index(fields=("state", "due_at"), name="visits_due"),
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


class MassTask(Model):
    """A message to customers that a person on the staff must confirm in WeCom. Owned by campaigns.mass.

    state: due, making, waiting (for that person), done, refused, unknown (it may have been made), cancelled, lapsed.
    """

    id = fields.IntField(primary_key=True)
    key = fields.CharField(64, unique=True)
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
    lease_until = fields.DatetimeField(null=True)  # by the database's clock

    class Meta:
        table = "mass_tasks"
        indexes = (Index(fields=("state", "next_at"), name="mass_tasks_next"),)


class MassRecipient(Model):
    """One customer of a mass task. Owned by campaigns.mass.

    state: waiting, sent, blocked (by us, or no longer a friend), deferred (another mass message came first), refused.
    """

    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[MassTask] = fields.ForeignKeyField("campaigns.MassTask", related_name="recipients")
    task_id: int
    member_id = fields.IntField()
    contact_id = fields.IntField()
    external_userid = fields.CharField(64)
    state = fields.CharField(16, default="waiting")
    code = fields.CharField(64, default="")
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mass_recipients"
        unique_together = (("task", "external_userid"),)


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


class ChannelState(Model):
    """A channel that the answer of a provider stopped or slowed. Owned by campaigns.outbox."""

    channel = fields.CharField(16, primary_key=True)
    closed_until = fields.DatetimeField(null=True)
    closed = fields.BooleanField(default=False)  # until a person opens it
    reason = fields.CharField(255, default="")

    class Meta:
        table = "channel_states"


class Mark(Model):
    """Facts about this database itself: demo, virtual clock, hold-out secret. Owned by campaigns.marks."""

    key = fields.CharField(32, primary_key=True)
    value = fields.TextField()

    class Meta:
        table = "marks"

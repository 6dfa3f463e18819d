"""Members and their people: what the site knows, and what each address lets us send."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from campaigns.indexes import FilledIndex


class Member(Model):
    """企业会员. Owned by campaigns.members, which keeps the counters too."""

    id = fields.IntField(primary_key=True)
    no = fields.CharField(64, unique=True)
    name = fields.CharField(255)
    initials = fields.CharField(64, db_default="", default="")  # of the name in pinyin, for search
    trade = fields.CharField(64, default="")
    nature = fields.CharField(64, default="")
    size = fields.CharField(64, default="")
    city = fields.CharField(64, default="")
    registered_at = fields.DatetimeField(null=True)
    last_login_at = fields.DatetimeField(null=True)
    login_count = fields.IntField(default=0)
    plan = fields.CharField(64, default="")
    plan_expires_on = fields.DateField(null=True)
    paid_12m = fields.IntField(null=True)  # yuan paid in twelve months
    owner = fields.CharField(64, default="")
    site_owner = fields.CharField(64, null=True)  # the site's last word on whose it is; empty: it never said
    owner_due = fields.CharField(64, null=True)  # to whom the site gave it since, until it is handed over
    attrs: dict[str, str] = fields.JSONField(default=dict)
    # since the last login, or the registration where there was none: what idle_days counts from
    idle_since = fields.DatetimeField(null=True)
    tier = fields.CharField(8, default="一般")
    tier_since = fields.DatetimeField(null=True)
    tier_score = fields.FloatField(default=0)
    tier_reasons: list[str] = fields.JSONField(default=list)
    tier_by_rule = fields.CharField(8, null=True)  # by the score alone, whatever a colleague decided
    tier_values = fields.CharField(64, null=True)  # the parts of the score, 0 to 1, as the last night found them
    findings = fields.CharField(255, db_default="", default="")  # ,unread,stale, as the last night found them
    activity_state = fields.CharField(16, db_default="", default="")  # empty: not scored yet
    p_active = fields.FloatField(null=True)
    expected_logins = fields.FloatField(null=True)
    activity_at = fields.DatetimeField(null=True)
    stage = fields.CharField(16, db_default="", default="")  # empty: not told yet
    stage_since = fields.DatetimeField(null=True)  # empty: since before it was first told
    renewal_seen_on = fields.DateField(null=True)  # plan_expires_on as the last telling of stages found it
    told_at = fields.CharField(512, null=True)  # field → seconds of the last event that told it, as JSON
    postings = fields.IntField(default=0)
    live_postings = fields.IntField(default=0)
    applications = fields.IntField(default=0)
    unread_resumes = fields.IntField(default=0)
    oldest_unread_at = fields.DatetimeField(null=True)

    class Meta:
        table = "members"
        indexes = (
            Index(fields=("owner", "tier", "id"), name="members_owner"),
            FilledIndex(fields=("owner_due",), name="members_owner_due", filled="owner_due"),
            FilledIndex(fields=("plan_expires_on",), name="members_renewal", filled="plan_expires_on"),
        )


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
    primary_ours = fields.BooleanField(null=True)  # a colleague chose among the member's people: no import does
    parent_no = fields.CharField(64, default="")
    consent = fields.BooleanField(null=True)  # None: never asked, which is no consent
    consent_at = fields.DatetimeField(null=True)
    consent_source = fields.CharField(128, default="")
    active = fields.BooleanField(default=True)  # False: "you have the wrong person"
    role = fields.CharField(16, null=True)  # of terms.ContactRole; None: not told
    influence = fields.IntField(null=True)  # 1 little, 3 much
    interests = fields.CharField(255, null=True)  # 、 between them

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
    # What a site's database tells and an export seldom; empty: not told.
    parent_category = fields.CharField(128, null=True)
    negotiable = fields.BooleanField(null=True)  # 面议
    duties_length = fields.IntField(null=True)  # characters of the description
    education = fields.CharField(64, null=True)
    experience = fields.CharField(64, null=True)
    deadline = fields.DateField(null=True)  # the last day it stands
    audit = fields.CharField(16, null=True)  # pending, passed, failed
    views = fields.IntField(null=True)
    urgent = fields.BooleanField(null=True)
    told_at = fields.CharField(512, null=True)  # as a member's
    gone_at = fields.DatetimeField(null=True)  # when a whole reading of the site did not meet it

    class Meta:
        table = "postings"
        indexes = (
            Index(fields=("member_id",), name="postings_member"),
            Index(fields=("category", "city"), name="postings_peers"),
        )


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
    recommend = fields.BooleanField(default=False)  # the site's word
    mobile = fields.CharField(20, null=True)
    email = fields.CharField(254, null=True)
    consent = fields.CharField(8, default="", db_default="")  # ours, over the site's: yes, no, empty: not asked
    consent_at = fields.DatetimeField(null=True)
    consent_by = fields.CharField(64, default="", db_default="")
    read_job = fields.CharField(128, null=True)  # the wanted job its occupations were read from

    class Meta:
        table = "seekers"
        indexes = (Index(fields=("registered_at",), name="seekers_registered"),)


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
    heard_at = fields.DatetimeField(null=True)  # of the latest event that changed following or the window
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

"""Job seekers' occupations, introductions of them, fairs and who is invited to them."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from campaigns.models.people import Member, Seeker


class SeekerOccupation(Model):
    """What a seeker's wanted job names, as matching reads it. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    seeker: fields.ForeignKeyRelation[Seeker] = fields.ForeignKeyField("campaigns.Seeker", related_name="occupations")
    seeker_id: int
    occupation = fields.CharField(32)

    class Meta:
        table = "seeker_occupations"
        unique_together = (("occupation", "seeker"),)
        indexes = (Index(fields=("seeker_id",), name="seeker_occupations_seeker"),)


class Introduction(Model):
    """介绍: a seeker and a member, one row for ever. Owned by campaigns.introductions.

    state: proposed, asked (the seeker, for consent), introduced, refused (by either side), withdrawn (by us).
    """

    id = fields.IntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("campaigns.Member", related_name="introductions")
    member_id: int
    seeker: fields.ForeignKeyRelation[Seeker] = fields.ForeignKeyField("campaigns.Seeker", related_name="introductions")
    seeker_id: int
    posting_id = fields.IntField(null=True)
    state = fields.CharField(16)
    points = fields.SmallIntField(default=0)
    grounds: list[dict[str, Any]] = fields.JSONField(default=list)
    proposed_at = fields.DatetimeField()
    asked_at = fields.DatetimeField(null=True)
    introduced_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    reason = fields.CharField(255, default="")
    by = fields.CharField(64, default="")  # who changed it last
    message_id = fields.BigIntField(null=True)  # what told the member
    seeker_words = fields.TextField(default="")  # what the seeker is told, word by word
    told_at = fields.DatetimeField(null=True)  # the seeker

    class Meta:
        table = "introductions"
        unique_together = (("member", "seeker"),)
        indexes = (Index(fields=("seeker_id", "introduced_at"), name="introductions_seeker"),)


class Fair(Model):
    """招聘会: one that takes place, or a joint recruiting of similar enterprises. Owned by campaigns.fairs.

    kind: fair, joint. state: open, held, called_off.
    """

    id = fields.IntField(primary_key=True)
    name = fields.CharField(128)
    kind = fields.CharField(8)
    held_on = fields.DateField()
    place = fields.CharField(128, default="")
    occupations: list[str] = fields.JSONField(default=list)
    capacity = fields.IntField(null=True)  # enterprises; empty: as many as come
    state = fields.CharField(16, default="open")
    source = fields.CharField(128, default="")  # the cluster it was made from
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()

    class Meta:
        table = "fairs"
        indexes = (Index(fields=("held_on",), name="fairs_held_on"),)


class FairInvitation(Model):
    """邀请: one enterprise and one fair, one row. Owned by campaigns.fairs.

    state: invited, yes, no, maybe, attended, absent.
    """

    id = fields.IntField(primary_key=True)
    fair: fields.ForeignKeyRelation[Fair] = fields.ForeignKeyField("campaigns.Fair", related_name="invitations")
    fair_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "campaigns.Member", related_name="fair_invitations"
    )
    member_id: int
    state = fields.CharField(16, default="invited")
    invited_at = fields.DatetimeField()
    answered_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    message_id = fields.BigIntField(null=True)  # what invited them; empty: by hand
    touches: dict[str, int] = fields.JSONField(default=dict)  # invited, answered, attended → the touch
    note = fields.CharField(255, default="")
    by = fields.CharField(64, default="")  # who changed it last

    class Meta:
        table = "fair_invitations"
        unique_together = (("fair", "member"),)
        indexes = (Index(fields=("member_id",), name="fair_invitations_member"),)

"""The visit calendar: who is in intensive care, who is away, what is planned, what could not be kept."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class CarePeriod(Model):
    """重点关注: intensive care of a member, from day to day. Owned by campaigns.visit_calendar."""

    id = fields.IntField(primary_key=True)
    member_id = fields.IntField()
    starts_on = fields.DateField()
    ends_on = fields.DateField()  # moved to the day before where it was closed early
    reason = fields.CharField(255)
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()
    closed_by = fields.CharField(64, default="")
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "care_periods"
        indexes = (
            Index(fields=("member_id", "ends_on"), name="care_periods_member"),
            Index(fields=("ends_on",), name="care_periods_end"),
        )


class Absence(Model):
    """请假: days on which a colleague visits nobody. Owned by campaigns.visit_calendar."""

    id = fields.IntField(primary_key=True)
    owner = fields.CharField(64)  # as in the owner column of members
    starts_on = fields.DateField()
    ends_on = fields.DateField()
    reason = fields.CharField(255, default="")
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()

    class Meta:
        table = "absences"
        indexes = (Index(fields=("owner", "ends_on"), name="absences_owner"),)


class Capacity(Model):
    """How many visits a day a colleague makes, where it is not the usual number. Owned by campaigns.visit_calendar."""

    owner = fields.CharField(64, primary_key=True)
    a_day = fields.IntField()

    class Meta:
        table = "capacities"


class PlannedVisit(Model):
    """A visit as the calendar has it. Owned by campaigns.visit_calendar.

    Its day comes: a task is opened, and the row stays for what it was.
    """

    id = fields.IntField(primary_key=True)
    member_id = fields.IntField()
    owner = fields.CharField(64)
    day = fields.DateField()
    kind = fields.CharField(16)  # care, renewal, regular
    due = fields.DateField()
    pinned_by = fields.CharField(64, default="")  # who chose the day; empty: the plan did
    task_id = fields.IntField(null=True)

    class Meta:
        table = "planned_visits"
        unique_together = (("member_id", "day"),)
        indexes = (
            Index(fields=("day", "owner"), name="planned_visits_day"),
            Index(fields=("owner", "day"), name="planned_visits_owner"),
        )


class VisitConflict(Model):
    """A rule of the visit calendar that lost, in the last plan. Owned by campaigns.visit_calendar."""

    id = fields.IntField(primary_key=True)
    member_id = fields.IntField()
    owner = fields.CharField(64)
    lost = fields.CharField(16)
    won = fields.CharField(16)
    day = fields.DateField()
    figures: dict[str, int] = fields.JSONField(default=dict)

    class Meta:
        table = "visit_conflicts"
        indexes = (
            Index(fields=("owner", "day"), name="visit_conflicts_owner"),
            Index(fields=("member_id",), name="visit_conflicts_member"),
        )

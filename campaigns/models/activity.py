"""How the activity of members was worked out."""

from tortoise import fields
from tortoise.models import Model


class ActivityRun(Model):
    """活跃度: a model of one night and what came of it. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    at = fields.DatetimeField()
    reason = fields.CharField(16)  # of campaigns.activity, or no_log
    horizon_days = fields.FloatField()
    r = fields.FloatField(null=True)
    alpha_days = fields.FloatField(null=True)
    a = fields.FloatField(null=True)
    b = fields.FloatField(null=True)
    log_likelihood = fields.FloatField(null=True)
    members = fields.IntField(default=0)  # whose logins are known, so that they went into the model
    came_back = fields.IntField(default=0)
    by_last_login = fields.IntField(default=0)  # of whom only the last login is known
    states: dict[str, int] = fields.JSONField(default=dict)

    class Meta:
        table = "activity_runs"

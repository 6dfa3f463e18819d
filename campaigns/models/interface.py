"""What other programs are told and what they were answered: webhooks, their deliveries, answers kept for a key."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from campaigns.indexes import FilledIndex


class ApiAnswer(Model):
    """What a program was answered under its key, for a day. Owned by campaigns.api_answers."""

    id = fields.BigIntField(primary_key=True)
    token_id = fields.IntField()
    key = fields.CharField(128)
    digest = fields.CharField(64)  # of the request: the same key with another body is a mistake
    status = fields.SmallIntField(null=True)  # empty: it is being worked at
    body = fields.TextField(default="")
    made_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "api_answers"
        unique_together = (("token_id", "key"),)


class Webhook(Model):
    """Where another program is told what happened. Owned by campaigns.webhooks.

    state: on, paused (kept for it, not sent), stopped (nothing is kept for it). Its secret is derived from ours and
    `generation`; the one before signs beside it until `old_until`.
    """

    id = fields.IntField(primary_key=True)
    url = fields.CharField(500, unique=True)
    kinds: list[str] = fields.JSONField(default=list)
    state = fields.CharField(16, default="on")
    note = fields.CharField(255, default="")  # why it is paused or stopped
    generation = fields.IntField(default=1)
    old_until = fields.DatetimeField(null=True)
    failing_since = fields.DatetimeField(null=True)
    by = fields.CharField(64, default="")
    made_at = fields.DatetimeField()

    class Meta:
        table = "webhooks"


class WebhookDelivery(Model):
    """One thing that happened, for one webhook. Owned by campaigns.webhooks.

    Told at least once, always under the same event id. state: due, sent, failed. `due_at` is also the lease of whoever
    is sending it, by the database's clock.
    """

    id = fields.BigIntField(primary_key=True)
    webhook_id = fields.IntField()
    event_id = fields.CharField(40)
    kind = fields.CharField(16)
    body = fields.TextField()
    state = fields.CharField(8, default="due")
    made_at = fields.DatetimeField()
    due_at = fields.DatetimeField(null=True)  # empty where nothing is to be done
    attempts = fields.IntField(default=0)
    tried_at = fields.DatetimeField(null=True)
    status = fields.SmallIntField(null=True)  # of the last answer
    problem = fields.CharField(255, default="")

    class Meta:
        table = "webhook_deliveries"
        unique_together = (("webhook_id", "event_id"),)
        indexes = (
            Index(fields=("webhook_id", "id"), name="webhook_deliveries_log"),
            FilledIndex(fields=("webhook_id", "due_at"), name="webhook_deliveries_due", filled="due_at"),
        )

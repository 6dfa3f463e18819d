"""What was in the way of each channel; when a follower was heard last; mass messages of the month."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_confirmed")]  # noqa: RUF012 (as Tortoise writes it)

    operations = [  # noqa: RUF012
        ops.AddField(model_name="Message", name="obstacles", field=fields.CharField(null=True, max_length=160)),
        ops.AddField(
            model_name="WechatFollower",
            name="heard_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(model_name="WechatFollower", name="mass_month", field=fields.CharField(default="", max_length=7)),
        ops.AddField(model_name="WechatFollower", name="mass_used", field=fields.SmallIntField(default=0)),
    ]

"""WeChat's mass sends: how many a follower had in a month."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_wecom")]  # noqa: RUF012 (as Tortoise writes it)

    operations = [  # noqa: RUF012
        ops.AddField(model_name="WechatFollower", name="mass_month", field=fields.CharField(default="", max_length=7)),
        ops.AddField(model_name="WechatFollower", name="mass_used", field=fields.SmallIntField(default=0)),
    ]

"""How far a site's own database was read, and what of it is in that must come in once."""

from tortoise import fields
from tortoise.models import Model


class SiteRead(Model):
    """How far one table of a site was read: its greatest number, when reading began. Owned by campaigns.site_reads."""

    id = fields.IntField(primary_key=True)
    site = fields.CharField(160)
    source = fields.CharField(32)
    last_id = fields.BigIntField(default=0)
    at = fields.DatetimeField()

    class Meta:
        table = "site_reads"
        unique_together = (("site", "source"),)


class SiteItem(Model):
    """A follow-up or a blocked number of a site that came in: it never does again. Owned by campaigns.site_reads."""

    id = fields.BigIntField(primary_key=True)
    site = fields.CharField(160)
    source = fields.CharField(32)
    no = fields.CharField(64)

    class Meta:
        table = "site_items"
        unique_together = (("site", "source", "no"),)

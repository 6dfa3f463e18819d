"""One-time secrets that tie an address to a contact: who shows one first is that contact, and nobody after."""

import hashlib
import secrets
from datetime import datetime, timedelta

from campaigns.models import Binding, Contact
from campaigns.terms import ChannelName

_LASTING = timedelta(days=7)
_BYTES = 16  # 128 bits in 22 characters: WeCom's State takes 30, WeChat's scene 64
_FIELDS = {ChannelName.WECHAT: "openid", ChannelName.WECOM: "external_userid"}


async def offer(contact_id: int, channel: ChannelName, *, at: datetime, lasting: timedelta = _LASTING) -> str:
    """A secret for a QR code or a contact way. Only its digest is kept: it is shown once, here."""
    secret = secrets.token_urlsafe(_BYTES)
    await Binding.create(digest=_digest(secret), channel=channel, contact_id=contact_id, expires_at=at + lasting)
    return secret


async def bind(channel: ChannelName, secret: str, address: str, *, at: datetime) -> int | None:
    """The contact this secret ties the address to; None where it was never seen, used by another or is too old.

    An address this contact had before is replaced; other contacts keep theirs.
    """
    row = await Binding.filter(digest=_digest(secret), channel=channel).select_for_update(no_key=True).first()
    if row is None or (row.used_at and row.address != address) or (not row.used_at and row.expires_at < at):
        return None
    if row.used_at is None:
        row.used_at, row.address = at, address
        await row.save()
        await Contact.filter(id=row.contact_id).update(**{_FIELDS[channel]: address})
    return row.contact_id


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()

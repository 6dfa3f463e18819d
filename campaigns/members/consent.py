"""Refusals, suppressed addresses and what a WeChat follower lets us send."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tortoise.queryset import QuerySet

from campaigns import statements, webhooks
from campaigns.members.reach import sent_since
from campaigns.models import Contact, Suppression, WechatFollower
from campaigns.reach import month_of
from campaigns.terms import ChannelName, ReachChange
from campaigns.webhooks import WebhookKind

PAUSE = timedelta(hours=24)
# WeChat's reasons that end with the follower's next action (channels.md A3, A8), beside an unfollow.
_CLOSED_UNTIL_HEARD = ("unfollowed", "43004", "48002", "user block")


async def record_opt_out(*member_ids: int, at: datetime, source: str) -> bool:
    """One word of refusal: every channel, the whole company, for each of these.

    False where it stood already for all of them: twice adds nothing.
    """
    standing = {row.member_id for row in await _company_block(*member_ids).filter(until=None)}
    new = [member_id for member_id in member_ids if member_id not in standing]
    await Suppression.bulk_create(
        [Suppression(member_id=member_id, reason="refused", source=source, at=at) for member_id in new]
    )
    told = {member_id: {"channel": None, "source": source.partition(":")[0]} for member_id in new}
    await webhooks.announce(WebhookKind.OPT_OUT, at=at, about=told)
    return bool(new)


async def pause_member(*member_ids: int, at: datetime, source: str, lasting: timedelta = PAUSE) -> None:
    """In doubt: silence for the whole company, for each of these, while a person looks."""
    await Suppression.bulk_create(
        [
            Suppression(member_id=member_id, reason="in_doubt", source=source, at=at, until=at + lasting)
            for member_id in member_ids
        ]
    )


async def suppress_address(channel: ChannelName, address: str, *, at: datetime, reason: str, source: str) -> bool:
    """Close one address on one channel: a hard bounce, a provider's blacklist, an unfollow, a preference page.

    False where it was closed already.
    """
    if await _address_block(channel, address).exists():
        return False
    await Suppression.create(channel=channel, address=address, reason=reason, source=source, at=at)
    return True


async def is_suppressed(channel: ChannelName, address: str) -> bool:
    """Whether this address is closed on its channel."""
    return await _address_block(channel, address).exists()


async def lift_opt_out(member_id: int, *, at: datetime, source: str) -> bool:
    """Staff take a refusal, or a pause in doubt, back. False where there was none."""
    return bool(await _company_block(member_id).update(lifted_at=at, source=source))


async def end_pause(member_id: int, *, at: datetime, source: str) -> bool:
    """A pause that staff asked for ends early; a refusal, and a doubt about one, stay. False where there was none."""
    paused = _company_block(member_id).filter(source__startswith="staff:", until__gt=at)
    return bool(await paused.update(lifted_at=at, source=source))


async def deactivate_contact(contact_id: int) -> None:
    """ "You have the wrong person": this contact is not written to again."""
    await Contact.filter(id=contact_id).update(active=False)


async def reactivate_contact(contact_id: int) -> None:
    """A colleague's mistake taken back: this contact is still there."""
    await Contact.filter(id=contact_id).update(active=True)


async def record_reach(change: ReachChange) -> None:
    """Keep what an event tells about a follower; a refusal of the company is never lifted by it.

    Of following and windows the latest event counts, in whatever order they come.
    """
    await WechatFollower.get_or_create(openid=change.address)
    follower = await WechatFollower.filter(openid=change.address).select_for_update(no_key=True).get()
    for template_id, count in change.credits.items():
        follower.credits[template_id] = max(0, follower.credits.get(template_id, 0) + count) if count else 0
    newer = follower.heard_at is None or change.at >= follower.heard_at
    if newer and (change.followed is not None or change.window_until is not None):
        await _hear(follower, change)
    await follower.save(update_fields=["credits", "followed", "window_until", "window_left", "heard_at"])
    if not newer:
        return
    if change.followed is False:
        await suppress_address(
            change.channel, change.address, at=change.at, reason="unfollowed", source=change.event_id
        )
    elif change.followed or change.window_until is not None:
        await _reopen_follower(change)


async def use_mass(openids: Sequence[str], at: datetime) -> None:
    """One of the month's mass messages is used up for each of these followers."""
    await statements.fetch_for(
        """
        INSERT INTO wechat_followers (openid, followed, window_left, credits, mass_month, mass_used)
        SELECT v.openid, TRUE, 0, '{}', $1, 1 FROM {rows} WHERE TRUE
        ON CONFLICT (openid) DO UPDATE SET mass_month = excluded.mass_month,
          mass_used = 1 + CASE WHEN wechat_followers.mass_month = excluded.mass_month
            THEN wechat_followers.mass_used ELSE 0 END
        """,
        {"openid": "text"},
        {"openid": sorted(set(openids))},
        month_of(at),
    )


async def _hear(follower: WechatFollower, change: ReachChange) -> None:
    follower.heard_at = change.at
    if change.followed is not None:
        follower.followed = change.followed
    if change.window_until is not None:
        sent = await sent_since(change.channel, change.address, change.at)
        follower.window_until, follower.window_left = change.window_until, max(0, change.window_left - sent)


async def _reopen_follower(change: ReachChange) -> None:
    """A follower who follows or writes can be written to again; a refusal or a preference stays."""
    closed = _address_block(change.channel, change.address).filter(reason__in=_CLOSED_UNTIL_HEARD)
    await closed.update(lifted_at=change.at)


def _company_block(*member_ids: int) -> QuerySet[Suppression]:
    return Suppression.filter(member_id__in=member_ids, channel=None, lifted_at=None)


def _address_block(channel: ChannelName, address: str) -> QuerySet[Suppression]:
    return Suppression.filter(channel=channel, address=address, lifted_at=None)

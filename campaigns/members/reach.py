"""What a follower or customer still lets us send: windows, credits and the month's mass messages, as rows.

Spent with the commit that puts a message on the wire, so that two senders cannot both use the last of it; given back
where the provider did not take the message. What customers do fills it again (consent.record_reach, wecom).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.models import WechatFollower, WecomCustomer
from campaigns.terms import ChannelName, WechatMode

_Row = WechatFollower | WecomCustomer


@dataclass(frozen=True, slots=True)
class Use:
    """What one message uses up: one of a window's, or with `template_id` one accepted notice of it."""

    channel: ChannelName
    address: str
    template_id: str = ""


async def spend(wanted: Mapping[int, Use], now: datetime, *, closed: Sequence[Use] = ()) -> dict[int, datetime | None]:
    """Use up what these messages need; returns those that got it, with the end of the window they went in.

    `closed` is what the provider said is not there after all: believed until the next event. All of one channel, and
    in the caller's transaction before it touches anything else: rows are held in the order of their addresses.
    """
    rows = await _hold([*wanted.values(), *closed])
    for use in closed:
        if row := rows.get(use.address):
            _set(row, use, 0)
    spent: dict[int, datetime | None] = {}
    for message_id, use in wanted.items():
        row = rows.get(use.address)
        if row is not None and (left := _left(row, use, now)) > 0:
            _set(row, use, left - 1)
            spent[message_id] = row.window_until
    await _save(rows)
    return spent


async def give_back(unused: Sequence[tuple[Use, datetime | None]]) -> None:
    """Nothing was sent for these. A window that was opened anew in between has nothing missing."""
    async with in_transaction():
        rows = await _hold([use for use, _ in unused])
        for use, window_until in unused:
            row = rows.get(use.address)
            if row is not None and (use.template_id or row.window_until == window_until):
                _set(row, use, _count(row, use) + 1)
        await _save(rows)


async def sent_since(channel: ChannelName, address: str, at: datetime) -> int:
    """How many of a window's messages went to an address since then: what it did reaches us later than we send."""
    column = "openid" if channel is ChannelName.WECHAT else "external_userid"
    [row] = await statements.query(
        f"""
        SELECT count(*) AS n FROM messages m
        WHERE m.member_id IN (SELECT c.member_id FROM contacts c WHERE c.{column} = $1)
          AND m.channel = $2 AND m.address = $1 AND m.wechat_mode = $3 AND (m.state = 'sending' OR m.sent_at >= $4)
        """,
        address,
        channel,
        WechatMode.CUSTOM if channel is ChannelName.WECHAT else "",
        at,
    )
    return int(row["n"])


async def _hold(uses: Sequence[Use]) -> dict[str, _Row]:
    """Until the transaction ends nobody else reads or changes these; always in the same order."""
    addresses = sorted({use.address for use in uses})
    if not addresses:
        return {}
    if uses[0].channel is ChannelName.WECOM:
        customers = WecomCustomer.filter(external_userid__in=addresses).order_by("external_userid")
        return {row.external_userid: row for row in await customers.select_for_update(no_key=True)}
    followers = WechatFollower.filter(openid__in=addresses).order_by("openid")
    return {row.openid: row for row in await followers.select_for_update(no_key=True)}


def _left(row: _Row, use: Use, now: datetime) -> int:
    if isinstance(row, WechatFollower) and not row.followed:
        return 0
    if use.template_id:
        return _count(row, use)
    return row.window_left if row.window_until and row.window_until > now else 0


def _count(row: _Row, use: Use) -> int:
    if use.template_id and isinstance(row, WechatFollower):
        return row.credits.get(use.template_id, 0)
    return row.window_left


def _set(row: _Row, use: Use, left: int) -> None:
    if use.template_id and isinstance(row, WechatFollower):
        row.credits[use.template_id] = left
    else:
        row.window_left = left


async def _save(rows: Mapping[str, _Row]) -> None:
    followers = [row for row in rows.values() if isinstance(row, WechatFollower)]
    customers = [row for row in rows.values() if isinstance(row, WecomCustomer)]
    if followers:
        await WechatFollower.bulk_update(followers, fields=("window_left", "credits"))
    if customers:
        await WecomCustomer.bulk_update(customers, fields=("window_left",))

"""Answers by hand that did not arrive: whoever asked is still waiting."""

from collections.abc import Collection
from datetime import datetime

from campaigns import statements

BY_HAND = "by_hand"
"""As a campaign: what colleagues wrote themselves."""
_OF_HAND = f"""
    SELECT m.member_id FROM messages m
    JOIN occurrences o ON o.id = m.occurrence_id JOIN campaigns k ON k.id = o.campaign_id
    WHERE k.key = '{BY_HAND}' AND
"""
_WAITS_AGAIN = "UPDATE conversations SET state = 'waiting', closed_at = NULL, follow_up_on = NULL"


async def reopen_undelivered(message_ids: Collection[int]) -> int:
    """Of these messages those written by hand that did not arrive set their conversation waiting again.

    Whose it is, stays; one that the customer ended with a refusal stays closed. Returns how many.
    """
    if not message_ids:
        return 0
    db = statements.connection()
    return await statements.run(
        f"""
        {_WAITS_AGAIN} WHERE NOT (state = 'closed' AND intent = 'stop') AND member_id IN (
          {_OF_HAND} m.state IN ('suppressed', 'failed', 'expired', 'bounced') AND m.id {statements.ids_in(db, "$1")})
        """,
        statements.id_list(db, message_ids),
    )


async def reopen_uncertain(before: datetime) -> int:
    """Whose last answer went out before then, and nobody could say since whether it arrived: each waits again, once."""
    return await statements.run(
        f"""
        {_WAITS_AGAIN}, answered_at = NULL WHERE answered_at < $1 AND NOT (state = 'closed' AND intent = 'stop')
          AND member_id IN ({_OF_HAND} m.ask_at IS NOT NULL AND m.state = 'unknown'
            AND o.at = conversations.answered_at)
        """,
        before,
    )

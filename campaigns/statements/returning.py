"""Who came back of own accord: logged in again after a month without, by no link of ours."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from campaigns.terms import SHANGHAI, TouchKind

QUIET = timedelta(days=30)


def since_yesterday(now: datetime) -> datetime:
    """The midnight in Shanghai with which yesterday began."""
    return datetime.combine(now.astimezone(SHANGHAI).date() - timedelta(days=1), time(), SHANGHAI)


def came_back_alone(since: datetime, take: Callable[[object], str]) -> str:
    """A condition on `members m`; `take` gives a parameter its place.

    Nobody where the site's log-ins are known for less than the quiet month: then it would be everybody.
    """
    begin, quiet = take(since), take(since - QUIET)
    return f"""m.last_login_at >= {begin} AND (m.registered_at IS NULL OR m.registered_at < {quiet})
        AND EXISTS (SELECT 1 FROM logins l WHERE l.member_id = m.id AND l.at >= {begin})
        AND NOT EXISTS (SELECT 1 FROM logins l WHERE l.member_id = m.id AND l.at >= {quiet} AND l.at < {begin})
        AND NOT EXISTS (SELECT 1 FROM touches t WHERE t.member_id = m.id AND t.direction <> 'out'
                        AND t.kind = '{TouchKind.RETURN}' AND t.at >= {begin})
        AND EXISTS (SELECT 1 FROM logins k WHERE k.at < {quiet})"""

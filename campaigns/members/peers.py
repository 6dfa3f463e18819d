"""The market around one member, quick enough for a page: its peers by value, and what is kept of the whole site.

What one member's postings are compared with is the same as in the market of all (`signs.load_market`), so both find the
same; only that the rarest occupations and the site's own habits are those of the last import or night.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns import kept, statements
from campaigns.briefing import Asked, Named
from campaigns.diagnosis import Group, Market, MemberSigns, Part, Peer, PostingSigns, Thresholds
from campaigns.fields import PostingState
from campaigns.members.signs import held_parts, read_groups

_KEY, _STAMP = "site of briefs", "1"
_KEPT_FOR = timedelta(hours=36)  # from one night to the next, and some
_LOOKED_BACK = timedelta(days=90)
_MOST_TITLES = 2_000
_OTHERS = f"""
    FROM postings WHERE state = '{PostingState.LIVE}' AND coalesce(refreshed_at, published_at) >= $1
    AND member_id <> $2
"""


@dataclass(frozen=True, slots=True)
class Site:
    """`read_hours`: how long half of the résumés read in the last 90 days had waited; None where none was."""

    groups: Sequence[Group]
    held: frozenset[Part]
    read_hours: float | None


@dataclass(frozen=True, slots=True)
class Around:
    market: Market
    asked: Sequence[Asked]
    named: Sequence[Named]
    site: Site


async def market_around(signs: MemberSigns, now: datetime, thresholds: Thresholds | None = None) -> Around:
    """What the live postings of one member are compared with: five queries, however many they are."""
    limits = thresholds or Thresholds()
    site = await read_site(now)
    wanted = _Wanted(signs, now - limits.peers_within)
    peers = [*await wanted.paid(), *await wanted.viewed()]
    market = Market(peers, site.groups, limits, site.held)
    return Around(market, await wanted.asked(), await wanted.named(), site)


async def market_of(signs: MemberSigns, now: datetime, thresholds: Thresholds | None = None) -> Market:
    """The same without what similar postings ask: enough to tell what is wrong with them."""
    limits, site = thresholds or Thresholds(), await read_site(now)
    wanted = _Wanted(signs, now - limits.peers_within)
    return Market([*await wanted.paid(), *await wanted.viewed()], site.groups, limits, site.held)


async def read_site(now: datetime) -> Site:
    """As it was kept; counted and kept where that is too long ago."""
    found = (await kept.read_kept([_KEY], _KEPT_FOR)).get(_KEY)
    return _site(found[1]) if found and found[0] == _STAMP else await keep_site(now)


async def keep_site(now: datetime) -> Site:
    """Count what takes long: applicants by occupation and city, what postings tell, how long résumés wait."""
    found = {
        "groups": [[one.category, one.city, one.postings, one.applicants] for one in await read_groups()],
        "held": sorted(await held_parts()),
        "read_hours": await _read_hours(now),
    }
    await kept.keep({_KEY: (_STAMP, found)})
    return _site(found)


def _site(found: Mapping[str, Any]) -> Site:
    held = frozenset(Part(one) for one in found["held"])
    return Site([Group(*one) for one in found["groups"]], held, found["read_hours"])


async def _read_hours(now: datetime) -> float | None:
    waited = statements.seconds_between(statements.connection(), "applied_at", "first_viewed_at")
    rows = await statements.query(
        f"""
        SELECT waited FROM (
          SELECT waited, row_number() OVER (ORDER BY waited) AS place, count(*) OVER () AS n FROM (
            SELECT {waited} AS waited FROM applications
            WHERE first_viewed_at > $1 AND first_viewed_at <= $2 AND applied_at IS NOT NULL
          ) w
        ) r WHERE place IN ((n + 1) / 2, (n + 2) / 2)
        """,
        now - _LOOKED_BACK,
        now,
    )
    return round(max(0.0, sum(float(row["waited"]) for row in rows) / len(rows) / 3600), 1) if rows else None


class _Wanted:
    """The occupations and cities of one member's live postings, and the other members' postings of the same."""

    def __init__(self, signs: MemberSigns, since: datetime) -> None:
        live: Sequence[PostingSigns] = [post for post in signs.postings if post.live]
        db = statements.connection()
        self._since, self._member = since, signs.member_id
        self._categories = statements.id_list(db, {post.category for post in live if post.category})
        self._parents = statements.id_list(db, {post.parent_category for post in live if post.parent_category})
        self._cities = statements.id_list(db, {post.city for post in live if post.city})
        self._category = f"category {statements.ids_in(db, '$3', 'text')}"
        self._here = f"city {statements.ids_in(db, '$4', 'text')}"
        self._parent = f"parent_category {statements.ids_in(db, '$5', 'text')}"

    async def paid(self) -> list[Peer]:
        rows = await statements.fetch(
            f"""
            SELECT category, coalesce(parent_category, ''), city, pay_min + pay_max, count(*) {_OTHERS}
            AND {self._here} AND ({self._category} OR {self._parent}) AND pay_min > 0 AND pay_max > 0
            GROUP BY category, parent_category, city, pay_min + pay_max
            """,
            self._since,
            self._member,
            self._categories,
            self._cities,
            self._parents,
        )
        return [Peer(0, category, parent, city, both / 2, None, n) for category, parent, city, both, n in rows]

    async def viewed(self) -> list[Peer]:
        rows = await statements.fetch(
            f"""
            SELECT category, views, count(*) {_OTHERS} AND {self._category} AND views IS NOT NULL
            GROUP BY category, views
            """,
            self._since,
            self._member,
            self._categories,
        )
        return [Peer(0, category, "", "", None, views, n) for category, views, n in rows]

    async def asked(self) -> list[Asked]:
        rows = await statements.fetch(
            f"""
            SELECT category, city, coalesce(education, ''), coalesce(experience, ''), count(*) {_OTHERS}
            AND {self._category} AND {self._here} GROUP BY category, city, education, experience
            """,
            self._since,
            self._member,
            self._categories,
            self._cities,
        )
        return [Asked(*row) for row in rows]

    async def named(self) -> list[Named]:
        """The commonest titles; of thousands that are borne once, some are left out."""
        rows = await statements.fetch(
            f"""
            SELECT category, city, title, count(*), count(DISTINCT member_id) {_OTHERS}
            AND {self._category} AND {self._here} AND title <> ''
            GROUP BY category, city, title ORDER BY count(*) DESC, title LIMIT {_MOST_TITLES}
            """,
            self._since,
            self._member,
            self._categories,
            self._cities,
        )
        return [Named(*row) for row in rows]

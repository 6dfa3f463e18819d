"""What a diagnosis goes by, of many members in a fixed number of queries; and the market of the whole site."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from campaigns import statements
from campaigns.diagnosis import Group, Market, MemberSigns, Part, Peer, PostingSigns, Thresholds
from campaigns.fields import Audit, PostingState
from campaigns.statements import THERE, day, moment

_ENOUGH = 20  # postings: where none of as many fills a column, the site's data does not have it
_COLUMNS = {
    Part.PHONE: "nullif(contact_phone, '')",
    Part.PAY: "coalesce(nullif(pay_min, 0), nullif(pay_max, 0))",
    Part.HOURS: "nullif(hours, '')",
    Part.PLACE: "nullif(city, '')",
    Part.DUTIES: "duties_length",
}
_LIVE = f"state = '{PostingState.LIVE}'"


async def signs_of(
    member_ids: Sequence[int], now: datetime, thresholds: Thresholds | None = None
) -> dict[int, MemberSigns]:
    """By member id, in the order of the ids; an id of nobody is left out. Five queries however many they are."""
    if not member_ids:
        return {}
    limits = thresholds or Thresholds()
    db = statements.connection()
    ids, among = statements.id_list(db, member_ids), statements.ids_in(db, "$1", "int")
    members = await statements.query(
        f"SELECT id, no, plan_expires_on, last_login_at FROM members WHERE id {among} ORDER BY id", ids
    )
    posts = await _postings(ids, among, now - limits.no_apply_for, now)
    reads = await _reads(ids, among, limits.reads_looked_at)
    heard = await _heard(ids, among, now - limits.faults_within, now)
    failed = await _failed(ids, among, now - limits.faults_within, now)
    return {
        row["id"]: _signs(row, posts[row["id"]], reads[row["id"]], heard.get(row["id"]), failed.get(row["id"]))
        for row in members
    }


async def load_market(now: datetime, thresholds: Thresholds | None = None) -> Market:
    """All live postings at once, in three queries: for a page, keep the one of the night."""
    limits = thresholds or Thresholds()
    peers = await statements.fetch(
        f"""
        SELECT member_id, category, coalesce(parent_category, ''), city, pay_min, pay_max, views
        FROM postings WHERE {_LIVE} AND coalesce(refreshed_at, published_at) >= $1
        """,
        now - limits.peers_within,
    )
    return Market([_peer(*row) for row in peers], await read_groups(), limits, await held_parts())


async def read_groups() -> list[Group]:
    """Every occupation in every city, with who applied to it."""
    groups = await statements.fetch(
        f"""
        SELECT p.category, p.city, count(DISTINCT p.id), count(a.id)
        FROM postings p LEFT JOIN applications a ON a.posting_id = p.id
        WHERE p.{_LIVE} AND p.category <> '' AND p.city <> '' GROUP BY p.category, p.city
        """
    )
    return [Group(*row) for row in groups]


async def held_parts() -> frozenset[Part]:
    """What the site's data has at all: a part that none of many live postings fills is not in it."""
    counts = ", ".join(f"count({column}) AS {part}" for part, column in _COLUMNS.items())
    (row,) = await statements.query(f"SELECT count(*) AS postings, {counts} FROM postings WHERE {_LIVE}")
    return frozenset(part for part in Part if row[part] or row["postings"] < _ENOUGH)


def posting_signs(row: Mapping[str, Any]) -> PostingSigns:
    """Of a row of `postings`, with counts of its applications beside it where it has any; what is not in it is not
    told."""
    waits = row.get("audit") == Audit.PENDING and row["state"] != PostingState.OFFLINE
    seen, applications = int(row.get("seen") or 0), int(row.get("applications") or 0)
    return PostingSigns(
        no=row["no"],
        title=row["title"],
        category=row.get("category") or "",
        parent_category=row.get("parent_category") or "",
        city=row["city"],
        live=row["state"] == PostingState.LIVE,
        expired=row["state"] == PostingState.EXPIRED,
        phone=row["contact_phone"],
        hours=row["hours"],
        duties_length=row["duties_length"],
        pay_min=row["pay_min"],
        pay_max=row["pay_max"],
        negotiable=_flag(row["negotiable"]),
        published_at=moment(row["published_at"]),
        refreshed_at=moment(row["refreshed_at"]),
        deadline=day(row["deadline"]),
        waits_since=moment(row["published_at"]) if waits else None,
        views=row.get("views"),
        applications=applications,
        recent=int(row.get("recent") or 0),
        seen=seen,
        oldest_unread_at=moment(row.get("oldest")),
    )


async def _postings(ids: Any, among: str, recent: datetime, now: datetime) -> Mapping[int, Sequence[dict[str, Any]]]:
    rows = await statements.query(
        f"""
        SELECT p.*, a.seen, a.recent, CASE WHEN {THERE} THEN a.applications ELSE a.seen END AS applications,
          CASE WHEN {THERE} THEN a.oldest END AS oldest FROM postings p LEFT JOIN (
          SELECT posting_id, count(*) AS applications, count(first_viewed_at) AS seen,
            sum(CASE WHEN applied_at > $2 AND applied_at <= $3 THEN 1 ELSE 0 END) AS recent,
            min(CASE WHEN first_viewed_at IS NULL THEN applied_at END) AS oldest
          FROM applications WHERE posting_id IN (SELECT id FROM postings WHERE member_id {among}) GROUP BY posting_id
        ) a ON a.posting_id = p.id WHERE p.member_id {among} ORDER BY p.id
        """,
        ids,
        recent,
        now,
    )
    return _by_member(rows)


async def _reads(ids: Any, among: str, limit: int) -> Mapping[int, Sequence[dict[str, Any]]]:
    """The applications each member read last, the latest reading first."""
    rows = await statements.query(
        f"""
        SELECT member_id, applied_at, first_viewed_at FROM (
          SELECT p.member_id, a.applied_at, a.first_viewed_at,
            row_number() OVER (PARTITION BY p.member_id ORDER BY a.first_viewed_at DESC, a.id DESC) AS place
          FROM applications a JOIN postings p ON p.id = a.posting_id
          WHERE p.member_id {among} AND a.applied_at IS NOT NULL AND a.first_viewed_at IS NOT NULL
        ) r WHERE place <= $2 ORDER BY member_id, place
        """,
        ids,
        limit,
    )
    return _by_member(rows)


async def _heard(ids: Any, among: str, since: datetime, now: datetime) -> Mapping[int, dict[str, Any]]:
    """When a person last visited; how often they said that they cannot log in, and have not logged in since."""
    rows = await statements.query(
        f"""
        SELECT t.member_id, max(CASE WHEN t.kind = 'visit' THEN t.at END) AS visited,
          sum(CASE WHEN t.intent = 'problem_login' AND t.direction = 'in' AND t.at > $2
                    AND (m.last_login_at IS NULL OR m.last_login_at < t.at) THEN 1 ELSE 0 END) AS login_errors
        FROM touches t JOIN members m ON m.id = t.member_id
        WHERE t.member_id {among} AND t.at <= $3 GROUP BY t.member_id
        """,
        ids,
        since,
        now,
    )
    return {row["member_id"]: row for row in rows}


async def _failed(ids: Any, among: str, since: datetime, now: datetime) -> Mapping[int, dict[str, Any]]:
    rows = await statements.query(
        f"""
        SELECT member_id, sum(CASE WHEN message_class = 'service' THEN 1 ELSE 0 END) AS notices,
          sum(CASE WHEN channel = 'email' AND state = 'bounced' THEN 1 ELSE 0 END) AS bounces
        FROM messages WHERE member_id {among} AND state IN ('failed', 'bounced')
          AND settled_at > $2 AND settled_at <= $3 GROUP BY member_id
        """,
        ids,
        since,
        now,
    )
    return {row["member_id"]: row for row in rows}


def _signs(
    row: Mapping[str, Any],
    posts: Sequence[Mapping[str, Any]],
    reads: Sequence[Mapping[str, Any]],
    heard: Mapping[str, Any] | None,
    failed: Mapping[str, Any] | None,
) -> MemberSigns:
    told = [posting_signs(post) for post in posts]
    return MemberSigns(
        row["id"],
        row["no"],
        told,
        applications=sum(post.applications for post in told),
        seen=sum(post.seen for post in told),
        oldest_unread_at=min((post.oldest_unread_at for post in told if post.oldest_unread_at), default=None),
        read_after=[_waited(read) for read in reads],
        plan_expires_on=day(row["plan_expires_on"]),
        last_visited_at=moment(heard["visited"]) if heard else None,
        hires_urgently=any(post["urgent"] and post["state"] == PostingState.LIVE for post in posts),
        notify_failures=int(failed["notices"]) if failed else 0,
        mail_bounces=int(failed["bounces"]) if failed else 0,
        login_errors=int(heard["login_errors"]) if heard else 0,
    )


def _waited(read: Mapping[str, Any]) -> timedelta:
    applied, viewed = moment(read["applied_at"]), moment(read["first_viewed_at"])
    return viewed - applied if applied and viewed else timedelta()


def _peer(
    member_id: int, category: str, parent: str, city: str, low: int | None, high: int | None, views: int | None
) -> Peer:
    return Peer(member_id, category, parent, city, (low + high) / 2 if low and high and low <= high else None, views)


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)  # SQLite keeps 0 and 1


def _by_member(rows: Sequence[dict[str, Any]]) -> Mapping[int, Sequence[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["member_id"]].append(row)
    return found

"""Job seekers: what they look for, who of them may fit a member's postings, and whether we may introduce them.

Candidates are found by the occupations of the postings, through an index; nobody is compared with everybody.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from campaigns import statements
from campaigns.matching import LivePosting, SeekerFacts, occupations_of
from campaigns.models import Seeker

CANDIDATES = 1_000
_AT_ONCE = 2_000
_FACTS = "s.id, s.no, s.name, s.wanted_job, s.wanted_city, s.pay, s.years, s.registered_at, s.video_url"
_WILLING = "(s.consent = 'yes' OR (s.consent = '' AND s.recommend))"


class Consent(StrEnum):
    """Whether a seeker may be introduced. Ours counts before the site's, and only a yes is one."""

    YES = "yes"
    NO = "no"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    facts: SeekerFacts
    consent: Consent


@dataclass(frozen=True, slots=True)
class SeekerRow:
    facts: SeekerFacts
    consent: Consent
    mobile: str | None
    email: str | None


async def fill_occupations() -> int:
    """Read the occupations of seekers whose wanted job is new or was changed. Returns how many were read."""
    after, filled = 0, 0
    while True:
        rows = await statements.query(
            "SELECT id, wanted_job FROM seekers WHERE id > $1 AND (read_job IS NULL OR read_job <> wanted_job) "
            f"ORDER BY id LIMIT {_AT_ONCE}",
            after,
        )
        if not rows:
            return filled
        await _keep_occupations(rows)
        after, filled = rows[-1]["id"], filled + len(rows)


async def _keep_occupations(rows: Collection[Mapping[str, Any]]) -> None:
    db = statements.connection()
    await statements.run(
        f"DELETE FROM seeker_occupations WHERE seeker_id {statements.ids_in(db, '$1')}",
        statements.id_list(db, [row["id"] for row in rows]),
    )
    named = [(one, row["id"]) for row in rows for one in occupations_of(row["wanted_job"])]
    await statements.upsert("seeker_occupations", ("occupation", "seeker_id"), ("occupation", "seeker_id"), named)
    read = [{"id": row["id"], "read_job": row["wanted_job"]} for row in rows]
    await statements.update_rows("seekers", {"id": "int", "read_job": "text"}, read)


async def live_postings(member_ids: Collection[int]) -> list[LivePosting]:
    """Those that stand, of these members; the oldest first."""
    db = statements.connection()
    rows = await statements.query(
        f"""
        SELECT p.id, p.no, p.title, p.category, p.pay_min, p.pay_max, p.heads, p.experience, p.member_id,
          CASE WHEN p.city = '' THEN m.city ELSE p.city END AS city
        FROM postings p JOIN members m ON m.id = p.member_id
        WHERE p.member_id {statements.ids_in(db, "$1")} AND p.state = 'live' ORDER BY p.id
        """,
        statements.id_list(db, member_ids),
    )
    return [LivePosting(**{**row, "experience": row["experience"] or ""}) for row in rows]


async def candidates_for(member_id: int, occupations: Collection[str], since: datetime) -> list[Candidate]:
    """Seekers of these occupations who registered since, the newest first.

    Left out: who said no, who handed in at this member already, whom it was introduced to or who was withdrawn.
    """
    db = statements.connection()
    rows = await statements.query(
        f"""
        SELECT {_FACTS}, {_WILLING} AS willing FROM seekers s
        WHERE s.id IN (SELECT o.seeker_id FROM seeker_occupations o
            WHERE o.occupation {statements.ids_in(db, "$1", "text")})
          AND s.registered_at >= $2 AND s.consent <> 'no'
          AND NOT EXISTS (SELECT 1 FROM introductions i
            WHERE i.member_id = $3 AND i.seeker_id = s.id AND i.state NOT IN ('proposed', 'asked'))
          AND s.no NOT IN (SELECT a.seeker_no FROM applications a JOIN postings p ON p.id = a.posting_id
            WHERE p.member_id = $3)
        ORDER BY s.registered_at DESC, s.id LIMIT {CANDIDATES}
        """,
        statements.id_list(db, sorted(occupations)),
        since,
        member_id,
    )
    return [Candidate(_facts(row), Consent.YES if row["willing"] else Consent.UNKNOWN) for row in rows]


async def read_seekers(seeker_ids: Collection[int]) -> dict[int, SeekerRow]:
    db = statements.connection()
    rows = await statements.query(
        f"SELECT {_FACTS}, s.mobile, s.email, s.consent, {_WILLING} AS willing FROM seekers s "
        f"WHERE s.id {statements.ids_in(db, '$1')} ORDER BY s.id",
        statements.id_list(db, seeker_ids),
    )
    return {row["id"]: SeekerRow(_facts(row), _consent(row), row["mobile"], row["email"]) for row in rows}


async def hold_seekers(seeker_ids: Collection[int]) -> None:
    """Until the transaction ends nobody else introduces them: their caps are counted once."""
    await Seeker.filter(id__in=sorted(seeker_ids)).order_by("id").select_for_update().values_list("id")


async def record_consent(seeker_id: int, given: Consent, *, by: str, now: datetime) -> bool:
    """What the seeker said to a colleague; it counts before what the site says, also after the next import."""
    values = {"consent": given, "consent_at": now, "consent_by": by}
    return await Seeker.filter(id=seeker_id).update(**values) == 1


async def ids_by_number(numbers: Collection[str]) -> dict[str, int]:
    return await statements.ids_of("seekers", list(numbers))


def _consent(row: Mapping[str, Any]) -> Consent:
    return Consent.NO if row["consent"] == Consent.NO else Consent.YES if row["willing"] else Consent.UNKNOWN


def _facts(row: Mapping[str, Any]) -> SeekerFacts:
    return SeekerFacts(
        id=row["id"],
        no=row["no"],
        name=row["name"],
        wanted_job=row["wanted_job"],
        wanted_city=row["wanted_city"],
        pay=row["pay"],
        years=row["years"],
        registered_at=statements.moment(row["registered_at"]),
        video_url=row["video_url"],
    )

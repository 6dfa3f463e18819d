"""When members were placed in tiers last; apart from the arithmetic, which a sender need not load."""

from datetime import datetime

from campaigns import statements
from campaigns.statements import moment


async def last_tiering_at() -> datetime | None:
    rows = await statements.query("SELECT max(at) AS at FROM tier_runs")
    return moment(rows[0]["at"])

"""When members were scored; apart from the scoring, whose arithmetic a sender need not load."""

from datetime import datetime

from campaigns import statements
from campaigns.statements import moment


async def last_run_at() -> datetime | None:
    """When members were scored last."""
    rows = await statements.query("SELECT max(at) AS at FROM activity_runs")
    return moment(rows[0]["at"])

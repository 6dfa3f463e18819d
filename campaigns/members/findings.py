"""What each member's diagnosis finds, kept by the kind of finding so that a rule can ask for it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from campaigns import statements
from campaigns.diagnosis import Code, Finding, Thresholds, diagnose
from campaigns.members.signs import load_market, signs_of

_CHUNK = 1000


async def refresh_findings(now: datetime, thresholds: Thresholds | None = None) -> dict[Code, int]:
    """Diagnose everybody. Returns how many members have each kind of finding; one of none is left out."""
    market = await load_market(now, thresholds)
    ids = [row[0] for row in await statements.fetch("SELECT id FROM members ORDER BY id")]
    counted: Counter[Code] = Counter()
    for start in range(0, len(ids), _CHUNK):
        signs = await signs_of(ids[start : start + _CHUNK], now, thresholds)
        found = {key: _codes(diagnose(one, market, now).findings) for key, one in signs.items()}
        counted.update(code for codes in found.values() for code in codes)
        await statements.write_findings({"id": list(found), "findings": [as_tags(codes) for codes in found.values()]})
    return {code: counted[code] for code in Code if counted[code]}


def as_tags(codes: Sequence[Code]) -> str:
    """`,unread,stale,`: each between commas, so that one is found whole."""
    return f",{','.join(codes)}," if codes else ""


def _codes(findings: Sequence[Finding]) -> list[Code]:
    return sorted({one.code for one in findings}, key=lambda code: code.rank)

"""What a row costs that another program sends: CPU per row of a members' batch, new, changed and unchanged.

Run: python -m tests.benchmarks.interface [DATABASE_URL of an empty database]
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bot.database import open_database
from bot.inbox import Inbox
from bot.runtime import open_runtime
from bot.settings import load_settings
from bot.web.app import make_app
from campaigns import api_tokens
from campaigns.rights import Right

_ROWS, _BATCHES = 1000, 10


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else ""
    for what, cpu, wall in asyncio.run(measure(url)):
        print(f"{what:10} {cpu:8,.0f} µs CPU a row {1e6 / wall:10,.0f} rows/s one after the other")


async def measure(database_url: str = "") -> list[tuple[str, float, float]]:
    """(what, µs of this process's CPU a row, µs a row by the wall), with an idempotency key on every batch."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(env_file=None, huifang_var=Path(folder), database_url=database_url)
        async with open_database(settings), open_runtime(settings) as runtime:
            now = datetime.now(UTC)
            secret, _ = await api_tokens.make_token("bench", [Right.IMPORT], by="bench", now=now, per_minute=60_000)
            transport = httpx.ASGITransport(app=make_app(Inbox(runtime)))
            async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
                client.headers["authorization"] = f"Bearer {secret}"
                await _send(client, "warm", 10**6, "")
                return [await _timed(client, what, city) for what, city in _PASSES]


_PASSES = (("added", "大同"), ("unchanged", "大同"), ("updated", "朔州"))


async def _timed(client: httpx.AsyncClient, what: str, city: str) -> tuple[str, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in range(_BATCHES):
        answer = await _send(client, what, batch * _ROWS, city)
        assert answer[what] == _ROWS, answer
    rows = _BATCHES * _ROWS
    return what, (time.process_time() - cpu) / rows * 1e6, (time.perf_counter() - wall) / rows * 1e6


async def _send(client: httpx.AsyncClient, what: str, first: int, city: str) -> dict[str, int]:
    rows = [
        {
            "no": f"Q{first + n}", "name": f"第{first + n}商贸有限公司", "city": city, "trade": "机械制造",
            "size": "20-99人", "registered_at": "2024-03-01T08:00:00+08:00", "plan": "包年",
            "plan_expires_on": "2027-06-14", "owner": "程雪", "attrs": {"园区": f"御东{n % 7}区"},
        }
        for n in range(_ROWS)
    ]  # fmt: skip
    key = {"Idempotency-Key": f"{what}-{first}"}
    answer = await client.post("/api/v1/members", json={"rows": rows}, headers=key)
    found: dict[str, int] = answer.raise_for_status().json()
    return found


if __name__ == "__main__":
    main()

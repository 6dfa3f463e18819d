"""What the parts cost: CPU per unit, and the ratio to the cheapest. Run: python -m tests.benchmarks.costs"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.channels.mime import MailFrame, build_mail
from bot.commands.importing import import_paths
from bot.database import open_database
from bot.runtime import read_rulebook
from bot.sandbox.site import write_export
from bot.settings import load_settings
from campaigns import definitions, planner
from campaigns.folders import read_folder, render_sample
from campaigns.intents import load_table, read_intent
from campaigns.terms import SHANGHAI, MailWords, MessageClass, Outbound

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
NOW = datetime(2026, 11, 23, 9, tzinfo=SHANGHAI)
HELP_LIMIT = 0.4  # seconds: what `huifang --help` may take


@dataclass(frozen=True, slots=True)
class Cost:
    what: str
    unit: str
    microseconds: float


def main() -> None:
    costs = [*in_process(), *asyncio.run(over_the_database())]
    cheapest = min(cost.microseconds for cost in costs)
    for cost in costs:
        print(
            f"{cost.what:44} {cost.microseconds:12,.1f} µs CPU a {cost.unit:8} {cost.microseconds / cheapest:10,.1f}×"
        )
    helps = sorted(timed_help() for _ in range(5))
    print(f"huifang --help: median {helps[2]:.3f} s wall, {helps[2] / HELP_LIMIT:.0%} of what it may take")


def in_process() -> list[Cost]:
    folder = read_folder(TEMPLATES / "unread_resumes")
    words = render_sample(folder)["email"]
    assert isinstance(words, MailWords)
    outbound = Outbound(1, "m1-abc", "a@b.example", MessageClass.SERVICE, words)
    frame = MailFrame("人才网", "hr@b.example", "b.example", "b.example")
    table = load_table(TEMPLATES / "auto_replies")
    return [
        per_unit("build one mail's bytes", "mail", 300, lambda: build_mail(outbound, words, frame, NOW)),
        per_unit("fill a campaign's words on every channel", "member", 300, lambda: render_sample(folder)),
        per_unit("read one reply", "reply", 300, lambda: read_intent("简历打不开怎么办", table)),
    ]


async def over_the_database() -> list[Cost]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(env_file=None, huifang_var=Path(folder))
        write_export(Path(folder) / "site", members=2000, as_of=NOW)
        async with open_database(settings):
            began = time.process_time()
            reports = await import_paths(settings, [Path(folder) / "site"], NOW, lambda name, done, total: None)
            rows = sum(report.offered for report in reports)
            imported = Cost("import a site's export (SQLite)", "row", (time.process_time() - began) / rows * 1e6)
            began = time.process_time()
            found = await planner.preview(
                await definitions.load_campaign(TEMPLATES, "festival_greeting"), NOW, await read_rulebook(settings)
            )
            planned = Cost("decide a fate (SQLite)", "member", (time.process_time() - began) / found.audience * 1e6)
    return [imported, planned]


def per_unit(what: str, unit: str, times: int, work: Callable[[], object]) -> Cost:
    work()
    began = time.process_time()
    for _ in range(times):
        work()
    return Cost(what, unit, (time.process_time() - began) / times * 1e6)


def timed_help() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bot", "--help"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

"""What the parts give back, set beside what is wanted: a table for people, one line of JSON for programs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A figure that has a bound: at least, or at most."""

    part: str
    figure: str
    bound: float
    at_most: bool = False

    def holds(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:,g}"


WANTED = {
    (one.part, one.figure): one
    for one in (
        Wanted("email", "ratio", 0.6),
        Wanted("email", "per_s", 10_000),
        Wanted("email", "cpu_us", 100, at_most=True),
        Wanted("email", "rss_mb", 200, at_most=True),
        Wanted("email_sqlite", "per_s", 5_000),
        Wanted("email_dkim", "ed25519_per_core_s", 6_000),
        Wanted("email_dkim", "rsa_per_core_s", 2_500),
        Wanted("scale", "cost_ratio", 1.15, at_most=True),
        Wanted("scale", "rss_100k_mb", 200, at_most=True),
        Wanted("scale", "rss_1m_mb", 200, at_most=True),
        Wanted("planning", "per_s", 30_000),
        Wanted("import", "per_s", 20_000),
        Wanted("channels", "wechat_per_core_s", 2_000),
        Wanted("channels", "sms_recipients_s", 20_000),
        Wanted("webhook", "per_s", 4_000),
        Wanted("webhook", "p99_ms", 50, at_most=True),
        Wanted("webhook", "p99_beside_campaign_ms", 250, at_most=True),
        Wanted("segments", "ratio", 1.3, at_most=True),
        Wanted("pacing", "worst_error_pct", 2, at_most=True),
        Wanted("pages", "slowest_p95_ms", 300, at_most=True),
        Wanted("pages", "slowest_paint_ms", 700, at_most=True),
        Wanted("brief", "p95_ms", 200, at_most=True),
    )
}


def show_table(console: Console, found: Mapping[str, Figures]) -> None:
    """Every figure, and whether those that have a bound keep it."""
    table = Table("part", "figure", "measured", "wanted", "")
    for part, figures in found.items():
        for place, (name, value) in enumerate(figures.items()):
            wanted = WANTED.get((part, name))
            verdict = "" if wanted is None else "[green]yes" if wanted.holds(value) else "[red]no"
            table.add_row("" if place else part, name, f"{value:,.10g}", str(wanted or ""), verdict)
    console.print(table)


def as_line(found: Mapping[str, Figures]) -> str:
    return json.dumps(found)

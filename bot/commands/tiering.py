"""huifang tiers: every member in its tier by the rules in force, and what its diagnosis finds, as every night."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.clock import ProductClock
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.process import bulk_work
from bot.runtime import follow_clock, read_rules
from bot.settings import Settings
from campaigns.members.findings import refresh_findings
from campaigns.members.peers import keep_site
from campaigns.policy import PolicySettings
from campaigns.terms import Tier
from campaigns.tier_night import tier_members
from campaigns.tier_rules import PARTS

_CALLERS = {"owner": "负责人", "team": "部门", "nobody": "不打"}


async def place_members(settings: Settings, as_of: datetime | None) -> dict[str, Any]:
    """Place everybody and say what each tier is owed."""
    async with open_database(settings):
        policy, _ = await read_rules(settings)
        with bulk_work():
            now = as_of or await _product_time(settings)
            run = await tier_members(now, policy.tiers)
            findings = await refresh_findings(now, policy.diagnosis)
            await keep_site(now)
    return {
        **asdict(run),
        "weights": dict(zip(PARTS, policy.tiers.weights, strict=True)),
        "cuts": dict(zip(Tier, policy.tiers.shares, strict=False)),
        "margin": {"points": policy.tiers.margin_points, "days": policy.tiers.margin_days},
        "findings": findings,
        "service": {tier: _service(policy, tier) for tier in Tier},
    }


def _service(policy: PolicySettings, tier: Tier) -> dict[str, Any]:
    return {
        **asdict(policy.service[tier]),
        "messages": policy.company_touches[tier],
        "window_days": policy.company_window.days,
    }


def tier_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [[tier, found["tiers"].get(tier, 0), *_owed(found["service"][tier])] for tier in found["service"]]
    weights = "  ".join(f"{part} {weight}" for part, weight in found["weights"].items())
    findings = [[code, count] for code, count in found["findings"].items()]
    return [
        f"{found['members']:,} 家，换了级的 {found['moved']:,} 家，人工定级到期的 {found['ended']:,} 家 (moved, ended)",
        f"权重 (weights)  {weights}",
        table(("分级", "家", "谁打电话", "最多隔几天", "最多几条"), rows),
        *([table(("诊断 (finding)", "家"), findings)] if findings else []),
    ]


def _owed(service: Mapping[str, Any]) -> tuple[str, str, str]:
    every = str(service["every_days"]) if service["every_days"] else "—"
    return _CALLERS[service["caller"]], every, f"{service['messages']} / {service['window_days']} 天"


async def _product_time(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()

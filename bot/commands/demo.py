"""huifang demo: the whole main job on a made-up recruiting site, through the sandbox, on a virtual clock."""

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.alone import alone
from bot.clock import ProductClock
from bot.commands.demo_desk import desk_counts, furnish_desk, set_targets
from bot.commands.demo_matching import hold_a_fair, introduce_some, matched
from bot.commands.demo_visiting import plan_some_visits
from bot.commands.importing import import_paths
from bot.commands.printing import bars, show, status_lines, table
from bot.commands.serving import House, announce, house, stay_up
from bot.conductor import Conductor
from bot.database import open_database
from bot.runtime import DEMO_MARK, set_clock
from bot.sandbox.site import write_export
from bot.settings import Settings, check_templates, load_settings
from bot.web.log_in import demo_path, first_admin
from bot.wording import task_words
from campaigns import definitions, marks, planned_lists, planner, touches, visits
from campaigns.members import find
from campaigns.replies.events import count_events
from campaigns.replies.reading import AUTO_REPLIES
from campaigns.reports import campaign_reports, sent_by_channel, unknown_by_channel
from campaigns.terms import SHANGHAI

BEGINS = datetime(2026, 11, 23, 9, tzinfo=SHANGHAI)
_HOLDOUT_SECRET = "00" * 16  # the same companies are held out in every demo
# When each campaign starts in the demo's first week: at the slot its own schedule names.
_STARTS: tuple[tuple[str, datetime], ...] = (
    (AUTO_REPLIES, BEGINS),
    ("unread_resumes", BEGINS),
    ("renewal_visit", BEGINS),
    ("forgotten_account", BEGINS),
    ("festival_greeting", BEGINS),
    ("recruiting_tips", datetime(2026, 11, 24, 10, tzinfo=SHANGHAI)),
    ("who_is_hiring", datetime(2026, 11, 26, 10, tzinfo=SHANGHAI)),
)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Balance:
    """The demo's books: each line names two numbers that must be equal."""

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        return self.left == self.right


async def run_demo(*, members: int, stay: bool, as_json: bool) -> None:
    """Ignores `.env` and the environment's credentials: it speaks to this machine only and lives in var/demo."""
    settings = demo_settings()
    with alone(settings.var.with_suffix(".lock"), "demo") as tell:  # beside the folder, which each run begins anew
        shutil.rmtree(settings.var, ignore_errors=True)
        await _run(settings, members, stay, as_json, tell)


async def _run(settings: Settings, members: int, stay: bool, as_json: bool, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    async with open_database(settings):
        await marks.write_mark(DEMO_MARK, "1")
        await marks.write_mark_once("holdout_secret", _HOLDOUT_SECRET)
        clock = ProductClock()
        clock.set(BEGINS)
        await set_clock(clock, settings)
        await _make_site(settings, members, as_json)
        async with house(settings, clock) as running:
            await first_admin(datetime.now(UTC), one_time=False)  # it is entered by a link
            tell(f"{running.web.url}/")
            await _play(running, as_json)
            found = await _document(running, time.monotonic() - began)
            _print(found, as_json)
            check(found["balance"])
            if stay:
                if not as_json:  # its one document names the addresses already
                    announce(running, as_json)
                    print(f"不用密码的入口 (no password needed): {found['addresses']['log_in']}", flush=True)
                await stay_up(running)


def demo_settings() -> Settings:
    """Nothing of the environment but where `var` and the campaigns are and which port to try."""
    given = load_settings(env_file=None)
    check_templates(given)
    blank = {name: field.default for name, field in Settings.model_fields.items()}
    own = {
        "huifang_var": given.var / "demo",
        "huifang_templates": given.huifang_templates,
        "web_port": given.web_port,
        "log_level": given.log_level,
    }
    return Settings.model_construct(**{**blank, **own})


async def _make_site(settings: Settings, members: int, as_json: bool) -> None:
    folder = settings.var / "site"
    _say(f"造一个有{members:,}家企业会员的招聘网站 (making a recruiting site)：{folder}", as_json)
    write_export(folder, members=members, as_of=BEGINS)
    with bars(as_json) as progress:
        await import_paths(settings, [folder], BEGINS, progress)


async def _play(running: House, as_json: bool) -> None:
    """A week of slots, then on to the festival: the virtual clock jumps from one thing to do to the next."""
    conductor = Conductor(running.runtime, running.sandbox)
    ends = BEGINS + _WEEK

    def moved(moment: datetime) -> None:
        _tick(moment, as_json)

    await furnish_desk(running.runtime)
    await introduce_some(running.runtime)
    await hold_a_fair(running.runtime)
    for key, at in _STARTS:
        await conductor.live_until(at, moved)
        await _start(running, key, as_json)
    await conductor.live_until(ends, moved)
    running.runtime.planning_held = True
    await conductor.until_done(moved)
    await planner.skip_slots(running.runtime.clock())
    running.runtime.planning_held = False
    await set_targets(running.runtime)
    await plan_some_visits(running.runtime)
    _say("", as_json)


async def _start(running: House, key: str, as_json: bool) -> None:
    runtime = running.runtime
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, key)
    await definitions.approve(folder, by="demo", now=runtime.clock())
    await planner.start_campaign(key, runtime.clock(), runtime.rulebook)
    _say(f"开始 {folder.definition.title} ({key})", as_json)


async def _document(running: House, seconds: float) -> dict[str, Any]:
    assert running.sandbox is not None
    reports = await campaign_reports()
    answers = await _answers(running)
    balances = [
        *(Balance(f"{one.key}: audience = fates", one.audience, sum(one.now.values())) for one in reports),
        *await compare_books(running),
        Balance(
            "answers received = touches in + unmatched + repeats",
            answers["received"],
            answers["replies"] + answers["automatic"] + answers["unmatched"] + answers["repeats"],
        ),
        Balance(
            "what customers said = answers received, once each",
            answers["said"],
            answers["received"] - answers["repeats"],
        ),
    ]
    return {
        "seconds": round(seconds, 1),
        "until": running.runtime.clock().astimezone(SHANGHAI).isoformat(timespec="minutes"),
        "stats": await find.count_stats(),
        "campaigns": [asdict(report) for report in reports],
        "answers": answers,
        "tasks": dict(await visits.count_open()),
        **await matched(),
        "desk": await desk_counts(running.runtime),
        "visits": await planned_lists.count_all(),
        "balance": [{**asdict(balance), "holds": balance.holds} for balance in balances],
        "addresses": {**running.addresses(), "log_in": f"{running.web.url}{demo_path(running.runtime)}"},
    }


async def compare_books(running: House) -> list[Balance]:
    """The providers' own books against ours, of every channel that either knows of. What is uncertain with us counts as
    far as it stands in theirs: it may have arrived or not.
    """
    assert running.sandbox is not None
    sent, unknown = Counter(await sent_by_channel()), Counter(await unknown_by_channel())
    theirs = Counter(running.sandbox.stage.ledger.counts())
    arrived = unknown & (theirs - sent)
    return [
        Balance(f"{channel}: sandbox ledger = ledger sent", theirs[channel], sent[channel] + arrived[channel])
        for channel in sorted({*theirs, *sent})
        if theirs[channel] or sent[channel]
    ]


async def _answers(running: House) -> dict[str, int]:
    assert running.sandbox is not None
    kinds, events = await touches.count_by_kind(), Counter(await count_events())

    def told(outcome: str) -> int:
        return events[f"reply:{outcome}"] + events[f"auto_reply:{outcome}"]

    return {
        "said": len(running.sandbox.customers.said),
        "received": told("applied") + told("unmatched") + told("repeat"),
        "replies": kinds.get(("in", "reply"), 0),
        "automatic": kinds.get(("in", "auto_reply"), 0),
        "unmatched": told("unmatched"),
        "repeats": told("repeat"),
        "opt_outs": kinds.get(("in", "opt_out"), 0),
        "returns": kinds.get(("in", "return"), 0),
    }


def check(balances: Sequence[Mapping[str, Any]]) -> None:
    """Exit 1 where the books do not balance, naming the lines: the document is out, and stays the only one."""
    if wrong := [f"{one['name']}: {one['left']} ≠ {one['right']}" for one in balances if not one["holds"]]:
        print(f"huifang: 对账不平 (the books do not balance): {'; '.join(wrong)}", file=sys.stderr)
        raise SystemExit(1)


def _print(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str), flush=True)
        return
    answers = found["answers"]
    show(
        [
            *status_lines(found["campaigns"]),
            "",
            f"回答 {answers['received']} 条：人写的 {answers['replies']}，自动回复 {answers['automatic']}，"
            f"认不出是谁 {answers['unmatched']}，重复推送 {answers['repeats']}；"
            f"网页退订 {answers['opt_outs']}，回流 {answers['returns']}",
            f"要人处理的任务：{_tasks(found['tasks']) or '没有'}",
            "",
            table(
                ("对账", "左", "右", "相等"),
                [[one["name"], one["left"], one["right"], one["holds"]] for one in found["balance"]],
            ),
            "",
            f"用时 {found['seconds']} 秒，虚拟时间走到 {found['until']}",
        ]
    )


def _tasks(found: Mapping[str, int]) -> str:
    return "  ".join(f"{task_words(name)} {count}" for name, count in sorted(found.items()))


def _tick(moment: datetime, as_json: bool) -> None:
    if not as_json and sys.stderr.isatty():
        print(f"\r  {moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M} ", end="", file=sys.stderr, flush=True)


def _say(text: str, as_json: bool) -> None:
    if not as_json:
        print(text, flush=True)

"""The commands: names and options. Each imports what it needs only when it runs, so that --help is quick."""

import logging
import os
import sys

import typer

from bot.cli import (
    backing_up,
    campaigns,
    data,
    dkim,
    fairs,
    gifts,
    inbox,
    matching,
    people,
    programs,
    results,
    running,
    scoring,
    segments,
    staff,
    visits,
    wechat,
)
from bot.cli.parts import print_json
from campaigns.errors import Interrupted, OutreachError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    help="Huifang 回访: find sleeping enterprise members, write to them, hear the answer.",
)
app.add_typer(running.app)
app.add_typer(backing_up.app)
app.add_typer(data.app)
app.add_typer(scoring.app)
app.add_typer(scoring.tiers_app, name="tiers")
app.add_typer(matching.app)
app.add_typer(matching.introductions, name="introductions")
app.add_typer(fairs.app, name="fairs")
app.add_typer(people.app)
app.add_typer(segments.app, name="segment")
app.add_typer(campaigns.app, name="campaign")
app.add_typer(data.member_app, name="member")
app.add_typer(data.inspect_app, name="inspect")
app.add_typer(dkim.app, name="dkim")
app.add_typer(gifts.app, name="gift")
app.add_typer(staff.app, name="staff")
app.add_typer(inbox.app, name="inbox")
app.add_typer(visits.app, name="visits")
app.add_typer(visits.care_app, name="care")
app.add_typer(visits.absence_app, name="absence")
app.add_typer(results.visit_app, name="visit")
app.add_typer(results.problems_app, name="problems")
app.add_typer(results.promises_app, name="promises")
app.add_typer(results.plans_app, name="plans")
app.add_typer(wechat.app, name="wechat")
app.add_typer(programs.api_app, name="api")
app.add_typer(programs.hook_app, name="webhook")


def main() -> None:
    """Run a command: exit 0, 1 with a one-line reason, or 2 for wrong usage."""
    os.umask(0o077)  # the database, its copies and the rejected rows hold people's addresses
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except Interrupted as exc:
        _say(str(exc))
        raise SystemExit(130) from None
    except OutreachError as exc:
        _say(str(exc))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as exc:
        from bot.database import is_away

        if not is_away(exc):
            raise
        _say(
            "数据库读写不了：盘满了，断开了，或者被别人占着。腾出地方再来，已经写进去的都还在"
            f" (the database is away or the disk is full: {exc})"
        )
        raise SystemExit(1) from None


def _say(problem: str) -> None:
    """For people on stderr; for a program the one document it asked for."""
    print(f"huifang: {problem}", file=sys.stderr)
    if "--json" in sys.argv:
        print_json({"error": problem})

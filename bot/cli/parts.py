"""What every command is made of: its common options, settings, an event loop, one way to print."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="The moment asked about: 2026-11-21 (09:00) or …T14:30.")
]


def settings() -> Any:
    from bot.settings import check_templates, home, load_settings

    found = load_settings(env_file=home() / ".env")
    check_templates(found)
    # Only our own: below WARNING the libraries write every statement and request, with whatever is in them.
    for ours in ("bot", "campaigns"):
        logging.getLogger(ours).setLevel(found.log_level)
    return found


def moment(as_of: str | None) -> datetime | None:
    from bot.commands.moments import parse_as_of

    return parse_as_of(as_of) if as_of else None


def run(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(make())


def print_found(found: Any, as_json: bool, lines: Callable[[Any], Any]) -> None:
    if as_json:
        print_json(found)
        return
    from bot.commands.printing import show

    show(lines(found))


def print_json(found: Any) -> None:
    import orjson

    left = orjson.dumps(found, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n"
    while left:  # with PYTHONUNBUFFERED a pipe takes only what it has room for
        left = left[sys.stdout.buffer.write(left) or 0 :]
    sys.stdout.buffer.flush()

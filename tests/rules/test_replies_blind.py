"""Two sets of replies by authors who saw neither the keyword table nor its examples.

The first has been looked at since, to find what was missing; the second was read once, before that. Neither may be
used for training, and no reply may be dropped for being read wrongly.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from campaigns.intents import IntentTable, load_table, read_intent

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(ROOT / "templates" / "auto_replies")


@pytest.fixture(params=["replies_blind.toml", "replies_blind_2.toml"])
def replies(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    text = (ROOT / "tests" / "data" / request.param).read_text(encoding="utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)["reply"]
    return found


def test_at_least_98_of_100_requests_to_stop_do_stop(replies: list[dict[str, Any]], table: IntentTable) -> None:
    asked = [reply["text"] for reply in replies if reply["stop"]]
    missed = [text for text in asked if not read_intent(text, table).stops]
    assert len(missed) <= 0.02 * len(asked), missed


def test_at_most_5_of_100_other_replies_stop(replies: list[dict[str, Any]], table: IntentTable) -> None:
    others = [reply["text"] for reply in replies if not reply["stop"]]
    stopped = [text for text in others if read_intent(text, table).stops]
    assert len(stopped) <= 0.05 * len(others), stopped


def test_at_least_70_of_100_replies_get_the_right_intent(replies: list[dict[str, Any]], table: IntentTable) -> None:
    right = [reply for reply in replies if read_intent(reply["text"], table).intent == reply["intent"]]
    assert len(right) >= 0.70 * len(replies)


def test_what_does_not_stop_is_never_called_a_stop(replies: list[dict[str, Any]], table: IntentTable) -> None:
    readings = [read_intent(reply["text"], table) for reply in replies]
    assert [r.matched for r in readings if r.intent == "stop" and not r.stops] == []

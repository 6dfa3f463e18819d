"""What a process need not load: the classifier that reads customers' words is a hundred megabytes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_HEAVY = {"campaigns.intents", "sklearn", "scipy"}
_OPEN_A_RUNTIME = """
import asyncio, sys
from bot.commands import working
from bot.database import open_database
from bot.runtime import open_runtime
from bot.settings import load_settings

async def open_it():
    settings = load_settings(env_file=None, huifang_var=sys.argv[1])
    async with open_database(settings), open_runtime(settings):
        print(*sys.modules)

asyncio.run(open_it())
"""


def test_a_process_that_only_sends_does_not_load_the_classifier(tmp_path: Path) -> None:
    """Not even with everything open that it sends with."""
    assert _HEAVY & _loaded(_OPEN_A_RUNTIME, str(tmp_path)) == set()


@pytest.mark.parametrize("module", ["bot.worker", "bot.sender", "bot.runtime", "campaigns.replies.receipts"])
def test_what_sends_can_be_imported_without_the_classifier(module: str) -> None:
    assert _HEAVY & _loaded(f"import sys, {module}; print(*sys.modules)") == set()


def _loaded(program: str, *arguments: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(found.stdout.split())

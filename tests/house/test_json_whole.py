"""What a command prints as JSON arrives whole, however slowly it is read."""

import os
import subprocess
import sys
import time

_PRINTS = "from bot.cli.parts import print_json; print_json(['x' * 100] * 3000)"


def test_a_pipe_that_is_read_slowly_gets_all_of_the_json() -> None:
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([sys.executable, "-c", _PRINTS], stdout=subprocess.PIPE, env=env) as process:
        time.sleep(1)  # until the pipe is full
        found, _ = process.communicate(timeout=60)
    assert len(found) == 3000 * 103 + 2

"""Mail on the wire: our pool and smtp-source to the same smtp-sink, by turns. Run: python -m tests.benchmarks.smtp_wire

Prints messages a second, CPU a message of the client and of the sink, and the ratio to the best smtp-source.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import time
from dataclasses import dataclass

import uvloop

from bot.channels.envelopes import Accepted, Envelope
from bot.channels.smtp import SmtpPool, SmtpServer
from tests import servers
from tests.benchmarks.readings import cpu_seconds

_WIDTHS = (10, 50)
_ROUNDS = 3
_GROUP = 50  # as the sender hands them in, a few groups at once
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Pass:
    """One stretch of messages: how many a second, and microseconds of CPU a message."""

    what: str
    per_second: float
    client_us: float
    sink_us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=12_000)
    arguments = parser.parse_args()
    content = mail_of(arguments.bytes)
    best: dict[str, Pass] = {}
    with servers.smtp_sink() as sink:
        for _ in range(_ROUNDS):
            for width in _WIDTHS:
                for made in (source(sink, width, arguments), ours(sink, width, arguments.messages, content)):
                    known = best.get(made.what)
                    if known is None or made.per_second > known.per_second:
                        best[made.what] = made
    print(table(list(best.values())))


def mail_of(size: int) -> bytes:
    """Headers, and a body like base64's: lines of 76 that never begin with a dot."""
    head = b"Subject: x\r\nFrom: <a@b.example>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    line = b"5LqL5Lia5Y2V5L2N5oub6IGY" * 4
    lines = (size - len(head)) // 78
    return head + (line[:76] + b"\r\n") * lines


def source(sink: servers.Sink, sessions: int, arguments: argparse.Namespace) -> Pass:
    """smtp-source on kept connections: C, and no ledger to keep."""
    program, surroundings = servers.postfix_program("smtp-source")
    command = [program, "-d", "-s", str(sessions), "-m", str(arguments.messages), "-l", str(arguments.bytes)]
    command += ["-f", "a@b.example", "-t", "c@d.example", f"inet:127.0.0.1:{sink.port}"]
    before, theirs, began = _children_cpu(), cpu_seconds(sink.pid), time.perf_counter()
    subprocess.run(command, env=surroundings, check=True)
    seconds = time.perf_counter() - began
    return _made(
        f"smtp-source -d -s {sessions}",
        arguments.messages,
        seconds,
        _children_cpu() - before,
        cpu_seconds(sink.pid) - theirs,
    )


def ours(sink: servers.Sink, width: int, count: int, content: bytes) -> Pass:
    before, theirs = sink.received(), cpu_seconds(sink.pid)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds, cpu = runner.run(_send(sink.port, width, count, content))
    theirs = cpu_seconds(sink.pid) - theirs
    assert sink.received() - before == count, "not every message arrived"
    return _made(f"SmtpPool, {width} connections", count, seconds, cpu, theirs)


async def _send(port: int, width: int, count: int, content: bytes) -> tuple[float, float]:
    server = SmtpServer("127.0.0.1", port, "mail.example.com", starttls=False, per_connection=count)
    pool = SmtpPool(server, width)
    groups = iter([range(start, min(start + _GROUP, count)) for start in range(0, count, _GROUP)])

    async def lane() -> None:
        for group in groups:
            outcomes = await pool.send([_envelope(number, content) for number in group])
            assert all(isinstance(outcome, Accepted) for outcome in outcomes)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(lane() for _ in range(_AT_ONCE)))
    spent = time.perf_counter() - began, time.process_time() - cpu
    await pool.close()
    return spent


def _envelope(number: int, content: bytes) -> Envelope:
    return Envelope(f"m{number}", f"bounce+m{number}@b.example", f"to{number}@d.example", content)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _made(what: str, count: int, seconds: float, client: float, sink: float) -> Pass:
    return Pass(what, count / seconds, client / count * 1e6, sink / count * 1e6)


def table(passes: list[Pass]) -> str:
    limit = max(made.per_second for made in passes if made.what.startswith("smtp-source"))
    lines = [f"{'':28} {'msg/s':>8} {'client µs':>10} {'sink µs':>8} {'of limit':>9}"]
    lines += [
        f"{made.what:28} {made.per_second:8,.0f} {made.client_us:10.1f} {made.sink_us:8.1f} "
        f"{made.per_second / limit:9.2f}"
        for made in passes
    ]
    return "\n".join([*lines, f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"])


if __name__ == "__main__":
    main()

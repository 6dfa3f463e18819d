"""What a process costs: CPU and memory as the kernel counts them, and with PROFILE=1 where the CPU goes."""

import contextlib
import cProfile
import os
import pstats
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SHOWN = 40


@dataclass(slots=True)
class Stopwatch:
    """Wall time and the CPU of processes beside us. `processes`: a name → the pid it goes by, with its children."""

    processes: dict[str, int]
    _began: float = 0.0
    _before: dict[str, float] | None = None

    def start(self) -> None:
        self._before = {name: cpu_seconds(pid) for name, pid in self.processes.items()}
        self._began = time.monotonic()

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU since the start."""
        assert self._before is not None
        return {name: cpu_seconds(pid) - self._before[name] for name, pid in self.processes.items()}

    def wall(self) -> float:
        return time.monotonic() - self._began


def cpu_seconds(pid: int) -> float:
    """Of this process, its living children and those it has buried. 0.0 where it is not on this machine."""
    own = _stat(pid)
    if own is None:
        return 0.0
    living = (stat for child in _children(pid) if (stat := _stat(child)))
    return (sum(own) + sum(stat[0] + stat[1] for stat in living)) / _TICKS


def own_cpu() -> float:
    """Seconds of CPU of this process, finer than `cpu_seconds`."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def profiled() -> Iterator[None]:
    """With PROFILE=1: the functions with the most time of their own, then ours with all below them, on stderr."""
    if not os.environ.get("PROFILE"):
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        stats = pstats.Stats(profile, stream=sys.stderr)
        stats.sort_stats("tottime").print_stats(_SHOWN)
        stats.sort_stats("cumtime").print_stats(r"/(bot|campaigns)/", _SHOWN)


def peak_mb(pid: int | str = "self") -> float:
    """The most memory a process has held. Not ru_maxrss: a child inherits its parent's."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def parent_of(pid: int) -> int:
    return int(_fields(pid)[1])


def file_system(path: Path) -> str:
    """The kind of file system a path is on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    path = path.resolve()
    fitting = [(point, kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(fitting, key=lambda found: len(found[0]), default=("", "?"))[1]


def _stat(pid: int) -> tuple[int, int, int, int] | None:
    """utime, stime, cutime, cstime in ticks."""
    try:
        found = _fields(pid)[11:15]
    except OSError:
        return None
    return int(found[0]), int(found[1]), int(found[2]), int(found[3])


def _fields(pid: int) -> list[str]:
    """What /proc says after the name, which may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

"""`make bench`: every figure, or those BENCH names. BENCH_COUNT=20000 for a quick look, PROFILE=1 for where it goes."""

import os
import signal
import sys
from collections.abc import Callable

from rich.console import Console

from tests.benchmarks.audiences import planning, segments
from tests.benchmarks.bench import Bench, WrongResult, progress_on
from tests.benchmarks.brief import brief
from tests.benchmarks.callbacks import webhook
from tests.benchmarks.figures import Figures, as_line, show_table
from tests.benchmarks.http_channels import channels
from tests.benchmarks.importing import import_members
from tests.benchmarks.mail import email, email_dkim, email_sqlite, scale
from tests.benchmarks.pacing import pacing
from tests.benchmarks.pages import pages
from tests.benchmarks.site_database import read_database
from tests.benchmarks.visiting import visits
from tests.servers import MissingServer

Part = Callable[[Bench], dict[str, Figures]]

PARTS: dict[str, Part] = {
    "email": email,
    "email_sqlite": email_sqlite,
    "email_dkim": email_dkim,
    "scale": scale,
    "planning": planning,
    "import": import_members,
    "site": read_database,
    "channels": channels,
    "webhook": webhook,
    "segments": segments,
    "pacing": pacing,
    "pages": pages,
    "visits": visits,
    "brief": brief,
}


def main() -> None:
    """Exit 1 where a part could not be measured, 2 where BENCH names none."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and folders are put away
    aside = Console(stderr=True)
    found: dict[str, Figures] = {}
    missed: list[str] = []
    for name in _chosen():
        aside.rule(name)
        try:
            with progress_on(aside) as progress:
                found |= PARTS[name](Bench(aside, progress))
        except (MissingServer, WrongResult) as exc:
            missed.append(f"{name}: {exc}")
        except Exception as exc:  # what was measured before it is not lost, and the others may still work
            aside.print_exception()
            missed.append(f"{name}: {type(exc).__name__}: {exc}")
    out = Console()
    show_table(out, found)
    for line in missed:
        out.print(f"not measured: {line}", style="red")
    print(as_line(found))
    sys.exit(1 if missed else 0)


def _chosen() -> list[str]:
    asked = [name.strip() for name in os.environ.get("BENCH", "").split(",") if name.strip()]
    if unknown := [name for name in asked if name not in PARTS]:
        print(f"BENCH: there is no {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        sys.exit(2)
    return asked or list(PARTS)


if __name__ == "__main__":
    main()

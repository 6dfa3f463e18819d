"""How long work and long-lived processes keep the collector of unused objects from being in the way."""

import contextlib
import gc
from collections.abc import Iterator

_YOUNG = 20000  # objects between two looks; a group of messages makes a few thousand


def settle_down() -> None:
    """Take what was loaded at the start out of the collector's sight: it stays, and looking through it again and again
    cost a sending worker a twentieth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)


@contextlib.contextmanager
def bulk_work() -> Iterator[None]:
    """Thousands of objects come and go in bulk: fewer looks at them, and the usual ones again afterwards."""
    usual = gc.get_threshold()
    gc.set_threshold(_YOUNG, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)

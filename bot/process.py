"""What a process that stays does once it is up."""

import gc

_YOUNG = 20000  # objects between two looks; a group of messages makes a few thousand


def settle_down() -> None:
    """Take what was loaded at the start out of the collector's sight: it stays, and looking through it again and again
    cost a sending worker a twentieth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)

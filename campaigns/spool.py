"""Things put aside on disk, in their order: a million rows cost no memory, and reading them back is quicker than
parsing them again.
"""

import pickle
import tempfile
from collections.abc import Iterator
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Spool(Generic[Thing]):
    """A file without a name: only this process can read it, and it is gone with the object."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the object
        self._things = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, thing: Thing) -> None:
        """Best many rows at a time: each thing is written by itself."""
        self._file.seek(0, 2)
        pickle.dump(thing, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._things += 1

    def __iter__(self) -> Iterator[Thing]:
        place = 0
        for _ in range(self._things):
            self._file.seek(place)
            thing: Thing = pickle.load(self._file)  # noqa: S301 our own, in a file nobody else can open
            place = self._file.tell()
            yield thing

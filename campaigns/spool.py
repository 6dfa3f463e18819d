"""Rows put aside on disk, in their order: a million of them cost no memory, and reading them back is quicker than
parsing them again.
"""

import pickle
import tempfile
from collections.abc import Iterator
from typing import Any

_CHUNK = 1000


class Spool:
    """A file without a name: only this process can read it, and it is gone with the object."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the object
        self._latest: list[tuple[Any, ...]] = []
        self._chunks = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, row: tuple[Any, ...]) -> None:
        self._latest.append(row)
        if len(self._latest) == _CHUNK:
            self._write()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if self._latest:
            self._write()
        place = 0
        for _ in range(self._chunks):
            self._file.seek(place)
            chunk = pickle.load(self._file)  # noqa: S301 our own, in a file nobody else can open
            place = self._file.tell()
            yield from chunk

    def _write(self) -> None:
        self._file.seek(0, 2)
        pickle.dump(self._latest, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._latest = []
        self._chunks += 1

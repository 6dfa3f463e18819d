"""What many callers bring at the same moment, written in groups: who comes while one is written goes with the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Intake(Generic[T, R]):
    """`write(items)` gives one result for each, in order; nobody has an answer before it has returned.

    A caller's items stay together, and a group is no larger than `largest` unless one caller alone is. Nobody waits
    for a group to fill: alone, an item is written at once. Where `write` raises, all callers of that group are told.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]], largest: int = 256) -> None:
        self._write = write
        self._largest = largest
        self._waiting: deque[tuple[Sequence[T], asyncio.Future[Sequence[R]]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def take(self, items: Sequence[T]) -> Sequence[R]:
        answer: asyncio.Future[Sequence[R]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="intake")
        return await answer

    async def _write_all(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                results = await self._write([item for items, _ in group for item in items])
            except Exception as exc:
                for _, answer in group:
                    if not answer.done():
                        answer.set_exception(exc)
                continue
            start = 0
            for items, answer in group:
                if not answer.done():  # the caller may have gone
                    answer.set_result(results[start : start + len(items)])
                start += len(items)

    def _next_group(self) -> list[tuple[Sequence[T], "asyncio.Future[Sequence[R]]"]]:
        group, size = [self._waiting.popleft()], 0
        size = len(group[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= self._largest:
            group.append(self._waiting.popleft())
            size += len(group[-1][0])
        return group

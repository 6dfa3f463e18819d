"""The intake: who comes while a group is written goes with the next, and nobody has an answer before its own is."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.intake import Intake


class _Book:
    """Writes when it is let, and remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_write = asyncio.Event()

    async def write(self, items: Sequence[int]) -> list[str]:
        self.groups.append(list(items))
        await self.may_write.wait()
        if 13 in items:
            raise ValueError("13")
        return [f"wrote {item}" for item in items]


@pytest.fixture
def book() -> _Book:
    return _Book()


async def test_who_comes_alone_is_written_at_once(book: _Book) -> None:
    book.may_write.set()
    assert await Intake(book.write).take([1]) == ["wrote 1"]
    assert book.groups == [[1]]


async def test_who_comes_while_a_group_is_written_goes_with_the_next(book: _Book) -> None:
    intake = Intake(book.write)
    callers = [asyncio.create_task(intake.take([1]))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    callers += [asyncio.create_task(intake.take(items)) for items in ([2], [3, 4], [5])]
    await asyncio.sleep(0)
    assert book.groups == [[1]]
    assert not any(caller.done() for caller in callers)
    book.may_write.set()
    assert await asyncio.gather(*callers) == [["wrote 1"], ["wrote 2"], ["wrote 3", "wrote 4"], ["wrote 5"]]
    assert book.groups == [[1], [2, 3, 4, 5]]


async def test_a_group_has_a_size_and_one_callers_items_stay_together(book: _Book) -> None:
    book.may_write.set()
    intake = Intake(book.write, largest=3)
    await asyncio.gather(*(intake.take(items) for items in ([1, 2], [3, 4], [5], [6, 7, 8, 9])))
    assert book.groups == [[1, 2], [3, 4, 5], [6, 7, 8, 9]]


async def test_a_group_that_fails_is_told_to_its_callers_and_the_next_one_is_written(book: _Book) -> None:
    intake = Intake(book.write)
    first = asyncio.gather(intake.take([13]), intake.take([1]), return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(intake.take([2]))
    book.may_write.set()
    assert [type(problem) for problem in await first] == [ValueError, ValueError]
    assert await second == ["wrote 2"]


async def test_a_caller_that_has_gone_keeps_nobody_from_an_answer(book: _Book) -> None:
    intake = Intake(book.write)
    gone, stays = asyncio.create_task(intake.take([1])), asyncio.create_task(intake.take([2]))
    await asyncio.sleep(0)
    gone.cancel()
    book.may_write.set()
    assert await stays == ["wrote 2"]
    assert gone.cancelled()

"""One page of a list that is in memory already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.requests import Request

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Paged(Generic[Row]):
    """`first`: the place of the first row among all, from 1."""

    rows: Sequence[Row]
    number: int
    pages: int
    first: int
    total: int


def page_of(request: Request, rows: Sequence[Row], most: int) -> Paged[Row]:
    """The page that the address asks for, the nearest there is."""
    given = request.query_params.get("page", "1")
    asked = int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 1
    pages = max(1, -(-len(rows) // most))
    number = min(max(1, asked), pages)
    first = (number - 1) * most
    return Paged(rows[first : first + most], number, pages, first + 1, len(rows))

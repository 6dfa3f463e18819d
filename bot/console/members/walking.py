"""From one member of a list to the next: the list and one's place in it go along in the address."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request

from bot.console.members.address import asked_of, kept_of, list_url, rules_asked
from campaigns.members.browse import PAGE, number_at

_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Walk:
    """`place` in the list, the first is 1; `back` to its page of the list; `following` is empty at its end."""

    place: int
    back: str
    following: str


def walk_url(number: str, query: str, place: int) -> str:
    """A member's page, come to from the list of an address's `query`."""
    return f"/members/{quote(number, safe='')}?{urlencode({'list': query, 'at': place})}"


async def walk_of(request: Request) -> Walk | None:
    """None for who did not come from a list."""
    query, at = request.query_params.get("list", "")[:_LONGEST], request.query_params.get("at", "")
    if "list" not in request.query_params or not (at.isascii() and at.isdigit() and len(at) < 8 and int(at)):
        return None
    place, given = int(at), dict(parse_qsl(query))
    sieve = await asked_of(request, given)
    following, kept = await number_at(sieve, place + 1), urlencode(kept_of(given))
    back = list_url(sieve, page=(place - 1) // PAGE + 1, rules=rules_asked(given))
    return Walk(place, back, walk_url(following, kept, place + 1) if following else "")

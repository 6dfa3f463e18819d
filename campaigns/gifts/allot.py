"""One plan of gifts: tiers from the top, each served whole before the next is asked.

What always holds, whatever is given in: the total is within the budget, no gift is given more often than there are
pieces, nobody has the same gift again within the time, and nobody gets more than anybody in a higher tier who could be
given something. A tier for which the money does not go round gets cheaper gifts rather than gifts for some of it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from campaigns.gifts.values import Allotted, Candidate, Gift, GiftRules, Kept, Line, Manner, Obstacle, Why
from campaigns.terms import Tier

_NO_LIMIT = 10**9
_OUT_OF_QUESTION = frozenset({Obstacle.TASTE, Obstacle.HISTORY, Obstacle.STOCK})


def allot(
    candidates: Iterable[Candidate], gifts: Sequence[Gift], rules: GiftRules, kept: Collection[Kept] = ()
) -> Allotted:
    """A line for each candidate. The same plan for the same input, in whatever order it comes.

    `kept` was handed over before: it is paid from the same money, and bounds the tiers below as a new line does.
    """
    money = rules.budget - sum(one.value for one in kept)
    store = _Store(max(money, 0), Counter({gift.id: gift.stock for gift in gifts}))
    asked = sorted(candidates, key=lambda one: (-one.rank, one.member_id))
    lines: list[Line] = []
    ceiling, holder = _NO_LIMIT, None
    for tier in Tier:
        members = [one for one in asked if one.tier is tier]
        served = _serve(members, gifts, rules, store, ceiling)
        lines += [_named(line, holder) for line in served]
        bounding = [(line.value, line.member_id) for line in served if bounds(line)]
        bounding += [(one.value, one.member_id) for one in kept if one.tier is tier]
        least, member_id = min(bounding, default=(_NO_LIMIT, None), key=lambda one: one[0])
        if least < ceiling:
            ceiling, holder = least, member_id
    return Allotted(tuple(lines), sum(line.value for line in lines))


def bounds(line: Line) -> bool:
    """Whether nobody below may get more: not where no gift at all came into question for the member."""
    return bool(line.gifts) or line.obstacle not in _OUT_OF_QUESTION


def _named(line: Line, holder: int | None) -> Line:
    return replace(line, held_by=holder) if line.obstacle is Obstacle.HIGHER else line


@dataclass(slots=True)
class _Store:
    """What is left of the money and of each gift. `short`: somebody would have got a gift, and the money was gone."""

    money: int
    pieces: Counter[int] = field(default_factory=Counter)
    short: bool = False

    def copy(self) -> "_Store":
        return _Store(self.money, Counter(self.pieces))

    def take(self, bundle: Sequence[Gift]) -> None:
        self.money -= sum(gift.value for gift in bundle)
        for gift in bundle:
            self.pieces[gift.id] -= 1

    def has(self, bundle: Sequence[Gift]) -> bool:
        return all(self.pieces[gift.id] > 0 for gift in bundle)


@dataclass(frozen=True, slots=True)
class _Limits:
    """The most a member may get: `most` for the money to go round, `ceiling` for those above them."""

    most: int
    ceiling: int


def _serve(
    members: Sequence[Candidate], gifts: Sequence[Gift], rules: GiftRules, store: _Store, ceiling: int
) -> list[Line]:
    """The dearest gifts for which the money goes round; where it never does, the cheapest for as many as it reaches."""
    offers = {one.member_id: _bundles(one, gifts, rules) for one in members}
    found: list[Line] = []
    for most in _steps(offers, store, ceiling) or [0]:
        tried, limits = store.copy(), _Limits(most, ceiling)
        found = [_choose(one, offers[one.member_id], gifts, rules, tried, limits) for one in members]
        if not tried.short:
            break
    for line in found:
        store.take(line.gifts)
    return found


def _steps(offers: Mapping[int, Sequence["_Bundle"]], store: _Store, ceiling: int) -> list[int]:
    """What a member of this tier may get at most, from the dearest down, of what there is."""
    there = (bundle for some in offers.values() for bundle in some if store.has(bundle.gifts))
    return sorted({bundle.value for bundle in there if bundle.value <= ceiling}, reverse=True)


@dataclass(frozen=True, slots=True)
class _Bundle:
    """`instead`: the house gift of a first visit that it does without, where that alone is out of reach."""

    gifts: tuple[Gift, ...]
    why: tuple[Why, ...]
    liking: int
    instead: tuple[Gift, ...] = ()

    @property
    def value(self) -> int:
        return sum(gift.value for gift in self.gifts)


def _bundles(one: Candidate, gifts: Sequence[Gift], rules: GiftRules) -> list[_Bundle]:
    """What they could be given, best first: what they like, then what they never had, then what is worth more."""
    if one.manner is Manner.MESSAGE:
        return []
    may = [gift for gift in gifts if _allowed(one, gift, rules)]
    new = one.manner is Manner.VISIT and not one.visited
    house = sorted((gift for gift in may if gift.house), key=lambda gift: (-gift.value, gift.id)) if new else []
    first = _Bundle((house[0],), (Why.HOUSE,), 0) if house else None
    of_level = [gift for gift in may if not gift.house and gift.value <= rules.levels.get(one.tier, 0)]
    found = sorted((_bundle(one, gift, first) for gift in of_level), key=_order)
    if first is None:
        return found
    without = (replace(_bundle(one, gift, None), instead=first.gifts) for gift in of_level)
    return [*found, first, *sorted(without, key=_order)]


def _order(bundle: _Bundle) -> tuple[int, int, list[int]]:
    return -bundle.liking, -bundle.value, [gift.id for gift in bundle.gifts]


def _bundle(one: Candidate, gift: Gift, first: _Bundle | None) -> _Bundle:
    liked = bool(gift.tastes & one.likes)
    new = gift.id not in one.had
    why = ((Why.TASTE,) if liked else ()) + (Why.NEW if new else Why.AGAIN,)
    given, said = (first.gifts, first.why) if first else ((), ())
    return _Bundle((*given, gift), (*said, *why), 2 * liked + new)


def _allowed(one: Candidate, gift: Gift, rules: GiftRules) -> bool:
    return gift.value > 0 and not too_soon(one.had.get(gift.id), rules) and not gift.tastes & one.dislikes


def too_soon(last: date | None, rules: GiftRules) -> bool:
    """Whether somebody who had it last then may not have it again yet."""
    return last is not None and rules.day < months_later(last, rules.months_between)


def months_later(day: date, months: int) -> date:
    """The same day of a later month; the last of it where that month is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def _choose(
    one: Candidate, offers: Sequence[_Bundle], gifts: Sequence[Gift], rules: GiftRules, store: _Store, limits: "_Limits"
) -> Line:
    """The best that is there, and takes it out of `store`; with it what a better one lost to."""
    lost: list[Obstacle] = []
    for bundle in offers:
        if bundle.instead and (without := _against(bundle.instead, store, limits)) is None:
            continue
        obstacle = _against(bundle.gifts, store, limits)
        if obstacle is None:
            store.take(bundle.gifts)
            reason = without if bundle.instead else next(iter(lost), None)
            return Line(one.member_id, one.tier, bundle.gifts, bundle.why, reason)
        lost.append(obstacle)
    if not lost:
        return Line(one.member_id, one.tier, obstacle=_nothing(one, gifts, rules))
    there = (obstacle for obstacle in lost if obstacle is not Obstacle.STOCK)
    return Line(one.member_id, one.tier, obstacle=next(there, Obstacle.STOCK))


def _against(given: Sequence[Gift], store: _Store, limits: "_Limits") -> Obstacle | None:
    value = sum(gift.value for gift in given)
    if not store.has(given):
        return Obstacle.STOCK
    if value > limits.ceiling:
        return Obstacle.HIGHER
    if value > limits.most:
        return Obstacle.BUDGET
    store.short |= value > store.money
    return Obstacle.BUDGET if value > store.money else None


def _nothing(one: Candidate, gifts: Sequence[Gift], rules: GiftRules) -> Obstacle:
    """Why no gift comes into question at all."""
    if one.manner is Manner.MESSAGE:
        return Obstacle.MANNER
    of_level = [gift for gift in gifts if not gift.house and 0 < gift.value <= rules.levels.get(one.tier, 0)]
    if not of_level:
        return Obstacle.LEVEL
    return Obstacle.HISTORY if any(too_soon(one.had.get(gift.id), rules) for gift in of_level) else Obstacle.TASTE

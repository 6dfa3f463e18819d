"""Companies that look for the same, at the same place: by trade, place and occupation, each group saying by what."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.matching.occupations import occupations_of
from campaigns.matching.scoring import cities_of

AT_LEAST = 3


@dataclass(frozen=True, slots=True)
class Need:
    """What one company looks for, now or, with `month`, from then on by its own plan."""

    member_id: int
    trade: str
    city: str
    role: str
    heads: int = 1
    month: date | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Similar companies. `trade` is empty where several trades look for the same."""

    trade: str
    city: str
    occupation: str
    needs: Sequence[Need]

    @property
    def key(self) -> str:
        return "|".join((self.trade, self.city, self.occupation))

    @property
    def members(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(one.member_id for one in self.needs))

    @property
    def heads(self) -> int:
        return sum(one.heads for one in self.needs)

    @property
    def planned(self) -> int:
        """Heads that are planned and not advertised yet."""
        return sum(one.heads for one in self.needs if one.month is not None)


def clusters_of(needs: Iterable[Need], *, at_least: int = AT_LEAST) -> list[Cluster]:
    """Groups of at least so many companies, the largest first.

    Of one trade, place and occupation; what is too few for that is put together over all trades.
    """
    by_trade: dict[tuple[str, str, str], list[Need]] = defaultdict(list)
    for need in needs:
        for occupation in occupations_of(need.role):
            by_trade[need.trade, _place(need.city), occupation].append(need)
    left: dict[tuple[str, str, str], list[Need]] = defaultdict(list)
    found = []
    for (trade, city, occupation), group in by_trade.items():
        if _companies(group) >= at_least:
            found.append(Cluster(trade, city, occupation, tuple(group)))
        else:
            left["", city, occupation] += group
    found += [Cluster(*key, tuple(group)) for key, group in left.items() if _companies(group) >= at_least]
    return sorted(found, key=lambda one: (-len(one.members), -one.heads, one.key))


def _place(city: str) -> str:
    return next(iter(cities_of(city)), "")


def _companies(group: Sequence[Need]) -> int:
    return len({one.member_id for one in group})

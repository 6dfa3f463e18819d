"""What others on the site pay, how often they are looked at, and where applicants are few."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from campaigns.diagnosis.values import PostingSigns
from campaigns.diagnosis_rules import Part, Thresholds


@dataclass(frozen=True, slots=True)
class Peer:
    """One live posting published or refreshed in the last 90 days (`Thresholds.peers_within`), or several `alike`."""

    member_id: int
    category: str
    parent_category: str
    city: str
    midpoint: float | None
    views: int | None
    alike: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """The live postings of one occupation in one city, and all who applied to them."""

    category: str
    city: str
    postings: int
    applicants: int


@dataclass(frozen=True, slots=True)
class Quartiles:
    """`peers`: how many values they were taken of."""

    p25: float
    p50: float
    p75: float
    peers: int


def quantile(values: Sequence[float], share: float) -> float:
    """Of values in rising order, at least one: between neighbours in a straight line (numpy's "linear", type 7)."""
    place = (len(values) - 1) * share
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def quartiles(values: Sequence[float]) -> Quartiles:
    """Of values in rising order, at least one."""
    return Quartiles(quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75), len(values))


class _Crowd:
    """The values of one group, without those of a member when it is compared with the others."""

    def __init__(self) -> None:
        self._values: list[tuple[int, float]] = []

    def add(self, member_id: int, value: float, alike: int) -> None:
        self._values.extend([(member_id, value)] * alike)

    def others(self, member_id: int) -> list[float]:
        left = self._sorted.copy()
        for value in self._of.get(member_id, ()):
            del left[bisect_left(left, value)]
        return left

    @cached_property
    def _sorted(self) -> list[float]:
        return sorted(value for _, value in self._values)

    @cached_property
    def _of(self) -> Mapping[int, Sequence[float]]:
        found: dict[int, list[float]] = defaultdict(list)
        for member_id, value in self._values:
            found[member_id].append(value)
        return found


class Market:
    """All the site's postings at one moment, asked about one at a time.

    Peers are other members' postings: who offers the same job twenty times is not a market. `held` names what the
    site's data has at all: a column that no posting fills is one the export lacks, and nobody's fault.
    """

    def __init__(
        self,
        peers: Iterable[Peer] = (),
        groups: Iterable[Group] = (),
        thresholds: Thresholds | None = None,
        held: Collection[Part] = tuple(Part),
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self.held = frozenset(held)
        self._pay: dict[tuple[str, str, str], _Crowd] = defaultdict(_Crowd)
        self._views: dict[str, _Crowd] = defaultdict(_Crowd)
        for peer in peers:
            self._add(peer)
        few = self.thresholds.scarce_postings_at_least
        self._rates = {(g.category, g.city): g.applicants / g.postings for g in groups if g.postings >= max(1, few)}

    def pay(self, post: PostingSigns, member_id: int) -> tuple[str, Quartiles] | None:
        """Whose pay it is compared with (the category, or its parent) and how it is spread; None = too few peers."""
        for kind, name in (("category", post.category), ("parent", post.parent_category)):
            found = self._spread(self._pay.get((kind, name, post.city)), member_id) if name and post.city else None
            if found:
                return name, found
        return None

    def views(self, post: PostingSigns, member_id: int) -> Quartiles | None:
        return self._spread(self._views.get(post.category), member_id) if post.category else None

    def rate(self, post: PostingSigns) -> float | None:
        """Applicants a live posting of this occupation has in this city."""
        return self._rates.get((post.category, post.city))

    @cached_property
    def scarce_below(self) -> float | None:
        """The lowest tenth of all groups lies below this many applicants a posting; None = too few groups."""
        if len(self._rates) < max(1, self.thresholds.scarce_groups_at_least):
            return None
        return quantile(sorted(self._rates.values()), self.thresholds.scarce_share)

    def _add(self, peer: Peer) -> None:
        if peer.midpoint is not None and peer.city:
            for kind, name in (("category", peer.category), ("parent", peer.parent_category)):
                if name:
                    self._pay[kind, name, peer.city].add(peer.member_id, peer.midpoint, peer.alike)
        if peer.views is not None and peer.category:
            self._views[peer.category].add(peer.member_id, peer.views, peer.alike)

    def _spread(self, crowd: _Crowd | None, member_id: int) -> Quartiles | None:
        others = crowd.others(member_id) if crowd else []
        return quartiles(others) if len(others) >= max(1, self.thresholds.peers_at_least) else None

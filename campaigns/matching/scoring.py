"""How well a seeker and a posting fit: points for what speaks for them, none at all where they cannot meet."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from campaigns.matching.occupations import occupations_of, same_title
from campaigns.matching.values import Ground, GroundKind, LivePosting, Pair, SeekerFacts, Weights

_ANYWHERE = frozenset({"", "不限", "全国", "都可以", "均可"})
_SUFFIX = re.compile(r"(?<=..)(?:省|市|区|县|镇|旗)$")
_BETWEEN = re.compile(r"[、,，;；/|\s]+")
_FIRST_NUMBER = re.compile(r"\d{1,2}")


def best_pairs(
    seekers: Iterable[SeekerFacts],
    postings: Sequence[LivePosting],
    now: datetime,
    weights: Weights | None = None,
) -> list[Pair]:
    """Each seeker who fits one of the postings, with the one that fits best; the best pair first."""
    weights = weights or Weights()
    found = [pair for seeker in seekers if (pair := _best(seeker, postings, now, weights)) is not None]
    return sorted(found, key=lambda pair: (-pair.points, not pair.seeker.video_url, pair.seeker.id))


def score(seeker: SeekerFacts, posting: LivePosting, now: datetime, weights: Weights) -> Pair | None:
    """None where the two do not meet: another occupation, another city, far too little pay, or too few points."""
    found: list[Ground] = []
    for weigh in (_city, _occupation, _pay, _years, _fresh):  # what rules most of them out first
        if (ground := weigh(seeker, posting, now, weights)) is None:
            return None
        found.append(ground)
    found[0], found[1] = found[1], found[0]
    pair = Pair(seeker, posting, tuple(one for one in found if one.points > 0))
    return pair if pair.points >= weights.at_least else None


def _best(seeker: SeekerFacts, postings: Sequence[LivePosting], now: datetime, weights: Weights) -> Pair | None:
    pairs = [pair for posting in postings if (pair := score(seeker, posting, now, weights)) is not None]
    return max(pairs, key=lambda pair: (pair.points, -pair.posting.id), default=None)


def _occupation(seeker: SeekerFacts, posting: LivePosting, now: datetime, weights: Weights) -> Ground | None:
    for title in (posting.title, posting.category):
        if same_title(seeker.wanted_job, title):
            return Ground(GroundKind.TITLE, weights.title, {"job": title})
    wanted = set(occupations_of(seeker.wanted_job))
    offered = dict.fromkeys((*occupations_of(posting.title), *occupations_of(posting.category)))
    shared = next((one for one in offered if one in wanted), None)
    if shared is None:
        return None
    return Ground(GroundKind.OCCUPATION, weights.occupation, {"job": seeker.wanted_job, "occupation": shared})


def _city(seeker: SeekerFacts, posting: LivePosting, now: datetime, weights: Weights) -> Ground | None:
    wanted, offered = cities_of(seeker.wanted_city), cities_of(posting.city)
    if not wanted or not offered:
        return Ground(GroundKind.ANYWHERE, weights.anywhere, {"city": posting.city or seeker.wanted_city})
    if any(one in other or other in one for one in wanted for other in offered):
        return Ground(GroundKind.CITY, weights.city, {"city": posting.city})
    return None


@lru_cache(maxsize=4096)
def cities_of(text: str) -> tuple[str, ...]:
    """大同市、朔州 → 大同, 朔州; nothing where any place will do."""
    parts = _BETWEEN.split(text.strip())
    return () if any(part in _ANYWHERE for part in parts) else tuple(_SUFFIX.sub("", part) for part in parts)


def _pay(seeker: SeekerFacts, posting: LivePosting, now: datetime, weights: Weights) -> Ground | None:
    offered = posting.pay_max or posting.pay_min
    if not seeker.pay or not offered:
        return Ground(GroundKind.PAY_UNKNOWN, weights.pay_unknown, {})
    figures = {"wanted": seeker.pay, "low": posting.pay_min or offered, "high": offered}
    if seeker.pay <= offered:
        return Ground(GroundKind.PAY, weights.pay, figures)
    if seeker.pay <= offered * weights.pay_near_up_to:
        return Ground(GroundKind.PAY_NEAR, weights.pay_near, figures)
    return None


def _years(seeker: SeekerFacts, posting: LivePosting, now: datetime, weights: Weights) -> Ground:
    asked = _FIRST_NUMBER.search(posting.experience)
    if seeker.years is None:
        return Ground(GroundKind.YEARS_UNKNOWN, weights.years_unknown, {})
    figures = {"years": seeker.years, "asked": int(asked[0]) if asked else 0}
    return Ground(GroundKind.YEARS, weights.years if seeker.years >= figures["asked"] else 0, figures)


def _fresh(seeker: SeekerFacts, posting: LivePosting, now: datetime, weights: Weights) -> Ground | None:
    """The whole weight on the day of registration, less and less of it later; too long ago is not new."""
    age = now - seeker.registered_at if seeker.registered_at else None
    if age is None or age > weights.fresh_within:
        return None
    left = 1 - max(age.total_seconds(), 0) / weights.fresh_within.total_seconds()
    return Ground(GroundKind.FRESH, round(weights.fresh * left), {"days": max(age.days, 0)})

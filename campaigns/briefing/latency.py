"""How long résumés wait until a member reads them, beside how long they wait on the whole site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Latency:
    """Hours from the application to the first look, of `reads` applications; None where there are none.

    `site_median` is of all members' together.
    """

    reads: int
    median: float | None = None
    worst: float | None = None
    site_median: float | None = None

    @property
    def is_slower(self) -> bool | None:
        """Than the site; None where one of both is not known."""
        if self.median is None or self.site_median is None:
            return None
        return self.median > self.site_median


def latency_of(waits: Sequence[timedelta], site_median: float | None) -> Latency:
    """A clock that ran ahead gives a look before the application: that is no wait at all."""
    hours = [max(0.0, wait / _HOUR) for wait in waits]
    if not hours:
        return Latency(0, site_median=site_median)
    return Latency(len(hours), round(median(hours), 1), round(max(hours), 1), site_median)

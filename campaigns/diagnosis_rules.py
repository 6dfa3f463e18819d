"""From which figure on something is a finding: the numbers of templates/policy.toml, [diagnosis].

Apart from the diagnosis, so that a process that only sends need not load it.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Part(StrEnum):
    """What a posting must say to be complete."""

    PHONE = "phone"
    PAY = "pay"
    HOURS = "hours"
    PLACE = "place"
    DUTIES = "duties"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something is a finding (science.md 4.4). "More than" is strict, "at least" is not."""

    unread_at_least: int = 3
    unread_longer_than: timedelta = timedelta(hours=72)
    read_slower_than: timedelta = timedelta(hours=48)
    reads_looked_at: int = 10
    reads_at_least: int = 3  # a median of fewer says nothing
    deliveries_at_least: int = 5
    needed: tuple[Part, ...] = tuple(Part)
    duties_at_least: int = 60  # characters
    pay_wider_than: float = 2.5  # times the lower end
    peers_at_least: int = 15
    peers_within: timedelta = timedelta(days=90)
    stale_after: timedelta = timedelta(days=14)
    no_apply_for: timedelta = timedelta(days=14)
    scarce_share: float = 0.1
    scarce_postings_at_least: int = 5  # of a group, before its applicants are compared
    scarce_groups_at_least: int = 10
    audit_longer_than: timedelta = timedelta(hours=24)
    notify_failures_at_least: int = 2
    mail_bounces_at_least: int = 1
    login_errors_at_least: int = 1
    faults_within: timedelta = timedelta(days=30)
    renew_from: int = 10  # days ahead, both included
    renew_to: int = 20
    visited_within: timedelta = timedelta(days=25)

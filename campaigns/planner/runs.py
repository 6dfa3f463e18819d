"""One dated run of a campaign, stored or only imagined, and what planning goes by beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from campaigns.calendar import Festival, WorkCalendar
from campaigns.content import Compiled
from campaigns.definitions import CampaignRow
from campaigns.errors import InputError
from campaigns.folders import Definition, compiled_content, parse_definition
from campaigns.outbox import OccurrenceRow
from campaigns.policy import PolicySettings
from campaigns.reach import COUNTED, CampaignRules
from campaigns.schedule import Due, OnStart, Recurring, due_occurrences, parse_schedule
from campaigns.segments import Segment, parse_segment
from campaigns.terms import SHANGHAI

_HORIZON = timedelta(days=400)  # every festival comes round within it


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What planning goes by beside the campaign itself."""

    policy: PolicySettings
    calendar: WorkCalendar
    holdout_secret: bytes
    site: Mapping[str, str]
    rest: int = 10  # days before a renewal without a visit


@dataclass(frozen=True)
class Run:
    """One dated run of a campaign, stored or only imagined (preview)."""

    campaign_id: int | None
    definition: Definition
    content: Compiled
    key: str
    at: datetime
    useless_at: datetime | None
    festival: Festival | None
    extra: Mapping[str, object]  # variables all its words share

    @cached_property
    def rules(self) -> CampaignRules:
        return CampaignRules(
            message_class=self.definition.message_class,
            channels=self.definition.channels,
            useless_at=self.useless_at,
            wechat_modes=self.content.wechat_modes,
            subscribe_template=self.content.subscribe_template,
            unapproved=self.content.unapproved,
            by_hand=self.definition.by_hand,
        )

    @cached_property
    def goal(self) -> Segment | None:
        return parse_segment(self.definition.goal) if self.definition.goal else None

    def history(self, policy: PolicySettings) -> timedelta | None:
        """How far back the caps look that bind this run; None where none does."""
        if self.definition.message_class not in COUNTED:
            return None
        return max(policy.company_window, policy.company_apart, policy.contact_sms_window)


def stored_run(occurrence: OccurrenceRow) -> Run:
    """A run as it was planned, ready to be rechecked and filled."""
    definition = parse_definition(occurrence.files)
    return Run(
        campaign_id=occurrence.campaign_id,
        definition=definition,
        content=compiled_content(occurrence.files),
        key=occurrence.key,
        at=occurrence.at,
        useless_at=occurrence.useless_at,
        festival=_stored_festival(occurrence.extra.get("festival")),
        extra=occurrence.extra,
    )


def _stored_festival(words: Mapping[str, Any] | None) -> Festival | None:
    if not words:
        return None
    return Festival(
        words["name"],
        date.fromisoformat(words["date"]),
        words["greeting"],
        frozenset(words.get("trades", ())),
    )


def first_due(definition: Definition, now: datetime, book: Rulebook) -> Due:
    """The run that starting now begins with."""
    schedule = parse_schedule(definition.schedule)
    if isinstance(schedule, OnStart | Recurring):
        return Due(f"{now.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}", now, None)
    coming = due_occurrences(schedule, book.calendar, now - timedelta(seconds=1), now + _HORIZON)
    if not coming:
        raise InputError(f"{definition.title} 的时间已经过去，改 campaign.toml 的 schedule (its date has passed)")
    return coming[0]


def starts_anew(campaign: CampaignRow) -> bool:
    """Whether a start now is a run of its own: not where it runs already, nor by a date it was planned for."""
    undated = isinstance(parse_schedule(campaign.definition.schedule), OnStart | Recurring)
    return undated and campaign.state in ("approved", "cancelled")


def useless_at(definition: Definition, due: Due) -> datetime | None:
    if due.festival:
        return due.festival.ends_at
    return due.at + definition.useless_after if definition.useless_after else None


def shared_variables(due: Due) -> dict[str, object]:
    return {"festival": _festival_words(due.festival)} if due.festival else {}


def _festival_words(festival: Festival) -> dict[str, object]:
    return {
        "name": festival.name,
        "greeting": festival.greeting,
        "date": festival.date.isoformat(),
        "trades": sorted(festival.trades),
    }

"""The checker: what was intended (our ledger) against what the stand-ins wrote down before they answered."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from campaigns.models import Message, Touch
from campaigns.reports import campaign_reports
from campaigns.terms import ChannelName
from tests.faults.scene import Stage

_GONE = ("sent", "delivered", "bounced")
_OPEN = ("queued", "sending")


@dataclass(frozen=True, slots=True)
class Books:
    """Ids of messages by what is wrong with them, and how many there are of what is allowed."""

    messages: int
    lost: frozenset[int]  # said to be sent and not received, or without an end
    doubled: frozenset[int]  # received twice by a way that never repeats: SMS, WeChat, marketing mail
    unmarked: frozenset[int]  # service mail received twice that nobody marked as uncertain
    mistold: frozenset[int]  # received, and the ledger says that it was not and will not be sent
    untouched: frozenset[int]  # not exactly one touch for what was sent or may have been
    strangers: frozenset[str]  # received by somebody for whom nothing was intended
    miscounted: tuple[str, ...]  # what a campaign's report says otherwise
    uncertain: frozenset[int]  # marked: nobody knew for a while, or knows now, whether it was received
    unknown: frozenset[int]  # those of them that nobody knows of to this day
    repeated: frozenset[int]  # service mail received twice, and marked

    @property
    def wrong(self) -> dict[str, object]:
        found = ("lost", "doubled", "unmarked", "mistold", "untouched", "strangers", "miscounted")
        return {name: value for name in found if (value := getattr(self, name))}


async def balanced(stage: Stage, intended: Collection[int], *, at_most: int | None = None) -> Books:
    """The books after everything came to its end, and nothing is wrong in them.

    `at_most` is how many messages may be uncertain: those that were in flight.
    """
    books = await read_books(stage, intended)
    assert not books.wrong, books.wrong
    if at_most is not None:
        assert len(books.uncertain) <= at_most
    return books


async def read_books(stage: Stage, intended: Collection[int]) -> Books:
    messages = {one.id: one for one in await Message.filter(id__in=list(intended))}
    received = Counter((row.channel, row.to) for row in stage.sandbox.stage.ledger)
    times = {id_: received[ChannelName(one.channel), one.address] for id_, one in messages.items()}
    touches = Counter(await Touch.filter(direction="out").values_list("message_id", flat=True))
    known = {(ChannelName(one.channel), one.address) for one in messages.values()}
    twice = {id_ for id_, count in times.items() if count > 1}
    may_repeat = {id_ for id_, one in messages.items() if (one.channel, one.message_class) == ("email", "service")}
    uncertain = {id_ for id_, one in messages.items() if one.uncertain}
    unknown = {id_ for id_, one in messages.items() if one.state == "unknown"}

    def is_lost(one: Message) -> bool:
        return one.state in _OPEN or (one.state in _GONE and not times[one.id])

    def is_mistold(one: Message) -> bool:
        return bool(times[one.id]) and one.state in ("suppressed", "expired")

    def lacks_its_touch(one: Message) -> bool:
        went = one.state in _GONE or one.state == "unknown"
        return touches[one.id] != 1 if went else touches[one.id] > 1

    return Books(
        messages=len(messages),
        lost=frozenset(set(intended) - set(messages)) | _those(messages, is_lost),
        doubled=frozenset(twice - may_repeat),
        unmarked=frozenset((twice & may_repeat) - uncertain) | frozenset(unknown - uncertain),
        mistold=_those(messages, is_mistold),
        untouched=_those(messages, lacks_its_touch),
        strangers=frozenset(to for channel, to in received if (channel, to) not in known),
        miscounted=await _miscounted(len(uncertain), len(unknown)),
        uncertain=frozenset(uncertain),
        unknown=frozenset(unknown),
        repeated=frozenset(twice & may_repeat),
    )


def _those(messages: dict[int, Message], holds: object) -> frozenset[int]:
    return frozenset(id_ for id_, one in messages.items() if holds(one))  # type: ignore[operator]


async def _miscounted(uncertain: int, unknown: int) -> tuple[str, ...]:
    reports = await campaign_reports()
    counted = {"uncertain": sum(one.uncertain for one in reports), "unknown": sum(one.unknown for one in reports)}
    meant = {"uncertain": uncertain, "unknown": unknown}
    return tuple(f"{name}: {counted[name]}, not {meant[name]}" for name in meant if counted[name] != meant[name])

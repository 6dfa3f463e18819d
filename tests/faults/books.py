"""The checker: what was intended (our ledger) against what the stand-ins wrote down before they answered."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from campaigns.models import Message, Touch
from campaigns.reports import campaign_reports
from campaigns.terms import ChannelName
from tests.faults.scene import Stage

_GONE = ("sent", "delivered", "bounced")
_OPEN = ("queued", "sending")
_Place = tuple[ChannelName | None, str | None]


@dataclass(frozen=True, slots=True)
class Books:
    """Ids of messages (of a plan: of members) by what is wrong with them, and of what is allowed."""

    messages: int
    lost: frozenset[int] = frozenset()  # said to be sent and not received, or without an end
    doubled: frozenset[int] = frozenset()  # received twice by a way that never repeats: SMS, WeChat, marketing mail
    unmarked: frozenset[int] = frozenset()  # service mail received twice that nobody marked as uncertain
    mistold: frozenset[int] = frozenset()  # received, and the ledger says that it was not and will not be sent
    untouched: frozenset[int] = frozenset()  # not exactly one touch for what was sent or may have been
    strangers: frozenset[str] = frozenset()  # received by somebody for whom nothing was intended
    miscounted: tuple[str, ...] = ()  # what a campaign's report says otherwise
    uncertain: frozenset[int] = frozenset()  # marked: nobody knew for a while, or knows now, whether it was received
    unknown: frozenset[int] = frozenset()  # those of them that nobody knows of to this day
    repeated: frozenset[int] = frozenset()  # service mail received twice, and marked
    most: int = 0  # how often the one was received that was received most often

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


async def planned_once(members: Collection[int]) -> Books:
    """The books of a plan of which nothing has travelled yet: each of these members has one row, and nobody else."""
    rows = Counter(await Message.all().values_list("member_id", flat=True))
    uncertain = await Message.filter(uncertain=True).values_list("id", flat=True)
    books = Books(
        messages=rows.total(),
        lost=frozenset(set(members) - set(rows)),
        doubled=frozenset(member_id for member_id, count in rows.items() if count > 1),
        strangers=frozenset(map(str, set(rows) - set(members))),
        uncertain=frozenset(uncertain),
    )
    assert not books.wrong, books.wrong
    return books


async def read_books(stage: Stage, intended: Collection[int]) -> Books:
    messages = {one.id: one for one in await Message.filter(id__in=list(intended))}
    received: Counter[_Place] = Counter((row.channel, row.to) for row in stage.sandbox.stage.ledger)
    times = _shared_out(messages.values(), received)
    touches = Counter(await Touch.filter(direction="out").values_list("message_id", flat=True))
    known = {_place(one) for one in messages.values()}
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
        strangers=frozenset(str(to) for channel, to in received if (channel, to) not in known),
        miscounted=await _miscounted(
            sent=sum(bool(times[id_]) for id_, one in messages.items() if one.state in _GONE),
            uncertain=len(uncertain),
            unknown=len(unknown),
        ),
        uncertain=frozenset(uncertain),
        unknown=frozenset(unknown),
        repeated=frozenset(twice & may_repeat),
        most=max(times.values(), default=0),
    )


def _shared_out(messages: Collection[Message], received: Mapping[_Place, int]) -> dict[int, int]:
    """Message → how often it was received.

    Who hears twice by one channel has one for each: first those that are said to be sent, then those that may have
    been. What is more than that counts for the first of them.
    """
    heard = defaultdict(list)
    for one in sorted(messages, key=lambda one: (one.state not in _GONE, one.state != "unknown", one.id)):
        heard[_place(one)].append(one.id)
    times: dict[int, int] = {}
    for place, ids in heard.items():
        count = received.get(place, 0)
        times |= {id_: int(number < count) for number, id_ in enumerate(ids)}
        times[ids[0]] += max(0, count - len(ids))
    return times


def _place(one: Message) -> _Place:
    """Where it goes. A message that was never given a channel goes nowhere."""
    return (ChannelName(one.channel) if one.channel else None, one.address)


def _those(messages: dict[int, Message], holds: object) -> frozenset[int]:
    return frozenset(id_ for id_, one in messages.items() if holds(one))  # type: ignore[operator]


async def _miscounted(**meant: int) -> tuple[str, ...]:
    """What the campaigns' reports count otherwise than the stand-ins and the ledger do."""
    reports = await campaign_reports()
    counted = {name: sum(getattr(one, name) for one in reports) for name in meant}
    return tuple(f"{name}: {counted[name]}, not {meant[name]}" for name in meant if counted[name] != meant[name])

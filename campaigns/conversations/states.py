"""How a conversation stands."""

from enum import StrEnum


class State(StrEnum):
    """`WAITING` with a day to come is put off until then: it waits again on that day."""

    WAITING = "waiting"
    ANSWERED = "answered"
    CLOSED = "closed"

"""One customer's conversation with an account of customer service: its states, and how long it may go on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

WINDOW, COUNT = timedelta(hours=48), 5  # to answer in, after each message of the customer


class State(IntEnum):
    NEW = 0
    ASSISTANT = 1
    WAITING = 2
    STAFF = 3
    ENDED = 4  # or never begun


# What each state may become by the API; an ended one comes back by the customer's next message only.
BECOMES = {
    State.NEW: (State.ASSISTANT, State.WAITING, State.STAFF, State.ENDED),
    State.ASSISTANT: (State.WAITING, State.STAFF, State.ENDED),
    State.WAITING: (State.STAFF, State.ENDED),
    State.STAFF: (State.STAFF, State.ENDED),
    State.ENDED: (),
}


@dataclass(slots=True)
class Conversation:
    """Of one customer with one account."""

    open_kfid: str
    external_userid: str
    state: State = State.ENDED
    servicer: str = ""
    written_at: datetime | None = None
    left: int = 0
    welcomed_at: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        return self.written_at is None or now - self.written_at >= WINDOW

    def state_at(self, now: datetime) -> State:
        return State.ENDED if self.is_over(now) else self.state

"""The channel interface: what a provider's adapter must do, and the plain values at its edge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from campaigns.terms import ChannelName, InboundEvent, Outbound, SendResult

Clock = Callable[[], datetime]  # aware; virtual in the sandbox


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """One HTTP request at a provider's door, read whole."""

    method: str
    door: str  # which of the channel's doors: "report", "reply", "callback"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    client: str = ""  # the address it came from


@dataclass(frozen=True, slots=True)
class InboundAnswer:
    """What the provider must be answered once its events are in force."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


class Channel(Protocol):
    """One provider, out and in.

    Raises ChannelUnavailable where a whole batch could not start, WebhookRejected for a request that is not the
    provider's. What became of one message is a value: `send` returns one SendResult per Outbound, in order.
    """

    name: ChannelName

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        """The key each message must be sent and asked about under, written down before it is sent.

        Its own; or where the provider takes several in one call, one for all that go together.
        """

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]: ...

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        """Ask the provider about a message of unknown outcome; None where it cannot be asked or does not know."""

    def verify(self, request: InboundRequest) -> None: ...

    def parse(self, request: InboundRequest) -> list[InboundEvent]: ...

    def answer(self, request: InboundRequest) -> InboundAnswer:
        """The provider's expected answer to a request that was verified and taken in (or an echo it asked for)."""

    async def close(self) -> None: ...

"""What an answer of a provider means for us: the reaction, and for how long."""

from dataclasses import dataclass
from datetime import timedelta

from campaigns.terms import Reaction


@dataclass(frozen=True, slots=True)
class Meaning:
    """`ours`: a policy of a receiving server against us, not the address; the caller counts these."""

    reaction: Reaction
    retry_after: timedelta | None = None
    ours: bool = False

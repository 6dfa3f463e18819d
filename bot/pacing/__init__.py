"""How fast we may send: limits for each provider, sender and destination, shared by every process.

`limits` reads templates/pacing.toml, `buckets` holds the arithmetic for one process, `redis_buckets` the same as a
script inside Redis for many, `pace` is what the sender asks.
"""

from bot.pacing.limits import Limit, PaceBook, ProviderLimits, load_pace_book
from bot.pacing.pace import Demand, Grant, Pace, open_pace

__all__ = ["Demand", "Grant", "Limit", "Pace", "PaceBook", "ProviderLimits", "load_pace_book", "open_pace"]

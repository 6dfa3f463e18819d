"""What the SMS of one run would cost, by the length of the sample's words."""

from dataclasses import dataclass
from decimal import Decimal

from campaigns.content import sms_segments
from campaigns.folders.reading import CampaignFolder
from campaigns.folders.samples import render_sample
from campaigns.terms import SmsWords


@dataclass(frozen=True, slots=True)
class SmsCost:
    """`each`: segments of one message; `price`: yuan a segment."""

    messages: int
    each: int
    price: Decimal

    @property
    def segments(self) -> int:
        return self.messages * self.each

    @property
    def yuan(self) -> Decimal:
        return self.segments * self.price


def sms_cost(folder: CampaignFolder, messages: int, price: Decimal) -> SmsCost | None:
    """None where it sends none. Raises OutreachError for words that cannot be rendered."""
    words = render_sample(folder).get("sms") if messages else None
    return SmsCost(messages, sms_segments(words.text), price) if isinstance(words, SmsWords) else None

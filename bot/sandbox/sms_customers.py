"""The customer's phone for SMS: words typed as an answer, given to the provider to push."""

from typing import Protocol

from bot.sandbox.stage import Accepted


class ReplyNotTaken(Exception):
    """Our door has not taken the customer's words yet; the provider goes on pushing them."""


class Carrier(Protocol):
    """The provider that the phone's answers go to (AliyunSmsSandbox is one)."""

    async def say(self, phone: str, text: str, *, answering: Accepted | None = None, reply_id: str = "") -> bool: ...


class SmsCustomer:
    """Answers an SMS on the customer's behalf.

    A machine's answer (busy, driving) looks like any other here: SMS has no mark for it.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        """Raises ReplyNotTaken. Called again with the same words it is the same reply, of the same id."""
        reply_id = f"{accepted.provider_id} {accepted.to} {text}"
        if not await self._carrier.say(accepted.to, text, answering=accepted, reply_id=reply_id):
            raise ReplyNotTaken(f"the reply to {accepted.provider_id} was not taken")

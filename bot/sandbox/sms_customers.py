"""The customer's phone for SMS: words typed as an answer, given to the provider to push."""

from typing import Protocol

from bot.sandbox.stage import Accepted


class ReplyNotTaken(Exception):
    """Our door has not taken the customer's words yet; the provider goes on pushing them."""


class Provider(Protocol):
    """One that the phone's answers go to (AliyunSmsSandbox, TencentSmsSandbox)."""

    def sent(self, row: Accepted) -> bool:
        """Whether it was this one that sent it."""
        ...

    async def say(self, phone: str, text: str, *, answering: Accepted | None = None, reply_id: str = "") -> bool: ...


class SmsCustomer:
    """Answers an SMS on the customer's behalf, by the provider it came from.

    A machine's answer (busy, driving) looks like any other here: SMS has no mark for it.
    """

    def __init__(self, *providers: Provider) -> None:
        self._providers = providers

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        """Raises ReplyNotTaken. Called again with the same words it is the same reply, of the same id."""
        provider = next(provider for provider in self._providers if provider.sent(accepted))
        reply_id = f"{accepted.provider_id} {accepted.to} {text}"
        if not await provider.say(accepted.to, text, answering=accepted, reply_id=reply_id):
            raise ReplyNotTaken(f"the reply to {accepted.provider_id} was not taken")

"""The customer's phone for WeChat: words typed as an answer, and now and then a finger on "unfollow"."""

from collections.abc import Collection
from typing import Protocol

from bot.sandbox.stage import Accepted, Stage


class MessageNotTaken(Exception):
    """Our door has not taken the customer's words yet; the provider may still be trying."""


class Account(Protocol):
    """The account that is written to (WechatSandbox is one)."""

    def follows(self, openid: str) -> bool: ...

    async def follow(self, openid: str) -> bool: ...

    async def unsubscribe(self, openid: str) -> bool: ...

    async def write(self, openid: str, text: str, *, message_id: str = "") -> bool: ...

    async def tap(self, openid: str, menu_id: str, text: str, *, message_id: str = "") -> bool: ...


class WechatCustomer:
    """Answers a WeChat message on the customer's behalf.

    Of those who answer one of `stop_phrases`, `unfollow_share` unfollow as well. A machine's answer looks like
    any other here: WeChat has no mark for it.
    """

    def __init__(
        self, stage: Stage, account: Account, stop_phrases: Collection[str] = (), unfollow_share: float = 0.25
    ) -> None:
        self._stage, self._account = stage, account
        self._stop_phrases, self._unfollow_share = frozenset(stop_phrases), unfollow_share

    async def answer(self, accepted: Accepted, text: str, automatic: bool) -> None:
        """Raises MessageNotTaken. Called again with the same words it is the same message, of the same MsgId.

        Words that stand in the message's own menu are tapped there, not typed.
        """
        if not self._account.follows(accepted.to):
            await self._account.follow(accepted.to)  # nobody writes to an account without following it
        message_id = f"{accepted.provider_id} {accepted.to} {text}"
        item = next((item for item in accepted.words.get("menu", ()) if item["content"] == text), None)
        if item is None:
            taken = await self._account.write(accepted.to, text, message_id=message_id)
        else:
            taken = await self._account.tap(accepted.to, item["id"], text, message_id=message_id)
        if not taken:
            raise MessageNotTaken(f"the answer to {accepted.provider_id} was not taken")
        if text in self._stop_phrases and self._unfollows(accepted):
            await self._account.unsubscribe(accepted.to)

    def _unfollows(self, accepted: Accepted) -> bool:
        return self._stage.dice(f"unfollow {accepted.to}").random() < self._unfollow_share

"""The engine out: batches from the ledger to the wire, recovery from senders that died, questions about the unknown."""

from bot.sender import by_hand
from bot.sender.asking import reconcile, recover
from bot.sender.draining import drain
from bot.sender.filling import show_words

__all__ = ["by_hand", "drain", "reconcile", "recover", "show_words"]
